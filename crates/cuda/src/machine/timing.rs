//! Events around the kernels of a batch.

use backlit_net::{EngineError, Rule};

use super::Machine;
use crate::CudaError;
use crate::ops::sample::Source;
use crate::stream::Event;

/// Milliseconds between events on the stream of the kernels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelTimes {
    /// From the images to the logits.
    pub forward_ms: f32,
    /// From the images by the logits to their gradient.
    pub gradient_ms: f32,
}

impl Machine {
    /// Times `runs` forward and backward passes over images that stay on the device; two copies of them take turns.
    pub(crate) fn time_kernels(
        &mut self,
        images: &[f32],
        rows: &[f32],
        rule: Rule,
        runs: usize,
    ) -> Result<Vec<KernelTimes>, EngineError> {
        let n = images.len() / self.parts.image_len();
        if self.make_room(n, false)? < n {
            let problem = format!("the memory does not hold {n} images at once");
            return Err(CudaError::Shape { op: "timing", problem }.into());
        }
        let device = self.parts.device.clone();
        let events = (0..3).map(|_| Event::timed(&device)).collect::<Result<Vec<_>, CudaError>>()?;
        let mut batch = self.batch(n, false)?;
        for slot in 0..2 {
            batch.bring(slot, images)?;
        }
        batch.bring_seeds(0, 0, rows)?;
        let mut times = Vec::with_capacity(runs);
        for run in 0..runs {
            batch.parts.stream.synchronize()?;
            events[0].record(&batch.parts.stream)?;
            let pictures = batch.memory.x[run % 2].here();
            batch.stem(Source::Pictures(pictures))?;
            batch.forward(&[], &mut |_, _, _, _| ())?;
            batch.head()?;
            events[1].record(&batch.parts.stream)?;
            batch.backward_plain(0, rule)?;
            let dx = batch.memory.dx[0].room(&batch.parts.stream)?;
            batch.stem_back_to(dx, rule)?;
            events[2].record(&batch.parts.stream)?;
            times.push(KernelTimes {
                forward_ms: events[0].elapsed_ms(&events[1])?,
                gradient_ms: events[0].elapsed_ms(&events[2])?,
            });
        }
        for slot in 0..2 {
            batch.memory.x[slot].release(&batch.parts.stream)?;
        }
        batch.memory.seeds[0].release(&batch.parts.stream)?;
        Ok(times)
    }
}
