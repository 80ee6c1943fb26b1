//! Moments of the gradient over copies of one image, which are made, and summed, where they are needed.

use backlit_net::engine::{Moments, Pace, Sampler, check_logits};
use backlit_net::{CLASSES, EngineError, Rule, Seeds};

use super::{Machine, Parts};
use crate::ops::moments::{Finished, MomentSums, SampleWeight};
use crate::ops::sample::{SampleState, Source};
use crate::planes::Span;
use crate::traffic::Inlet;
use crate::{Buffer, CudaError, Stream};

/// Copies at a time if the caller does not mind.
const COPIES: usize = 64;

/// Memory for sampling and for sums, kept from one question to the next.
pub(super) struct Samples {
    picture: Buffer<f32>,
    baseline: Buffer<f32>,
    alphas: Buffer<f64>,
    state: Inlet<SampleState>,
    weights: Inlet<SampleWeight>,
    /// One a seed.
    sums: Vec<Buffer<f64>>,
    total: Buffer<f64>,
    finished: [Buffer<f32>; 4],
    kernels: MomentSums,
    /// Samples that weights are sent for together.
    batch: usize,
}

impl Samples {
    /// For images of `len` floats, `batch` copies at a time, paths of `nodes` points and so many seeds.
    fn new(parts: &Parts, batch: usize, nodes: usize, seeds: usize) -> Result<Samples, CudaError> {
        let (device, len) = (&parts.device, parts.image_len());
        let rounded = || Buffer::new(device, len);
        Ok(Samples {
            picture: Buffer::new(device, len)?,
            baseline: Buffer::new(device, len)?,
            alphas: Buffer::new(device, nodes)?,
            state: Inlet::new(device, 1)?,
            weights: Inlet::new(device, batch)?,
            sums: (0..seeds).map(|_| Buffer::new(device, 3 * len)).collect::<Result<_, _>>()?,
            total: Buffer::new(device, 1)?,
            finished: [rounded()?, rounded()?, rounded()?, rounded()?],
            kernels: MomentSums::prepare(device, len)?,
            batch,
        })
    }

    /// Whether it has room for so much.
    fn holds(&self, batch: usize, nodes: usize, seeds: usize) -> bool {
        self.batch >= batch && self.alphas.len() >= nodes && self.sums.len() >= seeds
    }

    /// Sends what all copies have in common; answers where a batch of them comes from.
    fn begin(&mut self, image: &[f32], sampler: &Sampler) -> Result<Source, EngineError> {
        self.picture.write(image)?;
        let (picture, state) = (Span::from(&self.picture), self.state.here());
        match sampler {
            Sampler::Path { baseline, nodes } => {
                self.baseline.write(baseline)?;
                self.alphas.write(&nodes.iter().map(|node| node.alpha).collect::<Vec<f64>>())?;
                Ok(Source::Path {
                    picture,
                    baseline: Span::from(&self.baseline),
                    alphas: Span::from(&self.alphas),
                    state,
                })
            }
            Sampler::Noise { .. } => Ok(Source::Noise { picture, state }),
            _ => Err(EngineError::Unsupported { what: "moments over this sampler" }),
        }
    }

    /// Rounds the sums of each of `seeds` seeds: mean, mean size, mean square and variance.
    fn finish(&mut self, stream: &Stream, total: f64, seeds: usize) -> Result<[Vec<f32>; 4], EngineError> {
        self.total.write(&[total])?;
        let [mean, mean_absolute, mean_square, variance] = [0, 1, 2, 3].map(|i| Span::from(&self.finished[i]));
        let mut out = [const { Vec::new() }; 4];
        for sums in &self.sums[..seeds] {
            let to = Finished { mean, mean_absolute, mean_square, variance };
            self.kernels.finish(stream, Span::from(sums), Span::from(&self.total), to)?;
            for (out, from) in out.iter_mut().zip(&self.finished) {
                out.extend(from.read(stream)?);
            }
        }
        Ok(out)
    }
}

/// What changes from batch to batch.
fn state_of(sampler: &Sampler, first: usize) -> SampleState {
    match *sampler {
        Sampler::Noise { sigma, seed, key, .. } => SampleState { seed, key, sigma, first: first as u32, pad: 0 },
        _ => SampleState { first: first as u32, ..SampleState::default() },
    }
}

