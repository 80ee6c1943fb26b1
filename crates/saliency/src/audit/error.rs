//! What can be wrong with an audit.

use backlit_net::EngineError;

use crate::localize::LocalizeError;
use crate::mask::MaskError;
use crate::{Cancelled, MapError};

/// An audit that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Nothing to hide with.
    #[error("the audit has no fill: name at least one")]
    NoFill,
    /// An option outside 0 to 1.
    #[error("{option} is {found}: it must lie between 0 and 1")]
    Share {
        /// The option.
        option: &'static str,
        /// As it was passed.
        found: f64,
    },
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The region or the picture cannot be masked.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// The gradient makes no map.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The map cannot be searched.
    #[error(transparent)]
    Localize(#[from] LocalizeError),
    /// Stopped by the caller.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}
