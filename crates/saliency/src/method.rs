//! Methods: which backward rule makes the gradient.

use backlit_net::Rule;

use backlit_net::named;

/// How the gradient of a map is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// The true gradient (Simonyan et al. 2013, arXiv:1312.6034). Aliases `vanilla`, `saliency`.
    #[default]
    Gradient,
    /// Guided backpropagation (Springenberg et al. 2014, arXiv:1412.6806). Draws edges more than it explains a class:
    /// randomising the upper layers barely changes it (Adebayo et al. 2018, arXiv:1810.03292).
    Guided,
    /// The deconvnet's rule (Zeiler and Fergus 2013, arXiv:1311.2901). Aliases `relu`, `deconv`, `deconvnet`.
    Rectified,
}

named!(Method, "method", {
    Gradient = "gradient" | "vanilla" | "saliency",
    Guided = "guided",
    Rectified = "rectified" | "relu" | "deconv" | "deconvnet",
});

impl Method {
    /// The rule that an engine applies at every ReLU on the way back.
    pub fn rule(self) -> Rule {
        match self {
            Method::Gradient => Rule::Plain,
            Method::Guided => Rule::Guided,
            Method::Rectified => Rule::Rectified,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_has_its_own_rule() {
        let rules: Vec<Rule> = Method::ALL.iter().map(|m| m.rule()).collect();
        assert_eq!(rules, [Rule::Plain, Rule::Guided, Rule::Rectified]);
    }
}
