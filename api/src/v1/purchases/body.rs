//! What a partner says of a purchase, a refund or a capture, read into types that can't be wrong.

use std::str::FromStr;

use card_issuer::aliases::CardName;
use card_issuer::code::PresentedCode;
use card_issuer::proof;
use card_issuer::resolutions::ResolutionId;
use cashback_engine::posting::{Fiscal, LIVE_MAX, Line, Source};
use cashback_engine::refunds::{Return, Returned};
use cashback_engine::{PartnerId, PurchaseId};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use shared_kernel::money::Money;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Principal;
use crate::extract;
use crate::posting::{Asker, Credential, Order};
use crate::problem::Problem;
use crate::refusals;
use crate::v1::types::Timestamp;
use crate::words;

/// A purchase. Exactly one of `code`, `card_number`, `proof` and `resolution` says whose it is.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurchaseBody {
    /// The live code: 24 digits.
    code: Option<String>,
    /// The bare number: 16 digits; or another number the card answers to (EAN-13, an older system's).
    card_number: Option<String>,
    /// The proof of a till without network: 192 digits. It earns, it doesn't redeem.
    proof: Option<String>,
    /// What `POST /v1/cards/resolve` answered.
    resolution: Option<String>,
    /// The outlet's code.
    outlet: String,
    /// The receipt's number, unique at the outlet for ever; 1-64 characters.
    receipt: String,
    /// When it was bought, RFC 3339 with an offset.
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Timestamp,
    /// What it came to, before points.
    #[schema(value_type = String, example = "1250.00")]
    amount: Money,
    /// The receipt's lines; they add up to the amount.
    lines: Option<Vec<LineBody>>,
    /// The part to be paid with points.
    #[schema(value_type = Option<String>, example = "100.00")]
    redeem: Option<Money>,
    /// The fiscal receipt's QR string.
    fiscal: Option<String>,
    /// `false` authorises only: the redemption is reserved until captured or voided.
    capture: Option<bool>,
}

/// A line of a receipt.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineBody {
    /// The partner's article number.
    sku: Option<String>,
    /// The category rules go by.
    category: Option<String>,
    /// How many, at most three decimals.
    quantity: Option<String>,
    /// What the line comes to.
    #[schema(value_type = String, example = "600.00")]
    amount: Money,
}

impl LineBody {
    /// The line, for the engine.
    pub fn line(self) -> Line {
        Line { sku: self.sku, category: self.category, quantity: self.quantity, amount: self.amount }
    }
}

/// Who posts for which partner.
///
/// # Errors
/// 403 for whoever acts for no partner.
pub fn asker(principal: &Principal, source: Source) -> Result<Asker, Problem> {
    let partner = principal.partner().ok_or_else(Problem::forbidden)?;
    let (id, outlets) = match principal {
        Principal::Client { client, .. } => (*client, Vec::new()),
        Principal::Staff(staff) => (staff.staff, staff.outlets.clone()),
        Principal::Member { .. } | Principal::Wallet { .. } => return Err(Problem::forbidden()),
    };
    Ok(Asker { key: principal.key(), id, partner, outlets, source, by_hand: principal.staff().is_some() })
}

impl PurchaseBody {
    /// Reads one purchase of a batch as strictly as a purchase alone.
    ///
    /// # Errors
    /// 422 with the field.
    pub fn read(one: &RawValue) -> Result<Self, Problem> {
        extract::from_slice(one.get().as_bytes())
    }

    /// The order it is.
    ///
    /// # Errors
    /// 422 with the field.
    pub fn order(self, app: &App, asker: Asker) -> Result<Order, Problem> {
        if !asker.outlets.is_empty() && !asker.outlets.contains(&self.outlet) {
            return Err(Problem::invalid_field(
                "#/outlet",
                "is no outlet of yours",
                "у вас нет такой торговой точки",
            ));
        }
        let shown = Shown {
            code: self.code.as_deref(),
            card_number: self.card_number.as_deref(),
            proof: self.proof.as_deref(),
            resolution: self.resolution.as_deref(),
        };
        let credential = credential(app, shown)?;
        let is_late = app.now() - self.occurred_at.0 > LIVE_MAX;
        Ok(Order {
            asker,
            credential: if is_late { credential.without_code() } else { credential },
            outlet: self.outlet,
            receipt: self.receipt,
            occurred_at: self.occurred_at.0,
            amount: self.amount,
            lines: self.lines.map(|lines| lines.into_iter().map(LineBody::line).collect()),
            redeem: self.redeem.unwrap_or(Money::ZERO),
            fiscal: fiscal(self.fiscal.as_deref())?,
            capture: self.capture.unwrap_or(true),
        })
    }
}

