//! Memory for activations and gradients, used again from layer to layer and from call to call.
//!
//! A fresh allocation of a few megabytes costs a page fault for every 4 KiB of it, and the system zeroes each page:
//! for a whole pass that is time a layer could have used.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Buffers that nobody uses at the moment.
#[derive(Default)]
pub(crate) struct Buffers(Mutex<Vec<Vec<f32>>>);

/// A slice on loan; it goes back when dropped.
pub(crate) struct Buffer<'a> {
    owner: &'a Buffers,
    data: Vec<f32>,
}

impl Buffers {
    /// `len` floats of no particular value: whoever asks must write all of them.
    pub(crate) fn take(&self, len: usize) -> Buffer<'_> {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The smallest that is large enough.
        let fits = free.iter().enumerate().filter(|(_, b)| b.capacity() >= len);
        let best = fits.min_by_key(|(_, b)| b.capacity()).map(|(i, _)| i);
        let mut data = best.map_or_else(Vec::new, |i| free.swap_remove(i));
        drop(free);
        data.resize(len, 0.0);
        // In tests, a value that is read before it is written must show.
        if cfg!(debug_assertions) {
            data.fill(f32::NAN);
        }
        Buffer { owner: self, data }
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        let data = std::mem::take(&mut self.data);
        self.owner.0.lock().unwrap_or_else(PoisonError::into_inner).push(data);
    }
}

impl Deref for Buffer<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.data
    }
}

impl DerefMut for Buffer<'_> {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_is_used_again() {
        let buffers = Buffers::default();
        let (small, large) = (buffers.take(10), buffers.take(1000));
        let at = large.as_ptr();
        drop((small, large));
        let again = buffers.take(500);
        assert_eq!((again.as_ptr(), again.len()), (at, 500));
        assert!(!cfg!(debug_assertions) || again.iter().all(|v| v.is_nan()), "tests must see what was not written");
    }
}
