//! What happens to sums before they are written.

use backlit_net::Rule;

use crate::isa::Isa;
use crate::lanes::{GateWord, LANES, Lanes};

/// What happens to the sums before they are written.
pub struct Epilogue<'a> {
    /// Added to the sums.
    pub residual: Option<Residual<'a>>,
    /// Applied last.
    pub gate: Gate<'a>,
}

impl Epilogue<'_> {
    /// Sums as they are, but for the bias.
    pub const NONE: Epilogue<'static> = Epilogue { residual: None, gate: Gate::None };
}

/// The last step of an [`Epilogue`].
pub enum Gate<'a> {
    /// Nothing.
    None,
    /// Forward: ReLU; the bits of those who passed go here, `[n, side, side, c / 16]`.
    Relu(&'a mut [u16]),
    /// Backward: the rule of the ReLU whose input gradient this is, with the bits that its forward pass left.
    Rule(Rule, &'a [u16]),
}

/// A map that is added, with as many channels as the one written, `[n, side, side, c]`.
#[derive(Clone, Copy)]
pub enum Residual<'a> {
    /// Laid out like the map written.
    Same(&'a [f32]),
    /// Twice as many rows and columns (less one, if odd): written pixel (h, w) meets (2h, 2w).
    FromEven {
        /// The map.
        data: &'a [f32],
        /// Its rows and columns.
        side: usize,
    },
    /// Half as many rows and columns: written pixel (2h, 2w) meets (h, w), and all others meet nothing.
    OntoEven {
        /// The map.
        data: &'a [f32],
        /// Its rows and columns.
        side: usize,
    },
}

impl<'a> Residual<'a> {
    /// # Panics
    /// If it does not fit a map of `len` floats.
    pub(in crate::ops) fn check(&self, len: usize, side_write: usize, channels: usize) {
        let n = len / (side_write * side_write * channels);
        let (found, expected) = match *self {
            Residual::Same(data) => (data.len(), len),
            Residual::FromEven { data, side } => {
                assert_eq!(side.div_ceil(2), side_write, "even pixels of the residual");
                (data.len(), n * side * side * channels)
            }
            Residual::OntoEven { data, side } => {
                assert_eq!(side_write.div_ceil(2), side, "even pixels of what is written");
                (data.len(), n * side * side * channels)
            }
        };
        assert_eq!(found, expected, "floats of the residual");
    }

    /// The map and where in it the channels of a written pixel begin, if it meets any; `place` is (image, h, w).
    #[inline(always)]
    fn at(
        &self,
        pixel: usize,
        place: impl FnOnce() -> (usize, usize, usize),
        channels: usize,
    ) -> Option<(&'a [f32], usize)> {
        match *self {
            Residual::Same(data) => Some((data, pixel * channels)),
            Residual::FromEven { data, side } => {
                let (image, h, w) = place();
                Some((data, ((image * side + 2 * h) * side + 2 * w) * channels))
            }
            Residual::OntoEven { data, side } => {
                let (image, h, w) = place();
                let even = h % 2 == 0 && w % 2 == 0;
                even.then_some((data, ((image * side + h / 2) * side + w / 2) * channels))
            }
        }
    }
}

/// The epilogue's inputs, shared by all tasks.
#[derive(Clone, Copy)]
pub(in crate::ops) struct Finish<'a> {
    pub(in crate::ops) bias: Option<&'a [f32]>,
    pub(in crate::ops) residual: Option<Residual<'a>>,
    pub(in crate::ops) applied: Option<(Rule, &'a [GateWord])>,
}

impl Finish<'_> {
    /// Finishes the sums of a pixel of a map of some side, in panels of so many from the first on; `y` is where they go
    /// and `words` where gate bits go, if they do.
    #[inline(always)]
    pub(in crate::ops) fn apply<I: Isa>(
        &self,
        isa: I,
        sum: impl Fn(usize) -> Lanes,
        (pixel, side): (usize, usize),
        (panels, first): (usize, usize),
        y: &mut [f32],
        mut words: Option<&mut [GateWord]>,
    ) {
        let place = || (pixel / (side * side), pixel / side % side, pixel % side);
        let (y, channel) = (y.as_chunks_mut::<LANES>().0, first * LANES);
        let residual = self.residual.and_then(|r| r.at(pixel, place, panels * LANES));
        let residual = residual.map(|(data, at)| data[at + channel..].as_chunks::<LANES>().0);
        let residual = residual.map(|residual| &residual[..y.len()]);
        let bias = self.bias.map(|bias| &bias[channel..].as_chunks::<LANES>().0[..y.len()]);
        let applied = self.applied.map(|(rule, words)| (rule, &words[pixel * panels + first..][..y.len()]));
        for (p, y) in y.iter_mut().enumerate() {
            let mut v = sum(p);
            if let Some(bias) = bias {
                for l in 0..LANES {
                    v.0[l] += bias[p][l];
                }
            }
            if let Some(residual) = residual {
                for l in 0..LANES {
                    v.0[l] += residual[p][l];
                }
            }
            if let Some(words) = &mut words {
                words[p] = isa.relu(&mut v.0);
            }
            if let Some((rule, words)) = applied {
                isa.relu_dgrad(rule, words[p], &mut v.0);
            }
            *y = v.0;
        }
    }
}
