//! Joining the programme at a till: a code goes to the member's own phone or address, whoever works the till types it
//! in. Who the member is, and where the code went, the till never learns. Wrong codes count as they do in signing in.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::MemberId;
use shared_kernel::schema::platform::till_enrolments;
use union_registry::members::Member;
use uuid::Uuid;

use super::attempts::{self, Account};
use super::members::Address;
use super::secrets;
use crate::app::App;
use crate::delivery::letters::Letter;
use crate::delivery::{mail, sms};
use crate::problem::{Language, Problem, Quota};

/// A code can be used for so long.
pub const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);
/// The wrong code from which on a member's codes are locked; the one after it is answered 429.
const WRONG_FREE: i32 = 5;

/// The key under which a member's codes and attempts are counted.
pub fn account(app: &App, member: MemberId) -> Account {
    secrets::keyed_hash(&app.auth.account_key, &[b"till enrolment", member.0.as_bytes()])
}

/// Where a member's code goes: the phone they hold in their hand, or their address.
///
/// # Errors
/// 409 for who has neither.
pub fn address(app: &App, member: &Member) -> Result<Address, Problem> {
    let contacts = member.person.contacts(&app.derived.sealer).map_err(|error| Problem::internal(&error))?;
    let phone = contacts.phone.map(Address::Phone);
    phone.or(contacts.email.map(Address::Email)).ok_or_else(|| {
        Problem::conflict(
            "no-contact",
            "The union has neither a phone nor an address of this member",
            "У профсоюза нет ни телефона, ни почты этого человека",
        )
    })
}

/// A code that was made, to be sent.
pub struct Made {
    /// The enrolment it confirms.
    pub id: Uuid,
    /// Six digits.
    pub code: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// Makes a code for a member, good for whoever asked alone.
///
/// # Errors
/// The database's.
pub fn make(
    app: &App,
    connection: &mut PgConnection,
    (member, asker, offer_version): (MemberId, &str, &str),
    now: DateTime<Utc>,
) -> QueryResult<Made> {
    let (id, expires_at) = (Uuid::now_v7(), now + CODE_LIFE);
    let code = format!("{:06}", rand::random_range(0..1_000_000_u32));
    diesel::insert_into(till_enrolments::table)
        .values((
            till_enrolments::id.eq(id),
            till_enrolments::member_id.eq(member),
            till_enrolments::asker.eq(asker),
            till_enrolments::code_hash.eq(hash(app, id, &code).to_vec()),
            till_enrolments::offer_version.eq(offer_version),
            till_enrolments::created_at.eq(now),
            till_enrolments::expires_at.eq(expires_at),
        ))
        .execute(connection)?;
    Ok(Made { id, code, expires_at })
}

fn hash(app: &App, id: Uuid, code: &str) -> [u8; 32] {
    secrets::keyed_hash(&app.auth.account_key, &[b"till code", id.as_bytes(), code.as_bytes()])
}

/// Sends the code, with the offer it accepts.
///
/// # Errors
/// 503 when it can't be handed over now.
pub async fn send(app: &Arc<App>, to: &Address, code: &str, language: Language) -> Result<(), Problem> {
    let (minutes, url) = (CODE_LIFE.num_minutes(), app.settings.public_url().to_owned());
    match to {
        Address::Email(to) => {
            let letter = Letter::EnrolmentCode { code: code.to_owned(), minutes };
            mail::send(app, to, language, letter).await
        }
        Address::Phone(to) => {
            let text = match language {
                Language::Russian => format!(
                    "Код для вступления в бонусную программу: {code}. Назовите его кассиру, если согласны с \
                     условиями: {url}. Действует {minutes} минут."
                ),
                Language::English => format!(
                    "Your code to join the bonus programme: {code}. Tell it to the cashier if you accept the offer at \
                     {url}. It is good for {minutes} minutes."
                ),
            };
            sms::send(app, to, text).await
        }
    }
}

/// What a code led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The member it was for, and the version of the offer they accept.
    Right(MemberId, String),
    /// Wrong, or past its time.
    Wrong,
    /// Wrong too often; seconds to wait.
    Locked(u64),
}

/// Whether whoever asks started this.
///
/// # Errors
/// The database's.
pub fn started_by(connection: &mut PgConnection, id: Uuid, asker: &str) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(
        till_enrolments::table.find(id).filter(till_enrolments::asker.eq(asker)),
    ))
    .get_result(connection)
}

/// Tries a code. Commit whatever the outcome: wrong ones count.
///
/// # Errors
/// The database's.
pub fn confirm(
    app: &App,
    connection: &mut PgConnection,
    (id, asker, code): (Uuid, &str, &str),
    now: DateTime<Utc>,
) -> QueryResult<Outcome> {
    let (member, kept, offer_version, expires_at): (MemberId, Vec<u8>, String, DateTime<Utc>) =
        till_enrolments::table
            .find(id)
            .filter(till_enrolments::asker.eq(asker))
            .select((
                till_enrolments::member_id,
                till_enrolments::code_hash,
                till_enrolments::offer_version,
                till_enrolments::expires_at,
            ))
            .for_update()
            .first(connection)?;
    let account = account(app, member);
    let state = attempts::lock(connection, &account, now)?;
    if let Some(seconds) = state.wait(now) {
        return Ok(Outcome::Locked(seconds));
    }
    if now < expires_at && secrets::same(&kept, &hash(app, id, code)) {
        attempts::clear(connection, &account)?;
        diesel::update(till_enrolments::table.find(id))
            .set(till_enrolments::confirmed_at.eq(now))
            .execute(connection)?;
        return Ok(Outcome::Right(member, offer_version));
    }
    let state = state.after_wrong(WRONG_FREE, now);
    attempts::store(connection, &account, state)?;
    Ok(match state.wait(now) {
        Some(seconds) if state.wrong > WRONG_FREE => Outcome::Locked(seconds),
        _ => Outcome::Wrong,
    })
}

/// What is answered to who told too many wrong codes.
pub fn locked(seconds: u64) -> Problem {
    let times = u64::try_from(WRONG_FREE).unwrap_or(0);
    Problem::too_many(Quota { name: "wrong-enrolment-code", times, window_seconds: seconds }, seconds)
}

/// Removes what is past its use; how many rows.
///
/// # Errors
/// The database's.
pub fn sweep(connection: &mut PgConnection, at: DateTime<Utc>) -> QueryResult<usize> {
    diesel::delete(till_enrolments::table.filter(till_enrolments::expires_at.lt(at))).execute(connection)
}
