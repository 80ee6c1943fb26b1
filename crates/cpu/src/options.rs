//! How the engine is to run: which instruction set, how many threads.

use std::ffi::OsStr;

use backlit_net::engine::Precision;

use crate::isa::{Level, Token};

/// The environment variable that names the instruction set where [`CpuOptions::level`] does not: `portable`, `avx2`
/// and so on. This crate reads it, so it holds for every program that uses the engine.
pub const ISA_VARIABLE: &str = "BACKLIT_ISA";

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct CpuOptions {
    /// Threads, a pool of the engine's own; `None` takes those of the rayon pool that the caller is in.
    pub threads: Option<usize>,
    /// Instruction set; `None` takes the one that [`ISA_VARIABLE`] names, else the best that the processor has.
    pub level: Option<Level>,
    /// Whether pixels that no later layer reads are left out of the last blocks of stages 2, 3 and 4 of v1. It changes
    /// no result. A question about those very blocks is answered without it.
    pub dead_code: bool,
    /// Arithmetic: [`Precision::F32`] (also `None`), or [`Precision::Mixed`] and [`Precision::Half`], which need
    /// [`Level::Amx`].
    pub precision: Option<Precision>,
    /// Whether [`Precision::Mixed`] takes more care of the gates of the first stage, on which all others build: a third
    /// less error of the gradient for a tenth more time.
    pub careful_gates: bool,
    /// Whether [`Precision::F32`] is computed in tiles, by six products of parts forward and three back, which keep the
    /// limits of single precision; needs AMX.
    pub float_by_tiles: bool,
    /// For tests: tiles in software, which make [`Precision::Mixed`] and [`Precision::Half`] exact to the bit, and
    /// slow.
    #[doc(hidden)]
    pub software_tiles: bool,
}

impl Default for CpuOptions {
    /// All threads of the caller's pool, the best instruction set, no pixel that nobody reads.
    fn default() -> CpuOptions {
        CpuOptions {
            threads: None,
            level: None,
            dead_code: true,
            precision: None,
            careful_gates: false,
            float_by_tiles: false,
            software_tiles: false,
        }
    }
}

/// Why an engine could not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CpuError {
    /// The instruction set asked for is not there.
    #[error("this processor has no `{asked}` that could be used: take {}", list(available))]
    NoSuchLevel {
        /// Asked for.
        asked: Level,
        /// What there is.
        available: Vec<Level>,
    },
    /// [`ISA_VARIABLE`] names nothing that is known.
    #[error(
        "{ISA_VARIABLE} is `{found}`, which is no instruction set known here: this processor has {}",
        list(available)
    )]
    UnknownLevel {
        /// What it says.
        found: String,
        /// What there is.
        available: Vec<Level>,
    },
    /// The arithmetic asked for needs an instruction set that is not there.
    #[error("the CPU engine cannot compute in `{}` here: {reason}", asked.as_str())]
    NoPrecision {
        /// Asked for.
        asked: Precision,
        /// What is missing.
        reason: String,
    },
    /// The threads could not be started.
    #[error(
        "{threads} threads could not be started ({reason}): ask for at least one and at most what the system allows"
    )]
    Threads {
        /// Asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
}

fn list(levels: &[Level]) -> String {
    levels.iter().map(|level| format!("`{level}`")).collect::<Vec<_>>().join(", ")
}

fn available() -> Vec<Level> {
    Level::ALL.into_iter().filter(|level| level.is_available()).collect()
}

/// The instruction set that [`ISA_VARIABLE`] names, if it is set and not empty.
///
/// # Errors
/// [`CpuError::UnknownLevel`], [`CpuError::NoSuchLevel`].
pub fn level_from_env() -> Result<Option<Level>, CpuError> {
    named(std::env::var_os(ISA_VARIABLE).as_deref())
}

fn named(value: Option<&OsStr>) -> Result<Option<Level>, CpuError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let level: Option<Level> = value.to_str().and_then(|text| text.parse().ok());
    let unknown = || CpuError::UnknownLevel { found: value.to_string_lossy().into_owned(), available: available() };
    let level = level.ok_or_else(unknown)?;
    token(level).map(|_| Some(level))
}

fn token(asked: Level) -> Result<Token, CpuError> {
    asked.token().ok_or_else(|| CpuError::NoSuchLevel { asked, available: available() })
}

/// The instruction set and the threads asked for.
pub(crate) fn prepare(options: CpuOptions) -> Result<(Level, Token, Option<rayon::ThreadPool>), CpuError> {
    let level = options.level()?;
    Ok((level, token(level)?, options.threads.map(start_threads).transpose()?))
}

impl CpuOptions {
    /// The instruction set that an engine will take: [`CpuOptions::level`], or the one that [`ISA_VARIABLE`] names, or
    /// the best that the processor has.
    ///
    /// # Errors
    /// Those of [`level_from_env`].
    pub fn level(self) -> Result<Level, CpuError> {
        match self.level {
            Some(level) => Ok(level),
            None => Ok(level_from_env()?.unwrap_or_else(Level::best)),
        }
    }
}

fn start_threads(threads: usize) -> Result<rayon::ThreadPool, CpuError> {
    // Zero would mean "as many as there are" to rayon.
    let error = |reason: String| CpuError::Threads { threads, reason };
    if threads == 0 {
        return Err(error("none can do the work".into()));
    }
    // Beyond this rayon would quietly start fewer than it was asked for.
    let most = rayon::max_num_threads();
    if threads > most {
        return Err(error(format!("there can be {most} at most")));
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| error(e.to_string()))
}

/// Runs `f` in the engine's own pool, or where the caller is: in the pool of its thread, else in rayon's global one.
///
/// A thread of another pool that waits here works for that pool meanwhile, so neither starves the other.
pub(crate) fn within<R: Send>(pool: Option<&rayon::ThreadPool>, f: impl FnOnce() -> R + Send) -> R {
    match pool {
        Some(pool) => pool.install(f),
        None => f(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_names_a_level_of_this_processor_or_nothing() {
        let named = |text: &str| named(Some(OsStr::new(text)));
        assert_eq!(super::named(None), Ok(None));
        assert_eq!(named(""), Ok(None));
        for level in Level::ALL {
            match named(level.as_str()) {
                Ok(found) => assert!(found == Some(level) && level.is_available()),
                Err(error) => {
                    assert!(!level.is_available(), "{error}");
                    let text = error.to_string();
                    assert!(text.contains(level.as_str()) && text.contains("`portable`"), "{text}");
                }
            }
        }
        let error = named("sse9").unwrap_err();
        assert!(matches!(&error, CpuError::UnknownLevel { found, .. } if found == "sse9"), "{error}");
        assert!(error.to_string().contains("`portable`"), "{error}");
    }

    #[test]
    fn threads_that_cannot_be() {
        for threads in [0, usize::MAX] {
            let refused = prepare(CpuOptions { threads: Some(threads), ..CpuOptions::default() }).map(|_| ());
            assert!(matches!(refused, Err(CpuError::Threads { .. })), "{threads}");
        }
    }
}
