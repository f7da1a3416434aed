//! Changes of rules tried on past purchases. Small ones answer at once; large ones answer 202 and are asked again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use cashback_engine::rules::simulate::queue::{self, SimulationStatus, Stored};
use cashback_engine::rules::simulate::{self as engine, Question};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::simulations_listed::AskedView;
use super::view::RuleBody;
use super::{known_names, person};
use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Json};
use crate::problem::{Problem, ProblemBody};

/// How long the first answer waits for the result.
const WAIT: Duration = Duration::from_secs(5);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// Which changes, over which purchases.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes `Question` in the OpenAPI document")]
pub struct SimulationBody {
    /// The first day, in the programme's zone.
    from: String,
    /// The last day.
    to: String,
    /// Only this partner's purchases; otherwise those of every partner whose rules change, or of all when none does.
    partner: Option<String>,
    /// Rules that would be new.
    #[schema(required = false)]
    drafts: Vec<RuleBody>,
    /// Rules that would have another version.
    #[schema(required = false)]
    replace: Vec<ReplacementBody>,
    /// Rules that would not be.
    #[schema(required = false)]
    end: Vec<Uuid>,
    /// Whether drafts hold within their own dates only; `false` unless said: over the whole period.
    #[schema(required = false)]
    keep_dates: bool,
}

/// A rule's next version.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes `Replacement` in the OpenAPI document")]
pub struct ReplacementBody {
    id: Uuid,
    rule: RuleBody,
}

/// Cashback before and after.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes the report in the OpenAPI document")]
pub struct SimulationCost {
    /// With the rules as they were when each purchase happened.
    before: String,
    /// With the changes.
    after: String,
    /// What is more; below zero what is less.
    difference: String,
    /// What the ledger has of these purchases.
    posted: String,
}

/// How many there are, and how many of them the changes touch.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes the report in the OpenAPI document")]
pub struct SimulationCounts {
    total: i64,
    affected: i64,
}

/// A partner's part.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes the report in the OpenAPI document")]
pub struct SimulationPartner {
    code: String,
    name: String,
    purchases: SimulationCounts,
    before: String,
    after: String,
}

/// A funder's part.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes the report in the OpenAPI document")]
pub struct SimulationFunder {
    /// `partner` or `organisation`.
    kind: String,
    code: String,
    before: String,
    after: String,
}

/// A rule's part; either `id` or, for a new rule, `draft`, its place in the question.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes the report in the OpenAPI document")]
pub struct SimulationRule {
    id: Option<Uuid>,
    draft: Option<i64>,
    name: String,
    partner: String,
    before: String,
    purchases_before: i64,
    after: String,
    purchases_after: i64,
}

/// Where a limit would leave less than a rule earns; either `id` or `draft`.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes the report in the OpenAPI document")]
pub struct SimulationLimit {
    id: Option<Uuid>,
    draft: Option<i64>,
    name: String,
    /// `per_purchase`, `per_member`, `budget` or `paid`.
    limit: String,
    purchases: i64,
    /// When the first of these purchases happened.
    #[schema(format = DateTime)]
    first_at: String,
    /// How much less that is.
    trimmed: String,
}

/// How many have so much; both bounds included, the last bin without `to`.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes the report in the OpenAPI document")]
pub struct SimulationBin {
    from: String,
    to: Option<String>,
    before: i64,
    after: i64,
}

/// Purchases, and members, by their cashback.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes the report in the OpenAPI document")]
pub struct SimulationDistribution {
    per_purchase: Vec<SimulationBin>,
    per_member: Vec<SimulationBin>,
}

/// A day or month.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes the report in the OpenAPI document")]
pub struct SimulationStretch {
    from: String,
    purchases: i64,
    before: String,
    after: String,
}

/// What was found; every part of it once `status` is `done`.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes the report in the OpenAPI document")]
pub struct SimulationReport {
    from: Option<String>,
    to: Option<String>,
    partner: Option<String>,
    /// Drafts have dates, which were left out: they held over the whole period.
    dates_left_out: Option<bool>,
    cost: Option<SimulationCost>,
    purchases: Option<SimulationCounts>,
    members: Option<SimulationCounts>,
    partners: Option<Vec<SimulationPartner>>,
    funders: Option<Vec<SimulationFunder>>,
    rules: Option<Vec<SimulationRule>>,
    limits: Option<Vec<SimulationLimit>>,
    distribution: Option<SimulationDistribution>,
    /// By days, or by months when there are more than 62 days.
    series: Option<Vec<SimulationStretch>>,
}

