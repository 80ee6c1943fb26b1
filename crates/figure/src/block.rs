//! A block of text lines as sheets show them: a line has words at the left, a value at the right, a bar below.

use crate::canvas::Rect;
use crate::guess::Guess;
use crate::palette::{ACCENT, BAR, INK, QUIET, TRACK};
use crate::{Picture, text};

/// The voice of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text.
    #[default]
    Plain,
    /// The heading of its block: larger.
    Title,
    /// The line that the picture is about: red.
    Accent,
    /// Of second rank: smaller and grey.
    Quiet,
}

/// One line of a text block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Words at the left; broken into two lines (three for a title or quiet text), beside a value one, and shortened
    /// with an ellipsis where they still do not fit.
    pub text: String,
    /// Words at the right, never shortened.
    pub value: Option<String>,
    /// A thin bar below the line, 0 to 1 of its width.
    pub share: Option<f64>,
    /// Its voice.
    pub tone: Tone,
}

impl Line {
    /// Ordinary text.
    pub fn plain(text: impl Into<String>) -> Line {
        Line { text: text.into(), ..Line::default() }
    }

    /// The heading of its block.
    pub fn title(text: impl Into<String>) -> Line {
        Line { tone: Tone::Title, ..Line::plain(text) }
    }

    /// The line that the picture is about.
    pub fn accent(text: impl Into<String>) -> Line {
        Line { tone: Tone::Accent, ..Line::plain(text) }
    }

    /// Text of second rank.
    pub fn quiet(text: impl Into<String>) -> Line {
        Line { tone: Tone::Quiet, ..Line::plain(text) }
    }

    /// A class, its probability at the right and as a bar; red if the picture is about it.
    pub fn guess(guess: &Guess, accent: bool) -> Line {
        let tone = if accent { Tone::Accent } else { Tone::Plain };
        Line { text: guess.label.clone(), value: guess.value(), share: guess.probability, tone }
    }

    fn size(&self, size: f32) -> f32 {
        match self.tone {
            Tone::Title => size * 1.1,
            Tone::Quiet => size * 0.9,
            Tone::Plain | Tone::Accent => size,
        }
    }

    fn ink(&self) -> [u8; 3] {
        match self.tone {
            Tone::Plain | Tone::Title => INK,
            Tone::Accent => ACCENT,
            Tone::Quiet => QUIET,
        }
    }
}

/// Lines set in a column of a given width.
pub(crate) struct Block {
    rows: Vec<Row>,
    pub(crate) height: f32,
}

/// One set line, its top counted from the top of the block.
struct Row {
    top: f32,
    size: f32,
    text: String,
    value: Option<String>,
    share: Option<f64>,
    ink: [u8; 3],
}

impl Block {
    /// Sets `lines` in a column `width` pixels wide at `size` pixels to the em.
    pub(crate) fn set(lines: &[Line], width: f32, size: f32) -> Block {
        let mut rows = Vec::new();
        let mut top = 0.0;
        let mut bars_above = true;
        for line in lines {
            let size = line.size(size);
            // Words directly above a line with a bar would stand closer to it than the bar below.
            if line.share.is_some() && !bars_above {
                top += size * 0.3;
            }
            bars_above = line.share.is_some();
            let beside = line.value.as_ref().map_or(0.0, |value| text::measure(value, size) + size * 0.7);
            let limit = match line.tone {
                _ if line.value.is_some() => 1,
                Tone::Title | Tone::Quiet => 3,
                Tone::Plain | Tone::Accent => 2,
            };
            let mut words = text::wrap(&line.text, size, (width - beside).max(0.0), limit);
            if words.is_empty() {
                words.push(String::new());
            }
            let last = words.len() - 1;
            for (at, text) in words.into_iter().enumerate() {
                let (value, share) = if at == last { (line.value.clone(), line.share) } else { (None, None) };
                rows.push(Row { top, size, text, value, share, ink: line.ink() });
                top += size * text::LEADING + if share.is_some() { size * 0.68 } else { 0.0 };
            }
        }
        Block { rows, height: top }
    }

    /// Draws the block with its top left corner at (`x`, `y`).
    pub(crate) fn draw(&self, page: &mut Picture, x: f32, y: f32, width: f32) {
        for row in &self.rows {
            let top = y + row.top;
            text::draw(page, x, top, &row.text, row.size, row.ink);
            if let Some(value) = &row.value {
                text::draw(page, x + width - text::measure(value, row.size), top, value, row.size, row.ink);
            }
            if let Some(share) = row.share {
                let thickness = (row.size * 0.22).round().max(2.0);
                let bar = Rect { x, y: (top + row.size * (text::LEADING + 0.06)).round(), width, height: thickness };
                let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) } as f32;
                page.fill_rounded(bar, thickness / 2.0, TRACK, 1.0);
                if share > 0.0 {
                    let filled = Rect { width: (width * share).max(thickness), ..bar };
                    page.fill_rounded(filled, thickness / 2.0, if row.ink == ACCENT { ACCENT } else { BAR }, 1.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::PAPER;

    /// Whether `page` is untouched paper outside `width` x `height` at (`x`, `y`), one pixel of smoothing allowed.
    fn clean_outside(page: &Picture, x: usize, y: usize, width: usize, height: usize) -> bool {
        let inside = |px: usize, py: usize| {
            (x.saturating_sub(1)..=x + width).contains(&px) && (y.saturating_sub(1)..=y + height).contains(&py)
        };
        (0..page.height).all(|py| (0..page.width).all(|px| inside(px, py) || page.pixel(px, py) == PAPER))
    }

    #[test]
    fn long_lines_stay_in_their_column_and_keep_their_value() {
        let lines = [
            Line::title("hide 32:55,116:146 and 100:120,10:40, filled with the mean colour"),
            Line::guess(&Guess::new("American_Staffordshire_terrier", 0.5), true),
            Line::guess(&Guess::new("black-and-tan_coonhound", 1.5), false),
            Line::guess(&Guess::new("x", f64::NAN), false),
            Line::quiet("a rather long remark that has to be broken into several lines to fit its column"),
            Line::plain(""),
        ];
        for width in [60, 140, 260] {
            let block = Block::set(&lines, width as f32, 13.0);
            let mut page = Picture::filled(360, 400, PAPER).unwrap();
            block.draw(&mut page, 40.0, 20.0, width as f32);
            assert!(clean_outside(&page, 40, 20, width, block.height.ceil() as usize), "width {width}");
            assert!(block.rows.iter().filter(|row| row.value.is_some()).count() == 3);
        }
    }

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        let mut page = Picture::filled(220, 40, PAPER).unwrap();
        Block::set(&[Line::guess(&Guess::new("a", 0.25), true)], 200.0, 12.0).draw(&mut page, 10.0, 5.0, 200.0);
        let longest = (0..40).map(|y| (0..220).filter(|&x| page.pixel(x, y) == ACCENT).count()).max().unwrap();
        assert!((46..=50).contains(&longest), "{longest}");
    }
}
