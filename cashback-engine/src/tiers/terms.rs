//! What tiers there are and what reaches them. Pure: periods are stretches of whole months of purchase, in the
//! programme's zone.

use chrono::{Datelike, Months, NaiveDate};
use serde::{Deserialize, Serialize};
use shared_kernel::money::Money;
use shared_kernel::text_enum;

use crate::error::Invalid;

/// The most tiers there may be.
pub const TIERS_MAX: usize = 10;
/// The longest a tier's name may be.
pub const NAME_CHARS_MAX: usize = 40;
/// The longest period.
pub const MONTHS_MAX: u32 = 36;

text_enum! {
    /// What is measured, less what refunds took back.
    Measure {
        /// The cashback of purchases.
        Cashback => "cashback",
        /// What purchases came to.
        Purchases => "purchases",
    }
}

text_enum! {
    /// How periods follow each other.
    Span {
        /// The present month and those before it; the period ends with every month.
        Rolling => "rolling",
        /// Blocks of months from January on.
        Calendar => "calendar",
    }
}

/// A tier and what reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// What rules and members call it.
    pub name: String,
    /// Reached from here; the lowest may be everybody's, from 0.00.
    pub from: Money,
}

/// Tiers as they are set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierTerms {
    /// What is measured.
    pub measure: Measure,
    /// How periods follow each other.
    pub span: Span,
    /// A period's months.
    pub months: u32,
    /// The lowest first; none: there are no tiers.
    pub tiers: Vec<Tier>,
}

/// A stretch of months, by their first days, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first month.
    pub first: NaiveDate,
    /// The last one.
    pub last: NaiveDate,
}

/// What a member has in the present period and had in the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// In the present period so far.
    pub current: Money,
    /// In the one that ended last.
    pub ended: Money,
}

impl Period {
    /// Whether a month, named by its first day, lies in it.
    pub fn contains(&self, month: NaiveDate) -> bool {
        (self.first..=self.last).contains(&month)
    }
}

/// The first day of a date's month.
pub fn month_of(date: NaiveDate) -> NaiveDate {
    date.with_day(1).expect("every month has a first day")
}

fn months_before(month: NaiveDate, months: u32) -> NaiveDate {
    month.checked_sub_months(Months::new(months)).expect("three years before lie within the calendar")
}

fn months_after(month: NaiveDate, months: u32) -> NaiveDate {
    month.checked_add_months(Months::new(months)).expect("three years after lie within the calendar")
}

impl TierTerms {
    /// Every wrong field.
    ///
    /// # Errors
    /// The fields.
    pub fn check(&self) -> Result<(), Vec<Invalid>> {
        let mut wrong = Vec::new();
        match self.span {
            Span::Calendar if ![1, 3, 6, 12].contains(&self.months) => {
                wrong.push(Invalid::new("/months", "a calendar period has 1, 3, 6 or 12 months"));
            }
            Span::Rolling if !(1..=MONTHS_MAX).contains(&self.months) => {
                wrong.push(Invalid::new("/months", "a rolling period has 1 to 36 months"));
            }
            _ => {}
        }
        if self.tiers.len() > TIERS_MAX {
            wrong.push(Invalid::new("/tiers", "there are at most 10 tiers"));
        }
        let mut before: Vec<&Tier> = Vec::new();
        for (place, tier) in self.tiers.iter().enumerate() {
            let name_is_fine = tier.name.trim() == tier.name
                && !tier.name.is_empty()
                && tier.name.chars().count() <= NAME_CHARS_MAX;
            if !name_is_fine {
                wrong.push(Invalid::new(
                    format!("/tiers/{place}/name"),
                    "must have 1 to 40 characters and no blank ends",
                ));
            }
            if before.iter().any(|lower| lower.name == tier.name) {
                wrong.push(Invalid::new(format!("/tiers/{place}/name"), "is the name of another tier"));
            }
            if tier.from.is_negative() || before.last().is_some_and(|lower| lower.from >= tier.from) {
                wrong.push(Invalid::new(
                    format!("/tiers/{place}/from"),
                    "must be more than what the tier below it asks for",
                ));
            }
            before.push(tier);
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// The period a day lies in.
    pub fn current(&self, on: NaiveDate) -> Period {
        let month = month_of(on);
        match self.span {
            Span::Rolling => Period { first: months_before(month, self.months - 1), last: month },
            Span::Calendar => {
                let first = months_before(month, on.month0() % self.months);
                Period { first, last: months_after(first, self.months - 1) }
            }
        }
    }

    /// The period that ended before the present one began to count.
    pub fn ended(&self, on: NaiveDate) -> Period {
        let step = match self.span {
            Span::Rolling => 1,
            Span::Calendar => self.months,
        };
        let current = self.current(on);
        Period { first: months_before(current.first, step), last: months_before(current.last, step) }
    }

    /// The day from which on the period that ended last no longer runs: when tiers are lowered.
    pub fn begun(&self, on: NaiveDate) -> NaiveDate {
        match self.span {
            Span::Rolling => month_of(on),
            Span::Calendar => self.current(on).first,
        }
    }

    /// The last day before tiers are lowered next.
    pub fn until(&self, on: NaiveDate) -> NaiveDate {
        let step = match self.span {
            Span::Rolling => 1,
            Span::Calendar => self.months,
        };
        months_after(self.begun(on), step).pred_opt().expect("a month follows another")
    }

    /// The tier somebody deserves: what the present period has reached, or what the last one earned for this.
    pub fn deserved(&self, progress: Progress) -> Option<&str> {
        let reached = progress.current.max(progress.ended);
        self.tiers.iter().rev().find(|tier| tier.from <= reached).map(|tier| tier.name.as_str())
    }

    /// The tier of a member in whose row `stored` stands: everybody has the lowest one where it asks for nothing; a
    /// tier there no longer is counts as none.
    pub fn held<'t>(&'t self, stored: Option<&str>) -> Option<&'t str> {
        let stored = self.tiers.iter().find(|tier| Some(tier.name.as_str()) == stored);
        let base = self.tiers.first().filter(|tier| tier.from.is_zero());
        stored.or(base).map(|tier| tier.name.as_str())
    }

