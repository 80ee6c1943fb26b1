//! The sanity check by cascading randomisation (Adebayo et al. 2018, arXiv:1810.03292): what is left of the maps when
//! the network loses its weights, layer by layer from the head down?

use backlit::figure::Picture;
use backlit::figure::plot::{Axis, Curve, Plot};
use backlit::net::arch::{Network, Variant};
use backlit::net::preprocess::Input;
use backlit::net::weights::{CASCADE, Weights};
use backlit::saliency::measure::{Bootstrap, Measured, Similarity, Summary};
use backlit::saliency::{Map, Objective, Target};
use backlit::{Request, Session};
use serde_json::{Value, json};

use super::args::EvaluateArgs;
use super::judge;
use crate::cli::failure::Failure;
use crate::cli::{network, terminal};

/// Photographs that are held at once: an engine is made for each layer of each such chunk.
const CHUNK: usize = 64;

/// What is compared.
const KINDS: [&str; 3] = ["spearman", "spearman_abs", "ssim"];

/// A photograph that waits for its cascade.
pub(super) struct Waiting {
    pub(super) input: Input,
    /// The class that the trained network's maps explain.
    pub(super) class: usize,
    /// The trained network's maps, one for every recipe.
    pub(super) trained: Vec<Map>,
}

/// The cascade over all photographs.
pub(super) struct Cascade<'a> {
    arguments: &'a EvaluateArgs,
    weights: &'a Weights,
    request: &'a Request,
    /// Indices of layers, rising.
    layers: Vec<usize>,
    waiting: Vec<Waiting>,
    /// For every layer, recipe and kind, the values of the photographs.
    found: Vec<Vec<[Vec<f64>; 3]>>,
}

/// The index of a layer of the cascade, by its name.
pub(super) fn layer(name: &str) -> Result<usize, String> {
    let network = Network::of(Variant::V1);
    (0..CASCADE).find(|&i| Weights::cascade_name(network, i) == name).ok_or_else(|| {
        let names: Vec<&str> = (0..CASCADE).map(|i| Weights::cascade_name(network, i)).collect();
        format!("the layers are {}", names.join(", "))
    })
}

