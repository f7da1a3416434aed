//! The proof for tills without network: 192 digits, signed with Ed25519, that any program can check with the published
//! keys. It says which card, that it is good, since when and until when, and nothing about the person.
//!
//! ```text
//! byte  0      1      2..7                7..11              11..13            13        14..78
//!       form 1 epoch  programme and body  issued (seconds)   life (minutes)    1 valid   signature
//! ```
//! The signature is over [`CONTEXT`] and the first 14 bytes. The 78 bytes are six groups of 13, each written as 32
//! decimal digits, big end first: digits alone survive every scanner and make a QR of version 5.
//!
//! The keys follow the calendar: one a quarter of a year, derived from the master key, published a quarter ahead, so
//! that a till that is long without network knows the next one. `epoch` counts quarters from 2026; key `proof-004` is
//! that of the first quarter of 2027.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use chrono::{DateTime, Datelike, TimeDelta, Utc};

use crate::keys::IssuerKeys;
use crate::number::{CardNumber, bare_digits};

/// No proof is good for longer.
pub const LIFE_MAX: TimeDelta = TimeDelta::hours(24);
/// What is signed before the bytes themselves, so that no other signature of ours can pass for a proof.
pub const CONTEXT: &[u8] = b"unioncard proof 1\0";
/// Digits of a proof.
pub const DIGITS: usize = 192;

const FORM: u8 = 1;
const VALID: u8 = 1;
const BODY_BYTES: usize = 14;
const BYTES: usize = 78;
const GROUP_BYTES: usize = 13;
const GROUP_DIGITS: usize = 32;
const FIRST_YEAR: i32 = 2026;
/// How far a till's clock may be behind ours.
const AHEAD_MAX: TimeDelta = TimeDelta::minutes(5);
/// Longest text taken for a proof: each digit with a separator after it.
const TEXT_CHARS_MAX: usize = 2 * DIGITS;

/// A proof that was checked: what it says, and that we said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The card.
    pub number: CardNumber,
    /// When it was given.
    pub issued_at: DateTime<Utc>,
    /// Until when it is good.
    pub valid_until: DateTime<Utc>,
}

/// Why a text is no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not of a proof's form ("code-invalid").
    #[error("not a proof")]
    Form,
    /// We never signed that ("code-wrong").
    #[error("the proof's signature is wrong")]
    Signature,
}

/// A key for checking proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its name in the key set.
    pub kid: String,
    /// The 32 bytes of the Ed25519 key.
    pub bytes: Vec<u8>,
}

/// Gives a proof of a good card, for 24 hours or until `last`, whichever comes first.
pub fn give(
    keys: &IssuerKeys,
    number: CardNumber,
    last: DateTime<Utc>,
    now: DateTime<Utc>,
) -> (String, Proof) {
    let life = (last - now).clamp(TimeDelta::zero(), LIFE_MAX);
    let minutes = u16::try_from(life.num_minutes()).expect("a day has fewer than 2¹⁶ minutes");
    let seconds = u32::try_from(now.timestamp()).expect("until 2106");
    let issued_at = DateTime::from_timestamp(i64::from(seconds), 0).expect("it was one");
    let epoch = epoch_at(now);
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.extend([FORM, epoch]);
    bytes.extend(account(number).to_be_bytes().iter().skip(3));
    bytes.extend(seconds.to_be_bytes());
    bytes.extend(minutes.to_be_bytes());
    bytes.push(VALID);
    let signature = key_pair(keys, epoch).sign(&signed(&bytes));
    bytes.extend(signature.as_ref());
    let proof = Proof { number, issued_at, valid_until: issued_at + TimeDelta::minutes(i64::from(minutes)) };
    (to_digits(&bytes), proof)
}

/// Reads a proof and checks its signature. Whether it is good at some moment is [`Proof::covers`].
///
/// # Errors
/// [`ProofError`].
pub fn read(keys: &IssuerKeys, text: &str) -> Result<Proof, ProofError> {
    let bytes = from_digits(text).ok_or(ProofError::Form)?;
    let (body, signature) = bytes.split_at(BODY_BYTES);
    let (epoch, proof) = parse(body).ok_or(ProofError::Form)?;
    // One key a quarter: a proof under another quarter's key is nobody's.
    if epoch != epoch_at(proof.issued_at) {
        return Err(ProofError::Signature);
    }
    let pair = key_pair(keys, epoch);
    UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref())
        .verify(&signed(body), signature)
        .map_err(|_| ProofError::Signature)?;
    Ok(proof)
}

/// The keys to publish: the present quarter's, the one before and the one to come.
pub fn public_keys(keys: &IssuerKeys, now: DateTime<Utc>) -> Vec<PublicKey> {
    let present = epoch_at(now);
    let epochs = [present.checked_sub(1), Some(present), present.checked_add(1)];
    epochs
        .into_iter()
        .flatten()
        .map(|epoch| PublicKey {
            kid: format!("proof-{epoch:03}"),
            bytes: key_pair(keys, epoch).public_key().as_ref().to_vec(),
        })
        .collect()
}

impl Proof {
    /// Whether it was good at a moment.
    pub fn covers(&self, at: DateTime<Utc>) -> bool {
        self.issued_at - AHEAD_MAX <= at && at < self.valid_until
    }
}

/// The quarter of an instant, counted from the first of 2026.
fn epoch_at(at: DateTime<Utc>) -> u8 {
    let quarters = (at.year() - FIRST_YEAR) * 4 + i32::try_from(at.month0() / 3).unwrap_or_default();
    u8::try_from(quarters.max(0)).unwrap_or(u8::MAX)
}

