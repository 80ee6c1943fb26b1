//! The results as tables: for the terminal, and as CSV.

use std::cmp::Ordering;

use backlit::figure::probability_text;
use backlit::net::labels;
use backlit::saliency::audit::{Audit, FillRecord, Verdict};
use backlit::saliency::mask::Fill;

use super::objects::Task;
use crate::cli::failure::Failure;
use crate::cli::terminal;

/// Rows that a terminal is given.
const SHOWN: usize = 40;

/// One audit in one line.
pub(super) struct Line {
    image: String,
    class: usize,
    probability: f64,
    verdict: Verdict,
    doubt: Option<&'static str>,
    /// Confidence, agreement.
    trust: [f64; 2],
    /// Support, context reliance, hidden, alone, elsewhere, share of the area, of the saliency, of the activation map.
    shares: [Option<f64>; 8],
    origin: &'static str,
    slices: String,
    boxes: String,
    /// Hidden and alone for every fill: probability, rank, logit.
    fills: Vec<[(f64, usize, f32); 2]>,
}

impl Line {
    pub(super) fn new(image: &str, task: &Task, audit: &Audit) -> Line {
        let (j, object) = (&audit.judgement, audit.object.as_ref());
        let reading = |r: &backlit::saliency::Reading| (r.original.probability, r.original.rank, r.original.logit);
        let fill = |f: &FillRecord| [reading(&f.hidden), reading(&f.alone)];
        Line {
            image: image.to_owned(),
            class: audit.class_idx,
            probability: audit.original.original.probability,
            verdict: j.verdict,
            doubt: j.doubt.map(|d| d.as_str()),
            trust: [j.confidence, j.agreement],
            shares: [
                j.support,
                j.context_reliance,
                j.hidden_keeps,
                j.alone_keeps,
                j.control_keeps,
                object.map(|o| o.area_share),
                object.and_then(|o| o.saliency_share),
                object.and_then(|o| o.cam_share),
            ],
            origin: object.map_or("", |o| o.from.as_str()),
            slices: object.map_or(String::new(), |o| o.bounds.to_string()),
            boxes: task.boxes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            fills: audit.fills.iter().map(fill).collect(),
        }
    }
}

/// The most context-driven first, what could not be told last; of equals in the order of the photographs.
pub(super) fn rank(lines: &mut [Line]) {
    lines.sort_by(|a, b| {
        let doubtful = |l: &Line| l.verdict == Verdict::Undetermined;
        let reliance = |l: &Line| l.shares[1].unwrap_or(-2.0);
        doubtful(a).cmp(&doubtful(b)).then(reliance(b).partial_cmp(&reliance(a)).unwrap_or(Ordering::Equal))
    });
}

pub(super) fn text(lines: &[Line]) -> String {
    let percent = |v: Option<f64>| v.map_or("–".into(), |v| format!("{:.1} %", 100.0 * v));
    let row = |l: &Line| {
        let [_, reliance, hidden, alone, elsewhere, area, saliency, _] = l.shares;
        vec![
            l.image.clone(),
            labels::label(l.class).name.to_owned(),
            probability_text(l.probability),
            l.doubt.map_or(l.verdict.to_string(), |doubt| format!("{} ({doubt})", l.verdict)),
            format!("{:.0} %", 100.0 * l.trust[0]),
            reliance.map_or("–".into(), |v| format!("{v:+.2}")),
            percent(hidden),
            percent(alone),
            percent(elsewhere),
            percent(saliency),
            percent(area),
        ]
    };
    let names = [
        "photograph",
        "class",
        ">probability",
        "verdict",
        ">confidence",
        ">reliance",
        ">left without",
        ">left alone",
        ">left elsewhere",
        ">saliency on it",
        ">its area",
    ];
    let mut text = terminal::table(&names, &lines.iter().take(SHOWN).map(row).collect::<Vec<_>>());
    if lines.len() > SHOWN {
        text.push_str(&format!("... and {} more\n", lines.len() - SHOWN));
    }
    let count = |v: Verdict| lines.iter().filter(|l| l.verdict == v).count();
    let counts = Verdict::ALL.iter().map(|&v| (v, count(v))).filter(|&(_, n)| n > 0);
    let counts: Vec<String> = counts.map(|(v, n)| format!("{n} {v}")).collect();
    format!("{text}\n{}\n", counts.join(", "))
}

pub(super) fn csv(lines: &[Line], fills: &[Fill]) -> Result<Vec<u8>, Failure> {
    let mut names: Vec<String> = [
        "image",
        "class_idx",
        "wnid",
        "label",
        "probability",
        "verdict",
        "doubt",
        "confidence",
        "agreement",
        "support",
        "context_reliance",
        "hidden_keeps",
        "alone_keeps",
        "control_keeps",
        "area_share",
        "saliency_share",
        "cam_share",
        "object_from",
        "object_slices",
        "boxes",
    ]
    .map(String::from)
    .into();
    for fill in fills {
        for experiment in ["hidden", "alone"] {
            names.extend(["probability", "rank", "logit"].map(|n| format!("{experiment}_{fill}_{n}")));
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&names)?;
    for l in lines {
        let label = labels::label(l.class);
        let number = |v: Option<f64>| v.map_or(String::new(), |v| v.to_string());
        let mut row = vec![l.image.clone(), l.class.to_string(), label.wnid.into(), label.name.into()];
        row.extend([l.probability.to_string(), l.verdict.to_string(), l.doubt.unwrap_or_default().into()]);
        row.extend(l.trust.iter().map(f64::to_string));
        row.extend(l.shares.iter().copied().map(number));
        row.extend([l.origin.to_owned(), l.slices.clone(), l.boxes.clone()]);
        for (probability, rank, logit) in l.fills.iter().flatten() {
            row.extend([probability.to_string(), rank.to_string(), logit.to_string()]);
        }
        // Where nothing was tried the fields are empty.
        row.resize(names.len(), String::new());
        writer.write_record(&row)?;
    }
    writer.into_inner().map_err(|e| Failure::Message(format!("cannot write the table: {}", e.error())))
}
