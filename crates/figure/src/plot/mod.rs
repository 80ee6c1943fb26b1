//! Line plots: curves with the interval around them, and a legend beside; and [`roofline`]s.

pub mod roofline;
mod stroke;
mod ticks;

use crate::palette::{INK, PAPER, QUIET, RULE};
use crate::{FigureError, Picture, text};
use stroke::Point;

/// A curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// What the legend calls it.
    pub name: String,
    /// A second line in the legend, such as the area under the curve.
    pub note: String,
    /// Points (x, y), x rising.
    pub points: Vec<(f64, f64)>,
    /// Lower and upper end of the interval at each point; empty for none.
    pub band: Vec<(f64, f64)>,
    /// Whether it is drawn dashed.
    pub dashed: bool,
    /// Which of the plot's ten colours; beyond them they begin anew.
    pub color: usize,
}

/// One of the two axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What it shows.
    pub label: String,
    /// Its ends; `None` takes 0 (or the lowest value) to the highest value, rounded up.
    pub range: Option<(f64, f64)>,
    /// Whether 1 is written as 100 %.
    pub percent: bool,
}

/// A plot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    /// Above everything.
    pub title: String,
    /// Below the title.
    pub subtitle: String,
    /// The axis below.
    pub x: Axis,
    /// The axis at the left; its label stands above it.
    pub y: Axis,
    /// The curves, the last one on top.
    pub curves: Vec<Curve>,
}

/// Ten colours that people who confuse red and green tell apart as well as any: the palette of Okabe and Ito (2008),
/// then three that differ from it in lightness.
const COLORS: [[u8; 3]; 10] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [230, 159, 0],
    [86, 180, 233],
    [70, 70, 76],
    [130, 72, 28],
    [90, 60, 150],
    [150, 150, 60],
];

/// Colour of the axes' lines.
const AXIS: [u8; 3] = [150, 150, 156];

/// Where the axes lie and what their ends mean.
struct Frame {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    fn column(&self, x: f64) -> f32 {
        self.left + ((x - self.x.0) / (self.x.1 - self.x.0)) as f32 * (self.right - self.left)
    }

    /// Values beyond the ends are drawn at the ends.
    fn row(&self, y: f64) -> f32 {
        self.bottom - (((y - self.y.0) / (self.y.1 - self.y.0)).clamp(0.0, 1.0)) as f32 * (self.bottom - self.top)
    }

    fn points(&self, points: impl Iterator<Item = (f64, f64)>) -> Vec<Point> {
        points.map(|(x, y)| (self.column(x), self.row(y))).collect()
    }
}

