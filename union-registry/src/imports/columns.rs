//! The header: which cell of a row is which column. A `FILE.rejected.csv` is read as it is: its own two columns are left
//! out, and so is the guard before what a spreadsheet would take for a formula.

use super::{FileFault, ImportError, rejected};
use crate::imports::rows::Row;

/// For each expected column, its place in the file's rows.
#[derive(Debug)]
pub struct Columns<const N: usize> {
    places: [usize; N],
    /// Cells a row has before those of the expected columns: those of a report on refused rows.
    leading: usize,
}

impl<const N: usize> Columns<N> {
    /// Reads a header. Names are taken without regard to case and blanks around them.
    ///
    /// # Errors
    /// [`ImportError::File`] for a column that is missing, doubled or unknown.
    pub fn read(header: &Row, expected: &[&'static str; N]) -> Result<Self, ImportError> {
        let fault = |fault| Err(ImportError::file(fault, header.line));
        let names: Vec<String> = header.cells().map(|cell| cell.trim().to_lowercase()).collect();
        let reported = names.iter().zip(rejected::LEADING).all(|(name, leading)| name == leading);
        let leading = if reported { rejected::LEADING.len() } else { 0 };
        let found: Vec<Option<usize>> =
            expected.iter().map(|column| names.iter().position(|name| name == column)).collect();
        let missing: Vec<&'static str> = expected
            .iter()
            .zip(&found)
            .filter_map(|(column, place)| place.is_none().then_some(*column))
            .collect();
        if !missing.is_empty() {
            return fault(FileFault::MissingColumns(missing));
        }
        for (place, name) in names.iter().enumerate() {
            let shown = || name.chars().filter(|c| !c.is_control()).take(64).collect();
            if names.iter().take(place).any(|earlier| earlier == name) {
                return fault(FileFault::DoubledColumn(shown()));
            }
            if place >= leading && !expected.contains(&name.as_str()) {
                return fault(FileFault::UnknownColumn(shown()));
            }
        }
        let mut places = [0; N];
        places.iter_mut().zip(found).for_each(|(slot, place)| *slot = place.unwrap_or_default());
        Ok(Self { places, leading })
    }

    /// A row's cells in the order of the expected columns; `None` when the row has more or fewer cells.
    pub fn of<'a>(&self, row: &'a Row) -> Option<[&'a str; N]> {
        if row.len() != N + self.leading {
            return None;
        }
        let mut cells = [""; N];
        for (cell, place) in cells.iter_mut().zip(self.places) {
            *cell = rejected::unguarded(row.cell(place)?);
        }
        Some(cells)
    }

    /// A row's own cells as they stand, whatever their number.
    pub(super) fn own<'a>(&self, row: &'a Row) -> Vec<&'a str> {
        row.cells().skip(self.leading).map(rejected::unguarded).collect()
    }

    /// Whether a column's cell was a number in a workbook.
    pub(super) fn is_number(&self, row: &Row, column: usize) -> bool {
        self.places.get(column).is_some_and(|place| row.is_number(*place))
    }
}
