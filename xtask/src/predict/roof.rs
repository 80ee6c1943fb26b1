//! What the card can do, and how much of it kernels of this kind get.

use super::launches::{Cores, Launch, Way};

/// The words above the tables.
pub(super) const PREFACE: &str = "\
# Predictions

Written by `cargo xtask predict` from the table of the network; a test keeps it so. It was written before the first
measurement, to be compared with it: a launch that misses its line by much is the next thing to understand.

The card is an H200: 132 multiprocessors, 4.3 TB/s of memory (bytes read and written), 790 TFLOP/s of 16-bit matrix
products on random data at best, about 420 with `mma.sync`, 67 TFLOP/s of float32 on CUDA cores.

- **M x N x K**: pixels of one image, channels written, length of the sums; `a+b` are two terms of one sum (the shortcut's
  projection has no launch of its own). In v1 nobody computes the pixels that the next stage would skip.
- **MFLOP**, **MB**: of one image in the precision `half`; two operations a multiply-add; every tensor read once and
  written once, the weights shared by the batch, a gate a bit.
- **floor us**: for the whole batch in `half`: the larger of operations over 790 TFLOP/s and bytes over 4.3 TB/s. No
  kernel that runs a layer at a time is faster.
- **half, mixed, f32 us**: predicted for the batch with `mma.sync` kernels in 128 x 128 or 128 x 64 tiles (f32: CUDA
  cores, 67 TFLOP/s): the larger of operations over 65 % (f32: 60 %) of the rate, less what idle multiprocessors of the last
  wave lose, and bytes over 80 % of 4.3 TB/s; and 2 us a launch. `mixed` does three products forward and reads and
  writes two planes there; backward it is `half`. conv1 counts what its kernels compute for padding and for the edges of
  their tiles; the head runs on CUDA cores in every precision.
- **bound**: which of the two makes the floor, operations or memory.
";

const MEMORY: f64 = 4.3e12;
const MATRIX_BEST: f64 = 790e12;
const MATRIX: f64 = 420e12;
const PLAIN: f64 = 67e12;
const MULTIPROCESSORS: usize = 132;
const LAUNCH: f64 = 2e-6;

/// Arithmetic of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    Half,
    Mixed,
    F32,
}

impl Precision {
    pub(super) const ALL: [Precision; 3] = [Precision::Half, Precision::Mixed, Precision::F32];

    pub(super) fn name(self) -> &'static str {
        ["half", "mixed", "f32"][self as usize]
    }

    /// Bytes of an element of a tensor, and products for one multiply-add.
    fn cost(self, way: Way) -> (usize, usize) {
        match (self, way) {
            (Precision::Half, _) | (Precision::Mixed, Way::Back) => (2, 1),
            (Precision::Mixed, Way::Forward) => (4, 3),
            (Precision::F32, _) => (4, 1),
        }
    }
}

/// Two lower bounds in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Floor {
    operations: f64,
    memory: f64,
}

impl Floor {
    pub(super) fn seconds(self) -> f64 {
        self.operations.max(self.memory)
    }

    pub(super) fn bound(self) -> &'static str {
        if self.operations > self.memory { "operations" } else { "memory" }
    }
}

/// Bytes of a batch.
pub(super) fn bytes(launch: &Launch, batch: usize, precision: Precision) -> f64 {
    let (element, _) = precision.cost(launch.way);
    (batch * (launch.moved * element + launch.extra) + launch.weights * element) as f64
}

/// The least time of a launch in half precision.
pub(super) fn floor(launch: &Launch, batch: usize) -> Floor {
    let operations = 2.0 * (batch * launch.macs) as f64;
    Floor { operations: operations / MATRIX_BEST, memory: bytes(launch, batch, Precision::Half) / MEMORY }
}

/// Seconds that a launch will take.
pub(super) fn predicted(launch: &Launch, batch: usize, precision: Precision) -> f64 {
    let (_, products) = precision.cost(launch.way);
    let plain = launch.cores == Cores::Plain || precision == Precision::F32;
    let (rate, products) = if plain { (0.60 * PLAIN, 1) } else { (0.65 * MATRIX, products) };
    let tiled = if launch.cores == Cores::Matrix { full(launch, batch) } else { 1.0 };
    let macs = (batch * launch.macs * products) as f64 * launch.waste[usize::from(plain)];
    let operations = 2.0 * macs / rate / tiled;
    operations.max(bytes(launch, batch, precision) / (0.80 * MEMORY)) + LAUNCH
}

/// How much of the machine the waves of tiles fill.
fn full(launch: &Launch, batch: usize) -> f64 {
    let (pixels, channels, _) = &launch.shape;
    let width = if *channels >= 128 { 128 } else { 64 };
    let tiles = (batch * pixels).div_ceil(128) * channels.div_ceil(width);
    tiles as f64 / (MULTIPROCESSORS * tiles.div_ceil(MULTIPROCESSORS)) as f64
}

#[cfg(test)]
mod tests {
    use backlit_net::Variant;
    use backlit_net::arch::Network;

    use super::super::launches::launches;
    use super::*;

    #[test]
    fn the_floor_of_v1_is_about_forty_thousand_images_a_second() {
        for (variant, expected) in [(Variant::V1, 39.8e3), (Variant::V1_5, 32.8e3)] {
            let all = launches(Network::of(variant));
            let seconds: f64 = all.iter().map(|l| l.count as f64 * floor(l, 64).seconds()).sum();
            let speed = 64.0 / seconds;
            assert!((speed / expected - 1.0).abs() < 0.02, "{speed} images/s");
        }
    }

    #[test]
    fn an_expanding_layer_is_bound_by_memory_and_a_wide_3x3_by_operations() {
        let all = launches(Network::of(Variant::V1));
        let bound = |name: &str| floor(all.iter().find(|l| l.name == name).expect("a launch"), 64).bound();
        assert_eq!((bound("2b 2c"), bound("4a 2b")), ("memory", "operations"));
    }
}
