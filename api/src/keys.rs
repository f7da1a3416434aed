//! The master key, and the keys derived from it: nothing secret needs to lie in the database.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;

use crate::config::Settings;

/// The master key can't be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not 32 bytes in hex or base64.
    #[error("the master key must be 32 bytes in hex or base64")]
    Malformed,
    /// The file can't be read or written.
    #[error("the master key's file: {0}")]
    File(#[from] std::io::Error),
}

/// 32 bytes from which every other key of the program is derived.
pub struct MasterKey(SecretBox<[u8; 32]>);

impl MasterKey {
    /// The key of the settings, or the one of the data folder, made there on first use.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn open(settings: &Settings) -> Result<Self, KeyError> {
        match settings.master_key() {
            Some(text) => Self::parse(text),
            None => Self::from_file(&settings.data_dir.join("master.key")),
        }
    }

    fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let bytes = from_hex(text)
            .or_else(|| base64::engine::general_purpose::STANDARD.decode(text).ok())
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .ok_or(KeyError::Malformed)?;
        Ok(Self(SecretBox::new(Box::new(bytes))))
    }

    fn from_file(path: &Path) -> Result<Self, KeyError> {
        let hex: String = rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
        // Written whole under another name and linked into place, so that two starting processes agree on one key.
        let draft = path.with_extension(format!("{}.new", std::process::id()));
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(hex.as_bytes())?;
        file.sync_all()?;
        let linked = std::fs::hard_link(&draft, path);
        std::fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        Self::parse(&std::fs::read_to_string(path)?)
    }

    /// A key of its own for each purpose (HKDF-SHA256, RFC 5869; the purpose is `info`).
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(None, self.0.expose_secret())
            .expand(purpose.as_bytes(), &mut key)
            .expect("32 bytes are within HKDF's limit");
        key
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..32)
        .map(|at| text.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}
