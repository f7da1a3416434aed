//! Why a purchase brought what it brought, on the wire.

use std::collections::{BTreeSet, HashMap};

use cashback_engine::explanation::{Explanation, RuleExplanation};
use cashback_engine::rules::evaluate::{Limit, WhyNot};
use cashback_engine::rules::terms::Funder;
use cashback_engine::texts::{self, Reader};
use chrono::NaiveDate;
use chrono_tz::Tz;
use diesel::pg::PgConnection;
use serde::Serialize;
use shared_kernel::money::{Money, Rate};
use union_registry::organisations;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::{Language, Problem};
use crate::v1::types::Timestamp;

/// The names of the organisations that explanations mention, by code.
///
/// # Errors
/// The database's.
pub fn names_of<'e>(
    connection: &mut PgConnection,
    explanations: impl IntoIterator<Item = &'e Explanation>,
) -> Result<HashMap<String, String>, Problem> {
    let codes: BTreeSet<&str> = explanations.into_iter().flat_map(Explanation::organisations).collect();
    if codes.is_empty() {
        return Ok(HashMap::new());
    }
    let codes: Vec<String> = codes.into_iter().map(str::to_owned).collect();
    let named = organisations::named(connection, &codes)?;
    Ok(named.into_iter().map(|organisation| (organisation.code, organisation.name)).collect())
}

/// The explanation of a purchase.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Explanation)]
pub struct ExplanationView {
    purchase_id: Uuid,
    /// What is left of the cashback.
    #[schema(value_type = String)]
    cashback: Money,
    /// In sentences, in the reader's language.
    lines: Vec<String>,
    /// Each rule in force then: those that applied, and those that didn't.
    rules: Vec<RuleView>,
}

/// A rule in an explanation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuleExplanation)]
struct RuleView {
    id: Uuid,
    version: i32,
    name: String,
    applied: bool,
    /// All of it in words, in the reader's language.
    text: String,
    /// Why it gave nothing, in the reader's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The same as a stable word, such as `below_least_amount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    why_not: Option<WhyNot>,
    /// The eligible amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    eligible: Option<Money>,
    /// The percentage that held, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    rate: Option<Rate>,
    /// Before caps, rounded once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    earned: Option<Money>,
    /// What was left of its caps then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    room: Option<Money>,
    /// What left less than was earned: `per_purchase`, `per_member`, `budget` or `paid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    trimmed_by: Option<Limit>,
    /// What it gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    amount: Option<Money>,
    /// What refunds left of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    left: Option<Money>,
    /// Who pays how much of it.
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
    /// The organisation's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[schema(value_type = String)]
    amount: Money,
}

impl ExplanationView {
    /// The explanation in a language, with names of organisations.
    pub fn new(
        purchase_id: Uuid,
        explanation: &Explanation,
        (language, zone): (Language, Tz),
        names: &HashMap<String, String>,
    ) -> Self {
        let reader = Reader { language: language.engine(), zone, names };
        Self {
            purchase_id,
            cashback: explanation.left,
            lines: texts::sentences(explanation, reader),
            rules: explanation.rules.iter().map(|rule| RuleView::new(rule, explanation, reader)).collect(),
        }
    }
}

impl RuleView {
    fn new(rule: &RuleExplanation, explanation: &Explanation, reader: Reader<'_>) -> Self {
        let applied = rule.outcome.as_ref().ok();
        let declined = rule.outcome.as_ref().err();
        Self {
            id: rule.id.0,
            version: rule.version,
            name: rule.terms.name.clone(),
            applied: applied.is_some(),
            text: texts::rule_sentence(rule, explanation, reader),
            reason: texts::why_not(rule, reader),
            why_not: declined.map(|declined| declined.why),
            eligible: applied
                .map(|applied| applied.eligible)
                .or_else(|| declined.map(|declined| declined.eligible)),
            rate: applied.and_then(|applied| applied.rate),
            earned: applied.map(|applied| applied.earned),
            room: applied.and_then(|applied| applied.room),
            trimmed_by: applied.and_then(|applied| applied.trimmed_by),
            amount: applied.map(|applied| applied.given),
            left: applied.map(|applied| applied.left),
            funders: applied.map(|applied| parts(&applied.funders, reader)).unwrap_or_default(),
            available_at: applied.map(|applied| applied.available_at.into()),
            expires_on: applied.and_then(|applied| applied.expires_on),
        }
    }
}

fn parts(funders: &[(Funder, Money)], reader: Reader<'_>) -> Vec<FunderView> {
    funders
        .iter()
        .map(|(funder, amount)| match funder {
            Funder::Partner => FunderView { by: "partner".to_owned(), name: None, amount: *amount },
            Funder::Organisation(code) => {
                FunderView { by: code.clone(), name: reader.names.get(code).cloned(), amount: *amount }
            }
        })
        .collect()
}
