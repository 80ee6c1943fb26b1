//! The 3x3 stride-2 max-pool after the stem, row by row.
//!
//! Forward keeps one code a window: the winner's position, 0 to 8 in row-major order, or 15 where no element is
//! positive. The code also tells whether the winner's gate is open: the pool and the ReLU before it go back in one
//! step, and forward needs no ReLU of its own.
//!
//! A code takes four bits: of 64 channels, the first 32 are in the low halves of 32 bytes and the others in the high
//! halves, so that vectors pack and unpack them without moving a lane. That is 100 KB an image.
//!
//! A window without a positive element is all zeros, and its first position wins. Only the rectified rule, which
//! has no forward gate, can tell: it lets a gradient through there.

use backlit_net::Rule;
use backlit_net::arch::PoolBorder;
use rayon::prelude::*;

use super::stem::{C_OUT as CHANNELS, MapRow, OUTPUT_LEN as INPUT_LEN, SIDE_OUT as SIDE_IN};
use crate::isa::{Isa, Job, Token};

/// Rows and columns of the output.
pub const SIDE_OUT: usize = 56;
/// Floats of an output row.
pub(super) const ROW: usize = SIDE_OUT * CHANNELS;
/// Floats of one image's output.
pub const OUTPUT_LEN: usize = SIDE_OUT * ROW;
/// Bytes of an output row's codes.
pub(super) const CODES_ROW: usize = ROW / 2;
/// Bytes of one image's codes.
pub const CODES_LEN: usize = SIDE_OUT * CODES_ROW;
/// The code of a window without a positive element.
const NOTHING: u8 = 15;
/// Bytes of one pixel's codes.
const PACKED: usize = CHANNELS / 2;

#[inline(always)]
fn pack(codes: &[u32; CHANNELS], packed: &mut [u8; PACKED]) {
    for l in 0..PACKED {
        packed[l] = (codes[l] | codes[l + PACKED] << 4) as u8;
    }
}

#[inline(always)]
fn unpack(packed: &[u8; PACKED], codes: &mut [u8; CHANNELS]) {
    for l in 0..PACKED {
        codes[l] = packed[l] & 15;
        codes[l + PACKED] = packed[l] >> 4;
    }
}

/// The three rows of the map under a row of windows, before the ReLU, to that row of the output and its codes.
///
/// Rows and columns outside the map are zeros. No result is negative, so they decide nothing, whatever the border.
#[inline(always)]
pub(super) fn forward_row(rows: [&MapRow; 3], y: &mut [f32], codes: &mut [u8]) {
    let y = y.as_chunks_mut::<CHANNELS>().0.iter_mut();
    for (q, (y, codes)) in y.zip(codes.as_chunks_mut::<PACKED>().0).enumerate() {
        let x: [&[f32; CHANNELS]; 9] = std::array::from_fn(|code| rows[code / 3].column(2 * q + code % 3));
        let mut winner = [0; CHANNELS];
        for l in 0..CHANNELS {
            let (mut best, mut code) = (0f32, u32::from(NOTHING));
            for i in 0..9 {
                // A NaN wins over everything, so that it is seen.
                let wins = (x[i][l] > best) | x[i][l].is_nan();
                code = if wins { i as u32 } else { code };
                best = if wins { x[i][l] } else { best };
            }
            (y[l], winner[l]) = (best, code);
        }
        pack(&winner, codes);
    }
}

/// The gradient of the pool's output on its way back: under which rule, and what forward left.
#[derive(Clone, Copy)]
pub struct Back<'a> {
    /// What the windows saw beyond the map.
    pub border: PoolBorder,
    /// How a gradient passes the stem's ReLU.
    pub rule: Rule,
    /// `[n, 56, 56, 32]`.
    pub codes: &'a [u8],
    /// `[n, 56, 56, 64]`.
    pub dy: &'a [f32],
}

