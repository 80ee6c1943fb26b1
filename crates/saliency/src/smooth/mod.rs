//! Gaussian smoothing, as `scipy.ndimage.gaussian_filter` does it with `mode="reflect"`.
//!
//! Two passes, rows mixed first (axis 0) and columns after (axis 1), over a border that mirrors the picture with its
//! edge pixel repeated: `d c b a | a b c d | d c b a`. [`gaussian`] keeps double precision between the passes;
//! [`gaussian_u8`] truncates to whole grey levels after each, as SciPy does for an array of bytes.
//!
//! `blurs` is for many blurs of one picture over a border of zeros, SciPy's `mode="constant"`.

mod blurs;
mod float;
mod separable;
mod taps;
mod uint8;

pub(crate) use blurs::Blurs;
pub use float::gaussian;
pub(crate) use float::gaussian_f64;
pub use taps::{MAX_RADIUS, SmoothError, TRUNCATE, taps};
pub use uint8::gaussian_u8;
