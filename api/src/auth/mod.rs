//! Who is asking, and what they may do.

pub mod access;
pub mod principal;

pub use access::Access;
pub use principal::{Principal, Role};

use std::sync::Arc;

use actix_web::HttpRequest;

use crate::app::App;
use crate::problem::Problem;

/// Who sent this request.
///
/// # Errors
/// 401
pub async fn authenticate(_app: &Arc<App>, _request: &HttpRequest) -> Result<Principal, Problem> {
    Err(Problem::unauthenticated())
}
