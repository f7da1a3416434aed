//! A claim on its way in: refused with its reason, or kept and told to the partner.

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use serde_json::json;
use shared_kernel::ids::MemberId;
use shared_kernel::outbox::{self, Event};

use super::arrivals::count_in_play;
use super::arrived::{Sought, arrived};
use super::{AHEAD_MAX, Claim, ClaimId, ClaimReason, ClaimStatus, RECEIPT_AGE_MAX, drives};
use crate::enrolments::{LATE, Standing, took_part};
use crate::ids::PurchaseId;
use crate::partners::Outlet;
use crate::posting::sale::AMOUNT_MAX_KOPECKS;
use crate::posting::{Fiscal, FiscalKind};
use crate::rules::{Book, BookCache};
use crate::schema::ledger::{balances, claims, fiscal_receipts, purchases};

/// Why a receipt can't be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefusal {
    /// A return's receipt comes with the refund that carries it; a purchase from a customer brings no cashback.
    #[error("the receipt is no sale's")]
    NotASale(FiscalKind),
    /// 0.00, or above 10,000,000.00.
    #[error("the receipt's sum can't be a purchase's")]
    Sum,
    /// Older than [`RECEIPT_AGE_MAX`].
    #[error("the receipt is older than 30 days")]
    TooOld,
    /// Ahead of us.
    #[error("the receipt's time lies ahead")]
    Future,
    /// The member didn't take part in the programme when the receipt was printed.
    #[error("the member was not in the programme then")]
    NotEnrolled,
    /// Credited already; to which purchase, when it is the member's own.
    #[error("the receipt is credited already")]
    Credited(Option<PurchaseId>),
    /// Claimed already, by this member or by another.
    #[error("the receipt is claimed already")]
    Claimed {
        /// Whether by this member.
        own: bool,
    },
    /// This member's claim of it was declined.
    #[error("the claim of this receipt was declined")]
    DeclinedBefore,
}

/// The zones in which a till of the programme may stand: the first lags most, the last is most ahead.
const ZONES: [Tz; 2] = [chrono_tz::Europe::Kaliningrad, chrono_tz::Asia::Kamchatka];

/// What a clock on the wall of a zone meant; the earlier where it was shown twice.
pub(super) fn instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    zone.from_local_datetime(&local)
        .earliest()
        .map_or_else(|| local.and_utc(), |moment| moment.with_timezone(&Utc))
}

/// The receipt's moment; without an outlet the earliest and the latest it can be.
fn between(outlet: Option<&Outlet>, local: NaiveDateTime) -> [DateTime<Utc>; 2] {
    let [lagging, ahead] = ZONES;
    [ahead, lagging].map(|zone| instant(outlet.map_or(zone, Outlet::tz), local))
}

/// Whether the member took part when the receipt was printed: of one just printed, whether they do now. Without an outlet
/// it is enough to have taken part at either end of when it can have been.
fn took_part_then(
    connection: &mut PgConnection,
    (member, standing): (MemberId, Option<Standing>),
    moments: [DateTime<Utc>; 2],
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let Some(standing) = standing.filter(|standing| *standing != Standing::Merged) else { return Ok(false) };
    let late = moments.into_iter().filter(|moment| *moment < now - LATE).map(|moment| (member, moment));
    let late: Vec<(MemberId, DateTime<Utc>)> = late.collect();
    if late.len() < moments.len() && standing.takes_part() {
        return Ok(true);
    }
    Ok(took_part(connection, &late)?.contains(&Some(true)))
}

/// Whether the receipt's time is neither too old nor ahead. Without an outlet it is refused only where it would be in any
/// zone.
pub(super) fn timely(
    outlet: Option<&Outlet>,
    local: NaiveDateTime,
    now: DateTime<Utc>,
) -> Result<(), ClaimRefusal> {
    let [earliest, latest] = between(outlet, local);
    if latest < now - RECEIPT_AGE_MAX {
        return Err(ClaimRefusal::TooOld);
    }
    if earliest > now + AHEAD_MAX { Err(ClaimRefusal::Future) } else { Ok(()) }
}

