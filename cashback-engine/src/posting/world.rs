//! What was read before deciding, and what deciding changed: members' balances and lots, caps, purchases, and the
//! postings to be written. Pure; `read` fills it, `write` empties it.
//!
//! A member's balances change by [`World::transfer`] alone, so that they are the sum of transfers by construction.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::outbox::Event;
use shared_kernel::text_enum;

use super::card_limits::{CardPeriod, CardUsage};
use crate::balances::Balance;
use crate::claims::arrivals::Plays;
use crate::enrolments::Standing;
use crate::fraud::tally::Tallies;
use crate::fraud::watch::NewCase;
use crate::ids::{PostingId, PurchaseId, RuleId};
use crate::ledger::account::Account;
use crate::lots::{LotKey, Lots};
use crate::purchases::PurchaseRecord;
use crate::rules::terms::CapPeriod;
use crate::tiers::Progress;

text_enum! {
    /// What a posting is about.
    PostingKind {
        /// A purchase.
        Purchase => "purchase",
        /// A redemption reserved.
        Authorise => "authorise",
        /// An authorised purchase posted.
        Capture => "capture",
        /// An authorised purchase given up.
        Void => "void",
        /// Cashback that can be spent from now on.
        Release => "release",
        /// A refund.
        Refund => "refund",
        /// Debt paid out of what became available.
        DebtRepaid => "debt_repaid",
        /// Cashback past its last day.
        Expire => "expire",
        /// An approved correction.
        Adjustment => "adjustment",
        /// Cashback taken back from fraud.
        Clawback => "clawback",
        /// Debt or a claim that can't be collected.
        WriteOff => "write_off",
        /// Two members found to be one.
        Merge => "merge",
        /// Given to the aid fund.
        Donation => "donation",
    }
}

/// A member as far as posting needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member {
    pub balance: Balance,
    /// `None` for one who never enrolled and has no balances.
    pub standing: Option<Standing>,
    pub tier: Option<String>,
    /// Towards the next tier; read where tiers are set.
    pub progress: Progress,
    /// The tier was reached here.
    pub raised: bool,
    pub lots: Lots,
    /// How many claims are in play, as stored.
    pub claims: i16,
    pub changed: bool,
}

/// What is used of a cap.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub used: Money,
    pub changed: bool,
}

/// What is used of a budget.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BudgetUse {
    /// As read, with what was taken here.
    pub used: Money,
    /// Taken here; below zero where room was given back.
    pub added: Money,
    /// The least that was left of the budget after something was taken: so much may others have taken since the reading.
    pub spare: Option<Money>,
}

impl BudgetUse {
    pub(crate) fn of(used: Money) -> Self {
        Self { used, ..Self::default() }
    }
}

/// Which member's cap of which rule, over which period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CapKey {
    pub member: MemberId,
    pub rule: RuleId,
    pub span: CapPeriod,
    pub period: NaiveDate,
}

/// A posting and its transfers.
#[derive(Debug, Clone)]
pub(crate) struct NewPosting {
    pub id: PostingId,
    pub kind: PostingKind,
    pub member: MemberId,
    pub purchase: Option<PurchaseId>,
    pub occurred_at: DateTime<Utc>,
    pub transfers: Vec<NewTransfer>,
}

/// One transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewTransfer {
    pub debit: Account,
    pub credit: Account,
    pub amount: Money,
}

/// What a redemption took from a lot.
#[derive(Debug, Clone)]
pub(crate) struct Spending {
    pub purchase: PurchaseId,
    pub ordinal: i16,
    pub member: MemberId,
    pub lot: LotKey,
    pub amount: Money,
    pub returned: Money,
    pub fresh: bool,
    pub changed: bool,
}

/// A refund as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct RefundRecord {
    pub purchase: PurchaseId,
    pub reference: String,
    pub member: MemberId,
    pub posting: PostingId,
    pub amount: Money,
    pub lines: Option<serde_json::Value>,
    pub fiscal: Option<String>,
    pub occurred_at: DateTime<Utc>,
    pub fresh: bool,
}

