//! The live code: the card's 16 digits, then 8 digits of a TOTP (RFC 6238, SHA-1, 30 s). Drawn and judged here without
//! a database; [`crate::presentation`] keeps the steps already used.

use std::fmt;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::number::{self, CardNumber, NumberError};

/// How long a code is drawn.
pub const STEP_SECONDS: i64 = 30;
/// Steps of clock drift forgiven either way.
pub const DRIFT_STEPS: i64 = 1;
/// How far back a step is searched, to say why a code fails: a day, as long as a picture of one is shown again.
pub const BACK_STEPS: i64 = 2_880;
/// How far ahead: 20 minutes of a clock that is off.
pub const AHEAD_STEPS: i64 = 40;
/// Digits of the changing part.
pub const TOTP_DIGITS: usize = 8;
const CODE_MODULUS: u32 = 100_000_000;
/// Longest text taken for a code: 24 digits with a separator after each.
const TEXT_CHARS_MAX: usize = 48;

/// A drawing device's 20-byte secret.
pub struct DeviceSecret(Zeroizing<[u8; 20]>);

impl DeviceSecret {
    /// Wraps a secret.
    pub fn new(secret: Zeroizing<[u8; 20]>) -> Self {
        Self(secret)
    }

    /// The bytes, for handing to the device that draws by itself.
    pub fn bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The eight digits of a step, as a number below 10⁸.
    pub fn digits_at(&self, step: i64) -> u32 {
        self.keyed().digits_at(step)
    }

    fn keyed(&self) -> Keyed {
        Keyed(Hmac::<Sha1>::new_from_slice(self.0.as_slice()).expect("HMAC takes a key of any length"))
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceSecret(..)")
    }
}

/// A secret with HMAC's key blocks already hashed, for judging many steps.
struct Keyed(Hmac<Sha1>);

impl Keyed {
    fn digits_at(&self, step: i64) -> u32 {
        let mut mac = self.0.clone();
        mac.update(&step.to_be_bytes());
        let hash: [u8; 20] = mac.finalize().into_bytes().into();
        // RFC 4226 §5.3: the last four bits choose which four bytes are the number.
        let offset = usize::from(hash.last().map_or(0, |byte| byte & 0x0f));
        let chosen =
            hash.iter().skip(offset).take(4).fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
        (chosen & 0x7fff_ffff) % CODE_MODULUS
    }
}

/// The step of an instant: whole 30 s since 1970.
pub fn step_at(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(STEP_SECONDS)
}

fn step_start(step: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(step * STEP_SECONDS, 0).expect("steps near now are within chrono's range")
}

/// A code as drawn: what the QR holds and while which time it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCode {
    /// The 24 digits.
    pub value: String,
    /// When this code began.
    pub valid_from: DateTime<Utc>,
    /// When the next one begins.
    pub valid_until: DateTime<Utc>,
}

/// Draws the code of this moment.
pub fn live_code(secret: &DeviceSecret, number: CardNumber, now: DateTime<Utc>) -> LiveCode {
    let step = step_at(now);
    LiveCode {
        value: format!("{number}{:08}", secret.digits_at(step)),
        valid_from: step_start(step),
        valid_until: step_start(step + 1),
    }
}

/// A text that has a live code's form; whether it is right is [`classify`]'s answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PresentedCode {
    /// The card it names.
    pub number: CardNumber,
    digits: u32,
}

/// Why a text is no live code ("code-invalid").
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeFormError {
    /// Not 24 digits.
    #[error("a live code has 24 digits")]
    NotACode,
    /// 24 digits whose first 16 are no card number.
    #[error(transparent)]
    Number(#[from] NumberError),
}

impl PresentedCode {
    /// Reads 24 digits; blanks and dashes between them, as people type them, are dropped.
    ///
    /// # Errors
    /// [`CodeFormError`].
    pub fn parse(text: &str) -> Result<Self, CodeFormError> {
        let digits = number::bare_digits(text, TEXT_CHARS_MAX).ok_or(CodeFormError::NotACode)?;
        let text = String::from_utf8(digits).expect("bare digits are ASCII");
        if text.len() != number::DIGITS + TOTP_DIGITS {
            return Err(CodeFormError::NotACode);
        }
        let (card, code) = text.split_at(number::DIGITS);
        let digits = code.parse().expect("eight digits are below 2³²");
        Ok(Self { number: CardNumber::parse(card)?, digits })
    }
}

impl fmt::Debug for PresentedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PresentedCode({})", self.number.masked())
    }
}

/// What a presented code is to one device, the better verdict first: over several devices the least one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Drawn now (one step of drift either way) and not used.
    Valid {
        /// Its step.
        step: i64,
    },
    /// That step, or a later one, has been used.
    Used {
        /// Its step.
        step: i64,
    },
    /// Drawn up to a day ago.
    Expired,
    /// It will be drawn within 20 minutes: the device's clock is ahead.
    ClockOff,
    /// The device draws no such code around now.
    Wrong,
}

