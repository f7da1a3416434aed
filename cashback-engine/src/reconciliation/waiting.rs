//! Refunds in registers that came before their sale. Such a row is only theirs and waits; whoever posts the sale, by
//! whatever way it comes, posts the refund in the same transaction, and the row has its outcome.
//!
//! Neither can miss the other: before a row waits, its sale's receipt is claimed as a purchase would claim it. So either
//! the purchase is there and is refunded, or it comes after this transaction and looks for what waits. A sale that is
//! reserved only counts as one to come: its capture looks, too.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::money::Money;

use super::Outcome;
use crate::ids::{Mint, PartnerId, PurchaseId, RegisterId};
use crate::posting::read::{ClaimReceipts, ReleaseReceipts};
use crate::posting::{BATCH_MAX, ReceiptKey, Refusal};
use crate::purchases::PurchaseStatus;
use crate::refunds::{self, Refunded, Return, Returned};
use crate::rules::{Book, BookCache};
use crate::schema::ledger::purchases;
use crate::statement::statement;

/// Why a row waits, as a stable word.
pub(super) const WAITS: &str = "waits_for_sale";

statement! {
    /// The rows that wait for these sales, in the order they came.
    FindWaiting { outlets: Vec<String> => Array<Text>, receipts: Vec<String> => Array<Text> }
        -> (SqlUuid, BigInt, Text, Text, Timestamptz, BigInt, Text),
    "SELECT r.register_id, r.place, r.outlet, r.receipt, r.occurred_at, r.amount, r.reference
     FROM unnest(?, ?) AS sale (outlet, receipt)
     JOIN ledger.register_rows AS r ON r.outlet = sale.outlet AND r.receipt = sale.receipt
        AND r.reason = 'waits_for_sale'
     ORDER BY r.register_id, r.place"
}

statement! {
    /// What became of rows that waited.
    EndWaiting {
        registers: Vec<RegisterId> => Array<SqlUuid>, places: Vec<i64> => Array<BigInt>,
        outcomes: Vec<&'static str> => Array<Text>, reasons: Vec<Option<&'static str>> => Array<Nullable<Text>>,
        ours: Vec<Option<i64>> => Array<Nullable<BigInt>>, purchases: Vec<PurchaseId> => Array<SqlUuid>,
    },
    "UPDATE ledger.register_rows AS r SET outcome = n.outcome, reason = n.reason, our_amount = n.our_amount,
        purchase_id = n.purchase_id
     FROM unnest(?, ?, ?, ?, ?, ?) AS n (register_id, place, outcome, reason, our_amount, purchase_id)
     WHERE r.register_id = n.register_id AND r.place = n.place"
}

type WaitingRow = (RegisterId, i64, String, String, DateTime<Utc>, Money, String);

/// A sale that can be refunded from now on.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub key: ReceiptKey,
    pub purchase: PurchaseId,
    pub partner: PartnerId,
}

/// For which of these sales refunds wait. Whoever holds a sale's receipt knows that no more will.
pub(crate) fn awaited(
    connection: &mut PgConnection,
    sales: impl Iterator<Item = ReceiptKey>,
) -> QueryResult<HashSet<ReceiptKey>> {
    let (outlets, receipts): (Vec<String>, Vec<String>) = sales.map(|key| (key.outlet, key.receipt)).unzip();
    if outlets.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<WaitingRow> = FindWaiting { outlets, receipts }.load(connection)?;
    Ok(rows.into_iter().map(|(_, _, outlet, receipt, ..)| ReceiptKey { outlet, receipt }).collect())
}

/// Posts the refunds that waited for these sales, after the sales were written; which purchases they changed.
pub(crate) fn settle(
    connection: &mut PgConnection,
    books: &BookCache,
    arrived: &[Arrived],
    now: DateTime<Utc>,
) -> QueryResult<HashSet<PurchaseId>> {
    if arrived.is_empty() {
        return Ok(HashSet::new());
    }
    let mut find = FindWaiting::default();
    for sale in arrived {
        find.outlets.push(sale.key.outlet.clone());
        find.receipts.push(sale.key.receipt.clone());
    }
    let rows: Vec<WaitingRow> = find.load(connection)?;
    let mut changed = HashSet::new();
    let by_key: HashMap<&ReceiptKey, &Arrived> = arrived.iter().map(|sale| (&sale.key, sale)).collect();
    for rows in rows.chunks(BATCH_MAX) {
        let (returns, places): (Vec<Return>, Vec<&WaitingRow>) = rows
            .iter()
            .filter_map(|row| {
                let (_, _, outlet, receipt, ..) = row;
                let key = ReceiptKey { outlet: outlet.clone(), receipt: receipt.clone() };
                by_key.get(&key).map(|sale| (asked(sale, row), row))
            })
            .unzip();
        let outcomes = refunds::refund(connection, books, &returns, now)?;
        let mut end = EndWaiting::default();
        for ((asked, outcome), row) in returns.iter().zip(&outcomes).zip(places) {
            end.push(asked, outcome, row);
            changed.extend(outcome.is_ok().then_some(asked.purchase));
        }
        end.execute(connection)?;
    }
    Ok(changed)
}

