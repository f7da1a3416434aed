//! A draft judged on a sample purchase: what the rules editor shows while one types.

use actix_web::{HttpRequest, web};
use cashback_engine::RuleId;
use cashback_engine::posting::Audience;
use cashback_engine::rules::preview::{self as engine, Sample};
use cashback_engine::rules::{RuleDraft, preview::NEW_RULE};
use chrono::{DateTime, Months, NaiveDate, Utc};
use diesel::pg::PgConnection;
use serde::Deserialize;
use shared_kernel::money::Money;
use union_registry::{day_of, organisations};
use utoipa::ToSchema;

use super::view::RuleBody;
use super::{known_names, person};
use crate::app::App;
use crate::auth::Principal;
use crate::extract::Json;
use crate::problem::{Language, Problem, ProblemBody};
use crate::v1::purchases::{ExplanationView, LineBody, names_of};
use crate::v1::types::Timestamp;

/// A draft and a purchase that might be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewBody {
    #[schema(value_type = RuleBody)]
    rule: RuleDraft,
    /// The rule whose version it would be.
    #[schema(value_type = Option<uuid::Uuid>)]
    replaces: Option<RuleId>,
    sample: SampleBody,
}

/// A purchase that might be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SampleBody {
    /// One of the rule's outlets unless said.
    outlet: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Timestamp,
    #[schema(value_type = String, example = "1250.00")]
    amount: Money,
    #[schema(value_type = Option<String>, example = "100.00")]
    redeem: Option<Money>,
    lines: Option<Vec<LineBody>>,
    #[serde(default)]
    #[schema(required = false)]
    member: SampleMember,
}

/// Who might buy.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SampleMember {
    /// A member of this organisation.
    organisation: Option<String>,
    category: Option<String>,
    /// So many full years old.
    age: Option<u32>,
    /// So many full months a member.
    member_for_months: Option<u32>,
    tier: Option<String>,
}

/// Judges a draft on a sample purchase, beside the partner's other rules; nothing is stored. In the answer version 0 is
/// the draft; caps are as if nothing was used of them.
#[utoipa::path(post, path = "/v1/rules/preview", tag = "finance", request_body = PreviewBody, responses(
    (status = 200, description = "what the purchase would bring, and why", body = ExplanationView),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn preview(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    body: Json<PreviewBody>,
) -> Result<web::Json<ExplanationView>, Problem> {
    person(&principal)?;
    let language = Language::of(&request);
    let shared = app.clone().into_inner();
    let PreviewBody { rule, replaces, sample } = body.0;
    let view = app
        .into_inner()
        .run(move |connection| {
            known_names(connection, &rule, "/rule")?;
            let sample = sample.read(connection)?;
            let explanation = engine::preview(connection, &shared.books, (&rule, replaces), &sample)?;
            let names = names_of(connection, std::slice::from_ref(&explanation))?;
            Ok(ExplanationView::new(NEW_RULE.0, &explanation, (language, shared.zone), &names))
        })
        .await?;
    Ok(web::Json(view))
}

impl SampleBody {
    fn read(self, connection: &mut PgConnection) -> Result<Sample, Problem> {
        let at: DateTime<Utc> = self.occurred_at.0;
        let organisations = match &self.member.organisation {
            None => Vec::new(),
            Some(code) => {
                let found = organisations::by_code(connection, code)?.ok_or_else(|| {
                    let pointer = "#/sample/member/organisation";
                    Problem::invalid_field(pointer, "is no organisation", "такой организации нет")
                })?;
                found.organisation.path.codes().to_vec()
            }
        };
        let before = |months: Option<u32>, name: &str| -> Result<Option<NaiveDate>, Problem> {
            let Some(months) = months else { return Ok(None) };
            let day = day_of(at).checked_sub_months(Months::new(months)).ok_or_else(|| {
                Problem::invalid_field(format!("#/sample/member/{name}"), "is too large", "слишком много")
            })?;
            Ok(Some(day))
        };
        Ok(Sample {
            outlet: self.outlet,
            occurred_at: at,
            amount: self.amount,
            redeem: self.redeem.unwrap_or_default(),
            lines: self.lines.map(|lines| lines.into_iter().map(LineBody::line).collect()),
            audience: Audience {
                organisations: organisations.into(),
                category: self.member.category,
                birth_date: before(self.member.age.map(|age| age.saturating_mul(12)), "age")?,
                joined_on: before(self.member.member_for_months, "member_for_months")?,
                sells: false,
            },
            tier: self.member.tier,
        })
    }
}
