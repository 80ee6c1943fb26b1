//! Experiments: hide a region or keep nothing else.

use backlit_net::preprocess::Preprocessing;
use backlit_net::{CHANNELS, IMAGE_LEN, SIDE};

use super::{MaskError, Noise, ROAD_NOISE, Region, impute};
use crate::smooth::{self, gaussian};
use crate::{Map, subject};
use backlit_net::named;

/// What is done with the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Experiment {
    /// The region is filled, the rest stays: does the class live without the object?
    Hide,
    /// The region stays, the rest is filled: does the class live on the object alone?
    Keep,
}

named!(Experiment, "experiment", { Hide = "hide", Keep = "keep" });

/// What the filled pixels become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fill {
    /// RGB 0, as in the post.
    #[default]
    Black,
    /// The mean colour that preprocessing subtracts, so that the network is given (nearly) zero.
    Mean,
    /// The picture itself under a Gaussian of [`BLUR_SIGMA`]: shapes go, broad colours stay.
    Blur,
    /// What the neighbours suggest, plus a little noise: noisy linear imputation, see [`impute()`].
    Impute,
}

named!(Fill, "fill", { Black = "black", Mean = "mean", Blur = "blur", Impute = "impute" | "noisy" | "road" });

/// Standard deviation of [`Fill::Blur`] in pixels of the grid, cut off at 4 sigma.
///
/// 10, as in the blur perturbation of Fong and Vedaldi 2017 (arXiv:1704.03296).
pub const BLUR_SIGMA: f64 = 10.0;

/// The variant of a picture: `rgb` is `[224, 224, 3]` before preprocessing, and so is the result.
///
/// The noise of [`Fill::Impute`] is that of seed 0; several variants of one picture are made by a [`Filler`].
///
/// # Errors
/// [`MaskError::PictureLength`].
pub fn apply(
    rgb: &[u8],
    region: &Region,
    experiment: Experiment,
    fill: Fill,
    preprocessing: Preprocessing,
) -> Result<Vec<u8>, MaskError> {
    Filler::new(rgb, fill, preprocessing, 0)?.apply(region, experiment)
}

/// One picture and one fill, for as many variants as wanted.
#[derive(Clone, Debug)]
pub struct Filler<'a> {
    rgb: &'a [u8],
    with: With,
}

/// What fills.
#[derive(Clone, Debug)]
enum With {
    /// A whole picture to take pixels from.
    Picture(Vec<u8>),
    /// An imputation, or this colour where nothing is left to go by.
    Imputation(Noise, [u8; 3]),
}

