//! The 1000 classes of ImageNet (ILSVRC 2012): index, WordNet id and name, and finding one by any of them.
//!
//! The order is that of the head's outputs; the names are those that Keras prints. Three names are shared by two
//! classes: `crane` (the bird and the machine), `maillot` (two bathing suits) and, but for case, `Cardigan` (the dog)
//! and `cardigan` (the garment).

use std::sync::LazyLock;

use crate::CLASSES;

/// One class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// Position among the head's outputs, 0 to 999.
    pub index: usize,
    /// WordNet id: `n` and eight digits.
    pub wnid: &'static str,
    /// Name with underscores for spaces, as Keras prints it.
    pub name: &'static str,
}

/// A text that names no class, or more than one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// No class has this index, WordNet id or name.
    #[error("no class is called `{text}`: {}", advice(nearest))]
    Unknown {
        /// The text as given.
        text: String,
        /// Names that resemble it, the nearest first; may be empty.
        nearest: Vec<String>,
    },
    /// Several classes share this name.
    #[error("`{text}` names {} classes: say which by WordNet id, {}", wnids.len(), wnids.join(" or "))]
    Ambiguous {
        /// The text as given.
        text: String,
        /// WordNet ids of the classes that it may mean.
        wnids: Vec<String>,
    },
}

fn advice(nearest: &[String]) -> String {
    if nearest.is_empty() {
        "pass an index from 0 to 999, a WordNet id such as n02123045, or a name such as tabby".into()
    } else {
        format!("did you mean {}?", nearest.join(", "))
    }
}

/// Rows `wnid<TAB>name` in the order of the head's outputs.
static TABLE: &str = include_str!("labels.tsv");

static LABELS: LazyLock<Vec<Label>> = LazyLock::new(|| {
    let rows = TABLE.lines().filter_map(|row| row.split_once('\t'));
    let labels: Vec<_> = rows.enumerate().map(|(index, (wnid, name))| Label { index, wnid, name }).collect();
    assert_eq!(labels.len(), CLASSES, "labels.tsv has one row a class");
    labels
});

/// All classes, in order of index.
pub fn all() -> &'static [Label] {
    &LABELS
}

/// The class at `index`.
///
/// # Panics
///
/// If `index` is not below [`CLASSES`].
pub fn label(index: usize) -> &'static Label {
    &LABELS[index]
}

/// Finds a class by index (`281`), WordNet id (`n02123045`) or name (`tabby`).
///
/// A name that matches letter for letter wins; otherwise case and everything but letters and digits are ignored, so
/// that `Tiger-Cat` and `tiger cat` both mean `tiger_cat`.
pub fn find(text: &str) -> Result<&'static Label, LabelError> {
    let trimmed = text.trim();
    if let Ok(index) = trimmed.parse::<usize>()
        && let Some(label) = LABELS.get(index)
    {
        return Ok(label);
    }
    if let Some(label) = LABELS.iter().find(|l| l.wnid.eq_ignore_ascii_case(trimmed)) {
        return Ok(label);
    }
    let exact: Vec<_> = LABELS.iter().filter(|l| l.name == trimmed).collect();
    if !exact.is_empty() {
        return only(text, &exact);
    }
    let wanted = normal(trimmed);
    let alike: Vec<_> = LABELS.iter().filter(|l| !wanted.is_empty() && normal(l.name) == wanted).collect();
    if !alike.is_empty() {
        return only(text, &alike);
    }
    Err(LabelError::Unknown { text: text.into(), nearest: nearest(trimmed) })
}

fn only(text: &str, found: &[&'static Label]) -> Result<&'static Label, LabelError> {
    match found {
        [one] => Ok(one),
        _ => {
            Err(LabelError::Ambiguous { text: text.into(), wnids: found.iter().map(|l| l.wnid.to_string()).collect() })
        }
    }
}

/// Letters and digits only, in lower case.
fn normal(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Names suggested for a text that names no class.
const SUGGESTIONS: usize = 5;
/// Similarity below which a name is not worth suggesting.
const RESEMBLES: f64 = 0.82;

fn nearest(text: &str) -> Vec<String> {
    let wanted = normal(text);
    // An index or a WordNet id that does not exist resembles no name.
    if !wanted.chars().any(char::is_alphabetic) || wanted.chars().filter(char::is_ascii_digit).count() > 2 {
        return Vec::new();
    }
    let mut scored: Vec<(f64, &str)> = LABELS
        .iter()
        .map(|l| {
            // A name with the text as one of its words is a better guess than one with similar letters.
            let is_word = l.name.split(['_', '-']).any(|word| normal(word) == wanted);
            (if is_word { 1.0 } else { strsim::jaro_winkler(&wanted, &normal(l.name)) }, l.name)
        })
        .filter(|(score, _)| *score >= RESEMBLES)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.dedup_by_key(|(_, name)| *name);
    scored.into_iter().take(SUGGESTIONS).map(|(_, name)| name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_published_one() {
        assert_eq!(all().len(), CLASSES);
        for (index, wnid, name) in [
            (0, "n01440764", "tench"),
            (281, "n02123045", "tabby"),
            (282, "n02123159", "tiger_cat"),
            (430, "n02802426", "basketball"),
            (999, "n15075141", "toilet_tissue"),
        ] {
            assert_eq!(*label(index), Label { index, wnid, name });
        }
        // ILSVRC numbers its classes in the order of their WordNet ids.
        assert!(all().windows(2).all(|pair| pair[0].wnid < pair[1].wnid));
        assert!(all().iter().all(|l| l.wnid.len() == 9 && !l.name.is_empty()));
    }

    #[test]
    fn every_way_to_name_a_class() {
        for text in ["282", "n02123159", "N02123159", "tiger_cat", "tiger cat", "Tiger-Cat", " tigercat "] {
            assert_eq!(find(text).map(|l| l.index), Ok(282), "{text}");
        }
        assert_eq!(find("persian_cat").map(|l| l.name), Ok("Persian_cat"));
        assert_eq!(find("jack o lantern").map(|l| l.name), Ok("jack-o'-lantern"));
        for label in all() {
            assert_eq!(find(label.wnid), Ok(label));
            assert_eq!(find(&label.index.to_string()), Ok(label));
        }
    }

    #[test]
    fn shared_names_ask_for_the_wordnet_id() {
        let error = find("Crane").unwrap_err();
        assert_eq!(error.to_string(), "`Crane` names 2 classes: say which by WordNet id, n02012849 or n03126707");
        assert!(matches!(find("maillot"), Err(LabelError::Ambiguous { wnids, .. }) if wnids.len() == 2));
        assert_eq!(find("Cardigan").map(|l| l.index), Ok(264));
        assert_eq!(find("cardigan").map(|l| l.index), Ok(474));
        assert!(matches!(find("CARDIGAN"), Err(LabelError::Ambiguous { .. })));
    }

    #[test]
    fn unknown_names_get_suggestions() {
        let nearest_to = |text| match find(text) {
            Err(LabelError::Unknown { nearest, .. }) => nearest,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(nearest_to("tabbby")[0], "tabby");
        assert_eq!(nearest_to("tigger_cat")[0], "tiger_cat");
        assert!(nearest_to("cat").contains(&"Siamese_cat".to_string()));
        for nonsense in ["", "  ", "---", "1000", "-1", "n00000000", "zzzzqqq"] {
            assert_eq!(nearest_to(nonsense), Vec::<String>::new(), "{nonsense}");
        }
        assert!(find("1000").unwrap_err().to_string().contains("0 to 999"));
    }
}
