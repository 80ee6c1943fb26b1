//! Memory on both sides, and the order of what touches it.

mod common;

use backlit_cuda::ops::fill::Fill;
use backlit_cuda::{Arena, Buffer, Cubins, CudaError, Device, Event, Layout, Pinned};
use backlit_cuda_emu::{Gpu, install, lazy_streams, live, with_gpu, with_gpus};
use common::open;

#[test]
fn parts_of_memory_keep_to_their_bounds() {
    install();
    let device = open();
    let stream = device.stream().expect("a stream");
    let mut layout = Layout::default();
    let (a, b) = (layout.take::<f32>(100), layout.take::<u16>(50));
    let arena = Arena::new(&device, layout.bytes()).expect("memory");
    let (a, b) = (arena.slice::<f32>(a, 100).expect("it fits"), arena.slice::<u16>(b, 50).expect("it fits"));
    assert_eq!((a.address() % 256, b.address() - a.address()), (0, 512));
    a.write_from(&[1.0; 100]).expect("it fits");
    b.write_from(&[7; 50]).expect("it fits");
    let tail = a.slice(90..100).expect("it has these");
    tail.set_bytes(0, &stream).expect("it is queued");
    tail.slice(0..5).and_then(|part| part.copy_from(&a.slice(0..5)?, &stream)).expect("it is queued");
    let read = a.read(&stream).expect("it is there");
    assert_eq!((read[89], read[90], read[94], read[95]), (1.0, 1.0, 1.0, 0.0));
    assert_eq!(b.read(&stream).expect("it is there"), [7; 50]);
    for refused in [
        a.write_from(&[0.0; 101]).err(),
        tail.slice(0..11).err(),
        arena.slice::<f32>(0, usize::MAX).err(),
        arena.slice::<f32>(layout.bytes(), 1).err(),
        arena.slice::<f32>(2, 1).err(),
        tail.copy_from(&a, &stream).err(),
        b.read_into(&mut [0; 51], &stream).err(),
    ] {
        assert!(matches!(refused, Some(CudaError::Shape { .. })), "{refused:?}");
    }
}

#[test]
fn page_locked_memory_is_closed_while_copies_run() {
    install();
    lazy_streams(|| {
        let device = open();
        let stream = device.stream().expect("a stream");
        let host = Pinned::<f32>::new(&device, 8).expect("memory");
        host.open().expect("nobody uses it").copy_from_slice(&[2.0; 8]);
        let y = Buffer::<f32>::new(&device, 8).expect("memory");
        y.copy_in(&host, 8, &stream).expect("it is queued");
        Fill::prepare(&device).expect("it loads");
        {
            let opened = host.open().expect("it waits");
            assert_eq!(*opened, [2.0; 8]);
            assert!(host.open().is_err(), "one at a time");
            let refused = y.copy_out(&host, 8, &stream).expect_err("the host has it");
            assert!(refused.to_string().contains("open"), "{refused}");
        }
        y.set_bytes(0, &stream).expect("it is queued");
        y.copy_out(&host, 4, &stream).expect("it is queued");
        assert_eq!(*host.open().expect("it waits"), [0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0]);
        assert!(matches!(y.copy_out(&host, 9, &stream), Err(CudaError::Shape { .. })));
    });
}

#[test]
fn streams_wait_for_events_only() {
    install();
    lazy_streams(|| {
        let device = open();
        let (one, two) = (device.stream().expect("a stream"), device.stream().expect("a stream"));
        let y = Buffer::from_slice(&device, &[1u8; 4]).expect("memory");
        let (seen, unseen) =
            (Buffer::from_slice(&device, &[9u8; 4]).unwrap(), Buffer::from_slice(&device, &[9u8; 4]).unwrap());
        y.set_bytes(5, &one).expect("it is queued");
        unseen.copy_from(&y, &two).expect("it is queued");
        assert_eq!(unseen.read(&two).expect("it is there"), [1; 4], "nothing said that it comes first");
        let event = Event::new(&device).expect("an event");
        event.record(&one).expect("it is recorded");
        two.wait(&event).expect("it waits");
        seen.copy_from(&y, &two).expect("it is queued");
        assert_eq!(seen.read(&two).expect("it is there"), [5; 4]);
    });
}

#[test]
fn events_measure_if_they_were_made_to() {
    install();
    let device = open();
    let stream = device.stream().expect("a stream");
    let (start, end) = (Event::timed(&device).expect("an event"), Event::timed(&device).expect("an event"));
    start.record(&stream).expect("it is recorded");
    Buffer::<u8>::new(&device, 1 << 20).and_then(|y| y.set_bytes(1, &stream)).expect("it is queued");
    end.record(&stream).expect("it is recorded");
    assert!(start.elapsed_ms(&end).expect("it measured") >= 0.0);
    assert!(start.elapsed_ms(&Event::new(&device).expect("an event")).is_err());
}

#[test]
fn a_full_device_says_how_full() {
    install();
    with_gpu(Gpu { memory: 1 << 20, ..Gpu::default() }, || {
        let device = open();
        let first = Buffer::<f32>::new(&device, 1 << 16).expect("a quarter fits");
        let error = Buffer::<f32>::new(&device, 1 << 18).err().expect("all of it does not");
        let CudaError::OutOfMemory { bytes, free, total, .. } = error else { panic!("{error}") };
        assert_eq!((bytes, free, total), (1 << 20, 3 << 18, 1 << 20));
        drop(first);
        assert!(Arena::new(&device, 1 << 20).is_ok(), "what was given back can be had again");
        assert!(matches!(Buffer::<f64>::new(&device, usize::MAX / 4), Err(CudaError::Shape { .. })));
        assert_eq!(device.lost(), None);
    });
}

#[test]
fn each_device_has_its_own_memory() {
    install();
    let gpu = |memory| Gpu { memory, ..Gpu::default() };
    with_gpus(&[gpu(1 << 20), gpu(2 << 20)], || {
        assert_eq!(Device::count(), Ok(2));
        let devices = [0, 1].map(|i| Device::open_with(i, &Cubins::Nowhere).expect("it opens"));
        let buffer = Buffer::<u8>::new(&devices[1], 2 << 20).expect("the second is larger");
        assert_eq!((devices[0].free_memory(), devices[1].free_memory()), ((1 << 20, 1 << 20), (0, 2 << 20)));
        drop((buffer, devices));
        assert_eq!(live(), 0);
    });
}
