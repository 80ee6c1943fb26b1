//! Probes: kernels of single instructions, so that a GPU can be compared with the emulator word by word.
//!
//! A probe takes words and gives words; [`PROBES`] says how many, what they must look like, and how equal the answers of
//! two machines have to be. Bulk tensor copies need a tensor map and have a kernel of their own, [`TMA`].

use bytemuck::{Pod, Zeroable};

use crate::kernels::Source;
use crate::{Buffer, CudaError, Device, Grid, Stream};

macro_rules! source {
    ($file:literal) => {
        Source { name: concat!("probe/", $file), text: include_str!(concat!("../../../../kernels/probe/", $file)) }
    };
}
static MEMORY: Source = source!("memory.cu");
static CONVERT: Source = source!("convert.cu");
static WARP: Source = source!("warp.cu");
static MMA: Source = source!("mma.cu");
static WGMMA: Source = source!("wgmma.cu");

/// The source of `probe_tma`; its parameters are a tensor map, an address, and how to use them.
pub static TMA: Source = source!("tma.cu");

/// What the words that a probe reads must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Anything.
    Bits,
    /// Bits that are no NaN, neither as float32 nor as two 16-bit floats.
    Numbers,
    /// Two fp16 a word, between -2 and 2.
    F16,
    /// Two bf16 a word, between -2 and 2.
    Bf16,
    /// Rows of ten words: six of pairs of fp16, then four float32.
    MmaF16,
    /// Rows of ten words: six of pairs of bf16, then four float32.
    MmaBf16,
    /// Float32 between -2 and 2.
    F32,
}

/// When two answers are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// The same bits.
    Bits,
    /// The same bits, or NaN both (as float32).
    Nan,
    /// Float32 within this many millionths of the largest answer: sums may be rounded in another order.
    Millionths(u32),
}

/// One probe.
#[derive(Debug)]
pub struct Probe {
    /// Name of the kernel.
    pub kernel: &'static str,
    /// Its file.
    pub source: &'static Source,
    /// Threads of its one block.
    pub threads: u32,
    /// Dynamic shared memory in bytes.
    pub shared: u32,
    /// Words read.
    pub reads: usize,
    /// Words written.
    pub writes: usize,
    /// What it reads.
    pub fill: Fill,
    /// How its answers are compared.
    pub compare: Compare,
    /// Whether it needs sm_90a.
    pub hopper: bool,
}

const fn probe(kernel: &'static str, source: &'static Source, threads: u32, reads: usize, writes: usize) -> Probe {
    Probe {
        kernel,
        source,
        threads,
        shared: 1024,
        reads,
        writes,
        fill: Fill::Bits,
        compare: Compare::Bits,
        hopper: false,
    }
}

const fn mma(kernel: &'static str, fill: Fill) -> Probe {
    Probe { fill, compare: Compare::Millionths(2), ..probe(kernel, &MMA, 32, 320, 128) }
}

/// `registers`: a comes from registers and takes no shared memory.
const fn wgmma(kernel: &'static str, n: usize, swizzle: u32, registers: bool, fill: Fill) -> Probe {
    let k = if swizzle < 2 { 16 } else { 8 << swizzle };
    let a = if registers { 0 } else { 64 * k * 2 };
    let shared = a + n * k * 2;
    let reads = shared / 4 + if registers { 512 } else { 0 };
    Probe {
        shared: shared as u32,
        fill,
        compare: Compare::Millionths(2),
        hopper: true,
        ..probe(kernel, &WGMMA, 128, reads, 128 * n / 2)
    }
}

/// All of them.
pub static PROBES: &[Probe] = &[
    probe("probe_access", &MEMORY, 32, 128, 256),
    probe("probe_cp_async", &MEMORY, 32, 128, 224),
    Probe { fill: Fill::Numbers, ..probe("probe_convert", &CONVERT, 256, 256, 2560) },
    Probe { compare: Compare::Nan, ..probe("probe_arithmetic", &CONVERT, 256, 768, 2560) },
    probe("probe_bits", &CONVERT, 256, 768, 3072),
    probe("probe_warp", &WARP, 32, 32, 512),
    probe("probe_ldmatrix", &WARP, 32, 288, 448),
    mma("probe_mma_f16", Fill::MmaF16),
    mma("probe_mma_bf16", Fill::MmaBf16),
    mma("probe_mma_tf32", Fill::F32),
    wgmma("probe_wgmma_8", 8, 3, false, Fill::F16),
    wgmma("probe_wgmma_64", 64, 3, false, Fill::F16),
    wgmma("probe_wgmma_128", 128, 3, false, Fill::Bf16),
    wgmma("probe_wgmma_256", 256, 3, false, Fill::F16),
    wgmma("probe_wgmma_swizzle0", 64, 0, false, Fill::F16),
    wgmma("probe_wgmma_swizzle1", 64, 1, false, Fill::F16),
    wgmma("probe_wgmma_swizzle2", 96, 2, false, Fill::Bf16),
    wgmma("probe_wgmma_mn0", 64, 0, false, Fill::F16),
    wgmma("probe_wgmma_mn1", 64, 1, false, Fill::F16),
    wgmma("probe_wgmma_mn2", 64, 2, false, Fill::Bf16),
    wgmma("probe_wgmma_mn3", 128, 3, false, Fill::F16),
    wgmma("probe_wgmma_b_mn3", 192, 3, false, Fill::F16),
    wgmma("probe_wgmma_registers", 64, 1, true, Fill::F16),
    wgmma("probe_wgmma_registers_mn", 128, 1, true, Fill::Bf16),
];

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    input: u64,
    output: u64,
}

