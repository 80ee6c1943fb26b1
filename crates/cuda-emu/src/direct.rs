//! Launches by name on emulator memory, without a driver: for tests of the emulator and its checker.

use std::ffi::{CString, c_char, c_void};
use std::marker::PhantomData;

use bytemuck::Pod;

use crate::{install, last_error};

/// A buffer of the emulated device.
pub struct Memory<T> {
    address: *mut c_void,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Pod> Memory<T> {
    /// `len` elements, never written: 0xff everywhere.
    pub fn new(name: &str, len: usize) -> Memory<T> {
        Memory::alloc(name, len, false)
    }

    /// A copy of `values`.
    pub fn from(name: &str, values: &[T]) -> Memory<T> {
        let memory = Memory::alloc(name, values.len(), true);
        // SAFETY: both have `len` elements, and nobody else knows the new one.
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), memory.address.cast(), values.len()) };
        memory
    }

    fn alloc(name: &str, len: usize, written: bool) -> Memory<T> {
        let name = CString::new(name).expect("names have no zero byte");
        // SAFETY: the symbol is ours and has this signature.
        let address = unsafe {
            let f: libloading::Symbol<'_, unsafe extern "C" fn(usize, i32, *const c_char) -> *mut c_void> =
                install().get(b"emu_alloc\0").expect("the library exports it");
            f((len * size_of::<T>()).max(1), i32::from(written), name.as_ptr())
        };
        assert!(!address.is_null(), "the emulated device has no memory left");
        Memory { address, len, element: PhantomData }
    }

    /// Where it is, for parameters.
    pub fn address(&self) -> u64 {
        self.address as u64
    }

    /// What it holds.
    pub fn read(&self) -> Vec<T> {
        // SAFETY: it has `len` elements, any bytes make an element, and launches run to their end before they return.
        unsafe { std::slice::from_raw_parts(self.address.cast::<T>(), self.len) }.to_vec()
    }
}

impl<T> Drop for Memory<T> {
    fn drop(&mut self) {
        // SAFETY: the symbol is ours and has this signature; the address came from `emu_alloc`.
        unsafe {
            let f: libloading::Symbol<'_, unsafe extern "C" fn(*mut c_void)> =
                install().get(b"emu_free\0").expect("the library exports it");
            f(self.address);
        }
    }
}

/// How many threads, and how much shared memory each block has.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Blocks, in x.
    pub blocks: u32,
    /// Threads a block, in x.
    pub threads: u32,
    /// Dynamic shared memory, bytes.
    pub shared: u32,
}

/// Runs a kernel as [`crate::with`] says, to its end.
///
/// # Errors
/// What the emulator or the checker has found.
///
/// # Safety
/// `parameters` is the kernel's parameter struct, and its addresses are of live [`Memory`]. A kernel may be as wrong as
/// it likes if it runs checked; else what it does outside its buffers may do harm.
pub unsafe fn launch<P: Pod>(kernel: &str, shape: Shape, parameters: &P) -> Result<(), String> {
    type Direct = unsafe extern "C" fn(*const c_char, *const c_void, usize, *const u32, *const u32, u32) -> i32;
    let name = CString::new(kernel).expect("names have no zero byte");
    let (grid, block) = ([shape.blocks, 1, 1], [shape.threads, 1, 1]);
    // SAFETY: the symbol is ours and has this signature; the arrays have three elements; the caller vouches for the rest.
    let code = unsafe {
        let f: libloading::Symbol<'_, Direct> = install().get(b"emu_direct\0").expect("the library exports it");
        f(
            name.as_ptr(),
            std::ptr::from_ref(parameters).cast(),
            size_of::<P>(),
            grid.as_ptr(),
            block.as_ptr(),
            shape.shared,
        )
    };
    if code == 0 { Ok(()) } else { Err(last_error()) }
}

/// A tensor map of a matrix of 16-bit elements, `rows` x `columns`, read in boxes. `swizzle`: 0 none, 1, 2, 3 for rows of
/// 32, 64, 128 bytes.
pub fn tensor_map(
    x: &Memory<u16>,
    [rows, columns]: [u32; 2],
    [box_rows, box_columns]: [u32; 2],
    swizzle: u32,
) -> [u64; 16] {
    type Encode = unsafe extern "C" fn(*mut c_void, *const c_void, u32, u32, u32, u64, u32, u32, u32);
    let mut map = [0u64; 16];
    // SAFETY: the symbol is ours and has this signature; the map has 128 bytes.
    unsafe {
        let f: libloading::Symbol<'_, Encode> = install().get(b"emu_tensor_map_2d\0").expect("the library exports it");
        let (to, base, stride) = (map.as_mut_ptr().cast(), x.address.cast_const(), 2 * u64::from(columns));
        f(to, base, 2, columns, rows, stride, box_columns, box_rows, swizzle);
    }
    map
}
