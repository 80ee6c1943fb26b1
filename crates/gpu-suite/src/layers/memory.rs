//! Memory full of small random numbers in every storage, handed out so that nothing is read from the cache.

use std::sync::Arc;

use backlit_cuda::ops::conv::Arithmetic;
use backlit_cuda::planes::{Planes, Span, Storage};
use backlit_cuda::{Buffer, CudaError, Device, Sixteen};
use backlit_testkit::random::Random;
use half::{bf16, f16};

/// A ring: every tensor handed out lies behind the one before.
pub(crate) struct Ring {
    memory: Buffer<u32>,
    next: usize,
}

/// Elements of random numbers that are made; the rest repeats them.
const PATTERN: usize = 1 << 20;

impl Ring {
    /// `words` words of 32 bits that hold values of an arithmetic between -scale and scale.
    pub(crate) fn new(device: &Arc<Device>, words: usize, of: Arithmetic, scale: f32) -> Result<Ring, CudaError> {
        let random = Random::new(9);
        let value = |i: usize| scale * random.signed(i);
        let pair = |f: &dyn Fn(f32) -> u16, i: usize| u32::from(f(value(2 * i))) | u32::from(f(value(2 * i + 1))) << 16;
        let half = |v: f32| f16::from_f32(v).to_bits();
        let brain = |v: f32| bf16::from_f32(v).to_bits();
        let word = |i: usize| match of {
            Arithmetic::F32 => value(i).to_bits(),
            Arithmetic::Half(Sixteen::Bf16) => pair(&brain, i),
            _ => pair(&half, i),
        };
        let pattern: Vec<u32> = (0..PATTERN.min(words)).map(word).collect();
        let memory = Buffer::new(device, words)?;
        for start in (0..words).step_by(pattern.len()) {
            let end = words.min(start + pattern.len());
            memory.slice(start..end)?.write_from(&pattern[..end - start])?;
        }
        Ok(Ring { memory, next: 0 })
    }

    fn take(&mut self, bytes: usize) -> u64 {
        let words = bytes.div_ceil(4).next_multiple_of(64);
        assert!(words <= self.memory.len(), "{bytes} bytes do not fit in the ring");
        if self.next + words > self.memory.len() {
            self.next = 0;
        }
        let address = self.memory.address() + 4 * self.next as u64;
        self.next += words;
        address
    }

    /// A tensor of `len` elements as an arithmetic stores it.
    pub(crate) fn planes(&mut self, of: Arithmetic, len: usize) -> Result<Planes, CudaError> {
        let storage = match of {
            Arithmetic::F32 => Storage::F32 { address: self.take(4 * len) },
            Arithmetic::Half(kind) => Storage::Sixteen { address: self.take(2 * len), kind },
            Arithmetic::Split => Storage::Split { hi: self.take(2 * len), lo: self.take(2 * len) },
        };
        Planes::new(storage, len)
    }

    /// Plain words.
    pub(crate) fn span<T>(&mut self, len: usize) -> Span<T> {
        Span::new(self.take(4 * len), len)
    }
}
