//! One version's terms: a rule's content after every check, in types that can't be wrong.

use chrono::{NaiveDate, NaiveTime, Weekday};
use serde::{Deserialize, Serialize};
use shared_kernel::money::{Money, Rate};
use shared_kernel::text_enum;

text_enum! {
    /// How a rule goes with others.
    Stacking {
        /// The best of these wins.
        Exclusive => "exclusive",
        /// Added on top.
        Additive => "additive",
    }
}

text_enum! {
    /// What a member's cap counts over, by the local date of the purchase.
    CapPeriod {
        /// A day.
        Day => "day",
        /// A calendar month.
        Month => "month",
        /// A calendar year.
        Year => "year",
    }
}

/// A version's terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What people call it.
    pub name: String,
    /// Higher first among equals.
    pub priority: i32,
    /// How it goes with others.
    pub stacking: Stacking,
    /// When it applies.
    pub when: When,
    /// What it gives.
    pub earn: Earn,
    /// What limits that.
    pub caps: Caps,
    /// Who pays, shares adding up to 1.
    pub funding: Vec<Funding>,
    /// Days after the purchase's date before it can be spent.
    pub hold_days: u16,
    /// Months it lives; `None` for ever.
    pub life_months: Option<u16>,
}

impl Terms {
    /// The organisations it names: who pays, and whose members it is for.
    pub fn organisations(&self) -> impl Iterator<Item = &str> {
        let funders = self.funding.iter().filter_map(|funding| match &funding.by {
            Funder::Partner => None,
            Funder::Organisation(code) => Some(code.as_str()),
        });
        funders.chain(self.when.members.organisation.as_deref())
    }
}

/// The conditions; what is `None` or empty asks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct When {
    /// First day, in the programme's zone.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub until: Option<NaiveDate>,
    /// Days of the week, in the outlet's zone.
    pub days: Vec<Weekday>,
    /// From (inclusive) to (exclusive), in the outlet's zone; past midnight when the first is later.
    pub hours: Option<(NaiveTime, NaiveTime)>,
    /// Outlet codes.
    pub outlets: Vec<String>,
    /// Line categories it covers.
    pub categories: Vec<String>,
    /// Line categories it does not cover.
    pub except_categories: Vec<String>,
    /// The least eligible amount.
    pub least_amount: Option<Money>,
    /// Which members.
    pub members: Members,
}

/// Which members.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Members {
    /// An organisation's code: its members and those of all below it.
    pub organisation: Option<String>,
    /// Member categories.
    pub categories: Vec<String>,
    /// Full years from and to, both inclusive, on the day of the purchase.
    pub age: Option<(i32, i32)>,
    /// At least so many full months a member.
    pub member_for_months: Option<u32>,
    /// The tier.
    pub tier: Option<String>,
}

/// What a rule gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Earn {
    /// So many percent of the eligible amount.
    Percent(Rate),
    /// An amount.
    Fixed(Money),
    /// So much per full step.
    Step {
        /// The step.
        per: Money,
        /// What each brings.
        amount: Money,
    },
    /// The rung reached holds for the whole eligible amount; rungs rise.
    Ladder(Vec<Rung>),
}

/// A rung of a ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Reached from here.
    pub from: Money,
    /// So many percent.
    pub percent: Rate,
}

/// The limits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Caps {
    /// Of one purchase.
    pub per_purchase: Option<Money>,
    /// Of one member in one period.
    pub per_member: Option<(Money, CapPeriod)>,
    /// Of all.
    pub budget: Option<Money>,
}

/// A funder and its share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funding {
    /// Who.
    pub by: Funder,
    /// Its share of 1.
    pub share: Rate,
}

/// Who pays for cashback.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Funder {
    /// The partner whose rule it is.
    Partner,
    /// The organisation with this code.
    Organisation(String),
}

impl CapPeriod {
    /// The first day of the period a date lies in.
    pub(crate) fn first_day(self, date: NaiveDate) -> NaiveDate {
        use chrono::Datelike;
        let first = match self {
            Self::Day => Some(date),
            Self::Month => date.with_day(1),
            Self::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1),
        };
        first.expect("every month and year has a first day")
    }
}
