//! bytes: the same bytes for an image, however the batch is split, with dead code or without, and a second time.

use backlit_cuda::Cuda;
use backlit_net::{CLASSES, Engine, IMAGE_LEN, Images, Rule, Seeds};
use backlit_testkit::golden::one_hot;

use crate::Args;
use crate::part::Part;
use crate::suite::{Suite, device, noisy};

/// Sizes of the batches that the images are asked about in, again and again.
const SPLITS: [usize; 5] = [1, 2, 7, 16, 3];

pub(crate) fn run(suite: &Suite, args: &Args) -> Result<Part, String> {
    let mut part = Part::new("bytes", &["arithmetic", "images", "other", "images that differ"]);
    part.notes.push(device()?.0);
    let (weights, pictures) = (suite.weights()?, suite.pictures()?);
    let n = args.images.max(2);
    let images = noisy(&pictures[0].input, n);
    let rows = one_hot(pictures[0].target).repeat(n);
    for &arithmetic in &args.arithmetics {
        let open = |batch: usize, dead_code: bool| {
            let options = backlit_cuda::CudaOptions { dead_code, ..arithmetic.options(batch) };
            Cuda::new(&weights, options).map_err(|e| format!("{}: {e}", arithmetic.name()))
        };
        let engine = open(n, true)?;
        let expected = ask(&engine, &images, &rows)?;
        let mut others = vec![("a second time", ask(&engine, &images, &rows)?)];
        let (mut pieces, mut first) = (vec![], 0);
        for size in SPLITS.iter().cycle() {
            let size = (*size).min(n - first);
            pieces.extend(ask(&engine, &images[first * IMAGE_LEN..][..size * IMAGE_LEN], &rows[..size * CLASSES])?);
            first += size;
            if first == n {
                break;
            }
        }
        others.push(("in small batches", pieces));
        drop(engine);
        if !args.quick {
            others.push(("at most 5 at a time", ask(&open(5, true)?, &images, &rows)?));
            others.push(("with dead code", ask(&open(n, false)?, &images, &rows)?));
        }
        for (other, found) in others {
            let differ =
                expected.iter().zip(&found).filter(|(a, b)| a != b).count() + expected.len().abs_diff(found.len());
            let what = arithmetic.name();
            part.check(differ == 0, || format!("{what}, {other}: {differ} of {n} images differ"));
            part.rows.push(vec![what.into(), n.to_string(), other.into(), differ.to_string()]);
        }
    }
    Ok(part)
}

/// The bits of logits and gradient, by image.
fn ask(engine: &Cuda, images: &[f32], rows: &[f32]) -> Result<Vec<Vec<u32>>, String> {
    let batch = Images::new(images).map_err(|e| e.to_string())?;
    let seeds = Seeds::Rows { data: rows, per_image: 1 };
    let found = engine.gradient(batch, seeds, Rule::Plain).map_err(|e| e.to_string())?;
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
    let one = |i: usize| [bits(&found.logits[i * CLASSES..][..CLASSES]), bits(found.of(i, 0))].concat();
    Ok((0..batch.len()).map(one).collect())
}
