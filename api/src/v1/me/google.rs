//! A member's card for Google Wallet.

use actix_web::http::StatusCode;
use actix_web::web;
use card_issuer::CardError;
use card_issuer::cards::CardKind;
use card_issuer::devices::{self, Device};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use serde::Serialize;
use serde_json::Value;
use shared_kernel::ids::{CardId, MemberId};
use utoipa::ToSchema;

use super::cards::{my_card, my_good_card};
use super::myself;
use super::wallets::off;
use crate::app::App;
use crate::auth::Principal;
use crate::extract::IdPath;
use crate::problem::{Problem, ProblemBody};
use crate::wallets::google::{Card, update};
use crate::wallets::shown::Shown;
use crate::wallets::{Provider, changes, shown};

/// A card for Google Wallet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GoogleCard)]
pub struct GoogleView {
    /// Opened on the phone, it puts the card into the wallet.
    save_url: String,
    /// The card as Google has it: a LoyaltyObject, whose rotating barcode draws the live codes. Nothing in it says whose
    /// card it is; whoever has it can draw the card's codes.
    #[schema(value_type = Object)]
    object: Value,
}

/// The card for Google Wallet, which draws live codes of its own: it is one of the card's eight devices, and codes end
/// where that device is revoked. Asked again it is the same card, as it is now.
#[utoipa::path(get, path = "/v1/me/cards/{id}/google", tag = "member", params(("id" = String, Path)), responses(
    (status = 200, description = "the link and the card", body = GoogleView),
    (status = 404, description = "no such card of yours", body = ProblemBody),
    (status = 409, description = "a plastic, blocked or expired card has none; eight devices already; `wallet-off` without an account", body = ProblemBody),
    (status = 503, description = "Google can't be reached now", body = ProblemBody)))]
pub async fn google(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
) -> Result<web::Json<GoogleView>, Problem> {
    let (member, by, now) = (myself(&principal)?, principal.key(), app.now());
    let (app, shared) = (app.clone().into_inner(), app.into_inner());
    let issuer = shared.wallets.google();
    let taking = shared.clone();
    let (taken, card) =
        app.transaction(move |connection| taken(&taking, connection, (member, id.0, &by), now)).await?;
    let issuer = issuer.ok_or_else(off)?;
    let put = issuer.put(&card, now).await;
    let (settling, there) = (shared.clone(), put.is_ok());
    app.transaction(move |connection| settled(&settling, connection, (member, &taken), there)).await?;
    if let Err(failure) = put {
        tracing::warn!(?failure, "a card did not come to Google");
        return Err(unreachable());
    }
    shared.wallets.ring();
    Ok(web::Json(GoogleView { save_url: issuer.save_url(&card, now)?, object: card.object }))
}

/// Google Wallet as a device of a card, and what the card shows.
struct Taken {
    device: Device,
    added: bool,
    shown: Shown,
}

/// The device of a good card that is Google Wallet, and what Google is to be told.
fn taken(
    app: &App,
    connection: &mut PgConnection,
    (member, id, by): (MemberId, CardId, &str),
    now: DateTime<Utc>,
) -> Result<(Taken, Card), Problem> {
    if my_card(connection, member, id)?.kind == CardKind::Plastic {
        return Err(CardError::Plastic.into());
    }
    my_good_card(connection, member, id, now)?;
    let issuer = app.wallets.google().ok_or_else(off)?;
    let (device, added) = devices::google(connection, &app.derived.issuer, id, by, now)?;
    let shown = shown::of_card(app, connection, id, now)?;
    let card = update::card(app, connection, issuer, (&shown, &device))?;
    Ok((Taken { device, added, shown }, card))
}

/// From now on the card out there is kept true: what changed on the way there is found by the mark. One that didn't come
/// there leaves no device behind.
fn settled(
    app: &App,
    connection: &mut PgConnection,
    (member, taken): (MemberId, &Taken),
    there: bool,
) -> Result<(), Problem> {
    let now = app.now();
    if there {
        changes::watch(connection, &app.wallets, Provider::Google, &taken.shown, now)?;
        changes::mark(connection, &[member])?;
    } else if taken.added && changes::of_card(connection, Provider::Google, taken.device.card_id)?.is_none() {
        // Nobody who asked beside us got it there either.
        devices::revoke(connection, (member, taken.device.id), "google wallet: not reached", now)?;
    }
    Ok(())
}

fn unreachable() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "wallet-away",
        "Google Wallet can't be reached now",
        "Google Кошелёк сейчас не отвечает",
    )
    .retry_after(60)
}
