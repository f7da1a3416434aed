//! A member's consent to an app: the code that carries it, the tokens it lives by, and its end. Whatever ends it ends it
//! on the next request, for every request of a wallet reads its grant.
//!
//! | what comes | once | a second time |
//! |---|---|---|
//! | a code, within 60 seconds, with its verifier | the first tokens | the grant ends |
//! | a refresh token | the next tokens | the grant ends |

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use sha2::{Digest, Sha256};
use shared_kernel::ids::MemberId;
use shared_kernel::schema::platform::{oauth_apps, oauth_codes, oauth_grants, oauth_refresh_tokens};
use uuid::Uuid;

use super::apps::WalletApp;
use super::request::Checked;
use super::scopes::Scopes;
use crate::app::App;
use crate::auth::secrets;

/// A code can be used for so long.
pub const CODE_LIFE: TimeDelta = TimeDelta::seconds(60);
/// A connection not used for so long is over.
const IDLE: TimeDelta = TimeDelta::days(90);
/// Then the member is asked anew, used or not.
const WHOLE: TimeDelta = TimeDelta::days(365);
/// Connections of one app to one member (a phone, a tablet); one more ends the oldest.
pub const OF_APP_MAX: i64 = 10;
/// Used codes are kept this long, so that one that comes again is known; and consents no app ever took up.
const CODES_KEPT: TimeDelta = TimeDelta::days(1);
/// Ended connections are kept this long, for whoever asks who saw what.
const ENDED_KEPT: TimeDelta = TimeDelta::days(90);

shared_kernel::text_enum!(
    /// Why a connection is over.
    EndReason {
        /// The member ended it.
        Member => "member",
        /// The app gave it back.
        App => "app",
        /// A code came twice: somebody has a copy.
        CodeReused => "code_reused",
        /// A refresh token came twice: somebody has a copy.
        TokenReused => "token_reused",
        /// The same app was connected too many times more.
        Replaced => "replaced",
        /// The member's record was merged into another.
        Merged => "merged",
    }
);

/// What an app gets: the access token is signed by the caller.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The consent.
    pub grant: Uuid,
    /// Whose.
    pub member: MemberId,
    /// What the access token opens.
    pub scopes: Scopes,
    /// Works once.
    pub refresh_token: String,
}

/// Why an app gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The code or token isn't this app's, isn't right or is over.
    Grant,
    /// More was asked for than the member allowed.
    Scope,
}

/// The member allows what was asked: the code for the app.
///
/// # Errors
/// The database's.
pub fn consent(
    app: &App,
    connection: &mut PgConnection,
    asked: &Checked,
    member: MemberId,
) -> QueryResult<String> {
    let (id, now, code) = (Uuid::now_v7(), app.now(), secrets::random_token());
    diesel::insert_into(oauth_grants::table)
        .values((
            oauth_grants::id.eq(id),
            oauth_grants::app_id.eq(asked.app.id),
            oauth_grants::member_id.eq(member.0),
            oauth_grants::scope.eq(&asked.scopes),
            oauth_grants::granted_at.eq(now),
            oauth_grants::ends_at.eq(now + WHOLE),
        ))
        .execute(connection)?;
    diesel::insert_into(oauth_codes::table)
        .values((
            oauth_codes::hash.eq(secrets::hash(code.as_bytes()).as_slice()),
            oauth_codes::grant_id.eq(id),
            oauth_codes::redirect_uri.eq(&asked.redirect_uri),
            oauth_codes::challenge.eq(&asked.challenge),
            oauth_codes::expires_at.eq(now + CODE_LIFE),
        ))
        .execute(connection)?;
    app.auth.audit.append(connection, now, &format!("member:{member}"), "wallet.allowed", &id.to_string())?;
    Ok(code)
}

/// A code as an app brings it.
pub struct Presented<'a> {
    /// The code.
    pub code: &'a str,
    /// Where it was sent.
    pub redirect_uri: &'a str,
    /// Of PKCE.
    pub verifier: &'a str,
}

