//! The fraud watch: its thresholds, and the queue of purchases that struck them.

use actix_web::{HttpRequest, HttpResponse, web};
use card_issuer::life::{self, Block, BlockReason};
use cashback_engine::fraud::cases::{self, Decision, FraudCase, FraudStatus, Verdict};
use cashback_engine::fraud::settings::{self, Threshold};
use cashback_engine::fraud::{FraudAction, FraudCaseId, FraudRule};
use cashback_engine::purchases;
use cashback_engine::rules::BookCache;
use chrono::NaiveTime;
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::money::Money;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Json, Later, OptionalJson, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::adjustments::people;
use crate::v1::paging::{self, List};
use crate::v1::rules::view::Person;
use crate::v1::types::Timestamp;

/// A rule of the fraud watch. Limits a rule doesn't have are left out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FraudRuleView {
    /// `card_day`, `cashier_day`, `bare_number`, `refund_cycling`, `two_towns`, `closing_burst` or `own_card`.
    #[schema(value_type = String)]
    rule: FraudRule,
    enabled: bool,
    /// `hold`: the cashback is held back; `watch`: the purchase is shown, and nothing else.
    #[schema(value_type = String)]
    action: FraudAction,
    /// So many are fine.
    #[serde(skip_serializing_if = "Option::is_none")]
    most_purchases: Option<i32>,
    /// So much in all is fine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "50000.00")]
    most_amount: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minutes: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<i32>,
    /// From and until which time of the outlet's day; `["21:00", "23:00"]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    hours: Option<[String; 2]>,
}

impl From<Threshold> for FraudRuleView {
    fn from(threshold: Threshold) -> Self {
        let text = |time: NaiveTime| time.format("%H:%M").to_string();
        Self {
            rule: threshold.rule,
            enabled: threshold.enabled,
            action: threshold.action,
            most_purchases: threshold.most_purchases,
            most_amount: threshold.most_amount,
            minutes: threshold.minutes,
            days: threshold.days,
            hours: threshold.hours_from.zip(threshold.hours_until).map(|(a, b)| [text(a), text(b)]),
        }
    }
}

impl FraudRuleView {
    fn threshold(self, place: usize) -> Result<Threshold, Problem> {
        let hours = self.hours.map(|hours| hours.map(|text| time(&text)));
        let (from, until) = match hours {
            None => (None, None),
            Some([Some(from), Some(until)]) => (Some(from), Some(until)),
            Some(_) => {
                let pointer = format!("#/rules/{place}/hours");
                return Err(Problem::invalid().field(
                    pointer,
                    "must be two times, such as 21:00",
                    "нужны два времени, например 21:00",
                ));
            }
        };
        Ok(Threshold {
            rule: self.rule,
            enabled: self.enabled,
            action: self.action,
            most_purchases: self.most_purchases,
            most_amount: self.most_amount,
            minutes: self.minutes,
            days: self.days,
            hours_from: from,
            hours_until: until,
        })
    }
}

fn time(text: &str) -> Option<NaiveTime> {
    (text.len() == 5).then(|| NaiveTime::parse_from_str(text, "%H:%M").ok()).flatten()
}

/// All rules of the fraud watch.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FraudRules {
    rules: Vec<FraudRuleView>,
}

impl From<Vec<Threshold>> for FraudRules {
    fn from(rules: Vec<Threshold>) -> Self {
        Self { rules: rules.into_iter().map(FraudRuleView::from).collect() }
    }
}

/// The thresholds of the fraud watch.
#[utoipa::path(get, path = "/v1/fraud/rules", tag = "finance", responses(
    (status = 200, description = "every rule, on or off", body = FraudRules)))]
pub async fn rules(app: web::Data<App>) -> Result<web::Json<FraudRules>, Problem> {
    let rules = app.into_inner().run(|connection| Ok(settings::thresholds(connection)?)).await?;
    Ok(web::Json(rules.into()))
}

/// Sets the thresholds: every rule once. They hold for purchases posted from then on.
#[utoipa::path(put, path = "/v1/fraud/rules", tag = "finance", request_body = FraudRules, responses(
    (status = 200, description = "every rule as it is now", body = FraudRules),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn set_rules(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<FraudRules>,
) -> Result<web::Json<FraudRules>, Problem> {
    let (by, now) = (person(&principal)?, app.now());
    let wanted = body
        .0
        .rules
        .into_iter()
        .enumerate()
        .map(|(place, rule)| rule.threshold(place))
        .collect::<Result<Vec<Threshold>, Problem>>()?;
    let (shared, who) = (app.clone().into_inner(), principal.key());
    let rules = app
        .into_inner()
        .transaction(move |connection| {
            shared.auth.audit.append(connection, now, &who, "fraud.rules_set", "fraud")?;
            Ok(settings::set_thresholds(connection, &wanted, by, now)?)
        })
        .await?;
    Ok(web::Json(rules.into()))
}

