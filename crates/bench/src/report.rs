//! What was measured, as Markdown.

use std::fmt::{Display, Formatter, Result};

use backlit_cpu::isa::Level;
use backlit_net::arch::Network;

use crate::layers::{LayerPass, LayerRow, Pass};
use crate::network::Ask;
use crate::stopwatch::Times;
use crate::{Measured, Roof, machine};

/// The whole network at one instruction set and batch.
#[derive(Clone, Debug)]
pub struct NetworkRow {
    /// Instruction set.
    pub level: Level,
    /// Images that went through together.
    pub batch: usize,
    /// Logits alone.
    pub forward: Measured,
    /// Logits and gradient.
    pub gradient: Measured,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct Report {
    /// The table of the network.
    pub network: &'static Network,
    /// Whether there was one run of each only.
    pub quick: bool,
    /// What the machine reaches at each instruction set, lowest first.
    pub roofs: Vec<(Level, Roof)>,
    /// The whole network; the first is batch 1 at the best instruction set.
    pub networks: Vec<NetworkRow>,
    /// Layers in table order.
    pub layers: Vec<LayerRow>,
}

impl Report {
    fn roof(&self, level: Level) -> f64 {
        self.roofs.iter().find(|(l, _)| *l == level).map_or(f64::NAN, |(_, roof)| roof.flops)
    }

    fn header(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "# Speed and error of the cpu engine\n")?;
        if self.quick {
            writeln!(f, "One run each: these numbers show that everything works, not how fast it is.\n")?;
        }
        writeln!(f, "- date: {} (UTC)", machine::today())?;
        writeln!(f, "- processor: {}, {} threads", machine::cpu_model(), rayon::current_num_threads())?;
        let roofs: Vec<_> = self.roofs.iter().map(|(l, roof)| format!("{l} {:.1}", roof.flops / 1e9)).collect();
        writeln!(f, "- roof, GFLOP/s in registers: {}", roofs.join(", "))?;
        let bytes = self.roofs.iter().map(|(_, roof)| roof.bytes).fold(0.0, f64::max);
        writeln!(f, "- roof, GB/s from memory (triad): {:.1}", bytes / 1e9)?;
        writeln!(f, "- backlit: {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "- compiler: {}", machine::rustc())?;
        writeln!(f, "- commit: {}", machine::commit())?;
        writeln!(f, "- network: ResNet-50 {}, synthetic weights, random images, float32\n", self.network.variant)
    }

    fn networks(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "## Whole network\n")?;
        writeln!(
            f,
            "| pass | instruction set | batch | ms median (min-max) | images/s | GFLOP/s | % of roof | error |\n\
             |---|---|--:|--:|--:|--:|--:|--:|"
        )?;
        for row in &self.networks {
            let flops = |ask: Ask| ask.flops(self.network) as f64 * row.batch as f64;
            let passes = [
                ("forward", row.forward, flops(Ask::Forward)),
                ("forward + gradient", row.gradient, flops(Ask::Gradient)),
            ];
            for (pass, measured, flops) in passes {
                let (times, error) = (measured.times(), measured.error());
                writeln!(
                    f,
                    "| {pass} | {} | {} | {} | {:.2} | {} | {error:.1e} |",
                    row.level,
                    row.batch,
                    milliseconds(times),
                    row.batch as f64 / times.median,
                    speed(flops, times.median, self.roof(row.level)),
                )?;
            }
        }
        writeln!(f)
    }

