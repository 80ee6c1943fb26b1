//! Targets: which class is asked about.

use std::fmt;
use std::str::FromStr;

use backlit_net::CLASSES;
use backlit_net::labels::{self, LabelError};
use serde::{Serialize, Serializer};

use crate::ranking;

/// A class, named beforehand or by its place in the prediction. Always one that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// 1 to 1000.
    Top(usize),
    /// 0 to 999.
    Class(usize),
}

/// A target that does not exist.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// A rank outside 1 to 1000.
    #[error("no class is top{rank}: ranks go from top1 to top{CLASSES}")]
    Rank {
        /// The rank asked for.
        rank: String,
    },
    /// An index outside 0 to 999.
    #[error("there is no class {index}: indices go from 0 to {}", CLASSES - 1)]
    Index {
        /// The index asked for.
        index: String,
    },
    /// Neither `topK` nor an index, and no such name either.
    #[error(transparent)]
    Label(#[from] LabelError),
}

impl Target {
    /// The class with the highest logit.
    pub const TOP1: Target = Target(Kind::Top(1));

    /// The class at a place of the prediction, 1 to 1000.
    ///
    /// # Errors
    /// [`TargetError::Rank`].
    pub fn top(rank: usize) -> Result<Target, TargetError> {
        if (1..=CLASSES).contains(&rank) {
            Ok(Target(Kind::Top(rank)))
        } else {
            Err(TargetError::Rank { rank: rank.to_string() })
        }
    }

    /// A class by index, 0 to 999.
    ///
    /// # Errors
    /// [`TargetError::Index`].
    pub fn class(index: usize) -> Result<Target, TargetError> {
        if index < CLASSES {
            Ok(Target(Kind::Class(index)))
        } else {
            Err(TargetError::Index { index: index.to_string() })
        }
    }

    /// The class that the target is for these logits, as a target.
    pub(crate) fn named(self, logits: &[f32]) -> Target {
        Target(Kind::Class(self.resolve(logits)))
    }

    /// Reads `top1` to `top1000`, an index such as `281`, a WordNet id such as `n02123045`, or a name such as `tabby`.
    ///
    /// # Errors
    /// [`TargetError`]; an unknown name comes with the nearest names.
    pub fn parse(text: &str) -> Result<Target, TargetError> {
        let text = text.trim();
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if digits(text) {
            let index = || TargetError::Index { index: text.to_owned() };
            return Target::class(text.parse().map_err(|_| index())?);
        }
        if let Some(rank) = text.to_ascii_lowercase().strip_prefix("top").filter(|t| digits(t)) {
            let unknown = || TargetError::Rank { rank: rank.to_owned() };
            return Target::top(rank.parse().map_err(|_| unknown())?);
        }
        Target::class(labels::find(text)?.index)
    }

    /// The class that is meant, given the 1000 logits; of equal logits the lower index ranks first.
    ///
    /// # Panics
    /// If a rank is asked for and there are fewer logits.
    pub fn resolve(&self, logits: &[f32]) -> usize {
        match self.0 {
            Kind::Top(rank) => ranking(logits)[rank - 1],
            Kind::Class(index) => index,
        }
    }
}

impl Default for Target {
    fn default() -> Self {
        Target::TOP1
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Target::parse(text)
    }
}

/// `top1` or `281`; reads back to the same target.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Top(rank) => f.pad(&format!("top{rank}")),
            Kind::Class(index) => f.pad(&index.to_string()),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::logits;

    #[test]
    fn four_ways_to_name_a_class() {
        let tabby = Target::class(281).unwrap();
        for text in ["281", " 281 ", "0281", "n02123045", "tabby"] {
            assert_eq!(Target::parse(text).unwrap(), tabby, "{text}");
        }
        for (text, rank) in [("top1", 1), ("Top5", 5), ("top1000", 1000)] {
            assert_eq!(Target::parse(text).unwrap(), Target::top(rank).unwrap());
        }
        assert_eq!(Target::default(), "top1".parse().unwrap());
    }

    #[test]
    fn display_reads_back() {
        for target in [Target::TOP1, Target::top(1000).unwrap(), Target::class(0).unwrap()] {
            assert_eq!(target.to_string().parse::<Target>().unwrap(), target);
            assert_eq!(serde_json::to_value(target).unwrap(), target.to_string());
        }
    }

    #[test]
    fn targets_that_do_not_exist() {
        let error = |text: &str| Target::parse(text).unwrap_err().to_string();
        let huge = "9".repeat(40);
        for rank in ["0", "1001", &huge] {
            let expected = format!("no class is top{rank}: ranks go from top1 to top1000");
            assert_eq!(error(&format!("top{rank}")), expected);
        }
        for index in ["1000", &huge] {
            assert_eq!(error(index), format!("there is no class {index}: indices go from 0 to 999"));
        }
        assert!(error("tabbi").contains("tabby"), "the nearest names are suggested: {}", error("tabbi"));
        for text in ["", "-1", "top", "top-1", "crane", "top1.5"] {
            assert!(matches!(Target::parse(text), Err(TargetError::Label(_))), "{text:?}");
        }
    }

    #[test]
    fn resolves_by_rank_and_index() {
        let z = logits(3);
        let order = ranking(&z);
        for rank in [1, 2, 500, 1000] {
            assert_eq!(Target::top(rank).unwrap().resolve(&z), order[rank - 1]);
        }
        assert_eq!(Target::class(7).unwrap().resolve(&z), 7);
        assert_eq!(Target::TOP1.resolve(&vec![2.0; 1000]), 0, "of equals the lowest index");
    }
}
