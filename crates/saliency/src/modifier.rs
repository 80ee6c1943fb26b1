//! Modifiers: what is done to each element of the gradient before channels are reduced (keras-vis' `grad_modifier`).

use crate::EPSILON;
use backlit_net::named;

/// An elementwise change of the gradient g; epsilon is [`EPSILON`], and the arithmetic is single precision as in NumPy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Modifier {
    /// `|g|`: how much a pixel matters, in either direction.
    #[default]
    Absolute,
    /// `-g`: what would lower the score.
    Negate,
    /// `max(g, 0)`: only what would raise the score.
    Relu,
    /// `max(-g, 0)`: only what would lower the score.
    Negative,
    /// `1 / (g + epsilon)`.
    Invert,
    /// `|1 / (g + epsilon)|`: where the gradient is small.
    SmallValues,
    /// `g` itself, signed.
    None,
}

named!(Modifier, "modifier", {
    Absolute = "absolute" | "abs",
    Negate = "negate",
    Relu = "relu",
    Negative = "negative",
    Invert = "invert",
    SmallValues = "small_values",
    None = "none",
});

impl Modifier {
    /// The modified element. Infinite only for [`Modifier::Invert`] and [`Modifier::SmallValues`] at `g == -epsilon`.
    pub fn apply(self, g: f32) -> f32 {
        let inverse = |g: f32| 1.0 / (g + EPSILON as f32);
        match self {
            Modifier::Absolute => g.abs(),
            Modifier::Negate => -g,
            Modifier::Relu => g.max(0.0),
            Modifier::Negative => (-g).max(0.0),
            Modifier::Invert => inverse(g),
            Modifier::SmallValues => inverse(g).abs(),
            Modifier::None => g,
        }
    }

    /// Whether zero means "matters neither way", so that a map wants a scale symmetric about zero.
    pub fn is_signed(self) -> bool {
        matches!(self, Modifier::Negate | Modifier::Invert | Modifier::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas() {
        use Modifier::*;
        assert_eq!([Absolute, Negate, Relu, Negative, None].map(|m| m.apply(-2.0)), [2.0, 2.0, 0.0, 2.0, -2.0]);
        assert_eq!([Absolute, Negate, Relu, Negative, None].map(|m| m.apply(3.0)), [3.0, -3.0, 3.0, 0.0, 3.0]);
        assert_eq!(Invert.apply(-2.0), 1.0 / (-2.0 + 1e-7));
        assert_eq!(SmallValues.apply(-2.0), -Invert.apply(-2.0));
        assert_eq!(Invert.apply(0.0), 1.0 / 1e-7);
        assert!(Invert.apply(-1e-7).is_infinite());
    }

    #[test]
    fn signed_modifiers_are_those_that_keep_a_sign() {
        for &m in Modifier::ALL {
            assert_eq!(m.is_signed(), m.apply(-2.0) < 0.0 || m.apply(2.0) < 0.0, "{m}");
        }
    }
}