/// Files a member's claim within the caller's transaction.
///
/// # Errors
/// The outer error is the database's; the inner one says why the receipt can't be claimed, and nothing is kept.
pub fn file(
    connection: &mut PgConnection,
    books: &BookCache,
    member: MemberId,
    fiscal: &Fiscal,
    now: DateTime<Utc>,
) -> QueryResult<Result<Claim, ClaimRefusal>> {
    let book = books.current(connection)?;
    if fiscal.kind != FiscalKind::Sale {
        return Ok(Err(ClaimRefusal::NotASale(fiscal.kind)));
    }
    if !fiscal.sum.is_positive() || fiscal.sum.kopecks() > AMOUNT_MAX_KOPECKS {
        return Ok(Err(ClaimRefusal::Sum));
    }
    let outlet = drives::outlet_of(connection, &book, &fiscal.drive)?;
    let local = fiscal.time;
    if let Err(refusal) = timely(outlet.as_deref(), local, now) {
        return Ok(Err(refusal));
    }
    let standing: Option<Standing> = balances::table
        .find(member)
        .select(balances::standing)
        .for_no_key_update()
        .first(connection)
        .optional()?;
    if !took_part_then(connection, (member, standing), between(outlet.as_deref(), local), now)? {
        return Ok(Err(ClaimRefusal::NotEnrolled));
    }
    let place = outlet.as_deref().map(|outlet| (outlet.number, instant(outlet.tz(), local)));
    if let Some(refusal) = taken(connection, (member, fiscal), place)? {
        return Ok(Err(refusal));
    }
    keep(connection, &book, (member, fiscal), place, now)
}

/// Whether the receipt is credited or claimed.
fn taken(
    connection: &mut PgConnection,
    (member, fiscal): (MemberId, &Fiscal),
    place: Option<(i32, DateTime<Utc>)>,
) -> QueryResult<Option<ClaimRefusal>> {
    let credited: Option<PurchaseId> = fiscal_receipts::table
        .find((&fiscal.drive, fiscal.document))
        .select(fiscal_receipts::purchase_id)
        .first(connection)
        .optional()?;
    if let Some(purchase) = credited {
        let whose: Option<MemberId> =
            purchases::table.find(purchase).select(purchases::member_id).first(connection).optional()?;
        return Ok(Some(ClaimRefusal::Credited(Some(purchase).filter(|_| whose == Some(member)))));
    }
    let before: Vec<(MemberId, ClaimStatus)> = claims::table
        .filter(claims::drive.eq(&fiscal.drive).and(claims::document.eq(fiscal.document)))
        .select((claims::member_id, claims::status))
        .load(connection)?;
    for (whose, status) in before {
        let own = whose == member;
        match status {
            ClaimStatus::Declined if own => return Ok(Some(ClaimRefusal::DeclinedBefore)),
            ClaimStatus::Declined | ClaimStatus::Expired => {}
            _ => return Ok(Some(ClaimRefusal::Claimed { own })),
        }
    }
    let Some((outlet, at)) = place else { return Ok(None) };
    let there = arrived(connection, &[Sought { member, outlet, at, sum: fiscal.sum }])?;
    Ok(there.into_iter().flatten().next().map(|purchase| ClaimRefusal::Credited(Some(purchase))))
}

