//! preprocess: 8-bit RGB to the network's floats, the bits of [`Preprocessing::apply`].

use std::sync::Arc;

use backlit_net::preprocess::Preprocessing;
use bytemuck::{Pod, Zeroable};

use crate::ops::stored::{Lengths, source};
use crate::planes::Span;
use crate::{Buffer, CudaError, Device, Grid, Kernel, Stream};

source!(PREPROCESS, "preprocess/00_preprocess.cu");

/// `PreprocessParams` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    rgb: u64,
    table: u64,
    y: u64,
    pixels: u32,
    reversed: u32,
}

/// Ready to run.
pub struct Preprocess {
    kernel: Kernel,
    table: Buffer<f32>,
    reversed: bool,
}

impl Preprocess {
    /// Uploads the table of a preprocessing.
    ///
    /// # Errors
    /// Those of [`Device::kernel`]; [`CudaError::Driver`].
    pub fn prepare(device: &Arc<Device>, preprocessing: Preprocessing) -> Result<Preprocess, CudaError> {
        // What every grey becomes is what every value becomes in every channel.
        let greys: Vec<u8> = (0..=255).flat_map(|v| [v; 3]).collect();
        let mut table = vec![0f32; greys.len()];
        preprocessing.apply(&greys, &mut table);
        let table = Buffer::from_slice(device, &table)?;
        let reversed = preprocessing.channel_order() == "bgr";
        Ok(Preprocess { kernel: device.kernel(&PREPROCESS, "preprocess")?, table, reversed })
    }

    /// Queues `rgb`, `[pixels, 3]`, red first, to `y`, the same shape in the network's channel order.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if something is too short; [`CudaError::Driver`].
    pub fn launch(&self, stream: &Stream, pixels: usize, rgb: Span<u8>, y: Span<f32>) -> Result<(), CudaError> {
        let op = Lengths("preprocess");
        op.span("the pixels read", rgb, 3 * pixels)?;
        op.span("the floats written", y, 3 * pixels)?;
        let count = op.index("the number of pixels", pixels)?;
        if pixels == 0 {
            return Ok(());
        }
        let params = Params {
            rgb: rgb.address(),
            table: self.table.address(),
            y: y.address(),
            pixels: count,
            reversed: u32::from(self.reversed),
        };
        // SAFETY: the structure mirrors `PreprocessParams`; the table has 256 x 3 values, the rest was checked above.
        unsafe { self.kernel.launch(stream, Grid::over(pixels), &params) }
    }
}
