//! Rooflines: what was reached over operations a byte, both logarithmic, under what the machine allows
//! (Williams, Waterman and Patterson 2009).

mod tags;

use super::stroke::{self, Point};
use super::{AXIS, COLORS};
use crate::palette::{INK, PAPER, QUIET, RULE};
use crate::{FigureError, Picture, text};
use tags::{Block, Tags};

/// Something measured: a row of the legend, and a point of every series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kernel {
    /// What the legend calls it.
    pub name: String,
    /// What the legend says beside.
    pub note: String,
    /// (operations a byte, operations a second), one a series.
    pub points: Vec<(f64, f64)>,
}

/// A roofline picture. Every point has the number of its row in the legend.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roofline {
    /// Above everything.
    pub title: String,
    /// Below the title.
    pub subtitle: String,
    /// Operations a second that the arithmetic allows.
    pub flops: f64,
    /// Bytes a second that the memory allows.
    pub bytes: f64,
    /// Names of the series: the first has discs, the others rings.
    pub series: Vec<String>,
    /// The rows.
    pub kernels: Vec<Kernel>,
}

/// Diameter of a disc, at 1600 x 1000.
const DISC: f32 = 11.0;

/// The page's measures.
struct Layout {
    unit: f32,
    large: f32,
    middle: f32,
    small: f32,
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
    x: (f64, f64),
    y: (f64, f64),
}

impl Layout {
    fn at(&self, (x, y): (f64, f64)) -> Point {
        let along = |v: f64, (low, high): (f64, f64)| ((v / low).ln() / (high / low).ln()) as f32;
        let column = self.left + along(x, self.x) * (self.right - self.left);
        (column, self.bottom - along(y, self.y) * (self.bottom - self.top))
    }
}

impl Roofline {
    /// Draws it. Text and lines are sized for 1600 x 1000 and grow or shrink with the picture.
    ///
    /// # Errors
    /// [`FigureError::Plot`] without points, with numbers that are not above zero, or with a row that has not one point
    /// a series; [`FigureError::Size`].
    pub fn draw(&self, width: usize, height: usize) -> Result<Picture, FigureError> {
        self.check()?;
        let mut page = Picture::filled(width, height, PAPER)?;
        let unit = (width as f32 / 1600.0).min(height as f32 / 1000.0);
        let size = |s: f32| text::sensible(s * unit);
        let (large, middle, small) = (size(28.0), size(18.0), size(15.0));
        let margin = 36.0 * unit;
        let legend = self.legend_width(small, unit).min(width as f32 * 0.45);
        let top = margin * 0.8 + large * 1.3 + middle * 1.5 + 20.0 * unit + middle * 1.9;
        let layout = Layout {
            unit,
            large,
            middle,
            small,
            left: margin + text::measure("1000", small) + 12.0 * unit,
            right: width as f32 - margin - legend - 40.0 * unit,
            top,
            bottom: height as f32 - margin - small * 1.5 - middle * 1.6,
            x: self.range(|p| p.0, self.flops / self.bytes),
            y: self.range(|p| p.1, self.flops),
        };
        self.heading(&mut page, margin, &layout);
        grid(&mut page, &layout);
        let mut taken = self.roof(&mut page, &layout);
        self.points(&mut page, &layout, &mut taken);
        self.legend(&mut page, &layout, layout.right + 40.0 * unit, legend);
        Ok(page)
    }

    /// All values and the roof's, and some room around.
    fn range(&self, value: fn(&(f64, f64)) -> f64, roof: f64) -> (f64, f64) {
        let values = self.kernels.iter().flat_map(|k| k.points.iter().map(value));
        let (low, high) = values.fold((roof, roof), |(low, high), v| (low.min(v), high.max(v)));
        (low / 1.6, high * 1.6)
    }

