//! How a kernel is spread over the device.

use cudarc::driver::sys;

/// How many blocks of how many threads, with how many bytes of shared memory each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Blocks in x, y, z.
    pub blocks: [u32; 3],
    /// Threads of a block in x, y, z.
    pub threads: [u32; 3],
    /// Dynamic shared memory of a block in bytes.
    pub shared: u32,
}

impl Grid {
    /// `blocks` blocks of `threads` threads in a row, without shared memory.
    pub fn linear(blocks: u32, threads: u32) -> Grid {
        Grid { blocks: [blocks, 1, 1], threads: [threads, 1, 1], shared: 0 }
    }

    /// Enough blocks of 256 threads for `items` items, one each.
    pub fn over(items: usize) -> Grid {
        Grid::linear(u32::try_from(items.div_ceil(256)).unwrap_or(u32::MAX), 256)
    }

    /// The first rule of the hardware that it breaks.
    pub(crate) fn problem(&self, max_threads: u32, shared_allowed: u32) -> Option<String> {
        let ([bx, by, bz], [tx, ty, tz]) = (self.blocks, self.threads);
        let threads = [tx, ty, tz].iter().map(|&t| u64::from(t)).product::<u64>();
        if self.blocks.contains(&0) || threads == 0 {
            Some(format!("a grid of {bx} x {by} x {bz} blocks of {tx} x {ty} x {tz} threads is empty"))
        } else if bx > i32::MAX as u32 || by > 65535 || bz > 65535 {
            Some(format!("{bx} x {by} x {bz} blocks, and at most 2147483647 x 65535 x 65535 can be launched"))
        } else if threads > u64::from(max_threads) || tz > 64 {
            Some(format!("{tx} x {ty} x {tz} threads in a block, and at most {max_threads} can run (64 in z)"))
        } else if self.shared > shared_allowed {
            Some(format!("{} bytes of shared memory, and {shared_allowed} were allowed", self.shared))
        } else {
            None
        }
    }
}

/// What a launch can have beyond its grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Blocks in x, y, z that run together and reach each other's shared memory; sm_90 and newer.
    pub cluster: Option<[u32; 3]>,
    /// May start while the kernel before it on the stream still ends: it must wait itself before it reads that one's
    /// results; sm_90 and newer.
    pub overlap: bool,
}

/// The driver's form of the extras, and how many there are.
pub(crate) fn attributes(extras: Extras) -> ([sys::CUlaunchAttribute; 2], u32) {
    // SAFETY: plain numbers in a union; zero is a value of each of them (`CU_LAUNCH_ATTRIBUTE_IGNORE`).
    let mut list: [sys::CUlaunchAttribute; 2] = unsafe { std::mem::zeroed() };
    let mut count = 0;
    if let Some([x, y, z]) = extras.cluster {
        list[count].id = sys::CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
        list[count].value.clusterDim = sys::CUlaunchAttributeValue_union__bindgen_ty_1 { x, y, z };
        count += 1;
    }
    if extras.overlap {
        list[count].id = sys::CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
        list[count].value.programmaticStreamSerializationAllowed = 1;
        count += 1;
    }
    (list, count as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_that_no_device_has_are_named() {
        let fine = Grid::linear(10, 256);
        assert_eq!(fine.problem(1024, 49152), None);
        let problem = |grid: Grid| grid.problem(1024, 49152).expect("it is refused");
        assert!(problem(Grid::over(0)).contains("empty"));
        assert!(problem(Grid::linear(1, 2048)).contains("at most 1024"));
        assert!(problem(Grid { blocks: [1, 65536, 1], ..fine }).contains("65535"));
        assert!(problem(Grid { threads: [1, 1, 65], ..fine }).contains("64 in z"));
        assert!(problem(Grid { shared: 49153, ..fine }).contains("49152 were allowed"));
        assert!(problem(Grid::over(usize::MAX)).contains("2147483647"));
    }
}
