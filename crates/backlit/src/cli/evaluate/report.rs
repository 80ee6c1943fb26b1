//! All photographs together: means with their intervals, as JSON, CSV and a table.

use std::collections::BTreeMap;

use backlit::saliency::measure::{Bootstrap, Confidence, Measure, Measured, Summary, mean_over_classes};
use rayon::prelude::*;
use serde_json::{Map as Object, Value, json};

use super::judge::{CurveKind, Judged};
use crate::cli::failure::Failure;
use crate::cli::terminal;

/// A photograph and a method.
struct Row {
    image: String,
    method: String,
    class: Confidence,
    values: Vec<(Measure, Measured)>,
}

/// A mean curve; the interval is that of each point by itself.
pub(super) struct MeanCurve {
    pub(super) method: String,
    pub(super) kind: CurveKind,
    pub(super) shares: Vec<f64>,
    pub(super) points: Vec<Summary>,
}

/// What has been found so far.
pub(super) struct Report {
    measures: Vec<Measure>,
    bootstrap: Bootstrap,
    rows: Vec<Row>,
    /// In the order in which they first came.
    curves: Vec<Curves>,
}

/// The curves of one kind, of all photographs.
struct Curves {
    method: String,
    kind: CurveKind,
    shares: Vec<f64>,
    /// One for each photograph.
    probabilities: Vec<Vec<f32>>,
}

impl Report {
    pub(super) fn new(measures: Vec<Measure>, bootstrap: Bootstrap) -> Report {
        Report { measures, bootstrap, rows: Vec::new(), curves: Vec::new() }
    }

    /// Adds a photograph and returns its record.
    pub(super) fn push(&mut self, image: &str, class: Confidence, judged: Vec<Judged>) -> Value {
        let mut records = Vec::new();
        for Judged { method, values, curves } in judged {
            let (mut numbers, mut reasons) = (Object::new(), Object::new());
            for (measure, value) in &values {
                match value {
                    Ok(value) => numbers.insert(measure.to_string(), json!(value)),
                    Err(why) => reasons.insert(measure.to_string(), json!(why)),
                };
            }
            records.push(json!({ "method": method, "values": numbers, "undefined": reasons }));
            for (kind, curve) in curves {
                let probabilities = curve.probabilities.iter().map(|&p| p as f32).collect();
                match self.curves.iter_mut().find(|c| c.method == method && c.kind == kind) {
                    Some(all) => all.probabilities.push(probabilities),
                    None => {
                        let (method, shares) = (method.clone(), curve.shares);
                        self.curves.push(Curves { method, kind, shares, probabilities: vec![probabilities] });
                    }
                }
            }
            self.rows.push(Row { image: image.to_owned(), method, class, values });
        }
        Value::Array(records)
    }

