//! Days: instants become dates of the programme's zone or the outlet's, and dates become midnights.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// The date of an instant in a zone.
pub fn date_in(zone: Tz, at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// What a clock on the wall shows in a zone.
pub(crate) fn wall_clock(zone: Tz, at: DateTime<Utc>) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

/// 00:00 of a date in a zone; where the clock skips midnight, the first moment of the day.
pub fn midnight(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    let wall = date.and_time(NaiveTime::MIN);
    (0..=180)
        .filter_map(|minutes| wall.checked_add_signed(chrono::TimeDelta::minutes(minutes)))
        .find_map(|moment| zone.from_local_datetime(&moment).earliest())
        .expect("no zone skips three hours of a day")
        .with_timezone(&Utc)
}

/// When cashback of a purchase on `date` can be spent: 00:00 of date + hold + 1 day.
pub fn available_at(zone: Tz, date: NaiveDate, hold_days: u16) -> DateTime<Utc> {
    let day = date
        .checked_add_days(Days::new(u64::from(hold_days) + 1))
        .expect("a hold of at most ten years stays within the calendar");
    midnight(zone, day)
}

/// The last day of a lot earned on `date`: so many months later, the month's last day at most.
pub fn expires_on(date: NaiveDate, life_months: u16) -> NaiveDate {
    date.checked_add_months(Months::new(u32::from(life_months)))
        .expect("a life of at most a hundred years stays within the calendar")
}

/// The shortest a life of so many months can be, in days, over every day it could start on.
pub(crate) fn shortest_life_days(life_months: u16) -> i64 {
    let first = NaiveDate::from_ymd_opt(2023, 1, 1).expect("a date of the calendar");
    first
        .iter_days()
        .take(4 * 366)
        .map(|day| (expires_on(day, life_months) - day).num_days())
        .min()
        .expect("four years have days")
}

/// Whole years from a birth date to a day.
pub(crate) fn full_years(born: NaiveDate, on: NaiveDate) -> i32 {
    let had_birthday = (on.month(), on.day()) >= (born.month(), born.day());
    on.year() - born.year() - i32::from(!had_birthday)
}

/// Whole months from one day to another; 0 when it lies ahead.
pub(crate) fn full_months(from: NaiveDate, on: NaiveDate) -> u32 {
    if on < from {
        return 0;
    }
    let months = (on.year() - from.year()) * 12 + i32::try_from(on.month()).unwrap_or(0)
        - i32::try_from(from.month()).unwrap_or(0);
    let months = u32::try_from(months).unwrap_or(0);
    // 31 January + 1 month is 28 February: the last day of a shorter month completes it.
    match from.checked_add_months(Months::new(months)) {
        Some(complete) if complete <= on => months,
        _ => months.saturating_sub(1),
    }
}

/// The first day of the month before last: how far back a register may reach.
pub(crate) fn first_of_month_before_last(today: NaiveDate) -> NaiveDate {
    today
        .with_day(1)
        .and_then(|first| first.checked_sub_months(Months::new(2)))
        .expect("two months ago is within the calendar")
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Moscow;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_hold_ends_at_midnight_of_the_day_after() {
        assert_eq!(available_at(Moscow, day("2026-11-01"), 14).to_rfc3339(), "2026-11-15T21:00:00+00:00");
    }

    #[test]
    fn a_life_ends_on_the_last_day_of_a_shorter_month() {
        assert_eq!(expires_on(day("2026-01-31"), 1), day("2026-02-28"));
        assert_eq!(expires_on(day("2024-02-29"), 12), day("2025-02-28"));
        assert_eq!(shortest_life_days(1), 28);
        assert_eq!(shortest_life_days(2), 59);
        assert_eq!(shortest_life_days(12), 365);
    }

    #[test]
    fn ages_and_months_count_only_when_full() {
        assert_eq!(full_years(day("2000-05-10"), day("2026-05-09")), 25);
        assert_eq!(full_years(day("2000-05-10"), day("2026-05-10")), 26);
        assert_eq!(full_months(day("2026-01-31"), day("2026-02-28")), 1);
        assert_eq!(full_months(day("2026-01-15"), day("2026-02-14")), 0);
        assert_eq!(full_months(day("2026-03-01"), day("2026-02-14")), 0);
    }

    #[test]
    fn midnight_that_is_skipped_gives_the_first_moment_of_the_day() {
        let zone: Tz = "America/Asuncion".parse().unwrap();
        let moment = midnight(zone, day("2024-10-06"));
        assert_eq!(date_in(zone, moment), day("2024-10-06"));
        assert_eq!(date_in(zone, moment - chrono::TimeDelta::seconds(1)), day("2024-10-05"));
    }

    #[test]
    fn registers_reach_back_to_the_first_day_of_the_month_before_last() {
        assert_eq!(first_of_month_before_last(day("2026-11-21")), day("2026-09-01"));
        assert_eq!(first_of_month_before_last(day("2026-01-31")), day("2025-11-01"));
    }
}
