//! Measures: how good is a map?
//!
//! No map can be compared with the truth, for nobody knows it. What can be measured is whether a map keeps the promises
//! that maps make, and each measure asks about another one. Which way is better, and what it costs beside the map
//! itself, in forward passes of one image:
//!
//! | measure | question | better | passes |
//! |---|---|---|---|
//! | [`deletion`] | does the class go with the pixels that the map names first? | lower | 225 |
//! | [`insertion`] | does it come with them? | higher | 225 |
//! | [`road`] | the same without the holes giving it away | higher | 18 |
//! | [`masked_confidence`]: drop | does the class survive where only the map is shown? | lower | 1 |
//! | [`masked_confidence`]: increase | does it gain? | higher | with the drop |
//! | [`points_at`] | is the highest pixel at the object? | higher | 0, needs a box |
//! | [`mass_inside`] | how much of the map lies on the object? | higher | 0, needs a box |
//! | [`infidelity`] | does the map predict what small changes do? | lower | 10 |
//! | [`max_sensitivity`] | does the map stay when the picture hardly changes? | lower | 11 maps |
//! | [`relative_residual`] | does the attribution add up to the score? | lower | 0 |
//! | [`cascade`] | does the map change when the network forgets? | lower | a map a layer |
//! | [`sparseness`] | is the map about few pixels? | higher is sparser | 0 |
//! | [`complexity`] | the same, as an entropy | lower is simpler | 0 |
//!
//! One more pass, [`confidence`], finds the class that all of them follow. Deletion, insertion, ROAD and drop are about
//! the network; pointing and mass are also about whether the *network* looks at the object: a faithful map of a network
//! that looks elsewhere must fail them. Sparseness and complexity tell how a map looks, not whether it is true.
//!
//! A measure that has no value, such as the order of a map that is the same everywhere, is [`Undefined`] with the
//! reason: a [`Measured`] is never a NaN. All copies go through the engine [`Run::batch`](crate::Run::batch) at a time,
//! and no result depends on that, on the number of threads or on the order of pictures. Over a folder, [`Summary`] has
//! the mean and its bootstrap interval.
//!
//! ```
//! use backlit_saliency::Map;
//! use backlit_saliency::measure::{Undefined, sparseness};
//!
//! let mut map = Map { height: 224, width: 224, channels: 1, values: vec![0.0; 224 * 224] };
//! assert_eq!(sparseness(&map)?, Err(Undefined::ZeroMap));
//! map.values[7] = 2.0; // one pixel
//! assert_eq!(sparseness(&map)?, Ok(1.0 - 1.0 / 50_176.0));
//! # Ok::<(), backlit_saliency::measure::MeasureError>(())
//! ```

mod blur;
mod completeness;
mod correlation;
mod curve;
mod error;
mod forward;
mod impute;
mod kind;
mod localisation;
mod masked;
mod order;
mod perturb;
mod pixels;
mod random;
mod road;
mod sanity;
mod spread;
mod ssim;
mod summary;
#[cfg(test)]
mod tests;

pub use completeness::relative_residual;
pub use correlation::{mean_ranks, pearson, pearson_of, spearman};
pub use curve::Curve;
pub use error::{MeasureError, Measured, Undefined};
pub use forward::{Confidence, confidence};
pub use impute::impute;
pub use kind::{Better, Measure};
pub use localisation::{TOLERANCE, mass_inside, points_at};
pub use masked::{MaskedConfidence, masked_confidence};
pub use order::descending;
pub use perturb::{Infidelity, Perturbations, infidelity, max_sensitivity};
pub use pixels::{STEP, deletion, insertion};
pub use road::{Road, RoadOptions, road};
pub use sanity::{CascadeRow, CascadeStep, Similarity, cascade};
pub use spread::{complexity, sparseness};
pub use ssim::ssim;
pub use summary::{Bootstrap, Summary, mean_over_classes};
