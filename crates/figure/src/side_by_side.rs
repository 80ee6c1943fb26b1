//! The photograph beside the same photograph under its map, with the best classes in a box.
//!
//! The layout is that of Brad Sliz, "Where the Machines are Looking" (2017): two panels without a gap, the map at
//! opacity 0.7, the labels bottom left in a rounded box the colour of wheat, the first of them red.

use backlit_net::preprocess::Frame;
use backlit_saliency::Map;

use crate::canvas::Rect;
use crate::guess::Guess;
use crate::overlay::{check_frame, is_flat};
use crate::palette::{INK, MAT, WHEAT};
use crate::resize::{fit, resize};
use crate::{FigureError, OverlayOptions, Picture, View, outline, overlay, text};

/// Narrowest panel, pixels.
pub const PANEL_MIN: usize = 224;
/// Widest panel, pixels.
pub const PANEL_MAX: usize = 1024;
/// Tallest panel, pixels.
const HEIGHT_MAX: usize = 1536;
/// A panel is at least this share of its width high; a flatter photograph lies in its middle.
const FLATTEST: f64 = 0.4;
/// Opacity of the box behind the labels.
const BOX_OPACITY: f32 = 0.5;
/// Place of the box: share of the panel's width from its left edge and of its height from its bottom edge.
const BOX_INSET: f32 = 0.05;
/// Colour of the first label: red, a little darker than Matplotlib's so that it can be read on the box.
const FIRST: [u8; 3] = [205, 0, 0];
/// What a map of one value says about itself.
const FLAT_NOTE: &str = "blank map: one value everywhere";

/// How the figure is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SideBySideOptions {
    /// The map over the photograph.
    pub overlay: OverlayOptions,
    /// Width of one panel, brought into [`PANEL_MIN`] to [`PANEL_MAX`]; `None` takes the photograph's own width.
    pub panel_width: Option<usize>,
    /// A remark drawn at the top left of the right panel. A blank map gets one by itself.
    pub note: Option<String>,
    /// A box drawn on the right panel, in pixels of the photograph.
    pub mark: Option<Frame>,
}

/// Draws `photo` | `photo` under `map`, the labels of `guesses` over the latter, one a line, the first red.
///
/// Panels keep the shape of the photograph. One extremely long or high lies in the middle of a pale panel. Text
/// scales with the panel; lines too long for it are set smaller first and shortened with an ellipsis last.
///
/// # Errors
/// Those of [`overlay()`].
pub fn side_by_side<'a>(
    photo: impl Into<View<'a>>,
    map: &Map,
    frame: Frame,
    guesses: &[Guess],
    options: &SideBySideOptions,
) -> Result<Picture, FigureError> {
    let photo = photo.into();
    photo.check()?;
    check_frame(frame)?;
    let panel = Panel::for_photo(photo, options.panel_width);
    let left = resize(photo, panel.photo_width, panel.photo_height)?;
    let (across, down) =
        (panel.photo_width as f64 / photo.width as f64, panel.photo_height as f64 / photo.height as f64);
    let on_panel =
        |f: Frame| Frame { x: f.x * across, y: f.y * down, width: f.width * across, height: f.height * down };
    let mut right = overlay(&left, map, on_panel(frame), &options.overlay)?;
    if let Some(mark) = options.mark {
        outline(&mut right, on_panel(mark))?;
    }

    let mut figure = Picture::filled(panel.width * 2, panel.height, MAT)?;
    let (x, y) = ((panel.width - panel.photo_width) / 2, (panel.height - panel.photo_height) / 2);
    figure.paste(left.view(), x, y);
    figure.paste(right.view(), panel.width + x, y);
    label(&mut figure, &panel, guesses);
    let flat = is_flat(map, options.overlay.coloring)?.then_some(FLAT_NOTE);
    if let Some(note) = options.note.as_deref().or(flat) {
        remark(&mut figure, &panel, note);
    }
    Ok(figure)
}