fn person(principal: &Principal) -> Result<Uuid, Problem> {
    principal.staff().map(|staff| staff.staff).ok_or_else(Problem::forbidden)
}

/// A purchase that struck rules of the fraud watch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FraudCase)]
pub struct FraudCaseView {
    id: Uuid,
    /// `held`, `watched`, `released` or `blocked`.
    #[schema(value_type = String)]
    status: FraudStatus,
    purchase_id: Uuid,
    /// Whose; an opaque id.
    member_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outlet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
    /// By which way it was posted.
    source: &'static str,
    /// The login that posted it: a cashier, who uploaded the register or approved the claim; a program has no address.
    posted_by: Person,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    #[schema(value_type = String, example = "1250.00")]
    amount: Money,
    /// The cashback as it was given.
    #[schema(value_type = String, example = "62.50")]
    cashback: Money,
    /// What is left of it now.
    #[schema(value_type = String, example = "62.50")]
    cashback_left: Money,
    /// Each rule that struck, with what was seen and the limit then.
    #[schema(value_type = Vec<Object>)]
    evidence: serde_json::Value,
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    card_blocked: bool,
}

impl FraudCaseView {
    fn of(
        connection: &mut PgConnection,
        books: &BookCache,
        cases: &[FraudCase],
    ) -> Result<Vec<Self>, Problem> {
        let book = books.current(connection)?;
        let ids: Vec<_> = cases.iter().map(|case| case.purchase).collect();
        let purchases = purchases::by_ids(connection, books, &ids)?;
        let logins = cases.iter().flat_map(|case| [Some(case.posted_by), case.decided_by]).flatten();
        let people = people(connection, logins)?;
        let person = |id: Uuid| people.get(&id).cloned().unwrap_or(Person::new(id, None));
        Ok(cases
            .iter()
            .map(|case| {
                let outlet = book.outlet_by_number(case.outlet);
                let partner = outlet.and_then(|outlet| book.partner(outlet.partner_id));
                let purchase = purchases.get(&case.purchase);
                Self {
                    id: case.id.0,
                    status: case.status,
                    purchase_id: case.purchase.0,
                    member_id: case.member.0,
                    card_id: case.card.map(|card| card.0),
                    partner: partner.map(|partner| partner.code.clone()),
                    outlet: outlet.map(|outlet| outlet.code.clone()),
                    receipt: purchase.map(|purchase| purchase.receipt.clone()),
                    source: case.source.as_str(),
                    posted_by: person(case.posted_by),
                    occurred_at: purchase.map(|purchase| purchase.occurred_at.into()),
                    amount: case.amount,
                    cashback: case.cashback,
                    cashback_left: purchase.map_or(Money::ZERO, |purchase| purchase.cashback.left),
                    evidence: case.evidence.clone(),
                    opened_at: case.opened_at.into(),
                    decided_at: case.decided_at.map(Timestamp),
                    decided_by: case.decided_by.map(person),
                    comment: case.comment.clone(),
                    card_blocked: case.card_blocked,
                }
            })
            .collect())
    }
}

/// A page of cases.
#[derive(Debug, Serialize, ToSchema)]
pub struct FraudCases {
    items: Vec<FraudCaseView>,
    next: Option<String>,
}

/// How the cases stand that are looked for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    Open,
    Held,
    Watched,
    Released,
    Blocked,
}

impl Wanted {
    fn statuses(self) -> Vec<FraudStatus> {
        match self {
            Self::Open => FraudStatus::ALL.iter().copied().filter(|status| status.is_open()).collect(),
            Self::Held => vec![FraudStatus::Held],
            Self::Watched => vec![FraudStatus::Watched],
            Self::Released => vec![FraudStatus::Released],
            Self::Blocked => vec![FraudStatus::Blocked],
        }
    }
}

/// Which cases.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FraudQuery {
    /// Only of this status; `open`: held and watched ones, which somebody is to decide.
    #[param(value_type = Option<String>)]
    status: Option<Wanted>,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Purchases that struck the fraud watch, the newest first.
#[utoipa::path(get, path = "/v1/fraud", tag = "finance", params(FraudQuery), responses(
    (status = 200, description = "a page of cases", body = FraudCases),
    (status = 422, description = "wrong status, limit or cursor", body = ProblemBody)))]
pub async fn list(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<FraudQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?;
    let statuses = query.0.status.map(Wanted::statuses).unwrap_or_default();
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<FraudCaseId> = list.after(query.0.after.as_deref())?;
    let inner = app.clone().into_inner();
    let page = app
        .into_inner()
        .run(move |connection| {
            let page = cases::cases(connection, statuses, after, limit)?;
            let items = FraudCaseView::of(connection, &inner.books, &page.items)?;
            Ok(shared_kernel::paging::Page { items, next: page.next })
        })
        .await?;
    Ok(list.answer(&page))
}

/// A case as it is now.
#[utoipa::path(get, path = "/v1/fraud/{id}", tag = "finance", params(("id" = String, Path)), responses(
    (status = 200, description = "the case", body = FraudCaseView),
    (status = 404, description = "no such case", body = ProblemBody)))]
