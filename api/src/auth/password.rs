//! Passwords of the staff: what is taken, and their slow hashes on a bounded number of threads.

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// No password is shorter.
pub const CHARACTERS_MIN: usize = 15;
/// No password is longer.
pub const BYTES_MAX: usize = 128;
/// Each hash takes 19 MiB: so many at once.
const HASHES_AT_ONCE: usize = 4;
/// So many wait for their turn; more are turned away.
const WAITING_MAX: usize = 64;

/// Passwords everybody tries first, lower-cased: long enough to pass, and parts that make a password no better.
const COMMON: &[&str] = &[
    "passwordpassword",
    "password1234567",
    "123456789012345",
    "1234567890123456",
    "12345678901234567890",
    "qwertyuiopasdfgh",
    "qwertyuiop12345",
    "qwertyuiop123456",
    "administrator123",
    "administrator1234",
    "correcthorsebatterystaple",
    "1qaz2wsx3edc4rfv",
    "1qaz2wsx3edc4rfv5tgb",
    "q1w2e3r4t5y6u7i8",
    "йцукенгшщзхъфыв",
    "парольпарольпароль",
    "iloveyouiloveyou",
    "letmeinletmeinletmein",
    "changemechangeme",
    "unioncardunioncard",
    "profsoyuzprofsoyuz",
];

static RUNNING: Semaphore = Semaphore::const_new(HASHES_AT_ONCE);
static QUEUED: Semaphore = Semaphore::const_new(WAITING_MAX);

/// What an unknown login is compared with, so that it costs the same.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash(&super::secrets::random_token()).expect("a fixed-length password hashes"));

/// Why a password isn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than [`CHARACTERS_MIN`] characters.
    #[error("a password has 15 characters at least")]
    Short,
    /// More than [`BYTES_MAX`] bytes.
    #[error("a password has 128 bytes at most")]
    Long,
    /// One everybody tries first.
    #[error("this password is among the first anybody tries")]
    Common,
    /// The hash failed.
    #[error("the password could not be hashed")]
    Hash,
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(19 << 10, 2, 1, None).expect("19 MiB, two passes, one lane are valid");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Whether a password may be chosen.
///
/// # Errors
/// [`PasswordError`]
pub fn check(password: &str) -> Result<(), PasswordError> {
    let lower = password.to_lowercase();
    let mut characters = lower.chars();
    let first = characters.next();
    if password.chars().count() < CHARACTERS_MIN {
        Err(PasswordError::Short)
    } else if password.len() > BYTES_MAX {
        Err(PasswordError::Long)
    } else if COMMON.contains(&lower.as_str()) || characters.all(|c| Some(c) == first) {
        Err(PasswordError::Common)
    } else {
        Ok(())
    }
}

/// The Argon2id hash of a password. Takes some 20 ms and 19 MiB.
///
/// # Errors
/// [`PasswordError::Hash`]
pub fn hash(password: &str) -> Result<String, PasswordError> {
    argon2()
        .hash_password(password.as_bytes())
        .map(|hash: PasswordHash| hash.to_string())
        .map_err(|_| PasswordError::Hash)
}

/// A password nobody has chosen: 20 letters and digits that can't be mistaken for each other (116 bits).
pub fn generate() -> String {
    const ALPHABET: &[u8; 56] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    (0..20)
        .map(|_| {
            let at = rand::random_range(0..ALPHABET.len());
            char::from(*ALPHABET.get(at).expect("drawn below the alphabet's length"))
        })
        .collect()
}

fn matches(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Whether the password is the stored one's; with none stored the same work is done and the answer is no.
///
/// # Errors
/// 503 when too many wait already.
pub async fn verify(password: String, stored: Option<String>) -> Result<bool, Problem> {
    let _queued = QUEUED.try_acquire().map_err(|_| Problem::unavailable())?;
    let _running = RUNNING.acquire().await.map_err(|error| Problem::internal(&error))?;
    actix_web::web::block(move || {
        let known = stored.is_some();
        matches(&password, stored.as_ref().unwrap_or(&NOBODY)) && known
    })
    .await
    .map_err(|error| Problem::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_chosen() {
        let cases = [
            ("fourteen chars", Err(PasswordError::Short)),
            ("fifteen charact", Ok(())),
            ("пятнадцать букв", Ok(())),
            ("PasswordPassword", Err(PasswordError::Common)),
            ("aaaaaaaaaaaaaaaa", Err(PasswordError::Common)),
        ];
        for (password, expected) in cases {
            assert_eq!(check(password), expected, "{password}");
        }
        assert_eq!(check(&"ab".repeat(64)), Ok(()));
        assert_eq!(check(&("ab".repeat(64) + "c")), Err(PasswordError::Long));
    }

    #[test]
    fn a_generated_password_may_be_chosen_and_is_recognised() {
        let password = generate();
        check(&password).unwrap();
        let stored = hash(&password).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(matches(&password, &stored));
        assert!(!matches(&generate(), &stored));
        assert!(!matches(&password, "not a hash"));
    }
}