/// Sizes of one panel and of the photograph in it, pixels.
struct Panel {
    width: usize,
    height: usize,
    photo_width: usize,
    photo_height: usize,
}

impl Panel {
    fn for_photo(photo: View<'_>, width: Option<usize>) -> Panel {
        let width = width.unwrap_or(photo.width).clamp(PANEL_MIN, PANEL_MAX);
        let (photo_width, photo_height) = fit(photo.width, photo.height, width, HEIGHT_MAX);
        let height = photo_height.max((width as f64 * FLATTEST).round() as usize);
        Panel { width: photo_width.max(PANEL_MIN), height, photo_width, photo_height }
    }

    /// Pixels to the em that suit the panel.
    fn text_size(&self) -> f32 {
        (self.width.min(self.height * 4 / 3) as f32 * 0.042).max(10.0)
    }
}

/// The box of labels at the bottom left of the right panel.
fn label(figure: &mut Picture, panel: &Panel, guesses: &[Guess]) {
    if guesses.is_empty() {
        return;
    }
    let room = panel.width as f32 * (1.0 - 2.0 * BOX_INSET);
    let words = |guess: &Guess, size: f32| text::measure(&guess.label, size);
    let beside = |guess: &Guess, size: f32| guess.value().map_or(0.0, |value| text::measure(&value, size) + size * 0.9);
    let needed = |size: f32| {
        let widest = |width: &dyn Fn(&Guess, f32) -> f32| guesses.iter().map(|g| width(g, size)).fold(0.0, f32::max);
        widest(&words) + widest(&beside) + 2.0 * padding(size)
    };
    // Widths and heights grow with the size of the text, so one division finds the size that fits.
    let wanted = panel.text_size();
    let lines = guesses.len() as f32 * text::LEADING;
    let tallest = panel.height as f32 * (1.0 - 2.0 * BOX_INSET) / (lines + 2.0 * padding(1.0));
    let size = wanted.min(wanted * room / needed(wanted)).max(wanted * 0.8).max(9.0).min(tallest.max(1.0));

    let value_width = guesses.iter().map(|guess| beside(guess, size)).fold(0.0, f32::max);
    let words_room = room - value_width - 2.0 * padding(size);
    let labels: Vec<String> = guesses.iter().map(|guess| text::shorten(&guess.label, size, words_room)).collect();
    let words_width = labels.iter().map(|label| text::measure(label, size)).fold(0.0, f32::max);
    let height = lines * size + 2.0 * padding(size);
    let rect = Rect {
        x: (panel.width as f32 * (1.0 + BOX_INSET)).round(),
        y: (panel.height as f32 * (1.0 - BOX_INSET) - height).round(),
        width: (words_width + value_width + 2.0 * padding(size)).ceil(),
        height: height.ceil(),
    };
    wheat_box(figure, rect, size);
    for (at, (guess, label)) in guesses.iter().zip(&labels).enumerate() {
        let mut write = |x: f32, top: f32, words: &str| match at {
            0 => text::draw_with_halo(figure, x, top, words, size, FIRST, WHEAT),
            _ => text::draw(figure, x, top, words, size, INK),
        };
        let top = rect.y + padding(size) + at as f32 * text::LEADING * size;
        write(rect.x + padding(size), top, label);
        if let Some(value) = guess.value() {
            let right = rect.x + rect.width - padding(size);
            write(right - text::measure(&value, size), top, &value);
        }
    }
}

/// A remark in a box at the top left of the right panel, on up to three lines.
fn remark(figure: &mut Picture, panel: &Panel, note: &str) {
    let size = (panel.text_size() * 0.85).max(9.0);
    let room = panel.width as f32 * (1.0 - 2.0 * BOX_INSET) - 2.0 * padding(size);
    let lines = text::wrap(note, size, room, 3);
    let width = lines.iter().map(|line| text::measure(line, size)).fold(0.0, f32::max);
    let rect = Rect {
        x: (panel.width as f32 * (1.0 + BOX_INSET)).round(),
        y: (panel.height as f32 * BOX_INSET).round(),
        width: (width + 2.0 * padding(size)).ceil(),
        height: (lines.len() as f32 * text::LEADING * size + 2.0 * padding(size)).ceil(),
    };
    wheat_box(figure, rect, size);
    for (at, line) in lines.iter().enumerate() {
        let top = rect.y + padding(size) + at as f32 * text::LEADING * size;
        text::draw(figure, rect.x + padding(size), top, line, size, INK);
    }
}

