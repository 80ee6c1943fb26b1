//! `cargo xtask predict`: what every launch must take at least, and what it will take, before anybody has measured.

mod launches;
mod roof;

use std::fmt::Write;

use backlit_net::Variant;
use backlit_net::arch::Network;

use crate::kernels::markdown;
use crate::project;
use launches::{Cores, Launch, Way, launches};
use roof::{Precision, floor, predicted};

/// Images of the table.
const BATCH: usize = 64;

/// Writes `kernels/PREDICTIONS.md`.
pub(crate) fn run() -> Result<(), String> {
    project::write(&project::root().join("kernels/PREDICTIONS.md"), text())
}

fn text() -> String {
    let mut text = String::from(roof::PREFACE);
    for variant in [Variant::V1, Variant::V1_5] {
        let _ = write!(text, "\n## {variant}, batch {BATCH}\n\n{}", table(&launches(Network::of(variant))));
    }
    text
}

fn table(launches: &[Launch]) -> String {
    let head = ["launch", "pass", "count", "M x N x K", "MFLOP", "MB", "bound", "floor us"];
    let head = head
        .iter()
        .map(|s| (*s).to_owned())
        .chain(Precision::ALL.map(|p| format!("{} us", p.name())))
        .collect::<Vec<_>>();
    let mut rows = vec![];
    let mut sums = (0.0, [0.0; 3]);
    for launch in launches {
        let (m, n, k) = &launch.shape;
        let k: Vec<String> = k.iter().map(usize::to_string).collect();
        let least = floor(launch, BATCH);
        let will = Precision::ALL.map(|p| predicted(launch, BATCH, p));
        let times = launch.count as f64;
        sums.0 += times * least.seconds();
        (0..3).for_each(|p| sums.1[p] += times * will[p]);
        let product =
            if launch.cores == Cores::Matrix { format!("{m} x {n} x {}", k.join("+")) } else { String::new() };
        let mut row = vec![
            launch.name.clone(),
            if launch.way == Way::Forward { "forward" } else { "back" }.to_owned(),
            launch.count.to_string(),
            product,
            format!("{:.1}", 2e-6 * launch.macs as f64),
            format!("{:.2}", 1e-6 * roof::bytes(launch, BATCH, Precision::Half) / BATCH as f64),
            least.bound().to_owned(),
            format!("{:.1}", 1e6 * least.seconds()),
        ];
        row.extend(will.map(|seconds| format!("{:.1}", 1e6 * seconds)));
        rows.push(row);
    }
    let mut total = |name: &str, cell: &dyn Fn(f64) -> String| {
        let mut row = vec![String::new(); head.len()];
        row[0] = name.to_owned();
        let columns = [sums.0].into_iter().chain(sums.1);
        columns.enumerate().for_each(|(i, seconds)| row[7 + i] = cell(seconds));
        rows.push(row);
    };
    total("**all, times count**", &|s| format!("{:.0}", 1e6 * s));
    total("**images/s**", &|s| format!("{:.0}", BATCH as f64 / s));
    markdown(&head, &rows)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_file_is_what_the_table_of_the_network_gives() {
        let path = crate::project::root().join("kernels/PREDICTIONS.md");
        let file = std::fs::read_to_string(path).expect("kernels/PREDICTIONS.md");
        assert!(file == super::text(), "kernels/PREDICTIONS.md is old: run `cargo xtask predict`");
    }
}
