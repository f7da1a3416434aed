//! `FILE.rejected.csv`: what was refused and why, for a person to mend and bring in again as it is.

use std::io::{self, Write};

use super::Rejected;

/// The columns before the file's own.
pub const LEADING: [&str; 2] = ["line", "reasons"];

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A cell without the `'` that guards what a spreadsheet would take for a formula.
pub fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(cell)
}

/// Writes refused rows as UTF-8 CSV: the line, the reasons with a blank between, then the row's own cells. A cell that a
/// spreadsheet would take for a formula gets a `'` in front.
pub struct Writer<W: Write> {
    out: W,
    columns: &'static [&'static str],
    begun: bool,
}

impl<W: Write> Writer<W> {
    /// A writer over the columns of a kind of file: [`super::MEMBER_COLUMNS`] or [`super::ORGANISATION_COLUMNS`].
    /// Writes nothing, not even the header, before the first row.
    pub fn new(out: W, columns: &'static [&'static str]) -> Self {
        Self { out, columns, begun: false }
    }

    /// Writes one row.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&mut self, row: Rejected<'_>) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            let header: Vec<&str> = LEADING.iter().chain(self.columns).copied().collect();
            self.line(header.into_iter())?;
        }
        let (line, reasons) = (row.line.to_string(), row.reasons.join(" "));
        let cells = [line.as_str(), reasons.as_str()];
        self.line(cells.into_iter().chain(row.cells.iter().copied()))
    }

    /// The underlying writer, flushed.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn line<'a>(&mut self, cells: impl Iterator<Item = &'a str>) -> io::Result<()> {
        for (place, cell) in cells.enumerate() {
            if place > 0 {
                self.out.write_all(b",")?;
            }
            let formula = cell.starts_with(FORMULA);
            let guard = if formula { "'" } else { "" };
            if formula || cell.contains(['"', ',', ';', '\n', '\r']) {
                write!(self.out, "\"{guard}{}\"", cell.replace('"', "\"\""))?;
            } else {
                self.out.write_all(cell.as_bytes())?;
            }
        }
        self.out.write_all(b"\r\n")
    }
}
