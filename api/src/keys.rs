//! The master key, and the keys derived from it: nothing secret needs to lie in the database.
//!
//! It may have several versions, the founding one first. One is current: what is made new (sealed personal data, keys of
//! tokens, secrets of devices, entries of the audit log) is made under it; what older versions made goes on being opened and
//! checked with them. Which is current the database says (`platform.master_key_versions`), so that all processes agree.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;

use crate::config::Settings;

/// Versions there may be.
const VERSIONS_MAX: usize = 100;

/// The master key can't be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not 32 bytes in hex or base64, or more versions than there may be, or one of them twice.
    #[error(
        "the master key must be 32 bytes in hex or base64; its versions one behind the other, the first one first"
    )]
    Malformed,
    /// Somebody added this version meanwhile.
    #[error("version {0} has been added and isn't current yet: unioncard keys use")]
    Added(i16),
    /// The file can't be read or written.
    #[error("the master key's file: {0}")]
    File(#[from] std::io::Error),
}

/// 32 bytes a version, from which every other key of the program is derived.
pub struct MasterKey {
    /// By version, the founding one first; never empty.
    versions: Vec<SecretBox<[u8; 32]>>,
    current: i16,
}

impl MasterKey {
    /// The key of the settings, or the one of the data folder, made there on first use. Its founding version is current
    /// until [`MasterKey::using`] says otherwise.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn open(settings: &Settings) -> Result<Self, KeyError> {
        match settings.master_key() {
            Some(text) => Self::parse(text),
            None => Self::from_file(&file_of(settings)),
        }
    }

    fn parse(text: &str) -> Result<Self, KeyError> {
        let texts = text.split([',', '\n', '\r', ' ']).filter(|text| !text.is_empty());
        let mut versions: Vec<SecretBox<[u8; 32]>> = Vec::new();
        for text in texts {
            let bytes = from_hex(text)
                .or_else(|| base64::engine::general_purpose::STANDARD.decode(text).ok())
                .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
                .ok_or(KeyError::Malformed)?;
            if versions.iter().any(|known| *known.expose_secret() == bytes) {
                return Err(KeyError::Malformed);
            }
            versions.push(SecretBox::new(Box::new(bytes)));
        }
        if versions.is_empty() || versions.len() > VERSIONS_MAX {
            return Err(KeyError::Malformed);
        }
        Ok(Self { versions, current: 1 })
    }

    fn from_file(path: &Path) -> Result<Self, KeyError> {
        // Written whole under another name and linked into place, so that two starting processes agree on one key.
        let folder = folder_of(path)?;
        let draft = draft_of(path, &fresh())?;
        let linked = std::fs::hard_link(&draft, path);
        std::fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.into()),
            // Names are on the disk once their folder is: what is sealed with a key must not outlive it.
            _ => folder.sync_all()?,
        }
        Self::parse(&std::fs::read_to_string(path)?)
    }

    /// The same with this version current; `None` when it isn't there.
    pub fn using(self, version: i16) -> Option<Self> {
        self.of(version).is_some().then_some(())?;
        Some(Self { current: version, ..self })
    }

    /// The version under which things are made now.
    pub fn current(&self) -> i16 {
        self.current
    }

    /// The newest version that is there, current or not yet.
    pub fn newest(&self) -> i16 {
        i16::try_from(self.versions.len()).expect("versions are bounded")
    }

    fn of(&self, version: i16) -> Option<&[u8; 32]> {
        let place = usize::try_from(version).ok()?.checked_sub(1)?;
        self.versions.get(place).map(ExposeSecret::expose_secret)
    }

    /// A key of its own for each purpose, from the founding version (HKDF-SHA256, RFC 5869; the purpose is `info`): for what
    /// is out there and must stay as it is.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        self.derive_as(1, purpose).expect("there is a founding version")
    }

    /// The same from another version; `None` when it isn't there.
    pub fn derive_as(&self, version: i16, purpose: &str) -> Option<[u8; 32]> {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(None, self.of(version)?)
            .expand(purpose.as_bytes(), &mut key)
            .expect("32 bytes are within HKDF's limit");
        Some(key)
    }

    /// The same from every version that is there, the founding one first.
    pub fn derive_all(&self, purpose: &str) -> Vec<[u8; 32]> {
        (1..=self.newest()).filter_map(|version| self.derive_as(version, purpose)).collect()
    }
}

