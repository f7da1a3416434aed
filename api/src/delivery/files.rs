//! Messages as files, where no server is given: whole or not at all, and sorted by name as they came.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use uuid::Uuid;

/// Writes a file for the operator alone; it appears under its name when it is whole.
pub(super) fn put(folder: &Path, ending: &str, bytes: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let name = Uuid::now_v7();
    let draft = folder.join(format!(".{name}.new"));
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?.write_all(bytes)?;
    fs::rename(&draft, folder.join(format!("{name}.{ending}")))
}
