//! What clap has to say instead of arguments: help and version as they are, a mistake in one line.

use std::process::ExitCode;

use clap::Error;
use clap::error::ErrorKind;

use super::failure::report;

/// Prints it. The code is 0 for what was asked for and 2 for a wrong command line.
pub(crate) fn answer(error: &Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Whoever does not listen any more misses nothing.
            let _ = error.print();
        }
        _ => report(one_line(&error.render().to_string())),
    }
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// clap's paragraphs on one line: what is wrong and the tips, without the usage.
fn one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let paragraphs = text.split("\n\n").filter(|p| !p.starts_with("Usage:") && !p.starts_with("For more information"));
    let lines = paragraphs.map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.chain(["see --help".to_owned()]).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_one_line() {
        let text = "error: unexpected argument '--jsn' found\n\n  tip: a similar argument exists: '--json'\n\n\
            Usage: backlit predict --json <IMAGE>...\n\nFor more information, try '--help'.\n";
        let expected = "unexpected argument '--jsn' found; tip: a similar argument exists: '--json'; see --help";
        assert_eq!(one_line(text), expected);
        let text =
            "error: invalid value 'x' for '--format'\n  [possible values: a, b]\n\nFor more information, try it.\n";
        assert_eq!(one_line(text), "invalid value 'x' for '--format' [possible values: a, b]; see --help");
    }
}
