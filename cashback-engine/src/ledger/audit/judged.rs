//! A purchase once more through the functions that post and refund: cashback and commission as its frozen terms give
//! them, what refunds left, and that its postings moved exactly that, account by account.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgConnection, PgValue};
use diesel::prelude::*;
use diesel::sql_types::Jsonb;
use shared_kernel::ids::MemberId;
use shared_kernel::money::{Money, Rate};

use crate::fraud::Check;
use crate::ids::{PostingId, PurchaseId};
use crate::ledger::account::Account;
use crate::posting::Line;
use crate::posting::decide::{commission, funder_parts};
use crate::purchases::{Judgement, PurchaseRecord, PurchaseStatus, read_jsonb};
use crate::refunds::replay::replay;
use crate::refunds::residual::residual;
use crate::refunds::{After, Returned};
use crate::rules::Book;
use crate::rules::evaluate::{Fraction, capped, covered_then, earned};
use crate::schema::ledger::{purchases, refunds};
use crate::two_step::left_out;

/// A purchase's frozen terms, read without a detour; `None` when they can't be.
#[derive(Debug, Clone, FromSqlRow, AsExpression)]
#[diesel(sql_type = Jsonb)]
pub(super) struct Frozen(pub Option<Judgement>);

impl FromSql<Jsonb, Pg> for Frozen {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(read_jsonb(&value).ok()))
    }
}

/// A purchase's lines, read without a detour; `None` when they can't be.
#[derive(Debug, Clone, FromSqlRow, AsExpression)]
#[diesel(sql_type = Jsonb)]
pub(super) struct Lines(pub Option<Vec<Line>>);

impl FromSql<Jsonb, Pg> for Lines {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(read_jsonb(&value).ok()))
    }
}

/// A purchase as far as most of them need to be read.
#[derive(Debug, Clone, Queryable)]
pub(super) struct Stored {
    pub id: PurchaseId,
    pub member: MemberId,
    pub outlet: i32,
    pub occurred_at: DateTime<Utc>,
    pub booked_at: DateTime<Utc>,
    pub status: PurchaseStatus,
    pub captured: bool,
    pub amount: Money,
    pub redeemed: Money,
    pub redeemed_left: Money,
    pub commission: Money,
    pub commission_left: Money,
    pub cashback: Money,
    pub cashback_left: Money,
    pub commission_rate: Rate,
    pub terms: Frozen,
    /// Whether refunds left less of it.
    pub reduced: bool,
    pub lines: Option<Lines>,
    pub available_at: Option<DateTime<Utc>>,
    pub expires_on: Option<NaiveDate>,
}

/// What postings moved on each account, credits above 0.
pub(super) type Nets = BTreeMap<Account, i64>;

pub(super) fn add(nets: &mut Nets, debit: Account, credit: Account, kopecks: i64) {
    *nets.entry(debit).or_default() -= kopecks;
    *nets.entry(credit).or_default() += kopecks;
}

/// What of a purchase its frozen terms don't give; refunds apart.
pub(super) fn wrong(stored: &Stored, judgement: &Judgement, book: &Book) -> Option<&'static str> {
    if !stored.status.is_posted() {
        return None;
    }
    let paid = stored.amount - stored.redeemed;
    if stored.commission != commission(paid, stored.commission_rate) {
        return Some("commission");
    }
    let lines = match &stored.lines {
        Some(Lines(None)) => return Some("its lines can't be read"),
        Some(Lines(lines)) => lines.as_deref(),
        None => None,
    };
    let mut given = Money::ZERO;
    for applied in &judgement.applied {
        let Some(version) = book.version(applied.rule, applied.version) else { return Some("unknown rule") };
        let covered = covered_then(&version.terms.when, stored.amount, lines, applied.covered.as_deref());
        if covered.map(|covered| Fraction::share(paid, covered, stored.amount)) != Some(applied.eligible) {
            return Some("a rule covered what its terms and the lines don't give");
        }
        let anew = earned(&version.terms, applied.eligible).unwrap_or(Money::ZERO);
        let limited = capped(&version.terms.caps, anew, applied.room_kopecks.map(Money::from_kopecks));
        let amount = Money::from_kopecks(applied.given_kopecks);
        if anew.kopecks() != applied.earned_kopecks || amount > limited {
            return Some("a rule gave what its terms don't");
        }
        given += amount;
    }
    if given != stored.cashback || given > paid {
        return Some("cashback");
    }
    if judgement.check == Some(Check::Blocked) && !stored.cashback_left.is_zero() {
        return Some("cashback that was taken back is left");
    }
    let kept = if judgement.check == Some(Check::Blocked) { Money::ZERO } else { stored.cashback };
    let whole = (stored.redeemed_left, stored.commission_left, stored.cashback_left)
        == (stored.redeemed, stored.commission, kept);
    let taken_back = judgement.check == Some(Check::Blocked);
    match (stored.status == PurchaseStatus::Posted, stored.reduced) {
        (true, false) if whole => None,
        (true, true) if whole && taken_back => None,
        (false, true) => None,
        _ => Some("less is left without a refund"),
    }
}

