//! Comparisons: what becomes of a class when the picture is changed.

use serde::Serialize;

use crate::Prediction;
use crate::predictions::{prediction_of, ranking, top_k};

/// What the network says about one variant of a picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// The variant, for example `hide 32:55,116:146`.
    pub name: String,
    /// The class that was best on the original picture, as it stands here.
    pub original: Prediction,
    /// The class that is best here.
    pub top1: Prediction,
    /// The best classes here, best first.
    pub predictions: Vec<Prediction>,
}

impl Reading {
    /// Reads `logits` `[1000]` with regard to the original's class, keeping the `k` best classes.
    ///
    /// # Panics
    /// If `class` is no index into `logits`.
    pub fn new(name: impl Into<String>, logits: &[f32], class: usize, k: usize) -> Reading {
        Reading {
            name: name.into(),
            original: prediction_of(logits, class),
            top1: prediction_of(logits, ranking(logits)[0]),
            predictions: top_k(logits, k),
        }
    }

    /// Whether the original's class is still the best.
    pub fn survives(&self) -> bool {
        self.original.rank == 1
    }
}

/// The table of a mask experiment: the original picture and its variants, all about one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The class followed, by default the original's best.
    pub class_idx: usize,
    /// The picture untouched.
    pub original: Reading,
    /// The variants, in the order in which they were added.
    pub variants: Vec<Reading>,
    /// Best classes kept in every reading.
    #[serde(skip)]
    keep: usize,
}

impl Comparison {
    /// Starts with the untouched picture's logits `[1000]`; every reading keeps the `k` best classes.
    pub fn new(logits: &[f32], k: usize) -> Comparison {
        Comparison::about(ranking(logits)[0], logits, k)
    }

    /// The same, following a class of one's own choice.
    ///
    /// # Panics
    /// If `class` is no index into `logits`.
    pub fn about(class: usize, logits: &[f32], k: usize) -> Comparison {
        let original = Reading::new("original", logits, class, k);
        Comparison { class_idx: class, original, variants: Vec::new(), keep: k }
    }

    /// Adds a variant's logits `[1000]`.
    pub fn add(&mut self, name: impl Into<String>, logits: &[f32]) -> &Reading {
        self.variants.push(Reading::new(name, logits, self.class_idx, self.keep));
        &self.variants[self.variants.len() - 1]
    }

    /// The original, then the variants: the rows of the table.
    pub fn readings(&self) -> impl Iterator<Item = &Reading> {
        std::iter::once(&self.original).chain(&self.variants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::logits;

    #[test]
    fn follows_the_original_class() {
        let (mut before, mut after) = (logits(1), logits(2));
        before[430] = 20.0;
        (after[890], after[430]) = (21.0, 20.5);
        let mut table = Comparison::new(&before, 5);
        assert_eq!(table.class_idx, 430);
        assert!(table.original.survives());
        assert_eq!(table.original.original, table.original.top1);

        let reading = table.add("hide ball", &after).clone();
        assert!(!reading.survives());
        assert_eq!((reading.original.rank, reading.original.class_idx, reading.original.logit), (2, 430, 20.5));
        assert_eq!((reading.top1.rank, reading.top1.class_idx), (1, 890));
        assert_eq!(reading.predictions, top_k(&after, 5));
        assert_eq!(table.readings().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["original", "hide ball"]);
    }

    #[test]
    fn follows_a_chosen_class() {
        let z = logits(3);
        let table = Comparison::about(7, &z, 0);
        assert_eq!((table.class_idx, table.original.original.class_idx), (7, 7));
        assert!(table.original.predictions.is_empty());
        assert_eq!(table.original.top1.rank, 1);
    }

    #[test]
    fn as_json() {
        let mut table = Comparison::new(&logits(1), 2);
        table.add("v", &logits(2));
        let json = serde_json::to_value(&table).unwrap();
        assert_eq!(json["variants"][0]["original"]["class_idx"], json["class_idx"]);
        assert_eq!(json["original"]["predictions"].as_array().unwrap().len(), 2);
        assert_eq!(json.as_object().unwrap().len(), 3);
    }
}