    fn heading(&self, page: &mut Picture, margin: f32, layout: &Layout) {
        let Layout { unit, large, middle, .. } = *layout;
        let room = page.width as f32 - 2.0 * margin;
        let mut top = margin * 0.8;
        for (line, size, ink, gap) in [(&self.title, large, INK, 1.3), (&self.subtitle, middle, QUIET, 1.5)] {
            text::draw(page, margin, top, &text::shorten(line, size, room), size, ink);
            top += size * gap;
        }
        text::draw(page, margin, top + 20.0 * unit, "GFLOP/s", middle, QUIET);
        let label = "FLOP a byte that must be moved at least";
        let at = (layout.left + layout.right - text::measure(label, middle)) / 2.0;
        text::draw(page, at.max(margin), layout.bottom + 14.0 * unit + layout.small * 1.3, label, middle, QUIET);
    }

    /// The roof and what is written at it; returns the places that are taken by words.
    fn roof(&self, page: &mut Picture, layout: &Layout) -> Vec<Block> {
        let ridge = self.flops / self.bytes;
        // Where the slope comes in: from the left or from below.
        let start = layout.x.0.max(layout.y.0 / self.bytes);
        let points = [(start, start * self.bytes), (ridge, self.flops), (layout.x.1, self.flops)];
        let points = points.map(|p| layout.at(p));
        stroke::line(page, &points, 4.0 * layout.unit, None, INK);
        let half = [layout.at((layout.x.0, self.flops / 2.0)), layout.at((layout.x.1, self.flops / 2.0))];
        if half[0].1 < layout.bottom {
            stroke::line(page, &half, layout.unit.max(1.0), Some((6.0 * layout.unit, 6.0 * layout.unit)), QUIET);
        }
        let small = layout.small;
        let compute = format!("{:.0} GFLOP/s: multiply-adds in registers", self.flops / 1e9);
        let memory = format!("{:.1} GB/s: memory", self.bytes / 1e9);
        let above = points[2].1 - small * 1.3 - 5.0 * layout.unit;
        let middle = ((points[0].0 + points[1].0) / 2.0, (points[0].1 + points[1].1) / 2.0);
        let texts = [
            (compute.clone(), layout.right - text::measure(&compute, small), above),
            // To the right of the slope's middle, under it.
            (memory, middle.0 + 12.0 * layout.unit, middle.1),
            ("50 %".to_owned(), layout.right - text::measure("50 %", small), half[0].1 - small * 1.3),
        ];
        let written = texts.into_iter().filter(|(_, _, top)| *top + small < layout.bottom).map(|(words, x, top)| {
            text::draw(page, x, top, &words, small, INK);
            Block { left: x, top, right: x + text::measure(&words, small), bottom: top + small * 1.3 }
        });
        written.collect()
    }

    fn points(&self, page: &mut Picture, layout: &Layout, taken: &mut Vec<Block>) {
        let places = |series: usize| self.kernels.iter().map(move |k| layout.at(k.points[series]));
        let reach = DISC * layout.unit / 2.0;
        let all: Vec<(usize, usize, Point)> = (0..self.series.len())
            .flat_map(|series| places(series).enumerate().map(move |(row, at)| (series, row, at)))
            .collect();
        taken.extend(all.iter().map(|&(_, _, at)| Block::around(at, reach)));
        let texts: Vec<(Point, String)> = all.iter().map(|&(_, row, at)| (at, (row + 1).to_string())).collect();
        let bounds = Block { left: layout.left, top: layout.top, right: layout.right, bottom: layout.bottom };
        let tags = Tags { size: layout.small, reach, bounds }.place(&texts, taken);
        // Leaders below points, points below numbers.
        for (&(series, _, at), tag) in all.iter().zip(&tags) {
            if tag.far {
                stroke::line(page, &[at, tag.block.nearest(at)], layout.unit.max(1.0), None, faint(COLORS[series]));
            }
        }
        for &(series, _, at) in &all {
            self::disc(page, at, layout.unit, series);
        }
        for ((&(series, _, _), tag), (_, words)) in all.iter().zip(&tags).zip(&texts) {
            let ink = COLORS[series % COLORS.len()];
            text::draw_with_halo(page, tag.block.left, tag.block.top, words, layout.small, ink, PAPER);
        }
    }

