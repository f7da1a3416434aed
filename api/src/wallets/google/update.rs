//! A card out there shows something else, or its wallet was revoked: Google is told, and tells the phones itself.

use std::sync::Arc;

use card_issuer::devices::{self, Device, DeviceId, DeviceKind};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Text, Timestamptz, Uuid as SqlUuid};
use serde_json::json;
use shared_kernel::ids::CardId;
use shared_kernel::schema::platform::wallet_updates as updates;
use uuid::Uuid;

use super::{Card, Issuer};
use crate::app::App;
use crate::problem::Problem;
use crate::wallets::shown::Shown;
use crate::wallets::updates::{Outcome, Taken};
use crate::wallets::{Provider, shown};

/// What there is to tell.
enum Told {
    /// The card as it is now.
    Changed(Box<Card>),
    /// This wallet was revoked.
    Revoked(String),
    /// Its wallet was revoked, which waits to be told by itself.
    Waiting,
    /// Nothing draws this card at Google any more.
    Nothing,
}

/// Tells Google what is true of a card now.
pub async fn send(app: Arc<App>, update: Taken) -> Outcome {
    let looking = Arc::clone(&app);
    let found = tokio::task::spawn_blocking(move || {
        let issuer = looking.wallets.google();
        issuer.map(|issuer| told(&looking, issuer, &update, looking.now())).transpose()
    });
    let told = match found.await {
        Ok(Ok(Some(told))) => told,
        Ok(Ok(None)) => return Outcome::Later("no key", None),
        Ok(Err(_)) | Err(_) => return Outcome::Later("the database", None),
    };
    let Some(issuer) = app.wallets.google() else { return Outcome::Later("no key", None) };
    let now = app.now();
    match told {
        Told::Changed(card) => {
            let changed = issuer.told.change(&issuer.account, &card, now).await;
            changed.map_or_else(Outcome::from, |()| Outcome::Done)
        }
        Told::Revoked(object) => {
            let inactive = json!({ "state": "INACTIVE" });
            match issuer.told.patch(&issuer.account, (&object, &inactive), now).await.map_err(Outcome::from) {
                // One that never came to be needs no end.
                Ok(()) | Err(Outcome::Gone) => Outcome::Done,
                Err(outcome) => outcome,
            }
        }
        Told::Waiting => Outcome::Done,
        Told::Nothing => Outcome::Gone,
    }
}

fn told(app: &App, issuer: &Issuer, update: &Taken, now: DateTime<Utc>) -> Result<Told, Problem> {
    if !update.device.is_empty() {
        let device =
            update.device.parse::<Uuid>().map(DeviceId).map_err(|error| Problem::internal(&error))?;
        return Ok(Told::Revoked(issuer.object_id(device)));
    }
    let connection = &mut app.connection()?;
    let living = devices::of_card(connection, update.card_id)?;
    match living.iter().find(|device| device.kind == DeviceKind::Google) {
        Some(device) => {
            let shown = shown::of_card(app, connection, update.card_id, now)?;
            Ok(Told::Changed(Box::new(card(app, connection, issuer, (&shown, device))?)))
        }
        None if revoked_waits(connection, update.card_id)? => Ok(Told::Waiting),
        None => Ok(Told::Nothing),
    }
}

/// The card a device draws, as Google is told of it.
///
/// # Errors
/// The database's.
pub fn card(
    app: &App,
    connection: &mut PgConnection,
    issuer: &Issuer,
    (shown, device): (&Shown, &Device),
) -> Result<Card, Problem> {
    let look = app.wallets.looks.of(connection, shown.design)?;
    Ok(issuer.card(app, shown, look.design.base, device)?)
}

fn revoked_waits(connection: &mut PgConnection, card: CardId) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(
        updates::table
            .filter(updates::provider.eq(Provider::Google))
            .filter(updates::card_id.eq(card))
            .filter(updates::device.ne("")),
    ))
    .get_result(connection)
}

/// A wallet was revoked: Google is to be told, in the transaction that revoked it. Other devices have nothing to tell.
///
/// # Errors
/// The database's.
pub fn revoked(connection: &mut PgConnection, device: &Device, now: DateTime<Utc>) -> QueryResult<usize> {
    if device.kind != DeviceKind::Google {
        return Ok(0);
    }
    diesel::sql_query(
        "INSERT INTO platform.wallet_updates (provider, card_id, device, tag, due_at, created_at)
         SELECT provider, card_id, $2, nextval('platform.wallet_tags'), $3, $3
         FROM platform.wallet_passes WHERE provider = 'google' AND card_id = $1
         ON CONFLICT DO NOTHING",
    )
    .bind::<SqlUuid, _>(device.card_id)
    .bind::<Text, _>(device.id.to_string())
    .bind::<Timestamptz, _>(now)
    .execute(connection)
}
