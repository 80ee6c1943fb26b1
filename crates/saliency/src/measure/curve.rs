//! Curves: what becomes of a class while the picture is taken apart.

use serde::Serialize;

/// The probability of the class against the share of the picture that has been changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// Share of the pixels, rising, 0 to 1.
    pub shares: Vec<f64>,
    /// Probability of the class at each.
    pub probabilities: Vec<f64>,
}

impl Curve {
    /// Area under the curve by the trapezoid rule over equal steps, both end points included, divided by its width: 0
    /// to 1. As RISE's published code has it, the last step counts like the others even if fewer pixels were left for
    /// it. A single point is its own area; no point has none.
    pub fn area(&self) -> f64 {
        let p = &self.probabilities;
        match p.len() {
            0 => 0.0,
            1 => p[0],
            n => (p.iter().sum::<f64>() - (p[0] + p[n - 1]) / 2.0) / (n - 1) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas() {
        let curve = |p: &[f64]| Curve { shares: vec![0.0; p.len()], probabilities: p.to_vec() }.area();
        assert_eq!(curve(&[1.0, 0.0]), 0.5);
        assert_eq!(curve(&[1.0, 0.5, 0.0, 0.5]), 1.25 / 3.0);
        assert_eq!((curve(&[0.25; 9]), curve(&[0.7]), curve(&[])), (0.25, 0.7, 0.0));
    }
}
