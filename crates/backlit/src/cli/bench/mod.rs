//! `backlit bench`: how fast, how exact, and how near to the roof. Nothing is printed before everything is checked.

mod args;
mod findings;
mod json;
mod roofline;
mod text;

use std::path::Path;

pub(crate) use args::BenchArgs;

use super::failure::{Failure, Outcome};
use super::terminal;

pub(crate) fn run(arguments: &BenchArgs) -> Result<Outcome, Failure> {
    if let Some(path) = &arguments.plot {
        writable(path)?;
    }
    let findings = findings::measure(arguments)?;
    if let Some(path) = &arguments.plot {
        roofline::draw(&findings)?.save_png(path)?;
    }
    match arguments.json {
        true => terminal::print_json(&json::json(&findings))?,
        false => terminal::print(&text::text(&findings))?,
    }
    Ok(Outcome::Done)
}

/// Better to know now than after the work.
fn writable(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let error = |why: String| Failure::Message(format!("cannot write {}: {why}", path.display()));
    if path.is_dir() {
        return Err(error("it is a folder, expected the name of a picture".into()));
    }
    tempfile::tempfile_in(folder).map_err(|e| error(e.kind().to_string()))?;
    Ok(())
}
