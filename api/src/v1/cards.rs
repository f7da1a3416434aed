//! Cards: looked at by a till, issued, found and blocked by the office.

use actix_web::{HttpRequest, HttpResponse, web};
use card_issuer::aliases::{self, CardName};
use card_issuer::cards::{self, Card, CardKind, NewCard, Relation};
use card_issuer::life::{self, Block, BlockReason};
use card_issuer::presentation::CodeRefusal;
use card_issuer::resolutions::{self, Resolution};
use cashback_engine::days::date_in;
use cashback_engine::posting::{CardStanding, left_to_redeem};
use cashback_engine::rules::book::Version;
use cashback_engine::rules::terms::{Earn, Members};
use cashback_engine::{balances, enrolments};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::{CardId, MemberId};
use shared_kernel::money::Money;
use union_registry::facts::{self, Facts};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::auth::guesses::Guesses;
use crate::auth::{Principal, scope};
use crate::extract::{IdPath, Json, Later, Query};
use crate::posting::{Credential, identify};
use crate::problem::{Language, Problem, ProblemBody};
use crate::refusals;
use crate::v1::me::family::LimitsBody;
use crate::v1::paging::List;
use crate::v1::purchases::{self, Shown};
use crate::v1::types::Timestamp;
use crate::wallets::Provider;

/// Most cards of one number that are shown.
const FOUND_MAX: usize = 20;

/// What was scanned: a live code, a number of the card, or a proof.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveBody {
    /// The live code: 24 digits.
    code: Option<String>,
    /// The bare number: 16 digits; or another number the card answers to (EAN-13, an older system's).
    card_number: Option<String>,
    /// The proof of a till without network: 192 digits.
    proof: Option<String>,
}

/// What a till learns of a card: nothing about the person.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResolutionView {
    /// Good for one purchase within 15 minutes, for whoever asked.
    resolution: Uuid,
    /// `valid`, `blocked` or `expired`.
    status: &'static str,
    /// Whether points can be spent with it.
    may_redeem: bool,
    /// `true` when its holder could join the bonus programme here and now, not being in it yet; else left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    may_enrol: Option<bool>,
    /// The points that can be spent, within a family card's limits; with a live code alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1437.83")]
    available: Option<Money>,
    /// What the partner gives everybody now.
    offers: Vec<OfferView>,
}

/// One of the partner's offers.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfferView {
    name: String,
    text: String,
}

/// Looks a card up for a till: is it valid, may it redeem, what is on offer.
#[utoipa::path(post, path = "/v1/cards/resolve", tag = "partner", request_body = ResolveBody, responses(
    (status = 200, description = "the card's standing", body = ResolutionView),
    (status = 404, description = "`card-unknown`", body = ProblemBody),
    (status = 409, description = "`code-used`", body = ProblemBody),
    (status = 422, description = "`code-invalid`, `code-wrong`, `code-expired`, `code-clock`", body = ProblemBody)))]
pub async fn resolve(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    body: Json<ResolveBody>,
) -> Result<web::Json<ResolutionView>, Problem> {
    let ResolveBody { code, card_number, proof } = &body.0;
    let shown = Shown {
        code: code.as_deref(),
        card_number: card_number.as_deref(),
        proof: proof.as_deref(),
        resolution: None,
    };
    let credential = purchases::credential(&app, shown)?;
    let partner = principal.partner().ok_or_else(Problem::forbidden)?;
    let (asker, language, now) = (principal.key(), Language::of(&request), app.now());
    let shared = app.clone().into_inner();
    let resolved = app
        .into_inner()
        .transaction(move |connection| {
            let (resolution, card) = match resolved(&shared, connection, (credential, &asker), now)? {
                Ok(found) => found,
                // Committed all the same: the guess is counted.
                Err(refusal) => return Ok(Err(refusal)),
            };
            let book = shared.books.current(connection)?;
            let facts = facts::facts_for_posting(connection, &[(card.member_id, now)])?.pop().flatten();
            let buyer = identify::buyer(&card, facts, now);
            let standing = buyer.card_standing;
            let member = enrolments::standing(connection, card.member_id)?;
            let live = resolution.is_live();
            let today = date_in(book.zone, now);
            // A family card spends up to its own limits.
            let left = left_to_redeem(connection, &buyer, today)?;
            let balance = if live {
                let whole = balances::balance(connection, &shared.books, card.member_id, now)?.balance;
                Some(left.map_or(whole.available, |left| left.min(whole.available)))
            } else {
                None
            };
            Ok(Ok(ResolutionView {
                resolution: resolution.id.0,
                status: standing_word(standing),
                may_redeem: standing == CardStanding::Valid
                    && member == Some(enrolments::Standing::Enrolled)
                    && left != Some(Money::ZERO)
                    && (live || (book.bare_number_may_redeem && !resolution.by_proof)),
                may_enrol: (standing == CardStanding::Valid
                    && !member.is_some_and(enrolments::Standing::takes_part))
                .then_some(true),
                available: balance.filter(|_| standing == CardStanding::Valid),
                offers: book
                    .in_force(partner, now)
                    .filter(|version| {
                        version.runs_on(today) && version.terms.when.members == Members::default()
                    })
                    .map(|version| offer(version, language))
                    .collect(),
            }))
        })
        .await?;
    resolved.map(web::Json)
}

