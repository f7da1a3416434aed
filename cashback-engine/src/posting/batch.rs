//! A batch on its way through the phases: checked, claimed, decided, released, answered.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;

use super::check::{self, Checked};
use super::fiscals::{Slot, may_be_claimed};
use super::read::{
    BudgetNeed, ClaimReceipts, Lock, Needs, ReleaseReceipts, RenameReceipts, fill, purchases_by_id, receipts,
};
use super::world::World;
use super::write::meanwhile;
use super::{Posted, ReceiptKey, Refusal, Sale, Source, card_limits, decide, names};
use crate::claims::arrivals::{self, Arrival};
use crate::days::date_in;
use crate::enrolments::{LATE, Standing};
use crate::fraud::{tally, watch};
use crate::ids::{Mint, PurchaseId, RuleId};
use crate::purchases::{self, PurchaseRecord, shown};
use crate::reconciliation::waiting::{self, Arrived};
use crate::rules::{Book, BookCache};

/// A book that knows these outlets, if anybody does.
pub(super) fn with_outlets<'a>(
    connection: &mut PgConnection,
    books: &BookCache,
    mut outlets: impl Iterator<Item = &'a str>,
) -> QueryResult<Arc<Book>> {
    let book = books.kept(connection)?;
    if outlets.all(|code| book.outlet(code).is_some()) { Ok(book) } else { books.current(connection) }
}

type Key = (i32, String);

#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) id: PurchaseId,
    used: bool,
}

/// See the module.
pub(super) struct Batch<'a> {
    pub(super) book: Arc<Book>,
    pub(super) sales: &'a [Sale],
    pub(super) now: DateTime<Utc>,
    /// The place of each, or why it has none.
    pub(super) places: Vec<Result<Checked, Refusal>>,
    /// What is wrong with each, apart from its place.
    contents: Vec<Result<(), Refusal>>,
    pub(super) ids: Vec<PurchaseId>,
    pub(super) claims: HashMap<Key, Claim>,
    pub(super) known: HashMap<Key, PurchaseId>,
    /// Fiscal receipts claimed for this batch, and the purchase that has each in the end.
    pub(super) fiscals: HashMap<Slot, (PurchaseId, Option<PurchaseId>)>,
    /// Fiscal receipts of members' claims, held for purchases that may turn out to be theirs.
    pub(super) held: Vec<(Slot, PurchaseId)>,
    /// Fiscal receipts that were asked for, whether or not they could be had.
    pub(super) asked: HashSet<Slot>,
    /// Whether a claim in play may be one of these purchases.
    pub(super) claims_in_play: bool,
    /// Receipts that are another name of a purchase posted when its claim was approved.
    renamed: HashMap<Key, PurchaseId>,
    waiting: HashSet<PurchaseId>,
    pub(super) world: World,
}

impl<'a> Batch<'a> {
    pub(super) fn checked(book: Arc<Book>, sales: &'a [Sale], now: DateTime<Utc>) -> Self {
        let mut mint = Mint::at(now);
        let mut batch = Self {
            book,
            sales,
            now,
            places: Vec::new(),
            contents: Vec::new(),
            ids: sales.iter().map(|_| PurchaseId(mint.next())).collect(),
            claims: HashMap::new(),
            known: HashMap::new(),
            fiscals: HashMap::new(),
            held: Vec::new(),
            asked: HashSet::new(),
            claims_in_play: false,
            renamed: HashMap::new(),
            waiting: HashSet::new(),
            world: World::default(),
        };
        batch.check();
        batch
    }

    fn check(&mut self) {
        let (book, now) = (self.book.clone(), self.now);
        self.places = self.sales.iter().map(|sale| check::place(&book, sale)).collect();
        self.contents = self
            .sales
            .iter()
            .zip(&self.places)
            .map(|(sale, place)| match place {
                Ok(checked) => check::content(&book, sale, checked, now),
                Err(_) => Ok(()),
            })
            .collect();
    }

