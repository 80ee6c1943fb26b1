//! Graphs: work written down once and queued again as a whole.

use std::any::Any;
use std::sync::Arc;

use cudarc::driver::sys;

use crate::context::Context;
use crate::stream::Held;
use crate::{CudaError, Stream};

/// Work that was captured from a stream, ready to be queued again with one call.
///
/// It keeps the kernels, and what copies in it read and write, alive. Memory that kernels know by address only is for
/// its owner to keep: see [`Graph::keep`].
pub struct Graph {
    context: Arc<Context>,
    raw: sys::CUgraphExec,
    held: Held,
}

// SAFETY: the driver's executable graphs may be used from any thread, one at a time: launching takes `&mut self`.
unsafe impl Send for Graph {}
// SAFETY: as above.
unsafe impl Sync for Graph {}

impl Graph {
    /// Writes down what `work` queues on `stream`, without doing it. `work` must not wait for the stream, and not make
    /// or drop device memory.
    ///
    /// # Errors
    /// What `work` returns; [`CudaError::Driver`] if it did what cannot be captured; [`CudaError::Shape`] if the stream
    /// is being captured already.
    pub fn capture(stream: &Stream, work: impl FnOnce(&Stream) -> Result<(), CudaError>) -> Result<Graph, CudaError> {
        let context = stream.context().clone();
        if !stream.begin_holding() {
            return Err(CudaError::Shape { op: "graph", problem: "this stream is being captured already".into() });
        }
        let begun = context.run("beginning a graph", || {
            let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
            // SAFETY: the stream is alive and not the default one.
            unsafe { sys::cuStreamBeginCapture_v2(stream.raw(), mode) }
        });
        if let Err(error) = begun {
            stream.end_holding();
            return Err(error);
        }
        let mut capture = Capture { stream, context: &context, ended: false };
        let worked = work(stream);
        let (template, held) = capture.end();
        worked?;
        let template = template?;
        let mut raw = std::ptr::null_mut();
        context.run("making a graph", || {
            // SAFETY: the template is alive, and the result goes into a variable.
            unsafe { sys::cuGraphInstantiateWithFlags(&mut raw, template.raw, 0) }
        })?;
        Ok(Graph { context: context.clone(), raw, held })
    }

    /// Keeps a value alive as long as this graph.
    #[must_use]
    pub fn keep(mut self, value: Arc<dyn Any + Send + Sync>) -> Graph {
        self.held.values.push(value);
        self
    }

    /// Sends it to the device ahead of the first launch.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn upload(&mut self, stream: &Stream) -> Result<(), CudaError> {
        self.context.run("uploading a graph", || {
            // SAFETY: both are alive.
            unsafe { sys::cuGraphUpload(self.raw, stream.raw()) }
        })
    }

    /// Queues all of it.
    ///
    /// # Errors
    /// [`CudaError::Driver`]; [`CudaError::Shape`] if the host has page-locked memory open that it copies.
    pub fn launch(&mut self, stream: &Stream) -> Result<(), CudaError> {
        for memory in &self.held.host {
            memory.used_by(stream)?;
        }
        self.context.run("launching a graph", || {
            // SAFETY: both are alive; what the graph touches is held, or its owner's promise at the launch.
            unsafe { sys::cuGraphLaunch(self.raw, stream.raw()) }
        })
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: made once, destroyed once; the driver ends a run of it first.
        self.context.release(|| unsafe { sys::cuGraphExecDestroy(self.raw) });
    }
}

/// What was written down, before it is made executable.
struct Template<'a> {
    context: &'a Context,
    raw: sys::CUgraph,
}

impl Drop for Template<'_> {
    fn drop(&mut self) {
        // SAFETY: made once, destroyed once; an executable graph does not need it any more.
        self.context.release(|| unsafe { sys::cuGraphDestroy(self.raw) });
    }
}

/// A stream under capture; it is let go even if the work panics.
struct Capture<'a> {
    stream: &'a Stream,
    context: &'a Context,
    ended: bool,
}

impl<'a> Capture<'a> {
    fn end(&mut self) -> (Result<Template<'a>, CudaError>, Held) {
        self.ended = true;
        let mut raw = std::ptr::null_mut();
        let ended = self.context.finish("ending a graph", || {
            // SAFETY: the stream is under capture, and the result goes into a variable.
            unsafe { sys::cuStreamEndCapture(self.stream.raw(), &mut raw) }
        });
        // Whatever was made is destroyed again if something else went wrong.
        let template = (!raw.is_null()).then(|| Template { context: self.context, raw });
        let missing = || CudaError::Driver { what: "ending a graph".into(), reason: "no graph was made".into() };
        (ended.and_then(|()| template.ok_or_else(missing)), self.stream.end_holding())
    }
}

impl Drop for Capture<'_> {
    fn drop(&mut self) {
        if !self.ended {
            drop(self.end());
        }
    }
}