/// Resolves what was shown, within the limits on guessing.
///
/// # Errors
/// The outer error is the database's; the inner one is what is wrong with what was shown.
fn resolved(
    app: &App,
    connection: &mut PgConnection,
    (credential, asker): (Credential, &str),
    now: DateTime<Utc>,
) -> Result<Result<(Resolution, Card), Problem>, Problem> {
    let asked = (asker, &credential);
    let mut guesses = Guesses::read(app, connection, std::iter::once(asked), now)?;
    // Nothing is shown to whoever has used their guesses up, so nothing is used up for them either.
    guesses.answer(asked, Ok(()))?;
    let found = found(app, connection, (&credential, asker), now);
    if found.as_ref().is_err_and(|problem| problem.status().is_server_error()) {
        return found.map(Ok);
    }
    let answer = guesses.answer(asked, found);
    guesses.write(connection)?;
    Ok(answer)
}

fn found(
    app: &App,
    connection: &mut PgConnection,
    (credential, asker): (&Credential, &str),
    now: DateTime<Utc>,
) -> Result<(Resolution, Card), Problem> {
    match credential {
        Credential::Code(code) => {
            let taken = resolutions::resolve_code(connection, &app.derived.issuer, *code, asker, now)?
                .map_err(refusals::code)?;
            Ok((taken.resolution, taken.card))
        }
        Credential::Name(name) => {
            let card = aliases::card_named(connection, name)?.map_err(refusals::name)?;
            Ok((resolutions::resolve_number(connection, card.id, asker, now)?, card))
        }
        Credential::Proof(proof) if !proof.covers(now) => Err(refusals::code(CodeRefusal::Expired)),
        Credential::Proof(proof) => {
            let card = cards::by_number(connection, proof.number)?.ok_or_else(refusals::card_unknown)?;
            Ok((resolutions::resolve_proof(connection, card.id, asker, now)?, card))
        }
        Credential::Resolution(_) | Credential::Claim(_) => Err(Problem::not_found()),
    }
}

fn standing_word(standing: CardStanding) -> &'static str {
    match standing {
        CardStanding::Valid => "valid",
        CardStanding::Expired => "expired",
        CardStanding::Blocked | CardStanding::Unknown => "blocked",
    }
}

fn offer(version: &Version, language: Language) -> OfferView {
    let words = language.engine();
    let text = match &version.terms.earn {
        Earn::Percent(rate) => words.percent(*rate),
        Earn::Fixed(amount) => words.rubles(*amount),
        Earn::Step { per, amount } => match language {
            Language::Russian => format!("{} за каждые {}", words.rubles(*amount), words.rubles(*per)),
            Language::English => format!("{} per {}", words.rubles(*amount), words.rubles(*per)),
        },
        Earn::Ladder(rungs) => {
            rungs.iter().map(|rung| words.percent(rung.percent)).collect::<Vec<_>>().join(" / ")
        }
    };
    OfferView { name: version.terms.name.clone(), text }
}

