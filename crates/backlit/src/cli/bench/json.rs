//! The findings as one object.

use backlit_bench::layers::{LayerRow, Pass};
use backlit_bench::network::Ask;
use backlit_bench::{Measured, Roof, machine};
use serde_json::{Map, Value, json};

use super::findings::Findings;

/// Milliseconds are of one image, GFLOP/s nominal. `forward_ms_per_image`, `gradient_ms_per_image` and `layers` are
/// there if they were asked for; `error` is the gradient's if there is one, else that of the logits.
pub(super) fn json(findings: &Findings) -> Value {
    let Findings { engine, network, weights, batch, quick, roof, whole, layers } = findings;
    let of = |wanted: Ask| whole.iter().find(|(ask, _)| *ask == wanted).map(|(_, measured)| measured);
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    for ask in [Ask::Gradient, Ask::Forward] {
        if let Some(measured) = of(ask) {
            let ms = 1e3 * measured.times().median / *batch as f64;
            put(&format!("{}_ms_per_image", ask.as_str()), json!(ms));
        }
    }
    if let Some(measured) = of(Ask::Gradient).or(of(Ask::Forward)) {
        put("error", json!(measured.error()));
    }
    put("engine", json!(engine.name));
    put("precision", json!(engine.precision.as_str()));
    put("level", json!(engine.isa));
    put("threads", json!(engine.threads));
    put("batch", json!(batch));
    put("roof", json!(roof.map(|r| json!({ "gflops": r.flops / 1e9, "gbytes_per_s": r.bytes / 1e9 }))));
    put("variant", json!(network.variant.as_str()));
    put("weights", json!(weights));
    put("quick", json!(quick));
    put("version", json!(env!("CARGO_PKG_VERSION")));
    put("commit", json!(machine::commit()));
    put("date", json!(machine::today()));
    put("processor", json!(machine::cpu_model()));
    for (ask, measured) in whole {
        let flops = (*batch as u64 * ask.flops(network)) as f64;
        put(ask.as_str(), Value::Object(timed(measured, flops, *batch, *roof)));
    }
    if !layers.is_empty() {
        put("layers", layers.iter().map(|row| layer(row, *roof)).collect());
    }
    Value::Object(object)
}

fn layer(row: &LayerRow, roof: Option<Roof>) -> Value {
    let conv = row.layer.conv;
    let pass = |pass: Pass| {
        let found = row.pass(pass);
        let mut object = timed(&found.measured, row.flops(), row.batch, roof);
        object.insert("algorithm".into(), json!(found.algorithm));
        object.insert("executed_macs".into(), json!(found.executed));
        object.insert("flop_per_byte".into(), json!(row.layer.intensity(pass, row.batch)));
        object
    };
    json!({
        "name": conv.name, "count": row.layer.count, "shape": row.layer.shape(), "macs": conv.macs(),
        "forward": pass(Pass::Forward), "dgrad": pass(Pass::Dgrad),
    })
}

/// One measurement of the whole batch, in numbers of one image.
fn timed(measured: &Measured, flops: f64, batch: usize, roof: Option<Roof>) -> Map<String, Value> {
    let times = measured.times();
    let ms = |seconds: f64| 1e3 * seconds / batch as f64;
    let speed = flops / times.median;
    let value = json!({
        "ms_median": ms(times.median), "ms_min": ms(times.min), "ms_max": ms(times.max), "runs": times.runs,
        "gflops": speed / 1e9, "percent_of_roof": roof.map(|r| 100.0 * speed / r.flops),
        "error": measured.error(), "tolerance": measured.tolerance(),
    });
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
