//! A register's file: CSV with `,` or `;`, UTF-8 or windows-1251, columns in any order. Read as a stream, never whole.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::rc::Rc;

use chrono::{DateTime, SecondsFormat, Utc};
use csv::ByteRecord;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::money::Money;

use super::RowKind;
use crate::error::EngineError;
use crate::ids::RegisterId;
use crate::posting::is_receipt;
use crate::posting::sale::AMOUNT_MAX_KOPECKS;
use crate::schema::ledger::register_rows;

/// How many rows a file may have.
pub const ROWS_MAX: i64 = 5_000_000;
/// How long one row may be; more is an open quote or no register at all.
const ROW_BYTES_MAX: usize = 64 * 1024;
/// How much of a wrong cell is kept.
const CELL_MAX: usize = 200;

const COLUMNS: [&str; 7] = ["outlet", "receipt", "occurred_at", "amount", "category", "kind", "reference"];

fn broken(reason: &'static str, detail: impl Into<String>, line: Option<u64>) -> EngineError {
    EngineError::File { reason, detail: detail.into(), line }
}

/// Copies a file's rows to `register_rows`; how many.
///
/// # Errors
/// [`EngineError::File`] for what refuses the whole file.
pub(super) fn copy(
    connection: &mut PgConnection,
    register: RegisterId,
    history: bool,
    content: impl Read,
) -> Result<i64, EngineError> {
    let rows = RefCell::new(Rows::open(content, history)?);
    let outcome = RefCell::new(Ok(0));
    let target = (
        register_rows::register_id,
        register_rows::place,
        register_rows::line,
        register_rows::kind,
        register_rows::outlet,
        register_rows::receipt,
        register_rows::occurred_at,
        register_rows::holder,
        register_rows::amount,
        register_rows::category,
        register_rows::reference,
        register_rows::outcome,
        register_rows::reason,
    );
    let copied = diesel::copy_from(register_rows::table)
        .from_raw_data(target, |sink| {
            let written = rows.borrow_mut().write_all(register, sink);
            let fate = match &written {
                Ok(_) => diesel::QueryResult::Ok(()),
                Err(_) => Err(diesel::result::Error::RollbackTransaction),
            };
            *outcome.borrow_mut() = written;
            fate
        })
        .execute(connection);
    let written = outcome.into_inner()?;
    copied?;
    Ok(written)
}

/// A reader that gives up when one row grows beyond all measure, or the file ends inside quotes: it was cut.
struct Bounded<R> {
    inner: R,
    since_row: Rc<Cell<usize>>,
    delimiter: u8,
    place: Place,
}

/// Where in a row the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    CellStart,
    Plain,
    Quoted,
    AfterQuote,
}

impl Place {
    fn after(self, byte: u8, delimiter: u8) -> Self {
        match (self, byte) {
            (Self::CellStart | Self::AfterQuote, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::AfterQuote,
            (Self::Quoted, _) => Self::Quoted,
            (_, b'\r' | b'\n') => Self::CellStart,
            (_, byte) if byte == delimiter => Self::CellStart,
            _ => Self::Plain,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row.get() > ROW_BYTES_MAX {
            return Err(io::Error::other("row too long"));
        }
        let read = self.inner.read(buffer)?;
        self.since_row.set(self.since_row.get() + read);
        let delimiter = self.delimiter;
        self.place = buffer.iter().take(read).fold(self.place, |place, byte| place.after(*byte, delimiter));
        if read == 0 && self.place == Place::Quoted {
            return Err(io::Error::other("open quote"));
        }
        Ok(read)
    }
}

struct Rows<R> {
    reader: csv::Reader<Bounded<BufReader<R>>>,
    since_row: Rc<Cell<usize>>,
    places: Places,
    /// A byte order mark says UTF-8; without one a cell that isn't is windows-1251.
    marked: bool,
}

/// Where each column stands.
struct Places {
    columns: [usize; 7],
    holder: usize,
    count: usize,
}

impl<R: Read> Rows<R> {
    fn open(content: R, history: bool) -> Result<Self, EngineError> {
        let mut content = BufReader::with_capacity(ROW_BYTES_MAX, content);
        let start = content.fill_buf().map_err(|error| broken("unreadable", error.to_string(), None))?;
        if start.is_empty() {
            return Err(broken("empty", "", None));
        }
        if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
            return Err(broken("encoding", "UTF-16", None));
        }
        let marked = start.starts_with(&[0xEF, 0xBB, 0xBF]);
        let head: Vec<u8> = start.iter().copied().take_while(|byte| *byte != b'\n').collect();
        let semicolon = head.contains(&b';') && !head.contains(&b',');
        if marked {
            content.consume(3);
        }
        let since_row = Rc::new(Cell::new(0));
        let delimiter = if semicolon { b';' } else { b',' };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(true)
            .flexible(true)
            .buffer_capacity(8 * 1024)
            .from_reader(Bounded {
                inner: content,
                since_row: since_row.clone(),
                delimiter,
                place: Place::CellStart,
            });
        let header = reader.byte_headers().map_err(|error| unreadable(&error))?.clone();
        let places = Places::of(&header, history)?;
        Ok(Self { reader, since_row, places, marked })
    }

    /// Writes every row in PostgreSQL's text format.
    fn write_all(&mut self, register: RegisterId, sink: &mut dyn Write) -> Result<i64, EngineError> {
        let mut record = ByteRecord::new();
        let mut place = 0i64;
        loop {
            self.since_row.set(0);
            if !self.reader.read_byte_record(&mut record).map_err(|error| unreadable(&error))? {
                return Ok(place);
            }
            place += 1;
            if place > ROWS_MAX {
                return Err(broken("too_many_rows", ROWS_MAX.to_string(), None));
            }
            let line = record.position().map_or(0, csv::Position::line);
            let row = self.places.row(&record, self.marked);
            write_row(sink, register, place, line, &row)
                .map_err(|error| broken("unreadable", error.to_string(), Some(line)))?;
        }
    }
}

fn unreadable(error: &csv::Error) -> EngineError {
    let line = error.position().map(csv::Position::line);
    match error.kind() {
        csv::ErrorKind::Io(io) if io.to_string() == "row too long" => broken("row_too_long", "", line),
        csv::ErrorKind::Io(io) if io.to_string() == "open quote" => broken("open_quote", "", line),
        _ => broken("unreadable", error.to_string(), line),
    }
}

impl Places {
    fn of(header: &ByteRecord, history: bool) -> Result<Self, EngineError> {
        let names: Vec<String> =
            header.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_lowercase()).collect();
        for (at, name) in names.iter().enumerate() {
            if names.iter().take(at).any(|earlier| earlier == name) {
                return Err(broken("doubled_column", name.clone(), Some(1)));
            }
        }
        let find = |name: &str| names.iter().position(|other| other == name);
        let mut columns = [0; 7];
        for (slot, name) in columns.iter_mut().zip(COLUMNS) {
            *slot = find(name).ok_or_else(|| broken("missing_column", name, Some(1)))?;
        }
        let membership = if history { find("membership_number") } else { None };
        let holder = match (find("card_number"), membership) {
            (Some(place), None) | (None, Some(place)) => place,
            (None, None) => return Err(broken("missing_column", "card_number", Some(1))),
            (Some(_), Some(_)) => return Err(broken("extra_column", "membership_number", Some(1))),
        };
        let extra = names.iter().enumerate().find(|(at, _)| *at != holder && !columns.contains(at));
        match extra {
            Some((_, name)) => Err(broken("extra_column", name.clone(), Some(1))),
            None => Ok(Self { columns, holder, count: names.len() }),
        }
    }

