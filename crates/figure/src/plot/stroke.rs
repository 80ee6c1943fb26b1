//! Curves and bands with smooth edges.

use crate::Picture;

/// A point of the picture, pixels.
pub(super) type Point = (f32, f32);

/// Draws a line through `points`, `thickness` wide with round ends and corners; `dash` is how much is drawn and left
/// out in turn. Where the line crosses itself it is no darker than elsewhere.
pub(super) fn line(picture: &mut Picture, points: &[Point], thickness: f32, dash: Option<(f32, f32)>, ink: [u8; 3]) {
    let segments: Vec<(Point, Point)> = match dash {
        None => points.windows(2).map(|w| (w[0], w[1])).collect(),
        Some((on, off)) => dashes(points, on, off),
    };
    // Coverage first, so that two segments that share a corner do not both darken it.
    let mut cover = vec![0f32; picture.width * picture.height];
    let reach = thickness / 2.0;
    let margin = reach + 1.0;
    for ((x0, y0), (x1, y1)) in segments {
        let columns = span(x0.min(x1) - margin, x0.max(x1) + margin, picture.width);
        for y in span(y0.min(y1) - margin, y0.max(y1) + margin, picture.height) {
            for x in columns.clone() {
                let inside =
                    (reach + 0.5 - distance((x as f32 + 0.5, y as f32 + 0.5), (x0, y0), (x1, y1))).clamp(0.0, 1.0);
                let at = &mut cover[y * picture.width + x];
                *at = at.max(inside);
            }
        }
    }
    for (at, &opacity) in cover.iter().enumerate().filter(|&(_, &c)| c > 0.0) {
        picture.blend((at % picture.width) as i64, (at / picture.width) as i64, ink, opacity);
    }
}

/// Fills between an upper and a lower line that share their x, which rises.
pub(super) fn band(picture: &mut Picture, upper: &[Point], lower: &[Point], ink: [u8; 3], opacity: f32) {
    let (Some(first), Some(last)) = (upper.first(), upper.last()) else { return };
    for x in span(first.0, last.0, picture.width) {
        let centre = (x as f32 + 0.5).clamp(first.0, last.0);
        let (top, bottom) = (height(upper, centre), height(lower, centre));
        for y in span(top - 1.0, bottom + 1.0, picture.height) {
            let inside = ((y + 1) as f32).min(bottom) - (y as f32).max(top);
            if inside > 0.0 {
                picture.blend(x as i64, y as i64, ink, opacity * inside.min(1.0));
            }
        }
    }
}

/// The pixels between two places, within the picture.
fn span(from: f32, to: f32, len: usize) -> std::ops::Range<usize> {
    (from.floor().max(0.0) as usize).min(len)..(to.ceil().max(0.0) as usize).min(len)
}

/// Distance of a point from a segment.
fn distance((x, y): Point, (x0, y0): Point, (x1, y1): Point) -> f32 {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { (((x - x0) * dx + (y - y0) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    (x - x0 - along * dx).hypot(y - y0 - along * dy)
}

/// The line's height at `x`.
fn height(points: &[Point], x: f32) -> f32 {
    let next = points.partition_point(|p| p.0 <= x).clamp(1, points.len().max(2) - 1);
    let ((x0, y0), (x1, y1)) = (points[next - 1], points[next.min(points.len() - 1)]);
    if x1 > x0 { y0 + (y1 - y0) * (x - x0) / (x1 - x0) } else { y0 }
}

/// The pieces of a dashed line.
fn dashes(points: &[Point], on: f32, off: f32) -> Vec<(Point, Point)> {
    let mut pieces = Vec::new();
    let (mut drawn, mut left) = (true, on);
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        let point = |at: f32| (x0 + (x1 - x0) * at / length, y0 + (y1 - y0) * at / length);
        let mut at = 0.0;
        while at < length {
            let end = (at + left).min(length);
            if drawn {
                pieces.push((point(at), point(end)));
            }
            left -= end - at;
            at = end;
            if left <= 1e-3 {
                drawn = !drawn;
                left = if drawn { on } else { off };
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_wide_as_it_says_and_even_at_corners() {
        let mut page = Picture::filled(40, 40, [255; 3]).unwrap();
        line(&mut page, &[(5.0, 20.0), (20.0, 20.0), (35.0, 20.0)], 4.0, None, [0; 3]);
        for x in 6..34 {
            let dark: f32 = (0..40).map(|y| 1.0 - f32::from(page.pixel(x, y)[0]) / 255.0).sum();
            assert!((dark - 4.0).abs() <= 0.1, "column {x}: {dark}");
        }
        assert_eq!((page.pixel(1, 20), page.pixel(20, 25)), ([255; 3], [255; 3]));
    }

    #[test]
    fn dashes_leave_gaps() {
        let pieces = dashes(&[(0.0, 0.0), (7.0, 0.0), (30.0, 0.0)], 5.0, 3.0);
        let drawn: f32 = pieces.iter().map(|((x0, _), (x1, _))| x1 - x0).sum();
        assert!((drawn - 20.0).abs() <= 0.01, "0-5, 8-13, 16-21, 24-29: {drawn}");
    }

    #[test]
    fn a_band_fills_what_lies_between() {
        let mut page = Picture::filled(20, 20, [255; 3]).unwrap();
        band(&mut page, &[(2.0, 5.0), (18.0, 5.0)], &[(2.0, 10.5), (18.0, 10.5)], [0; 3], 1.0);
        assert_eq!((page.pixel(10, 4), page.pixel(10, 5), page.pixel(10, 9)), ([255; 3], [0; 3], [0; 3]));
        assert_eq!(page.pixel(10, 10), [128; 3]);
        assert_eq!((page.pixel(1, 7), page.pixel(18, 7)), ([255; 3], [255; 3]));
    }

    #[test]
    fn lines_far_outside_are_cut_off() {
        let mut page = Picture::filled(9, 9, [255; 3]).unwrap();
        line(&mut page, &[(-500.0, -4.0), (500.0, 900.0)], 2.0, Some((3.0, 3.0)), [0; 3]);
        band(&mut page, &[(-5.0, -9.0), (50.0, -9.0)], &[(-5.0, 90.0), (50.0, 90.0)], [7; 3], 1.0);
        assert!(page.rgb.iter().all(|&v| v == 7));
    }
}
