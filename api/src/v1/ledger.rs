//! The ledger for finance: accounts, the trial balance at any instant, and the postings behind any figure.

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::PostingId;
use cashback_engine::balances::Balance;
use cashback_engine::ledger::read::{self, AccountBalance, AccountName, PostingFilter, PostingView};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::me::money::PageQuery;
use crate::v1::paging::{self, List};
use crate::v1::types::Timestamp;

/// An account with its sums.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountView {
    /// `kind:owner`; `member:kind` for all members together.
    account: String,
    /// `member`, `partner`, `organisation` or `union`.
    owner_kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_name: Option<String>,
    /// What it holds: `receivable`, `commission`, `pending`, ...
    name: String,
    /// `debit`, `credit` or `either`: the side of its balance.
    normal: String,
    /// Everything debited.
    #[schema(value_type = String, example = "1000.00")]
    debit: Money,
    /// Everything credited.
    #[schema(value_type = String, example = "400.00")]
    credit: Money,
    /// On its normal side.
    #[schema(value_type = String, example = "600.00")]
    balance: Money,
}

impl AccountView {
    /// Organisations' names are the register's; the code alone stands here.
    fn new(account: AccountBalance) -> Self {
        Self {
            account: account.account.to_string(),
            owner_kind: account.owner_kind,
            owner: account.owner,
            owner_name: account.owner_name,
            name: account.kind.to_string(),
            normal: account.normal.to_string(),
            debit: account.debit,
            credit: account.credit,
            balance: account.balance,
        }
    }
}

/// Gives organisations' accounts their names.
fn name_organisations(connection: &mut PgConnection, accounts: &mut [AccountView]) -> Result<(), Problem> {
    let codes: Vec<String> = accounts
        .iter()
        .filter(|account| account.owner_kind == "organisation")
        .filter_map(|account| account.owner.clone())
        .collect();
    let named = union_registry::organisations::named(connection, &codes)?;
    for account in accounts.iter_mut().filter(|account| account.owner_kind == "organisation") {
        let found = named.iter().find(|organisation| Some(&organisation.code) == account.owner.as_ref());
        account.owner_name = found.map(|organisation| organisation.name.clone());
    }
    Ok(())
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accounts {
    items: Vec<AccountView>,
    next: Option<String>,
}

/// Accounts with their balances now; members' are four sums.
#[utoipa::path(get, path = "/v1/ledger/accounts", tag = "finance", params(PageQuery), responses(
    (status = 200, description = "a page of accounts", body = Accounts),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn accounts(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<i32> = list.after(query.0.after.as_deref())?;
    let page = app
        .into_inner()
        .run(move |connection| {
            let mut page = read::accounts(connection, after, limit)?.map(AccountView::new);
            name_organisations(connection, &mut page.items)?;
            Ok(page)
        })
        .await?;
    Ok(list.answer(&page))
}

/// As of when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InstantQuery {
    /// The instant, RFC 3339 with an offset; now unless said.
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

/// All accounts at an instant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrialBalance)]
pub struct TrialBalanceView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    accounts: Vec<AccountView>,
    #[schema(value_type = String, example = "600.00")]
    debit_total: Money,
    #[schema(value_type = String, example = "600.00")]
    credit_total: Money,
    /// Whether they are equal.
    balanced: bool,
}

/// The trial balance at an instant, in one snapshot.
#[utoipa::path(get, path = "/v1/ledger/trial-balance", tag = "finance", params(InstantQuery), responses(
    (status = 200, description = "the trial balance", body = TrialBalanceView),
    (status = 422, description = "no instant", body = ProblemBody)))]
pub async fn trial_balance(
    app: web::Data<App>,
    query: Query<InstantQuery>,
) -> Result<web::Json<TrialBalanceView>, Problem> {
    let at: DateTime<Utc> = query.0.at.map_or_else(|| app.now(), |at| at.0);
    let view = app
        .into_inner()
        .run(move |connection| {
            connection.build_transaction().repeatable_read().read_only().run(|connection| {
                let balance = read::trial_balance(connection, at)?;
                let mut accounts: Vec<AccountView> =
                    balance.accounts.into_iter().map(AccountView::new).collect();
                name_organisations(connection, &mut accounts)?;
                Ok(TrialBalanceView {
                    at: at.into(),
                    accounts,
                    debit_total: balance.debit_total,
                    credit_total: balance.credit_total,
                    balanced: balance.balanced,
                })
            })
        })
        .await?;
    Ok(web::Json(view))
}

