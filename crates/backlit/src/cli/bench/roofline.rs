//! The layers under the roof.

use backlit::figure::Picture;

use super::findings::Findings;
use crate::cli::failure::Failure;

pub(super) fn draw(_: &Findings) -> Result<Picture, Failure> {
    Err(Failure::Message("soon".into()))
}
