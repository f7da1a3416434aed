//! Purchases: the record each one keeps, and how it is shown.

use std::collections::HashMap;
use std::io::Write;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgConnection, PgValue};
use diesel::prelude::*;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::{CardId, MemberId, Uuid};
use shared_kernel::money::{Money, Rate};
use shared_kernel::paging::{self, Page};
use shared_kernel::text_enum;

use crate::fraud::Check;
use crate::ids::{PartnerId, PurchaseId, RuleId};
use crate::posting::sale::{Line, ReceiptKey, Source};
use crate::rules::evaluate::{Fraction, Limit, WhyNot};
use crate::rules::{Book, BookCache};
use crate::schema::ledger::{lots, outlets, purchases, receipts};

text_enum! {
    /// How a purchase stands.
    PurchaseStatus {
        /// Posted.
        Posted => "posted",
        /// Redemption reserved, nothing else posted.
        Authorized => "authorized",
        /// Given up before it was captured.
        Voided => "voided",
        /// All of it came back.
        Refunded => "refunded",
        /// Part of it came back.
        PartlyRefunded => "partly_refunded",
    }
}

impl PurchaseStatus {
    /// Whether it was posted, whatever came back since.
    pub fn is_posted(self) -> bool {
        matches!(self, Self::Posted | Self::Refunded | Self::PartlyRefunded)
    }
}

text_enum! {
    /// How a purchase's cashback stands.
    CashbackStatus {
        /// There is none (left).
        None => "none",
        /// Inside the return window, or announced by an authorised purchase.
        Pending => "pending",
        /// Released; it may have been spent or expired since.
        Available => "available",
        /// Held back until somebody decides.
        Held => "held",
    }
}

text_enum! {
    /// Why a purchase brought no cashback, or less.
    CashbackReason {
        /// The member isn't in the programme.
        NotEnrolled => "not_enrolled",
        /// The member left the programme.
        LeftProgramme => "left_programme",
        /// The partner had no rule in force.
        NoRule => "no_rule",
        /// No rule in force applied.
        NoRuleApplied => "no_rule_applied",
        /// A cap or budget trimmed it.
        CapReached => "cap_reached",
        /// The family card had earned as often as it may.
        CardLimit => "card_limit",
        /// It would have been more than was paid.
        PaidReached => "paid_reached",
        /// It is held back while the purchase is being checked.
        HeldForCheck => "held_for_check",
        /// It was taken back: the purchase was found to break the programme's rules.
        TakenBack => "taken_back",
    }
}

impl CashbackReason {
    /// Whether rules were asked at all: who isn't in the programme, or whose card has earned
    /// enough, gets nothing whatever they say.
    pub(crate) fn is_of_rules(self) -> bool {
        match self {
            Self::NotEnrolled | Self::LeftProgramme | Self::CardLimit => false,
            Self::NoRule
            | Self::NoRuleApplied
            | Self::CapReached
            | Self::PaidReached
            | Self::HeldForCheck
            | Self::TakenBack => true,
        }
    }
}

/// How each rule in force judged a purchase: frozen with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, FromSqlRow, AsExpression)]
#[diesel(sql_type = Jsonb)]
pub struct Judgement {
    /// The rules that applied, in the order they were added up.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub applied: Vec<Applied>,
    /// Those that didn't.
    #[serde(rename = "n", default, skip_serializing_if = "Vec::is_empty")]
    pub declined: Vec<Declined>,
    /// Why there was none, or less.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<CashbackReason>,
    /// How its check by the fraud watch stands, where there is one.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// Whether a family card's limits counted it as one that earns; `None` where the card had none.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<bool>,
}

impl Judgement {
    /// Whether the cashback is held back.
    pub(crate) fn is_held(&self) -> bool {
        self.check == Some(Check::Held)
    }

    /// Why there is none or less, or why it can't be had yet.
    pub(crate) fn told(&self) -> Option<CashbackReason> {
        match self.check {
            Some(Check::Held) => Some(CashbackReason::HeldForCheck),
            Some(Check::Blocked) => Some(CashbackReason::TakenBack),
            Some(Check::Released) | None => self.reason,
        }
    }
}

/// Read and written as its text, without a tree of values between: each purchase carries one.
impl FromSql<Jsonb, Pg> for Judgement {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        // The first byte is the version of the wire format.
        Ok(serde_json::from_slice(value.as_bytes().get(1..).unwrap_or_default())?)
    }
}

