//! A partner's webhooks: where it wants to be told of what, by Standard Webhooks, and what it was told.

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::PartnerId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::delivery::webhooks::address::{LookUp, Refused};
use crate::delivery::webhooks::endpoints::{self, DisabledWhy, ENDPOINTS_MAX, Endpoint, EndpointError};
use crate::delivery::webhooks::events::EventKind;
use crate::delivery::webhooks::queue::{self, Again, Delivery, DeliveryState};
use crate::delivery::webhooks::signature::Secret;
use crate::extract::{IdPath, Json, Later, NoBody, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::me::money::PageQuery;
use crate::v1::paging::{self, List};
use crate::v1::types::Timestamp;

/// Where to be told of what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookBody {
    /// A public HTTPS address at port 443 or 8443, without user and password.
    #[schema(example = "https://shop.example/unioncard")]
    url: String,
    /// `purchase.posted`, `purchase.refunded`, `claim.to_decide`, `statement.ready`.
    #[schema(value_type = Vec<String>, example = json!(["purchase.posted"]))]
    events: Vec<EventKind>,
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookView {
    id: Uuid,
    url: String,
    #[schema(value_type = Vec<String>)]
    events: Vec<EventKind>,
    /// `enabled` or `disabled`.
    status: &'static str,
    /// Why it is disabled: `failing` (nothing but failures for three days) or `gone` (the receiver answered 410).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    disabled_why: Option<DisabledWhy>,
    /// Nothing but failures since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// Until then messages carry two signatures, of the new secret and the one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    overlap_until: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// What messages are signed with, `whsec_` and base64: in the answers to making and to rotating alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl WebhookView {
    fn of(endpoint: Endpoint, app: &App) -> Self {
        let overlap = endpoint.overlap_until.filter(|until| app.now() < *until);
        Self {
            id: endpoint.id,
            url: endpoint.url,
            events: endpoint.events.0,
            status: if endpoint.disabled_at.is_none() { "enabled" } else { "disabled" },
            disabled_why: endpoint.disabled_why,
            failing_since: endpoint.failing_since.map(Timestamp),
            overlap_until: overlap.map(Timestamp),
            created_at: endpoint.created_at.into(),
            secret: None,
        }
    }

    fn with_secret(endpoint: Endpoint, app: &App) -> Self {
        let secret = Secret::of(&app.master, endpoint.id, endpoint.secret_version);
        Self { secret: Some(secret.text()), ..Self::of(endpoint, app) }
    }
}

fn own(principal: &Principal) -> Result<PartnerId, Problem> {
    principal.partner().ok_or_else(Problem::forbidden)
}

/// Why an address isn't taken, at its field.
fn refused(why: Refused) -> Problem {
    let ru = match why {
        Refused::Malformed => "нужен адрес вида https://узел/путь",
        Refused::NotHttps => "адрес должен начинаться с https://",
        Refused::Port => "порт должен быть 443 или 8443",
        Refused::Credentials => "в адресе не должно быть имени и пароля",
        Refused::NotPublic => "это не общедоступный адрес",
    };
    Problem::invalid_field("#/url", why.to_string(), ru)
}

fn unmade(error: EndpointError) -> Problem {
    match error {
        EndpointError::Taken => Problem::conflict(
            "webhook-exists",
            "You have a webhook with this address",
            "У вас уже есть такой адрес для уведомлений",
        ),
        EndpointError::TooMany => Problem::conflict(
            "webhooks-too-many",
            "You have as many webhooks as you may",
            "Больше адресов для уведомлений завести нельзя",
        )
        .detail(
            format!("remove one of the {ENDPOINTS_MAX} first"),
            format!("сначала удалите один из {ENDPOINTS_MAX}"),
        ),
        EndpointError::Database(error) => error.into(),
    }
}

fn overlaps(endpoint: &Endpoint) -> Problem {
    let problem = Problem::conflict(
        "webhook-overlap",
        "The secret before the present one still signs",
        "Прежний секрет ещё подписывает",
    );
    match endpoint.overlap_until {
        Some(until) => problem.detail(
            format!("there can be another one after {}", until.to_rfc3339()),
            format!("следующий можно получить после {}", until.to_rfc3339()),
        ),
        None => problem,
    }
}

/// Subscribes an address to events; the answer holds the secret messages are signed with, which is not shown again.
///
/// A message is a POST of `{"type","timestamp","data"}` by Standard Webhooks. `data` of `purchase.posted`:
/// `purchase_id`, `outlet`, `receipt`, `amount`, `redeemed`, `paid`, `cashback`, `commission`; of `purchase.refunded`:
/// `purchase_id`, `outlet`, `receipt`, `reference`, `amount` (of this refund), `refunded` (in all); of
/// `claim.to_decide`: `claim_id`, `outlet`, `amount`, `occurred_at`; of `statement.ready`: `statement_id`, `period`.
/// Nothing tells who the member is.
///
/// Headers: `webhook-id`, the same at every try; `webhook-timestamp`, seconds since 1970; `webhook-signature`, one or
/// more of `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, keyed with what follows `whsec_` in the
/// secret, decoded from base64. Take a message when any signature fits (there are two for 24 hours after a rotation),
/// the time is within five minutes of yours and the id is new to you.
///
/// Answer 2xx within 20 seconds; the body is not looked at, redirects are not followed. Otherwise the message is tried
/// again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h (up to a tenth more), then parked. `Retry-After`
/// is honoured; 429, 502 and 504 also hold other messages back for a while; 410 disables the webhook, as do three days
/// of nothing but failures. Messages may come more than once and out of order, and are kept for 30 days.
#[utoipa::path(post, path = "/v1/webhooks", tag = "partner", request_body = WebhookBody, responses(
    (status = 201, description = "subscribed, with its secret", body = WebhookView),
    (status = 409, description = "there already, or too many", body = ProblemBody),
    (status = 422, description = "an address that may not be called, or unknown events", body = ProblemBody)))]
