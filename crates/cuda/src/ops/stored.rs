//! What all launchers share: tensors as kernels take them, and checks of lengths.

use backlit_net::Rule;
use bytemuck::{Pod, Zeroable};

use crate::CudaError;
use crate::planes::{Planes, Sixteen, Span, Storage};

/// `Stored` of `kernels/common/stored.cuh`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(crate) struct Stored {
    a: u64,
    b: u64,
    kind: u32,
    pad: u32,
}

impl From<Planes> for Stored {
    fn from(planes: Planes) -> Stored {
        let kind = match planes.storage() {
            Storage::F32 { .. } => 0,
            Storage::Sixteen { kind: Sixteen::F16, .. } => 1,
            Storage::Sixteen { kind: Sixteen::Bf16, .. } => 2,
            Storage::Split { .. } => 3,
        };
        let (a, b) = planes.addresses();
        Stored { a, b, kind, pad: 0 }
    }
}

/// Embeds a file of `kernels/`.
macro_rules! source {
    ($name:ident, $file:literal) => {
        static $name: $crate::kernels::Source = $crate::kernels::Source {
            name: $file,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../kernels/", $file)),
        };
    };
}
pub(crate) use source;

/// Collects the arrays of a launch and says which of them is too short.
pub(crate) struct Lengths(pub(crate) &'static str);

impl Lengths {
    /// Refuses `found` elements where `expected` are touched.
    pub(crate) fn at_least(&self, what: &str, found: usize, expected: usize) -> Result<(), CudaError> {
        if found >= expected {
            return Ok(());
        }
        self.refuse(format!("{what} needs {expected} elements, found {found}"))
    }

    /// The same for a span.
    pub(crate) fn span<T>(&self, what: &str, span: Span<T>, expected: usize) -> Result<(), CudaError> {
        self.at_least(what, span.len(), expected)
    }

    /// Says what is wrong with the shape.
    pub(crate) fn refuse<R>(&self, problem: String) -> Result<R, CudaError> {
        Err(CudaError::Shape { op: self.0, problem })
    }

    /// An index of the kernels, which count in 32 bits.
    pub(crate) fn index(&self, what: &str, value: usize) -> Result<u32, CudaError> {
        match u32::try_from(value) {
            Ok(value) if value <= u32::MAX / 2 => Ok(value),
            _ => self.refuse(format!("{what} is {value}, at most {} can be counted: pass fewer images", u32::MAX / 2)),
        }
    }
}

/// The rule's number in the kernels.
pub(crate) fn rule_number(rule: Rule) -> u32 {
    match rule {
        Rule::Plain => 0,
        Rule::Guided => 1,
        Rule::Rectified => 2,
    }
}
