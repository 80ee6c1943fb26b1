//! Many pictures on few pages, made while the pictures come in.

use crate::resize::{fit, resize};
use crate::{Cell, FigureError, Line, Picture, Row, Sheet, View};

/// How a contact sheet is laid out.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactSheetOptions {
    /// Words over every page; may be empty.
    pub title: String,
    /// Pictures in a row.
    pub columns: usize,
    /// Rows on a page.
    pub rows: usize,
    /// Width and height of the box into which pictures are fitted, pixels.
    pub cell: (usize, usize),
    /// Pixels to the em.
    pub text_size: f32,
}

impl Default for ContactSheetOptions {
    /// Four pictures in a row, six rows a page, boxes of 256 x 256: a full page is about 1,100 x 2,000 pixels.
    fn default() -> ContactSheetOptions {
        ContactSheetOptions { title: String::new(), columns: 4, rows: 6, cell: (256, 256), text_size: 13.0 }
    }
}

/// Collects pictures and gives back a page whenever one is full, so that memory holds one page, however many
/// pictures there are.
#[derive(Clone, Debug)]
pub struct ContactSheet {
    options: ContactSheetOptions,
    cells: Vec<Cell>,
    pages: usize,
}

impl ContactSheet {
    /// An empty sheet. Zero columns or rows count as one.
    pub fn new(options: ContactSheetOptions) -> ContactSheet {
        let options = ContactSheetOptions { columns: options.columns.max(1), rows: options.rows.max(1), ..options };
        ContactSheet { options, cells: Vec::new(), pages: 0 }
    }

    /// Adds a picture with lines below it; gives back the page that this fills, if it does.
    ///
    /// # Errors
    /// [`FigureError::PictureLength`] for a picture without pixels, [`FigureError::Size`] for cells beyond all bounds.
    pub fn push<'a>(
        &mut self,
        picture: impl Into<View<'a>>,
        caption: Vec<Line>,
    ) -> Result<Option<Picture>, FigureError> {
        let view = picture.into();
        view.check()?;
        let (width, height) = fit(view.width, view.height, self.options.cell.0, self.options.cell.1);
        self.cells.push(Cell::Picture { picture: resize(view, width, height)?, caption });
        if self.cells.len() < self.options.columns.saturating_mul(self.options.rows) {
            return Ok(None);
        }
        self.page().map(Some)
    }

    /// The last page, or nothing when the page before was exactly full.
    ///
    /// # Errors
    /// [`FigureError::EmptySheet`] when no picture was ever added.
    pub fn finish(mut self) -> Result<Option<Picture>, FigureError> {
        match (self.cells.is_empty(), self.pages) {
            (true, 0) => Err(FigureError::EmptySheet),
            (true, _) => Ok(None),
            (false, _) => self.page().map(Some),
        }
    }

    fn page(&mut self) -> Result<Picture, FigureError> {
        self.pages += 1;
        let mut title = Vec::new();
        if !self.options.title.is_empty() {
            title.push(Line::title(&self.options.title));
        }
        if self.pages > 1 {
            title.push(Line::quiet(format!("page {}", self.pages)));
        }
        let mut rows = Vec::new();
        let mut cells = std::mem::take(&mut self.cells).into_iter().peekable();
        while cells.peek().is_some() {
            rows.push(Row { header: Vec::new(), cells: cells.by_ref().take(self.options.columns).collect() });
        }
        let (cell, text_size) = (self.options.cell, self.options.text_size);
        Sheet { title, rows, cell, text_size, ..Sheet::default() }.render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(columns: usize, rows: usize) -> ContactSheet {
        let title = "a folder".to_owned();
        ContactSheet::new(ContactSheetOptions { title, columns, rows, cell: (40, 30), ..Default::default() })
    }

    /// Pushes `count` pictures; returns all pages.
    fn pages(mut sheet: ContactSheet, count: usize) -> Vec<Picture> {
        let picture = Picture::filled(80, 60, [0, 90, 0]).unwrap();
        let mut pages: Vec<Picture> =
            (0..count).filter_map(|n| sheet.push(&picture, vec![Line::plain(n.to_string())]).unwrap()).collect();
        pages.extend(sheet.finish().unwrap());
        pages
    }

    #[test]
    fn nothing_gets_lost_between_pages() {
        for (count, expected) in [(1, 1), (5, 1), (6, 1), (7, 2), (12, 2), (25, 5)] {
            let pages = pages(sheet(3, 2), count);
            assert_eq!(pages.len(), expected, "{count} pictures");
            let pixels = pages.iter().flat_map(|page| page.rgb.chunks(3)).filter(|&p| p == [0, 90, 0]).count();
            assert_eq!(pixels, count * 40 * 30);
        }
    }

    #[test]
    fn few_pictures_make_a_narrow_page() {
        assert!(pages(sheet(4, 2), 1)[0].width < pages(sheet(4, 2), 4)[0].width);
    }

    #[test]
    fn no_pictures_and_broken_pictures_are_errors() {
        assert!(matches!(sheet(3, 2).finish(), Err(FigureError::EmptySheet)));
        let mut none = sheet(0, 0);
        assert!(none.push(View { width: 0, height: 0, rgb: &[] }, vec![]).is_err());
        let picture = Picture::filled(1, 1, [1; 3]).unwrap();
        assert!(none.push(&picture, vec![]).unwrap().is_some());
        assert!(none.finish().unwrap().is_none());
    }
}
