//! What the untouched picture tells: its logits, its gradient map and its class activation map.

use backlit_net::arch::BLOCKS;
use backlit_net::{CLASSES, Engine, Rule, SIDE, Seeds, Tap};

use super::{Audit, AuditError, AuditOptions, Judgement, Object, ObjectFrom};
use crate::localize::locate;
use crate::mask::Region;
use crate::{Map, MapOptions, Objective, Reading, SaliencyMap, Subject, Target, saliency_map};

pub(super) struct Evidence {
    logits: Vec<f32>,
    class: usize,
    /// Largest |g| over the channels, smoothed for the eye.
    saliency: SaliencyMap,
    /// The same, raw.
    gradient: Map,
    /// Grad-CAM at the last block, `[224, 224]`.
    cam: Map,
}

impl Evidence {
    pub(super) fn gather(
        engine: &dyn Engine,
        subject: &Subject<'_>,
        options: &AuditOptions,
    ) -> Result<Evidence, AuditError> {
        let image = subject.image()?;
        let objective = Objective::logit(options.target);
        let write = |_: usize, logits: &[f32], row: &mut [f32]| objective.write_seed(logits, row);
        let found = engine.gradient(image, Seeds::FromLogits { per_image: 1, write: &write }, Rule::Plain)?;
        let class = options.target.resolve(found.logits_of(0));
        let raw = MapOptions { normalize: false, sigma: 0.0, ..MapOptions::default() };
        let mut row = vec![0f32; CLASSES];
        row[class] = 1.0;
        let seeds = Seeds::Rows { data: &row, per_image: 1 };
        let tap = engine.gradient_at(image, seeds, Rule::Plain, Tap::Block(BLOCKS - 1))?;
        Ok(Evidence {
            class,
            saliency: saliency_map(found.of(0, 0), &MapOptions::default())?,
            gradient: saliency_map(found.of(0, 0), &raw)?.map,
            cam: grad_cam(&tap.activation, &tap.gradient, tap.side, tap.channels),
            logits: found.logits,
        })
    }

    /// The rectangle around the largest part of the class activation map, if there is any.
    pub(super) fn own_box(&self, options: &AuditOptions) -> Result<Option<Region>, AuditError> {
        let Some(part) = locate(&self.cam, options.threshold, options.connectivity)? else { return Ok(None) };
        let b = part.bounds;
        Ok(Some(Region::from_fn(|r, c| (b.top..b.bottom).contains(&r) && (b.left..b.right).contains(&c))?))
    }

    /// A record without object, fills and judgement.
    pub(super) fn begin(&self, options: &AuditOptions) -> Audit {
        Audit {
            class_idx: self.class,
            target: Target::class(self.class).unwrap_or_default(),
            original: Reading::new("original", &self.logits, self.class, options.top),
            object: None,
            controls: Vec::new(),
            fills: Vec::new(),
            nothing: None,
            judgement: Judgement::default(),
            saliency: self.saliency.clone(),
            cam: self.cam.clone(),
        }
    }

    /// How much of either map lies on the object.
    pub(super) fn object(&self, from: ObjectFrom, region: &Region) -> Object {
        Object {
            from,
            bounds: region.bounds(),
            pixels: region.area(),
            area_share: region.share(),
            saliency_share: share_on(&self.gradient, region),
            cam_share: share_on(&self.cam, region),
            region: region.clone(),
        }
    }
}

/// The part of a map's sum that lies in a region; nothing for a map without any.
fn share_on(map: &Map, region: &Region) -> Option<f64> {
    let sum = |wanted: &dyn Fn(usize) -> bool| -> f64 {
        map.values.iter().enumerate().filter(|&(p, _)| wanted(p)).map(|(_, &v)| f64::from(v)).sum()
    };
    let whole = sum(&|_| true);
    (whole > 0.0).then(|| (sum(&|p| region.pixels()[p]) / whole).clamp(0.0, 1.0))
}

/// Grad-CAM (Selvaraju et al. 2016, arXiv:1610.02391): `ReLU(sum_k mean(g_k) A_k)`, brought to 224 x 224 bilinearly
/// with pixels as squares. At the last block the gradient is the dense layer's weight everywhere, so that one forward
/// pass is all it takes.
fn grad_cam(activation: &[f32], gradient: &[f32], side: usize, channels: usize) -> Map {
    let cells = side * side;
    let mut weights = vec![0f64; channels];
    for pixel in gradient.chunks_exact(channels) {
        weights.iter_mut().zip(pixel).for_each(|(w, &g)| *w += f64::from(g) / cells as f64);
    }
    let cell = |pixel: &[f32]| pixel.iter().zip(&weights).map(|(&a, w)| f64::from(a) * w).sum::<f64>().max(0.0);
    let coarse: Vec<f64> = activation.chunks_exact(channels).map(cell).collect();
    let tap = |p: usize| {
        let place = ((p as f64 + 0.5) * side as f64 / SIDE as f64 - 0.5).clamp(0.0, (side - 1) as f64);
        (place as usize, (place as usize + 1).min(side - 1), place.fract())
    };
    let value = |(r, c): (usize, usize)| {
        let ((top, bottom, down), (left, right, across)) = (tap(r), tap(c));
        let row = |y: usize| coarse[y * side + left] * (1.0 - across) + coarse[y * side + right] * across;
        (row(top) * (1.0 - down) + row(bottom) * down) as f32
    };
    let values = (0..SIDE * SIDE).map(|p| value((p / SIDE, p % SIDE))).collect();
    Map { height: SIDE, width: SIDE, channels: 1, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bright_cell_becomes_a_bright_patch() {
        // 7 x 7 cells of two channels; the second speaks against the class.
        let mut activation = vec![0f32; 98];
        (activation[2 * (7 * 2 + 3)], activation[2 * 30 + 1]) = (5.0, 9.0);
        let gradient = [0.5, -1.0].repeat(49);
        let cam = grad_cam(&activation, &gradient, 7, 2);
        // The centre of cell (2, 3) is at 80 rows and 112 columns.
        let best = (0..SIDE * SIDE).max_by(|&a, &b| cam.values[a].total_cmp(&cam.values[b])).unwrap();
        assert!((79..=80).contains(&(best / SIDE)) && (111..=112).contains(&(best % SIDE)), "{best}");
        assert!((cam.values[best] - 2.5).abs() <= 0.1 && cam.values.iter().all(|v| (0.0..=2.5).contains(v)));
        let flat = grad_cam(&[1.0; 98], &[1.0; 98], 7, 2);
        assert!(flat.values.iter().all(|&v| v == 2.0));
    }

    #[test]
    fn shares_of_blank_maps_are_none() {
        let map = |v: f32| Map { height: SIDE, width: SIDE, channels: 1, values: vec![v; SIDE * SIDE] };
        let half = Region::from_fn(|r, _| r < 112).unwrap();
        assert_eq!(share_on(&map(0.0), &half), None);
        assert_eq!(share_on(&map(3.0), &half), Some(0.5));
    }
}
