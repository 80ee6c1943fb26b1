//! Every call of the driver fails once: the error names the operation, nothing leaks, and the device works on or is
//! lost for good.

mod common;

use std::sync::Arc;

use backlit_cuda::ops::fill::Fill;
use backlit_cuda::{Arena, Buffer, Cubins, CudaError, Device, Event, Graph, Pinned};
use backlit_cuda_emu::{Gpu, calls, fail_call, install, live, with_gpu};

/// A bit of everything: memory, copies both ways, a launch, two streams, a graph.
fn program(device: &Arc<Device>) -> Result<Vec<f32>, CudaError> {
    let (stream, other) = (device.stream()?, device.stream()?);
    let fill = Fill::prepare(device)?;
    fill_once(device, &stream, &fill)?;
    let arena = Arena::new(device, 1024)?;
    let y = arena.slice::<f32>(256, 64)?;
    let (input, output) = (Pinned::<f32>::new(device, 64)?, Pinned::<f32>::new(device, 64)?);
    input.open()?.fill(2.0);
    y.copy_in(&input, 64, &stream)?;
    let (from, to) = (Event::timed(device)?, Event::timed(device)?);
    from.record(&stream)?;
    other.wait(&from)?;
    to.record(&other)?;
    from.elapsed_ms(&to)?;
    let mut x = Buffer::<f32>::new(device, 32)?;
    let mut graph = Graph::capture(&stream, |stream| {
        fill.launch(stream, &mut x, 4.0)?;
        y.slice(0..32)?.copy_from(&x, stream)?;
        y.copy_out(&output, 64, stream)
    })?;
    graph.upload(&stream)?;
    graph.launch(&stream)?;
    stream.synchronize()?;
    Ok(output.open()?.to_vec())
}

fn fill_once(device: &Device, stream: &backlit_cuda::Stream, fill: &Fill) -> Result<(), CudaError> {
    let mut y = Buffer::from_slice(device, &[1.0f32; 100])?;
    y.write(&[2.0; 100])?;
    fill.launch(stream, &mut y, 3.0)?;
    assert_eq!(y.read(stream)?, [3.0; 100]);
    Ok(())
}

fn open() -> Result<Arc<Device>, CudaError> {
    Device::open_with(0, &Cubins::Nowhere)
}

fn expected() -> Vec<f32> {
    [[4.0; 32], [2.0; 32]].concat()
}

/// How many calls the program makes.
fn count() -> u64 {
    with_gpu(Gpu::default(), || {
        let before = calls();
        assert_eq!(open().and_then(|device| program(&device)), Ok(expected()));
        assert_eq!(live(), 0);
        calls() - before
    })
}

#[test]
fn a_refused_call_does_no_harm() {
    install();
    let total = count();
    assert!(total > 80, "{total} calls");
    for code in [1, 2] {
        for k in 1..=total {
            with_gpu(Gpu::default(), || {
                fail_call(k, code);
                let opened = open();
                let done = opened.as_ref().map_err(Clone::clone).and_then(program);
                fail_call(0, 0);
                match done {
                    // What failed was giving something back.
                    Ok(found) => assert_eq!(found, expected(), "call {k}"),
                    Err(error) => named(&error, k),
                }
                if let Ok(device) = opened {
                    assert_eq!(device.lost(), None, "call {k}");
                    assert_eq!(program(&device), Ok(expected()), "call {k}");
                }
                assert_eq!(live(), 0, "call {k}");
            });
        }
    }
}

#[test]
fn a_fatal_failure_is_final_for_the_device_and_leaks_nothing() {
    install();
    for k in 1..=count() {
        with_gpu(Gpu::default(), || {
            fail_call(k, 700);
            let opened = open();
            let done = opened.as_ref().map_err(Clone::clone).and_then(program);
            fail_call(0, 0);
            if let Err(error) = &done {
                named(error, k);
            }
            if let Ok(device) = opened {
                match program(&device) {
                    Ok(found) => assert!(done.is_err() || found == expected(), "call {k}"),
                    Err(CudaError::Lost { cause, .. }) => assert!(cause.contains("failed"), "call {k}: {cause}"),
                    Err(other) => panic!("call {k}: {other}"),
                }
                assert_eq!(device.lost().is_some(), program(&device).is_err(), "call {k}");
            }
            assert_eq!(live(), 0, "call {k}");
            let again = open().and_then(|device| program(&device));
            assert_eq!(again, Ok(expected()), "call {k}: a new context is a new start");
            assert_eq!(live(), 0, "call {k}");
        });
    }
}

fn named(error: &CudaError, k: u64) {
    let what = match error {
        CudaError::Driver { what, .. } | CudaError::OutOfMemory { what, .. } | CudaError::Lost { what, .. } => what,
        other => panic!("call {k}: {other:?}"),
    };
    assert!(what.len() > 5, "call {k}: {error}");
}
