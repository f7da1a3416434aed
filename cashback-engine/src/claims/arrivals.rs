//! Purchases that are claims: read with the members' balances, matched while deciding, written with everything else.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::outbox::{self, Event};

use super::arrived::{Reserved, Sought, arrived, reserved};
use super::file::decided;
use super::{APART_MAX, Claim, ClaimId, ClaimReason, ClaimStatus, derived_receipt};
use crate::ids::PurchaseId;
use crate::posting::Refusal;
use crate::posting::check::{Checked, fiscal_sum};
use crate::posting::read::{ClaimFiscals, ReleaseFiscals};
use crate::posting::sale::{Sale, Source};
use crate::posting::world::World;
use crate::schema::ledger::claims;
use crate::statement::statement;

/// A claim in play.
#[derive(Debug, Clone, Queryable)]
pub(crate) struct Played {
    pub id: ClaimId,
    pub member: MemberId,
    pub drive: String,
    pub document: i64,
    pub amount: Money,
    pub outlet: Option<i32>,
    pub occurred_at: Option<DateTime<Utc>>,
    pub status: ClaimStatus,
    pub purchase: Option<PurchaseId>,
}

/// A purchase on its way in, as far as claims ask about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival<'a> {
    pub member: MemberId,
    /// The outlet's number.
    pub outlet: i32,
    pub receipt: &'a str,
    pub occurred_at: DateTime<Utc>,
    /// What was bought came to this, before points.
    pub amount: Money,
    /// What its fiscal receipt says.
    pub sum: Money,
    /// Its fiscal receipt's drive and document.
    pub fiscal: Option<(&'a str, i64)>,
    /// Who approved it, where it is a claim's approval that posts it.
    pub approved_by: Option<Uuid>,
    /// Whether points paid a part of it.
    pub redeems: bool,
}

impl<'a> Arrival<'a> {
    /// A purchase that is posted at once.
    pub(crate) fn of(sale: &'a Sale, checked: &Checked) -> Self {
        Self {
            member: sale.buyer.member,
            outlet: checked.outlet.number,
            receipt: &sale.receipt,
            occurred_at: sale.occurred_at,
            amount: sale.amount,
            sum: fiscal_sum(&checked.partner, sale),
            fiscal: sale.fiscal.as_ref().map(|fiscal| (fiscal.drive.as_str(), fiscal.document)),
            approved_by: (sale.source == Source::Claim).then_some(sale.posted_by),
            redeems: sale.redeem.is_positive(),
        }
    }

    fn sought(&self) -> Sought {
        Sought { member: self.member, outlet: self.outlet, at: self.occurred_at, sum: self.sum }
    }
}

/// What became of a claim in play.
#[derive(Debug, Clone)]
enum Fate {
    Approved { purchase: PurchaseId, receipt_said: bool },
    Confirmed { purchase: PurchaseId, credits: bool },
    Arrived { receipt: String },
}

/// The claims in play of a batch's members, and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Plays {
    claims: HashMap<MemberId, Vec<Played>>,
    fates: Vec<(Played, Fate, Option<Uuid>)>,
    /// Fiscal receipts of claims that other purchases have: the night ends those claims.
    lost: HashSet<FiscalKey>,
    /// Purchases that came without the fiscal receipts of claims that are being approved here.
    arrived: HashMap<FiscalKey, PurchaseId>,
    /// What those claims' members have reserved.
    reserved: Vec<Reserved>,
}

/// A fiscal receipt: its drive and document.
type FiscalKey = (String, i64);

/// Counts a member's claims in play anew, under the lock on the member's balances.
pub(super) fn count_in_play(connection: &mut PgConnection, member: MemberId) -> QueryResult<()> {
    count_all_in_play(connection, &[member])
}

