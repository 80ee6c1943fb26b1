//! Tensor maps without a driver, for tests of the emulator. What the driver would refuse is not refused here.

use std::ffi::c_void;

use crate::install;

/// The 128 bytes of a tensor map, to be put into the parameters of a kernel at a multiple of 64 bytes.
pub type TensorMap = [u64; 16];

/// What both kinds of map say of a tensor. Dimensions innermost first.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    /// Address of its first element.
    pub address: u64,
    /// Bytes an element.
    pub element: u32,
    /// Elements of each dimension.
    pub dims: &'a [u64],
    /// Bytes from one to the next, of all dimensions but the innermost.
    pub strides: &'a [u64],
    /// Every how many-th element is taken, of each dimension.
    pub steps: &'a [u32],
    /// 0 none, 1, 2, 3 for rows of 32, 64, 128 bytes.
    pub swizzle: u32,
}

/// A map that is read in boxes.
pub fn tiled(x: &Tensor<'_>, size: &[u32]) -> TensorMap {
    type Encode =
        unsafe extern "C" fn(*mut c_void, *const c_void, u32, u32, *const u64, *const u64, *const u32, *const u32, u32);
    let rank = rank(x);
    assert_eq!(size.len(), rank as usize);
    let mut map = [0; 16];
    // SAFETY: the symbol is ours and has this signature; the map has 128 bytes, the arrays `rank` elements (strides: one
    // less). The address is only stored.
    unsafe {
        let f: libloading::Symbol<'_, Encode> = install().get(b"emu_tensor_map_tiled\0").expect("it is exported");
        let (dims, strides, steps) = (x.dims.as_ptr(), x.strides.as_ptr(), x.steps.as_ptr());
        let (to, base) = (map.as_mut_ptr().cast(), x.address as *const c_void);
        f(to, base, x.element, rank, dims, strides, size.as_ptr(), steps, x.swizzle);
    }
    map
}

/// A map that is read in runs of `pixels` pixels of `channels` channels. `lower`, `upper`: corners of the box of pixels
/// that a run walks through, innermost (W) first.
pub fn im2col(x: &Tensor<'_>, lower: &[i32], upper: &[i32], channels: u32, pixels: u32) -> TensorMap {
    type Encode = unsafe extern "C" fn(
        *mut c_void,
        *const c_void,
        u32,
        u32,
        *const u64,
        *const u64,
        *const i32,
        *const i32,
        u32,
        u32,
        *const u32,
        u32,
    );
    let rank = rank(x);
    assert_eq!((lower.len() + 2, upper.len() + 2), (rank as usize, rank as usize));
    let mut map = [0; 16];
    // SAFETY: as in `tiled`; the corners have `rank - 2` elements.
    unsafe {
        let f: libloading::Symbol<'_, Encode> = install().get(b"emu_tensor_map_im2col\0").expect("it is exported");
        let (dims, strides, steps) = (x.dims.as_ptr(), x.strides.as_ptr(), x.steps.as_ptr());
        let (to, base) = (map.as_mut_ptr().cast(), x.address as *const c_void);
        let (lower, upper) = (lower.as_ptr(), upper.as_ptr());
        f(to, base, x.element, rank, dims, strides, lower, upper, channels, pixels, steps, x.swizzle);
    }
    map
}

fn rank(x: &Tensor<'_>) -> u32 {
    assert!(x.strides.len() + 1 == x.dims.len() && x.steps.len() == x.dims.len() && x.dims.len() <= 5);
    x.dims.len() as u32
}