/// Makes another version. Without a key in the settings it is added to the data folder's file; else it is given back, to be
/// put behind the others there.
///
/// # Errors
/// [`KeyError`]; [`KeyError::Added`] where the file has more versions than this process knows.
pub fn add_version(settings: &Settings, known: &MasterKey) -> Result<Option<String>, KeyError> {
    let new = fresh();
    if settings.master_key().is_some() {
        return Ok(Some(new));
    }
    add_to(&file_of(settings), known, &new)?;
    Ok(None)
}

/// One at a time: who reads the file while another adds to it would write it back without what was added.
fn add_to(path: &Path, known: &MasterKey, new: &str) -> Result<(), KeyError> {
    let folder = folder_of(path)?;
    // Held until this returns.
    folder.lock()?;
    let text = std::fs::read_to_string(path)?;
    let there = MasterKey::parse(&text)?.newest();
    if there != known.newest() {
        return Err(KeyError::Added(there));
    }
    let text = format!("{}\n{new}\n", text.trim_end());
    MasterKey::parse(&text)?;
    std::fs::rename(draft_of(path, &text)?, path)?;
    folder.sync_all()?;
    Ok(())
}

fn file_of(settings: &Settings) -> PathBuf {
    settings.data_dir.join("master.key")
}

/// The folder a file is in: to be locked, and to have its names put on the disk.
fn folder_of(path: &Path) -> Result<File, KeyError> {
    Ok(File::open(path.parent().unwrap_or_else(|| Path::new(".")))?)
}

/// 32 bytes nobody knows, in hex.
fn fresh() -> String {
    rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file beside the key's with this in it, on the disk when it returns.
fn draft_of(path: &Path, text: &str) -> Result<PathBuf, KeyError> {
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(draft)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..32)
        .map(|at| text.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_one_behind_the_other() {
        let (one, two) = ("11".repeat(32), "22".repeat(32));
        let base64 = base64::engine::general_purpose::STANDARD.encode([0x22; 32]);
        let alone = MasterKey::parse(&one).unwrap();
        for text in [format!("{one},{two}"), format!("{one}\n{two}\n"), format!(" {one}, {base64}\r\n")] {
            let both = MasterKey::parse(&text).unwrap();
            assert_eq!((both.current(), both.newest()), (1, 2), "{text}");
            assert_eq!(both.derive("a"), alone.derive("a"), "the founding one stays what it was");
            let used = both.using(2).unwrap();
            assert_eq!((used.current(), used.derive("a")), (2, alone.derive("a")));
            assert_eq!(
                used.derive_all("a"),
                [alone.derive("a"), MasterKey::parse(&two).unwrap().derive("a")]
            );
            assert!(used.using(3).is_none());
        }
        for wrong in ["", ",", "zz", &one[..62], &format!("{one},{one}"), &format!("{one};{two}")] {
            assert!(MasterKey::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn of_many_who_add_at_once_one_does_and_the_others_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let known = MasterKey::from_file(&path).unwrap();
        let added: Vec<_> = std::thread::scope(|scope| {
            let adding: Vec<_> = (0..8).map(|_| scope.spawn(|| add_to(&path, &known, &fresh()))).collect();
            adding.into_iter().map(|adding| adding.join().unwrap()).collect()
        });
        assert_eq!(added.iter().filter(|one| one.is_ok()).count(), 1);
        assert!(
            added.iter().filter_map(|one| one.as_ref().err()).all(|one| matches!(one, KeyError::Added(2)))
        );
        let both = MasterKey::from_file(&path).unwrap();
        assert_eq!((both.newest(), both.derive("a")), (2, known.derive("a")));
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 1, "no draft is left behind");
    }
}
