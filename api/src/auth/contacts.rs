//! Another e-mail address or phone in a member's record: by these they sign in, so whoever changes one could take the
//! account over. What was signed in is signed out, and the member is told where they could be reached before.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::pg::PgConnection;
use shared_kernel::ids::{MemberId, Uuid};
use union_registry::imports;
use union_registry::members::{Contacts, Person};
use union_registry::sealing::{Column, SealError};

use super::sessions::{self, EndReason};
use crate::app::App;
use crate::delivery::queue::{self, FormerContacts};
use crate::problem::Problem;

/// Members of a file whose change is followed up at a time.
const CHUNK: i64 = 5_000;

/// Ends a member's sessions and puts a letter to the old address (or a message to the old phone, without one) into the
/// queue, in the transaction of the change; nothing when neither e-mail nor phone differs.
///
/// # Errors
/// The database's.
pub fn changed(
    app: &App,
    connection: &mut PgConnection,
    (before, after): (&Person, &Person),
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let sealer = &app.derived.sealer;
    let contacts = |person: &Person| person.contacts(sealer).map_err(|error| Problem::internal(&error));
    let (old, new) = (contacts(before)?, contacts(after)?);
    if old == new {
        return Ok(());
    }
    sessions::end_all(connection, before.id.0, EndReason::ContactChanged, now)?;
    if old != Contacts::default() {
        let sealed = |column, text: String| STANDARD.encode(sealer.seal(column, before.id.0, &text));
        let former = FormerContacts {
            email: old.email.map(|email| sealed(Column::MemberEmail, email)),
            phone: old.phone.map(|phone| sealed(Column::MemberPhone, phone)),
        };
        queue::put_contact_changed(connection, &[(before.id, former)], now)?;
    }
    Ok(())
}

/// What [`changed`] does, for all whose contacts a file has changed; to be called in the import's transaction. The letter
/// to the old address doesn't wait for `--notify`: it guards the account, and a file could take it over as well as a form.
///
/// # Errors
/// The database's.
pub fn changed_by_file(connection: &mut PgConnection, now: DateTime<Utc>) -> QueryResult<()> {
    let mut after = 0;
    loop {
        let page = imports::changed_contacts(connection, after, CHUNK)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.place();
        let members: Vec<Uuid> = page.iter().map(|change| change.member.0).collect();
        sessions::end_all_of(connection, &members, EndReason::ContactChanged, now)?;
        let told: Vec<(MemberId, FormerContacts)> = page
            .iter()
            .filter(|change| change.phone.is_some() || change.email.is_some())
            .map(|change| {
                // As they were sealed into the member's own row.
                let text = |sealed: &Option<Vec<u8>>| sealed.as_ref().map(|bytes| STANDARD.encode(bytes));
                (change.member, FormerContacts { email: text(&change.email), phone: text(&change.phone) })
            })
            .collect();
        queue::put_contact_changed(connection, &told, now)?;
    }
}

/// What [`changed`] or [`changed_by_file`] kept: where a member could be reached before.
///
/// # Errors
/// When it was sealed under another key.
pub fn former(app: &App, member: MemberId, former: &FormerContacts) -> Result<Contacts, SealError> {
    let open = |column, sealed: &Option<String>| {
        let sealed = sealed.as_ref().map(|text| STANDARD.decode(text).map_err(|_| SealError)).transpose()?;
        sealed.map(|sealed| app.derived.sealer.open(column, member.0, &sealed)).transpose()
    };
    Ok(Contacts {
        phone: open(Column::MemberPhone, &former.phone)?,
        email: open(Column::MemberEmail, &former.email)?,
    })
}
