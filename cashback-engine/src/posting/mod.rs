//! Posting purchases: `check → claim → lock and read → decide → write`, for a batch at once.
//!
//! | phase | why there |
//! |---|---|
//! | claim receipts, then fiscal receipts | identity comes before card, code or state, and two of the same never both post |
//! | lock balances, in order of members | guards a member's lots and caps too; nobody waits in a circle |
//! | read caps, budgets, lots | only those that something in the batch needs; a budget with room, or with none, without a lock |
//! | hold names | of members without a row of balances, whom a merger may be about to end |
//! | decide | pure; each purchase alone, later ones see earlier ones |
//! | write | a handful of array statements, each row once; what many want last: fraud counters, then budgets with postings |

pub(crate) mod batch;
pub(crate) mod card_limits;
pub(crate) mod check;
pub(crate) mod decide;
pub(crate) mod entry;
pub mod fiscal;
mod fiscals;
pub(crate) mod names;
pub(crate) mod read;
pub mod refusal;
pub mod sale;
pub(crate) mod world;
pub(crate) mod write;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;

use self::batch::{Batch, waiting_of, with_outlets};
use self::read::{Lock, fill, purchases_by_id, receipts};
use self::world::World;
use crate::balances::{self, Balance};
use crate::days::date_in;
use crate::ids::PurchaseId;
use crate::purchases::{Purchase, PurchaseRecord, purchase, shown};
use crate::reconciliation::waiting;
use crate::rules::BookCache;

pub use card_limits::left_to_redeem;
pub use check::LIVE_MAX;
pub(crate) use check::{is_receipt, line_is_valid, within};
pub use fiscal::{Fiscal, FiscalError, FiscalKind};
pub use refusal::Refusal;
pub use sale::{Audience, Buyer, CardLimits, CardStanding, Line, Presented, ReceiptKey, Sale, Source};
pub use world::PostingKind;

/// How many purchases one batch may have.
pub const BATCH_MAX: usize = 1_024;

/// A purchase that is there now.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The purchase.
    pub purchase: Purchase,
    /// Whether it was there before.
    pub replayed: bool,
    /// The member's balances after it, with a live code `available` without what is past its last day; `None` for one
    /// without any.
    pub balance: Option<Balance>,
}

/// A receipt that is known, and whether a purchase said again is the same.
#[derive(Debug, Clone)]
pub struct Known {
    /// The purchase it is.
    pub purchase: Purchase,
    record: PurchaseRecord,
}

impl Known {
    /// Whether `sale` has the same content: then it is answered again, otherwise it is a conflict.
    pub fn is_same(&self, sale: &Sale) -> bool {
        self.record.is_same(sale)
    }
}

/// Which of these receipts are known: looked up before card, code or state.
///
/// # Errors
/// The database's.
pub fn known(
    connection: &mut PgConnection,
    books: &BookCache,
    keys: &[ReceiptKey],
) -> QueryResult<HashMap<ReceiptKey, Known>> {
    let book = with_outlets(connection, books, keys.iter().map(|key| key.outlet.as_str()))?;
    let numbered: HashMap<(i32, String), &ReceiptKey> = keys
        .iter()
        .filter_map(|key| book.outlet(&key.outlet).map(|outlet| ((outlet.number, key.receipt.clone()), key)))
        .collect();
    let lookup: Vec<(i32, String)> = numbered.keys().cloned().collect();
    let found = receipts(connection, &lookup)?;
    let mut world = World::default();
    let ids: Vec<PurchaseId> = found.values().copied().collect();
    purchases_by_id(connection, &mut world, &ids, Lock::Look)?;
    let waiting = waiting_of(connection, &world)?;
    Ok(found
        .into_iter()
        .filter_map(|(numbered_key, id)| {
            let record = world.purchases.get(&id)?.record.clone();
            let purchase = shown(&record, &book, waiting.contains(&id));
            Some(((*numbered.get(&numbered_key)?).clone(), Known { purchase, record }))
        })
        .collect())
}

