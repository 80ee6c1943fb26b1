//! One product of tiles: model and processor against the definition, bit by bit.

use backlit_testkit::random::Random;

use super::super::conv::{Machine, Unit};
use super::super::model::ModelTiles;
use super::super::{Line, TILE_ROWS, TileSums, Tiles};
use super::machines;
use crate::bf16::{round, widen};
use crate::isa::{Isa, Job};

/// Numbers from a row of a tile to the next, where rows overlap.
const STEP: usize = 6;
/// Numbers from the first of two such tiles to the other.
const APART: usize = 7;

/// Two tiles of weights, multiplied with two of pixels, and then with two of overlapping windows.
struct Twice<'a> {
    machine: Machine,
    rows: usize,
    pixels: &'a [Line],
    windows: &'a [u16],
    weights: &'a [Line; 2 * TILE_ROWS],
    sums: &'a mut [TileSums; 2],
}

impl Job for Twice<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        match self.machine.unit {
            #[cfg(target_arch = "x86_64")]
            Unit::Amx(amx) => twice(&mut amx.tiles(self.rows), &self),
            Unit::Model => twice(&mut ModelTiles::new(isa, self.rows), &self),
        }
        .into_iter()
        .zip(self.sums.iter_mut())
        .for_each(|(from, to)| *to = from);
    }
}

#[inline(always)]
fn twice<T: Tiles>(tiles: &mut T, job: &Twice<'_>) -> [TileSums; 2] {
    let mut sums = [[[[f32::NAN; 16]; TILE_ROWS]; 2]; 2];
    tiles.zero_sums();
    tiles.load_pixels::<0>(job.pixels);
    tiles.load_pixels::<1>(&job.pixels[job.rows..]);
    let halves = job.weights.as_chunks::<TILE_ROWS>().0;
    tiles.load_weights::<0>(&halves[0]);
    tiles.load_weights::<1>(&halves[1]);
    tiles.multiply();
    tiles.load_windows::<0>(job.windows, STEP);
    tiles.load_windows::<1>(&job.windows[APART..], STEP);
    tiles.multiply();
    tiles.store_sums(&mut sums);
    sums
}

fn flush(x: f32) -> f32 {
    if x.is_subnormal() { 0.0 * x } else { x }
}

/// The definition, number by number: `sum + (even + odd)`.
fn defined(sum: f32, pixels: &Line, weights: &[Line], column: usize) -> f32 {
    let mut partial = [0f32; 2];
    for (pair, weights) in weights.iter().enumerate() {
        for odd in 0..2 {
            let x = flush(widen(pixels.0[2 * pair + odd]));
            let w = flush(widen(weights.0[2 * column + odd]));
            partial[odd] = flush(x.mul_add(w, partial[odd]));
        }
    }
    flush(sum + flush(partial[0] + partial[1]))
}

/// Random numbers whose exponents spread over `spread` powers of two around `2^centre`, with zeros among them.
fn lines(random: Random, count: usize, centre: i32, spread: u64) -> Vec<Line> {
    let number = |at: usize| {
        let bits = random.stream(1).bits(at);
        let exponent = centre + (bits % spread) as i32 - spread as i32 / 2;
        if bits >> 32 & 15 == 0 { 0 } else { round((f64::from(random.signed(at)) * 2f64.powi(exponent)) as f32) }
    };
    (0..count).map(|line| Line(std::array::from_fn(|l| number(line * 32 + l)))).collect()
}

#[test]
fn every_bit_is_as_defined() {
    // Ordinary numbers; such that products are subnormal, and numbers are; such that sums overflow.
    let cases = [(0, 0, 8), (-10, 3, 30), (-63, -63, 12), (-120, 0, 16), (0, -126, 10), (63, 63, 6)];
    for (name, machine) in machines() {
        for rows in [1, 2, 7, 13, 16] {
            for (case, &(x, w, spread)) in cases.iter().enumerate() {
                let random = Random::new(case as u64).stream(rows as u64);
                let pixels = lines(random.stream(0), 2 * rows, x, spread);
                let weights: [Line; 32] = lines(random.stream(1), 32, w, spread).try_into().expect("32 lines");
                let mut sums = [[[[f32::NAN; 16]; TILE_ROWS]; 2]; 2];
                let numbers: Vec<u16> = lines(random.stream(2), 5, x, spread).iter().flat_map(|line| line.0).collect();
                // Not one more than it takes.
                let windows = &numbers[..APART + (rows - 1) * STEP + 32];
                machine.token.run(Twice {
                    machine,
                    rows,
                    pixels: &pixels,
                    windows,
                    weights: &weights,
                    sums: &mut sums,
                });
                let mut nonzero = 0;
                for (m, n) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    for (row, column) in (0..TILE_ROWS).flat_map(|r| (0..16).map(move |c| (r, c))) {
                        let found = sums[m][n][row][column];
                        if row >= rows {
                            assert!(found.is_nan(), "{name}: row {row} of {rows} was written");
                            continue;
                        }
                        let weights = &weights[n * TILE_ROWS..][..TILE_ROWS];
                        let first = defined(0.0, &pixels[m * rows + row], weights, column);
                        let (window, _) = windows[m * APART + row * STEP..].split_first_chunk().expect("32 numbers");
                        let expected = defined(first, &Line(*window), weights, column);
                        let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
                        assert!(same, "{name}, case {case}, row {row}, column {column}: {found:e}, not {expected:e}");
                        nonzero += usize::from(expected != 0.0);
                    }
                }
                assert!(nonzero > 0, "case {case} shows nothing");
            }
        }
    }
}

#[test]
#[should_panic(expected = "32 numbers")]
fn a_window_that_ends_too_soon() {
    ModelTiles::new(crate::isa::Portable, 3).load_windows::<0>(&[0; 2 * STEP + 31], STEP);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_window_that_ends_too_soon_for_the_processor() {
    let Ok(amx) = crate::isa::Amx::new() else {
        return println!("SKIPPED: no AMX");
    };
    for (rows, step, len) in [(3, STEP, 2 * STEP + 31), (1, STEP, 31), (2, usize::MAX, 64), (16, usize::MAX / 8, 64)] {
        let load = || amx.tiles(rows).load_windows::<1>(&vec![0; len], step);
        assert!(std::panic::catch_unwind(load).is_err(), "{rows} rows, {step} apart, of {len} numbers");
    }
}

#[test]
#[should_panic(expected = "1 to 16 rows")]
fn a_tile_of_no_rows() {
    ModelTiles::new(crate::isa::Portable, 0);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn tiles_of_the_processor_are_set_up_once_a_thread() {
    let Ok(amx) = crate::isa::Amx::new() else {
        return println!("SKIPPED: no AMX");
    };
    let first = amx.tiles(16);
    assert!(std::panic::catch_unwind(|| drop(amx.tiles(8))).is_err(), "a second would confuse the first");
    drop(first);
    drop(amx.tiles(8));
    std::thread::scope(|scope| scope.spawn(|| drop(amx.tiles(3))).join().expect("another thread has its own"));
}
