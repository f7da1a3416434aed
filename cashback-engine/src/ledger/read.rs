//! Looking at the ledger: accounts with their balances, the trial balance at an instant, the postings of an account.
//!
//! Outside, an account is `kind:owner`: `receivable:shop`, `funding:R-059`, `commission:union`, `pending:<member>`; all
//! members' together are `pending:member` and so on (`member:pending` is understood too).

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::paging::{Limit, Page};

use super::account::{Account, AccountKind, Normal};
use crate::balances::Balance;
use crate::days::midnight;
use crate::error::EngineError;
use crate::ids::{PostingId, PurchaseId};
use crate::posting::PostingKind;
use crate::rules::BookCache;
use crate::schema::ledger::accounts;
use crate::statement::statement;

/// An account's name outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountName {
    /// All members' accounts of a kind together.
    Members(AccountKind),
    /// One member's.
    Member(AccountKind, MemberId),
    /// A partner's, an organisation's or the union's.
    Owned(AccountKind, String),
}

impl FromStr for AccountName {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        let unknown = || EngineError::Unknown("the account");
        let (kind, owner) = text.split_once(':').ok_or_else(unknown)?;
        let (kind, owner) = if kind == "member" { (owner, kind) } else { (kind, owner) };
        let kind: AccountKind = kind.parse().map_err(|_| unknown())?;
        match (kind.is_members(), owner) {
            (true, "member") => Ok(Self::Members(kind)),
            (true, member) => member.parse().map(|id| Self::Member(kind, id)).map_err(|_| unknown()),
            (false, owner) => Ok(Self::Owned(kind, owner.to_owned())),
        }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members(kind) => write!(f, "member:{kind}"),
            Self::Member(kind, member) => write!(f, "{kind}:{member}"),
            Self::Owned(kind, owner) => write!(f, "{kind}:{owner}"),
        }
    }
}

/// An account with what was debited and credited to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBalance {
    /// Its name.
    pub account: AccountName,
    /// What it holds.
    pub kind: AccountKind,
    /// `member`, `partner`, `organisation` or `union`.
    pub owner_kind: String,
    /// The partner's or organisation's code.
    pub owner: Option<String>,
    /// The partner's name; organisations' names are the registry's.
    pub owner_name: Option<String>,
    /// The side its balance is normally on.
    pub normal: Normal,
    /// Everything debited.
    pub debit: Money,
    /// Everything credited.
    pub credit: Money,
    /// On its normal side.
    pub balance: Money,
    number: i32,
}

/// All accounts at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialBalance {
    /// The instant.
    pub at: DateTime<Utc>,
    /// Every account that was ever used, members' as four sums.
    pub accounts: Vec<AccountBalance>,
    /// The sum of debit balances.
    pub debit_total: Money,
    /// The sum of credit balances.
    pub credit_total: Money,
    /// Whether they are equal.
    pub balanced: bool,
}

statement! {
    /// Accounts after one, with their sums up to an identifier: those of the last day closed by then, and what was
    /// moved since.
    Balances {
        closed_by: Uuid => SqlUuid, until: Uuid => SqlUuid, after: i32 => Integer, limit: i64 => BigInt,
    } -> (Integer, Text, Text, Text, Nullable<Text>, BigInt, BigInt),
    "WITH closed AS MATERIALIZED (
        SELECT day, end_id FROM ledger.closed_days WHERE end_id <= ? ORDER BY day DESC LIMIT 1
    ), moved AS (
        SELECT s.account, sum(s.debit)::bigint AS debit, sum(s.credit)::bigint AS credit
        FROM ledger.transfers AS t,
            LATERAL (VALUES (t.debit, t.amount, 0), (t.credit, 0, t.amount)) AS s (account, debit, credit)
        WHERE t.posting_id >= coalesce((SELECT end_id FROM closed), '00000000-0000-0000-0000-000000000000')
            AND t.posting_id < ?
        GROUP BY s.account
    )
    SELECT a.id, a.kind, a.owner_kind, a.owner, p.name,
        coalesce(d.debit_total, 0) + coalesce(m.debit, 0), coalesce(d.credit_total, 0) + coalesce(m.credit, 0)
    FROM ledger.accounts AS a
    LEFT JOIN ledger.partners AS p ON a.owner_kind = 'partner' AND p.code = a.owner
    LEFT JOIN LATERAL (
        SELECT debit_total, credit_total FROM ledger.day_totals
        WHERE account = a.id AND day <= (SELECT day FROM closed) ORDER BY day DESC LIMIT 1
    ) AS d ON true
    LEFT JOIN moved AS m ON m.account = a.id
    WHERE a.id > ? ORDER BY a.id LIMIT ?"
}

type BalanceRow = (i32, AccountKind, String, String, Option<String>, Money, Money);

