//! Saliency as numbers: which class score is asked about, what the gradient says, and what happens when the object
//! is gone.
//!
//! Nothing here computes a layer and nothing here draws. An [`Objective`] writes the seed that an
//! [`Engine`](backlit_net::Engine) sends back; [`saliency_map`] turns the gradient that comes out into a [`Map`];
//! [`mask`] changes the picture that goes in, and a [`Comparison`] lays the answers side by side.
//!
//! - [`explain()`]: every [`Method`] by its [`Recipe`], several of them and several scores from what they share;
//!   [`methods`] has a struct for each, with its formula, its source and all its parameters;
//! - [`Compat`]: the same with another tool's defaults;
//! - [`mod@measure`]: how good a map is; [`localize`]: where it says that the object is;
//! - [`mod@audit`]: whether the class rests on the object or on its surroundings;
//! - [`activation`]: the picture that has most of a class.
//!
//! ```text
//! logits -- Objective::write_seed --> seed -- engine --> gradient -- saliency_map --> SaliencyMap
//! picture -- mask::apply --> variant -- engine --> logits -- Comparison::add --> the table of the experiment
//! ```
//!
//! ```
//! use backlit_net::IMAGE_LEN;
//! use backlit_saliency::{MapOptions, Objective, saliency_map};
//!
//! let mut logits = vec![0f32; 1000];
//! logits[281] = 9.0;
//! let mut seed = vec![0f32; 1000];
//! Objective::default().write_seed(&logits, &mut seed); // the logit of the top class
//! assert_eq!(seed[281], 1.0);
//!
//! let mut gradient = vec![0f32; IMAGE_LEN]; // an engine's answer to that seed
//! gradient[0] = -3.0;
//! let saliency = saliency_map(&gradient, &MapOptions { sigma: 0.0, ..MapOptions::default() })?;
//! assert_eq!((saliency.raw_min, saliency.raw_max, saliency.blank), (0.0, 3.0, false));
//! # Ok::<(), backlit_saliency::MapError>(())
//! ```
#![forbid(unsafe_code)]

pub mod activation;
mod attribution;
pub mod audit;
mod comparison;
mod compat;
mod explain;
mod faint;
mod keyed;
pub mod localize;
mod map;
pub mod mask;
pub mod measure;
mod method;
pub mod methods;
mod modifier;
mod normalize;
mod objective;
mod predictions;
mod recipe;
mod reduction;
mod run;
pub mod smooth;
mod subject;
mod target;

pub use attribution::{Attribution, Completeness, Explained};
pub use backlit_net::names::UnknownName;
pub use comparison::{Comparison, Reading};
pub use compat::Compat;
pub use explain::{MethodError, explain};
pub use faint::{NEAR_ZERO, is_signed, near_zero};
pub use map::{Map, MapError, MapOptions, SaliencyMap, saliency_map, saliency_map_from, saliency_map_of};
pub use method::Method;
pub use modifier::Modifier;
pub use normalize::EPSILON;
pub use objective::{Objective, Score};
pub use predictions::{Prediction, rank_of, ranking, softmax, top_k};
pub use recipe::Recipe;
pub use reduction::Reduction;
pub use run::{BATCH, Cancelled, Progress, Run};
pub use subject::Subject;
pub use target::{Target, TargetError};
