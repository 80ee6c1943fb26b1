//! The terminal: text, JSON, tables whose columns line up, and progress bars.

use std::io::{ErrorKind, IsTerminal, Write};

use backlit::saliency::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::failure::Failure;

/// Prints text as it is.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(Failure::Pipe),
        other => Ok(other?),
    }
}

/// Prints a value as JSON, indented.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    print(&text)
}

/// Lays out rows in columns, two spaces apart, without trailing blanks; a column whose name begins with `>` is
/// aligned to the right.
pub(crate) fn table(names: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = names.iter().map(|n| n.trim_start_matches('>').to_owned()).collect();
    let all = || std::iter::once(&head).chain(rows);
    let widths: Vec<usize> = (0..names.len()).map(|c| all().map(|r| r[c].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in all() {
        let cells = row.iter().enumerate().map(|(c, cell)| match names[c].starts_with('>') {
            true => format!("{cell:>width$}", width = widths[c]),
            false => format!("{cell:<width$}", width = widths[c]),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A bar over `total` photographs, on standard error and only on a terminal.
pub(crate) fn photograph_bar(total: usize) -> ProgressBar {
    bar(total as u64, "{bar:30} {pos}/{len} photographs  {per_sec}")
}

/// A bar over passes through the network, on standard error and only on a terminal.
pub(crate) fn pass_bar(total: usize) -> ProgressBar {
    bar(total as u64, "{bar:30} {pos}/{len} passes  {per_sec}  {eta} left  {msg}")
}

/// A bar over the steps of a climb, on standard error and only on a terminal.
pub(crate) fn step_bar(total: usize) -> ProgressBar {
    bar(total as u64, "{bar:30} {pos}/{len} steps  {per_sec}  {eta} left  {msg}")
}

/// A bar over bytes, on standard error and only on a terminal.
pub(crate) fn byte_bar() -> ProgressBar {
    bar(0, "{msg:12} {bar:30} {bytes}/{total_bytes}  {binary_bytes_per_sec}")
}

/// The bars of a long run: photographs, and the passes of one that takes many.
pub(crate) struct Bars {
    all: MultiProgress,
    photographs: ProgressBar,
    passes: ProgressBar,
}

impl Bars {
    pub(crate) fn new(photographs: usize) -> Bars {
        let target = if shows_bars() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let all = MultiProgress::with_draw_target(target);
        // A single photograph is done before a bar could be read, unless it takes many passes.
        let shown = photograph_bar(photographs);
        let photographs = if photographs == 1 { shown } else { all.add(shown) };
        let passes =
            all.add(ProgressBar::hidden().with_style(style("{bar:30} {pos}/{len} images  {per_sec}  {eta} left")));
        Bars { all, photographs, passes }
    }

    /// How far a method has come that sends many copies through the network.
    pub(crate) fn passes(&self, progress: Progress) {
        if progress.done as u64 <= self.passes.position() {
            self.passes.reset();
        }
        self.passes.set_length(progress.total as u64);
        self.passes.set_position(progress.done as u64);
    }

    /// So many photographs more are done.
    pub(crate) fn photographs(&self, more: usize) {
        self.photographs.inc(more as u64);
    }

    /// Takes the bars away while something is printed.
    pub(crate) fn suspend<T>(&self, f: impl FnOnce() -> T) -> T {
        self.all.suspend(f)
    }

    pub(crate) fn finish(&self) {
        self.passes.finish_and_clear();
        self.photographs.finish_and_clear();
    }
}

/// Whether bars are seen.
pub(crate) fn shows_bars() -> bool {
    std::io::stderr().is_terminal()
}

fn bar(total: u64, template: &str) -> ProgressBar {
    // A single photograph is done before a bar could be read.
    let target = match shows_bars() && total != 1 {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    ProgressBar::with_draw_target(Some(total), target).with_style(style(template))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".into(), "1".into(), "x".into()], vec!["bcd".into(), "10".into(), String::new()]];
        assert_eq!(table(&["name", ">n", "rest"], &rows), "name   n  rest\na      1  x\nbcd   10\n");
    }
}