/// A card.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Card)]
pub struct CardView {
    #[schema(value_type = uuid::Uuid)]
    id: CardId,
    /// 16 digits.
    number: String,
    /// `virtual` or `plastic`.
    kind: &'static str,
    /// `ordered`, `issued`, `active`, `blocked` or `expired`.
    status: &'static str,
    #[schema(value_type = Option<String>, format = DateTime)]
    issued_at: Option<Timestamp>,
    /// Its last day.
    expires_on: NaiveDate,
    /// `spouse` or `child`: a family card on the member's balances; without it the card is the member's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    relation: Option<&'static str>,
    /// A family card's limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<LimitsBody>,
    /// `apple`: the wallets it can be put into now; on the member's own list alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    wallets: Vec<Provider>,
    /// Of a card in the phone that has ended, and none came in its place: whether its member can have one at once, by
    /// `reissue`; on the member's own list alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(value_type = Option<bool>)]
    renewable: bool,
}

impl CardView {
    /// A card as of now.
    pub fn new(card: &Card, now: DateTime<Utc>) -> Self {
        Self {
            id: card.id,
            number: card.number.as_str().to_owned(),
            kind: card.kind.as_str(),
            status: card.status_at(now).as_str(),
            issued_at: card.issued_at.map(Timestamp),
            expires_on: card.expires_on,
            relation: card.relation.map(Relation::as_str),
            limits: card.relation.map(|_| card.limits.into()),
            wallets: Vec::new(),
            renewable: false,
        }
    }

    /// A card as of now with what its member may do: put it into these wallets, where it is good and draws codes, and
    /// have another in its place.
    pub fn of_member(
        (card, facts): (&Card, Option<&Facts>),
        (offered, renewable): (&[Provider], bool),
        now: DateTime<Utc>,
    ) -> Self {
        let good = identify::standing(card, facts, now) == CardStanding::Valid;
        let in_phone = card.kind == CardKind::Virtual;
        let wallets = if in_phone && good { offered.to_vec() } else { Vec::new() };
        Self { wallets, renewable, ..Self::new(card, now) }
    }
}

/// A card as the office sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfficeCardView {
    #[serde(flatten)]
    card: CardView,
    /// Whose it is.
    #[schema(value_type = uuid::Uuid)]
    member: MemberId,
    /// Whether it is good now: its own state and its holder's membership.
    standing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    block_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block_comment: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_at: Option<Timestamp>,
}

impl OfficeCardView {
    /// A card and how it stands now, by its own state and its holder's membership.
    ///
    /// # Errors
    /// The database's.
    pub fn standing_of(
        connection: &mut PgConnection,
        card: &Card,
        now: DateTime<Utc>,
    ) -> Result<Self, Problem> {
        let facts = facts::facts_for_posting(connection, &[(card.member_id, now)])?.pop().flatten();
        let standing = identify::standing(card, facts.as_ref(), now);
        Ok(Self {
            member: card.member_id,
            standing: standing_word(standing),
            block_reason: card.block_reason.map(BlockReason::as_str),
            block_comment: card.block_comment.clone(),
            blocked_at: card.blocked_at.map(Timestamp),
            card: CardView::new(card, now),
        })
    }
}

/// Which card to give whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueBody {
    #[schema(value_type = uuid::Uuid)]
    member: MemberId,
    /// `virtual` or `plastic`.
    #[schema(value_type = String)]
    kind: CardKind,
    /// `spouse` or `child`: a family card on the member's balances.
    #[schema(value_type = Option<String>)]
    relation: Option<Relation>,
    /// A family card's limits.
    limits: Option<LimitsBody>,
}

/// A member within the principal's subtree who belongs to the union.
///
/// # Errors
/// 404; 409 for who is suspended or has left.
pub fn active_member(
    connection: &mut PgConnection,
    principal: &Principal,
    member: MemberId,
) -> Result<(), Problem> {
    if scope::member(connection, principal, member)?.person.status == union_registry::MemberStatus::Active {
        return Ok(());
    }
    Err(Problem::conflict(
        "member-not-active",
        "Only an active member gets a card",
        "Карта выдаётся только действующему члену профсоюза",
    ))
}

