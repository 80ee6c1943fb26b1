//! Tensor maps: how the copy engine of sm_90 and newer finds its way in a tensor.

use bytemuck::{Pod, Zeroable};
use cudarc::driver::sys;

use crate::{CudaError, Device};

/// A tensor described for the copy engine: part of a kernel's parameters, by value.
#[repr(C, align(128))]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct TensorMap([u64; 16]);

/// What the elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 16-bit float with 10 bits of mantissa.
    F16,
    /// 16-bit float with 7 bits of mantissa.
    Bf16,
    /// 32-bit float.
    F32,
}

/// How 16-byte pieces are exchanged in shared memory, so that columns too can be read without bank conflicts. The
/// number says how wide the innermost side of a box can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swizzle {
    /// As they come.
    None,
    /// Within 32 bytes.
    Bytes32,
    /// Within 64 bytes.
    Bytes64,
    /// Within 128 bytes.
    Bytes128,
}

/// A tensor in device memory, innermost dimension first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tensor<'a> {
    /// Address of its first element: a multiple of 16.
    pub address: u64,
    /// What its elements are.
    pub element: Element,
    /// Extents: 1 to 5 of them.
    pub extents: &'a [u64],
    /// Bytes from one element to the next along every dimension but the innermost, which is dense: multiples of 16.
    pub strides: &'a [u64],
    /// Layout of what arrives in shared memory.
    pub swizzle: Swizzle,
}

/// How convolution windows are gathered from an NHWC tensor `[C, W, H, N]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Im2col<'a> {
    /// Offset of the first window's corner from the first pixel, along W and H: minus the padding.
    pub lower: &'a [i32],
    /// Offset of the last window's corner from the last pixel, along W and H.
    pub upper: &'a [i32],
    /// Channels of a copy.
    pub channels: u32,
    /// Pixels of a copy.
    pub pixels: u32,
    /// Pixels from one window to the next.
    pub stride: u32,
}

impl Element {
    fn raw(self) -> sys::CUtensorMapDataType {
        match self {
            Element::F16 => sys::CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
            Element::Bf16 => sys::CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
            Element::F32 => sys::CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_FLOAT32,
        }
    }
}

impl Swizzle {
    fn raw(self) -> sys::CUtensorMapSwizzle {
        match self {
            Swizzle::None => sys::CUtensorMapSwizzle::CU_TENSOR_MAP_SWIZZLE_NONE,
            Swizzle::Bytes32 => sys::CUtensorMapSwizzle::CU_TENSOR_MAP_SWIZZLE_32B,
            Swizzle::Bytes64 => sys::CUtensorMapSwizzle::CU_TENSOR_MAP_SWIZZLE_64B,
            Swizzle::Bytes128 => sys::CUtensorMapSwizzle::CU_TENSOR_MAP_SWIZZLE_128B,
        }
    }
}

impl Tensor<'_> {
    fn check(&self) -> Result<(), CudaError> {
        let rank = self.extents.len();
        if (1..=5).contains(&rank) && self.strides.len() == rank - 1 {
            return Ok(());
        }
        Err(refused(format!("{rank} extents and {} strides: 1 to 5, and one stride less", self.strides.len())))
    }
}

impl TensorMap {
    /// Boxes of `sides` elements, innermost first; what lies outside of the tensor reads as zero.
    ///
    /// # Errors
    /// [`CudaError::Shape`] for what cannot be said to the driver, [`CudaError::Driver`] for what it refuses: addresses
    /// and strides that are not multiples of 16, sides above 256, an innermost side that is not a multiple of 16 bytes
    /// or wider than the swizzle.
    pub fn tiled(device: &Device, tensor: Tensor<'_>, sides: &[u32]) -> Result<TensorMap, CudaError> {
        tensor.check()?;
        if sides.len() != tensor.extents.len() {
            return Err(refused(format!("{} sides for {} extents", sides.len(), tensor.extents.len())));
        }
        let steps = [1u32; 5];
        TensorMap::encode(device, |map| {
            // SAFETY: all lists are as long as the rank says, and live during the call; the map is aligned.
            unsafe {
                sys::cuTensorMapEncodeTiled(
                    map,
                    tensor.element.raw(),
                    sides.len() as u32,
                    tensor.address as *mut _,
                    tensor.extents.as_ptr(),
                    tensor.strides.as_ptr(),
                    sides.as_ptr(),
                    steps.as_ptr(),
                    sys::CUtensorMapInterleave::CU_TENSOR_MAP_INTERLEAVE_NONE,
                    tensor.swizzle.raw(),
                    sys::CUtensorMapL2promotion::CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                    sys::CUtensorMapFloatOOBfill::CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
                )
            }
        })
    }

    /// Windows of a tensor `[C, W, H, N]`.
    ///
    /// # Errors
    /// As [`TensorMap::tiled`].
    pub fn im2col(device: &Device, tensor: Tensor<'_>, windows: Im2col<'_>) -> Result<TensorMap, CudaError> {
        tensor.check()?;
        let rank = tensor.extents.len();
        if rank < 3 || windows.lower.len() != rank - 2 || windows.upper.len() != rank - 2 {
            return Err(refused(format!("{rank} extents and {} corners: two less", windows.lower.len())));
        }
        let mut steps = [windows.stride; 5];
        (steps[0], steps[rank - 1]) = (1, 1);
        TensorMap::encode(device, |map| {
            // SAFETY: all lists are as long as the rank says, and live during the call; the map is aligned.
            unsafe {
                sys::cuTensorMapEncodeIm2col(
                    map,
                    tensor.element.raw(),
                    rank as u32,
                    tensor.address as *mut _,
                    tensor.extents.as_ptr(),
                    tensor.strides.as_ptr(),
                    windows.lower.as_ptr(),
                    windows.upper.as_ptr(),
                    windows.channels,
                    windows.pixels,
                    steps.as_ptr(),
                    sys::CUtensorMapInterleave::CU_TENSOR_MAP_INTERLEAVE_NONE,
                    tensor.swizzle.raw(),
                    sys::CUtensorMapL2promotion::CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                    sys::CUtensorMapFloatOOBfill::CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
                )
            }
        })
    }

    fn encode(
        device: &Device,
        call: impl FnOnce(*mut sys::CUtensorMap) -> sys::CUresult,
    ) -> Result<TensorMap, CudaError> {
        if device.info().capability < (9, 0) {
            return Err(refused(format!("{} has no copy engine for tensors: sm_90 and newer have", device.arch())));
        }
        let mut map = sys::CUtensorMap { opaque: [0; 16] };
        device.context().run("describing a tensor", || call(&mut map))?;
        Ok(TensorMap(map.opaque))
    }
}

fn refused(problem: String) -> CudaError {
    CudaError::Shape { op: "tensor map", problem }
}
