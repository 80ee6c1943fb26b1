//! The weights on a device: folded in double precision, brought to the range of the format, rounded once.
//!
//! One copy serves both passes: `[row and column of the filter][c_in][c_out]`, `c_out` contiguous. In 16 bits a block's
//! filters are multiplied by one power of two, `2^exponent`, so that convolutions whose sums share an accumulator
//! (expand and projection forward, reduce and projection backward) share the scale; the epilogue takes it out again,
//! which is exact. All plans of a device share these weights.

use backlit_net::arch::{Block, Conv, Network};
use backlit_net::engine::Precision;
use backlit_net::weights::{FoldedConv, FoldedDense, Weights};
use half::{bf16, f16};
use rayon::prelude::*;

use crate::ops::conv::Arithmetic;
use crate::planes::{Planes, Sixteen};
use crate::{Buffer, CudaError, Device};

/// How numbers are kept on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One float.
    F32,
    /// Two fp16 numbers, `hi + lo`.
    Split,
    /// One number of 16 bits.
    Sixteen(Sixteen),
}

impl Format {
    /// What a precision keeps its filters and activations in.
    pub(crate) fn of(precision: Precision, sixteen: Sixteen) -> Format {
        match precision {
            Precision::Mixed => Format::Split,
            Precision::Half => Format::Sixteen(sixteen),
            _ => Format::F32,
        }
    }

    /// The arithmetic of the forward pass.
    pub(crate) fn forward(self) -> Arithmetic {
        match self {
            Format::F32 => Arithmetic::F32,
            Format::Split => Arithmetic::Split,
            Format::Sixteen(kind) => Arithmetic::Half(kind),
        }
    }

    /// The arithmetic of the backward pass.
    pub(crate) fn backward(self) -> Arithmetic {
        match self {
            Format::Split => Arithmetic::Half(Sixteen::F16),
            _ => self.forward(),
        }
    }

    /// Whether filters are brought to fp16's range.
    fn scales(self) -> bool {
        matches!(self, Format::Split | Format::Sixteen(Sixteen::F16))
    }
}

/// Filters in the format of the device, still on the host.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Packed {
    /// Single precision.
    F32(Vec<f32>),
    /// Bits of 16-bit numbers, and of what rounding to them left over.
    Sixteen {
        /// The number rounded.
        hi: Vec<u16>,
        /// The rest rounded, for [`Format::Split`].
        lo: Option<Vec<u16>>,
    },
}

/// The largest filter of a block is brought to `2^TOP .. 2^(TOP + 1)`: the rests of much smaller ones are still normal
/// numbers, and the largest is far from overflow.
const TOP: i32 = 11;

/// `e` such that the largest size among `filters`, times `2^e`, is in `2^11 .. 2^12`.
pub(crate) fn exponent<'a>(filters: impl Iterator<Item = &'a f64>, format: Format) -> i32 {
    let largest = filters.fold(0f64, |most, w| most.max(w.abs()));
    if !format.scales() || largest == 0.0 {
        return 0;
    }
    // Filters beyond these bounds make logits that are not finite, whatever is done here.
    (TOP - largest.log2().floor() as i32).clamp(-60, 60)
}

/// Rounds filters, times `2^exponent`, to the format.
pub(crate) fn pack(filters: &[f64], exponent: i32, format: Format) -> Packed {
    let scale = 2f64.powi(exponent);
    match format {
        Format::F32 => Packed::F32(filters.iter().map(|&w| (w * scale) as f32).collect()),
        Format::Sixteen(Sixteen::Bf16) => {
            Packed::Sixteen { hi: filters.iter().map(|&w| bf16::from_f64(w * scale).to_bits()).collect(), lo: None }
        }
        Format::Sixteen(Sixteen::F16) => {
            Packed::Sixteen { hi: filters.iter().map(|&w| f16::from_f64(w * scale).to_bits()).collect(), lo: None }
        }
        Format::Split => {
            let split = |&w: &f64| {
                let hi = f16::from_f64(w * scale);
                (hi.to_bits(), f16::from_f64(w * scale - f64::from(hi)).to_bits())
            };
            let (hi, lo) = filters.iter().map(split).unzip();
            Packed::Sixteen { hi, lo: Some(lo) }
        }
    }
}

