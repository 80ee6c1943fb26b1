//! Sixteen channels side by side.

/// Channels in a panel of packed weights, in a block of sums and in a word of gate bits.
///
/// Sixteen floats are one AVX-512 register, two of AVX, four of SSE; every layer but the image has a multiple of it.
pub const LANES: usize = 16;

/// Sixteen floats, aligned to a cache line so that no load of packed weights crosses one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub struct Lanes(pub [f32; LANES]);

/// One gate bit for each of sixteen channels, the lowest bit for the first.
pub type GateWord = u16;
