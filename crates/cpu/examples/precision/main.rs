//! What precision costs and what it saves: the error of many recipes against float64, and the work of the tiles.
//!
//! ```text
//! precision WEIGHTS                compares all recipes and prints the table
//! precision WEIGHTS --write DOCS   writes it into DOCS/cpu-precision.md, and the plot into DOCS/images
//! precision WEIGHTS NAME ...       only these: FORWARD/BACK[+s][+b2]
//! ```
//!
//! FORWARD is `f32`, a scheme such as `x3`, four of them for the four stages, or three for reduce, 3x3 and expand with
//! projection (`x3,x2,x3`); BACK a scheme; `+s` keeps the shortcut in float32 forward, `+b2` in two parts back.
//! Photographs are those of the folder `$BACKLIT_GOLDEN`, else the one of this repository.
//!
//! Tiles are multiplied in software, exactly as the instruction does it. So errors are those of AMX; times are a
//! count of products at a peak rate, not a measurement.

mod report;

use std::path::Path;

use backlit_cpu::layers::{Recipe, Scheme};
use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::arch::{Network, Role};
use backlit_net::weights::Weights;
use backlit_net::{Engine, Images, Rule, Seeds};
use backlit_saliency::{MapOptions, saliency_map};
use backlit_testkit::compare::{correlation, median, relative_l2};
use backlit_testkit::golden::{Golden, one_hot};
use backlit_testkit::random::to_f64;

use report::Point;

/// The recipes of the table.
const POINTS: &[&str] = &[
    "x1/x1",
    "x1/x1+s",
    "x2/x1",
    "w2/x1",
    "x3/x1",
    "x3/x1+s",
    "x3/x1+b2",
    "x3/x2",
    "x4/x1",
    "x5/x1",
    "x6/x1",
    "x6/x1+b2",
    "x6/x2",
    "x6/x3",
    "f32/x1",
    "f32/x1+b2",
    "x3,x3,x3,x1/x1",
    "x3,x3,x3,x2/x1",
    "x3,x3,x3,w2/x1",
    "x1,x3,x3,x3/x1",
    "x4,x3,x3,x3/x1",
    "x5,x3,x3,x3/x1",
    "x6,x3,x3,x3/x1",
    "x6,x3,x3,x3/x1+b2",
    "x6,x3,x3,x3/x2",
    "x6,x4,x3,x3/x1",
    "x6,x6,x3,x3/x1",
    "x6,x6,x6,x3/x1",
    "x2,x3,x3/x1",
    "x3,x2,x3/x1",
    "x3,x3,x2/x1",
    "x3,w2,x3/x1",
    "x6,x3,x6/x1",
    "x3,x6,x3/x1",
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (weights, rest) = arguments.split_first().expect("a weights file");
    let weights = Weights::open(weights.as_ref()).expect("readable weights");
    let (write, names): (Option<&String>, Vec<&str>) = match rest {
        [] => (None, POINTS.to_vec()),
        [flag, docs] if flag == "--write" => (Some(docs), POINTS.to_vec()),
        names => (None, names.iter().map(String::as_str).collect()),
    };
    let photographs = Golden::all();
    let point = |name: &&str| {
        let point = measure(&weights, name, &photographs);
        println!("{}", point.row());
        point
    };
    let points: Vec<Point> = names.iter().map(point).collect();
    if let Some(docs) = write {
        report::write(Path::new(docs), &points, photographs.len()).expect("a folder that can be written to");
    }
}

fn scheme(name: &str) -> Scheme {
    Scheme::ALL.into_iter().find(|s| format!("{s:?}").eq_ignore_ascii_case(name)).expect("x1 to x6, or w2")
}

/// The recipe of a name, and whether it goes forward in float32.
fn recipe(network: &Network, name: &str) -> (Recipe, bool) {
    let (forward, rest) = name.split_once('/').expect("FORWARD/BACK");
    let (back, flags) = rest.split_once('+').unwrap_or((rest, ""));
    let float_forward = forward == "f32";
    let list: Vec<Scheme> = if float_forward { vec![Scheme::X6] } else { forward.split(',').map(scheme).collect() };
    let mut recipe = Recipe::uniform(list[0], scheme(back));
    recipe.exact_shortcut = flags.contains('s');
    recipe.back_parts = if flags.contains("b2") { 2 } else { 1 };
    for block in &network.blocks {
        for conv in block.convs() {
            let which = match (list.len(), conv.role) {
                (1, _) | (3, Role::Reduce) => 0,
                (3, Role::Spatial) => 1,
                (3, _) => 2,
                _ => block.stage - 2,
            };
            recipe.forward[conv.index] = list[which];
        }
    }
    (recipe, float_forward)
}

fn measure(weights: &Weights, name: &str, photographs: &[(String, Golden)]) -> Point {
    let (recipe, float_forward) = recipe(weights.network(), name);
    let options = CpuOptions { software_tiles: true, ..CpuOptions::default() };
    let cpu = Cpu::with_recipe(weights, options, recipe, float_forward).expect("an engine");
    let (mut logits, mut gradient, mut map) = (Vec::new(), Vec::new(), Vec::new());
    for (_, golden) in photographs {
        let (input, rows) = (golden.input(), golden.targets().map(one_hot).concat());
        let seeds = Seeds::Rows { data: &rows, per_image: 2 };
        let found = cpu.gradient(Images::new(&input).expect("an image"), seeds, Rule::Plain).expect("an answer");
        logits.push(relative_l2(&to_f64(&found.logits), &golden.values("logits")));
        for (seed, key) in ["grad_top1", "grad_second"].into_iter().enumerate() {
            gradient.push(relative_l2(&to_f64(found.of(0, seed)), &golden.values(key)));
        }
        let smooth = saliency_map(found.of(0, 0), &MapOptions::default()).expect("a map");
        map.push(correlation(&to_f64(&smooth.map.values), &golden.values("smooth_sigma5")));
    }
    Point {
        name: name.to_string(),
        float_forward,
        tile_macs: cpu.tile_macs(),
        logits: median(&logits),
        gradient: median(&gradient),
        worst: gradient.iter().fold(0.0, |worst, &error| error.max(worst)),
        map: map.iter().fold(1.0, |least, &c| c.min(least)),
    }
}
