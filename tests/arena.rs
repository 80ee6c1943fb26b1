//! Memory of the CPU engine: once warm, a call allocates its answer and nothing else that is large, whatever threads ask.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::weights::{Naming, Weights};
use backlit_net::{CLASSES, Engine, IMAGE_LEN, Images, Rule, Seeds, Variant};
use backlit_testkit::random::{Random, to_f32};
use backlit_testkit::synthetic::weights_bytes;

/// The system's allocator, with a list of what is asked of it.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

static WATCHING: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
/// What is allocated now, and the most that ever was.
static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Both tests watch the same allocator.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The answer of one image: logits and gradient.
const ANSWER: usize = 4 * (CLASSES + IMAGE_LEN);

// SAFETY: every method hands its arguments to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if WATCHING.load(Relaxed) {
            COUNT.fetch_add(1, Relaxed);
            BYTES.fetch_add(layout.size(), Relaxed);
        }
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if WATCHING.load(Relaxed) {
            COUNT.fetch_add(1, Relaxed);
            BYTES.fetch_add(layout.size(), Relaxed);
        }
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

fn weights(variant: Variant) -> Weights {
    Weights::from_bytes(weights_bytes(variant, Naming::Torchvision, 7), "synthetic").expect("synthetic weights")
}

/// Allocations and bytes of `f`.
fn watched<R>(f: impl FnOnce() -> R) -> (R, usize, usize) {
    COUNT.store(0, Relaxed);
    BYTES.store(0, Relaxed);
    WATCHING.store(true, Relaxed);
    let result = f();
    WATCHING.store(false, Relaxed);
    (result, COUNT.load(Relaxed), BYTES.load(Relaxed))
}

#[test]
fn a_warm_engine_allocates_its_answer() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    [Variant::V1, Variant::V1_5].into_iter().for_each(allocates_its_answer);
}

fn allocates_its_answer(variant: Variant) {
    const N: usize = 3;
    let engine = Cpu::new(&weights(variant), CpuOptions { threads: Some(2), ..CpuOptions::default() }).unwrap();
    let data = to_f32(&Random::new(11).values(N * IMAGE_LEN, 120.0));
    let rows = to_f32(&Random::new(12).values(N * CLASSES, 1.0));
    let (images, seeds) = (Images::new(&data).unwrap(), Seeds::Rows { data: &rows, per_image: 1 });
    let gradient = || engine.gradient(images, seeds, Rule::Plain).unwrap();
    let expected = gradient();
    let (found, count, bytes) = watched(gradient);
    assert!(found == expected);
    // The answer is reserved twice, the first time to see whether that can be. Besides, there are the averages and
    // products of the head, and lists of a few pointers.
    let besides = bytes - 2 * N * ANSWER;
    println!("{variant}: {count} allocations, {besides} bytes besides the answer");
    assert!(besides <= N * 21_000 && count <= 16, "{variant}: {count} allocations, {besides} bytes besides the answer");
}

#[test]
fn a_large_batch_adds_little_but_its_answer() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    [Variant::V1, Variant::V1_5].into_iter().for_each(adds_little_but_its_answer);
}

fn adds_little_but_its_answer(variant: Variant) {
    const N: usize = 24;
    let engine = Cpu::new(&weights(variant), CpuOptions { threads: Some(2), ..CpuOptions::default() }).unwrap();
    let data = to_f32(&Random::new(11).values(N * IMAGE_LEN, 120.0));
    let rows = to_f32(&Random::new(12).values(N * CLASSES, 1.0));
    let peak = |n: usize| {
        let images = Images::new(&data[..n * IMAGE_LEN]).unwrap();
        PEAK.store(NOW.load(Relaxed), Relaxed);
        let before = NOW.load(Relaxed);
        engine.gradient(images, Seeds::Rows { data: &rows[..n * CLASSES], per_image: 1 }, Rule::Plain).unwrap();
        PEAK.load(Relaxed) - before
    };
    // What one image needs, what the images that go together need, and from there on the answer alone.
    let (one, few, many) = (peak(1), peak(8), peak(N));
    println!("{variant}: {one} bytes for one image, {few} more for eight, {many} more for {N}");
    // The first image also makes what every thread keeps for its tiles; the large maps have room for one image only.
    // Where a stage of v1 ends, a quarter of the pixels is kept; v1.5 reads them all.
    let each = if variant == Variant::V1 { 4_000_000 } else { 5_500_000 };
    assert!(one <= 15_000_000 && few <= 8 * each, "{variant}: {one} and {few} bytes");
    assert!(many <= N * ANSWER + 1_000_000, "{variant}: {many} bytes");
}
