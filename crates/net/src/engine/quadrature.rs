//! Quadratures: where an integral from 0 to 1 is looked at, and what each look weighs.

use super::EngineError;

/// One point on a straight path from a baseline to the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathNode {
    /// Position: 0 is the baseline, 1 the image.
    pub alpha: f64,
    /// Weight, not negative. The weights of a quadrature add up to 1, but for
    /// [`CaptumTrapezoid`](Quadrature::CaptumTrapezoid)'s.
    pub weight: f64,
}

/// How an integral over 0 to 1 is approximated from n points, i = 0 to n - 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Quadrature {
    /// Gauss-Legendre: exact for polynomials of degree up to 2n - 1 (Abramowitz and Stegun, 25.4.29). captum's default.
    #[default]
    GaussLegendre,
    /// `i / n`, weights `1 / n`: captum's `riemann_left`.
    Left,
    /// `(i + 1) / n`, weights `1 / n`: captum's `riemann_right`.
    Right,
    /// `(i + 1/2) / n`, weights `1 / n`: captum's `riemann_middle`.
    Middle,
    /// `i / (n - 1)`, weights `1 / (n - 1)`, at the ends half of that.
    Trapezoid,
    /// `i / (n - 1)`, weights `1 / n`, at the ends half of that: captum's `riemann_trapezoid`. Its weights add up to
    /// `(n - 1) / n`, and so the integral comes out too small by one part in n.
    CaptumTrapezoid,
    /// `i / (n - 1)`, weights `1 / n`: PAIR's rule, which counts both ends twice.
    Inclusive,
}

crate::named!(Quadrature, "quadrature", {
    GaussLegendre = "gauss-legendre" | "gauss_legendre" | "gausslegendre",
    Left = "left" | "riemann_left",
    Right = "right" | "riemann_right",
    Middle = "middle" | "riemann_middle",
    Trapezoid = "trapezoid",
    CaptumTrapezoid = "captum-trapezoid" | "captum_trapezoid" | "riemann_trapezoid",
    Inclusive = "inclusive",
});

/// Most points of a path: far more than help, few enough that the nodes are found in no time.
pub const MAX_STEPS: usize = 10_000;

impl Quadrature {
    /// Fewest points that it can do with.
    pub fn min_steps(self) -> usize {
        match self {
            Quadrature::Trapezoid | Quadrature::CaptumTrapezoid | Quadrature::Inclusive => 2,
            _ => 1,
        }
    }

    /// Its points, from the baseline to the image.
    ///
    /// # Errors
    /// [`EngineError::Sampler`] for fewer points than it needs, or more than [`MAX_STEPS`].
    pub fn nodes(self, steps: usize) -> Result<Vec<PathNode>, EngineError> {
        let least = self.min_steps();
        if !(least..=MAX_STEPS).contains(&steps) {
            return Err(EngineError::Sampler(format!(
                "a path of {steps} steps by the rule {self}: it takes from {least} to {MAX_STEPS}"
            )));
        }
        if self == Quadrature::GaussLegendre {
            return Ok(gauss_legendre(steps));
        }
        let (n, last) = (steps as f64, steps - 1);
        let node = |i: usize| {
            let at = i as f64;
            let end = if i == 0 || i == last { 0.5 } else { 1.0 };
            let (alpha, weight) = match self {
                Quadrature::Left => (at / n, 1.0 / n),
                Quadrature::Right => ((at + 1.0) / n, 1.0 / n),
                Quadrature::GaussLegendre | Quadrature::Middle => ((at + 0.5) / n, 1.0 / n),
                Quadrature::Trapezoid => (at / last as f64, end / last as f64),
                Quadrature::CaptumTrapezoid => (at / last as f64, end / n),
                Quadrature::Inclusive => (at / last as f64, 1.0 / n),
            };
            PathNode { alpha, weight }
        };
        Ok((0..steps).map(node).collect())
    }
}

/// The roots of the Legendre polynomial `P_n`, brought from -1..1 to 0..1, and their weights.
///
/// Newton's method from `cos(pi (i + 3/4) / (n + 1/2))`, which lies near root i (Abramowitz and Stegun, 22.16.6). The
/// weight of root x is `2 / ((1 - x^2) P_n'(x)^2)` on -1..1 (25.4.29), half of that on 0..1. Both are computed for one
/// half and mirrored, so that the rule is symmetric to the last bit.
fn gauss_legendre(n: usize) -> Vec<PathNode> {
    let mut nodes = vec![PathNode { alpha: 0.5, weight: 0.0 }; n];
    for i in 0..n.div_ceil(2) {
        let middle = 2 * i + 1 == n;
        let start = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut x = if middle { 0.0 } else { start };
        // Each step squares the error, which begins below 1 / n^2.
        for _ in 0..8 {
            let (value, slope) = legendre(n, x);
            let step = value / slope;
            x -= if middle { 0.0 } else { step };
            if step.abs() <= f64::EPSILON * x.abs() {
                break;
            }
        }
        let slope = legendre(n, x).1;
        let weight = 1.0 / ((1.0 - x) * (1.0 + x) * slope * slope);
        nodes[i] = PathNode { alpha: 0.5 * (1.0 - x), weight };
        nodes[n - 1 - i] = PathNode { alpha: 0.5 * (1.0 + x), weight };
    }
    nodes
}

