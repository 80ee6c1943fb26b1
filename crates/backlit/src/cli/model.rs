//! `backlit model`: the layer table with work and traffic.

use backlit::net::arch::{Conv, Network, Role};
use serde_json::json;

use super::args::ModelArgs;
use super::failure::{Failure, Outcome};
use super::terminal;

pub(crate) fn run(arguments: &ModelArgs) -> Result<Outcome, Failure> {
    let network = Network::of(arguments.variant);
    match arguments.json {
        true => terminal::print_json(&as_json(network))?,
        false => terminal::print(&as_text(network))?,
    }
    Ok(Outcome::Done)
}

/// One row, whatever the layer.
struct Layer {
    name: String,
    torchvision: String,
    kind: String,
    input: [usize; 3],
    output: [usize; 3],
    macs: u64,
    /// Bytes of float32 weights and bias, of the input and of the output of one image.
    bytes: [u64; 3],
}

impl Layer {
    fn new(
        name: &str,
        torchvision: String,
        kind: String,
        shapes: ([usize; 3], [usize; 3]),
        macs: u64,
        parameters: usize,
    ) -> Layer {
        let (input, output) = shapes;
        let bytes = |n: usize| 4 * n as u64;
        let bytes = [bytes(parameters), bytes(input.iter().product()), bytes(output.iter().product())];
        Layer { name: name.into(), torchvision, kind, input, output, macs, bytes }
    }

    fn conv(conv: &Conv, torchvision: String) -> Layer {
        let kind = format!("conv {k}x{k}/{}", conv.stride, k = conv.kernel);
        let shapes = ([conv.side_in, conv.side_in, conv.c_in], [conv.side_out(), conv.side_out(), conv.c_out]);
        Layer::new(&conv.name, torchvision, kind, shapes, conv.macs(), conv.weight_len() + conv.c_out)
    }
}

fn layers(network: &Network) -> Vec<Layer> {
    let mut rows = vec![Layer::conv(&network.stem, "conv1".into())];
    let pool = &network.pool;
    let side = |side| [side, side, pool.channels];
    let kind = format!("max-pool {k}x{k}/{}", pool.stride, k = pool.kernel);
    rows.push(Layer::new("pool1", "maxpool".into(), kind, (side(pool.side_in), side(pool.side_out())), 0, 0));
    for block in &network.blocks {
        for conv in block.convs() {
            let part = match conv.role {
                Role::Reduce => "conv1",
                Role::Spatial => "conv2",
                Role::Expand => "conv3",
                Role::Stem | Role::Project => "downsample.0",
            };
            rows.push(Layer::conv(conv, format!("{}.{part}", block.torchvision_name())));
        }
    }
    let head = &network.head;
    let features = [7, 7, head.c_in];
    rows.push(Layer::new("avg_pool", "avgpool".into(), "mean 7x7".into(), (features, [1, 1, head.c_in]), 0, 0));
    let macs = (head.c_in * head.c_out) as u64;
    let shapes = ([1, 1, head.c_in], [1, 1, head.c_out]);
    let parameters = head.c_in * head.c_out + head.c_out;
    rows.push(Layer::new("fc1000", "fc".into(), "dense".into(), shapes, macs, parameters));
    rows
}

fn as_text(network: &Network) -> String {
    let shape = |s: [usize; 3]| format!("{}x{}x{}", s[0], s[1], s[2]);
    let kib = |b: u64| format!("{:.1}", b as f64 / 1024.0);
    let rows = layers(network).into_iter().map(|l| {
        let macs = format!("{:.1}", l.macs as f64 / 1e6);
        let [weights, input, output] = l.bytes.map(kib);
        vec![l.name, l.torchvision, l.kind, shape(l.input), shape(l.output), macs, weights, input, output]
    });
    let names =
        ["Keras", "torchvision", "layer", ">input", ">output", ">MMAC", ">weights KiB", ">input KiB", ">output KiB"];
    let mut text = terminal::table(&names, &rows.collect::<Vec<_>>());
    text.push_str(&format!(
        "\nResNet-50 {}, BatchNorm folded, one image of 224 x 224, float32\n\
         {:.3} GMAC forward, as many for the input gradient; {:.2} million parameters ({:.1} MiB)\n\
         {:.2} million ReLU outputs: {:.2} MiB of gate bits where an ordinary backward pass keeps {:.1} MiB\n",
        network.variant,
        network.macs() as f64 / 1e9,
        network.parameters() as f64 / 1e6,
        network.parameters() as f64 * 4.0 / f64::from(1 << 20),
        network.relu_outputs() as f64 / 1e6,
        network.relu_outputs() as f64 / 8.0 / f64::from(1 << 20),
        network.relu_outputs() as f64 * 4.0 / f64::from(1 << 20),
    ));
    text
}

fn as_json(network: &Network) -> serde_json::Value {
    let layers: Vec<_> = layers(network)
        .into_iter()
        .map(|l| {
            json!({
                "name": l.name, "torchvision": l.torchvision, "layer": l.kind,
                "input": l.input, "output": l.output, "macs": l.macs,
                "weight_bytes": l.bytes[0], "input_bytes": l.bytes[1], "output_bytes": l.bytes[2],
            })
        })
        .collect();
    json!({
        "variant": network.variant.as_str(),
        "macs": network.macs(),
        "parameters": network.parameters(),
        "relu_outputs": network.relu_outputs(),
        "layers": layers,
    })
}