fn keep(
    connection: &mut PgConnection,
    book: &Book,
    (member, fiscal): (MemberId, &Fiscal),
    place: Option<(i32, DateTime<Utc>)>,
    now: DateTime<Utc>,
) -> QueryResult<Result<Claim, ClaimRefusal>> {
    let status = if place.is_some() { ClaimStatus::Waiting } else { ClaimStatus::Unmatched };
    let kept: Option<Claim> = diesel::insert_into(claims::table)
        .values((
            claims::id.eq(ClaimId::generate()),
            claims::member_id.eq(member),
            claims::raw.eq(&fiscal.raw),
            claims::drive.eq(&fiscal.drive),
            claims::document.eq(fiscal.document),
            claims::amount.eq(fiscal.sum),
            claims::local_time.eq(fiscal.time),
            claims::outlet_id.eq(place.map(|(outlet, _)| outlet)),
            claims::occurred_at.eq(place.map(|(_, at)| at)),
            claims::status.eq(status),
            claims::in_play.eq(true),
            claims::filed_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .returning(Claim::as_returning())
        .get_result(connection)
        .optional()?;
    // Somebody else's claim of the same receipt was a moment earlier.
    let Some(claim) = kept else { return Ok(Err(ClaimRefusal::Claimed { own: false })) };
    count_in_play(connection, member)?;
    if status == ClaimStatus::Waiting {
        outbox::append(connection, &[to_decide(&claim, book, now)])?;
    }
    Ok(Ok(claim))
}

/// What the partner is told: nothing of the member.
pub(super) fn to_decide(claim: &Claim, book: &Book, now: DateTime<Utc>) -> Event {
    let outlet = claim.outlet.and_then(|number| book.outlet_by_number(number));
    Event {
        kind: "claim.to_decide".to_owned(),
        member_id: None,
        payload: json!({
            "claim_id": claim.id,
            "partner_id": outlet.map(|outlet| outlet.partner_id),
            "outlet": outlet.map(|outlet| outlet.code.clone()),
            "amount": claim.amount,
            "occurred_at": claim.occurred_at,
        }),
        occurred_at: now,
    }
}

/// What the member is told once a claim has ended.
pub(super) fn decided(
    (claim, member): (ClaimId, MemberId),
    status: ClaimStatus,
    (reason, purchase): (ClaimReason, Option<PurchaseId>),
    now: DateTime<Utc>,
) -> Event {
    Event {
        kind: "claim.decided".to_owned(),
        member_id: Some(member),
        payload: json!({ "claim_id": claim, "status": status, "reason": reason, "purchase_id": purchase }),
        occurred_at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn local(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap()
    }

    fn outlet(zone: &str) -> Outlet {
        Outlet {
            number: 1,
            partner_id: crate::ids::PartnerId::generate(),
            code: "shop-1".to_owned(),
            name: "Shop".to_owned(),
            town: "Town".to_owned(),
            zone: zone.to_owned(),
        }
    }

    #[test]
    fn a_receipt_is_of_the_tills_own_day() {
        let now = at("2026-11-10T09:00:00Z");
        let vladivostok = outlet("Asia/Vladivostok");
        assert_eq!(timely(Some(&vladivostok), local("2026-11-10T18:59"), now), Ok(()));
        assert_eq!(timely(Some(&vladivostok), local("2026-11-10T19:06"), now), Err(ClaimRefusal::Future));
        let moscow = outlet("Europe/Moscow");
        assert_eq!(timely(Some(&moscow), local("2026-11-10T12:05"), now), Ok(()), "five minutes ahead");
        assert_eq!(timely(Some(&moscow), local("2026-11-10T12:06"), now), Err(ClaimRefusal::Future));
        assert_eq!(
            timely(Some(&moscow), local("2026-10-11T12:00"), now),
            Ok(()),
            "thirty days to the minute"
        );
        assert_eq!(timely(Some(&moscow), local("2026-10-11T11:59"), now), Err(ClaimRefusal::TooOld));
    }

    #[test]
    fn without_an_outlet_only_what_no_zone_allows_is_refused() {
        let now = at("2026-11-10T09:00:00Z");
        assert_eq!(timely(None, local("2026-11-10T20:59"), now), Ok(()), "just printed in Kamchatka");
        assert_eq!(timely(None, local("2026-11-10T21:06"), now), Err(ClaimRefusal::Future));
        assert_eq!(timely(None, local("2026-10-11T11:00"), now), Ok(()), "thirty days in Kaliningrad");
        assert_eq!(timely(None, local("2026-10-11T10:59"), now), Err(ClaimRefusal::TooOld));
    }
}
