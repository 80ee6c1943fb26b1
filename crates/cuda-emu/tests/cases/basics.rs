//! Kernels that any device runs.

use backlit_cuda_emu::direct::Memory;
use bytemuck::{Pod, Zeroable};

use super::{Case, Outcome, numbers, outcome};

/// `x, y, a, b`: two buffers, two numbers; the kernels' structs are all of this form.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Xy {
    x: u64,
    y: u64,
    a: u32,
    b: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Y {
    y: u64,
    bug: u32,
    pad: u32,
}

pub(crate) const BARRIER: Case = Case {
    title: "barrier missing",

    kernel: "planted_barrier",
    source: include_str!("../../kernels/planted_barrier.cu"),
    bug: 1,
    classes: &["race: "],
    lines: &["store", "load"],
    run: |bug| {
        let values = numbers(64);
        let (x, y) = (Memory::from("x", &values), Memory::<f32>::new("y", 64));
        let expected: Vec<f32> = values.iter().rev().copied().collect();
        let p = Xy { x: x.address(), y: y.address(), a: bug, b: 0 };
        outcome("planted_barrier", [1, 64, 256], &p, || y.read(), &expected)
    },
};

fn pipeline(bug: u32) -> Outcome {
    let values = numbers(256 * 5);
    let (x, y) = (Memory::from("x", &values), Memory::<f32>::new("y", 256));
    let at = |i: usize| (i / 4 + 33) % 64 * 4 + i % 4;
    let expected: Vec<f32> = (0..256).map(|i| (0..5).map(|k| values[k * 256 + at(i)]).sum()).collect();
    let p = Xy { x: x.address(), y: y.address(), a: 5, b: bug };
    outcome("planted_pipeline", [1, 64, 2048], &p, || y.read(), &expected)
}

pub(crate) const SECOND_BARRIER: Case = Case {
    title: "second barrier of a pipeline step missing",

    kernel: "planted_pipeline",
    source: include_str!("../../kernels/planted_pipeline.cu"),
    bug: 1,
    classes: &["race: ", "missing wait: "],
    lines: &["copy", "load"],
    run: pipeline,
};

pub(crate) const WAIT: Case = Case {
    title: "cp.async waits for a group too few",
    bug: 2,
    classes: &["missing wait: ", "uninitialised: "],
    lines: &["load"],
    ..SECOND_BARRIER
};

pub(crate) const ROWS: Case = Case {
    title: "row bound not tested",

    kernel: "planted_rows",
    source: include_str!("../../kernels/planted_rows.cu"),
    bug: 1,
    classes: &["out of bounds: read of 4 bytes at byte "],
    lines: &["copy"],
    run: |bug| {
        let values = numbers(20 * 32);
        let (x, y) = (Memory::from("x", &values), Memory::<f32>::new("y", 20 * 32));
        let p = Xy { x: x.address(), y: y.address(), a: 20, b: bug };
        outcome("planted_rows", [3, 256, 0], &p, || y.read(), &values)
    },
};

pub(crate) const SHARED: Case = Case {
    title: "write past shared memory",

    kernel: "planted_shared",
    source: include_str!("../../kernels/planted_shared.cu"),
    bug: 1,
    classes: &["out of bounds: write of 4 bytes at byte 256 of shared memory"],
    lines: &["store"],
    run: |bug| {
        let values = numbers(64);
        let (x, y) = (Memory::from("x", &values), Memory::<f32>::new("y", 64));
        let expected: Vec<f32> = (0..64).map(|t| values[t] + values[(t + 1) % 64]).collect();
        let p = [x.address(), y.address()];
        outcome("planted_shared", [1, 64, if bug == 1 { 256 } else { 260 }], &p, || y.read(), &expected)
    },
};

pub(crate) const MISALIGNED: Case = Case {
    title: "4-byte store at a 2-byte address",

    kernel: "planted_misaligned",
    source: include_str!("../../kernels/planted_misaligned.cu"),
    bug: 1,
    classes: &["misaligned: write of 4 bytes at byte"],
    lines: &["store"],
    run: |bug| {
        let y = Memory::<u16>::new("y", 66);
        let expected: Vec<u16> = (0..64).collect();
        let p = Y { y: y.address(), bug, pad: 0 };
        outcome("planted_misaligned", [1, 32, 0], &p, || y.read()[..64].to_vec(), &expected)
    },
};

