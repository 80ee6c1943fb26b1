//! Small helpers of this crate's tests.

use backlit_saliency::Map;

/// A map of one channel.
pub(crate) fn map(height: usize, width: usize, values: &[f32]) -> Map {
    Map { height, width, channels: 1, values: values.to_vec() }
}

/// CRC-32 as in zip and PNG files, bit by bit.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
