//! Stretches of membership: who belonged where, with what standing, on any day. A stretch is [from, until) in days;
//! closed ones stay as they are, corrections are new stretches.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::{MemberId, OrganisationId};
use shared_kernel::outbox;

use crate::organisations::{self, OrganisationRef};
use crate::schema::registry::{members, memberships, organisations as organisation_table};
use crate::text::clean;
use crate::{MemberStatus, Reason, RegistryError, day_of, members as people};

/// Longest reason written down for leaving, suspending or restoring.
const REASON_CHARS_MAX: usize = 200;
/// Why the stretch of a merged record ended.
const MERGED: &str = "merged";

/// One stretch of a member's history.
#[derive(Debug, Clone, Queryable)]
pub struct Stretch {
    /// Where.
    pub organisation: OrganisationRef,
    /// `active` or `suspended`.
    pub standing: MemberStatus,
    /// First day.
    pub from_on: NaiveDate,
    /// First day after; `None` while it lasts.
    pub until_on: Option<NaiveDate>,
    /// Why it began.
    pub reason: Reason,
    /// Why it ended: a [`Reason`]'s text, or what was said on leaving.
    pub end_reason: Option<String>,
    /// Why it began, in the words of whoever took a member back.
    pub begin_words: Option<String>,
}

/// A member's stretches, the first first.
///
/// # Errors
/// The database's.
pub fn history(connection: &mut PgConnection, member: MemberId) -> Result<Vec<Stretch>, RegistryError> {
    Ok(memberships::table
        .inner_join(organisation_table::table.on(organisation_table::id.eq(memberships::organisation_id)))
        .filter(memberships::member_id.eq(member))
        .order(memberships::ordinal)
        .select((
            OrganisationRef::as_select(),
            memberships::standing,
            memberships::from_on,
            memberships::until_on,
            memberships::reason,
            memberships::end_reason,
            memberships::begin_words,
        ))
        .load(connection)?)
}

/// A member's standing at an instant and the organisation then; members unknown or outside the union then are absent.
///
/// # Errors
/// The database's.
pub fn standing_at(
    connection: &mut PgConnection,
    ids: &[MemberId],
    at: DateTime<Utc>,
) -> Result<HashMap<MemberId, (MemberStatus, OrganisationId)>, RegistryError> {
    let day = day_of(at);
    let rows: Vec<(MemberId, MemberStatus, OrganisationId)> = memberships::table
        .filter(memberships::member_id.eq_any(ids))
        .filter(memberships::from_on.le(day))
        .filter(memberships::until_on.is_null().or(memberships::until_on.gt(day)))
        .order(memberships::ordinal)
        .select((memberships::member_id, memberships::standing, memberships::organisation_id))
        .load(connection)?;
    Ok(rows.into_iter().map(|(member, standing, organisation)| (member, (standing, organisation))).collect())
}

/// Moves a member to another organisation from the day `on`, today or earlier, not before the present stretch began.
/// Appends `member.transferred`.
///
/// # Errors
/// [`RegistryError::UnknownMember`], [`RegistryError::UnknownOrganisation`], [`RegistryError::WrongState`] for who left
/// or belongs there, [`RegistryError::WrongDay`].
pub fn transfer(
    connection: &mut PgConnection,
    member: MemberId,
    to: OrganisationId,
    on: NaiveDate,
    now: DateTime<Utc>,
) -> Result<(), RegistryError> {
    connection.transaction(|connection| {
        let present = present(connection, member)?;
        organisations::find(connection, to)?;
        if present.organisation_id == to {
            return Err(RegistryError::WrongState("a member of this organisation"));
        }
        let standing = present.standing()?;
        end(connection, &present, on, Reason::Transferred.as_str(), now)?;
        open(connection, &present, (to, standing, Reason::Transferred, on), now)?;
        organisations::count_members(connection, &[(present.organisation_id, -1), (to, 1)])?;
        outbox::append(connection, &[people::event("member.transferred", member, now)])?;
        Ok(())
    })
}