    /// Widths of the legend's columns: number, name, note, and one for every series.
    fn columns(&self, small: f32, unit: f32) -> [f32; 4] {
        let widest = |of: fn(&Kernel) -> &str| {
            self.kernels.iter().map(|k| text::measure(of(k), small)).fold(0.0, f32::max) + 16.0 * unit
        };
        let share = self.series.iter().map(|s| text::measure(s, small)).fold(text::measure("100 %", small), f32::max);
        let number = text::measure("00", small) + 12.0 * unit;
        [number, widest(|k| &k.name), widest(|k| &k.note), share + 38.0 * unit]
    }

    fn legend_width(&self, small: f32, unit: f32) -> f32 {
        let [number, name, note, share] = self.columns(small, unit);
        number + name + note + share * self.series.len() as f32
    }

    /// The rows with their share of the arithmetic roof; what has no room is left out.
    fn legend(&self, page: &mut Picture, layout: &Layout, left: f32, width: f32) {
        let Layout { unit, small, .. } = *layout;
        let [number, name, note, share] = self.columns(small, unit);
        let squeeze = (width / self.legend_width(small, unit)).min(1.0);
        let (name, note) = (name * squeeze, note * squeeze);
        let shares = left + number + name + note;
        let tall = ((layout.bottom - layout.top) / (self.kernels.len() + 1) as f32).min(small * 2.1);
        let mut top = layout.top;
        for (series, words) in self.series.iter().enumerate() {
            let right = shares + share * (series + 1) as f32;
            let at = right - text::measure(words, small);
            self::disc(page, (at - 12.0 * unit, top + small * 0.62), unit, series);
            text::draw(page, at, top, words, small, INK);
        }
        for (row, kernel) in self.kernels.iter().enumerate() {
            top += tall;
            if top + small > page.height as f32 {
                break;
            }
            text::draw(page, left, top, &(row + 1).to_string(), small, INK);
            text::draw(page, left + number, top, &text::shorten(&kernel.name, small, name), small, INK);
            text::draw(page, left + number + name, top, &text::shorten(&kernel.note, small, note), small, QUIET);
            for (series, (_, speed)) in kernel.points.iter().enumerate() {
                let words = format!("{:.0} %", 100.0 * speed / self.flops);
                let right = shares + share * (series + 1) as f32;
                text::draw(
                    page,
                    right - text::measure(&words, small),
                    top,
                    &words,
                    small,
                    COLORS[series % COLORS.len()],
                );
            }
        }
    }

    fn check(&self) -> Result<(), FigureError> {
        let problem = |problem| Err(FigureError::Plot { problem });
        let good = |v: f64| v.is_finite() && v > 0.0;
        if self.kernels.is_empty() || self.series.is_empty() {
            return problem("there is no point under the roof");
        }
        if self.kernels.iter().any(|k| k.points.len() != self.series.len()) {
            return problem("every row needs one point a series");
        }
        let points = self.kernels.iter().flat_map(|k| &k.points);
        match [self.flops, self.bytes].into_iter().chain(points.flat_map(|p| [p.0, p.1])).all(good) {
            true => Ok(()),
            false => problem("a logarithmic axis has only numbers above zero"),
        }
    }
}

/// A disc, or a ring for all but the first series.
fn disc(page: &mut Picture, at: Point, unit: f32, series: usize) {
    stroke::line(page, &[at, at], DISC * unit, None, COLORS[series % COLORS.len()]);
    if series > 0 {
        stroke::line(page, &[at, at], DISC * unit * 0.45, None, PAPER);
    }
}

/// Half way to the paper.
fn faint(ink: [u8; 3]) -> [u8; 3] {
    ink.map(|v| v / 2 + 127)
}

