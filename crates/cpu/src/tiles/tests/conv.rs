//! Every kind of op, in every scheme: bitwise against the reference where sums are exact, then on random numbers.

use backlit_net::Rule;
use backlit_reference::ops::{Conv2d, conv2d_dgrad, conv2d_fwd, relu_dgrad, relu_fwd};
use backlit_testkit::compare::{assert_close, assert_same, sum_tolerance};
use backlit_testkit::random::{Random, to_f32, to_f64};

use super::super::conv::{Extra, Machine, Term, run};
use super::super::finish::{Finish, Gate, Residual, halves};
use super::super::layout::Layout;
use super::super::map::{CHANNELS, Map};
use super::super::op::Op;
use super::super::panels::Panels;
use super::super::pool::Pool;
use super::super::scheme::Scheme;
use super::machines;

const N: usize = 3;

fn shape(side: usize, c_in: usize, c_out: usize, kernel: usize, stride: usize) -> Conv2d {
    Conv2d { height: side, width: side, c_in, c_out, kernel, stride, pad: kernel / 2 }
}

/// Maps below, at and above a tile, one block of channels to more than a group.
fn shapes() -> Vec<Conv2d> {
    let mut shapes = Vec::new();
    for (side, kernel, stride) in
        [(1, 1, 1), (1, 3, 1), (3, 3, 1), (4, 1, 1), (4, 3, 2), (6, 1, 2), (7, 3, 1), (7, 1, 1), (8, 3, 2), (13, 3, 1)]
    {
        for (c_in, c_out) in [(32, 32), (64, 96), (160, 32)] {
            shapes.push(shape(side, c_in, c_out, kernel, stride));
        }
    }
    shapes
}

fn of_all(s: &Conv2d, x: &[f64], w: &[f64], bias: &[f64]) -> Vec<f64> {
    let mut y = vec![f64::NAN; N * s.output_len()];
    x.chunks(s.input_len()).zip(y.chunks_mut(s.output_len())).for_each(|(x, y)| conv2d_fwd(s, x, w, bias, y));
    y
}

fn back_of_all(s: &Conv2d, dy: &[f64], w: &[f64]) -> Vec<f64> {
    let mut dx = vec![f64::NAN; N * s.input_len()];
    dy.chunks(s.output_len()).zip(dx.chunks_mut(s.input_len())).for_each(|(dy, dx)| conv2d_dgrad(s, dy, w, dx));
    dx
}

/// NHWC to `[block][n][pixel][32]` and, with `back`, the other way.
fn blocked(values: &[f32], pixels: usize, channels: usize, back: bool) -> Vec<f32> {
    let mut out = vec![f32::NAN; values.len()];
    for i in 0..values.len() {
        let (c, pixel) = (i % channels, i / channels);
        let j = (c / CHANNELS * N * pixels + pixel) * CHANNELS + c % CHANNELS;
        let (from, to) = if back { (j, i) } else { (i, j) };
        out[to] = values[from];
    }
    out
}

/// What one run gave: NHWC from the parts, from the floats, and whether each gate is open.
struct Found {
    parts: Vec<f32>,
    floats: Vec<f32>,
    open: Vec<bool>,
}

