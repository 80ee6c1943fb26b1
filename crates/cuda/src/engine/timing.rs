//! How long the kernels take, without the way to the device and back.

use backlit_net::{CLASSES, EngineError, Images, Rule, Seeds};

use super::{Cuda, lock};
pub use crate::machine::KernelTimes;

impl Cuda {
    /// Runs forward and backward over the same images several times, with images and gradients on the device, and
    /// takes the time with events. `rows` is `[n, 1000]`, one seed an image. On the first GPU.
    ///
    /// # Errors
    /// [`EngineError::SeedLength`] and the like for rows that do not fit; [`EngineError::Device`], also if the memory
    /// does not hold all images at once.
    pub fn time_kernels(
        &self,
        images: Images<'_>,
        rows: &[f32],
        rule: Rule,
        runs: usize,
    ) -> Result<Vec<KernelTimes>, EngineError> {
        Seeds::Rows { data: rows, per_image: 1 }.check(images.len())?;
        debug_assert_eq!(rows.len(), images.len() * CLASSES);
        lock(&self.machines[0]).time_kernels(images.data(), rows, rule, runs)
    }
}
