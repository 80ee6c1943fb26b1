//! Copies between host and device that run beside the kernels.
//!
//! An [`Inlet`] and an [`Outlet`] each have page-locked memory on the host, as much memory on the device, and a stream
//! of their own for the copies between the two. Two of a kind used in turn keep the GPU busy: while it computes on what
//! one brought, the host fills the other.

use bytemuck::Pod;

use crate::planes::Span;
use crate::stream::Event;
use crate::{Buffer, CudaError, Device, Pinned, Stream};

/// A way to the device.
pub(crate) struct Inlet<T> {
    host: Pinned<T>,
    device: Buffer<T>,
    stream: Stream,
    /// The copy is done.
    arrived: Event,
    /// The kernels have read it.
    taken: Event,
}

impl<T: Pod> Inlet<T> {
    /// Room for `len` elements.
    pub(crate) fn new(device: &Device, len: usize) -> Result<Inlet<T>, CudaError> {
        Ok(Inlet {
            host: Pinned::new(device, len)?,
            device: Buffer::new(device, len)?,
            stream: device.stream()?,
            arrived: Event::new(device)?,
            taken: Event::new(device)?,
        })
    }

    /// Sends `len` elements that `fill` writes; what is queued on `compute` from now on waits for them. The copy itself
    /// waits until kernels are done with what was sent before, as [`Inlet::release`] says.
    pub(crate) fn send<E: From<CudaError>>(
        &mut self,
        len: usize,
        compute: &Stream,
        fill: impl FnOnce(&mut [T]) -> Result<(), E>,
    ) -> Result<Span<T>, E> {
        let mut host = self.host.open()?;
        fill(&mut host[..len])?;
        drop(host);
        self.stream.wait(&self.taken)?;
        self.device.copy_in(&self.host, len, &self.stream)?;
        self.arrived.record(&self.stream)?;
        compute.wait(&self.arrived)?;
        Ok(Span::from(&self.device))
    }

    /// What was sent last.
    pub(crate) fn here(&self) -> Span<T> {
        Span::from(&self.device)
    }

    /// All that reads what was sent is queued on `compute`.
    pub(crate) fn release(&mut self, compute: &Stream) -> Result<(), CudaError> {
        self.taken.record(compute)
    }
}

/// A way to the host.
pub(crate) struct Outlet<T> {
    host: Pinned<T>,
    device: Buffer<T>,
    stream: Stream,
    /// The kernels have written it.
    written: Event,
    /// The copy is done.
    copied: Event,
}

impl<T: Pod> Outlet<T> {
    /// Room for `len` elements.
    pub(crate) fn new(device: &Device, len: usize) -> Result<Outlet<T>, CudaError> {
        Ok(Outlet {
            host: Pinned::new(device, len)?,
            device: Buffer::new(device, len)?,
            stream: device.stream()?,
            written: Event::new(device)?,
            copied: Event::new(device)?,
        })
    }

    /// Where kernels on `compute` write, once the copy before is done.
    pub(crate) fn room(&mut self, compute: &Stream) -> Result<Span<T>, CudaError> {
        compute.wait(&self.copied)?;
        Ok(Span::from(&self.device))
    }

    /// Queues the copy of `len` elements that kernels on `compute` have been told to write.
    pub(crate) fn fetch(&mut self, len: usize, compute: &Stream) -> Result<(), CudaError> {
        self.written.record(compute)?;
        self.stream.wait(&self.written)?;
        self.device.copy_out(&self.host, len, &self.stream)?;
        self.copied.record(&self.stream)
    }

    /// Waits for the copy and shows it.
    pub(crate) fn look<R>(&mut self, look: impl FnOnce(&[T]) -> R) -> Result<R, CudaError> {
        Ok(look(&self.host.open()?))
    }
}
