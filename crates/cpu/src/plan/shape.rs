//! Which maps are needed in full.
//!
//! In v1 a stage begins with 1x1 convolutions of stride 2. They read every second pixel of what the stage before wrote,
//! in rows and columns, and nothing else does: three quarters of the last block of stages 2, 3 and 4 are computed for
//! nobody. Its output can be *compact*, even pixels only. Then its 3x3 has stride 2, its widening 1x1 and its shortcut
//! touch a quarter of the pixels, and the 1x1s after it have stride 1: 0.7 of 7.7 GFLOP each way that need not be done.
//! What is computed is computed as before, so results are the same to the last bit.
//!
//! v1.5 strides in the 3x3, which reads all pixels.

use backlit_net::arch::Network;

/// Which of a block's maps are compact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// What it reads.
    pub(super) input: bool,
    /// What it writes.
    pub(super) output: bool,
    /// Whether its output is compact unless somebody looks at it.
    pub(super) may_be_compact: bool,
}

impl Shape {
    /// Every block, with what can be compact or without.
    pub(super) fn of(network: &Network, dead_code: bool) -> Vec<Shape> {
        let strides = |b: usize| {
            network.blocks.get(b).is_some_and(|block| {
                let project = block.project.as_ref();
                block.reduce.stride == 2 && project.is_some_and(|conv| conv.stride == 2 && conv.kernel == 1)
            })
        };
        let shape = |b: usize| {
            let may_be_compact = strides(b + 1);
            Shape { input: dead_code && b > 0 && strides(b), output: dead_code && may_be_compact, may_be_compact }
        };
        (0..network.blocks.len()).map(shape).collect()
    }
}

/// Floats of a map, or of its even pixels.
pub(super) fn map_len(side: usize, channels: usize, compact: bool) -> usize {
    let side = if compact { side.div_ceil(2) } else { side };
    side * side * channels
}

#[cfg(test)]
mod tests {
    use super::*;
    use backlit_net::Variant;

    #[test]
    fn the_last_blocks_of_three_stages_of_v1() {
        let compact = |variant, dead_code| -> Vec<usize> {
            let shapes = Shape::of(Network::of(variant), dead_code);
            assert!(shapes.windows(2).all(|pair| pair[0].output == pair[1].input));
            (0..shapes.len()).filter(|&b| shapes[b].output).collect()
        };
        assert_eq!(compact(Variant::V1, true), [2, 6, 12]);
        assert!(compact(Variant::V1, false).is_empty());
        assert!(compact(Variant::V1_5, true).is_empty());
    }
}
