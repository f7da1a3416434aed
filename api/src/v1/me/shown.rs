//! What a card shows besides its live code: the proof for tills without network, and the bars of its number for old
//! scanners.

use actix_web::{HttpResponse, web};
use card_issuer::barcode::{self, Symbology};
use card_issuer::proof;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::CardId;
use utoipa::{IntoParams, ToSchema};

use super::cards::{is_shown_to, my_good_card};
use super::myself;
use crate::app::App;
use crate::auth::Principal;
use crate::extract::{IdPath, Query};
use crate::problem::{Problem, ProblemBody};
use crate::v1::types::Timestamp;

/// A signed proof, which any program can check without network:
///
/// 1. The 192 digits are six groups of 32. Each group, read as a decimal number, is 13 bytes, the highest first; 78 in all.
/// 2. Byte 0 is 1, the form. Byte 1 is the epoch: of the keys of `/.well-known/jwks.json` it is the one whose `kid` is
///    `proof-` and the epoch in three digits.
/// 3. Bytes 2 to 6, the highest first, are eleven digits with their zeros: `9643`, these and a Luhn digit are the card's
///    number.
/// 4. Bytes 7 to 10 are when it was given, in seconds since 1970; bytes 11 and 12 how many minutes it is good from then
///    on. Byte 13 is 1: the card is good.
/// 5. Bytes 14 to 77 are an Ed25519 signature over the text `unioncard proof 1`, a zero byte and bytes 0 to 13.
/// 6. Only a good card is given a proof, so "not valid" is one of three: expired, its minutes are over; revoked,
///    `/v1/cards/revocations` names the card; forged, the signature or the form is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProofView {
    /// 192 digits, for a QR of version 5.
    value: String,
    /// Within 24 hours.
    #[schema(value_type = String, format = DateTime)]
    valid_until: Timestamp,
}

/// A proof for tills without network: which card, that it is good, until when; nothing about the person. It is checked
/// with the keys `proof-…` of `/.well-known/jwks.json`, as `ProofView` says; it earns, it doesn't redeem.
#[utoipa::path(get, path = "/v1/me/cards/{id}/proof", tag = "member", params(("id" = String, Path)), responses(
    (status = 200, description = "the proof", body = ProofView),
    (status = 404, description = "no such card of yours", body = ProblemBody),
    (status = 409, description = "a blocked or expired card has none", body = ProblemBody)))]
pub async fn proof(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
) -> Result<web::Json<ProofView>, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    let shared = app.clone().into_inner();
    let card = app.into_inner().run(move |connection| my_good_card(connection, member, id.0, now)).await?;
    let (value, proof) = proof::give(&shared.derived.issuer, card.number, card.ends_at(), now);
    Ok(web::Json(ProofView { value, valid_until: proof.valid_until.into() }))
}

/// Which bars.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BarcodeQuery {
    /// `code128` or `ean13`.
    #[param(value_type = String)]
    kind: Symbology,
}

/// The bare number as bars, for tills that read no QR: Code 128 of the number itself, EAN-13 of its short form.
#[utoipa::path(get, path = "/v1/me/cards/{id}/barcode.svg", tag = "member", params(("id" = String, Path), BarcodeQuery), responses(
    (status = 200, description = "the bars; what they say is in `X-Barcode-Text`", content_type = "image/svg+xml"),
    (status = 404, description = "no such card of yours", body = ProblemBody),
    (status = 409, description = "a blocked or expired card has none", body = ProblemBody)))]
pub async fn barcode(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<CardId>,
    query: Query<BarcodeQuery>,
) -> Result<HttpResponse, Problem> {
    let (member, now) = (myself(&principal)?, app.now());
    let card = app.into_inner().run(move |connection| my_good_card(connection, member, id.0, now)).await?;
    if !is_shown_to(&principal, &card) {
        return Err(Problem::not_found());
    }
    Ok(HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header(("X-Barcode-Text", barcode::text(card.number, query.0.kind)))
        .body(barcode::svg(card.number, query.0.kind)))
}
