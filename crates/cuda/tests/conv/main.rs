//! conv: every kernel of the table against the reference, on the stand-in driver.

mod case;

use backlit_cuda::ops::conv::{Arithmetic, ConvShape, Direction, ResidualShape, RowOrder, Term, VARIANTS};
use backlit_cuda_emu::{Async, Settings};
use case::{Case, single};

use Direction::{Dgrad, Forward};

/// Ways of running: (small shapes only, settings).
fn ways() -> Vec<(bool, Settings)> {
    let fast = |seed, timing| Settings { checked: false, seed, timing, threads: 1 };
    let checked = |seed, timing| Settings { checked: true, seed, timing, threads: 1 };
    vec![
        (false, fast(0, Async::Lazy)),
        (false, fast(0, Async::Eager)),
        (false, fast(11, Async::Random)),
        (false, fast(12, Async::Random)),
        (true, checked(0, Async::Lazy)),
        (true, checked(13, Async::Random)),
    ]
}

/// All kernels that take a shape, on exact and on random data, in every way of running.
fn sweep(what: &str, shape: &ConvShape, n: usize, change: impl Fn(&mut Case)) {
    let mut ran = 0;
    for variant in VARIANTS.iter().filter(|v| v.direction == shape.direction && shape.channels % v.tile.1 == 0) {
        for exact in [true, false] {
            let mut case = Case::new(shape, n, variant.arithmetic, exact, 7);
            change(&mut case);
            let sums = case.sums();
            for (_, settings) in ways() {
                let name = format!("{what}, {}, {settings:?}", variant.kernel);
                case.check(&name, &sums, &case.run(Some(variant), settings));
                ran += 1;
            }
        }
    }
    assert!(ran > 0, "{what}: no kernel ran");
}

#[test]
fn a_3x3_forward() {
    sweep("3x3", &single(Forward, 7, 64, 64, 3, 1), 2, |_| ());
}

#[test]
fn a_3x3_dgrad() {
    sweep("3x3", &single(Dgrad, 7, 64, 64, 3, 1), 2, |_| ());
}
