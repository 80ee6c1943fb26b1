//! Photographs with the oracle's answers.

use backlit_net::photo::Photo;
use backlit_net::preprocess::{Grid, Preprocess, Preprocessing};
use backlit_net::weights::Weights;
use backlit_net::{Engine, IMAGE_LEN, Images, Rule, SIDE, Seeds, Variant};
use backlit_reference::Reference;
use backlit_testkit::golden::one_hot;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::suite::{gradient_key, prepared};

static CHELSEA: &[u8] = include_bytes!("../../../../assets/chelsea.png");

/// The photograph as it is, under all rules, and mirrored: (name, a golden file).
pub(super) fn pictures(weights: &Weights) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    let photo = Photo::from_bytes(CHELSEA, "chelsea.png").map_err(|e| e.to_string())?;
    let grid = Grid::default_for(Variant::V1);
    let rgb = Preprocess { preprocessing: Preprocessing::Caffe, grid }.prepare(&photo).rgb;
    let mirrored: Vec<u8> =
        rgb.chunks_exact(3 * SIDE).flat_map(|row| row.chunks_exact(3).rev().flatten().copied()).collect();
    let oracle = Reference::<f64>::new(weights);
    let all = [Rule::Plain, Rule::Guided, Rule::Rectified];
    Ok(vec![("chelsea", golden(&oracle, &rgb, &all)?), ("mirrored", golden(&oracle, &mirrored, &all[..1])?)])
}

fn golden(oracle: &Reference<f64>, rgb: &[u8], rules: &[Rule]) -> Result<Vec<u8>, String> {
    let input = prepared(rgb);
    let images = Images::new(&input).map_err(|e| e.to_string())?;
    let logits = oracle.predict(images).map_err(|e| e.to_string())?.data;
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    let floats = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let targets: Vec<u8> = order[..2].iter().flat_map(|&class| (class as i32).to_le_bytes()).collect();
    let mut tensors = vec![
        ("rgb", Dtype::U8, vec![SIDE, SIDE, 3], rgb.to_vec()),
        ("logits", Dtype::F32, vec![logits.len()], floats(&logits)),
        ("targets", Dtype::I32, vec![2], targets),
    ];
    let row = one_hot(order[0]);
    for &rule in rules {
        let found = oracle.gradient(images, Seeds::Rows { data: &row, per_image: 1 }, rule);
        let found = found.map_err(|e| e.to_string())?;
        debug_assert_eq!(found.gradient.len(), IMAGE_LEN);
        tensors.push((gradient_key(rule), Dtype::F32, vec![SIDE, SIDE, 3], floats(&found.gradient)));
    }
    let mut views = vec![];
    for (name, dtype, shape, data) in &tensors {
        views.push((*name, TensorView::new(*dtype, shape.clone(), data).map_err(|e| e.to_string())?));
    }
    safetensors::serialize(views, None).map_err(|e| e.to_string())
}
