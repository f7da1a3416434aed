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
    let mut begun = false;
    let mut each = |row: &Row| {
        begun = true;
        on_row(row)
    };
    match head.as_slice() {
        [] => {}
        b"PK\x03\x04" => xlsx::each_row(file, &mut each)?,
        _ => csv::each_row(file, &mut each)?,
    }
    // A byte order mark, or blank lines, are no header.
    if begun { Ok(()) } else { Err(ImportError::file(FileFault::Empty, 1)) }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use encoding_rs::WINDOWS_1251;
    use proptest::prelude::*;

    use super::*;

    type Read = Result<Vec<(u64, Vec<String>)>, (FileFault, u64)>;

    fn read(bytes: &[u8]) -> Read {
        let mut rows = Vec::new();
        let result = each_row(&mut Cursor::new(bytes), &mut |row| {
            rows.push((row.line, row.cells().map(str::to_owned).collect()));
            Ok(())
        });
        match result {
            Ok(()) => Ok(rows),
            Err(ImportError::File { fault, line }) => Err((fault, line)),
            Err(other) => panic!("{other}"),
        }
    }

    fn cells(text: &str) -> Vec<Vec<String>> {
        read(text.as_bytes()).unwrap().into_iter().map(|(_, cells)| cells).collect()
    }

    #[test]
    fn every_spelling_of_a_table_reads_alike() {
        let expected = vec![vec!["имя", "город"], vec!["Пётр", "Орёл, \"центр\""], vec!["Анна\nМария", ""]];
        let text = "имя,город\r\nПётр,\"Орёл, \"\"центр\"\"\"\n\n\"Анна\nМария\",\n";
        assert_eq!(cells(text), expected);
        assert_eq!(cells(&format!("\u{feff}{text}")), expected, "with a mark");
        assert_eq!(cells("имя;город\rПётр;\"Орёл, \"\"центр\"\"\"\r\"Анна\nМария\";"), expected);
        let (old, _, _) = WINDOWS_1251.encode(text);
        assert_eq!(read(&old).unwrap().into_iter().map(|(_, row)| row).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rows_know_their_lines() {
        let rows = read("a,b\r\n1,\"x\ny\"\r\n\r\n2,z\r3,w\n4".as_bytes()).unwrap();
        let lines: Vec<_> = rows.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 5, 6, 7]);
    }

    #[test]
    fn broken_files_say_how_and_where() {
        for empty in ["", "\u{feff}", "\n\r\n \n", "\u{feff}\n"] {
            assert_eq!(read(empty.as_bytes()), Err((FileFault::Empty, 1)), "{empty:?}");
        }
        assert_eq!(read("a,b\n1,\"open\n2,3\n".as_bytes()), Err((FileFault::OpenQuote, 2)));
        assert_eq!(read(b"\xff\xfea\0,\0b\0"), Err((FileFault::Utf16, 1)));
        let mut broken = "имя,город\nПётр,Орёл\nАнна,Тула\n".as_bytes().to_vec();
        let at = broken.len() - 4;
        broken[at] = 0xff;
        assert_eq!(read(&broken), Err((FileFault::Undecodable, 3)), "broken UTF-8 is not Windows-1251");
        let long = format!("a,b\n1,{}\n", "x".repeat(100 * 1024 * 1024));
        assert_eq!(read(long.as_bytes()), Err((FileFault::RowTooLong, 2)));
        assert!(matches!(read(b"PK\x03\x04nonsense"), Err((FileFault::Workbook(_), 1))));
    }

    #[test]
    fn an_encoding_is_told_across_a_chunk_border() {
        for pad in (64 * 1024 - 4)..(64 * 1024 + 2) {
            let text = format!("a,b\n{},Ёлка\n", "x".repeat(pad - 4));
            let (old, _, _) = WINDOWS_1251.encode(&text);
            for bytes in [text.as_bytes(), &old] {
                assert_eq!(read(bytes).unwrap()[1].1[1], "Ёлка", "{pad}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            table in proptest::collection::vec(proptest::collection::vec("[a-zё,;\"\n =0-9]{0,12}", 3), 1..20),
        ) {
            let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let mut text = String::from("x,y,z\r\n");
            for row in &table {
                text += &row.iter().map(quoted).collect::<Vec<_>>().join(",");
                text += "\r\n";
            }
            let read = cells(&text);
            let written: Vec<_> =
                table.into_iter().filter(|row| row.iter().any(|cell| !cell.trim().is_empty())).collect();
            prop_assert_eq!(&read[1..], written.as_slice());
        }

        #[test]
        fn any_bytes_end_in_rows_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let _ = read(&bytes);
        }
    }
}
