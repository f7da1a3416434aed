//! The walk that verifies: postings with their transfers, purchases with what their postings moved, closed days with
//! their hashes and totals, all in the order of identifiers and in one pass.

use std::collections::{BTreeMap, HashMap, VecDeque};

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Date, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;

use super::Findings;
use super::days::Days;
use super::judged::{self, Nets, Reduced, Stored};
use super::kinds;
use super::lots::{self, Several};
use super::room::{self, Gather, Moved};
use crate::days::date_in;
use crate::ids::{PostingId, PurchaseId, RuleId};
use crate::ledger::account::{Account, AccountKind};
use crate::ledger::walk::{Entry, Walk, WalkedPosting};
use crate::purchases::Judgement;
use crate::rules::Book;
use crate::schema::ledger::{accounts, merged};
use crate::statement::statement;

/// How many purchases are read at a time.
const PURCHASES: usize = 2_000;

statement! {
    /// Purchases after one.
    ReadPurchases { after: Uuid => SqlUuid, limit: i64 => BigInt }
        -> (SqlUuid, SqlUuid, Integer, Timestamptz, Timestamptz, Text, Bool, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt,
            BigInt, Jsonb, Bool, Nullable<Jsonb>, Nullable<Timestamptz>, Nullable<Date>),
    "SELECT id, member_id, outlet_id, occurred_at, booked_at, status, captured, amount, redeemed, redeemed_left, commission,
        commission_left, cashback, cashback_left, commission_rate, terms, kept IS NOT NULL, lines, available_at,
        expires_on
     FROM ledger.purchases WHERE id > ? ORDER BY id LIMIT ?"
}

statement! {
    /// Purchases by their identifiers.
    ReadOlder { ids: Vec<PurchaseId> => Array<SqlUuid> }
        -> (SqlUuid, SqlUuid, Integer, Timestamptz, Timestamptz, Text, Bool, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt,
            BigInt, Jsonb, Bool, Nullable<Jsonb>, Nullable<Timestamptz>, Nullable<Date>),
    "SELECT id, member_id, outlet_id, occurred_at, booked_at, status, captured, amount, redeemed, redeemed_left, commission,
        commission_left, cashback, cashback_left, commission_rate, terms, kept IS NOT NULL, lines, available_at,
        expires_on
     FROM ledger.purchases WHERE id = ANY(?)"
}

statement! {
    /// What purchases' further postings moved: captures, voids and refunds; with `own` also those that made them.
    ReadFurther { purchases: Vec<PurchaseId> => Array<SqlUuid>, own: Vec<PurchaseId> => Array<SqlUuid> }
        -> (SqlUuid, SqlUuid, Text, Nullable<BigInt>, Nullable<Integer>, Nullable<Integer>, Nullable<BigInt>),
    "SELECT p.purchase_id, p.id, p.kind, p.place, t.debit, t.credit, t.amount
     FROM ledger.postings AS p LEFT JOIN ledger.transfers AS t ON t.posting_id = p.id
     WHERE p.purchase_id = ANY(?) AND p.kind <> 'purchase' AND p.kind IN ('capture', 'void', 'refund', 'clawback')
     UNION ALL
     SELECT p.id, p.id, p.kind, p.place, t.debit, t.credit, t.amount
     FROM ledger.postings AS p LEFT JOIN ledger.transfers AS t ON t.posting_id = p.id
     WHERE p.id = ANY(?)"
}

type FurtherRow = (PurchaseId, PostingId, String, Option<i64>, Option<Account>, Option<Account>, Option<i64>);

/// What was walked over.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Walked {
    pub days: i64,
    pub transfers: i64,
    pub purchases: i64,
}

/// The pass.
pub(super) struct Pass<'a> {
    book: &'a Book,
    findings: &'a mut Findings,
    days: Days,
    kinds: HashMap<Account, AccountKind>,
    limited: HashMap<RuleId, bool>,
    /// Purchases are read on from here.
    read: PurchaseId,
    waiting: VecDeque<Stored>,
    over: bool,
    since: Uuid,
    gather: Gather,
    lots: Several,
    /// Into whom members were merged: postings before it bear the name they were booked under.
    merged: HashMap<MemberId, MemberId>,
    walked: Walked,
}

/// A purchase of the chunk with what its own posting moved.
struct Found {
    stored: Stored,
    place: Option<i64>,
    nets: Nets,
}

