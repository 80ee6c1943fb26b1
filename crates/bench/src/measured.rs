//! First right, then fast: the only way to a speed.

use crate::BenchError;
use crate::stopwatch::{Effort, Times, time};

/// Something that can be run, and that knows what should come out.
pub trait Subject {
    /// What it is, for messages.
    fn name(&self) -> String;

    /// Largest relative L2 error that may have a speed.
    fn tolerance(&self) -> f64;

    /// Computes once.
    ///
    /// # Errors
    /// [`BenchError::Engine`] if there was no result.
    fn run(&mut self) -> Result<(), BenchError>;

    /// Relative L2 error of what the last run left; NaN before the first.
    ///
    /// # Errors
    /// [`BenchError`] if it cannot be told, or something beside the numbers is wrong.
    fn error(&self) -> Result<f64, BenchError>;
}

/// A speed and the error that it comes with; both are of the same subject, and the error is within its tolerance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    times: Times,
    error: f64,
    tolerance: f64,
}

impl Measured {
    /// Of one run.
    pub fn times(&self) -> Times {
        self.times
    }

    /// Relative L2 error against the oracle, the larger of that before and that after the clock ran.
    pub fn error(&self) -> f64 {
        self.error
    }

    /// The largest error that was allowed.
    pub fn tolerance(&self) -> f64 {
        self.tolerance
    }
}

#[cfg(test)]
impl Measured {
    /// For tests of tables.
    pub(crate) fn made_up(times: Times, error: f64) -> Measured {
        Measured { times, error, tolerance: 1e-2 }
    }
}

/// Runs once and compares with the oracle; returns the error.
///
/// # Errors
/// [`BenchError::Wrong`] if it is not within the tolerance (a NaN is not), and whatever the subject says.
pub fn check(subject: &mut dyn Subject) -> Result<f64, BenchError> {
    subject.run()?;
    judge(subject)
}

/// Checks, times, and checks what the last timed run left: an engine that is right only when it is looked at has no
/// speed either.
///
/// # Errors
/// As [`check`].
pub fn measure(subject: &mut dyn Subject, effort: Effort) -> Result<Measured, BenchError> {
    let before = check(subject)?;
    let times = time(effort, || subject.run())?;
    let after = judge(subject)?;
    Ok(Measured { times, error: before.max(after), tolerance: subject.tolerance() })
}

fn judge(subject: &dyn Subject) -> Result<f64, BenchError> {
    let (error, tolerance) = (subject.error()?, subject.tolerance());
    match error <= tolerance {
        true => Ok(error),
        false => Err(BenchError::Wrong { what: subject.name(), error, tolerance }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wrong by so much, run after run; the last for ever.
    struct Scripted {
        errors: &'static [f64],
        runs: usize,
    }

    impl Subject for Scripted {
        fn name(&self) -> String {
            "a script".into()
        }
        fn tolerance(&self) -> f64 {
            1e-3
        }
        fn run(&mut self) -> Result<(), BenchError> {
            self.runs += 1;
            Ok(())
        }
        fn error(&self) -> Result<f64, BenchError> {
            Ok(self.errors[(self.runs - 1).min(self.errors.len() - 1)])
        }
    }

    fn measured(errors: &'static [f64]) -> (Result<Measured, BenchError>, usize) {
        let mut subject = Scripted { errors, runs: 0 };
        (measure(&mut subject, Effort::QUICK), subject.runs)
    }

    #[test]
    fn a_wrong_result_gets_no_speed_and_is_not_even_timed() {
        for errors in [&[0.5][..], &[f64::NAN], &[f64::INFINITY], &[1.1e-3]] {
            let (found, runs) = measured(errors);
            assert!(matches!(found, Err(BenchError::Wrong { .. })), "{errors:?}: {found:?}");
            assert_eq!(runs, 1);
        }
    }

    #[test]
    fn nor_does_one_that_turns_wrong_under_the_clock() {
        assert!(matches!(measured(&[1e-6, 0.5]).0, Err(BenchError::Wrong { error: 0.5, .. })));
        assert!(measured(&[1e-6, f64::NAN]).0.is_err());
    }

    #[test]
    fn the_larger_error_is_told() {
        let found = measured(&[1e-6, 2e-4]).0.expect("within tolerance");
        assert_eq!((found.error(), found.tolerance()), (2e-4, 1e-3));
    }
}
