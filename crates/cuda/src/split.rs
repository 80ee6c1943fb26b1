//! A batch divided among GPUs: each answers for its share of the images, and writes it where it belongs.

use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;

use backlit_net::engine::question::Question;
use backlit_net::{CLASSES, EngineError};

use crate::answer::Room;
use crate::engine::lock;
use crate::machine::Machine;

/// How many of `images` images each of `machines` machines takes: as even as can be, the first ones one more.
pub(crate) fn shares(images: usize, machines: usize) -> Vec<usize> {
    let machines = machines.min(images).max(1);
    (0..machines).map(|i| images / machines + usize::from(i < images % machines)).collect()
}

/// A machine that nobody uses, or else the first.
pub(crate) fn free(machines: &[Mutex<Machine>]) -> MutexGuard<'_, Machine> {
    let idle = machines.iter().find_map(|machine| match machine.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    });
    idle.unwrap_or_else(|| lock(&machines[0]))
}

/// Answers a question about all images, each of `len` floats.
pub(crate) fn answer(
    machines: &[Mutex<Machine>],
    images: &[f32],
    len: usize,
    question: &Question<'_>,
    mut room: Room<'_>,
) -> Result<(), EngineError> {
    let shares = shares(images.len() / len, machines.len());
    if let [_] = shares[..] {
        return free(machines).answer(images, 0, question, room, None);
    }
    let mut first = 0;
    let mut work = Vec::with_capacity(shares.len());
    for (machine, n) in machines.iter().zip(shares) {
        work.push((machine, first, &images[first * len..][..n * len], room.split_off(n)));
        first += n;
    }
    together(work, |(machine, first, images, room)| lock(machine).answer(images, first, question, room, None))
}

/// Runs the network from the outputs of a block on.
pub(crate) fn resume(
    machines: &[Mutex<Machine>],
    block: usize,
    outputs: &[f32],
    logits: &mut [f32],
) -> Result<(), EngineError> {
    let n = logits.len() / CLASSES;
    let (len, shares) = (outputs.len() / n, shares(n, machines.len()));
    if let [_] = shares[..] {
        return free(machines).resume(block, outputs, 0, logits);
    }
    let (mut first, mut rest) = (0, logits);
    let mut work = Vec::with_capacity(shares.len());
    for (machine, n) in machines.iter().zip(shares) {
        let (logits, others) = rest.split_at_mut(n * CLASSES);
        work.push((machine, first, &outputs[first * len..][..n * len], logits));
        (first, rest) = (first + n, others);
    }
    together(work, |(machine, first, outputs, logits)| lock(machine).resume(block, outputs, first, logits))
}

/// Does all of it at once, a thread each; of several errors the first counts.
fn together<W: Send>(work: Vec<W>, done: impl Fn(W) -> Result<(), EngineError> + Sync) -> Result<(), EngineError> {
    thread::scope(|scope| {
        let threads: Vec<_> = work.into_iter().map(|w| scope.spawn(|| done(w))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        threads.into_iter().map(join).fold(Ok(()), Result::and)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_and_nobody_gets_nothing() {
        assert_eq!(shares(7, 3), [3, 2, 2]);
        assert_eq!(shares(2, 4), [1, 1]);
        assert_eq!(shares(5, 1), [5]);
        assert_eq!(shares(0, 2), [0]);
    }
}
