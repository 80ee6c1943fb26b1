//! Where and when a result was measured.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// The processor's name, or at least its architecture.
pub fn cpu_model() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    model_name(&info).unwrap_or_else(|| std::env::consts::ARCH.into())
}

fn model_name(info: &str) -> Option<String> {
    let line = info.lines().find(|l| l.starts_with("model name"))?;
    let (_, name) = line.split_once(':')?;
    Some(name.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A name as part of a file name: lower-case letters and digits, single hyphens.
pub fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// The compiler that built this.
pub fn rustc() -> &'static str {
    env!("BACKLIT_RUSTC")
}

/// The commit of the checkout that this was built in, and whether files differ from it; `unknown` elsewhere.
pub fn commit() -> String {
    let git = |args: &[&str]| -> Option<String> {
        let output = Command::new("git").args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match (git(&["rev-parse", "--short=12", "HEAD"]), git(&["status", "--porcelain", "--untracked-files=no"])) {
        (Some(commit), Some(changes)) if changes.is_empty() => commit,
        (Some(commit), _) => format!("{commit} with uncommitted changes"),
        (None, _) => "unknown".into(),
    }
}

/// Today in UTC, `2026-01-31`.
pub fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day in the Gregorian calendar of a number of days since 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut rest) = (1970, days);
    while rest >= 365 + u64::from(leap(year)) {
        rest -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(364), (1970, 12, 31));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_000), (2024, 10, 4));
    }

    #[test]
    fn names() {
        let info = "processor\t: 0\nmodel name\t: Some  CPU(R) 3000 @ 2.00GHz\nflags\t: fpu\n";
        let model = model_name(info).expect("a name");
        assert_eq!(model, "Some CPU(R) 3000 @ 2.00GHz");
        assert_eq!(slug(&model), "some-cpu-r-3000-2-00ghz");
        assert_eq!(model_name("processor\t: 0\n"), None);
    }

    #[test]
    fn the_compiler_is_known() {
        assert!(rustc().starts_with("rustc "), "{}", rustc());
    }
}