pub(super) fn count_all_in_play(connection: &mut PgConnection, members: &[MemberId]) -> QueryResult<()> {
    diesel::sql_query(
        "UPDATE ledger.balances AS b SET claims =
            (SELECT count(*) FROM ledger.claims AS c WHERE c.member_id = b.member_id AND c.in_play)
         WHERE b.member_id = ANY($1)",
    )
    .bind::<Array<SqlUuid>, _>(members)
    .execute(connection)?;
    Ok(())
}

/// Reads the claims in play of members who have any; the purchases of approved ones too.
pub(crate) fn read(connection: &mut PgConnection, world: &mut World) -> QueryResult<Vec<PurchaseId>> {
    let members: Vec<MemberId> =
        world.members.iter().filter(|(_, member)| member.claims > 0).map(|(id, _)| *id).collect();
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let rows = in_play(connection, members)?;
    let approved = rows.iter().filter_map(|claim| claim.purchase).collect();
    for claim in rows {
        world.plays.claims.entry(claim.member).or_default().push(claim);
    }
    Ok(approved)
}

/// The open claims of members as they are before their locks.
pub(crate) fn open(connection: &mut PgConnection, members: Vec<MemberId>) -> QueryResult<Vec<Played>> {
    Ok(in_play(connection, members)?.into_iter().filter(|claim| claim.status.is_open()).collect())
}

fn in_play(connection: &mut PgConnection, members: Vec<MemberId>) -> QueryResult<Vec<Played>> {
    claims::table
        .filter(claims::member_id.eq_any(members).and(claims::in_play))
        .order(claims::id)
        .select((
            claims::id,
            claims::member_id,
            claims::drive,
            claims::document,
            claims::amount,
            claims::outlet_id,
            claims::occurred_at,
            claims::status,
            claims::purchase_id,
        ))
        .load(connection)
}

impl Played {
    /// Whether a purchase is this claim's sale.
    pub(crate) fn is(&self, arrival: &Arrival<'_>) -> bool {
        match arrival.fiscal {
            Some(fiscal) => fiscal == (self.drive.as_str(), self.document),
            None => {
                self.outlet == Some(arrival.outlet)
                    && self.amount == arrival.sum
                    && self.occurred_at.is_some_and(|at| (at - arrival.occurred_at).abs() <= APART_MAX)
            }
        }
    }
}

impl Plays {
    fn of(&self, member: MemberId) -> &[Played] {
        self.claims.get(&member).map(Vec::as_slice).unwrap_or_default()
    }

    fn take(&mut self, member: MemberId, id: ClaimId, fate: Fate, by: Option<Uuid>) {
        let Some(claims) = self.claims.get_mut(&member) else { return };
        if let Some(place) = claims.iter().position(|claim| claim.id == id) {
            let claim = claims.remove(place);
            self.fates.push((claim, fate, by));
        }
    }

    /// Notes fiscal receipts that were asked for and belong to other purchases.
    pub(crate) fn lose(&mut self, slots: impl IntoIterator<Item = FiscalKey>) {
        self.lost.extend(slots);
    }

    /// The purchase that was posted for this very sale when its claim was approved; its receipt becomes another name. A
    /// sale at another outlet than the claim's is another purchase, whose fiscal receipt is used already.
    pub(crate) fn arrives(&mut self, arrival: &Arrival<'_>) -> Option<PurchaseId> {
        if arrival.approved_by.is_some() || arrival.redeems {
            return None;
        }
        let (id, purchase) = self
            .of(arrival.member)
            .iter()
            .filter(|claim| claim.is(arrival) && claim.amount == arrival.amount)
            .filter(|claim| claim.outlet == Some(arrival.outlet))
            .find_map(|claim| Some((claim.id, claim.purchase?)))?;
        self.take(arrival.member, id, Fate::Arrived { receipt: arrival.receipt.to_owned() }, None);
        Some(purchase)
    }

