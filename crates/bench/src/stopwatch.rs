//! A plain clock.

use std::time::{Duration, Instant};

use backlit_testkit::compare::median;

/// How long something took, over several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// Seconds, the middle run.
    pub median: f64,
    /// Seconds, the fastest run.
    pub min: f64,
    /// Seconds, the slowest run.
    pub max: f64,
    /// How many there were.
    pub runs: usize,
}

/// How often to run.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// At least so many runs.
    pub runs: usize,
    /// And no end before so much time has gone by.
    pub time: Duration,
    /// After so much time the runs that there are must do.
    pub patience: Duration,
}

impl Effort {
    /// For numbers that are kept.
    pub const FULL: Effort = Effort { runs: 7, time: Duration::from_millis(200), patience: Duration::from_secs(30) };
    /// For a look at whether everything works.
    pub const QUICK: Effort = Effort { runs: 1, time: Duration::ZERO, patience: Duration::ZERO };

    /// Whether to stop after so many runs and so much time.
    fn is_enough(self, runs: usize, gone: Duration) -> bool {
        runs > 0 && (runs >= self.runs && gone >= self.time || gone >= self.patience)
    }
}

/// Runs `f` several times against the clock; whoever calls has warmed up.
///
/// # Errors
/// The first of `f`.
pub fn time<E>(effort: Effort, mut f: impl FnMut() -> Result<(), E>) -> Result<Times, E> {
    let begin = Instant::now();
    let mut seconds = Vec::new();
    while !effort.is_enough(seconds.len(), begin.elapsed()) {
        let start = Instant::now();
        f()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(Times::of(&seconds))
}

impl Times {
    fn of(seconds: &[f64]) -> Times {
        Times {
            median: median(seconds),
            min: seconds.iter().copied().fold(f64::INFINITY, f64::min),
            max: seconds.iter().copied().fold(0.0, f64::max),
            runs: seconds.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_both_ends() {
        assert_eq!(Times::of(&[3.0, 1.0, 2.0]), Times { median: 2.0, min: 1.0, max: 3.0, runs: 3 });
    }

    #[test]
    fn as_often_as_asked_unless_it_takes_too_long() {
        let seconds = Duration::from_secs;
        let effort = Effort { runs: 5, time: seconds(2), patience: seconds(9) };
        for (runs, gone, enough) in [(0, 99, false), (4, 3, false), (5, 1, false), (5, 2, true), (1, 9, true)] {
            assert_eq!(effort.is_enough(runs, seconds(gone)), enough, "{runs} runs, {gone} s");
        }
        let mut calls = 0;
        let mut run = || {
            calls += 1;
            std::thread::sleep(Duration::from_millis(1));
            Ok::<(), ()>(())
        };
        let times =
            time(Effort { runs: 5, time: Duration::ZERO, patience: seconds(3600) }, &mut run).expect("no error");
        assert_eq!((times.runs, calls), (5, 5));
        assert!(times.min >= 1e-3 && times.min <= times.median && times.median <= times.max, "{times:?}");
        assert_eq!(time(Effort::QUICK, || Err("no")), Err("no"));
    }
}