fn asked(sale: &Arrived, row: &WaitingRow) -> Return {
    let (_, _, _, _, occurred_at, amount, reference) = row;
    Return {
        purchase: sale.purchase,
        partner: Some(sale.partner),
        what: Returned::Amount(*amount),
        reference: reference.clone(),
        fiscal: None,
        occurred_at: *occurred_at,
    }
}

impl EndWaiting {
    fn push(&mut self, asked: &Return, outcome: &Result<Refunded, Refusal>, row: &WaitingRow) {
        let (register, place, _, _, _, amount, _) = row;
        let (outcome, reason, ours) = match outcome {
            Ok(refunded) if refunded.replayed => (Outcome::Matched, None, Some(amount.kopecks())),
            Ok(_) => (Outcome::Posted, None, Some(amount.kopecks())),
            Err(Refusal::ReferenceConflict) => (Outcome::AmountDiffers, None, None),
            Err(refusal) => (Outcome::Rejected, Some(refusal.slug()), None),
        };
        self.registers.push(*register);
        self.places.push(*place);
        self.outcomes.push(outcome.as_str());
        self.reasons.push(reason);
        self.ours.push(ours);
        self.purchases.push(asked.purchase);
    }
}

/// Those of these purchases that are reserved only, which they stay until this transaction ends: so whoever captures one
/// finds the rows that wait for it.
pub(super) fn hold_reserved(
    connection: &mut PgConnection,
    ids: Vec<PurchaseId>,
) -> QueryResult<Vec<PurchaseId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    purchases::table
        .filter(purchases::id.eq_any(ids).and(purchases::status.eq(PurchaseStatus::Authorized)))
        .order(purchases::id)
        .select(purchases::id)
        .for_share()
        .load(connection)
}

/// The receipts of sales that nobody has posted, held until the rows that wait for them are written; and those of sales
/// that are reserved only.
#[derive(Debug, Default)]
pub(super) struct Held {
    claims: ReleaseReceipts,
    keys: HashSet<ReceiptKey>,
}

impl Held {
    /// Claims receipts that are not known; those who are posting one of them right now are waited for.
    pub(super) fn claim(
        connection: &mut PgConnection,
        book: &Book,
        missing: &BTreeSet<ReceiptKey>,
        now: DateTime<Utc>,
    ) -> QueryResult<Self> {
        let mut mint = Mint::at(now);
        let mut claim = ClaimReceipts::default();
        let mut asked: HashMap<PurchaseId, (i32, &ReceiptKey)> = HashMap::new();
        for key in missing {
            if let Some(outlet) = book.outlet(&key.outlet) {
                let id = PurchaseId(mint.next());
                claim.outlets.push(outlet.number);
                claim.receipts.push(key.receipt.clone());
                claim.purchases.push(id);
                asked.insert(id, (outlet.number, key));
            }
        }
        let mut held = Self::default();
        if asked.is_empty() {
            return Ok(held);
        }
        let rows: Vec<(PurchaseId, i64, bool)> = claim.load(connection)?;
        for (id, ..) in rows {
            if let Some((outlet, key)) = asked.get(&id) {
                held.claims.purchases.push(id);
                held.claims.outlets.push(*outlet);
                held.claims.receipts.push(key.receipt.clone());
                held.keys.insert((*key).clone());
            }
        }
        Ok(held)
    }

    /// Notes sales that are reserved only.
    pub(super) fn reserved(&mut self, keys: HashSet<ReceiptKey>) {
        self.keys.extend(keys);
    }

    /// Whether this sale is still to come.
    pub(super) fn has(&self, key: &ReceiptKey) -> bool {
        self.keys.contains(key)
    }

    /// Gives the receipts back, once the rows say that they wait.
    pub(super) fn release(self, connection: &mut PgConnection) -> QueryResult<()> {
        if !self.claims.purchases.is_empty() {
            self.claims.execute(connection)?;
        }
        Ok(())
    }
}
