//! Corrections and write-offs: proposed by one person with a reason and what it rests on, posted when another approves
//! it, in that transaction.
//!
//! One of the two accounts is `adjustments` (or `losses`, debited, for a write-off of debt or of a partner's
//! receivable). The other is a member's `pending`, `available` or `debt`, a partner's `receivable`, an organisation's
//! `funding`, or one of the union's. `reserved` and `payouts` are not corrected by hand: they are what is open, no more.

mod post;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::paging::{Limit, Page};
use shared_kernel::{id_type, text_enum};

use crate::balances::Balance;
use crate::enrolments::Standing;
use crate::error::{EngineError, Invalid};
use crate::ids::{Mint, PostingId};
use crate::ledger::AccountName;
use crate::ledger::account::{Account, AccountKind};
use crate::ledger::read::number;
use crate::rules::BookCache;
use crate::rules::book::{Actor, funding_account};
use crate::schema::ledger::{accounts, adjustments, balances};

id_type!(
    /// An adjustment.
    AdjustmentId
);

text_enum! {
    /// What it is.
    AdjustmentKind {
        /// A correction.
        Adjustment => "adjustment",
        /// What can't be collected.
        WriteOff => "write_off",
    }
}

text_enum! {
    /// How it stands.
    AdjustmentStatus {
        /// Waits for another person.
        Proposed => "proposed",
        /// Posted.
        Approved => "approved",
        /// Not to be.
        Declined => "declined",
    }
}

/// What is to be corrected.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The account that is debited.
    pub debit: AccountName,
    /// The account that is credited.
    pub credit: AccountName,
    /// How much.
    pub amount: Money,
    /// How many months what a member is given lives; `None` for ever.
    pub life_months: Option<u16>,
    /// What the member reads.
    pub reason: String,
    /// What it rests on.
    pub evidence: String,
}

/// A correction as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// The identifier.
    pub id: AdjustmentId,
    /// What it is.
    pub kind: AdjustmentKind,
    /// The account that is debited.
    pub debit: AccountName,
    /// The account that is credited.
    pub credit: AccountName,
    /// Whose account it is, where a member's is one of the two.
    pub member: Option<MemberId>,
    /// How much.
    pub amount: Money,
    /// How many months what a member is given lives; `None` for ever.
    pub life_months: Option<u16>,
    /// What the member reads.
    pub reason: String,
    /// What it rests on.
    pub evidence: String,
    /// How it stands.
    pub status: AdjustmentStatus,
    /// Who proposed it.
    pub proposed_by: Uuid,
    /// When.
    pub proposed_at: DateTime<Utc>,
    /// Who decided.
    pub decided_by: Option<Uuid>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// What they said.
    pub comment: Option<String>,
    /// The posting it became.
    pub posting: Option<PostingId>,
    /// The member's balances now, where it is about a member.
    pub balance: Option<Balance>,
    /// Stands for all that an approver looks at; another one after it has changed.
    pub as_seen: String,
    numbers: (Account, Account),
}

/// The longest reason and evidence, in characters.
pub const TEXT_CHARS_MAX: usize = 1_000;

/// Proposes a correction.
///
/// # Errors
/// Every wrong field; [`EngineError::State`] for a member without an account.
pub fn propose(
    connection: &mut PgConnection,
    proposal: &Proposal,
    by: Actor,
    now: DateTime<Utc>,
) -> Result<Adjustment, EngineError> {
    let kind = check(proposal)?;
    let member = [&proposal.debit, &proposal.credit].into_iter().find_map(|name| match name {
        AccountName::Member(_, member) => Some(*member),
        _ => None,
    });
    if let Some(member) = member {
        standing_of(connection, member)?;
    }
    let debit = account(connection, &proposal.debit, "/debit")?;
    let credit = account(connection, &proposal.credit, "/credit")?;
    let id = AdjustmentId(Mint::at(now).next());
    diesel::insert_into(adjustments::table)
        .values((
            adjustments::id.eq(id),
            adjustments::kind.eq(kind),
            adjustments::debit.eq(debit),
            adjustments::credit.eq(credit),
            adjustments::member_id.eq(member),
            adjustments::amount.eq(proposal.amount),
            adjustments::life_months.eq(proposal.life_months.and_then(|months| i16::try_from(months).ok())),
            adjustments::reason.eq(&proposal.reason),
            adjustments::evidence.eq(&proposal.evidence),
            adjustments::status.eq(AdjustmentStatus::Proposed),
            adjustments::proposed_by.eq(by),
            adjustments::proposed_at.eq(now),
        ))
        .execute(connection)?;
    one(connection, id)
}

