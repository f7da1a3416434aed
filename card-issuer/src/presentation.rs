//! Live codes presented at tills: judged and used up inside the caller's transaction, a batch in a bounded number of
//! statements.
//!
//! | phase | what it does | why it stands apart |
//! |---|---|---|
//! | lock | devices of all cards, in order of id | two batches with the same cards wait instead of deadlocking |
//! | judge | pure, each code against its card's devices | a code twice in a batch: the second is used |
//! | consume | moves `last_used_step` of the codes whose purchases were accepted | a refused purchase uses up no code |

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Uuid};
use shared_kernel::ids::{CardId, Uuid as PurchaseUuid};

use crate::CardError;
use crate::cards::{self, Card};
use crate::code::{self, PresentedCode, Verdict};
use crate::devices::DeviceId;
use crate::keys::{IssuerKeys, NoKeyVersion};
use crate::number::CardNumber;
use crate::resolutions::{self, ResolutionId};
use crate::schema::cards::devices;

/// Codes a call may carry: a posting thread's largest batch.
pub const CODES_MAX: usize = 1_024;

/// A live code and who presents it.
#[derive(Debug, Clone)]
pub struct Presented {
    /// The code.
    pub code: PresentedCode,
    /// The client or cashier, as in [`crate::resolutions`]: a code they resolved is theirs to use.
    pub asker: String,
}

/// Why a code was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// No card has this number ("card-unknown").
    #[error("there is no card with this number")]
    CardUnknown,
    /// The card draws no such code around now ("code-wrong").
    #[error("the code is wrong")]
    Wrong,
    /// It was right up to a day ago ("code-expired").
    #[error("the code has expired")]
    Expired,
    /// It will be right within 20 minutes ("code-clock").
    #[error("the clock of the device that drew the code is off")]
    ClockOff,
    /// It, or a later one of its device, has been used ("code-used").
    #[error("the code has been used")]
    Used,
}

/// A code that can be used: what [`consume`] needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeUse {
    /// The device that drew it.
    pub device: DeviceId,
    /// Its step.
    pub step: i64,
    /// The asker's open resolution of this very code, which the purchase uses up too.
    pub resolution: Option<ResolutionId>,
}

/// What became of one presented code.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The card it names, whatever the verdict. Whether it is good is [`Card::standing_at`].
    pub card: Option<Card>,
    /// The code's own fate.
    pub verdict: Result<CodeUse, CodeRefusal>,
}

/// Judges codes and keeps their devices locked until the caller's transaction ends. Answers stand in the order asked.
///
/// # Errors
/// The database's; a bad code is no error but a [`CodeRefusal`].
pub fn lock_codes(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    presented: &[Presented],
    now: DateTime<Utc>,
) -> Result<Vec<Judged>, CardError> {
    debug_assert!(presented.len() <= CODES_MAX, "the caller passes at most a batch");
    judge(connection, keys, presented, (now, Locking::Held))
}

/// Judges codes without locking or using up anything, as for a quote.
///
/// # Errors
/// The database's.
pub fn check_codes(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    presented: &[Presented],
    now: DateTime<Utc>,
) -> Result<Vec<Judged>, CardError> {
    judge(connection, keys, presented, (now, Locking::None))
}

/// Uses codes up for the purchases they serve, in the transaction that locked them.
///
/// # Errors
/// The database's.
pub fn consume(
    connection: &mut PgConnection,
    uses: &[(CodeUse, PurchaseUuid)],
    now: DateTime<Utc>,
) -> Result<(), CardError> {
    advance(connection, uses.iter().map(|(code, _)| (code.device, code.step)))?;
    let resolved: Vec<(ResolutionId, PurchaseUuid)> =
        uses.iter().filter_map(|(code, purchase)| Some((code.resolution?, *purchase))).collect();
    resolutions::use_resolutions(connection, &resolved, now)
}

/// Whether devices stay locked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Locking {
    Held,
    None,
}

#[derive(Queryable)]
struct DrawingDevice {
    id: DeviceId,
    card_id: CardId,
    key_version: i16,
    last_used_step: Option<i64>,
}

fn judge(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    presented: &[Presented],
    (now, locking): (DateTime<Utc>, Locking),
) -> Result<Vec<Judged>, CardError> {
    if presented.is_empty() {
        return Ok(Vec::new());
    }
    let numbers: Vec<CardNumber> = presented.iter().map(|one| one.code.number).collect();
    let cards: HashMap<CardNumber, Card> =
        cards::by_numbers(connection, &numbers)?.into_iter().map(|card| (card.number, card)).collect();
    let drawing = devices_of(connection, &cards, locking)?;
    let verdicts: Vec<(Option<Card>, Found)> = presented
        .iter()
        .map(|one| match cards.get(&one.code.number) {
            None => Ok((None, Found::Refused(CodeRefusal::CardUnknown))),
            Some(card) => {
                let of_card = drawing.get(&card.id).map(Vec::as_slice).unwrap_or_default();
                Ok((Some(card.clone()), best(keys, of_card, &one.code, now)?))
            }
        })
        .collect::<Result<_, NoKeyVersion>>()?;
    let open = open_resolutions(connection, &verdicts, now)?;
    Ok(settle(presented, verdicts, &open))
}

