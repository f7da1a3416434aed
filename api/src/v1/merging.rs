//! Two records of one person become one: in the register, in the cards and in the ledger, all or nothing.

use actix_web::web;
use card_issuer::life::{Block, BlockReason};
use cashback_engine::enrolments::Standing;
use cashback_engine::merging as ledger;
use chrono::{DateTime, Utc};
use diesel::Connection;
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;
use union_registry::{RegistryError, members, merging};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::oauth::grants;
use crate::auth::{Principal, scope, sessions};
use crate::delivery::expiry;
use crate::extract::{IdPath, Json, Later};
use crate::problem::{Problem, ProblemBody};
use crate::v1::adjustments::login;
use crate::v1::cards::CardView;
use crate::v1::standings::{BalanceView, MemberRefView};

/// Into which record.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeBody {
    /// The member whose record stays.
    #[schema(value_type = uuid::Uuid)]
    into: MemberId,
    /// Only tells what would happen.
    #[serde(default)]
    dry: bool,
}

/// What happened, or would.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Merge)]
pub struct MergeView {
    /// Whether this only tells what would happen.
    dry: bool,
    /// The record that ends.
    from: MemberRefView,
    /// The record that stays, as it is afterwards.
    into: MemberRefView,
    /// The balances that move.
    moved: BalanceView,
    /// The survivor's balances afterwards.
    after: BalanceView,
    /// Debt paid at once out of what is available.
    #[schema(value_type = String, example = "0.00")]
    debt_paid: Money,
    /// Accruals that move with their dates.
    lots: usize,
    /// Purchases that are the survivor's from then on.
    purchases: usize,
    /// How the survivor stands in the programme; null when neither took part.
    #[schema(value_type = Option<String>)]
    standing: Option<Standing>,
    tier: Option<String>,
    /// The card that stays.
    card_kept: CardView,
    /// The cards that are blocked.
    cards_blocked: Vec<CardView>,
}

/// A dry run is rolled back; what it found comes out as the error that rolls it back.
enum Halt {
    Dry(Box<MergeView>),
    Problem(Problem),
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<diesel::result::Error> for Halt {
    fn from(error: diesel::result::Error) -> Self {
        Self::Problem(error.into())
    }
}

/// Merges a member's record into another one of the same person: cards, balances with their dates, purchases follow.
#[utoipa::path(post, path = "/v1/members/{id}/merge", tag = "office", params(("id" = String, Path)), request_body = MergeBody, responses(
    (status = 200, description = "what happened, or would", body = MergeView),
    (status = 404, description = "none, or not yours", body = ProblemBody),
    (status = 409, description = "one of the two was merged before, or the one that is to stay has left", body = ProblemBody),
    (status = 422, description = "`into` is no member of yours, or the same", body = ProblemBody)))]
pub async fn merge(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<MemberId>,
    body: Later<Json<MergeBody>>,
) -> Result<web::Json<MergeView>, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let shared = app.clone().into_inner();
    let view = app
        .clone()
        .into_inner()
        .run(move |connection| {
            let merged = connection.transaction(|connection| {
                scope::member(connection, &principal, id.0)?;
                let MergeBody { into, dry } = body?.0;
                let view = merged(&shared, connection, &principal, (id.0, into), now)?;
                if dry { Err(Halt::Dry(Box::new(MergeView { dry, ..view }))) } else { Ok(view) }
            });
            match merged {
                Ok(view) => Ok(view),
                Err(Halt::Dry(view)) => Ok(*view),
                Err(Halt::Problem(problem)) => Err(problem),
            }
        })
        .await?;
    app.delivery.nudge();
    Ok(web::Json(view))
}

fn merged(
    app: &App,
    connection: &mut PgConnection,
    principal: &Principal,
    (from, into): (MemberId, MemberId),
    now: DateTime<Utc>,
) -> Result<MergeView, Problem> {
    let gone = scope::member(connection, principal, from)?;
    if from == into {
        return Err(Problem::invalid_field("#/into", "is the same member", "это тот же человек"));
    }
    scope::member(connection, principal, into).map_err(|problem| match problem.slug() {
        "not-found" => Problem::invalid_field("#/into", "is no member of yours", "у вас нет такого члена"),
        _ => problem,
    })?;
    let stays = match merging::merge(connection, &app.derived.sealer, (from, into), now) {
        Err(RegistryError::Invalid(_)) => {
            // The survivor's own record can't be written as it stands: an old import may have left that behind.
            return Err(Problem::conflict(
                "member-incomplete",
                "Correct the record that is to stay first",
                "Сначала исправьте запись, которая остаётся",
            ));
        }
        merged => merged?,
    };
    let by = login(principal)?.staff;
    let moved = ledger::merge(connection, &app.books, (from, into), by, now)?;
    expiry::follow(connection, (from, into))?;
    let comment = Some(format!("merged into {into}"));
    let block = Block { reason: BlockReason::Left, by: principal.key(), comment };
    let cards = card_issuer::merging::merge(connection, &app.derived.issuer, (from, into), &block, now)?;
    sessions::end_all(connection, from.0, sessions::EndReason::Disabled, now)?;
    grants::end_all(connection, from, now)?;
    app.auth.audit.append(connection, now, &principal.key(), "member.merged", &from.to_string())?;
    let from = members::find(connection, gone.person.id)?;
    Ok(MergeView {
        dry: false,
        from: from.into(),
        into: stays.into(),
        moved: moved.moved.into(),
        after: moved.after.into(),
        debt_paid: moved.debt_paid,
        lots: moved.lots,
        purchases: moved.purchases,
        standing: moved.standing,
        tier: moved.tier,
        card_kept: CardView::new(&cards.kept, now),
        cards_blocked: cards.blocked.iter().map(|card| CardView::new(card, now)).collect(),
    })
}