impl Plot {
    /// Draws it. Text and lines are sized for 1200 x 800 and grow or shrink with the picture.
    ///
    /// # Errors
    /// [`FigureError::Plot`] for a plot without points, with points that are not finite or whose x does not rise, with
    /// a band of another length, or with an axis that ends before it begins; [`FigureError::Size`].
    pub fn draw(&self, width: usize, height: usize) -> Result<Picture, FigureError> {
        self.check()?;
        let mut page = Picture::filled(width, height, PAPER)?;
        let unit = (width as f32 / 1200.0).min(height as f32 / 800.0);
        let size = |s: f32| text::sensible(s * unit);
        let (large, middle, small) = (size(27.0), size(18.0), size(16.0));
        let margin = 36.0 * unit;

        let mut top = margin * 0.8;
        for (line, size, ink, gap) in [(&self.title, large, INK, 1.3), (&self.subtitle, middle, QUIET, 1.5)] {
            if !line.is_empty() {
                let line = text::shorten(line, size, width as f32 - 2.0 * margin);
                text::draw(&mut page, margin, top, &line, size, ink);
                top += size * gap;
            }
        }
        top += 14.0 * unit;

        let legend = self.curves.iter().flat_map(|c| [text::measure(&c.name, middle), text::measure(&c.note, small)]);
        let legend = legend.fold(0.0, f32::max).min(width as f32 * 0.3);
        let (x, y) = (self.x.ends(self.xs()), self.y.ends(self.ys()));
        let (at_x, at_y) = (ticks::ticks(x.0, x.1, 5), ticks::ticks(y.0, y.1, 5));
        let (texts_x, texts_y) = (ticks::texts(&at_x, self.x.percent), ticks::texts(&at_y, self.y.percent));
        let widest = texts_y.iter().map(|t| text::measure(t, small)).fold(0.0, f32::max);
        let frame = Frame {
            left: margin + widest + 12.0 * unit,
            right: width as f32 - margin - legend - 72.0 * unit,
            top: top + middle * 1.9,
            bottom: height as f32 - margin - small * 1.5 - middle * 1.5,
            x,
            y,
        };
        text::draw(&mut page, margin, top, &self.y.label, middle, QUIET);
        for (&tick, label) in at_y.iter().zip(&texts_y) {
            let row = frame.row(tick).round() + 0.5;
            let ink = if tick == frame.y.0 { AXIS } else { RULE };
            stroke::line(&mut page, &[(frame.left, row), (frame.right, row)], unit.max(1.0), None, ink);
            let at = frame.left - 12.0 * unit - text::measure(label, small);
            text::draw(&mut page, at, row - small * 0.66, label, small, INK);
        }
        let bottom = frame.bottom.round() + 0.5;
        stroke::line(&mut page, &[(frame.left, bottom), (frame.right, bottom)], unit.max(1.0), None, AXIS);
        for (&tick, label) in at_x.iter().zip(&texts_x) {
            let column = frame.column(tick).round() + 0.5;
            stroke::line(&mut page, &[(column, bottom), (column, bottom + 7.0 * unit)], unit.max(1.0), None, AXIS);
            let at = column - text::measure(label, small) / 2.0;
            text::draw(&mut page, at, bottom + 10.0 * unit, label, small, INK);
        }
        let at = (frame.left + frame.right - text::measure(&self.x.label, middle)) / 2.0;
        text::draw(&mut page, at.max(margin), bottom + 14.0 * unit + small * 1.3, &self.x.label, middle, QUIET);

        // Where many bands overlap each must be fainter for the curves to stand out.
        let opacity = if self.curves.iter().filter(|c| !c.band.is_empty()).count() > 3 { 0.09 } else { 0.16 };
        for curve in &self.curves {
            let edge = |high: bool| {
                frame
                    .points(curve.points.iter().zip(&curve.band).map(move |(p, b)| (p.0, if high { b.1 } else { b.0 })))
            };
            stroke::band(&mut page, &edge(true), &edge(false), curve.ink(), opacity);
        }
        for curve in &self.curves {
            let points = frame.points(curve.points.iter().copied());
            stroke::line(&mut page, &points, 3.2 * unit, curve.dash(unit), curve.ink());
        }
        self.legend(&mut page, frame.right + 28.0 * unit, frame.top, legend, unit, middle, small);
        Ok(page)
    }

    /// The names beside short pieces of their lines; what has no room is left out.
    fn legend(&self, page: &mut Picture, left: f32, mut top: f32, width: f32, unit: f32, middle: f32, small: f32) {
        let beside = left + 40.0 * unit;
        for curve in &self.curves {
            let tall = middle * 1.3 + if curve.note.is_empty() { 0.0 } else { small * 1.4 };
            if top + tall > page.height as f32 {
                break;
            }
            let row = top + middle * 0.62;
            stroke::line(page, &[(left, row), (left + 28.0 * unit, row)], 3.2 * unit, curve.dash(unit), curve.ink());
            text::draw(page, beside, top, &text::shorten(&curve.name, middle, width + 1.0), middle, INK);
            let note = text::shorten(&curve.note, small, width + 1.0);
            text::draw(page, beside, top + middle * 1.3, &note, small, QUIET);
            top += tall + middle * 0.7;
        }
    }

    fn xs(&self) -> impl Iterator<Item = f64> {
        self.curves.iter().flat_map(|c| c.points.iter().map(|p| p.0))
    }

    fn ys(&self) -> impl Iterator<Item = f64> {
        let bands = self.curves.iter().flat_map(|c| c.band.iter().flat_map(|b| [b.0, b.1]));
        self.curves.iter().flat_map(|c| c.points.iter().map(|p| p.1)).chain(bands)
    }

