//! A class and how sure the network is of it, as text.

/// A class as a picture names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    /// Name of the class, drawn as it is.
    pub label: String,
    /// Probability, 0 to 1; `None` leaves it out.
    pub probability: Option<f64>,
}

impl Guess {
    /// A class with its probability.
    pub fn new(label: impl Into<String>, probability: f64) -> Guess {
        Guess { label: label.into(), probability: Some(probability) }
    }

    /// A class alone.
    pub fn label(label: impl Into<String>) -> Guess {
        Guess { label: label.into(), probability: None }
    }

    /// The probability as [`probability_text`] writes it, or nothing.
    pub(crate) fn value(&self) -> Option<String> {
        self.probability.map(probability_text)
    }
}

/// A probability with four decimals; one too small for them reads `<0.0001`, one that is not a number `–`.
pub fn probability_text(probability: f64) -> String {
    if probability.is_nan() {
        "–".to_owned()
    } else if probability > 0.0 && probability < 0.00005 {
        "<0.0001".to_owned()
    } else {
        format!("{probability:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_probabilities_do_not_read_as_zero() {
        let expected = [(0.9893, "0.9893"), (0.0002, "0.0002"), (0.00001, "<0.0001"), (0.0, "0.0000"), (1.0, "1.0000")];
        for (probability, text) in expected {
            assert_eq!(probability_text(probability), text);
        }
        assert_eq!(probability_text(f64::NAN), "–");
    }
}
