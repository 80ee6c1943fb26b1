//! Page-locked host memory: copies to and from it run beside kernels and beside the host.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

use bytemuck::Pod;
use cudarc::driver::sys;

use crate::context::Context;
use crate::device::lock;
use crate::{CudaError, Device, Stream};

/// `len` elements of page-locked host memory, zero at first.
///
/// The host sees them through [`Pinned::open`], which waits for the copies that were queued; while it is open nothing
/// can be queued. So a copy never runs under the host's hands.
pub struct Pinned<T> {
    memory: Arc<HostMemory>,
    len: usize,
    of: PhantomData<fn() -> T>,
}

/// The allocation behind it.
pub(crate) struct HostMemory {
    context: Arc<Context>,
    start: *mut u8,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: bool,
    users: Vec<Stream>,
}

// SAFETY: who may read or write it when is kept in `state`.
unsafe impl Send for HostMemory {}
// SAFETY: as above.
unsafe impl Sync for HostMemory {}

impl HostMemory {
    /// Notes that work queued on `stream` reads or writes it.
    pub(crate) fn used_by(&self, stream: &Stream) -> Result<(), CudaError> {
        let mut state = lock(&self.state);
        if state.open {
            return Err(CudaError::Shape { op: "copy", problem: "the host has this page-locked memory open".into() });
        }
        if !state.users.iter().any(|user| Arc::ptr_eq(&user.0, &stream.0)) {
            state.users.push(stream.clone());
        }
        Ok(())
    }
}

impl Drop for HostMemory {
    fn drop(&mut self) {
        for user in &lock(&self.state).users {
            let _ = user.synchronize();
        }
        // SAFETY: reserved once, freed once, and no queued copy uses it any more.
        self.context.release(|| unsafe { sys::cuMemFreeHost(self.start.cast()) });
    }
}

impl<T: Pod> Pinned<T> {
    /// Reserves page-locked memory.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`] if the host has not enough that can be locked; [`CudaError::Driver`].
    pub fn new(device: &Device, len: usize) -> Result<Pinned<T>, CudaError> {
        let what = format!("reserving {len} elements of page-locked memory");
        let bytes = len.checked_mul(size_of::<T>()).map(|bytes| bytes.max(1)).ok_or_else(|| CudaError::Shape {
            op: "pinned",
            problem: format!("{len} elements of {} bytes are more than can be addressed", size_of::<T>()),
        })?;
        let mut start = std::ptr::null_mut();
        device.context().run(what, || {
            // SAFETY: the context is current, and the result goes into a variable.
            unsafe { sys::cuMemHostAlloc(&mut start, bytes, 0) }
        })?;
        let start: *mut u8 = start.cast();
        // SAFETY: these bytes were just reserved, and nobody else knows of them.
        unsafe { start.write_bytes(0, bytes) };
        let memory = HostMemory { context: device.context().clone(), start, state: Mutex::default() };
        Ok(Pinned { memory: Arc::new(memory), len, of: PhantomData })
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The host's turn: waits for the streams that used it, and closes it to others until the result is dropped.
    ///
    /// # Errors
    /// [`CudaError::Driver`] with what went wrong on a stream; [`CudaError::Shape`] if it is open already.
    pub fn open(&self) -> Result<Open<'_, T>, CudaError> {
        let mut state = lock(&self.memory.state);
        if state.open {
            return Err(CudaError::Shape { op: "open", problem: "this page-locked memory is open already".into() });
        }
        for user in &state.users {
            user.synchronize()?;
        }
        state.users.clear();
        state.open = true;
        drop(state);
        Ok(Open { pinned: self })
    }

    /// Its address for a copy of `len` elements on `stream`.
    pub(crate) fn used_on(&self, stream: &Stream, len: usize) -> Result<*mut u8, CudaError> {
        if len > self.len {
            let problem = format!("{len} elements and page-locked memory for {}", self.len);
            return Err(CudaError::Shape { op: "copy", problem });
        }
        stream.uses(&self.memory)?;
        Ok(self.memory.start)
    }
}

/// Page-locked memory in the host's hands.
pub struct Open<'a, T: Pod> {
    pinned: &'a Pinned<T>,
}

impl<T: Pod> Deref for Open<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: so many elements were reserved and set to zero, the driver aligns to pages, and while `self` lives no
        // copy is queued and nobody else has it open.
        unsafe { std::slice::from_raw_parts(self.pinned.memory.start.cast(), self.pinned.len) }
    }
}

impl<T: Pod> DerefMut for Open<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for reading; `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.pinned.memory.start.cast(), self.pinned.len) }
    }
}

impl<T: Pod> Drop for Open<'_, T> {
    fn drop(&mut self) {
        lock(&self.pinned.memory.state).open = false;
    }
}