    pub(super) fn claimed(
        connection: &mut PgConnection,
        books: &BookCache,
        sales: &'a [Sale],
        now: DateTime<Utc>,
    ) -> QueryResult<Self> {
        let book = with_outlets(connection, books, sales.iter().map(|sale| sale.outlet.as_str()))?;
        let mut batch = Self::checked(book, sales, now);
        if batch.contents.iter().any(Result::is_err) {
            // What this book refuses the latest may allow.
            batch.book = books.current(connection)?;
            batch.check();
        }
        while let Some(revision) = batch.claim_receipts(connection)?
            && revision != batch.book.revision
        {
            // Judged by what is in force now; what only this book allows is claimed by the next turn.
            batch.book = books.at_least(connection, revision)?;
            batch.check();
        }
        batch.find_known(connection, false)?;
        batch.claim_fiscals(connection)?;
        Ok(batch)
    }

    /// Claims the receipts not yet claimed here; the book's revision, when any was.
    fn claim_receipts(&mut self, connection: &mut PgConnection) -> QueryResult<Option<i64>> {
        let mut statement = ClaimReceipts::default();
        let keys: Vec<(Key, PurchaseId)> =
            self.keys().into_iter().filter(|(key, _)| !self.claims.contains_key(key)).collect();
        if keys.is_empty() {
            return Ok(None);
        }
        for ((outlet, receipt), id) in &keys {
            statement.outlets.push(*outlet);
            statement.receipts.push(receipt.clone());
            statement.purchases.push(*id);
        }
        statement.members =
            self.sales.iter().filter(|sale| may_be_claimed(sale)).map(|s| s.buyer.member).collect();
        let rows: Vec<(PurchaseId, i64, bool)> = statement.load(connection)?;
        let revision = rows.first().map(|(_, revision, _)| *revision);
        self.claims_in_play |= rows.first().is_some_and(|(_, _, in_play)| *in_play);
        let won: HashSet<PurchaseId> = rows.into_iter().map(|(id, ..)| id).collect();
        let won = keys.into_iter().filter(|(_, id)| won.contains(id));
        self.claims.extend(won.map(|(key, id)| (key, Claim { id, used: false })));
        Ok(revision)
    }

    /// The receipts that may be posted, each once, in the order of their key.
    fn keys(&self) -> Vec<(Key, PurchaseId)> {
        let mut keys: Vec<(Key, PurchaseId)> = self
            .sales
            .iter()
            .zip(&self.places)
            .zip(self.contents.iter().zip(&self.ids))
            .filter(|(_, (content, _))| content.is_ok())
            .filter_map(|((sale, place), (_, id))| {
                place.as_ref().ok().map(|checked| ((checked.outlet.number, sale.receipt.clone()), *id))
            })
            .collect();
        keys.sort();
        keys.dedup_by(|later, earlier| later.0 == earlier.0);
        keys
    }

    /// Reads the purchases whose receipts are not ours to post.
    pub(super) fn find_known(&mut self, connection: &mut PgConnection, claimed_too: bool) -> QueryResult<()> {
        let mut keys: Vec<Key> = self
            .sales
            .iter()
            .zip(&self.places)
            .filter_map(|(sale, place)| {
                place.as_ref().ok().map(|checked| (checked.outlet.number, sale.receipt.clone()))
            })
            .filter(|key| claimed_too || !self.claims.contains_key(key))
            .collect();
        keys.sort();
        keys.dedup();
        self.known = receipts(connection, &keys)?;
        let ids: Vec<PurchaseId> = self.known.values().copied().collect();
        purchases_by_id(connection, &mut self.world, &ids, Lock::Look)?;
        self.waiting = waiting_of(connection, &self.world)?;
        Ok(())
    }

    /// For a quote: every receipt that may be posted counts as claimed.
    pub(super) fn claim_as_if(&mut self) {
        self.claims = self.keys().into_iter().map(|(key, id)| (key, Claim { id, used: false })).collect();
    }

