//! Files that other programs read: NumPy arrays, safetensors, JSON. Each appears whole or not at all.

mod arrays;
mod atomic;

pub use arrays::{npy, safetensors};
pub use atomic::{OutputError, write};