impl<'a> Filler<'a> {
    /// For a picture, `[224, 224, 3]` before preprocessing; `seed` chooses the noise of [`Fill::Impute`].
    ///
    /// # Errors
    /// [`MaskError::PictureLength`].
    pub fn new(rgb: &'a [u8], fill: Fill, preprocessing: Preprocessing, seed: u64) -> Result<Filler<'a>, MaskError> {
        if rgb.len() != IMAGE_LEN {
            return Err(MaskError::PictureLength { found: rgb.len() });
        }
        let mean = mean_colour(preprocessing);
        let with = match fill {
            Fill::Black => With::Picture(vec![0; IMAGE_LEN]),
            Fill::Mean => With::Picture(mean.repeat(SIDE * SIDE)),
            Fill::Blur => With::Picture(blurred(rgb)),
            Fill::Impute => {
                With::Imputation(Noise { sigma: 255.0 * ROAD_NOISE, seed, key: subject::key_of(rgb) }, mean)
            }
        };
        Ok(Filler { rgb, with })
    }

    /// The variant, `[224, 224, 3]`.
    ///
    /// # Errors
    /// Those of [`impute()`], which cannot happen with 8-bit pixels.
    pub fn apply(&self, region: &Region, experiment: Experiment) -> Result<Vec<u8>, MaskError> {
        let goes = experiment == Experiment::Hide;
        let mut out = self.rgb.to_vec();
        match &self.with {
            With::Picture(other) => {
                for (p, _) in region.pixels().iter().enumerate().filter(|&(_, &inside)| inside == goes) {
                    let pixel = p * CHANNELS..(p + 1) * CHANNELS;
                    out[pixel.clone()].copy_from_slice(&other[pixel]);
                }
            }
            With::Imputation(_, mean) if goes && region.area() == SIDE * SIDE => out = mean.repeat(SIDE * SIDE),
            With::Imputation(noise, _) => {
                let missing: Vec<bool> = region.pixels().iter().map(|&inside| inside == goes).collect();
                let mut values: Vec<f32> = self.rgb.iter().map(|&v| f32::from(v)).collect();
                impute(&mut values, SIDE, SIDE, &missing, *noise)?;
                out.iter_mut().zip(values).for_each(|(byte, v)| *byte = v.round() as u8);
            }
        }
        Ok(out)
    }
}

/// The mean RGB colour of the training pictures as preprocessing has it, rounded to 8 bits.
fn mean_colour(preprocessing: Preprocessing) -> [u8; 3] {
    match preprocessing {
        Preprocessing::Caffe => [124, 117, 104], // 123.68, 116.779, 103.939
        Preprocessing::Torch => [124, 116, 104], // 255 * (0.485, 0.456, 0.406)
    }
}

/// The picture under the Gaussian of [`BLUR_SIGMA`], rounded to the nearest level.
fn blurred(rgb: &[u8]) -> Vec<u8> {
    let values = rgb.iter().map(|&v| f32::from(v)).collect();
    let map = Map { height: SIDE, width: SIDE, channels: CHANNELS, values };
    let smooth = gaussian(&map, BLUR_SIGMA, smooth::TRUNCATE).expect("a valid sigma and a whole picture");
    smooth.values.iter().map(|v| v.round() as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Slices;
    use super::*;

    fn picture() -> Vec<u8> {
        (0..IMAGE_LEN).map(|i| (i * 31 % 251 + 1) as u8).collect() // never 0
    }

    fn region(text: &str) -> Region {
        text.parse::<Slices>().unwrap().region()
    }

    /// Pixels that differ from the picture.
    fn changed(rgb: &[u8], out: &[u8]) -> Vec<bool> {
        rgb.chunks(3).zip(out.chunks(3)).map(|(a, b)| a != b).collect()
    }

    #[test]
    fn black_as_in_the_post() {
        let (rgb, ball) = (picture(), region("32:55,116:146"));
        let hidden = apply(&rgb, &ball, Experiment::Hide, Fill::Black, Preprocessing::Caffe).unwrap();
        assert_eq!(changed(&rgb, &hidden), ball.pixels());
        let at = (32 * 224 + 116) * 3;
        assert_eq!(hidden[at..at + 90], [0; 90]);
        assert_eq!(hidden[at - 3..at], rgb[at - 3..at]);

        let kept = apply(&rgb, &ball, Experiment::Keep, Fill::Black, Preprocessing::Caffe).unwrap();
        assert_eq!(changed(&rgb, &kept), ball.pixels().iter().map(|v| !v).collect::<Vec<_>>());
        let sum: Vec<u8> = hidden.iter().zip(&kept).map(|(a, b)| a + b).collect();
        assert_eq!(sum, rgb, "the two variants are the picture, taken apart");
    }

    #[test]
    fn mean_is_nearly_zero_after_preprocessing() {
        let everything = region(":,:");
        for preprocessing in [Preprocessing::Caffe, Preprocessing::Torch] {
            let out = apply(&picture(), &everything, Experiment::Hide, Fill::Mean, preprocessing).unwrap();
            let mean = match preprocessing {
                Preprocessing::Caffe => [123.68, 116.779, 103.939],
                Preprocessing::Torch => [123.675, 116.28, 103.53],
            };
            for pixel in out.chunks(3) {
                assert!(pixel.iter().zip(mean).all(|(&v, m)| (f64::from(v) - m).abs() <= 0.5));
            }
        }
    }

    #[test]
    fn blur_removes_shapes_and_keeps_flat_colours() {
        let flat = [200u8, 7, 90].repeat(SIDE * SIDE);
        let all = region(":,:");
        let blur = |rgb: &[u8]| apply(rgb, &all, Experiment::Hide, Fill::Blur, Preprocessing::Caffe).unwrap();
        assert_eq!(blur(&flat), flat);

        // Stripes 4 pixels wide vanish into grey; within 4 sigma of the edge a mirrored stripe leaves a trace.
        let stripes: Vec<u8> = (0..SIDE * SIDE).flat_map(|p| [if p / 4 % 2 == 0 { 255 } else { 0 }; 3]).collect();
        for (p, v) in blur(&stripes).chunks(3).map(|pixel| pixel[0]).enumerate() {
            let near_edge = !(40..SIDE - 40).contains(&(p % SIDE));
            let range = if near_edge { 100..=155 } else { 127..=128 };
            assert!(range.contains(&v), "{v} at column {}", p % SIDE);
        }
    }

    #[test]
    fn keeping_everything_changes_nothing() {
        let rgb = picture();
        for &fill in Fill::ALL {
            assert_eq!(apply(&rgb, &region(":,:"), Experiment::Keep, fill, Preprocessing::Torch).unwrap(), rgb);
        }
    }

    #[test]
    fn imputed_regions_are_as_bright_as_what_surrounds_them() {
        let flat = [200u8, 7, 90].repeat(SIDE * SIDE);
        let ball = region("32:55,116:146");
        for experiment in [Experiment::Hide, Experiment::Keep] {
            let out = apply(&flat, &ball, experiment, Fill::Impute, Preprocessing::Caffe).unwrap();
            assert!(out != flat, "there is noise");
            assert!(flat.iter().zip(&out).all(|(a, b)| a.abs_diff(*b) <= 15), "five standard deviations");
        }
        let nothing = apply(&flat, &region(":,:"), Experiment::Hide, Fill::Impute, Preprocessing::Caffe).unwrap();
        assert_eq!(nothing, [124u8, 117, 104].repeat(SIDE * SIDE));
        let with = |seed| Filler::new(&flat, Fill::Impute, Preprocessing::Caffe, seed).unwrap();
        let hidden = |seed| with(seed).apply(&ball, Experiment::Hide).unwrap();
        assert!(hidden(0) == hidden(0) && hidden(0) != hidden(1));
    }

    #[test]
    fn bad_pictures() {
        let error = apply(&[0; 10], &region(":,:"), Experiment::Hide, Fill::Black, Preprocessing::Caffe).unwrap_err();
        assert_eq!(error, MaskError::PictureLength { found: 10 });
    }
}