/// Gives a member a card: a virtual one is active at once, a plastic one is ordered.
#[utoipa::path(post, path = "/v1/cards", tag = "office", request_body = IssueBody, responses(
    (status = 201, description = "the card", body = OfficeCardView),
    (status = 404, description = "no such member, or not yours", body = ProblemBody),
    (status = 409, description = "has one, or is no active member", body = ProblemBody)))]
pub async fn issue(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<IssueBody>,
) -> Result<HttpResponse, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let IssueBody { member, kind, relation, limits } = body.0;
    if relation.is_none() && limits.is_some() {
        return Err(Problem::invalid_field(
            "#/limits",
            "only a family card has limits",
            "лимиты есть только у семейной карты",
        ));
    }
    let limits = limits.unwrap_or_default().read()?;
    let shared = app.clone().into_inner();
    let view = app
        .into_inner()
        .transaction(move |connection| {
            active_member(connection, &principal, member)?;
            let by = principal.key();
            let new = NewCard { member, kind, by: Some(&by), relation, limits, replaces: None };
            let card = cards::order(connection, &shared.derived.issuer, &new, now)?;
            OfficeCardView::standing_of(connection, &card, now)
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// By which number to look a card up.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NumberQuery {
    /// Any number a card answers to: 16 digits (spaces and dashes are fine), EAN-13, an older system's.
    number: String,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A list of cards.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfficeCards {
    items: Vec<OfficeCardView>,
    next: Option<String>,
}

/// Finds a card by any of its numbers; an older system's number may be that of several.
#[utoipa::path(get, path = "/v1/cards", tag = "office", params(NumberQuery), responses(
    (status = 200, description = "the cards within your subtree", body = OfficeCards),
    (status = 422, description = "no card number; wrong limit or cursor", body = ProblemBody)))]
pub async fn find(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<NumberQuery>,
) -> Result<HttpResponse, Problem> {
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let place = list.place((query.0.limit, query.0.after.as_deref()))?;
    let (asking, now) = (principal.clone(), app.now());
    let name = CardName::parse(&query.0.number)
        .map_err(|_| Problem::invalid_field("number", "is no card number", "это не номер карты"))?;
    let items = app
        .into_inner()
        .run(move |connection| {
            let mut items = Vec::new();
            for card in aliases::search(connection, &name)?.iter().take(FOUND_MAX) {
                match scope::member(connection, &asking, card.member_id) {
                    Ok(_) => items.push(OfficeCardView::standing_of(connection, card, now)?),
                    Err(problem) if problem.status() == actix_web::http::StatusCode::NOT_FOUND => {}
                    Err(problem) => return Err(problem),
                }
            }
            Ok(items)
        })
        .await?;
    Ok(list.answer(&place.of(items)))
}

/// A comment that can be kept; `None` for one that says nothing.
///
/// # Errors
/// 422
pub fn comment(text: Option<String>) -> Result<Option<String>, Problem> {
    let text = text.filter(|text| !text.trim().is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > 500) {
        return Err(Problem::invalid_field(
            "#/comment",
            "is longer than 500 characters",
            "длиннее 500 знаков",
        ));
    }
    Ok(text)
}

/// Why a card is blocked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockBody {
    /// `lost`, `stolen`, `left` or `fraud`.
    #[schema(value_type = String)]
    reason: BlockReason,
    /// What to remember about it.
    comment: Option<String>,
}

/// Blocks a card for ever.
#[utoipa::path(post, path = "/v1/cards/{id}/block", tag = "office", params(("id" = String, Path)), request_body = BlockBody, responses(
    (status = 200, description = "the blocked card", body = OfficeCardView),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn block(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
    body: Later<Json<BlockBody>>,
) -> Result<web::Json<OfficeCardView>, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let view = app
        .into_inner()
        .transaction(move |connection| {
            let card = cards::find(connection, id.0)?;
            scope::member(connection, &principal, card.member_id)?;
            let BlockBody { reason, comment } = body?.0;
            let comment = self::comment(comment)?;
            let block = Block { reason, by: principal.key(), comment };
            let blocked = life::block(connection, id.0, &block, now)?;
            OfficeCardView::standing_of(connection, &blocked, now)
        })
        .await?;
    Ok(web::Json(view))
}
