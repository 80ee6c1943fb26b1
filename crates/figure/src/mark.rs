//! What is written or drawn on a finished picture: a box around what was found, and words below.

use backlit_net::preprocess::Frame;

use crate::canvas::Rect;
use crate::overlay::check_frame;
use crate::palette::{ACCENT, INK, PAPER};
use crate::{FigureError, Picture, text};

/// Lines of a caption; what is longer is shortened.
const LINES: usize = 8;

/// Draws the outline of `area`, in pixels of the picture, red between two light lines so that it is seen on any ground.
/// What sticks out of the picture is cut off.
///
/// # Errors
/// [`FigureError::Frame`] for an area that is none.
pub fn outline(picture: &mut Picture, area: Frame) -> Result<(), FigureError> {
    check_frame(area)?;
    let thickness = (picture.width.min(picture.height) as f32 * 0.008).clamp(2.0, 6.0);
    // A box at the very edge of the picture is drawn just inside it.
    let inset = f64::from(thickness);
    let (left, top) = (area.x.max(inset), area.y.max(inset));
    let right = (area.x + area.width).min(picture.width as f64 - inset).max(left + 1.0);
    let bottom = (area.y + area.height).min(picture.height as f64 - inset).max(top + 1.0);
    let (width, height) = ((right - left) as f32, (bottom - top) as f32);
    let rect = Rect { x: left as f32, y: top as f32, width, height };
    picture.stroke_rounded(rect, 0.0, thickness * 2.0, PAPER, 0.7);
    picture.stroke_rounded(rect, 0.0, thickness, ACCENT, 1.0);
    Ok(())
}

/// The picture with a strip of text below it, on as many lines as it takes, up to eight.
///
/// # Errors
/// [`FigureError::Size`] if the picture becomes too large.
pub fn with_caption(picture: &Picture, words: &str) -> Result<Picture, FigureError> {
    let size = text::sensible((picture.width as f32 * 0.025).clamp(9.0, 18.0));
    let margin = size * 0.5;
    let lines = text::wrap(words, size, picture.width as f32 - 2.0 * margin, LINES);
    let strip = (lines.len() as f32 * text::LEADING * size + 2.0 * margin).ceil() as usize;
    let mut whole = Picture::filled(picture.width, picture.height + strip, PAPER)?;
    whole.paste(picture.view(), 0, 0);
    for (at, line) in lines.iter().enumerate() {
        let top = picture.height as f32 + margin + at as f32 * text::LEADING * size;
        text::draw(&mut whole, margin, top, line, size, INK);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_is_where_the_area_is() {
        let mut picture = Picture::filled(200, 100, [0; 3]).unwrap();
        outline(&mut picture, Frame { x: 40.0, y: 20.0, width: 100.0, height: 50.0 }).unwrap();
        let marked = |x: usize, y: usize| picture.pixel(x, y) != [0; 3];
        assert!(marked(40, 45) && marked(140, 45) && marked(90, 20) && marked(90, 70));
        assert!(!marked(90, 45) && !marked(30, 45) && !marked(90, 85));
    }

    #[test]
    fn an_outline_at_the_edge_is_seen_and_no_area_is_refused() {
        let mut picture = Picture::filled(50, 50, [0; 3]).unwrap();
        outline(&mut picture, Frame { x: 0.0, y: 0.0, width: 50.0, height: 50.0 }).unwrap();
        for (x, y) in [(1, 25), (48, 25), (25, 1), (25, 48)] {
            assert_eq!(picture.pixel(x, y), ACCENT, "{x} {y}");
        }
        assert_eq!(picture.pixel(25, 25), [0; 3]);
        assert!(outline(&mut picture, Frame { x: 0.0, y: 0.0, width: 0.0, height: 5.0 }).is_err());
        outline(&mut picture, Frame { x: 80.0, y: 90.0, width: 5.0, height: 5.0 }).unwrap();
        outline(&mut Picture::filled(1, 1, [0; 3]).unwrap(), Frame { x: 0.0, y: 0.0, width: 1.0, height: 1.0 })
            .unwrap();
    }

    #[test]
    fn a_caption_leaves_the_picture_as_it_is() {
        for width in [1, 224, 900] {
            let picture = Picture::filled(width, 100, [9, 8, 7]).unwrap();
            let whole = with_caption(&picture, &"words of caution ".repeat(20)).unwrap();
            assert!(whole.width == width && whole.height > 110 && whole.rgb[..picture.rgb.len()] == picture.rgb);
            let inked = whole.rgb[picture.rgb.len()..].iter().any(|&byte| byte < 100);
            assert!(inked || width == 1);
        }
    }
}
