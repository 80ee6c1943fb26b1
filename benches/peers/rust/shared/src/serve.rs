//! The protocol of `../common.py`.

use std::io::{BufRead, Write};
use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::case::median;
use crate::{Args, Case, Photographs, Result};

/// Who is measured.
pub struct About {
    /// Its name.
    pub peer: &'static str,
    /// Versions by name.
    pub versions: Value,
    /// The instruction set that it uses, as far as it says.
    pub isa: String,
    /// What is to be known besides.
    pub more: Map<String, Value>,
}

/// Checks the cases that were asked for and measures them, in turns with other peers if run.py asks.
///
/// # Errors
/// If standard input or output fail. A case that fails is reported and leaves the others standing.
pub fn serve(args: &Args, about: About, photos: &Photographs, cases: Vec<Case<'_>>) -> Result<()> {
    let (mut described, mut ready) = (vec![], vec![]);
    for case in cases {
        let chosen = |list: &[String], name: &str| list.is_empty() || list.iter().any(|l| l == name);
        let wanted = chosen(&args.what, case.what.as_str()) && chosen(&args.mode, case.mode);
        if !wanted || !chosen(&args.precision, &case.precision) {
            continue;
        }
        let (id, batch) = (case.id(), case.batch);
        let mut row =
            json!({ "id": id, "what": case.what, "precision": case.precision, "mode": case.mode, "batch": batch });
        let begin = Instant::now();
        match (case.check)(photos) {
            Ok((errors, times)) => {
                row["errors"] = json!(errors);
                row["prepared_s"] = json!(begin.elapsed().as_secs_f64());
                ready.push((id, batch, times));
            }
            Err(e) => row["skipped"] = json!(e.to_string()),
        }
        eprintln!("{row}");
        described.push(row);
    }
    let mut head =
        json!({ "peer": about.peer, "versions": about.versions, "isa": about.isa, "photographs": photos.names });
    for (key, value) in about.more {
        head[key] = value;
    }
    let mut replies = std::io::stdout().lock();
    if !args.serve {
        for row in &mut described {
            if let Some((_, batch, times)) = ready.iter_mut().find(|r| row["id"] == r.0.as_str()) {
                let round = |_| -> Result<f64> { Ok(median(&mut times(args.seconds)?) / *batch as f64) };
                row["rounds"] = json!((0..args.rounds).map(round).collect::<Result<Vec<f64>>>()?);
            }
            if !args.json {
                writeln!(replies, "{row}")?;
            }
        }
    }
    head["cases"] = json!(described);
    if args.serve || args.json {
        writeln!(replies, "{head}")?;
    }
    if args.serve {
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let (id, seconds) = line.rsplit_once(' ').ok_or("expected: CASE SECONDS")?;
            let (_, _, times) = ready.iter_mut().find(|r| r.0 == id).ok_or("no such case")?;
            writeln!(replies, "{}", json!({ "id": id, "ms": times(seconds.parse()?)? }))?;
        }
    }
    Ok(())
}