/// Ends membership: `on` is the first day outside the union. Appends `member.left`. The member's cards are the caller's
/// to block.
///
/// # Errors
/// [`RegistryError::UnknownMember`], [`RegistryError::WrongState`], [`RegistryError::WrongDay`],
/// [`RegistryError::Invalid`] for a reason that cannot be taken.
pub fn leave(
    connection: &mut PgConnection,
    member: MemberId,
    on: NaiveDate,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), RegistryError> {
    let reason = said(reason, "left")?;
    connection.transaction(|connection| {
        let present = present(connection, member)?;
        present.standing()?;
        end(connection, &present, on, &reason, now)?;
        set_status(connection, &present, (present.organisation_id, MemberStatus::Left), now)?;
        organisations::count_members(connection, &[(present.organisation_id, -1)])?;
        outbox::append(connection, &[people::event("member.left", member, now)])?;
        Ok(())
    })
}

/// Ends the membership of a record found to be the same person as another; nothing when it had ended.
pub(crate) fn merged(
    connection: &mut PgConnection,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<(), RegistryError> {
    let present = present(connection, member)?;
    if present.status == MemberStatus::Left {
        return Ok(());
    }
    end(connection, &present, day_of(now).max(present.from_on), MERGED, now)?;
    set_status(connection, &present, (present.organisation_id, MemberStatus::Left), now)?;
    organisations::count_members(connection, &[(present.organisation_id, -1)])?;
    Ok(())
}

/// Suspends an active member's rights from the day `on`, for a reason in words. Appends `member.suspended`. That no card
/// of theirs is good meanwhile is the caller's to tell tills without network.
///
/// # Errors
/// As [`leave`].
pub fn suspend(
    connection: &mut PgConnection,
    member: MemberId,
    (on, reason): (NaiveDate, &str),
    now: DateTime<Utc>,
) -> Result<(), RegistryError> {
    let reason = said(reason, Reason::Suspended.as_str())?;
    change_standing(connection, member, (MemberStatus::Suspended, Reason::Suspended), (on, &reason), now)
}

/// Restores a suspended member's rights from the day `on`, for a reason in words. Appends `member.resumed`.
///
/// # Errors
/// As [`leave`].
pub fn resume(
    connection: &mut PgConnection,
    member: MemberId,
    (on, reason): (NaiveDate, &str),
    now: DateTime<Utc>,
) -> Result<(), RegistryError> {
    let reason = said(reason, Reason::Resumed.as_str())?;
    change_standing(connection, member, (MemberStatus::Active, Reason::Resumed), (on, &reason), now)
}

/// A reason as it is written down; without any words, the plain one.
fn said(reason: &str, plain: &str) -> Result<String, RegistryError> {
    let text =
        clean(reason, REASON_CHARS_MAX).map_err(|_| RegistryError::fault("reason", "text_not_allowed"))?;
    Ok(if text.is_empty() { plain.to_owned() } else { text })
}

/// Takes back a member who left, into an organisation, from the day `on`, for a reason in words.
///
/// # Errors
/// As [`transfer`]; [`RegistryError::WrongState`] for who has not left; [`RegistryError::Invalid`] for a reason that
/// cannot be taken.
pub fn readmit(
    connection: &mut PgConnection,
    member: MemberId,
    to: OrganisationId,
    (on, reason): (NaiveDate, &str),
    now: DateTime<Utc>,
) -> Result<(), RegistryError> {
    let words = said(reason, Reason::Returned.as_str())?;
    connection.transaction(|connection| {
        let present = present(connection, member)?;
        organisations::find(connection, to)?;
        if present.status != MemberStatus::Left {
            return Err(RegistryError::WrongState("a member"));
        }
        let left_on = present.until_on.unwrap_or(present.from_on);
        check_day(on, left_on, now)?;
        let ordinal = open(connection, &present, (to, MemberStatus::Active, Reason::Returned, on), now)?;
        diesel::update(memberships::table.find((member, ordinal)))
            .set(memberships::begin_words.eq(words))
            .execute(connection)?;
        organisations::count_members(connection, &[(to, 1)])?;
        outbox::append(connection, &[people::event("member.admitted", member, now)])?;
        Ok(())
    })
}

fn change_standing(
    connection: &mut PgConnection,
    member: MemberId,
    (to, reason): (MemberStatus, Reason),
    (on, why): (NaiveDate, &str),
    now: DateTime<Utc>,
) -> Result<(), RegistryError> {
    connection.transaction(|connection| {
        let present = present(connection, member)?;
        if present.standing()? == to {
            return Err(RegistryError::WrongState(to.as_str()));
        }
        end(connection, &present, on, why, now)?;
        open(connection, &present, (present.organisation_id, to, reason, on), now)?;
        let kind = if to == MemberStatus::Active { "member.resumed" } else { "member.suspended" };
        outbox::append(connection, &[people::event(kind, member, now)])?;
        Ok(())
    })
}

/// The member's latest stretch; the member's row is locked, so that stretches follow one another.
#[derive(Queryable)]
struct Present {
    member_id: MemberId,
    status: MemberStatus,
    organisation_id: OrganisationId,
    ordinal: i16,
    from_on: NaiveDate,
    until_on: Option<NaiveDate>,
}

impl Present {
    /// The standing of who belongs to the union.
    fn standing(&self) -> Result<MemberStatus, RegistryError> {
        match self.status {
            MemberStatus::Left => Err(RegistryError::WrongState("left")),
            standing => Ok(standing),
        }
    }
}

fn present(connection: &mut PgConnection, member: MemberId) -> Result<Present, RegistryError> {
    members::table
        .find(member)
        .select(members::id)
        .for_no_key_update()
        .first::<MemberId>(connection)
        .optional()?
        .ok_or(RegistryError::UnknownMember(member))?;
    Ok(members::table
        .inner_join(memberships::table.on(memberships::member_id.eq(members::id)))
        .filter(members::id.eq(member))
        .order(memberships::ordinal.desc())
        .select((
            members::id,
            members::status,
            memberships::organisation_id,
            memberships::ordinal,
            memberships::from_on,
            memberships::until_on,
        ))
        .first(connection)?)
}

fn check_day(on: NaiveDate, earliest: NaiveDate, now: DateTime<Utc>) -> Result<(), RegistryError> {
    if on > day_of(now) {
        return Err(RegistryError::WrongDay("in the future"));
    }
    if on < earliest {
        return Err(RegistryError::WrongDay("before the present stretch of membership began"));
    }
    Ok(())
}

fn end(
    connection: &mut PgConnection,
    present: &Present,
    on: NaiveDate,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), RegistryError> {
    check_day(on, present.from_on, now)?;
    diesel::update(memberships::table.find((present.member_id, present.ordinal)))
        .set((memberships::until_on.eq(on), memberships::end_reason.eq(reason)))
        .execute(connection)?;
    Ok(())
}

/// Begins the next stretch; its place in the member's history.
fn open(
    connection: &mut PgConnection,
    present: &Present,
    (organisation, standing, reason, from_on): (OrganisationId, MemberStatus, Reason, NaiveDate),
    now: DateTime<Utc>,
) -> Result<i16, RegistryError> {
    let ordinal = present.ordinal.checked_add(1).ok_or(RegistryError::WrongState("full of history"))?;
    insert(connection, (present.member_id, ordinal), (organisation, standing, reason, from_on), now)?;
    set_status(connection, present, (organisation, standing), now)?;
    Ok(ordinal)
}

fn set_status(
    connection: &mut PgConnection,
    present: &Present,
    (organisation, status): (OrganisationId, MemberStatus),
    now: DateTime<Utc>,
) -> Result<(), RegistryError> {
    diesel::update(members::table.find(present.member_id))
        .set((
            members::organisation_id.eq(organisation),
            members::status.eq(status),
            members::updated_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

/// Writes a new member's first stretch.
pub(crate) fn begin(
    connection: &mut PgConnection,
    member: MemberId,
    (organisation, reason, from_on): (OrganisationId, Reason, NaiveDate),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    insert(connection, (member, 1), (organisation, MemberStatus::Active, reason, from_on), now)
}

fn insert(
    connection: &mut PgConnection,
    (member, ordinal): (MemberId, i16),
    (organisation, standing, reason, from_on): (OrganisationId, MemberStatus, Reason, NaiveDate),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(memberships::table)
        .values((
            memberships::member_id.eq(member),
            memberships::ordinal.eq(ordinal),
            memberships::organisation_id.eq(organisation),
            memberships::standing.eq(standing),
            memberships::from_on.eq(from_on),
            memberships::reason.eq(reason),
            memberships::recorded_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}
