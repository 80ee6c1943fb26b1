//! The table and the plot.

use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

/// Peak rate of two cores of the reference machine in tiles, measured there: flops a second.
const TILE_ROOF: f64 = 7.6e12;
/// The same in float32.
const FLOAT_ROOF: f64 = 450e9;
/// Multiply-adds one way of the stem, which goes back in float32 always, and of the blocks: a forward pass in float32
/// has both.
const STEM_MACS: f64 = 118e6;
const BLOCK_MACS: f64 = 3.738e9;

/// Recipes that the engine offers by name.
const NAMED: [(&str, &str); 4] =
    [("x1/x1", "half"), ("x3/x1", "mixed"), ("x6,x3,x3,x3/x1", "mixed, careful"), ("x6/x3", "f32 by tiles")];

/// What a recipe costs, and what it is off by.
pub(crate) struct Point {
    pub(crate) name: String,
    pub(crate) float_forward: bool,
    /// Forward and back, of one image.
    pub(crate) tile_macs: [u64; 2],
    /// Median over the photographs.
    pub(crate) logits: f64,
    /// Median and worst over photographs and two classes each.
    pub(crate) gradient: f64,
    pub(crate) worst: f64,
    /// The least correlation of a map.
    pub(crate) map: f64,
}

impl Point {
    /// Milliseconds that the multiplications alone take at both peak rates.
    fn time(&self) -> f64 {
        let tiles: u64 = self.tile_macs.iter().sum();
        let floats = STEM_MACS + if self.float_forward { STEM_MACS + BLOCK_MACS } else { 0.0 };
        1e3 * (2.0 * tiles as f64 / TILE_ROOF + 2.0 * floats / FLOAT_ROOF)
    }

    fn option(&self) -> &'static str {
        NAMED.iter().find(|n| n.0 == self.name).map_or("", |n| n.1)
    }

    /// A row of the table.
    pub(crate) fn row(&self) -> String {
        let [forward, back] = self.tile_macs.map(|macs| macs as f64 * 1e-9);
        format!(
            "| {} | {forward:.1} + {back:.1} | {:.1} | {:.1e} | {:.1e} | {:.1e} | {:.5} | {} |",
            self.name.replace(',', " "),
            self.time(),
            self.logits,
            self.gradient,
            self.worst,
            self.map,
            self.option()
        )
    }
}

/// Puts the table between its marks in the page, and draws the plot.
pub(crate) fn write(docs: &Path, points: &[Point], photographs: usize) -> io::Result<()> {
    const MARKS: [&str; 2] = ["<!-- table -->", "<!-- end of table -->"];
    let page = docs.join("cpu-precision.md");
    let text = fs::read_to_string(&page)?;
    let cut = text.split_once(MARKS[0]).zip(text.split_once(MARKS[1]));
    let ((before, _), (_, after)) = cut.ok_or_else(|| io::Error::other("the page has no marks for the table"))?;
    let mut table = format!("{} photographs, two classes each.\n\n", photographs);
    table += "| forward/back | tiles, GMAC | ms at the roof | logits | gradient, median | gradient, worst | map ";
    table += "| option |\n";
    table += "|---|---|---|---|---|---|---|---|\n";
    points.iter().for_each(|point| table += &(point.row() + "\n"));
    fs::write(&page, format!("{before}{}\n\n{table}\n{}{after}", MARKS[0], MARKS[1]))?;
    fs::write(docs.join("images/cpu-precision.svg"), plot(points))
}

/// What the axes show, from first to last.
const TIMES: (f64, f64) = (1.6, 24.0);
const ERRORS: (f64, f64) = (1e-3, 5e-1);
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;
/// Margins left, right, above and below.
const FRAME: [f64; 4] = [70.0, 24.0, 20.0, 52.0];

/// Where a value of an axis is, from 0 to 1, on a logarithmic scale.
fn along(value: f64, (first, last): (f64, f64)) -> f64 {
    (value / first).ln() / (last / first).ln()
}

fn x(time: f64) -> f64 {
    FRAME[0] + along(time, TIMES) * (WIDTH - FRAME[0] - FRAME[1])
}

fn y(error: f64) -> f64 {
    HEIGHT - FRAME[3] - along(error, ERRORS) * (HEIGHT - FRAME[2] - FRAME[3])
}

/// The worst error of a gradient over time at the roof, both logarithmic; options are filled, and all recipes that are
/// the same for all layers have their names.
fn plot(points: &[Point]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let (left, right, top, bottom) = (FRAME[0], WIDTH - FRAME[1], FRAME[2], HEIGHT - FRAME[3]);
    for time in [2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0] {
        let x = x(time);
        let _ = writeln!(svg, "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#e4e4e4\"/>");
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{time}</text>", bottom + 18.0);
    }
    for error in [1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 4e-2, 1e-1, 2e-1, 4e-1] {
        let y = y(error);
        let _ = writeln!(svg, "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#e4e4e4\"/>");
        let label = left - 8.0;
        let _ = writeln!(svg, "<text x=\"{label}\" y=\"{:.1}\" text-anchor=\"end\">{error}</text>", y + 4.5);
    }
    let limit = y(4e-2);
    let _ = writeln!(svg, "<path d=\"M{left} {limit:.1}H{right}\" stroke=\"#b03030\" stroke-dasharray=\"5 4\"/>");
    let at = (right - 4.0, limit - 6.0);
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#b03030\">limit of mixed</text>",
        at.0, at.1
    );
    // Options over all others, and names over them.
    let (options, others): (Vec<&Point>, Vec<&Point>) = points.iter().partition(|point| !point.option().is_empty());
    for point in others.iter().chain(&options) {
        let inside = |value: f64, (first, last): (f64, f64)| value >= first && value <= last;
        assert!(inside(point.time(), TIMES) && inside(point.worst, ERRORS), "{} lies outside the plot", point.name);
        let fill = if point.option().is_empty() { "white" } else { "#1f5fa8" };
        let (x, y) = (x(point.time()), y(point.worst));
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{fill}\" stroke=\"#1f5fa8\"/>");
    }
    for point in points {
        // Names of options on the left, `mixed` above and the rest below, others above on the right: where none meets
        // another.
        let (right, below, anchor, weight, text) = match point.option() {
            "" if point.name.contains([',', '+']) => continue,
            "" => (9.0, -7.0, "start", "normal", point.name.clone()),
            option => {
                let below = if option == "mixed" { -7.0 } else { 16.0 };
                (-8.0, below, "end", "bold", format!("{option} ({})", point.name))
            }
        };
        let (x, y) = (x(point.time()) + right, y(point.worst) + below);
        // Twice: what lies behind a name is covered along its letters.
        for style in ["stroke=\"white\" stroke-width=\"3\"", ""] {
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-weight=\"{weight}\" {style}>{text}\
                 </text>"
            );
        }
    }
    let (middle, below) = ((left + right) / 2.0, HEIGHT - 12.0);
    let _ = writeln!(
        svg,
        "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">\
         products alone, forward and back, at the roofs of two cores: ms an image (a count, not a measurement)</text>"
    );
    let middle = (top + bottom) / 2.0;
    let _ = writeln!(
        svg,
        "<text transform=\"translate(18 {middle}) rotate(-90)\" text-anchor=\"middle\">\
         worst error of a gradient</text>\n</svg>"
    );
    svg
}
