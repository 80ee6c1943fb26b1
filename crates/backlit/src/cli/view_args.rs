//! How the colours of a map are chosen.

use std::str::FromStr;

use clap::Args;

use super::values::percentile;

#[derive(Args, Debug)]
#[command(next_help_heading = "Picture")]
pub(crate) struct ViewArgs {
    /// What gets the brightest colour: image, each map's own largest value; folder, the largest of all maps of a method
    /// in the run; or this value. The last two show the maps' own values, not scaled to 0..1
    #[arg(long, value_name = "SCALE", default_value = "image", allow_negative_numbers = true)]
    pub(crate) scale: ScaleArg,
    /// Draw all values above this percentile of the map in the brightest colour; files keep them
    #[arg(long, value_name = "PERCENT", value_parser = percentile, allow_negative_numbers = true)]
    pub(crate) clip: Option<f64>,
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