/// A member's balances as they were booked at an instant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MemberBalance)]
pub struct MemberBalanceView {
    member: Uuid,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Earned, inside the return window.
    #[schema(value_type = String, example = "215.40")]
    pending: Money,
    /// Can be spent; what is past its last day counts until it is booked as expired.
    #[schema(value_type = String, example = "1437.83")]
    available: Money,
    /// Held for a redemption or payout.
    #[schema(value_type = String, example = "0.00")]
    reserved: Money,
    /// Taken back after it was spent.
    #[schema(value_type = String, example = "0.00")]
    debt: Money,
}

/// A member's four balances at any instant; each opens to `/v1/ledger/postings?account=available:<member>`.
#[utoipa::path(get, path = "/v1/members/{id}/balance", tag = "finance",
    params(("id" = String, Path), InstantQuery), responses(
    (status = 200, description = "the balances", body = MemberBalanceView),
    (status = 404, description = "no such member", body = ProblemBody),
    (status = 422, description = "no instant", body = ProblemBody)))]
pub async fn member_balance(
    app: web::Data<App>,
    id: IdPath<MemberId>,
    query: Query<InstantQuery>,
) -> Result<web::Json<MemberBalanceView>, Problem> {
    let at: DateTime<Utc> = query.0.at.map_or_else(|| app.now(), |at| at.0);
    let member = id.0;
    let balance = app
        .into_inner()
        .run(move |connection| {
            union_registry::members::find(connection, member)?;
            Ok(read::member_balance(connection, member, at)?)
        })
        .await?;
    let Balance { pending, available, reserved, debt } = balance;
    Ok(web::Json(MemberBalanceView { member: member.0, at: at.into(), pending, available, reserved, debt }))
}

/// A transfer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Transfer)]
struct TransferView {
    debit: String,
    credit: String,
    #[schema(value_type = String, example = "42.00")]
    amount: Money,
}

/// A posting with its transfers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Posting)]
struct PostingItem {
    id: Uuid,
    /// `purchase`, `refund`, `release`, `expire`, ...
    kind: String,
    /// When it was booked.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    booked_on: NaiveDate,
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outlet: Option<String>,
    transfers: Vec<TransferView>,
    /// What it moved on the account asked for, signed from that account's normal side.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "42.00")]
    amount: Option<Money>,
}

impl From<PostingView> for PostingItem {
    fn from(posting: PostingView) -> Self {
        Self {
            id: posting.id.0,
            kind: posting.kind.to_string(),
            at: posting.booked_at.into(),
            booked_on: posting.booked_on,
            occurred_at: posting.occurred_at.into(),
            purchase_id: posting.purchase.map(|id| id.0),
            receipt: posting.receipt,
            outlet: posting.outlet,
            transfers: posting
                .transfers
                .into_iter()
                .map(|transfer| TransferView {
                    debit: transfer.debit.to_string(),
                    credit: transfer.credit.to_string(),
                    amount: transfer.amount,
                })
                .collect(),
            amount: posting.amount,
        }
    }
}

/// A page of postings.
#[derive(Debug, Serialize, ToSchema)]
pub struct Postings {
    items: Vec<PostingItem>,
    next: Option<String>,
}

/// Which postings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PostingsQuery {
    /// Those that touch this account.
    account: Option<String>,
    /// Booked on this day or later.
    from: Option<NaiveDate>,
    /// Booked on this day or before.
    to: Option<NaiveDate>,
    /// Booked up to this instant: those that a trial balance as of it is made of.
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Postings, the newest first.
#[utoipa::path(get, path = "/v1/ledger/postings", tag = "finance", params(PostingsQuery), responses(
    (status = 200, description = "a page of postings", body = Postings),
    (status = 404, description = "nobody has that account", body = ProblemBody)))]
pub async fn postings(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PostingsQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let limit = paging::limit(query.limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<PostingId> = list.after(query.after.as_deref())?;
    let account = query.account.as_deref().map(str::parse::<AccountName>).transpose().map_err(|_| {
        Problem::invalid_field(
            "account",
            "is no account, such as receivable:market",
            "это не счёт, например receivable:market",
        )
    })?;
    let filter = PostingFilter { account, from: query.from, to: query.to, at: query.at.map(|at| at.0) };
    let inner = app.clone().into_inner();
    let page = app
        .into_inner()
        .run(move |connection| Ok(read::postings(connection, &inner.books, &filter, after, limit)?))
        .await?;
    Ok(list.answer(&page.map(PostingItem::from)))
}
