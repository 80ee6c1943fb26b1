//! What precision costs: errors of many recipes against float64, counts of tile products.
//!
//! Usage: `precision WEIGHTS [NAME ...]`, with the photographs of `$BACKLIT_GOLDEN` or the one of this repository.

use std::time::Instant;

use backlit_cpu::layers::{Recipe, Scheme};
use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::arch::{CONVS, Conv, Role};
use backlit_net::weights::Weights;
use backlit_net::{Engine, Images, Rule, Seeds};
use backlit_saliency::{MapOptions, saliency_map};
use backlit_testkit::compare::{correlation, median, relative_l2};
use backlit_testkit::golden::{Golden, one_hot};
use backlit_testkit::random::to_f64;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let weights = Weights::open(arguments.next().expect("a weights file").as_ref()).expect("readable weights");
    let network = weights.network();
    let names: Vec<String> = arguments.collect();
    let stage =
        |conv: &Conv| network.blocks.iter().find(|b| b.convs().any(|c| c.index == conv.index)).map_or(1, |b| b.stage);
    for name in names {
        // FORWARD/BACK[+s][+b2], FORWARD = f32 or one scheme or four of them by stage, or by role r,s,e.
        let (forward, rest) = name.split_once('/').expect("FORWARD/BACK");
        let mut rest = rest.split('+');
        let back = scheme(rest.next().expect("BACK"));
        let flags: Vec<&str> = rest.collect();
        let mut recipe = Recipe::uniform(Scheme::X1, back);
        recipe.exact_shortcut = flags.contains(&"s");
        recipe.back_parts = if flags.contains(&"b2") { 2 } else { 1 };
        let list: Vec<&str> = forward.split(',').collect();
        if forward != "f32" {
            assert_eq!(recipe.forward.len(), CONVS);
            for conv in network.convs().skip(1) {
                let which = match list.len() {
                    1 => 0,
                    3 => match conv.role {
                        Role::Reduce => 0,
                        Role::Spatial => 1,
                        _ => 2,
                    },
                    _ => stage(conv) - 2,
                };
                recipe.forward[conv.index] = scheme(list[which]);
            }
        }
        let options = CpuOptions { software_tiles: true, ..CpuOptions::default() };
        let cpu = Cpu::with_recipe(&weights, options, recipe, forward == "f32").expect("an engine");
        let (mut logits, mut errors, mut maps) = (Vec::new(), Vec::new(), Vec::new());
        let start = Instant::now();
        for (_, golden) in Golden::all() {
            let input = golden.input();
            let targets = golden.targets();
            let rows = targets.map(one_hot).concat();
            let seeds = Seeds::Rows { data: &rows, per_image: 2 };
            let found = cpu.gradient(Images::new(&input).expect("an image"), seeds, Rule::Plain).expect("an answer");
            logits.push(relative_l2(&to_f64(&found.logits), &golden.values("logits")));
            for (k, key) in ["grad_top1", "grad_second"].into_iter().enumerate() {
                errors.push(relative_l2(&to_f64(found.of(0, k)), &golden.values(key)));
            }
            let map = saliency_map(found.of(0, 0), &MapOptions::default()).expect("a map");
            maps.push(correlation(&to_f64(&map.map.values), &golden.values("smooth_sigma5")));
        }
        let worst = errors.iter().fold(0.0, |m: f64, &e| m.max(e));
        println!(
            "{name:20} logits {:.1e} gradient {:.1e} / {worst:.1e} map {:.6}   {:.1} s",
            median(&logits),
            median(&errors),
            maps.iter().fold(1.0, |m: f64, &e| m.min(e)),
            start.elapsed().as_secs_f64()
        );
    }
}

fn scheme(name: &str) -> Scheme {
    Scheme::ALL.into_iter().find(|s| format!("{s:?}").eq_ignore_ascii_case(name)).expect("a scheme")
}
