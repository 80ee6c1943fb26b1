//! FullGrad.
use super::Upsample;
use crate::explain::{Attribute, Context};
use crate::{Attribution, MethodError};
use serde::Serialize;
/// FG.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct FullGrad {
    /// How they are brought to the size of the picture.
    pub upsample: Upsample,
}
impl Attribute for FullGrad {
    fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        todo!()
    }
}
