//! Moments of the gradient over copies of one image, which are made, and summed, where they are needed.

use backlit_net::engine::{Moments, Pace, Sampler, check_logits};
use backlit_net::{CLASSES, EngineError, Rule, Seeds};

use super::Machine;
use crate::ops::moments::{Finished, MomentSums, SampleWeight};
use crate::ops::sample::{SampleState, Source};
use crate::planes::Span;
use crate::traffic::Inlet;
use crate::{Buffer, CudaError, Device};

/// Copies at a time if the caller does not mind.
const COPIES: usize = 64;

/// What a sampler needs on the device.
struct Copies {
    picture: Buffer<f32>,
    baseline: Option<Buffer<f32>>,
    alphas: Option<Buffer<f64>>,
    state: Inlet<SampleState>,
}

impl Copies {
    fn new(device: &Device, image: &[f32], sampler: &Sampler) -> Result<Copies, EngineError> {
        let (baseline, alphas) = match sampler {
            Sampler::Path { baseline, nodes } => {
                let alphas: Vec<f64> = nodes.iter().map(|node| node.alpha).collect();
                (Some(Buffer::from_slice(device, baseline)?), Some(Buffer::from_slice(device, &alphas)?))
            }
            Sampler::Noise { .. } => (None, None),
            _ => return Err(EngineError::Unsupported { what: "moments over this sampler" }),
        };
        let picture = Buffer::from_slice(device, image)?;
        Ok(Copies { picture, baseline, alphas, state: Inlet::new(device, 1)? })
    }

    fn state_of(sampler: &Sampler, first: usize) -> SampleState {
        match *sampler {
            Sampler::Noise { sigma, seed, key, .. } => SampleState { seed, key, sigma, first: first as u32, pad: 0 },
            _ => SampleState { first: first as u32, ..SampleState::default() },
        }
    }

    fn source(&self) -> Source {
        let (picture, state) = (Span::from(&self.picture), self.state.here());
        match (&self.baseline, &self.alphas) {
            (Some(baseline), Some(alphas)) => {
                Source::Path { picture, baseline: Span::from(baseline), alphas: Span::from(alphas), state }
            }
            _ => Source::Noise { picture, state },
        }
    }
}

/// Sums and the numbers that go into them.
struct Sums {
    kernels: MomentSums,
    /// One a seed.
    sums: Vec<Buffer<f64>>,
    weights: Inlet<SampleWeight>,
    len: usize,
}

impl Sums {
    /// Rounds them.
    fn finish(&self, machine: &Machine, total: f64) -> Result<[Vec<f32>; 4], EngineError> {
        let (device, stream) = (&machine.parts.device, &machine.parts.stream);
        let total = Buffer::from_slice(device, &[total])?;
        let rounded = || Buffer::<f32>::new(device, self.len);
        let to = [rounded()?, rounded()?, rounded()?, rounded()?];
        let mut out = [const { Vec::new() }; 4];
        for sums in &self.sums {
            let [mean, mean_absolute, mean_square, variance] = [0, 1, 2, 3].map(|i| Span::from(&to[i]));
            let finished = Finished { mean, mean_absolute, mean_square, variance };
            self.kernels.finish(stream, Span::from(sums), Span::from(&total), finished)?;
            for (out, to) in out.iter_mut().zip(&to) {
                out.extend(to.read(stream)?);
            }
        }
        Ok(out)
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
        let (device, per_image, len) = (self.parts.device.clone(), seeds.per_image(), self.parts.image_len());
        let at_a_time = if pace.batch == 0 { COPIES } else { pace.batch };
        let most = self.make_room(at_a_time.min(samples), false)?;
        let mut copies = Copies::new(&device, image, sampler)?;
        let mut sums = Sums {
            kernels: MomentSums::prepare(&device, len)?,
            sums: (0..per_image).map(|_| Buffer::new(&device, 3 * len)).collect::<Result<_, CudaError>>()?,
            weights: Inlet::new(&device, most)?,
            len,
        };
        let (mut logits, mut total) = (vec![0f64; CLASSES], 0f64);
        let mut found = vec![0f32; most * CLASSES];
        for first in (0..samples).step_by(most) {
            let n = most.min(samples - first);
            let weights: Vec<SampleWeight> = (first..first + n).map(|s| share(sampler.weight(s), &mut total)).collect();
            let mut batch = self.batch(n, false)?;
            let stream = &batch.parts.stream;
            send(&mut copies.state, stream, &[Copies::state_of(sampler, first)])?;
            send(&mut sums.weights, stream, &weights)?;
            batch.stem(copies.source())?;
            copies.state.release(&batch.parts.stream)?;
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
            for (k, sum) in sums.sums.iter().enumerate() {
                batch.bring_seeds(k % 2, k, &rows)?;
                batch.backward_plain(k % 2, rule)?;
                batch.memory.seeds[k % 2].release(&batch.parts.stream)?;
                let dx = batch.memory.dx[0].room(&batch.parts.stream)?;
                batch.stem_back_to(dx, rule)?;
                let stream = &batch.parts.stream;
                sums.kernels.add(stream, n, dx, sums.weights.here(), Span::from(sum), first == 0)?;
            }
            sums.weights.release(&batch.parts.stream)?;
            if known {
                batch.logits(found)?;
                check_logits(first, found)?;
            }
            for (row, w) in found.chunks_exact(CLASSES).zip(&weights) {
                logits.iter_mut().zip(row).for_each(|(sum, &v)| *sum += w.weight * f64::from(v));
            }
            pace.step(first + n)?;
        }
        let [mean, mean_absolute, mean_square, variance] = sums.finish(self, total)?;
        let logits = logits.iter().map(|&v| (v / total) as f32).collect();
        Ok(Moments { logits, mean, mean_absolute, mean_square, variance, samples })
    }
}

/// A sample's weight, and its share in the weight of all so far; one of weight 0 before all others has none.
fn share(weight: f64, total: &mut f64) -> SampleWeight {
    *total += weight;
    SampleWeight { weight, share: if weight > 0.0 { weight / *total } else { 0.0 } }
}

fn send<T: bytemuck::Pod>(inlet: &mut Inlet<T>, compute: &crate::Stream, values: &[T]) -> Result<(), CudaError> {
    let fill = |host: &mut [T]| {
        host.copy_from_slice(values);
        Ok::<_, CudaError>(())
    };
    inlet.send(values.len(), compute, fill)?;
    Ok(())
}