    /// Whether the claim that is being approved can be: open, the member's, and its sale not to be captured yet. The
    /// purchase that the sale is already, where it came without this fiscal receipt.
    pub(crate) fn may_approve(&self, arrival: &Arrival<'_>) -> Result<Option<PurchaseId>, Refusal> {
        let mut own = self.of(arrival.member).iter();
        let open = own.any(|claim| claim.status == ClaimStatus::Waiting && claim.is(arrival));
        let Some((drive, document)) = arrival.fiscal.filter(|_| open) else {
            return Err(Refusal::ClaimEnded);
        };
        if self.reserved.iter().any(|one| one.may_be(&arrival.sought(), (drive, document))) {
            return Err(Refusal::ClaimAuthorized);
        }
        let slot = (drive.to_owned(), document);
        Ok(self.arrived.get(&slot).filter(|_| !self.lost.contains(&slot)).copied())
    }

    /// Reads what the sales of claims that are being approved may be already. Guarded by the members' locks.
    pub(crate) fn look(
        &mut self,
        connection: &mut PgConnection,
        approvals: &[Arrival<'_>],
        now: DateTime<Utc>,
    ) -> QueryResult<Vec<PurchaseId>> {
        if approvals.is_empty() {
            return Ok(Vec::new());
        }
        self.reserved = reserved(connection, approvals.iter().map(|one| one.member).collect(), now)?;
        let sought: Vec<Sought> = approvals.iter().map(Arrival::sought).collect();
        let found = approvals.iter().zip(arrived(connection, &sought)?);
        self.arrived = found
            .filter_map(|(approval, purchase)| {
                let (drive, document) = approval.fiscal?;
                Some(((drive.to_owned(), document), purchase?))
            })
            .collect();
        Ok(self.arrived.values().copied().collect())
    }

    /// Notes that a purchase is the sale of an open claim: approved by whoever posts it, or come by itself. The fiscal
    /// receipt that the claim brings to it, where it does.
    pub(crate) fn meets(
        &mut self,
        arrival: &Arrival<'_>,
        (id, fresh): (PurchaseId, bool),
    ) -> Option<FiscalKey> {
        let credits = arrival.fiscal.is_none() || !fresh;
        let others = |claim: &Played| credits && self.lost.contains(&(claim.drive.clone(), claim.document));
        let mut open = self.of(arrival.member).iter().filter(|claim| claim.status.is_open());
        let claim = open.find(|claim| claim.is(arrival) && !others(claim)).cloned()?;
        let by = arrival.approved_by;
        let fate = match by {
            Some(_) if fresh => Fate::Approved {
                purchase: id,
                receipt_said: arrival.receipt != derived_receipt(&claim.drive, claim.document),
            },
            // What came without its fiscal receipt, or was there already, gets the claim's.
            _ => Fate::Confirmed { purchase: id, credits },
        };
        let brought = matches!(fate, Fate::Confirmed { credits: true, .. })
            .then(|| (claim.drive.clone(), claim.document));
        let approved = match &fate {
            // The sale itself may still arrive, perhaps in this very batch.
            Fate::Approved { purchase, receipt_said: false } => Some(*purchase),
            _ => None,
        };
        self.take(arrival.member, claim.id, fate, by);
        if approved.is_some() {
            let stays = Played { status: ClaimStatus::Approved, purchase: approved, ..claim };
            self.claims.entry(arrival.member).or_default().push(stays);
        }
        brought
    }

    /// The fiscal receipts that claims bring to their purchases.
    pub(crate) fn credited(&self) -> impl Iterator<Item = FiscalKey> {
        self.fates
            .iter()
            .filter(|(_, fate, _)| matches!(fate, Fate::Confirmed { credits: true, .. }))
            .map(|(claim, ..)| (claim.drive.clone(), claim.document))
    }

    /// What the members are told.
    fn events(&self, now: DateTime<Utc>) -> Vec<Event> {
        self.fates
            .iter()
            .filter_map(|(claim, fate, _)| {
                let (status, reason, purchase) = match fate {
                    Fate::Approved { purchase, .. } => {
                        (ClaimStatus::Approved, ClaimReason::Approved, *purchase)
                    }
                    Fate::Confirmed { purchase, .. } => {
                        (ClaimStatus::Confirmed, ClaimReason::Arrived, *purchase)
                    }
                    Fate::Arrived { .. } => return None,
                };
                Some(decided((claim.id, claim.member), status, (reason, Some(purchase)), now))
            })
            .collect()
    }

    /// Writes what became of claims, and tells their members.
    pub(crate) fn write(&self, connection: &mut PgConnection, now: DateTime<Utc>) -> QueryResult<()> {
        if self.fates.is_empty() {
            return Ok(());
        }
        let mut ended = EndClaims { now: Some(now), ..EndClaims::default() };
        let mut arrived = NoteArrivals::default();
        let mut credited = CreditFiscals::default();
        for (claim, fate, by) in &self.fates {
            match fate {
                Fate::Arrived { receipt } => {
                    arrived.ids.push(claim.id);
                    arrived.receipts.push(receipt.clone());
                }
                Fate::Approved { purchase, receipt_said } => ended.push(
                    claim.id,
                    (ClaimStatus::Approved, ClaimReason::Approved),
                    (*purchase, *receipt_said),
                    *by,
                ),
                Fate::Confirmed { purchase, credits } => {
                    let what = (ClaimStatus::Confirmed, ClaimReason::Arrived);
                    ended.push(claim.id, what, (*purchase, true), *by);
                    if *credits {
                        credited.drives.push(claim.drive.clone());
                        credited.documents.push(claim.document);
                        credited.purchases.push(*purchase);
                    }
                }
            }
        }
        ended.execute(connection)?;
        arrived.execute(connection)?;
        credited.execute(connection)?;
        outbox::append(connection, &self.events(now))?;
        let members: Vec<MemberId> = self.fates.iter().map(|(claim, ..)| claim.member).collect();
        count_all_in_play(connection, &members)
    }
}

/// Ends open claims whose sales are there: as posting would, had they come now. The caller holds their fiscal receipts and
/// the locks on their members' balances.
pub(super) fn confirm(
    connection: &mut PgConnection,
    there: Vec<(Claim, PurchaseId)>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let fates = there
        .into_iter()
        .map(|(claim, purchase)| (claim.into(), Fate::Confirmed { purchase, credits: true }, None))
        .collect();
    Plays { fates, ..Plays::default() }.write(connection, now)
}

impl From<Claim> for Played {
    fn from(claim: Claim) -> Self {
        let Claim { id, member, drive, document, amount, outlet, occurred_at, status, purchase, .. } = claim;
        Self { id, member, drive, document, amount, outlet, occurred_at, status, purchase }
    }
}

impl EndClaims {
    fn push(
        &mut self,
        id: ClaimId,
        (status, reason): (ClaimStatus, ClaimReason),
        (purchase, known): (PurchaseId, bool),
        by: Option<Uuid>,
    ) {
        self.ids.push(id);
        self.statuses.push(status);
        self.reasons.push(reason);
        self.purchases.push(purchase);
        self.known.push(known);
        self.by.push(by);
    }
}

statement! {
    /// Claims that became purchases. One approved without the till's receipt stays in play.
    EndClaims {
        now: Option<DateTime<Utc>> => Nullable<Timestamptz>, ids: Vec<ClaimId> => Array<SqlUuid>,
        statuses: Vec<ClaimStatus> => Array<Text>, reasons: Vec<ClaimReason> => Array<Text>,
        purchases: Vec<PurchaseId> => Array<SqlUuid>, known: Vec<bool> => Array<Bool>,
        by: Vec<Option<Uuid>> => Array<Nullable<SqlUuid>>,
    },
    "UPDATE ledger.claims AS c SET status = n.status, reason = n.reason, purchase_id = n.purchase_id,
        receipt_said = n.known AND n.status = 'approved', in_play = NOT n.known, decided_at = ?,
        decided_by = n.decided_by
     FROM unnest(?, ?, ?, ?, ?, ?) AS n (id, status, reason, purchase_id, known, decided_by) WHERE c.id = n.id"
}

statement! {
    /// Approved claims whose sale arrived, under which receipt.
    NoteArrivals { ids: Vec<ClaimId> => Array<SqlUuid>, receipts: Vec<String> => Array<Text> },
    "UPDATE ledger.claims AS c SET arrived_as = n.receipt, in_play = false
     FROM unnest(?, ?) AS n (id, receipt) WHERE c.id = n.id"
}

statement! {
    /// The fiscal receipts of open claims that an authorised purchase without one of its own may be.
    FindOpen { purchase: Option<PurchaseId> => Nullable<SqlUuid> } -> (Text, BigInt),
    "SELECT c.drive, c.document FROM ledger.purchases AS p
     JOIN ledger.balances AS b ON b.member_id = p.member_id AND b.claims > 0
     JOIN ledger.claims AS c ON c.member_id = p.member_id AND c.in_play AND c.purchase_id IS NULL
        AND c.outlet_id = p.outlet_id
     WHERE p.id = ? AND p.status = 'authorized' AND p.fiscal IS NULL ORDER BY c.drive, c.document"
}

/// The fiscal receipts of claims that a capture may be of.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Those held for it.
    won: Vec<FiscalKey>,
    /// Those that other purchases have.
    lost: Vec<FiscalKey>,
}

