//! What one part found: a page for people, the same for programs, and a verdict.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

/// Results of one part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    /// `golden`, ...; also the name of its files.
    pub(crate) name: String,
    /// What was done, a sentence each.
    pub(crate) notes: Vec<String>,
    /// The table's head.
    pub(crate) head: Vec<&'static str>,
    /// The table's rows.
    pub(crate) rows: Vec<Vec<String>>,
    /// What does not hold, a sentence each.
    pub(crate) failures: Vec<String>,
}

impl Part {
    pub(crate) fn new(name: &str, head: &[&'static str]) -> Part {
        Part { name: name.into(), head: head.to_vec(), ..Part::default() }
    }

    /// One that could not be done.
    pub(crate) fn failed(name: &str, problem: String) -> Part {
        Part { name: name.into(), failures: vec![problem], ..Part::default() }
    }

    /// Says what does not hold unless it holds.
    pub(crate) fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.failures.push(otherwise());
        }
    }

    pub(crate) fn markdown(&self) -> String {
        let verdict = if self.failures.is_empty() { "holds" } else { "FAILED" };
        let mut text = format!("## {}: {verdict}\n\n", self.name);
        for line in self.notes.iter().chain(&self.failures) {
            let _ = writeln!(text, "- {line}");
        }
        if !self.rows.is_empty() {
            let _ = writeln!(text, "\n| {} |\n|{}", self.head.join(" | "), "---|".repeat(self.head.len()));
            for row in &self.rows {
                let _ = writeln!(text, "| {} |", row.join(" | "));
            }
        }
        text.push('\n');
        text
    }

    fn json(&self) -> Value {
        let object = |row: &Vec<String>| -> Value {
            let pairs = self.head.iter().zip(row).map(|(h, c)| ((*h).to_owned(), number_or_text(c)));
            Value::Object(pairs.collect())
        };
        let rows: Vec<Value> = self.rows.iter().map(object).collect();
        json!({"part": self.name, "holds": self.failures.is_empty(), "notes": self.notes, "failures": self.failures,
               "rows": rows})
    }

    /// Writes `NAME.md` and `NAME.json`.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), String> {
        let write = |extension: &str, text: String| {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join(&self.name).with_extension(extension), text)
        };
        let done = write("md", self.markdown()).and_then(|()| write("json", format!("{:#}\n", self.json())));
        done.map_err(|e| format!("{}: {e}", folder.display()))
    }
}

fn number_or_text(cell: &str) -> Value {
    cell.parse::<f64>().map_or_else(|_| cell.into(), Value::from)
}

/// Order of the parts on the common page.
const ORDER: [&str; 8] = ["machine", "probe", "golden", "bytes", "ops", "bench", "layers", "peers"];

/// Puts all pages of a folder on one, `results.md`, and all objects into one, `results.json`; whether all of it holds.
pub(crate) fn collect(folder: &Path) -> Result<bool, String> {
    let (mut page, mut all, mut holds) = (String::from("# One run on a GPU\n\n"), serde_json::Map::new(), true);
    for name in ORDER {
        let read = |extension: &str| std::fs::read_to_string(folder.join(name).with_extension(extension));
        if let Ok(text) = read("md") {
            holds &= !text.contains(": FAILED");
            page.push_str(&text);
            page.push('\n');
        }
        if let Some(value) = read("json").ok().and_then(|text| serde_json::from_str(&text).ok()) {
            all.insert(name.into(), value);
        }
    }
    let write = |name: &str, text: String| {
        std::fs::write(folder.join(name), text).map_err(|e| format!("{}: {e}", folder.display()))
    };
    write("results.md", page)?;
    write("results.json", format!("{:#}\n", Value::Object(all)))?;
    Ok(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_seen_on_every_page() {
        let mut part = Part::new("golden", &["what", "error"]);
        part.rows.push(vec!["half".into(), "1.5e-1".into()]);
        assert!(part.markdown().starts_with("## golden: holds\n"));
        assert_eq!(part.json()["rows"][0], json!({"what": "half", "error": 0.15}));
        part.check(false, || "half is wrong".into());
        assert!(
            part.markdown().contains("FAILED\n\n- half is wrong\n\n| what | error |\n|---|---|\n| half | 1.5e-1 |\n")
        );
        assert_eq!(part.json()["holds"], json!(false));
    }
}
