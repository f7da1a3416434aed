//! Claims as they are listed: to their member, to the partner, to the union.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::MemberId;
use shared_kernel::paging::{Limit, Page};

use super::{Claim, ClaimId, ClaimStatus};
use crate::ids::{PartnerId, PurchaseId};
use crate::schema::ledger::{claims, outlets};

/// Which claims.
#[derive(Debug, Clone, Default)]
pub struct ClaimFilter {
    /// Only this member's.
    pub member: Option<MemberId>,
    /// Only this partner's.
    pub partner: Option<PartnerId>,
    /// Only of these outlets (their codes); all when empty.
    pub outlets: Vec<String>,
    /// Only of this status.
    pub status: Option<ClaimStatus>,
}

/// Claims, the newest first.
///
/// # Errors
/// The database's.
pub fn claims(
    connection: &mut PgConnection,
    filter: &ClaimFilter,
    after: Option<ClaimId>,
    limit: Limit,
) -> QueryResult<Page<Claim, ClaimId>> {
    let mut query = claims::table.left_join(outlets::table).select(Claim::as_select()).into_boxed();
    if let Some(member) = filter.member {
        query = query.filter(claims::member_id.eq(member));
    }
    if let Some(partner) = filter.partner {
        query = query.filter(outlets::partner_id.eq(partner));
    }
    if !filter.outlets.is_empty() {
        query = query.filter(outlets::code.eq_any(filter.outlets.clone()));
    }
    if let Some(status) = filter.status {
        query = query.filter(claims::status.eq(status));
    }
    if let Some(after) = after {
        query = query.filter(claims::id.lt(after));
    }
    let rows = query.order(claims::id.desc()).limit(limit.with_lookahead()).load(connection)?;
    Ok(Page::from_lookahead(rows, limit, |claim| claim.id))
}

/// A claim within a filter; what lies outside is none.
///
/// # Errors
/// The database's.
pub fn claim(connection: &mut PgConnection, id: ClaimId, filter: &ClaimFilter) -> QueryResult<Option<Claim>> {
    let found: Option<(Claim, Option<(PartnerId, String)>)> = claims::table
        .left_join(outlets::table)
        .filter(claims::id.eq(id))
        .select((Claim::as_select(), (outlets::partner_id, outlets::code).nullable()))
        .first(connection)
        .optional()?;
    Ok(found
        .filter(|(claim, outlet)| {
            filter.member.is_none_or(|member| member == claim.member)
                && filter.partner.is_none_or(|partner| outlet.as_ref().is_some_and(|(of, _)| *of == partner))
                && (filter.outlets.is_empty()
                    || outlet.as_ref().is_some_and(|(_, code)| filter.outlets.contains(code)))
        })
        .map(|(claim, _)| claim))
}

/// A purchase of the same outlet, sum and minutes as a claim, whoever bought: the partner should look twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Similar {
    /// The purchase.
    pub purchase: PurchaseId,
    /// Its receipt.
    pub receipt: String,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct SimilarRow {
    #[diesel(sql_type = SqlUuid)]
    claim_id: ClaimId,
    #[diesel(sql_type = SqlUuid)]
    purchase_id: PurchaseId,
    #[diesel(sql_type = Text)]
    receipt: String,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
}

/// The purchases that look like open claims, by claim.
///
/// # Errors
/// The database's.
pub fn similar(
    connection: &mut PgConnection,
    open: &[ClaimId],
) -> QueryResult<HashMap<ClaimId, Vec<Similar>>> {
    if open.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<SimilarRow> = diesel::sql_query(
        "SELECT c.id AS claim_id, b.id AS purchase_id, b.receipt, b.occurred_at
         FROM ledger.claims AS c JOIN ledger.purchases AS b ON b.outlet_id = c.outlet_id
            AND b.occurred_at BETWEEN c.occurred_at - make_interval(secs => $2)
                AND c.occurred_at + make_interval(secs => $2)
            AND b.status <> 'voided'
         JOIN ledger.outlets AS o ON o.id = b.outlet_id JOIN ledger.partners AS p ON p.id = o.partner_id
            AND c.amount = ledger.receipt_sum(b.amount, b.redeemed, b.kept, p.fiscal_counts_points)
         WHERE c.id = ANY($1) ORDER BY b.occurred_at LIMIT 400",
    )
    .bind::<Array<SqlUuid>, _>(open)
    .bind::<BigInt, _>(super::APART_MAX.num_seconds())
    .load(connection)?;
    let mut found: HashMap<ClaimId, Vec<Similar>> = HashMap::new();
    for row in rows {
        found.entry(row.claim_id).or_default().push(Similar {
            purchase: row.purchase_id,
            receipt: row.receipt,
            occurred_at: row.occurred_at,
        });
    }
    Ok(found)
}
