//! The two passes that the float and the byte filter share.

use super::SmoothError;

/// Filters `[height, width, channels]` in place with half a symmetric kernel, along rows first and columns after.
///
/// `finish` is applied to every value after each pass. The sum runs as SciPy's does: the centre first, then pairs from
/// the outermost inward, `acc += (a[-j] + a[j]) * w[j]`.
pub(super) fn filter(
    values: &mut [f64],
    [height, width, channels]: [usize; 3],
    taps: &[f64],
    finish: impl Fn(f64) -> f64,
) -> Result<(), SmoothError> {
    let len = height.checked_mul(width).and_then(|n| n.checked_mul(channels));
    if len != Some(values.len()) {
        return Err(SmoothError::Shape { height, width, channels, found: values.len() });
    }
    if values.is_empty() {
        return Ok(());
    }
    let row = width * channels;
    let mut line = Line::new(taps, height);
    for start in 0..row {
        line.filter(values, start, row, &finish);
    }
    let mut line = Line::new(taps, width);
    for start in (0..height).flat_map(|r| (0..channels).map(move |c| r * row + c)) {
        line.filter(values, start, channels, &finish);
    }
    Ok(())
}

/// One line of pixels with its mirrored border.
struct Line<'a> {
    taps: &'a [f64],
    /// For each place of the extended line, which pixel it shows.
    source: Vec<usize>,
    extended: Vec<f64>,
}

impl<'a> Line<'a> {
    fn new(taps: &'a [f64], len: usize) -> Self {
        let radius = taps.len() - 1;
        let source: Vec<usize> = (0..len + 2 * radius).map(|i| reflect(i as isize - radius as isize, len)).collect();
        Line { taps, extended: vec![0.0; source.len()], source }
    }

    /// Filters the line that begins at `start` and takes every `stride`-th value.
    fn filter(&mut self, values: &mut [f64], start: usize, stride: usize, finish: impl Fn(f64) -> f64) {
        for (e, &i) in self.extended.iter_mut().zip(&self.source) {
            *e = values[start + i * stride];
        }
        let radius = self.taps.len() - 1;
        for i in 0..self.extended.len() - 2 * radius {
            let centre = i + radius;
            let mut acc = self.extended[centre] * self.taps[0];
            for j in (1..=radius).rev() {
                acc += (self.extended[centre - j] + self.extended[centre + j]) * self.taps[j];
            }
            values[start + i * stride] = finish(acc);
        }
    }
}

/// Half-sample reflection `d c b a | a b c d | d c b a`, with period `2 len`, for any distance beyond the edge.
fn reflect(i: isize, len: usize) -> usize {
    let k = i.rem_euclid(2 * len as isize) as usize;
    if k < len { k } else { 2 * len - 1 - k }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflection_repeats_the_edge_and_the_period() {
        let seen: Vec<usize> = (-7..10).map(|i| reflect(i, 3)).collect();
        assert_eq!(seen, [0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2]);
        assert!((-5..5).all(|i| reflect(i, 1) == 0));
    }
}
