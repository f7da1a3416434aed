//! Plastic on its way: what waits, batches, their files, handing out, spoiled bodies.

mod files;
mod views;

pub use files::{__path_file, __path_files, file, files};
pub use views::*;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use card_issuer::print::{self, BATCH_CARDS_MAX, Batch, BatchId, BatchStatus, CARDS_MAX, Origin};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use shared_kernel::ids::{CardId, OrganisationId};
use shared_kernel::paging::Page;
use union_registry::organisations;

use crate::app::App;
use crate::auth::{Principal, scope};
use crate::extract::{IdPath, Json, Later, Query};
use crate::print::{claim, holders};
use crate::problem::{Problem, ProblemBody};
use crate::v1::me::money::PageQuery;
use crate::v1::paging::{self, List};

/// Cards a batch made over the API may have: its files are drawn while somebody waits.
const OFFICE_BATCH_CARDS_MAX: usize = 10_000;
const NOTE_CHARS_MAX: usize = 300;

/// What waits to be printed, by organisation, the most first.
#[utoipa::path(get, path = "/v1/print-queue", tag = "office", params(PageQuery), responses(
    (status = 200, description = "waiting cards by organisation", body = PrintQueue),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn queue(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let place = list.place(query.0.asked())?;
    let asking = principal.clone();
    let (items, whole) = app
        .into_inner()
        .run(move |connection| {
            let root = scope::root(&asking)?;
            let (counts, more) = claim::waiting_by_organisation(connection, root.as_deref())?;
            QueueTotals::of(connection, &counts, more)
        })
        .await?;
    Ok(list.answer_with(&place.of(items), whole))
}

/// Puts the waiting cards of a subtree into a batch.
#[utoipa::path(post, path = "/v1/print-batches", tag = "office", request_body = BatchBody, responses(
    (status = 201, description = "the batch", body = BatchView),
    (status = 409, description = "`nothing-to-print`", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn create(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<BatchBody>,
) -> Result<HttpResponse, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let limit = match body.0.limit {
        None => OFFICE_BATCH_CARDS_MAX,
        Some(limit) if (1..=OFFICE_BATCH_CARDS_MAX).contains(&limit) => limit,
        Some(_) => return Err(Problem::invalid_field("#/limit", "must be 1 to 10000", "от 1 до 10 000")),
    };
    let resolution = super::designs::resolution("#/dpi", body.0.dpi)?;
    let shared = app.clone().into_inner();
    let view = app
        .clone()
        .into_inner()
        .transaction(move |connection| {
            let code = (body.0.organisation.as_str(), "#/organisation");
            let organisation = scope::organisation_at(connection, &principal, code)?.organisation;
            let (by, whose) = (principal.key(), (&organisation, Origin::Office, resolution));
            let batch = claim::claim(connection, whose, limit.min(BATCH_CARDS_MAX), &by, now)?
                .ok_or_else(nothing_to_print)?;
            let subject = batch.id.to_string();
            shared.auth.audit.append(connection, now, &by, "print_batch.made", &subject)?;
            BatchView::one(&shared, connection, &batch)
        })
        .await?;
    app.drawing.later(BatchId(view.id()));
    let address = format!("/v1/print-batches/{}", view.id());
    Ok(HttpResponse::Created().insert_header(("Location", address)).json(view))
}

fn nothing_to_print() -> Problem {
    Problem::conflict("nothing-to-print", "No plastic card waits here", "Здесь нет карт, ожидающих печати")
}

/// The organisations whose cards a principal may see in a batch: `None` is all of them.
fn visible(
    connection: &mut PgConnection,
    principal: &Principal,
    batch: &Batch,
) -> Result<Option<Vec<OrganisationId>>, Problem> {
    let Some(root) = scope::root(principal)? else { return Ok(None) };
    let path = organisations::find(connection, batch.organisation_id)?.path;
    if path.codes().contains(&root) {
        return Ok(None);
    }
    Ok(Some(organisations::subtree_ids(connection, &root)?))
}

/// A batch, and the organisations whose cards one may see in it: `None` is all of them.
type Seen = (Batch, Option<Vec<OrganisationId>>);

/// A batch that a principal may see, wholly or some cards of it.
fn seen(connection: &mut PgConnection, principal: &Principal, id: BatchId) -> Result<Seen, Problem> {
    let batch = print::find(connection, id)?.ok_or_else(Problem::not_found)?;
    let own = visible(connection, principal, &batch)?;
    if own.is_some() && print::items(connection, (id, own.as_deref()), 0, 1)?.is_empty() {
        return Err(Problem::not_found());
    }
    Ok((batch, own))
}

/// Batches with cards of one's subtree, the newest first.
#[utoipa::path(get, path = "/v1/print-batches", tag = "office", params(PageQuery), responses(
    (status = 200, description = "a page of batches", body = Batches)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<i64> = list.after(query.0.after.as_deref())?;
    let (asking, inner) = (principal.clone(), Arc::clone(&shared));
    let page: Page<BatchView, i64> = app
        .into_inner()
        .run(move |connection| {
            let own = scope::subtree(connection, &asking)?;
            let page = print::list(connection, own.as_deref(), after, limit)?;
            let views = BatchView::many(&inner, connection, &page.items)?;
            Ok(Page { items: views, next: page.next })
        })
        .await?;
    Ok(list.answer(&page))
}