/// Judges a presented code against one device. `last_used` is the last step for which that device's code was taken.
pub fn classify(
    secret: &DeviceSecret,
    code: &PresentedCode,
    last_used: Option<i64>,
    now: DateTime<Utc>,
) -> Verdict {
    let keyed = secret.keyed();
    let current = step_at(now);
    let fits = |step: &i64| bool::from(keyed.digits_at(*step).ct_eq(&code.digits));
    let near = [current, current - DRIFT_STEPS, current + DRIFT_STEPS];
    if let Some(step) = near.into_iter().find(fits) {
        let used = last_used.is_some_and(|last| step <= last);
        return if used { Verdict::Used { step } } else { Verdict::Valid { step } };
    }
    let past = (current - BACK_STEPS..current - DRIFT_STEPS).rev().find(fits);
    match past {
        Some(step) if last_used == Some(step) => Verdict::Used { step },
        Some(_) => Verdict::Expired,
        None if (current + DRIFT_STEPS + 1..=current + AHEAD_STEPS).any(|step| fits(&step)) => {
            Verdict::ClockOff
        }
        None => Verdict::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    fn secret(bytes: [u8; 20]) -> DeviceSecret {
        DeviceSecret::new(Zeroizing::new(bytes))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    const NOW: i64 = 1_795_000_005;
    const CARD: &str = "9643000000000004";

    fn presented(secret: &DeviceSecret, step: i64) -> PresentedCode {
        PresentedCode::parse(&format!("{CARD}{:08}", secret.digits_at(step))).unwrap()
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/vectors/rfc6238_totp.json")).unwrap();
        let secret = secret(*b"12345678901234567890");
        let ours = |case: &&serde_json::Value| case["alg"] == "sha1" && case["digits"] == 8;
        let cases: Vec<_> = vectors["totp"].as_array().unwrap().iter().filter(ours).collect();
        assert_eq!(cases.len(), 6);
        for case in cases {
            let code = secret.digits_at(step_at(at(case["unix_time"].as_i64().unwrap())));
            assert_eq!(format!("{code:08}"), case["totp"], "{case}");
        }
    }

    #[test]
    fn a_live_code_is_24_digits_for_its_half_minute() {
        let code = live_code(&secret([1; 20]), CardNumber::parse(CARD).unwrap(), at(NOW));
        assert_eq!(code.value.len(), 24);
        assert!(code.value.starts_with(CARD) && code.value.bytes().all(|b| b.is_ascii_digit()));
        assert!(code.valid_from <= at(NOW) && at(NOW) < code.valid_until);
        assert_eq!(code.valid_until - code.valid_from, TimeDelta::seconds(30));
    }

    #[test]
    fn what_is_no_code_is_said_so() {
        let digits = format!("{CARD}12345678");
        assert!(PresentedCode::parse(&format!("{CARD} 1234 5678")).is_ok());
        for text in
            ["", CARD, &digits[1..], &format!("{digits}0"), &format!("{CARD}1234567٨"), "https://e.org/?q=1"]
        {
            assert_eq!(PresentedCode::parse(text), Err(CodeFormError::NotACode), "{text}");
        }
        assert_eq!(PresentedCode::parse(&"9".repeat(4_096)), Err(CodeFormError::NotACode));
        let typo = format!("9643000000000005{}", "12345678");
        assert_eq!(PresentedCode::parse(&typo), Err(CodeFormError::Number(NumberError::WrongCheckDigit)));
    }

    #[test]
    fn every_step_has_its_verdict() {
        let secret = secret([2; 20]);
        let current = step_at(at(NOW));
        let judged = |step: i64, last| classify(&secret, &presented(&secret, step), last, at(NOW));
        for step in [current - 1, current, current + 1] {
            assert_eq!(judged(step, None), Verdict::Valid { step });
            assert_eq!(judged(step, Some(step)), Verdict::Used { step });
            assert_eq!(judged(step, Some(step + 1)), Verdict::Used { step }, "older than the last used");
        }
        assert_eq!(judged(current, Some(current - 1)), Verdict::Valid { step: current });
        assert_eq!(judged(current - 2, None), Verdict::Expired, "one step too old");
        assert_eq!(judged(current - 120, None), Verdict::Expired, "an hour old");
        assert_eq!(judged(current - 2_880, None), Verdict::Expired);
        assert_eq!(judged(current - 120, Some(current - 120)), Verdict::Used { step: current - 120 });
        assert_eq!(judged(current - 5, Some(current - 5)), Verdict::Used { step: current - 5 });
        assert_eq!(judged(current + 2, None), Verdict::ClockOff);
        assert_eq!(judged(current + 40, None), Verdict::ClockOff);
        assert_eq!(judged(current - 2_881, None), Verdict::Wrong);
        assert_eq!(judged(current + 41, None), Verdict::Wrong);
    }

    proptest! {
        #[test]
        fn as_another_implementation_draws(bytes in any::<[u8; 20]>(), seconds in 0_u32..4_000_000_000) {
            let peer = totp_rs::Builder::new()
                .with_algorithm(totp_rs::Algorithm::SHA1)
                .with_digits(8)
                .with_step_duration(30)
                .with_secret(bytes)
                .build()
                .unwrap();
            let ours = secret(bytes).digits_at(step_at(at(i64::from(seconds))));
            prop_assert_eq!(format!("{ours:08}"), peer.generate(u64::from(seconds)).to_string());
        }

        #[test]
        fn another_devices_code_is_wrong(a in any::<[u8; 20]>(), b in any::<[u8; 20]>()) {
            prop_assume!(a != b);
            let (a, b) = (secret(a), secret(b));
            let current = step_at(at(NOW));
            let drawn = presented(&b, current);
            // One in 34,000 codes fits one of the 2,921 steps by chance.
            prop_assume!((current - 2_880..=current + 40).all(|step| a.digits_at(step) != b.digits_at(current)));
            prop_assert_eq!(classify(&a, &drawn, None, at(NOW)), Verdict::Wrong);
        }
    }
}
