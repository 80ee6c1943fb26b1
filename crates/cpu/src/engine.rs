//! The [`Engine`] contract, met by a [`Plan`].

use backlit_net::arch::{Block, Network};
use backlit_net::engine::{EngineInfo, Features, Gradients, Logits, Precision, TapGradients, check_logits};
use backlit_net::weights::Weights;
use backlit_net::{CLASSES, Engine, EngineError, FEATURES, IMAGE_LEN, Images, Rule, Seeds, Tap};

use crate::isa::{Level, Token};
use crate::plan::{Plan, Tape};

/// Images that go through the network together: enough to reuse weights, few enough to stay small in memory.
const BATCH: usize = 8;

/// How to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuOptions {
    /// Threads; `None` takes those of the rayon pool that the caller is in.
    pub threads: Option<usize>,
    /// Instruction set; `None` takes the best that the processor has.
    pub level: Option<Level>,
}

/// Why an engine could not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CpuError {
    /// The instruction set asked for is not there.
    #[error("this processor has no `{asked}`: the best it has is `{best}`")]
    NoSuchLevel {
        /// Asked for.
        asked: Level,
        /// Available.
        best: Level,
    },
    /// The threads could not be started.
    #[error(
        "{threads} threads could not be started ({reason}): ask for at least one and at most what the system allows"
    )]
    Threads {
        /// Asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
}

/// ResNet-50 on the CPU, in single precision.
pub struct Cpu {
    network: &'static Network,
    plan: Plan,
    token: Token,
    pool: Option<rayon::ThreadPool>,
}

impl Cpu {
    /// Folds and packs the weights of a file for this processor.
    ///
    /// # Errors
    /// [`CpuError`] if the processor lacks the instruction set asked for, or threads cannot be started.
    pub fn new(weights: &Weights, options: CpuOptions) -> Result<Cpu, CpuError> {
        let best = Level::best();
        let level = options.level.unwrap_or(best);
        let token = level.token().ok_or(CpuError::NoSuchLevel { asked: level, best })?;
        let pool = options.threads.map(start_threads).transpose()?;
        let plan = within(pool.as_ref(), || Plan::new(weights, token));
        Ok(Cpu { network: weights.network(), plan, token, pool })
    }

    /// Runs the forward pass over the batch, a few images at a time: `each(first image, images, tape)`.
    fn for_batches(
        &self,
        images: Images<'_>,
        mut see: impl FnMut(usize, &[f32]) + Send,
        mut each: impl FnMut(usize, usize, &Tape) -> Result<(), EngineError> + Send,
    ) -> Result<(), EngineError> {
        within(self.pool.as_ref(), || {
            for first in (0..images.len()).step_by(BATCH) {
                let n = BATCH.min(images.len() - first);
                let tape = self.plan.forward(images.range(first..first + n).data(), &mut see);
                check_logits(first, &tape.logits)?;
                each(first, n, &tape)?;
            }
            Ok(())
        })
    }

    /// Sends every seed of every image back and writes the results, `[n, per_image, len]`, to `out`.
    fn for_seeds(
        &self,
        (first, n): (usize, usize),
        tape: &Tape,
        seeds: Seeds<'_>,
        rule: Rule,
        until: Option<usize>,
        out: &mut [f32],
    ) -> Result<(), EngineError> {
        let per_image = seeds.per_image();
        let len = out.len() / (n * per_image);
        let rows = tape.logits.chunks_exact(CLASSES).enumerate();
        let rows: Vec<Vec<f32>> = rows.map(|(i, logits)| seeds.rows(first + i, logits)).collect::<Result<_, _>>()?;
        for k in 0..per_image {
            let seed: Vec<f32> = rows.iter().flat_map(|rows| &rows[k * CLASSES..][..CLASSES]).copied().collect();
            let gradient = self.plan.backward(tape, &seed, rule, until);
            for (i, gradient) in gradient.chunks_exact(len).enumerate() {
                out[(i * per_image + k) * len..][..len].copy_from_slice(gradient);
            }
        }
        Ok(())
    }
}

fn start_threads(threads: usize) -> Result<rayon::ThreadPool, CpuError> {
    // Zero would mean "as many as there are" to rayon.
    let error = |reason: String| CpuError::Threads { threads, reason };
    if threads == 0 {
        return Err(error("none can do the work".into()));
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| error(e.to_string()))
}

