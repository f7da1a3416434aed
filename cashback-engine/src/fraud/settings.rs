//! The thresholds of the fraud watch, kept in the book that judges purchases. Seeded as looking on alone: nothing is held
//! back before finance says so.

use chrono::{DateTime, NaiveTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::Uuid;
use shared_kernel::money::Money;

use super::{FraudAction, FraudRule};
use crate::error::{EngineError, Invalid};
use crate::posting::sale::AMOUNT_MAX_KOPECKS;
use crate::rules::book::touch;
use crate::schema::ledger::fraud_rules;

/// A rule's threshold. Which limits a rule has is [`Threshold::fields`]; the others are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = fraud_rules)]
pub struct Threshold {
    /// Which rule.
    pub rule: FraudRule,
    /// Whether it is on.
    pub enabled: bool,
    /// What it does.
    pub action: FraudAction,
    /// So many purchases (for [`FraudRule::RefundCycling`]: refunds) are fine.
    pub most_purchases: Option<i32>,
    /// So much in all is fine.
    pub most_amount: Option<Money>,
    /// Within how many minutes.
    pub minutes: Option<i32>,
    /// Within how many days.
    pub days: Option<i32>,
    /// From which hour of the outlet's day.
    pub hours_from: Option<NaiveTime>,
    /// Until which hour (exclusive); before `hours_from` it is of the next day.
    pub hours_until: Option<NaiveTime>,
}

/// The limits a rule has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields {
    /// `most_purchases`
    pub purchases: bool,
    /// `most_amount`
    pub amount: bool,
    /// `minutes`
    pub minutes: bool,
    /// `days`
    pub days: bool,
    /// `hours_from` and `hours_until`
    pub hours: bool,
}

const MOST_PURCHASES: i32 = 100_000;
/// The most that a burst is told by: one more is the last purchase whose time is remembered (`tally::MOMENTS_MAX`).
const MOST_IN_BURST: i32 = 99;
const MOST_MINUTES: i32 = 720;
/// The longest window of days; what was counted is kept a little longer.
pub(crate) const MOST_DAYS: i32 = 90;

impl Threshold {
    /// Which limits this rule has.
    pub fn fields(&self) -> Fields {
        let none = Fields::default();
        match self.rule {
            FraudRule::CardDay | FraudRule::CashierDay | FraudRule::BareNumber => {
                Fields { purchases: true, amount: true, ..none }
            }
            FraudRule::RefundCycling => Fields { purchases: true, days: true, ..none },
            FraudRule::TwoTowns => Fields { minutes: true, ..none },
            FraudRule::ClosingBurst => Fields { purchases: true, minutes: true, hours: true, ..none },
            FraudRule::OwnCard => none,
        }
    }

    fn wrong(&self, place: usize) -> Vec<Invalid> {
        let mut wrong = Vec::new();
        let fields = self.fields();
        let mut check = |name: &str, has: bool, given: bool, valid: bool| {
            let pointer = format!("/rules/{place}/{name}");
            match (has, given) {
                (false, true) => wrong.push(Invalid::new(pointer, "is no limit of this rule")),
                (true, true) if !valid => wrong.push(Invalid::new(pointer, "is out of bounds")),
                _ => {}
            }
        };
        let within = |value: Option<i32>, least, most| value.is_none_or(|v| (least..=most).contains(&v));
        let (count, minutes, days) = (self.most_purchases, self.minutes, self.days);
        let most = if self.rule == FraudRule::ClosingBurst { MOST_IN_BURST } else { MOST_PURCHASES };
        check("most_purchases", fields.purchases, count.is_some(), within(count, 0, most));
        let amount_fits =
            self.most_amount.is_none_or(|most| most.kopecks() <= AMOUNT_MAX_KOPECKS.saturating_mul(1_000));
        check("most_amount", fields.amount, self.most_amount.is_some(), amount_fits);
        check("minutes", fields.minutes, minutes.is_some(), within(minutes, 1, MOST_MINUTES));
        check("days", fields.days, days.is_some(), within(days, 1, MOST_DAYS));
        let hours = self.hours_from.is_some() && self.hours_until.is_some();
        let any_hour = self.hours_from.is_some() || self.hours_until.is_some();
        check("hours", fields.hours, any_hour, hours && self.hours_from != self.hours_until);
        let bound = count.is_some() || self.most_amount.is_some() || minutes.is_some();
        let complete = match self.rule {
            FraudRule::CardDay | FraudRule::CashierDay | FraudRule::BareNumber => bound,
            FraudRule::RefundCycling => count.is_some() && days.is_some(),
            FraudRule::TwoTowns => minutes.is_some(),
            FraudRule::ClosingBurst => count.is_some() && minutes.is_some() && hours,
            FraudRule::OwnCard => true,
        };
        if self.enabled && !complete {
            wrong.push(Invalid::new(format!("/rules/{place}/enabled"), "needs its limits to be on"));
        }
        wrong
    }
}

