//! Partners' programs: their ids and secrets, and what is remembered of them between requests, for twenty thousand
//! purchases a second come with the same few tokens.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use cashback_engine::PartnerId;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::schema::platform::api_clients;
use uuid::Uuid;

use super::token::Verified;
use super::{Principal, secrets};
use crate::app::App;
use crate::problem::Problem;

/// A client's token lives so long.
pub const TOKEN_LIFE: TimeDelta = TimeDelta::hours(1);
/// A revocation works after this at the latest.
const STANDING_AGE_MAX: TimeDelta = TimeDelta::seconds(1);
/// So many tokens and clients are remembered; then all is forgotten and learnt anew.
const REMEMBERED_MAX: usize = 10_000;

/// An API client just made.
#[derive(Debug, Clone)]
pub struct Created {
    /// The row.
    pub id: Uuid,
    /// What the program signs in with.
    pub client_id: String,
    /// The secret, told once.
    pub client_secret: String,
}

/// Makes an API client for a partner.
///
/// # Errors
/// The database's.
pub fn create(app: &App, connection: &mut PgConnection, partner: PartnerId) -> QueryResult<Created> {
    let (id, now) = (Uuid::now_v7(), app.now());
    let created = Created {
        id,
        client_id: format!("client-{}", Uuid::new_v4().simple()),
        client_secret: secrets::random_token(),
    };
    diesel::insert_into(api_clients::table)
        .values((
            api_clients::id.eq(id),
            api_clients::client_id.eq(&created.client_id),
            api_clients::secret_hash.eq(secrets::hash(created.client_secret.as_bytes()).as_slice()),
            api_clients::partner_id.eq(partner),
            api_clients::created_at.eq(now),
        ))
        .execute(connection)?;
    app.auth.audit.append(connection, now, "command line", "client.created", &id.to_string())?;
    Ok(created)
}

/// The API client a program signs in as, revoked or not.
///
/// # Errors
/// The database's.
pub fn named(connection: &mut PgConnection, client_id: &str) -> QueryResult<Option<Uuid>> {
    api_clients::table
        .filter(api_clients::client_id.eq(client_id))
        .select(api_clients::id)
        .first(connection)
        .optional()
}

/// Revokes an API client: its tokens stop working within a second.
///
/// # Errors
/// The database's.
pub fn revoke(app: &App, connection: &mut PgConnection, client: Uuid) -> QueryResult<usize> {
    let now = app.now();
    let revoked = diesel::update(api_clients::table.find(client).filter(api_clients::revoked_at.is_null()))
        .set(api_clients::revoked_at.eq(now))
        .execute(connection)?;
    app.auth.audit.append(connection, now, "command line", "client.revoked", &client.to_string())?;
    Ok(revoked)
}

/// The API client with this id and secret, unless it is revoked.
///
/// # Errors
/// The database's.
pub fn authenticate(
    connection: &mut PgConnection,
    client_id: &str,
    secret: &str,
) -> QueryResult<Option<Uuid>> {
    let found: Option<(Uuid, Vec<u8>)> = api_clients::table
        .filter(api_clients::client_id.eq(client_id))
        .filter(api_clients::revoked_at.is_null())
        .select((api_clients::id, api_clients::secret_hash))
        .first(connection)
        .optional()?;
    let sent = secrets::hash(secret.as_bytes());
    Ok(found.filter(|(_, hash)| secrets::same(hash, &sent)).map(|(id, _)| id))
}

/// Whose a client is, as of a moment ago; none when it is revoked.
#[derive(Debug, Clone, Copy)]
struct Standing {
    partner: Option<PartnerId>,
    read_at: DateTime<Utc>,
}

/// A bounded map many threads read.
struct Remembered<K, V>(RwLock<HashMap<K, V>>);

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    fn new() -> Self {
        Self(RwLock::new(HashMap::new()))
    }

    fn recall(&self, key: &K) -> Option<V> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn remember(&self, key: K, value: V) {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= REMEMBERED_MAX {
            map.clear();
        }
        map.insert(key, value);
    }
}

/// What is remembered between requests.
pub struct Clients {
    /// Checked tokens by their hashes.
    tokens: Remembered<[u8; 32], Verified>,
    standings: Remembered<Uuid, Standing>,
    /// One request at a time reads a standing that has aged; the others wait for it.
    reading: tokio::sync::Mutex<()>,
}

impl Default for Clients {
    fn default() -> Self {
        Self { tokens: Remembered::new(), standings: Remembered::new(), reading: tokio::sync::Mutex::new(()) }
    }
}

impl Clients {
    /// A token seen before and still good.
    pub fn known_token(&self, hash: &[u8; 32], now: DateTime<Utc>) -> Option<Verified> {
        self.tokens.recall(hash).filter(|verified| verified.expires_at > now)
    }

    /// Remembers a checked token of a client.
    pub fn remember_token(&self, hash: [u8; 32], verified: Verified) {
        self.tokens.remember(hash, verified);
    }

    /// The client as who asks.
    ///
    /// # Errors
    /// 401 when it is revoked, 503 when that can't be read.
    pub async fn principal(&self, app: &Arc<App>, client: Uuid) -> Result<Principal, Problem> {
        let standing = match self.fresh(client, app.now()) {
            Some(standing) => standing,
            None => {
                let _one_at_a_time = self.reading.lock().await;
                match self.fresh(client, app.now()) {
                    Some(standing) => standing,
                    None => self.read(app, client).await?,
                }
            }
        };
        let partner = standing.partner.ok_or_else(Problem::unauthenticated)?;
        Ok(Principal::Client { client, partner })
    }

    fn fresh(&self, client: Uuid, now: DateTime<Utc>) -> Option<Standing> {
        self.standings.recall(&client).filter(|standing| (now - standing.read_at).abs() < STANDING_AGE_MAX)
    }

    async fn read(&self, app: &Arc<App>, client: Uuid) -> Result<Standing, Problem> {
        let read_at = app.now();
        let partner = app
            .run(move |connection| {
                Ok(api_clients::table
                    .find(client)
                    .filter(api_clients::revoked_at.is_null())
                    .select(api_clients::partner_id)
                    .first(connection)
                    .optional()?)
            })
            .await?;
        let standing = Standing { partner, read_at };
        self.standings.remember(client, standing);
        Ok(standing)
    }
}
