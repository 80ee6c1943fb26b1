//! Why there is no picture.

use backlit_net::{CLASSES, EngineError};

use crate::Cancelled;

/// Why a class has no picture.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The caller stopped it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Nothing to climb.
    #[error("activation maximisation needs a class: name at least one")]
    NoClass,
    /// A class that does not exist.
    #[error("there is no class {class}: indices go from 0 to {}", CLASSES - 1)]
    Class {
        /// As given.
        class: usize,
    },
    /// A parameter that cannot be used.
    #[error("activation maximisation: {what} is {found}: {expected}")]
    Parameter {
        /// The parameter, for example `steps`.
        what: &'static str,
        /// What was given.
        found: String,
        /// What would do.
        expected: &'static str,
    },
}

impl ActivationError {
    pub(super) fn parameter(what: &'static str, found: impl ToString, expected: &'static str) -> ActivationError {
        ActivationError::Parameter { what, found: found.to_string(), expected }
    }

    /// `value`, if it is finite and at least 0.
    pub(super) fn check_weight(what: &'static str, value: f64) -> Result<(), ActivationError> {
        match value >= 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(ActivationError::parameter(what, value, "give a number of 0 or more")),
        }
    }
}
