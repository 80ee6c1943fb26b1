//! fill on the stand-in driver.

use backlit_cuda::ops::fill::Fill;
use backlit_cuda::{Buffer, Device};
use backlit_cuda_emu::{Settings, install, with};

#[test]
fn every_element_is_set() {
    install();
    let device = Device::open(0).expect("the stand-in opens");
    let stream = device.stream().expect("a stream");
    let fill = Fill::prepare(&device).expect("it loads");
    for checked in [false, true] {
        let mut y = Buffer::<f32>::new(&device, 1000).expect("memory");
        with(Settings { checked, ..Settings::default() }, || fill.launch(&stream, &mut y, 3.0)).expect("it runs");
        assert_eq!(y.read(&stream).expect("it is there"), vec![3.0; 1000]);
    }
}
