//! How a long computation is run: how many copies go together, who is told, and who may stop it.

use std::sync::atomic::{AtomicBool, Ordering};

/// Images that go through an engine together, unless the caller says otherwise.
pub const BATCH: usize = 8;

/// Settings of a run. None of them ever changes a result.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    batch: usize,
    progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    cancel: Option<&'a AtomicBool>,
}

/// How far a computation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Passes of one image through the network that are done.
    pub done: usize,
    /// Passes that there are; 0 if that is not known beforehand.
    pub total: usize,
}

/// The caller asked a computation to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped before it was done, as asked")]
pub struct Cancelled;

impl Default for Run<'_> {
    /// [`BATCH`] copies at a time; nobody is told, nobody stops it.
    fn default() -> Self {
        Run { batch: BATCH, progress: None, cancel: None }
    }
}

impl<'a> Run<'a> {
    /// Copies that go through the engine together, at least one: memory and speed, never a result.
    pub fn with_batch(self, batch: usize) -> Run<'a> {
        Run { batch: batch.max(1), ..self }
    }

    /// Calls `tell` after every batch, from the thread that runs.
    pub fn with_progress(self, tell: &'a (dyn Fn(Progress) + Sync)) -> Run<'a> {
        Run { progress: Some(tell), ..self }
    }

    /// Stops, with [`Cancelled`], soon after `flag` becomes true.
    pub fn with_cancel(self, flag: &'a AtomicBool) -> Run<'a> {
        Run { cancel: Some(flag), ..self }
    }

    /// Copies at a time.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Tells how far it has come, and asks whether to go on; to be called between batches.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn step(&self, done: usize, total: usize) -> Result<(), Cancelled> {
        if let Some(tell) = self.progress {
            tell(Progress { done, total });
        }
        match self.cancel.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            true => Err(Cancelled),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn told_and_stopped() {
        let (seen, flag) = (Mutex::new(Vec::new()), AtomicBool::new(false));
        let tell = |p: Progress| seen.lock().unwrap().push((p.done, p.total));
        let run = Run::default().with_batch(0).with_progress(&tell).with_cancel(&flag);
        assert_eq!((run.batch(), Run::default().batch()), (1, BATCH));
        assert_eq!(run.step(1, 3), Ok(()));
        flag.store(true, Ordering::Relaxed);
        assert_eq!(run.step(2, 3), Err(Cancelled));
        assert_eq!(*seen.lock().unwrap(), [(1, 3), (2, 3)]);
    }
}