/// Filters on a device.
pub(crate) struct Filters {
    planes: Planes,
    /// What `planes` points to.
    _memory: Memory,
}

/// Who owns the memory of filters.
enum Memory {
    F32 { _only: Buffer<f32> },
    Sixteen { _hi: Buffer<u16>, _lo: Option<Buffer<u16>> },
}

impl Filters {
    fn upload(device: &Device, packed: &Packed, format: Format) -> Result<Filters, CudaError> {
        let kind = if let Format::Sixteen(kind) = format { kind } else { Sixteen::F16 };
        Ok(match packed {
            Packed::F32(filters) => {
                let only = Buffer::from_slice(device, filters)?;
                Filters { planes: Planes::f32(&only), _memory: Memory::F32 { _only: only } }
            }
            Packed::Sixteen { hi, lo } => {
                let hi = Buffer::from_slice(device, hi)?;
                let lo = lo.as_ref().map(|lo| Buffer::from_slice(device, lo)).transpose()?;
                let planes = match &lo {
                    Some(lo) => Planes::split(&hi, lo),
                    None => Planes::sixteen(&hi, kind),
                };
                Filters { planes, _memory: Memory::Sixteen { _hi: hi, _lo: lo } }
            }
        })
    }

    /// As launches take them.
    pub(crate) fn planes(&self) -> Planes {
        self.planes
    }
}

/// One bottleneck's weights, still on the host.
struct PackedBlock {
    /// Reduce, spatial, expand and the projection if there is one.
    filters: Vec<Packed>,
    exponent: i32,
    /// Of reduce, of spatial, and of what leaves the block: expansion and projection together.
    biases: [Vec<f32>; 3],
    /// Of every convolution by itself, in table order.
    single_biases: Vec<Vec<f32>>,
}

