//! Kernels with mbarriers, bulk tensor copies and wgmma.

use backlit_cuda_emu::direct::{Memory, tensor_map};
use bytemuck::{Pod, Zeroable};

use super::{Case, Outcome, outcome};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct TmaParams {
    map: [u64; 16],
    y: u64,
    bug: u32,
    pad: [u32; 13],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct RingParams {
    a: [u64; 16],
    b: [u64; 16],
    y: u64,
    steps: u32,
    bug: u32,
    pad: [u32; 12],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ProxyParams {
    x: u64,
    y: u64,
    bug: u32,
    pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct MbarrierParams {
    y: u64,
    bug: u32,
    pad: u32,
}

/// Whole numbers -2..=2 as bf16, with their values.
fn small(n: usize, step: usize) -> (Vec<u16>, Vec<f32>) {
    let values: Vec<f32> = (0..n).map(|i| ((i * step + i / 7) % 5) as f32 - 2.0).collect();
    (values.iter().map(|v| (v.to_bits() >> 16) as u16).collect(), values)
}

/// 64 x 64 products of rows of `depth`.
fn product(a: &[f32], b: &[f32], depth: usize) -> Vec<f32> {
    let dot = |r: usize, c: usize| (0..depth).map(|k| a[r * depth + k] * b[c * depth + k]).sum();
    (0..64 * 64).map(|i| dot(i / 64, i % 64)).collect()
}

fn tma(bug: u32) -> Outcome {
    let values: Vec<u16> = (0..64 * 20).collect();
    let (x, y) = (Memory::from("x", &values), Memory::<u16>::new("y", 1024));
    let p = TmaParams { map: tensor_map(&x, [20, 64], [16, 64], 0), y: y.address(), bug, pad: [0; 13] };
    outcome("planted_tma", [1, 64, 2048 + 8], &p, || y.read(), &values[..1024])
}

pub(crate) const TMA: Case = Case {
    title: "nobody waits for a bulk copy",

    kernel: "planted_tma",
    source: include_str!("../../kernels/planted_tma.cu"),
    bug: 1,
    classes: &["uninitialised: read", "race: "],
    lines: &["load", "copy"],
    run: tma,
};

pub(crate) const LANE: Case = Case { title: "one lane waits, its warp goes on", bug: 2, ..TMA };

pub(crate) const ARRIVALS: Case = Case {
    title: "mbarrier arrived at too often",
    bug: 3,
    classes: &["mbarrier: more arrivals"],
    lines: &["arrive"],
    ..TMA
};

pub(crate) const RING: Case = Case {
    title: "stage handed back before wgmma_wait",

    kernel: "planted_ring",
    source: include_str!("../../kernels/planted_ring.cu"),
    bug: 1,
    classes: &["race: bulk copy"],
    lines: &["wgmma"],
    run: |bug| {
        const STEPS: usize = 6;
        let ((a16, a), (b16, b)) = (small(64 * 64 * STEPS, 3), small(64 * 64 * STEPS, 4));
        let (ma, mb, y) = (Memory::from("a", &a16), Memory::from("b", &b16), Memory::<f32>::new("y", 4096));
        let map = |m: &Memory<u16>| tensor_map(m, [64, 64 * STEPS as u32], [64, 64], 3);
        let p = RingParams { a: map(&ma), b: map(&mb), y: y.address(), steps: STEPS as u32, bug, pad: [0; 12] };
        outcome("planted_ring", [1, 160, 32768 + 32], &p, || y.read(), &product(&a, &b, 64 * STEPS))
    },
};

pub(crate) const PROXY: Case = Case {
    title: "store, then wgmma, no proxy fence",

    kernel: "planted_proxy",
    source: include_str!("../../kernels/planted_proxy.cu"),
    bug: 1,
    classes: &["missing proxy fence: wgmma"],
    lines: &["store", "wgmma"],
    run: |bug| {
        let (x16, x) = small(64 * 16, 3);
        let (mx, y) = (Memory::from("x", &x16), Memory::<f32>::new("y", 4096));
        let p = ProxyParams { x: mx.address(), y: y.address(), bug, pad: 0 };
        outcome("planted_proxy", [1, 128, 8192], &p, || y.read(), &product(&x, &x, 16))
    },
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct StoreParams {
    map: [u64; 16],
    x: u64,
    tiles: u32,
    bug: u32,
    pad: [u32; 12],
}

pub(crate) const STORE_FENCE: Case = Case {
    title: "store, then bulk store, no proxy fence",
    kernel: "planted_store",
    source: include_str!("../../kernels/planted_store.cu"),
    bug: 1,
    classes: &["missing proxy fence: bulk store"],
    lines: &["fill", "store"],
    run: |bug| {
        let values: Vec<u16> = (0..64 * 48).collect();
        let (x, y) = (Memory::from("x", &values), Memory::<u16>::new("y", 64 * 48));
        let expected: Vec<u16> = values.iter().map(|v| 2 * v).collect();
        let p = StoreParams { map: tensor_map(&y, [48, 64], [16, 64], 0), x: x.address(), tiles: 3, bug, pad: [0; 12] };
        outcome("planted_store", [1, 64, 2048], &p, || y.read(), &expected)
    },
};

pub(crate) const STORE_WAIT: Case =
    Case { title: "tile filled again under a bulk store", bug: 2, classes: &["race: write of 4 bytes"], ..STORE_FENCE };

fn mbarrier(bug: u32) -> Outcome {
    let y = Memory::<u32>::new("y", 64);
    let expected: Vec<u32> = (0..64).map(|t| t ^ 63).collect();
    let p = MbarrierParams { y: y.address(), bug, pad: 0 };
    outcome("planted_mbarrier", [1, 64, 256 + 8], &p, || y.read(), &expected)
}

pub(crate) const COUNT: Case = Case {
    title: "mbarrier counts one arrival too few",

    kernel: "planted_mbarrier",
    source: include_str!("../../kernels/planted_mbarrier.cu"),
    bug: 1,
    classes: &["race: ", "uninitialised: "],
    lines: &["load"],
    run: mbarrier,
};

pub(crate) const INIT: Case = Case {
    title: "mbarrier used before its initialisation is ordered",
    bug: 2,
    classes: &["race: ", "used before init"],
    lines: &[],
    ..COUNT
};
