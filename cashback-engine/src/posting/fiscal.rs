//! The QR string of a Russian fiscal receipt (54-FZ), read strictly: it is a claim until something confirms it.

use std::str::FromStr;

use chrono::NaiveDateTime;
use shared_kernel::money::Money;
use shared_kernel::text_enum;

text_enum! {
    /// What kind of receipt (tag 1054).
    FiscalKind {
        /// Sale.
        Sale => "1",
        /// Return of a sale.
        SaleReturn => "2",
        /// Purchase from a customer.
        Purchase => "3",
        /// Return of such a purchase.
        PurchaseReturn => "4",
    }
}

/// A fiscal receipt as its QR string tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fiscal {
    /// The string as it came.
    pub raw: String,
    /// `fn`: the fiscal drive's number, 16 digits (12 in older ones).
    pub drive: String,
    /// `i`: the document's number on that drive.
    pub document: i64,
    /// `fp`: the fiscal sign.
    pub sign: i64,
    /// `s`: the sum.
    pub sum: Money,
    /// `n`: the kind.
    pub kind: FiscalKind,
    /// `t`: the till's local time as written.
    pub time: NaiveDateTime,
}

/// Why a string is no fiscal receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FiscalError {
    /// A key is missing.
    #[error("the key {0} is missing")]
    Missing(&'static str),
    /// A key stands twice or is unknown.
    #[error("a key stands twice or is unknown")]
    Keys,
    /// A value is malformed.
    #[error("the value of {0} is malformed")]
    Malformed(&'static str),
}

/// The longest string looked at.
const LENGTH_MAX: usize = 200;
const KEYS: [&str; 6] = ["t", "s", "fn", "i", "fp", "n"];

impl Fiscal {
    /// Reads a QR string.
    ///
    /// # Errors
    /// [`FiscalError`] naming the key.
    pub fn parse(raw: &str) -> Result<Self, FiscalError> {
        if raw.len() > LENGTH_MAX {
            return Err(FiscalError::Malformed("fiscal"));
        }
        let mut values: [Option<&str>; 6] = [None; 6];
        for pair in raw.split('&') {
            let (key, value) = pair.split_once('=').ok_or(FiscalError::Keys)?;
            let slot =
                KEYS.iter().zip(values.iter_mut()).find(|(name, _)| **name == key).map(|(_, slot)| slot);
            match slot {
                Some(slot @ None) => *slot = Some(value),
                _ => return Err(FiscalError::Keys),
            }
        }
        let [time, sum, drive, document, sign, kind] = values;
        let time = time.ok_or(FiscalError::Missing("t"))?;
        let drive = drive.ok_or(FiscalError::Missing("fn"))?;
        let time = local_time(time).ok_or(FiscalError::Malformed("t"))?;
        if !digits(drive, 12, 12) && !digits(drive, 16, 16) {
            return Err(FiscalError::Malformed("fn"));
        }
        Ok(Self {
            raw: raw.to_owned(),
            drive: drive.to_owned(),
            document: number(document.ok_or(FiscalError::Missing("i"))?)
                .ok_or(FiscalError::Malformed("i"))?,
            sign: number(sign.ok_or(FiscalError::Missing("fp"))?)
                .filter(|sign| *sign <= i64::from(u32::MAX))
                .ok_or(FiscalError::Malformed("fp"))?,
            sum: sum.ok_or(FiscalError::Missing("s"))?.parse().map_err(|_| FiscalError::Malformed("s"))?,
            kind: FiscalKind::from_str(kind.ok_or(FiscalError::Missing("n"))?)
                .map_err(|_| FiscalError::Malformed("n"))?,
            time,
        })
    }
}

fn digits(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn number(text: &str) -> Option<i64> {
    if digits(text, 1, 10) && (text == "0" || !text.starts_with('0')) { text.parse().ok() } else { None }
}

/// A wall clock's time as tills write it: with or without seconds; some put separators in.
fn local_time(text: &str) -> Option<NaiveDateTime> {
    let format = match text.len() {
        13 => "%Y%m%dT%H%M",
        15 => "%Y%m%dT%H%M%S",
        16 => "%Y-%m-%dT%H:%M",
        19 => "%Y-%m-%dT%H:%M:%S",
        _ => return None,
    };
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"T-:".contains(&byte));
    NaiveDateTime::parse_from_str(text, format).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_real_receipts() {
        let fiscal =
            Fiscal::parse("t=20200727T1117&s=4850.00&fn=9287440300634471&i=13571&fp=3730902192&n=1").unwrap();
        assert_eq!(fiscal.sum, Money::from_kopecks(485_000));
        assert_eq!((fiscal.drive.as_str(), fiscal.document), ("9287440300634471", 13_571));
        assert_eq!(fiscal.kind, FiscalKind::Sale);
        assert!(
            Fiscal::parse("t=20180518T220500&s=1405&fn=8710000101125654&i=99456&fp=1250448795&n=2").is_ok()
        );
    }

    #[test]
    fn published_receipts_read_as_published() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/data/vectors/fns_receipt_qr.json")).unwrap();
        for vector in vectors["valid"].as_array().unwrap() {
            let fiscal = Fiscal::parse(vector["qr"].as_str().unwrap()).unwrap();
            assert_eq!(fiscal.time.format("%Y-%m-%dT%H:%M:%S").to_string(), vector["datetime_local"]);
            assert_eq!(fiscal.sum.kopecks(), vector["sum_kopecks"]);
            assert_eq!(fiscal.drive, vector["fn"]);
            assert_eq!(fiscal.document.to_string(), vector["i"]);
            assert_eq!(fiscal.sign.to_string(), vector["fp"]);
            assert_eq!(fiscal.kind.as_str(), vector["n"].to_string());
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for (raw, error) in [
            ("", FiscalError::Keys),
            ("t=20200727T1117&s=1.00&fn=9287440300634471&i=1&fp=1", FiscalError::Missing("n")),
            ("t=20200727T1117&t=20200727T1117&s=1.00&fn=9287440300634471&i=1&fp=1&n=1", FiscalError::Keys),
            ("t=20200230T1117&s=1.00&fn=9287440300634471&i=1&fp=1&n=1", FiscalError::Malformed("t")),
            ("t=20200727T1117&s=1,00&fn=9287440300634471&i=1&fp=1&n=1", FiscalError::Malformed("s")),
            ("t=2020727T1117&s=1.00&fn=9287440300634471&i=1&fp=1&n=1", FiscalError::Malformed("t")),
            ("t=20200727T1117&s=1.00&fn=92874403006344&i=1&fp=1&n=1", FiscalError::Malformed("fn")),
            ("t=20200727T1117&s=1.00&fn=928&i=1&fp=1&n=1", FiscalError::Malformed("fn")),
            ("t=20200727T1117&s=1.00&fn=9287440300634471&i=01&fp=1&n=1", FiscalError::Malformed("i")),
            (
                "t=20200727T1117&s=1.00&fn=9287440300634471&i=1&fp=4294967296&n=1",
                FiscalError::Malformed("fp"),
            ),
            ("t=20200727T1117&s=1.00&fn=9287440300634471&i=1&fp=1&n=5", FiscalError::Malformed("n")),
        ] {
            assert_eq!(Fiscal::parse(raw), Err(error), "{raw}");
        }
    }
}
