//! The segments of one picture at all scales.

use backlit_net::{CHANNELS, SIDE};

use super::Xrai;
use super::dilate::dilated;
use super::felzenszwalb::Edges;
use super::rank::{Ranked, Ranking, rank};

/// Overlapping segments of a picture, to be ranked by any attribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Segments {
    labels: Vec<Vec<u32>>,
    masks: Vec<Vec<u32>>,
    min_added: usize,
    ranking: Ranking,
}

impl Segments {
    /// The options have been checked.
    pub(super) fn new(tensor: &[f32], options: &Xrai) -> Segments {
        let edges = Edges::new(stretched(tensor), [SIDE, SIDE, CHANNELS], options.sigma)
            .expect("a whole picture and a checked sigma");
        let labels: Vec<_> = options.scales.iter().map(|&scale| edges.segments(scale, options.min_size)).collect();
        let masks = labels.iter().flat_map(|labels| dilated(labels, SIDE, options.dilation)).collect();
        Segments { labels, masks, min_added: options.min_added, ranking: options.ranking }
    }

    /// For every scale, the segment of each pixel, `[224, 224]`: numbered from 0 by first pixels, not dilated.
    pub fn labels(&self) -> &[Vec<u32>] {
        &self.labels
    }

    /// For every segment of every scale, its pixels after dilation, in rising order.
    pub fn masks(&self) -> &[Vec<u32>] {
        &self.masks
    }

    /// Ranks them by the attribution of each pixel, `[224, 224]`.
    ///
    /// # Panics
    /// If there is not one attribution for every pixel.
    pub fn rank(&self, attribution: &[f64]) -> Ranked {
        assert_eq!(attribution.len(), SIDE * SIDE, "one attribution for every pixel");
        rank(attribution, &self.masks, self.min_added, self.ranking)
    }
}

/// Stretched to -1 ... 1, all channels together; a picture of one value becomes all 0.
fn stretched(tensor: &[f32]) -> Vec<f64> {
    let (low, high) = tensor.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    let (low, width) = (f64::from(low), f64::from(high) - f64::from(low));
    tensor.iter().map(|&v| if width > 0.0 { (f64::from(v) - low) / width * 2.0 - 1.0 } else { 0.0 }).collect()
}