/// What kind a proposal is, if its two accounts may stand opposite each other.
fn check(proposal: &Proposal) -> Result<AdjustmentKind, EngineError> {
    let mut wrong = Vec::new();
    if !proposal.amount.is_positive() {
        wrong.push(Invalid::new("/amount", "must be more than 0.00"));
    }
    for (pointer, text) in [("/reason", &proposal.reason), ("/evidence", &proposal.evidence)] {
        if text.trim().is_empty() || text.chars().count() > TEXT_CHARS_MAX {
            wrong.push(Invalid::new(pointer, "must have 1 to 1000 characters"));
        }
    }
    let lives = 1..=1_200;
    if proposal.life_months.is_some_and(|months| !lives.contains(&months)) {
        wrong.push(Invalid::new("/life_months", "must be 1 to 1200 months, or null for ever"));
    }
    for (pointer, name) in [("/debit", &proposal.debit), ("/credit", &proposal.credit)] {
        match name {
            AccountName::Members(_) => {
                wrong.push(Invalid::new(pointer, "names all members: name one, as available:<member>"));
            }
            AccountName::Member(AccountKind::Reserved, _) | AccountName::Owned(AccountKind::Payouts, _) => {
                wrong.push(Invalid::new(pointer, "holds what is open and is not corrected by hand"));
            }
            _ => {}
        }
    }
    let kind = match (kind_of(&proposal.debit), kind_of(&proposal.credit)) {
        (AccountKind::Losses, AccountKind::Debt | AccountKind::Receivable) => AdjustmentKind::WriteOff,
        (AccountKind::Adjustments, AccountKind::Adjustments) => {
            wrong.push(Invalid::new("/credit", "is the account that is debited"));
            AdjustmentKind::Adjustment
        }
        (AccountKind::Adjustments, _) | (_, AccountKind::Adjustments) => AdjustmentKind::Adjustment,
        _ => {
            wrong.push(Invalid::new(
                "/debit",
                "one of the two must be adjustments:union, or losses:union debited for a debt or receivable",
            ));
            AdjustmentKind::Adjustment
        }
    };
    if wrong.is_empty() { Ok(kind) } else { Err(EngineError::Invalid(wrong)) }
}

fn kind_of(name: &AccountName) -> AccountKind {
    match name {
        AccountName::Members(kind) | AccountName::Member(kind, _) | AccountName::Owned(kind, _) => *kind,
    }
}

/// The account's number; an organisation's is made when it is first named.
fn account(
    connection: &mut PgConnection,
    name: &AccountName,
    pointer: &'static str,
) -> Result<Account, EngineError> {
    if let AccountName::Owned(AccountKind::Funding, organisation) = name {
        return Ok(funding_account(connection, organisation)?);
    }
    number(connection, name).map_err(|error| match error {
        EngineError::Unknown(_) => EngineError::Invalid(vec![Invalid::new(pointer, "is no account")]),
        error => error,
    })
}

