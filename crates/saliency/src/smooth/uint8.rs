//! The byte filter: SciPy's, truncation included.

use super::SmoothError;
use super::separable::filter;
use super::taps::taps;

/// Smooths bytes `[height, width]` exactly as `scipy.ndimage.gaussian_filter` smooths a `uint8` array.
///
/// SciPy computes each pass in double precision and stores it as bytes, cutting the fraction off, so a picture loses
/// about one grey level on average. Use this only to reproduce such pictures; to smooth, use
/// [`gaussian`](super::gaussian).
///
/// # Errors
/// [`SmoothError`]: an unusable sigma or truncate, or values that do not fill the shape.
pub fn gaussian_u8(
    values: &[u8],
    height: usize,
    width: usize,
    sigma: f64,
    truncate: f64,
) -> Result<Vec<u8>, SmoothError> {
    let mut levels: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
    filter(&mut levels, [height, width, 1], &taps(sigma, truncate)?, f64::floor)?;
    Ok(levels.into_iter().map(|v| v as u8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(height: usize, width: usize, pixel: impl Fn(usize, usize) -> usize) -> Vec<u8> {
        (0..height * width).map(|k| (pixel(k / width, k % width) % 256) as u8).collect()
    }

    /// Output of SciPy 1.17.1, as CRC-32, sum and first pixels.
    #[test]
    fn scipy_byte_for_byte() {
        let large = picture(224, 224, |i, j| 3 * i * i + 5 * j * j + i * j);
        assert_eq!((crc32fast::hash(&large), sum(&large)), (0xa703_a2fb, 6_408_960), "the input itself");
        let out = gaussian_u8(&large, 224, 224, 5.0, 4.0).unwrap();
        assert_eq!((crc32fast::hash(&out), sum(&out)), (0x9d35_2159, 6_358_831));
        assert_eq!(out[..8], [93, 94, 97, 100, 104, 108, 112, 116]);

        let small = picture(32, 32, |i, j| 37 * i + 101 * j);
        let out = gaussian_u8(&small, 32, 32, 5.0, 4.0).unwrap();
        assert_eq!((crc32fast::hash(&out), sum(&out)), (0x1df0_4f7a, 129_786));
        assert_eq!(out[..8], [124, 124, 125, 125, 126, 126, 127, 127]);
    }

    fn sum(values: &[u8]) -> u32 {
        values.iter().map(|&v| u32::from(v)).sum()
    }

    /// A flat picture keeps its level or drops by one, as the last bit of the taps' sum decides.
    #[test]
    fn flat_pictures_as_in_scipy() {
        for (sigma, first, count) in [
            (1.3, &[213, 229, 231, 237][..], 9),
            (3.0, &[27, 45, 54, 90], 7),
            (4.5, &[3, 6, 11, 12], 92),
            (5.0, &[], 0),
            (7.0, &[19, 37, 38, 74], 23),
            (60.0, &[3, 5, 6, 7], 67),
        ] {
            let drops = |&level: &u8| gaussian_u8(&[level; 9], 3, 3, sigma, 4.0).unwrap() != [level; 9];
            let dropped: Vec<u8> = (0..=255).filter(drops).collect();
            assert_eq!((&dropped[..first.len()], dropped.len()), (first, count), "sigma {sigma}");
        }
    }

    #[test]
    fn bad_shapes() {
        let error = gaussian_u8(&[0; 5], 2, 3, 5.0, 4.0).unwrap_err();
        assert_eq!(error, SmoothError::Shape { height: 2, width: 3, channels: 1, found: 5 });
        assert!(gaussian_u8(&[0; 5], usize::MAX, 3, 5.0, 4.0).is_err());
        assert_eq!(gaussian_u8(&[], 0, 3, 5.0, 4.0), Ok(vec![]));
    }
}
