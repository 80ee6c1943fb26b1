//! Integrated gradients.

use backlit_net::named;
use serde::Serialize;

use super::Baseline;
use crate::explain::{Attribute, Context};
use crate::{Attribution, MethodError};

/// How the integral over the path is approximated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quadrature {
    /// Gauss-Legendre nodes on 0..1.
    #[default]
    GaussLegendre,
    /// `i / n`.
    Left,
    /// `(i + 1) / n`.
    Right,
    /// `(i + 1/2) / n`.
    Middle,
    /// `i / (n - 1)`, ends weighted by half.
    Trapezoid,
    /// `i / (n - 1)` with equal weights, ends included: PAIR's rule, biased at both ends.
    Inclusive,
}

named!(Quadrature, "quadrature", {
    GaussLegendre = "gauss-legendre" | "gauss_legendre" | "gausslegendre",
    Left = "left" | "riemann_left",
    Right = "right" | "riemann_right",
    Middle = "middle" | "riemann_middle",
    Trapezoid = "trapezoid" | "riemann_trapezoid",
    Inclusive = "inclusive",
});

/// `(x - x') * integral over a of dS(x' + a (x - x'))/dx` (Sundararajan et al. 2017, arXiv:1703.01365).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IntegratedGradients {
    /// Points on the path.
    pub steps: usize,
    /// Where they lie and what they weigh.
    pub quadrature: Quadrature,
    /// x', where the path begins.
    pub baseline: Baseline,
}

impl Default for IntegratedGradients {
    /// 50 Gauss-Legendre nodes from black.
    fn default() -> Self {
        IntegratedGradients { steps: 50, quadrature: Quadrature::default(), baseline: Baseline::default() }
    }
}

impl Attribute for IntegratedGradients {
    fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        todo!()
    }
}
