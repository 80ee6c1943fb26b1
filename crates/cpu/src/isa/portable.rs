//! No assumption beyond the target's own.

use super::{Isa, Job};

/// Always available.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

impl Isa for Portable {
    // 12 of 16 SSE registers hold sums.
    const STRIP: usize = 3;

    #[inline]
    fn run<J: Job>(self, job: J) -> J::Output {
        job.run(self)
    }

    #[inline(always)]
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        // `f32::mul_add` would call a slow library function where there is no such instruction.
        a * b + c
    }
}
