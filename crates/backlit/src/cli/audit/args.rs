//! The arguments of `backlit audit`.

use std::path::PathBuf;

use backlit::saliency::Target;
use backlit::saliency::mask::{Fill, PixelBox};
use clap::Args;

use crate::cli::args::{InputArgs, NetworkArgs, OutputArgs};

#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    /// Where the objects are: a CSV file (image,x,y,w,h[,label]), a COCO JSON file, or a folder of YOLO .txt or Pascal
    /// VOC .xml files. A label names the class to follow. Photographs without a box get that of their own map
    #[arg(long, value_name = "PATH", help_heading = "Experiment")]
    pub(crate) boxes: Option<PathBuf>,
    /// The object of a single photograph, in its pixels
    #[arg(long = "box", value_name = "X,Y,W,H", help_heading = "Experiment", conflicts_with = "boxes")]
    #[arg(allow_hyphen_values = true)]
    pub(crate) area: Option<PixelBox>,
    /// The class to follow, whatever the labels say [default: the label, else top1 of the untouched picture]
    #[arg(long, help_heading = "Experiment")]
    pub(crate) target: Option<Target>,
    /// What stands in for hidden pixels, each in turn: black, mean, blur, impute (noisy linear imputation); several
    /// with commas. The report shows the pictures of the first
    #[arg(long, value_delimiter = ',', default_value = "black,mean,blur,impute", help_heading = "Experiment")]
    pub(crate) fills: Vec<Fill>,
    /// Boxes of the object's size that are hidden elsewhere, for comparison
    #[arg(long, value_name = "N", default_value_t = 4, help_heading = "Experiment")]
    #[arg(value_parser = clap::value_parser!(u16).range(0..=64))]
    pub(crate) controls: u16,
    /// The share of its probability with which a class still counts as there
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.5,
        help_heading = "Experiment",
        allow_negative_numbers = true
    )]
    pub(crate) keep: f64,
    /// Where a photograph has no box, its class activation map is cut at this share of its maximum (Grad-CAM: 0.15), and
    /// the box is that around the largest part
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.5,
        help_heading = "Experiment",
        allow_negative_numbers = true
    )]
    pub(crate) threshold: f64,
    /// Chooses where the boxes elsewhere lie and the noise of impute
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Experiment")]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}
