//! What the domain refuses, as problems: the statuses, slugs and words for people, an exhaustive match each, so that a
//! new refusal doesn't compile without them.

mod cards;
mod claims;
mod purchases;
mod registry;

pub use cards::{
    card_unknown, code, code_invalid, enrolment_code_wrong, name, number_invalid, proof, resolution,
};
pub use claims::{claim, claim_ended, claim_own, claim_without_card};
pub use purchases::purchase;
pub use registry::fault_words;

use actix_web::http::StatusCode;

use crate::problem::Problem;

fn unprocessable(slug: &'static str, en: &'static str, ru: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, slug, en, ru)
}
