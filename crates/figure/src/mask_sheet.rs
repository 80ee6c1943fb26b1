//! The sheet of a mask experiment: for every variant what the network saw, where it looked and what it said.

use crate::guess::Guess;
use crate::{Cell, FigureError, Line, Picture, Row, Sheet};

/// One variant of the picture: untouched, the object hidden, only the object kept.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskVariant {
    /// What was done, such as `original` or `hide 32:55,116:146`.
    pub name: String,
    /// More about it, such as `filled with black`; may be empty.
    pub note: String,
    /// What the network saw.
    pub picture: Picture,
    /// The same under its saliency map.
    pub overlay: Picture,
    /// The best classes, best first.
    pub guesses: Vec<Guess>,
    /// The class that the experiment is about.
    pub subject: Option<Guess>,
    /// Rank of that class in this variant, counted from 1. Its line is red; beyond the best classes it gets its own.
    pub subject_rank: usize,
}

/// The variants of one picture, one below the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MaskSheet {
    /// Words over the page, such as the name of the picture.
    pub title: String,
    /// More about the run, in grey; may be empty.
    pub subtitle: String,
    /// The variants, the untouched picture first.
    pub variants: Vec<MaskVariant>,
}

/// Highest page, pixels: about twenty variants.
const PAGE: usize = 5200;

impl MaskSheet {
    /// Draws the sheet; twenty variants fit a page, more make more pages.
    ///
    /// # Errors
    /// [`FigureError::EmptySheet`] without variants, [`FigureError::PictureLength`] for a picture whose fields do not
    /// agree.
    pub fn pages(self) -> Result<Vec<Picture>, FigureError> {
        let mut title = vec![Line::title(self.title)];
        if !self.subtitle.is_empty() {
            title.push(Line::quiet(self.subtitle));
        }
        let columns = ["what the network saw", "where it looked", "what it said"].map(str::to_owned).to_vec();
        let rows = self.variants.into_iter().map(row).collect();
        Sheet { title, columns, rows, rules: true, ..Sheet::default() }.pages(PAGE)
    }
}

fn row(variant: MaskVariant) -> Row {
    let mut lines = vec![Line::title(variant.name)];
    if !variant.note.is_empty() {
        lines.push(Line::quiet(variant.note));
    }
    let of_subject = |at: usize| variant.subject.is_some() && at + 1 == variant.subject_rank;
    lines.extend(variant.guesses.iter().enumerate().map(|(at, guess)| Line::guess(guess, of_subject(at))));
    if let Some(subject) = variant.subject.filter(|_| variant.subject_rank > variant.guesses.len()) {
        lines.push(Line::quiet(format!("rank {}:", variant.subject_rank)));
        lines.push(Line::guess(&subject, true));
    }
    let picture = |picture: Picture| Cell::Picture { picture, caption: Vec::new() };
    Row { header: Vec::new(), cells: vec![picture(variant.picture), picture(variant.overlay), Cell::Text(lines)] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::ACCENT;

    fn variant(rank: usize) -> MaskVariant {
        MaskVariant {
            name: "keep 32:55,116:146".into(),
            note: "filled with black".into(),
            picture: Picture::filled(224, 224, [10, 20, 30]).unwrap(),
            overlay: Picture::filled(448, 448, [30, 60, 90]).unwrap(),
            guesses: (0..5).map(|n| Guess::new(format!("class_{n}"), 0.5)).collect(),
            subject: Some(Guess::new("basketball", 0.0002)),
            subject_rank: rank,
        }
    }

    fn count(page: &Picture, color: [u8; 3]) -> usize {
        page.rgb.chunks(3).filter(|&pixel| pixel == color).count()
    }

    #[test]
    fn shows_every_variant_and_marks_the_subject() {
        let variants: Vec<MaskVariant> = [1, 3, 400].map(variant).to_vec();
        let pages = MaskSheet { title: "basketball.jpg".into(), variants, ..Default::default() }.pages().unwrap();
        assert_eq!(pages.len(), 1);
        assert_eq!(count(&pages[0], [10, 20, 30]), 3 * 224 * 224);
        assert_eq!(count(&pages[0], [30, 60, 90]), 3 * 224 * 224);
        assert!(count(&pages[0], ACCENT) > 100);
        let plain = MaskVariant { subject: None, ..variant(1) };
        let pages = MaskSheet { variants: vec![plain], ..Default::default() }.pages().unwrap();
        assert_eq!(count(&pages[0], ACCENT), 0);
    }

    #[test]
    fn many_variants_take_more_pages_and_none_is_an_error() {
        let pages = MaskSheet { variants: vec![variant(2); 45], ..Default::default() }.pages().unwrap();
        assert!((3..=4).contains(&pages.len()) && pages.iter().all(|page| page.height <= PAGE));
        assert!(matches!(MaskSheet::default().pages(), Err(FigureError::EmptySheet)));
    }
}
