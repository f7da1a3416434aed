//! Rows of separated values (RFC 4180 and what spreadsheets make of it): comma or semicolon, told by the header; line
//! ends of every kind, mixed; quotes doubled within quotes.

use std::io::Read;

use super::decode::Text;
use super::rows::Row;
use super::{FileFault, ImportError};

/// Longest row, in bytes of UTF-8.
const ROW_BYTES_MAX: usize = 1024 * 1024;

pub(super) fn each_row<R: Read>(
    file: R,
    on_row: &mut dyn FnMut(&Row) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let mut text = Text::new(file);
    let mut chunk = String::new();
    let mut splitter: Option<Splitter> = None;
    while text.next(&mut chunk)? {
        splitter.get_or_insert_with(|| Splitter::new(separator(&chunk))).feed(&chunk, on_row)?;
    }
    match splitter {
        Some(splitter) => splitter.finish(on_row),
        None => Err(ImportError::file(FileFault::Empty, 1)),
    }
}

/// The separator of a header: the one it has more of.
fn separator(text: &str) -> u8 {
    let header = text.trim_start().lines().next().unwrap_or_default();
    if header.matches(';').count() > header.matches(',').count() { b';' } else { b',' }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the beginning of a cell.
    CellStart,
    /// In a cell without quotes, or behind the closing quote.
    Bare,
    /// Within quotes.
    Quoted,
    /// Behind a quote within quotes: the end of them, or the first half of a doubled one.
    QuoteSeen,
}

struct Splitter {
    separator: u8,
    place: Place,
    row: Row,
    /// The line being read.
    line: u64,
    /// A carriage return ended the row: a line feed right behind it belongs to it.
    after_return: bool,
}

impl Splitter {
    fn new(separator: u8) -> Self {
        let mut row = Row::default();
        row.clear(1);
        Self { separator, place: Place::CellStart, row, line: 1, after_return: false }
    }

    fn feed(
        &mut self,
        chunk: &str,
        on_row: &mut dyn FnMut(&Row) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let mut rest = chunk;
        while !rest.is_empty() {
            let separator = self.separator;
            let stop = match self.place {
                Place::Quoted => rest.bytes().position(|b| b == b'"' || b == b'\n'),
                Place::QuoteSeen => Some(0),
                Place::CellStart | Place::Bare => {
                    rest.bytes().position(|b| b == separator || b == b'\n' || b == b'\r' || b == b'"')
                }
            };
            let (plain, stopped) = rest.split_at(stop.unwrap_or(rest.len()));
            if !plain.is_empty() {
                self.row.push_text(plain);
                self.after_return = false;
                if self.place == Place::CellStart {
                    self.place = Place::Bare;
                }
            }
            if self.row.bytes() + self.row.len() > ROW_BYTES_MAX {
                return Err(ImportError::file(FileFault::RowTooLong, self.row.line));
            }
            let mut behind = stopped.chars();
            let Some(mark) = behind.next() else { return Ok(()) };
            rest = if self.mark(mark, on_row)? { behind.as_str() } else { stopped };
        }
        Ok(())
    }

    /// Acts on one character that may mean something; whether it was taken.
    fn mark(
        &mut self,
        mark: char,
        on_row: &mut dyn FnMut(&Row) -> Result<(), ImportError>,
    ) -> Result<bool, ImportError> {
        let after_return = std::mem::take(&mut self.after_return);
        match (self.place, mark) {
            (Place::Quoted, '"') => self.place = Place::QuoteSeen,
            (Place::Quoted, _) => {
                self.line += 1;
                self.row.push_text("\n");
            }
            (Place::QuoteSeen, '"') => {
                self.row.push_text("\"");
                self.place = Place::Quoted;
            }
            (Place::QuoteSeen, _) => {
                self.place = Place::Bare;
                return Ok(false);
            }
            (Place::CellStart, '"') => self.place = Place::Quoted,
            (Place::Bare, '"') => self.row.push_text("\""),
            (_, '\n') if after_return && self.is_row_start() => {}
            (_, '\n' | '\r') => {
                self.end_row(on_row)?;
                self.after_return = mark == '\r';
            }
            (_, _) => {
                self.row.end_cell();
                self.place = Place::CellStart;
            }
        }
        Ok(true)
    }

    fn is_row_start(&self) -> bool {
        self.place == Place::CellStart && self.row.is_empty()
    }

    fn end_row(
        &mut self,
        on_row: &mut dyn FnMut(&Row) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        self.row.end_cell();
        if !self.row.is_blank() {
            on_row(&self.row)?;
        }
        self.line += 1;
        self.row.clear(self.line);
        self.place = Place::CellStart;
        Ok(())
    }

    fn finish(mut self, on_row: &mut dyn FnMut(&Row) -> Result<(), ImportError>) -> Result<(), ImportError> {
        if self.place == Place::Quoted {
            return Err(ImportError::file(FileFault::OpenQuote, self.row.line));
        }
        if self.is_row_start() { Ok(()) } else { self.end_row(on_row) }
    }
}
