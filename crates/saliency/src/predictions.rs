//! Predictions: logits, ranked and turned into probabilities.

use std::cmp::Ordering;

use backlit_net::labels::{self, Label};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// One class with its place among all.
///
/// As JSON: `{"rank", "class_idx", "wnid", "label", "logit", "probability"}`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Place, 1 for the class with the highest logit.
    pub rank: usize,
    /// Index of the class, 0 to 999.
    pub class_idx: usize,
    /// Score before the softmax.
    pub logit: f32,
    /// Softmax over all classes.
    pub probability: f64,
}

impl Prediction {
    /// The class's WordNet id and name.
    pub fn label(&self) -> &'static Label {
        labels::label(self.class_idx)
    }
}

impl Serialize for Prediction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut s = serializer.serialize_struct("Prediction", 6)?;
        s.serialize_field("rank", &self.rank)?;
        s.serialize_field("class_idx", &self.class_idx)?;
        s.serialize_field("wnid", self.label().wnid)?;
        s.serialize_field("label", self.label().name)?;
        s.serialize_field("logit", &self.logit)?;
        s.serialize_field("probability", &self.probability)?;
        s.end()
    }
}

/// Order of two logits, the higher first, NaN last.
fn best_first(a: f32, b: f32) -> Ordering {
    b.partial_cmp(&a).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// All classes, best first; of equal logits the lower index comes first, as with `argmax` in NumPy.
///
/// (Keras' `decode_predictions` leaves the order of equal scores to an unstable sort.)
pub fn ranking(logits: &[f32]) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..logits.len()).collect();
    classes.sort_by(|&a, &b| best_first(logits[a], logits[b])); // stable
    classes
}

/// Place of a class in [`ranking`], counted from 1.
///
/// # Panics
/// If `class` is no index into `logits`.
pub fn rank_of(logits: &[f32], class: usize) -> usize {
    let before = |&(i, &z): &(usize, &f32)| match best_first(z, logits[class]) {
        Ordering::Less => true,
        Ordering::Equal => i < class,
        Ordering::Greater => false,
    };
    1 + logits.iter().enumerate().filter(before).count()
}

/// Probabilities `exp(z_j - max z) / sum_k exp(z_k - max z)` in double precision; finite logits of any size are safe.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let mut p: Vec<f64> = logits.iter().map(|&z| (f64::from(z) - max).exp()).collect();
    let sum: f64 = p.iter().sum();
    p.iter_mut().for_each(|v| *v /= sum);
    p
}

/// The `k` best classes, or all if there are fewer; `logits` is `[1000]` and finite.
pub fn top_k(logits: &[f32], k: usize) -> Vec<Prediction> {
    let p = softmax(logits);
    let best = ranking(logits).into_iter().take(k).enumerate();
    best.map(|(i, c)| Prediction { rank: i + 1, class_idx: c, logit: logits[c], probability: p[c] }).collect()
}

/// The prediction for one class.
///
/// # Panics
/// If `class` is no index into `logits`.
pub(crate) fn prediction_of(logits: &[f32], class: usize) -> Prediction {
    let probability = softmax(logits)[class];
    Prediction { rank: rank_of(logits, class), class_idx: class, logit: logits[class], probability }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// 1000 logits between -10 and 10, with equal ones among them.
    pub(crate) fn logits(seed: usize) -> Vec<f32> {
        (0..1000).map(|i| ((i * 7919 + seed * 104_729) % 401) as f32 / 20.0 - 10.0).collect()
    }

    #[test]
    fn ties_go_to_the_lower_index() {
        assert_eq!(ranking(&[1.0, 3.0, 3.0, 0.0, 3.0, 1.0]), [1, 2, 4, 0, 5, 3]);
        assert_eq!(ranking(&[0.0, -0.0, 0.0]), [0, 1, 2], "both zeros are equal");
        assert_eq!(ranking(&[f32::NAN, 1.0, f32::NAN, 2.0]), [3, 1, 0, 2], "NaN is last");
        assert!(ranking(&[]).is_empty());
    }

    #[test]
    fn rank_of_agrees_with_the_ranking() {
        for seed in 0..3 {
            let mut z = logits(seed);
            z[17] = f32::NAN;
            z[18] = f32::NAN;
            for (place, class) in ranking(&z).into_iter().enumerate() {
                assert_eq!(rank_of(&z, class), place + 1);
            }
        }
    }

    #[test]
    fn softmax_is_stable() {
        for z in [logits(1), vec![-3e38, 3e38, 0.0], vec![1e4; 7], vec![-1e4, -1e4 + 1.0]] {
            let p = softmax(&z);
            assert!(p.iter().all(|v| (0.0..=1.0).contains(v)));
            assert!((p.iter().sum::<f64>() - 1.0).abs() <= 1e-12);
        }
        let p = softmax(&[0.0, 2f32.ln(), 5f32.ln()]);
        for (got, want) in p.iter().zip([0.125, 0.25, 0.625]) {
            assert!((got - want).abs() <= 1e-7);
        }
        let shifted: Vec<f32> = logits(2).iter().map(|z| z + 64.0).collect();
        for (a, b) in softmax(&logits(2)).iter().zip(softmax(&shifted)) {
            assert!((a - b).abs() <= 1e-5 * b, "a common shift changes nothing but rounding");
        }
        assert!(softmax(&[]).is_empty());
    }

    #[test]
    fn top_five() {
        let mut z = vec![0.0; 1000];
        (z[281], z[282], z[5]) = (9.0, 8.0, 8.0);
        let top = top_k(&z, 5);
        let found: Vec<_> = top.iter().map(|p| (p.rank, p.class_idx, p.logit)).collect();
        assert_eq!(found, [(1, 281, 9.0), (2, 5, 8.0), (3, 282, 8.0), (4, 0, 0.0), (5, 1, 0.0)]);
        assert_eq!(top[1], prediction_of(&z, 5));
        let e = std::f64::consts::E;
        assert!((top[0].probability - e.powi(9) / (e.powi(9) + 2.0 * e.powi(8) + 997.0)).abs() <= 1e-12);
        assert_eq!(top_k(&z, 1000).len(), 1000);
        assert_eq!(top_k(&z, 5000).len(), 1000);
        assert!(top_k(&z, 0).is_empty());
    }

    #[test]
    fn as_json() {
        let p = Prediction { rank: 1, class_idx: 281, logit: 8.5, probability: 0.25 };
        let expected =
            r#"{"rank":1,"class_idx":281,"wnid":"n02123045","label":"tabby","logit":8.5,"probability":0.25}"#;
        assert_eq!(serde_json::to_string(&p).unwrap(), expected);
    }
}
