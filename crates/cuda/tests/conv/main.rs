//! conv: every kernel of the table against the reference, on the stand-in driver.

mod case;
mod whole;

use backlit_cuda::ops::conv::{ConvShape, Direction, ResidualShape, RowOrder, Rule, VARIANTS, Variant};
use backlit_cuda_emu::{Async, Settings};
use case::{Case, single};

use Direction::{Dgrad, Forward};

/// Ways of running a kernel. Data whose sums are rounded show nothing more about order and timing, and a kernel without
/// shared memory has no asynchronous copies.
fn ways(variant: &Variant, exact: bool) -> Vec<Settings> {
    let fast = |seed, timing| Settings { checked: false, seed, timing, threads: 1 };
    let checked = |seed, timing| Settings { checked: true, seed, timing, threads: 1 };
    let all = [
        fast(0, Async::Lazy),
        fast(0, Async::Eager),
        fast(11, Async::Random),
        fast(12, Async::Random),
        checked(0, Async::Lazy),
        checked(13, Async::Random),
    ];
    match (exact, variant.shared) {
        (false, _) => vec![all[0]],
        (true, 0) => vec![all[0], all[4]],
        (true, _) => all.to_vec(),
    }
}

/// All kernels that take a shape, on exact and on random data, in every way of running.
fn sweep(what: &str, shape: &ConvShape, n: usize, change: impl Fn(&mut Case)) {
    let mut ran = 0;
    for variant in VARIANTS.iter().filter(|v| v.direction == shape.direction && shape.channels.is_multiple_of(v.tile.1))
    {
        for exact in [true, false] {
            let mut case = Case::new(shape, n, variant.arithmetic, exact, 7);
            change(&mut case);
            let sums = case.sums();
            for settings in ways(variant, exact) {
                let name = format!("{what}, {}, {settings:?}", variant.kernel);
                case.check(&name, &sums, &case.run(Some(variant), settings));
                ran += 1;
            }
        }
    }
    assert!(ran > 0, "{what}: no kernel ran");
}

/// A launch of two terms, 1x1 each: the second of `stride`.
fn joined(direction: Direction, side: usize, channels: [usize; 3], stride: usize) -> ConvShape {
    let mut shape = single(direction, side, channels[0], channels[0], 1, 1);
    let second = match direction {
        Direction::Forward => single(direction, side * stride, channels[1], channels[2], 1, stride),
        Direction::Dgrad => single(direction, side, channels[2], channels[1], 1, stride),
    };
    shape.terms[0].channels = channels[0];
    shape.terms.push(second.terms[0]);
    shape.channels = channels[2];
    shape.order = second.order;
    shape
}

#[test]
fn a_3x3_forward() {
    sweep("3x3", &single(Forward, 7, 64, 64, 3, 1), 2, |_| ());
}

#[test]
fn a_3x3_dgrad() {
    sweep("3x3", &single(Dgrad, 7, 64, 64, 3, 1), 2, |_| ());
}

#[test]
fn a_3x3_with_stride_2_forward_whose_gates_are_in_either_order() {
    let mut shape = single(Forward, 8, 64, 64, 3, 2);
    sweep("raster", &shape, 1, |_| ());
    shape.order = RowOrder::Parity;
    sweep("parity", &shape, 1, |_| ());
}

#[test]
fn a_3x3_with_stride_2_dgrad_goes_class_by_class() {
    sweep("3x3/2", &single(Dgrad, 6, 128, 64, 3, 2), 1, |case| case.rule = Some(Rule::Guided));
}

#[test]
fn a_1x1_with_stride_2_both_ways_some_classes_without_a_tap() {
    sweep("1x1/2", &single(Forward, 8, 64, 128, 1, 2), 2, |_| ());
    sweep("1x1/2", &single(Dgrad, 8, 128, 64, 1, 2), 1, |_| ());
    let mut shape = single(Dgrad, 8, 64, 64, 1, 2);
    shape.residual = Some(ResidualShape::plain(8));
    sweep("1x1/2 and a residual", &shape, 1, |_| ());
}

#[test]
fn two_terms_share_an_accumulator() {
    for (direction, stride) in [(Forward, 1), (Forward, 2), (Dgrad, 1), (Dgrad, 2)] {
        sweep("two terms", &joined(direction, 6, [64, 128, 128], stride), 1, |case| case.rule = Some(Rule::Rectified));
    }
}

#[test]
fn residuals_pixel_by_pixel_and_with_strides() {
    let mut shape = single(Forward, 4, 64, 64, 1, 1);
    shape.residual = Some(ResidualShape::plain(4));
    sweep("plain", &shape, 2, |_| ());
    sweep("in place", &shape, 1, |case| case.in_place = true);
    shape.residual = Some(ResidualShape { side: 8, stride_read: 2, stride_write: 1 });
    sweep("reading even pixels", &shape, 2, |_| ());
    let mut shape = single(Dgrad, 8, 64, 64, 1, 1);
    shape.residual = Some(ResidualShape { side: 4, stride_read: 1, stride_write: 2 });
    sweep("writing even pixels", &shape, 2, |_| ());
    shape.order = RowOrder::Parity;
    sweep("writing even pixels in parity order", &shape, 1, |_| ());
}

#[test]
fn a_gradient_without_gates_and_a_forward_pass_without_relu() {
    sweep("raw", &single(Dgrad, 5, 64, 64, 1, 1), 1, |case| case.rule = None);
    sweep("raw", &single(Forward, 5, 64, 64, 1, 1), 1, |case| {
        case.rule = None;
        case.relu = false;
        case.bias = None;
    });
}

#[test]
fn rows_that_fill_many_tiles_and_a_ragged_one() {
    sweep("three tiles and a bit", &single(Forward, 10, 64, 128, 1, 1), 4, |_| ());
    sweep("three tiles and a bit", &single(Dgrad, 10, 128, 64, 1, 1), 4, |_| ());
}