pub(crate) const BLOCKS: Case = Case {
    title: "two blocks write one output",

    kernel: "planted_blocks",
    source: include_str!("../../kernels/planted_blocks.cu"),
    bug: 1,
    classes: &["race between blocks: write of 4 bytes at byte"],
    lines: &["store"],
    run: |bug| {
        let y = Memory::<u32>::new("y", 192);
        let expected: Vec<u32> = (0..192).collect();
        let p = Y { y: y.address(), bug, pad: 0 };
        outcome("planted_blocks", [3, 64, 0], &p, || y.read(), &expected)
    },
};

pub(crate) const TILE: Case = Case {
    title: "part of a tile never written",

    kernel: "planted_tile",
    source: include_str!("../../kernels/planted_tile.cu"),
    bug: 1,
    classes: &["uninitialised: read of 4 bytes at byte"],
    lines: &["load"],
    run: |bug| {
        let values = numbers(64);
        let (x, y) = (Memory::from("x", &values), Memory::<f32>::new("y", 64));
        let expected: Vec<f32> = (0..64).map(|t| values[t % 8 * 8 + t / 8]).collect();
        let p = Xy { x: x.address(), y: y.address(), a: bug, b: 0 };
        outcome("planted_tile", [1, 64, 256], &p, || y.read(), &expected)
    },
};

pub(crate) const DIVERGENT: Case = Case {
    title: "barrier in a divergent branch",

    kernel: "planted_divergent",
    source: include_str!("../../kernels/planted_divergent.cu"),
    bug: 1,
    classes: &["divergent barrier"],
    lines: &[],
    run: |bug| {
        let y = Memory::<f32>::new("y", 64);
        let p = Y { y: y.address(), bug, pad: 0 };
        outcome("planted_divergent", [1, 64, 256], &p, || y.read(), &[63.0; 64])
    },
};

pub(crate) const SHUFFLE: Case = Case {
    title: "a lane missing from a full-mask shuffle",

    kernel: "planted_shuffle",
    source: include_str!("../../kernels/planted_shuffle.cu"),
    bug: 1,
    classes: &["deadlock", "collective"],
    lines: &["shuffle"],
    run: |bug| {
        let y = Memory::<u32>::new("y", 32);
        let p = Y { y: y.address(), bug, pad: 0 };
        outcome("planted_shuffle", [1, 32, 0], &p, || y.read(), &[496; 32])
    },
};

pub(crate) const REGISTERS: Case = Case {
    title: "register array indexed past its end",

    kernel: "planted_registers",
    source: include_str!("../../kernels/planted_registers.cu"),
    bug: 1,
    classes: &["array index out of range: 8"],
    lines: &["sum"],
    run: |bug| {
        let values: Vec<u32> = (1..10).collect();
        let (x, y) = (Memory::from("x", &values), Memory::<u32>::new("y", 1));
        let p = Xy { x: x.address(), y: y.address(), a: bug, b: 0 };
        outcome("planted_registers", [1, 1, 0], &p, || y.read(), &[36])
    },
};

/// Not an error: counted.
pub(crate) const BANKS: Case = Case {
    title: "ldmatrix without swizzle",

    kernel: "planted_banks",
    source: include_str!("../../kernels/planted_banks.cu"),
    bug: 1,
    classes: &[],
    lines: &[],
    run: |bug| {
        let values: Vec<u32> = (0..256).collect();
        let (x, y) = (Memory::from("x", &values), Memory::<u32>::new("y", 128));
        let word = |t: u32, i: u32| (t / 4 + i % 2 * 8) * 16 + i / 2 * 4 + t % 4;
        let expected: Vec<u32> = (0..128).map(|k| word(k / 4, k % 4)).collect();
        let p = Xy { x: x.address(), y: y.address(), a: bug, b: 0 };
        outcome("planted_banks", [1, 32, 1024], &p, || y.read(), &expected)
    },
};