fn wheat_box(figure: &mut Picture, rect: Rect, size: f32) {
    let radius = size * 0.45;
    figure.fill_rounded(rect, radius, WHEAT, BOX_OPACITY);
    figure.stroke_rounded(rect, radius, (size * 0.06).max(1.0), INK, BOX_OPACITY);
}

/// From the edge of a box to its text.
fn padding(size: f32) -> f32 {
    size * 0.45
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Range;
    use crate::testing::map;

    fn draw(width: usize, height: usize, guesses: &[Guess], options: &SideBySideOptions) -> Picture {
        let photo = Picture::filled(width, height, [90, 110, 70]).unwrap();
        let frame = Frame { x: 0.0, y: 0.0, width: width as f64, height: height as f64 };
        side_by_side(&photo, &map(2, 2, &[0.0, 0.2, 0.4, 1.0]), frame, guesses, options).unwrap()
    }

    fn five() -> Vec<Guess> {
        let names = [
            "American_Staffordshire_terrier",
            "black-and-tan_coonhound",
            "soft-coated_wheaten_terrier",
            "tabby",
            "lynx",
        ];
        names.iter().map(|&name| Guess::new(name, 0.00001)).collect()
    }

    /// Columns and rows of the pixels in which two pictures differ: left, right, top, bottom.
    fn difference(a: &Picture, b: &Picture) -> Option<(usize, usize, usize, usize)> {
        let differing = (0..a.height).flat_map(|y| (0..a.width).map(move |x| (x, y)));
        differing.filter(|&(x, y)| a.pixel(x, y) != b.pixel(x, y)).fold(None, |found, (x, y)| {
            let (left, right, top, bottom) = found.unwrap_or((x, x, y, y));
            Some((left.min(x), right.max(x), top.min(y), bottom.max(y)))
        })
    }

    #[test]
    fn panels_keep_the_photographs_shape_within_bounds() {
        let cases = [
            ((451, 300), (902, 300)),
            ((4000, 3000), (2048, 768)),
            ((100, 100), (448, 224)),
            ((1, 1), (448, 224)),
            ((10_000, 50), (2048, 410)),
            ((50, 10_000), (448, 1536)),
            ((1500, 3000), (1536, 1536)),
        ];
        for ((width, height), expected) in cases {
            let figure = draw(width, height, &five(), &SideBySideOptions::default());
            assert_eq!((figure.width, figure.height), expected, "{width} x {height}");
        }
        let narrow = SideBySideOptions { panel_width: Some(1), ..Default::default() };
        assert_eq!(draw(4000, 2000, &[], &narrow).width, 2 * PANEL_MIN);
        let wide = SideBySideOptions { panel_width: Some(usize::MAX), ..Default::default() };
        assert_eq!(draw(40, 30, &[], &wide).width, 2 * PANEL_MAX);
    }

    #[test]
    fn labels_stay_in_the_right_panel() {
        let endless = vec![Guess::new("w".repeat(400), 1.0), Guess::label("日本 🐈 \n\t")];
        let many: Vec<Guess> = (0..60).map(|n| Guess::new(format!("class {n}"), 0.5)).collect();
        for (width, height) in [(224, 149), (333, 500), (1024, 683), (10_000, 50), (50, 10_000), (1, 1)] {
            for guesses in [five(), endless.clone(), many.clone(), vec![Guess::label("")]] {
                let options = SideBySideOptions::default();
                let plain = draw(width, height, &[], &options);
                let labelled = draw(width, height, &guesses, &options);
                let (left, right, top, bottom) = difference(&plain, &labelled).unwrap();
                assert!(left >= plain.width / 2 && right < plain.width - 1, "{width} x {height}: {left} {right}");
                assert!(top > 0 && bottom < plain.height - 1, "{width} x {height}: {top} {bottom}");
            }
        }
    }

    #[test]
    fn the_first_label_is_red() {
        let figure = draw(800, 600, &[Guess::label("tabby"), Guess::label("lynx")], &SideBySideOptions::default());
        let red = figure.rgb.chunks(3).filter(|&pixel| pixel == FIRST).count();
        let ink = figure.rgb.chunks(3).filter(|&pixel| pixel == INK).count();
        assert!(red > 50 && ink > 50, "{red} {ink}");
    }

    #[test]
    fn panels_touch_and_only_the_right_one_has_the_map() {
        let figure = draw(300, 300, &[], &SideBySideOptions::default());
        assert!((0..300).all(|y| (0..300).all(|x| figure.pixel(x, y) == [90, 110, 70])));
        assert!((0..300).all(|y| figure.pixel(300, y) != [90, 110, 70]));
    }

    #[test]
    fn a_mark_is_drawn_on_the_right_panel_only() {
        let mark = Some(Frame { x: 100.0, y: 75.0, width: 200.0, height: 100.0 });
        let options = SideBySideOptions { mark, panel_width: Some(200), ..Default::default() };
        let plain = SideBySideOptions { panel_width: Some(200), ..Default::default() };
        let found = difference(&draw(400, 300, &[], &plain), &draw(400, 300, &[], &options)).unwrap();
        let (left, right, top, bottom) = found;
        // The panel is 224 wide, 0.56 of the photograph.
        assert!(left.abs_diff(224 + 56) <= 2 && right.abs_diff(224 + 168) <= 2, "{found:?}");
        assert!(top.abs_diff(42) <= 2 && bottom.abs_diff(98) <= 2, "{found:?}");
    }

    #[test]
    fn a_blank_map_says_so() {
        let photo = Picture::filled(300, 200, [90, 110, 70]).unwrap();
        let frame = Frame { x: 0.0, y: 0.0, width: 300.0, height: 200.0 };
        let at = |map: &Map, options: &SideBySideOptions| side_by_side(&photo, map, frame, &[], options).unwrap();
        let blank = at(&map(2, 2, &[0.0; 4]), &SideBySideOptions::default());
        // One colour: viridis' lowest at opacity 0.7.
        assert_eq!(blank.pixel(500, 150), [75, 34, 80]);
        assert_ne!(blank.pixel(330, 20), [75, 34, 80]);
        let mut fixed = SideBySideOptions::default();
        fixed.overlay.coloring.range = Range::Fixed { low: 0.0, high: 1.0 };
        assert_eq!(at(&map(2, 2, &[0.0; 4]), &fixed), blank);
        let note = SideBySideOptions { note: Some("nearly blank ".repeat(30)), ..Default::default() };
        let varied = map(2, 2, &[0.0, 0.0, 0.0, 1.0]);
        let (left, right, top, _) =
            difference(&at(&varied, &SideBySideOptions::default()), &at(&varied, &note)).unwrap();
        assert!(left >= 300 && right < 599 && top > 0);
    }

    #[test]
    fn bad_input_is_refused() {
        let photo = Picture::filled(4, 4, [0; 3]).unwrap();
        let frame = Frame { x: 0.0, y: 0.0, width: 4.0, height: 4.0 };
        let options = SideBySideOptions::default();
        let none = View { width: 0, height: 0, rgb: &[] };
        assert!(side_by_side(none, &map(1, 1, &[1.0]), frame, &[], &options).is_err());
        let nowhere = Frame { width: f64::INFINITY, ..frame };
        assert!(side_by_side(&photo, &map(1, 1, &[1.0]), nowhere, &[], &options).is_err());
        assert!(side_by_side(&photo, &map(0, 0, &[]), frame, &[], &options).is_err());
    }
}