/// How a simulation goes, or went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Simulation)]
pub struct SimulationView {
    id: Uuid,
    /// `queued`, `running`, `done` or `failed`.
    #[schema(value_type = String)]
    status: SimulationStatus,
    /// How many purchases are judged so far.
    seen: i64,
    /// Of how many, once counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<i64>,
    /// Why it could not be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// What was found.
    #[serde(flatten)]
    #[schema(value_type = SimulationReport)]
    report: serde_json::Map<String, serde_json::Value>,
    asked: AskedView,
}

impl SimulationView {
    fn new(stored: Stored, asked: AskedView) -> Self {
        Self {
            id: stored.id,
            status: stored.status,
            seen: stored.seen,
            of: stored.total,
            problem: stored.problem,
            report: match stored.report {
                Some(serde_json::Value::Object(report)) => report,
                _ => serde_json::Map::new(),
            },
            asked,
        }
    }
}

/// Tries changes of rules on past purchases: what they would have cost, whom they touch, where limits would bite.
#[utoipa::path(post, path = "/v1/rules/simulate", tag = "finance", request_body = SimulationBody, responses(
    (status = 200, description = "done: what was found", body = SimulationView),
    (status = 202, description = "it takes longer: ask `Location` how it goes", body = SimulationView),
    (status = 409, description = "five of yours wait or run already", body = ProblemBody),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn simulate(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<Question>,
) -> Result<HttpResponse, Problem> {
    let by = person(&principal)?;
    let app = app.into_inner();
    let (shared, question) = (Arc::clone(&app), body.0);
    let id = app
        .transaction(move |connection| {
            for (pointer, draft) in question.every_draft() {
                known_names(connection, draft, &pointer)?;
            }
            engine::check(connection, &shared.books, &question)?;
            Ok(queue::add(connection, &question, by, shared.now())?)
        })
        .await?;
    app.simulations.wake();
    let stored = wait_for(&app, id).await?;
    let is_done = stored.status == SimulationStatus::Done;
    let view = SimulationView::new(stored, app.run(move |connection| AskedView::of(connection, id)).await?);
    if is_done {
        return Ok(HttpResponse::Ok().json(view));
    }
    let location = ("Location", format!("/v1/rules/simulations/{id}"));
    Ok(HttpResponse::Accepted().insert_header(location).json(view))
}

async fn wait_for(app: &Arc<App>, id: Uuid) -> Result<Stored, Problem> {
    let until = Instant::now() + WAIT;
    loop {
        let stored = found(app, id).await?;
        let over = matches!(stored.status, SimulationStatus::Done | SimulationStatus::Failed);
        if over || Instant::now() > until {
            return Ok(stored);
        }
        actix_web::rt::time::sleep(LOOK_EVERY).await;
    }
}

async fn found(app: &Arc<App>, id: Uuid) -> Result<Stored, Problem> {
    app.run(move |connection| queue::find(connection, id)?.ok_or_else(Problem::not_found)).await
}

/// How a simulation goes, or what it found; kept for a month.
#[utoipa::path(get, path = "/v1/rules/simulations/{id}", tag = "finance", params(("id" = String, Path)), responses(
    (status = 200, description = "its state, and once done what it found", body = SimulationView),
    (status = 404, description = "none", body = ProblemBody)))]
pub async fn show_simulation(
    app: web::Data<App>,
    id: IdPath<Uuid>,
) -> Result<web::Json<SimulationView>, Problem> {
    let view = app
        .into_inner()
        .run(move |connection| {
            let stored = queue::find(connection, id.0)?.ok_or_else(Problem::not_found)?;
            Ok(SimulationView::new(stored, AskedView::of(connection, id.0)?))
        })
        .await?;
    Ok(web::Json(view))
}
