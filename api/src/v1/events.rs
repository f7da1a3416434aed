//! `GET /v1/me/events`: the member's open page hears that its operations changed.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use futures_util::stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::app::App;
use crate::auth::Principal;
use crate::cache::LiveMessage;
use crate::problem::Problem;

/// Proxies close a connection that says nothing.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// A page comes back by itself; by then its sign-in is checked again.
const OPEN_MAX: Duration = Duration::from_secs(15 * 60);

struct Listening {
    member: shared_kernel::ids::MemberId,
    messages: Receiver<LiveMessage>,
    until: tokio::time::Instant,
    stopping: tokio::sync::watch::Receiver<bool>,
}

/// Changes of the member's operations, as they happen.
#[utoipa::path(get, path = "/v1/me/events", tag = "member",
    responses((status = 200, description = "`event: operations` whenever a balance or an operation changed; a comment each 15 s", content_type = "text/event-stream")))]
pub async fn events(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
) -> Result<HttpResponse, Problem> {
    let member = principal.member().ok_or_else(Problem::forbidden)?;
    let app: Arc<App> = app.into_inner();
    let listening = Listening {
        member,
        messages: app.live.subscribe(),
        until: tokio::time::Instant::now() + OPEN_MAX,
        stopping: app.stopping.subscribe(),
    };
    // The first comment opens the stream: the answer's head leaves with the body's first bytes.
    let opened = stream::once(async { Ok::<_, Problem>(web::Bytes::from_static(b": open\n\n")) });
    let body = futures_util::StreamExt::chain(opened, stream::unfold(listening, next));
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(body))
}

/// What the page hears next: its member's news, or that the line still stands.
async fn next(mut listening: Listening) -> Option<(Result<web::Bytes, Problem>, Listening)> {
    let silent_until = (tokio::time::Instant::now() + HEARTBEAT_EVERY).min(listening.until);
    loop {
        let heard = tokio::select! {
            heard = tokio::time::timeout_at(silent_until, listening.messages.recv()) => heard,
            _ = listening.stopping.changed() => return None,
        };
        let data = match heard {
            Err(_) if tokio::time::Instant::now() >= listening.until => return None,
            Err(_) => return Some((Ok(web::Bytes::from_static(b": still here\n\n")), listening)),
            Ok(Ok(message)) if message.member == listening.member => message.json.to_string(),
            Ok(Ok(_)) => continue,
            // Too far behind: something may have been missed.
            Ok(Err(RecvError::Lagged(_))) => "{}".to_owned(),
            Ok(Err(RecvError::Closed)) => return None,
        };
        return Some((Ok(format!("event: operations\ndata: {data}\n\n").into()), listening));
    }
}
