//! AVX2 with fused multiply-add (Intel since 2013, AMD since 2015).

use super::{Isa, Job};

/// Proof that the processor, and the system that runs it, have AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Avx2 {
    /// Asks the processor.
    pub fn new() -> Option<Avx2> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Avx2(()))
    }
}

impl Isa for Avx2 {
    // 12 of 16 AVX registers hold sums.
    const STRIP: usize = 6;

    #[inline]
    #[allow(unsafe_code)]
    fn run<J: Job>(self, job: J) -> J::Output {
        #[target_feature(enable = "avx2,fma")]
        fn with_avx2<J: Job>(isa: Avx2, job: J) -> J::Output {
            job.run(isa)
        }
        // SAFETY: `with_avx2` may be called only where the processor has AVX2 and FMA. An `Avx2` exists only if
        // `Avx2::new` found both, and `self` is one.
        unsafe { with_avx2(self, job) }
    }

    #[inline(always)]
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
}