fn round(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

fn pack_block(folded: Vec<FoldedConv>, format: Format) -> PackedBlock {
    let exponent = exponent(folded.iter().flat_map(|f| &f.weight), format);
    let output = match folded.get(3) {
        Some(project) => folded[2].bias.iter().zip(&project.bias).map(|(e, p)| e + p).collect(),
        None => folded[2].bias.clone(),
    };
    PackedBlock {
        filters: folded.iter().map(|f| pack(&f.weight, exponent, format)).collect(),
        exponent,
        biases: [round(&folded[0].bias), round(&folded[1].bias), round(&output)],
        single_biases: folded.iter().map(|f| round(&f.bias)).collect(),
    }
}

/// One bottleneck's weights on a device.
pub(crate) struct BlockWeights {
    /// The first 1x1.
    pub(crate) reduce: Filters,
    /// The 3x3.
    pub(crate) spatial: Filters,
    /// The second 1x1.
    pub(crate) expand: Filters,
    /// The shortcut's 1x1.
    pub(crate) project: Option<Filters>,
    /// Bias of the first 1x1.
    pub(crate) bias_reduce: Buffer<f32>,
    /// Bias of the 3x3.
    pub(crate) bias_spatial: Buffer<f32>,
    /// Bias of what leaves the block: that of the second 1x1, and of the projection if there is one.
    pub(crate) bias_output: Buffer<f32>,
    /// `2^-exponent`: brings sums back to scale.
    pub(crate) out_scale: f32,
}

impl BlockWeights {
    fn upload(device: &Device, packed: &PackedBlock, format: Format) -> Result<BlockWeights, CudaError> {
        let filters = |i: usize| Filters::upload(device, &packed.filters[i], format);
        let bias = |i: usize| Buffer::from_slice(device, &packed.biases[i]);
        Ok(BlockWeights {
            reduce: filters(0)?,
            spatial: filters(1)?,
            expand: filters(2)?,
            project: packed.filters.get(3).map(|_| filters(3)).transpose()?,
            bias_reduce: bias(0)?,
            bias_spatial: bias(1)?,
            bias_output: bias(2)?,
            out_scale: 2f32.powi(-packed.exponent),
        })
    }
}

/// The whole network's weights, packed, on the host: made once, sent to every device, and dropped.
pub(crate) struct HostWeights {
    /// The table they fit.
    pub(crate) network: &'static Network,
    /// The 7x7, folded.
    pub(crate) stem: FoldedConv,
    /// The fully connected layer.
    pub(crate) dense: FoldedDense,
    blocks: Vec<PackedBlock>,
    format: Format,
}

impl HostWeights {
    /// Folds and packs, blocks in parallel.
    pub(crate) fn new(weights: &Weights, format: Format) -> HostWeights {
        HostWeights::of(weights.network(), |conv| weights.conv(conv), weights.dense(), format)
    }

    /// The same for any table.
    pub(crate) fn of(
        network: &'static Network,
        fold: impl Fn(&Conv) -> FoldedConv + Sync,
        dense: FoldedDense,
        format: Format,
    ) -> HostWeights {
        let block = |block: &Block| pack_block(block.convs().map(&fold).collect(), format);
        let blocks = network.blocks.par_iter().map(block).collect();
        HostWeights { network, stem: fold(&network.stem), dense, blocks, format }
    }

    /// Copies the weights of the blocks to a device.
    pub(crate) fn upload(&self, device: &Device) -> Result<Vec<BlockWeights>, CudaError> {
        self.blocks.iter().map(|block| BlockWeights::upload(device, block, self.format)).collect()
    }

    /// How numbers are kept.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// The bias of every convolution, by its index in the table.
    pub(crate) fn biases(&self) -> Vec<Vec<f32>> {
        let blocks = self.blocks.iter().flat_map(|block| block.single_biases.iter().cloned());
        std::iter::once(round(&self.stem.bias)).chain(blocks).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backlit_testkit::random::Random;

    const ALL: [Format; 4] =
        [Format::F32, Format::Split, Format::Sixteen(Sixteen::F16), Format::Sixteen(Sixteen::Bf16)];

    fn unpack(packed: &Packed, exponent: i32, format: Format) -> Vec<f64> {
        let scale = 2f64.powi(-exponent);
        let number = |bits: u16| match format {
            Format::Sixteen(Sixteen::Bf16) => bf16::from_bits(bits).to_f64(),
            _ => f16::from_bits(bits).to_f64(),
        };
        match packed {
            Packed::F32(filters) => filters.iter().map(|&w| f64::from(w) * scale).collect(),
            Packed::Sixteen { hi, lo: None } => hi.iter().map(|&w| number(w) * scale).collect(),
            Packed::Sixteen { hi, lo: Some(lo) } => {
                hi.iter().zip(lo).map(|(&h, &l)| (number(h) + number(l)) * scale).collect()
            }
        }
    }

    #[test]
    fn what_is_packed_can_be_read_back() {
        for size in [1e-3, 1.0, 37.0] {
            let filters = Random::new(5).values(4096, size);
            for format in ALL {
                let e = exponent(filters.iter(), format);
                let found = unpack(&pack(&filters, e, format), e, format);
                let (relative, absolute) = match format {
                    Format::F32 => (2f64.powi(-24), 0.0),
                    // Eleven bits and eleven more; the smallest rests are subnormal.
                    Format::Split => (2f64.powi(-22), 2f64.powi(-25 - e)),
                    Format::Sixteen(Sixteen::F16) => (2f64.powi(-11), 2f64.powi(-25 - e)),
                    Format::Sixteen(Sixteen::Bf16) => (2f64.powi(-8), 0.0),
                };
                for (w, f) in filters.iter().zip(&found) {
                    assert!((w - f).abs() <= relative * w.abs() + absolute, "{format:?} {size}: {w} became {f}");
                }
            }
        }
    }

    #[test]
    fn the_largest_lands_where_it_should() {
        for largest in [1e-4, 0.7, 1.0, 2.0, 1999.0] {
            let e = exponent([0.1 * largest, -largest].iter(), Format::Split);
            let scaled = largest * 2f64.powi(e);
            assert!((2048.0..4096.0).contains(&scaled), "{largest}: {scaled}");
        }
        assert_eq!(exponent([0.0].iter(), Format::Split), 0);
        assert_eq!(exponent([3.0].iter(), Format::F32), 0);
        assert_eq!(exponent([3.0].iter(), Format::Sixteen(Sixteen::Bf16)), 0);
    }
}