/// Lines and numbers at 1, 2 and 5 times powers of ten.
fn grid(page: &mut Picture, layout: &Layout) {
    let Layout { unit, small, .. } = *layout;
    let thin = unit.max(1.0);
    for y in ticks((layout.y.0 / 1e9, layout.y.1 / 1e9)) {
        let row = layout.at((layout.x.0, y * 1e9)).1.round() + 0.5;
        stroke::line(page, &[(layout.left, row), (layout.right, row)], thin, None, RULE);
        let words = number(y);
        let at = layout.left - 12.0 * unit - text::measure(&words, small);
        text::draw(page, at, row - small * 0.66, &words, small, INK);
    }
    for x in ticks(layout.x) {
        let column = layout.at((x, layout.y.0)).0.round() + 0.5;
        stroke::line(page, &[(column, layout.top), (column, layout.bottom)], thin, None, RULE);
        let words = number(x);
        text::draw(page, column - text::measure(&words, small) / 2.0, layout.bottom + 10.0 * unit, &words, small, INK);
    }
    let corner = [(layout.left, layout.top), (layout.left, layout.bottom), (layout.right, layout.bottom)];
    stroke::line(page, &corner, thin, None, AXIS);
}

/// 1, 2 and 5 times powers of ten within a range; of a range too wide for these the powers alone.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let steps: &[f64] = if powers.clone().count() > 6 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let all = powers.flat_map(|power| steps.iter().map(move |m| m * 10f64.powi(power)));
    all.filter(|t| (low..=high).contains(t)).collect()
}

fn number(value: f64) -> String {
    if (1e-3..1e6).contains(&value) { format!("{value}") } else { format!("{value:.0e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roofline() -> Roofline {
        let kernel = |k: usize| Kernel {
            name: format!("layer {k}"),
            note: "56x56x64->64".into(),
            points: vec![(5.0 + 3.0 * k as f64, 4e10 + 2e9 * k as f64), (6.0 + 2.0 * k as f64, 9e10)],
        };
        Roofline {
            title: "Layers under the roof".into(),
            subtitle: "avx2, 2 threads".into(),
            flops: 1.8e11,
            bytes: 2e10,
            series: vec!["forward".into(), "dgrad".into()],
            kernels: (0..22).map(kernel).collect(),
        }
    }

    #[test]
    fn has_the_colours_of_both_series_and_the_roof() {
        let page = roofline().draw(1600, 1000).unwrap();
        for color in [COLORS[0], COLORS[1], INK, RULE] {
            let count = page.rgb.chunks_exact(3).filter(|p| **p == color).count();
            assert!(count > 500, "{color:?}: {count}");
        }
        assert_eq!(page, roofline().draw(1600, 1000).unwrap());
    }

    #[test]
    fn any_size_and_any_text() {
        let mut long = roofline();
        long.kernels[0].name = "a layer with a very long name indeed ".repeat(9);
        long.kernels[1].points[0] = (1e-9, 1e20);
        for (width, height) in [(1, 1), (30, 20), (400, 900)] {
            assert_eq!(long.draw(width, height).unwrap().width, width);
        }
    }

    #[test]
    fn plots_that_cannot_be_drawn() {
        let with = |change: &dyn Fn(&mut Roofline)| {
            let mut plot = roofline();
            change(&mut plot);
            let error = plot.draw(300, 200).unwrap_err();
            assert!(matches!(error, FigureError::Plot { .. }), "{error}");
        };
        with(&|p| p.kernels.clear());
        with(&|p| p.series.clear());
        with(&|p| p.kernels[3].points.truncate(1));
        with(&|p| p.kernels[3].points[1].1 = 0.0);
        with(&|p| p.bytes = f64::NAN);
        with(&|p| p.flops = -1.0);
    }

    #[test]
    fn ticks_of_a_logarithmic_axis() {
        assert_eq!(ticks((3.0, 60.0)), [5.0, 10.0, 20.0, 50.0]);
        assert_eq!(ticks((0.9, 2e9)).len(), 10);
        assert_eq!([0.05, 1.0, 500.0, 1e7].map(number), ["0.05", "1", "500", "1e7"]);
    }
}
