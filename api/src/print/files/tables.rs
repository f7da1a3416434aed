//! The personalisation table: CSV (UTF-8, commas, a header) and XLSX, a row a card, written as the rows come.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use card_issuer::personalisation::{COLUMNS, guarded};
use chrono::{DateTime, Utc};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook};

use super::{CSV, PrintError, XLSX};
use crate::files::private_file;

/// Both tables in the making.
pub struct Tables {
    folder: PathBuf,
    csv: csv::Writer<BufWriter<File>>,
    workbook: Workbook,
    formula_like: Format,
    rows: u32,
}

fn part(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.part"))
}

impl Tables {
    /// Begins both anew with their headers.
    ///
    /// # Errors
    /// The disk's.
    pub fn create(folder: &Path, made_at: DateTime<Utc>) -> Result<Self, PrintError> {
        let mut csv = csv::Writer::from_writer(BufWriter::new(private_file(&part(folder, CSV))?));
        csv.write_record(COLUMNS)?;
        let mut workbook = Workbook::new();
        // Rows that were written go to a file in the same private folder, not to everybody's.
        workbook.set_tempdir(folder)?;
        let created = ExcelDateTime::from_timestamp(made_at.timestamp())?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
        let header = Format::new().set_bold();
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name("cards")?;
        for (place, column) in (0_u16..).zip(COLUMNS) {
            sheet.write_string_with_format(0, place, column, &header)?;
        }
        let formula_like = Format::new().set_quote_prefix();
        Ok(Self { folder: folder.to_owned(), csv, workbook, formula_like, rows: 0 })
    }

    /// Writes a row to both. Every cell is text: a number of sixteen digits stays one.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&mut self, row: &[String; COLUMNS.len()]) -> Result<(), PrintError> {
        self.rows += 1;
        self.csv.write_record(row.iter().map(|cell| guarded(cell)))?;
        let sheet = self.workbook.worksheet_from_index(0)?;
        for (place, cell) in (0_u16..).zip(row) {
            if guarded(cell) == *cell {
                sheet.write_string(self.rows, place, cell)?;
            } else {
                sheet.write_string_with_format(self.rows, place, cell, &self.formula_like)?;
            }
        }
        Ok(())
    }

    /// Puts both where they belong.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish(mut self) -> Result<(), PrintError> {
        self.csv.flush()?;
        let xlsx = private_file(&part(&self.folder, XLSX))?;
        self.workbook.save_to_writer(BufWriter::new(xlsx))?;
        for name in [CSV, XLSX] {
            fs::rename(part(&self.folder, name), self.folder.join(name))?;
        }
        Ok(())
    }
}
