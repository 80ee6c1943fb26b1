//! Seeds: which combination of logits is sent back.

use super::EngineError;
use crate::CLASSES;

/// Fills the seeds of one image: `write(image, logits, rows)`.
pub type WriteSeeds<'a> = dyn Fn(usize, &[f32], &mut [f32]) + Sync + 'a;

/// One or more rows of 1000 cotangents for every image.
///
/// A seed v asks for the gradient of v . logits; a one-hot row asks for one class score.
#[derive(Clone, Copy)]
pub enum Seeds<'a> {
    /// Known beforehand: `[n, per_image, 1000]`.
    Rows {
        /// The cotangents.
        data: &'a [f32],
        /// Seeds an image.
        per_image: usize,
    },
    /// Known once the logits are: the engine calls `write(image, logits, rows)` after the forward pass, and `rows`,
    /// `[per_image, 1000]` and all zero, is to be filled. So "the top class" costs no second forward pass.
    FromLogits {
        /// Seeds an image.
        per_image: usize,
        /// Fills the rows of one image; must depend on nothing but its arguments.
        write: &'a WriteSeeds<'a>,
    },
}

impl Seeds<'_> {
    /// Seeds an image.
    pub fn per_image(&self) -> usize {
        match self {
            Seeds::Rows { per_image, .. } | Seeds::FromLogits { per_image, .. } => *per_image,
        }
    }

    /// Checks that there is at least one seed for each of `images` images.
    pub fn check(&self, images: usize) -> Result<(), EngineError> {
        let per_image = self.per_image();
        let found = match self {
            Seeds::Rows { data, .. } => data.len(),
            Seeds::FromLogits { .. } => images.saturating_mul(per_image).saturating_mul(CLASSES),
        };
        if per_image == 0 || images.checked_mul(per_image).and_then(|n| n.checked_mul(CLASSES)) != Some(found) {
            return Err(EngineError::SeedLength { found, images, per_image });
        }
        if let Seeds::Rows { data, .. } = self {
            finite(0, per_image, data)?;
        }
        Ok(())
    }

    /// The rows of image `image`, `[per_image, 1000]`, given its logits.
    ///
    /// # Errors
    /// [`EngineError::NonFiniteSeed`] if the rows hold a NaN or an infinity.
    pub fn rows(&self, image: usize, logits: &[f32]) -> Result<Vec<f32>, EngineError> {
        let mut rows = vec![0.0; self.per_image() * CLASSES];
        self.write_rows(image, logits, &mut rows)?;
        Ok(rows)
    }

    /// The same, written over `rows`.
    ///
    /// # Errors
    /// [`EngineError::NonFiniteSeed`] if the rows hold a NaN or an infinity.
    pub fn write_rows(&self, image: usize, logits: &[f32], rows: &mut [f32]) -> Result<(), EngineError> {
        match self {
            Seeds::Rows { data, .. } => {
                rows.copy_from_slice(&data[image * rows.len()..][..rows.len()]);
                Ok(())
            }
            Seeds::FromLogits { per_image, write } => {
                rows.fill(0.0);
                write(image, logits, rows);
                finite(image, *per_image, rows)
            }
        }
    }
}

/// `rows` are those of image `first` and of the images after it.
fn finite(first: usize, per_image: usize, rows: &[f32]) -> Result<(), EngineError> {
    match rows.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(EngineError::NonFiniteSeed { image: first + at / (per_image * CLASSES), value: rows[at] }),
        None => Ok(()),
    }
}
