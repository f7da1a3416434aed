//! What a till was told about a card: bound to the client or cashier who asked, alive for 15 minutes, good for one
//! purchase. Resolving a live code uses its step up, so that nobody else can resolve it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Timestamptz, Uuid};
use shared_kernel::id_type;
use shared_kernel::ids::{CardId, Uuid as PurchaseUuid};

use crate::CardError;
use crate::cards::{self, Card};
use crate::code::PresentedCode;
use crate::devices::DeviceId;
use crate::keys::IssuerKeys;
use crate::presentation::{self, CodeRefusal, Presented};
use crate::schema::cards::resolutions;

/// How long a resolution lives.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(15);

id_type!(
    /// A resolution.
    ResolutionId
);

/// A resolution, as stored.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = resolutions)]
pub struct Resolution {
    /// Its id, which the till presents.
    pub id: ResolutionId,
    /// The card it stands for.
    pub card_id: CardId,
    /// The device whose live code it came from; `None` for a bare number.
    pub device_id: Option<DeviceId>,
    /// The code's step.
    pub step: Option<i64>,
    /// Who asked.
    pub asker: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it can be used.
    pub expires_at: DateTime<Utc>,
    /// When it served its purchase.
    pub used_at: Option<DateTime<Utc>>,
    /// Which.
    pub used_by: Option<PurchaseUuid>,
    /// Whether it came from a proof, which never redeems.
    pub by_proof: bool,
}

impl Resolution {
    /// Whether it came from a live code, and so may redeem and see the balance.
    pub fn is_live(&self) -> bool {
        self.step.is_some()
    }

    fn new(card: CardId, drawn: Option<(DeviceId, i64)>, asker: &str, now: DateTime<Utc>) -> Self {
        let (device_id, step) = drawn.unzip();
        Self {
            id: ResolutionId::generate(),
            card_id: card,
            device_id,
            step,
            asker: asker.to_owned(),
            created_at: now,
            expires_at: now + LIFETIME,
            used_at: None,
            used_by: None,
            by_proof: false,
        }
    }
}

/// Why a resolution cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResolutionRefusal {
    /// There is none, or it is somebody else's: told alike.
    #[error("there is no such resolution")]
    Unknown,
    /// Its 15 minutes are over.
    #[error("the resolution has expired")]
    Expired,
    /// It has served its purchase.
    #[error("the resolution has been used")]
    Used,
}

/// A resolution that can be used, and its card.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The resolution.
    pub resolution: Resolution,
    /// The card. Whether it is good is [`Card::standing_at`].
    pub card: Card,
}

