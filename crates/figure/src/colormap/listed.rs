//! Colormaps given entry by entry, read at compile time from `tables/*.hex`.
//!
//! A table file holds comment lines that start with `#` and 256 lines `rrggbb`, lowest first.

use super::Table;

/// Matplotlib's default since 2.0. CC0.
pub(super) static VIRIDIS: Table = parse(include_bytes!("tables/viridis.hex"));
/// Black through red to pale yellow. CC0.
pub(super) static INFERNO: Table = parse(include_bytes!("tables/inferno.hex"));
/// Black through purple to pale yellow. CC0.
pub(super) static MAGMA: Table = parse(include_bytes!("tables/magma.hex"));
/// A rainbow without jet's false edges. Apache-2.0.
pub(super) static TURBO: Table = parse(include_bytes!("tables/turbo.hex"));

/// Reads a table; a file with anything but 256 entries does not compile.
const fn parse(text: &[u8]) -> Table {
    let mut table = [[0u8; 3]; 256];
    let (mut at, mut entry) = (0, 0);
    while at < text.len() {
        if text[at] == b'#' {
            while text[at] != b'\n' {
                at += 1;
            }
        } else if text[at] != b'\n' && text[at] != b'\r' {
            let mut channel = 0;
            while channel < 3 {
                table[entry][channel] = digit(text[at]) * 16 + digit(text[at + 1]);
                at += 2;
                channel += 1;
            }
            entry += 1;
            continue;
        }
        at += 1;
    }
    assert!(entry == 256, "a colour table must have 256 entries");
    table
}

const fn digit(character: u8) -> u8 {
    match character {
        b'0'..=b'9' => character - b'0',
        b'a'..=b'f' => character - b'a' + 10,
        _ => panic!("a colour table holds lower-case hexadecimal digits only"),
    }
}
