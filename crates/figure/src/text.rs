//! Text in the embedded font: measuring, shortening, wrapping, drawing.
//!
//! Sizes are pixels to the em. A character that the font lacks is drawn as its empty box; control characters as spaces.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

use crate::Picture;

/// DejaVu Sans 2.35, unmodified; see `fonts/README.md`.
static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("../fonts/DejaVuSans.ttf")).expect("the embedded font is well formed")
});

/// What stands for text left out.
const ELLIPSIS: char = '…';

/// From the top of a line to its baseline, in ems: capitals and accents stay below the top.
const ASCENT: f32 = 0.93;

/// From one line to the next, in ems.
pub(crate) const LEADING: f32 = 1.3;

/// A size that can be drawn: what a caller asked for, brought into bounds; 13 where it is no number.
pub(crate) fn sensible(size: f32) -> f32 {
    if size.is_nan() { 13.0 } else { size.clamp(4.0, 200.0) }
}

/// ab_glyph scales by the height from descender to ascender, we by the em.
fn scale(size: f32) -> PxScale {
    let units = FONT.units_per_em().unwrap_or(2048.0);
    PxScale::from(size * FONT.height_unscaled() / units)
}

/// The glyphs of one line with the pen at (0, 0), and how far the pen has moved.
fn lay_out(text: &str, size: f32) -> (Vec<Glyph>, f32) {
    let font = FONT.as_scaled(scale(size));
    let mut glyphs: Vec<Glyph> = Vec::with_capacity(text.len());
    let mut pen = 0.0;
    for character in text.chars() {
        let mut glyph = font.scaled_glyph(if character.is_control() { ' ' } else { character });
        if let Some(before) = glyphs.last() {
            pen += font.kern(before.id, glyph.id);
        }
        glyph.position = point(pen, 0.0);
        pen += font.h_advance(glyph.id);
        glyphs.push(glyph);
    }
    (glyphs, pen)
}

/// Width of one line, pixels.
pub(crate) fn measure(text: &str, size: f32) -> f32 {
    lay_out(text, size).1
}