/// What a body says was shown at the till.
#[derive(Debug, Default)]
pub struct Shown<'a> {
    /// A live code.
    pub code: Option<&'a str>,
    /// A number of the card.
    pub card_number: Option<&'a str>,
    /// A proof.
    pub proof: Option<&'a str>,
    /// A resolution's id.
    pub resolution: Option<&'a str>,
}

/// Reads what was shown at the till; a proof's signature is checked here, before anything waits for it.
///
/// # Errors
/// 422 unless exactly one was given, and is one.
pub fn credential(app: &App, shown: Shown<'_>) -> Result<Credential, Problem> {
    match (shown.code, shown.card_number, shown.proof, shown.resolution) {
        (Some(code), None, None, None) => {
            PresentedCode::parse(code).map(Credential::Code).map_err(|_| refusals::code_invalid("#/code"))
        }
        (None, Some(number), None, None) => {
            CardName::parse(number).map(Credential::Name).map_err(refusals::number_invalid)
        }
        (None, None, Some(text), None) => {
            proof::read(&app.derived.issuer, text).map(Credential::Proof).map_err(refusals::proof)
        }
        (None, None, None, Some(id)) => {
            ResolutionId::from_str(id).map(Credential::Resolution).map_err(|_| {
                Problem::invalid_field(
                    "#/resolution",
                    "is no resolution",
                    "это не идентификатор проверки карты",
                )
            })
        }
        _ => Err(Problem::invalid_field(
            "#/code",
            "give exactly one of code, card_number, proof and resolution",
            "нужно ровно одно из code, card_number, proof и resolution",
        )),
    }
}

/// Reads a fiscal receipt's QR string, where one was given.
///
/// # Errors
/// 422
pub fn fiscal(text: Option<&str>) -> Result<Option<Fiscal>, Problem> {
    text.map(|text| {
        Fiscal::parse(text).map_err(|error| {
            let told = words::fiscal(&error);
            Problem::invalid_field("#/fiscal", told.en, told.ru)
        })
    })
    .transpose()
}

/// A refund by amount or by lines.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundBody {
    /// What comes back, of the amount before points.
    #[schema(value_type = Option<String>, example = "400.00")]
    amount: Option<Money>,
    /// The lines that come back.
    lines: Option<Vec<LineBody>>,
    /// The refund's own number, unique at the purchase; 1-64 characters.
    reference: String,
    /// The QR string of the return's fiscal receipt.
    fiscal: Option<String>,
}

impl RefundBody {
    /// The refund it is.
    ///
    /// # Errors
    /// 422 with the field.
    pub fn refund(
        self,
        purchase: PurchaseId,
        partner: PartnerId,
        now: DateTime<Utc>,
    ) -> Result<Return, Problem> {
        let what = part(self.amount, self.lines)?.ok_or_else(|| {
            Problem::invalid_field("#/amount", "give amount or lines", "нужна сумма или строки")
        })?;
        Ok(Return {
            purchase,
            partner: Some(partner),
            what,
            reference: self.reference,
            fiscal: fiscal(self.fiscal.as_deref())?,
            occurred_at: now,
        })
    }
}

/// What to capture; all of it unless said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptureBody {
    /// The amount to capture, before points.
    #[schema(value_type = Option<String>, example = "900.00")]
    amount: Option<Money>,
    /// The lines to capture.
    lines: Option<Vec<LineBody>>,
}

impl CaptureBody {
    /// The part to capture; `None` is all of it.
    ///
    /// # Errors
    /// 422 when both are given.
    pub fn part(self) -> Result<Option<Returned>, Problem> {
        part(self.amount, self.lines)
    }
}

fn part(amount: Option<Money>, lines: Option<Vec<LineBody>>) -> Result<Option<Returned>, Problem> {
    match (amount, lines) {
        (None, None) => Ok(None),
        (Some(amount), None) => Ok(Some(Returned::Amount(amount))),
        (None, Some(lines)) => Ok(Some(Returned::Lines(lines.into_iter().map(LineBody::line).collect()))),
        (Some(_), Some(_)) => Err(Problem::invalid_field(
            "#/amount",
            "give amount or lines, not both",
            "сумма или строки, не вместе",
        )),
    }
}