    fn layers(&self, f: &mut Formatter<'_>) -> Result {
        let Some(network) = self.networks.first() else { return Ok(()) };
        let roof = self.roof(network.level);
        writeln!(f, "## Layers, {}, batch 1\n", network.level)?;
        let pass = "by | ms median (min-max) | GFLOP/s | % of roof | error";
        writeln!(f, "| layer | shape | count | forward {pass} | dgrad {pass} |")?;
        writeln!(f, "|---|---|--:{}|", "|---|--:|--:|--:|--:".repeat(2))?;
        let (mut count, mut flops, mut forward, mut dgrad) = (0, 0.0, 0.0, 0.0);
        for row in &self.layers {
            let (layer, times) = (&row.layer, row.layer.count as f64);
            writeln!(
                f,
                "| {} | {} | {} | {} | {} |",
                layer.conv.name,
                layer.shape(),
                layer.count,
                cells(row, Pass::Forward, roof),
                cells(row, Pass::Dgrad, roof)
            )?;
            count += layer.count;
            flops += times * row.flops();
            forward += times * row.forward.measured.times().median;
            dgrad += times * row.dgrad.measured.times().median;
        }
        let mut total = |name: &str, count: &str, flops: Option<f64>, forward: f64, dgrad: f64| {
            let cells = |seconds: f64| {
                let speed = flops.map_or("| ".into(), |flops| speed(flops, seconds, roof));
                format!(" | {:.2} | {speed} | ", 1e3 * seconds)
            };
            writeln!(f, "| {name} | | {count} | {} | {} |", cells(forward), cells(dgrad))
        };
        // Back is what the gradient takes beyond the forward pass.
        let whole = network.forward.times().median;
        let back = network.gradient.times().median - whole;
        total("**these layers**", &count.to_string(), Some(flops), forward, dgrad)?;
        total("pool, head and all else, by difference", "", None, whole - forward, back - dgrad)?;
        total("**whole network**", "", Some(2.0 * self.network.macs() as f64), whole, back)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.header(f)?;
        self.networks(f)?;
        self.layers(f)
    }
}

fn milliseconds(times: Times) -> String {
    format!("{:.2} ({:.2}-{:.2})", 1e3 * times.median, 1e3 * times.min, 1e3 * times.max)
}

/// GFLOP/s and % of the roof, two cells.
fn speed(flops: f64, seconds: f64, roof: f64) -> String {
    format!("{:.1} | {:.0}", flops / seconds / 1e9, 100.0 * flops / seconds / roof)
}

/// Five cells.
fn cells(row: &LayerRow, pass: Pass, roof: f64) -> String {
    let LayerPass { measured, algorithm, .. } = row.pass(pass);
    let (times, error) = (measured.times(), measured.error());
    format!("{algorithm} | {} | {} | {error:.1e}", milliseconds(times), speed(row.flops(), times.median, roof))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Layer;
    use backlit_net::Variant;

    #[test]
    fn every_row_of_a_table_has_as_many_cells_as_its_head() {
        let network = Network::of(Variant::V1);
        let measured =
            |median| Measured::made_up(Times { median, min: 0.5 * median, max: 2.0 * median, runs: 3 }, 1e-7);
        let pass = || LayerPass { measured: measured(1e-3), algorithm: "direct", executed: 1 };
        let layers = Layer::distinct(network);
        let report = Report {
            network,
            quick: false,
            roofs: vec![(Level::Portable, Roof { flops: 1e11, bytes: 1e10 })],
            networks: vec![NetworkRow {
                level: Level::Portable,
                batch: 1,
                forward: measured(0.25),
                gradient: measured(0.5),
            }],
            layers: layers
                .into_iter()
                .map(|layer| LayerRow { layer, batch: 1, forward: pass(), dgrad: pass() })
                .collect(),
        };
        let text = report.to_string();
        for table in text.split("\n\n").filter(|t| t.starts_with('|')) {
            let cells: Vec<_> = table.lines().map(|line| line.matches('|').count()).collect();
            assert!(cells.iter().all(|&n| n == cells[0]), "{table}");
        }
        // 2 * 3.858e9 FLOP in a quarter of a second, of a roof of 100 GFLOP/s.
        assert!(
            text.contains("| forward | portable | 1 | 250.00 (125.00-500.00) | 4.00 | 30.9 | 31 | 1.0e-7 |"),
            "{text}"
        );
        // 53 layers of a millisecond leave 197 ms.
        assert!(text.contains("by difference | |  |  | 197.00 |"), "{text}");
        assert!(text.contains("GFLOP/s in registers: portable 100.0\n"), "{text}");
    }
}
