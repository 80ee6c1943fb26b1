//! Tensors on the device: where they are and how their elements are stored.

use std::marker::PhantomData;

use bytemuck::Pod;

use crate::{Buffer, CudaError};

/// The two 16-bit floating-point formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sixteen {
    /// IEEE half precision: 11 bits of mantissa, largest value 65504.
    #[default]
    F16,
    /// bfloat16: 8 bits of mantissa, the range of float32.
    Bf16,
}

/// How the elements of a tensor are stored, and at which addresses of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// float32.
    F32 {
        /// Address of the first element.
        address: u64,
    },
    /// One 16-bit plane.
    Sixteen {
        /// Address of the first element.
        address: u64,
        /// Its format.
        kind: Sixteen,
    },
    /// Two fp16 planes, `x = hi + lo`, `hi = fp16(x)`, `lo = fp16(x - hi)`: about 21 bits of mantissa.
    Split {
        /// Address of the first upper half.
        hi: u64,
        /// Address of the first lower half.
        lo: u64,
    },
}

/// A tensor on the device: activations or a gradient, `[n, side, side, channels]` with channels contiguous, or the
/// weights of a convolution, `[tap, c_in, c_out]` with `c_out` contiguous.
///
/// A handle, not an owner: whoever makes one sees to it that the memory outlives all launches that are given it.
/// Addresses are multiples of 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planes {
    storage: Storage,
    len: usize,
}

/// A run of plain values on the device, such as a bias or gate words: a handle like [`Planes`].
#[derive(Debug, PartialEq, Eq)]
pub struct Span<T> {
    address: u64,
    len: usize,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Span<T> {
    fn clone(&self) -> Span<T> {
        *self
    }
}

impl<T> Copy for Span<T> {}

impl<T> Span<T> {
    /// `len` values from an address on.
    pub fn new(address: u64, len: usize) -> Span<T> {
        Span { address, len, of: PhantomData }
    }

    /// Address of the first.
    pub fn address(self) -> u64 {
        self.address
    }

    /// How many.
    pub fn len(self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

impl<T: Pod> From<&Buffer<T>> for Span<T> {
    fn from(buffer: &Buffer<T>) -> Span<T> {
        Span::new(buffer.address(), buffer.len())
    }
}

/// The weights of a convolution. `Planes::high` of split weights serves the 16-bit backward pass.
pub type Weights = Planes;

impl Planes {
    /// A range of device memory, such as a part of an arena: `len` elements from the addresses of `storage` on.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if an address is not a multiple of 16.
    pub fn new(storage: Storage, len: usize) -> Result<Planes, CudaError> {
        let planes = Planes { storage, len };
        let (first, second) = planes.addresses();
        if first % 16 != 0 || second % 16 != 0 {
            let problem = format!("addresses must be multiples of 16 bytes, found {storage:x?}");
            return Err(CudaError::Shape { op: "planes", problem });
        }
        Ok(planes)
    }

    /// All of a float32 buffer.
    pub fn f32(buffer: &Buffer<f32>) -> Planes {
        Planes { storage: Storage::F32 { address: buffer.address() }, len: buffer.len() }
    }

    /// All of a buffer of 16-bit values, given as their bits.
    pub fn sixteen(buffer: &Buffer<u16>, kind: Sixteen) -> Planes {
        Planes { storage: Storage::Sixteen { address: buffer.address(), kind }, len: buffer.len() }
    }

    /// Two buffers of fp16 values, given as their bits; as long as the shorter of them.
    pub fn split(hi: &Buffer<u16>, lo: &Buffer<u16>) -> Planes {
        let storage = Storage::Split { hi: hi.address(), lo: lo.address() };
        Planes { storage, len: hi.len().min(lo.len()) }
    }

    /// The upper halves of a split tensor as an fp16 tensor; any other as it is.
    pub fn high(self) -> Planes {
        match self.storage {
            Storage::Split { hi, .. } => {
                Planes { storage: Storage::Sixteen { address: hi, kind: Sixteen::F16 }, len: self.len }
            }
            _ => self,
        }
    }

    /// The first `len` elements.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if there are fewer.
    pub fn first(self, len: usize) -> Result<Planes, CudaError> {
        if len > self.len {
            let problem = format!("{len} elements asked of a tensor of {}", self.len);
            return Err(CudaError::Shape { op: "planes", problem });
        }
        Ok(Planes { len, ..self })
    }

    /// How and where its elements are stored.
    pub fn storage(&self) -> Storage {
        self.storage
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Address of the only or upper plane, and of the lower one (0 if there is none), as kernels take them.
    pub fn addresses(&self) -> (u64, u64) {
        match self.storage {
            Storage::F32 { address } | Storage::Sixteen { address, .. } => (address, 0),
            Storage::Split { hi, lo } => (hi, lo),
        }
    }
}
