//! From bytes to floats and back.

use crate::preprocess::Preprocessing;

/// Every byte value in all three channels: `[256, 3]`.
fn greys() -> Vec<u8> {
    (0..=255).flat_map(|value| [value; 3]).collect()
}

#[test]
fn caffe_subtracts_the_mean_in_bgr() {
    let mut out = vec![0.0; 768];
    Preprocessing::Caffe.apply(&greys(), &mut out);
    for (value, pixel) in out.chunks_exact(3).enumerate() {
        let expected = [103.939, 116.779, 123.68].map(|mean| (value as f64 - mean) as f32);
        assert_eq!(pixel, expected, "{value}");
    }
    let mut out = [0.0; 3];
    Preprocessing::Caffe.apply(&[255, 0, 128], &mut out);
    assert_eq!(out, [24.061, -116.779, 131.32], "red comes last");
}

#[test]
fn torch_divides_and_standardises_in_rgb() {
    let mut out = vec![0.0; 768];
    Preprocessing::Torch.apply(&greys(), &mut out);
    for (value, pixel) in out.chunks_exact(3).enumerate() {
        let expected = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];
        let expected = expected.map(|(mean, std)| ((value as f64 / 255.0 - mean) / std) as f32);
        assert_eq!(pixel, expected, "{value}");
    }
    // As NumPy computes them in float64.
    assert_eq!(out[..3], [-2.117_904, -2.035_714_4, -1.804_444_4]);
    assert_eq!(out[765..], [2.248_908_3, 2.428_571_5, 2.64]);
}

#[test]
fn every_pixel_comes_back() {
    let rgb: Vec<u8> = (0..=255u8).flat_map(|v| [v, v.wrapping_mul(7), 255 - v]).collect();
    for preprocessing in [Preprocessing::Caffe, Preprocessing::Torch] {
        let mut out = vec![0.0; rgb.len()];
        preprocessing.apply(&rgb, &mut out);
        assert_eq!(preprocessing.to_rgb(&out), rgb, "{preprocessing}");
    }
}

#[test]
fn beyond_the_range_is_clipped() {
    for preprocessing in [Preprocessing::Caffe, Preprocessing::Torch] {
        let rgb = preprocessing.to_rgb(&[1e9, -1e9, f32::NAN]);
        let mut sorted = rgb.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 0, 255], "{preprocessing}");
    }
}

#[test]
fn black_is_the_input_of_a_black_pixel() {
    assert_eq!(Preprocessing::Caffe.black(), [-103.939, -116.779, -123.68]);
    for preprocessing in [Preprocessing::Caffe, Preprocessing::Torch] {
        let mut out = [0.0; 3];
        preprocessing.apply(&[0, 0, 0], &mut out);
        assert_eq!(preprocessing.black(), out);
    }
}

#[test]
fn names_parse_back() {
    for preprocessing in [Preprocessing::Caffe, Preprocessing::Torch] {
        assert_eq!(preprocessing.to_string().parse(), Ok(preprocessing));
    }
    assert!("tf".parse::<Preprocessing>().unwrap_err().to_string().contains("caffe, torch"));
    assert_eq!((Preprocessing::Caffe.channel_order(), Preprocessing::Torch.channel_order()), ("bgr", "rgb"));
}
