//! Cards a member orders, limits and has issued anew: family cards on the member's own balances, plastic, and another
//! card instead of a lost one.

use actix_web::{HttpResponse, web};
use card_issuer::cards::{self, Card, CardKind, Limits, NewCard, Relation};
use card_issuer::life::{self, Block, BlockReason, CardStatus};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::{CardId, MemberId};
use shared_kernel::money::Money;
use union_registry::{MemberStatus, members};
use utoipa::ToSchema;

use super::cards::my_card;
use super::myself;
use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Json, Later};
use crate::problem::{Problem, ProblemBody};
use crate::v1::cards::CardView;

/// Cards a member may have issued by themselves within a day.
const CARDS_A_DAY: usize = 5;
/// No limit on earning is higher.
const EARN_MAX: i32 = 1_000;

/// What a family card may do at most, by the local day and month; what is left out is without a limit.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CardLimits)]
pub struct LimitsBody {
    /// Purchases that earn, a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    earn_per_day: Option<i32>,
    /// Purchases that earn, a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    earn_per_month: Option<i32>,
    /// Paid with points, a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "300.00")]
    redeem_per_day: Option<Money>,
    /// Paid with points, a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1000.00")]
    redeem_per_month: Option<Money>,
}

impl From<Limits> for LimitsBody {
    fn from(limits: Limits) -> Self {
        let Limits { earn_per_day, earn_per_month, redeem_per_day, redeem_per_month } = limits;
        Self { earn_per_day, earn_per_month, redeem_per_day, redeem_per_month }
    }
}

impl LimitsBody {
    /// The limits, each within its bounds.
    ///
    /// # Errors
    /// 422 with the field.
    pub fn read(self) -> Result<Limits, Problem> {
        let Self { earn_per_day, earn_per_month, redeem_per_day, redeem_per_month } = self;
        for (name, count) in [("earn_per_day", earn_per_day), ("earn_per_month", earn_per_month)] {
            if count.is_some_and(|count| !(0..=EARN_MAX).contains(&count)) {
                let pointer = format!("#/limits/{name}");
                return Err(Problem::invalid_field(pointer, "must be 0 to 1000", "от 0 до 1000"));
            }
        }
        for (name, sum) in [("redeem_per_day", redeem_per_day), ("redeem_per_month", redeem_per_month)] {
            if sum.is_some_and(|sum| !sum.is_zero() && !sum.is_positive()) {
                let pointer = format!("#/limits/{name}");
                return Err(Problem::invalid_field(pointer, "must not be below 0.00", "не меньше 0.00"));
            }
        }
        Ok(Limits { earn_per_day, earn_per_month, redeem_per_day, redeem_per_month })
    }
}

/// Which card.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderBody {
    /// `virtual` or `plastic`; one's own virtual card is issued on joining and then anew by `reissue`.
    #[schema(value_type = String)]
    kind: CardKind,
    /// `spouse` or `child`: a family card on my balances; without it the card is mine.
    #[schema(value_type = Option<String>)]
    relation: Option<Relation>,
    /// A family card's limits.
    limits: Option<LimitsBody>,
}

