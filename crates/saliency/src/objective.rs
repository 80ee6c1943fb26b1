//! Objectives: the number whose gradient a map shows.

use serde::Serialize;

use crate::predictions::softmax;
use crate::target::Target;
use backlit_net::named;

/// Which score of a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Score {
    /// z_c, before the softmax: what speaks for the class itself. As keras-vis' examples do.
    #[default]
    Logit,
    /// p_c = softmax(z)_c: what speaks for the class rather than for the others. Its gradient fades as p_c nears 1.
    Probability,
}

named!(Score, "score", { Logit = "logit", Probability = "probability" | "softmax" });

/// A score of one class, or the difference of two: `score(target) - score(against)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Objective {
    /// The class asked about.
    pub target: Target,
    /// The class to compare with: the map then shows what tells the two apart. If both turn out to be the same class
    /// the objective is 0 everywhere and its map is blank.
    pub against: Option<Target>,
    /// The score taken of each.
    pub score: Score,
}

impl Objective {
    /// The logit of one class.
    pub fn logit(target: Target) -> Objective {
        Objective { target, ..Objective::default() }
    }

    /// The classes of `target` and `against`, given the 1000 logits.
    pub fn classes(&self, logits: &[f32]) -> (usize, Option<usize>) {
        (self.target.resolve(logits), self.against.map(|t| t.resolve(logits)))
    }

    /// The same objective with its classes named: those that its targets are for these logits. Changed copies of a
    /// picture are then asked about the picture's classes.
    pub fn fixed(&self, logits: &[f32]) -> Objective {
        let named = |target: Target| target.named(logits);
        Objective { target: named(self.target), against: self.against.map(named), ..*self }
    }

    /// The objective's value.
    ///
    /// # Panics
    /// If there are not 1000 logits.
    pub fn value(&self, logits: &[f32]) -> f64 {
        let (target, against) = self.classes(logits);
        let score = |class: usize| match self.score {
            Score::Logit => f64::from(logits[class]),
            Score::Probability => softmax(logits)[class],
        };
        score(target) - against.map_or(0.0, score)
    }

    /// Writes the derivative of the objective by each logit: the seed of [`Seeds::FromLogits`].
    ///
    /// For a logit that is 1 at the class. For a probability it is `dp_c/dz_j = p_c (delta_cj - p_j)`, computed in
    /// double precision. The second class of a contrast is subtracted. `logits` and `row` are `[1000]`; every element
    /// of `row` is written.
    ///
    /// [`Seeds::FromLogits`]: backlit_net::Seeds::FromLogits
    ///
    /// # Panics
    /// If there are not 1000 logits, or the row is shorter.
    pub fn write_seed(&self, logits: &[f32], row: &mut [f32]) {
        let (target, against) = self.classes(logits);
        let p = softmax(logits);
        let mut seed = vec![0f64; logits.len()];
        for (class, sign) in [(Some(target), 1.0), (against, -1.0)] {
            let Some(class) = class else { continue };
            match self.score {
                Score::Logit => seed[class] += sign,
                Score::Probability => add_probability_gradient(&p, class, sign, &mut seed),
            }
        }
        row.fill(0.0);
        for (out, v) in row[..seed.len()].iter_mut().zip(seed) {
            *out = v as f32;
        }
    }
}

