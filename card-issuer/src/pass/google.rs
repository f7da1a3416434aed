//! A card of Google Wallet's kind: a class (what all cards of a union look like) and an object (one card). Unlike
//! Apple's, the phone draws live codes by itself: `rotatingBarcode` is the 16 digits and a TOTP of eight, made of the
//! secret of a device of its own, so that a till takes them like any other.
//!
//! Nothing here says whose card it is: no name, no phone, no employer; `accountId` is opaque.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use shared_kernel::money::Money;

use crate::code::{DeviceSecret, STEP_SECONDS, TOTP_DIGITS};
use crate::face::colour::Rgb;
use crate::number::CardNumber;

/// What all cards of a union look like.
#[derive(Debug, Clone)]
pub struct LoyaltyClass<'a> {
    /// `<issuer>.<suffix>`
    pub id: &'a str,
    /// The union's name.
    pub union: &'a str,
    /// A PNG at a public address.
    pub logo_url: &'a str,
    /// The ground.
    pub base: Rgb,
    /// Where the member's page is.
    pub page_url: &'a str,
}

/// How a card stands, as Google says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Good.
    Active,
    /// Blocked, its holder is no member any more, or the wallet was revoked.
    Inactive,
    /// Past its last day.
    Expired,
}

/// What is to be shown of the member's points.
#[derive(Debug, Clone, Copy)]
pub struct Points {
    /// Can be spent.
    pub available: Money,
    /// Earned, inside the return window.
    pub pending: Money,
}

/// One card in the wallet.
#[derive(Debug)]
pub struct LoyaltyObject<'a> {
    /// `<issuer>.<suffix>`
    pub id: &'a str,
    /// Its class.
    pub class_id: &'a str,
    /// Says nothing to anybody else.
    pub account_id: &'a str,
    /// The number.
    pub number: CardNumber,
    /// Of the device that is this wallet.
    pub secret: &'a DeviceSecret,
    /// How it stands.
    pub state: State,
    /// Until when it is good.
    pub ends_at: DateTime<Utc>,
    /// The points; `None` where they are not to be shown.
    pub points: Option<Points>,
}

impl LoyaltyClass<'_> {
    /// The class as Google takes it.
    pub fn json(&self) -> Value {
        json!({
            "id": self.id,
            "issuerName": self.union,
            "programName": RU_PROGRAMME,
            "localizedProgramName": localized(RU_PROGRAMME, EN_PROGRAMME),
            "programLogo": {
                "sourceUri": { "uri": self.logo_url },
                "contentDescription": localized(self.union, self.union),
            },
            "hexBackgroundColor": self.base.to_string(),
            "homepageUri": { "uri": self.page_url },
            // A link somebody passes on opens no second wallet.
            "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
            "reviewStatus": "UNDER_REVIEW",
        })
    }
}

const RU_PROGRAMME: &str = "Карта члена профсоюза";
const EN_PROGRAMME: &str = "Union member’s card";

impl LoyaltyObject<'_> {
    /// The object as Google takes it, its secret included.
    pub fn json(&self) -> Value {
        let mut object = self.changes();
        let fixed = json!({
            "id": self.id,
            "accountId": self.account_id,
            "rotatingBarcode": {
                "type": "QR_CODE",
                "renderEncoding": "UTF_8",
                "valuePattern": format!("{}{{totp_value_0}}", self.number.as_str()),
                "totpDetails": {
                    // An int64 of Google's is a text in JSON.
                    "periodMillis": (STEP_SECONDS * 1_000).to_string(),
                    "algorithm": "TOTP_SHA1",
                    "parameters": [{ "key": base16(self.secret.bytes()), "valueLength": TOTP_DIGITS }],
                },
                "alternateText": self.number.grouped(),
            },
            // A screenshot would be dead in half a minute; it is not even taken.
            "passConstraints": { "screenshotEligibility": "INELIGIBLE" },
        });
        if let (Some(object), Value::Object(fixed)) = (object.as_object_mut(), fixed) {
            object.extend(fixed);
            object.retain(|_, value| !value.is_null());
        }
        object
    }

    /// What can change of it, for a patch: `null` clears.
    pub fn changes(&self) -> Value {
        let points = |amount: fn(Points) -> Money, ru, en| {
            self.points.map(|points| {
                json!({
                    "label": ru,
                    "localizedLabel": localized(ru, en),
                    "balance": { "money": { "micros": micros(amount(points)), "currencyCode": "RUB" } },
                })
            })
        };
        json!({
            "classId": self.class_id,
            "state": self.state.word(),
            "validTimeInterval": {
                "end": { "date": self.ends_at.to_rfc3339_opts(SecondsFormat::Secs, true) },
            },
            "loyaltyPoints": points(|points| points.available, "Доступно", "Available"),
            "secondaryLoyaltyPoints": points(|points| points.pending, "Ожидает", "Pending"),
        })
    }
}

impl State {
    /// Google's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::Expired => "EXPIRED",
        }
    }
}

fn localized(ru: &str, en: &str) -> Value {
    json!({
        "defaultValue": { "language": "ru", "value": ru },
        "translatedValues": [{ "language": "en", "value": en }],
    })
}

/// Millionths of a ruble, as a text.
fn micros(amount: Money) -> String {
    (i128::from(amount.kopecks()) * 10_000).to_string()
}

fn base16(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes what is written");
        text
    })
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::code;

    fn object(secret: &DeviceSecret, points: Option<Points>) -> Value {
        let object = LoyaltyObject {
            id: "3388.a",
            class_id: "3388.c",
            account_id: "opaque",
            number: CardNumber::parse("9643010000000003").expect("a number"),
            secret,
            state: State::Active,
            ends_at: DateTime::from_timestamp(1_800_000_000, 0).expect("a moment"),
            points,
        };
        object.json()
    }

    #[test]
    fn the_barcode_draws_our_live_codes() {
        // RFC 6238's secret: at 59 seconds its value is 94287082.
        let secret = DeviceSecret::new(Zeroizing::new(*b"12345678901234567890"));
        let object = object(&secret, None);
        let barcode = &object["rotatingBarcode"];
        let parameters = &barcode["totpDetails"]["parameters"][0];
        assert_eq!(parameters["key"], "3132333435363738393031323334353637383930");
        assert_eq!(parameters["valueLength"], 8);
        assert_eq!(barcode["totpDetails"]["periodMillis"], "30000");
        let at = DateTime::from_timestamp(59, 0).expect("a moment");
        let number = CardNumber::parse("9643010000000003").expect("a number");
        let drawn = barcode["valuePattern"].as_str().expect("a text").replace("{totp_value_0}", "94287082");
        assert_eq!(drawn, code::live_code(&secret, number, at).value);
    }

    #[test]
    fn points_are_shown_or_cleared() {
        let secret = DeviceSecret::new(Zeroizing::new([7; 20]));
        assert_eq!(object(&secret, None).get("loyaltyPoints"), None);
        let points = Points { available: Money::from_kopecks(1_234), pending: Money::from_kopecks(0) };
        let shown = object(&secret, Some(points));
        assert_eq!(
            shown["loyaltyPoints"]["balance"]["money"],
            json!({ "micros": "12340000", "currencyCode": "RUB" })
        );
        assert_eq!(shown["secondaryLoyaltyPoints"]["balance"]["money"]["micros"], "0");
    }
}
