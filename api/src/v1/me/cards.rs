//! A member's cards, the live code and its pictures.

use actix_web::{HttpRequest, HttpResponse, web};
use card_issuer::CardError;
use card_issuer::cards::{self, Card, Standing};
use card_issuer::code::LiveCode;
use card_issuer::life::{self, Block, BlockReason};
use card_issuer::{devices, qr};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::{CardId, MemberId};
use union_registry::{MemberStatus, facts, members};
use utoipa::{IntoParams, ToSchema};

use super::money::PageQuery;
use super::{family, myself};
use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Json, Later, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::cards::CardView;
use crate::v1::paging::List;
use crate::v1::types::Timestamp;

/// My cards, virtual ones first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cards {
    items: Vec<CardView>,
    next: Option<String>,
}

/// My cards, virtual ones first.
#[utoipa::path(get, path = "/v1/me/cards", tag = "member", params(PageQuery), responses(
    (status = 200, description = "the cards", body = Cards),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    // Another's wallet has a way of its own to show the card, and orders none.
    let is_wallet = matches!(&*principal, Principal::Wallet { .. });
    let offered = if is_wallet { Vec::new() } else { app.wallets.offered(now) };
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let place = list.place(query.0.asked())?;
    let (cards, facts) = app
        .into_inner()
        .run(move |connection| {
            let facts = facts::facts_for_posting(connection, &[(member, now)])?.pop().flatten();
            Ok((cards::of_member(connection, member)?, facts))
        })
        .await?;
    let active = facts.as_ref().is_some_and(|facts| facts.status == MemberStatus::Active);
    let another = active && !is_wallet && family::withheld(&cards, now).is_none();
    let shown = cards.iter().filter(|card| is_shown_to(&principal, card)).collect();
    Ok(list.answer(&place.of(shown).map(|card| {
        let renewable = another && family::is_missing(card, &cards, now);
        CardView::of_member((card, facts.as_ref()), (&offered, renewable), now)
    })))
}

/// A live code.
#[derive(Debug, Serialize, ToSchema)]
pub struct CodeView {
    /// 24 digits.
    value: String,
    #[schema(value_type = String, format = DateTime)]
    valid_from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    valid_until: Timestamp,
}

/// A card of the member's, whatever its state.
///
/// # Errors
/// 404
pub fn my_card(connection: &mut PgConnection, member: MemberId, id: CardId) -> Result<Card, Problem> {
    let card = cards::find(connection, id)?;
    if card.member_id == member { Ok(card) } else { Err(Problem::not_found()) }
}

/// A member sees all their cards; another's wallet the member's own, for a family hasn't been asked.
pub fn is_shown_to(principal: &Principal, card: &Card) -> bool {
    card.relation.is_none() || !matches!(principal, Principal::Wallet { .. })
}

/// A card of the member's that is good now: its own state and its holder's membership.
///
/// # Errors
/// 404, or 409 with what is wrong.
pub fn my_good_card(
    connection: &mut PgConnection,
    member: MemberId,
    id: CardId,
    now: DateTime<Utc>,
) -> Result<Card, Problem> {
    let card = my_card(connection, member, id)?;
    let active = members::find(connection, member)?.person.status == MemberStatus::Active;
    match card.standing_at(now) {
        Standing::Valid if active => Ok(card),
        Standing::Expired => {
            Err(Problem::conflict("card-expired", "The card has expired", "Срок действия карты истёк"))
        }
        Standing::Valid | Standing::Blocked => {
            Err(Problem::conflict("card-blocked", "The card is blocked", "Карта заблокирована"))
        }
    }
}

