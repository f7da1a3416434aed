//! Simulations found again: everybody's, the newest first, with who asked what.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use cashback_engine::rules::simulate::listed::{self, Asked, Listed};
use cashback_engine::rules::simulate::queue::SimulationStatus;
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::simulations::SimulationCost;
use super::view::Person;
use crate::app::App;
use crate::auth::Principal;
use crate::extract::Query;
use crate::problem::{Problem, ProblemBody};
use crate::v1::adjustments::people;
use crate::v1::paging::{self, List};
use crate::v1::types::Timestamp;

/// Who asked what.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SimulationAsked)]
pub struct AskedView {
    by: Person,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The first day of purchases.
    from: String,
    /// The last day.
    to: String,
    /// The only partner, where one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<String>,
    /// The names of the rules that would be new, changed or ended.
    rules: Vec<String>,
}

impl AskedView {
    fn new(asked: Asked, people: &HashMap<Uuid, Person>) -> Self {
        let Asked { by, at, from, to, partner, rules } = asked;
        let by = people.get(&by).cloned().unwrap_or(Person::new(by, None));
        Self { by, at: at.into(), from, to, partner, rules }
    }

    /// Who asked what by a simulation.
    ///
    /// # Errors
    /// There is none of the identifier; the database's.
    pub fn of(connection: &mut PgConnection, id: Uuid) -> Result<Self, Problem> {
        let asked = listed::asked(connection, id)?.ok_or_else(Problem::not_found)?;
        let people = people(connection, std::iter::once(asked.by))?;
        Ok(Self::new(asked, &people))
    }
}

/// A simulation in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct SimulationListed {
    id: Uuid,
    /// `queued`, `running`, `done` or `failed`.
    #[schema(value_type = String)]
    status: SimulationStatus,
    /// How many purchases are judged so far.
    seen: i64,
    /// Of how many, once counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<i64>,
    asked: AskedView,
    /// What the changes would cost, once done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SimulationCost>)]
    cost: Option<serde_json::Value>,
}

impl SimulationListed {
    fn new(listed: Listed, people: &HashMap<Uuid, Person>) -> Self {
        let Listed { id, status, seen, total, cost, asked } = listed;
        Self { id, status, seen, of: total, asked: AskedView::new(asked, people), cost }
    }
}

/// A page of simulations.
#[derive(Debug, Serialize, ToSchema)]
pub struct Simulations {
    items: Vec<SimulationListed>,
    next: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SimulationsQuery {
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Simulations of the last month, everybody's, the newest first.
#[utoipa::path(get, path = "/v1/rules/simulations", tag = "finance", params(SimulationsQuery), responses(
    (status = 200, description = "a page of simulations", body = Simulations),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn list_simulations(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<SimulationsQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.0.limit)?;
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let after: Option<Uuid> = list.after(query.0.after.as_deref())?;
    let (page, people) = app
        .into_inner()
        .run(move |connection| {
            let page = listed::simulations(connection, after, limit)?;
            let people = people(connection, page.items.iter().map(|one| one.asked.by))?;
            Ok((page, people))
        })
        .await?;
    Ok(list.answer(&page.map(|one| SimulationListed::new(one, &people))))
}
