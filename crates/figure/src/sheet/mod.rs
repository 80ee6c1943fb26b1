//! A page of rows and columns: pictures with captions, and blocks of text.

mod layout;

use layout::Layout;

use crate::{FigureError, Line, Picture};

/// One cell of a sheet.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A picture, fitted into the cell, and lines below it.
    Picture {
        /// Any size; it is scaled to fit, up or down, and keeps its shape.
        picture: Picture,
        /// Lines below it.
        caption: Vec<Line>,
    },
    /// Lines alone.
    Text(Vec<Line>),
}

/// One row of a sheet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Lines at the left of the row; an own column, present if any row has such lines.
    pub header: Vec<Line>,
    /// The cells, left to right.
    pub cells: Vec<Cell>,
}

/// A page of rows and columns. Fill in the fields, then [`render`](Sheet::render) or [`pages`](Sheet::pages).
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Lines over the whole page.
    pub title: Vec<Line>,
    /// Words over each column of cells; leave empty for none.
    pub columns: Vec<String>,
    /// The rows, top to bottom.
    pub rows: Vec<Row>,
    /// Width and height of the box into which pictures are fitted, pixels.
    pub cell: (usize, usize),
    /// Width of a column that holds text only, and of the row headers, pixels.
    pub text_width: usize,
    /// Pixels to the em.
    pub text_size: f32,
    /// Thin lines between rows.
    pub rules: bool,
    /// A picture below the last row, at its own size, such as a [`legend`](crate::legend()).
    pub legend: Option<Picture>,
}

impl Default for Sheet {
    fn default() -> Sheet {
        Sheet {
            title: Vec::new(),
            columns: Vec::new(),
            rows: Vec::new(),
            cell: (224, 224),
            text_width: 270,
            text_size: 13.0,
            rules: false,
            legend: None,
        }
    }
}

impl Sheet {
    /// Draws everything on one page, however high.
    ///
    /// # Errors
    /// [`FigureError::EmptySheet`] without rows or cells, [`FigureError::Size`] for a page beyond all bounds,
    /// [`FigureError::PictureLength`] for a picture whose fields do not agree.
    pub fn render(&self) -> Result<Picture, FigureError> {
        let layout = Layout::of(self)?;
        layout.page(self, &self.rows)
    }

    /// Draws the rows on as many pages as it takes for none to be higher than `height` pixels, as long as one row fits.
    /// The title is repeated on each.
    ///
    /// # Errors
    /// Those of [`render`](Sheet::render).
    pub fn pages(&self, height: usize) -> Result<Vec<Picture>, FigureError> {
        let layout = Layout::of(self)?;
        let mut pages = Vec::new();
        let mut rows = &self.rows[..];
        while !rows.is_empty() {
            let mut taken = 1;
            while taken < rows.len() && layout.height(self, &rows[..taken + 1]) <= height as f32 {
                taken += 1;
            }
            pages.push(layout.page(self, &rows[..taken])?);
            rows = &rows[taken..];
        }
        Ok(pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::PAPER;

    fn cell(color: [u8; 3], width: usize, height: usize, caption: &[&str]) -> Cell {
        let picture = Picture::filled(width, height, color).unwrap();
        Cell::Picture { picture, caption: caption.iter().map(|&line| Line::plain(line)).collect() }
    }

    fn row(cells: Vec<Cell>) -> Row {
        Row { header: Vec::new(), cells }
    }

    fn count(page: &Picture, color: [u8; 3]) -> usize {
        page.rgb.chunks(3).filter(|&pixel| pixel == color).count()
    }

    #[test]
    fn an_empty_sheet_is_an_error() {
        for rows in [vec![], vec![Row::default()]] {
            let sheet = Sheet { rows, ..Sheet::default() };
            assert!(matches!(sheet.render(), Err(FigureError::EmptySheet)));
            assert!(matches!(sheet.pages(1000), Err(FigureError::EmptySheet)));
        }
    }

    #[test]
    fn every_picture_is_there_whole_and_paper_is_all_round() {
        let red = [200, 0, 0];
        let blue = [0, 0, 200];
        let sheet = Sheet {
            title: vec![Line::title("A title that is longer than the page is wide and therefore must be broken up")],
            columns: vec!["saw".into(), "said".into()],
            rows: vec![
                row(vec![cell(red, 100, 50, &["a"]), Cell::Text(vec![Line::plain("b")])]),
                Row { header: vec![Line::title("header")], cells: vec![cell(blue, 10, 10, &[])] },
            ],
            cell: (80, 80),
            text_width: 90,
            rules: true,
            ..Sheet::default()
        };
        let page = sheet.render().unwrap();
        assert_eq!((count(&page, red), count(&page, blue)), (80 * 40, 80 * 80));
        for y in 0..page.height {
            for x in 0..page.width {
                let margin = x < 15 || y < 15 || x >= page.width - 15 || y >= page.height - 15;
                assert!(!margin || page.pixel(x, y) == PAPER, "({x}, {y})");
            }
        }
    }

    #[test]
    fn pages_hold_all_rows_and_respect_the_height() {
        let green = [0, 130, 0];
        let rows = (0..7).map(|_| row(vec![cell(green, 60, 60, &["caption"])])).collect();
        let sheet = Sheet { title: vec![Line::title("t")], rows, cell: (60, 60), ..Sheet::default() };
        let pages = sheet.pages(330).unwrap();
        assert!(pages.len() > 1 && pages.iter().all(|page| page.height <= 330));
        assert_eq!(pages.iter().map(|page| count(page, green)).sum::<usize>(), 7 * 60 * 60);
        assert_eq!(sheet.pages(1).unwrap().len(), 7);
        assert_eq!(count(&sheet.render().unwrap(), green), 7 * 60 * 60);
    }

    #[test]
    fn odd_shapes_and_broken_pictures() {
        let sheet = |cell: Cell| Sheet { rows: vec![row(vec![cell])], ..Sheet::default() };
        for (width, height) in [(1, 1), (10_000, 50), (3, 2000)] {
            assert!(sheet(cell([9; 3], width, height, &["x"])).render().is_ok());
        }
        let broken = Cell::Picture { picture: Picture { width: 0, height: 3, rgb: vec![] }, caption: vec![] };
        assert!(matches!(sheet(broken).render(), Err(FigureError::PictureLength { .. })));
        let mut huge = sheet(cell([9; 3], 1, 1, &[]));
        huge.cell = (usize::MAX / 4, 10);
        assert!(matches!(huge.render(), Err(FigureError::Size { .. })));
        huge.cell = (0, 10);
        assert!(matches!(huge.render(), Err(FigureError::Size { .. })));
    }
}
