//! Memory that is used again from layer to layer and from call to call.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use super::Line;

/// What a [`Pool`] can hold.
pub(crate) trait Cell: Copy + Send + Sync {
    /// For memory that nobody has written yet; in tests, a value that shows.
    const FRESH: Self;
}

impl Cell for Line {
    // A NaN in bfloat16, where it may be read before it is written.
    const FRESH: Line = Line([if cfg!(debug_assertions) { 0x7fc0 } else { 0 }; 32]);
}

impl Cell for f32 {
    const FRESH: f32 = if cfg!(debug_assertions) { f32::NAN } else { 0.0 };
}

impl Cell for u32 {
    const FRESH: u32 = if cfg!(debug_assertions) { 0xA5A5_A5A5 } else { 0 };
}

/// Slices that nobody uses at the moment.
pub(crate) struct Pool<T>(Mutex<Vec<Vec<T>>>);

impl<T> Default for Pool<T> {
    fn default() -> Pool<T> {
        Pool(Mutex::default())
    }
}

/// A slice on loan; it goes back when dropped.
pub(crate) struct Loan<'a, T> {
    owner: &'a Pool<T>,
    data: Vec<T>,
}

impl<T: Cell> Pool<T> {
    /// `len` values, none in particular.
    pub(crate) fn take(&self, len: usize) -> Loan<'_, T> {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The smallest that is large enough; else the largest grows.
        let fits = (0..free.len()).filter(|&i| free[i].capacity() >= len).min_by_key(|&i| free[i].capacity());
        let best = fits.or_else(|| (0..free.len()).max_by_key(|&i| free[i].capacity()));
        let mut data = best.map_or_else(Vec::new, |i| free.swap_remove(i));
        drop(free);
        data.resize(len, T::FRESH);
        if cfg!(debug_assertions) {
            data.fill(T::FRESH);
        }
        Loan { owner: self, data }
    }
}

impl<T> Drop for Loan<'_, T> {
    fn drop(&mut self) {
        let data = std::mem::take(&mut self.data);
        self.owner.0.lock().unwrap_or_else(PoisonError::into_inner).push(data);
    }
}

impl<T> Deref for Loan<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.data
    }
}

impl<T> DerefMut for Loan<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.data
    }
}