    fn check(&self) -> Result<(), FigureError> {
        let problem = |problem| Err(FigureError::Plot { problem });
        if self.xs().next().is_none() {
            return problem("no curve has a point");
        }
        if self.xs().chain(self.ys()).any(|v| !v.is_finite()) {
            return problem("a point is not finite");
        }
        if self.curves.iter().any(|c| c.points.windows(2).any(|w| w[1].0 < w[0].0)) {
            return problem("the x of a curve do not rise");
        }
        if self.curves.iter().any(|c| !c.band.is_empty() && c.band.len() != c.points.len()) {
            return problem("a band needs an interval for every point of its curve");
        }
        let sensible = |range: &(f64, f64)| range.0.is_finite() && range.1.is_finite() && range.0 < range.1;
        match [&self.x, &self.y].iter().filter_map(|a| a.range.as_ref()).all(sensible) {
            true => Ok(()),
            false => problem("an axis ends before it begins"),
        }
    }
}

impl Axis {
    /// Its ends, given all values.
    fn ends(&self, values: impl Iterator<Item = f64>) -> (f64, f64) {
        if let Some(range) = self.range {
            return range;
        }
        let (low, high) = values.fold((0f64, 0f64), |(l, h), v| (l.min(v), h.max(v)));
        match (low < 0.0, high > 0.0) {
            (false, false) => (0.0, 1.0),
            (false, true) => (0.0, ticks::round_up(high)),
            (true, false) => (-ticks::round_up(-low), 0.0),
            (true, true) => (-ticks::round_up(-low), ticks::round_up(high)),
        }
    }
}

impl Curve {
    fn ink(&self) -> [u8; 3] {
        COLORS[self.color % COLORS.len()]
    }

    fn dash(&self, unit: f32) -> Option<(f32, f32)> {
        self.dashed.then_some((9.0 * unit, 8.0 * unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot() -> Plot {
        let curve = |k: usize| Curve {
            name: format!("method {k}"),
            note: "area 0.51".into(),
            points: (0..=20).map(|i| (f64::from(i) / 20.0, 0.9 - f64::from(i) / (25.0 + 5.0 * k as f64))).collect(),
            band: (0..=20).map(|i| (0.1, 0.9 - f64::from(i) / 30.0)).collect(),
            dashed: k == 1,
            color: k,
        };
        let axis = |label: &str| Axis { label: label.into(), range: None, percent: true };
        Plot {
            title: "Deletion".into(),
            subtitle: "lower is better".into(),
            x: axis("pixels taken away"),
            y: axis("probability"),
            curves: vec![curve(0), curve(1)],
        }
    }

    #[test]
    fn has_the_colours_of_its_curves() {
        let page = plot().draw(1200, 800).unwrap();
        for color in [COLORS[0], COLORS[1], INK, RULE] {
            let count = page.rgb.chunks_exact(3).filter(|p| **p == color).count();
            assert!(count > 100, "{color:?}: {count}");
        }
        assert_eq!(page, plot().draw(1200, 800).unwrap());
    }

    #[test]
    fn any_size_and_any_text() {
        let mut long = plot();
        long.curves[0].name = "integrated gradients with a very long name indeed ".repeat(4);
        long.title = "x".repeat(500);
        long.curves = (0..40).map(|k| Curve { color: k, ..long.curves[0].clone() }).collect();
        for (width, height) in [(1, 1), (30, 20), (1200, 800), (333, 2000)] {
            assert_eq!(long.draw(width, height).unwrap().width, width);
        }
        assert!(matches!(plot().draw(0, 5), Err(FigureError::Size { .. })));
    }

    #[test]
    fn flat_single_and_negative_values() {
        for points in
            [vec![(0.5, 0.0)], vec![(0.0, 0.0), (0.0, 0.0)], vec![(-1.0, -2.0), (1.0, 3.0)], vec![(0.0, -1.0)]]
        {
            let curve = Curve { points, ..Curve::default() };
            Plot { curves: vec![curve], ..Plot::default() }.draw(300, 200).unwrap();
        }
    }

    #[test]
    fn plots_that_cannot_be_drawn() {
        let with = |change: &dyn Fn(&mut Plot)| {
            let mut plot = plot();
            change(&mut plot);
            let error = plot.draw(300, 200).unwrap_err();
            assert!(matches!(error, FigureError::Plot { .. }) && !error.to_string().contains('\n'), "{error}");
        };
        with(&|p| p.curves.clear());
        with(&|p| p.curves[0].points[3].1 = f64::NAN);
        with(&|p| p.curves[0].points[3].0 = -1.0);
        with(&|p| p.curves[0].band.truncate(2));
        with(&|p| p.curves[1].band[2].1 = f64::INFINITY);
        with(&|p| p.y.range = Some((1.0, 1.0)));
    }
}
