//! The emulator itself: meetings of threads, asynchronous copies, tensor cores, and what it says when they go wrong.

use backlit_cuda_emu::direct::{Memory, Shape, launch, tensor_map};
use backlit_cuda_emu::statistics::count;
use backlit_cuda_emu::{Async, Settings, with};
use bytemuck::{Pod, Zeroable};

const LAZY: Settings = Settings { checked: false, seed: 0, timing: Async::Lazy, threads: 1 };
const EAGER: Settings = Settings { timing: Async::Eager, ..LAZY };

/// Lazy and eager in fixed order, and three random ones.
fn modes() -> Vec<Settings> {
    let random = |seed| Settings { seed, timing: Async::Random, ..LAZY };
    vec![LAZY, EAGER, random(1), random(2), random(77)]
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Meet {
    out: u64,
    n: u32,
    what: u32,
}

#[test]
fn barriers_shuffles_ballots_and_reductions() {
    let n = 256u32;
    for settings in modes() {
        let out = Memory::<u32>::new("out", n as usize);
        let params = Meet { out: out.address(), n, what: 0 };
        let shape = Shape { blocks: 1, threads: n, shared: 4 * n };
        // SAFETY: the parameters are the kernel's, `out` has a number for each thread.
        with(settings, || unsafe { launch("rt_meet", shape, &params) }).expect("it runs");
        let expected = |t: u32| {
            let warp = t / 32 * 32;
            let sum: u32 = (warp..warp + 32).map(|i| n - 1 - i).sum();
            // The number that the next lane hands down is the same in both halves; upper lanes compare zeros.
            sum + 3_000_000 + 1
        };
        assert_eq!(out.read(), (0..n).map(expected).collect::<Vec<_>>(), "{settings:?}");
    }
}

/// What the emulator says of a kernel whose threads miss each other.
fn miss(what: u32, settings: Settings) -> String {
    let out = Memory::<u32>::new("out", 1024);
    let params = Meet { out: out.address(), n: 1024, what };
    let shape = Shape { blocks: 1, threads: 64, shared: 1024 };
    // SAFETY: the faulty accesses hit guard pages or the emulator's own canary.
    with(settings, || unsafe { launch("rt_miss", shape, &params) }).expect_err("it cannot succeed")
}

#[test]
fn a_deadlock_says_where_each_warp_waits() {
    let text = miss(0, LAZY);
    for part in ["deadlock", "lanes 0-4,6-31 at a shuffle (rt_meet.cu:", "lanes 5 at the end"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = miss(2, LAZY);
    for part in ["warp 0 at barrier 3 (rt_meet.cu:", "warp 1 at the end"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn divergence_is_an_error_with_both_places() {
    for settings in modes() {
        let text = miss(1, settings);
        assert!(text.contains("divergent barrier") && text.contains("rt_meet.cu:"), "{text}");
        let text = miss(3, settings);
        assert!(text.contains("a shuffle") && text.contains("a ballot") && text.contains("rt_meet.cu:"), "{text}");
    }
}

#[test]
fn guard_pages_catch_what_runs_off() {
    let text = miss(4, LAZY);
    assert!(text.contains("guard page") && text.contains("rt_meet.cu:"), "{text}");
    let text = miss(5, LAZY);
    assert!(text.contains("shared memory"), "{text}");
    // The emulator goes on as if nothing had happened.
    barriers_shuffles_ballots_and_reductions();
}

#[test]
fn freed_memory_is_really_gone() {
    for _ in 0..2000 {
        let _ = Memory::<u32>::new("a megabyte", 1 << 18);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident =
        status.lines().find_map(|l| l.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u64>().ok());
    assert!(resident.is_none_or(|kib| kib < 1 << 20), "{resident:?} KiB resident after freeing all");
}

fn bf16(v: f32) -> u16 {
    let u = v.to_bits();
    ((u + 0x7fff + (u >> 16 & 1)) >> 16) as u16
}

/// Small whole numbers: sums are exact, so any order gives the same bits.
fn whole(n: usize, seed: u32) -> Vec<f32> {
    let mut s = seed;
    let mut next = || {
        s = s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (s >> 24) as f32 % 17.0 - 8.0
    };
    (0..n).map(|_| next()).collect()
}

/// c = a b^T by a kernel; the product computed here; what the kernel said.
fn product(
    kernel: &str,
    settings: Settings,
    [m, n, k]: [usize; 3],
    fault: u32,
) -> Result<(Vec<f32>, Vec<f32>), String> {
    #[repr(C)]
    #[derive(Clone, Copy, Pod, Zeroable)]
    struct Plain {
        operands: [u64; 2],
        c: u64,
        sizes: [u32; 4],
    }
    #[repr(C)]
    #[derive(Clone, Copy, Pod, Zeroable)]
    struct Mapped {
        operands: [[u64; 16]; 2],
        c: u64,
        sizes: [u32; 4],
        pad: [u32; 10],
    }
    let (a, b) = (whole(m * k, 1), whole(n * k, 2));
    let sixteen = |v: &[f32]| v.iter().map(|&x| bf16(x)).collect::<Vec<_>>();
    let (da, db) = (Memory::from("a", &sixteen(&a)), Memory::from("b", &sixteen(&b)));
    let dc = Memory::<f32>::new("c", m * n);
    let sizes = [m as u32, n as u32, k as u32, fault];
    let blocks = (m.div_ceil(64) * n.div_ceil(64)) as u32;
    with(settings, || {
        if kernel == "rt_mma" {
            let params = Plain { operands: [da.address(), db.address()], c: dc.address(), sizes };
            // SAFETY: the parameters are the kernel's, the buffers as large as it says.
            unsafe { launch(kernel, Shape { blocks, threads: 128, shared: 16384 }, &params) }
        } else {
            let map = |x, rows: usize| tensor_map(x, [rows as u32, k as u32], [64, 64], 3);
            let params = Mapped { operands: [map(&da, m), map(&db, n)], c: dc.address(), sizes, pad: [0; 10] };
            // SAFETY: as above.
            unsafe { launch(kernel, Shape { blocks, threads: 160, shared: 65536 + 64 }, &params) }
        }
    })?;
    let mut expected = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            expected[i * n + j] = (0..k).map(|q| a[i * k + q] * b[j * k + q]).sum();
        }
    }
    Ok((dc.read(), expected))
}

#[test]
fn products_are_exact_in_every_mode() {
    for kernel in ["rt_mma", "rt_wgmma"] {
        for settings in modes() {
            for sizes in [[136, 72, 136], [50, 34, 520], [64, 64, 8]] {
                for threads in [1, 2] {
                    let (got, expected) = product(kernel, Settings { threads, ..settings }, sizes, 0).expect("it runs");
                    assert!(got == expected, "{kernel} {settings:?} {sizes:?}");
                }
            }
        }
    }
}

#[test]
fn lazy_copies_show_a_missing_wait_and_eager_ones_a_missing_barrier() {
    let (got, _) = product("rt_mma", LAZY, [64, 64, 256], 1).expect("it runs");
    assert!(got.iter().any(|v| v.is_nan()), "lazily, what was not waited for is not there");
    let (got, expected) = product("rt_mma", EAGER, [64, 64, 256], 1).expect("it runs");
    assert_eq!(got, expected, "eagerly, nobody notices");
    let (got, expected) = product("rt_mma", EAGER, [64, 64, 256], 2).expect("it runs");
    assert_ne!(got, expected, "eagerly, a stage is overwritten under its readers");
    let (got, expected) = product("rt_wgmma", LAZY, [64, 64, 640], 1).map_or((vec![], vec![0.0]), |x| x);
    assert_ne!(got, expected, "lazily, the tensor copy has not come");
}

#[test]
fn a_swizzle_frees_the_banks_and_is_counted() {
    let (result, s) = count(|| product("rt_mma", LAZY, [128, 128, 64], 0));
    result.expect("it runs");
    assert_eq!((s.blocks, s.mma), (4, 4 * 4 * 4 * 8));
    assert_eq!((s.ldmatrix_passes, s.copy_passes), (s.ldmatrix_ideal, s.copy_ideal));
}
