//! Parameters of methods: the flags, and which method uses which.

use std::path::Path;

use backlit::net::photo::Photo;
use backlit::net::relevance::Composite;
use backlit::saliency::mask::{Experiment, Fill};
use backlit::saliency::methods::{Baseline, Edge, Moment, NoiseScale, Overlap, Quadrature, Ranking, Upsample};
use backlit::saliency::{Method, Recipe};
use backlit::{Session, net};
use clap::Args;

use super::failure::Failure;
use super::inputs;
use super::values::{BaselineArg, at_least_zero, layer, positive, share};

/// Whatever is not given stays as the method's own default.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Parameters of methods")]
pub(crate) struct RecipeArgs {
    /// Noisy copies (smoothgrad, smoothgrad-squared, vargrad: 50), draws (expected-gradients: 100) or masks (rise: 4000
    /// at most)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) samples: Option<u32>,
    /// Points on the path: ig (50), blur-ig and xrai (100), guided-ig (200)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) steps: Option<u32>,
    /// Standard deviation of the noise of smoothgrad, smoothgrad-squared and vargrad, as a share of the range of the
    /// picture's values [default: 0.15]
    #[arg(long, value_name = "SHARE", value_parser = at_least_zero, allow_negative_numbers = true)]
    pub(crate) noise: Option<f64>,
    /// What --noise is a share of: range, or absolute for the units of the preprocessed picture
    #[arg(long, value_name = "SCALE")]
    pub(crate) noise_scale: Option<NoiseScale>,
    /// Which moment of the noisy gradients smoothgrad shows: mean, or mean_absolute as tf-keras-vis does
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    pub(crate) moment: Option<Moment>,
    /// Where the path of ig, guided-ig, expected-gradients and xrai begins: black, white, mean, blur[:SIGMA],
    /// noise[:SEED] or a picture; for the last two methods repeatable, or a folder of pictures
    #[arg(long, value_name = "BASELINE", value_delimiter = ',')]
    pub(crate) baseline: Vec<BaselineArg>,
    /// Points and weights of ig: gauss-legendre, left, right, middle, trapezoid, inclusive
    #[arg(long, value_name = "RULE")]
    pub(crate) quadrature: Option<Quadrature>,
    /// Strongest blur of blur-ig in pixels [default: 50]
    #[arg(long, value_name = "PIXELS", value_parser = positive, allow_negative_numbers = true)]
    pub(crate) max_sigma: Option<f64>,
    /// Change of the blur by which blur-ig takes the picture's derivative, in pixels [default: 0.01]
    #[arg(long, value_name = "PIXELS", value_parser = positive, allow_negative_numbers = true)]
    pub(crate) gradient_step: Option<f64>,
    /// Let the blur of blur-ig grow with the square root of the step, up to the root of --max-sigma, as PAIR can
    #[arg(long)]
    pub(crate) sqrt: bool,
    /// Share of the values that guided-ig moves in a step [default: 0.25]
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub(crate) fraction: Option<f64>,
    /// How far the path of guided-ig may stray from the straight one, as a share of it [default: 0.02]
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub(crate) max_distance: Option<f64>,
    /// Scales of the segmentations of xrai [default: 50,100,150,250,500,1200]
    #[arg(long, value_name = "SCALE", value_delimiter = ',', value_parser = positive)]
    pub(crate) scales: Vec<f64>,
    /// How xrai ranks its segments: full, by what each would add, or fast, once for all [default: full]
    #[arg(long)]
    pub(crate) ranking: Option<Ranking>,
    /// Pixels that a segment of xrai must add to be taken [default: 50]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..=50_176))]
    pub(crate) min_added: Option<u16>,
    /// Side of the patch of occlusion in pixels of 224 [default: 32]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..=224))]
    pub(crate) patch: Option<u16>,
    /// Step of the patch of occlusion [default: 16]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..=224))]
    pub(crate) stride: Option<u16>,
    /// Whether occlusion hides the patch, or keeps it and hides everything else; the value is then the score of the
    /// patch alone: hide or keep [default: hide]
    #[arg(long)]
    pub(crate) experiment: Option<Experiment>,
    /// What occlusion puts in the place of what it hides: black, mean, blur, impute [default: mean]
    #[arg(long)]
    pub(crate) fill: Option<Fill>,
    /// What becomes of a patch at the edge of the picture: cut, inside (whole patches only) or wrap [default: cut]
    #[arg(long)]
    pub(crate) edge: Option<Edge>,
    /// What occlusion gives a pixel that several patches cover: mean or sum [default: mean]
    #[arg(long)]
    pub(crate) overlap: Option<Overlap>,
    /// Cells of a mask of rise, in rows and columns [default: 7]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=224))]
    pub(crate) cells: Option<u16>,
    /// Probability that a cell of a mask of rise is open [default: 0.5]
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub(crate) probability: Option<f64>,
    /// Stop rise early once more masks change the map by less than this share; 0 never stops [default: 0.01]
    #[arg(long, value_name = "SHARE", value_parser = at_least_zero, allow_negative_numbers = true)]
    pub(crate) settled: Option<f64>,
    /// Block whose output the CAM family looks at: 2a to 5c, layer1.0 to layer4.2, or layer4 for the last of its blocks
    /// [default: 5c]
    #[arg(long, value_name = "BLOCK", value_parser = layer)]
    pub(crate) layer: Option<net::Tap>,
    /// How the CAM family brings a map to 224 x 224: bilinear, bilinear-aligned, nearest, bicubic, spline
    #[arg(long, value_name = "WAY")]
    pub(crate) upsample: Option<Upsample>,
    /// Keep the negative values of gradcam, gradcam++, hirescam, xgradcam, layercam
    #[arg(long)]
    pub(crate) no_relu: bool,
    /// Rules of lrp: epsilon-plus, or epsilon-plus-flat, which shares equally among the pixels under the first filter
    /// [default: epsilon-plus]
    #[arg(long)]
    pub(crate) composite: Option<Composite>,
    /// Stabiliser of lrp [default: 1e-6]
    #[arg(long, value_name = "EPSILON", value_parser = positive, allow_negative_numbers = true)]
    pub(crate) epsilon: Option<f64>,
    /// Seed of smoothgrad, smoothgrad-squared, vargrad, expected-gradients and rise [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

use Method::*;
const NOISY: &[Method] = &[SmoothGrad, SmoothGradSquared, VarGrad];
const DRAWN: &[Method] = &[SmoothGrad, SmoothGradSquared, VarGrad, ExpectedGradients, Rise];
const STEPPED: &[Method] = &[IntegratedGradients, BlurIg, GuidedIg, Xrai];
const FROM: &[Method] = &[IntegratedGradients, ExpectedGradients, GuidedIg, Xrai];
const CAMS: &[Method] = &[GradCam, GradCamPlusPlus, HiResCam, XGradCam, LayerCam];
const TAPPED: &[Method] =
    &[GradCam, GradCamPlusPlus, HiResCam, XGradCam, LayerCam, ScoreCam, AblationCam, EigenCam, GuidedGradCam];
const UPSAMPLED: &[Method] =
    &[GradCam, GradCamPlusPlus, HiResCam, XGradCam, LayerCam, ScoreCam, AblationCam, EigenCam, FullGrad, GuidedGradCam];

fn moment(text: &str) -> Result<Moment, String> {
    match text.parse::<Moment>() {
        Ok(moment @ (Moment::Mean | Moment::MeanAbsolute)) => Ok(moment),
        Ok(_) => Err("that moment has a method of its own: --method smoothgrad-squared or vargrad".into()),
        Err(e) => Err(e.to_string()),
    }
}

impl RecipeArgs {
    /// Every flag: its name, whether it was given, and the methods that use it.
    pub(crate) fn flags(&self) -> [(&'static str, bool, &'static [Method]); 30] {
        [
            ("--samples", self.samples.is_some(), DRAWN),
            ("--steps", self.steps.is_some(), STEPPED),
            ("--noise", self.noise.is_some(), NOISY),
            ("--noise-scale", self.noise_scale.is_some(), NOISY),
            ("--moment", self.moment.is_some(), &[SmoothGrad]),
            ("--baseline", !self.baseline.is_empty(), FROM),
            ("--quadrature", self.quadrature.is_some(), &[IntegratedGradients]),
            ("--max-sigma", self.max_sigma.is_some(), &[BlurIg]),
            ("--gradient-step", self.gradient_step.is_some(), &[BlurIg]),
            ("--sqrt", self.sqrt, &[BlurIg]),
            ("--fraction", self.fraction.is_some(), &[GuidedIg]),
            ("--max-distance", self.max_distance.is_some(), &[GuidedIg]),
            ("--scales", !self.scales.is_empty(), &[Xrai]),
            ("--ranking", self.ranking.is_some(), &[Xrai]),
            ("--min-added", self.min_added.is_some(), &[Xrai]),
            ("--patch", self.patch.is_some(), &[Occlusion]),
            ("--stride", self.stride.is_some(), &[Occlusion]),
            ("--experiment", self.experiment.is_some(), &[Occlusion]),
            ("--fill", self.fill.is_some(), &[Occlusion]),
            ("--edge", self.edge.is_some(), &[Occlusion]),
            ("--overlap", self.overlap.is_some(), &[Occlusion]),
            ("--cells", self.cells.is_some(), &[Rise]),
            ("--probability", self.probability.is_some(), &[Rise]),
            ("--settled", self.settled.is_some(), &[Rise]),
            ("--layer", self.layer.is_some(), TAPPED),
            ("--upsample", self.upsample.is_some(), UPSAMPLED),
            ("--no-relu", self.no_relu, CAMS),
            ("--composite", self.composite.is_some(), &[Lrp]),
            ("--epsilon", self.epsilon.is_some(), &[Lrp]),
            ("--seed", self.seed.is_some(), DRAWN),
        ]
    }

