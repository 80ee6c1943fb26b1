//! How the colours of a map are chosen.

use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::values::percentile;

#[derive(Args, Debug)]
#[command(next_help_heading = "Picture")]
pub(crate) struct ViewArgs {
    /// What gets the brightest colour: image, each map's own largest value; folder, the largest of all maps of a method
    /// in the run; or this value. The last two show the maps' own values, not scaled to 0..1
    /// [default: image; folder for animations]
    #[arg(long, value_name = "SCALE", allow_negative_numbers = true)]
    pub(crate) scale: Option<ScaleArg>,
    /// Draw all values above this percentile of the map in the brightest colour; files keep them
    #[arg(long, value_name = "PERCENT", value_parser = percentile, allow_negative_numbers = true)]
    pub(crate) clip: Option<f64>,
    /// Take the photographs, or the frames of an animated GIF, for frames one after another, and write for every map one
    /// gif, or png, a numbered sequence
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) animate: Option<AnimateArg>,
    /// Frames a second of an animation [default: those of an animated GIF, else 10]
    #[arg(long, value_name = "N", requires = "animate", value_parser = clap::value_parser!(u8).range(1..=50))]
    pub(crate) fps: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnimateArg {
    Gif,
    Png,
}

impl ViewArgs {
    /// The scale asked for; colours that mean the same in every frame, for an animation.
    pub(crate) fn scale(&self) -> ScaleArg {
        self.scale.unwrap_or(if self.animate.is_some() { ScaleArg::Folder } else { ScaleArg::Image })
    }

    /// How long a frame is shown, given how long the frames that came in were.
    pub(crate) fn milliseconds(&self, own: Option<u32>) -> u32 {
        self.fps.map_or(own.unwrap_or(100), |fps| 1000 / u32::from(fps))
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ScaleArg {
    Image,
    Folder,
    Number(f32),
}

impl FromStr for ScaleArg {
    type Err = String;

    fn from_str(text: &str) -> Result<ScaleArg, String> {
        match (text, text.parse::<f32>()) {
            ("image", _) => Ok(ScaleArg::Image),
            ("folder", _) => Ok(ScaleArg::Folder),
            (_, Ok(value)) if value.is_finite() && value > 0.0 => Ok(ScaleArg::Number(value)),
            _ => Err("expected image, folder or a number above 0".into()),
        }
    }
}

impl ScaleArg {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ScaleArg::Image => "image",
            ScaleArg::Folder => "folder",
            ScaleArg::Number(_) => "number",
        }
    }
}
