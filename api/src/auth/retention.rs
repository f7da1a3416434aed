//! What of signing in is past its use and removed at night.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::schema::platform::{
    guesses, idempotency_keys, refresh_tokens, sessions, sign_in_attempts, sign_in_codes,
};

/// Ended sessions are kept this long, for whoever asks who was signed in.
const SESSIONS_KEPT: TimeDelta = TimeDelta::days(90);
/// Answers under an `Idempotency-Key` are kept this long.
const ANSWERS_KEPT: TimeDelta = TimeDelta::days(30);
/// Wrong codes are forgotten after this long without another.
const ATTEMPTS_KEPT: TimeDelta = TimeDelta::days(30);
/// Guesses at cards are counted in windows of minutes.
const GUESSES_KEPT: TimeDelta = TimeDelta::days(1);

/// Removes sessions (with their refresh tokens), codes, attempts and stored answers past their use; how many rows.
///
/// # Errors
/// The database's.
pub fn sweep(connection: &mut PgConnection, at: DateTime<Utc>) -> QueryResult<usize> {
    let old_sessions = diesel::delete(sessions::table.filter(sessions::ends_at.lt(at - SESSIONS_KEPT)));
    let old_tokens = diesel::delete(refresh_tokens::table.filter(refresh_tokens::expires_at.lt(at)));
    let old_codes = diesel::delete(sign_in_codes::table.filter(sign_in_codes::expires_at.lt(at)));
    let old_attempts =
        diesel::delete(sign_in_attempts::table.filter(sign_in_attempts::last_at.lt(at - ATTEMPTS_KEPT)));
    let old_answers =
        diesel::delete(idempotency_keys::table.filter(idempotency_keys::started_at.lt(at - ANSWERS_KEPT)));
    let old_guesses = diesel::delete(guesses::table.filter(guesses::ends_at.lt(at - GUESSES_KEPT)));
    Ok(super::till_codes::sweep(connection, at)?
        + super::oauth::grants::sweep(connection, at)?
        + old_sessions.execute(connection)?
        + old_tokens.execute(connection)?
        + old_codes.execute(connection)?
        + old_attempts.execute(connection)?
        + old_answers.execute(connection)?
        + old_guesses.execute(connection)?)
}
