//! Personal data at rest: AES-256-GCM-SIV under a key derived from the master key, bound to its table, column and row,
//! and found again by a keyed hash of the normalised value.
//!
//! A sealed value is one byte of key id (the version of the master key it was sealed under), then the ciphertext with its
//! tag. The nonce is made of the row's id: GCM-SIV stays safe when a nonce repeats, table and column are in the associated
//! data, and all that a repeat could tell is that a row's value was set to what it was before. So sealing needs no
//! randomness and two million rows no system calls.

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use shared_kernel::ids::Uuid;
use zeroize::Zeroizing;

/// The version of the first key.
const FIRST: u8 = 1;

/// A column that holds sealed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// `registry.members.phone_sealed`
    MemberPhone,
    /// `registry.members.email_sealed`
    MemberEmail,
}

impl Column {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::MemberPhone => b"registry.members|phone_sealed|",
            Self::MemberEmail => b"registry.members|email_sealed|",
        }
    }
}

/// A value that cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value cannot be opened: another key, or moved from another row")]
pub struct SealError;

/// Seals, opens and hashes. Made once from the master key's versions, shared by reference.
#[derive(Clone)]
pub struct Sealer {
    /// By version, the first first; never empty.
    keys: Vec<Keys>,
    /// The version with which new values are sealed.
    current: u8,
}

/// The keys of one version.
#[derive(Clone)]
struct Keys {
    cipher: Aes256GcmSiv,
    lookup: Hmac<Sha256>,
}

impl Keys {
    fn new(master: &[u8; 32]) -> Self {
        let root = Hkdf::<Sha256>::new(Some(b"unioncard/union-registry"), master);
        let derived = |label: &[u8]| {
            let mut key = Zeroizing::new([0_u8; 32]);
            root.expand(label, key.as_mut_slice()).expect("32 bytes are within HKDF's reach");
            key
        };
        Self {
            cipher: Aes256GcmSiv::new_from_slice(derived(b"sealing/1").as_slice())
                .expect("the key has 32 bytes"),
            lookup: Hmac::new_from_slice(derived(b"lookup").as_slice())
                .expect("HMAC takes a key of any length"),
        }
    }

    fn hash(&self, column: Column, value: &str) -> i64 {
        let mut mac = self.lookup.clone();
        mac.update(column.label());
        mac.update(value.as_bytes());
        let hash = mac.finalize().into_bytes();
        let (head, _) = hash.split_first_chunk::<8>().expect("SHA-256 gives 32 bytes");
        i64::from_be_bytes(*head)
    }
}

impl Sealer {
    /// Derives the keys from a 32-byte master key that never had another version.
    pub fn new(master: &[u8; 32]) -> Self {
        Self { keys: vec![Keys::new(master)], current: FIRST }
    }

    /// Derives the keys from all versions of the master key, the first first; new values are sealed under `current`.
    /// `None` without that version.
    pub fn of_versions(masters: &[[u8; 32]], current: u8) -> Option<Self> {
        let sealer = Self { keys: masters.iter().map(Keys::new).collect(), current };
        sealer.of(current).is_some().then_some(sealer)
    }

    fn of(&self, version: u8) -> Option<&Keys> {
        self.keys.get(usize::from(version.checked_sub(FIRST)?))
    }

    fn present(&self) -> &Keys {
        self.of(self.current).expect("a sealer is made with its current version")
    }

    /// The version with which new values are sealed.
    pub fn current(&self) -> u8 {
        self.current
    }

    /// Seals a value into a row's column.
    pub fn seal(&self, column: Column, row: Uuid, value: &str) -> Vec<u8> {
        let aad = associated_data(column, row);
        let payload = Payload { msg: value.as_bytes(), aad: &aad };
        let mut sealed = vec![self.current];
        sealed.extend(
            self.present()
                .cipher
                .encrypt(&nonce(row), payload)
                .expect("a contact is far below the cipher's bound"),
        );
        sealed
    }

    /// Opens a row's value.
    ///
    /// # Errors
    /// [`SealError`] when the key is another or the value was sealed into another row or column.
    pub fn open(&self, column: Column, row: Uuid, sealed: &[u8]) -> Result<String, SealError> {
        let (version, ciphertext) = sealed.split_first().ok_or(SealError)?;
        let keys = self.of(*version).ok_or(SealError)?;
        let aad = associated_data(column, row);
        let plain = keys
            .cipher
            .decrypt(&nonce(row), Payload { msg: ciphertext, aad: &aad })
            .map_err(|_| SealError)?;
        String::from_utf8(plain).map_err(|_| SealError)
    }

