//! Tests of preprocessing.

mod chelsea;
mod frame;
mod normalise;
mod resize;

use super::Filter;

const FILTERS: [Filter; 3] = [Filter::Nearest, Filter::Bilinear, Filter::Bicubic];
