//! Where everything on a sheet goes.

use super::{Cell, Row, Sheet};
use crate::block::Block;
use crate::canvas::Rect;
use crate::palette::{MAT, PAPER, QUIET, RULE};
use crate::resize::{fit, resize};
use crate::{FigureError, Picture, text};

/// Widths common to all rows, pixels.
pub(super) struct Layout {
    margin: f32,
    gap: f32,
    /// Width of the column of row headers; 0 when there is none.
    header: f32,
    columns: Vec<f32>,
    size: f32,
}

impl Layout {
    pub(super) fn of(sheet: &Sheet) -> Result<Layout, FigureError> {
        let count = sheet.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
        if count == 0 {
            return Err(FigureError::EmptySheet);
        }
        let (width, height) = sheet.cell;
        if width == 0 || height == 0 {
            return Err(FigureError::Size { width, height });
        }
        let holds_picture =
            |column: usize| sheet.rows.iter().any(|row| matches!(row.cells.get(column), Some(Cell::Picture { .. })));
        let columns = (0..count).map(|at| if holds_picture(at) { width } else { sheet.text_width } as f32).collect();
        let header = if sheet.rows.iter().any(|row| !row.header.is_empty()) { sheet.text_width as f32 } else { 0.0 };
        let size = text::sensible(sheet.text_size);
        Ok(Layout { margin: (size * 1.6).round(), gap: (size * 1.3).round(), header, columns, size })
    }

    /// From the left edge of the first column to the right edge of the last.
    fn inner_width(&self) -> f32 {
        let header = if self.header > 0.0 { self.header + self.gap } else { 0.0 };
        header + self.columns.iter().sum::<f32>() + self.gap * (self.columns.len() - 1) as f32
    }

    fn title(&self, sheet: &Sheet) -> Block {
        Block::set(&sheet.title, self.inner_width(), self.size * 1.15)
    }

    /// Height of the title, the column headings and the space below them.
    fn head(&self, sheet: &Sheet) -> f32 {
        let title = self.title(sheet).height;
        let title = if title > 0.0 { title + self.gap } else { 0.0 };
        let headings = if sheet.columns.is_empty() { 0.0 } else { self.size * text::LEADING + self.gap * 0.4 };
        (title + headings).round()
    }

    /// Height of a page with these rows.
    pub(super) fn height(&self, sheet: &Sheet, rows: &[Row]) -> f32 {
        let rows: f32 = rows.iter().map(|row| self.row(sheet, row).height + self.row_gap(sheet)).sum();
        let legend = sheet.legend.as_ref().map_or(0.0, |legend| legend.height as f32 + self.gap);
        2.0 * self.margin + self.head(sheet) + rows - self.row_gap(sheet) + legend
    }

    fn row_gap(&self, sheet: &Sheet) -> f32 {
        if sheet.rules { (self.gap * 1.6).round() } else { (self.gap * 1.2).round() }
    }

    /// Sets one row: how high its pictures are, and its text.
    fn row(&self, sheet: &Sheet, row: &Row) -> SetRow {
        let pictures = row.cells.iter().filter_map(|cell| match cell {
            Cell::Picture { picture, .. } if picture.width > 0 && picture.height > 0 => {
                Some(fit(picture.width, picture.height, sheet.cell.0, sheet.cell.1).1)
            }
            _ => None,
        });
        let picture_height = pictures.max().unwrap_or(0);
        let header = Block::set(&row.header, self.header, self.size);
        let blocks: Vec<Block> = row
            .cells
            .iter()
            .zip(&self.columns)
            .map(|(cell, &width)| match cell {
                Cell::Picture { caption, .. } => Block::set(caption, width, self.size),
                Cell::Text(lines) => Block::set(lines, width, self.size),
            })
            .collect();
        let bottoms = row.cells.iter().zip(&blocks).map(|(cell, block)| match cell {
            Cell::Picture { .. } => picture_height as f32 + self.below_picture(block),
            Cell::Text(_) => block.height,
        });
        let height = bottoms.fold(header.height, f32::max).ceil();
        SetRow { picture_height, header, blocks, height }
    }

    /// Room that a caption takes below its picture.
    fn below_picture(&self, caption: &Block) -> f32 {
        if caption.height > 0.0 { self.size * 0.35 + caption.height } else { 0.0 }
    }

    pub(super) fn page(&self, sheet: &Sheet, rows: &[Row]) -> Result<Picture, FigureError> {
        let width = (self.inner_width() + 2.0 * self.margin).ceil();
        let mut page = Picture::filled(width as usize, self.height(sheet, rows).ceil() as usize, PAPER)?;
        self.title(sheet).draw(&mut page, self.margin, self.margin, self.inner_width());
        let mut y = self.margin + self.head(sheet);
        let left = self.margin + if self.header > 0.0 { self.header + self.gap } else { 0.0 };
        let mut x = left;
        for (&width, heading) in self.columns.iter().zip(&sheet.columns) {
            let heading = text::shorten(heading, self.size, width);
            text::draw(&mut page, x, y - self.size * text::LEADING - self.gap * 0.4, &heading, self.size, QUIET);
            x += width + self.gap;
        }
        for (at, row) in rows.iter().enumerate() {
            if at > 0 && sheet.rules {
                let rule = Rect {
                    x: self.margin,
                    y: (y - self.row_gap(sheet) / 2.0).round(),
                    width: self.inner_width(),
                    height: 1.0,
                };
                page.fill_rounded(rule, 0.0, RULE, 1.0);
            }
            let set = self.row(sheet, row);
            set.header.draw(&mut page, self.margin, y, self.header);
            let mut x = left;
            for ((cell, block), &width) in row.cells.iter().zip(&set.blocks).zip(&self.columns) {
                match cell {
                    Cell::Picture { picture, .. } => {
                        hang(&mut page, picture, sheet.cell, set.picture_height, x, y)?;
                        block.draw(&mut page, x, y + set.picture_height as f32 + self.size * 0.35, width);
                    }
                    Cell::Text(_) => block.draw(&mut page, x, y, width),
                }
                x += width + self.gap;
            }
            y += set.height + self.row_gap(sheet);
        }
        if let Some(legend) = &sheet.legend {
            legend.view().check()?;
            page.paste(legend.view(), left as usize, (y - self.row_gap(sheet) + self.gap) as usize);
        }
        Ok(page)
    }
}

/// One row, set.
struct SetRow {
    picture_height: usize,
    header: Block,
    blocks: Vec<Block>,
    height: f32,
}

/// Fits a picture into its cell and hangs it in the middle, on a mat where it does not fill the cell.
fn hang(
    page: &mut Picture,
    picture: &Picture,
    cell: (usize, usize),
    height: usize,
    x: f32,
    y: f32,
) -> Result<(), FigureError> {
    picture.view().check()?;
    let (to_width, to_height) = fit(picture.width, picture.height, cell.0, cell.1);
    let fitted = resize(picture.view(), to_width, to_height)?;
    let mat = Picture::filled(cell.0, height, MAT)?;
    let (x, y) = (x.round() as usize, y.round() as usize);
    page.paste(mat.view(), x, y);
    page.paste(fitted.view(), x + (cell.0 - to_width) / 2, y + (height - to_height) / 2);
    Ok(())
}
