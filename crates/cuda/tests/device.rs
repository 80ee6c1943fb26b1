//! Opening devices, and what every operation says when it is asked for what cannot be.

mod common;

use backlit_cuda::ops::fill::Fill;
use backlit_cuda::tensor_map::{Element, Im2col, Swizzle, Tensor};
use backlit_cuda::{Buffer, Cubins, CudaError, Device, Extras, Grid, TensorMap};
use backlit_cuda_emu::{Gpu, fail_call, install, last_error, live, with_gpu};
use common::{FILL, Params, child, in_child, open};

#[test]
fn the_machine_is_described() {
    install();
    with_gpu(Gpu { capability: (8, 6), memory: 4 << 30, mode: 0 }, || {
        assert_eq!(Device::count(), Ok(1));
        let list = Device::list().expect("there is a driver");
        assert_eq!((list[0].arch.as_str(), list[0].memory, list[0].driver), ("sm_86", 4 << 30, (13, 0)));
        assert!(list[0].name.contains("CPU emulator") && list[0].multiprocessors > 0 && list[0].is_supported());
        assert_eq!(Device::open(1).err(), Some(CudaError::NoSuchDevice { ordinal: 1, count: 1 }));
    });
}

#[test]
fn hopper_is_compiled_for_as_hopper() {
    install();
    assert_eq!(open().arch(), "sm_90a");
}

#[test]
fn old_and_closed_devices_are_refused_by_name() {
    install();
    let refused = |gpu: Gpu| with_gpu(gpu, || Device::open(0).err().expect("it is refused").to_string());
    let old = refused(Gpu { capability: (7, 5), ..Gpu::default() });
    assert!(old.contains("is sm_75") && old.contains("sm_80"), "{old}");
    assert!(refused(Gpu { mode: 2, ..Gpu::default() }).contains("prohibited"));
    assert!(refused(Gpu { mode: 3, ..Gpu::default() }).contains("cannot be used now"));
}

#[test]
fn a_failed_launch_takes_the_device_and_says_so() {
    install();
    with_gpu(Gpu::default(), || {
        let device = open();
        let stream = device.stream().expect("a stream");
        let kernel = device.kernel(&FILL, "fill").expect("it loads");
        let y = Buffer::<f32>::new(&device, 10).expect("memory");
        let params = Params { y: y.address(), n: 1 << 20, value: 1.0 };
        // SAFETY: it is not safe at all: the emulator shall see the writes behind the end.
        let error = unsafe { kernel.launch(&stream, Grid::over(1 << 20), &params) }.expect_err("it runs off the end");
        assert!(error.to_string().starts_with("launching fill failed"), "{error}");
        assert!(error.to_string().contains(&last_error()) && !last_error().is_empty(), "{error}");
        assert!(device.lost().is_some());
        let later = y.read(&stream).expect_err("nothing works any more");
        assert!(
            matches!(&later, CudaError::Lost { what, cause, .. }
            if what == "a copy to the host" && cause.contains("launching fill")),
            "{later}"
        );
        assert!(matches!(device.kernel(&common::BROKEN, "x"), Err(CudaError::Lost { .. })));
        drop((kernel, y, stream, device));
        assert_eq!(live(), 0);
        assert!(Buffer::<f32>::new(&open(), 10).is_ok(), "a new context is a new start");
    });
}

#[test]
fn grids_and_kernels_that_are_not_there_are_refused_without_harm() {
    install();
    let device = open();
    let stream = device.stream().expect("a stream");
    let error = device.kernel(&FILL, "no_such_kernel").err().expect("it is not there");
    assert!(error.to_string().starts_with("finding the kernel no_such_kernel failed"), "{error}");
    let kernel = device.kernel(&FILL, "fill").expect("it loads");
    let y = Buffer::<f32>::new(&device, 10).expect("memory");
    let params = Params { y: y.address(), n: 10, value: 1.0 };
    let launch = |grid| {
        // SAFETY: the parameters are right; the grid is refused.
        unsafe { kernel.launch(&stream, grid, &params) }
    };
    let shared = |bytes| Grid { shared: bytes, ..Grid::linear(1, 32) };
    assert!(matches!(launch(Grid::over(0)), Err(CudaError::Shape { op: "fill", .. })));
    assert!(matches!(launch(Grid::linear(1, 1025)), Err(CudaError::Shape { .. })));
    assert!(matches!(launch(shared(49153)), Err(CudaError::Shape { .. })));
    kernel.allow_shared(100_000).expect("there is as much");
    launch(shared(100_000)).expect("it was allowed");
    assert!(matches!(kernel.allow_shared(device.shared_limit() + 1), Err(CudaError::Shape { .. })));
    assert_eq!(kernel.resources().expect("it tells").threads, 1024);
    assert!(kernel.blocks_per_multiprocessor(shared(100_000)).expect("it tells") == 2);
    assert_eq!(device.lost(), None);
}

#[test]
fn clusters_and_overlap_are_for_sm_90() {
    install();
    let run = |capability, extras| {
        with_gpu(Gpu { capability, ..Gpu::default() }, || {
            let device = open();
            let stream = device.stream().expect("a stream");
            let kernel = device.kernel(&FILL, "fill").expect("it loads");
            let y = Buffer::<f32>::new(&device, 512).expect("memory");
            let params = Params { y: y.address(), n: 512, value: 1.0 };
            // SAFETY: the parameters are the kernel's; it reads nothing that another kernel writes.
            unsafe { kernel.launch_with(&stream, Grid::over(512), extras, &params) }
        })
    };
    let overlap = Extras { overlap: true, ..Extras::default() };
    assert_eq!(run((9, 0), overlap), Ok(()));
    assert!(matches!(run((8, 0), overlap), Err(CudaError::Driver { .. })));
    let cluster = |x| Extras { cluster: Some([x, 1, 1]), ..Extras::default() };
    assert!(matches!(run((8, 0), cluster(2)), Err(CudaError::Driver { .. })));
    assert!(matches!(run((9, 0), cluster(3)), Err(CudaError::Driver { .. })), "2 blocks are no whole cluster of 3");
}