/// What a purchase's postings must have moved on the accounts of partners, organisations and the union (what expired of
/// it apart) and on the member's reserve, from what is left of each rule's cashback.
pub(super) fn expected(stored: &Stored, judgement: &Judgement, kept: &[i64], book: &Book) -> Nets {
    let mut nets = Nets::new();
    if stored.status == PurchaseStatus::Authorized {
        nets.insert(Account::RESERVED, stored.redeemed.kopecks());
    }
    if !stored.status.is_posted() {
        return nets;
    }
    let partner = book.outlet_by_number(stored.outlet).and_then(|outlet| book.partner(outlet.partner_id));
    if let Some(partner) = partner {
        add(&mut nets, partner.receivable, Account::COMMISSION, stored.commission_left.kopecks());
        *nets.entry(partner.receivable).or_default() += stored.redeemed_left.kopecks();
    }
    for (applied, kept) in judgement.applied.iter().zip(kept) {
        let Some(version) = book.version(applied.rule, applied.version) else { continue };
        let parts = funder_parts(version, Money::from_kopecks(*kept));
        for (funder, part) in version.funders.iter().zip(parts) {
            *nets.entry(*funder).or_default() -= part.kopecks();
        }
    }
    nets
}

/// Whether nets are as expected on the accounts that `expected` speaks of.
pub(super) fn differs(expected: &Nets, moved: &Nets) -> Option<String> {
    let spoken = |nets: &Nets| -> Nets {
        nets.iter()
            .filter(|(account, kopecks)| {
                let theirs = !account.is_members() && **account != Account::BREAKAGE;
                **kopecks != 0 && (theirs || **account == Account::RESERVED)
            })
            .map(|(account, kopecks)| (*account, *kopecks))
            .collect()
    };
    let (expected, moved) = (spoken(expected), spoken(moved));
    if expected == moved {
        return None;
    }
    let told = |nets: &Nets| {
        nets.iter()
            .map(|(account, kopecks)| format!("{}: {}", account.0, Money::from_kopecks(*kopecks)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    Some(format!("moved {{{}}}, its terms give {{{}}}", told(&moved), told(&expected)))
}

/// A purchase that refunds (or a capture for less) reduced, with its refunds in the order of posting.
#[derive(Debug)]
pub(super) struct Reduced {
    pub record: PurchaseRecord,
    pub refunds: Vec<(PostingId, Returned)>,
    /// The posting that took the cashback back, and how many of the refunds were before it.
    pub clawed: Option<(PostingId, usize)>,
}

/// What refunds left of each applied rule, and what each gave back: by refund, then by rule.
pub(super) type GivenBack = Vec<(PostingId, Vec<Money>)>;

impl Reduced {
    /// Reads them; `order` tells each refund posting's place.
    pub(super) fn read(
        connection: &mut PgConnection,
        ids: &[PurchaseId],
        clawbacks: &BTreeMap<PurchaseId, PostingId>,
        order: impl Fn(PostingId) -> (bool, Option<i64>, PostingId),
    ) -> QueryResult<BTreeMap<PurchaseId, Self>> {
        let records: Vec<PurchaseRecord> = purchases::table
            .filter(purchases::id.eq_any(ids))
            .select(PurchaseRecord::as_select())
            .load(connection)?;
        type Row = (PurchaseId, PostingId, Money, Option<serde_json::Value>);
        let rows: Vec<Row> = refunds::table
            .filter(refunds::purchase_id.eq_any(ids))
            .select((refunds::purchase_id, refunds::posting_id, refunds::amount, refunds::lines))
            .load(connection)?;
        let mut found: BTreeMap<PurchaseId, Self> = records
            .into_iter()
            .map(|record| (record.id, Self { record, refunds: Vec::new(), clawed: None }))
            .collect();
        for (purchase, posting, amount, lines) in rows {
            // Lines that can't be read leave nothing to replay: what is left differs then, and is found.
            let lines = lines.map(|lines| serde_json::from_value(lines).unwrap_or_default());
            let what = lines.map_or(Returned::Amount(amount), Returned::Lines);
            if let Some(reduced) = found.get_mut(&purchase) {
                reduced.refunds.push((posting, what));
            }
        }
        for reduced in found.values_mut() {
            reduced.refunds.sort_by_key(|(posting, _)| order(*posting));
            reduced.clawed = clawbacks.get(&reduced.record.id).map(|clawback| {
                let before = |(posting, _): &&(PostingId, Returned)| order(*posting) < order(*clawback);
                (*clawback, reduced.refunds.iter().filter(before).count())
            });
        }
        Ok(found)
    }

    /// What refunds gave back of each rule.
    ///
    /// # Errors
    /// What is not as the frozen terms and the refunds give it.
    pub(super) fn judged(&self, judgement: &Judgement, book: &Book) -> Result<GivenBack, &'static str> {
        let record = &self.record;
        let terms = |applied: &crate::purchases::Applied| {
            book.version(applied.rule, applied.version).map(|version| &version.terms)
        };
        let after = After { kept: record.kept(), by_amount: record.refunded_by_amount };
        let left = residual(record, &after, terms);
        let kept: Vec<i64> = left.rules.iter().map(|amount| amount.kopecks()).collect();
        let same = (left.redeemed, left.commission, left.rules.iter().copied().sum(), left.left)
            == (
                record.redeemed_left,
                record.commission_left,
                record.cashback_left,
                record.amount - record.refunded,
            );
        let fully = (record.status == PurchaseStatus::Refunded) == left.left.is_zero();
        if !same || !fully || kept != record.kept().rules {
            return Err("what refunds left");
        }
        let given: Vec<Money> =
            judgement.applied.iter().map(|a| Money::from_kopecks(a.given_kopecks)).collect();
        let left_out = left_out(record).map_err(|_| "a capture that could not be")?;
        // What a capture for less left out stands in no refund of its own: it comes first.
        let captured = left_out.is_some().then_some(PostingId(record.id.0));
        let whats: Vec<Returned> = self.refunds.iter().map(|(_, what)| what.clone()).collect();
        let (steps, last) =
            replay(record, left_out, &whats, terms).map_err(|_| "a refund that could not be")?;
        let same_rules = self.clawed.is_some() || last.kept().rules == record.kept().rules;
        if !same_rules
            || last.kept().lines != record.kept().lines
            || last.refunded_by_amount != record.refunded_by_amount
        {
            return Err("what its refunds, one after the other, leave");
        }
        let mut before = given;
        let mut back = Vec::with_capacity(steps.len());
        let until = self.clawed.map_or(usize::MAX, |(_, before)| before + usize::from(captured.is_some()));
        let postings = captured.into_iter().chain(self.refunds.iter().map(|(posting, _)| *posting));
        for (posting, step) in postings.zip(steps).take(until) {
            back.push((posting, before.iter().zip(&step.rules).map(|(was, is)| *was - *is).collect()));
            before = step.rules;
        }
        // What was left then went back at once; later refunds found nothing.
        back.extend(self.clawed.map(|(clawback, _)| (clawback, before)));
        Ok(back)
    }
}
