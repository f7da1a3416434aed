//! Purchases that are there already and turn out to be the sale of a claim: posted without their fiscal receipt, or
//! reserved with points in it.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;

use super::APART_MAX;
use crate::ids::PurchaseId;
use crate::posting::Fiscal;
use crate::posting::decide::AUTHORIZED_DAYS;
use crate::statement::statement;

/// The sale of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sought {
    pub member: MemberId,
    /// The outlet's number.
    pub outlet: i32,
    /// The receipt's moment.
    pub at: DateTime<Utc>,
    /// What it says was paid.
    pub sum: Money,
}

statement! {
    /// Purchases that came without a fiscal receipt and are no claim's yet, by the places of the sales that they may be.
    FindArrived {
        apart: i64 => BigInt, places: Vec<i64> => Array<BigInt>, members: Vec<MemberId> => Array<SqlUuid>,
        outlets: Vec<i32> => Array<Integer>, moments: Vec<DateTime<Utc>> => Array<Timestamptz>,
        sums: Vec<Money> => Array<BigInt>,
    } -> (BigInt, SqlUuid),
    "WITH given AS (SELECT make_interval(secs => ?) AS apart)
     SELECT n.place, p.id
     FROM unnest(?, ?, ?, ?, ?) AS n (place, member_id, outlet_id, moment, sum) CROSS JOIN given
     JOIN ledger.outlets AS o ON o.id = n.outlet_id JOIN ledger.partners AS whose ON whose.id = o.partner_id
     CROSS JOIN LATERAL (SELECT * FROM ledger.purchases AS p
        WHERE p.outlet_id = n.outlet_id
            AND p.occurred_at BETWEEN n.moment - given.apart AND n.moment + given.apart
            AND p.member_id = n.member_id AND p.fiscal IS NULL AND p.status NOT IN ('authorized', 'voided') OFFSET 0) AS p
     WHERE ledger.receipt_sum(p.amount, p.redeemed, p.kept, whose.fiscal_counts_points) = n.sum
        AND NOT EXISTS (SELECT FROM ledger.claims AS c WHERE c.purchase_id = p.id)
     ORDER BY n.place, p.id"
}

statement! {
    /// What members have reserved with points in it and can still capture.
    FindReserved { members: Vec<MemberId> => Array<SqlUuid>, since: Option<DateTime<Utc>> => Nullable<Timestamptz> }
        -> (SqlUuid, Integer, Timestamptz, BigInt, BigInt, Bool, Nullable<Text>),
    "SELECT p.member_id, p.outlet_id, p.occurred_at, p.amount, p.redeemed, whose.fiscal_counts_points, p.fiscal
     FROM ledger.purchases AS p JOIN ledger.outlets AS o ON o.id = p.outlet_id
     JOIN ledger.partners AS whose ON whose.id = o.partner_id
     WHERE p.status = 'authorized' AND p.member_id = ANY(?) AND p.booked_at > ? AND p.redeemed > 0"
}

/// The purchase that each of these sales is; none is two of them. Whoever asks holds the locks on the members' balances.
pub(crate) fn arrived(
    connection: &mut PgConnection,
    sales: &[Sought],
) -> QueryResult<Vec<Option<PurchaseId>>> {
    if sales.is_empty() {
        return Ok(Vec::new());
    }
    let mut find = FindArrived { apart: APART_MAX.num_seconds(), ..FindArrived::default() };
    for (place, sale) in (0i64..).zip(sales) {
        find.places.push(place);
        find.members.push(sale.member);
        find.outlets.push(sale.outlet);
        find.moments.push(sale.at);
        find.sums.push(sale.sum);
    }
    let candidates: Vec<(i64, PurchaseId)> = find.load(connection)?;
    let mut taken: HashSet<PurchaseId> = HashSet::new();
    Ok((0i64..)
        .zip(sales)
        .map(|(place, _)| {
            let mut own = candidates.iter().filter(|(of, _)| *of == place).map(|(_, purchase)| *purchase);
            own.find(|purchase| taken.insert(*purchase))
        })
        .collect())
}

/// A sale that is reserved, with points in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reserved {
    member: MemberId,
    outlet: i32,
    at: DateTime<Utc>,
    /// The most its receipt can say: less, where less is captured.
    most: Money,
    /// Its fiscal receipt, where the till sent one.
    fiscal: Option<(String, i64)>,
}

impl Reserved {
    /// Whether its capture may be the sale of a receipt.
    pub(crate) fn may_be(&self, sale: &Sought, fiscal: (&str, i64)) -> bool {
        if self.member != sale.member {
            return false;
        }
        match &self.fiscal {
            Some((drive, document)) => (drive.as_str(), *document) == fiscal,
            None => {
                self.outlet == sale.outlet && sale.sum <= self.most && (self.at - sale.at).abs() <= APART_MAX
            }
        }
    }
}

type ReservedRow = (MemberId, i32, DateTime<Utc>, Money, Money, bool, Option<String>);

/// What members have reserved, with points in it.
pub(crate) fn reserved(
    connection: &mut PgConnection,
    members: Vec<MemberId>,
    now: DateTime<Utc>,
) -> QueryResult<Vec<Reserved>> {
    let since = Some(now - TimeDelta::days(AUTHORIZED_DAYS));
    let rows: Vec<ReservedRow> = FindReserved { members, since }.load(connection)?;
    Ok(rows
        .into_iter()
        .map(|(member, outlet, at, amount, redeemed, whole, fiscal)| Reserved {
            member,
            outlet,
            at,
            most: if whole { amount } else { amount - redeemed },
            fiscal: fiscal
                .and_then(|raw| Fiscal::parse(&raw).ok())
                .map(|fiscal| (fiscal.drive, fiscal.document)),
        })
        .collect())
}
