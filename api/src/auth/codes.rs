//! Members sign in with a code sent to their address: six digits, ten minutes, once. Whether the address is known shows
//! neither in the answer nor in its time.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::schema::platform::sign_in_codes;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::attempts::{self, Account};
use super::members::{self, Address};
use super::sessions::{self, Open};
use super::token::Realm;
use super::{code_mail, secrets};
use crate::app::App;
use crate::problem::{Language, Problem, Quota};

/// A code can be used for so long.
pub const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);
/// The wrong code from which on an account is locked; the one after it is answered 429.
const WRONG_FREE: i32 = 5;
/// Codes being looked up, stored and sent at once; beyond, 503.
const SENDING_MAX: usize = 64;

static SENDING: Semaphore = Semaphore::const_new(SENDING_MAX);

/// Sends a code to the address if it is a member's. The work goes on after the answer, so that its time tells nothing.
///
/// # Errors
/// 503 when too many codes are on their way.
pub fn request(app: &Arc<App>, address: Address, language: Language) -> Result<(), Problem> {
    let permit = SENDING.try_acquire().map_err(|_| Problem::unavailable())?;
    let app = Arc::clone(app);
    actix_web::rt::spawn(async move {
        let _permit = permit;
        if let Err(error) = issue(&app, address, language).await {
            tracing::error!(%error, "a sign-in code could not be sent");
        }
    });
    Ok(())
}

async fn issue(app: &Arc<App>, address: Address, language: Language) -> Result<(), Problem> {
    let code = format!("{:06}", rand::random_range(0..1_000_000_u32));
    let (asking, to, number) = (Arc::clone(app), address.clone(), code.clone());
    let known = app
        .transaction(move |connection| {
            let member = members::find(&asking, connection, &to)?;
            let account = to.account(&asking);
            store(&asking, connection, &account, &number, member.map(|member| member.0))?;
            Ok(member.is_some())
        })
        .await?;
    if known {
        code_mail::send(app, &address, &code, language).await?;
    }
    Ok(())
}

fn store(
    app: &App,
    connection: &mut PgConnection,
    account: &Account,
    code: &str,
    member: Option<Uuid>,
) -> QueryResult<usize> {
    let values = (
        sign_in_codes::account.eq(account.as_slice()),
        sign_in_codes::code_hash.eq(hash(app, account, code).to_vec()),
        sign_in_codes::member_id.eq(member),
        sign_in_codes::expires_at.eq(app.now() + CODE_LIFE),
    );
    diesel::insert_into(sign_in_codes::table)
        .values(&values)
        .on_conflict(sign_in_codes::account)
        .do_update()
        .set((
            sign_in_codes::code_hash.eq(diesel::upsert::excluded(sign_in_codes::code_hash)),
            sign_in_codes::member_id.eq(diesel::upsert::excluded(sign_in_codes::member_id)),
            sign_in_codes::expires_at.eq(diesel::upsert::excluded(sign_in_codes::expires_at)),
        ))
        .execute(connection)
}

/// A million codes are soon tried out: the hash is keyed, so that a stolen table opens none.
fn hash(app: &App, account: &Account, code: &str) -> [u8; 32] {
    secrets::keyed_hash(&app.auth.account_key, &[b"sign-in code", account, code.as_bytes()])
}

/// What a code led to.
pub enum Outcome {
    /// Signed in.
    SignedIn(Open),
    /// Wrong, or none was out.
    Wrong,
    /// Wrong too often; seconds to wait.
    Locked(u64),
}

/// Tries a code. Commit whatever the outcome: wrong ones count.
///
/// # Errors
/// The database's.
pub fn verify(
    app: &App,
    connection: &mut PgConnection,
    account: &Account,
    code: &str,
) -> QueryResult<Outcome> {
    let now = app.now();
    let state = attempts::lock(connection, account, now)?;
    if let Some(seconds) = state.wait(now) {
        return Ok(Outcome::Locked(seconds));
    }
    if let Some(member) = take(app, connection, account, code, now)? {
        attempts::clear(connection, account)?;
        let open = sessions::start(connection, Realm::Member, member, now)?;
        app.auth.audit.append(
            connection,
            now,
            &format!("member:{member}"),
            "signed_in",
            &open.session.to_string(),
        )?;
        return Ok(Outcome::SignedIn(open));
    }
    let state = state.after_wrong(WRONG_FREE, now);
    attempts::store(connection, account, state)?;
    match state.wait(now) {
        Some(seconds) if state.wrong > WRONG_FREE => Ok(Outcome::Locked(seconds)),
        _ => Ok(Outcome::Wrong),
    }
}

/// The member whose code this is; the code is used up. The same work is done whether or not one is out.
fn take(
    app: &App,
    connection: &mut PgConnection,
    account: &Account,
    code: &str,
    now: DateTime<Utc>,
) -> QueryResult<Option<Uuid>> {
    let sent = hash(app, account, code);
    let out: Option<(Vec<u8>, Option<Uuid>)> = sign_in_codes::table
        .find(account.as_slice())
        .filter(sign_in_codes::expires_at.gt(now))
        .select((sign_in_codes::code_hash, sign_in_codes::member_id))
        .first(connection)
        .optional()?;
    let Some(member) = out.filter(|(hash, _)| secrets::same(hash, &sent)).and_then(|(_, member)| member)
    else {
        return Ok(None);
    };
    diesel::delete(sign_in_codes::table.find(account.as_slice())).execute(connection)?;
    Ok(Some(member))
}

/// Too many wrong codes in a row: after how many seconds another one is looked at.
pub fn locked(seconds: u64) -> Problem {
    let times = u64::from(WRONG_FREE.unsigned_abs());
    Problem::too_many(Quota { name: "wrong-sign-in-code", times, window_seconds: seconds }, seconds)
}
