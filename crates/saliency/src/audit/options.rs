//! What an audit is told.

use serde::Serialize;

use super::AuditError;
use crate::Target;
use crate::localize::Connectivity;
use crate::mask::Fill;

/// Settings of an audit. All of them can change the result, and all of them belong in its record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditOptions {
    /// The class that is followed.
    pub target: Target,
    /// What stands in for hidden pixels, each tried in turn.
    pub fills: Vec<Fill>,
    /// Control boxes a picture.
    pub controls: usize,
    /// Chooses where controls lie and what noise is imputed, together with the picture itself.
    pub seed: u64,
    /// The share of the untouched probability with which a class still counts as there, 0 to 1.
    pub keep: f64,
    /// A class less probable than this in the untouched picture has nothing to lose and is not judged.
    pub least_probability: f64,
    /// Best classes kept of every variant.
    pub top: usize,
    /// The share of its maximum at which the class activation map is cut, where no box is given. Grad-CAM's 15 % is
    /// meant to enclose the whole object and often encloses the whole picture with it; half leaves its core.
    pub threshold: f64,
    /// Which pixels of the cut map hang together.
    pub connectivity: Connectivity,
}

impl Default for AuditOptions {
    /// The top class, all four fills, four controls; a class stays if it keeps half of its probability, and a map is
    /// cut at half of its maximum.
    fn default() -> Self {
        AuditOptions {
            target: Target::TOP1,
            fills: Fill::ALL.to_vec(),
            controls: 4,
            seed: 0,
            keep: 0.5,
            least_probability: 0.05,
            top: 5,
            threshold: 0.5,
            connectivity: Connectivity::default(),
        }
    }
}

impl AuditOptions {
    /// Whether all of it makes sense.
    ///
    /// # Errors
    /// [`AuditError::NoFill`], [`AuditError::Share`].
    pub fn check(&self) -> Result<(), AuditError> {
        if self.fills.is_empty() {
            return Err(AuditError::NoFill);
        }
        let shares =
            [("keep", self.keep), ("least_probability", self.least_probability), ("threshold", self.threshold)];
        match shares.into_iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            Some((option, found)) => Err(AuditError::Share { option, found }),
            None => Ok(()),
        }
    }
}
