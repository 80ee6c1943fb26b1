//! Colormaps given as straight lines between knots, tabulated as Matplotlib tabulates its `LinearSegmentedColormap`.
//!
//! The bytes must equal Matplotlib's, so the arithmetic follows the same order of operations in f64.

use super::Table;

/// One channel: (position, value), both 0 to 1, positions ascending from 0 to 1.
type Knots = [(f64, f64)];

/// Matplotlib's `jet`; the knots are those of its `_jet_data`.
pub(super) static JET: Table = tabulate(
    &[(0.0, 0.0), (0.35, 0.0), (0.66, 1.0), (0.89, 1.0), (1.0, 0.5)],
    &[(0.0, 0.0), (0.125, 0.0), (0.375, 1.0), (0.64, 1.0), (0.91, 0.0), (1.0, 0.0)],
    &[(0.0, 0.5), (0.11, 1.0), (0.34, 1.0), (0.65, 0.0), (1.0, 0.0)],
);

/// Matplotlib's `hot`: black, red, yellow, white.
pub(super) static HOT: Table = tabulate(
    &[(0.0, 0.0416), (0.365079, 1.0), (1.0, 1.0)],
    &[(0.0, 0.0), (0.365079, 0.0), (0.746032, 1.0), (1.0, 1.0)],
    &[(0.0, 0.0), (0.746032, 0.0), (1.0, 1.0)],
);

/// Matplotlib's `bwr`: blue, white, red.
pub(super) static BWR: Table = tabulate(
    &[(0.0, 0.0), (0.5, 1.0), (1.0, 1.0)],
    &[(0.0, 0.0), (0.5, 1.0), (1.0, 0.0)],
    &[(0.0, 1.0), (0.5, 1.0), (1.0, 0.0)],
);

/// Matplotlib's `seismic`: dark blue, blue, white, red, dark red.
pub(super) static SEISMIC: Table = tabulate(
    &[(0.0, 0.0), (0.25, 0.0), (0.5, 1.0), (0.75, 1.0), (1.0, 0.5)],
    &[(0.0, 0.0), (0.25, 0.0), (0.5, 1.0), (0.75, 0.0), (1.0, 0.0)],
    &[(0.0, 0.3), (0.25, 1.0), (0.5, 1.0), (0.75, 0.0), (1.0, 0.0)],
);

/// Matplotlib's `gray`: black to white.
pub(super) static GREY: Table =
    tabulate(&[(0.0, 0.0), (1.0, 1.0)], &[(0.0, 0.0), (1.0, 1.0)], &[(0.0, 0.0), (1.0, 1.0)]);

/// The three channels at 256 positions, as bytes.
const fn tabulate(red: &Knots, green: &Knots, blue: &Knots) -> Table {
    let mut table = [[0u8; 3]; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = [byte(red, n), byte(green, n), byte(blue, n)];
        n += 1;
    }
    table
}

/// Entry `n` of one channel: the value at n/255, times 255, truncated.
const fn byte(knots: &Knots, n: usize) -> u8 {
    let last = knots.len() - 1;
    let value = match n {
        0 => knots[0].1,
        255 => knots[last].1,
        _ => {
            let at = 255.0 * (n as f64 * (1.0 / 255.0));
            let mut k = 1;
            while k < last && knots[k].0 * 255.0 < at {
                k += 1;
            }
            let ((x0, y0), (x1, y1)) = (knots[k - 1], knots[k]);
            let (x0, x1) = (x0 * 255.0, x1 * 255.0);
            (at - x0) / (x1 - x0) * (y1 - y0) + y0
        }
    };
    (value * 255.0) as u8
}