fn standing_of(connection: &mut PgConnection, member: MemberId) -> Result<Standing, EngineError> {
    let standing: Option<Standing> =
        balances::table.find(member).select(balances::standing).first(connection).optional()?;
    match standing {
        None => Err(EngineError::State("the member never took part in the programme")),
        Some(Standing::Merged) => Err(EngineError::State("the member was merged into another")),
        Some(standing) => Ok(standing),
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = adjustments)]
struct Row {
    id: AdjustmentId,
    kind: AdjustmentKind,
    debit: Account,
    credit: Account,
    member_id: Option<MemberId>,
    amount: Money,
    life_months: Option<i16>,
    reason: String,
    evidence: String,
    status: AdjustmentStatus,
    proposed_by: Uuid,
    proposed_at: DateTime<Utc>,
    decided_by: Option<Uuid>,
    decided_at: Option<DateTime<Utc>>,
    decision_comment: Option<String>,
    posting_id: Option<PostingId>,
}

/// Which corrections are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Only these.
    pub status: Option<AdjustmentStatus>,
    /// Only this member's.
    pub member: Option<MemberId>,
}

/// Corrections, the newest first.
///
/// # Errors
/// The database's.
pub fn list(
    connection: &mut PgConnection,
    filter: Filter,
    after: Option<AdjustmentId>,
    limit: Limit,
) -> QueryResult<Page<Adjustment, AdjustmentId>> {
    let mut query = adjustments::table.select(Row::as_select()).into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(adjustments::status.eq(status));
    }
    if let Some(member) = filter.member {
        query = query.filter(adjustments::member_id.eq(member));
    }
    if let Some(after) = after {
        query = query.filter(adjustments::id.lt(after));
    }
    let rows: Vec<Row> =
        query.order(adjustments::id.desc()).limit(limit.with_lookahead()).load(connection)?;
    let shown = shown(connection, rows)?;
    Ok(Page::from_lookahead(shown, limit, |adjustment| adjustment.id))
}

/// A correction.
///
/// # Errors
/// [`EngineError::Unknown`].
pub fn one(connection: &mut PgConnection, id: AdjustmentId) -> Result<Adjustment, EngineError> {
    let row = adjustments::table.find(id).select(Row::as_select()).first(connection).optional()?;
    let row: Row = row.ok_or(EngineError::Unknown("the adjustment"))?;
    shown(connection, vec![row])?.pop().ok_or(EngineError::Unknown("the adjustment"))
}

fn shown(connection: &mut PgConnection, rows: Vec<Row>) -> QueryResult<Vec<Adjustment>> {
    let numbers: Vec<Account> = rows.iter().flat_map(|row| [row.debit, row.credit]).collect();
    let named: Vec<(Account, AccountKind, String)> = accounts::table
        .filter(accounts::id.eq_any(numbers))
        .select((accounts::id, accounts::kind, accounts::owner))
        .load(connection)?;
    let members: Vec<MemberId> = rows.iter().filter_map(|row| row.member_id).collect();
    let held: Vec<(MemberId, Balance, Standing)> = balances::table
        .filter(balances::member_id.eq_any(members))
        .select((balances::member_id, Balance::as_select(), balances::standing))
        .load(connection)?;
    let name = |account: Account, member: Option<MemberId>| {
        let found = named.iter().find(|(id, ..)| *id == account);
        let (_, kind, owner) = found.expect("accounts are never removed");
        match member.filter(|_| kind.is_members()) {
            Some(member) => AccountName::Member(*kind, member),
            None => AccountName::Owned(*kind, owner.clone()),
        }
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            let held = held.iter().find(|(id, ..)| Some(*id) == row.member_id);
            Adjustment {
                debit: name(row.debit, row.member_id),
                credit: name(row.credit, row.member_id),
                balance: held.map(|(_, balance, _)| *balance),
                as_seen: as_seen(&row, held),
                numbers: (row.debit, row.credit),
                id: row.id,
                kind: row.kind,
                member: row.member_id,
                amount: row.amount,
                life_months: row.life_months.and_then(|months| u16::try_from(months).ok()),
                reason: row.reason,
                evidence: row.evidence,
                status: row.status,
                proposed_by: row.proposed_by,
                proposed_at: row.proposed_at,
                decided_by: row.decided_by,
                decided_at: row.decided_at,
                comment: row.decision_comment,
                posting: row.posting_id,
            }
        })
        .collect())
}

