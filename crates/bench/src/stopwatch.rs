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
}

/// Runs `f` several times against the clock; whoever calls has warmed up.
///
/// # Errors
/// The first of `f`.
pub fn time<E>(effort: Effort, mut f: impl FnMut() -> Result<(), E>) -> Result<Times, E> {
    let begin = Instant::now();
    let mut seconds = Vec::new();
    let enough = |runs: usize, gone: Duration| runs >= effort.runs && gone >= effort.time || gone >= effort.patience;
    while seconds.is_empty() || !enough(seconds.len(), begin.elapsed()) {
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
        let count = |effort| {
            let wait = || {
                std::thread::sleep(Duration::from_millis(1));
                Ok::<(), ()>(())
            };
            time(effort, wait).expect("no error")
        };
        let patience = Duration::from_secs(60);
        let times = count(Effort { runs: 5, time: Duration::ZERO, patience });
        assert_eq!(times.runs, 5);
        assert!(times.min >= 1e-3 && times.min <= times.median && times.median <= times.max, "{times:?}");
        assert!(count(Effort { runs: 1, time: Duration::from_millis(20), patience }).runs > 1);
        assert_eq!(count(Effort { runs: 1000, time: patience, patience: Duration::ZERO }).runs, 1);
        assert_eq!(time(Effort::FULL, || Err("no")), Err("no"));
    }
}
