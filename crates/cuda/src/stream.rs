//! Streams and events: work in order, and points in it.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cudarc::driver::sys;

use crate::context::Context;
use crate::device::lock;
use crate::pinned::HostMemory;
use crate::{CudaError, Device};

/// Work in order; streams run beside each other. Copies of a handle are the same stream.
#[derive(Clone)]
pub struct Stream(pub(crate) Arc<Raw>);

pub(crate) struct Raw {
    pub(crate) context: Arc<Context>,
    pub(crate) raw: sys::CUstream,
    capturing: AtomicBool,
    held: Mutex<Held>,
}

/// What a graph under construction has to keep alive.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) values: Vec<Arc<dyn Any + Send + Sync>>,
    pub(crate) host: Vec<Arc<HostMemory>>,
}

// SAFETY: the driver's streams may be used from any thread.
unsafe impl Send for Raw {}
// SAFETY: as above; its own state is behind a lock.
unsafe impl Sync for Raw {}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: made once, destroyed once; what is queued on it is still done.
        self.context.release(|| unsafe { sys::cuStreamDestroy_v2(self.raw) });
    }
}

impl Stream {
    pub(crate) fn new(context: &Arc<Context>) -> Result<Stream, CudaError> {
        let mut raw = std::ptr::null_mut();
        let flags = sys::CUstream_flags::CU_STREAM_NON_BLOCKING as u32;
        context.run("making a stream", || {
            // SAFETY: the context is current, and the result goes into a variable.
            unsafe { sys::cuStreamCreate(&mut raw, flags) }
        })?;
        let (capturing, held) = (AtomicBool::new(false), Mutex::default());
        Ok(Stream(Arc::new(Raw { context: context.clone(), raw, capturing, held })))
    }

    pub(crate) fn raw(&self) -> sys::CUstream {
        self.0.raw
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.0.context
    }

    /// Waits until all that was queued is done.
    ///
    /// # Errors
    /// [`CudaError::Driver`] with what went wrong on the way.
    pub fn synchronize(&self) -> Result<(), CudaError> {
        self.0.context.run("waiting for the GPU", || {
            // SAFETY: the stream is alive.
            unsafe { sys::cuStreamSynchronize(self.0.raw) }
        })
    }

    /// Lets what is queued from now on wait for an event recorded on another stream.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn wait(&self, event: &Event) -> Result<(), CudaError> {
        self.0.context.run("waiting for another stream", || {
            // SAFETY: both are alive; the driver takes the event's state now.
            unsafe { sys::cuStreamWaitEvent(self.0.raw, event.0.raw, 0) }
        })
    }

    /// Whether what is queued becomes a graph instead of being done.
    pub fn is_capturing(&self) -> bool {
        self.0.capturing.load(Ordering::Acquire)
    }

    /// From now on, what is queued is written down. `false` if it already was.
    pub(crate) fn begin_holding(&self) -> bool {
        !self.0.capturing.swap(true, Ordering::AcqRel)
    }

    /// The end of that, and what was used.
    pub(crate) fn end_holding(&self) -> Held {
        self.0.capturing.store(false, Ordering::Release);
        std::mem::take(&mut *lock(&self.0.held))
    }

    /// Keeps a value alive as long as the graph that is being captured; nothing if none is.
    pub(crate) fn hold<T: Any + Send + Sync>(&self, value: &Arc<T>) {
        if self.is_capturing() {
            lock(&self.0.held).values.push(value.clone());
        }
    }

    /// Host memory that a copy on this stream reads or writes: it stays closed to the host until the copy is done.
    pub(crate) fn uses(&self, memory: &Arc<HostMemory>) -> Result<(), CudaError> {
        if self.is_capturing() {
            lock(&self.0.held).host.push(memory.clone());
            Ok(())
        } else {
            memory.used_by(self)
        }
    }
}

/// A point in a stream, to wait for or to measure between.
#[derive(Clone)]
pub struct Event(Arc<RawEvent>);

struct RawEvent {
    context: Arc<Context>,
    raw: sys::CUevent,
}

// SAFETY: the driver's events may be used from any thread.
unsafe impl Send for RawEvent {}
// SAFETY: as above; nothing in it changes.
unsafe impl Sync for RawEvent {}

impl Drop for RawEvent {
    fn drop(&mut self) {
        // SAFETY: made once, destroyed once.
        self.context.release(|| unsafe { sys::cuEventDestroy_v2(self.raw) });
    }
}

impl Event {
    /// One that also takes the time.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn timed(device: &Device) -> Result<Event, CudaError> {
        Event::with(device, sys::CUevent_flags::CU_EVENT_DEFAULT)
    }

    /// One only to wait for: cheaper.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn new(device: &Device) -> Result<Event, CudaError> {
        Event::with(device, sys::CUevent_flags::CU_EVENT_DISABLE_TIMING)
    }

    fn with(device: &Device, flags: sys::CUevent_flags) -> Result<Event, CudaError> {
        let mut raw = std::ptr::null_mut();
        device.context().run("making an event", || {
            // SAFETY: the context is current, and the result goes into a variable.
            unsafe { sys::cuEventCreate(&mut raw, flags as u32) }
        })?;
        Ok(Event(Arc::new(RawEvent { context: device.context().clone(), raw })))
    }

    /// Puts it behind all that is queued on `stream` now.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn record(&self, stream: &Stream) -> Result<(), CudaError> {
        stream.hold(&self.0);
        self.0.context.run("recording an event", || {
            // SAFETY: both are alive.
            unsafe { sys::cuEventRecord(self.0.raw, stream.raw()) }
        })
    }

    /// Waits until the stream has come to it.
    ///
    /// # Errors
    /// [`CudaError::Driver`] with what went wrong on the way.
    pub fn synchronize(&self) -> Result<(), CudaError> {
        self.0.context.run("waiting for an event", || {
            // SAFETY: the event is alive.
            unsafe { sys::cuEventSynchronize(self.0.raw) }
        })
    }

    /// Milliseconds from this one to `end`; waits for both.
    ///
    /// # Errors
    /// [`CudaError::Driver`], also if one of them does not take the time.
    pub fn elapsed_ms(&self, end: &Event) -> Result<f32, CudaError> {
        self.synchronize()?;
        end.synchronize()?;
        let mut ms = 0.0;
        self.0.context.run("measuring between events", || {
            // SAFETY: both are alive, and the result goes into a variable.
            unsafe { sys::cuEventElapsedTime_v2(&mut ms, self.0.raw, end.0.raw) }
        })?;
        Ok(ms)
    }
}
