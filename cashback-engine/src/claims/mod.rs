//! Claims: a member shows the fiscal receipt of a purchase that never arrived, and the partner approves or declines it.
//! The receipt is forgeable, so that a claim credits nothing by itself.
//!
//! | status | meaning | next |
//! |---|---|---|
//! | `unmatched` | nobody knows whose fiscal drive it is | its till gets known, or it is declined |
//! | `waiting` | the partner is to decide | approved, declined, confirmed by a later arrival, expired |
//! | `approved` | posted as a purchase | |
//! | `confirmed` | the purchase arrived by itself | |
//! | `declined`, `expired` | ended, with a reason | a declined receipt may be claimed by another member |
//!
//! *One sale, one purchase.* A claim is **in play** while a purchase still to come may be the one: while it is open, and,
//! when it was approved without the till's receipt number, for [`IN_PLAY_DAYS`] days more. `balances.claims` counts a
//! member's claims in play, so that posting reads them only where there are any, under the lock on the member's balances
//! that everything here takes first. A purchase is the claimed sale when it carries the claim's fiscal receipt; or, where
//! it carries none, when member, outlet and sum are the same and the times lie within [`APART_MAX`]. An open claim is
//! confirmed by it; after an approval the arrival is answered with the claim's purchase, and its receipt is another name
//! of that purchase from then on. A purchase in two steps arrives when it is captured; what it reserved is given up then.
//! An approval that names the till's receipt needs none of this: identity does it.
//!
//! What came before is looked for when a claim is filed, when its till gets known and when it is approved: a purchase
//! without a fiscal receipt that is no claim's yet is its sale by the same signs, and confirms it. While the member has
//! such a sale reserved with points in it, the claim can't be approved: only its capture tells what was paid.

pub(crate) mod arrivals;
pub(crate) mod arrived;
mod decisions;
pub mod drives;
mod file;
mod follow;
mod list;
mod place;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::{id_type, text_enum};

use crate::ids::PurchaseId;
use crate::partners::{Outlet, Partner};
use crate::rules::Book;
use crate::schema::ledger::claims;

pub use decisions::{assign, decline, end_due, ended_with};
pub use file::{ClaimRefusal, file};
pub use follow::follow;
pub use list::{ClaimFilter, Similar, claim, claims, similar};

id_type!(
    /// A member's claim.
    ClaimId
);

/// How old a claimed receipt may be.
pub const RECEIPT_AGE_MAX: TimeDelta = TimeDelta::days(30);
/// How far ahead of us a till's clock may be.
pub(crate) const AHEAD_MAX: TimeDelta = TimeDelta::minutes(5);
/// How far apart a receipt's time and its purchase's may be: tills print minutes, and post when the customer has paid.
pub(crate) const APART_MAX: TimeDelta = TimeDelta::minutes(5);
/// How long an approved claim looks out for its purchase: as far back as a register may reach.
pub const IN_PLAY_DAYS: i64 = 100;
/// The longest words for a member.
pub const WORDS_MAX: usize = 300;

text_enum! {
    /// How a claim stands.
    ClaimStatus {
        /// The outlet is not known.
        Unmatched => "unmatched",
        /// The partner is to decide.
        Waiting => "waiting",
        /// Approved, and posted.
        Approved => "approved",
        /// The purchase arrived by itself.
        Confirmed => "confirmed",
        /// Declined.
        Declined => "declined",
        /// Nobody decided in time.
        Expired => "expired",
    }
}

impl ClaimStatus {
    /// Whether somebody is still to decide.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Unmatched | Self::Waiting)
    }
}

text_enum! {
    /// Why a claim ended.
    ClaimReason {
        /// The partner approved it.
        Approved => "approved",
        /// The purchase arrived by itself.
        Arrived => "arrived",
        /// The partner declined it, with words of its own.
        DeclinedByPartner => "declined_by_partner",
        /// The union declined it, with words of its own.
        DeclinedByUnion => "declined_by_union",
        /// The receipt was credited to somebody else.
        CreditedElsewhere => "credited_elsewhere",
        /// The partner did not answer in time.
        NoAnswer => "no_answer",
        /// Nobody found out in time whose till it was.
        NoOutlet => "no_outlet",
    }
}

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = claims)]
pub struct Claim {
    /// The identifier.
    pub id: ClaimId,
    /// Whose; never shown to a partner.
    #[diesel(column_name = member_id)]
    pub member: MemberId,
    /// The QR string.
    pub raw: String,
    /// The fiscal drive.
    pub drive: String,
    /// The document on it.
    pub document: i64,
    /// The receipt's sum.
    pub amount: Money,
    /// The till's local time as written.
    pub local_time: NaiveDateTime,
    /// The outlet's number, once it is known.
    #[diesel(column_name = outlet_id)]
    pub outlet: Option<i32>,
    /// The receipt's moment, once the outlet's zone is known.
    pub occurred_at: Option<DateTime<Utc>>,
    /// How it stands.
    pub status: ClaimStatus,
    /// Why it ended.
    pub reason: Option<ClaimReason>,
    /// What whoever declined wrote for the member.
    pub words: Option<String>,
    /// The purchase it became.
    #[diesel(column_name = purchase_id)]
    pub purchase: Option<PurchaseId>,
    /// When the member sent it.
    pub filed_at: DateTime<Utc>,
    /// When it ended.
    pub decided_at: Option<DateTime<Utc>>,
    /// Who ended it; `None` when it ended by itself.
    pub decided_by: Option<Uuid>,
}

impl Claim {
    /// The receipt's number a purchase gets that was approved without one: the drive and document, which no till of the
    /// partner prints as its own.
    pub fn derived_receipt(&self) -> String {
        derived_receipt(&self.drive, self.document)
    }

    /// Whose till it was: the outlet and its partner, once they are known.
    pub fn place<'b>(&self, book: &'b Book) -> Option<(&'b Outlet, &'b Partner)> {
        let outlet = book.outlet_by_number(self.outlet?)?;
        Some((outlet.as_ref(), book.partner(outlet.partner_id)?.as_ref()))
    }

    /// Until when it waits for an answer, while it is open.
    pub fn open_until(&self, claim_days: i16) -> Option<DateTime<Utc>> {
        self.status.is_open().then(|| self.waits_until(claim_days))
    }

    /// Until when it waits, or has waited.
    pub fn waits_until(&self, claim_days: i16) -> DateTime<Utc> {
        self.filed_at + TimeDelta::days(i64::from(claim_days))
    }
}

pub(crate) fn derived_receipt(drive: &str, document: i64) -> String {
    format!("FD-{drive}-{document}")
}
