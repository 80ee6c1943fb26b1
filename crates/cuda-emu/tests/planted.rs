//! Planted bugs: the checker finds each and names its line; the right version of the same kernel passes in silence.

mod cases;

use backlit_cuda_emu::{Async, Settings, check, with};
use cases::{CASES, Case, Outcome};

/// The modes in which everything runs: as late as possible, at once, and two random orders.
const MODES: [(&str, Async, u64); 4] =
    [("lazy", Async::Lazy, 0), ("eager", Async::Eager, 0), ("seed 1", Async::Random, 1), ("seed 2", Async::Random, 2)];

fn run(case: &Case, bug: u32, checked: bool, (_, timing, seed): (&str, Async, u64)) -> Outcome {
    with(Settings { checked, seed, timing, threads: 1 }, || (case.run)(bug))
}

#[test]
fn the_right_version_passes_in_silence() {
    for case in CASES {
        for checked in [false, true] {
            for mode in MODES {
                let outcome = run(case, 0, checked, mode);
                assert_eq!(outcome, Outcome::Right, "{} checked {checked} {}", case.kernel, mode.0);
            }
        }
    }
}

#[test]
fn the_checker_finds_every_bug_and_names_its_line() {
    let mut missed = vec![];
    for case in CASES {
        for mode in MODES {
            let what = format!("{} bug {} {}", case.kernel, case.bug, mode.0);
            let Outcome::Error(text) = run(case, case.bug, true, mode) else {
                missed.push(format!("{what}: nothing found"));
                continue;
            };
            if !case.classes.iter().any(|c| text.contains(c)) {
                missed.push(format!("{what}: expected {:?}, found: {text}", case.classes));
            }
            for tag in case.lines {
                let place = format!("{}.cu:{}", case.kernel, line(case.source, tag));
                if !text.contains(&place) {
                    missed.push(format!("{what}: not at {place}: {text}"));
                }
            }
            if mode.0 == "lazy" {
                println!("{} {}: {text}", case.kernel, case.bug);
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// What runs without the checker see of the same bugs: shows why the checked run is not optional.
#[test]
fn a_table_of_what_fast_runs_see() {
    println!("| bug | kernel | {} |", MODES.map(|m| m.0).join(" | "));
    println!("|---|---|{}", "---|".repeat(MODES.len()));
    let mut missed = 0;
    for case in CASES {
        let seen = MODES.map(|mode| match run(case, case.bug, false, mode) {
            Outcome::Right => "passes",
            Outcome::Wrong => "wrong",
            Outcome::Error(_) => "error",
        });
        missed += seen.iter().filter(|s| **s == "passes").count();
        println!("| {} | {} {} | {} |", case.title, case.kernel, case.bug, seen.join(" | "));
    }
    assert!(missed > 0, "fast runs that see everything would make the checker needless");
}

#[test]
fn bank_conflicts_are_counted_by_line() {
    let (case, source) = (&cases::BANKS, cases::BANKS.source);
    let place = format!("planted_banks.cu:{}", line(source, "ldmatrix"));
    for (bug, ratio) in [(0, 1.0), (1, 4.0)] {
        assert_eq!(run(case, bug, true, MODES[0]), Outcome::Right);
        let here: Vec<_> = check::bank_use().into_iter().filter(|u| u.place == place).collect();
        assert_eq!(here.len(), 1, "{place} is not among {:?}", check::bank_use());
        assert_eq!((here[0].instructions, here[0].ratio()), (1, ratio), "bug {bug}");
    }
    assert!(check::bank_conflicts(1.0).iter().any(|u| u.place == place));
}

/// The line that a kernel's source marks with `// @tag`.
fn line(source: &str, tag: &str) -> usize {
    let mark = format!("// @{tag}");
    1 + source.lines().position(|l| l.ends_with(&mark)).unwrap_or_else(|| panic!("no line is marked {mark}"))
}