fn balances(
    connection: &mut PgConnection,
    until: Uuid,
    after: i32,
    limit: i64,
) -> QueryResult<Vec<AccountBalance>> {
    let rows: Vec<BalanceRow> = Balances { closed_by: until, until, after, limit }.load(connection)?;
    Ok(rows
        .into_iter()
        .map(|(number, kind, owner_kind, owner, owner_name, debit, credit)| {
            let normal = kind.normal();
            let balance = if normal == Normal::Debit { debit - credit } else { credit - debit };
            let named = owner_kind == "partner" || owner_kind == "organisation";
            AccountBalance {
                account: if kind.is_members() {
                    AccountName::Members(kind)
                } else {
                    AccountName::Owned(kind, owner.clone())
                },
                kind,
                owner_kind,
                owner: Some(owner).filter(|_| named),
                owner_name,
                normal,
                debit,
                credit,
                balance,
                number,
            }
        })
        .collect())
}

/// What one account holds now, on its normal side.
pub(crate) fn balance_of(connection: &mut PgConnection, account: Account) -> QueryResult<Money> {
    let found = balances(connection, Uuid::max(), account.0 - 1, 1)?;
    Ok(found.first().filter(|found| found.number == account.0).map_or(Money::ZERO, |found| found.balance))
}

/// Accounts with their balances now, paged by number.
///
/// # Errors
/// The database's.
pub fn accounts(
    connection: &mut PgConnection,
    after: Option<i32>,
    limit: Limit,
) -> QueryResult<Page<AccountBalance, i32>> {
    let rows = balances(connection, Uuid::max(), after.unwrap_or(0), limit.with_lookahead())?;
    Ok(Page::from_lookahead(rows, limit, |account| account.number))
}

/// All accounts as of an instant (to the millisecond), in one snapshot.
///
/// # Errors
/// The database's.
pub fn trial_balance(connection: &mut PgConnection, at: DateTime<Utc>) -> QueryResult<TrialBalance> {
    let until = first_id_of(at + TimeDelta::milliseconds(1));
    let mut accounts = balances(connection, until, 0, i64::MAX)?;
    accounts.retain(|account| !account.debit.is_zero() || !account.credit.is_zero());
    let side = |debit: bool| {
        accounts
            .iter()
            .map(|account| account.debit - account.credit)
            .map(|net| if debit { net } else { -net })
            .filter(|net| net.is_positive())
            .sum::<Money>()
    };
    let (debit_total, credit_total) = (side(true), side(false));
    Ok(TrialBalance { at, debit_total, credit_total, balanced: debit_total == credit_total, accounts })
}

statement! {
    /// What a member's postings moved up to an identifier.
    MemberSums { member: Uuid => SqlUuid, until: Uuid => SqlUuid } -> (BigInt, BigInt, BigInt, BigInt),
    "SELECT coalesce(sum(s.amount) FILTER (WHERE s.account = 1), 0)::bigint,
        coalesce(sum(s.amount) FILTER (WHERE s.account = 2), 0)::bigint,
        coalesce(sum(s.amount) FILTER (WHERE s.account = 3), 0)::bigint,
        coalesce(-sum(s.amount) FILTER (WHERE s.account = 4), 0)::bigint
     FROM (SELECT ?::uuid AS member) AS asked, ledger.postings AS p JOIN ledger.transfers AS t ON t.posting_id = p.id,
        LATERAL (VALUES (t.debit, -t.amount, t.member_id), (t.credit, t.amount, coalesce(t.credit_member_id, t.member_id)))
            AS s (account, amount, member_id)
     WHERE (p.member_id = asked.member OR p.id IN (SELECT posting_id FROM ledger.merged WHERE member_id = asked.member))
        AND s.member_id = asked.member AND p.id < ?"
}

/// A member's four balances as they were booked at an instant (to the millisecond); all 0.00 before the first posting.
/// What was past its last day then counts until it was booked as expired.
///
/// # Errors
/// The database's.
pub fn member_balance(
    connection: &mut PgConnection,
    member: MemberId,
    at: DateTime<Utc>,
) -> QueryResult<Balance> {
    let until = first_id_of(at + TimeDelta::milliseconds(1));
    let (pending, available, reserved, debt) =
        MemberSums { member: member.0, until }.get_result(connection)?;
    Ok(Balance { pending, available, reserved, debt })
}

/// The first identifier that could be made at an instant.
pub(crate) fn first_id_of(at: DateTime<Utc>) -> Uuid {
    let millisecond = u128::try_from(at.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(millisecond << 80)
}

/// A transfer, with its accounts' names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferView {
    /// Debited.
    pub debit: AccountName,
    /// Credited.
    pub credit: AccountName,
    /// How much.
    pub amount: Money,
}

