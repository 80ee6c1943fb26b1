//! One way to ask a peer for something, and its check.

use std::time::Instant;

use backlit_net::{CLASSES, IMAGE_LEN};
use serde::Serialize;

use crate::{Photographs, Result};

/// Largest relative errors that may have a speed, as in `../common.py`: 16 bits both ways may be shown beside their error.
const GRADIENT_TOLERANCE: f64 = 0.9;
const LOGITS_TOLERANCE: f64 = 0.1;
const LEAST_CALLS: usize = 3;
/// Seconds a call from which one call a round is enough.
const SLOW: f64 = 2.0;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Logits.
    Forward,
    /// Logits and the gradient of one of them with respect to the image.
    Gradient,
}

/// What came out.
pub struct Answer {
    /// `[n, 1000]`.
    pub logits: Vec<f32>,
    /// `[n, 224, 224, 3]`, if it was asked for.
    pub gradient: Option<Vec<f32>>,
}

/// A peer that is ready. Only [`Subject::run`] is timed.
pub trait Subject {
    /// Images and classes in the peer's own layout.
    type Placed;
    /// The peer's own result, finished when it is there.
    type Found;

    /// Brings images `[n, 224, 224, 3]` and a class an image into the peer's layout.
    fn place(&self, images: &[f32], targets: &[usize]) -> Result<Self::Placed>;
    /// Does the work.
    fn run(&self, placed: &Self::Placed) -> Result<Self::Found>;
    /// Brings the result into ours.
    fn read(&self, found: Self::Found) -> Result<Answer>;
}

/// Median and worst of the photographs' relative L2 errors.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// Of the photographs in the middle.
    pub median: f64,
    /// Of the worst photograph.
    pub worst: f64,
}

/// Errors against float64.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Errors {
    /// Of the logits.
    pub logits: Spread,
    /// Of the gradient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient: Option<Spread>,
}

type Times = Box<dyn FnMut(f64) -> Result<Vec<f64>>>;
type Check<'a> = Box<dyn FnOnce(&Photographs) -> Result<(Errors, Times)> + 'a>;

/// One way to ask a peer for something.
pub struct Case<'a> {
    /// What is asked for.
    pub what: What,
    /// Its arithmetic.
    pub precision: String,
    /// How it does it.
    pub mode: &'static str,
    /// Images a call.
    pub batch: usize,
    /// Loads and checks; from then on it can be timed.
    pub(crate) check: Check<'a>,
}

impl<'a> Case<'a> {
    /// A case whose subject is made when its turn comes.
    pub fn new<S: Subject + 'static>(
        what: What,
        precision: &str,
        mode: &'static str,
        batch: usize,
        make: impl FnOnce() -> Result<S> + 'a,
    ) -> Case<'a> {
        let check: Check<'a> = Box::new(move |photos| check(make()?, photos, what, batch));
        Case { what, precision: precision.to_owned(), mode, batch, check }
    }

    /// The name by which run.py asks for it.
    pub fn id(&self) -> String {
        format!("{}/{}/{}/{}", self.what.as_str(), self.precision, self.mode, self.batch)
    }
}

impl What {
    /// `forward` or `gradient`.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Forward => "forward",
            What::Gradient => "gradient",
        }
    }
}

fn check<S: Subject + 'static>(subject: S, photos: &Photographs, what: What, batch: usize) -> Result<(Errors, Times)> {
    let (mut logits, mut gradients, mut timed) = (vec![], vec![], None);
    for chosen in photos.batches(batch) {
        let images: Vec<f32> = chosen.iter().flat_map(|&i| &photos.inputs[i]).copied().collect();
        let targets: Vec<usize> = chosen.iter().map(|&i| photos.targets[i]).collect();
        let placed = subject.place(&images, &targets)?;
        let answer = subject.read(subject.run(&placed)?)?;
        timed.get_or_insert(placed);
        for (row, &photo) in chosen.iter().enumerate() {
            logits.push(relative_l2(&answer.logits[row * CLASSES..][..CLASSES], &photos.logits[photo]));
            if let Some(found) = &answer.gradient {
                gradients.push(relative_l2(&found[row * IMAGE_LEN..][..IMAGE_LEN], &photos.gradients[photo]));
            }
        }
    }
    let logits = spread("logits", logits, LOGITS_TOLERANCE)?;
    let gradient = match what {
        What::Forward => None,
        What::Gradient => Some(spread("gradient", gradients, GRADIENT_TOLERANCE)?),
    };
    let placed = timed.ok_or("no photographs")?;
    Ok((Errors { logits, gradient }, Box::new(move |seconds| times_ms(|| subject.run(&placed), seconds))))
}

fn relative_l2(found: &[f32], wanted: &[f64]) -> f64 {
    let off: f64 = found.iter().zip(wanted).map(|(f, w)| (f64::from(*f) - w).powi(2)).sum();
    let whole: f64 = wanted.iter().map(|w| w * w).sum();
    (off / whole).sqrt()
}

fn spread(what: &str, mut errors: Vec<f64>, most: f64) -> Result<Spread> {
    let worst = errors.iter().copied().fold(0.0, |a: f64, b| if b <= a { a } else { b });
    // Not a number fails here.
    if errors.is_empty() || !errors.iter().all(|e| *e <= most) {
        return Err(format!("wrong: relative error of {what} {worst:.1e}, allowed is {most}").into());
    }
    Ok(Spread { median: median(&mut errors), worst })
}

/// The mean of the two in the middle of an even number.
pub(crate) fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let half = numbers.len() / 2;
    if numbers.len() % 2 == 1 { numbers[half] } else { (numbers[half - 1] + numbers[half]) / 2.0 }
}

/// Times of single calls after one that does not count.
fn times_ms<T>(mut run: impl FnMut() -> Result<T>, seconds: f64) -> Result<Vec<f64>> {
    let begin = Instant::now();
    run()?;
    let least = if begin.elapsed().as_secs_f64() > SLOW { 1 } else { LEAST_CALLS };
    let (mut times, begin) = (vec![], Instant::now());
    while times.len() < least || begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        // An answer is given back while the clock runs, as in Python.
        drop(run()?);
        times.push(1e3 * start.elapsed().as_secs_f64());
    }
    Ok(times)
}