/// The grant that a code or token is of.
#[derive(Queryable, Selectable)]
#[diesel(table_name = oauth_grants)]
struct Grant {
    id: Uuid,
    app_id: Uuid,
    member_id: Uuid,
    scope: Scopes,
    ends_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

/// What works once: a code or a refresh token.
#[derive(Queryable)]
struct Once {
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
    grant: Grant,
}

impl Once {
    /// Its grant, when it is the app's, comes for the first time and in time. One that comes again ends the grant.
    fn good(
        found: Option<Self>,
        app: &App,
        connection: &mut PgConnection,
        client: &WalletApp,
        reused: EndReason,
    ) -> QueryResult<Option<Grant>> {
        let Some(once) = found.filter(|once| once.grant.app_id == client.id) else { return Ok(None) };
        if once.used_at.is_some() {
            end(app, connection, (once.grant.id, reused), &by(client))?;
            return Ok(None);
        }
        let now = app.now();
        let is_over = once.expires_at <= now || once.grant.ended_at.is_some() || once.grant.ends_at <= now;
        Ok((!is_over).then_some(once.grant))
    }
}

/// How an app stands in the audit log.
fn by(client: &WalletApp) -> String {
    format!("wallet-app:{}", client.id)
}

/// Takes a code for the first tokens. One that comes again ends its grant, so commit whatever the answer.
///
/// # Errors
/// The outer error is the database's.
pub fn exchange(
    app: &App,
    connection: &mut PgConnection,
    client: &WalletApp,
    presented: &Presented<'_>,
) -> QueryResult<Result<Issued, Denied>> {
    let (now, hash) = (app.now(), secrets::hash(presented.code.as_bytes()));
    let found: Option<(String, String, Once)> = oauth_codes::table
        .inner_join(oauth_grants::table)
        .filter(oauth_codes::hash.eq(hash.as_slice()))
        .select((
            oauth_codes::redirect_uri,
            oauth_codes::challenge,
            (oauth_codes::expires_at, oauth_codes::used_at, Grant::as_select()),
        ))
        .for_update()
        .first(connection)
        .optional()?;
    let (sent_to, once) =
        found.map(|(redirect_uri, challenge, once)| ((redirect_uri, challenge), once)).unzip();
    let good = Once::good(once, app, connection, client, EndReason::CodeReused)?;
    let Some((grant, (redirect_uri, challenge))) = good.zip(sent_to) else {
        return Ok(Err(Denied::Grant));
    };
    // The app may have been given less meanwhile.
    let scopes = grant.scope.common(&client.scope);
    let theirs = redirect_uri == presented.redirect_uri && is_verifier_of(presented.verifier, &challenge);
    let Some(scopes) = scopes.filter(|_| theirs) else { return Ok(Err(Denied::Grant)) };
    diesel::update(oauth_codes::table.find(hash.as_slice()))
        .set(oauth_codes::used_at.eq(now))
        .execute(connection)?;
    diesel::update(oauth_grants::table.find(grant.id))
        .set((oauth_grants::connected_at.eq(now), oauth_grants::last_used_at.eq(now)))
        .execute(connection)?;
    end_the_oldest(app, connection, client, MemberId(grant.member_id))?;
    app.auth.audit.append(connection, now, &by(client), "wallet.connected", &grant.id.to_string())?;
    issued(connection, grant, scopes, now).map(Ok)
}

/// RFC 7636 §4.1, §4.6: 43 to 128 unreserved characters whose SHA-256 is the challenge.
fn is_verifier_of(verifier: &str, challenge: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let hashed = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(unreserved)
        && secrets::same(hashed.as_bytes(), challenge.as_bytes())
}

/// Ends the connections of an app to a member that are too many.
fn end_the_oldest(
    app: &App,
    connection: &mut PgConnection,
    client: &WalletApp,
    member: MemberId,
) -> QueryResult<()> {
    let too_many: Vec<Uuid> = oauth_grants::table
        .filter(oauth_grants::member_id.eq(member.0))
        .filter(oauth_grants::app_id.eq(client.id))
        .filter(oauth_grants::ended_at.is_null())
        .filter(oauth_grants::connected_at.is_not_null())
        .order(oauth_grants::id.desc())
        .offset(OF_APP_MAX)
        .select(oauth_grants::id)
        .load(connection)?;
    for grant in too_many {
        end(app, connection, (grant, EndReason::Replaced), &by(client))?;
    }
    Ok(())
}

/// What the app gets: the next refresh token, and what its access token opens.
fn issued(
    connection: &mut PgConnection,
    grant: Grant,
    scopes: Scopes,
    now: DateTime<Utc>,
) -> QueryResult<Issued> {
    let refresh_token = secrets::random_token();
    diesel::insert_into(oauth_refresh_tokens::table)
        .values((
            oauth_refresh_tokens::hash.eq(secrets::hash(refresh_token.as_bytes()).as_slice()),
            oauth_refresh_tokens::grant_id.eq(grant.id),
            oauth_refresh_tokens::expires_at.eq(grant.ends_at.min(now + IDLE)),
        ))
        .execute(connection)?;
    Ok(Issued { grant: grant.id, member: MemberId(grant.member_id), scopes, refresh_token })
}

/// Takes a refresh token for the next tokens, whose access token opens `scopes` or all the member allowed. One that comes
/// again ends its grant, so commit whatever the answer.
///
/// # Errors
/// The outer error is the database's.
pub fn renew(
    app: &App,
    connection: &mut PgConnection,
    client: &WalletApp,
    (token, scopes): (&str, Option<Scopes>),
) -> QueryResult<Result<Issued, Denied>> {
    let (now, hash) = (app.now(), secrets::hash(token.as_bytes()));
    let found: Option<Once> = oauth_refresh_tokens::table
        .inner_join(oauth_grants::table)
        .filter(oauth_refresh_tokens::hash.eq(hash.as_slice()))
        .select((oauth_refresh_tokens::expires_at, oauth_refresh_tokens::used_at, Grant::as_select()))
        .for_update()
        .first(connection)
        .optional()?;
    let Some(grant) = Once::good(found, app, connection, client, EndReason::TokenReused)? else {
        return Ok(Err(Denied::Grant));
    };
    let Some(allowed) = grant.scope.common(&client.scope) else { return Ok(Err(Denied::Grant)) };
    let scopes = scopes.unwrap_or_else(|| allowed.clone());
    if !scopes.within(&allowed) {
        return Ok(Err(Denied::Scope));
    }
    diesel::update(oauth_refresh_tokens::table.find(hash.as_slice()))
        .set(oauth_refresh_tokens::used_at.eq(now))
        .execute(connection)?;
    diesel::update(oauth_grants::table.find(grant.id))
        .set(oauth_grants::last_used_at.eq(now))
        .execute(connection)?;
    issued(connection, grant, scopes, now).map(Ok)
}

/// Whether a grant is somebody's: of an app or a member.
fn is_of(
    connection: &mut PgConnection,
    grant: Uuid,
    whose: impl FnOnce(&Grant) -> bool,
) -> QueryResult<bool> {
    let found: Option<Grant> =
        oauth_grants::table.find(grant).select(Grant::as_select()).first(connection).optional()?;
    Ok(found.as_ref().is_some_and(whose))
}

/// Ends a grant; `false` when it was over already.
fn end(
    app: &App,
    connection: &mut PgConnection,
    (grant, reason): (Uuid, EndReason),
    by: &str,
) -> QueryResult<bool> {
    let now = app.now();
    let ended = diesel::update(oauth_grants::table.find(grant).filter(oauth_grants::ended_at.is_null()))
        .set((oauth_grants::ended_at.eq(now), oauth_grants::end_reason.eq(reason.as_str())))
        .execute(connection)?;
    if ended > 0 {
        app.auth.audit.append(connection, now, by, &format!("wallet.ended.{reason}"), &grant.to_string())?;
    }
    Ok(ended > 0)
}

/// The app gives a connection back, by its refresh token or by the grant of its access token; what isn't its own is left
/// as it is.
///
/// # Errors
/// The database's.
pub fn give_back(
    app: &App,
    connection: &mut PgConnection,
    client: &WalletApp,
    (token, of_access): (&str, Option<Uuid>),
) -> QueryResult<bool> {
    let of_refresh = oauth_refresh_tokens::table
        .find(secrets::hash(token.as_bytes()).as_slice())
        .select(oauth_refresh_tokens::grant_id)
        .first(connection)
        .optional()?;
    let Some(grant) = of_refresh.or(of_access) else { return Ok(false) };
    if !is_of(connection, grant, |grant| grant.app_id == client.id)? {
        return Ok(false);
    }
    end(app, connection, (grant, EndReason::App), &by(client))
}

/// The member ends a connection; `false` when there is no such living connection of theirs.
///
/// # Errors
/// The database's.
pub fn revoke(app: &App, connection: &mut PgConnection, member: MemberId, grant: Uuid) -> QueryResult<bool> {
    if !is_of(connection, grant, |grant| grant.member_id == member.0)? {
        return Ok(false);
    }
    end(app, connection, (grant, EndReason::Member), &format!("member:{member}"))
}

/// Ends all of a member whose record was merged into another.
///
/// # Errors
/// The database's.
pub fn end_all(connection: &mut PgConnection, member: MemberId, now: DateTime<Utc>) -> QueryResult<usize> {
    let living = oauth_grants::table
        .filter(oauth_grants::member_id.eq(member.0))
        .filter(oauth_grants::ended_at.is_null());
    diesel::update(living)
        .set((oauth_grants::ended_at.eq(now), oauth_grants::end_reason.eq(EndReason::Merged.as_str())))
        .execute(connection)
}

/// The app of a grant and what it may see by the member's word and its own registration, while the grant goes on and the
/// app isn't revoked.
///
/// # Errors
/// The database's.
pub fn standing(
    connection: &mut PgConnection,
    grant: Uuid,
    member: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<Option<(Uuid, Scopes)>> {
    let found: Option<(Uuid, Scopes, Scopes)> = oauth_grants::table
        .inner_join(oauth_apps::table)
        .filter(oauth_grants::id.eq(grant))
        .filter(oauth_grants::member_id.eq(member))
        .filter(oauth_grants::ended_at.is_null())
        .filter(oauth_grants::ends_at.gt(now))
        .filter(oauth_apps::revoked_at.is_null())
        .select((oauth_apps::id, oauth_grants::scope, oauth_apps::scope))
        .first(connection)
        .optional()?;
    Ok(found.and_then(|(app, allowed, registered)| Some((app, allowed.common(&registered)?))))
}

/// An app that sees something of a member.
#[derive(Debug, Queryable)]
pub struct Connected {
    /// The grant.
    pub id: Uuid,
    /// The app's name.
    pub name: String,
    /// What the member allowed.
    pub scopes: Scopes,
    /// Since when.
    pub connected_at: Option<DateTime<Utc>>,
    /// When it last took a token.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Then the member is asked anew.
    pub ends_at: DateTime<Utc>,
}

/// The apps that see something of a member, the latest first.
///
/// # Errors
/// The database's.
pub fn of_member(
    connection: &mut PgConnection,
    member: MemberId,
    now: DateTime<Utc>,
) -> QueryResult<Vec<Connected>> {
    oauth_grants::table
        .inner_join(oauth_apps::table)
        .filter(oauth_grants::member_id.eq(member.0))
        .filter(oauth_grants::ended_at.is_null())
        .filter(oauth_grants::connected_at.is_not_null())
        .filter(oauth_grants::ends_at.gt(now))
        .filter(oauth_apps::revoked_at.is_null())
        .order(oauth_grants::id.desc())
        .select((
            oauth_grants::id,
            oauth_apps::name,
            oauth_grants::scope,
            oauth_grants::connected_at,
            oauth_grants::last_used_at,
            oauth_grants::ends_at,
        ))
        .load(connection)
}

/// Removes what is past its use; how many rows. Codes and tokens go with their grants.
///
/// # Errors
/// The database's.
pub fn sweep(connection: &mut PgConnection, at: DateTime<Utc>) -> QueryResult<usize> {
    let tokens = oauth_refresh_tokens::table.filter(oauth_refresh_tokens::expires_at.lt(at));
    let codes = oauth_codes::table.filter(oauth_codes::expires_at.lt(at - CODES_KEPT));
    let never_taken = oauth_grants::table
        .filter(oauth_grants::connected_at.is_null())
        .filter(oauth_grants::granted_at.lt(at - CODES_KEPT));
    let over = oauth_grants::table
        .filter(oauth_grants::ends_at.lt(at - ENDED_KEPT).or(oauth_grants::ended_at.lt(at - ENDED_KEPT)));
    Ok(diesel::delete(tokens).execute(connection)?
        + diesel::delete(codes).execute(connection)?
        + diesel::delete(never_taken).execute(connection)?
        + diesel::delete(over).execute(connection)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_of_rfc_7636_and_no_other() {
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(is_verifier_of(verifier, challenge));
        for wrong in ["", challenge, &verifier[1..], &verifier.to_lowercase()] {
            assert!(!is_verifier_of(wrong, challenge), "{wrong}");
        }
        let of = |text: &str| URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()));
        for (text, good) in [
            ("a".repeat(42), false),
            ("a".repeat(43), true),
            ("~".repeat(128), true),
            ("a".repeat(129), false),
            ("a ".repeat(30), false),
        ] {
            assert_eq!(is_verifier_of(&text, &of(&text)), good, "{text}");
        }
    }
}