/// A posting with its transfers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostingView {
    /// The identifier, and the key of pages.
    pub id: PostingId,
    /// What it is about.
    pub kind: PostingKind,
    /// Whose.
    pub member: Option<MemberId>,
    /// When it was booked.
    pub booked_at: DateTime<Utc>,
    /// On which day.
    pub booked_on: NaiveDate,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// The purchase it is about.
    pub purchase: Option<PurchaseId>,
    /// Its receipt.
    pub receipt: Option<String>,
    /// Its outlet's code.
    pub outlet: Option<String>,
    /// The transfers, in order.
    pub transfers: Vec<TransferView>,
    /// What it moved on the account asked for, signed from its normal side; `None` without an account.
    pub amount: Option<Money>,
}

/// Which postings are asked for.
#[derive(Debug, Clone, Default)]
pub struct PostingFilter {
    /// Those that touch this account.
    pub account: Option<AccountName>,
    /// Booked on this day or later.
    pub from: Option<NaiveDate>,
    /// Booked on this day or before.
    pub to: Option<NaiveDate>,
    /// Booked up to this instant: those that balances as of it are made of.
    pub at: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct PostingRow {
    #[diesel(sql_type = SqlUuid)]
    id: PostingId,
    #[diesel(sql_type = Text)]
    kind: PostingKind,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    member_id: Option<MemberId>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    purchase_id: Option<PurchaseId>,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    booked_at: DateTime<Utc>,
    #[diesel(sql_type = Date)]
    booked_on: NaiveDate,
    #[diesel(sql_type = Nullable<Text>)]
    receipt: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    outlet: Option<String>,
}

#[derive(QueryableByName)]
struct TransferRow {
    #[diesel(sql_type = SqlUuid)]
    posting_id: PostingId,
    #[diesel(sql_type = SmallInt)]
    #[allow(dead_code, reason = "the order of rows")]
    ordinal: i16,
    #[diesel(sql_type = Integer)]
    debit: Account,
    #[diesel(sql_type = Integer)]
    credit: Account,
    #[diesel(sql_type = Text)]
    debit_kind: AccountKind,
    #[diesel(sql_type = Text)]
    debit_owner: String,
    #[diesel(sql_type = Text)]
    credit_kind: AccountKind,
    #[diesel(sql_type = Text)]
    credit_owner: String,
    #[diesel(sql_type = BigInt)]
    amount: Money,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    member_id: Option<MemberId>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    credit_member_id: Option<MemberId>,
}

/// Postings, newest first.
///
/// # Errors
/// [`EngineError::Unknown`] for an account nobody has.
pub fn postings(
    connection: &mut PgConnection,
    books: &BookCache,
    filter: &PostingFilter,
    after: Option<PostingId>,
    limit: Limit,
) -> Result<Page<PostingView, PostingId>, EngineError> {
    let zone = books.current(connection)?.zone;
    let low = filter.from.map_or(Uuid::nil(), |day| first_id_of(midnight(zone, day)));
    let day_after = filter.to.and_then(|day| day.checked_add_days(Days::new(1)));
    let high = day_after.map_or(Uuid::max(), |day| first_id_of(midnight(zone, day)));
    let high = filter.at.map_or(high, |at| high.min(first_id_of(at + TimeDelta::milliseconds(1))));
    let high = after.map_or(high, |after| high.min(after.0));
    let account = filter.account.as_ref().map(|name| number(connection, name)).transpose()?;
    let ids = touching(filter.account.as_ref(), account);
    let rows: Vec<PostingRow> = diesel::sql_query(format!(
        "SELECT p.id, p.kind, p.member_id, b.id AS purchase_id, p.occurred_at, p.booked_at, p.booked_on, b.receipt,
            o.code AS outlet
         FROM ({ids}) AS found JOIN ledger.postings AS p USING (id)
         LEFT JOIN ledger.purchases AS b ON b.id = p.purchase_id
         LEFT JOIN ledger.outlets AS o ON o.id = b.outlet_id
         ORDER BY p.id DESC"
    ))
    .bind::<SqlUuid, _>(low)
    .bind::<SqlUuid, _>(high)
    .bind::<BigInt, _>(limit.with_lookahead())
    .bind::<Integer, _>(account.map_or(0, |account| account.0))
    .bind::<SqlUuid, _>(match &filter.account {
        Some(AccountName::Member(_, member)) => member.0,
        _ => Uuid::nil(),
    })
    .load(connection)?;
    let transfers = transfers_of(connection, &rows)?;
    let member = match &filter.account {
        Some(AccountName::Member(_, member)) => Some(*member),
        _ => None,
    };
    let views = rows.into_iter().map(|row| view(row, &transfers, (account, member))).collect();
    Ok(Page::from_lookahead(views, limit, |posting| posting.id))
}

/// The identifiers of the postings asked for: two index scans for an account, one for a member.
fn touching(name: Option<&AccountName>, account: Option<Account>) -> String {
    let side = |side: &str| {
        let indexed = if account.is_some_and(Account::is_members) { "" } else { " AND {side} > 4" };
        format!(
            "(SELECT DISTINCT posting_id AS id FROM ledger.transfers
              WHERE {side} = $4{} AND posting_id >= $1 AND posting_id < $2 AND $5 IS NOT NULL
              ORDER BY posting_id DESC LIMIT $3)",
            indexed.replace("{side}", side)
        )
    };
    match name {
        None => "SELECT id FROM ledger.postings WHERE id >= $1 AND id < $2 AND $4 = 0 AND $5 IS NOT NULL
                 ORDER BY id DESC LIMIT $3"
            .to_owned(),
        // A merger stands under the survivor's name; it moved the other's accounts, too.
        Some(AccountName::Member(..)) => "SELECT p.id FROM ledger.postings AS p WHERE (p.member_id = $5
                 OR p.id = (SELECT posting_id FROM ledger.merged WHERE member_id = $5))
             AND p.id >= $1 AND p.id < $2 AND EXISTS (
                 SELECT FROM ledger.transfers AS t WHERE t.posting_id = p.id AND $4 IN (t.debit, t.credit))
             ORDER BY p.id DESC LIMIT $3"
            .to_owned(),
        Some(_) => format!("{} UNION {} ORDER BY id DESC LIMIT $3", side("debit"), side("credit")),
    }
}