    /// Refuses a flag that none of the methods uses, and several baselines for a method of one.
    ///
    /// # Errors
    /// [`Failure::Usage`], with the methods that use the flag.
    pub(crate) fn check(&self, methods: &[Method]) -> Result<(), Failure> {
        for (flag, given, users) in self.flags() {
            if given && !methods.iter().any(|m| users.contains(m)) {
                let users = users.iter().map(|m| m.as_str()).collect::<Vec<_>>().join(", ");
                return Err(Failure::Usage(format!("{flag} is used by --method {users}, none of which is asked for")));
            }
        }
        let single = methods.iter().find(|m| matches!(m, IntegratedGradients | GuidedIg));
        match single {
            Some(method) if self.baseline.len() > 1 => {
                Err(Failure::Usage(format!("--method {} has one --baseline, found {}", method, self.baseline.len())))
            }
            _ => Ok(()),
        }
    }

    /// The baselines asked for, their pictures read and brought to the network's grid.
    ///
    /// # Errors
    /// A picture that cannot be read.
    pub(crate) fn baselines(&self, session: &Session) -> Result<Vec<Baseline>, Failure> {
        let picture = |path: &Path| -> Result<Baseline, Failure> {
            let rgb = session.preprocess().grid.sample(&Photo::open(path)?);
            Ok(Baseline::Picture { name: path.display().to_string(), rgb })
        };
        let mut found = Vec::new();
        for baseline in &self.baseline {
            match baseline {
                BaselineArg::Black => found.push(Baseline::Black),
                BaselineArg::White => found.push(Baseline::White),
                BaselineArg::Mean => found.push(Baseline::Mean),
                &BaselineArg::Blur(sigma) => found.push(Baseline::Blur { sigma }),
                BaselineArg::Noise(seed) => {
                    found.push(Baseline::Noise { seed: seed.or(self.seed).unwrap_or_default() });
                }
                BaselineArg::Path(path) if path.is_dir() => {
                    for path in inputs::folder(path)? {
                        found.push(picture(&path)?);
                    }
                }
                BaselineArg::Path(path) => found.push(picture(path)?),
            }
        }
        Ok(found)
    }

