//! Slices: rows and columns in NumPy's notation.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use backlit_net::SIDE;
use serde::{Serialize, Serializer};

use super::{MaskError, Region};

/// A rectangle of the 224 x 224 grid, at least one pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slices {
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Slices {
    /// The rows, half-open, within `0..224`.
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// The columns, half-open, within `0..224`.
    pub fn columns(&self) -> Range<usize> {
        self.columns.clone()
    }

    /// The pixels of the rectangle.
    pub fn region(&self) -> Region {
        Region::from_fn(|r, c| self.rows.contains(&r) && self.columns.contains(&c)).expect("slices are never empty")
    }
}

impl FromStr for Slices {
    type Err = MaskError;

    /// Reads `ROWS,COLUMNS`, each `START:STOP` as in NumPy: an end left out is the edge, a negative one counts from
    /// the far edge, and what reaches past the grid is clipped. Square brackets around the pair
    /// are allowed; a step is not.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_slices = |reason: String| MaskError::Slices { text: text.to_owned(), reason };
        let trimmed = text.trim();
        let inner = trimmed.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(trimmed);
        let [rows, columns] = inner.split(',').collect::<Vec<_>>()[..] else {
            let found = inner.split(',').count();
            return Err(no_slices(format!("expected two slices with a comma between, found {found}")));
        };
        let read = |axis: &'static str, slice: &str| {
            let (start, stop) = slice_of(slice.trim(), SIDE).map_err(no_slices)?;
            if start < stop {
                Ok(start..stop)
            } else {
                Err(MaskError::EmptySlices { text: text.to_owned(), axis, start, stop })
            }
        };
        Ok(Slices { rows: read("rows", rows)?, columns: read("columns", columns)? })
    }
}

/// Start and stop of `START:STOP` on an axis of `len`, clipped to it; the start may lie behind the stop.
fn slice_of(slice: &str, len: usize) -> Result<(usize, usize), String> {
    let [start, stop] = slice.split(':').collect::<Vec<_>>()[..] else {
        return Err(match slice.split(':').count() {
            1 => format!("{slice:?} has no colon"),
            _ => format!("{slice:?} has a step, which is not supported"),
        });
    };
    let end = |text: &str, default: usize| -> Result<usize, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(default);
        }
        let value: i64 = text.parse().map_err(|_| format!("{text:?} is no whole number"))?;
        let from_start = if value < 0 { value.saturating_add(len as i64) } else { value };
        Ok(from_start.clamp(0, len as i64) as usize)
    };
    Ok((end(start, 0)?, end(stop, len)?))
}

/// The resolved form, `32:55,116:146`.
impl fmt::Display for Slices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (r, c) = (&self.rows, &self.columns);
        f.pad(&format!("{}:{},{}:{}", r.start, r.end, c.start, c.end))
    }
}

impl Serialize for Slices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        text.parse::<Slices>().unwrap_or_else(|e| panic!("{e}")).to_string()
    }

    /// The right column is `range(224)[slice]` in Python.
    #[test]
    fn numpy_semantics() {
        for (text, resolved) in [
            ("32:55,116:146", "32:55,116:146"),
            (" [5:45, 35:75] ", "5:45,35:75"),
            (":,:", "0:224,0:224"),
            ("10:,:20", "10:224,0:20"),
            ("-24:,:-200", "200:224,0:24"),
            ("-500:3,220:999", "0:3,220:224"),
            ("-10:-5,0:1", "214:219,0:1"),
            ("0:9223372036854775807,-9223372036854775808:1", "0:224,0:1"),
            ("+5:+6,007:8", "5:6,7:8"),
        ] {
            assert_eq!(read(text), resolved, "{text}");
            assert_eq!(read(resolved), resolved);
        }
    }

    #[test]
    fn region_of_the_post() {
        let slices: Slices = "32:55,116:146".parse().unwrap();
        assert_eq!((slices.rows(), slices.columns()), (32..55, 116..146));
        let region = slices.region();
        assert_eq!((region.area(), region.bounds().to_string()), (23 * 30, slices.to_string()));
        assert_eq!(serde_json::to_value(&slices).unwrap(), "32:55,116:146");
    }

    #[test]
    fn nothing_selected() {
        for (text, found) in [
            ("55:32,116:146", "rows are 55:32"),
            ("0:5,7:7", "columns are 7:7"),
            ("224:,:", "rows are 224:224"),
            (":,:-224", "columns are 0:0"),
        ] {
            let expected =
                format!("{text:?} selects nothing: its {found} of 0:224, and the start must come before the stop");
            assert_eq!(text.parse::<Slices>().unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn no_slices() {
        for (text, reason) in [
            ("", "found 1"),
            ("1:2", "found 1"),
            ("1:2,3:4,5:6", "found 3"),
            ("32,116:146", "\"32\" has no colon"),
            ("0:10:2,0:5", "has a step"),
            ("a:5,0:5", "\"a\" is no whole number"),
            ("1.5:5,0:5", "\"1.5\" is no whole number"),
            ("0:99999999999999999999,0:5", "is no whole number"),
            ("[0:5,0:5", "is no whole number"),
            ("0:5\n,0:x\n", "\"x\" is no whole number"),
        ] {
            let error = text.parse::<Slices>().unwrap_err();
            assert!(matches!(error, MaskError::Slices { .. }), "{text}: {error}");
            let line = error.to_string();
            assert!(line.contains(reason) && line.ends_with("32:55,116:146") && !line.contains('\n'), "{line}");
        }
    }
}
