//! A table file of any kind as a stream of rows. Partners' registers are read with it too.

use std::io::{Read, Seek, SeekFrom};

use super::{FileFault, ImportError, csv, xlsx};

/// A row: its cells as text, in one buffer that is used again.
#[derive(Debug, Default)]
pub struct Row {
    /// The line it begins on, from 1; in XLSX the row's number.
    pub line: u64,
    text: String,
    ends: Vec<usize>,
    numbers: Vec<usize>,
}

impl Row {
    /// The number of cells.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no cell at all.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A cell by its place, from 0.
    pub fn cell(&self, place: usize) -> Option<&str> {
        let end = *self.ends.get(place)?;
        let start = match place.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start..end)
    }

    /// The cells in order.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|place| self.cell(place))
    }

    /// Whether the cell was a number in a workbook, and so may have lost leading zeros.
    pub fn is_number(&self, place: usize) -> bool {
        self.numbers.contains(&place)
    }

    pub(super) fn clear(&mut self, line: u64) {
        self.line = line;
        self.text.clear();
        self.ends.clear();
        self.numbers.clear();
    }

    pub(super) fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(super) fn end_cell(&mut self) {
        self.ends.push(self.text.len());
    }

    pub(super) fn mark_number(&mut self) {
        self.numbers.push(self.ends.len());
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// A blank line, or a row of a workbook with nothing in it.
    pub(super) fn is_blank(&self) -> bool {
        self.text.trim().is_empty() && (self.len() <= 1 || self.cells().all(|cell| cell.trim().is_empty()))
    }
}

/// Reads a CSV or XLSX file from its beginning and hands each row, the header first, to `on_row`. Blank lines are left
/// out. The kind is told by the content, not by a name.
///
/// # Errors
/// [`ImportError::File`], [`ImportError::Io`], and what `on_row` gives.
pub fn each_row<F: Read + Seek>(
    file: &mut F,
    on_row: &mut dyn FnMut(&Row) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::with_capacity(4);
    file.by_ref().take(4).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    match head.as_slice() {
        [] => Err(ImportError::file(FileFault::Empty, 1)),
        b"PK\x03\x04" => xlsx::each_row(file, on_row),
        _ => csv::each_row(file, on_row),
    }
}
