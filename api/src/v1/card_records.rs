//! A card as the office works with it: its record with history, another card instead of it, and the other numbers it
//! answers to.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use card_issuer::aliases::{self, Alias};
use card_issuer::cards::{self, Card};
use card_issuer::life::{self, Block, BlockReason, Entry};
use card_issuer::{CardError, devices};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::CardId;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Principal, scope, staff};
use crate::extract::{IdPath, Json, Later, OptionalJson, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::cards::{OfficeCardView, active_member, comment};
use crate::v1::types::Timestamp;

/// A card's record.
#[derive(Debug, Serialize, ToSchema)]
pub struct CardRecord {
    #[serde(flatten)]
    card: OfficeCardView,
    /// The number as an EAN-13.
    ean13: String,
    /// Numbers of older systems it answers to.
    aliases: Vec<String>,
    /// How many devices draw its codes.
    devices: usize,
    /// The card it was issued instead of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    replaces: Option<CardId>,
    /// The card that was issued instead of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    replaced_by: Option<CardId>,
    /// What happened to it, the first first.
    history: Vec<HistoryView>,
}

/// Something that happened to a card.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `ordered`, `issued`, `activated`, `blocked`, `expired`, `reissued`, `limits_changed`, `device_added`,
    /// `device_revoked`, `alias_added` or `alias_removed`.
    event: &'static str,
    by: Actor,
    /// Why it was blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What was written about it, or the device, card, number or limits concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
pub struct Actor {
    /// `program`, `member`, `staff` or `client`.
    kind: String,
    /// Which one.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// A login's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

impl Actor {
    fn of(key: Option<&str>, emails: &HashMap<Uuid, String>) -> Self {
        let named = key.and_then(|key| key.split_once(':'));
        let Some((kind, id)) = named else {
            return Self { kind: key.unwrap_or("program").to_owned(), id: None, email: None };
        };
        let email = Uuid::try_parse(id).ok().and_then(|id| emails.get(&id).cloned());
        Self { kind: kind.to_owned(), id: Some(id.to_owned()), email }
    }
}

fn record(connection: &mut PgConnection, card: &Card, now: DateTime<Utc>) -> Result<CardRecord, Problem> {
    let entries = life::history_of(connection, card.id)?;
    let keys = entries.iter().filter_map(|entry| entry.by_whom.as_deref()).chain(card.ordered_by.as_deref());
    let logins: Vec<Uuid> =
        keys.filter_map(|key| Uuid::try_parse(key.strip_prefix("staff:")?).ok()).collect();
    let emails = staff::emails(connection, &logins)?;
    let born = HistoryView {
        at: card.ordered_at.into(),
        event: "ordered",
        by: Actor::of(card.ordered_by.as_deref(), &emails),
        reason: None,
        note: None,
    };
    let later = entries.into_iter().map(|entry| happened(entry, &emails));
    Ok(CardRecord {
        ean13: card.number.ean13(),
        aliases: aliases::of_card(connection, card.id)?,
        devices: devices::of_card(connection, card.id)?.len(),
        replaces: card.replaces,
        replaced_by: life::replacement_of(connection, card.id)?,
        history: std::iter::once(born).chain(later).collect(),
        card: OfficeCardView::standing_of(connection, card, now)?,
    })
}

fn happened(entry: Entry, emails: &HashMap<Uuid, String>) -> HistoryView {
    HistoryView {
        at: entry.at.into(),
        event: entry.event.as_str(),
        by: Actor::of(entry.by_whom.as_deref(), emails),
        reason: entry.reason,
        note: entry.note,
    }
}

/// A card of somebody within the principal's subtree.
fn theirs(connection: &mut PgConnection, principal: &Principal, id: CardId) -> Result<Card, Problem> {
    let card = cards::find(connection, id)?;
    scope::member(connection, principal, card.member_id)?;
    Ok(card)
}

/// A card with its history.
#[utoipa::path(get, path = "/v1/cards/{id}", tag = "office", params(("id" = String, Path)), responses(
    (status = 200, description = "the record", body = CardRecord),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn show(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
) -> Result<web::Json<CardRecord>, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let record = app
        .into_inner()
        .run(move |connection| {
            let card = theirs(connection, &principal, id.0)?;
            record(connection, &card, now)
        })
        .await?;
    Ok(web::Json(record))
}

/// Why a card is issued anew.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReissueBody {
    /// `lost`, `stolen`, `fraud` or `replaced` (worn out, spoiled, a new number wanted); what it is blocked for, if it
    /// still lives. `replaced` unless said.
    #[schema(value_type = Option<String>)]
    reason: Option<BlockReason>,
    /// What to remember about it.
    comment: Option<String>,
}

