//! convert: between float32 and what is stored, and gates applied to a gradient that has none yet (after a tap).

use std::sync::Arc;

use backlit_net::Rule;
use bytemuck::{Pod, Zeroable};

use crate::ops::conv::{RowOrder, gates};
use crate::ops::stored::{Lengths, Stored, rule_number, source};
use crate::planes::{Planes, Span};
use crate::{CudaError, Device, Grid, Kernel, Stream};

source!(CONVERT, "convert/00_convert.cu");

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct PackParams {
    x: u64,
    y: Stored,
    len: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct UnpackParams {
    x: Stored,
    unscale: u64,
    y: u64,
    len: u64,
    n: u32,
    pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct GateParams {
    g: Stored,
    gates: u64,
    n: u32,
    side: u32,
    channels: u32,
    order: u32,
    rule: u32,
    pad: u32,
}

/// The conversions, ready to run.
pub struct Convert {
    pack: Kernel,
    unpack: Kernel,
    gate: Kernel,
}

impl Convert {
    /// Loads them.
    ///
    /// # Errors
    /// Those of [`Device::kernel`].
    pub fn prepare(device: &Arc<Device>) -> Result<Convert, CudaError> {
        let kernel = |name| device.kernel(&CONVERT, name);
        Ok(Convert { pack: kernel("convert_pack")?, unpack: kernel("convert_unpack")?, gate: kernel("convert_gate")? })
    }

    /// Rounds or splits `len` floats: `x` to `y`. What is finite stays finite. `len` is even.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if something is too short; [`CudaError::Driver`].
    pub fn pack(&self, stream: &Stream, len: usize, x: Span<f32>, y: Planes) -> Result<(), CudaError> {
        let op = Lengths("convert");
        even(&op, len)?;
        op.span("the floats read", x, len)?;
        op.at_least("the tensor written", y.len(), len)?;
        if len == 0 {
            return Ok(());
        }
        let params = PackParams { x: x.address(), y: y.into(), len: len as u64 };
        // SAFETY: the structure mirrors `ConvertPack`, and both arrays have `len` elements.
        unsafe { self.pack.launch(stream, Grid::over(len / 2), &params) }
    }

    /// `y = x * unscale`: `x` and `y` are `[n, len]`, `unscale` is `[n]`, 1 if there is none. `len` is even.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if something is too short; [`CudaError::Driver`].
    pub fn unpack(
        &self,
        stream: &Stream,
        [n, len]: [usize; 2],
        x: Planes,
        unscale: Option<Span<f32>>,
        y: Span<f32>,
    ) -> Result<(), CudaError> {
        let op = Lengths("convert");
        even(&op, len)?;
        op.at_least("the tensor read", x.len(), n * len)?;
        op.at_least("the scales", unscale.map_or(n, |s| s.len()), n)?;
        op.span("the floats written", y, n * len)?;
        op.index("the number of elements", n * len)?;
        if n * len == 0 {
            return Ok(());
        }
        let unscale = unscale.map_or(0, |s| s.address());
        let params = UnpackParams { x: x.into(), unscale, y: y.address(), len: len as u64, n: n as u32, pad: 0 };
        // SAFETY: the structure mirrors `ConvertUnpack`, and all arrays were found long enough above.
        unsafe { self.unpack.launch(stream, Grid::over(n * len / 2), &params) }
    }

    /// Applies the gates of the tensor that `g`, `[n, side, side, channels]`, is the gradient of, in place.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if something is too short or the shape has no gate words; [`CudaError::Driver`].
    pub fn gate(
        &self,
        stream: &Stream,
        [n, side, channels]: [usize; 3],
        order: RowOrder,
        g: Planes,
        words: Span<u32>,
        rule: Rule,
    ) -> Result<(), CudaError> {
        let (op, len) = (Lengths("convert gates"), n * side * side * channels);
        if !channels.is_multiple_of(64) || (order == RowOrder::Parity && !side.is_multiple_of(2)) {
            return op.refuse(format!("no gate words for side {side}, {channels} channels, in {order:?} order"));
        }
        op.at_least("the gradient", g.len(), len)?;
        op.span("the gates", words, gates::words(order, n, side, channels))?;
        op.index("the number of elements", len)?;
        if len == 0 {
            return Ok(());
        }
        let params = GateParams {
            g: g.into(),
            gates: words.address(),
            n: n as u32,
            side: side as u32,
            channels: channels as u32,
            order: u32::from(order == RowOrder::Parity),
            rule: rule_number(rule),
            pad: 0,
        };
        // SAFETY: the structure mirrors `ConvertGate`, and both arrays were found long enough above.
        unsafe { self.gate.launch(stream, Grid::over(len / 2), &params) }
    }
}

/// Two elements a thread.
fn even(op: &Lengths, len: usize) -> Result<(), CudaError> {
    if len.is_multiple_of(2) { Ok(()) } else { op.refuse(format!("the length must be even, found {len}")) }
}