fn run_op(machine: Machine, op: &Op, terms: &[Term<'_>], finish: Finish<'_>, channels: usize) -> Found {
    let pool = Pool::default();
    let (pixels, n) = (op.to.pixels(), N);
    let mut to = Map::take(&pool, op.to, n, channels, 3);
    let mut floats = vec![f32::NAN; n * pixels * channels];
    let mut words = vec![0xA5A5_A5A5u32; floats.len() / CHANNELS];
    let relu = matches!(finish.gate, Gate::Relu);
    let extra = Extra { floats: &mut floats, words: if relu { &mut words } else { &mut [] } };
    run(machine, op, terms, finish, &mut to, extra);
    let mut parts = vec![f32::NAN; floats.len()];
    to.unpack(&[1.0; N], &mut parts);
    let bits: Vec<f32> =
        (0..floats.len()).map(|i| if words[i / CHANNELS] >> (i % CHANNELS) & 1 == 1 { 1.0 } else { 0.0 }).collect();
    let open = blocked(&bits, pixels, channels, true).into_iter().map(|b| b == 1.0).collect();
    Found { parts, floats: blocked(&floats, pixels, channels, true), open }
}

/// Layout and op of the forward pass.
fn forward_op(s: &Conv2d) -> (Layout, Op) {
    let side = s.height;
    let to = Layout::Dense { side: s.output().0 };
    match (s.kernel, s.stride) {
        (1, _) => (Layout::Dense { side: side / s.stride }, Op::pointwise(to, 1)),
        (_, 1) => (Layout::Padded { side }, Op::spatial(Layout::Padded { side }, to)),
        _ => (Layout::Split { side }, Op::spatial(Layout::Split { side }, to)),
    }
}

/// Layout and op of the backward pass.
fn back_op(s: &Conv2d) -> (Layout, Op) {
    let (side, half) = (s.height, s.output().0);
    let to = Layout::Dense { side };
    match (s.kernel, s.stride) {
        (1, 1) => (Layout::Dense { side }, Op::pointwise(to, 1)),
        (1, _) => (Layout::Dense { side: half }, Op::pointwise_to_even(to, 1)),
        _ => (Layout::Padded { side: half }, Op::spatial_back(Layout::Padded { side: half }, to)),
    }
}

fn packed(s: &Conv2d, scheme: Scheme, weight: &[f64], back: bool) -> Panels {
    let taps = s.kernel * s.kernel;
    if back {
        Panels::new(scheme, taps, (s.c_out, s.c_in), |t, k, c| weight[(t * s.c_in + c) * s.c_out + k])
    } else {
        Panels::new(scheme, taps, (s.c_in, s.c_out), |t, c, k| weight[(t * s.c_in + c) * s.c_out + k])
    }
}

/// Runs the forward pass on `[N, side, side, c_in]`; a 1x1 of stride 2 reads the even pixels.
fn forward(machine: Machine, s: &Conv2d, scheme: Scheme, x: &[f64], w: &[f64], finish: Finish<'_>) -> Found {
    let pool = Pool::default();
    let (layout, op) = forward_op(s);
    let even = s.kernel == 1 && s.stride == 2;
    let whole = if even { Layout::Dense { side: s.height } } else { layout };
    let mut map = Map::take(&pool, whole, N, s.c_in, scheme.x_parts());
    map.pack(machine.token, &to_f32(x));
    let map = if even { map.even(&pool) } else { map };
    run_op(machine, &op, &[Term { map: &map, panels: &packed(s, scheme, w, false) }], finish, s.c_out)
}

fn backward(machine: Machine, s: &Conv2d, scheme: Scheme, dy: &[f64], w: &[f64], finish: Finish<'_>) -> Found {
    let pool = Pool::default();
    let (layout, op) = back_op(s);
    let mut map = Map::take(&pool, layout, N, s.c_out, scheme.x_parts());
    map.pack(machine.token, &to_f32(dy));
    run_op(machine, &op, &[Term { map: &map, panels: &packed(s, scheme, w, true) }], finish, s.c_in)
}

#[test]
fn bitwise_equal_to_the_reference_where_sums_are_exact() {
    for (name, machine) in machines() {
        for s in &shapes() {
            for scheme in [Scheme::X1, Scheme::X3] {
                let r = Random::new(3);
                // With several parts, numbers that one part does not hold.
                let most = if scheme == Scheme::X1 { 4 } else { 700 };
                let w = r.stream(0).integers(s.kernel * s.kernel * s.c_in * s.c_out, 4);
                let bias = r.stream(1).integers(s.c_out, 9);
                let x = r.stream(2).integers(N * s.input_len(), most);
                let residual = r.stream(3).integers(N * s.output_len(), 9);
                let mut expected = of_all(s, &x, &w, &bias);
                expected.iter_mut().zip(&residual).for_each(|(y, r)| *y += r);
                relu_fwd(&mut expected);

                let pool = Pool::default();
                let dense = Layout::Dense { side: s.output().0 };
                let mut map = Map::take(&pool, dense, N, s.c_out, 1);
                map.pack(machine.token, &to_f32(&residual));
                let places = dense.places();
                let floats = blocked(&to_f32(&residual), dense.pixels(), s.c_out, false);
                for residual in [
                    Residual::Parts(&map, &places),
                    Residual::Floats { values: &floats, pixels: dense.pixels(), places: &places },
                ] {
                    let bias = halves(&to_f32(&bias));
                    let finish = Finish { bias: Some(&bias), residual, gate: Gate::Relu };
                    let found = forward(machine, s, scheme, &x, &w, finish);
                    let what = format!("{name} {scheme:?} {s:?}");
                    assert_same(&what, &found.parts, &to_f32(&expected));
                    assert_same(&what, &found.floats, &to_f32(&expected));
                    assert!(found.open.iter().zip(&expected).all(|(&open, &y)| open == (y > 0.0)), "{what}: gates");
                }

                let dy = r.stream(4).integers(N * s.output_len(), most);
                let below = r.stream(6).integers(N * s.input_len(), 1);
                let bits: Vec<f32> = below.iter().map(|&y| if y > 0.0 { 1.0 } else { 0.0 }).collect();
                let bits = blocked(&bits, s.height * s.width, s.c_in, false);
                let bit = |(l, &b): (usize, &f32)| u32::from(b == 1.0) << l;
                let words: Vec<u32> =
                    bits.chunks(CHANNELS).map(|bits| bits.iter().enumerate().map(bit).sum()).collect();
                for rule in [Rule::Plain, Rule::Guided, Rule::Rectified] {
                    let mut expected = back_of_all(s, &dy, &w);
                    relu_dgrad(rule, &below, &mut expected);
                    let finish = Finish { bias: None, residual: Residual::None, gate: Gate::Rule(rule, &words) };
                    let found = backward(machine, s, scheme, &dy, &w, finish);
                    let what = format!("{name} {scheme:?} {rule} gradient {s:?}");
                    assert_same(&what, &found.parts, &to_f32(&expected));
                    assert_same(&what, &found.floats, &to_f32(&expected));
                }
            }
        }
    }
}

/// A bound on the error of a scheme, for sums of `terms` products of values from -1 to 1.
fn tolerance(scheme: Scheme, terms: usize) -> f64 {
    // Errors of factors and left out products have random signs.
    let (unit, parts) = match scheme {
        Scheme::X1 | Scheme::X2 | Scheme::W2 => (2f64.powi(-8), 2.0),
        Scheme::X3 | Scheme::X4 | Scheme::X5 => (2f64.powi(-16), 1.0),
        _ => (2f64.powi(-24), 1.0),
    };
    4.0 * parts * unit * (terms as f64).sqrt() + sum_tolerance(terms)
}

#[test]
fn every_scheme_is_as_exact_as_it_says() {
    let none = Finish { bias: None, residual: Residual::None, gate: Gate::None };
    for (name, machine) in machines() {
        for s in [shape(7, 160, 32, 3, 1), shape(8, 64, 64, 3, 2), shape(6, 256, 64, 1, 2), shape(5, 320, 64, 1, 1)] {
            let r = Random::new(5);
            let round = |v: Vec<f64>| to_f64(&to_f32(&v));
            let w = round(r.stream(0).values(s.kernel * s.kernel * s.c_in * s.c_out, 1.0));
            let x = round(r.stream(1).values(N * s.input_len(), 1.0));
            let dy = round(r.stream(2).values(N * s.output_len(), 1.0));
            let (y, dx) = (of_all(&s, &x, &w, &vec![0.0; s.c_out]), back_of_all(&s, &dy, &w));
            for scheme in Scheme::ALL {
                let what = format!("{name} {scheme:?} {s:?}");
                let terms = s.kernel * s.kernel * s.c_in;
                let found = forward(machine, &s, scheme, &x, &w, none);
                assert_close(&what, &to_f64(&found.floats), &y, tolerance(scheme, terms));
                let found = backward(machine, &s, scheme, &dy, &w, none);
                let terms = s.kernel * s.kernel * s.c_out;
                assert_close(&format!("{what} back"), &to_f64(&found.floats), &dx, tolerance(scheme, terms));
            }
        }
    }
}

#[test]
fn two_terms_and_a_sparse_residual() {
    // A projection: 1x1 of what the block computed plus 1x1 of what entered it.
    let (side, c) = (6, 64);
    let s = shape(side, c, c, 1, 1);
    let r = Random::new(7);
    let (w0, w1) = (r.stream(0).integers(c * c, 4), r.stream(1).integers(c * c, 4));
    let (x0, x1) = (r.stream(2).integers(N * s.input_len(), 4), r.stream(3).integers(N * s.input_len(), 4));
    let small = r.stream(4).integers(N * s.input_len() / 4, 9);
    let mut expected = of_all(&s, &x0, &w0, &vec![0.0; c]);
    expected.iter_mut().zip(of_all(&s, &x1, &w1, &vec![0.0; c])).for_each(|(y, z)| *y += z);
    for (i, y) in expected.iter_mut().enumerate() {
        let (l, column, row, image) = (i % c, i / c % side, i / c / side % side, i / c / side / side);
        if row % 2 == 0 && column % 2 == 0 {
            *y += small[((image * side / 2 + row / 2) * side / 2 + column / 2) * c + l];
        }
    }
    for (name, machine) in machines() {
        let pool = Pool::default();
        let map = |side: usize, values: &[f64]| {
            let mut map = Map::take(&pool, Layout::Dense { side }, N, c, 1);
            map.pack(machine.token, &to_f32(values));
            map
        };
        let (a, b, small) = (map(side, &x0), map(side, &x1), map(side / 2, &small));
        for to in [Layout::Dense { side }, Layout::Padded { side }, Layout::Split { side }] {
            let op = Op::pointwise(to, 2);
            let (pa, pb) = (packed(&s, Scheme::X1, &w0, false), packed(&s, Scheme::X1, &w1, false));
            let terms = [Term { map: &a, panels: &pa }, Term { map: &b, panels: &pb }];
            let places = op.even_places();
            let finish = Finish { bias: None, residual: Residual::Parts(&small, &places), gate: Gate::None };
            let found = run_op(machine, &op, &terms, finish, c);
            assert_same(&format!("{name} {to:?}"), &found.parts, &to_f32(&expected));
        }
    }
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let machine = machines().pop().expect("the model is always there").1;
    let s = shape(13, 64, 64, 3, 1);
    let r = Random::new(9);
    let (w, x) = (r.stream(0).values(9 * 64 * 64, 1.0), r.stream(1).values(N * s.input_len(), 1.0));
    let finish = Finish { bias: None, residual: Residual::None, gate: Gate::None };
    let found = [1, 2, 5, 16].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a few threads");
        pool.install(|| forward(machine, &s, Scheme::X3, &x, &w, finish).floats)
    });
    assert!(found.iter().all(|f| f.iter().map(|v| v.to_bits()).eq(found[0].iter().map(|v| v.to_bits()))));
}
