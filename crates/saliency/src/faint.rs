//! Maps that are all but empty, and must not be stretched until they look like findings.

use crate::{Method, Modifier, SaliencyMap};

/// A map whose values span less than this, before normalisation, is near zero: ten times
/// [`EPSILON`](crate::EPSILON), below which normalisation itself no longer stretches to full range. The gradient of a
/// logit spans some thousandths and more; that of a probability near 1 can fall below.
pub const NEAR_ZERO: f32 = 1e-6;

impl SaliencyMap {
    /// What its values span, before normalisation and smoothing.
    pub fn span(&self) -> f32 {
        self.raw_max - self.raw_min
    }

    /// Whether the map of this method is near zero, yet not blank.
    pub fn is_near_zero(&self, method: Method) -> bool {
        !self.blank && self.span() < near_zero(method)
    }
}

/// [`NEAR_ZERO`] in the units of a method's values: its square for those that are squares.
pub fn near_zero(method: Method) -> f32 {
    match method {
        Method::SmoothGradSquared | Method::VarGrad => NEAR_ZERO * NEAR_ZERO,
        _ => NEAR_ZERO,
    }
}

/// Whether a modifier and a method leave a map in which zero means "matters neither way" and both signs are to be
/// expected.
pub fn is_signed(recipe: &crate::Recipe, modifier: Modifier) -> bool {
    let both = match recipe {
        crate::Recipe::Cam(cam) => !cam.relu,
        crate::Recipe::Occlusion(_) => true,
        other => !other.method().is_coarse(),
    };
    both && modifier.is_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MapOptions, Recipe, saliency_map_of};

    #[test]
    fn faint_is_not_blank() {
        let of = |scale: f32| {
            let g: Vec<f32> = (0..48).map(|i| i as f32 * scale).collect();
            saliency_map_of(&g, 4, 4, &MapOptions::default()).unwrap()
        };
        assert!(!of(1e-3).is_near_zero(Method::Gradient));
        assert!(of(1e-9).is_near_zero(Method::Gradient));
        assert!(!of(1e-9).is_near_zero(Method::VarGrad), "a square of 3e-5");
        assert!(!of(0.0).is_near_zero(Method::Gradient) && of(0.0).blank);
    }

    #[test]
    fn signed_methods() {
        for &method in Method::ALL {
            assert!(!is_signed(&Recipe::new(method), Modifier::Absolute));
            let expected = !method.is_coarse() || method == Method::Occlusion;
            assert_eq!(is_signed(&Recipe::new(method), Modifier::None), expected, "{method}");
        }
    }
}
