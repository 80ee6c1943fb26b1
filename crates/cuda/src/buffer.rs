//! Device memory.

use std::sync::Arc;

use bytemuck::Pod;
use cudarc::driver::{CudaSlice, CudaStream, DevicePtr, DeviceRepr, DriverError};

use crate::{CudaError, Device, Stream};

/// `len` elements of device memory, freed when dropped. Fresh memory holds nothing in particular.
pub struct Buffer<T> {
    slice: CudaSlice<u8>,
    len: usize,
    stream: Arc<CudaStream>,
    of: std::marker::PhantomData<T>,
}

/// Page-locked host memory, for copies that run beside kernels.
pub struct Pinned<T>(std::marker::PhantomData<T>);

impl<T: Pod> Buffer<T> {
    /// Reserves memory without writing it.
    ///
    /// # Errors
    /// [`CudaError::Driver`] if there is not enough.
    pub fn new(device: &Device, len: usize) -> Result<Buffer<T>, CudaError> {
        let bytes = len.max(1) * size_of::<T>();
        let stream = device.default_stream();
        // SAFETY: whoever reads it must have written it before; the checker of the emulator watches over that.
        let slice =
            unsafe { stream.alloc::<u8>(bytes) }.map_err(CudaError::driver(format!("reserving {bytes} bytes")))?;
        stream.synchronize().map_err(CudaError::driver("reserving memory"))?;
        Ok(Buffer { slice, len, stream, of: std::marker::PhantomData })
    }

    /// A copy of `data` on the device.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn from_slice(device: &Device, data: &[T]) -> Result<Buffer<T>, CudaError> {
        let mut buffer = Buffer::new(device, data.len())?;
        buffer.write(data)?;
        Ok(buffer)
    }

    /// Overwrites the first `data.len()` elements; waits until they are there.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn write(&mut self, data: &[T]) -> Result<(), CudaError> {
        assert!(data.len() <= self.len, "{} elements do not fit in {}", data.len(), self.len);
        let stream = self.stream.clone();
        let bytes: &[u8] = bytemuck::cast_slice(data);
        let mut view = self.slice.slice_mut(0..bytes.len());
        stream.memcpy_htod(bytes, &mut view).map_err(CudaError::driver("a copy to the device"))?;
        stream.synchronize().map_err(CudaError::driver("a copy to the device"))
    }

    /// All elements, after everything queued on `after` is done.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn read(&self, after: &Stream) -> Result<Vec<T>, CudaError> {
        let mut host = vec![T::zeroed(); self.len];
        let bytes = bytemuck::cast_slice_mut(&mut host);
        let mut copy = |stream: &Arc<CudaStream>| -> Result<(), DriverError> {
            stream.memcpy_dtoh(&self.slice.slice(0..bytes.len()), bytes)?;
            stream.synchronize()
        };
        copy(after.raw()).map_err(CudaError::driver("a copy to the host"))?;
        Ok(host)
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Address on the device, for kernel parameters.
    pub fn address(&self) -> u64 {
        self.slice.device_ptr(&self.stream).0
    }
}

const _: () = {
    fn assert<T: DeviceRepr>() {}
    let _ = assert::<u8>;
};