impl Held {
    /// Those that other purchases have.
    pub(crate) fn lost(&self) -> Vec<FiscalKey> {
        self.lost.clone()
    }
}

/// Holds the fiscal receipts of open claims that a purchase may turn out to be, before anybody is locked: who approves one
/// of them holds it while waiting for the member.
pub(crate) fn hold(connection: &mut PgConnection, purchase: PurchaseId) -> QueryResult<Held> {
    let open: Vec<FiscalKey> = FindOpen { purchase: Some(purchase) }.load(connection)?;
    if open.is_empty() {
        return Ok(Held::default());
    }
    let purchases = open.iter().map(|_| purchase).collect();
    let (drives, documents) = open.iter().cloned().unzip();
    let won: Vec<(PurchaseId, String, i64)> =
        ClaimFiscals { drives, documents, purchases }.load(connection)?;
    let won: Vec<FiscalKey> = won.into_iter().map(|(_, drive, document)| (drive, document)).collect();
    let lost = open.into_iter().filter(|receipt| !won.contains(receipt)).collect();
    Ok(Held { won, lost })
}

/// Gives back what was held for a purchase, but for the claim that it is.
pub(crate) fn give_back(connection: &mut PgConnection, purchase: PurchaseId, held: Held) -> QueryResult<()> {
    if held.won.is_empty() {
        return Ok(());
    }
    let own: Vec<FiscalKey> = claims::table
        .filter(claims::purchase_id.eq(purchase))
        .select((claims::drive, claims::document))
        .load(connection)?;
    let (drives, documents): (Vec<String>, Vec<i64>) =
        held.won.into_iter().filter(|receipt| !own.contains(receipt)).unzip();
    let purchases = drives.iter().map(|_| purchase).collect();
    ReleaseFiscals { purchases, drives, documents }.execute(connection)?;
    Ok(())
}

statement! {
    /// A claim's fiscal receipt is its purchase's from now on.
    CreditFiscals {
        drives: Vec<String> => Array<Text>, documents: Vec<i64> => Array<BigInt>,
        purchases: Vec<PurchaseId> => Array<SqlUuid>,
    },
    "INSERT INTO ledger.fiscal_receipts (drive, document, purchase_id) SELECT * FROM unnest(?, ?, ?)
     ON CONFLICT (drive, document) DO NOTHING"
}