/// One batch and what happened to it.
#[utoipa::path(get, path = "/v1/print-batches/{id}", tag = "office", params(("id" = String, Path)), responses(
    (status = 200, description = "the batch", body = BatchView),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn show(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<BatchId>,
) -> Result<web::Json<BatchView>, Problem> {
    let principal = principal.into_inner();
    let shared = app.clone().into_inner();
    let view = app
        .into_inner()
        .run(move |connection| {
            let (batch, own) = seen(connection, &principal, id.0)?;
            let view = BatchView::one(&shared, connection, &batch)?;
            Ok(view.seen_by(&shared, own.is_none()))
        })
        .await?;
    Ok(web::Json(view))
}

/// A batch's cards in the order of its files, those of one's own subtree.
#[utoipa::path(get, path = "/v1/print-batches/{id}/cards", tag = "office", params(("id" = String, Path), PageQuery), responses(
    (status = 200, description = "a page of cards", body = PrintedCards),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn cards(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    id: IdPath<BatchId>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?;
    let (shared, now) = (app.clone().into_inner(), app.now());
    let list = List::of(&shared, &request, &principal);
    let after: Option<i32> = list.after(query.0.after.as_deref())?;
    let (asking, inner) = (principal.clone(), app.clone().into_inner());
    let page: Page<PrintedCardView, i32> = app
        .into_inner()
        .run(move |connection| {
            let (batch, own) = seen(connection, &asking, id.0)?;
            let whose = (batch.id, own.as_deref());
            let items = print::items(connection, whose, after.unwrap_or(0), limit.with_lookahead())?;
            let page = Page::from_lookahead(items, limit, |item| item.place);
            let next = page.next;
            let printed = holders::of_items(connection, page.items)?;
            let shown = printed.iter().map(|one| one.card.member_id);
            inner.auth.audit.listed(connection, now, &asking.key(), shown)?;
            let items = printed.iter().map(|one| PrintedCardView::new(one, now)).collect();
            Ok(Page { items, next })
        })
        .await?;
    Ok(list.answer(&page))
}

/// Notes that a batch went to the plant.
#[utoipa::path(post, path = "/v1/print-batches/{id}/send", tag = "office", params(("id" = String, Path)), request_body = NoteBody, responses(
    (status = 200, description = "the batch", body = BatchView),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "`batch-state`", body = ProblemBody)))]
pub async fn send(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<BatchId>,
    body: Later<Json<NoteBody>>,
) -> Result<web::Json<BatchView>, Problem> {
    advance(app, principal.into_inner(), (id.0, BatchStatus::Sent), body).await
}

/// Notes that a batch came back printed: its cards can be handed out.
#[utoipa::path(post, path = "/v1/print-batches/{id}/receive", tag = "office", params(("id" = String, Path)), request_body = NoteBody, responses(
    (status = 200, description = "the batch", body = BatchView),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "`batch-state`", body = ProblemBody)))]
pub async fn receive(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<BatchId>,
    body: Later<Json<NoteBody>>,
) -> Result<web::Json<BatchView>, Problem> {
    advance(app, principal.into_inner(), (id.0, BatchStatus::Received), body).await
}

async fn advance(
    app: web::Data<App>,
    principal: Principal,
    (id, to): (BatchId, BatchStatus),
    body: Later<Json<NoteBody>>,
) -> Result<web::Json<BatchView>, Problem> {
    acted(app, principal, id, move |connection, seen, by, now| {
        wholly(seen)?;
        let note = note(body?.0.note)?;
        Ok(print::advance(connection, id, to, (by, note.as_deref()), now)?)
    })
    .await
}

/// Does something to a batch one sees, in one transaction; the batch as it is then.
async fn acted<F>(
    app: web::Data<App>,
    principal: Principal,
    id: BatchId,
    act: F,
) -> Result<web::Json<BatchView>, Problem>
where
    F: FnOnce(&mut PgConnection, Seen, &str, DateTime<Utc>) -> Result<Batch, Problem> + Send + 'static,
{
    let (shared, now) = (app.clone().into_inner(), app.now());
    let view = app
        .into_inner()
        .transaction(move |connection| {
            let seen = seen(connection, &principal, id)?;
            let batch = act(connection, seen, &principal.key(), now)?;
            BatchView::one(&shared, connection, &batch)
        })
        .await?;
    Ok(web::Json(view))
}

/// A batch that is wholly one's own.
fn whole(connection: &mut PgConnection, principal: &Principal, id: BatchId) -> Result<Batch, Problem> {
    wholly(seen(connection, principal, id)?)
}

