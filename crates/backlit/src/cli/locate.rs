//! `--locate`: where a map says that the object is.

use backlit::figure::Picture;
use backlit::net::preprocess::Frame;
use backlit::saliency::localize::{BACKGROUND_QUANTILE, Connectivity, FOREGROUND_QUANTILE, Seeds, locate, seeds};
use backlit::saliency::mask::Bounds;
use backlit::saliency::{Map, Reduction};
use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::map_args::MapArgs;
use super::values::share;

#[derive(Args, Debug)]
#[command(next_help_heading = "Picture")]
pub(crate) struct LocateArgs {
    /// Draw the box around the largest connected part of the map that reaches this share of its maximum (0.15 unless
    /// given, as Grad-CAM does; the CAM paper takes 0.2), and record it, in pixels of the photograph, with the seeds of
    /// a segmentation: what is above the 95 % quantile of the map, and below the 30 % quantile
    #[arg(
        long,
        value_name = "SHARE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0.15",
        value_parser = share
    )]
    pub(crate) locate: Option<f64>,
}

impl LocateArgs {
    /// Refuses a map of several channels.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub(crate) fn check(&self, map: &MapArgs) -> Result<(), Failure> {
        match (self.locate, map.reduce) {
            (Some(_), Some(Reduction::None)) => {
                Err(Failure::Usage("--locate needs a map of one channel: leave --reduce none out".into()))
            }
            _ => Ok(()),
        }
    }

    /// Looks for the object, if that was asked for, in a map as it is written to files.
    ///
    /// # Errors
    /// A map that cannot be asked.
    pub(crate) fn find(&self, map: &Map, frame: Frame) -> Result<Option<Location>, Failure> {
        let Some(share) = self.locate else { return Ok(None) };
        let found = locate(map, share, Connectivity::default())?;
        let seeds = seeds(map, FOREGROUND_QUANTILE, BACKGROUND_QUANTILE)?;
        let (bounds, pixels) = (found.as_ref().map(|c| c.bounds), found.map_or(0, |c| c.pixels.len()));
        Ok(Some(Location { share, bounds, area: bounds.map(|b| on_photograph(b, frame)), pixels, seeds }))
    }
}

/// What was found in a map.
pub(crate) struct Location {
    share: f64,
    bounds: Option<Bounds>,
    /// The box in pixels of the photograph; none if nothing in the map is positive.
    pub(crate) area: Option<Frame>,
    pixels: usize,
    seeds: Seeds,
}

/// Rows and columns of the grid as a rectangle of the photograph.
fn on_photograph(bounds: Bounds, frame: Frame) -> Frame {
    let (x, y) = frame.from_grid(bounds.left as f64, bounds.top as f64);
    let (right, bottom) = frame.from_grid(bounds.right as f64, bounds.bottom as f64);
    Frame { x, y, width: right - x, height: bottom - y }
}

impl Location {
    /// As the manifest tells it: boxes are x, y, width, height.
    pub(crate) fn record(&self) -> Value {
        let count = |set: &[bool]| set.iter().filter(|&&inside| inside).count();
        json!({
            "share": self.share,
            "box": self.area.map(|f| [f.x, f.y, f.width, f.height]),
            "box_224": self.bounds.map(|b| [b.left, b.top, b.right - b.left, b.bottom - b.top]),
            "pixels_224": self.pixels,
            "seeds": {
                "foreground": count(&self.seeds.foreground),
                "background": count(&self.seeds.background),
                "foreground_above": self.seeds.high,
                "background_below": self.seeds.low,
            },
        })
    }

    /// One line for the terminal, the box as `--box` takes it.
    pub(crate) fn as_text(&self, what: &str) -> String {
        match self.area {
            Some(f) => format!("{what}: box {:.0},{:.0},{:.0},{:.0}\n", f.x, f.y, f.width, f.height),
            None => format!("{what}: no box, as nothing in the map is positive\n"),
        }
    }

    /// The seeds as a picture, 224 x 224: object white, background black, the rest grey.
    pub(crate) fn picture(&self, map: &Map) -> Result<Picture, Failure> {
        let tone = |(&object, &background): (&bool, &bool)| match (object, background) {
            (true, _) => [255; 3],
            (_, true) => [0; 3],
            _ => [128; 3],
        };
        let rgb = self.seeds.foreground.iter().zip(&self.seeds.background).flat_map(tone).collect();
        Ok(Picture::new(map.width, map.height, rgb)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_blob_comes_back_in_pixels_of_the_photograph() {
        let inside = |p: usize| (56..112).contains(&(p / 224)) && (28..84).contains(&(p % 224));
        let values = (0..224 * 224).map(|p| if inside(p) { 1.0 } else { 0.0 }).collect();
        let map = Map { height: 224, width: 224, channels: 1, values };
        let frame = Frame { x: 10.0, y: 0.0, width: 448.0, height: 224.0 };
        let found = LocateArgs { locate: Some(0.15) }.find(&map, frame).unwrap().unwrap();
        let record = found.record();
        assert_eq!(record["box"], json!([66.0, 56.0, 112.0, 56.0]));
        assert_eq!(record["box_224"], json!([28, 56, 56, 56]));
        assert_eq!(record["pixels_224"], 56 * 56);
        assert_eq!(found.as_text("gradcam"), "gradcam: box 66,56,112,56\n");
        assert!(LocateArgs { locate: None }.find(&map, frame).unwrap().is_none());

        let nothing = Map { values: vec![0.0; 224 * 224], ..map };
        let found = LocateArgs { locate: Some(0.15) }.find(&nothing, frame).unwrap().unwrap();
        assert!(found.record()["box"].is_null() && found.area.is_none());
        assert!(found.picture(&nothing).unwrap().rgb.iter().all(|&v| v == 128));
    }
}