/// Adds `sign * dp_c/dz` to `seed`.
fn add_probability_gradient(p: &[f64], class: usize, sign: f64, seed: &mut [f64]) {
    // 1 - p_c is summed from the other classes: where p_c rounds to 1 the subtraction would lose the whole gradient.
    let mut others = 0.0;
    for (j, (&pj, out)) in p.iter().zip(seed.iter_mut()).enumerate() {
        if j != class {
            others += pj;
            *out -= sign * p[class] * pj;
        }
    }
    seed[class] += sign * p[class] * others;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::logits;

    fn class(index: usize) -> Target {
        Target::class(index).unwrap()
    }

    fn seed(objective: &Objective, logits: &[f32]) -> Vec<f32> {
        let mut row = vec![f32::NAN; 1000]; // every element must be written
        objective.write_seed(logits, &mut row);
        row
    }

    #[test]
    fn logits_give_a_one_hot_row() {
        let z = logits(4);
        let objective = Objective::logit(class(281));
        let mut expected = vec![0.0; 1000];
        expected[281] = 1.0;
        assert_eq!(seed(&objective, &z), expected);
        assert_eq!(objective.value(&z), f64::from(z[281]));

        expected[282] = -1.0;
        let contrast = Objective { against: Some(class(282)), ..objective };
        assert_eq!(seed(&contrast, &z), expected);
        assert_eq!(contrast.value(&z), f64::from(z[281]) - f64::from(z[282]));
        assert_eq!(contrast.classes(&z), (281, Some(282)));
    }

    #[test]
    fn ranks_are_resolved_in_the_logits_given() {
        let mut z = vec![0.0; 1000];
        (z[3], z[9]) = (2.0, 5.0);
        let objective = Objective { against: Some(Target::top(2).unwrap()), ..Objective::default() };
        let row = seed(&objective, &z);
        assert_eq!((row[9], row[3]), (1.0, -1.0));
        assert_eq!(objective.value(&z), 3.0);
    }

    /// The seed is the gradient of the value.
    #[test]
    fn central_differences() {
        let mut z = logits(5);
        (z[281], z[282]) = (11.0, 10.5); // probabilities that are neither 0 nor 1
        let h = 1.0 / 1024.0; // exact in float32 at this size
        for score in [Score::Logit, Score::Probability] {
            for against in [None, Some(class(282))] {
                let objective = Objective { target: class(281), against, score };
                let row = seed(&objective, &z);
                assert!(row.iter().any(|v| v.abs() > 1e-2));
                for j in (0..1000).step_by(37).chain([281, 282]) {
                    let at = |step: f32| {
                        let mut moved = z.clone();
                        moved[j] += step;
                        (objective.value(&moved), f64::from(moved[j]))
                    };
                    let ((up, zu), (down, zd)) = (at(h), at(-h));
                    let slope = (up - down) / (zu - zd);
                    assert!((f64::from(row[j]) - slope).abs() <= 1e-6, "{objective:?} {j}: {} for {slope}", row[j]);
                }
            }
        }
    }

    #[test]
    fn probability_seeds_add_up_to_zero() {
        let z = logits(6);
        let objective = Objective { score: Score::Probability, ..Objective::default() };
        let row = seed(&objective, &z);
        let sum: f64 = row.iter().map(|&v| f64::from(v)).sum();
        assert!(sum.abs() <= 1e-6 * f64::from(row[Target::TOP1.resolve(&z)]), "a common shift changes no probability");
    }

    #[test]
    fn a_certain_class_keeps_its_gradient() {
        let mut z = vec![0.0; 1000];
        z[1] = 60.0; // 1 - p is 8.7e-24, far below the resolution of p
        let row = seed(&Objective { target: class(1), against: None, score: Score::Probability }, &z);
        let expected = 999.0 * (-60f64).exp();
        assert!((f64::from(row[1]) / expected - 1.0).abs() <= 1e-6, "{}", row[1]);
    }

    #[test]
    fn a_class_against_itself_is_zero() {
        let z = logits(7);
        for score in [Score::Logit, Score::Probability] {
            let objective = Objective { target: class(5), against: Some(class(5)), score };
            assert!(seed(&objective, &z).iter().all(|&v| v == 0.0));
            assert_eq!(objective.value(&z), 0.0);
        }
    }

    #[test]
    fn as_json() {
        let objective = Objective { target: class(281), against: Some(Target::TOP1), score: Score::Probability };
        let expected = r#"{"target":"281","against":"top1","score":"probability"}"#;
        assert_eq!(serde_json::to_string(&objective).unwrap(), expected);
    }
}