pub async fn create(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<WebhookBody>,
) -> Result<HttpResponse, Problem> {
    let (partner, now, shared) = (own(&principal)?, app.now(), app.clone());
    let mut events = body.0.events;
    events.sort_unstable();
    events.dedup();
    if events.is_empty() {
        return Err(Problem::invalid_field("#/events", "must name an event", "нужно хотя бы одно событие"));
    }
    let url = app.delivery.webhooks.guard.url(&body.0.url).map_err(refused)?;
    let view = app
        .into_inner()
        .run(move |connection| {
            // A name nobody knows yet may be known tomorrow; it is looked up again each time it is dialled.
            let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
            if let Err(LookUp::Refused(why)) = shared.delivery.webhooks.guard.look_up(host) {
                return Err(refused(why));
            }
            let made = endpoints::create(connection, partner, (url.as_str(), &events), now);
            Ok(WebhookView::with_secret(made.map_err(unmade)?, &shared))
        })
        .await?;
    Ok(HttpResponse::Created().insert_header(("Location", format!("/v1/webhooks/{}", view.id))).json(view))
}

/// A partner's webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Webhooks {
    items: Vec<WebhookView>,
    next: Option<String>,
}

/// The partner's webhooks, the oldest first; ten at most.
#[utoipa::path(get, path = "/v1/webhooks", tag = "partner", params(PageQuery), responses(
    (status = 200, description = "all of them", body = Webhooks),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (partner, shared) = (own(&principal)?, app.clone());
    let list = List::of(&shared, &request, &principal);
    let place = list.place(query.0.asked())?;
    let found = app.into_inner().run(move |connection| Ok(endpoints::list(connection, partner)?)).await?;
    Ok(list.answer(&place.of(found).map(|endpoint| WebhookView::of(endpoint, &shared))))
}

