//! The tables of `docs/cuda-engine.md`, made from what is computed, so that they stay true.

use backlit_net::arch::{Network, Variant};

use super::geometry::{Geometry, Shortcut};
use super::shapes::BlockShapes;
use super::tensors::{Layout, Sharing};
use crate::ops::conv::ConvShape;
use crate::planes::Sixteen;
use crate::weights::Format;

const GUIDE: &str = include_str!("../../../../docs/cuda-engine.md");

fn layers() -> Vec<String> {
    let network = Network::of(Variant::V1);
    let g = Geometry::new(network, 224, true);
    let mut rows = vec![
        "| block | input | reduce | 3x3 | expand | shortcut | M MAC |".to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    for (i, (block, b)) in network.blocks.iter().zip(&g.blocks).enumerate() {
        let s = BlockShapes::of(&g, i);
        let macs: u64 = [&s.reduce, &s.spatial, &s.expand].map(ConvShape::macs).iter().sum();
        let map = |side: usize, channels: usize| format!("{side} x {side} x {channels}");
        let stride = if b.thinned { " (/2)" } else { "" };
        let shortcut = match b.shortcut {
            Shortcut::Project { .. } => format!("1x1, {} + {} channels read", b.spatial.channels, b.input.channels),
            Shortcut::Identity { stride: 1 } => "in place".into(),
            Shortcut::Identity { .. } => "even pixels".into(),
        };
        rows.push(format!(
            "| {} | {} | {} | {}{stride} | {} | {shortcut} | {:.0} |",
            block.name,
            map(b.input.side, b.input.channels),
            map(b.reduced.side, b.reduced.channels),
            map(b.spatial.side, b.spatial.channels),
            map(b.output.side, b.output.channels),
            macs as f64 / 1e6,
        ));
    }
    rows
}

fn memory() -> Vec<String> {
    let mut rows = vec!["| MB an image, in a batch of 64 | gates | all |".to_owned(), "|---|---|---|".to_owned()];
    let formats = [("f32", Format::F32), ("mixed", Format::Split), ("half", Format::Sixteen(Sixteen::F16))];
    for (variant, dead_code, what) in
        [(Variant::V1, true, "v1"), (Variant::V1, false, "v1, all pixels"), (Variant::V1_5, true, "v1.5")]
    {
        for (name, format) in formats {
            let geometry = Geometry::new(Network::of(variant), 224, dead_code);
            let layout = Layout::new(&geometry, format, 64, Sharing::Tight);
            let mega = |bytes: usize| bytes as f64 / 64e6;
            let (gates, all) = (mega(layout.gate_bytes()), mega(layout.total()));
            rows.push(format!("| {what}, `{name}` | {gates:.2} | {all:.2} |"));
        }
    }
    rows
}

#[test]
fn the_tables_of_the_guide_are_true() {
    let tables = [layers(), memory()].map(|table| table.join("\n"));
    let told = tables.iter().all(|table| GUIDE.contains(table));
    assert!(told, "docs/cuda-engine.md should hold\n{}\n\n{}", tables[0], tables[1]);
}
