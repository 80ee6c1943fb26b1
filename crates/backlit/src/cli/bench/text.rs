//! The findings as tables.

use backlit_bench::layers::{LayerPass, LayerRow, Pass};
use backlit_bench::machine;
use backlit_bench::network::Ask;
use backlit_bench::stopwatch::Times;

use super::findings::Findings;
use crate::cli::terminal;

pub(super) fn text(findings: &Findings) -> String {
    let mut text = head(findings);
    if !findings.whole.is_empty() {
        text.push_str(&format!("\n{}", whole(findings)));
    }
    if !findings.layers.is_empty() {
        text.push_str(&format!("\n{}", layers(findings)));
    }
    text.push_str(
        "\nGFLOP/s: nominal work, two operations for every multiply-add of `backlit model`; an algorithm that does \
         fewer can pass 100 %.\nerror: relative L2, against the reference in double precision.\n",
    );
    text
}

fn head(findings: &Findings) -> String {
    let Findings { engine, network, weights, batch, .. } = findings;
    let mut text = format!(
        "backlit {}, commit {}, {}\n{}, {} threads; engine {}, {}, {}, batch {batch}\nResNet-50 {}, weights: {weights}\n",
        env!("CARGO_PKG_VERSION"),
        machine::commit(),
        machine::today(),
        machine::cpu_model(),
        engine.threads,
        engine.name,
        engine.isa,
        engine.precision.as_str(),
        network.variant,
    );
    if let Some(roof) = findings.roof {
        text.push_str(&format!(
            "roof: {:.1} GFLOP/s of float32 multiply-adds in registers, {:.1} GB/s from memory (triad)\n",
            roof.flops / 1e9,
            roof.bytes / 1e9
        ));
    }
    if findings.quick {
        text.push_str("one run each: these numbers show that everything works, not how fast it is\n");
    }
    text
}

fn whole(findings: &Findings) -> String {
    let rows = findings.whole.iter().map(|&(ask, measured)| {
        let times = measured.times();
        let what = match ask {
            Ask::Forward => "forward",
            Ask::Gradient => "gradient (forward + input gradient)",
        };
        let flops = ask.flops(findings.network) as f64 * findings.batch as f64 / times.median;
        vec![
            what.into(),
            milliseconds(times, findings.batch),
            format!("{:.2}", findings.batch as f64 / times.median),
            format!("{:.1}", flops / 1e9),
            percent(findings, flops),
            format!("{:.1e}", measured.error()),
        ]
    });
    let names = ["whole network", ">ms an image (min-max)", ">images/s", ">GFLOP/s nominal", ">% of roof", ">error"];
    terminal::table(&names, &rows.collect::<Vec<_>>())
}

fn layers(findings: &Findings) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for row in &findings.layers {
        for pass in Pass::ALL {
            let LayerPass { measured, algorithm, .. } = row.pass(pass);
            // The name once, above both passes.
            let first = |text: String| if pass == Pass::Forward { text } else { String::new() };
            rows.push(vec![
                first(row.layer.conv.name.clone()),
                first(row.layer.shape()),
                first(format!("x{}", row.layer.count)),
                pass.as_str().into(),
                (*algorithm).into(),
                milliseconds(measured.times(), findings.batch),
                format!("{:.1}", row.speed(pass) / 1e9),
                percent(findings, row.speed(pass)),
                format!("{:.1e}", measured.error()),
            ]);
        }
    }
    for pass in Pass::ALL {
        let seconds: f64 = findings.layers.iter().map(|r| weight(r) * r.pass(pass).measured.times().median).sum();
        let flops = findings.layers.iter().map(|r| weight(r) * r.flops()).sum::<f64>() / seconds;
        let ms = format!("{:.2}", 1e3 * seconds / findings.batch as f64);
        let cells = ["all of these", "", "", pass.as_str(), ""].map(str::to_owned).into_iter();
        let numbers = [ms, format!("{:.1}", flops / 1e9), percent(findings, flops), String::new()];
        rows.push(cells.chain(numbers).collect());
    }
    let names =
        ["layer", "shape", "", "pass", "by", ">ms an image (min-max)", ">GFLOP/s nominal", ">% of roof", ">error"];
    terminal::table(&names, &rows)
}

fn weight(row: &LayerRow) -> f64 {
    row.layer.count as f64
}

fn milliseconds(times: Times, batch: usize) -> String {
    let [median, min, max] = [times.median, times.min, times.max].map(|s| 1e3 * s / batch as f64);
    format!("{median:.2} ({min:.2}-{max:.2})")
}

fn percent(findings: &Findings, flops: f64) -> String {
    findings.roof.map_or("-".into(), |roof| format!("{:.0}", 100.0 * flops / roof.flops))
}