pub async fn show(app: web::Data<App>, id: IdPath<FraudCaseId>) -> Result<web::Json<FraudCaseView>, Problem> {
    let shared = app.clone().into_inner();
    let view = app
        .into_inner()
        .run(move |connection| {
            let case = cases::case(connection, id.0)?.ok_or_else(Problem::not_found)?;
            FraudCaseView::of(connection, &shared.books, &[case])?.pop().ok_or_else(Problem::not_found)
        })
        .await?;
    Ok(web::Json(view))
}

/// What to remember about a decision.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentBody {
    /// For those who look later; at most 500 characters.
    comment: Option<String>,
}

/// What to remember about a block, and whether the card goes too.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockCaseBody {
    /// For those who look later; at most 500 characters.
    comment: Option<String>,
    /// Whether the card that was shown is blocked for fraud, for ever.
    block_card: Option<bool>,
}

/// Releases a case: the cashback goes on by its dates, at once where they are over.
#[utoipa::path(post, path = "/v1/fraud/{id}/release", tag = "finance", params(("id" = String, Path)), request_body = Option<CommentBody>, responses(
    (status = 200, description = "the released case", body = FraudCaseView),
    (status = 404, description = "no such case", body = ProblemBody),
    (status = 409, description = "decided otherwise", body = ProblemBody)))]
pub async fn release(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<FraudCaseId>,
    body: Later<OptionalJson<CommentBody>>,
) -> Result<web::Json<FraudCaseView>, Problem> {
    decide(app, &principal, id.0, body.map(|body| (Verdict::Release, body.0.unwrap_or_default().comment)))
        .await
}

/// Holds back the pending cashback of a purchase that was only watched.
#[utoipa::path(post, path = "/v1/fraud/{id}/hold", tag = "finance", params(("id" = String, Path)), request_body = Option<CommentBody>, responses(
    (status = 200, description = "the held case", body = FraudCaseView),
    (status = 404, description = "no such case", body = ProblemBody),
    (status = 409, description = "decided, or nothing is pending", body = ProblemBody)))]
pub async fn hold(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<FraudCaseId>,
    body: Later<OptionalJson<CommentBody>>,
) -> Result<web::Json<FraudCaseView>, Problem> {
    decide(app, &principal, id.0, body.map(|body| (Verdict::Hold, body.0.unwrap_or_default().comment))).await
}

/// Blocks a case: the cashback goes back to its funders; the card too, where asked.
#[utoipa::path(post, path = "/v1/fraud/{id}/block", tag = "finance", params(("id" = String, Path)), request_body = Option<BlockCaseBody>, responses(
    (status = 200, description = "the blocked case", body = FraudCaseView),
    (status = 404, description = "no such case", body = ProblemBody),
    (status = 409, description = "decided otherwise", body = ProblemBody)))]
pub async fn block(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<FraudCaseId>,
    body: Later<OptionalJson<BlockCaseBody>>,
) -> Result<web::Json<FraudCaseView>, Problem> {
    let said = body.map(|body| {
        let body = body.0.unwrap_or_default();
        (Verdict::Block { card: body.block_card.unwrap_or(false) }, body.comment)
    });
    decide(app, &principal, id.0, said).await
}

/// A comment without blank ends, or none.
fn kept(comment: Option<String>) -> Result<Option<String>, Problem> {
    let comment = comment.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if comment.as_ref().is_some_and(|text| text.chars().count() > 500) {
        return Err(Problem::invalid_field(
            "#/comment",
            "is longer than 500 characters",
            "длиннее 500 знаков",
        ));
    }
    Ok(comment)
}

async fn decide(
    app: web::Data<App>,
    principal: &Principal,
    id: FraudCaseId,
    said: Later<(Verdict, Option<String>)>,
) -> Result<web::Json<FraudCaseView>, Problem> {
    let (by, now, who) = (person(principal)?, app.now(), principal.key());
    let (shared, nudged) = (app.clone().into_inner(), app.clone());
    let view = app
        .into_inner()
        .transaction(move |connection| {
            cases::case(connection, id)?.ok_or_else(Problem::not_found)?;
            let (verdict, comment) = said?;
            let decision = Decision { verdict, by, comment: kept(comment)? };
            let case = cases::decide(connection, &shared.books, id, &decision, now)?;
            if let (Verdict::Block { card: true }, Some(card)) = (decision.verdict, case.card) {
                let block =
                    Block { reason: BlockReason::Fraud, by: who.clone(), comment: decision.comment.clone() };
                life::block(connection, card, &block, now)?;
            }
            let action = format!("fraud.{}", case.status);
            shared.auth.audit.append(connection, now, &who, &action, &id.to_string())?;
            FraudCaseView::of(connection, &shared.books, &[case])?.pop().ok_or_else(Problem::not_found)
        })
        .await?;
    nudged.delivery.nudge();
    Ok(web::Json(view))
}
