//! Two records found to be one person: one stays, the other ends and points at it.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::MemberId;
use shared_kernel::outbox;

use crate::members::{self, Changes, Member};
use crate::memberships;
use crate::schema::registry::members as records;
use crate::sealing::Sealer;
use crate::{MemberStatus, RegistryError, Sex};

/// Merges one record into another: its membership ends today, what the survivor's record lacks (phone, address, date of
/// birth, sex) is taken over. Appends `member.merged`. Cards and money are the caller's to move.
///
/// # Errors
/// [`RegistryError::UnknownMember`]; [`RegistryError::WrongState`] for one and the same, for a record that was merged
/// before, and for a survivor who left while the other has not.
pub fn merge(
    connection: &mut PgConnection,
    sealer: &Sealer,
    (from, into): (MemberId, MemberId),
    now: DateTime<Utc>,
) -> Result<Member, RegistryError> {
    if from == into {
        return Err(RegistryError::WrongState("the same as the other"));
    }
    connection.transaction(|connection| {
        records::table
            .filter(records::id.eq_any([from, into]))
            .order(records::id)
            .select(records::id)
            .for_no_key_update()
            .load::<MemberId>(connection)?;
        let (gone, stays) =
            (members::find(connection, from)?.person, members::find(connection, into)?.person);
        if gone.merged_into.is_some() || stays.merged_into.is_some() {
            return Err(RegistryError::WrongState("merged into another"));
        }
        if stays.status == MemberStatus::Left && gone.status != MemberStatus::Left {
            return Err(RegistryError::WrongState("left: merge this one into the one who has not"));
        }
        let (theirs, own) = (gone.contacts(sealer)?, stays.contacts(sealer)?);
        let born = gone.birth_date.map(|day| day.to_string());
        members::update(
            connection,
            sealer,
            into,
            &Changes {
                phone: theirs.phone.as_deref().filter(|_| own.phone.is_none()),
                email: theirs.email.as_deref().filter(|_| own.email.is_none()),
                birth_date: born.as_deref().filter(|_| stays.birth_date.is_none()),
                sex: gone.sex.map(Sex::as_str).filter(|_| stays.sex.is_none()),
                ..Changes::default()
            },
            now,
        )?;
        memberships::merged(connection, from, now)?;
        diesel::update(records::table.find(from))
            .set((records::merged_into.eq(into), records::updated_at.eq(now)))
            .execute(connection)?;
        // Whoever was merged into this one belongs to the survivor now.
        diesel::update(records::table.filter(records::merged_into.eq(from)))
            .set(records::merged_into.eq(into))
            .execute(connection)?;
        outbox::append(connection, &[members::event("member.merged", from, now)])?;
        members::find(connection, into)
    })
}