    /// The recipe with every flag put in that it uses.
    ///
    /// # Errors
    /// [`Failure::Usage`] for several baselines where one is used.
    pub(crate) fn apply(&self, mut recipe: Recipe, baselines: &[Baseline]) -> Result<Recipe, Failure> {
        let method = recipe.method();
        let one = |into: &mut Baseline| match baselines {
            [] => Ok(()),
            [only] => {
                *into = only.clone();
                Ok(())
            }
            all => Err(Failure::Usage(format!("--method {method} has one --baseline, found {}", all.len()))),
        };
        let all = |into: &mut Vec<Baseline>| {
            if !baselines.is_empty() {
                *into = baselines.to_vec();
            }
        };
        match &mut recipe {
            Recipe::Pass(_) => (),
            Recipe::SmoothGrad(r) => {
                set(&mut r.samples, self.samples.map(|n| n as usize));
                set(&mut r.noise, self.noise);
                set(&mut r.scale, self.noise_scale);
                set(&mut r.seed, self.seed);
                if method == SmoothGrad {
                    set(&mut r.moment, self.moment);
                }
            }
            Recipe::IntegratedGradients(r) => {
                set(&mut r.steps, self.steps.map(|n| n as usize));
                set(&mut r.quadrature, self.quadrature);
                one(&mut r.baseline)?;
            }
            Recipe::ExpectedGradients(r) => {
                set(&mut r.samples, self.samples.map(|n| n as usize));
                set(&mut r.seed, self.seed);
                all(&mut r.baselines);
            }
            Recipe::BlurIg(r) => {
                set(&mut r.steps, self.steps.map(|n| n as usize));
                set(&mut r.max_sigma, self.max_sigma);
                set(&mut r.gradient_step, self.gradient_step);
                r.sqrt |= self.sqrt;
            }
            Recipe::GuidedIg(r) => {
                set(&mut r.steps, self.steps.map(|n| n as usize));
                set(&mut r.fraction, self.fraction);
                set(&mut r.max_distance, self.max_distance);
                one(&mut r.baseline)?;
            }
            Recipe::Xrai(r) => {
                set(&mut r.steps, self.steps.map(|n| n as usize));
                all(&mut r.baselines);
                set(&mut r.ranking, self.ranking);
                set(&mut r.min_added, self.min_added.map(usize::from));
                if !self.scales.is_empty() {
                    r.scales.clone_from(&self.scales);
                }
            }
            Recipe::Cam(r) => {
                set(&mut r.layer, self.layer);
                set(&mut r.upsample, self.upsample);
                r.relu &= !self.no_relu;
            }
            Recipe::ScoreCam(r) => self.place(&mut r.layer, &mut r.upsample),
            Recipe::AblationCam(r) => self.place(&mut r.layer, &mut r.upsample),
            Recipe::EigenCam(r) => self.place(&mut r.layer, &mut r.upsample),
            Recipe::GuidedGradCam(r) => self.place(&mut r.layer, &mut r.upsample),
            Recipe::FullGrad(r) => set(&mut r.upsample, self.upsample),
            Recipe::Occlusion(r) => {
                set(&mut r.patch, self.patch.map(usize::from));
                set(&mut r.stride, self.stride.map(usize::from));
                if self.patch.is_some() && self.stride.is_none() {
                    // A small patch at the usual stride would leave gaps that nobody asked for.
                    r.stride = r.stride.min(r.patch);
                }
                set(&mut r.experiment, self.experiment);
                set(&mut r.fill, self.fill);
                set(&mut r.edge, self.edge);
                set(&mut r.overlap, self.overlap);
            }
            Recipe::Rise(r) => {
                set(&mut r.samples, self.samples.map(|n| n as usize));
                set(&mut r.cells, self.cells.map(usize::from));
                set(&mut r.probability, self.probability);
                set(&mut r.settled, self.settled);
                set(&mut r.seed, self.seed);
            }
            Recipe::Lrp(r) => {
                set(&mut r.composite, self.composite);
                set(&mut r.epsilon, self.epsilon);
            }
        }
        Ok(recipe)
    }