fn within<R: Send>(pool: Option<&rayon::ThreadPool>, f: impl FnOnce() -> R + Send) -> R {
    match pool {
        Some(pool) => pool.install(f),
        None => f(),
    }
}

/// Copies the output of block `wanted`, batch after batch, to `out`.
fn keep(out: &mut [f32], wanted: usize) -> impl FnMut(usize, &[f32]) + Send {
    let mut rest = out;
    move |block, output| {
        if block == wanted {
            let (now, later) = std::mem::take(&mut rest).split_at_mut(output.len());
            now.copy_from_slice(output);
            rest = later;
        }
    }
}

/// An answer of `factors` floats, or an error where a plain allocation would abort.
fn reserve(factors: &[usize]) -> Result<Vec<f32>, EngineError> {
    let len = factors.iter().try_fold(1usize, |len, &f| len.checked_mul(f));
    let bytes = len.and_then(|len| len.checked_mul(size_of::<f32>())).unwrap_or(usize::MAX);
    let mut out = Vec::new();
    out.try_reserve_exact(bytes / size_of::<f32>()).map_err(|_| EngineError::OutOfMemory { bytes })?;
    out.resize(bytes / size_of::<f32>(), 0.0);
    Ok(out)
}

impl Engine for Cpu {
    fn info(&self) -> EngineInfo {
        let threads = self.pool.as_ref().map_or_else(rayon::current_num_threads, |p| p.current_num_threads());
        EngineInfo { name: "cpu", precision: Precision::F32, isa: self.token.level().as_str().into(), threads }
    }

    fn network(&self) -> &'static Network {
        self.network
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        let mut data = reserve(&[images.len(), CLASSES])?;
        self.for_batches(
            images,
            |_, _| (),
            |first, n, tape| {
                data[first * CLASSES..][..n * CLASSES].copy_from_slice(&tape.logits);
                Ok(())
            },
        )?;
        Ok(Logits { data })
    }

    fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, rule: Rule) -> Result<Gradients, EngineError> {
        seeds.check(images.len())?;
        let per_image = seeds.per_image();
        let mut logits = reserve(&[images.len(), CLASSES])?;
        let mut gradient = reserve(&[images.len(), per_image, IMAGE_LEN])?;
        self.for_batches(
            images,
            |_, _| (),
            |first, n, tape| {
                logits[first * CLASSES..][..n * CLASSES].copy_from_slice(&tape.logits);
                let out = &mut gradient[first * per_image * IMAGE_LEN..][..n * per_image * IMAGE_LEN];
                self.for_seeds((first, n), tape, seeds, rule, None, out)
            },
        )?;
        Ok(Gradients { logits, gradient, seeds_per_image: per_image })
    }

    fn features(&self, images: Images<'_>) -> Result<Features, EngineError> {
        let last = self.network.blocks.len() - 1;
        let mut logits = reserve(&[images.len(), CLASSES])?;
        let mut data = reserve(&[images.len(), 49, FEATURES])?;
        let see = keep(&mut data, last);
        self.for_batches(images, see, |first, n, tape| {
            logits[first * CLASSES..][..n * CLASSES].copy_from_slice(&tape.logits);
            Ok(())
        })?;
        Ok(Features { logits, data })
    }

    fn gradient_at(
        &self,
        images: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        tap: Tap,
    ) -> Result<TapGradients, EngineError> {
        let index = tap.block()?;
        seeds.check(images.len())?;
        let per_image = seeds.per_image();
        let block: &Block = &self.network.blocks[index];
        let len = block.expand.output_len();
        let mut logits = reserve(&[images.len(), CLASSES])?;
        let mut activation = reserve(&[images.len(), len])?;
        let mut gradient = reserve(&[images.len(), per_image, len])?;
        let see = keep(&mut activation, index);
        self.for_batches(images, see, |first, n, tape| {
            logits[first * CLASSES..][..n * CLASSES].copy_from_slice(&tape.logits);
            let out = &mut gradient[first * per_image * len..][..n * per_image * len];
            self.for_seeds((first, n), tape, seeds, rule, Some(index), out)
        })?;
        let (side, channels) = (block.side_out(), block.c_out());
        Ok(TapGradients { logits, side, channels, activation, gradient, seeds_per_image: per_image })
    }
}