#[test]
fn tensor_maps_are_refused_where_the_driver_refuses_them() {
    install();
    let device = open();
    let memory = Buffer::<u16>::new(&device, 64 * 128).expect("memory");
    let tensor = Tensor {
        address: memory.address(),
        element: Element::F16,
        extents: &[128, 64],
        strides: &[256],
        swizzle: Swizzle::Bytes128,
    };
    let driver = |map: Result<TensorMap, CudaError>| matches!(map.err(), Some(CudaError::Driver { .. }));
    assert!(TensorMap::tiled(&device, tensor, &[64, 64]).is_ok());
    assert!(driver(TensorMap::tiled(&device, Tensor { address: tensor.address + 8, ..tensor }, &[64, 64])));
    assert!(driver(TensorMap::tiled(&device, Tensor { strides: &[248], ..tensor }, &[64, 64])));
    assert!(driver(TensorMap::tiled(&device, tensor, &[64, 257])));
    assert!(driver(TensorMap::tiled(&device, tensor, &[128, 64])), "256 bytes are wider than the swizzle");
    assert!(driver(TensorMap::tiled(&device, tensor, &[4, 64])), "8 bytes are no multiple of 16");
    assert!(matches!(TensorMap::tiled(&device, tensor, &[64]), Err(CudaError::Shape { .. })));
    let image = Tensor { extents: &[64, 8, 8, 2], strides: &[128, 1024, 8192], ..tensor };
    let windows = Im2col { lower: &[-1, -1], upper: &[-1, -1], channels: 64, pixels: 128, stride: 1 };
    assert!(TensorMap::im2col(&device, image, windows).is_ok());
    assert!(driver(TensorMap::im2col(&device, image, Im2col { pixels: 1025, ..windows })));
    assert!(driver(TensorMap::im2col(&device, image, Im2col { lower: &[-129, 0], ..windows })));
    assert!(matches!(TensorMap::im2col(&device, tensor, windows), Err(CudaError::Shape { .. })));
    with_gpu(Gpu { capability: (8, 0), ..Gpu::default() }, || {
        assert!(matches!(TensorMap::tiled(&open(), tensor, &[64, 64]), Err(CudaError::Shape { .. })));
    });
}

#[test]
fn a_source_that_does_not_compile_shows_the_log() {
    install();
    let error = open().kernel(&common::BROKEN, "x").err().expect("it does not compile");
    assert!(
        matches!(&error, CudaError::Compile { log, arch, .. } if log.contains("#error on purpose") && arch == "sm_90a")
    );
}

#[test]
fn threads_share_a_device() {
    install();
    let device = open();
    std::thread::scope(|scope| {
        for value in 0..4 {
            let device = &device;
            scope.spawn(move || {
                let stream = device.stream().expect("a stream");
                let mut y = Buffer::<f32>::new(device, 100).expect("memory");
                let fill = Fill::prepare(device).expect("it loads");
                fill.launch(&stream, &mut y, value as f32).expect("it runs");
                assert_eq!(y.read(&stream).expect("it is there"), [value as f32; 100]);
            });
        }
    });
}

#[test]
fn an_error_while_something_is_dropped_is_not_forgotten() {
    install();
    with_gpu(Gpu::default(), || {
        let device = open();
        let y = Buffer::<f32>::new(&device, 4).expect("memory");
        // Binding the context is the first call, freeing the second.
        fail_call(2, 700);
        drop(y);
        assert!(device.lost().expect("it is lost").contains("nobody waited for"));
    });
}

#[test]
fn machines_without_what_is_needed_say_so() {
    let empty = tempfile::tempdir().expect("a folder");
    let empty = empty.path().to_str().expect("a name");
    assert!(child("open", &[("BACKLIT_EMU_DRIVER", "12040")]).contains("supports CUDA 12.4, and 13.0 is needed"));
    assert!(child("open", &[("BACKLIT_EMU_DEVICES", "0")]).contains("found no GPU"));
    assert!(child("open", &[("BACKLIT_EMU_FAIL", "3:46")]).contains("failed"));
    assert!(child("open", &[("BACKLIT_EMU_ARCH", "sm_75")]).contains("sm_75"));
    assert!(child("open", &[("BACKLIT_EMU_MEMORY", "1k")]).contains("1024"));
    assert!(child("open", &[("BACKLIT_NVRTC_DIR", empty)]).contains("no libnvrtc 13 was found"));
    assert!(child("open", &[("BACKLIT_EMU_NVRTC", "12.9")]).contains("it is version 12.9, and 13 is needed"));
    assert!(child("open", &[]).contains("all is well"));
}

/// The part of the test above that runs in processes of its own.
#[test]
fn child_open() {
    in_child("open", || {
        let done = Device::open_with(0, &Cubins::Nowhere).and_then(|device| {
            Fill::prepare(&device)?;
            Buffer::<f32>::new(&device, 1000)?;
            Ok(())
        });
        match done {
            Ok(()) => "all is well".into(),
            Err(error) => error.to_string(),
        }
    });
}
