//! Segmentation of Felzenszwalb and Huttenlocher.
//!
//! "Efficient graph-based image segmentation", International Journal of Computer Vision 59, 2004. Pixels are joined to
//! their eight neighbours by edges that cost the distance of their colours. From the cheapest edge up, two segments
//! become one if the edge costs less than each of them tolerates: its own dearest edge so far, plus `scale` over its
//! size. At last, segments below the smallest size join a neighbour. With the rules of scikit-image's `felzenszwalb`:
//! the scale is divided by 255, tolerances are rounded to single precision, and a tie in cost keeps the order right,
//! down, right down, right up, then rows and columns (where scikit-image leaves it to its sort).

use crate::smooth::{SmoothError, TRUNCATE, gaussian_f64};

/// The edges of a picture, cheapest first. One serves any number of scales.
pub(super) struct Edges {
    pixels: usize,
    /// Cost and ends.
    sorted: Vec<(f64, u32, u32)>,
}

impl Edges {
    /// Of a picture `[height, width, channels]`, which is first smoothed with a Gaussian of `sigma` pixels.
    ///
    /// # Errors
    /// [`SmoothError`]: an unusable sigma, or values that do not fill the shape.
    pub(super) fn new(mut values: Vec<f64>, shape: [usize; 3], sigma: f64) -> Result<Edges, SmoothError> {
        gaussian_f64(&mut values, shape, sigma, TRUNCATE)?;
        let [height, width, channels] = shape;
        let mut sorted = Vec::with_capacity(4 * height * width);
        // Offset of the far end in rows and columns.
        for (down, right) in [(0, 1), (1, 0), (1, 1), (-1, 1)] {
            for row in 0..height {
                let Some(other) = row.checked_add_signed(down).filter(|&r| r < height) else { continue };
                for column in 0..width - right.min(width) {
                    let (a, b) = (row * width + column, other * width + column + right);
                    let colour = |p: usize| &values[p * channels..(p + 1) * channels];
                    let square: f64 = colour(a).iter().zip(colour(b)).map(|(a, b)| (a - b) * (a - b)).sum();
                    sorted.push((square.sqrt(), a as u32, b as u32));
                }
            }
        }
        // Stable.
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Edges { pixels: height * width, sorted })
    }

    /// The segment of each pixel; segments are numbered from 0 in the order of their first pixels.
    pub(super) fn segments(&self, scale: f64, min_size: usize) -> Vec<u32> {
        let scale = scale / 255.0;
        let mut forest = Forest::new(self.pixels);
        let mut dearest = vec![0f64; self.pixels];
        for &(cost, a, b) in &self.sorted {
            let (a, b) = (forest.root(a), forest.root(b));
            if a == b {
                continue;
            }
            let tolerates = |s: u32| (dearest[s as usize] + scale / forest.size[s as usize] as f64) as f32;
            if cost < f64::from(tolerates(a).min(tolerates(b))) {
                let joined = forest.join(a, b);
                dearest[joined as usize] = cost;
            }
        }
        for &(_, a, b) in &self.sorted {
            let (a, b) = (forest.root(a), forest.root(b));
            if a != b && forest.size[a as usize].min(forest.size[b as usize]) < min_size {
                forest.join(a, b);
            }
        }
        forest.labels()
    }
}

/// Disjoint sets of pixels; the root of a set is its first pixel.
struct Forest {
    parent: Vec<u32>,
    /// Of roots only.
    size: Vec<usize>,
}

impl Forest {
    fn new(pixels: usize) -> Forest {
        Forest { parent: (0..pixels as u32).collect(), size: vec![1; pixels] }
    }

    fn root(&mut self, mut pixel: u32) -> u32 {
        while self.parent[pixel as usize] != pixel {
            // Halves the path on the way.
            let above = self.parent[self.parent[pixel as usize] as usize];
            self.parent[pixel as usize] = above;
            pixel = above;
        }
        pixel
    }