/// Removes a webhook with all that was still to be sent to it.
#[utoipa::path(delete, path = "/v1/webhooks/{id}", tag = "partner", params(("id" = String, Path)), responses(
    (status = 204, description = "removed"), (status = 404, body = ProblemBody, description = "none, or not yours")))]
pub async fn remove(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
) -> Result<HttpResponse, Problem> {
    let partner = own(&principal)?;
    app.into_inner().run(move |connection| Ok(endpoints::remove(connection, partner, id.0)?)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Gives a webhook a new secret, shown once; the one before signs beside it for 24 hours, in which there is no further one.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate", tag = "partner", params(("id" = String, Path)), responses(
    (status = 200, description = "with its new secret", body = WebhookView),
    (status = 409, description = "the secret before its present one still signs", body = ProblemBody),
    (status = 404, body = ProblemBody, description = "none, or not yours")))]
pub async fn rotate(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
    body: Later<NoBody>,
) -> Result<web::Json<WebhookView>, Problem> {
    let (partner, now, shared) = (own(&principal)?, app.now(), app.clone());
    let rotated = app
        .into_inner()
        .transaction(move |connection| {
            let endpoint = endpoints::find(connection, partner, id.0)?;
            body?;
            endpoints::rotate(connection, partner, id.0, now)?.ok_or_else(|| overlaps(&endpoint))
        })
        .await?;
    Ok(web::Json(WebhookView::with_secret(rotated, &shared)))
}

/// Enables a disabled webhook: what waited is sent; what was parked is sent when it is asked for.
#[utoipa::path(post, path = "/v1/webhooks/{id}/enable", tag = "partner", params(("id" = String, Path)), responses(
    (status = 200, description = "enabled", body = WebhookView),
    (status = 404, body = ProblemBody, description = "none, or not yours")))]
pub async fn enable(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
    body: Later<NoBody>,
) -> Result<web::Json<WebhookView>, Problem> {
    let (partner, shared) = (own(&principal)?, app.clone());
    let enabled = app
        .into_inner()
        .transaction(move |connection| {
            endpoints::find(connection, partner, id.0)?;
            body?;
            Ok(endpoints::enable(connection, partner, id.0)?)
        })
        .await?;
    shared.delivery.webhooks.ring();
    Ok(web::Json(WebhookView::of(enabled, &shared)))
}

/// A message to a webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub struct DeliveryView {
    /// The message's `webhook-id`.
    id: Uuid,
    /// The event: one of those subscribed to, or `webhook.test`.
    event: String,
    /// `waiting`, `delivered` or `parked`.
    #[schema(value_type = String)]
    status: DeliveryState,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// How often it was tried since it was (last) asked for.
    attempts: i32,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    /// When it was tried last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    tried_at: Option<Timestamp>,
    /// The HTTP status the receiver answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<i16>,
    /// Why the last try failed: `address`, `name`, `connect`, `tls`, `timeout`, `interrupted`, `redirect`, `gone` or
    /// `status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// The message as it is signed and sent.
    body: String,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let waiting = delivery.state == DeliveryState::Waiting;
        Self {
            id: delivery.id,
            event: delivery.event,
            status: delivery.state,
            created_at: delivery.created_at.into(),
            attempts: delivery.attempts,
            next_at: waiting.then_some(Timestamp(delivery.due_at)),
            tried_at: delivery.tried_at.map(Timestamp),
            answered: delivery.answered,
            failure: delivery.failure,
            body: delivery.body,
        }
    }
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookDeliveries {
    items: Vec<DeliveryView>,
    next: Option<String>,
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesQuery {
    /// Only those `waiting`, `delivered` or `parked`.
    #[param(value_type = Option<String>)]
    status: Option<DeliveryState>,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// What a webhook was told and is to be told, the newest first; kept for 30 days.
#[utoipa::path(get, path = "/v1/webhooks/{id}/deliveries", tag = "partner", params(("id" = String, Path), DeliveriesQuery), responses(
    (status = 200, description = "a page of messages", body = WebhookDeliveries),
    (status = 404, body = ProblemBody, description = "none, or not yours"),
    (status = 422, description = "wrong limit, cursor or status", body = ProblemBody)))]