    /// Whether one tier stands above another (or above none).
    pub fn is_above(&self, one: Option<&str>, other: Option<&str>) -> bool {
        let place = |name: Option<&str>| self.tiers.iter().position(|tier| Some(tier.name.as_str()) == name);
        place(one) > place(other)
    }

    /// The tier above the one held, with what is missing to it in the present period.
    pub fn next(&self, held: Option<&str>, progress: Progress) -> Option<(&Tier, Money)> {
        let above = self.tiers.iter().find(|tier| self.is_above(Some(&tier.name), held))?;
        Some((above, (above.from - progress.current).max(Money::ZERO)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn terms(span: Span, months: u32) -> TierTerms {
        let tier = |name: &str, from: &str| Tier { name: name.to_owned(), from: from.parse().unwrap() };
        TierTerms {
            measure: Measure::Purchases,
            span,
            months,
            tiers: vec![tier("bronze", "0.00"), tier("silver", "100.00"), tier("gold", "500.00")],
        }
    }

    fn progress(current: &str, ended: &str) -> Progress {
        Progress { current: current.parse().unwrap(), ended: ended.parse().unwrap() }
    }

    #[test]
    fn a_calendar_quarter_is_followed_by_the_next() {
        let quarter = terms(Span::Calendar, 3);
        let on = day("2026-11-22");
        assert_eq!(quarter.current(on), Period { first: day("2026-10-01"), last: day("2026-12-01") });
        assert_eq!(quarter.ended(on), Period { first: day("2026-07-01"), last: day("2026-09-01") });
        assert_eq!((quarter.begun(on), quarter.until(on)), (day("2026-10-01"), day("2026-12-31")));
    }

    #[test]
    fn a_rolling_year_ends_with_every_month() {
        let year = terms(Span::Rolling, 12);
        let on = day("2026-11-22");
        assert_eq!(year.current(on), Period { first: day("2025-12-01"), last: day("2026-11-01") });
        assert_eq!(year.ended(on), Period { first: day("2025-11-01"), last: day("2026-10-01") });
        assert_eq!((year.begun(on), year.until(on)), (day("2026-11-01"), day("2026-11-30")));
    }

    #[test]
    fn the_better_of_two_periods_counts_and_the_next_tier_is_reached_from_the_present_one() {
        let terms = terms(Span::Calendar, 12);
        assert_eq!(terms.deserved(progress("20.00", "0.00")), Some("bronze"));
        assert_eq!(terms.deserved(progress("20.00", "120.00")), Some("silver"));
        assert_eq!(terms.deserved(progress("500.00", "120.00")), Some("gold"));
        let (next, missing) = terms.next(Some("silver"), progress("20.00", "120.00")).unwrap();
        assert_eq!((next.name.as_str(), missing.to_string()), ("gold", "480.00".to_owned()));
        assert_eq!(terms.next(Some("gold"), progress("500.00", "0.00")), None);
        assert_eq!((terms.held(None), terms.held(Some("platinum"))), (Some("bronze"), Some("bronze")));
        assert!(terms.is_above(Some("gold"), Some("silver")) && !terms.is_above(None, Some("bronze")));
    }

    #[test]
    fn wrong_settings_are_named_field_by_field() {
        let mut wrong = terms(Span::Calendar, 5);
        wrong.tiers[1].name = " ".to_owned();
        wrong.tiers[2].from = "100.00".parse().unwrap();
        let pointers: Vec<String> =
            wrong.check().unwrap_err().into_iter().map(|field| field.pointer).collect();
        assert_eq!(pointers, ["/months", "/tiers/1/name", "/tiers/2/from"]);
        assert_eq!(terms(Span::Rolling, 36).check(), Ok(()));
    }

    proptest! {
        #[test]
        fn every_month_lies_in_the_period_of_its_own_days_and_never_in_a_calendar_period_before_it(
            days in 0i64..4_000, months in prop::sample::select(vec![1u32, 3, 6, 12]),
        ) {
            let on = day("2020-01-01") + chrono::TimeDelta::days(days);
            let calendar = terms(Span::Calendar, months);
            prop_assert!(calendar.current(on).contains(month_of(on)));
            prop_assert!(!calendar.ended(on).contains(month_of(on)));
            prop_assert_eq!(calendar.current(calendar.until(on)), calendar.current(on));
            prop_assert_eq!(calendar.ended(calendar.until(on).succ_opt().unwrap()), calendar.current(on));
            let rolling = terms(Span::Rolling, months);
            prop_assert_eq!(rolling.ended(rolling.until(on).succ_opt().unwrap()), rolling.current(on));
        }
    }
}
