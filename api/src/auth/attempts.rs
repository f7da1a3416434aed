//! Wrong codes and passwords in a row: counted in PostgreSQL by account, known or not, locked with a growing delay.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::schema::platform::sign_in_attempts as attempts;

/// The first delay; each further wrong attempt doubles it.
const DELAY_SECONDS_FIRST: i64 = 30;
/// No delay is longer.
const DELAY_SECONDS_MAX: i64 = 3_600;

/// A keyed hash of what somebody signs in with.
pub type Account = [u8; 32];

/// What an account has tried so far; the row stays locked until the caller's transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// Wrong ones since the last right one.
    pub wrong: i32,
    /// Until when nothing is looked at.
    pub blocked_until: Option<DateTime<Utc>>,
}

impl Attempts {
    /// Seconds to wait before anything is looked at, rounded up.
    pub fn wait(&self, now: DateTime<Utc>) -> Option<u64> {
        let left = self.blocked_until? - now;
        (left > TimeDelta::zero())
            .then(|| u64::try_from((left.num_milliseconds() + 999) / 1_000).unwrap_or(1).max(1))
    }

    /// The same after one more wrong attempt; from the `free`-th on, each one locks.
    pub fn after_wrong(&self, free: i32, now: DateTime<Utc>) -> Self {
        let wrong = self.wrong.saturating_add(1);
        Self { wrong, blocked_until: delay(wrong, free).map(|delay| now + delay) }
    }
}

/// How long the account is locked after this many wrong attempts.
fn delay(wrong: i32, free: i32) -> Option<TimeDelta> {
    let over = u32::try_from(wrong.checked_sub(free)?).ok()?;
    let seconds = 2_i64.checked_pow(over).and_then(|times| DELAY_SECONDS_FIRST.checked_mul(times));
    Some(TimeDelta::seconds(seconds.unwrap_or(DELAY_SECONDS_MAX).min(DELAY_SECONDS_MAX)))
}

/// Reads an account's attempts and locks them, so that many guesses at once are counted one by one.
///
/// # Errors
/// The database's.
pub fn lock(connection: &mut PgConnection, account: &Account, now: DateTime<Utc>) -> QueryResult<Attempts> {
    let (wrong, blocked_until) = diesel::insert_into(attempts::table)
        .values((attempts::account.eq(account.as_slice()), attempts::wrong.eq(0), attempts::last_at.eq(now)))
        .on_conflict(attempts::account)
        .do_update()
        .set(attempts::last_at.eq(now))
        .returning((attempts::wrong, attempts::blocked_until))
        .get_result(connection)?;
    Ok(Attempts { wrong, blocked_until })
}

/// Stores what an account has tried.
///
/// # Errors
/// The database's.
pub fn store(connection: &mut PgConnection, account: &Account, state: Attempts) -> QueryResult<()> {
    diesel::update(attempts::table.find(account.as_slice()))
        .set((attempts::wrong.eq(state.wrong), attempts::blocked_until.eq(state.blocked_until)))
        .execute(connection)
        .map(|_| ())
}

/// Forgets an account's wrong attempts: it has signed in.
///
/// # Errors
/// The database's.
pub fn clear(connection: &mut PgConnection, account: &Account) -> QueryResult<()> {
    diesel::delete(attempts::table.find(account.as_slice())).execute(connection).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    #[test]
    fn the_delay_starts_with_the_fifth_wrong_code_and_doubles_to_an_hour() {
        let mut state = Attempts { wrong: 0, blocked_until: None };
        let mut waits = Vec::new();
        for _ in 0..14 {
            state = state.after_wrong(5, now());
            waits.push(state.wait(now()));
        }
        let seconds = [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600];
        assert_eq!(waits[..4], [None; 4]);
        assert_eq!(waits[4..], seconds.map(Some));
    }

    #[test]
    fn a_count_that_can_not_be_doubled_any_more_still_locks() {
        let state = Attempts { wrong: i32::MAX, blocked_until: None }.after_wrong(5, now());
        assert_eq!((state.wrong, state.wait(now())), (i32::MAX, Some(3_600)));
    }

    #[test]
    fn waiting_is_rounded_up_and_ends() {
        let state = Attempts { wrong: 5, blocked_until: Some(now() + TimeDelta::milliseconds(1_001)) };
        assert_eq!(state.wait(now()), Some(2));
        assert_eq!(state.wait(now() + TimeDelta::milliseconds(1_001)), None);
    }
}
