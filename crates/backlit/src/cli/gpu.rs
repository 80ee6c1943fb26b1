//! What `backlit doctor` finds out about GPUs: the driver, the devices, the compiler, what is compiled already.

use backlit::cpu::isa::Level;
use backlit::cpu::{ISA_VARIABLE, level_from_env};
use backlit::cuda::compile::{Cache, FOLDER_VARIABLE, NvrtcStatus, READY_VARIABLE, nvrtc_status};
use backlit::cuda::{CudaError, Device, DeviceInfo, probe};

/// All of it, asked once.
pub(crate) struct Gpu {
    driver: Result<(u32, u32), CudaError>,
    devices: Result<Vec<DeviceInfo>, CudaError>,
    nvrtc: Option<NvrtcStatus>,
}

impl Gpu {
    /// Asks the driver; the compiler only matters to a GPU that can be used.
    pub(crate) fn look() -> Gpu {
        let devices = Device::list();
        let usable = devices.as_ref().is_ok_and(|list| list.iter().any(DeviceInfo::is_supported));
        Gpu { driver: probe::driver_version(), devices, nvrtc: usable.then(nvrtc_status) }
    }

    /// What `--engine auto` takes.
    pub(crate) fn engine(&self) -> String {
        let level = match level_from_env() {
            Ok(Some(level)) => return format!("{}, as {ISA_VARIABLE} says", on_cpu(level)),
            Ok(None) => Level::best(),
            Err(why) => return format!("none: {why}"),
        };
        let ready = std::env::var_os(READY_VARIABLE).is_some_and(|folder| !folder.is_empty());
        let compiles = self.nvrtc.as_ref().is_some_and(|status| status.found.is_some() || ready);
        match self.devices.as_deref().map(<[_]>::first) {
            Ok(Some(first)) if first.is_supported() && compiles => format!("cuda, mixed, {}", first.arch),
            _ => on_cpu(level),
        }
    }

    pub(crate) fn driver(&self) -> String {
        match &self.driver {
            Ok((major, minor)) if (*major, *minor) < probe::NEEDED => {
                let (needed, point) = probe::NEEDED;
                format!("for CUDA {major}.{minor}, and {needed}.{point} is needed: update NVIDIA's driver")
            }
            Ok((major, minor)) => format!("for CUDA {major}.{minor}"),
            Err(CudaError::NoDriver) => "not found: GPUs need NVIDIA's driver".into(),
            Err(error) => error.to_string(),
        }
    }

    pub(crate) fn devices(&self) -> String {
        match &self.devices {
            Ok(list) if list.is_empty() => "none: computing on the CPU".into(),
            Ok(list) => list.iter().map(device).collect::<Vec<_>>().join("; "),
            // What is wrong with the driver, its own line says.
            Err(CudaError::NoDriver | CudaError::OldDriver { .. }) => {
                "none that can be used: computing on the CPU".into()
            }
            Err(error) => format!("none that can be used, because {error}: computing on the CPU"),
        }
    }

    pub(crate) fn compiler(&self) -> String {
        self.nvrtc.as_ref().map_or_else(
            || format!("not needed without a GPU; looked for in ${FOLDER_VARIABLE}, Python, CUDA's folders"),
            NvrtcStatus::to_string,
        )
    }

    pub(crate) fn cubins(&self) -> String {
        let Some(folder) = Cache::default_folder() else { return "kept nowhere: set BACKLIT_CACHE".into() };
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let count = files.filter(|file| file.path().extension().is_some_and(|e| e == "cubin")).count();
        format!("{count} in {}", folder.display())
    }
}

/// One device in a few words.
fn device(info: &DeviceInfo) -> String {
    let gib = info.memory as f64 / f64::from(1u32 << 30);
    let fit = if info.is_supported() { "" } else { ", too old: sm_80 or newer is needed" };
    let DeviceInfo { ordinal, name, arch, multiprocessors, .. } = info;
    format!("{ordinal}: {name}, {arch}, {gib:.1} GiB, {multiprocessors} multiprocessors{fit}")
}

/// What the CPU engine takes at a level.
fn on_cpu(level: Level) -> String {
    format!("cpu, {}, {level}", level.usual_precision().as_str())
}
