//! The report of an audit: one HTML file that opens from disk, without a network, for one photograph or thousands.
//!
//! Style, script, numbers and pictures are all in the file. The numbers are one JSON element; the pictures, small
//! JPEGs, stand behind it in an element for each row, and become images only on the page of 25 rows that is shown. While a report
//! grows its pictures lie in a temporary file, so that memory holds the numbers only. The same photographs and audits
//! always make the same bytes.
//!
//! The page can be sorted, searched and filtered; what is shown is kept in its address, for example
//! `report.html#sort=confidence&dir=asc&verdict=context-driven&class=430&q=ball&page=2&open=17`.

mod jpeg;
mod row;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use backlit_net::files::{Sync, write_whole};
use backlit_net::preprocess::Frame;
use backlit_saliency::audit::Audit;
use backlit_saliency::mask::Fill;
use serde_json::{Value, json};

use crate::{FigureError, View};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: [&str; 4] =
    [include_str!("state.js"), include_str!("draw.js"), include_str!("rows.js"), include_str!("main.js")];

/// What stands at the head of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportHead {
    /// Names and values, such as the model and the hash of its weights.
    pub facts: Vec<(String, String)>,
    /// The fills of the audits, in their order; the variants shown are those of the first.
    pub fills: Vec<Fill>,
}

/// One photograph of a report.
#[derive(Clone, Copy, Debug)]
pub struct ReportEntry<'a> {
    /// Its name, shown as it is.
    pub name: &'a str,
    /// The photograph.
    pub photo: View<'a>,
    /// The part of it that the network saw, which is the part shown.
    pub frame: Frame,
    /// What was found.
    pub audit: &'a Audit,
    /// The object hidden, `[224, 224, 3]` RGB under the first fill; `None` if that was not tried.
    pub hidden: Option<&'a [u8]>,
    /// The object alone.
    pub alone: Option<&'a [u8]>,
}

/// A report that grows row by row.
#[derive(Debug)]
pub struct Report {
    head: ReportHead,
    rows: Vec<Value>,
    pictures: BufWriter<File>,
    /// Longest side of a picture, pixels.
    side: usize,
}

impl Report {
    /// An empty report that expects about this many rows: the more, the smaller the pictures, so that 5,000 rows stay
    /// below 300 MB.
    ///
    /// # Errors
    /// [`FigureError::Write`] if the system has no room for temporary files.
    pub fn new(head: ReportHead, expected: usize) -> Result<Report, FigureError> {
        let side = match expected {
            0..=300 => 360,
            301..=1500 => 280,
            _ => 200,
        };
        let pictures = tempfile::tempfile().map_err(|source| spool_error(source, "make"))?;
        Ok(Report { head, rows: Vec::new(), pictures: BufWriter::new(pictures), side })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Those of drawing the pictures, and [`FigureError::Write`] if the temporary file has no room.
    pub fn push(&mut self, entry: &ReportEntry<'_>) -> Result<(), FigureError> {
        let row = row::draw(entry, self.side)?;
        let line = format!("<script type=\"text/plain\" id=\"p{}\">{}</script>\n", self.rows.len(), row.pictures);
        self.pictures.write_all(line.as_bytes()).map_err(|source| spool_error(source, "write"))?;
        self.rows.push(row.numbers);
        Ok(())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row yet.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes the page, whole or not at all.
    ///
    /// # Errors
    /// [`FigureError::Write`].
    pub fn save(mut self, path: &Path) -> Result<(), FigureError> {
        let data = json!({
            "facts": self.head.facts,
            "fills": self.head.fills,
            "rows": std::mem::take(&mut self.rows),
        });
        let mut pictures = self.pictures.into_inner().map_err(|e| spool_error(e.into_error(), "write"))?;
        pictures.rewind().map_err(|source| spool_error(source, "read"))?;
        write_whole(path, Sync::No, |file| page(&data, BufReader::new(pictures), &mut BufWriter::new(file)))
            .map_err(|source| FigureError::Write { path: path.to_owned(), source })
    }
}

fn spool_error(source: io::Error, what: &str) -> FigureError {
    FigureError::Write { path: format!("a temporary file (to {what} it)").into(), source }
}

/// The page with its four parts filled in.
fn page(data: &Value, mut pictures: impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        to.write_all(before.as_bytes())?;
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        match name {
            "style" => to.write_all(STYLE.as_bytes())?,
            "script" => SCRIPT.iter().try_for_each(|part| to.write_all(part.as_bytes()))?,
            "data" => to.write_all(for_html(data).as_bytes())?,
            "pictures" => _ = io::copy(&mut pictures, to)?,
            other => return Err(io::Error::other(format!("the page has no part {other}"))),
        }
        rest = after;
    }
    to.write_all(rest.as_bytes())?;
    to.flush()
}

/// JSON that no HTML parser takes for anything else: without `<`, `>` and `&`, and in ASCII lines.
fn for_html(data: &Value) -> String {
    let mut text = String::new();
    for character in data.to_string().chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", character as u32)),
            _ => text.push(character),
        }
    }
    text
}
