//! convert on the stand-in driver.

mod modes;

use backlit_cuda::ops::conv::{RowOrder, gates};
use backlit_cuda::ops::convert::Convert;
use backlit_cuda::{Buffer, CudaError};
use backlit_net::Rule;
use backlit_reference::ops::relu_dgrad;
use backlit_testkit::random::{Random, to_f32, to_f64};
use modes::{KINDS, Kind, Tensor, all, assert_bits, device, run, stored};

#[test]
fn there_and_back() {
    let (device, stream) = device();
    let convert = Convert::prepare(&device).expect("it loads");
    let (n, len) = (3, 254);
    let mut x = to_f32(&Random::new(1).values(n * len, 300.0));
    (x[0], x[1], x[2], x[3]) = (6e4, -6e4, 0.0, 6e-8);
    let buffer = Buffer::from_slice(&device, &x).expect("memory");
    let scales = [0.25f32, 1.0, 1024.0];
    let unscale = Buffer::from_slice(&device, &scales).expect("memory");
    for (kind, mode) in KINDS.into_iter().flat_map(|k| all().map(move |m| (k, m))) {
        let what = format!("{kind:?} {mode:?}");
        let packed = Tensor::new(&device, kind, n * len);
        run(mode, &stream, || convert.pack(&stream, n * len, (&buffer).into(), packed.planes()));
        let expected: Vec<f32> = x.iter().map(|&v| stored(kind, v)).collect();
        assert_bits(&what, &packed.read(&stream), &expected);
        for unscale in [None, Some((&unscale).into())] {
            let back = Buffer::<f32>::new(&device, n * len).expect("memory");
            run(mode, &stream, || convert.unpack(&stream, [n, len], packed.planes(), unscale, (&back).into()));
            let scale = |i: usize| if unscale.is_some() { scales[i / len] } else { 1.0 };
            let expected: Vec<f32> = expected.iter().enumerate().map(|(i, v)| v * scale(i)).collect();
            assert_bits(&what, &back.read(&stream).expect("a copy"), &expected);
        }
    }
}

#[test]
fn what_is_beyond_the_range_is_seen() {
    let (device, stream) = device();
    let convert = Convert::prepare(&device).expect("it loads");
    let x = Buffer::from_slice(&device, &[1e6f32, -1e6, 1.0, 2.0]).expect("memory");
    for kind in [Kind::F16, Kind::Split] {
        let packed = Tensor::new(&device, kind, 4);
        convert.pack(&stream, 4, (&x).into(), packed.planes()).expect("it runs");
        let found = packed.read(&stream);
        assert!(found[..2].iter().all(|v| !v.is_finite()), "{kind:?}: {found:?}");
        assert_eq!(found[2..], [1.0, 2.0]);
    }
}

#[test]
fn gates_are_found_in_both_orders() {
    let (device, stream) = device();
    let convert = Convert::prepare(&device).expect("it loads");
    for (order, n, side, channels) in [(RowOrder::Raster, 3, 7, 128), (RowOrder::Parity, 2, 6, 64)] {
        let len = n * side * side * channels;
        let bits: Vec<bool> = (0..len).map(|i| Random::new(2).bits(i).is_multiple_of(2)).collect();
        let y: Vec<f64> = bits.iter().map(|&b| f64::from(u8::from(b))).collect();
        let words = Buffer::from_slice(&device, &gates::pack(&bits, order, n, side, channels)).expect("memory");
        let g = to_f32(&Random::new(3).integers(len, 5));
        for (rule, kind) in [Rule::Plain, Rule::Guided, Rule::Rectified].into_iter().flat_map(|r| KINDS.map(|k| (r, k)))
        {
            let mut expected = to_f64(&g);
            relu_dgrad(rule, &y, &mut expected);
            for mode in all() {
                let tensor = Tensor::from(&device, kind, &g);
                let shape = [n, side, channels];
                run(mode, &stream, || convert.gate(&stream, shape, order, tensor.planes(), (&words).into(), rule));
                assert_bits(&format!("{order:?} {rule} {kind:?}"), &tensor.read(&stream), &to_f32(&expected));
            }
        }
    }
}

#[test]
fn wrong_lengths_are_refused() {
    let (device, stream) = device();
    let convert = Convert::prepare(&device).expect("it loads");
    let x = Buffer::<f32>::new(&device, 10).expect("memory");
    let (short, odd) = (Tensor::new(&device, Kind::F16, 8), Tensor::new(&device, Kind::F16, 11));
    let refused = |done: Result<(), CudaError>| assert!(matches!(done, Err(CudaError::Shape { .. })), "{done:?}");
    refused(convert.pack(&stream, 10, (&x).into(), short.planes()));
    refused(convert.pack(&stream, 9, (&x).into(), odd.planes()));
    refused(convert.unpack(&stream, [2, 6], odd.planes(), None, (&x).into()));
    let words = Buffer::<u32>::new(&device, 10).expect("memory");
    let gate = |shape, order| convert.gate(&stream, shape, order, odd.planes(), (&words).into(), Rule::Plain);
    refused(gate([1, 3, 64], RowOrder::Parity));
    refused(gate([1, 1, 32], RowOrder::Raster));
    refused(gate([1, 2, 64], RowOrder::Raster));
    convert.pack(&stream, 0, (&x).into(), short.planes()).expect("nothing to do");
}