fn wholly(seen: Seen) -> Result<Batch, Problem> {
    match seen {
        (batch, None) => Ok(batch),
        // They see some cards of it; the batch itself is another's.
        (_, Some(_)) => Err(Problem::forbidden()),
    }
}

fn note(text: Option<String>) -> Result<Option<String>, Problem> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > NOTE_CHARS_MAX) {
        return Err(Problem::invalid_field("#/note", "is longer than 300 characters", "длиннее 300 знаков"));
    }
    Ok(text)
}

/// Gives cards to their holders: all that are named, or none. Each becomes active.
#[utoipa::path(post, path = "/v1/print-batches/{id}/hand-out", tag = "office", params(("id" = String, Path)), request_body = HandOutBody, responses(
    (status = 200, description = "the batch", body = BatchView),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "`batch-state`, `card-not-in-print`", body = ProblemBody),
    (status = 422, description = "no cards, or too many", body = ProblemBody)))]
pub async fn hand_out(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<BatchId>,
    body: Later<Json<HandOutBody>>,
) -> Result<web::Json<BatchView>, Problem> {
    acted(app, principal.into_inner(), id.0, move |connection, seen, by, now| {
        let cards = named(body?.0.cards)?;
        holding(connection, seen, &cards)?;
        Ok(print::hand_out(connection, id.0, &cards, by, now)?)
    })
    .await
}

/// Takes unusable bodies out: their cards wait to be printed again, under the same numbers.
#[utoipa::path(post, path = "/v1/print-batches/{id}/spoil", tag = "office", params(("id" = String, Path)), request_body = SpoilBody, responses(
    (status = 200, description = "the batch", body = BatchView),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "`card-not-in-print`", body = ProblemBody),
    (status = 422, description = "no cards, too many, or no reason", body = ProblemBody)))]
pub async fn spoil(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<BatchId>,
    body: Later<Json<SpoilBody>>,
) -> Result<web::Json<BatchView>, Problem> {
    acted(app, principal.into_inner(), id.0, move |connection, seen, by, now| {
        let SpoilBody { cards, note } = body?.0;
        let cards = named(cards)?;
        let note = self::note(Some(note))?
            .ok_or_else(|| Problem::invalid_field("#/note", "is missing", "не указано"))?;
        holding(connection, seen, &cards)?;
        Ok(print::spoil(connection, id.0, &cards, (by, &note), now)?)
    })
    .await
}

fn named(mut cards: Vec<CardId>) -> Result<Vec<CardId>, Problem> {
    cards.sort_unstable();
    cards.dedup();
    if cards.is_empty() || cards.len() > CARDS_MAX {
        return Err(Problem::invalid_field("#/cards", "must name 1 to 1000 cards", "от 1 до 1000 карт"));
    }
    Ok(cards)
}

/// Checks that all the cards are of a batch and of organisations that one may see.
fn holding(connection: &mut PgConnection, (batch, own): Seen, cards: &[CardId]) -> Result<(), Problem> {
    if let Some(own) = own {
        let mine = print::of_organisations(connection, batch.id, cards, &own)?;
        if mine < cards.len() {
            return Err(Problem::not_found());
        }
    }
    Ok(())
}

/// What happened to a card in print: batches, sending, receiving, handing out, spoiling; who and when.
#[utoipa::path(get, path = "/v1/cards/{id}/print-history", tag = "office", params(("id" = String, Path), PageQuery), responses(
    (status = 200, description = "what happened, the first first", body = PrintHistory),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn history(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let place = list.place(query.0.asked())?;
    let asking = principal.clone();
    let trace = app
        .into_inner()
        .run(move |connection| {
            let card = card_issuer::cards::find(connection, id.0)?;
            scope::member(connection, &asking, card.member_id)?;
            let trace = print::trace(connection, id.0)?;
            Ok(PrintEventView::history(connection, trace)?)
        })
        .await?;
    Ok(list.answer(&place.of(trace)))
}

/// The face of a plastic card as it would be printed now.
#[utoipa::path(get, path = "/v1/cards/{id}/face.png", tag = "office", params(("id" = String, Path), FaceQuery), responses(
    (status = 200, description = "the face", content_type = "image/png"),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn face(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
    query: Query<FaceQuery>,
) -> Result<HttpResponse, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let resolution = super::designs::resolution("dpi", query.0.dpi)?;
    let shared = app.clone().into_inner();
    let png = app
        .into_inner()
        .run(move |connection| {
            let card = card_issuer::cards::find(connection, id.0)?;
            let member = scope::member(connection, &principal, card.member_id)?;
            let reader = principal.key();
            shared.auth.audit.append(connection, now, &reader, "member.read", &card.member_id.to_string())?;
            let path = organisations::find(connection, member.organisation.id)?.path;
            let stored = crate::print::designs::holding(connection, &path)?;
            let design = stored.map(|stored| stored.drawn()).unwrap_or_default();
            super::designs::picture(&design, &holders::of_card(connection, &card)?, resolution)
        })
        .await?;
    Ok(super::designs::png_answer(png))
}
