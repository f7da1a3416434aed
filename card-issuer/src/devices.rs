//! What draws live codes for a card: the server for the member's page, a phone that works offline, Google Wallet.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::CardId;
use shared_kernel::{id_type, text_enum};

use crate::CardError;
use crate::code::{self, LiveCode};
use crate::keys::{DEVICE_KEY_VERSION, IssuerKeys};
use crate::number::CardNumber;
use crate::schema::cards::{cards, devices};

/// Devices a card may have that are not revoked.
pub const DEVICES_MAX: usize = 8;

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
}

impl Device {
    /// A device that has drawn nothing yet.
    pub(crate) fn new(card_id: CardId, kind: DeviceKind, now: DateTime<Utc>) -> Self {
        Self {
            id: DeviceId::generate(),
            card_id,
            kind,
            key_version: DEVICE_KEY_VERSION,
            last_used_step: None,
            created_at: now,
            revoked_at: None,
        }
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
    Ok(code::live_code(&keys.device_secret(device, key_version), number, now))
}

/// Adds a device to a virtual card.
///
/// # Errors
/// [`CardError::Unknown`], [`CardError::Plastic`], [`CardError::TooManyDevices`].
pub fn add(
    connection: &mut PgConnection,
    card: CardId,
    kind: DeviceKind,
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
        let device = Device::new(card, kind, now);
        diesel::insert_into(devices::table).values(&device).execute(connection)?;
        Ok(device)
    })
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

/// Revokes a device of a card: its codes are wrong from now on. `false` when there is no such living device.
///
/// # Errors
/// The database's.
pub fn revoke(
    connection: &mut PgConnection,
    card: CardId,
    device: DeviceId,
    now: DateTime<Utc>,
) -> Result<bool, CardError> {
    let revoked = diesel::update(
        devices::table.find(device).filter(devices::card_id.eq(card)).filter(devices::revoked_at.is_null()),
    )
    .set(devices::revoked_at.eq(now))
    .execute(connection)?;
    Ok(revoked > 0)
}
