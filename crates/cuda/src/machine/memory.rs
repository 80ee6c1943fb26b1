//! The memory that batches pass through: made once for as many images as were ever asked about at a time.

use crate::arena::Arena;
use crate::planes::Span;
use crate::traffic::{Inlet, Outlet};
use crate::{Buffer, CudaError};

use super::Parts;
use crate::ops::stem::codes_len;
use backlit_net::{CLASSES, FEATURES};

/// Images whose activations are copied to the host together.
const STAGED: usize = 4;

/// Memory for `images` images at a time.
pub(crate) struct Memory {
    pub(crate) images: usize,
    /// Activations, gradients and gates: what lies where, a plan says.
    pub(crate) arena: Arena,
    codes: Buffer<u8>,
    pooled: Buffer<f32>,
    pooled_back: Buffer<f32>,
    unscale: Buffer<f32>,
    pub(crate) x: [Inlet<f32>; 2],
    pub(crate) seeds: [Inlet<f32>; 2],
    pub(crate) logits: Outlet<f32>,
    pub(crate) dx: [Outlet<f32>; 2],
    staging: Option<Buffer<f32>>,
}

impl Memory {
    /// Reserves all of it.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`].
    pub(crate) fn new(parts: &Parts, images: usize, arena_bytes: usize) -> Result<Memory, CudaError> {
        let (device, n) = (&*parts.device, images);
        let pair = |len| Ok::<_, CudaError>([Inlet::new(device, len)?, Inlet::new(device, len)?]);
        Ok(Memory {
            images,
            arena: Arena::new(device, arena_bytes)?,
            codes: Buffer::new(device, codes_len(n, parts.side()))?,
            pooled: Buffer::new(device, n * FEATURES)?,
            pooled_back: Buffer::new(device, n * FEATURES)?,
            unscale: Buffer::new(device, n)?,
            x: pair(n * parts.image_len())?,
            seeds: pair(n * CLASSES)?,
            logits: Outlet::new(device, n * CLASSES)?,
            dx: [Outlet::new(device, n * parts.image_len())?, Outlet::new(device, n * parts.image_len())?],
            staging: None,
        })
    }

    /// Where the arena begins.
    pub(crate) fn base(&self) -> Result<u64, CudaError> {
        Ok(self.arena.slice::<u8>(0, 0)?.address())
    }

    /// Winners of the max-pool.
    pub(crate) fn codes(&self) -> Span<u8> {
        Span::from(&self.codes)
    }

    /// Winners of the max-pool of `n` images, on the host.
    pub(crate) fn read_codes(&self, n: usize, parts: &Parts) -> Result<Vec<u8>, CudaError> {
        self.codes.slice(0..codes_len(n, parts.side()))?.read(&parts.stream)
    }

    /// Means over the last output.
    pub(crate) fn pooled(&self) -> Span<f32> {
        Span::from(&self.pooled)
    }

    /// Their gradient.
    pub(crate) fn pooled_back(&self) -> Span<f32> {
        Span::from(&self.pooled_back)
    }

    /// What undoes the scale of an image's gradient.
    pub(crate) fn unscale(&self) -> Span<f32> {
        Span::from(&self.unscale)
    }

    /// Room for a few images' activations in floats, and for how many.
    pub(crate) fn staging(&mut self, parts: &Parts) -> Result<(usize, &Buffer<f32>), CudaError> {
        let largest = parts.published.blocks.iter().flat_map(|b| [b.input, b.output, b.reduced, b.spatial]);
        let largest = largest.map(|map| map.len()).max().unwrap_or(0);
        let images = STAGED.min(self.images);
        let staging = match self.staging.take() {
            Some(staging) => staging,
            None => Buffer::new(&parts.device, images * largest)?,
        };
        Ok((images, self.staging.insert(staging)))
    }
}
