//! The measures by name, with what their numbers mean.

use backlit_net::named;

/// A measure, as options and reports name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// Area under [`insertion`](super::insertion).
    Insertion,
    /// Area under [`deletion`](super::deletion).
    Deletion,
    /// [`Road::combined`](super::Road::combined).
    Road,
    /// [`MaskedConfidence::drop`](super::MaskedConfidence::drop), percent.
    Drop,
    /// [`MaskedConfidence::increase`](super::MaskedConfidence::increase), 0 or 1.
    Increase,
    /// [`points_at`](super::points_at), 0 or 1.
    Pointing,
    /// [`mass_inside`](super::mass_inside).
    Mass,
    /// [`Infidelity::scaled`](super::Infidelity::scaled) of the logit.
    Infidelity,
    /// [`max_sensitivity`](super::max_sensitivity).
    Sensitivity,
    /// [`sparseness`](super::sparseness).
    Sparseness,
    /// [`complexity`](super::complexity).
    Complexity,
    /// [`relative_residual`](super::relative_residual).
    Completeness,
}

named!(Measure, "measure", {
    Insertion = "insertion",
    Deletion = "deletion",
    Road = "road",
    Drop = "drop" | "average_drop",
    Increase = "increase" | "increase_in_confidence",
    Pointing = "pointing" | "pointing_game",
    Mass = "mass" | "mass_in_box" | "energy",
    Infidelity = "infidelity",
    Sensitivity = "sensitivity" | "max_sensitivity",
    Sparseness = "sparseness" | "gini",
    Complexity = "complexity" | "entropy",
    Completeness = "completeness",
});

/// Which way a measure gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Better {
    /// The higher, the better.
    Higher,
    /// The lower, the better.
    Lower,
}

named!(Better, "direction", { Higher = "higher", Lower = "lower" });

impl Measure {
    /// Which way is better. A sparse or simple map is easier to read, which is not the same as true.
    pub fn better(self) -> Better {
        use Measure::*;
        match self {
            Insertion | Road | Increase | Pointing | Mass | Sparseness => Better::Higher,
            Deletion | Drop | Infidelity | Sensitivity | Complexity | Completeness => Better::Lower,
        }
    }

    /// Whether it needs to know where the object is.
    pub fn needs_box(self) -> bool {
        matches!(self, Measure::Pointing | Measure::Mass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for &measure in Measure::ALL {
            assert_eq!(measure.to_string().parse(), Ok(measure));
        }
        assert_eq!("Max-Sensitivity".parse(), Ok(Measure::Sensitivity));
        assert!("truth".parse::<Measure>().unwrap_err().to_string().contains("insertion, deletion, road"));
    }
}