    /// Joins two roots.
    fn join(&mut self, a: u32, b: u32) -> u32 {
        let (root, other) = (a.min(b), a.max(b));
        self.parent[other as usize] = root;
        self.size[root as usize] += self.size[other as usize];
        root
    }

    fn labels(mut self) -> Vec<u32> {
        let mut labels: Vec<u32> = Vec::with_capacity(self.parent.len());
        let mut next = 0;
        for pixel in 0..self.parent.len() as u32 {
            let root = self.root(pixel);
            if root == pixel {
                labels.push(next);
                next += 1;
            } else {
                // A root comes before all others of its set.
                labels.push(labels[root as usize]);
            }
        }
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(values: Vec<f64>, height: usize, width: usize, scale: f64, min_size: usize) -> Vec<u32> {
        let channels = values.len() / (height * width);
        Edges::new(values, [height, width, channels], 0.0).unwrap().segments(scale, min_size)
    }

    #[test]
    fn two_halves() {
        let picture = |low: f64, high: f64| (0..60).map(|i| if i % 10 < 4 { low } else { high }).collect::<Vec<f64>>();
        let halves: Vec<u32> = (0..60).map(|i| u32::from(i % 10 >= 4)).collect();
        assert_eq!(segments(picture(-1.0, 1.0), 6, 10, 10.0, 1), halves);
        assert_eq!(segments(picture(-1.0, 1.0), 6, 10, 10.0, 24), halves, "24 pixels are not below 24");
        assert_eq!(segments(picture(-1.0, 1.0), 6, 10, 10.0, 25), [0; 60]);
        assert_eq!(segments(picture(0.5, 0.5), 6, 10, 10.0, 1), [0; 60], "a flat picture is one segment");
        assert_eq!(segments(vec![0.0; 4], 2, 2, 0.0, 1), [0, 1, 2, 3], "nothing costs less than nothing");
    }

    /// `skimage.segmentation.felzenszwalb` 0.26 on `((37 i + 11 j + 59 c + i j) mod 97) / 48 - 1`, 12 x 9 x 3.
    #[test]
    fn as_scikit_image() {
        let picture: Vec<f64> = (0..12 * 9 * 3)
            .map(|k| {
                let (i, j, c) = (k / 27, k / 3 % 9, k % 3);
                ((37 * i + 11 * j + 59 * c + i * j) % 97) as f64 / 48.0 - 1.0
            })
            .collect();
        let edges = Edges::new(picture, [12, 9, 3], 0.8).unwrap();
        for (scale, min_size, expected) in SKIMAGE {
            let found: String = edges.segments(*scale, *min_size).iter().map(|l| (b'a' + *l as u8) as char).collect();
            assert_eq!(found, *expected, "scale {scale}, smallest {min_size}");
        }
    }

    const SKIMAGE: &[(f64, usize, &str)] = &[
        (
            100.0,
            1,
            "aaaaaaabbaaaaaccddacaaaccddcccccccddcccccccddecccfcccdeccccccccccccccggcccccccccchcccccccihcccccccihhhhjjckl",
        ),
        (
            300.0,
            1,
            "aaabcccccabbbbbbccabbbbbbbcbbbbbbbbbbbbbbbbbbdbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbebbbbbbbbeeeebbbff",
        ),
        (
            600.0,
            4,
            "aaaabbbbbaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        (
            1000.0,
            1,
            "aaaaaaabbaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac",
        ),
        (
            300.0,
            20,
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
    ];

    #[test]
    fn a_larger_scale_makes_larger_segments() {
        let picture: Vec<f64> =
            (0..400).map(|i| f64::from(i % 20 * 7 % 5) / 2.0 + f64::from(i / 20 * 3 % 4) / 3.0).collect();
        let edges = Edges::new(picture, [20, 20, 1], 0.5).unwrap();
        let counts = [0.0, 10.0, 100.0, 1000.0, 1e5].map(|scale| *edges.segments(scale, 1).iter().max().unwrap());
        assert!(counts.windows(2).all(|w| w[0] >= w[1]) && counts[0] > counts[4], "{counts:?}");
    }
}
