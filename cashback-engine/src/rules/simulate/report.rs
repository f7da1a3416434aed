//! What a simulation found.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use shared_kernel::money::Money;

use crate::ids::RuleId;
use crate::rules::evaluate::Limit;

/// See the module. Every amount is cashback, net of what came back since.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Whose purchases, where only one partner's.
    pub partner: Option<String>,
    /// Whether drafts held over the whole period although they have dates.
    pub dates_left_out: bool,
    /// What it costs.
    pub cost: Cost,
    /// Purchases judged, and those whose cashback changes.
    pub purchases: Counts,
    /// Members who bought, and those whose cashback changes on any purchase.
    pub members: Counts,
    /// Partners.
    pub partners: Vec<PartnerCost>,
    /// Who pays.
    pub funders: Vec<FunderCost>,
    /// Rule by rule, the dearest after first.
    pub rules: Vec<RuleCost>,
    /// Where caps and budgets would bite.
    pub limits: Vec<LimitBite>,
    /// How the cashback of a purchase, and of a member over the period, is spread.
    pub distribution: Distribution,
    /// Over time, by days up to 62 of them, else by months.
    pub series: Vec<Stretch>,
}

/// Cashback before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// With the rules as they were.
    pub before: Money,
    /// With the changes.
    pub after: Money,
    /// What is more (or, below zero, less).
    pub difference: Money,
    /// What the ledger has of it; another figure than `before` where cashback was held back, corrected, or given by what
    /// no rule says.
    pub posted: Money,
}

/// How many there are, and how many of them the changes touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All.
    pub total: u64,
    /// Those whose cashback changes.
    pub affected: u64,
}

/// A partner's part.
#[derive(Debug, Clone, Serialize)]
pub struct PartnerCost {
    /// The code.
    pub code: String,
    /// The name.
    pub name: String,
    /// Purchases.
    pub purchases: Counts,
    /// Before.
    pub before: Money,
    /// After.
    pub after: Money,
}

/// A funder's part.
#[derive(Debug, Clone, Serialize)]
pub struct FunderCost {
    /// `partner` or `organisation`.
    pub kind: &'static str,
    /// Its code.
    pub code: String,
    /// Before.
    pub before: Money,
    /// After.
    pub after: Money,
}

/// A rule's part.
#[derive(Debug, Clone, Serialize)]
pub struct RuleCost {
    /// The rule; absent for a new draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RuleId>,
    /// The place of a new draft in the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<usize>,
    /// What people call it: as it would be, where it changes.
    pub name: String,
    /// The partner's code.
    pub partner: String,
    /// What it gave.
    pub before: Money,
    /// To how many purchases.
    pub purchases_before: u64,
    /// What it would give.
    pub after: Money,
    /// To how many purchases.
    pub purchases_after: u64,
}

/// Where a limit would leave less than a rule earns.
#[derive(Debug, Clone, Serialize)]
pub struct LimitBite {
    /// The rule; absent for a new draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RuleId>,
    /// The place of a new draft in the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<usize>,
    /// What people call the rule.
    pub name: String,
    /// Which limit.
    pub limit: Limit,
    /// How many purchases it touches.
    pub purchases: u64,
    /// When the first of them happened, in the order of posting.
    pub first_at: DateTime<Utc>,
    /// How much less that is.
    pub trimmed: Money,
}

/// How cashback is spread.
#[derive(Debug, Clone, Serialize)]
pub struct Distribution {
    /// Purchases by the cashback of each.
    pub per_purchase: Vec<Bin>,
    /// Members by the cashback of each over the period.
    pub per_member: Vec<Bin>,
}

/// How many have so much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bin {
    /// From so much.
    pub from: Money,
    /// To so much, both included; absent for the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Money>,
    /// How many before.
    pub before: u64,
    /// How many after.
    pub after: u64,
}

/// A day or month.
#[derive(Debug, Clone, Serialize)]
pub struct Stretch {
    /// Its first day.
    pub from: NaiveDate,
    /// Purchases.
    pub purchases: u64,
    /// Cashback before.
    pub before: Money,
    /// Cashback after.
    pub after: Money,
}

/// Bounds of bins in kopecks: exactly nothing, then up to each, then more.
pub(super) struct Bounds(&'static [i64]);

pub(super) const PER_PURCHASE: Bounds = Bounds(&[0, 1_000, 5_000, 10_000, 50_000, 100_000, 500_000]);
pub(super) const PER_MEMBER: Bounds = Bounds(&[0, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000]);

impl Bounds {
    pub(super) fn bins(&self) -> Vec<Bin> {
        let mut from = 0;
        let mut bins = Vec::new();
        for to in self.0.iter().map(|to| Some(*to)).chain([None]) {
            bins.push(Bin {
                from: Money::from_kopecks(from),
                to: to.map(Money::from_kopecks),
                before: 0,
                after: 0,
            });
            from = to.map_or(from, |to| to + 1);
        }
        bins
    }

    /// The place of the bin an amount belongs to.
    pub(super) fn place(&self, kopecks: i64) -> usize {
        self.0.iter().position(|bound| kopecks <= *bound).unwrap_or(self.0.len())
    }
}
