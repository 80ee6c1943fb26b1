//! Device memory with a type: whole allocations and parts of them.

use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::sync::Arc;

use bytemuck::Pod;
use cudarc::driver::sys;

use crate::memory::Memory;
pub use crate::pinned::Pinned;
use crate::{CudaError, Device, Stream};

/// `len` elements of device memory, somewhere in an allocation that it keeps alive. Copies of a handle are the same
/// memory: which stream may touch it when is for their owner to order.
#[derive(Clone)]
pub struct Slice<T> {
    memory: Arc<Memory>,
    address: u64,
    len: usize,
    of: PhantomData<fn() -> T>,
}

impl<T: Pod> Slice<T> {
    /// A part of an allocation, `offset` bytes from its start.
    pub(crate) fn of(memory: &Arc<Memory>, offset: usize, len: usize) -> Result<Slice<T>, CudaError> {
        let end = len.checked_mul(size_of::<T>()).and_then(|bytes| bytes.checked_add(offset));
        if end.is_none_or(|end| end > memory.bytes()) {
            return Err(CudaError::Shape {
                op: "slice",
                problem: format!("{len} elements from byte {offset} do not lie in {} bytes", memory.bytes()),
            });
        }
        if !offset.is_multiple_of(align_of::<T>()) {
            return Err(CudaError::Shape {
                op: "slice",
                problem: format!("byte {offset} is not a multiple of {}", align_of::<T>()),
            });
        }
        Ok(Slice { memory: memory.clone(), address: memory.address() + offset as u64, len, of: PhantomData })
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes.
    pub fn bytes(&self) -> usize {
        self.len * size_of::<T>()
    }

    /// Address on the device, for kernel parameters.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Some of the elements.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if it has not so many.
    pub fn slice(&self, range: Range<usize>) -> Result<Slice<T>, CudaError> {
        if range.start > range.end || range.end > self.len {
            return Err(CudaError::Shape {
                op: "slice",
                problem: format!("elements {}..{} of {}", range.start, range.end, self.len),
            });
        }
        let offset = (self.address - self.memory.address()) as usize + range.start * size_of::<T>();
        Slice::of(&self.memory, offset, range.len())
    }

    /// Overwrites the first `data.len()` elements; waits until they are there.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if they do not fit; [`CudaError::Driver`].
    pub fn write_from(&self, data: &[T]) -> Result<(), CudaError> {
        self.fits("a copy to the device", data.len())?;
        let (stream, bytes) = (self.memory.copies(), size_of_val(data));
        self.memory.context().run("a copy to the device", || {
            // SAFETY: the source lives until the copy is waited for, and the destination has the room.
            unsafe { sys::cuMemcpyHtoDAsync_v2(self.address, data.as_ptr().cast(), bytes, stream.raw()) }
        })?;
        stream.synchronize()
    }

    /// All elements, after everything queued on `after` is done.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn read(&self, after: &Stream) -> Result<Vec<T>, CudaError> {
        let mut host = vec![T::zeroed(); self.len];
        self.read_into(&mut host, after)?;
        Ok(host)
    }

    /// The first `host.len()` elements, after everything queued on `after` is done.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if it has not so many; [`CudaError::Driver`].
    pub fn read_into(&self, host: &mut [T], after: &Stream) -> Result<(), CudaError> {
        self.fits("a copy to the host", host.len())?;
        if after.is_capturing() {
            return Err(CudaError::Shape { op: "read", problem: "a graph is being captured on this stream".into() });
        }
        let bytes = size_of_val(host);
        let copied = self.memory.context().run("a copy to the host", || {
            // SAFETY: the destination has the room and lives until the copy is waited for, which is next.
            unsafe { sys::cuMemcpyDtoHAsync_v2(host.as_mut_ptr().cast(), self.address, bytes, after.raw()) }
        });
        // Also after an error: nothing may write to `host` once it is given back.
        copied.and(after.synchronize())
    }

