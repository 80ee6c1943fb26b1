//! The shortcut's addition.
//!
//! ```text
//! forward         y = branch + shortcut
//! input gradient  dbranch = dy,   dshortcut = dy
//! ```

use crate::Real;

/// Forward, in place: adds `shortcut` to `branch`.
///
/// # Panics
/// If the lengths differ.
pub fn residual_fwd<T: Real>(branch: &mut [T], shortcut: &[T]) {
    assert_eq!(branch.len(), shortcut.len());
    for (y, &s) in branch.iter_mut().zip(shortcut) {
        *y += s;
    }
}

/// Where the paths part, going forward, their gradients meet, going back: adds `from_shortcut` to `from_branch`.
///
/// # Panics
/// If the lengths differ.
pub fn residual_dgrad<T: Real>(from_branch: &mut [T], from_shortcut: &[T]) {
    residual_fwd(from_branch, from_shortcut);
}