    /// The first 64 bits of the keyed hash under which a normalised value is kept. Two values may share one: what is
    /// found is opened and compared.
    pub fn lookup(&self, column: Column, value: &str) -> i64 {
        self.present().hash(column, value)
    }

    /// Every hash under which a normalised value may be kept: rows that aren't sealed anew yet have an older version's,
    /// and another process may be ahead of this one.
    pub fn lookups(&self, column: Column, value: &str) -> Vec<i64> {
        self.keys.iter().map(|keys| keys.hash(column, value)).collect()
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

fn associated_data(column: Column, row: Uuid) -> Vec<u8> {
    [column.label(), row.as_bytes()].concat()
}

fn nonce(row: Uuid) -> Nonce {
    let (_, random) = row.as_bytes().split_last_chunk::<12>().expect("an id has 16 bytes");
    Nonce::from(*random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_opens_only_where_it_was_sealed(value in "\\PC{0,60}", a in any::<[u8; 32]>()) {
            let sealer = Sealer::new(&a);
            let (row, other) = (Uuid::now_v7(), Uuid::now_v7());
            let sealed = sealer.seal(Column::MemberPhone, row, &value);
            prop_assert_eq!(sealer.open(Column::MemberPhone, row, &sealed), Ok(value.clone()));
            prop_assert_eq!(sealer.open(Column::MemberEmail, row, &sealed), Err(SealError));
            prop_assert_eq!(sealer.open(Column::MemberPhone, other, &sealed), Err(SealError));
            let mut key = a;
            key[31] ^= 1;
            prop_assert_eq!(Sealer::new(&key).open(Column::MemberPhone, row, &sealed), Err(SealError));
            for place in [0, sealed.len() / 2, sealed.len() - 1] {
                let mut changed = sealed.clone();
                changed[place] ^= 1;
                prop_assert_eq!(sealer.open(Column::MemberPhone, row, &changed), Err(SealError));
            }
            prop_assert_eq!(sealer.open(Column::MemberPhone, row, &[]), Err(SealError));
        }
    }

    #[test]
    fn later_versions_seal_and_earlier_ones_are_opened() {
        let row = Uuid::now_v7();
        let column = Column::MemberEmail;
        let masters = [[1; 32], [2; 32], [3; 32]];
        let first = Sealer::new(&masters[0]);
        let second = Sealer::of_versions(&masters[..2], 2).unwrap();
        let third = Sealer::of_versions(&masters, 2).unwrap();
        let (old, new) = (first.seal(column, row, "a@b.c"), second.seal(column, row, "a@b.c"));
        assert_eq!((old[0], new[0]), (1, 2));
        for sealer in [&second, &third] {
            assert_eq!(sealer.open(column, row, &old).as_deref(), Ok("a@b.c"));
            assert_eq!(sealer.open(column, row, &new).as_deref(), Ok("a@b.c"));
            let hashes = sealer.lookups(column, "a@b.c");
            assert_eq!(hashes[..2], [first.lookup(column, "a@b.c"), second.lookup(column, "a@b.c")]);
        }
        assert_eq!(first.open(column, row, &new), Err(SealError), "a version this process doesn't have");
        let mut passed_off = new.clone();
        passed_off[0] = 1;
        assert_eq!(third.open(column, row, &passed_off), Err(SealError));
        assert!(Sealer::of_versions(&masters, 4).is_none() && Sealer::of_versions(&masters, 0).is_none());
    }

    #[test]
    fn a_value_is_found_by_one_hash_a_column_and_key() {
        let sealer = Sealer::new(&[1; 32]);
        let hash = sealer.lookup(Column::MemberEmail, "a@example.org");
        assert_eq!(hash, sealer.clone().lookup(Column::MemberEmail, "a@example.org"));
        assert_ne!(hash, sealer.lookup(Column::MemberPhone, "a@example.org"));
        assert_ne!(hash, Sealer::new(&[2; 32]).lookup(Column::MemberEmail, "a@example.org"));
    }
}
