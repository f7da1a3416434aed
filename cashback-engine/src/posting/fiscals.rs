//! Fiscal receipts of a batch. All of them are claimed before members are locked, those of members' claims too that a
//! purchase without one may turn out to be: so whoever comes with the receipt, and whoever comes without, waits for the
//! other at the receipt and never in a circle.

use std::collections::HashSet;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::MemberId;

use super::batch::Batch;
use super::read::{ClaimFiscals, ReleaseFiscals};
use super::sale::{Sale, Source};
use super::write::meanwhile;
use crate::claims::arrivals::{self, Arrival};
use crate::ids::PurchaseId;
use crate::schema::ledger::fiscal_receipts;

/// A drive and its document.
pub(super) type Slot = (String, i64);

/// Whether a purchase may be one that a member claims by a fiscal receipt which it comes without.
pub(super) fn may_be_claimed(sale: &Sale) -> bool {
    sale.capture && sale.fiscal.is_none()
}

impl Batch<'_> {
    /// Whether a fiscal receipt is held for this batch.
    pub(super) fn has(&self, slot: &Slot) -> bool {
        self.fiscals.contains_key(slot) || self.held.iter().any(|(held, _)| held == slot)
    }

    pub(super) fn claim_fiscals(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        let won: HashSet<PurchaseId> = self.claims.values().map(|claim| claim.id).collect();
        let mut asked: Vec<(Slot, PurchaseId)> = self
            .sales
            .iter()
            .zip(&self.ids)
            .filter(|(sale, id)| sale.capture && won.contains(*id))
            .filter_map(|(sale, id)| Some((slot_of(sale)?, *id)))
            .collect();
        asked.sort();
        asked.dedup_by(|later, earlier| later.0 == earlier.0);
        let own: HashSet<Slot> = asked.iter().map(|(slot, _)| slot.clone()).collect();
        asked.extend(
            self.claimed_by_members(connection, &won)?.into_iter().filter(|(slot, _)| !own.contains(slot)),
        );
        if asked.is_empty() {
            return Ok(());
        }
        asked.sort();
        asked.dedup_by(|later, earlier| later.0 == earlier.0);
        self.asked = asked.iter().map(|(slot, _)| slot.clone()).collect();
        for (id, drive, document) in insert_fiscals(connection, asked)? {
            let slot = (drive, document);
            if own.contains(&slot) {
                self.fiscals.insert(slot, (id, None));
            } else {
                self.held.push((slot, id));
            }
        }
        Ok(())
    }

    /// The fiscal receipts that claims may bring to these purchases: of open claims whose sale came without its own, and
    /// of claims approved for a receipt that is there already.
    fn claimed_by_members(
        &self,
        connection: &mut PgConnection,
        won: &HashSet<PurchaseId>,
    ) -> QueryResult<Vec<(Slot, PurchaseId)>> {
        let places = || self.sales.iter().zip(&self.places).zip(&self.ids);
        let mut found: Vec<(Slot, PurchaseId)> = places()
            .filter(|((sale, _), _)| sale.source == Source::Claim)
            .filter_map(|((sale, place), _)| {
                let key = (place.as_ref().ok()?.outlet.number, sale.receipt.clone());
                let id =
                    self.known.get(&key).copied().or_else(|| self.claims.get(&key).map(|claim| claim.id))?;
                Some((slot_of(sale)?, id))
            })
            .collect();
        if !self.claims_in_play {
            return Ok(found);
        }
        let members: Vec<MemberId> =
            self.sales.iter().filter(|sale| may_be_claimed(sale)).map(|sale| sale.buyer.member).collect();
        let open = arrivals::open(connection, members)?;
        for ((sale, place), id) in
            places().filter(|((sale, _), id)| may_be_claimed(sale) && won.contains(*id))
        {
            let Ok(checked) = place else { continue };
            let arrival = Arrival::of(sale, checked);
            let met = open.iter().filter(|claim| claim.member == sale.buyer.member && claim.is(&arrival));
            found.extend(met.map(|claim| ((claim.drive.clone(), claim.document), *id)));
        }
        Ok(found)
    }

    /// The purchases that claims which are being approved turn out to be.
    pub(super) fn look_for_claimed(&mut self, connection: &mut PgConnection) -> QueryResult<Vec<PurchaseId>> {
        let approvals: Vec<Arrival<'_>> = self
            .sales
            .iter()
            .zip(&self.places)
            .filter(|(sale, _)| sale.source == Source::Claim)
            .filter_map(|(sale, place)| Some(Arrival::of(sale, place.as_ref().ok()?)))
            .collect();
        self.world.plays.look(connection, &approvals, self.now)
    }

    /// For a quote: the fiscal receipts that nobody has, as if they were claimed.
    pub(super) fn look_at_fiscals(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        for (sale, id) in self.sales.iter().zip(&self.ids) {
            if let Some(fiscal) = &sale.fiscal {
                let key = (fiscal.drive.clone(), fiscal.document);
                let taken: Option<PurchaseId> = fiscal_receipts::table
                    .find((&fiscal.drive, fiscal.document))
                    .select(fiscal_receipts::purchase_id)
                    .first(connection)
                    .optional()?;
                self.fiscals.insert(key, (*id, taken));
            }
        }
        Ok(())
    }

    /// Gives back what was held for claims: whichever of it a claim brings to its purchase is written with the claim, and
    /// nobody gets it between. A claim filed since is asked for by the caller's next attempt.
    pub(super) fn credit_fiscals(&self, connection: &mut PgConnection) -> QueryResult<()> {
        if self.world.plays.credited().any(|slot| !self.asked.contains(&slot)) {
            return Err(meanwhile("a claim was filed meanwhile"));
        }
        let mut held = ReleaseFiscals::default();
        for ((drive, document), id) in &self.held {
            held.purchases.push(*id);
            held.drives.push(drive.clone());
            held.documents.push(*document);
        }
        if !held.purchases.is_empty() {
            held.execute(connection)?;
        }
        Ok(())
    }

    /// Gives up the fiscal receipts of purchases refused after all; whoever else here has one keeps it.
    pub(super) fn release_fiscals(&self, connection: &mut PgConnection) -> QueryResult<()> {
        let mut free = ReleaseFiscals::default();
        let mut moved = Vec::new();
        for (slot, (claimed, taken)) in &self.fiscals {
            if *taken != Some(*claimed) {
                free.purchases.push(*claimed);
                free.drives.push(slot.0.clone());
                free.documents.push(slot.1);
                moved.extend(taken.map(|taken| (slot.clone(), taken)));
            }
        }
        if !free.purchases.is_empty() {
            free.execute(connection)?;
        }
        if !moved.is_empty() {
            moved.sort();
            insert_fiscals(connection, moved)?;
        }
        Ok(())
    }
}

fn slot_of(sale: &Sale) -> Option<Slot> {
    sale.fiscal.as_ref().map(|fiscal| (fiscal.drive.clone(), fiscal.document))
}

/// Claims fiscal receipts, given in their order.
fn insert_fiscals(
    connection: &mut PgConnection,
    asked: Vec<(Slot, PurchaseId)>,
) -> QueryResult<Vec<(PurchaseId, String, i64)>> {
    let mut statement = ClaimFiscals::default();
    for ((drive, document), id) in asked {
        statement.drives.push(drive);
        statement.documents.push(document);
        statement.purchases.push(id);
    }
    statement.load(connection)
}