impl ToSql<Jsonb, Pg> for Judgement {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?;
        serde_json::to_writer(out, self)?;
        Ok(IsNull::No)
    }
}

/// A rule that applied, with its terms then. Amounts are kopecks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The rule.
    #[serde(rename = "r")]
    pub rule: RuleId,
    /// Its version.
    #[serde(rename = "v")]
    pub version: i32,
    /// The exact eligible amount.
    #[serde(rename = "e")]
    pub eligible: Fraction,
    /// What it earned before caps.
    #[serde(rename = "b")]
    pub earned_kopecks: i64,
    /// What was left of its caps, where it has any.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub room_kopecks: Option<i64>,
    /// What it gave.
    #[serde(rename = "g")]
    pub given_kopecks: i64,
    /// The places of the lines it covered; `None` for the whole purchase.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub covered: Option<Vec<u16>>,
    /// What left less than was earned, if anything did.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub trimmed_by: Option<Limit>,
}

/// A rule that did not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declined {
    /// The rule.
    #[serde(rename = "r")]
    pub rule: RuleId,
    /// Its version.
    #[serde(rename = "v")]
    pub version: i32,
    /// Why.
    #[serde(rename = "w")]
    pub why: WhyNot,
}

/// What refunds left of a purchase's parts. Amounts are kopecks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kept {
    /// Of each line, in order; one for the whole where there are no lines.
    #[serde(rename = "l")]
    pub lines: Vec<i64>,
    /// Of each applied rule's cashback, in order.
    #[serde(rename = "r")]
    pub rules: Vec<i64>,
    /// What was captured of an authorised purchase, where it was less than all.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Captured>,
}

/// What was captured of an authorised purchase, as it was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Captured {
    /// So much.
    Amount(Money),
    /// These lines.
    Lines(Vec<Line>),
}

/// A purchase as it is stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = purchases)]
pub(crate) struct PurchaseRecord {
    pub id: PurchaseId,
    pub member_id: MemberId,
    pub outlet_id: i32,
    pub receipt: String,
    pub card_id: Option<CardId>,
    pub source: Source,
    pub posted_by: Uuid,
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
    pub refunded: Money,
    pub refunded_by_amount: Money,
    pub commission_rate: Rate,
    pub available_at: Option<DateTime<Utc>>,
    pub expires_on: Option<NaiveDate>,
    pub terms: Judgement,
    pub lines: Option<serde_json::Value>,
    pub kept: Option<serde_json::Value>,
    pub fiscal: Option<String>,
}

impl PurchaseRecord {
    pub(crate) fn judgement(&self) -> &Judgement {
        &self.terms
    }

    pub(crate) fn lines(&self) -> Option<Vec<Line>> {
        self.lines
            .as_ref()
            .map(|lines| serde_json::from_value(lines.clone()).expect("only `posting::write` writes lines"))
    }

    /// What is left of lines and rules: all of them before the first refund.
    pub(crate) fn kept(&self) -> Kept {
        self.kept_by_refunds().unwrap_or_else(|| Kept {
            lines: match self.lines() {
                Some(lines) => lines.iter().map(|line| line.amount.kopecks()).collect(),
                None => vec![self.amount.kopecks()],
            },
            rules: self.judgement().applied.iter().map(|rule| rule.given_kopecks).collect(),
            captured: None,
        })
    }

    /// As it was before anything came back.
    pub(crate) fn whole(&self) -> Self {
        Self { kept: None, refunded: Money::ZERO, refunded_by_amount: Money::ZERO, ..self.clone() }
    }

    /// What was captured of it, where that was less than all.
    pub(crate) fn captured_part(&self) -> Option<Captured> {
        self.kept_by_refunds()?.captured
    }

    /// What refunds left; `None` before the first.
    fn kept_by_refunds(&self) -> Option<Kept> {
        let kept = self.kept.as_ref()?;
        Some(serde_json::from_value(kept.clone()).expect("only refunds write what is kept"))
    }
}

/// A rule in a purchase's cashback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleShare {
    /// The rule.
    pub id: RuleId,
    /// Its version.
    pub version: i32,
    /// What people call it.
    pub name: String,
    /// What it gave.
    pub given: Money,
    /// What refunds left of that.
    pub left: Money,
}

