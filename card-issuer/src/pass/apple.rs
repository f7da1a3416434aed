//! A pass of Apple's kind (`.pkpass`): what it shows, its pictures, the manifest of its files' hashes, the signature.
//!
//! | module | what it holds |
//! |---|---|
//! | [`signing`] | the certificate of passes and the signatures made with it |
//! | [`chain`] | a chain of certificates made by ourselves, for demo and tests |
//! | [`pictures`] | icon, logo and strip in three sizes each, of a card's design |
//! | `words` | what it says, in Russian and English |
//!
//! The code is the bare number: this kind of pass can't draw codes of its own, so it earns and never redeems.
//! Nothing in it says whose card it is: a wallet is copied to servers abroad.

pub mod chain;
pub mod pictures;
pub mod signing;
mod words;

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sha1::{Digest, Sha1};
use shared_kernel::ids::CardId;
use shared_kernel::money::Money;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use self::pictures::Pictures;
use self::signing::{Signer, SigningError};
use crate::face::Design;
use crate::face::colour::Rgb;
use crate::number::CardNumber;

/// The media type of a pass.
pub const MEDIA_TYPE: &str = "application/vnd.apple.pkpass";

/// How the card stands, as a pass says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Good, and its holder takes part in the bonus programme.
    Member,
    /// Good, outside the programme.
    Outside,
    /// Good; points can't be spent.
    Frozen,
    /// Blocked, or its holder is no member any more.
    Void,
    /// Past its last day.
    Expired,
}

/// What a pass shows.
#[derive(Debug, Clone)]
pub struct Pass<'a> {
    /// The card; its id is the serial number.
    pub card: CardId,
    /// The number in the code.
    pub number: CardNumber,
    /// The card's last day.
    pub expires_on: NaiveDate,
    /// When that day is over.
    pub ends_at: DateTime<Utc>,
    /// How it stands.
    pub standing: Standing,
    /// Whose card it is to read: the union's name.
    pub union: &'a str,
    /// How the card looks.
    pub design: &'a Design,
    /// Can be spent.
    pub available: Money,
    /// Earned, not to be spent yet.
    pub pending: Money,
    /// Taken back after it was spent.
    pub debt: Money,
    /// The tier held.
    pub tier: Option<&'a str>,
    /// What expires next, and on which day.
    pub expiring: Option<(Money, NaiveDate)>,
    /// The address of the pass web service, without `/v1`.
    pub service_url: &'a str,
    /// What a device shows to that service. It can't be changed once the pass is out.
    pub token: &'a str,
    /// The member's page.
    pub page_url: &'a str,
}

/// Why a pass can't be made.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The signature.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The file.
    #[error("the pass can't be packed: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// The same.
    #[error("the pass can't be packed: {0}")]
    Io(#[from] std::io::Error),
    /// Its content.
    #[error("the pass can't be written: {0}")]
    Json(#[from] serde_json::Error),
}

impl Pass<'_> {
    /// The whole file, signed as of now.
    ///
    /// # Errors
    /// [`PassError`]
    pub fn package(
        &self,
        pictures: &Pictures,
        signer: &Signer,
        now: DateTime<Utc>,
    ) -> Result<Vec<u8>, PassError> {
        let content = serde_json::to_vec(&self.document(signer))?;
        let strings = words::TONGUES.map(|tongue| (tongue.file, words::strings(tongue)));
        let mut files: Vec<(&str, &[u8])> = vec![("pass.json", &content)];
        files.extend(strings.iter().map(|(name, text)| (*name, text.as_bytes())));
        let mut hashes: BTreeMap<&str, String> =
            files.iter().map(|(name, bytes)| (*name, sha1_hex(bytes))).collect();
        hashes.extend(pictures.files().iter().map(|one| (one.name, one.sha1.clone())));
        // On many lines: a signature that is right for one line only isn't right.
        let manifest = serde_json::to_vec_pretty(&hashes)?;
        let signature = signer.sign(&manifest, now)?;
        files.extend(pictures.files().iter().map(|one| (one.name, one.bytes.as_slice())));
        files.extend([("manifest.json", manifest.as_slice()), ("signature", signature.as_slice())]);
        packed(&files)
    }

    fn document<'a>(&'a self, signer: &'a Signer) -> Document<'a> {
        let design = self.design;
        Document {
            format_version: 1,
            pass_type_identifier: signer.pass_type(),
            team_identifier: signer.team(),
            serial_number: self.card,
            organization_name: self.union,
            description: "description",
            logo_text: design.title.as_deref().unwrap_or(self.union),
            background_color: css(design.base),
            foreground_color: css(design.ink()),
            label_color: css(design.dim()),
            barcodes: [Barcode {
                format: "PKBarcodeFormatQR",
                message: self.number.as_str().to_owned(),
                message_encoding: "iso-8859-1",
                alt_text: self.number.grouped(),
            }],
            web_service_url: self.service_url,
            authentication_token: self.token,
            expiration_date: self.ends_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            voided: matches!(self.standing, Standing::Void | Standing::Expired),
            sharing_prohibited: true,
            store_card: self.fields(),
        }
    }

    fn fields(&self) -> StoreCard {
        let secondary =
            vec![Field::money("pending", self.pending), Field::text("standing", self.standing.word())];
        let mut auxiliary = Vec::new();
        if self.debt.is_positive() {
            auxiliary.push(Field::money("debt", self.debt));
        }
        if let Some((amount, on)) = self.expiring {
            auxiliary.push(Field::money("expiring", amount));
            auxiliary.push(Field::day("expiring_on", on));
        }
        auxiliary.push(Field::day("expires_on", self.expires_on));
        let mut back_fields = auxiliary.split_off(auxiliary.len().min(FRONT_MAX - secondary.len()));
        back_fields.extend([
            Field::text("number", &self.number.grouped()),
            Field::text("how", "how_text"),
            Field::text("spend", "spend_text"),
            Field::text("lost", "lost_text"),
            Field::text("page", self.page_url),
        ]);
        StoreCard {
            header_fields: self.tier.map(|tier| Field::text("tier", tier)).into_iter().collect(),
            primary_fields: vec![Field::money("available", self.available)],
            secondary_fields: secondary,
            auxiliary_fields: auxiliary,
            back_fields,
        }
    }
}

