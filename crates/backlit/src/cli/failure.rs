//! How a run can end.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use super::interrupt;

/// A run that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything was done.
    Done,
    /// Some files could not be used and were reported; the others are done.
    Partly,
}

impl Outcome {
    /// 0 or 3.
    pub(crate) fn code(self) -> ExitCode {
        match self {
            Outcome::Done => ExitCode::SUCCESS,
            Outcome::Partly => ExitCode::from(3),
        }
    }

    /// What `done` and `failed` files amount to: an error only if nothing was done at all.
    pub(crate) fn of(done: usize, failed: usize) -> Result<Outcome, Failure> {
        match (done, failed) {
            (_, 0) => Ok(Outcome::Done),
            // Each file has been reported already.
            (0, _) => Err(Failure::Reported),
            _ => Ok(Outcome::Partly),
        }
    }
}

/// A run that could not go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// In one line: what was expected, what was found, what to do.
    Message(String),
    /// The command line asks for something that cannot be.
    Usage(String),
    /// Already on the terminal.
    Reported,
    /// By Ctrl-C.
    Interrupted,
    /// Whoever read our output has gone away, which is their right.
    Pipe,
}

impl Failure {
    /// Says what happened, on standard error.
    pub(crate) fn print(&self) {
        match self {
            Failure::Message(message) | Failure::Usage(message) => report(message),
            Failure::Interrupted => report("interrupted: finished files stay, and manifest.json is not written"),
            Failure::Reported | Failure::Pipe => (),
        }
    }

    /// 1, or 2 for a wrong command line.
    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Interrupted => ExitCode::from(interrupt::CODE),
            Failure::Pipe => ExitCode::SUCCESS,
            Failure::Message(_) | Failure::Reported => ExitCode::FAILURE,
        }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Message(error.to_string())
    }
}

/// One line on standard error.
pub(crate) fn report(message: impl Display) {
    line("error", message);
}

/// One line on standard error that is no error.
pub(crate) fn note(message: impl Display) {
    line("note", message);
}

fn line(kind: &str, message: impl Display) {
    let message = message.to_string().replace(['\n', '\r'], " ");
    // If even standard error is closed there is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{kind}: {message}");
}