/// The live code of a good card, drawn by the server.
async fn draw(app: web::Data<App>, principal: &Principal, id: CardId) -> Result<LiveCode, Problem> {
    let (member, now, principal) = (myself(principal)?, app.now(), principal.clone());
    let shared = app.clone().into_inner();
    app.into_inner()
        .run(move |connection| {
            let card = my_card(connection, member, id)?;
            if !is_shown_to(&principal, &card) {
                return Err(Problem::not_found());
            }
            if card.kind == cards::CardKind::Plastic {
                return Err(CardError::Plastic.into());
            }
            my_good_card(connection, member, id, now)?;
            Ok(devices::draw(connection, &shared.derived.issuer, id, now)?)
        })
        .await
}

/// The live code of a virtual card as of now.
#[utoipa::path(get, path = "/v1/me/cards/{id}/code", tag = "member", params(("id" = String, Path)), responses(
    (status = 200, description = "the code", body = CodeView),
    (status = 404, description = "no such card of yours", body = ProblemBody),
    (status = 409, description = "a plastic, blocked or expired card has none", body = ProblemBody)))]
pub async fn code(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
) -> Result<web::Json<CodeView>, Problem> {
    let code = draw(app, &principal, id.0).await?;
    Ok(web::Json(CodeView {
        value: code.value,
        valid_from: code.valid_from.into(),
        valid_until: code.valid_until.into(),
    }))
}

/// The live code as an SVG of one path, quiet zone included.
#[utoipa::path(get, path = "/v1/me/cards/{id}/code.svg", tag = "member", params(("id" = String, Path)), responses(
    (status = 200, description = "the QR", content_type = "image/svg+xml"),
    (status = 409, description = "a plastic, blocked or expired card has none", body = ProblemBody)))]
pub async fn code_svg(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
) -> Result<HttpResponse, Problem> {
    let code = draw(app, &principal, id.0).await?;
    let svg = qr::svg(&code.value).map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok().content_type("image/svg+xml").body(svg))
}

/// How large the picture should be.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SizeQuery {
    /// Pixels a side, 64 to 2048; 400 unless said.
    size: Option<u32>,
}

/// The live code as a PNG.
#[utoipa::path(get, path = "/v1/me/cards/{id}/code.png", tag = "member", params(("id" = String, Path), SizeQuery), responses(
    (status = 200, description = "the QR", content_type = "image/png"),
    (status = 409, description = "a plastic, blocked or expired card has none", body = ProblemBody),
    (status = 422, description = "a size outside 64 to 2048", body = ProblemBody)))]
pub async fn code_png(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
    query: Query<SizeQuery>,
) -> Result<HttpResponse, Problem> {
    let side = query.0.size.unwrap_or(400);
    if !qr::PNG_SIDE.contains(&side) {
        return Err(Problem::invalid_field("size", "must be 64 to 2048", "от 64 до 2048"));
    }
    let code = draw(app, &principal, id.0).await?;
    let png = web::block(move || qr::png(&code.value, side))
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok().content_type("image/png").body(png))
}

/// Why I block my card.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MyBlockBody {
    /// `lost` or `stolen`.
    #[schema(value_type = String)]
    reason: BlockReason,
}

/// Blocks my card at once, for ever.
#[utoipa::path(post, path = "/v1/me/cards/{id}/block", tag = "member", params(("id" = String, Path)), request_body = MyBlockBody, responses(
    (status = 200, description = "the blocked card", body = CardView),
    (status = 404, description = "no such card of yours", body = ProblemBody)))]
pub async fn block(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
    body: Later<Json<MyBlockBody>>,
) -> Result<web::Json<CardView>, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    let by = principal.key();
    let card = app
        .into_inner()
        .transaction(move |connection| {
            my_card(connection, member, id.0)?;
            let reason = body?.0.reason;
            if !matches!(reason, BlockReason::Lost | BlockReason::Stolen) {
                return Err(Problem::invalid_field("#/reason", "must be lost or stolen", "lost или stolen"));
            }
            Ok(life::block(connection, id.0, &Block { reason, by, comment: None }, now)?)
        })
        .await?;
    Ok(web::Json(CardView::new(&card, now)))
}