/// A purchase's cashback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cashback {
    /// As first given.
    pub given: Money,
    /// What refunds left of it.
    pub left: Money,
    /// How it stands now.
    pub status: CashbackStatus,
    /// When (the last part of) it can be spent.
    pub available_at: Option<DateTime<Utc>>,
    /// Until the end of which day (the first part of) it lives.
    pub expires_on: Option<NaiveDate>,
    /// The rules that gave it.
    pub rules: Vec<RuleShare>,
    /// Why there was none, or less.
    pub reason: Option<CashbackReason>,
}

/// A purchase as it is shown. `amount`, `redeemed`, `paid`, `commission` and `cashback.given` are as first posted;
/// `status`, `refunded` and everything named `left` are as of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// The identifier.
    pub id: PurchaseId,
    /// Whose outlet.
    pub partner: PartnerId,
    /// The outlet's code.
    pub outlet: String,
    /// The receipt.
    pub receipt: String,
    /// Who bought; never shown to a partner.
    pub member: MemberId,
    /// With which card.
    pub card: Option<CardId>,
    /// How it stands.
    pub status: PurchaseStatus,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// When it was posted.
    pub booked_at: DateTime<Utc>,
    /// Before points.
    pub amount: Money,
    /// Paid with points.
    pub redeemed: Money,
    /// Paid otherwise.
    pub paid: Money,
    /// Cashback.
    pub cashback: Cashback,
    /// The union's commission.
    pub commission: Money,
    /// What refunds left of the commission.
    pub commission_left: Money,
    /// What refunds left of the redemption.
    pub redeemed_left: Money,
    /// What came back, of `amount`.
    pub refunded: Money,
    /// The lines.
    pub lines: Option<Vec<Line>>,
    /// What refunds by lines left of each, in order.
    pub lines_left: Vec<Money>,
    /// The fiscal receipt's string.
    pub fiscal: Option<String>,
    /// The way it came in.
    pub source: Source,
}

/// Shows a record. `waiting` tells whether a part of its cashback is still held in the return window.
pub(crate) fn shown(record: &PurchaseRecord, book: &Book, waiting: bool) -> Purchase {
    let judgement = record.judgement();
    let kept = record.kept();
    let kept_of_rules = match record.status {
        // Given up before it gave anything.
        PurchaseStatus::Voided => vec![0; judgement.applied.len()],
        _ => kept.rules,
    };
    let outlet = book.outlet_by_number(record.outlet_id);
    let rules = judgement
        .applied
        .iter()
        .zip(&kept_of_rules)
        .map(|(applied, left)| RuleShare {
            id: applied.rule,
            version: applied.version,
            name: book
                .version(applied.rule, applied.version)
                .map(|version| version.terms.name.clone())
                .unwrap_or_default(),
            given: Money::from_kopecks(applied.given_kopecks),
            left: Money::from_kopecks(*left),
        })
        .collect();
    let status = match record.status {
        _ if record.cashback_left.is_zero() => CashbackStatus::None,
        PurchaseStatus::Voided => CashbackStatus::None,
        _ if judgement.is_held() => CashbackStatus::Held,
        PurchaseStatus::Authorized => CashbackStatus::Pending,
        _ if waiting => CashbackStatus::Pending,
        _ => CashbackStatus::Available,
    };
    Purchase {
        id: record.id,
        partner: outlet.map_or(PartnerId(Uuid::nil()), |outlet| outlet.partner_id),
        outlet: outlet.map(|outlet| outlet.code.clone()).unwrap_or_default(),
        receipt: record.receipt.clone(),
        member: record.member_id,
        card: record.card_id,
        status: record.status,
        occurred_at: record.occurred_at,
        booked_at: record.booked_at,
        amount: record.amount,
        redeemed: record.redeemed,
        paid: record.amount - record.redeemed,
        cashback: Cashback {
            given: record.cashback,
            left: record.cashback_left,
            status,
            available_at: record.available_at,
            expires_on: record.expires_on,
            rules,
            reason: judgement.told(),
        },
        commission: record.commission,
        commission_left: record.commission_left,
        redeemed_left: record.redeemed_left,
        refunded: record.refunded,
        lines: record.lines(),
        lines_left: kept.lines.iter().map(|left| Money::from_kopecks(*left)).collect(),
        fiscal: record.fiscal.clone(),
        source: record.source,
    }
}

