//! What the tests of the device layer share.
#![allow(dead_code)]

use std::process::Command;
use std::sync::Arc;

use backlit_cuda::kernels::Source;
use backlit_cuda::{Cubins, Device};
use bytemuck::{Pod, Zeroable};

/// The smallest kernel.
pub(crate) static FILL: Source =
    Source { name: "fill/00_fill.cu", text: include_str!("../../../../kernels/fill/00_fill.cu") };

/// A source that the stand-in compiler refuses.
pub(crate) static BROKEN: Source = Source { name: "broken.cu", text: "void x();\n#error on purpose\n" };

/// `FillParams`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(crate) struct Params {
    pub(crate) y: u64,
    pub(crate) n: u32,
    pub(crate) value: f32,
}

/// The stand-in, without a cache.
pub(crate) fn open() -> Arc<Device> {
    Device::open_with(0, &Cubins::Nowhere).expect("the stand-in opens")
}

/// Runs the test `child_<name>` of this binary in a process with such an environment; returns what it said.
pub(crate) fn child(name: &str, environment: &[(&str, &str)]) -> String {
    let this = std::env::current_exe().expect("it has a path");
    let mut command = Command::new(this);
    command.args(["--exact", &format!("child_{name}"), "--nocapture"]).env("BACKLIT_TEST_CHILD", name);
    let output = command.envs(environment.iter().copied()).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// In such a process: does it and says what came out. Elsewhere: nothing.
pub(crate) fn in_child(name: &str, run: impl FnOnce() -> String) {
    if std::env::var("BACKLIT_TEST_CHILD").is_ok_and(|child| child == name) {
        backlit_cuda_emu::install();
        println!("{}", run());
    }
}
