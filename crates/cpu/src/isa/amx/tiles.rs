//! The instructions on tiles, one by one.

use std::arch::asm;
use std::cell::Cell;
use std::marker::PhantomData;

use crate::tiles::{Line, TILE_ROWS, TileSums, Tiles};

/// The tiles of this thread, set up; released when dropped.
///
/// Registers 0 to 3 hold sums, 4 and 5 pixels, 6 and 7 weights, as [`Tiles`] wants.
///
/// What one `asm!` leaves in a tile, a later one finds there: the compiler writes tiles only for code that is built
/// with AMX enabled, and nothing in this process is; a block that is not `pure` is neither dropped nor moved past
/// another; and the system saves tiles when it switches threads, which is what permission was asked for. A signal
/// handler or a library that uses tiles of its own has to put them back, as with every register.
pub(crate) struct AmxTiles {
    rows: usize,
    /// Tiles belong to a thread, so this must not be sent to another.
    _here: PhantomData<*const ()>,
}

thread_local! {
    /// Whether an [`AmxTiles`] lives on this thread: a second would change the number of rows that the first checks
    /// its slices against.
    static IN_USE: Cell<bool> = const { Cell::new(false) };
}

/// What LDTILECFG reads (Intel SDM volume 1, chapter 18): palette 1, then bytes a row and rows of each tile.
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// Bytes from a row of a tile to the next, in memory.
const STRIDE: usize = 64;

/// Numbers in a row of a tile.
const ROW: usize = STRIDE / size_of::<u16>();

impl AmxTiles {
    #[allow(unsafe_code)]
    pub(super) fn set_up(rows: usize) -> AmxTiles {
        assert!((1..=TILE_ROWS).contains(&rows), "a tile has 1 to 16 rows, not {rows}");
        assert!(!IN_USE.replace(true), "this thread has tiles set up already");
        let mut config = Config { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        for tile in 0..8 {
            config.row_bytes[tile] = STRIDE as u16;
            config.rows[tile] = if tile < 6 { rows } else { TILE_ROWS } as u8;
        }
        // SAFETY: called by `Amx::tiles` alone, whose token proves that the instruction exists and that tiles may be
        // used. It reads the 64 bytes of `config`, a valid palette 1, and clears all eight tiles, which no other code
        // of this process uses.
        unsafe {
            asm!(
                "ldtilecfg [{config}]", config = in(reg) &config, options(nostack, preserves_flags, readonly),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            );
        }
        AmxTiles { rows, _here: PhantomData }
    }
}

impl Drop for AmxTiles {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: an `AmxTiles` exists only after `set_up` on this same thread (it is not `Send`), so the instruction
        // exists. It marks all tiles as unused, which spares the system saving them.
        unsafe {
            asm!(
                "tilerelease", options(nomem, nostack, preserves_flags),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            );
        }
        IN_USE.set(false);
    }
}

/// One load; the register is part of the instruction, so there is one `asm!` for each. Rows are `$stride` bytes apart.
macro_rules! load {
    ($tile:tt, $from:expr, $stride:expr) => {
        asm!(
            concat!("tileloadd ", $tile, ", [{from} + {stride}]"),
            from = in(reg) $from, stride = in(reg) $stride, out($tile) _,
            options(nostack, preserves_flags, readonly),
        )
    };
}

macro_rules! store {
    ($tile:tt, $to:expr) => {
        asm!(
            concat!("tilestored [{to} + {stride}], ", $tile),
            to = in(reg) $to, stride = in(reg) STRIDE, options(nostack, preserves_flags),
        )
    };
}

macro_rules! zero {
    ($tile:tt) => {
        asm!(concat!("tilezero ", $tile), out($tile) _, options(nomem, nostack, preserves_flags))
    };
}

macro_rules! multiply {
    ($sums:tt, $pixels:tt, $weights:tt) => {
        asm!(
            concat!("tdpbf16ps ", $sums, ", ", $pixels, ", ", $weights),
            out($sums) _, options(nomem, nostack, preserves_flags),
        )
    };
}

impl Tiles for AmxTiles {
    #[inline(always)]
    #[allow(unsafe_code)]
    fn zero_sums(&mut self) {
        // SAFETY: `self` exists, so tiles are set up on this thread; only tile registers are written.
        unsafe {
            zero!("tmm0");
            zero!("tmm1");
            zero!("tmm2");
            zero!("tmm3");
        }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn load_pixels<const M: usize>(&mut self, from: &[Line]) {
        assert!(from.len() >= self.rows);
        let from = from.as_ptr();
        // SAFETY: tiles are set up on this thread, 4 and 5 with `rows` rows of 64 bytes, and `from` holds as many lines
        // of 64 bytes, one behind the other.
        unsafe {
            match M {
                0 => load!("tmm4", from, STRIDE),
                _ => load!("tmm5", from, STRIDE),
            }
        }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn load_windows<const M: usize>(&mut self, from: &[u16], step: usize) {
        // Divided, for a product might overflow.
        let fit = from.len() >= ROW && (self.rows == 1 || step <= (from.len() - ROW) / (self.rows - 1));
        assert!(fit, "32 numbers a row, of {} numbers", from.len());
        // Of one row, any step will do.
        let (from, stride) = (from.as_ptr(), step.wrapping_mul(size_of::<u16>()));
        // SAFETY: tiles are set up on this thread, 4 and 5 with `rows` rows of 32 numbers of two bytes, and the last of
        // them, `rows - 1` steps behind the first, ends where `from` ends or before.
        unsafe {
            match M {
                0 => load!("tmm4", from, stride),
                _ => load!("tmm5", from, stride),
            }
        }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn load_weights<const N: usize>(&mut self, from: &[Line; TILE_ROWS]) {
        let from = from.as_ptr();
        // SAFETY: tiles are set up on this thread, 6 and 7 with 16 rows of 64 bytes, which is what `from` holds.
        unsafe {
            match N {
                0 => load!("tmm6", from, STRIDE),
                _ => load!("tmm7", from, STRIDE),
            }
        }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn multiply(&mut self) {
        // SAFETY: tiles are set up on this thread with shapes that fit each other (rows x 16 pairs, 16 pairs x 16, rows
        // x 16); only tile registers are read and written.
        unsafe {
            multiply!("tmm0", "tmm4", "tmm6");
            multiply!("tmm1", "tmm4", "tmm7");
            multiply!("tmm2", "tmm5", "tmm6");
            multiply!("tmm3", "tmm5", "tmm7");
        }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn store_sums(&mut self, to: &mut [TileSums; 2]) {
        let [[a, b], [c, d]] = to;
        // SAFETY: tiles are set up on this thread, 0 to 3 with at most 16 rows of 64 bytes, and each of the four arrays
        // has room for 16 such rows.
        unsafe {
            store!("tmm0", a.as_mut_ptr());
            store!("tmm1", b.as_mut_ptr());
            store!("tmm2", c.as_mut_ptr());
            store!("tmm3", d.as_mut_ptr());
        }
    }
}
