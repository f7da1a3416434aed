//! The signing keys of this deployment: derived from the master key, listed in the database, held here. Processes of one
//! database share them; a key made by another process is found when its first token comes.

use std::sync::{Arc, Mutex, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::Connection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jsonwebtoken::jwk::JwkSet;
use shared_kernel::advisory;
use shared_kernel::schema::platform::{master_key, master_key_versions, signing_keys};

use super::audit::AuditLog;
use super::token::{self, SigningKey, Verified};
use crate::app::App;
use crate::keys::MasterKey;
use crate::problem::Problem;

/// What a version of the master key is known by.
const FINGERPRINT: &str = "fingerprint";
/// A key signs for so long, then another takes over.
const KEY_LIFE: TimeDelta = TimeDelta::days(90);
/// A key that signs no more still checks, until the last of its tokens has run out.
const OVERLAP: TimeDelta = TimeDelta::hours(2);
/// The keys are looked after this often.
const TEND_EVERY: TimeDelta = TimeDelta::minutes(1);
/// Unknown key ids make this process look into the database this often at most.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(1);
/// The advisory lock held while a key is made: "signing" in ASCII.
const KEY_LOCK: i64 = 0x0073_6967_6e69_6e67;

/// The keys can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// Another master key made this database.
    #[error("this database was made under another master key (UNIONCARD_KEY or DATA_DIR/master.key)")]
    ForeignMasterKey,
    /// A version of the master key that this database goes on under isn't there, or is another.
    #[error(
        "version {0} of the master key is in use and isn't the one given (UNIONCARD_KEY or DATA_DIR/master.key)"
    )]
    MissingVersion(i16),
    /// The database's.
    #[error("signing keys: {0}")]
    Database(#[from] diesel::result::Error),
    /// The cryptographic library's.
    #[error("signing keys: {0}")]
    Crypto(#[from] jsonwebtoken::errors::Error),
}

/// The keys that are good now, the one that signs first.
pub struct Keyring {
    keys: RwLock<Vec<Arc<SigningKey>>>,
    looked_at: Mutex<DateTime<Utc>>,
    tended_at: Mutex<DateTime<Utc>>,
}

/// Refuses to go on when another master key made this database, or a version it goes on under isn't there; the key with
/// the version that is current.
///
/// # Errors
/// [`KeyringError::ForeignMasterKey`], [`KeyringError::MissingVersion`], the database's.
pub fn checked_master_key(
    connection: &mut PgConnection,
    master: MasterKey,
) -> Result<MasterKey, KeyringError> {
    let fingerprint = master.derive(FINGERPRINT);
    diesel::insert_into(master_key::table)
        .values(master_key::fingerprint.eq(fingerprint.as_slice()))
        .on_conflict_do_nothing()
        .execute(connection)?;
    let known: Vec<u8> = master_key::table.select(master_key::fingerprint).first(connection)?;
    if known != fingerprint {
        return Err(KeyringError::ForeignMasterKey);
    }
    let later: Vec<(i16, Vec<u8>)> = master_key_versions::table
        .select((master_key_versions::version, master_key_versions::fingerprint))
        .order(master_key_versions::version)
        .load(connection)?;
    let mut current = 1;
    for (version, fingerprint) in later {
        if master.derive_as(version, FINGERPRINT).is_none_or(|own| fingerprint != own) {
            return Err(KeyringError::MissingVersion(version));
        }
        current = version;
    }
    master.using(current).ok_or(KeyringError::MissingVersion(current))
}

/// The version of the master key that is current, whatever this process began with.
///
/// # Errors
/// The database's.
pub fn current_version(connection: &mut PgConnection) -> QueryResult<i16> {
    let newest: Option<i16> = master_key_versions::table
        .select(diesel::dsl::max(master_key_versions::version))
        .first(connection)?;
    Ok(newest.unwrap_or(1))
}

/// Makes the next version of the master key current, in one transaction: a key of tokens under it signs at once (the older
/// ones check for two hours yet), and the audit log goes on under it.
///
/// # Errors
/// [`KeyringError::MissingVersion`] when no next version has been added, the database's.
pub fn use_next_version(
    connection: &mut PgConnection,
    master: &MasterKey,
    now: DateTime<Utc>,
) -> Result<i16, KeyringError> {
    connection.transaction(|connection| {
        lock(connection)?;
        let next = current_version(connection)? + 1;
        let fingerprint = master.derive_as(next, FINGERPRINT).ok_or(KeyringError::MissingVersion(next))?;
        let audit_from = AuditLog::next_place(connection)?;
        diesel::insert_into(master_key_versions::table)
            .values((
                master_key_versions::version.eq(next),
                master_key_versions::fingerprint.eq(fingerprint.as_slice()),
                master_key_versions::audit_from.eq(audit_from),
                master_key_versions::current_since.eq(now),
            ))
            .execute(connection)?;
        succeed(connection, next, now)?;
        AuditLog::new(master).append(connection, now, "program", "master_key.used", &next.to_string())?;
        Ok(next)
    })
}

impl Keyring {
    /// The database's keys; a first one, or a successor of one too old, is made.
    ///
    /// # Errors
    /// [`KeyringError`]
    pub fn open(
        connection: &mut PgConnection,
        master: &MasterKey,
        now: DateTime<Utc>,
    ) -> Result<Self, KeyringError> {
        succeed_if_due(connection, master.current(), now)?;
        let keys = RwLock::new(load(connection, master, now)?);
        Ok(Self { keys, looked_at: Mutex::new(now), tended_at: Mutex::new(now) })
    }

    /// Makes a new signing key at once; the old ones check a while longer.
    ///
    /// # Errors
    /// [`KeyringError`]
    pub fn rotate(
        &self,
        connection: &mut PgConnection,
        master: &MasterKey,
        now: DateTime<Utc>,
    ) -> Result<(), KeyringError> {
        connection.transaction(|connection| {
            lock(connection)?;
            succeed(connection, master.current(), now)
        })?;
        self.replace(load(connection, master, now)?);
        Ok(())
    }

    /// The key that signs.
    pub fn signer(&self) -> Option<Arc<SigningKey>> {
        self.read().first().cloned()
    }

    /// The public keys, for whoever checks our tokens.
    pub fn published(&self) -> JwkSet {
        JwkSet { keys: self.read().iter().map(|key| key.jwk.clone()).collect() }
    }

    /// What a token says, when a key of ours signed it and it is good now.
    ///
    /// # Errors
    /// 401; 503 when a new key can't be looked up.
    pub async fn verify(&self, app: &Arc<App>, token: &str) -> Result<Verified, Problem> {
        let now = app.now();
        let kid = token::kid(token).ok_or_else(Problem::unauthenticated)?;
        let mut key = self.find(&kid);
        if key.is_none() && self.may_look_again(now) {
            let asking = Arc::clone(app);
            let keys = app
                .run(move |connection| {
                    load(connection, &asking.master, now).map_err(|error| Problem::internal(&error))
                })
                .await?;
            self.replace(keys);
            key = self.find(&kid);
        }
        key.and_then(|key| key.verify(token, now)).ok_or_else(Problem::unauthenticated)
    }

    fn find(&self, kid: &str) -> Option<Arc<SigningKey>> {
        self.read().iter().find(|key| key.kid == kid).cloned()
    }

    fn may_look_again(&self, now: DateTime<Utc>) -> bool {
        passed(&self.looked_at, now, LOOK_AGAIN)
    }

    /// Whether it is time for [`Keyring::tend`]; says so once.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        passed(&self.tended_at, now, TEND_EVERY)
    }

    /// Lets a key that is old be followed by another, forgets those that have retired and learns other processes';
    /// to be called when [`Keyring::is_due`].
    ///
    /// # Errors
    /// [`KeyringError`]
    pub fn tend(
        &self,
        connection: &mut PgConnection,
        master: &MasterKey,
        now: DateTime<Utc>,
    ) -> Result<(), KeyringError> {
        succeed_if_due(connection, master.current(), now)?;
        self.replace(load(connection, master, now)?);
        Ok(())
    }

    fn replace(&self, keys: Vec<Arc<SigningKey>>) {
        *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Vec<Arc<SigningKey>>> {
        self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Whether so much time has passed since the last time this was so.
fn passed(last: &Mutex<DateTime<Utc>>, now: DateTime<Utc>, time: TimeDelta) -> bool {
    let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let passed = (now - *last).abs() >= time;
    if passed {
        *last = now;
    }
    passed
}

fn lock(connection: &mut PgConnection) -> QueryResult<()> {
    advisory::lock_in_transaction(connection, KEY_LOCK)
}

/// Adds a key when there is none, or the newest has signed for its time.
fn succeed_if_due(
    connection: &mut PgConnection,
    version: i16,
    now: DateTime<Utc>,
) -> Result<(), KeyringError> {
    connection.transaction(|connection| {
        lock(connection)?;
        let newest: Option<DateTime<Utc>> = signing_keys::table
            .filter(signing_keys::retires_at.is_null())
            .select(diesel::dsl::max(signing_keys::created_at))
            .first(connection)?;
        if newest.is_none_or(|made_at| made_at < now - KEY_LIFE) {
            succeed(connection, version, now)?;
        }
        Ok(())
    })
}

/// Adds a key and lets the others retire.
fn succeed(connection: &mut PgConnection, version: i16, now: DateTime<Utc>) -> Result<(), KeyringError> {
    let kid = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 12]>());
    diesel::update(signing_keys::table.filter(signing_keys::retires_at.is_null()))
        .set(signing_keys::retires_at.eq(now + OVERLAP))
        .execute(connection)?;
    diesel::insert_into(signing_keys::table)
        .values((
            signing_keys::kid.eq(kid),
            signing_keys::created_at.eq(now),
            signing_keys::key_version.eq(version),
        ))
        .execute(connection)?;
    Ok(())
}

/// The keys in force, the newest first.
fn load(
    connection: &mut PgConnection,
    master: &MasterKey,
    now: DateTime<Utc>,
) -> Result<Vec<Arc<SigningKey>>, KeyringError> {
    let kids: Vec<(String, i16)> = signing_keys::table
        .filter(signing_keys::retires_at.is_null().or(signing_keys::retires_at.gt(now)))
        .order((signing_keys::retires_at.is_not_null(), signing_keys::created_at.desc()))
        .select((signing_keys::kid, signing_keys::key_version))
        .load(connection)?;
    kids.iter()
        .map(|(kid, version)| {
            let purpose = format!("token signing key {kid}");
            let seed = master.derive_as(*version, &purpose).ok_or(KeyringError::MissingVersion(*version))?;
            Ok(Arc::new(SigningKey::from_seed(kid, &seed)?))
        })
        .collect()
}
