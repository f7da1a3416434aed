//! A request body that is hashed while the handler reads it, so that uploads of any size need no room here. The boundary
//! of a multipart body is left out: a client that repeats itself draws a new one.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// What the handler left unread is read for so long at most.
const REST_DEADLINE: Duration = Duration::from_secs(60);
/// And so much of it.
const REST_BYTES_MAX: usize = 512 << 20;

/// The body of a request, shared with the handler that reads it.
#[derive(Clone)]
pub struct HashedBody(Rc<RefCell<Reading>>);

struct Reading {
    payload: Payload,
    hash: BodyHash,
    ended: bool,
}

impl HashedBody {
    /// Puts itself in the place of the request's body.
    pub fn take(request: &mut ServiceRequest) -> Self {
        let boundary = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(boundary_of);
        let reading =
            Reading { payload: request.take_payload(), hash: BodyHash::new(boundary), ended: false };
        let body = Self(Rc::new(RefCell::new(reading)));
        request.set_payload(Payload::Stream { payload: Box::pin(body.clone()) });
        body
    }

    /// Reads what is left and gives the hash of the whole.
    ///
    /// # Errors
    /// When the body doesn't end well or in time.
    pub async fn finish(mut self) -> Result<[u8; 32], Problem> {
        let broken = || Problem::malformed("the body ended early", "Тело запроса оборвалось");
        let rest = async {
            let mut bytes = 0;
            while let Some(chunk) = self.next().await {
                bytes += chunk.map_err(|_| broken())?.len();
                if bytes > REST_BYTES_MAX {
                    return Err(Problem::too_large());
                }
            }
            Ok(())
        };
        tokio::time::timeout(REST_DEADLINE, rest).await.map_err(|_| broken())??;
        Ok(std::mem::take(&mut self.0.borrow_mut().hash).finish())
    }
}

impl Stream for HashedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut reading = self.0.borrow_mut();
        if reading.ended {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut reading.payload).poll_next(context);
        match &polled {
            Poll::Ready(Some(Ok(chunk))) => reading.hash.update(chunk),
            Poll::Ready(None) => reading.ended = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }
}

fn boundary_of(content_type: &str) -> Option<Vec<u8>> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().to_ascii_lowercase().starts_with("multipart/") {
        return None;
    }
    parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))
        .map(|(_, value)| value.trim().trim_matches('"').as_bytes().to_vec())
        .filter(|boundary| !boundary.is_empty())
}

/// SHA-256 of a body without its multipart boundaries.
#[derive(Default)]
struct BodyHash {
    hash: Sha256,
    boundary: Vec<u8>,
    /// The end of what came, too short to tell whether a boundary begins there.
    held_back: Vec<u8>,
}

impl BodyHash {
    fn new(boundary: Option<Vec<u8>>) -> Self {
        Self { boundary: boundary.unwrap_or_default(), ..Self::default() }
    }

    fn update(&mut self, chunk: &[u8]) {
        if self.boundary.is_empty() {
            self.hash.update(chunk);
            return;
        }
        self.held_back.extend_from_slice(chunk);
        let mut rest = self.held_back.as_slice();
        while let Some(at) = rest.windows(self.boundary.len()).position(|window| window == self.boundary) {
            let (before, found) = rest.split_at(at);
            self.hash.update(before);
            rest = found.split_at(self.boundary.len()).1;
        }
        let sure = rest.len().saturating_sub(self.boundary.len() - 1);
        let (sure, unsure) = rest.split_at(sure);
        self.hash.update(sure);
        self.held_back = unsure.to_vec();
    }

    fn finish(mut self) -> [u8; 32] {
        self.hash.update(&self.held_back);
        self.hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(boundary: Option<&str>, body: &str, chunk: usize) -> [u8; 32] {
        let mut hash = BodyHash::new(boundary.map(|text| text.as_bytes().to_vec()));
        body.as_bytes().chunks(chunk).for_each(|chunk| hash.update(chunk));
        hash.finish()
    }

    #[test]
    fn another_boundary_is_the_same_body_however_it_is_cut() {
        let body = |boundary: &str, file: &str| format!("--{boundary}\r\n\r\n{file}\r\n--{boundary}--\r\n");
        let first = hash(Some("one"), &body("one", "a,b"), 1_000);
        for chunk in [1, 2, 3, 7, 1_000] {
            assert_eq!(first, hash(Some("another-one"), &body("another-one", "a,b"), chunk), "{chunk}");
            assert_ne!(first, hash(Some("one"), &body("one", "a,c"), chunk), "{chunk}");
        }
        assert_ne!(hash(None, &body("one", "a"), 9), hash(None, &body("two", "a"), 9));
    }

    #[test]
    fn the_boundary_of_a_content_type() {
        let cases = [
            ("multipart/form-data; boundary=abc", Some("abc")),
            ("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"", Some("a b")),
            ("application/json; boundary=abc", None),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
        ];
        for (text, expected) in cases {
            assert_eq!(boundary_of(text).as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }
}
