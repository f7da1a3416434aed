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

/// The programme whose numbers are issued now. A new FF1 key takes a new pair of digits, so that keys never collide.
pub const PROGRAMME: &str = "01";
/// Numbers of one programme: nine free digits.
pub const NUMBERS: i64 = 1_000_000_000;
/// The version of the key from which new devices' secrets are derived.
pub const DEVICE_KEY_VERSION: i16 = 1;

/// The issuer's derived keys. Made once at start; `Send + Sync`, so share it by reference.
pub struct IssuerKeys {
    numbers: FF1<Aes256>,
    devices: Hkdf<Sha256>,
}

impl IssuerKeys {
    /// Derives the keys from the 32-byte master key.
    pub fn new(master: &[u8; 32]) -> Self {
        let root = Hkdf::<Sha256>::new(Some(b"unioncard/card-issuer"), master);
        let mut number_key = Zeroizing::new([0_u8; 32]);
        root.expand_multi_info(&[b"card numbers/", PROGRAMME.as_bytes()], number_key.as_mut_slice())
            .expect("32 bytes are within HKDF's reach");
        Self { numbers: FF1::new(number_key.as_slice(), 10).expect("10 is a radix of FF1"), devices: root }
    }

    /// The card number at a place of the sequence; `None` outside `0..NUMBERS`. One place, one number.
    pub fn number(&self, place: i64) -> Option<CardNumber> {
        if !(0..NUMBERS).contains(&place) {
            return None;
        }
        let plain: Vec<u16> = format!("{place:09}").bytes().map(|digit| u16::from(digit - b'0')).collect();
        let tweak = PROGRAMME.as_bytes();
        let sealed: Vec<u16> = self
            .numbers
            .encrypt(tweak, &FlexibleNumeralString::from(plain))
            .expect("nine digits in radix 10")
            .into();
        let mut body = [b'0'; 9];
        for (digit, value) in body.iter_mut().zip(sealed) {
            *digit = b'0' + u8::try_from(value).expect("a numeral of radix 10");
        }
        let programme = PROGRAMME.as_bytes().try_into().expect("two digits");
        Some(CardNumber::assemble(programme, &body))
    }

    /// The secret from which a device's codes are drawn.
    pub fn device_secret(&self, device: DeviceId, key_version: i16) -> DeviceSecret {
        let mut secret = Zeroizing::new([0_u8; 20]);
        self.devices
            .expand_multi_info(
                &[b"device/", device.0.as_bytes().as_slice(), &key_version.to_be_bytes()],
                secret.as_mut_slice(),
            )
            .expect("20 bytes are within HKDF's reach");
        DeviceSecret::new(secret)
    }
}

impl std::fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IssuerKeys(..)")
    }
}
