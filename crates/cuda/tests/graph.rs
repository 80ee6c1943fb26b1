//! Capture and replay.

mod common;

use std::sync::Arc;

use backlit_cuda::ops::fill::Fill;
use backlit_cuda::{Buffer, CudaError, Event, Graph, Pinned};
use backlit_cuda_emu::{Gpu, Settings, calls, install, lazy_streams, live, with, with_gpu};
use common::open;

#[test]
fn a_graph_does_its_work_each_time_and_not_before() {
    install();
    for (checked, lazy) in [(false, false), (true, false), (false, true)] {
        let run = || {
            let device = open();
            let stream = device.stream().expect("a stream");
            let fill = Fill::prepare(&device).expect("it loads");
            let (x, mut y) = (Buffer::from_slice(&device, &[7.0f32; 100]).unwrap(), Buffer::new(&device, 100).unwrap());
            let mut graph = Graph::capture(&stream, |stream| {
                fill.launch(stream, &mut y, 3.0)?;
                y.slice(0..50)?.copy_from(&x.slice(0..50)?, stream)?;
                y.slice(0..10)?.set_bytes(0, stream)
            })
            .expect("it is captured");
            y.write(&[1.0; 100]).expect("it fits");
            assert_eq!(y.read(&stream).expect("it is there"), [1.0; 100], "capturing does nothing");
            graph.upload(&stream).expect("it is uploaded");
            for round in 0..3 {
                x.write_from(&[round as f32; 50]).expect("it fits");
                graph.launch(&stream).expect("it is queued");
                let got = y.read(&stream).expect("it is there");
                assert_eq!((got[9], got[10], got[49], got[50]), (0.0, round as f32, round as f32, 3.0));
            }
        };
        with(Settings { checked, ..Settings::default() }, || if lazy { lazy_streams(run) } else { run() });
    }
}

#[test]
fn a_replay_is_one_call_and_makes_nothing() {
    install();
    with_gpu(Gpu::default(), || {
        let device = open();
        let stream = device.stream().expect("a stream");
        let fill = Fill::prepare(&device).expect("it loads");
        let mut y = Buffer::new(&device, 100).expect("memory");
        let host = Pinned::<f32>::new(&device, 100).expect("memory");
        let mut graph = Graph::capture(&stream, |stream| {
            (0..10).try_for_each(|i| fill.launch(stream, &mut y, i as f32))?;
            y.copy_out(&host, 100, stream)
        })
        .expect("it is captured");
        let (objects, before) = (live(), calls());
        for _ in 0..5 {
            graph.launch(&stream).expect("it is queued");
        }
        // One to bind the context, one to launch.
        assert_eq!((live(), calls() - before), (objects, 10));
        assert_eq!(*host.open().expect("it waits"), [9.0; 100]);
    });
}

#[test]
fn a_graph_keeps_what_its_copies_need() {
    install();
    with_gpu(Gpu::default(), || {
        let device = open();
        let stream = device.stream().expect("a stream");
        let out = Pinned::<u8>::new(&device, 4).expect("memory");
        let kept = Arc::new(Buffer::<u8>::new(&device, 4).expect("memory"));
        let mut graph = {
            let (x, host) =
                (Buffer::<u8>::new(&device, 4).expect("memory"), Pinned::<u8>::new(&device, 4).expect("memory"));
            host.open().expect("nobody uses it").copy_from_slice(&[1, 2, 3, 4]);
            Graph::capture(&stream, |stream| {
                x.copy_in(&host, 4, stream)?;
                x.copy_out(&out, 4, stream)
            })
            .expect("it is captured")
            .keep(kept.clone())
        };
        assert_eq!(Arc::strong_count(&kept), 2);
        {
            let _open = out.open().expect("a captured copy has not run");
            assert!(graph.launch(&stream).is_err(), "it would write under the host's hands");
        }
        graph.launch(&stream).expect("it is queued");
        assert_eq!(*out.open().expect("it waits"), [1, 2, 3, 4]);
        drop((graph, kept, out, stream, device));
        assert_eq!(live(), 0);
    });
}

#[test]
fn what_cannot_be_captured_spoils_only_the_capture() {
    install();
    with_gpu(Gpu::default(), || {
        let device = open();
        let stream = device.stream().expect("a stream");
        let fill = Fill::prepare(&device).expect("it loads");
        let mut y = Buffer::<f32>::new(&device, 100).expect("memory");
        let error = Graph::capture(&stream, |_| Buffer::<f32>::new(&device, 1).map(drop)).err();
        assert!(matches!(&error, Some(CudaError::Driver { what, .. }) if what.contains("reserving")), "{error:?}");
        let error = Graph::capture(&stream, |stream| stream.synchronize()).err();
        assert!(matches!(&error, Some(CudaError::Driver { .. })), "{error:?}");
        // The work swallows its error; the end of the capture still tells.
        let error = Graph::capture(&stream, |stream| {
            let _ = stream.synchronize();
            Ok(())
        });
        assert!(matches!(error.err(), Some(CudaError::Driver { what, .. }) if what == "ending a graph"));
        let error = Graph::capture(&stream, |stream| Graph::capture(stream, |_| Ok(())).map(drop)).err();
        assert!(matches!(&error, Some(CudaError::Shape { .. })), "{error:?}");
        let error = Graph::capture(&stream, |stream| y.read(stream).map(drop)).err();
        assert!(matches!(&error, Some(CudaError::Shape { .. })), "{error:?}");
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = Graph::capture(&stream, |_| panic!("on purpose"));
        }));
        assert!(caught.is_err());
        assert_eq!(device.lost(), None);
        fill.launch(&stream, &mut y, 5.0).expect("the stream works as before");
        assert_eq!(y.read(&stream).expect("it is there"), [5.0; 100]);
        assert!(Graph::capture(&stream, |stream| fill.launch(stream, &mut y, 1.0)).is_ok());
    });
}

#[test]
fn streams_fork_and_join_in_a_graph() {
    install();
    let device = open();
    let (one, two) = (device.stream().expect("a stream"), device.stream().expect("a stream"));
    let (x, y) = (Buffer::<u8>::new(&device, 4).expect("memory"), Buffer::<u8>::new(&device, 4).expect("memory"));
    let (fork, join) = (Event::new(&device).expect("an event"), Event::new(&device).expect("an event"));
    let work = |joined: bool| {
        Graph::capture(&one, |one| {
            x.set_bytes(3, one)?;
            fork.record(one)?;
            two.wait(&fork)?;
            y.copy_from(&x, &two)?;
            join.record(&two)?;
            if joined { one.wait(&join) } else { Ok(()) }
        })
    };
    assert!(matches!(work(false).err(), Some(CudaError::Driver { what, .. }) if what == "ending a graph"));
    work(true).expect("it is captured").launch(&one).expect("it is queued");
    assert_eq!(y.read(&one).expect("it is there"), [3; 4]);
}
