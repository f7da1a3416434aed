//! The phones that draw live codes by themselves, without network. Each has a secret of its own, told once.

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use card_issuer::code::{STEP_SECONDS, TOTP_DIGITS};
use card_issuer::devices::{self, Device, DeviceId, DeviceKind, NAME_CHARS_MAX};
use serde::{Deserialize, Serialize};
use shared_kernel::ids::CardId;
use utoipa::ToSchema;

use super::cards::my_good_card;
use super::money::PageQuery;
use super::myself;
use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Json, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::paging::List;
use crate::v1::types::Timestamp;
use crate::wallets::google;

/// A device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Device)]
pub struct DeviceView {
    #[schema(value_type = uuid::Uuid)]
    id: DeviceId,
    /// The card it draws for.
    #[schema(value_type = uuid::Uuid)]
    card: CardId,
    /// `phone` or `google`.
    kind: &'static str,
    name: String,
    #[schema(value_type = String, format = DateTime)]
    added_at: Timestamp,
    /// When a code of it was last taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

impl DeviceView {
    fn new(device: &Device) -> Self {
        Self {
            id: device.id,
            card: device.card_id,
            kind: device.kind.as_str(),
            name: device.name.clone(),
            added_at: device.created_at.into(),
            last_used_at: device.last_used_at().map(Timestamp),
        }
    }
}

/// My devices.
#[derive(Debug, Serialize, ToSchema)]
pub struct Devices {
    items: Vec<DeviceView>,
    next: Option<String>,
}

/// The devices that draw codes for my cards, oldest first.
#[utoipa::path(get, path = "/v1/me/devices", tag = "member", params(PageQuery), responses(
    (status = 200, description = "the devices", body = Devices),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let member = myself(&principal)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let place = list.place(query.0.asked())?;
    let found = app.into_inner().run(move |connection| Ok(devices::of_member(connection, member)?)).await?;
    Ok(list.answer(&place.of(found).map(|device| DeviceView::new(&device))))
}

/// Which card a device is to draw for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceBody {
    /// A virtual card of mine.
    #[schema(value_type = uuid::Uuid)]
    card: CardId,
    /// What I know the device by, at most 64 characters.
    name: Option<String>,
}

/// A device with its secret: RFC 6238 over the 16 digits of the number makes the 24 of the code.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewDeviceView {
    #[serde(flatten)]
    device: DeviceView,
    /// The card's 16 digits, which stand before the changing eight.
    number: String,
    /// 20 bytes in base64url without padding; told this once.
    secret: String,
    /// `SHA1`
    algorithm: &'static str,
    digits: usize,
    period_seconds: i64,
}

/// Adds a device; its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/me/devices", tag = "member", request_body = DeviceBody, responses(
    (status = 201, description = "the device and its secret", body = NewDeviceView),
    (status = 404, description = "no such card of yours", body = ProblemBody),
    (status = 409, description = "plastic, blocked or expired, or eight devices already", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn add(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<DeviceBody>,
) -> Result<HttpResponse, Problem> {
    let (member, by, now) = (myself(&principal)?, principal.key(), app.now());
    let name = body.0.name.unwrap_or_default().trim().to_owned();
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(Problem::invalid_field("#/name", "is longer than 64 characters", "длиннее 64 знаков"));
    }
    let shared = app.clone().into_inner();
    let view = app
        .into_inner()
        .transaction(move |connection| {
            let card = my_good_card(connection, member, body.0.card, now)?;
            let device = devices::add(
                connection,
                &shared.derived.issuer,
                card.id,
                (DeviceKind::Phone, &name, &by),
                now,
            )?;
            let secret = shared.derived.issuer.device_secret(device.id, device.key_version)?;
            Ok(NewDeviceView {
                device: DeviceView::new(&device),
                number: card.number.as_str().to_owned(),
                secret: URL_SAFE_NO_PAD.encode(secret.bytes()),
                algorithm: "SHA1",
                digits: TOTP_DIGITS,
                period_seconds: STEP_SECONDS,
            })
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// Revokes a device: its codes are refused from now on.
#[utoipa::path(delete, path = "/v1/me/devices/{id}", tag = "member", params(("id" = String, Path)), responses(
    (status = 204, description = "revoked"),
    (status = 404, description = "no such device of yours", body = ProblemBody)))]
pub async fn revoke(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<DeviceId>,
) -> Result<HttpResponse, Problem> {
    let (member, by, now) = (myself(&principal)?, principal.key(), app.now());
    app.clone()
        .into_inner()
        .transaction(move |connection| {
            if !devices::revoke(connection, (member, id.0), &by, now)? {
                return Err(Problem::not_found());
            }
            if let Some(device) = devices::find(connection, id.0)? {
                google::update::revoked(connection, &device, now)?;
            }
            Ok(())
        })
        .await?;
    app.wallets.ring();
    Ok(HttpResponse::NoContent().finish())
}