    fn place(&self, at: &mut net::Tap, upsample: &mut Upsample) {
        set(at, self.layer);
        set(upsample, self.upsample);
    }
}

fn set<T>(field: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of flags tells the truth: a flag changes the recipe of exactly the methods that it names.
    #[test]
    fn a_flag_changes_the_methods_that_use_it() {
        let none = RecipeArgs::default;
        let other = [Baseline::Blur { sigma: 3.0 }];
        let cases: [RecipeArgs; 30] = [
            RecipeArgs { samples: Some(3), ..none() },
            RecipeArgs { steps: Some(3), ..none() },
            RecipeArgs { noise: Some(0.7), ..none() },
            RecipeArgs { noise_scale: Some(NoiseScale::Absolute), ..none() },
            RecipeArgs { moment: Some(Moment::MeanAbsolute), ..none() },
            RecipeArgs { baseline: vec![BaselineArg::Blur(3.0)], ..none() },
            RecipeArgs { quadrature: Some(Quadrature::Left), ..none() },
            RecipeArgs { max_sigma: Some(9.0), ..none() },
            RecipeArgs { gradient_step: Some(0.5), ..none() },
            RecipeArgs { sqrt: true, ..none() },
            RecipeArgs { fraction: Some(0.5), ..none() },
            RecipeArgs { max_distance: Some(0.5), ..none() },
            RecipeArgs { scales: vec![75.0], ..none() },
            RecipeArgs { ranking: Some(Ranking::Fast), ..none() },
            RecipeArgs { min_added: Some(9), ..none() },
            RecipeArgs { patch: Some(9), ..none() },
            RecipeArgs { stride: Some(9), ..none() },
            RecipeArgs { experiment: Some(Experiment::Keep), ..none() },
            RecipeArgs { fill: Some(Fill::Blur), ..none() },
            RecipeArgs { edge: Some(Edge::Wrap), ..none() },
            RecipeArgs { overlap: Some(Overlap::Sum), ..none() },
            RecipeArgs { cells: Some(9), ..none() },
            RecipeArgs { probability: Some(0.25), ..none() },
            RecipeArgs { settled: Some(0.5), ..none() },
            RecipeArgs { layer: Some(net::Tap::Block(3)), ..none() },
            RecipeArgs { upsample: Some(Upsample::Spline), ..none() },
            RecipeArgs { no_relu: true, ..none() },
            RecipeArgs { composite: Some(Composite::EpsilonPlusFlat), ..none() },
            RecipeArgs { epsilon: Some(0.5), ..none() },
            RecipeArgs { seed: Some(9), ..none() },
        ];
        for (index, arguments) in cases.iter().enumerate() {
            let given: Vec<usize> = (0..30).filter(|&i| arguments.flags()[i].1).collect();
            assert_eq!(given, [index], "{arguments:?}");
            let (flag, _, users) = arguments.flags()[index];
            let baselines = if flag == "--baseline" { &other[..] } else { &[] };
            for &method in Method::ALL {
                let before = Recipe::new(method);
                let after = arguments.apply(before.clone(), baselines).unwrap();
                assert_eq!(before != after, users.contains(&method), "{flag} {method}");
                assert_eq!(arguments.check(&[method]).is_ok(), users.contains(&method), "{flag} {method}");
            }
        }
    }
}