/// The rules that are on, as the book keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched(Vec<Threshold>);

impl Watched {
    pub(crate) fn load(connection: &mut PgConnection) -> QueryResult<Self> {
        let on = fraud_rules::table
            .filter(fraud_rules::enabled)
            .order(fraud_rules::rule)
            .select(Threshold::as_select())
            .load(connection)?;
        Ok(Self(on))
    }

    /// Whether anything is watched; what isn't is not counted either.
    pub fn is_on(&self) -> bool {
        !self.0.is_empty()
    }

    /// The rules that are on.
    pub fn rules(&self) -> &[Threshold] {
        &self.0
    }

    /// A rule's threshold, when it is on.
    pub fn rule(&self, rule: FraudRule) -> Option<&Threshold> {
        self.0.iter().find(|threshold| threshold.rule == rule)
    }

    /// Over how many days refunds count.
    pub(crate) fn refund_days(&self) -> i32 {
        self.rule(FraudRule::RefundCycling).and_then(|rule| rule.days).unwrap_or(1)
    }
}

/// All rules, on or off, in the order of their declaration.
///
/// # Errors
/// The database's.
pub fn thresholds(connection: &mut PgConnection) -> QueryResult<Vec<Threshold>> {
    let mut rules: Vec<Threshold> = fraud_rules::table.select(Threshold::as_select()).load(connection)?;
    rules.sort_by_key(|threshold| threshold.rule);
    Ok(rules)
}

/// Sets the thresholds: every rule once.
///
/// # Errors
/// Wrong, missing or doubled rules, with the field.
pub fn set_thresholds(
    connection: &mut PgConnection,
    rules: &[Threshold],
    by: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Threshold>, EngineError> {
    let mut wrong: Vec<Invalid> =
        rules.iter().enumerate().flat_map(|(place, threshold)| threshold.wrong(place)).collect();
    for rule in FraudRule::ALL {
        if rules.iter().filter(|threshold| threshold.rule == *rule).count() != 1 {
            wrong.push(Invalid::new("/rules", format!("must have {rule} once")));
        }
    }
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    for threshold in rules {
        diesel::update(fraud_rules::table.find(threshold.rule))
            .set((
                fraud_rules::enabled.eq(threshold.enabled),
                fraud_rules::action.eq(threshold.action),
                fraud_rules::most_purchases.eq(threshold.most_purchases),
                fraud_rules::most_amount.eq(threshold.most_amount),
                fraud_rules::minutes.eq(threshold.minutes),
                fraud_rules::days.eq(threshold.days),
                fraud_rules::hours_from.eq(threshold.hours_from),
                fraud_rules::hours_until.eq(threshold.hours_until),
                fraud_rules::changed_by.eq(by),
                fraud_rules::changed_at.eq(now),
            ))
            .execute(connection)?;
    }
    touch(connection)?;
    Ok(thresholds(connection)?)
}
