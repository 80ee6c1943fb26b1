//! A bar that tells what the colours mean.

use crate::canvas::Rect;
use crate::palette::{INK, PAPER, RULE};
use crate::range::Scale;
use crate::{Colormap, FigureError, Picture, text};

/// A horizontal bar of the colormap's colours, `width` pixels wide, with `low` at its left end below it, `high` at its
/// right end, and `0` in the middle of a diverging one. `size` is that of the text, pixels to the em.
///
/// # Errors
/// [`FigureError::Size`] for a width of nothing or too much.
pub fn legend(colormap: Colormap, low: &str, high: &str, width: usize, size: f32) -> Result<Picture, FigureError> {
    let size = text::sensible(size);
    let bar = (size * 0.8).round() as usize;
    let mut picture = Picture::filled(width, bar + (size * (text::LEADING + 0.35)).ceil() as usize, PAPER)?;
    for y in 0..bar {
        for x in 0..width {
            let color = colormap.color((x as f32 + 0.5) / width as f32);
            picture.blend(x as i64, y as i64, color, 1.0);
        }
    }
    let edge = Rect { x: 0.5, y: 0.5, width: width as f32 - 1.0, height: bar as f32 - 1.0 };
    picture.stroke_rounded(edge, 0.0, 1.0, RULE, 1.0);
    let top = bar as f32 + size * 0.25;
    let half = width as f32 / 2.0 - size;
    let (low, high) = (text::shorten(low, size, half), text::shorten(high, size, half));
    text::draw(&mut picture, 0.0, top, &low, size, INK);
    text::draw(&mut picture, width as f32 - text::measure(&high, size), top, &high, size, INK);
    if colormap.is_diverging() {
        text::draw(&mut picture, (width as f32 - text::measure("0", size)) / 2.0, top, "0", size, INK);
    }
    Ok(picture)
}

/// The picture with a strip below it: what the colours from `low` to `high` mean.
///
/// # Errors
/// [`FigureError::Size`] if the picture becomes too large.
pub fn with_legend(picture: &Picture, colormap: Colormap, low: f32, high: f32) -> Result<Picture, FigureError> {
    let size = text::sensible((picture.width as f32 * 0.02).clamp(11.0, 18.0));
    let margin = (size * 0.6).round() as usize;
    let width = (picture.width / 2).saturating_sub(2 * margin).clamp(1, 420);
    let bar = legend(colormap, &number_text(low), &number_text(high), width, size)?;
    let mut whole = Picture::filled(picture.width, picture.height + bar.height + margin, PAPER)?;
    whole.paste(picture.view(), 0, 0);
    whole.paste(bar.view(), picture.width.saturating_sub(width + margin), picture.height + margin);
    Ok(whole)
}

impl Scale {
    /// The [`legend`] of this scale, its ends written with three significant digits.
    ///
    /// # Errors
    /// [`FigureError::Size`] for a width of nothing or too much.
    pub fn legend(&self, colormap: Colormap, width: usize, size: f32) -> Result<Picture, FigureError> {
        legend(colormap, &number_text(self.low), &number_text(self.high), width, size)
    }
}

/// Three significant digits, as a power of ten where a plain number would be long.
fn number_text(value: f32) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if (0.001..1000.0).contains(&magnitude) {
        let decimals = (2 - magnitude.log10().floor() as i32).max(0) as usize;
        format!("{value:.decimals$}")
    } else {
        format!("{value:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::map;
    use crate::{Colormap, Range};

    #[test]
    fn a_strip_leaves_the_picture_as_it_is() {
        let picture = Picture::filled(300, 100, [9, 8, 7]).unwrap();
        let whole = with_legend(&picture, Colormap::Bwr, -2.0, 2.0).unwrap();
        assert!(whole.width == 300 && whole.height > 110 && whole.rgb[..picture.rgb.len()] == picture.rgb);
        assert!(whole.rgb[picture.rgb.len()..].chunks(3).any(|p| p[0] > 200 && p[2] < 60), "the bar's red end");
    }

    #[test]
    fn runs_from_the_lowest_to_the_highest_colour() {
        let picture = legend(Colormap::Viridis, "0", "1", 256, 12.0).unwrap();
        let table = Colormap::Viridis.table();
        assert_eq!((picture.width, picture.pixel(100, 5), picture.pixel(200, 5)), (256, table[100], table[200]));
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [(0.0, "0"), (1.0, "1.00"), (-0.01234, "-0.0123"), (123.4, "123"), (2.5e-7, "2.50e-7")] {
            assert_eq!(number_text(value), text);
        }
    }

    #[test]
    fn any_width_works_except_none() {
        let scale = Range::Auto.settle(&map(1, 1, &[-7.0]), Colormap::Bwr).unwrap();
        for width in [1, 20, 3000] {
            assert_eq!(scale.legend(Colormap::Bwr, width, 12.0).unwrap().width, width);
        }
        assert!(scale.legend(Colormap::Bwr, 0, 12.0).is_err());
        assert!(legend(Colormap::Jet, "a", "b", 50, f32::NAN).is_ok());
    }
}