pub(crate) fn number(connection: &mut PgConnection, name: &AccountName) -> Result<Account, EngineError> {
    let (kind, owner) = match name {
        AccountName::Members(kind) | AccountName::Member(kind, _) => (*kind, "member"),
        AccountName::Owned(kind, owner) => (*kind, owner.as_str()),
    };
    accounts::table
        .filter(accounts::kind.eq(kind).and(accounts::owner.eq(owner)))
        .select(accounts::id)
        .first(connection)
        .optional()?
        .ok_or(EngineError::Unknown("the account"))
}

fn transfers_of(connection: &mut PgConnection, rows: &[PostingRow]) -> QueryResult<Vec<TransferRow>> {
    let ids: Vec<PostingId> = rows.iter().map(|row| row.id).collect();
    diesel::sql_query(
        "SELECT t.posting_id, t.ordinal, t.debit, t.credit, d.kind AS debit_kind, d.owner AS debit_owner,
            c.kind AS credit_kind, c.owner AS credit_owner, t.amount, t.member_id,
            coalesce(t.credit_member_id, t.member_id) AS credit_member_id
         FROM ledger.transfers AS t JOIN ledger.accounts AS d ON d.id = t.debit
         JOIN ledger.accounts AS c ON c.id = t.credit
         WHERE t.posting_id = ANY($1) ORDER BY t.posting_id, t.ordinal",
    )
    .bind::<diesel::sql_types::Array<SqlUuid>, _>(ids)
    .load(connection)
}

fn view(
    row: PostingRow,
    transfers: &[TransferRow],
    (account, member): (Option<Account>, Option<MemberId>),
) -> PostingView {
    let name = |kind: AccountKind, owner: &str, member: Option<MemberId>| match (kind.is_members(), member) {
        (true, Some(member)) => AccountName::Member(kind, member),
        (true, None) => AccountName::Members(kind),
        (false, _) => AccountName::Owned(kind, owner.to_owned()),
    };
    let own = || transfers.iter().filter(|transfer| transfer.posting_id == row.id);
    let amount = account.map(|account| {
        own()
            .map(|t| {
                let is = |side: Account, whose: Option<MemberId>| {
                    side == account && member.is_none_or(|member| whose == Some(member))
                };
                let debited = if is(t.debit, t.member_id) { t.amount } else { Money::ZERO };
                let credited = if is(t.credit, t.credit_member_id) { t.amount } else { Money::ZERO };
                let kind = if t.debit == account { t.debit_kind } else { t.credit_kind };
                if kind.normal() == Normal::Debit { debited - credited } else { credited - debited }
            })
            .sum()
    });
    PostingView {
        transfers: own()
            .map(|t| TransferView {
                debit: name(t.debit_kind, &t.debit_owner, t.member_id),
                credit: name(t.credit_kind, &t.credit_owner, t.credit_member_id),
                amount: t.amount,
            })
            .collect(),
        amount,
        id: row.id,
        kind: row.kind,
        member: row.member_id,
        booked_at: row.booked_at,
        booked_on: row.booked_on,
        occurred_at: row.occurred_at,
        purchase: row.purchase_id,
        receipt: row.receipt,
        outlet: row.outlet,
    }
}