fn devices_of(
    connection: &mut PgConnection,
    cards: &HashMap<CardNumber, Card>,
    locking: Locking,
) -> QueryResult<HashMap<CardId, Vec<DrawingDevice>>> {
    let ids: Vec<CardId> = cards.values().map(|card| card.id).collect();
    let query = devices::table
        .filter(devices::card_id.eq_any(ids))
        .filter(devices::revoked_at.is_null())
        .order(devices::id)
        .select((devices::id, devices::card_id, devices::key_version, devices::last_used_step));
    let found: Vec<DrawingDevice> = match locking {
        Locking::Held => query.for_no_key_update().load(connection)?,
        Locking::None => query.load(connection)?,
    };
    let mut by_card: HashMap<CardId, Vec<DrawingDevice>> = HashMap::with_capacity(cards.len());
    for device in found {
        by_card.entry(device.card_id).or_default().push(device);
    }
    Ok(by_card)
}

/// The best verdict over a card's devices.
#[derive(Clone, Copy)]
enum Found {
    Valid(DeviceId, i64),
    /// Used, unless the asker has an open resolution of it.
    Used(DeviceId, i64),
    Refused(CodeRefusal),
}

fn best(
    keys: &IssuerKeys,
    drawing: &[DrawingDevice],
    code: &PresentedCode,
    now: DateTime<Utc>,
) -> Result<Found, NoKeyVersion> {
    let mut verdict = None;
    for device in drawing {
        let secret = keys.device_secret(device.id, device.key_version)?;
        let one = (code::classify(&secret, code, device.last_used_step, now), device.id);
        verdict = Some(verdict.map_or(one, |best| std::cmp::min(best, one)));
    }
    Ok(match verdict {
        Some((Verdict::Valid { step }, device)) => Found::Valid(device, step),
        Some((Verdict::Used { step }, device)) => Found::Used(device, step),
        Some((Verdict::Expired, _)) => Found::Refused(CodeRefusal::Expired),
        Some((Verdict::ClockOff, _)) => Found::Refused(CodeRefusal::ClockOff),
        Some((Verdict::Wrong, _)) | None => Found::Refused(CodeRefusal::Wrong),
    })
}

/// Of the used codes, those that their askers resolved and have not spent. Asks the database only when there are any.
fn open_resolutions(
    connection: &mut PgConnection,
    verdicts: &[(Option<Card>, Found)],
    now: DateTime<Utc>,
) -> QueryResult<HashMap<(DeviceId, i64, String), ResolutionId>> {
    let used: Vec<(DeviceId, i64)> = verdicts
        .iter()
        .filter_map(|(_, found)| match found {
            // A code out of its own time is not revived by its resolution: the resolution's id is.
            Found::Used(device, step) if (step - code::step_at(now)).abs() <= code::DRIFT_STEPS => {
                Some((*device, *step))
            }
            Found::Used(..) | Found::Valid(..) | Found::Refused(_) => None,
        })
        .collect();
    if used.is_empty() {
        return Ok(HashMap::new());
    }
    resolutions::open_of_codes(connection, &used, now)
}

fn settle(
    presented: &[Presented],
    verdicts: Vec<(Option<Card>, Found)>,
    open: &HashMap<(DeviceId, i64, String), ResolutionId>,
) -> Vec<Judged> {
    let mut taken: HashSet<(DeviceId, i64)> = HashSet::new();
    presented
        .iter()
        .zip(verdicts)
        .map(|(one, (card, found))| {
            let verdict = match found {
                Found::Valid(device, step) => Ok(CodeUse { device, step, resolution: None }),
                Found::Used(device, step) => open
                    .get(&(device, step, one.asker.clone()))
                    .map(|resolution| CodeUse { device, step, resolution: Some(*resolution) })
                    .ok_or(CodeRefusal::Used),
                Found::Refused(refusal) => Err(refusal),
            };
            let verdict = verdict.and_then(|code| {
                if taken.insert((code.device, code.step)) { Ok(code) } else { Err(CodeRefusal::Used) }
            });
            Judged { card, verdict }
        })
        .collect()
}

/// Moves devices' last used steps forward, never back.
pub(crate) fn advance(
    connection: &mut PgConnection,
    steps: impl Iterator<Item = (DeviceId, i64)>,
) -> QueryResult<usize> {
    let mut latest: HashMap<DeviceId, i64> = HashMap::new();
    for (device, step) in steps {
        latest.entry(device).and_modify(|last| *last = step.max(*last)).or_insert(step);
    }
    if latest.is_empty() {
        return Ok(0);
    }
    let (devices, steps) = latest.into_iter().unzip();
    AdvanceSteps { devices, steps }.execute(connection)
}

/// The update as a fragment of its own: diesel prepares and caches it, which `sql_query` is not.
#[derive(QueryId)]
struct AdvanceSteps {
    devices: Vec<DeviceId>,
    steps: Vec<i64>,
}

impl QueryFragment<Pg> for AdvanceSteps {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "UPDATE cards.devices AS d SET last_used_step = GREATEST(d.last_used_step, used.step) FROM unnest(",
        );
        out.push_bind_param::<Array<Uuid>, _>(&self.devices)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.steps)?;
        out.push_sql(") AS used (id, step) WHERE d.id = used.id");
        Ok(())
    }
}

impl RunQueryDsl<PgConnection> for AdvanceSteps {}
