//! What draws live codes for a card: the server for the member's page, a phone that works offline, Google Wallet.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::{CardId, MemberId};
use shared_kernel::{id_type, text_enum};

use crate::CardError;
use crate::code::{self, LiveCode};
use crate::keys::IssuerKeys;
use crate::life::{self, CardStatus, Entry, Happening};
use crate::number::CardNumber;
use crate::schema::cards::{cards, devices};

/// Devices a card may have that are not revoked.
pub const DEVICES_MAX: usize = 8;
/// Longest name of a device.
pub const NAME_CHARS_MAX: usize = 64;

id_type!(
    /// A drawing device.
    DeviceId
);

text_enum!(
    /// What kind of device draws.
    DeviceKind {
        /// This server, for the member's page.
        Server => "server",
        /// The member's phone, offline.
        Phone => "phone",
        /// Google Wallet.
        Google => "google",
    }
);

/// A drawing device. Its secret is derived, see [`IssuerKeys::device_secret`].
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = devices)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// The card it draws for.
    pub card_id: CardId,
    /// What it is.
    pub kind: DeviceKind,
    /// From which version of the key its secret is derived.
    pub key_version: i16,
    /// The last step for which its code was taken.
    pub last_used_step: Option<i64>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Since when its codes are no longer taken.
    pub revoked_at: Option<DateTime<Utc>>,
    /// What its owner knows it by, at most [`NAME_CHARS_MAX`] characters.
    pub name: String,
}

impl Device {
    /// A device that has drawn nothing yet.
    pub(crate) fn new(keys: &IssuerKeys, card_id: CardId, kind: DeviceKind, now: DateTime<Utc>) -> Self {
        Self {
            id: DeviceId::generate(),
            card_id,
            kind,
            key_version: keys.device_version(),
            last_used_step: None,
            created_at: now,
            revoked_at: None,
            name: String::new(),
        }
    }

    /// When a code of it was last taken, to the half minute.
    pub fn last_used_at(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.last_used_step? * code::STEP_SECONDS, 0)
    }
}

/// Draws the server's live code of a card as of `now`. Says nothing about whether the card is good.
///
/// # Errors
/// [`CardError::Unknown`]; [`CardError::Plastic`] for a card without a server device.
pub fn draw(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    card: CardId,
    now: DateTime<Utc>,
) -> Result<LiveCode, CardError> {
    let number: CardNumber = cards::table
        .find(card)
        .select(cards::number)
        .first(connection)
        .optional()?
        .ok_or(CardError::Unknown(card))?;
    let device: Option<(DeviceId, i16)> = devices::table
        .filter(devices::card_id.eq(card))
        .filter(devices::kind.eq(DeviceKind::Server))
        .filter(devices::revoked_at.is_null())
        .select((devices::id, devices::key_version))
        .order(devices::id)
        .first(connection)
        .optional()?;
    let (device, key_version) = device.ok_or(CardError::Plastic)?;
    Ok(code::live_code(&keys.device_secret(device, key_version)?, number, now))
}

/// Adds a device to a virtual card of the asker's.
///
/// # Errors
/// [`CardError::Unknown`], [`CardError::Plastic`], [`CardError::TooManyDevices`].
pub fn add(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    card: CardId,
    (kind, name, by): (DeviceKind, &str, &str),
    now: DateTime<Utc>,
) -> Result<Device, CardError> {
    connection.transaction(|connection| {
        let held = crate::cards::lock(connection, card)?;
        if held.kind == crate::cards::CardKind::Plastic {
            return Err(CardError::Plastic);
        }
        let living = devices::table
            .filter(devices::card_id.eq(card))
            .filter(devices::revoked_at.is_null())
            .count()
            .get_result::<i64>(connection)?;
        if usize::try_from(living).map_or(true, |count| count >= DEVICES_MAX) {
            return Err(CardError::TooManyDevices(DEVICES_MAX));
        }
        let device = Device { name: name.to_owned(), ..Device::new(keys, card, kind, now) };
        diesel::insert_into(devices::table).values(&device).execute(connection)?;
        let entry = Entry::new(card, Happening::DeviceAdded, Some(by), now).note(device.id);
        life::write_down(connection, &[entry])?;
        Ok(device)
    })
}

/// Google Wallet as a device of a card: the one there is, or one added now (`true`).
///
/// # Errors
/// As [`add`]'s.
pub fn google(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    card: CardId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(Device, bool), CardError> {
    connection.transaction(|connection| {
        // Two who ask at once wait for each other here.
        crate::cards::lock(connection, card)?;
        let living = of_card(connection, card)?;
        match living.into_iter().find(|device| device.kind == DeviceKind::Google) {
            Some(device) => Ok((device, false)),
            None => Ok((add(connection, keys, card, (DeviceKind::Google, "", by), now)?, true)),
        }
    })
}

/// A device, revoked or not.
///
/// # Errors
/// The database's.
pub fn find(connection: &mut PgConnection, device: DeviceId) -> Result<Option<Device>, CardError> {
    Ok(devices::table.find(device).select(Device::as_select()).first(connection).optional()?)
}

/// The devices of a card that are not revoked, oldest first.
///
/// # Errors
/// The database's.
pub fn of_card(connection: &mut PgConnection, card: CardId) -> Result<Vec<Device>, CardError> {
    Ok(devices::table
        .filter(devices::card_id.eq(card))
        .filter(devices::revoked_at.is_null())
        .order(devices::id)
        .select(Device::as_select())
        .load(connection)?)
}

/// The phones and wallets that draw codes for a member's living cards, oldest first.
///
/// # Errors
/// The database's.
pub fn of_member(connection: &mut PgConnection, member: MemberId) -> Result<Vec<Device>, CardError> {
    Ok(devices::table
        .inner_join(cards::table.on(cards::id.eq(devices::card_id)))
        .filter(cards::member_id.eq(member))
        .filter(cards::status.eq_any(CardStatus::LIVING))
        .filter(devices::revoked_at.is_null())
        .filter(devices::kind.ne(DeviceKind::Server))
        .order(devices::id)
        .select(Device::as_select())
        .load(connection)?)
}

/// Revokes a phone or wallet of a member's card: its codes are wrong from now on. `false` when there is no such living
/// device.
///
/// # Errors
/// The database's.
pub fn revoke(
    connection: &mut PgConnection,
    (member, device): (MemberId, DeviceId),
    by: &str,
    now: DateTime<Utc>,
) -> Result<bool, CardError> {
    connection.transaction(|connection| {
        let theirs = cards::table.filter(cards::member_id.eq(member)).select(cards::id);
        let card: Option<CardId> = diesel::update(
            devices::table
                .find(device)
                .filter(devices::card_id.eq_any(theirs))
                .filter(devices::kind.ne(DeviceKind::Server))
                .filter(devices::revoked_at.is_null()),
        )
        .set(devices::revoked_at.eq(now))
        .returning(devices::card_id)
        .get_result(connection)
        .optional()?;
        let Some(card) = card else { return Ok(false) };
        let entry = Entry::new(card, Happening::DeviceRevoked, Some(by), now).note(device);
        life::write_down(connection, &[entry])?;
        Ok(true)
    })
}
