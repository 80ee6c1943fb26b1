//! What can go wrong when a map is judged, and what cannot be said although nothing went wrong.

use backlit_net::{CLASSES, EngineError, SIDE};
use serde::{Serialize, Serializer};

use crate::{Cancelled, Map};

/// A measure that cannot be taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// A map of another shape.
    #[error(
        "a map to be judged is {SIDE} x {SIDE} with {channels} numbers a pixel, found {height} x {width} x {depth} \
         with {found} values: bring it to that shape first"
    )]
    Shape {
        /// Numbers a pixel that were expected.
        channels: &'static str,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Numbers a pixel.
        depth: usize,
        /// Values.
        found: usize,
    },
    /// A NaN or an infinity in the map.
    #[error("the map holds {value} at row {row}, column {column}: every value must be finite")]
    NonFinite {
        /// Row.
        row: usize,
        /// Column.
        column: usize,
        /// The value found.
        value: f32,
    },
    /// A class that does not exist.
    #[error("there is no class {found}: indices go from 0 to {}", CLASSES - 1)]
    Class {
        /// The index asked for.
        found: usize,
    },
    /// A setting that makes no sense.
    #[error("{name} is {found}: expected {expected}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What it was.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Lengths that do not belong together.
    #[error("{what} holds {found} values where {expected} are expected")]
    Length {
        /// Of what.
        what: &'static str,
        /// Expected values.
        expected: usize,
        /// Values passed.
        found: usize,
    },
    /// The picture with its pixels taken away could not be filled in.
    #[error("imputation did not settle in {iterations} iterations (residual {residual:e}): are the pixels finite?")]
    Imputation {
        /// Iterations done.
        iterations: usize,
        /// Relative residual left.
        residual: f64,
    },
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The caller asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Why a measure has no value here: it is left out of means and written as nothing, never as a NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Undefined {
    /// It ranks nothing.
    #[error("the map is the same everywhere")]
    FlatMap,
    /// It has no mass.
    #[error("the map is zero everywhere")]
    ZeroMap,
    /// Nothing in it speaks for the class.
    #[error("the map has no value above zero")]
    NothingPositive,
    /// It has no range that a perturbation could be a share of.
    #[error("the image is the same everywhere")]
    FlatImage,
    /// There is nothing to lose.
    #[error("the probability of the class is zero to begin with")]
    NoProbability,
    /// There is nothing to explain.
    #[error("the score is the same at the image and at the baseline")]
    NoDifference,
    /// Nothing to compare with.
    #[error("the two maps differ in size")]
    Sizes,
    /// Too small for the window.
    #[error("the map is smaller than the window of the comparison")]
    TooSmall,
    /// A NaN or an infinity.
    #[error("the map holds a value that is not finite")]
    NonFinite,
    /// There is no box.
    #[error("no box says where the object is")]
    NoBox,
    /// The method does not promise it.
    #[error("the method makes no such claim")]
    NotClaimed,
}

impl Serialize for Undefined {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A measure, or why there is none.
pub type Measured<T = f64> = Result<T, Undefined>;

/// The values of a map `[224, 224, 1]`, all finite.
pub(super) fn plane(map: &Map) -> Result<&[f32], MeasureError> {
    shaped(map, &[1], "1")
}

/// The values of a map `[224, 224, 1]` or `[224, 224, 3]`, all finite.
pub(super) fn attribution(map: &Map) -> Result<&[f32], MeasureError> {
    shaped(map, &[1, 3], "1 or 3")
}

fn shaped<'a>(map: &'a Map, allowed: &[usize], channels: &'static str) -> Result<&'a [f32], MeasureError> {
    let Map { height, width, channels: depth, ref values } = *map;
    let found = values.len();
    if height != SIDE || width != SIDE || !allowed.contains(&depth) || found != SIDE * SIDE * depth {
        return Err(MeasureError::Shape { channels, height, width, depth, found });
    }
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => {
            let pixel = at / depth;
            Err(MeasureError::NonFinite { row: pixel / SIDE, column: pixel % SIDE, value: values[at] })
        }
        None => Ok(values),
    }
}

/// Whether all values are the same; true of none.
pub(super) fn flat(values: &[f32]) -> bool {
    values.iter().all(|&v| v == values[0])
}