impl<'a> Cascade<'a> {
    pub(super) fn new(arguments: &'a EvaluateArgs, weights: &'a Weights, request: &'a Request) -> Cascade<'a> {
        let mut layers = arguments.measure.layers.clone();
        layers.sort_unstable();
        layers.dedup();
        if layers.is_empty() {
            layers = (0..CASCADE).collect();
        }
        let found = vec![vec![<[Vec<f64>; 3]>::default(); request.recipes.len()]; layers.len()];
        Cascade { arguments, weights, request, layers, waiting: Vec::new(), found }
    }

    /// Takes a photograph in; runs the cascade once there are enough.
    pub(super) fn push(&mut self, photograph: Waiting) -> Result<(), Failure> {
        self.waiting.push(photograph);
        if self.waiting.len() == CHUNK { self.flush() } else { Ok(()) }
    }

    /// Runs the cascade for those that wait.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let waiting = std::mem::take(&mut self.waiting);
        let bar = terminal::pass_bar(self.layers.len() * waiting.len());
        for (step, &layer) in self.layers.iter().enumerate() {
            if waiting.is_empty() {
                break;
            }
            bar.set_message(format!("random from the head down to {}", self.name(layer)));
            let weights = self.weights.randomized(layer + 1, self.arguments.measure.measure_seed);
            let session = network::session(&weights, &self.arguments.network, &self.arguments.map.method)?;
            for photograph in &waiting {
                let maps = self.maps(&session, photograph)?;
                for (recipe, (trained, map)) in photograph.trained.iter().zip(&maps).enumerate() {
                    let Similarity { spearman, spearman_abs, ssim } = Similarity::of(trained, map)?;
                    let values: [Measured; 3] = [spearman, spearman_abs, ssim];
                    for (kind, value) in self.found[step][recipe].iter_mut().zip(values) {
                        kind.extend(value.ok());
                    }
                }
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn maps(&self, session: &Session, photograph: &Waiting) -> Result<Vec<Map>, Failure> {
        let objective = Objective { target: Target::class(photograph.class)?, ..self.request.objectives[0] };
        let request = Request { objectives: vec![objective], ..self.request.clone() };
        let subject = session.subject(&photograph.input);
        let maps = judge::maps_of(session, subject, subject.tensor, &request, &judge::run(self.arguments))?;
        Ok(maps.into_iter().flatten().map(|m| m.saliency.map).collect())
    }

    fn name(&self, layer: usize) -> &'static str {
        Weights::cascade_name(self.weights.network(), layer)
    }

    fn summary(&self, step: usize, recipe: usize, kind: usize) -> Option<Summary> {
        let options = &self.arguments.measure;
        let bootstrap = Bootstrap { resamples: options.resamples as usize, seed: options.measure_seed };
        Summary::of(&self.found[step][recipe][kind], bootstrap)
    }

    fn method(&self, recipe: usize) -> &'static str {
        self.request.recipes[recipe].method().as_str()
    }

    /// A row for every method and layer: mean and interval over photographs.
    pub(super) fn as_json(&self) -> Value {
        let row = |recipe: usize, step: usize| {
            let mut row = json!({
                "method": self.method(recipe),
                "layer": self.name(self.layers[step]),
                "layers_random": self.layers[step] + 1,
            });
            for (kind, name) in KINDS.iter().enumerate() {
                let summary = self.summary(step, recipe, kind);
                row[*name] = json!(summary.map(|s| json!({ "n": s.n, "mean": s.mean, "low": s.low, "high": s.high })));
            }
            row
        };
        let recipes = 0..self.request.recipes.len();
        recipes
            .flat_map(|recipe| (0..self.layers.len()).map(move |step| (recipe, step)))
            .map(|(r, s)| row(r, s))
            .collect()
    }

    /// The means as a table; what is undefined everywhere stays empty.
    pub(super) fn as_csv(&self) -> Result<Vec<u8>, Failure> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["method", "layer", "layers_random"].iter().chain(&KINDS))?;
        for recipe in 0..self.request.recipes.len() {
            for (step, &layer) in self.layers.iter().enumerate() {
                let mut row = vec![self.method(recipe).to_owned(), self.name(layer).into(), (layer + 1).to_string()];
                let mean = |kind| self.summary(step, recipe, kind).map_or(String::new(), |s| s.mean.to_string());
                row.extend((0..KINDS.len()).map(mean));
                table.write_record(row)?;
            }
        }
        table.into_inner().map_err(|e| Failure::Message(format!("cannot write a table: {e}")))
    }

    /// Rank correlation of the magnitudes and structural similarity, against the layers without their weights.
    pub(super) fn plot(&self) -> Result<Picture, Failure> {
        let mut curves = Vec::new();
        for recipe in 0..self.request.recipes.len() {
            for (kind, name) in [(1, "rank correlation"), (2, "SSIM")] {
                let mut points = vec![(0.0, 1.0)];
                let value = |(step, &layer): (usize, &usize)| {
                    Some((layer as f64 + 1.0, self.summary(step, recipe, kind)?.mean))
                };
                points.extend(self.layers.iter().enumerate().filter_map(value));
                let name = format!("{}, {name}", self.method(recipe));
                curves.push(Curve { name, points, dashed: kind == 2, color: recipe, ..Curve::default() });
            }
        }
        let axis = |label: &str| Axis { label: label.into(), range: None, percent: false };
        let plot = Plot {
            title: "Cascading randomisation".into(),
            subtitle: "a map that stays the same does not depend on what the network has learned: lower is better"
                .into(),
            x: axis("layers with random weights, from the head down"),
            y: axis("similarity to the trained network's map"),
            curves,
        };
        Ok(plot.draw(1200, 800)?)
    }
}
