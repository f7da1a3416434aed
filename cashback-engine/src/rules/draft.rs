//! A rule as its JSON says it (contract.md, "Finance"), and the way from there to [`Terms`] and back.

use serde::{Deserialize, Serialize};

mod check;
#[cfg(test)]
mod tests;

use self::check::{Checker, HOLD_MAX, LIFE_MAX, NAME_MAX, check_funding};
use super::terms::{Members, Stacking, Terms};
use crate::days::shortest_life_days;
use crate::error::{EngineError, Invalid};

/// A rule's JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleDraft {
    /// What people call it.
    pub name: String,
    /// The partner's code.
    pub partner: String,
    /// Higher first among equals.
    #[serde(default)]
    pub priority: i32,
    /// `exclusive` unless said.
    #[serde(default = "exclusive")]
    pub stacking: String,
    /// Conditions.
    #[serde(default)]
    pub when: WhenDraft,
    /// What it gives: one of four.
    pub earn: EarnDraft,
    /// Limits.
    #[serde(default)]
    pub caps: CapsDraft,
    /// Who pays; the partner unless said.
    #[serde(default = "partner_alone")]
    pub funding: Vec<FundingDraft>,
    /// Days of hold, 14 unless said.
    #[serde(default = "fourteen")]
    pub hold_days: u32,
    /// Months of life, 12 unless said, `null` for ever.
    #[serde(default = "twelve")]
    pub life_months: Option<u32>,
}

fn exclusive() -> String {
    Stacking::Exclusive.as_str().to_owned()
}
fn partner_alone() -> Vec<FundingDraft> {
    vec![FundingDraft { by: "partner".to_owned(), share: "1".to_owned() }]
}
fn fourteen() -> u32 {
    14
}
fn twelve() -> Option<u32> {
    Some(12)
}

/// An error of a draft that stands within something larger, under a pointer.
pub(crate) fn within(error: EngineError, pointer: &str) -> EngineError {
    match error {
        EngineError::Invalid(wrong) => EngineError::Invalid(
            wrong.into_iter().map(|w| Invalid::new(format!("{pointer}{}", w.pointer), w.message)).collect(),
        ),
        other => other,
    }
}

/// See [`When`](super::terms::When).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the fields are those of `When`, as text")]
pub struct WhenDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outlets: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except_categories: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<MembersDraft>,
}

/// See [`Members`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the fields are those of `Members`, as text")]
pub struct MembersDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_for_months: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
}

/// See [`Earn`](super::terms::Earn): exactly one of percent, fixed, per and amount, ladder.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the fields are those of `Earn`, as text")]
pub struct EarnDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ladder: Option<Vec<RungDraft>>,
}

/// See [`Rung`](super::terms::Rung).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of `Rung`, as text")]
pub struct RungDraft {
    pub from: String,
    pub percent: String,
}

/// See [`Caps`](super::terms::Caps).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the fields are those of `Caps`, as text")]
pub struct CapsDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_purchase: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_member: Option<MemberCapDraft>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
}

/// A member's cap.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "an amount and a period, as text")]
pub struct MemberCapDraft {
    pub amount: String,
    pub period: String,
}

/// See [`Funding`](super::terms::Funding): `by` is `partner` or an organisation's code.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of `Funding`, as text")]
pub struct FundingDraft {
    pub by: String,
    pub share: String,
}

impl RuleDraft {
    /// Checks everything and gives the terms.
    ///
    /// # Errors
    /// Every wrong field, with its pointer.
    pub fn check(&self) -> Result<Terms, Vec<Invalid>> {
        let mut wrong = Checker::default();
        let name = self.name.trim();
        wrong.unless(
            !name.is_empty() && name.chars().count() <= NAME_MAX,
            "/name",
            "must have 1 to 200 characters",
        );
        wrong.unless(!name.chars().any(char::is_control), "/name", "must not have control characters");
        let hold_days = u16::try_from(self.hold_days).ok().filter(|_| self.hold_days <= HOLD_MAX);
        wrong.unless(hold_days.is_some(), "/hold_days", "must be at most 3650");
        let life_months = self.life_months.map(|months| {
            let fits = u16::try_from(months).ok().filter(|_| (1..=LIFE_MAX).contains(&months));
            wrong.unless(fits.is_some(), "/life_months", "must be 1 to 1200, or null");
            fits.unwrap_or(12)
        });
        if let (Some(hold), Some(life)) = (hold_days, life_months) {
            let ends_inside = shortest_life_days(life) <= i64::from(hold);
            wrong.unless(!ends_inside, "/life_months", "such a life can end inside its hold");
        }
        let stacking = wrong.parsed::<Stacking>(&self.stacking, "/stacking", "must be exclusive or additive");
        let when = self.when.check(&mut wrong);
        let earn = self.earn.check(&mut wrong);
        let caps = self.caps.check(&mut wrong);
        let funding = check_funding(&self.funding, &mut wrong);
        match (wrong.found.is_empty(), stacking, earn, hold_days) {
            (true, Some(stacking), Some(earn), Some(hold_days)) => Ok(Terms {
                name: name.to_owned(),
                priority: self.priority,
                stacking,
                when,
                earn,
                caps,
                funding,
                hold_days,
                life_months,
            }),
            _ => Err(wrong.found),
        }
    }

    /// The JSON of a version's terms.
    pub fn of(partner: &str, terms: &Terms) -> Self {
        let texts = |list: &[String]| list.to_vec();
        let members = &terms.when.members;
        Self {
            name: terms.name.clone(),
            partner: partner.to_owned(),
            priority: terms.priority,
            stacking: terms.stacking.to_string(),
            when: WhenDraft {
                from: terms.when.from.map(|d| d.to_string()),
                until: terms.when.until.map(|d| d.to_string()),
                days: terms.when.days.iter().map(|d| d.to_string().to_lowercase()).collect(),
                hours: terms.when.hours.map(|(a, b)| [a, b].map(|t| t.format("%H:%M").to_string()).to_vec()),
                outlets: texts(&terms.when.outlets),
                categories: texts(&terms.when.categories),
                except_categories: texts(&terms.when.except_categories),
                least_amount: terms.when.least_amount.map(|m| m.to_string()),
                members: (*members != Members::default()).then(|| MembersDraft {
                    organisation: members.organisation.clone(),
                    categories: texts(&members.categories),
                    age: members.age.map(|(a, b)| [a, b].map(i32::unsigned_abs).to_vec()),
                    member_for_months: members.member_for_months,
                    tier: members.tier.clone(),
                }),
            },
            earn: EarnDraft::of(&terms.earn),
            caps: CapsDraft {
                per_purchase: terms.caps.per_purchase.map(|m| m.to_string()),
                per_member: terms.caps.per_member.map(|(amount, period)| MemberCapDraft {
                    amount: amount.to_string(),
                    period: period.to_string(),
                }),
                budget: terms.caps.budget.map(|m| m.to_string()),
            },
            funding: terms.funding.iter().map(FundingDraft::of).collect(),
            hold_days: u32::from(terms.hold_days),
            life_months: terms.life_months.map(u32::from),
        }
    }
}
