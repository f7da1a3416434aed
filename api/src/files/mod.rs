//! Files in: stored whole, read as a stream, reported row by row. The command line, the API and the demo go the same
//! way.

pub mod aliases;
pub mod import_queue;
pub mod imports;
pub mod registers;
pub mod rejected_rows;
pub mod retention;
pub mod upload;
pub mod worker;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use actix_web::web::Bytes;
use futures_util::Stream;
use futures_util::stream;

const CHUNK_BYTES: usize = 64 << 10;

/// Makes a folder only its owner may open: what lies in it may be personal.
///
/// # Errors
/// The disk's.
pub fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a file only its owner may read, empty.
///
/// # Errors
/// The disk's.
pub fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// A file as a stream of chunks, read on threads that may block.
///
/// # Errors
/// When it can't be opened.
pub fn stream(path: &Path) -> io::Result<impl Stream<Item = io::Result<Bytes>> + use<>> {
    let file = File::open(path)?;
    Ok(stream::try_unfold(file, |mut file| async move {
        actix_web::web::block(move || {
            let mut chunk = vec![0; CHUNK_BYTES];
            let length = file.read(&mut chunk)?;
            chunk.truncate(length);
            Ok::<_, io::Error>((length > 0).then(|| (Bytes::from(chunk), file)))
        })
        .await
        .map_err(io::Error::other)?
    }))
}
