//! The multiplications: at each point, [tiles x c_read] times [c_read x 16].

use crate::isa::Isa;
use crate::lanes::Lanes;
use crate::ops::strip::accumulate;

/// One point and one panel: `m[t] = v[t] * panel`, with `v` `[tiles, c_read]`; every strip of `m` is overwritten.
#[inline(always)]
pub(super) fn multiply<I: Isa>(isa: I, v: &[f32], panel: &[Lanes], m: &mut [Lanes]) {
    let tiles = m.len();
    // Strips as equal as can be: 14 tiles are 5 + 5 + 4 and not 6 + 6 + 2.
    let strips = tiles.div_ceil(I::ROWS.min(6));
    let mut first = 0;
    for strip in 0..strips {
        let next = tiles * (strip + 1) / strips;
        let (v, m) = (&v[first * panel.len()..next * panel.len()], &mut m[first..next]);
        match next - first {
            1 => multiply_strip::<I, 1>(isa, v, panel, m),
            2 => multiply_strip::<I, 2>(isa, v, panel, m),
            3 => multiply_strip::<I, 3>(isa, v, panel, m),
            4 => multiply_strip::<I, 4>(isa, v, panel, m),
            5 => multiply_strip::<I, 5>(isa, v, panel, m),
            _ => multiply_strip::<I, 6>(isa, v, panel, m),
        }
        first = next;
    }
}

#[inline(always)]
fn multiply_strip<I: Isa, const M: usize>(isa: I, v: &[f32], panel: &[Lanes], m: &mut [Lanes]) {
    let rows: [&[f32]; M] = std::array::from_fn(|r| &v[r * panel.len()..][..panel.len()]);
    let mut sums = [[0f32; 16]; M];
    accumulate(isa, rows, panel, &mut sums);
    for (m, sums) in m.iter_mut().zip(sums) {
        m.0 = sums;
    }
}
