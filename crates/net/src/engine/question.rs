//! All questions as one: an engine that can answer a [`Question`] answers every other by way of the functions here.
//!
//! A question is what one forward pass can tell: outputs of blocks on the way, then for every [`Pass`] the way back.

use super::{Answer, Ask, EngineError, Features, Gradients, Images, Logits, Rule, Seeds, Tap, TapGradients};
use crate::arch::{BLOCKS, Network};
use crate::{CLASSES, IMAGE_LEN};

/// What is to be found out about a batch.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Which combinations of logits are sent back; looked at only if there is a pass.
    pub seeds: Seeds<'a>,
    /// Blocks whose outputs are wanted.
    pub outputs: &'a [usize],
    /// What is sent back.
    pub passes: &'a [Pass<'a>],
}

/// One way back: under which rule, and what is to be met.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// The rule of every ReLU.
    pub rule: Rule,
    /// Blocks at whose outputs the gradient is read.
    pub taps: &'a [usize],
    /// Whether it goes down to the image; else it ends at the lowest tap.
    pub input: bool,
}

/// What was found out about a batch of n images.
pub struct Found {
    /// `[n, 1000]`.
    pub logits: Vec<f32>,
    /// For each of [`Question::outputs`], `[n, side, side, channels]`.
    pub outputs: Vec<Vec<f32>>,
    /// For each of [`Question::passes`].
    pub back: Vec<Back>,
}

/// The gradients of one pass.
pub struct Back {
    /// For each of [`Pass::taps`], `[n, per_image, side, side, channels]`.
    pub taps: Vec<Vec<f32>>,
    /// `[n, per_image, 224, 224, 3]`, or empty.
    pub input: Vec<f32>,
}

impl Pass<'_> {
    /// The block at whose output it ends, if it does not reach the image.
    pub fn ends_at(&self) -> Option<usize> {
        if self.input { None } else { Some(self.taps.iter().copied().min().unwrap_or(BLOCKS - 1)) }
    }
}

impl Question<'_> {
    /// Blocks whose whole output or gradient is looked at.
    pub fn blocks(&self) -> impl Iterator<Item = usize> + Clone {
        let taps = self.passes.iter().flat_map(|pass| pass.taps);
        self.outputs.iter().chain(taps).copied()
    }
}

impl Found {
    /// Room for all that is asked about `n` images, all zero.
    ///
    /// # Errors
    /// [`EngineError::OutOfMemory`].
    pub fn reserve(network: &Network, n: usize, question: &Question<'_>) -> Result<Found, EngineError> {
        Found::reserve_for(|block| network.blocks[block].expand.output_len(), IMAGE_LEN, n, question)
    }

    /// The same for blocks' outputs and images of other sizes.
    ///
    /// # Errors
    /// [`EngineError::OutOfMemory`].
    pub fn reserve_for(
        block_len: impl Fn(usize) -> usize,
        image_len: usize,
        n: usize,
        question: &Question<'_>,
    ) -> Result<Found, EngineError> {
        let per_image = question.seeds.per_image();
        let back = |pass: &Pass<'_>| {
            let taps = pass.taps.iter().map(|&block| reserve(&[n, per_image, block_len(block)]));
            let input = if pass.input { reserve(&[n, per_image, image_len])? } else { Vec::new() };
            Ok(Back { taps: taps.collect::<Result<_, _>>()?, input })
        };
        Ok(Found {
            logits: reserve(&[n, CLASSES])?,
            outputs: question.outputs.iter().map(|&b| reserve(&[n, block_len(b)])).collect::<Result<_, _>>()?,
            back: question.passes.iter().map(back).collect::<Result<_, EngineError>>()?,
        })
    }

    fn at_tap(block: (&Network, usize), parts: (Vec<f32>, Vec<f32>, Vec<f32>), seeds_per_image: usize) -> TapGradients {
        let (network, index) = block;
        let (logits, activation, gradient) = parts;
        let block = &network.blocks[index];
        TapGradients { logits, side: block.side_out(), channels: block.c_out(), activation, gradient, seeds_per_image }
    }
}

/// An answer of as many zeros as the product of `factors`, or an error where a plain allocation would abort.
///
/// # Errors
/// [`EngineError::OutOfMemory`].
pub fn reserve(factors: &[usize]) -> Result<Vec<f32>, EngineError> {
    let len = factors.iter().try_fold(1usize, |len, &f| len.checked_mul(f));
    let bytes = len.and_then(|len| len.checked_mul(size_of::<f32>())).unwrap_or(usize::MAX);
    let too_much = |_| EngineError::OutOfMemory { bytes };
    Vec::<f32>::new().try_reserve_exact(bytes / size_of::<f32>()).map_err(too_much)?;
    // Zeros that the system gives need not be written.
    Ok(vec![0.0; bytes / size_of::<f32>()])
}

