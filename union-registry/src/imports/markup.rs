//! A workbook's parts watched as they are unpacked: XML as spreadsheets write it has no document type, so no entities of
//! its own, and no tag that is longer than a tag can be (attributes are compared with one another). Whatever has one is
//! refused before a parser sees it.

use std::io::{self, Write};

/// The longest tag that is taken, in bytes; the longest that spreadsheets write is the root of a sheet.
const TAG_BYTES_MAX: usize = 64 * 1024;

/// What a part's markup must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotPlain {
    #[error("it has a document type")]
    DocumentType,
    #[error("it has a tag of more than 64 KiB")]
    LongTag,
}

/// Where in the markup the last byte was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    /// Behind `<`, with so many bytes since, and the quote that is open.
    Tag(usize, Option<u8>),
    /// Behind `</`: quotes mean nothing there.
    End(usize),
    /// Behind `<?`, and whether a `?` was last.
    Instruction(bool),
    /// Behind `<!`, and the byte that tells what it is.
    Declared(Option<u8>),
    /// Within a comment, with so many `-` at its end.
    Comment(usize),
    /// Within CDATA, with so many `]` at its end.
    Data(usize),
    /// In what is no text: a picture. No parser gets further in it than here.
    Binary,
}

/// Takes a part's bytes and keeps none of them.
pub(super) struct Watch {
    place: Place,
    begun: bool,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { place: Place::Text, begun: false }
    }

    fn take(&mut self, byte: u8) -> Result<(), NotPlain> {
        self.place = match (self.place, byte) {
            (Place::Text, b'<') => Place::Tag(0, None),
            (Place::Text, _) => Place::Text,
            (Place::Tag(0, None), b'!') => Place::Declared(None),
            (Place::Tag(0, None), b'?') => Place::Instruction(false),
            (Place::Tag(0, None), b'/') => Place::End(0),
            (Place::Tag(_, None) | Place::End(_), b'>') => Place::Text,
            (Place::Tag(length, _) | Place::End(length), _) if length >= TAG_BYTES_MAX => {
                return Err(NotPlain::LongTag);
            }
            (Place::Tag(length, None), b'"' | b'\'') => Place::Tag(length + 1, Some(byte)),
            (Place::Tag(length, Some(quote)), _) if quote == byte => Place::Tag(length + 1, None),
            (Place::Tag(length, quote), _) => Place::Tag(length + 1, quote),
            (Place::End(length), _) => Place::End(length + 1),
            (Place::Instruction(true), b'>') => Place::Text,
            (Place::Instruction(_), _) => Place::Instruction(byte == b'?'),
            (Place::Declared(None), _) => Place::Declared(Some(byte)),
            (Place::Declared(Some(b'-')), b'-') => Place::Comment(0),
            (Place::Declared(Some(b'[')), b'C') => Place::Data(0),
            (Place::Declared(_), _) => return Err(NotPlain::DocumentType),
            (Place::Comment(ends), b'>') if ends >= 2 => Place::Text,
            (Place::Comment(ends), b'-') => Place::Comment(ends + 1),
            (Place::Comment(_), _) => Place::Comment(0),
            (Place::Data(ends), b'>') if ends >= 2 => Place::Text,
            (Place::Data(ends), b']') => Place::Data(ends + 1),
            (Place::Data(_), _) => Place::Data(0),
            (Place::Binary, _) => Place::Binary,
        };
        Ok(())
    }
}

impl Write for Watch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Whatever a part is called, it is read as UTF-8: one that isn't from its beginning on is no markup.
        if !std::mem::replace(&mut self.begun, true)
            && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_some())
        {
            self.place = Place::Binary;
        }
        if self.place == Place::Binary || self.place == Place::Text && !bytes.contains(&b'<') {
            return Ok(bytes.len());
        }
        bytes.iter().try_for_each(|byte| self.take(*byte)).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> Result<(), NotPlain> {
        let mut watch = Watch::new();
        text.bytes().try_for_each(|byte| watch.take(byte))
    }

    #[test]
    fn what_spreadsheets_write_is_plain() {
        for text in [
            "<?xml version=\"1.0\"?><a b=\"&lt;!DOCTYPE\" c='>\"'>&amp; it's</a>",
            "<!-- it's a <!DOCTYPE> --><a/>",
            "<a><![CDATA[<!DOCTYPE x> ]] ]>]]></a>",
            "no markup > at all '",
        ] {
            assert_eq!(judged(text), Ok(()), "{text}");
        }
        assert_eq!(judged(&format!("<a b='{}'>", "x".repeat(60_000))), Ok(()));
        assert_eq!(judged(&format!("<a>{}</a>", "x".repeat(1 << 20))), Ok(()), "text is no tag");
    }

    #[test]
    fn a_picture_is_no_markup_whatever_it_is_called() {
        let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
        picture.extend(b"<!x".repeat(10));
        assert_eq!(Watch::new().write(&picture).unwrap(), picture.len());
        assert!(Watch::new().write(b"x.png <!DOCTYPE a>").is_err());
    }

    #[test]
    fn document_types_and_endless_tags_are_not() {
        for text in [
            "<!DOCTYPE a>",
            "<a/><!doctype a>",
            "<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY b 'c'>]>",
            "<?a it's?><!DOCTYPE a>",
            "<a></a '><!DOCTYPE a>",
            "<!-- it's --><!DOCTYPE a>",
            "<!ENTITY b SYSTEM 'file:///etc/passwd'>",
            "<!-- a --><!-- b --><!ELEMENT a ANY>",
            "<a><![CDATA[]]]]><!DOCTYPE a>",
        ] {
            assert_eq!(judged(text), Err(NotPlain::DocumentType), "{text}");
        }
        let attributes: String = (0..100_000).map(|place| format!(" a{place}='{place}'")).collect();
        assert_eq!(judged(&format!("<a{attributes}>")), Err(NotPlain::LongTag));
        assert_eq!(judged(&format!("<a b='{}", ">".repeat(70_000))), Err(NotPlain::LongTag));
    }
}