/// Resolves a live code: uses its step up and answers a resolution; the same asker asking again while the code lives
/// gets the same one. A blocked or expired card resolves too: its standing is what the till wants to know.
///
/// # Errors
/// The outer error is the database's; the inner one is what is wrong with the code.
pub fn resolve_code(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    code: PresentedCode,
    asker: &str,
    now: DateTime<Utc>,
) -> Result<Result<Taken, CodeRefusal>, CardError> {
    connection.transaction(|connection| {
        let presented = Presented { code, asker: asker.to_owned() };
        let judged = presentation::lock_codes(connection, keys, &[presented], now)?.pop();
        let Some((card, verdict)) = judged.and_then(|judged| Some((judged.card?, judged.verdict))) else {
            return Ok(Err(CodeRefusal::CardUnknown));
        };
        let code = match verdict {
            Ok(code) => code,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let resolution = match code.resolution {
            Some(id) => resolutions::table.find(id).select(Resolution::as_select()).first(connection)?,
            None => {
                presentation::advance(connection, std::iter::once((code.device, code.step)))?;
                store(connection, Resolution::new(card.id, Some((code.device, code.step)), asker, now))?
            }
        };
        Ok(Ok(Taken { resolution, card }))
    })
}

/// Resolves a bare number, whose card the caller has found.
///
/// # Errors
/// The database's.
pub fn resolve_number(
    connection: &mut PgConnection,
    card: CardId,
    asker: &str,
    now: DateTime<Utc>,
) -> Result<Resolution, CardError> {
    Ok(store(connection, Resolution::new(card, None, asker, now))?)
}

/// Resolves a proof, whose card the caller has found.
///
/// # Errors
/// The database's.
pub fn resolve_proof(
    connection: &mut PgConnection,
    card: CardId,
    asker: &str,
    now: DateTime<Utc>,
) -> Result<Resolution, CardError> {
    let resolution = Resolution { by_proof: true, ..Resolution::new(card, None, asker, now) };
    Ok(store(connection, resolution)?)
}

fn store(connection: &mut PgConnection, resolution: Resolution) -> QueryResult<Resolution> {
    diesel::insert_into(resolutions::table).values(&resolution).execute(connection)?;
    Ok(resolution)
}

/// Judges resolutions for the purchases of their askers and keeps them locked, in order of id, until the caller's
/// transaction ends. Answers stand in the order asked; the same resolution twice: the second is used.
///
/// # Errors
/// The database's.
pub fn lock_resolutions(
    connection: &mut PgConnection,
    asked: &[(ResolutionId, String)],
    now: DateTime<Utc>,
) -> Result<Vec<Result<Taken, ResolutionRefusal>>, CardError> {
    let found = load(connection, &ids_of(asked), true)?;
    let mut taken: HashSet<ResolutionId> = HashSet::new();
    Ok(judge(asked, &found, now)
        .map(|verdict| {
            let one = verdict?;
            if taken.insert(one.resolution.id) { Ok(one) } else { Err(ResolutionRefusal::Used) }
        })
        .collect())
}

/// Judges resolutions without locking, as for a quote.
///
/// # Errors
/// The database's.
pub fn check_resolutions(
    connection: &mut PgConnection,
    asked: &[(ResolutionId, String)],
    now: DateTime<Utc>,
) -> Result<Vec<Result<Taken, ResolutionRefusal>>, CardError> {
    let found = load(connection, &ids_of(asked), false)?;
    Ok(judge(asked, &found, now).collect())
}

/// Uses resolutions up for the purchases they serve, in the transaction that locked them.
///
/// # Errors
/// The database's.
pub fn use_resolutions(
    connection: &mut PgConnection,
    uses: &[(ResolutionId, PurchaseUuid)],
    now: DateTime<Utc>,
) -> Result<(), CardError> {
    if uses.is_empty() {
        return Ok(());
    }
    let (ids, purchases): (Vec<ResolutionId>, Vec<PurchaseUuid>) = uses.iter().copied().unzip();
    diesel::sql_query(
        "UPDATE cards.resolutions AS r SET used_at = $3, used_by = used.purchase
         FROM unnest($1, $2) AS used (id, purchase) WHERE r.id = used.id",
    )
    .bind::<Array<Uuid>, _>(ids)
    .bind::<Array<Uuid>, _>(purchases)
    .bind::<Timestamptz, _>(now)
    .execute(connection)?;
    Ok(())
}

/// Resolutions whatever became of them, with their cards, as for a purchase that one of them served before.
///
/// # Errors
/// The database's.
pub fn find(
    connection: &mut PgConnection,
    ids: &[ResolutionId],
) -> Result<HashMap<ResolutionId, Taken>, CardError> {
    load(connection, ids, false)
}

/// Removes resolutions that can serve no purchase any more and whose codes are long out of time; the number removed.
///
/// # Errors
/// The database's.
pub fn sweep(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<usize, CardError> {
    const KEPT: TimeDelta = TimeDelta::days(1);
    Ok(diesel::delete(resolutions::table.filter(resolutions::expires_at.lt(now - KEPT)))
        .execute(connection)?)
}

fn ids_of(asked: &[(ResolutionId, String)]) -> Vec<ResolutionId> {
    asked.iter().map(|(id, _)| *id).collect()
}

fn load(
    connection: &mut PgConnection,
    ids: &[ResolutionId],
    locked: bool,
) -> Result<HashMap<ResolutionId, Taken>, CardError> {
    let query = resolutions::table
        .filter(resolutions::id.eq_any(ids))
        .order(resolutions::id)
        .select(Resolution::as_select());
    let found: Vec<Resolution> =
        if locked { query.for_no_key_update().load(connection)? } else { query.load(connection)? };
    let card_ids: Vec<CardId> = found.iter().map(|resolution| resolution.card_id).collect();
    let cards: HashMap<CardId, Card> =
        cards::by_ids(connection, &card_ids)?.into_iter().map(|card| (card.id, card)).collect();
    Ok(found
        .into_iter()
        .filter_map(|resolution| {
            let card = cards.get(&resolution.card_id)?.clone();
            Some((resolution.id, Taken { resolution, card }))
        })
        .collect())
}

fn judge<'a>(
    asked: &'a [(ResolutionId, String)],
    found: &'a HashMap<ResolutionId, Taken>,
    now: DateTime<Utc>,
) -> impl Iterator<Item = Result<Taken, ResolutionRefusal>> + 'a {
    asked.iter().map(move |(id, asker)| match found.get(id) {
        Some(taken) if taken.resolution.asker == *asker => {
            if taken.resolution.used_at.is_some() {
                Err(ResolutionRefusal::Used)
            } else if taken.resolution.expires_at <= now {
                Err(ResolutionRefusal::Expired)
            } else {
                Ok(taken.clone())
            }
        }
        _ => Err(ResolutionRefusal::Unknown),
    })
}

/// The open resolutions of codes, by device, step and asker.
pub(crate) fn open_of_codes(
    connection: &mut PgConnection,
    codes: &[(DeviceId, i64)],
    now: DateTime<Utc>,
) -> QueryResult<HashMap<(DeviceId, i64, String), ResolutionId>> {
    let (devices, steps): (Vec<DeviceId>, Vec<i64>) = codes.iter().copied().unzip();
    // Device and step are matched apart: a pair too many is looked up by its key below and so not found.
    let found: Vec<(Option<DeviceId>, Option<i64>, String, ResolutionId)> = resolutions::table
        .filter(resolutions::device_id.eq_any(devices))
        .filter(resolutions::step.eq_any(steps))
        .filter(resolutions::used_at.is_null())
        .filter(resolutions::expires_at.gt(now))
        .select((resolutions::device_id, resolutions::step, resolutions::asker, resolutions::id))
        .load(connection)?;
    Ok(found
        .into_iter()
        .filter_map(|(device, step, asker, id)| Some(((device?, step?, asker), id)))
        .collect())
}
