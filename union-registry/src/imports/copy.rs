//! PostgreSQL's binary COPY format, written a row at a time into one buffer.

use std::io::{self, Write};

use std::cell::RefCell;

use chrono::NaiveDate;
use diesel::pg::{CopyFormat, CopyTarget, PgConnection};
use diesel::prelude::*;
use shared_kernel::ids::Uuid;

use super::ImportError;

/// Bytes gathered before they are sent.
const BUFFER_BYTES: usize = 256 * 1024;
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Runs `COPY table FROM STDIN`, fed by `feed`. The server words its own error over the feed's, so the feed's is kept.
pub(super) fn send<T: Table + CopyTarget<Table = T> + Clone>(
    table: T,
    connection: &mut PgConnection,
    feed: &mut dyn FnMut(&mut dyn Write) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    // COPY's callback is called once, but its type does not say so.
    let state = RefCell::new((feed, None));
    let callback = |out: &mut dyn Write| -> Result<(), diesel::result::Error> {
        let (feed, fault) = &mut *state.borrow_mut();
        feed(out).map_err(|error| {
            *fault = Some(error);
            diesel::result::Error::RollbackTransaction
        })
    };
    let sent = diesel::copy_from(table.clone())
        .from_raw_data(table, callback)
        .with_format(CopyFormat::Binary)
        .execute(connection);
    match (state.into_inner().1, sent) {
        // The connection's own fault came through its writer.
        (Some(ImportError::Io(error)), _) => Err(match error.downcast::<diesel::result::Error>() {
            Ok(error) => error.into(),
            Err(error) => error.into(),
        }),
        (Some(fault), _) => Err(fault),
        (None, sent) => Ok(sent.map(|_| ())?),
    }
}

/// Gathers rows of a fixed number of fields.
pub(super) struct Rows<'a> {
    out: &'a mut dyn Write,
    buffer: Vec<u8>,
    fields: i16,
}

impl<'a> Rows<'a> {
    pub(super) fn new(out: &'a mut dyn Write, fields: i16) -> Self {
        Self { out, buffer: HEADER.to_vec(), fields }
    }

    /// Begins a row; its fields follow in the order of the columns.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        if self.buffer.len() >= BUFFER_BYTES {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        self.buffer.extend_from_slice(&self.fields.to_be_bytes());
        Ok(())
    }

    pub(super) fn null(&mut self) {
        self.buffer.extend_from_slice(&(-1_i32).to_be_bytes());
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        let length = i32::try_from(value.len()).expect("a row is at most a megabyte");
        self.buffer.extend_from_slice(&length.to_be_bytes());
        self.buffer.extend_from_slice(value);
    }

    pub(super) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(super) fn integer(&mut self, value: i64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn id(&mut self, value: Uuid) {
        self.bytes(value.as_bytes());
    }

    pub(super) fn date(&mut self, value: NaiveDate) {
        let epoch = NaiveDate::from_ymd_opt(2000, 1, 1).expect("PostgreSQL's epoch is a date");
        let days =
            i32::try_from((value - epoch).num_days()).expect("checked dates lie within a few centuries");
        self.bytes(&days.to_be_bytes());
    }

    /// A field that may be null.
    pub(super) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => write(self, value),
            None => self.null(),
        }
    }

    /// Sends what is left and the end mark.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.buffer.extend_from_slice(&(-1_i16).to_be_bytes());
        self.out.write_all(&self.buffer)
    }
}
