//! The layers under the roof, as a picture.

use backlit::figure::Picture;
use backlit::figure::plot::roofline::{Kernel, Roofline};
use backlit_bench::layers::{LayerRow, Pass};
use backlit_bench::machine;

use super::findings::Findings;
use crate::cli::failure::Failure;

/// Size of the picture, pixels.
const SIZE: (usize, usize) = (1600, 1000);

/// Forward and dgrad of every layer at its operations a byte.
pub(super) fn draw(findings: &Findings) -> Result<Picture, Failure> {
    let Findings { engine, network, batch, roof, layers, .. } = findings;
    let roof = roof.ok_or_else(|| Failure::Message("no roof was measured to draw layers under".into()))?;
    let kernel = |row: &LayerRow| Kernel {
        name: row.layer.conv.name.clone(),
        note: format!("{} x{}", row.layer.shape(), row.layer.count),
        points: Pass::ALL.map(|pass| (row.layer.intensity(pass, *batch), row.speed(pass))).to_vec(),
    };
    let plot = Roofline {
        title: format!("Layers of ResNet-50 {} under the roof", network.variant),
        subtitle: format!(
            "{}, {}, {} threads, {}, batch {batch}; nominal FLOP, {}",
            machine::cpu_model(),
            engine.isa,
            engine.threads,
            engine.precision.as_str(),
            machine::today(),
        ),
        flops: roof.flops,
        bytes: roof.bytes,
        series: Pass::ALL.map(|pass| pass.as_str().to_owned()).to_vec(),
        kernels: layers.iter().map(kernel).collect(),
    };
    Ok(plot.draw(SIZE.0, SIZE.1)?)
}
