//! Everything derived from the master key: the permutation behind card numbers and the secrets of drawing devices.
//! Nothing derived is ever stored, so a dump of the database holds nothing to draw a code with.

use aes::Aes256;
use fpe::ff1::{FF1, FlexibleNumeralString};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::code::DeviceSecret;
use crate::devices::DeviceId;
use crate::number::CardNumber;
use crate::numbering::{NUMBERS, Programme};

/// The issuer's derived keys. Made once at start; `Send + Sync`, so share it by reference.
pub struct IssuerKeys {
    /// What all but devices' secrets comes from: numbers and proofs out there are checked with it for ever.
    root: Hkdf<Sha256>,
    /// What devices' secrets come from, by key version from 2 on.
    later: Vec<Hkdf<Sha256>>,
    /// Under which new devices' secrets are derived.
    device_version: i16,
}

/// The master key has no such version: a device's secret can't be derived. A program that starts has checked that it has
/// all versions in use, so this is a program that began before the version was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the master key has no version {0} here; start this process anew with it")]
pub struct NoKeyVersion(pub i16);

impl From<NoKeyVersion> for diesel::result::Error {
    fn from(error: NoKeyVersion) -> Self {
        Self::DeserializationError(Box::new(error))
    }
}

/// The permutation behind the numbers of one programme: a key of its own each, so that programmes never collide.
pub struct NumberKey {
    programme: Programme,
    permutation: FF1<Aes256>,
}

impl IssuerKeys {
    /// Derives the keys from the 32-byte master key.
    pub fn new(master: &[u8; 32]) -> Self {
        Self { root: root_of(master), later: Vec::new(), device_version: 1 }
    }

    /// The same with later versions of the master key, the second first: a device's secret is derived under the version
    /// that was current when it was made, a new one's under `current`.
    #[must_use]
    pub fn with_versions(self, later: &[[u8; 32]], current: i16) -> Self {
        Self { later: later.iter().map(root_of).collect(), device_version: current, ..self }
    }

    /// The key version of new devices.
    pub fn device_version(&self) -> i16 {
        self.device_version
    }

    fn of_version(&self, version: i16) -> Result<&Hkdf<Sha256>, NoKeyVersion> {
        let later = usize::try_from(version).ok().and_then(|version| version.checked_sub(2));
        match later {
            _ if version == 1 => Some(&self.root),
            Some(place) => self.later.get(place),
            None => None,
        }
        .ok_or(NoKeyVersion(version))
    }

    /// The key of a programme's numbers.
    pub fn numbers(&self, programme: Programme) -> NumberKey {
        let mut key = Zeroizing::new([0_u8; 32]);
        self.root
            .expand_multi_info(&[b"card numbers/", programme.digits().as_slice()], key.as_mut_slice())
            .expect("32 bytes are within HKDF's reach");
        NumberKey { programme, permutation: FF1::new(key.as_slice(), 10).expect("10 is a radix of FF1") }
    }

    /// The Ed25519 seed that signs the proofs of a quarter of a year.
    pub(crate) fn proof_seed(&self, epoch: u8) -> Zeroizing<[u8; 32]> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        self.root
            .expand_multi_info(&[b"proofs/", [epoch].as_slice()], seed.as_mut_slice())
            .expect("32 bytes are within HKDF's reach");
        seed
    }

    /// The secret from which a device's codes are drawn.
    ///
    /// # Errors
    /// The version it was made under isn't here.
    pub fn device_secret(&self, device: DeviceId, key_version: i16) -> Result<DeviceSecret, NoKeyVersion> {
        let mut secret = Zeroizing::new([0_u8; 20]);
        self.of_version(key_version)?
            .expand_multi_info(
                &[b"device/", device.0.as_bytes().as_slice(), &key_version.to_be_bytes()],
                secret.as_mut_slice(),
            )
            .expect("20 bytes are within HKDF's reach");
        Ok(DeviceSecret::new(secret))
    }
}

fn root_of(master: &[u8; 32]) -> Hkdf<Sha256> {
    Hkdf::<Sha256>::new(Some(b"unioncard/card-issuer"), master)
}

impl NumberKey {
    /// The card number at a place of the programme's sequence; `None` outside `0..NUMBERS`. One place, one number.
    pub fn number(&self, place: i64) -> Option<CardNumber> {
        if !(0..NUMBERS).contains(&place) {
            return None;
        }
        let plain: Vec<u16> = format!("{place:09}").bytes().map(|digit| u16::from(digit - b'0')).collect();
        let programme = self.programme.digits();
        let sealed: Vec<u16> = self
            .permutation
            .encrypt(&programme, &FlexibleNumeralString::from(plain))
            .expect("nine digits in radix 10")
            .into();
        let mut body = [b'0'; 9];
        for (digit, value) in body.iter_mut().zip(sealed) {
            *digit = b'0' + u8::try_from(value).expect("a numeral of radix 10");
        }
        Some(CardNumber::assemble(&programme, &body))
    }
}

