//! The arguments of `backlit evaluate`.

use std::path::PathBuf;

use backlit::saliency::mask::PixelBox;
use backlit::saliency::measure::Measure;
use clap::{Args, ValueEnum};

use crate::cli::args::{InputArgs, NetworkArgs};
use crate::cli::map_args::MapArgs;
use crate::cli::recipe_args::RecipeArgs;

#[derive(Args, Debug)]
pub(crate) struct EvaluateArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    /// Folder for the files; made if missing
    #[arg(short, long, value_name = "DIR", default_value = ".", help_heading = "Output")]
    pub(crate) output: PathBuf,
    /// Files to write, several with commas
    #[arg(long, value_delimiter = ',', value_enum, default_value = "csv,json,png", help_heading = "Output")]
    pub(crate) format: Vec<Format>,
    /// Print one JSON object instead of text
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) map: MapArgs,
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    #[command(flatten)]
    pub(crate) measure: MeasureArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Measure")]
pub(crate) struct MeasureArgs {
    /// What to measure, several with commas: insertion, deletion, road, drop, increase, pointing, mass, infidelity,
    /// sensitivity, sparseness, complexity, completeness
    #[arg(long, value_delimiter = ',', value_name = "MEASURE", default_value = "insertion,deletion")]
    pub(crate) measures: Vec<Measure>,
    /// Pixels that insertion and deletion change at a time: 224 makes 225 passes a curve, 1792 makes 29
    #[arg(long, value_name = "PIXELS", default_value_t = 224, value_parser = clap::value_parser!(u32).range(1..=50176))]
    pub(crate) step: u32,
    /// Standard deviation of ROAD's noise, in those of the training pictures' colours; 0 for none
    #[arg(long, default_value_t = 0.01, allow_negative_numbers = true)]
    pub(crate) road_noise: f64,
    /// Perturbed copies for infidelity and sensitivity
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) perturbations: u32,
    /// How far they are perturbed, as a share of the value range of the image
    #[arg(long, default_value_t = 0.02, allow_negative_numbers = true)]
    pub(crate) radius: f64,
    /// Where the object is, in pixels of the photograph, for pointing and mass: the same in every photograph; several
    /// make one region. Repeatable
    #[arg(long = "box", value_name = "X,Y,W,H", allow_hyphen_values = true, conflicts_with = "boxes")]
    pub(crate) areas: Vec<PixelBox>,
    /// Where the objects are, for pointing and mass: a CSV, COCO, YOLO or Pascal VOC list. Of a photograph, the boxes of
    /// the class that is followed count, and those without a label
    #[arg(long, value_name = "FILE")]
    pub(crate) boxes: Option<PathBuf>,
    /// How far from the object the map's highest pixel may lie, in pixels of 224
    #[arg(long, value_name = "PIXELS", default_value_t = 15.0, allow_negative_numbers = true)]
    pub(crate) tolerance: f64,
    /// Also check whether the maps change when the network forgets: its layers lose their weights one after the other
    /// from the head down, and each time every map is made again (Adebayo et al. 2018)
    #[arg(long)]
    pub(crate) sanity: bool,
    /// Layers of the sanity check after which the maps are compared, several with commas: fc, 5c to 2a, conv1. Those
    /// above lose their weights too [default: all 18]
    #[arg(long, value_name = "LAYER", value_delimiter = ',', value_parser = super::sanity::layer, requires = "sanity")]
    pub(crate) layers: Vec<usize>,
    /// Seed of noise, perturbations, resamples and random weights
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) measure_seed: u64,
    /// Resamples for the 95 % intervals of means
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) resamples: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// evaluation.csv: a row for every photograph and method
    Csv,
    /// evaluation.json: means with their intervals, mean curves
    Json,
    /// insertion.png, deletion.png, road.png: the mean curves; sanity.png
    Png,
}