pub async fn deliveries(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
    query: Query<DeliveriesQuery>,
) -> Result<HttpResponse, Problem> {
    let (partner, limit) = (own(&principal)?, paging::limit(query.0.limit)?);
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<Uuid> = list.after(query.0.after.as_deref())?;
    let status = query.0.status;
    let page = app
        .into_inner()
        .run(move |connection| {
            let endpoint = endpoints::find(connection, partner, id.0)?;
            Ok(queue::list(connection, endpoint.id, status, after, limit)?)
        })
        .await?;
    Ok(list.answer(&page.map(DeliveryView::from)))
}

/// What to send again: one message, or all since an instant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayBody {
    /// A message's `webhook-id`.
    delivery: Option<Uuid>,
    /// All messages since then.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Of those only the `parked`, `delivered` or `waiting` ones.
    #[schema(value_type = Option<String>)]
    status: Option<DeliveryState>,
}

impl ReplayBody {
    fn which(self) -> Result<Again, Problem> {
        match (self.delivery, self.since, self.status) {
            (Some(id), None, None) => Ok(Again::One(id)),
            (None, Some(since), status) => Ok(Again::Since(since.0, status)),
            _ => Err(Problem::invalid_field(
                "#/since",
                "give delivery, or since with or without status",
                "нужно delivery или since (со status или без)",
            )),
        }
    }
}

/// How many messages are sent again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replayed {
    replayed: usize,
}

/// Sends messages again, with the same `webhook-id`: one, or all since an instant.
#[utoipa::path(post, path = "/v1/webhooks/{id}/replay", tag = "partner", params(("id" = String, Path)), request_body = ReplayBody, responses(
    (status = 202, description = "they are on their way", body = Replayed),
    (status = 404, body = ProblemBody, description = "no such webhook or message"),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn replay(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
    body: Later<Json<ReplayBody>>,
) -> Result<HttpResponse, Problem> {
    let (partner, now, shared) = (own(&principal)?, app.now(), app.clone());
    let replayed = app
        .into_inner()
        .transaction(move |connection| {
            let endpoint = endpoints::find(connection, partner, id.0)?;
            let which = body?.0.which()?;
            match (queue::replay(connection, endpoint.id, which, now)?, which) {
                (0, Again::One(_)) => Err(Problem::not_found()),
                (replayed, _) => Ok(replayed),
            }
        })
        .await?;
    shared.delivery.webhooks.ring();
    Ok(HttpResponse::Accepted().json(Replayed { replayed }))
}

/// Sends a `webhook.test` message, which tells nothing but that the webhook works; see its delivery for how it went.
#[utoipa::path(post, path = "/v1/webhooks/{id}/test", tag = "partner", params(("id" = String, Path)), responses(
    (status = 202, description = "the message, on its way", body = DeliveryView),
    (status = 404, body = ProblemBody, description = "none, or not yours"),
    (status = 409, description = "disabled", body = ProblemBody)))]
pub async fn test(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<Uuid>,
    body: Later<NoBody>,
) -> Result<HttpResponse, Problem> {
    let (partner, now, shared) = (own(&principal)?, app.now(), app.clone());
    let message = app
        .into_inner()
        .transaction(move |connection| {
            let endpoint = endpoints::find(connection, partner, id.0)?;
            body?;
            if endpoint.disabled_at.is_some() {
                return Err(Problem::conflict(
                    "webhook-disabled",
                    "The webhook is disabled: enable it first",
                    "Адрес отключён: сначала включите его",
                ));
            }
            Ok(queue::put_test(connection, &endpoint, now)?)
        })
        .await?;
    shared.delivery.webhooks.ring();
    Ok(HttpResponse::Accepted().json(DeliveryView::from(message)))
}
