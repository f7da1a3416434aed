//! SHA-256 of every file, in the form that `sha256sum --check` reads.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

const CHUNK_BYTES: usize = 64 << 10;

/// The sums of a folder's files so far.
pub struct Sums {
    folder: PathBuf,
    text: String,
}

impl Sums {
    /// None yet.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), text: String::new() }
    }

    /// Adds a file by its bytes.
    pub fn add(&mut self, name: &str, content: &[u8]) {
        self.line(name, &Sha256::digest(content));
    }

    /// Adds a file that lies there.
    ///
    /// # Errors
    /// The disk's.
    pub fn add_file(&mut self, name: &str) -> io::Result<()> {
        let mut file = File::open(self.folder.join(name))?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = file.read(&mut chunk)?;
            if length == 0 {
                break;
            }
            hash.update(chunk.get(..length).unwrap_or_default());
        }
        self.line(name, &hash.finalize());
        Ok(())
    }

    fn line(&mut self, name: &str, sum: &[u8]) {
        writeln!(self.text, "{}  {name}", hexadecimal(sum)).expect("writing to a String");
    }

    /// The list.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A sum as text.
pub fn hexadecimal(sum: &[u8]) -> String {
    sum.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String");
        text
    })
}
