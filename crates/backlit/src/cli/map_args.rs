//! What a map is about and how it is made: `--method`, `--target` and what becomes of the values found.

use backlit::saliency::{Compat, Method, Modifier, Objective, Reduction, Score, Target};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

#[derive(Args, Debug)]
#[command(next_help_heading = "Map")]
pub(crate) struct MapArgs {
    /// How maps are made, several with commas: gradient, gradient-x-input, guided, rectified, smoothgrad,
    /// smoothgrad-squared, vargrad, ig, expected-gradients, blur-ig, guided-ig, xrai, gradcam, gradcam++, hirescam,
    /// xgradcam, layercam, scorecam, ablationcam, eigencam, fullgrad, guided-gradcam, occlusion, rise, lrp. guided,
    /// rectified and guided-gradcam show edges more than the class (Adebayo et al. 2018, Nie et al. 2018)
    #[arg(
        long,
        visible_alias = "methods",
        value_delimiter = ',',
        default_value = "gradient",
        value_name = "METHOD",
        hide_possible_values = true
    )]
    pub(crate) method: Vec<Method>,
    /// Class to explain: top1 to top1000, an index, a WordNet id or a name; several with commas or repeated
    #[arg(long, visible_alias = "targets", value_delimiter = ',', default_value = "top1")]
    pub(crate) target: Vec<Target>,
    /// Contrast: explain what speaks for the target rather than for this class
    #[arg(long, value_name = "TARGET")]
    pub(crate) against: Option<Target>,
    /// Explain what speaks for A rather than for B: short for --target A --against B
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["target", "against"])]
    pub(crate) contrast: Vec<Target>,
    /// Score of a class: logit or probability
    #[arg(long, default_value = "logit")]
    pub(crate) score: Score,
    /// Which values are shown: abs, pos, neg or all (signed, summed over channels, not scaled). Short for a --modifier
    #[arg(long, value_enum, conflicts_with = "modifier")]
    pub(crate) sign: Option<Sign>,
    /// Applied to every value found: absolute, negate, relu, negative, invert, small_values, none [default: absolute;
    /// none for maps of places, such as the CAM family's]
    #[arg(long)]
    pub(crate) modifier: Option<Modifier>,
    /// From three channels to one: max, sum, mean, or none to keep them [default: max]
    #[arg(long)]
    pub(crate) reduce: Option<Reduction>,
    /// Standard deviation of the Gaussian that smooths the map, in pixels of 224; 0 for none [default: 5; 0 for maps of
    /// places]
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) sigma: Option<f64>,
    /// Keep the map's own values instead of scaling them to 0..1
    #[arg(long)]
    pub(crate) raw: bool,
    /// Take another tool's defaults: captum, pair, tf-keras-vis, pytorch-grad-cam, torchcam, keras-vis-master; or
    /// keras-vis-0.4.1, which repeats the picture of July 2017 to the byte (the map is then the blurred blue channel of
    /// a jet picture, 0 to 255)
    #[arg(long, value_name = "TOOL", value_parser = compat())]
    pub(crate) compat: Option<Compat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sign {
    /// How much, in either direction
    Abs,
    /// Only what speaks for the class
    Pos,
    /// Only what speaks against it
    Neg,
    /// Both, with their signs
    All,
}

/// A parser that shells can ask for the names.
fn compat() -> impl TypedValueParser<Value = Compat> {
    PossibleValuesParser::new(Compat::ALL.iter().map(|c| c.as_str())).try_map(|name| name.parse::<Compat>())
}

impl MapArgs {
    /// The methods, each once.
    pub(crate) fn methods(&self) -> Vec<Method> {
        unique(&self.method)
    }

    /// The scores, each once.
    pub(crate) fn objectives(&self) -> Vec<Objective> {
        if let [target, against] = self.contrast[..] {
            return vec![Objective { target, against: Some(against), score: self.score }];
        }
        let objective = |&target| Objective { target, against: self.against, score: self.score };
        unique(&self.target).iter().map(objective).collect()
    }
}

fn unique<T: PartialEq + Copy>(values: &[T]) -> Vec<T> {
    let mut found: Vec<T> = Vec::new();
    for &value in values {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}