/// Seeds for a question that sends nothing back.
const NO_SEEDS: Seeds<'_> = Seeds::Rows { data: &[], per_image: 0 };

/// [`Engine::predict`](super::Engine::predict).
///
/// # Errors
/// Those of `answer`.
pub fn predict(answer: impl FnOnce(&Question<'_>) -> Result<Found, EngineError>) -> Result<Logits, EngineError> {
    let found = answer(&Question { seeds: NO_SEEDS, outputs: &[], passes: &[] })?;
    Ok(Logits { data: found.logits })
}

/// [`Engine::features`](super::Engine::features).
///
/// # Errors
/// Those of `answer`.
pub fn features(answer: impl FnOnce(&Question<'_>) -> Result<Found, EngineError>) -> Result<Features, EngineError> {
    let mut found = answer(&Question { seeds: NO_SEEDS, outputs: &[BLOCKS - 1], passes: &[] })?;
    Ok(Features { logits: found.logits, data: found.outputs.pop().unwrap_or_default() })
}

/// [`Engine::gradient`](super::Engine::gradient).
///
/// # Errors
/// Those of [`Seeds::check`] and of `answer`.
pub fn gradient(
    images: Images<'_>,
    seeds: Seeds<'_>,
    rule: Rule,
    answer: impl FnOnce(&Question<'_>) -> Result<Found, EngineError>,
) -> Result<Gradients, EngineError> {
    seeds.check(images.len())?;
    let passes = [Pass { rule, taps: &[], input: true }];
    let found = answer(&Question { seeds, outputs: &[], passes: &passes })?;
    let gradient = found.back.into_iter().next().map(|back| back.input).unwrap_or_default();
    Ok(Gradients { logits: found.logits, gradient, seeds_per_image: seeds.per_image() })
}

/// [`Engine::gradient_at`](super::Engine::gradient_at).
///
/// # Errors
/// [`EngineError::NoSuchBlock`], and those of [`Seeds::check`] and of `answer`.
pub fn gradient_at(
    network: &Network,
    images: Images<'_>,
    seeds: Seeds<'_>,
    rule: Rule,
    tap: Tap,
    answer: impl FnOnce(&Question<'_>) -> Result<Found, EngineError>,
) -> Result<TapGradients, EngineError> {
    let index = tap.block()?;
    seeds.check(images.len())?;
    let passes = [Pass { rule, taps: &[index], input: false }];
    let mut found = answer(&Question { seeds, outputs: &[index], passes: &passes })?;
    let gradient = found.back.pop().and_then(|mut back| back.taps.pop()).unwrap_or_default();
    let activation = found.outputs.pop().unwrap_or_default();
    Ok(Found::at_tap((network, index), (found.logits, activation, gradient), seeds.per_image()))
}

/// [`Engine::ask`](super::Engine::ask) with one forward pass, and one backward pass for the plain input gradient and
/// all taps together.
///
/// # Errors
/// Those of [`Ask::check`] and of `answer`.
pub fn ask(
    network: &Network,
    images: Images<'_>,
    ask: &Ask<'_>,
    answer: impl FnOnce(&Question<'_>) -> Result<Found, EngineError>,
) -> Result<Answer, EngineError> {
    let taps = ask.check(images.len())?;
    let mut outputs = taps.clone();
    outputs.extend(ask.features.then_some(BLOCKS - 1));
    // The taps travel with the first plain pass; without one they need a pass of their own.
    let carrier = ask.input.iter().position(|&rule| rule == Rule::Plain);
    let pass = |(i, &rule)| Pass { rule, taps: if carrier == Some(i) { &taps } else { &[] }, input: true };
    let mut passes: Vec<Pass<'_>> = ask.input.iter().enumerate().map(pass).collect();
    if carrier.is_none() && !taps.is_empty() {
        passes.push(Pass { rule: Rule::Plain, taps: &taps, input: false });
    }
    let found = answer(&Question { seeds: ask.seeds, outputs: &outputs, passes: &passes })?;

    let Found { logits, mut outputs, mut back } = found;
    let features = if ask.features { outputs.pop() } else { None };
    let gradients = back.iter_mut().flat_map(|back| std::mem::take(&mut back.taps));
    let seeds_per_image = ask.seeds.per_image();
    let at_tap = |((&index, activation), gradient)| {
        Found::at_tap((network, index), (logits.clone(), activation, gradient), seeds_per_image)
    };
    let taps = taps.iter().zip(outputs).zip(gradients).map(at_tap).collect();
    let input = back.into_iter().take(ask.input.len()).map(|back| back.input).collect();
    Ok(Answer { logits, input, taps, features, seeds_per_image })
}
