//! What becomes of a register's rows: posted or compared through the same functions as everything else, in chunks
//! that each are the caller's transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;

use super::claimed::{self, Unknown};
use super::waiting::{self, Held};
use super::{Outcome, RegisterMode, RowKind};
use crate::balances::lock_members;
use crate::ids::{PartnerId, PurchaseId, RegisterId};
use crate::posting::{self, Buyer, Known, Line, Presented, ReceiptKey, Refusal, Sale, Source};
use crate::purchases::{Purchase, PurchaseStatus};
use crate::refunds::{self, Return, Returned};
use crate::rules::BookCache;
use crate::schema::ledger::{refunds as refund_rows, register_rows, registers};
use crate::statement::statement;

/// A row without an outcome yet.
#[derive(Debug, Clone, Queryable)]
pub struct PendingRow {
    /// Its place in the register.
    pub place: i64,
    /// Its line in the file.
    pub line: Option<i64>,
    /// What it is about.
    pub kind: RowKind,
    /// The outlet's code, one of the partner's.
    pub outlet: String,
    /// The receipt; for a refund the sale's.
    pub receipt: String,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// Card number or membership number as the file gives it.
    pub holder: Option<String>,
    /// How much.
    pub amount: Money,
    /// The category of what was bought.
    pub category: Option<String>,
    /// A refund's reference.
    pub reference: Option<String>,
}

/// A row and who its holder turned out to be; `None` when nobody (sales alone need one).
#[derive(Debug, Clone)]
pub struct ResolvedRow {
    /// The row.
    pub row: PendingRow,
    /// The buyer, as of the row's moment.
    pub buyer: Option<Buyer>,
}

/// The next rows of a kind without an outcome behind a place (0 at first), in the order of the file. Sales are to have
/// theirs before refunds.
///
/// # Errors
/// The database's.
pub fn pending_rows(
    connection: &mut PgConnection,
    register: RegisterId,
    (kind, after): (RowKind, i64),
    limit: i64,
) -> QueryResult<Vec<PendingRow>> {
    register_rows::table
        .filter(register_rows::register_id.eq(register).and(register_rows::outcome.is_null()))
        .filter(register_rows::kind.eq(kind).and(register_rows::place.gt(after)))
        .order(register_rows::place)
        .limit(limit)
        .select((
            register_rows::place,
            register_rows::line,
            register_rows::kind.assume_not_null(),
            register_rows::outlet.assume_not_null(),
            register_rows::receipt.assume_not_null(),
            register_rows::occurred_at.assume_not_null(),
            register_rows::holder,
            register_rows::amount.assume_not_null(),
            register_rows::category,
            register_rows::reference,
        ))
        .load(connection)
}

statement! {
    /// Outcomes of rows.
    WriteOutcomes {
        places: Vec<i64> => Array<BigInt>, outcomes: Vec<&'static str> => Array<Text>,
        reasons: Vec<Option<&'static str>> => Array<Nullable<Text>>,
        ours: Vec<Option<i64>> => Array<Nullable<BigInt>>,
        purchases: Vec<Option<PurchaseId>> => Array<Nullable<SqlUuid>>,
        register: Option<RegisterId> => Nullable<SqlUuid>,
    },
    "UPDATE ledger.register_rows AS r SET outcome = n.outcome, reason = n.reason, our_amount = n.our_amount,
        purchase_id = n.purchase_id
     FROM unnest(?, ?, ?, ?, ?) AS n (place, outcome, reason, our_amount, purchase_id)
     WHERE r.register_id = ? AND r.place = n.place"
}

/// What became of a row.
#[derive(Debug, Clone, Copy)]
struct Fate {
    outcome: Outcome,
    reason: Option<&'static str>,
    ours: Option<Money>,
    purchase: Option<PurchaseId>,
}

impl Fate {
    fn of(outcome: Outcome, ours: Money, purchase: PurchaseId) -> Self {
        Self { outcome, reason: None, ours: Some(ours), purchase: Some(purchase) }
    }

    fn without(outcome: Outcome, reason: Option<&'static str>) -> Self {
        Self { outcome, reason, ours: None, purchase: None }
    }
}

struct Run<'a> {
    books: &'a BookCache,
    register: RegisterId,
    partner: PartnerId,
    mode: RegisterMode,
    history: bool,
    posted_by: Uuid,
    now: DateTime<Utc>,
}

