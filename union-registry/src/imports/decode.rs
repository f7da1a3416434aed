//! Bytes to text as a stream: UTF-8 with or without a mark, or Windows-1251, told apart by the first chunk that is not
//! plain ASCII. Text that is mostly UTF-8 with some broken bytes is broken UTF-8, not Windows-1251.

use std::io::Read;

use encoding_rs::{Decoder, DecoderResult, UTF_8, WINDOWS_1251};

use super::{FileFault, ImportError};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// Decodes a reader's bytes chunk by chunk.
pub(super) struct Text<R> {
    inner: R,
    raw: Vec<u8>,
    decoder: Option<Decoder>,
    started: bool,
    /// The line being decoded, for faults.
    line: u64,
}

impl<R: Read> Text<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, raw: Vec::with_capacity(CHUNK_BYTES), decoder: None, started: false, line: 1 }
    }

    /// Puts the next piece of text into `out`; `false` at the end.
    pub(super) fn next(&mut self, out: &mut String) -> Result<bool, ImportError> {
        out.clear();
        self.raw.clear();
        let chunk = u64::try_from(CHUNK_BYTES).expect("a chunk is small");
        let mut read = self.inner.by_ref().take(chunk).read_to_end(&mut self.raw)?;
        if !std::mem::replace(&mut self.started, true) {
            self.check_beginning()?;
        }
        if self.decoder.is_none() && !self.raw.is_ascii() {
            // A chunk that ends in the middle of its first such character cannot be told yet: read on.
            while read > 0 && tally(&self.raw) == (0, 0) {
                read = self.inner.by_ref().take(chunk).read_to_end(&mut self.raw)?;
            }
            let (valid, broken) = tally(&self.raw);
            let encoding = if valid >= broken { UTF_8 } else { WINDOWS_1251 };
            self.decoder = Some(encoding.new_decoder_without_bom_handling());
        }
        let ended = read == 0;
        match &mut self.decoder {
            None => out.push_str(std::str::from_utf8(&self.raw).map_err(|_| self.undecodable(0))?),
            Some(decoder) => {
                out.reserve(decoder.max_utf8_buffer_length_without_replacement(self.raw.len()).unwrap_or(0));
                let (result, consumed) = decoder.decode_to_string_without_replacement(&self.raw, out, ended);
                let whole = matches!(result, DecoderResult::InputEmpty) && consumed == self.raw.len();
                if !whole {
                    return Err(self.undecodable(line_ends(out)));
                }
            }
        }
        self.line += line_ends(out);
        Ok(!ended || !out.is_empty())
    }

    fn undecodable(&self, lines_further: u64) -> ImportError {
        ImportError::file(FileFault::Undecodable, self.line + lines_further)
    }

    fn check_beginning(&mut self) -> Result<(), ImportError> {
        if self.raw.is_empty() {
            return Err(ImportError::file(FileFault::Empty, 1));
        }
        let zeros = self.raw.iter().take(1_024).filter(|byte| **byte == 0).count();
        if self.raw.starts_with(&[0xff, 0xfe]) || self.raw.starts_with(&[0xfe, 0xff]) || zeros > 64 {
            return Err(ImportError::file(FileFault::Utf16, 1));
        }
        if self.raw.starts_with(&[0xef, 0xbb, 0xbf]) {
            self.raw.drain(..3);
            self.decoder = Some(UTF_8.new_decoder_without_bom_handling());
        }
        Ok(())
    }
}

fn line_ends(text: &str) -> u64 {
    u64::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).expect("a chunk is small")
}

/// How many characters beyond ASCII are valid UTF-8, and how many bytes are none.
fn tally(mut bytes: &[u8]) -> (usize, usize) {
    let (mut valid, mut broken) = (0, 0);
    loop {
        match std::str::from_utf8(bytes) {
            Ok(text) => return (valid + beyond_ascii(text), broken),
            Err(error) => {
                let (good, rest) = bytes.split_at(error.valid_up_to());
                valid += std::str::from_utf8(good).map_or(0, beyond_ascii);
                let Some(length) = error.error_len() else { return (valid, broken) };
                broken += 1;
                bytes = rest.get(length..).unwrap_or_default();
            }
        }
    }
}

fn beyond_ascii(text: &str) -> usize {
    text.chars().filter(|c| !c.is_ascii()).count()
}