    fn row(&self, record: &ByteRecord, marked: bool) -> Row {
        let mut clean = true;
        let mut cell = |place: usize| {
            let bytes = record.get(place).unwrap_or_default();
            let (text, fine) = text_of(bytes, marked);
            clean &= fine;
            text
        };
        let [outlet, receipt, occurred_at, amount, category, kind, reference] = self.columns.map(&mut cell);
        let holder = cell(self.holder);
        let mut row = Row { outlet, receipt, holder, category, reference, ..Row::default() };
        row.kind = kind.parse().ok();
        row.occurred_at = DateTime::parse_from_rfc3339(&occurred_at).ok().map(|at| at.with_timezone(&Utc));
        row.amount = amount.parse().ok();
        row.reason = if record.len() != self.count {
            Some("columns")
        } else if clean {
            row.fault()
        } else {
            Some("encoding")
        };
        row
    }
}

/// A cell's text, and whether its bytes were one.
fn text_of(bytes: &[u8], marked: bool) -> (String, bool) {
    let (text, fine) = match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), true),
        Err(_) if marked => (String::from_utf8_lossy(bytes).into_owned(), false),
        Err(_) => (encoding_rs::WINDOWS_1251.decode_without_bom_handling(bytes).0.into_owned(), true),
    };
    let fine = fine && !text.contains('\0');
    (text.trim().replace('\0', "\u{FFFD}"), fine)
}

#[derive(Debug, Default)]
struct Row {
    kind: Option<RowKind>,
    outlet: String,
    receipt: String,
    occurred_at: Option<DateTime<Utc>>,
    holder: String,
    amount: Option<Money>,
    category: String,
    reference: String,
    reason: Option<&'static str>,
}

impl Row {
    /// What is wrong with it, as a stable word.
    fn fault(&self) -> Option<&'static str> {
        let amount = self.amount.filter(|a| a.is_positive() && a.kopecks() <= AMOUNT_MAX_KOPECKS);
        match self.kind {
            None => Some("kind_invalid"),
            _ if self.outlet.is_empty() || self.outlet.len() > CELL_MAX => Some("outlet_unknown"),
            _ if !is_receipt(&self.receipt) => Some("receipt_invalid"),
            _ if self.occurred_at.is_none() => Some("occurred_at_invalid"),
            _ if amount.is_none() => Some("amount_invalid"),
            _ if !self.category.is_empty() && !is_receipt(&self.category) => Some("category_invalid"),
            Some(RowKind::Refund) if !is_receipt(&self.reference) => Some("reference_invalid"),
            Some(RowKind::Sale) if self.holder.is_empty() || self.holder.len() > CELL_MAX => {
                Some("card_unknown")
            }
            _ => None,
        }
    }
}

fn write_row(sink: &mut dyn Write, register: RegisterId, place: i64, line: u64, row: &Row) -> io::Result<()> {
    let null = "\\N".to_owned();
    let text = |text: &str| if text.is_empty() { null.clone() } else { escaped(text) };
    writeln!(
        sink,
        "{register}\t{place}\t{line}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
        row.kind.map_or(null.clone(), |kind| kind.to_string()),
        text(&row.outlet),
        text(&row.receipt),
        row.occurred_at.map_or(null.clone(), |at| at.to_rfc3339_opts(SecondsFormat::Micros, true)),
        text(&row.holder),
        row.amount.map_or(null.clone(), |amount| amount.kopecks().to_string()),
        text(&row.category),
        text(&row.reference),
        if row.reason.is_some() { "rejected" } else { "\\N" },
        row.reason.unwrap_or("\\N"),
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars().take(CELL_MAX) {
        match character {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
    out
}
