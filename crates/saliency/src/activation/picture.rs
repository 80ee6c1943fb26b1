//! Pictures of what was found.

use backlit_net::CHANNELS;
use backlit_net::preprocess::Preprocessing;

use super::keras_vis::EPSILON;

/// As keras-vis draws it: standardised to mean 0.5 and standard deviation 0.1, clipped to 0 ... 1, times 255,
/// truncated. Unlike keras-vis, which shows the network's channels as they come, the picture is RGB.
pub(super) fn standardised(tensor: &[f32], preprocessing: Preprocessing) -> Vec<u8> {
    let n = tensor.len() as f64;
    let mean = tensor.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let deviation = (tensor.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n).sqrt();
    let level = |&v: &f32| {
        let v = (f64::from(v) - mean) / (deviation + EPSILON) * 0.1 + 0.5;
        (v.clamp(0.0, 1.0) * 255.0) as u8
    };
    let mut rgb: Vec<u8> = tensor.iter().map(level).collect();
    if preprocessing == Preprocessing::Caffe {
        rgb.chunks_exact_mut(CHANNELS).for_each(<[u8]>::reverse);
    }
    rgb
}

/// The affine map between grey levels and the network's values, the same for all channels: `value = level * scale`
/// plus an offset that is each way's own.
pub(super) fn scale(preprocessing: Preprocessing) -> f64 {
    match preprocessing {
        Preprocessing::Caffe => 1.0,
        // The mean of the three standard deviations, 0.226.
        Preprocessing::Torch => 1.0 / (255.0 * 0.226),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardised_and_turned_to_rgb() {
        let rgb = standardised(&[1.0, 2.0, 3.0, 1.0, 2.0, 3.0], Preprocessing::Caffe);
        // Deviation 0.8165: 0.5 -+ 0.12247.
        assert_eq!(rgb, [158, 127, 96, 158, 127, 96]);
        assert_eq!(standardised(&[1.0, 2.0, 3.0], Preprocessing::Torch), [96, 127, 158]);
        assert_eq!(standardised(&[4.0; 6], Preprocessing::Caffe), [127; 6]);
        let far: Vec<f32> = (0..300).map(|i| if i == 150 { 1e6 } else { 0.0 }).collect();
        assert_eq!(standardised(&far, Preprocessing::Torch)[150], 255);
    }
}
