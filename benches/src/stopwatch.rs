//! A plain clock for the table.

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
}

/// How often to run.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// At least so many runs.
    pub runs: usize,
    /// And no end before so much time has gone by.
    pub time: Duration,
}

impl Effort {
    /// For numbers that are kept.
    pub const FULL: Effort = Effort { runs: 7, time: Duration::from_millis(200) };
    /// For a look at whether everything works.
    pub const QUICK: Effort = Effort { runs: 1, time: Duration::ZERO };
}

/// Runs `f` once to warm up, then several times against the clock.
pub fn time(effort: Effort, mut f: impl FnMut()) -> Times {
    f();
    let begin = Instant::now();
    let mut seconds = Vec::new();
    while seconds.len() < effort.runs || begin.elapsed() < effort.time {
        let start = Instant::now();
        f();
        seconds.push(start.elapsed().as_secs_f64());
    }
    Times::of(&seconds)
}

impl Times {
    fn of(seconds: &[f64]) -> Times {
        Times {
            median: median(seconds),
            min: seconds.iter().copied().fold(f64::INFINITY, f64::min),
            max: seconds.iter().copied().fold(0.0, f64::max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_both_ends() {
        assert_eq!(Times::of(&[3.0, 1.0, 2.0]), Times { median: 2.0, min: 1.0, max: 3.0 });
    }

    #[test]
    fn as_often_as_asked_and_once_before() {
        let mut calls = 0;
        let times = time(Effort { runs: 5, time: Duration::ZERO }, || {
            calls += 1;
            std::thread::sleep(Duration::from_millis(1));
        });
        assert_eq!(calls, 6);
        assert!(times.min >= 1e-3 && times.min <= times.median && times.median <= times.max, "{times:?}");
    }
}
