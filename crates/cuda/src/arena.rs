//! One allocation for everything that a plan needs, cut into parts whose places the plan decides.

use std::sync::Arc;

use bytemuck::Pod;

use crate::buffer::Slice;
use crate::memory::Memory;
use crate::{CudaError, Device};

/// Parts begin at multiples of this many bytes: enough for 16-byte accesses, whole cache lines and tensor maps.
pub const ALIGNMENT: usize = 256;

/// An allocation to cut parts from. Parts may overlap: tensors that are never needed together can share their place.
pub struct Arena {
    memory: Arc<Memory>,
}

impl Arena {
    /// Reserves memory without writing it.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`] if there is not enough.
    pub fn new(device: &Device, bytes: usize) -> Result<Arena, CudaError> {
        Ok(Arena { memory: Memory::new(device, bytes)? })
    }

    /// Bytes.
    pub fn bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// `len` elements that begin `offset` bytes from the start, which [`Layout`] gives.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if they do not lie in it, or not at a multiple of their own alignment.
    pub fn slice<T: Pod>(&self, offset: usize, len: usize) -> Result<Slice<T>, CudaError> {
        Slice::of(&self.memory, offset, len)
    }
}

/// Places for parts one after the other, each at a multiple of [`ALIGNMENT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    bytes: usize,
}

impl Layout {
    /// Takes room for `len` elements; returns where they begin, in bytes.
    pub fn take<T>(&mut self, len: usize) -> usize {
        let offset = self.bytes;
        self.bytes = offset + (len * size_of::<T>()).next_multiple_of(ALIGNMENT);
        offset
    }

    /// Bytes taken so far.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The larger of two, for parts that use the same memory at different times.
    pub fn max(self, other: Layout) -> Layout {
        Layout { bytes: self.bytes.max(other.bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_begin_at_whole_cache_lines() {
        let mut layout = Layout::default();
        assert_eq!(layout.take::<f32>(1), 0);
        assert_eq!(layout.take::<u16>(129), 256);
        assert_eq!(layout.take::<u8>(0), 768);
        assert_eq!(layout.bytes(), 768);
    }
}
