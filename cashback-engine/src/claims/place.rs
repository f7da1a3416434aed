//! Unmatched claims whose till gets known: the partner is to decide, unless their sale has arrived without its fiscal
//! receipt while nobody could tell.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::MemberId;
use shared_kernel::outbox::{self, Event};

use super::arrivals::confirm;
use super::arrived::{Sought, arrived};
use super::file::{instant, to_decide};
use super::{Claim, ClaimId, ClaimStatus};
use crate::balances::lock_members;
use crate::ids::PurchaseId;
use crate::partners::Outlet;
use crate::posting::read::{ClaimFiscals, ReleaseFiscals};
use crate::rules::Book;
use crate::schema::ledger::claims;

/// Unmatched claims, locked after their members; and before both, as whoever posts does, their fiscal receipts were held.
pub(super) struct Unmatched {
    pub claims: Vec<Claim>,
    /// The receipts that nobody has, and for which purchase that will never be each is held.
    held: HashMap<(String, i64), PurchaseId>,
}

impl Unmatched {
    /// Locks these of the claims that are still unmatched.
    pub(super) fn lock(connection: &mut PgConnection, claims: &[Claim]) -> QueryResult<Self> {
        let held = hold(connection, claims)?;
        let ids: Vec<ClaimId> = claims.iter().map(|claim| claim.id).collect();
        let mut members: BTreeSet<MemberId> = claims.iter().map(|claim| claim.member).collect();
        loop {
            lock_members(connection, members.iter().copied().collect())?;
            let claims: Vec<Claim> = claims::table
                .filter(claims::id.eq_any(&ids).and(claims::status.eq(ClaimStatus::Unmatched)))
                .order(claims::id)
                .select(Claim::as_select())
                .for_no_key_update()
                .load(connection)?;
            let whose: BTreeSet<MemberId> = claims.iter().map(|claim| claim.member).collect();
            if whose.is_subset(&members) {
                return Ok(Self { claims, held });
            }
            // A claim's member was found to be another meanwhile.
            members = whose;
        }
    }

    /// Gives them their outlet, and with it their moments. Those whose sale is there are confirmed by it, the others are
    /// the partner's to decide. The claims as they are then.
    pub(super) fn place(
        self,
        connection: &mut PgConnection,
        (book, outlet): (&Book, &Outlet),
        now: DateTime<Utc>,
    ) -> QueryResult<Vec<Claim>> {
        let ids: Vec<ClaimId> = self.claims.iter().map(|claim| claim.id).collect();
        let moments: Vec<DateTime<Utc>> =
            self.claims.iter().map(|claim| instant(outlet.tz(), claim.local_time)).collect();
        diesel::sql_query(
            "UPDATE ledger.claims AS c SET status = 'waiting', outlet_id = $1, occurred_at = n.moment
             FROM unnest($2, $3) AS n (id, moment) WHERE c.id = n.id",
        )
        .bind::<Integer, _>(outlet.number)
        .bind::<Array<SqlUuid>, _>(&ids)
        .bind::<Array<Timestamptz>, _>(&moments)
        .execute(connection)?;
        let (free, sought): (Vec<&Claim>, Vec<Sought>) = self
            .claims
            .iter()
            .zip(moments)
            .filter(|(claim, _)| self.held.contains_key(&(claim.drive.clone(), claim.document)))
            .map(|(claim, at)| {
                let sought = Sought { member: claim.member, outlet: outlet.number, at, sum: claim.amount };
                (claim, sought)
            })
            .unzip();
        let found = arrived(connection, &sought)?;
        let there = free.into_iter().zip(found);
        let there: Vec<(Claim, PurchaseId)> =
            there.filter_map(|(claim, purchase)| Some((claim.clone(), purchase?))).collect();
        self.leave(connection)?;
        confirm(connection, there, now)?;
        let placed: Vec<Claim> = claims::table
            .filter(claims::id.eq_any(ids))
            .order(claims::id)
            .select(Claim::as_select())
            .load(connection)?;
        let waiting = placed.iter().filter(|claim| claim.status.is_open());
        let events: Vec<Event> = waiting.map(|claim| to_decide(claim, book, now)).collect();
        outbox::append(connection, &events)?;
        Ok(placed)
    }

    /// Gives back the fiscal receipts that were held.
    pub(super) fn leave(self, connection: &mut PgConnection) -> QueryResult<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let mut free = ReleaseFiscals::default();
        for ((drive, document), purchase) in self.held {
            free.purchases.push(purchase);
            free.drives.push(drive);
            free.documents.push(document);
        }
        free.execute(connection)?;
        Ok(())
    }
}

/// Holds the fiscal receipts that nobody has, in their order.
fn hold(connection: &mut PgConnection, claims: &[Claim]) -> QueryResult<HashMap<(String, i64), PurchaseId>> {
    if claims.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: BTreeSet<(&str, i64)> =
        claims.iter().map(|claim| (claim.drive.as_str(), claim.document)).collect();
    let mut hold = ClaimFiscals::default();
    for (drive, document) in keys {
        hold.drives.push(drive.to_owned());
        hold.documents.push(document);
        hold.purchases.push(PurchaseId::generate());
    }
    let held: Vec<(PurchaseId, String, i64)> = hold.load(connection)?;
    Ok(held.into_iter().map(|(purchase, drive, document)| ((drive, document), purchase)).collect())
}
