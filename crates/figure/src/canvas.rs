//! Drawing on a picture: rectangles, rounded boxes, other pictures. Whatever sticks out is cut off, never an error.

use crate::{Picture, View};

/// A rectangle in pixels, edges at fractions of a pixel allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

impl Picture {
    /// Lays `color` over one pixel with an opacity from 0 to 1; positions outside the picture are ignored.
    pub(crate) fn blend(&mut self, x: i64, y: i64, color: [u8; 3], opacity: f32) {
        if x < 0 || y < 0 || x >= self.width as i64 || y >= self.height as i64 {
            return;
        }
        let at = (y as usize * self.width + x as usize) * 3;
        for (below, above) in self.rgb[at..at + 3].iter_mut().zip(color) {
            *below = mix(*below, above, opacity);
        }
    }

    /// Copies `other` with its top left corner at (`x`, `y`).
    pub(crate) fn paste(&mut self, other: View<'_>, x: usize, y: usize) {
        if x >= self.width {
            return;
        }
        let columns = other.width.min(self.width - x) * 3;
        for row in 0..other.height.min(self.height.saturating_sub(y)) {
            let from = row * other.width * 3;
            let to = ((y + row) * self.width + x) * 3;
            self.rgb[to..to + columns].copy_from_slice(&other.rgb[from..from + columns]);
        }
    }

    /// Fills a rectangle with round corners; edges are smoothed.
    pub(crate) fn fill_rounded(&mut self, rect: Rect, radius: f32, color: [u8; 3], opacity: f32) {
        self.cover(rect, |x, y| opacity * coverage(distance(rect, radius, x, y)), color);
    }

    /// Draws the outline of a rectangle with round corners, `thickness` pixels wide, centred on the edge.
    pub(crate) fn stroke_rounded(&mut self, rect: Rect, radius: f32, thickness: f32, color: [u8; 3], opacity: f32) {
        let ring = |x, y| opacity * coverage(distance(rect, radius, x, y).abs() - thickness / 2.0);
        self.cover(rect, ring, color);
    }

    /// Blends `color` over every pixel in and next to `rect` with the opacity that `at(centre x, centre y)` gives.
    fn cover(&mut self, rect: Rect, at: impl Fn(f32, f32) -> f32, color: [u8; 3]) {
        for y in (rect.y - 2.0) as i64..=(rect.y + rect.height + 2.0) as i64 {
            for x in (rect.x - 2.0) as i64..=(rect.x + rect.width + 2.0) as i64 {
                let opacity = at(x as f32 + 0.5, y as f32 + 0.5);
                if opacity > 0.0 {
                    self.blend(x, y, color, opacity);
                }
            }
        }
    }
}

/// `opacity` parts of `above` over `below`, to the nearest byte.
pub(crate) fn mix(below: u8, above: u8, opacity: f32) -> u8 {
    (f32::from(below) + opacity * (f32::from(above) - f32::from(below)) + 0.5) as u8
}

/// Signed distance of a point from the edge of a rounded rectangle: negative inside.
fn distance(rect: Rect, radius: f32, x: f32, y: f32) -> f32 {
    let radius = radius.min(rect.width / 2.0).min(rect.height / 2.0);
    let beyond_x = (x - rect.x - rect.width / 2.0).abs() - (rect.width / 2.0 - radius);
    let beyond_y = (y - rect.y - rect.height / 2.0).abs() - (rect.height / 2.0 - radius);
    beyond_x.max(0.0).hypot(beyond_y.max(0.0)) + beyond_x.max(beyond_y).min(0.0) - radius
}

/// How much of a pixel lies inside a shape whose edge is `distance` away from its centre.
fn coverage(distance: f32) -> f32 {
    (0.5 - distance).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixing_is_exact_at_the_ends_and_rounds_between() {
        assert_eq!((mix(10, 250, 0.0), mix(10, 250, 1.0), mix(250, 10, 1.0)), (10, 250, 10));
        assert_eq!((mix(0, 255, 0.5), mix(0, 1, 0.5), mix(255, 0, 0.7)), (128, 1, 77));
    }

    #[test]
    fn whatever_sticks_out_is_cut_off() {
        let mut page = Picture::filled(4, 3, [0; 3]).unwrap();
        let patch = Picture::filled(5, 5, [9; 3]).unwrap();
        page.paste(patch.view(), 2, 1);
        page.paste(patch.view(), 4, 0);
        page.paste(patch.view(), 0, 7);
        let filled = page.rgb.iter().filter(|&&byte| byte == 9).count();
        assert_eq!(filled, 2 * 2 * 3);
        page.blend(-1, 0, [1; 3], 1.0);
        page.blend(0, 3, [1; 3], 1.0);
        page.fill_rounded(Rect { x: -5.0, y: -5.0, width: 50.0, height: 50.0 }, 2.0, [7; 3], 1.0);
        assert!(page.rgb.iter().all(|&byte| byte == 7));
    }

    #[test]
    fn a_rounded_box_leaves_its_corners_and_fills_its_middle() {
        let mut page = Picture::filled(20, 20, [0; 3]).unwrap();
        let rect = Rect { x: 2.0, y: 2.0, width: 16.0, height: 16.0 };
        page.fill_rounded(rect, 5.0, [200; 3], 0.5);
        assert_eq!(page.pixel(10, 10), [100; 3]);
        assert_eq!((page.pixel(2, 2), page.pixel(1, 10)), ([0; 3], [0; 3]));
        assert_eq!(page.pixel(2, 10), [100; 3]);
    }
}