impl std::fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IssuerKeys(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::{Aes128, Aes192};
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn numerals(text: &str, radix: u32) -> Vec<u16> {
        text.chars().map(|c| u16::try_from(c.to_digit(radix).unwrap()).unwrap()).collect()
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn ff1_is_the_one_of_nist() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/vectors/ff1_nist_samples.json")).unwrap();
        for case in vectors["tests"].as_array().unwrap() {
            let text = |key: &str| case[key].as_str().unwrap();
            let radix = u32::try_from(case["radix"].as_u64().unwrap()).unwrap();
            let (key, tweak) = (bytes(text("key")), bytes(text("tweak")));
            let plain = FlexibleNumeralString::from(numerals(text("pt"), radix));
            let sealed = match key.len() {
                16 => FF1::<Aes128>::new(&key, radix).unwrap().encrypt(&tweak, &plain),
                24 => FF1::<Aes192>::new(&key, radix).unwrap().encrypt(&tweak, &plain),
                _ => FF1::<Aes256>::new(&key, radix).unwrap().encrypt(&tweak, &plain),
            };
            assert_eq!(Vec::<u16>::from(sealed.unwrap()), numerals(text("ct"), radix), "{case}");
        }
    }

    #[test]
    fn a_programme_of_numbers_never_repeats_nor_counts() {
        let keys = IssuerKeys::new(&[7; 32]).numbers(Programme::FIRST);
        let numbers: Vec<CardNumber> = (0..5_000).map(|place| keys.number(place).unwrap()).collect();
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), numbers.len());
        assert!(numbers.iter().all(|number| number.as_str().starts_with("964301")));
        let rising = numbers.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((2_000..3_000).contains(&rising), "neighbours are in no order: {rising}");
        assert!(keys.number(-1).is_none());
        assert!(keys.number(NUMBERS - 1).is_some());
        assert!(keys.number(NUMBERS).is_none(), "the programme ends, it does not wrap");
        let next = IssuerKeys::new(&[7; 32]).numbers(Programme::FIRST.next().unwrap());
        assert!(next.number(0).unwrap().as_str().starts_with("964302"));
        assert_ne!(next.number(0).unwrap().as_str()[6..15], numbers[0].as_str()[6..15], "a key of its own");
    }

    #[test]
    fn a_later_master_key_is_for_later_devices() {
        let device = DeviceId::generate();
        let (one, two) = (IssuerKeys::new(&[1; 32]), IssuerKeys::new(&[1; 32]).with_versions(&[[2; 32]], 2));
        assert_eq!((one.device_version(), two.device_version()), (1, 2));
        let secret = |keys: &IssuerKeys, version| keys.device_secret(device, version).map(|one| *one.bytes());
        assert_eq!(secret(&one, 1).unwrap(), secret(&two, 1).unwrap());
        assert_ne!(secret(&two, 1).unwrap(), secret(&two, 2).unwrap());
        for (keys, version) in [(&one, 2), (&two, 3), (&two, 0), (&two, -1)] {
            assert_eq!(secret(keys, version), Err(NoKeyVersion(version)), "no other version instead of it");
        }
        assert_eq!(one.numbers(Programme::FIRST).number(0), two.numbers(Programme::FIRST).number(0));
        assert_eq!(*one.proof_seed(3), *two.proof_seed(3));
    }

    proptest! {
        #[test]
        fn keys_devices_and_versions_have_secrets_of_their_own(a in any::<[u8; 32]>(), version in 1_i16..100) {
            // The same key in every version: what differs then differs by the version alone.
            let keys = |key| IssuerKeys::new(&key).with_versions(&[key; 99], 1);
            let secret = |key, device, version| *keys(key).device_secret(device, version).unwrap().bytes();
            let device = DeviceId::generate();
            let one = secret(a, device, version);
            prop_assert_eq!(one, secret(a, device, version));
            prop_assert_ne!(one, secret(a, device, version + 1));
            prop_assert_ne!(one, secret(a, DeviceId::generate(), version));
            let mut b = a;
            b[0] ^= 1;
            prop_assert_ne!(one, secret(b, device, version));
        }
    }
}
