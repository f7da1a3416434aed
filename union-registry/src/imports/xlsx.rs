//! Rows of a workbook's first sheet, cells as text. The archive is unpacked once into nothing before anything is read,
//! so that a bomb is found by what it really holds, not by what its directory says, and markup by what it really says.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use calamine::{DataRef, Reader, Xlsx};

use super::markup::Watch;
use super::rows::Row;
use super::{FileFault, ImportError};

/// Bytes a workbook may unpack to; its shared strings are held in memory.
const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Parts a workbook may have.
const PARTS_MAX: usize = 1_000;
/// Columns looked at: what stands beyond makes the row's cell count wrong.
const COLUMNS_MAX: u32 = 64;
/// Longest cell, in bytes; a row is bounded by this and [`COLUMNS_MAX`].
const CELL_BYTES_MAX: usize = 32 * 1024;

pub(super) fn each_row<F: Read + Seek>(
    file: &mut F,
    on_row: &mut dyn FnMut(&Row) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    check_parts(file)?;
    file.seek(SeekFrom::Start(0))?;
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(BufReader::new(file)).map_err(unreadable)?;
    let sheet = book.sheet_names().first().cloned().ok_or(ImportError::file(FileFault::Empty, 1))?;
    let mut cells = book.worksheet_cells_reader(&sheet).map_err(unreadable)?;
    let mut row = Row::default();
    let mut width = None;
    row.clear(0);
    while let Some(cell) = cells.next_cell().map_err(unreadable)? {
        let (line, column) = cell.get_position();
        let line = u64::from(line) + 1;
        if line != row.line {
            finish(&mut row, &mut width, on_row)?;
            row.clear(line);
        }
        if column >= COLUMNS_MAX || matches!(cell.get_value(), DataRef::Empty) {
            continue;
        }
        // Cells that are not in the file are empty ones.
        while row.len() < usize::try_from(column).unwrap_or(usize::MAX) {
            row.end_cell();
        }
        write_cell(&mut row, cell.get_value());
        row.end_cell();
    }
    finish(&mut row, &mut width, on_row)?;
    if width.is_none() { Err(ImportError::file(FileFault::Empty, 1)) } else { Ok(()) }
}

/// Hands a row on, filled up with empty cells to the header's width.
fn finish(
    row: &mut Row,
    width: &mut Option<usize>,
    on_row: &mut dyn FnMut(&Row) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    if row.is_blank() {
        return Ok(());
    }
    let width = *width.get_or_insert(row.len());
    while row.len() < width {
        row.end_cell();
    }
    on_row(row)
}

fn write_cell(row: &mut Row, value: &DataRef<'_>) {
    let number = |row: &mut Row, text: &str| {
        row.mark_number();
        row.push_text(text);
    };
    match value {
        DataRef::String(text) => row.push_text(bounded(text)),
        DataRef::SharedString(text) => row.push_text(bounded(text)),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => row.push_text(bounded(text)),
        DataRef::Int(value) => number(row, &value.to_string()),
        DataRef::Float(value) => number(row, &value.to_string()),
        DataRef::Bool(value) => row.push_text(if *value { "TRUE" } else { "FALSE" }),
        DataRef::DateTime(moment) => {
            let (year, month, day, ..) = moment.to_ymd_hms_milli();
            row.push_text(&format!("{year:04}-{month:02}-{day:02}"));
        }
        DataRef::Error(error) => row.push_text(&error.to_string()),
        DataRef::Empty => {}
    }
}

/// A cell's text, cut where no field would take it anyway.
fn bounded(text: &str) -> &str {
    let mut end = text.len().min(CELL_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.split_at(end).0
}

fn unreadable(error: impl std::fmt::Display) -> ImportError {
    let told: String = error.to_string().chars().filter(|c| !c.is_control()).take(200).collect();
    ImportError::file(FileFault::Workbook(told), 1)
}

/// Unpacks everything once into nothing, and looks at the markup that comes by.
fn check_parts<F: Read + Seek>(file: &mut F) -> Result<(), ImportError> {
    let mut archive = zip::ZipArchive::new(&mut *file).map_err(unreadable)?;
    let too_large = || ImportError::file(FileFault::TooLarge(UNPACKED_BYTES_MAX), 1);
    if archive.len() > PARTS_MAX {
        return Err(too_large());
    }
    let mut left = UNPACKED_BYTES_MAX;
    for part in 0..archive.len() {
        let part = archive.by_index(part).map_err(unreadable)?;
        let unpacked = io::copy(&mut part.take(left + 1), &mut Watch::new()).map_err(unreadable)?;
        left = left.checked_sub(unpacked).ok_or_else(too_large)?;
    }
    Ok(())
}
