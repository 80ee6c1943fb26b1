//! The checker's view of single accesses: what it must report, what it must let pass, and how buffers come and go.

use backlit_cuda_emu::direct::{Memory, Shape, launch};
use backlit_cuda_emu::{Async, Settings, check, with};
use bytemuck::{Pod, Zeroable};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    x: u64,
    y: u64,
    mode: u32,
    pad: u32,
}

const SEEDS: [u64; 3] = [0, 1, 2];

fn probe(mode: u32, blocks: u32, threads: u32, x: u64, y: u64, checked: bool, seed: u64) -> Result<(), String> {
    let shape = Shape { blocks, threads, shared: 256 };
    let timing = if seed == 0 { Async::Lazy } else { Async::Random };
    with(Settings { checked, seed, timing, threads: 1 }, || {
        // SAFETY: the struct is the kernel's; the callers keep the buffers, or free them to see it reported.
        unsafe { launch("single_access", shape, &Params { x, y, mode, pad: 0 }) }
    })
}

/// The first message of a mode under any seed, if there is one.
fn says(mode: u32, blocks: u32, threads: u32) -> Option<String> {
    SEEDS.iter().find_map(|&seed| {
        let (x, y) = (Memory::<u32>::from("x", &[7; 512]), Memory::<u32>::new("y", 512));
        probe(mode, blocks, threads, x.address(), y.address(), true, seed).err()
    })
}

#[test]
fn patterns_without_races_pass() {
    for (mode, blocks, threads) in
        [(0, 3, 64), (1, 2, 128), (3, 4, 128), (4, 4, 128), (7, 3, 128), (9, 1, 32), (10, 4, 128), (11, 2, 128)]
    {
        assert_eq!(says(mode, blocks, threads), None, "mode {mode}");
    }
}

#[test]
fn races_are_reported_with_both_lines() {
    for (mode, blocks, threads, class) in [
        (2, 1, 128, "race: "),
        (5, 3, 32, "race between blocks: "),
        (6, 3, 64, "race between blocks: "),
        (8, 1, 128, ": "),
        (12, 1, 128, "race: "),
    ] {
        let text = says(mode, blocks, threads).unwrap_or_else(|| panic!("mode {mode}: nothing found"));
        assert!(text.contains(class), "mode {mode}: {text}");
        assert!(text.contains("single_access.cu:"), "mode {mode}: {text}");
    }
}

#[test]
fn unwritten_and_poisoned_memory_may_not_be_read() {
    let (x, y) = (Memory::<u32>::from("x", &[7; 64]), Memory::<u32>::new("y", 64));
    let read = |x: u64| probe(10, 1, 64, x, y.address(), true, 0);
    assert_eq!(read(x.address()), Ok(()));
    // SAFETY: the range lies in `x`, and nothing runs.
    unsafe { check::poison(x.address() + 128, 8) };
    check::name(x.address() + 100, 60, "the middle");
    let text = read(x.address()).unwrap_err();
    assert!(text.contains("uninitialised: read of 4 bytes at byte 28 of the middle (byte 128 of x)"), "{text}");
    let fresh = Memory::<u32>::new("fresh", 64);
    let text = read(fresh.address()).unwrap_err();
    assert!(
        text.contains("uninitialised: read of 4 bytes at byte 252 of fresh") || text.contains("byte 0 of fresh"),
        "{text}"
    );
}

#[test]
fn what_a_fast_launch_was_handed_counts_as_written() {
    let (x, y) = (Memory::<u32>::from("x", &[7; 64]), Memory::<u32>::new("y", 64));
    let z = Memory::<u32>::new("z", 64);
    assert_eq!(probe(10, 1, 64, x.address(), y.address(), false, 0), Ok(()));
    assert_eq!(probe(10, 1, 64, y.address(), z.address(), true, 0), Ok(()), "y was written by the fast launch");
    let text = probe(10, 1, 64, Memory::<u32>::new("other", 64).address(), z.address(), true, 0).unwrap_err();
    assert!(text.contains("other"), "{text}");
}

#[test]
fn freed_memory_is_named() {
    let y = Memory::<u32>::new("y", 64);
    let gone = Memory::<u32>::from("gone", &[1; 64]).address();
    let text = probe(10, 1, 64, gone, y.address(), true, 0).unwrap_err();
    assert!(text.contains("out of bounds: read of 4 bytes") && text.contains("gone, which has been freed"), "{text}");
}

#[test]
fn launches_of_several_threads_are_checked_at_once() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(says(11, 4, 128), None);
                    assert!(says(12, 4, 128).is_some());
                }
            });
        }
    });
}
