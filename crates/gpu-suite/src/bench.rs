//! bench: how long gradients take, never without how wrong they are.

use std::time::Instant;

use backlit_cuda::Cuda;
use backlit_net::engine::{Pace, Quadrature, Sampler};
use backlit_net::weights::Weights;
use backlit_net::{Engine, IMAGE_LEN, Images, Rule, Seeds};
use backlit_testkit::compare::relative_l2;
use backlit_testkit::golden::one_hot;
use backlit_testkit::random::to_f64;

use crate::Args;
use crate::golden::limits;
use crate::part::Part;
use crate::suite::{Arithmetic, Picture, Suite, device, engine, noisy};

/// Runs of each batch: many while they are short.
fn runs(batch: usize) -> usize {
    (4000 / batch).clamp(20, 300)
}

/// Middle, tenth and ninetieth percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread([f64; 3]);

impl Spread {
    fn of(mut values: Vec<f64>) -> Spread {
        values.sort_by(f64::total_cmp);
        let at = |q: f64| values[((values.len() - 1) as f64 * q).round() as usize];
        Spread([at(0.5), at(0.1), at(0.9)])
    }

    fn cells(self) -> [String; 3] {
        self.0.map(|ms| format!("{ms:.3}"))
    }
}

pub(crate) fn run(suite: &Suite, args: &Args) -> Result<Part, String> {
    let head = ["arithmetic", "what", "batch", "ms median", "p10", "p90", "images/s", "error"];
    let mut part = Part::new("bench", &head);
    let (name, emulated) = device()?;
    part.notes.push(name);
    if emulated {
        part.notes.push("this is the emulator, which has no speed: each thing ran once, and no time is shown".into());
    } else {
        part.notes
            .push("kernels: CUDA events, images and gradient on the device; end to end: from host to host".into());
    }
    let (weights, pictures) = (suite.weights()?, suite.pictures()?);
    for &arithmetic in &args.arithmetics {
        if let Err(problem) = one(&mut part, args, &weights, &pictures[0], arithmetic, emulated) {
            part.failures.push(format!("{}: {problem}", arithmetic.name()));
        }
    }
    Ok(part)
}

fn one(
    part: &mut Part,
    args: &Args,
    weights: &Weights,
    picture: &Picture,
    arithmetic: Arithmetic,
    emulated: bool,
) -> Result<(), String> {
    let most = args.batches.iter().copied().max().unwrap_or(1).max(64);
    let engine = engine(weights, arithmetic, if emulated { 1 } else { most })?;
    let expected = picture.gradient(Rule::Plain).ok_or("no golden gradient")?;
    for &batch in &args.batches {
        let (images, rows) = (noisy(&picture.input, batch), one_hot(picture.target).repeat(batch));
        let error = gradient_error(&engine, &images, &rows, &expected)?;
        part.check(error <= limits(arithmetic).1, || format!("{} batch {batch}: error {error:.1e}", arithmetic.name()));
        let mut row = |what: &str, images: usize, ms: Vec<f64>, error: Option<f64>| {
            let spread = Spread::of(ms);
            let mut cells = vec![arithmetic.name().to_owned(), what.to_owned(), batch.to_string()];
            cells.extend(if emulated { [const { String::new() }; 3] } else { spread.cells() });
            let speed = 1e3 * images as f64 / spread.0[0];
            cells.push(if emulated { String::new() } else { format!("{speed:.0}") });
            cells.push(error.map_or(String::new(), |e| format!("{e:.1e}")));
            part.rows.push(cells);
        };
        let count = if emulated { 1 } else { runs(batch) };
        for (what, rule) in [("gradient, kernels", Rule::Plain), ("guided, kernels", Rule::Guided)] {
            let times = kernels(&engine, &images, &rows, rule, count)?;
            if rule == Rule::Plain {
                row("forward, kernels", batch, times.iter().map(|t| t[0]).collect(), None);
            }
            row(what, batch, times.iter().map(|t| t[1]).collect(), (rule == Rule::Plain).then_some(error));
        }
        let ends = (0..if emulated { 1 } else { (runs(batch) / 4).max(8) })
            .map(|_| clocked(|| gradient_error(&engine, &images, &rows, &[])))
            .collect::<Result<Vec<_>, _>>()?;
        row("gradient, end to end", batch, ends, None);
    }
    if emulated {
        return Ok(());
    }
    for (what, samples, sampler) in samplers(picture)? {
        let images = Images::new(&picture.input).map_err(|e| e.to_string())?;
        let row = one_hot(picture.target);
        let ask = || {
            let seeds = Seeds::Rows { data: &row, per_image: 1 };
            let found = engine.gradient_moments(images, &sampler, seeds, Rule::Plain, &mut Pace::default());
            found.map(|_| 0.0).map_err(|e| e.to_string())
        };
        clocked(ask)?;
        let spread = Spread::of((0..30).map(|_| clocked(ask)).collect::<Result<_, _>>()?);
        let mut cells = vec![arithmetic.name().to_owned(), what.to_owned(), samples.to_string()];
        cells.extend(spread.cells());
        cells.extend([format!("{:.0}", 1e3 * samples as f64 / spread.0[0]), String::new()]);
        part.rows.push(cells);
    }
    Ok(())
}

/// SmoothGrad and integrated gradients as they are asked for.
fn samplers(picture: &Picture) -> Result<Vec<(&'static str, usize, Sampler)>, String> {
    let black = crate::suite::prepared(&vec![0; IMAGE_LEN]);
    let path = Sampler::path(black, Quadrature::default(), 50).map_err(|e| e.to_string())?;
    let range = picture.input.iter().fold([f32::MAX, f32::MIN], |[low, high], &v| [low.min(v), high.max(v)]);
    let sigma = 0.15 * f64::from(range[1] - range[0]);
    Ok(vec![
        ("SmoothGrad, end to end", 64, Sampler::Noise { sigma, seed: 1, key: 1, samples: 64 }),
        ("integrated gradients, end to end", 50, path),
    ])
}

/// Milliseconds of forward, and of forward and back, of every run.
fn kernels(engine: &Cuda, images: &[f32], rows: &[f32], rule: Rule, runs: usize) -> Result<Vec<[f64; 2]>, String> {
    let images = Images::new(images).map_err(|e| e.to_string())?;
    let warm = if runs > 1 { 3 } else { 0 };
    let times = engine.time_kernels(images, rows, rule, runs + warm).map_err(|e| e.to_string())?;
    Ok(times[warm..].iter().map(|t| [t.forward_ms.into(), t.gradient_ms.into()]).collect())
}

fn gradient_error(engine: &Cuda, images: &[f32], rows: &[f32], expected: &[f64]) -> Result<f64, String> {
    let images = Images::new(images).map_err(|e| e.to_string())?;
    let found = engine.gradient(images, Seeds::Rows { data: rows, per_image: 1 }, Rule::Plain);
    let found = found.map_err(|e| e.to_string())?;
    Ok(if expected.is_empty() { 0.0 } else { relative_l2(&to_f64(found.of(0, 0)), expected) })
}

/// Milliseconds on the host's clock.
fn clocked(ask: impl FnOnce() -> Result<f64, String>) -> Result<f64, String> {
    let start = Instant::now();
    ask()?;
    Ok(1e3 * start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_tenths() {
        let spread = Spread::of((0..=10).rev().map(f64::from).collect());
        assert_eq!(spread, Spread([5.0, 1.0, 9.0]));
    }
}
