//! What a member takes out of the programme. Today that is a gift to the union's aid fund, which stays inside.

use actix_web::{HttpResponse, web};
use cashback_engine::donations;
use serde::{Deserialize, Serialize};
use shared_kernel::money::Money;
use utoipa::ToSchema;
use uuid::Uuid;

use super::myself;
use crate::app::App;
use crate::auth::Principal;
use crate::extract::Json;
use crate::problem::{Problem, ProblemBody};
use crate::v1::types::Timestamp;

/// Where it is to go.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// The union's aid fund.
    Solidarity,
}

/// Where it is to go.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    kind: DestinationKind,
}

/// How much is to go where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayoutBody {
    /// At least 100.00, but for who left the programme.
    #[schema(value_type = String, example = "150.00")]
    amount: Money,
    destination: Destination,
}

/// What went where.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payout)]
pub struct PayoutView {
    id: Uuid,
    #[schema(value_type = String, example = "150.00")]
    amount: Money,
    destination: Destination,
    /// `done`: a gift is booked at once.
    status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// Gives what can be spent to the union's aid fund, at once.
#[utoipa::path(post, path = "/v1/me/payouts", tag = "member", request_body = PayoutBody, responses(
    (status = 201, description = "given", body = PayoutView),
    (status = 409, description = "`insufficient`, `member-frozen`, or no account", body = ProblemBody),
    (status = 422, description = "less than the least amount, or another destination", body = ProblemBody)))]
pub async fn ask(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<PayoutBody>,
) -> Result<HttpResponse, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    let amount = body.0.amount;
    let shared = app.clone().into_inner();
    let id = app
        .clone()
        .into_inner()
        .transaction(move |connection| {
            Ok(donations::donate(connection, &shared.books, (member, amount), now)?)
        })
        .await?;
    app.delivery.nudge();
    Ok(HttpResponse::Created().json(PayoutView {
        id: id.0,
        amount,
        destination: body.0.destination,
        status: "done",
        at: now.into(),
    }))
}