/// Posts purchases within the caller's transaction, each alone: accepted, answered again, or refused. In the order
/// given.
///
/// # Errors
/// The database's; then nothing is posted and the caller may run them again one by one.
pub fn post(
    connection: &mut PgConnection,
    books: &BookCache,
    sales: &[Sale],
    now: DateTime<Utc>,
) -> QueryResult<Vec<Result<Posted, Refusal>>> {
    let batch = Batch::claimed(connection, books, sales, now)?;
    let awaited = batch.awaited(connection)?;
    let waits = |sale: &Sale| sale.capture && awaited.contains(&sale.key());
    let others_follow = sales.split_last().is_some_and(|(_, before)| before.iter().any(waits));
    if !others_follow {
        return posted(connection, books, batch, !awaited.is_empty());
    }
    // Everybody who is asked for is locked in the one order first; the parts lock what is theirs already.
    let is_short = batch.hold_all(connection)?;
    let ends = ends(sales, waits, is_short);
    if ends.is_empty() {
        return posted(connection, books, batch, true);
    }
    batch.give_up(connection)?;
    let mut answers = Vec::with_capacity(sales.len());
    for part in sales.split_inclusive(|sale| ends.contains(&sale.key())) {
        let batch = Batch::claimed(connection, books, part, now)?;
        answers.extend(posted(connection, books, batch, true)?);
    }
    Ok(answers)
}

/// The sales whose refund had come before them and behind which something is judged that the refund leaves room for: what
/// their buyer buys more; and where a budget runs short, what anybody buys of that partner.
fn ends(sales: &[Sale], waits: impl Fn(&Sale) -> bool, is_short: bool) -> HashSet<ReceiptKey> {
    let (mut members, mut partners) = (HashSet::new(), HashSet::new());
    let mut ends = HashSet::new();
    for sale in sales.iter().rev() {
        let buys_more = !members.insert(sale.buyer.member);
        let sells_more = !partners.insert(sale.partner);
        if (buys_more || (is_short && sells_more)) && waits(sale) {
            ends.insert(sale.key());
        }
    }
    ends
}

/// Posts what was claimed; and the refunds that had come before their sale, where there may be any.
fn posted(
    connection: &mut PgConnection,
    books: &BookCache,
    mut batch: Batch<'_>,
    awaited: bool,
) -> QueryResult<Vec<Result<Posted, Refusal>>> {
    let now = batch.now;
    let needs = batch.needs();
    fill(connection, &mut batch.world, &needs, Lock::Write)?;
    names::hold(connection, &mut batch.world, &needs.members)?;
    batch.read_claims(connection)?;
    let outcomes = batch.decide();
    batch.release(connection, &outcomes)?;
    batch.world.plays.write(connection, now)?;
    write::write(connection, &batch.world, &batch.book, now)?;
    let mut answers = batch.answers(outcomes)?;
    if awaited {
        let refunded = waiting::settle(connection, books, &batch.arrived(), now)?;
        for posted in answers.iter_mut().flatten().filter(|posted| refunded.contains(&posted.purchase.id)) {
            let (id, member) = (posted.purchase.id, posted.purchase.member);
            posted.purchase =
                purchase(connection, books, id, None)?.ok_or(diesel::result::Error::NotFound)?;
            posted.balance = balances::booked(connection, member)?;
        }
    }
    spendable(connection, batch.sales.iter().zip(&mut answers), date_in(batch.book.zone, now))?;
    Ok(answers)
}

/// Tells whoever showed a live code what can be spent: what is past its last day doesn't count, whether or not the
/// nightly job has run.
fn spendable<'a>(
    connection: &mut PgConnection,
    answers: impl Iterator<Item = (&'a Sale, &'a mut Result<Posted, Refusal>)>,
    today: NaiveDate,
) -> QueryResult<()> {
    let live = answers.filter(|(sale, _)| sale.presented == Presented::LiveCode);
    let booked = live.filter_map(|(_, answer)| {
        let posted = answer.as_mut().ok()?;
        posted.balance.as_mut().map(|balance| (posted.purchase.member, balance))
    });
    balances::without_past(connection, booked, today)
}

/// What posting a purchase would answer; nothing is written.
///
/// # Errors
/// The database's.
pub fn quote(
    connection: &mut PgConnection,
    books: &BookCache,
    sale: &Sale,
    now: DateTime<Utc>,
) -> QueryResult<Result<Posted, Refusal>> {
    let book = books.current(connection)?;
    let mut batch = Batch::checked(book, std::slice::from_ref(sale), now);
    batch.claim_as_if();
    batch.find_known(connection, true)?;
    batch.look_at_fiscals(connection)?;
    let needs = batch.needs();
    fill(connection, &mut batch.world, &needs, Lock::Look)?;
    batch.read_claims(connection)?;
    let outcomes = batch.decide();
    let mut answers = batch.answers(outcomes)?;
    spendable(connection, std::iter::once(sale).zip(&mut answers), date_in(batch.book.zone, now))?;
    Ok(answers.into_iter().next().expect("one sale has one answer"))
}