/// Posts or compares rows within the caller's transaction and writes their outcomes; at most
/// [`crate::posting::BATCH_MAX`]. When it fails as a whole the caller may run the rows one by one.
///
/// # Errors
/// The database's.
pub fn post_rows(
    connection: &mut PgConnection,
    books: &BookCache,
    register: RegisterId,
    rows: &[ResolvedRow],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    // Held until the commit, so that who takes a register over from a process that ended can wait for it.
    let (partner, mode, history, posted_by) = registers::table
        .find(register)
        .select((registers::partner_id, registers::mode, registers::history, registers::created_by))
        .for_key_share()
        .first(connection)?;
    let run = Run { books, register, partner, mode, history, posted_by, now };
    let (sales, returns): (Vec<&ResolvedRow>, Vec<&ResolvedRow>) =
        rows.iter().partition(|resolved| resolved.row.kind == RowKind::Sale);
    // What sales are is written first: refunds ask for it.
    let fates = run.sales(connection, &sales)?;
    run.write(connection, &fates)?;
    let (fates, held) = run.refunds(connection, &returns)?;
    run.write(connection, &fates)?;
    held.release(connection)
}

impl Run<'_> {
    fn write(&self, connection: &mut PgConnection, fates: &[(i64, Fate)]) -> QueryResult<()> {
        if fates.is_empty() {
            return Ok(());
        }
        let mut statement = WriteOutcomes { register: Some(self.register), ..WriteOutcomes::default() };
        for (place, fate) in fates {
            statement.places.push(*place);
            statement.outcomes.push(fate.outcome.as_str());
            statement.reasons.push(fate.reason);
            statement.ours.push(fate.ours.map(Money::kopecks));
            statement.purchases.push(fate.purchase);
        }
        statement.execute(connection)?;
        Ok(())
    }

    fn known(
        &self,
        connection: &mut PgConnection,
        rows: &[&ResolvedRow],
    ) -> QueryResult<HashMap<ReceiptKey, Known>> {
        let keys: Vec<ReceiptKey> = rows.iter().map(|resolved| key(&resolved.row)).collect();
        posting::known(connection, self.books, &keys)
    }

    fn sales(&self, connection: &mut PgConnection, rows: &[&ResolvedRow]) -> QueryResult<Vec<(i64, Fate)>> {
        let known = self.known(connection, rows)?;
        let mut fates = Vec::with_capacity(rows.len());
        let (mut fresh, mut unknown): (Vec<_>, Vec<Unknown<'_>>) = (Vec::new(), Vec::new());
        for resolved in rows {
            let row = &resolved.row;
            let fate = match (known.get(&key(row)), &resolved.buyer) {
                (Some(known), buyer) => compared(&known.purchase, row, buyer.as_ref()),
                (None, None) => Fate::without(Outcome::Rejected, Some("card_unknown")),
                (None, Some(buyer)) if self.mode == RegisterMode::Compare => {
                    unknown.push((row, buyer));
                    continue;
                }
                (None, Some(buyer)) => {
                    fresh.push((row, self.sale(row, buyer)));
                    continue;
                }
            };
            fates.push((row.place, fate));
        }
        fates.extend(self.claimed(connection, &unknown)?);
        let (rows, sales): (Vec<&PendingRow>, Vec<Sale>) = fresh.into_iter().unzip();
        if !sales.is_empty() {
            let outcomes = posting::post(connection, self.books, &sales, self.now)?;
            fates.extend(
                rows.into_iter()
                    .zip(sales.iter().zip(outcomes))
                    .map(|(row, (sale, outcome))| (row.place, posted(row, &sale.buyer, outcome))),
            );
        }
        Ok(fates)
    }

    /// Sales whose receipts we don't know, when nothing is posted: theirs alone, unless a claim became the purchase.
    fn claimed(
        &self,
        connection: &mut PgConnection,
        unknown: &[Unknown<'_>],
    ) -> QueryResult<Vec<(i64, Fate)>> {
        if unknown.is_empty() {
            return Ok(Vec::new());
        }
        let book = self.books.current(connection)?;
        let found = claimed::purchases_of(connection, &book, self.register, unknown)?;
        let fate = |row: &PendingRow| match found.get(&row.place) {
            Some(purchase) => Fate::of(Outcome::Matched, row.amount, *purchase),
            None => Fate::without(Outcome::OnlyTheirs, None),
        };
        Ok(unknown.iter().map(|(row, _)| (row.place, fate(row))).collect())
    }

    fn source(&self) -> Source {
        if self.history { Source::History } else { Source::Register }
    }

    fn sale(&self, row: &PendingRow, buyer: &Buyer) -> Sale {
        let line = |category: &String| {
            vec![Line { sku: None, category: Some(category.clone()), quantity: None, amount: row.amount }]
        };
        Sale {
            partner: self.partner,
            outlet: row.outlet.clone(),
            receipt: row.receipt.clone(),
            occurred_at: row.occurred_at,
            amount: row.amount,
            lines: row.category.as_ref().map(line),
            redeem: Money::ZERO,
            fiscal: None,
            capture: true,
            presented: if self.history { Presented::History } else { Presented::BareNumber },
            buyer: buyer.clone(),
            source: self.source(),
            posted_by: self.posted_by,
            by_hand: false,
        }
    }

    /// The fates of refunds, and the receipts of sales that some of them wait for.
    fn refunds(
        &self,
        connection: &mut PgConnection,
        rows: &[&ResolvedRow],
    ) -> QueryResult<(Vec<(i64, Fate)>, Held)> {
        if rows.is_empty() {
            return Ok((Vec::new(), Held::default()));
        }
        let impossible = self.impossible(connection, rows)?;
        let (known, held) = self.known_or_held(connection, rows, &impossible)?;
        let before = self.refunds_before(connection, &known)?;
        let mut fates = Vec::with_capacity(rows.len());
        let mut fresh: Vec<(&PendingRow, Return)> = Vec::new();
        for resolved in rows {
            let row = &resolved.row;
            let Some(id) = known.get(&key(row)).copied() else {
                if let Some(refusal) = impossible.get(&row.place) {
                    fates.push((row.place, Fate::without(Outcome::Rejected, Some(refusal.slug()))));
                    continue;
                }
                let reason = if held.has(&key(row)) { waiting::WAITS } else { "sale_unknown" };
                fates.push((row.place, Fate::without(Outcome::OnlyTheirs, Some(reason))));
                continue;
            };
            let reference = row.reference.clone().unwrap_or_default();
            let fate = match before.get(&(id, reference.clone())) {
                Some(amount) if *amount == row.amount => Fate::of(Outcome::Matched, *amount, id),
                Some(amount) => Fate::of(Outcome::AmountDiffers, *amount, id),
                None if self.mode == RegisterMode::Compare => Fate::without(Outcome::OnlyTheirs, None),
                None => match impossible.get(&row.place) {
                    Some(refusal) => Fate::without(Outcome::Rejected, Some(refusal.slug())),
                    None => {
                        fresh.push((row, self.refund(row, id, reference)));
                        continue;
                    }
                },
            };
            fates.push((row.place, fate));
        }
        let (rows, returns): (Vec<&PendingRow>, Vec<Return>) = fresh.into_iter().unzip();
        let outcomes = refunds::refund(connection, self.books, &returns, self.now)?;
        fates.extend(rows.into_iter().zip(outcomes).map(|(row, outcome)| {
            let fate = match outcome {
                Ok(refunded) => Fate::of(Outcome::Posted, row.amount, refunded.purchase.id),
                Err(refusal) => Fate::without(Outcome::Rejected, Some(refusal.slug())),
            };
            (row.place, fate)
        }));
        Ok((fates, held))
    }

    /// The rows that can't have happened when they say, by place; where they would be posted.
    fn impossible(
        &self,
        connection: &mut PgConnection,
        rows: &[&ResolvedRow],
    ) -> QueryResult<HashMap<i64, Refusal>> {
        if self.mode == RegisterMode::Compare {
            return Ok(HashMap::new());
        }
        let book = self.books.current(connection)?;
        let when = |row: &PendingRow| posting::within(&book, self.source(), row.occurred_at, self.now);
        Ok(rows
            .iter()
            .filter_map(|resolved| when(&resolved.row).err().map(|refusal| (resolved.row.place, refusal)))
            .collect())
    }

    /// The sales these rows refund; when posting, those that are not there are held until the rows wait for them.
    fn known_or_held(
        &self,
        connection: &mut PgConnection,
        rows: &[&ResolvedRow],
        impossible: &HashMap<i64, Refusal>,
    ) -> QueryResult<(HashMap<ReceiptKey, PurchaseId>, Held)> {
        let mut there = self.known(connection, rows)?;
        let missing: BTreeSet<ReceiptKey> = rows
            .iter()
            .filter(|resolved| !impossible.contains_key(&resolved.row.place))
            .map(|resolved| key(&resolved.row))
            .filter(|key| !there.contains_key(key))
            .collect();
        if self.mode == RegisterMode::Compare {
            let missing: Vec<ReceiptKey> = missing.into_iter().collect();
            let mut known = without(there, &HashSet::new());
            known.extend(claimed::sales_of(connection, self.register, &missing)?);
            return Ok((known, Held::default()));
        }
        let book = self.books.current(connection)?;
        let mut held = Held::claim(connection, &book, &missing, self.now)?;
        let come: Vec<ReceiptKey> = missing.into_iter().filter(|key| !held.has(key)).collect();
        if !come.is_empty() {
            there.extend(posting::known(connection, self.books, &come)?);
        }
        let reserved = reserved(connection, &there)?;
        let known = without(there, &reserved);
        held.reserved(reserved);
        Ok((known, held))
    }

    fn refund(&self, row: &PendingRow, purchase: PurchaseId, reference: String) -> Return {
        Return {
            purchase,
            partner: Some(self.partner),
            what: Returned::Amount(row.amount),
            reference,
            fiscal: None,
            occurred_at: row.occurred_at,
        }
    }

    fn refunds_before(
        &self,
        connection: &mut PgConnection,
        known: &HashMap<ReceiptKey, PurchaseId>,
    ) -> QueryResult<HashMap<(PurchaseId, String), Money>> {
        let ids: Vec<PurchaseId> = known.values().copied().collect();
        let rows: Vec<(PurchaseId, String, Money)> = refund_rows::table
            .filter(refund_rows::purchase_id.eq_any(ids))
            .select((refund_rows::purchase_id, refund_rows::reference, refund_rows::amount))
            .load(connection)?;
        Ok(rows.into_iter().map(|(id, reference, amount)| ((id, reference), amount)).collect())
    }
}

fn key(row: &PendingRow) -> ReceiptKey {
    ReceiptKey { outlet: row.outlet.clone(), receipt: row.receipt.clone() }
}

/// The sales that are reserved only: what comes back of them waits for their capture. Buyers are locked before purchases,
/// all whose refunds may be posted next.
fn reserved(
    connection: &mut PgConnection,
    known: &HashMap<ReceiptKey, Known>,
) -> QueryResult<HashSet<ReceiptKey>> {
    let authorized: HashMap<PurchaseId, &ReceiptKey> = known
        .iter()
        .filter(|(_, known)| known.purchase.status == PurchaseStatus::Authorized)
        .map(|(key, known)| (known.purchase.id, key))
        .collect();
    if authorized.is_empty() {
        return Ok(HashSet::new());
    }
    let members: HashSet<MemberId> = known.values().map(|known| known.purchase.member).collect();
    lock_members(connection, members.into_iter().collect())?;
    let still = waiting::hold_reserved(connection, authorized.keys().copied().collect())?;
    Ok(still.into_iter().filter_map(|id| authorized.get(&id).map(|key| (*key).clone())).collect())
}

/// The purchases that are known, but for some.
fn without(known: HashMap<ReceiptKey, Known>, some: &HashSet<ReceiptKey>) -> HashMap<ReceiptKey, PurchaseId> {
    let others = known.into_iter().filter(|(key, _)| !some.contains(key));
    others.map(|(key, known)| (key, known.purchase.id)).collect()
}

/// A sale we have already: by member and what was sold alone. Of what was reserved, or given up, only they have a sale.
fn compared(purchase: &Purchase, row: &PendingRow, buyer: Option<&Buyer>) -> Fate {
    if !purchase.status.is_posted() {
        let reason = Some(purchase.status.as_str());
        return Fate { purchase: Some(purchase.id), ..Fate::without(Outcome::OnlyTheirs, reason) };
    }
    let (outcome, reason) = match buyer {
        _ if purchase.sold != row.amount => (Outcome::AmountDiffers, None),
        None => (Outcome::Rejected, Some("card_unknown")),
        Some(buyer) if buyer.member != purchase.member => (Outcome::Rejected, Some("other_card")),
        Some(_) => (Outcome::Matched, None),
    };
    Fate { reason, ..Fate::of(outcome, purchase.sold, purchase.id) }
}

fn posted(row: &PendingRow, buyer: &Buyer, outcome: Result<posting::Posted, Refusal>) -> Fate {
    match outcome {
        // It came by another way, or as a claim, while this batch was on its way.
        Ok(posted) if posted.replayed => compared(&posted.purchase, row, Some(buyer)),
        Ok(posted) => Fate::of(Outcome::Posted, row.amount, posted.purchase.id),
        Err(refusal) => Fate::without(Outcome::Rejected, Some(refusal.slug())),
    }
}