/// `P_n(x)` and its derivative, by the recurrence `k P_k = (2k - 1) x P_{k-1} - (k - 1) P_{k-2}` (22.7.10) and
/// `(x^2 - 1) P_n' = n (x P_n - P_{n-1})` (22.8.5).
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integral(nodes: &[PathNode], f: impl Fn(f64) -> f64) -> f64 {
        nodes.iter().map(|n| n.weight * f(n.alpha)).sum()
    }

    #[test]
    fn gauss_legendre_as_tabulated() {
        // Abramowitz and Stegun, table 25.4, on -1..1.
        let known: [(usize, &[(f64, f64)]); 4] = [
            (1, &[(0.0, 2.0)]),
            (2, &[(0.577350269189626, 1.0)]),
            (
                5,
                &[(0.906179845938664, 0.236926885056189), (0.538469310105683, 0.478628670499366), (0.0, 128.0 / 225.0)],
            ),
            (
                8,
                &[
                    (0.960289856497536, 0.101228536290376),
                    (0.796666477413627, 0.222381034453374),
                    (0.525532409916329, 0.313706645877887),
                    (0.183434642495650, 0.362683783378362),
                ],
            ),
        ];
        for (n, rows) in known {
            let nodes = Quadrature::GaussLegendre.nodes(n).unwrap();
            for (node, (x, w)) in nodes.iter().zip(rows) {
                assert!((1.0 - 2.0 * node.alpha - x).abs() <= 1e-14, "{n}: {} for {x}", node.alpha);
                assert!((2.0 * node.weight - w).abs() <= 1e-14, "{n}: {} for {w}", node.weight);
            }
        }
    }

    #[test]
    fn gauss_legendre_is_exact_for_polynomials() {
        for n in [1, 2, 3, 10, 50, 127, 500] {
            let nodes = Quadrature::GaussLegendre.nodes(n).unwrap();
            for degree in [0, 1, n, 2 * n - 2, 2 * n - 1] {
                let found = integral(&nodes, |x| x.powi(degree as i32));
                assert!((found - 1.0 / (degree as f64 + 1.0)).abs() <= 1e-14, "{n} nodes, degree {degree}: {found}");
            }
            assert!(nodes.is_sorted_by(|a, b| a.alpha < b.alpha) && nodes[0].alpha > 0.0, "{n}");
            let error = integral(&nodes, |x| x.powi(2 * n as i32)) - 1.0 / (2.0 * n as f64 + 1.0);
            assert!(n > 10 || error.abs() > 1e-14, "degree {} is one too many for {n} nodes", 2 * n);
        }
    }

    #[test]
    fn the_other_rules_by_their_definitions() {
        use Quadrature::*;
        let is = |rule: Quadrature, expected: [(f64, f64); 4]| {
            for (node, (alpha, weight)) in rule.nodes(4).unwrap().into_iter().zip(expected) {
                assert!(
                    (node.alpha - alpha).abs() <= 1e-15 && (node.weight - weight).abs() <= 1e-15,
                    "{rule}: {node:?}"
                );
            }
        };
        let third = 1.0 / 3.0;
        is(Left, [(0.0, 0.25), (0.25, 0.25), (0.5, 0.25), (0.75, 0.25)]);
        is(Right, [(0.25, 0.25), (0.5, 0.25), (0.75, 0.25), (1.0, 0.25)]);
        is(Middle, [(0.125, 0.25), (0.375, 0.25), (0.625, 0.25), (0.875, 0.25)]);
        is(Trapezoid, [(0.0, 0.5 * third), (third, third), (2.0 * third, third), (1.0, 0.5 * third)]);
        is(CaptumTrapezoid, [(0.0, 0.125), (third, 0.25), (2.0 * third, 0.25), (1.0, 0.125)]);
        is(Inclusive, [(0.0, 0.25), (third, 0.25), (2.0 * third, 0.25), (1.0, 0.25)]);
        assert_eq!("riemann_trapezoid".parse(), Ok(CaptumTrapezoid));
    }

    #[test]
    fn weights_add_up() {
        for &rule in Quadrature::ALL {
            let expected = if rule == Quadrature::CaptumTrapezoid { 16.0 / 17.0 } else { 1.0 };
            assert!((integral(&rule.nodes(17).unwrap(), |_| 1.0) - expected).abs() <= 1e-14, "{rule}");
        }
    }

    #[test]
    fn too_few_and_too_many_steps() {
        for &rule in Quadrature::ALL {
            assert!(rule.nodes(rule.min_steps()).is_ok());
            for steps in [rule.min_steps() - 1, MAX_STEPS + 1] {
                assert!(matches!(rule.nodes(steps), Err(EngineError::Sampler(_))), "{rule} {steps}");
            }
        }
    }
}
