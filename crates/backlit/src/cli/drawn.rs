//! A map as it is drawn: which values get which colours, and what must be said about it.

use backlit::ExplainedMap;
use backlit::figure::keras_vis_041::KerasVis;
use backlit::figure::{Coloring, Colormap, OverlayOptions, Picture, Range, heat, with_legend};
use backlit::net::SIDE;
use backlit::net::photo::Photo;
use backlit::net::preprocess::{Frame, Preprocessing};
use backlit::saliency::{Compat, Map, MapOptions, is_signed, near_zero, saliency_map_from};
use serde_json::{Value, json};

use super::failure::Failure;
use super::view_args::{ScaleArg, ViewArgs};

/// What the run as a whole says about drawing.
pub(crate) struct Style<'a> {
    pub(crate) compat: Option<Compat>,
    /// `None`: what suits the map.
    pub(crate) colormap: Option<Colormap>,
    pub(crate) view: &'a ViewArgs,
    pub(crate) overlay: OverlayOptions,
    pub(crate) preprocessing: Preprocessing,
}

/// A map as it is drawn and written.
pub(crate) struct Drawn {
    /// `[224, 224]`, or with three channels as red, green and blue.
    pub(crate) map: Map,
    /// Colours, range and opacity.
    pub(crate) overlay: OverlayOptions,
    /// The picture that a compatibility mode prescribes.
    heat: Option<Picture>,
    /// As the manifest tells it.
    pub(crate) scale: Value,
    /// Whether the colours mean values that a legend should name.
    legend: Option<(f32, f32)>,
}

/// The values that get the lowest and the highest colour.
pub(crate) type Ends = (f32, f32);

impl Style<'_> {
    fn colormap(&self, map: &ExplainedMap) -> Colormap {
        let signed = is_signed(&map.recipe, map.options.modifier) && map.saliency.map.channels == 1;
        self.colormap.unwrap_or(if signed { Colormap::Bwr } else { Colormap::Viridis })
    }

    /// The map whose values are coloured: its own values where a scale is shared or has a zero, else 0..1.
    fn values(&self, map: &ExplainedMap) -> Result<Map, Failure> {
        let own = self.colormap(map).is_diverging()
            || self.view.scale() != ScaleArg::Image
            || map.saliency.is_near_zero(map.method());
        let mut drawn = match own {
            true => saliency_map_from(&map.attribution.values, &MapOptions { normalize: false, ..map.options })?.map,
            false => map.saliency.map.clone(),
        };
        if drawn.channels == 3 && self.preprocessing == Preprocessing::Caffe {
            // Pictures are RGB.
            drawn.values.chunks_exact_mut(3).for_each(<[f32]>::reverse);
        }
        Ok(drawn)
    }

    /// The ends of a map's own scale, clipped as asked.
    pub(crate) fn ends(&self, map: &ExplainedMap) -> Result<Ends, Failure> {
        Ok(self.ends_of(&self.values(map)?, self.colormap(map)))
    }

    fn ends_of(&self, map: &Map, colormap: Colormap) -> Ends {
        let percent = self.view.clip.unwrap_or(100.0);
        match colormap.is_diverging() {
            true => {
                let most = percentile(map.values.iter().map(|v| v.abs()), percent);
                (-most, most)
            }
            false => (percentile(map.values.iter().copied(), 0.0), percentile(map.values.iter().copied(), percent)),
        }
    }

    /// Settles everything; `shared` are the ends of the scale that the run's maps of this method share.
    pub(crate) fn draw(&self, map: &ExplainedMap, shared: Option<Ends>) -> Result<Drawn, Failure> {
        if self.compat == Some(Compat::KerasVis041) {
            return self.keras_vis(map);
        }
        let values = self.values(map)?;
        let colormap = self.colormap(map);
        let own = self.ends_of(&values, colormap);
        let faint = map.saliency.is_near_zero(map.method());
        let wanted = match (self.view.scale(), shared) {
            (ScaleArg::Number(high), _) => Some((if colormap.is_diverging() { -high } else { 0.0 }, high)),
            (_, Some(shared)) => Some(shared),
            // Near zero stays near zero to the eye.
            _ if faint && colormap.is_diverging() => Some((-near_zero(map.method()), near_zero(map.method()))),
            _ if faint => Some((own.0, own.0 + near_zero(map.method()))),
            _ => self.view.clip.map(|_| own),
        };
        let range = match wanted {
            Some((low, high)) if low < high => Range::Fixed { low, high },
            _ => Range::Auto,
        };
        let settled = range.settle(&values, colormap)?;
        let legend = (values.channels == 1 && (wanted.is_some() || colormap.is_diverging()) && !settled.is_flat())
            .then_some((settled.low, settled.high));
        let scale = json!({
            "mode": self.view.scale().as_str(),
            "colormap": if values.channels == 1 { colormap.as_str() } else { "rgb" },
            "low": settled.low,
            "high": settled.high,
            "clip": self.view.clip,
        });
        let overlay = OverlayOptions { coloring: Coloring { colormap, range }, ..self.overlay };
        Ok(Drawn { map: values, overlay, heat: None, scale, legend })
    }

    fn keras_vis(&self, map: &ExplainedMap) -> Result<Drawn, Failure> {
        let stages = KerasVis::from_gradient(&map.attribution.values.values, SIDE, SIDE)?;
        let values = stages.smooth.iter().map(|&v| f32::from(v)).collect();
        let heat = Some(Picture::new(SIDE, SIDE, stages.heatmap)?);
        let map = Map { height: SIDE, width: SIDE, channels: 1, values };
        let colormap = self.colormap.unwrap_or_default();
        let settled = Range::Auto.settle(&map, colormap)?;
        let scale = json!({
            "mode": "image",
            "colormap": colormap.as_str(),
            "low": settled.low,
            "high": settled.high,
            "clip": null,
        });
        let overlay = OverlayOptions { coloring: Coloring::from(colormap), ..self.overlay };
        Ok(Drawn { map, overlay, heat, scale, legend: None })
    }
}

/// NumPy's percentile, between the nearest values in proportion.
fn percentile(values: impl Iterator<Item = f32>, percent: f64) -> f32 {
    let mut sorted: Vec<f32> = values.collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let at = percent / 100.0 * last as f64;
    let (below, above) = (f64::from(sorted[at as usize]), f64::from(sorted[(at as usize + 1).min(last)]));
    (below + (above - below) * at.fract()) as f32
}

impl Drawn {
    /// The map alone, 224 x 224.
    pub(crate) fn heat(&self) -> Result<Picture, Failure> {
        match &self.heat {
            Some(picture) => Ok(picture.clone()),
            None => Ok(heat(&self.map, self.overlay.coloring)?),
        }
    }

    /// The map over its photograph.
    pub(crate) fn overlay(&self, photo: &Photo, frame: Frame) -> Result<Picture, Failure> {
        Ok(backlit::figure::overlay(photo, &self.map, frame, &self.overlay)?)
    }

    /// The picture with a legend below it, where the colours mean values.
    pub(crate) fn with_legend(&self, picture: Picture) -> Result<Picture, Failure> {
        match self.legend {
            Some((low, high)) => Ok(with_legend(&picture, self.overlay.coloring.colormap, low, high)?),
            None => Ok(picture),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_as_numpy() {
        let values = || [4.0f32, 1.0, 3.0, 2.0].into_iter();
        assert_eq!([0.0, 50.0, 90.0, 100.0].map(|p| percentile(values(), p)), [1.0, 2.5, 3.7, 4.0]);
        assert_eq!(percentile(std::iter::empty(), 50.0), 0.0);
    }
}