impl<'a> Pass<'a> {
    /// Over everything from an identifier on.
    pub(super) fn new(
        connection: &mut PgConnection,
        book: &'a Book,
        findings: &'a mut Findings,
        days: Days,
        since: Uuid,
    ) -> QueryResult<Self> {
        let kinds: Vec<(Account, AccountKind)> =
            accounts::table.select((accounts::id, accounts::kind)).load(connection)?;
        let merged: Vec<(MemberId, MemberId)> =
            merged::table.select((merged::member_id, merged::into_id)).load(connection)?;
        Ok(Self {
            book,
            findings,
            days,
            kinds: kinds.into_iter().collect(),
            limited: HashMap::new(),
            read: PurchaseId(since),
            waiting: VecDeque::new(),
            over: false,
            since,
            gather: Gather::default(),
            lots: Several::default(),
            merged: merged.into_iter().collect(),
            walked: Walked::default(),
        })
    }

    pub(super) fn run(mut self, connection: &mut PgConnection) -> QueryResult<Walked> {
        let mut walk = Walk::new(self.since, Uuid::max());
        loop {
            let entries = walk.chunk(connection)?;
            if entries.is_empty() {
                break;
            }
            self.chunk(connection, &entries)?;
        }
        while let Some(stored) = self.next_purchase(connection)? {
            self.alone(&stored);
        }
        self.gather.flush(connection)?;
        let days = self.days.end(connection, self.findings)?;
        Ok(Walked { days, ..self.walked })
    }

    fn chunk(&mut self, connection: &mut PgConnection, entries: &[Entry]) -> QueryResult<()> {
        let mut found: Vec<Found> = Vec::new();
        let mut touched: Vec<PurchaseId> = Vec::new();
        for entry in entries {
            self.walked.transfers += i64::try_from(entry.transfers.len()).unwrap_or(0);
            self.days.add(entry, connection, self.findings)?;
            self.transfers(entry);
            let Some(posting) = &entry.posting else {
                self.findings.add(1, "a transfer belongs to no posting", || {
                    format!("{} transfers of {}", entry.transfers.len(), entry.id)
                });
                continue;
            };
            self.posting(posting, entry);
            match posting.purchase {
                Some(purchase) if purchase.0 == posting.id.0 => {
                    found.extend(self.purchase(connection, posting, entry)?);
                }
                Some(purchase) if purchase.0 < self.since && kinds::changes_purchase(&posting.kind) => {
                    touched.push(purchase);
                }
                _ => {}
            }
        }
        self.judge(connection, found, touched)?;
        self.gather.flush(connection)
    }

    /// What can be said of a posting alone.
    fn posting(&mut self, posting: &WalkedPosting, entry: &Entry) {
        if entry.transfers.is_empty() && kinds::moves_always(&posting.kind) {
            self.findings.add(1, "a posting has no transfers", || {
                format!("posting {} ({})", posting.id, posting.kind)
            });
        }
        if !self.days.is_of(posting.booked_on, posting.id.0, self.book) {
            self.findings.add(5, "a posting's day is not its identifier's", || {
                format!("posting {}: {}, booked {}", posting.id, posting.booked_on, posting.booked_at)
            });
        }
        if date_in(self.book.zone, posting.booked_at) != posting.booked_on {
            self.findings.add(5, "a posting's day is not that of its booking", || {
                format!("posting {}: {}, booked {}", posting.id, posting.booked_on, posting.booked_at)
            });
        }
    }

    fn transfers(&mut self, entry: &Entry) {
        for transfer in &entry.transfers {
            let row = || {
                format!(
                    "transfer {}/{}: {} -> {}",
                    entry.id, transfer.ordinal, transfer.debit.0, transfer.credit.0
                )
            };
            let (debit, credit) = (self.kinds.get(&transfer.debit), self.kinds.get(&transfer.credit));
            let (Some(debit), Some(credit)) = (debit, credit) else {
                self.findings.add(1, "a transfer names an account that does not exist", row);
                continue;
            };
            let Some(posting) = &entry.posting else { continue };
            if !kinds::fits(&posting.kind, *debit, *credit) {
                self.findings.add(1, "a transfer is none that its posting's kind calls for", || {
                    format!("posting {} ({}): {debit} -> {credit}", posting.id, posting.kind)
                });
            }
            // A merger stands under the survivor's name and names the other on one of its sides.
            let named = if posting.kind == "merge" && transfer.credit_member.is_some() {
                transfer.member != transfer.credit_member
                    && (transfer.member == posting.member || transfer.credit_member == posting.member)
            } else {
                transfer.credit_member.is_none()
                    && (transfer.member.is_none() || transfer.member == posting.member)
            };
            if !named {
                self.findings.add(1, "a transfer is another member's than its posting", row);
            }
        }
    }

