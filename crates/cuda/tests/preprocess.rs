//! preprocess on the stand-in driver: the bits of the host.

mod modes;

use backlit_cuda::ops::preprocess::Preprocess;
use backlit_cuda::{Buffer, CudaError};
use backlit_net::preprocess::Preprocessing;
use modes::{all, assert_bits, device, run};

#[test]
fn every_value_of_every_channel_has_the_bits_of_the_host() {
    let (device, stream) = device();
    // Every value in every channel, channels apart from each other.
    let rgb: Vec<u8> = (0..300u32).flat_map(|i| [i as u8, (i + 77) as u8, (3 * i + 5) as u8]).collect();
    let pixels = Buffer::from_slice(&device, &rgb).expect("memory");
    for preprocessing in [Preprocessing::Caffe, Preprocessing::Torch] {
        let kernel = Preprocess::prepare(&device, preprocessing).expect("it loads");
        let mut expected = vec![f32::NAN; rgb.len()];
        preprocessing.apply(&rgb, &mut expected);
        for mode in all() {
            let y = Buffer::<f32>::new(&device, rgb.len()).expect("memory");
            run(mode, &stream, || kernel.launch(&stream, 300, (&pixels).into(), (&y).into()));
            assert_bits(preprocessing.channel_order(), &y.read(&stream).expect("a copy"), &expected);
        }
        let y = Buffer::<f32>::new(&device, 3 * 301).expect("memory");
        let refused = kernel.launch(&stream, 301, (&pixels).into(), (&y).into());
        assert!(matches!(refused, Err(CudaError::Shape { .. })));
    }
}