/// Issues another card instead of this one: a new number, the same balances and history; the old number is blocked for
/// ever.
#[utoipa::path(post, path = "/v1/cards/{id}/reissue", tag = "office", params(("id" = String, Path)), request_body = Option<ReissueBody>, responses(
    (status = 201, description = "the new card", body = CardRecord),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "replaced before, or no active member", body = ProblemBody)))]
pub async fn reissue(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
    body: Later<OptionalJson<ReissueBody>>,
) -> Result<HttpResponse, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let shared = app.clone().into_inner();
    let record = app
        .into_inner()
        .transaction(move |connection| {
            let old = theirs(connection, &principal, id.0)?;
            let ReissueBody { reason, comment } = body?.0.unwrap_or_default();
            let reason = reason.unwrap_or(BlockReason::Replaced);
            if reason == BlockReason::Left {
                return Err(Problem::invalid_field(
                    "#/reason",
                    "who left gets no other card",
                    "вышедшему из профсоюза карта не перевыпускается",
                ));
            }
            active_member(connection, &principal, old.member_id)?;
            let block = Block { reason, by: principal.key(), comment: self::comment(comment)? };
            let card = life::reissue(connection, &shared.derived.issuer, id.0, &block, now)?;
            record(connection, &card, now)
        })
        .await?;
    Ok(HttpResponse::Created().json(record))
}

/// Another number a card is to answer to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AliasBody {
    /// 1 to 32 characters, as an older system wrote it.
    alias: String,
}

fn alias(text: &str, pointer: &'static str) -> Result<Alias, Problem> {
    Alias::parse(text).ok_or_else(|| {
        Problem::invalid_field(
            pointer,
            "must have 1 to 32 visible characters and be no card number of ours",
            "от 1 до 32 видимых знаков, и не наш номер карты",
        )
    })
}

/// Lets a card answer to another number; the same again changes nothing.
#[utoipa::path(post, path = "/v1/cards/{id}/aliases", tag = "office", params(("id" = String, Path)), request_body = AliasBody, responses(
    (status = 201, description = "the record", body = CardRecord),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 422, description = "no alias", body = ProblemBody)))]
pub async fn add_alias(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
    body: Later<Json<AliasBody>>,
) -> Result<HttpResponse, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let record = app
        .into_inner()
        .transaction(move |connection| {
            let card = theirs(connection, &principal, id.0)?;
            let alias = alias(&body?.0.alias, "#/alias")?;
            aliases::add(connection, &[(alias, card.id)], &principal.key(), now)?;
            record(connection, &card, now)
        })
        .await?;
    Ok(HttpResponse::Created().json(record))
}

/// Which alias.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AliasQuery {
    /// The alias.
    alias: String,
}

/// Takes another number from a card.
#[utoipa::path(delete, path = "/v1/cards/{id}/aliases", tag = "office", params(("id" = String, Path), AliasQuery), responses(
    (status = 204, description = "taken"),
    (status = 404, description = "no such card or alias, or not yours", body = ProblemBody),
    (status = 422, description = "no alias", body = ProblemBody)))]
pub async fn remove_alias(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
    query: Query<AliasQuery>,
) -> Result<HttpResponse, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let alias = alias(&query.0.alias, "alias")?;
    app.into_inner()
        .transaction(move |connection| {
            let card = theirs(connection, &principal, id.0)?;
            let removed = aliases::remove(connection, (card.id, &alias), &principal.key(), now)?;
            if removed { Ok(()) } else { Err(Problem::from(CardError::Unknown(card.id))) }
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