    fn next_purchase(&mut self, connection: &mut PgConnection) -> QueryResult<Option<Stored>> {
        if self.waiting.is_empty() && !self.over {
            let limit = i64::try_from(PURCHASES).expect("a few thousand");
            let rows: Vec<Stored> = ReadPurchases { after: self.read.0, limit }.load(connection)?;
            self.over = rows.len() < PURCHASES;
            self.read = rows.last().map_or(self.read, |row| row.id);
            self.waiting.extend(rows);
        }
        Ok(self.waiting.pop_front())
    }

    /// The purchase a posting made; those before it have none.
    fn purchase(
        &mut self,
        connection: &mut PgConnection,
        posting: &WalkedPosting,
        entry: &Entry,
    ) -> QueryResult<Option<Found>> {
        while let Some(stored) = self.next_purchase(connection)? {
            if stored.id.0 < posting.id.0 {
                self.alone(&stored);
                continue;
            }
            if stored.id.0 > posting.id.0 {
                self.waiting.push_front(stored);
                break;
            }
            if !matches!(posting.kind.as_str(), "purchase" | "authorise")
                || (posting.kind == "purchase") != stored.captured
            {
                self.alone(&stored);
            }
            self.owner(posting, &stored);
            let mut nets = Nets::new();
            for transfer in &entry.transfers {
                judged::add(&mut nets, transfer.debit, transfer.credit, transfer.kopecks);
            }
            return Ok(Some(Found { stored, place: posting.place, nets }));
        }
        self.findings.add(1, "a posting has no purchase, or a purchase no posting", || {
            format!("posting {} ({})", posting.id, posting.kind)
        });
        Ok(None)
    }

    /// A purchase is its posting's member's, or of whom they were merged into; and of its moments.
    fn owner(&mut self, posting: &WalkedPosting, stored: &Stored) {
        let booked = posting.member;
        let now = booked.map(|member| self.merged.get(&member).copied().unwrap_or(member));
        if now != Some(stored.member) {
            self.findings.add(1, "a purchase is another member's than its posting", || {
                format!("purchase {}: member {}, posting's {booked:?}", stored.id, stored.member)
            });
        }
        if (stored.occurred_at, stored.booked_at) != (posting.occurred_at, posting.booked_at) {
            self.findings.add(1, "a purchase's moments are not its posting's", || {
                format!("purchase {}: of {}, booked {}", stored.id, stored.occurred_at, stored.booked_at)
            });
        }
    }

    fn alone(&mut self, stored: &Stored) {
        self.findings.add(1, "a posting has no purchase, or a purchase no posting", || {
            format!("purchase {} ({})", stored.id, stored.status)
        });
    }

    /// Judges the chunk's purchases anew, and those posted before whose later postings are in it.
    fn judge(
        &mut self,
        connection: &mut PgConnection,
        mut found: Vec<Found>,
        mut touched: Vec<PurchaseId>,
    ) -> QueryResult<()> {
        touched.sort();
        touched.dedup();
        if !touched.is_empty() {
            // Posted before the stretch that is walked over.
            let older: Vec<Stored> = ReadOlder { ids: touched.clone() }.load(connection)?;
            found.extend(older.into_iter().map(|stored| Found { stored, place: None, nets: Nets::new() }));
        }
        let further: Vec<PurchaseId> = found
            .iter()
            .filter(|found| {
                let stored = &found.stored;
                let less = stored.reduced || stored.cashback_left != stored.cashback;
                less || !stored.captured || stored.id.0 < self.since
            })
            .map(|found| found.stored.id)
            .collect();
        let mut more = Further::read(connection, &further, &touched)?;
        // What can't be read is told below, and read no further.
        let reduced: Vec<PurchaseId> = found
            .iter()
            .filter(|found| found.stored.reduced && found.stored.terms.0.is_some())
            .map(|found| found.stored.id)
            .collect();
        let reduced = Reduced::read(connection, &reduced, &more.clawbacks, |posting| more.order(posting))?;
        for mut found in found {
            self.walked.purchases += i64::from(found.stored.status.is_posted());
            let Some(judgement) = found.stored.terms.0.take() else {
                self.broken(found.stored.id, "its terms can't be read");
                continue;
            };
            for (debit, credit, kopecks) in more.moved.remove(&found.stored.id).unwrap_or_default() {
                judged::add(&mut found.nets, debit, credit, kopecks);
            }
            self.one(&found, &judgement, &more, reduced.get(&found.stored.id));
        }
        for purchase in self.lots.wrong(connection)? {
            self.broken(purchase, "its lots are others than its rules give");
        }
        Ok(())
    }