    pub(super) fn needs(&self) -> Needs {
        let today = date_in(self.book.zone, self.now);
        let tiers = self.book.tiers.clone().map(|terms| (terms, today));
        let mut needs = Needs { tiers, ..Needs::default() };
        for (sale, place) in self.sales.iter().zip(&self.places) {
            if place.is_err() {
                continue;
            }
            let member = sale.buyer.member;
            needs.members.insert(member);
            if sale.redeem.is_positive() {
                needs.spenders.insert(member);
            }
            if sale.source != Source::History && sale.occurred_at < self.now - LATE {
                needs.words.insert((member, sale.occurred_at));
            }
            let date = date_in(self.book.zone, sale.occurred_at);
            if self.book.watched.is_on() {
                needs.watched.extend(watch::subjects(&self.book, sale, self.now));
                needs.counted.extend(watch::counted_days(&self.book, sale, self.now));
                needs.watched_days = self.book.watched.refund_days();
            }
            needs.cards.extend(card_limits::periods(&sale.buyer, date).map(|(period, ..)| period));
            for version in self.book.in_force(sale.partner, sale.occurred_at) {
                needs.caps.extend(decide::cap_keys(version, member, date));
                if version.counts_budget {
                    // As much as this may take, and as much again by others meanwhile. Without a budget of its own it
                    // only counts for other versions.
                    let size = version.terms.caps.budget.unwrap_or(Money::from_kopecks(i64::MAX));
                    let most = sale.amount.min(version.terms.caps.per_purchase.unwrap_or(sale.amount));
                    let need = needs.budgets.entry(version.rule).or_insert(BudgetNeed { ample: size, size });
                    need.ample = size.min(need.ample) - most - most;
                    need.size = size.max(need.size);
                }
            }
        }
        needs
    }

    /// Reads the claims that a purchase here may be; the members' locks guard them.
    pub(super) fn read_claims(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        let approved = arrivals::read(connection, &mut self.world)?;
        let lost: Vec<_> = self.asked.iter().filter(|slot| !self.has(slot)).cloned().collect();
        self.world.plays.lose(lost);
        let known = [approved, self.look_for_claimed(connection)?].concat();
        if known.is_empty() {
            return Ok(());
        }
        purchases_by_id(connection, &mut self.world, &known, Lock::Look)?;
        self.waiting = waiting_of(connection, &self.world)?;
        Ok(())
    }

    /// The fold: what becomes of each, in order.
    pub(super) fn decide(&mut self) -> Vec<Outcome> {
        let (sales, book) = (self.sales, self.book.clone());
        (0..sales.len())
            .zip(sales)
            .map(|(at, sale)| {
                let place = self.places.get(at).cloned().unwrap_or(Err(Refusal::OutletUnknown));
                self.one(&book, at, sale, place)
            })
            .collect()
    }