impl Standing {
    /// The key of what the pass says.
    fn word(self) -> &'static str {
        match self {
            Self::Member => "standing_member",
            Self::Outside => "standing_outside",
            Self::Frozen => "standing_frozen",
            Self::Void => "standing_void",
            Self::Expired => "standing_expired",
        }
    }
}

/// `pass.json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    format_version: u8,
    pass_type_identifier: &'a str,
    team_identifier: &'a str,
    serial_number: CardId,
    organization_name: &'a str,
    description: &'a str,
    logo_text: &'a str,
    background_color: String,
    foreground_color: String,
    label_color: String,
    barcodes: [Barcode; 1],
    #[serde(rename = "webServiceURL")]
    web_service_url: &'a str,
    authentication_token: &'a str,
    expiration_date: String,
    voided: bool,
    sharing_prohibited: bool,
    store_card: StoreCard,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Barcode {
    format: &'static str,
    message: String,
    message_encoding: &'static str,
    alt_text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StoreCard {
    header_fields: Vec<Field>,
    primary_fields: Vec<Field>,
    secondary_fields: Vec<Field>,
    auxiliary_fields: Vec<Field>,
    back_fields: Vec<Field>,
}

/// A field: its label, and what is said when its value changes, stand under keys of its name in the words.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Field {
    key: &'static str,
    label: String,
    value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_style: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignores_time_zone: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    /// A number with its kopecks, never a float on the way.
    Amount(Box<RawValue>),
}

/// Secondary and auxiliary fields that a phone shows of a store card with a square code; what is less pressing stands on
/// the back.
const FRONT_MAX: usize = 4;

/// Fields whose change a phone tells of by itself.
const TOLD: &[&str] = &["available", "standing", "tier"];

impl Field {
    fn new(key: &'static str, value: Value) -> Self {
        Self {
            key,
            label: format!("{key}_label"),
            value,
            change_message: TOLD.contains(&key).then(|| format!("{key}_change")),
            currency_code: None,
            date_style: None,
            ignores_time_zone: None,
        }
    }

    fn text(key: &'static str, text: &str) -> Self {
        Self::new(key, Value::Text(text.to_owned()))
    }

    fn money(key: &'static str, amount: Money) -> Self {
        let number = RawValue::from_string(amount.to_string()).expect("an amount is written as a number");
        Self { currency_code: Some("RUB"), ..Self::new(key, Value::Amount(number)) }
    }

    fn day(key: &'static str, day: NaiveDate) -> Self {
        // A day is the same day in every zone.
        Self {
            date_style: Some("PKDateStyleMedium"),
            ignores_time_zone: Some(true),
            ..Self::text(key, &format!("{day}T00:00:00Z"))
        }
    }
}

fn css(colour: Rgb) -> String {
    let [r, g, b] = colour.0;
    format!("rgb({r}, {g}, {b})")
}

/// The hash manifests list.
pub(crate) fn sha1_hex(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Files in one archive. Pictures don't shrink any further, and the rest is small.
fn packed(files: &[(&str, &[u8])]) -> Result<Vec<u8>, PassError> {
    let length: usize = files.iter().map(|(_, bytes)| bytes.len() + 256).sum();
    let mut archive = ZipWriter::new(Cursor::new(Vec::with_capacity(length)));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in files {
        archive.start_file(*name, stored)?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(design: &Design) -> Pass<'_> {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        Pass {
            card: CardId::generate(),
            number: CardNumber::parse("9643000000000004").unwrap(),
            expires_on: day("2031-11-22"),
            ends_at: day("2031-11-23").and_hms_opt(0, 0, 0).unwrap().and_utc(),
            standing: Standing::Member,
            union: "Union",
            design,
            available: "100.00".parse().unwrap(),
            pending: "5.00".parse().unwrap(),
            debt: Money::ZERO,
            tier: None,
            expiring: None,
            service_url: "https://example.org",
            token: "token",
            page_url: "https://example.org/",
        }
    }

    fn keys(fields: &[Field]) -> Vec<&'static str> {
        fields.iter().map(|field| field.key).collect()
    }

    #[test]
    fn the_front_has_room_for_four_and_a_debt_is_among_them() {
        let design = Design::default();
        let mut pass = pass(&design);
        let shown = |pass: &Pass<'_>| {
            let card = pass.fields();
            (keys(&card.auxiliary_fields), keys(&card.back_fields), card.secondary_fields.len())
        };
        let usual = ["number", "how", "spend", "lost", "page"];
        assert_eq!(shown(&pass), (vec!["expires_on"], usual.to_vec(), 2));
        pass.expiring = Some(("120.00".parse().unwrap(), "2026-12-01".parse().unwrap()));
        let (front, back, _) = shown(&pass);
        assert_eq!((front, back[0]), (vec!["expiring", "expiring_on"], "expires_on"));
        pass.debt = "7.00".parse().unwrap();
        let (front, back, _) = shown(&pass);
        assert_eq!((front, &back[..2]), (vec!["debt", "expiring"], &["expiring_on", "expires_on"][..]));
        pass.expiring = None;
        assert_eq!(shown(&pass).0, ["debt", "expires_on"]);
    }
}