fn key_pair(keys: &IssuerKeys, epoch: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(keys.proof_seed(epoch).as_slice())
        .expect("32 bytes are an Ed25519 seed")
}

fn signed(body: &[u8]) -> Vec<u8> {
    [CONTEXT, body].concat()
}

/// The eleven digits that prefix and check digit don't tell.
fn account(number: CardNumber) -> u64 {
    let digits = number.as_str().bytes().skip(4).take(11);
    digits.fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))
}

fn parse(body: &[u8]) -> Option<(u8, Proof)> {
    let [form, epoch, n0, n1, n2, n3, n4, s0, s1, s2, s3, m0, m1, standing] = *body else { return None };
    let account = u64::from_be_bytes([0, 0, 0, n0, n1, n2, n3, n4]);
    let digits = format!("{account:011}");
    let (programme, rest) = digits.as_bytes().split_at_checked(2)?;
    let number = CardNumber::assemble(programme.try_into().ok()?, rest.try_into().ok()?);
    let issued_at = DateTime::from_timestamp(i64::from(u32::from_be_bytes([s0, s1, s2, s3])), 0)?;
    let life = TimeDelta::minutes(i64::from(u16::from_be_bytes([m0, m1])));
    let good = form == FORM && standing == VALID && life <= LIFE_MAX;
    good.then(|| (epoch, Proof { number, issued_at, valid_until: issued_at + life }))
}

fn to_digits(bytes: &[u8]) -> String {
    bytes
        .chunks(GROUP_BYTES)
        .map(|group| {
            let value = group.iter().fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
            format!("{value:0GROUP_DIGITS$}")
        })
        .collect()
}

fn from_digits(text: &str) -> Option<Vec<u8>> {
    let digits = bare_digits(text, TEXT_CHARS_MAX).filter(|digits| digits.len() == DIGITS)?;
    let mut bytes = Vec::with_capacity(BYTES);
    for group in digits.chunks(GROUP_DIGITS) {
        let value: u128 = std::str::from_utf8(group).ok()?.parse().ok()?;
        let whole = value.to_be_bytes();
        let (above, low) = whole.split_at(whole.len() - GROUP_BYTES);
        // One spelling: what doesn't fit thirteen bytes is no group of ours.
        if above.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(low);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn number() -> CardNumber {
        CardNumber::parse("9643000000000004").unwrap()
    }

    #[test]
    fn a_proof_says_what_was_signed_for_a_day_at_most() {
        let keys = IssuerKeys::new(&[5; 32]);
        let now = at("2026-11-22T09:30:15Z");
        let (text, given) = give(&keys, number(), now + TimeDelta::days(900), now);
        assert_eq!(text.len(), DIGITS);
        assert!(text.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(crate::qr::side(&text).unwrap(), 37, "version 5: easily scanned");
        let read = read(&keys, &text).unwrap();
        assert_eq!(read, given);
        assert_eq!((read.number, read.valid_until), (number(), now + TimeDelta::hours(24)));
        assert!(read.covers(now) && read.covers(now + TimeDelta::hours(23)));
        assert!(!read.covers(now + TimeDelta::hours(24)) && !read.covers(now - TimeDelta::hours(1)));
        let (_, short) = give(&keys, number(), now + TimeDelta::hours(2), now);
        assert_eq!(short.valid_until, now + TimeDelta::hours(2), "not beyond the card's own end");
        let spaced: String = text.chars().flat_map(|c| [c, ' ']).collect();
        assert_eq!(super::read(&keys, &spaced), Ok(given));
    }

    #[test]
    fn another_programs_library_checks_it_with_the_published_keys() {
        let keys = IssuerKeys::new(&[5; 32]);
        let now = at("2026-12-31T23:59:00Z");
        let (text, _) = give(&keys, number(), now + TimeDelta::days(900), now);
        let bytes = from_digits(&text).unwrap();
        let later = public_keys(&keys, now + TimeDelta::hours(12));
        let kids: Vec<&str> = later.iter().map(|key| key.kid.as_str()).collect();
        assert_eq!(kids, ["proof-003", "proof-004", "proof-005"], "over the turn of the quarter too");
        let key = UnparsedPublicKey::new(&ED25519, later[0].bytes.clone());
        let message = [b"unioncard proof 1\0".as_slice(), &bytes[..14]].concat();
        assert!(key.verify(&message, &bytes[14..]).is_ok());
    }

    #[test]
    fn what_is_no_proof_is_said_so() {
        let keys = IssuerKeys::new(&[5; 32]);
        let now = at("2026-11-22T09:30:15Z");
        let (text, _) = give(&keys, number(), now + TimeDelta::days(900), now);
        assert_eq!(read(&IssuerKeys::new(&[6; 32]), &text), Err(ProofError::Signature), "another union's");
        let cut = &text[1..];
        let large = format!("{}{}", "9".repeat(32), &text[32..]);
        for wrong in ["", "9643000000000004", cut, &format!("{text}0"), &large, &"٣".repeat(192)] {
            assert_eq!(read(&keys, wrong), Err(ProofError::Form), "{wrong}");
        }
        assert_eq!(read(&keys, &"1".repeat(100_000)), Err(ProofError::Form));
    }

    proptest! {
        #[test]
        fn a_changed_digit_is_always_found(place in 0_usize..DIGITS, other in 1_u8..10) {
            let keys = IssuerKeys::new(&[5; 32]);
            let now = at("2026-11-22T09:30:15Z");
            let (text, _) = give(&keys, number(), now + TimeDelta::days(900), now);
            let mut digits = text.into_bytes();
            digits[place] = b'0' + (digits[place] - b'0' + other) % 10;
            prop_assert!(read(&keys, &String::from_utf8(digits).unwrap()).is_err());
        }
    }
}
