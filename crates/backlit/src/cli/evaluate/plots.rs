//! The mean curves as pictures.

use backlit::figure::Picture;
use backlit::figure::plot::{Axis, Curve, Plot};
use backlit::saliency::measure::Measure;

use super::judge::CurveKind;
use super::report::{MeanCurve, Report};
use crate::cli::failure::Failure;

/// Size of a plot, pixels.
const SIZE: (usize, usize) = (1200, 800);

/// What is drawn together: the file, the title, what the shares are, and the kinds of curve.
const PLOTS: [(&str, &str, Measure, &str, &[CurveKind]); 3] = [
    (
        "insertion.png",
        "Insertion",
        Measure::Insertion,
        "pixels brought back, the map's highest first",
        &[CurveKind::Insertion],
    ),
    (
        "deletion.png",
        "Deletion",
        Measure::Deletion,
        "pixels taken away, the map's highest first",
        &[CurveKind::Deletion],
    ),
    ("road.png", "ROAD", Measure::Road, "pixels imputed", &[CurveKind::RoadMorf, CurveKind::RoadLerf]),
];

/// The plots that there are curves for, with the names of their files.
pub(super) fn plots(report: &Report, curves: &[MeanCurve]) -> Result<Vec<(&'static str, Picture)>, Failure> {
    let mut pictures = Vec::new();
    for (file, title, measure, x, kinds) in PLOTS {
        let mut methods: Vec<&str> = Vec::new();
        let mut lines = Vec::new();
        let mut photographs = 0;
        for curve in curves.iter().filter(|c| kinds.contains(&c.kind) && !c.points.is_empty()) {
            let color = methods.iter().position(|m| *m == curve.method).unwrap_or_else(|| {
                methods.push(&curve.method);
                methods.len() - 1
            });
            let several = curve.points[0].n > 1;
            photographs = photographs.max(curve.points[0].n);
            let summary = report.summary(&curve.method, measure);
            let number = summary.map_or(String::new(), |s| match several {
                true => format!("{:.3} [{:.3}, {:.3}]", s.mean, s.low, s.high),
                false => format!("{:.3}", s.mean),
            });
            let (name, note) = match curve.kind {
                CurveKind::RoadMorf => (format!("{}, most first", curve.method), format!("score {number}")),
                CurveKind::RoadLerf => (format!("{}, least first", curve.method), String::new()),
                _ => (curve.method.clone(), format!("area {number}")),
            };
            lines.push(Curve {
                name,
                note,
                points: curve.shares.iter().zip(&curve.points).map(|(&x, s)| (x, s.mean)).collect(),
                band: if several { curve.points.iter().map(|s| (s.low, s.high)).collect() } else { Vec::new() },
                dashed: curve.kind == CurveKind::RoadLerf,
                color,
            });
        }
        if lines.is_empty() {
            continue;
        }
        let way = match measure {
            Measure::Road => "most relevant first: lower is better; least relevant first: higher".to_owned(),
            _ => format!("{} is better", measure.better()),
        };
        let subtitle = match photographs {
            1 => format!("one photograph; {way}"),
            n => format!("mean of {n} photographs, 95 % interval; {way}"),
        };
        let axis = |label: &str, range| Axis { label: label.into(), range, percent: true };
        let plot = Plot {
            title: title.into(),
            subtitle,
            x: axis(x, Some((0.0, 1.0))),
            y: axis("probability of the class", None),
            curves: lines,
        };
        pictures.push((file, plot.draw(SIZE.0, SIZE.1)?));
    }
    Ok(pictures)
}
