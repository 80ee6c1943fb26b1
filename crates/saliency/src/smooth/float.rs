//! The float filter: double precision inside, rounded once.

use super::SmoothError;
use super::separable::filter;
use super::taps::taps;
use crate::Map;

/// Smooths every channel of a map with a Gaussian of standard deviation `sigma` pixels, cut off at `truncate` sigma.
///
/// The result is that of `scipy.ndimage.gaussian_filter` on the map in float64, rounded to float32 at the end; SciPy
/// given float32 would round between the passes too. A sigma of 0 copies the map.
///
/// # Errors
/// [`SmoothError`]: an unusable sigma or truncate, or a map whose values do not fill its shape.
pub fn gaussian(map: &Map, sigma: f64, truncate: f64) -> Result<Map, SmoothError> {
    let &Map { height, width, channels, .. } = map;
    let mut values: Vec<f64> = map.values.iter().map(|&v| f64::from(v)).collect();
    filter(&mut values, [height, width, channels], &taps(sigma, truncate)?, |v| v)?;
    let values = values.into_iter().map(|v| v as f32).collect();
    Ok(Map { height, width, channels, values })
}

/// [`gaussian`] in place, without rounding: `values` is `[height, width, channels]`.
///
/// # Errors
/// [`SmoothError`].
pub(crate) fn gaussian_f64(
    values: &mut [f64],
    shape: [usize; 3],
    sigma: f64,
    truncate: f64,
) -> Result<(), SmoothError> {
    filter(values, shape, &taps(sigma, truncate)?, |v| v)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `((37 i + 101 j + 59 c) mod 256) / 256`, exact in float32.
    fn map(height: usize, width: usize, channels: usize) -> Map {
        let value = |k: usize| {
            let (i, j, c) = (k / (width * channels), k / channels % width, k % channels);
            ((37 * i + 101 * j + 59 * c) % 256) as f32 / 256.0
        };
        Map { height, width, channels, values: (0..height * width * channels).map(value).collect() }
    }

    /// (height, width, sigma, truncate, output of SciPy 1.17.1 for that map in float64).
    #[rustfmt::skip]
    const SCIPY: &[(usize, usize, f64, f64, &[f64])] = &[
        (1, 1, 5.0, 4.0, &[
            0.0,
        ]),
        (1, 6, 2.0, 4.0, &[
            0.3148340421642653, 0.3636815380976862, 0.4424964027178038, 0.5301598472821962, 0.6089747119023138,
            0.6578222078357348,
        ]),
        (6, 1, 2.0, 4.0, &[
            0.16725207459997055, 0.21955472928660666, 0.3095453124004657, 0.4131109375995344, 0.5031015207133935,
            0.5554041754000296,
        ]),
        (5, 4, 5.0, 4.0, &[
            0.4799247582210844, 0.47993550667296614, 0.4799553553119166, 0.47996263382054377, 0.4802759687978977,
            0.48028661978256276, 0.48030638122015584, 0.48031357598423685, 0.4808390030909673, 0.4808494953559493,
            0.48086911479121297, 0.48087617318218023, 0.48140506047198367, 0.48141539475486195, 0.48143487284768904,
            0.4814417954992759, 0.4817548652487377, 0.4817651017214093, 0.48178449230601494, 0.481791330918356,
        ]),
        (6, 5, 0.8, 4.0, &[
            0.1587446086757139, 0.4189590650174496, 0.5698418549847633, 0.46259237808295517, 0.5260256213276442,
            0.2587238379880933, 0.47199661556811057, 0.5607911107841388, 0.5101571640658722, 0.6100763333804059,
            0.38870473118220167, 0.4990599510279014, 0.44814641712973724, 0.48040330895101374, 0.5741883542909741,
            0.5225231714491426, 0.5801824125011907, 0.46254878111358455, 0.447421975682757, 0.350948177301329,
            0.6062527157652772, 0.602582727187174, 0.5357316031296051, 0.5215358932051505, 0.3256161876665139,
            0.5920183144986166, 0.4695826305545839, 0.5312436417783405, 0.6105791137038526, 0.4145400520059119,
        ]),
        (4, 3, 1.3, 2.0, &[
            0.3072456089539491, 0.4396654669354967, 0.5682888269091098, 0.35330275705939396, 0.4469048467126217,
            0.5309686613325009, 0.41559551108771847, 0.45161600376726835, 0.4695809700404968, 0.4616526591931634,
            0.45885538354439337, 0.4322608044638879,
        ]),
        (7, 3, 0.3, 4.0, &[
            0.002067983258927003, 0.39508570927956727, 0.7881034353002075, 0.1460447739793596, 0.5390477831184256,
            0.9282586841030455, 0.2905760239793596, 0.6797722080824051, 0.08426927673740402, 0.4351072739793595,
            0.8242887412008311, 0.22497898481980927, 0.5796238070977854, 0.9650131661648104, 0.369495517938235,
            0.7203482320617648, 0.12483058383518943, 0.5102199429022144, 0.8643103059006231, 0.2650005495196015,
            0.6541820167410729,
        ]),
    ];

    #[test]
    fn agrees_with_scipy() {
        for &(height, width, sigma, truncate, expected) in SCIPY {
            let out = gaussian(&map(height, width, 1), sigma, truncate).unwrap();
            assert_eq!(out.values.len(), expected.len());
            for (k, (&a, &e)) in out.values.iter().zip(expected).enumerate() {
                // Half a unit in the last place of a float32 below 1.
                assert!((f64::from(a) - e).abs() <= 3e-8, "{height} x {width}, sigma {sigma}, value {k}: {a} for {e}");
            }
        }
    }

    #[test]
    fn agrees_with_scipy_on_the_whole_grid() {
        let out = gaussian(&map(224, 224, 1), 5.0, 4.0).unwrap();
        let sum: f64 = out.values.iter().map(|&v| f64::from(v)).sum();
        assert!((sum - 24990.000000000004).abs() <= 1e-3, "{sum}");
        for (row, column, expected) in [
            (0, 0, 0.48722436328750096),
            (0, 223, 0.5000404454527058),
            (111, 57, 0.4987982081710072),
            (223, 0, 0.48944155621383145),
            (200, 219, 0.49792691152221813),
        ] {
            let value = f64::from(out.values[row * 224 + column]);
            assert!((value - expected).abs() <= 3e-8, "{value} at {row}, {column}");
        }
    }

    #[test]
    fn channels_do_not_mix() {
        let three = map(9, 11, 3);
        let out = gaussian(&three, 1.7, 4.0).unwrap();
        for c in 0..3 {
            let pick = |m: &Map| m.values.iter().skip(c).step_by(3).copied().collect::<Vec<f32>>();
            let one = Map { height: 9, width: 11, channels: 1, values: pick(&three) };
            assert_eq!(pick(&out), gaussian(&one, 1.7, 4.0).unwrap().values);
        }
    }

    #[test]
    fn keeps_the_mean_and_the_range() {
        let m = map(40, 30, 1);
        let mean = |m: &Map| m.values.iter().map(|&v| f64::from(v)).sum::<f64>() / m.values.len() as f64;
        let (low, high) = m.min_max().unwrap();
        for sigma in [0.5, 5.0, 60.0] {
            let out = gaussian(&m, sigma, 4.0).unwrap();
            assert!((mean(&out) - mean(&m)).abs() <= 1e-7, "reflection loses nothing (sigma {sigma})");
            assert!(out.values.iter().all(|v| (low..=high).contains(v)));
        }
        let spread = |m: &Map| m.min_max().map(|(a, b)| b - a).unwrap();
        assert!(spread(&gaussian(&m, 60.0, 4.0).unwrap()) < 1e-3, "a wide Gaussian flattens");
    }

    #[test]
    fn sigma_zero_copies() {
        let m = map(5, 4, 3);
        assert_eq!(gaussian(&m, 0.0, 4.0).unwrap(), m);
    }

    #[test]
    fn bad_shapes() {
        let m = Map { height: 2, width: 2, channels: 1, values: vec![0.0; 3] };
        assert_eq!(
            gaussian(&m, 1.0, 4.0).unwrap_err(),
            SmoothError::Shape { height: 2, width: 2, channels: 1, found: 3 }
        );
    }
}
