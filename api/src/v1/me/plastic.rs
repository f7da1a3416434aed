//! A member asks for a plastic card.

use actix_web::{HttpResponse, web};
use card_issuer::cards::{self, CardKind};
use serde::Deserialize;
use union_registry::{MemberStatus, members};
use utoipa::ToSchema;

use super::myself;
use crate::app::App;
use crate::auth::Principal;
use crate::extract::Json;
use crate::problem::{Problem, ProblemBody};
use crate::v1::cards::CardView;

/// Which card.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlasticOrderBody)]
pub struct OrderBody {
    /// `plastic`; the virtual one comes with the membership.
    #[schema(value_type = String)]
    kind: CardKind,
}

/// Orders a plastic card: it is printed with the next batch of the member's organisation.
#[utoipa::path(post, path = "/v1/me/cards", tag = "member", request_body = OrderBody, responses(
    (status = 201, description = "the card, ordered", body = CardView),
    (status = 409, description = "has one, or is no active member", body = ProblemBody),
    (status = 422, description = "another kind", body = ProblemBody)))]
pub async fn order(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<OrderBody>,
) -> Result<HttpResponse, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    if body.0.kind != CardKind::Plastic {
        return Err(Problem::invalid_field(
            "#/kind",
            "must be plastic",
            "заказать можно только пластиковую карту",
        ));
    }
    let shared = app.clone().into_inner();
    let card = app
        .into_inner()
        .transaction(move |connection| {
            if members::find(connection, member)?.person.status != MemberStatus::Active {
                return Err(Problem::conflict(
                    "member-not-active",
                    "Only an active member gets a card",
                    "Карта выдаётся только действующему члену профсоюза",
                ));
            }
            Ok(cards::issue(connection, &shared.derived.issuer, member, CardKind::Plastic, now)?)
        })
        .await?;
    Ok(HttpResponse::Created().json(CardView::new(&card, now)))
}
