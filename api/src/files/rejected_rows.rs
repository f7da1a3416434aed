//! Pages of a `FILE.rejected.csv`, read from the start: refused rows are few, or nobody pages to their end.

use std::io;
use std::path::Path;

use shared_kernel::paging::{Limit, Page};

use union_registry::imports::rejected;

use crate::v1::imports::RejectedView;

/// The rows after the first `skip`; the next page's key is how many to skip then.
///
/// # Errors
/// When the file can't be read.
pub fn page(path: &Path, skip: u64, limit: Limit) -> io::Result<Page<RejectedView, u64>> {
    if !path.exists() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
    let skipped = usize::try_from(skip).map_err(io::Error::other)?;
    let lookahead = usize::try_from(limit.with_lookahead()).map_err(io::Error::other)?;
    let rows = reader
        .records()
        .skip(skipped)
        .take(lookahead)
        .map(|record| record.map(|record| view(&record)).map_err(io::Error::other))
        .collect::<io::Result<Vec<RejectedView>>>()?;
    let shown = limit.items().unsigned_abs();
    Ok(Page::from_lookahead(rows, limit, |_| skip + shown))
}

fn view(record: &csv::StringRecord) -> RejectedView {
    let mut cells = record.iter();
    RejectedView {
        line: cells.next().and_then(|text| text.parse().ok()).unwrap_or(0),
        reasons: cells.next().unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        row: cells.map(|cell| rejected::unguarded(cell).to_owned()).collect(),
    }
}
