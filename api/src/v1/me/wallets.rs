//! A member's card as a file for a wallet.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HttpDate};
use actix_web::{HttpResponse, web};
use card_issuer::CardError;
use card_issuer::cards::CardKind;
use card_issuer::pass::apple::MEDIA_TYPE;
use shared_kernel::ids::CardId;

use super::cards::{my_card, my_good_card};
use super::myself;
use crate::app::App;
use crate::auth::Principal;
use crate::extract::IdPath;
use crate::problem::{Problem, ProblemBody};
use crate::wallets::{Provider, changes, shown};

/// 409: this wallet isn't set up here.
pub fn off() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "wallet-off",
        "This wallet isn't set up here",
        "Этот кошелёк здесь не подключён",
    )
}

/// The card for Apple Wallet: a signed pass that earns (its code is the bare number) and shows balances and standing.
#[utoipa::path(get, path = "/v1/me/cards/{id}/apple.pkpass", tag = "member", params(("id" = String, Path)), responses(
    (status = 200, description = "the pass", content_type = "application/vnd.apple.pkpass"),
    (status = 404, description = "no such card of yours", body = ProblemBody),
    (status = 409, description = "a plastic, blocked or expired card has none; `wallet-off` without a certificate", body = ProblemBody)))]
pub async fn apple(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
) -> Result<HttpResponse, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    let shared = app.clone().into_inner();
    let (watched, file) = app
        .into_inner()
        .run(move |connection| {
            if my_card(connection, member, id.0)?.kind == CardKind::Plastic {
                return Err(CardError::Plastic.into());
            }
            my_good_card(connection, member, id.0, now)?;
            let issuer = shared.wallets.apple(now).ok_or_else(off)?;
            let shown = shown::of_card(&shared, connection, id.0, now)?;
            let watched = changes::watch(connection, &shared.wallets, Provider::Apple, &shown, now)?;
            Ok((watched, issuer.package(&shared, connection, &shown, now)?))
        })
        .await?;
    Ok(HttpResponse::Ok()
        .content_type(MEDIA_TYPE)
        .insert_header((
            header::LAST_MODIFIED,
            HttpDate::from(std::time::SystemTime::from(watched.changed_at)),
        ))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"card.pkpass\""))
        .body(file))
}
