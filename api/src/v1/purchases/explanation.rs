//! Why a purchase brought what it brought, on the wire.

use cashback_engine::PurchaseId;
use cashback_engine::explanation::{Explanation, RuleExplanation};
use cashback_engine::rules::terms::Funder;
use cashback_engine::texts;
use chrono::NaiveDate;
use serde::Serialize;
use shared_kernel::money::Money;
use utoipa::ToSchema;

use crate::app::PROGRAMME_ZONE;
use crate::problem::Language;
use crate::v1::types::Timestamp;

/// The explanation of a purchase.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Explanation)]
pub struct ExplanationView {
    #[schema(value_type = uuid::Uuid)]
    purchase_id: PurchaseId,
    /// In sentences, in the reader's language.
    lines: Vec<String>,
    /// Each rule in force then: those that applied, and those that didn't.
    rules: Vec<RuleView>,
}

/// A rule in an explanation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuleExplanation)]
struct RuleView {
    id: uuid::Uuid,
    version: i32,
    name: String,
    applied: bool,
    /// Why it gave nothing, in the reader's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The eligible amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    eligible: Option<Money>,
    /// Before caps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    earned: Option<Money>,
    /// What was left of its caps then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    room: Option<Money>,
    /// What it gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    amount: Option<Money>,
    /// What refunds left of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    left: Option<Money>,
    /// Who pays how much of it: for finance alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    funders: Vec<FunderView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    available_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_on: Option<NaiveDate>,
}

/// A funder's part.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FunderPart)]
struct FunderView {
    /// `partner`, or an organisation's code.
    by: String,
    #[schema(value_type = String)]
    amount: Money,
}

impl ExplanationView {
    /// The explanation in a language; funders are told to finance alone.
    pub fn new(purchase: PurchaseId, explanation: &Explanation, language: Language, funders: bool) -> Self {
        Self {
            purchase_id: purchase,
            lines: texts::sentences(explanation, language.engine(), PROGRAMME_ZONE),
            rules: explanation.rules.iter().map(|rule| RuleView::new(rule, language, funders)).collect(),
        }
    }
}

impl RuleView {
    fn new(rule: &RuleExplanation, language: Language, funders: bool) -> Self {
        let applied = rule.outcome.as_ref().ok();
        Self {
            id: rule.id.0,
            version: rule.version,
            name: rule.name.clone(),
            applied: applied.is_some(),
            reason: rule.outcome.as_ref().err().map(|why| texts::why_text(*why, language.engine())),
            eligible: applied.map(|applied| applied.eligible),
            earned: applied.map(|applied| applied.earned),
            room: applied.and_then(|applied| applied.room),
            amount: applied.map(|applied| applied.given),
            left: applied.map(|applied| applied.left),
            funders: applied.filter(|_| funders).map(|applied| parts(&applied.funders)).unwrap_or_default(),
            available_at: applied.map(|applied| applied.available_at.into()),
            expires_on: applied.and_then(|applied| applied.expires_on),
        }
    }
}

fn parts(funders: &[(Funder, Money)]) -> Vec<FunderView> {
    funders
        .iter()
        .map(|(funder, amount)| FunderView {
            by: match funder {
                Funder::Partner => "partner".to_owned(),
                Funder::Organisation(code) => code.clone(),
            },
            amount: *amount,
        })
        .collect()
}