impl Machine {
    /// [`backlit_net::Engine::gradient_moments`] of an image that was checked, with seeds and sampler that were.
    pub(crate) fn moments(
        &mut self,
        image: &[f32],
        (sampler, samples): (&Sampler, usize),
        seeds: Seeds<'_>,
        rule: Rule,
        pace: &mut Pace<'_>,
    ) -> Result<Moments, EngineError> {
        let per_image = seeds.per_image();
        let at_a_time = if pace.batch == 0 { COPIES } else { pace.batch };
        let most = self.make_room(at_a_time.min(samples), false)?;
        let nodes = if let Sampler::Path { nodes, .. } = sampler { nodes.len() } else { 1 };
        // Taken out of the machine while it works, and put back whatever comes of it.
        let kept = self.samples.take().filter(|kept| kept.holds(most, nodes, per_image));
        let mut kept = match kept {
            Some(kept) => kept,
            None => Samples::new(&self.parts, most, nodes, per_image)?,
        };
        let done = self.take_moments(&mut kept, image, (sampler, samples, most), seeds, rule, pace);
        self.samples = Some(kept);
        done
    }

    fn take_moments(
        &mut self,
        kept: &mut Samples,
        image: &[f32],
        (sampler, samples, most): (&Sampler, usize, usize),
        seeds: Seeds<'_>,
        rule: Rule,
        pace: &mut Pace<'_>,
    ) -> Result<Moments, EngineError> {
        let per_image = seeds.per_image();
        let source = kept.begin(image, sampler)?;
        let (mut logits, mut total) = (vec![0f64; CLASSES], 0f64);
        let mut found = vec![0f32; most * CLASSES];
        for first in (0..samples).step_by(most) {
            let n = most.min(samples - first);
            let weights: Vec<SampleWeight> = (first..first + n).map(|s| share(sampler.weight(s), &mut total)).collect();
            let mut batch = self.batch(n, false)?;
            let stream = &batch.parts.stream;
            send(&mut kept.state, stream, &[state_of(sampler, first)])?;
            send(&mut kept.weights, stream, &weights)?;
            batch.stem(source)?;
            kept.state.release(stream)?;
            batch.forward(&[], &mut |_, _, _, _| ())?;
            batch.head()?;
            let found = &mut found[..n * CLASSES];
            let known = matches!(seeds, Seeds::Rows { .. });
            if !known {
                batch.logits(found)?;
                check_logits(first, found)?;
            }
            // Every copy is asked about the same rows, or about those of its own logits.
            let rows = match seeds {
                Seeds::Rows { data, .. } => data.repeat(n),
                Seeds::FromLogits { .. } => super::rows(&seeds, first, n, found)?.into_owned(),
            };
            for (k, sum) in kept.sums[..per_image].iter().enumerate() {
                batch.bring_seeds(k % 2, k, &rows)?;
                batch.backward_plain(k % 2, rule)?;
                batch.memory.seeds[k % 2].release(stream)?;
                let dx = batch.memory.dx[0].room(stream)?;
                batch.stem_back_to(dx, rule)?;
                kept.kernels.add(stream, n, dx, kept.weights.here(), Span::from(sum), first == 0)?;
            }
            kept.weights.release(stream)?;
            if known {
                batch.logits(found)?;
                check_logits(first, found)?;
            }
            for (row, w) in found.chunks_exact(CLASSES).zip(&weights) {
                logits.iter_mut().zip(row).for_each(|(sum, &v)| *sum += w.weight * f64::from(v));
            }
            pace.step(first + n)?;
        }
        let [mean, mean_absolute, mean_square, variance] = kept.finish(&self.parts.stream, total, per_image)?;
        let logits = logits.iter().map(|&v| (v / total) as f32).collect();
        Ok(Moments { logits, mean, mean_absolute, mean_square, variance, samples })
    }
}

/// A sample's weight, and its share in the weight of all so far; one of weight 0 before all others has none.
fn share(weight: f64, total: &mut f64) -> SampleWeight {
    *total += weight;
    SampleWeight { weight, share: if weight > 0.0 { weight / *total } else { 0.0 } }
}

fn send<T: bytemuck::Pod>(inlet: &mut Inlet<T>, compute: &Stream, values: &[T]) -> Result<(), CudaError> {
    let fill = |host: &mut [T]| {
        host.copy_from_slice(values);
        Ok::<_, CudaError>(())
    };
    inlet.send(values.len(), compute, fill)?;
    Ok(())
}