impl Back<'_> {
    /// The part of one image.
    pub(super) fn image(self, i: usize) -> Self {
        Back { codes: &self.codes[i * CODES_LEN..][..CODES_LEN], dy: &self.dy[i * OUTPUT_LEN..][..OUTPUT_LEN], ..self }
    }

    /// Who wins a window of zeros: its first position, be it in a border of zeros.
    #[inline(always)]
    fn first_of(&self, p: usize, q: usize) -> u8 {
        match self.border {
            PoolBorder::Zero => 0,
            PoolBorder::NegativeInfinity => 3 * u8::from(p == 0) + u8::from(q == 0),
        }
    }

    /// Row `h` of the map's gradient, `[112, 64]`, overwritten: back through the pool and the stem's ReLU.
    #[inline(always)]
    pub(super) fn row(self, h: usize, dx: &mut [f32]) {
        dx.fill(0.0);
        let dx = dx.as_chunks_mut::<CHANNELS>().0;
        for (p, r) in windows(h) {
            let codes = self.codes[p * CODES_ROW..][..CODES_ROW].as_chunks::<PACKED>().0;
            let dy = self.dy[p * ROW..][..ROW].as_chunks::<CHANNELS>().0;
            for (q, (packed, dy)) in codes.iter().zip(dy).enumerate() {
                let mut codes = [0; CHANNELS];
                unpack(packed, &mut codes);
                if self.rule == Rule::Rectified {
                    let first = self.first_of(p, q);
                    for code in &mut codes {
                        *code = if *code == NOTHING { first } else { *code };
                    }
                }
                for s in usize::from(q == 0)..3 {
                    add_where(&codes, (3 * r + s) as u8, dy, &mut dx[2 * q + s - 1]);
                }
            }
        }
        let dx = dx.as_flattened_mut();
        if self.rule != Rule::Plain {
            for dx in dx {
                *dx = if *dx > 0.0 { *dx } else { 0.0 };
            }
        }
    }
}

/// Adds `dy` where the code is `code`.
#[inline(always)]
fn add_where(codes: &[u8; CHANNELS], code: u8, dy: &[f32; CHANNELS], dx: &mut [f32; CHANNELS]) {
    for l in 0..CHANNELS {
        // All ones where it is: a mask instead of a branch for every lane.
        let mask = 0u32.wrapping_sub(u32::from(codes[l] == code));
        dx[l] += f32::from_bits(dy[l].to_bits() & mask);
    }
}

/// The windows that hold row `h`, as (window, offset inside it), first to last.
fn windows(h: usize) -> impl Iterator<Item = (usize, usize)> {
    let first = h / 2;
    (first..first + 2)
        .filter_map(move |p| (h + 1).checked_sub(2 * p).map(|offset| (p, offset)))
        .filter(|&(p, o)| p < SIDE_OUT && o < 3)
}

/// `back` to the whole gradient of the map, `[n, 112, 112, 64]`, overwritten, for those who want to see it.
pub fn dgrad(token: Token, back: Back<'_>, dx: &mut [f32]) {
    dx.par_chunks_mut(INPUT_LEN / SIDE_IN).enumerate().for_each(|(row, dx)| {
        token.run(DgradRow { back: back.image(row / SIDE_IN), h: row % SIDE_IN, dx });
    });
}

struct DgradRow<'a> {
    back: Back<'a>,
    h: usize,
    dx: &'a mut [f32],
}

impl Job for DgradRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        self.back.row(self.h, self.dx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_and_its_positions_find_each_other() {
        for h in 0..SIDE_IN {
            let found: Vec<_> = windows(h).collect();
            let source = |p: usize, offset: usize| (2 * p + offset).checked_sub(1);
            let expected: Vec<_> = (0..SIDE_OUT)
                .flat_map(|p| (0..3).map(move |r| (p, r)))
                .filter(|&(p, r)| source(p, r) == Some(h))
                .collect();
            assert_eq!(found, expected, "row {h}");
        }
    }

    #[test]
    fn codes_survive_packing() {
        let codes: [u32; CHANNELS] = std::array::from_fn(|l| (l as u32 * 7 + 3) % 16);
        let (mut packed, mut unpacked) = ([0; PACKED], [0; CHANNELS]);
        pack(&codes, &mut packed);
        unpack(&packed, &mut unpacked);
        assert_eq!(unpacked.map(u32::from), codes);
    }
}
