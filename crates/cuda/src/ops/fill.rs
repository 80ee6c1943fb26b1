//! fill: sets floats to one value. The smallest kernel there is: it shows the pattern that all launchers follow.

use bytemuck::{Pod, Zeroable};

use crate::kernels::Source;
use crate::{Buffer, CudaError, Device, Grid, Kernel, Stream};

static SOURCE: Source = Source { name: "fill/00_fill.cu", text: include_str!("../../../../kernels/fill/00_fill.cu") };

/// `FillParams` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    y: u64,
    n: u32,
    value: f32,
}

/// Ready to run.
pub struct Fill {
    kernel: Kernel,
}

impl Fill {
    /// Compiles and loads it.
    ///
    /// # Errors
    /// Those of [`Device::kernel`].
    pub fn prepare(device: &Device) -> Result<Fill, CudaError> {
        Ok(Fill { kernel: device.kernel(&SOURCE, "fill")? })
    }

    /// Sets every element of `y` to `value`.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn launch(&self, stream: &Stream, y: &mut Buffer<f32>, value: f32) -> Result<(), CudaError> {
        let params = Params { y: y.address(), n: y.len() as u32, value };
        // SAFETY: the parameters are the kernel's, and `y` has `n` elements.
        unsafe { self.kernel.launch(stream, Grid::over(y.len()), &params) }
    }
}