/// `text` if it fits `width`, else as much of its beginning as fits before an ellipsis.
pub(crate) fn shorten(text: &str, size: f32, width: f32) -> String {
    if measure(text, size) <= width {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let shortened = |kept: usize| -> String {
        let beginning: String = characters[..kept].iter().collect();
        beginning.trim_end().chars().chain([ELLIPSIS]).collect()
    };
    let (mut fits, mut too_long) = (0, characters.len());
    while too_long - fits > 1 {
        let middle = (fits + too_long) / 2;
        if measure(&shortened(middle), size) <= width { fits = middle } else { too_long = middle }
    }
    shortened(fits)
}

/// `text` in at most `limit` lines no wider than `width`, broken at spaces, else after `_`, `-`, `/`, else anywhere;
/// what remains is shortened.
pub(crate) fn wrap(text: &str, size: f32, width: f32, limit: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && lines.len() + 1 < limit && measure(rest, size) > width {
        let at = break_at(rest, size, width);
        lines.push(rest[..at].trim_end().to_owned());
        rest = rest[at..].trim_start();
    }
    if !rest.is_empty() {
        lines.push(shorten(rest, size, width));
    }
    lines
}

/// The byte at which a line too long for `width` is best broken; at least one character is kept.
fn break_at(text: &str, size: f32, width: f32) -> usize {
    let ends: Vec<usize> = text.char_indices().map(|(at, character)| at + character.len_utf8()).collect();
    let fitting = ends.partition_point(|&end| measure(text[..end].trim_end(), size) <= width).max(1);
    let last = ends[fitting - 1];
    let after = |marks: &[char]| text[..last].rfind(marks).map(|at| at + 1).filter(|&at| at > 1);
    after(&[' ']).or_else(|| after(&['_', '-', '/'])).unwrap_or(last)
}

/// Draws one line with its top left corner at (`x`, `top`).
pub(crate) fn draw(picture: &mut Picture, x: f32, top: f32, text: &str, size: f32, ink: [u8; 3]) {
    // A baseline between two pixel rows would blur every horizontal stroke.
    blend_at(picture, x, (top + ASCENT * size).round(), text, size, ink, 1.0);
}

/// Draws one line over a soft edge of another colour, for a background that would swallow it.
pub(crate) fn draw_with_halo(
    picture: &mut Picture,
    x: f32,
    top: f32,
    text: &str,
    size: f32,
    ink: [u8; 3],
    halo: [u8; 3],
) {
    let reach = (size * 0.07).max(0.75);
    for (dx, dy) in
        [(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (-0.7, -0.7), (0.7, -0.7), (-0.7, 0.7), (0.7, 0.7)]
    {
        let baseline = (top + ASCENT * size).round() + dy * reach;
        blend_at(picture, x + dx * reach, baseline, text, size, halo, 0.3);
    }
    draw(picture, x, top, text, size, ink);
}

/// Lays the line over the picture with the pen starting at (`x`, `baseline`).
fn blend_at(picture: &mut Picture, x: f32, baseline: f32, text: &str, size: f32, ink: [u8; 3], opacity: f32) {
    for mut glyph in lay_out(text, size).0 {
        glyph.position = point(x + glyph.position.x, baseline);
        if let Some(outline) = FONT.outline_glyph(glyph) {
            let corner = outline.px_bounds().min;
            outline.draw(|dx, dy, cover| {
                let (x, y) = (corner.x as i64 + i64::from(dx), corner.y as i64 + i64::from(dy));
                picture.blend(x, y, ink, opacity * cover.clamp(0.0, 1.0));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns and rows that `text` drawn at (40, 10) on a wide page touches: left, right, top, bottom.
    fn ink(text: &str, size: f32) -> (usize, usize, usize, usize) {
        let mut page = Picture::filled(900, 60, [255; 3]).unwrap();
        draw(&mut page, 40.0, 10.0, text, size, [0; 3]);
        let touched: Vec<(usize, usize)> =
            (0..60).flat_map(|y| (0..900).map(move |x| (x, y))).filter(|&(x, y)| page.pixel(x, y)[0] < 250).collect();
        let xs = touched.iter().map(|&(x, _)| x);
        let ys = touched.iter().map(|&(_, y)| y);
        (xs.clone().min().unwrap(), xs.max().unwrap(), ys.clone().min().unwrap(), ys.max().unwrap())
    }

    #[test]
    fn ink_stays_in_the_measured_box() {
        for text in ["American_Staffordshire_terrier", "Äpfel ÇŞÑ gjpqy_|", "0.9890", "wWwW AVAV"] {
            for size in [9.0, 11.2, 24.0] {
                let (left, right, top, bottom) = ink(text, size);
                assert!(left >= 39 && right as f32 <= 41.0 + measure(text, size), "{text} at {size}");
                assert!(top >= 9 && bottom as f32 <= 11.0 + LEADING * size, "{text} at {size}: {top} {bottom}");
            }
        }
    }

    #[test]
    fn size_is_pixels_to_the_em() {
        // The em of the font is 2048 units, a capital H 1493 high and a zero 1303 wide.
        let (_, _, top, bottom) = ink("H", 40.96);
        assert!((29..=31).contains(&(bottom - top + 1)), "{top} {bottom}");
        assert!((measure("0000", 20.48) - 4.0 * 13.03).abs() < 0.1);
    }

    #[test]
    fn shortened_text_fits_and_keeps_its_beginning() {
        assert_eq!(shorten("tabby", 12.0, 500.0), "tabby");
        let text = "American_Staffordshire_terrier";
        for width in [40.0, 90.0, 150.0] {
            let short = shorten(text, 12.0, width);
            assert!(short.ends_with('…') && text.starts_with(short.trim_end_matches('…')), "{short}");
            assert!(measure(&short, 12.0) <= width);
            let kept = short.chars().count() - 1;
            let longer: String = text.chars().take(kept + 1).chain(['…']).collect();
            assert!(measure(&longer, 12.0) > width, "{short} could be longer");
        }
        assert_eq!(shorten("tabby", 12.0, 0.0), "…");
        assert_eq!(shorten("", 12.0, 0.0), "");
    }

    #[test]
    fn wraps_at_spaces_then_marks_then_anywhere() {
        let width = measure("hide 32:55,116", 12.0);
        assert_eq!(wrap("hide 32:55,116:146 fill black", 12.0, width, 5), ["hide", "32:55,116:146", "fill black"]);
        let width = measure("black-and-tan_", 12.0) + 1.0;
        assert_eq!(wrap("black-and-tan_coonhound", 12.0, width, 5), ["black-and-tan_", "coonhound"]);
        for limit in 1..4 {
            let lines = wrap("日本語のとても長いファイル名.jpeg and more besides", 12.0, 60.0, limit);
            assert_eq!(lines.len(), limit);
            assert!(lines.iter().all(|line| measure(line, 12.0) <= 60.0) && lines[limit - 1].ends_with('…'));
        }
        assert!(wrap("  ", 12.0, 60.0, 3).is_empty());
        assert_eq!(wrap("ab", 12.0, 0.0, 2), ["a", "…"]);
    }

    #[test]
    fn odd_characters_and_sizes_do_not_panic() {
        let mut page = Picture::filled(30, 20, [255; 3]).unwrap();
        for text in ["", "\0\n\t", "日本", "🐈", "e\u{301}", "\u{202e}abc", "\u{10ffff}"] {
            for size in [0.0, 0.3, 12.0, 400.0] {
                draw(&mut page, -7.5, -3.0, text, size, [0; 3]);
                assert!(measure(text, size).is_finite());
            }
        }
    }
}