/// All that an approver looks at and that can change, in one text.
fn as_seen(row: &Row, held: Option<&(MemberId, Balance, Standing)>) -> String {
    let member = held.map(|(member, balance, standing)| {
        let Balance { pending, available, reserved, debt } = balance;
        format!("{member} {standing} {pending} {available} {reserved} {debt}")
    });
    format!("{} {}", row.status, member.unwrap_or_default()).trim_end().to_owned()
}

/// Approves a correction and posts it. `seen` is the [`Adjustment::as_seen`] the approver looked at, where one is
/// given.
///
/// # Errors
/// [`EngineError::Unknown`], [`EngineError::SamePerson`], [`EngineError::Changed`] when something of it changed since,
/// [`EngineError::State`] when it is decided, [`EngineError::Insufficient`] when a member's account would go below
/// zero.
pub fn approve(
    connection: &mut PgConnection,
    books: &BookCache,
    (id, seen): (AdjustmentId, Option<&str>),
    by: Actor,
    now: DateTime<Utc>,
) -> Result<Adjustment, EngineError> {
    connection.transaction(|connection| {
        lock_member(connection, id)?;
        let adjustment = open(connection, id)?;
        if adjustment.proposed_by == by {
            return Err(EngineError::SamePerson);
        }
        let posting = post::post(connection, books, &adjustment, seen, now)?;
        decide(connection, id, (AdjustmentStatus::Approved, Some(posting), None), by, now)?;
        one(connection, id)
    })
}

/// Declines a correction; who proposed it may, too: that withdraws it.
///
/// # Errors
/// [`EngineError::Unknown`], [`EngineError::State`] when it is decided.
pub fn decline(
    connection: &mut PgConnection,
    (id, comment): (AdjustmentId, &str),
    by: Actor,
    now: DateTime<Utc>,
) -> Result<Adjustment, EngineError> {
    connection.transaction(|connection| {
        open(connection, id)?;
        decide(connection, id, (AdjustmentStatus::Declined, None, Some(comment)), by, now)?;
        one(connection, id)
    })
}

/// Locks the balances of the member it is about, before the correction: as a merger does, which moves both.
fn lock_member(connection: &mut PgConnection, id: AdjustmentId) -> QueryResult<()> {
    let of = adjustments::table.find(id).select(adjustments::member_id).single_value();
    balances::table
        .filter(balances::member_id.nullable().eq(of))
        .select(balances::member_id)
        .for_no_key_update()
        .load::<MemberId>(connection)?;
    Ok(())
}

/// The correction, its row locked.
fn open(connection: &mut PgConnection, id: AdjustmentId) -> Result<Adjustment, EngineError> {
    adjustments::table
        .find(id)
        .select(adjustments::id)
        .for_no_key_update()
        .first::<AdjustmentId>(connection)
        .optional()?
        .ok_or(EngineError::Unknown("the adjustment"))?;
    let adjustment = one(connection, id)?;
    match adjustment.status {
        AdjustmentStatus::Proposed => Ok(adjustment),
        AdjustmentStatus::Approved => Err(EngineError::State("it was approved")),
        AdjustmentStatus::Declined => Err(EngineError::State("it was declined")),
    }
}

fn decide(
    connection: &mut PgConnection,
    id: AdjustmentId,
    (status, posting, comment): (AdjustmentStatus, Option<PostingId>, Option<&str>),
    by: Actor,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(adjustments::table.find(id))
        .set((
            adjustments::status.eq(status),
            adjustments::posting_id.eq(posting),
            adjustments::decision_comment.eq(comment),
            adjustments::decided_by.eq(by),
            adjustments::decided_at.eq(now),
        ))
        .execute(connection)
}