    /// The methods, in the order in which they first came.
    fn methods(&self) -> Vec<&str> {
        let mut methods: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !methods.contains(&row.method.as_str()) {
                methods.push(&row.method);
            }
        }
        methods
    }

    /// Class and value, or why there is none, of every photograph.
    fn values(&self, method: &str, measure: Measure) -> impl Iterator<Item = (usize, Measured)> {
        let rows = self.rows.iter().filter(move |r| r.method == method);
        rows.flat_map(move |r| {
            r.values.iter().filter(move |(m, _)| *m == measure).map(|&(_, value)| (r.class.class, value))
        })
    }

    pub(super) fn summary(&self, method: &str, measure: Measure) -> Option<Summary> {
        let values: Vec<f64> = self.values(method, measure).filter_map(|(_, v)| v.ok()).collect();
        Summary::of(&values, self.bootstrap)
    }

    /// The mean curves. For their many points fewer resamples do.
    pub(super) fn mean_curves(&self) -> Vec<MeanCurve> {
        let bootstrap = Bootstrap { resamples: self.bootstrap.resamples.min(500), ..self.bootstrap };
        let mean = |curves: &Curves| {
            let at = |i: usize| {
                let values: Vec<f64> = curves.probabilities.iter().map(|p| p[i].into()).collect();
                Summary::of(&values, bootstrap)
            };
            let points: Option<Vec<Summary>> = (0..curves.shares.len()).into_par_iter().map(at).collect();
            let (method, kind, shares) = (curves.method.clone(), curves.kind, curves.shares.clone());
            MeanCurve { method, kind, shares, points: points.unwrap_or_default() }
        };
        self.curves.iter().map(mean).collect()
    }

    /// Means, intervals and mean curves of every method.
    pub(super) fn as_json(&self, curves: &[MeanCurve]) -> Value {
        let mut methods = Vec::new();
        for method in self.methods() {
            let mut measures = Object::new();
            for &measure in &self.measures {
                let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
                for why in self.values(method, measure).filter_map(|(_, v)| v.err()) {
                    *reasons.entry(why.to_string()).or_default() += 1;
                }
                let summary = self.summary(method, measure);
                let mut record = json!({
                    "better": measure.better().as_str(),
                    "n": summary.map_or(0, |s| s.n),
                    "mean": summary.map(|s| s.mean),
                    "low": summary.map(|s| s.low),
                    "high": summary.map(|s| s.high),
                    "undefined": reasons,
                });
                if measure == Measure::Pointing {
                    let values: Vec<(usize, f64)> =
                        self.values(method, measure).filter_map(|(c, v)| Some((c, v.ok()?))).collect();
                    record["mean_over_classes"] = json!(mean_over_classes(&values));
                }
                measures.insert(measure.to_string(), record);
            }
            let mut own = Object::new();
            for curve in curves.iter().filter(|c| c.method == method) {
                let column = |f: fn(&Summary) -> f64| curve.points.iter().map(f).collect::<Vec<f64>>();
                let (mean, low, high) = (column(|s| s.mean), column(|s| s.low), column(|s| s.high));
                let record = json!({ "share": curve.shares, "mean": mean, "low": low, "high": high });
                own.insert(curve.kind.name().into(), record);
            }
            methods.push(json!({ "method": method, "measures": measures, "curves": own }));
        }
        Value::Array(methods)
    }

    /// A row for every photograph and method; what is undefined stays empty.
    pub(super) fn as_csv(&self) -> Result<Vec<u8>, Failure> {
        let mut table = csv::Writer::from_writer(Vec::new());
        let fixed = ["image", "method", "class_idx", "wnid", "label", "probability"];
        table.write_record(fixed.iter().copied().chain(self.measures.iter().map(|m| m.as_str())))?;
        for row in &self.rows {
            let label = backlit::net::labels::label(row.class.class);
            let (class, probability) = (row.class.class.to_string(), row.class.probability.to_string());
            table.write_field(&row.image)?;
            for field in [row.method.as_str(), &class, label.wnid, label.name, &probability] {
                table.write_field(field)?;
            }
            for (_, value) in &row.values {
                table.write_field(value.map_or_else(|_| String::new(), |v| v.to_string()))?;
            }
            table.write_record(None::<&[u8]>)?;
        }
        table.into_inner().map_err(|e| Failure::Message(format!("cannot write a table: {e}")))
    }

    /// Methods by measures, and what is undefined below.
    pub(super) fn as_text(&self) -> String {
        let names: Vec<String> = self.measures.iter().map(|m| format!(">{m} ({})", m.better())).collect();
        let names: Vec<&str> = std::iter::once("method").chain(names.iter().map(String::as_str)).collect();
        let cell = |method: &str, measure: Measure| match self.summary(method, measure) {
            None => "-".to_owned(),
            Some(Summary { n: 1, mean, .. }) => number(mean),
            Some(Summary { mean, low, high, .. }) => format!("{} [{}, {}]", number(mean), number(low), number(high)),
        };
        let row = |method: &&str| {
            let cells = self.measures.iter().map(|&measure| cell(method, measure));
            std::iter::once((*method).to_owned()).chain(cells).collect::<Vec<String>>()
        };
        let methods = self.methods();
        let mut text = terminal::table(&names, &methods.iter().map(row).collect::<Vec<_>>());
        for method in &methods {
            for &measure in &self.measures {
                let undefined: Vec<_> = self.values(method, measure).filter_map(|(_, v)| v.err()).collect();
                let all = self.values(method, measure).count();
                if let Some(why) = undefined.first() {
                    text.push_str(&format!(
                        "{measure} of {method}: undefined for {} of {all}: {why}\n",
                        undefined.len()
                    ));
                }
            }
        }
        text
    }
}

/// Four decimals, as a power of ten where they would show nothing.
fn number(value: f64) -> String {
    match value == 0.0 || (0.001..1e6).contains(&value.abs()) {
        true => format!("{value:.4}"),
        false => format!("{value:.2e}"),
    }
}

impl CurveKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            CurveKind::Insertion => "insertion",
            CurveKind::Deletion => "deletion",
            CurveKind::RoadMorf => "road_morf",
            CurveKind::RoadLerf => "road_lerf",
        }
    }
}