    fn one(&mut self, book: &Book, at: usize, sale: &Sale, place: Result<Checked, Refusal>) -> Outcome {
        let checked = match place {
            Ok(checked) => checked,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        let key = (checked.outlet.number, sale.receipt.clone());
        if let Some(id) = self.known.get(&key) {
            return match self.world.purchases.get(id) {
                Some(kept) if kept.record.is_same(sale) => {
                    if sale.source == Source::Claim {
                        self.world.plays.meets(&Arrival::of(sale, &checked), (*id, false));
                    }
                    Outcome::Known(*id)
                }
                _ => Outcome::Refused(Refusal::ReceiptConflict { purchase: *id }),
            };
        }
        if let Some(Err(refusal)) = self.contents.get(at) {
            return Outcome::Refused(refusal.clone());
        }
        let Some(claim) = self.claims.get(&key).copied() else {
            return Outcome::Lost;
        };
        let standing = self.world.members.get(&sale.buyer.member).and_then(|member| member.standing);
        if standing == Some(Standing::Merged) {
            return Outcome::Lost;
        }
        let arrival = Arrival::of(sale, &checked);
        if sale.capture
            && let Some(id) = self.world.plays.arrives(&arrival)
        {
            self.known.insert(key.clone(), id);
            self.renamed.insert(key, id);
            return Outcome::Known(id);
        }
        if sale.source == Source::Claim {
            match self.world.plays.may_approve(&arrival) {
                Err(refusal) => return Outcome::Refused(refusal),
                Ok(Some(id)) => {
                    self.world.plays.meets(&arrival, (id, false));
                    return Outcome::Known(id);
                }
                Ok(None) => {}
            }
        }
        let fiscal = sale.fiscal.as_ref().filter(|_| sale.capture);
        let slot = fiscal.map(|fiscal| (fiscal.drive.clone(), fiscal.document));
        if let Some(slot) = &slot
            && self.fiscals.get(slot).is_none_or(|(_, taken)| taken.is_some())
        {
            return Outcome::Refused(Refusal::FiscalUsed);
        }
        match decide::decide(&mut self.world, book, sale, &checked, (claim.id, self.now)) {
            Err(refusal) => Outcome::Refused(refusal),
            Ok(()) => {
                self.known.insert(key.clone(), claim.id);
                if let Some(claim) = self.claims.get_mut(&key) {
                    claim.used = true;
                }
                if let Some((_, taken)) = slot.and_then(|slot| self.fiscals.get_mut(&slot)) {
                    *taken = Some(claim.id);
                }
                let brought =
                    sale.capture.then(|| self.world.plays.meets(&arrival, (claim.id, true))).flatten();
                if let Some((_, taken)) = brought.and_then(|slot| self.fiscals.get_mut(&slot)) {
                    // Another purchase here came with this fiscal receipt: it is this one's now.
                    taken.get_or_insert(claim.id);
                }
                Outcome::Posted(claim.id)
            }
        }
    }

    /// The sales here that refunds wait for.
    pub(super) fn awaited(&self, connection: &mut PgConnection) -> QueryResult<HashSet<ReceiptKey>> {
        let claimed = self.claims.keys().filter_map(|(outlet, receipt)| {
            let outlet = self.book.outlet_by_number(*outlet)?;
            Some(ReceiptKey { outlet: outlet.code.clone(), receipt: receipt.clone() })
        });
        waiting::awaited(connection, claimed)
    }

    /// Locks all that these purchases may change, in the one order: members, what the fraud watch counts, budgets. Whether a
    /// budget may be used up by them.
    pub(super) fn hold_all(&self, connection: &mut PgConnection) -> QueryResult<bool> {
        let mut needs = self.needs();
        let ample: Vec<(RuleId, Money)> =
            needs.budgets.iter().map(|(rule, need)| (*rule, need.ample)).collect();
        needs.budgets.values_mut().for_each(|need| *need = BudgetNeed::locked());
        let mut held = World::default();
        fill(connection, &mut held, &needs, Lock::Write)?;
        names::hold(connection, &mut held, &needs.members)?;
        if needs.budgets.is_empty() {
            tally::lock(connection, needs.counted.into_iter().collect())?;
        }
        let used = |rule| held.budgets.get(rule).map_or(Money::ZERO, |budget| budget.used);
        Ok(ample.iter().any(|(rule, ample)| used(rule) > *ample))
    }

    /// Gives up all that was claimed.
    pub(super) fn give_up(mut self, connection: &mut PgConnection) -> QueryResult<()> {
        let refused: Vec<Outcome> =
            self.sales.iter().map(|_| Outcome::Refused(Refusal::OutletUnknown)).collect();
        self.release(connection, &refused)
    }

    /// Gives up what was claimed for purchases that are none of ours after all.
    pub(super) fn release(&mut self, connection: &mut PgConnection, outcomes: &[Outcome]) -> QueryResult<()> {
        if !self.renamed.is_empty() {
            self.rename(connection)?;
        }
        self.credit_fiscals(connection)?;
        if outcomes.iter().all(|outcome| matches!(outcome, Outcome::Posted(_))) {
            return Ok(());
        }
        let mut unused = ReleaseReceipts::default();
        for ((outlet, receipt), claim) in
            self.claims.iter().filter(|(key, claim)| !claim.used && !self.renamed.contains_key(*key))
        {
            unused.purchases.push(claim.id);
            unused.outlets.push(*outlet);
            unused.receipts.push(receipt.clone());
        }
        if !unused.purchases.is_empty() {
            unused.execute(connection)?;
        }
        self.release_fiscals(connection)
    }

    /// Receipts claimed here that are another purchase's: that one has them for ever.
    fn rename(&self, connection: &mut PgConnection) -> QueryResult<()> {
        let mut statement = RenameReceipts::default();
        for ((outlet, receipt), purchase) in &self.renamed {
            statement.outlets.push(*outlet);
            statement.receipts.push(receipt.clone());
            statement.purchases.push(*purchase);
        }
        statement.execute(connection)?;
        Ok(())
    }

    /// What was posted here and can be refunded; and what was posted before, by the name it got here.
    pub(super) fn arrived(&self) -> Vec<Arrived> {
        let posted = self
            .world
            .posted
            .iter()
            .filter_map(|id| self.world.purchases.get(id))
            .filter(|kept| kept.record.captured)
            .filter_map(|kept| arrived(&self.book, &kept.record));
        let renamed = self.renamed.iter().filter_map(|((outlet, receipt), purchase)| {
            let outlet = self.book.outlet_by_number(*outlet)?;
            let key = ReceiptKey { outlet: outlet.code.clone(), receipt: receipt.clone() };
            Some(Arrived { key, purchase: *purchase, partner: outlet.partner_id })
        });
        posted.chain(renamed).collect()
    }

    pub(super) fn answers(&self, outcomes: Vec<Outcome>) -> QueryResult<Vec<Result<Posted, Refusal>>> {
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Refused(refusal) => Ok(Err(refusal)),
                Outcome::Lost => Err(meanwhile("outlets changed, or the buyer was merged, meanwhile")),
                Outcome::Posted(id) => self.answer(id, false).map(Ok),
                Outcome::Known(id) => self.answer(id, true).map(Ok),
            })
            .collect()
    }

    fn answer(&self, id: PurchaseId, replayed: bool) -> QueryResult<Posted> {
        let record = &self.world.purchases.get(&id).ok_or(diesel::result::Error::NotFound)?.record;
        let member = self.world.members.get(&record.member_id);
        let fresh = member.is_some_and(|member| {
            member.lots.0.iter().any(|lot| lot.purchase == id && !lot.released && lot.remaining.is_positive())
        });
        Ok(Posted {
            purchase: shown(record, &self.book, fresh || self.waiting.contains(&id)),
            replayed,
            balance: member.filter(|member| member.standing.is_some()).map(|member| member.balance),
        })
    }
}

/// What became of a purchase.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Posted(PurchaseId),
    Known(PurchaseId),
    Refused(Refusal),
    /// Neither ours nor known: somebody changed settings or outlets, or merged the buyer, meanwhile. It fails the batch; the
    /// caller's next attempt identifies the buyer anew.
    Lost,
}

/// A purchase as refunds that wait for it know it.
pub(crate) fn arrived(book: &Book, record: &PurchaseRecord) -> Option<Arrived> {
    let outlet = book.outlet_by_number(record.outlet_id)?;
    let key = ReceiptKey { outlet: outlet.code.clone(), receipt: record.receipt.clone() };
    Some(Arrived { key, purchase: record.id, partner: outlet.partner_id })
}

pub(super) fn waiting_of(connection: &mut PgConnection, world: &World) -> QueryResult<HashSet<PurchaseId>> {
    let of: Vec<(MemberId, PurchaseId)> = world
        .purchases
        .values()
        .filter(|kept| kept.record.cashback_left.is_positive())
        .map(|kept| (kept.record.member_id, kept.record.id))
        .collect();
    if of.is_empty() {
        return Ok(HashSet::new());
    }
    purchases::waiting(connection, &of)
}