/// Which of these purchases have cashback still inside the return window.
pub(crate) fn waiting(
    connection: &mut PgConnection,
    of: &[(MemberId, PurchaseId)],
) -> QueryResult<HashMap<PurchaseId, bool>> {
    let members: Vec<MemberId> = of.iter().map(|(member, _)| *member).collect();
    let ids: Vec<PurchaseId> = of.iter().map(|(_, purchase)| *purchase).collect();
    let rows: Vec<PurchaseId> = lots::table
        .filter(lots::member_id.eq_any(members).and(lots::purchase_id.eq_any(ids)))
        .filter(lots::released.eq(false).and(lots::remaining.gt(0)))
        .select(lots::purchase_id)
        .load(connection)?;
    Ok(rows.into_iter().map(|id| (id, true)).collect())
}

fn show_one(
    connection: &mut PgConnection,
    books: &BookCache,
    record: Option<PurchaseRecord>,
    partner: Option<PartnerId>,
) -> QueryResult<Option<Purchase>> {
    let Some(record) = record else { return Ok(None) };
    let book = books.current(connection)?;
    let waiting = waiting(connection, &[(record.member_id, record.id)])?;
    let purchase = shown(&record, &book, waiting.contains_key(&record.id));
    Ok(Some(purchase).filter(|purchase| partner.is_none_or(|partner| purchase.partner == partner)))
}

/// A purchase; another partner's is none.
///
/// # Errors
/// The database's.
pub fn purchase(
    connection: &mut PgConnection,
    books: &BookCache,
    id: PurchaseId,
    partner: Option<PartnerId>,
) -> QueryResult<Option<Purchase>> {
    let record =
        purchases::table.find(id).select(PurchaseRecord::as_select()).first(connection).optional()?;
    show_one(connection, books, record, partner)
}

/// Purchases by their identifiers; those that aren't there are absent.
///
/// # Errors
/// The database's.
pub fn by_ids(
    connection: &mut PgConnection,
    books: &BookCache,
    ids: &[PurchaseId],
) -> QueryResult<HashMap<PurchaseId, Purchase>> {
    let records: Vec<PurchaseRecord> = purchases::table
        .filter(purchases::id.eq_any(ids))
        .select(PurchaseRecord::as_select())
        .load(connection)?;
    let book = books.current(connection)?;
    let of: Vec<(MemberId, PurchaseId)> =
        records.iter().map(|record| (record.member_id, record.id)).collect();
    let waiting = waiting(connection, &of)?;
    Ok(records
        .iter()
        .map(|record| (record.id, shown(record, &book, waiting.contains_key(&record.id))))
        .collect())
}

/// A purchase by its receipt; another partner's is none.
///
/// # Errors
/// The database's.
pub fn purchase_by_receipt(
    connection: &mut PgConnection,
    books: &BookCache,
    key: &ReceiptKey,
    partner: Option<PartnerId>,
) -> QueryResult<Option<Purchase>> {
    let id: Option<PurchaseId> = receipts::table
        .inner_join(outlets::table.on(outlets::id.eq(receipts::outlet_id)))
        .filter(outlets::code.eq(&key.outlet).and(receipts::receipt.eq(&key.receipt)))
        .select(receipts::purchase_id)
        .first(connection)
        .optional()?;
    match id {
        Some(id) => purchase(connection, books, id, partner),
        None => Ok(None),
    }
}

/// Purchases that are authorised and neither captured nor given up, the newest first: of a partner, at some of its
/// outlets or (none named) all of them.
///
/// # Errors
/// The database's.
pub fn authorized(
    connection: &mut PgConnection,
    books: &BookCache,
    (partner, codes): (Option<PartnerId>, &[String]),
    after: Option<PurchaseId>,
    limit: paging::Limit,
) -> QueryResult<Page<Purchase, PurchaseId>> {
    let mut query = purchases::table.filter(purchases::status.eq(PurchaseStatus::Authorized)).into_boxed();
    if partner.is_some() || !codes.is_empty() {
        let mut at = outlets::table.select(outlets::id).into_boxed();
        if let Some(partner) = partner {
            at = at.filter(outlets::partner_id.eq(partner));
        }
        if !codes.is_empty() {
            at = at.filter(outlets::code.eq_any(codes));
        }
        let numbers: Vec<i32> = at.load(connection)?;
        query = query.filter(purchases::outlet_id.eq_any(numbers));
    }
    if let Some(after) = after {
        query = query.filter(purchases::id.lt(after));
    }
    let records: Vec<PurchaseRecord> = query
        .order(purchases::id.desc())
        .limit(limit.with_lookahead())
        .select(PurchaseRecord::as_select())
        .load(connection)?;
    let book = books.current(connection)?;
    let page = Page::from_lookahead(records, limit, |record| record.id);
    Ok(page.map(|record| shown(&record, &book, false)))
}