    /// Queues a copy of the first `len` elements of page-locked memory.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if either is smaller; [`CudaError::Driver`].
    pub fn copy_in(&self, from: &Pinned<T>, len: usize, stream: &Stream) -> Result<(), CudaError> {
        self.fits("a queued copy to the device", len)?;
        let host = from.used_on(stream, len)?;
        stream.hold(&self.memory);
        self.memory.context().run("a queued copy to the device", || {
            // SAFETY: both have the room; the stream keeps the host's memory closed, and a graph keeps both alive.
            unsafe { sys::cuMemcpyHtoDAsync_v2(self.address, host.cast(), len * size_of::<T>(), stream.raw()) }
        })
    }

    /// Queues a copy of the first `len` elements to page-locked memory.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if either is smaller; [`CudaError::Driver`].
    pub fn copy_out(&self, to: &Pinned<T>, len: usize, stream: &Stream) -> Result<(), CudaError> {
        self.fits("a queued copy to the host", len)?;
        let host = to.used_on(stream, len)?;
        stream.hold(&self.memory);
        self.memory.context().run("a queued copy to the host", || {
            // SAFETY: both have the room; the stream keeps the host's memory closed, and a graph keeps both alive.
            unsafe { sys::cuMemcpyDtoHAsync_v2(host.cast(), self.address, len * size_of::<T>(), stream.raw()) }
        })
    }

    /// Queues a copy of all of `from`, elsewhere on the same device, over the first elements.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if it is larger; [`CudaError::Driver`].
    pub fn copy_from(&self, from: &Slice<T>, stream: &Stream) -> Result<(), CudaError> {
        self.fits("a copy on the device", from.len)?;
        stream.hold(&self.memory);
        stream.hold(&from.memory);
        self.memory.context().run("a copy on the device", || {
            // SAFETY: both have the room, and are freed only after the work on them; a graph keeps both alive.
            unsafe { sys::cuMemcpyDtoDAsync_v2(self.address, from.address, from.bytes(), stream.raw()) }
        })
    }

    /// Queues setting all bytes to `value`.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn set_bytes(&self, value: u8, stream: &Stream) -> Result<(), CudaError> {
        stream.hold(&self.memory);
        self.memory.context().run("setting memory", || {
            // SAFETY: it has so many bytes, and is freed only after the work on it; a graph keeps it alive.
            unsafe { sys::cuMemsetD8Async(self.address, value, self.bytes(), stream.raw()) }
        })
    }

    fn fits(&self, op: &'static str, len: usize) -> Result<(), CudaError> {
        if len <= self.len {
            return Ok(());
        }
        Err(CudaError::Shape { op, problem: format!("{len} elements and room for {}", self.len) })
    }
}

/// An allocation of its own: `len` elements, freed when the last handle is dropped. Fresh memory holds nothing in
/// particular.
pub struct Buffer<T>(Slice<T>);

impl<T: Pod> Buffer<T> {
    /// Reserves memory without writing it.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`] if there is not enough.
    pub fn new(device: &Device, len: usize) -> Result<Buffer<T>, CudaError> {
        let bytes = len.checked_mul(size_of::<T>()).ok_or_else(|| CudaError::Shape {
            op: "buffer",
            problem: format!("{len} elements of {} bytes are more than can be addressed", size_of::<T>()),
        })?;
        Ok(Buffer(Slice::of(&Memory::new(device, bytes)?, 0, len)?))
    }

    /// A copy of `data` on the device.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`], [`CudaError::Driver`].
    pub fn from_slice(device: &Device, data: &[T]) -> Result<Buffer<T>, CudaError> {
        let buffer = Buffer::new(device, data.len())?;
        buffer.write_from(data)?;
        Ok(buffer)
    }

    /// Overwrites the first `data.len()` elements; waits until they are there.
    ///
    /// # Errors
    /// Those of [`Slice::write_from`].
    pub fn write(&mut self, data: &[T]) -> Result<(), CudaError> {
        self.write_from(data)
    }
}

impl<T> Deref for Buffer<T> {
    type Target = Slice<T>;

    fn deref(&self) -> &Slice<T> {
        &self.0
    }
}