/// A purchase and what the database has to learn of it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub record: PurchaseRecord,
    pub fresh: bool,
    pub changed: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub members: HashMap<MemberId, Member>,
    pub caps: HashMap<CapKey, Usage>,
    pub budgets: HashMap<RuleId, BudgetUse>,
    pub cards: HashMap<CardPeriod, CardUsage>,
    /// Of purchases told late: whether the buyer took part then, where a word had been said.
    pub words: HashMap<(MemberId, DateTime<Utc>), Option<bool>>,
    pub purchases: HashMap<PurchaseId, Kept>,
    /// What each purchase that was read counted for towards a tier: what was bought, and cashback.
    pub counted: HashMap<PurchaseId, (Money, Money)>,
    /// The order in which purchases were posted here.
    pub posted: Vec<PurchaseId>,
    pub spendings: Vec<Spending>,
    pub refunds: Vec<RefundRecord>,
    pub postings: Vec<NewPosting>,
    pub events: Vec<Event>,
    /// What the fraud watch counted.
    pub tallies: Tallies,
    /// Claims in play.
    pub plays: Plays,
    /// Cases to be opened.
    pub cases: Vec<NewCase>,
}

impl World {
    /// Opens a posting; transfers go to the one opened last.
    pub(crate) fn open(
        &mut self,
        id: Uuid,
        kind: PostingKind,
        member: MemberId,
        purchase: Option<PurchaseId>,
        occurred_at: DateTime<Utc>,
    ) {
        self.postings.push(NewPosting {
            id: PostingId(id),
            kind,
            member,
            purchase,
            occurred_at,
            transfers: Vec::with_capacity(3),
        });
    }

    /// Moves an amount in the posting opened last, and the member's balances with it. Nothing for 0.00. What
    /// moves between the same accounts right after it, by the next rule, adds to the transfer.
    pub(crate) fn transfer(&mut self, debit: Account, credit: Account, amount: Money) {
        if amount.is_zero() {
            return;
        }
        let posting = self.postings.last_mut().expect("a posting is opened before its transfers");
        match posting.transfers.last_mut().filter(|last| (last.debit, last.credit) == (debit, credit)) {
            Some(last) => last.amount += amount,
            None => posting.transfers.push(NewTransfer { debit, credit, amount }),
        }
        if debit.is_members() || credit.is_members() {
            let member = self.members.entry(posting.member).or_default();
            member.changed = true;
            member.balance.shift(debit, -amount);
            member.balance.shift(credit, amount);
        }
    }

    pub(crate) fn member(&mut self, member: MemberId) -> &mut Member {
        self.members.entry(member).or_default()
    }

    pub(crate) fn purchase(&mut self, id: PurchaseId) -> Option<&mut Kept> {
        self.purchases.get_mut(&id)
    }

    /// The day by which a member's lots are judged: for who is frozen nothing is ever past.
    pub(crate) fn day_for(&mut self, id: MemberId, today: NaiveDate) -> NaiveDate {
        let frozen = self.member(id).standing.is_some_and(Standing::is_frozen);
        if frozen { NaiveDate::MIN } else { today }
    }

    /// Keeps money.md's "debt > 0 means available = 0", within the posting opened last: what became available pays
    /// debt; what is left of `available` beside debt is past its date and expires at once.
    pub(crate) fn settle_debt(&mut self, id: MemberId, today: NaiveDate) {
        let today = self.day_for(id, today);
        let member = self.member(id);
        if !member.balance.debt.is_positive() || !member.balance.available.is_positive() {
            return;
        }
        let payment = member.balance.debt.min(member.lots.spendable(today));
        member.lots.spend(payment, today);
        self.transfer(Account::AVAILABLE, Account::DEBT, payment);
        let member = self.member(id);
        if member.balance.debt.is_positive() {
            let expired = member.lots.expire(today);
            self.transfer(Account::AVAILABLE, Account::BREAKAGE, expired);
        }
    }

    /// Takes room from a cap (or gives it back, for a negative amount). What was given back twice is below zero, and the
    /// database refuses it.
    pub(crate) fn use_cap(&mut self, key: CapKey, amount: Money) {
        let usage = self.caps.entry(key).or_default();
        usage.used += amount;
        usage.changed = true;
    }

    /// Takes room from a budget of this size (or gives it back).
    pub(crate) fn use_budget(&mut self, rule: RuleId, amount: Money, size: Option<Money>) {
        let usage = self.budgets.entry(rule).or_default();
        usage.used += amount;
        usage.added += amount;
        if amount.is_positive() {
            let left = size.map(|size| size - usage.used);
            usage.spare = [usage.spare, left].into_iter().flatten().min();
        }
    }
}

impl Balance {
    /// A credit raises a credit-normal balance; `debt` is debit-normal.
    fn shift(&mut self, account: Account, credited: Money) {
        match account {
            Account::PENDING => self.pending += credited,
            Account::AVAILABLE => self.available += credited,
            Account::RESERVED => self.reserved += credited,
            Account::DEBT => self.debt -= credited,
            _ => {}
        }
    }
}
