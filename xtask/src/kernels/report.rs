//! The table.

use std::fmt::Write;

use super::checks::Row;
use super::sass::count;

/// Opcodes worth a column: matrix products, fused multiply-adds, and how data moves.
const COLUMNS: [&str; 9] = ["HGMMA", "HMMA", "FFMA", "LDSM", "LDGSTS", "UTMALDG", "LDG", "STG", "BAR"];

/// Every kernel on every architecture, a line each, in Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut cells = vec![];
    for row in rows {
        let (threads, registers) = (row.threads, row.usage.registers);
        let mut line = vec![
            row.kernel.clone(),
            row.arch.name.to_owned(),
            registers.to_string(),
            row.usage.spills.to_string(),
            format!("{}+{}", row.usage.shared, row.dynamic),
            threads.to_string(),
            row.arch.resident(threads, registers, row.shared()).to_string(),
            format!("{} %", row.arch.occupancy(threads, registers, row.shared())),
        ];
        line.extend(COLUMNS.iter().map(|c| count(&row.opcodes, c).to_string()));
        line.push(row.opcodes.values().sum::<u32>().to_string());
        line.push(row.cubin.to_string());
        cells.push(line);
    }
    cells.sort_by(|a, b| a[0].cmp(&b[0]));
    let head = ["kernel", "target", "registers", "spills", "shared", "threads", "blocks", "occupancy"];
    let head: Vec<String> = head.iter().chain(&COLUMNS).chain(&["all", "cubin"]).map(|s| (*s).to_owned()).collect();
    markdown(&head, &cells)
}

/// A table whose columns line up; all but the first two to the right.
pub(crate) fn markdown(head: &[String], rows: &[Vec<String>]) -> String {
    let width = |c: usize| rows.iter().chain([&head.to_vec()]).map(|r| r[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        for (c, (cell, &w)) in cells.iter().zip(&widths).enumerate() {
            let _ = if c < 2 { write!(text, "| {cell:<w$} ") } else { write!(text, "| {cell:>w$} ") };
        }
        text.push_str("|\n");
    };
    line(head);
    let rule = |(c, &w): (usize, &usize)| if c < 2 { "-".repeat(w) } else { "-".repeat(w.max(2) - 1) + ":" };
    line(&widths.iter().enumerate().map(rule).collect::<Vec<_>>());
    rows.iter().for_each(|r| line(r));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let s = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let text = markdown(&s(&["kernel", "t", "n"]), &[s(&["k", "sm_80", "100"]), s(&["longer_k", "sm_90a", "7"])]);
        let expected = "\
| kernel   | t      |   n |
| -------- | ------ | --: |
| k        | sm_80  | 100 |
| longer_k | sm_90a |   7 |
";
        assert_eq!(text, expected);
    }
}
