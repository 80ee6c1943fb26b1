//! Gate words: one bit for every output of a ReLU, in the order of the accumulators of a tensor-core instruction.
//!
//! Rows are taken 16 at a time, channels 64 at a time. The word at
//! `(row / 16 * (channels / 64) + channel / 64) * 32 + lane` holds what lane `lane` of a warp computes of such a tile:
//! bit `4 * j + 2 * h + e` is row `lane / 4 + 8 * h`, channel `8 * j + 2 * (lane % 4) + e`. So a warp writes a tile's
//! bits as 128 contiguous bytes, without exchanging anything.

use super::RowOrder;

/// Words of a tensor `[n, side, side, channels]`.
pub fn words(order: RowOrder, n: usize, side: usize, channels: usize) -> usize {
    order.rows(n, side) / 16 * (channels / 64) * 32
}

/// Word and bit of an element.
fn place(row: usize, channel: usize, channels: usize) -> (usize, u32) {
    let (r, c) = (row % 16, channel % 64);
    let lane = r % 8 * 4 + c % 8 / 2;
    let word = (row / 16 * (channels / 64) + channel / 64) * 32 + lane;
    (word, (c / 8 * 4 + r / 8 * 2 + c % 2) as u32)
}

/// The bits of a tensor as `[n, side, side, channels]`.
///
/// # Panics
/// If there are fewer than [`words`].
pub fn unpack(gates: &[u32], order: RowOrder, n: usize, side: usize, channels: usize) -> Vec<bool> {
    let bit = |i: usize| {
        let (pixel, channel) = (i / channels, i % channels);
        let row = order.row(n, side, (pixel / (side * side), pixel / side % side, pixel % side));
        let (word, bit) = place(row, channel, channels);
        gates[word] >> bit & 1 == 1
    };
    (0..n * side * side * channels).map(bit).collect()
}

/// The words of bits given as `[n, side, side, channels]`; padding is zero.
///
/// # Panics
/// If there are not `n * side * side * channels` bits.
pub fn pack(bits: &[bool], order: RowOrder, n: usize, side: usize, channels: usize) -> Vec<u32> {
    assert_eq!(bits.len(), n * side * side * channels);
    let mut gates = vec![0; words(order, n, side, channels)];
    for (i, _) in bits.iter().enumerate().filter(|(_, bit)| **bit) {
        let (pixel, channel) = (i / channels, i % channels);
        let row = order.row(n, side, (pixel / (side * side), pixel / side % side, pixel % side));
        let (word, bit) = place(row, channel, channels);
        gates[word] |= 1 << bit;
    }
    gates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_inverse_and_padding_stays_zero() {
        for (order, n, side) in [(RowOrder::Raster, 2, 7), (RowOrder::Parity, 2, 6)] {
            let bits: Vec<bool> = (0..n * side * side * 128).map(|i| i * 7 % 3 == 0).collect();
            let gates = pack(&bits, order, n, side, 128);
            assert_eq!(
                gates.iter().map(|w| w.count_ones() as usize).sum::<usize>(),
                bits.iter().filter(|b| **b).count()
            );
            assert_eq!(unpack(&gates, order, n, side, 128), bits);
        }
    }
}