impl Probe {
    /// Words to read: the same for the same seed, everywhere.
    pub fn input(&self, seed: u64) -> Vec<u32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.kernel.len() as u64;
        (0..self.reads).map(|i| self.word(i, &mut state)).collect()
    }

    fn word(&self, i: usize, state: &mut u64) -> u32 {
        let bits = next(state);
        let float = |state: &mut u64| (next(state) >> 8) as f32 / (1 << 22) as f32 - 2.0;
        let mut pair = |bits_of: fn(f32) -> u16| {
            let (low, high) = (bits_of(float(state)), bits_of(float(state)));
            u32::from(low) | u32::from(high) << 16
        };
        let f16 = |v: f32| half::f16::from_f32(v).to_bits();
        let bf16 = |v: f32| half::bf16::from_f32(v).to_bits();
        match self.fill {
            Fill::Bits => bits,
            Fill::Numbers => {
                // Of each exponent one bit is cleared, if all are set.
                let f32_clear = if bits >> 23 & 0xff == 0xff { bits & !(1 << 24) } else { bits };
                let high = if f32_clear >> 26 & 31 == 31 { f32_clear & !(1 << 28) } else { f32_clear };
                if high >> 10 & 31 == 31 { high & !(1 << 12) } else { high }
            }
            Fill::F16 => pair(f16),
            Fill::Bf16 => pair(bf16),
            Fill::MmaF16 if i % 10 < 6 => pair(f16),
            Fill::MmaBf16 if i % 10 < 6 => pair(bf16),
            Fill::MmaF16 | Fill::MmaBf16 | Fill::F32 => float(state).to_bits(),
        }
    }

    /// Runs it on a device.
    ///
    /// # Errors
    /// Those of [`Device::kernel`] and of the launch; [`CudaError::Shape`] if `input` has not [`Probe::reads`] words.
    pub fn run(&self, device: &Device, stream: &Stream, input: &[u32]) -> Result<Vec<u32>, CudaError> {
        if input.len() != self.reads {
            let problem = format!("{} takes {} words, not {}", self.kernel, self.reads, input.len());
            return Err(CudaError::Shape { op: "probe", problem });
        }
        let kernel = device.kernel(self.source, self.kernel)?;
        let (read, written) = (Buffer::from_slice(device, input)?, Buffer::<u32>::new(device, self.writes)?);
        let params = Params { input: read.address(), output: written.address() };
        let grid = Grid { blocks: [1; 3], threads: [self.threads, 1, 1], shared: self.shared };
        if grid.shared > 48 << 10 {
            kernel.allow_shared(grid.shared)?;
        }
        // SAFETY: the parameters are those of all probes, the buffers have the words that the table says.
        unsafe { kernel.launch(stream, grid, &params) }?;
        written.read(stream)
    }

    /// The first word in which two answers differ more than they may.
    pub fn difference(&self, a: &[u32], b: &[u32]) -> Option<usize> {
        let (x, y) = (|i: usize| f32::from_bits(a[i]), |i: usize| f32::from_bits(b[i]));
        let largest = a.iter().map(|&v| f32::from_bits(v).abs()).fold(0.0, f32::max);
        let equal = |i: usize| match self.compare {
            Compare::Bits => a[i] == b[i],
            Compare::Nan => a[i] == b[i] || x(i).is_nan() && y(i).is_nan(),
            Compare::Millionths(n) => (x(i) - y(i)).abs() <= largest * n as f32 * 1e-6,
        };
        if a.len() != b.len() { Some(a.len().min(b.len())) } else { (0..a.len()).find(|&i| !equal(i)) }
    }
}

/// 32 random bits (splitmix64).
fn next(state: &mut u64) -> u32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ z >> 31) >> 32) as u32
}