    fn broken(&mut self, id: PurchaseId, what: &str) {
        self.findings.add(3, "cashback or commission is not what the frozen terms give", || {
            format!("purchase {id}: {what}")
        });
    }

    fn one(&mut self, found: &Found, judgement: &Judgement, more: &Further, reduced: Option<&Reduced>) {
        let stored = &found.stored;
        if let Some(what) = judged::wrong(stored, judgement, self.book) {
            self.broken(stored.id, what);
        }
        let given: Vec<i64> = judgement.applied.iter().map(|applied| applied.given_kopecks).collect();
        let mut back = Vec::new();
        if let Some(reduced) = reduced {
            match reduced.judged(judgement, self.book) {
                Ok(given_back) => back = given_back,
                Err(what) => self.broken(stored.id, what),
            }
        }
        if stored.status.is_posted() {
            let lots = lots::given(stored, judgement, self.book);
            if !lots::are_told(stored, &lots) {
                self.broken(stored.id, "when it can be spent, and until when");
            }
            if lots.len() > 1 {
                self.lots.push(stored, lots);
            }
        }
        let kept = reduced.map_or_else(|| given.clone(), |reduced| reduced.record.kept().rules);
        let expected = judged::expected(stored, judgement, &kept, self.book);
        if let Some(what) = judged::differs(&expected, &found.nets) {
            self.findings.add(1, "a purchase and its postings' transfers differ", || {
                format!("purchase {}: {what}", stored.id)
            });
        }
        if stored.status.is_posted() && stored.id.0 >= self.since {
            self.grants(found, judgement, more, &back);
        }
    }

    /// Puts aside what a purchase was granted of limited rules, and what refunds gave back.
    fn grants(
        &mut self,
        found: &Found,
        judgement: &Judgement,
        more: &Further,
        back: &[(PostingId, Vec<Money>)],
    ) {
        let stored = &found.stored;
        let capture = more.captures.get(&stored.id).copied();
        let (posting, place) = capture.unwrap_or((PostingId(stored.id.0), found.place));
        for (at, applied) in judgement.applied.iter().enumerate() {
            let book = self.book;
            if !*self.limited.entry(applied.rule).or_insert_with(|| room::limited(book, applied.rule)) {
                continue;
            }
            let moved = Moved {
                rule: applied.rule,
                version: applied.version,
                member: stored.member,
                occurred_at: stored.occurred_at,
                place,
                posting,
                kopecks: applied.given_kopecks,
            };
            self.gather.push(moved);
            for (refund, rules) in back {
                let kopecks = rules.get(at).map_or(0, |amount| -amount.kopecks());
                // What a capture left out was given back right after it.
                let (posting, place) = match more.places.get(refund) {
                    Some(place) => (*refund, *place),
                    None => (PostingId(Uuid::max()), place),
                };
                self.gather.push(Moved { posting, place, kopecks, ..moved });
            }
        }
    }
}

/// What postings after a purchase's own moved, and their places in the order of posting.
#[derive(Default)]
struct Further {
    moved: BTreeMap<PurchaseId, Vec<(Account, Account, i64)>>,
    places: BTreeMap<PostingId, Option<i64>>,
    captures: BTreeMap<PurchaseId, (PostingId, Option<i64>)>,
    clawbacks: BTreeMap<PurchaseId, PostingId>,
}

impl Further {
    fn read(
        connection: &mut PgConnection,
        purchases: &[PurchaseId],
        own: &[PurchaseId],
    ) -> QueryResult<Self> {
        let mut further = Self::default();
        if purchases.is_empty() {
            return Ok(further);
        }
        let rows: Vec<FurtherRow> =
            ReadFurther { purchases: purchases.to_vec(), own: own.to_vec() }.load(connection)?;
        for (purchase, posting, kind, place, debit, credit, kopecks) in rows {
            further.places.insert(posting, place);
            if kind == "clawback" {
                further.clawbacks.insert(purchase, posting);
            }
            if kind == "capture" {
                further.captures.insert(purchase, (posting, place));
            }
            if let (Some(debit), Some(credit), Some(kopecks)) = (debit, credit, kopecks) {
                further.moved.entry(purchase).or_default().push((debit, credit, kopecks));
            }
        }
        Ok(further)
    }

    /// Those without a place were posted before places were drawn.
    fn order(&self, posting: PostingId) -> (bool, Option<i64>, PostingId) {
        let place = self.places.get(&posting).copied().flatten();
        (place.is_some(), place, posting)
    }
}