/// Orders a card: a family card, virtual or plastic, or plastic of my own. No name is kept with a family card.
#[utoipa::path(post, path = "/v1/me/cards", tag = "member", request_body = OrderBody, responses(
    (status = 201, description = "the card: virtual ones are active at once", body = CardView),
    (status = 409, description = "has one, too many, or is no active member", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn order(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<OrderBody>,
) -> Result<HttpResponse, Problem> {
    let (member, by, now) = (myself(&principal)?, principal.key(), app.now());
    let (kind, relation) = (body.0.kind, body.0.relation);
    if kind == CardKind::Virtual && relation.is_none() {
        return Err(Problem::invalid_field(
            "#/relation",
            "is needed: one's own virtual card is reissued, not ordered",
            "нужно указать: своя виртуальная карта перевыпускается, а не заказывается",
        ));
    }
    if relation.is_none() && body.0.limits.is_some() {
        return Err(Problem::invalid_field(
            "#/limits",
            "only a family card has limits",
            "лимиты есть только у семейной карты",
        ));
    }
    let limits = body.0.limits.unwrap_or_default().read()?;
    let shared = app.clone().into_inner();
    let card = app
        .into_inner()
        .transaction(move |connection| {
            may_have_another(connection, member, now)?;
            let new = NewCard { member, kind, by: Some(&by), relation, limits, replaces: None };
            Ok(cards::order(connection, &shared.derived.issuer, &new, now)?)
        })
        .await?;
    Ok(HttpResponse::Created().json(CardView::new(&card, now)))
}

/// A member who belongs to the union, whose cards were not misused, and who hasn't had many today.
fn may_have_another(
    connection: &mut PgConnection,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    if members::find(connection, member)?.person.status != MemberStatus::Active {
        return Err(Problem::conflict(
            "member-not-active",
            "Only an active member gets a card",
            "Карта выдаётся только действующему члену профсоюза",
        ));
    }
    withheld(&cards::of_member(connection, member)?, now).map_or(Ok(()), Err)
}

/// Why an active member with these cards issues none to themselves now: one was misused, or many were issued today.
pub(super) fn withheld(held: &[Card], now: DateTime<Utc>) -> Option<Problem> {
    if held.iter().any(|card| card.block_reason == Some(BlockReason::Fraud) && !is_replaced(card, held)) {
        return Some(Problem::conflict(
            "card-state",
            "A card was blocked for misuse: the union's office issues the next one",
            "Карта заблокирована за злоупотребление: новую выдаст профсоюз",
        ));
    }
    let today = |card: &&Card| card.ordered_by.is_some() && card.ordered_at > now - TimeDelta::days(1);
    (held.iter().filter(today).count() >= CARDS_A_DAY).then(|| {
        Problem::conflict("too-many-cards", "Too many cards", "Слишком много карт").detail(
            format!("at most {CARDS_A_DAY} new cards a day"),
            format!("не больше {CARDS_A_DAY} новых карт за день"),
        )
    })
}

/// Whether another of these cards was issued in this one's place.
fn is_replaced(card: &Card, held: &[Card]) -> bool {
    held.iter().any(|other| other.replaces == Some(card.id))
}

/// Whether a member's own card in the phone has ended, and none of their cards is there in its place.
pub(super) fn is_missing(card: &Card, held: &[Card], now: DateTime<Utc>) -> bool {
    let own = |card: &Card| card.kind == CardKind::Virtual && card.relation.is_none();
    let ended = |card: &Card| matches!(card.status_at(now), CardStatus::Blocked | CardStatus::Expired);
    own(card)
        && ended(card)
        && !is_replaced(card, held)
        && !held.iter().any(|other| own(other) && !ended(other))
}

/// A family card's limits, all of them anew.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeBody {
    /// What is left out is without a limit.
    limits: LimitsBody,
}

/// Sets a family card's limits.
#[utoipa::path(patch, path = "/v1/me/cards/{id}", tag = "member", params(("id" = String, Path)), request_body = ChangeBody, responses(
    (status = 200, description = "the card", body = CardView),
    (status = 404, description = "no such card of yours", body = ProblemBody),
    (status = 409, description = "no family card", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn change(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
    body: Later<Json<ChangeBody>>,
) -> Result<web::Json<CardView>, Problem> {
    let (member, by, now) = (myself(&principal)?, principal.key(), app.now());
    let card = app
        .into_inner()
        .transaction(move |connection| {
            my_card(connection, member, id.0)?;
            let limits = body?.0.limits.read()?;
            Ok(cards::limit(connection, id.0, (limits, &by), now)?)
        })
        .await?;
    Ok(web::Json(CardView::new(&card, now)))
}

/// Why I want another card.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MyReissueBody {
    /// `lost`, `stolen` or `replaced` (worn out, or a new number wanted).
    #[schema(value_type = String)]
    reason: BlockReason,
}

/// Another card instead of mine: a new number on the same balances; the old number stays blocked for ever.
#[utoipa::path(post, path = "/v1/me/cards/{id}/reissue", tag = "member", params(("id" = String, Path)), request_body = MyReissueBody, responses(
    (status = 201, description = "the new card", body = CardView),
    (status = 404, description = "no such card of yours", body = ProblemBody),
    (status = 409, description = "was replaced before, or is not mine to replace", body = ProblemBody),
    (status = 422, description = "another reason", body = ProblemBody)))]
pub async fn reissue(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
    body: Later<Json<MyReissueBody>>,
) -> Result<HttpResponse, Problem> {
    let (member, by, now) = (myself(&principal)?, principal.key(), app.now());
    let shared = app.clone().into_inner();
    let card = app
        .into_inner()
        .transaction(move |connection| {
            let old = my_card(connection, member, id.0)?;
            let reason = my_reason(&body?.0)?;
            may_have_another(connection, member, now)?;
            refuse_ordered(&old)?;
            let block = Block { reason, by, comment: None };
            Ok(life::reissue(connection, &shared.derived.issuer, id.0, &block, now)?)
        })
        .await?;
    Ok(HttpResponse::Created().json(CardView::new(&card, now)))
}

/// A member's own reasons.
fn my_reason(body: &MyReissueBody) -> Result<BlockReason, Problem> {
    match body.reason {
        BlockReason::Lost | BlockReason::Stolen | BlockReason::Replaced => Ok(body.reason),
        _ => Err(Problem::invalid_field(
            "#/reason",
            "must be lost, stolen or replaced",
            "lost, stolen или replaced",
        )),
    }
}

/// Nothing is issued anew that hasn't been made yet.
fn refuse_ordered(card: &Card) -> Result<(), Problem> {
    if card.status == CardStatus::Ordered {
        return Err(Problem::conflict(
            "card-state",
            "The card hasn't been made yet",
            "Карта ещё не изготовлена",
        ));
    }
    Ok(())
}
