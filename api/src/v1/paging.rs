//! Lists on the wire: `?limit=` and `?after=`, `{"items", "next"}` and a `Link` header. A cursor is sealed to its list
//! and its reader: a tampered or foreign one is refused.

use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use shared_kernel::paging::{Limit, Page};

use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;

const TAG_BYTES: usize = 12;

/// Reads `limit`: 1 to 200, 50 when absent.
///
/// # Errors
/// 422 outside, never clamped.
pub fn limit(asked: Option<i64>) -> Result<Limit, Problem> {
    match asked {
        None => Ok(Limit::DEFAULT),
        Some(items) => Limit::new(items)
            .ok_or_else(|| Problem::invalid_field("limit", "must be 1 to 200", "допустимо от 1 до 200")),
    }
}

/// A place in a list that is read whole, and how many items are told from there.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    from: usize,
    limit: Limit,
}

impl Place {
    /// The page of a whole list that begins here.
    pub fn of<T>(self, items: Vec<T>) -> Page<T, usize> {
        let full = usize::try_from(self.limit.items()).expect("a limit is 1 to 200");
        let mut items: Vec<T> = items.into_iter().skip(self.from).collect();
        let more = items.len() > full;
        items.truncate(full);
        Page { items, next: more.then(|| self.from.saturating_add(full)) }
    }
}

/// The list a cursor belongs to: its route and its reader.
pub struct List<'a> {
    app: &'a App,
    request: &'a HttpRequest,
    reader: String,
}

impl<'a> List<'a> {
    /// The list of this request.
    pub fn of(app: &'a App, request: &'a HttpRequest, principal: &Principal) -> Self {
        Self { app, request, reader: principal.key() }
    }

    fn tag(&self, text: &str) -> Vec<u8> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.app.derived.cursors).expect("HMAC takes keys of any length");
        mac.update(self.request.path().as_bytes());
        mac.update(b"\0");
        mac.update(self.reader.as_bytes());
        mac.update(b"\0");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().iter().copied().take(TAG_BYTES).collect()
    }

    /// The key in a cursor.
    ///
    /// # Errors
    /// 422 when it isn't one of this list's.
    pub fn after<K: DeserializeOwned>(&self, cursor: Option<&str>) -> Result<Option<K>, Problem> {
        let Some(cursor) = cursor else { return Ok(None) };
        self.open(cursor).map(Some).ok_or_else(|| {
            Problem::invalid_field("after", "is no cursor of this list", "не метка этого списка")
        })
    }

    fn open<K: DeserializeOwned>(&self, cursor: &str) -> Option<K> {
        let (text, tag) = cursor.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        let same: bool = subtle::ConstantTimeEq::ct_eq(tag.as_slice(), self.tag(text).as_slice()).into();
        if !same {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }

    fn cursor<K: Serialize>(&self, key: &K) -> String {
        let json = serde_json::to_vec(key).expect("a list's key is plain data");
        let text = URL_SAFE_NO_PAD.encode(json);
        let tag = URL_SAFE_NO_PAD.encode(self.tag(&text));
        format!("{text}.{tag}")
    }

    /// Which page of a list that is short by nature, and so read whole, is asked for.
    ///
    /// # Errors
    /// 422 for a wrong limit or cursor.
    pub fn place(&self, (asked, after): (Option<i64>, Option<&str>)) -> Result<Place, Problem> {
        Ok(Place { from: self.after(after)?.unwrap_or_default(), limit: limit(asked)? })
    }

    /// The answer: the page's items, and where the next page starts.
    pub fn answer<T: Serialize, K: Serialize>(&self, page: &Page<T, K>) -> HttpResponse {
        #[derive(Serialize)]
        struct Nothing {}
        self.answer_with(page, Nothing {})
    }

    /// The same, with what is told of the list as a whole.
    pub fn answer_with<T: Serialize, K: Serialize, W: Serialize>(
        &self,
        page: &Page<T, K>,
        whole: W,
    ) -> HttpResponse {
        #[derive(Serialize)]
        struct Body<'b, T, W> {
            items: &'b [T],
            next: Option<&'b str>,
            #[serde(flatten)]
            whole: W,
        }
        let next = page.next.as_ref().map(|key| self.cursor(key));
        let mut answer = HttpResponse::Ok();
        if let Some(next) = &next {
            let mut parameters: Vec<(String, String)> =
                form_urlencoded::parse(self.request.query_string().as_bytes())
                    .filter(|(name, _)| name != "after")
                    .map(|(name, value)| (name.into_owned(), value.into_owned()))
                    .collect();
            parameters.push(("after".to_owned(), next.clone()));
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
            answer.insert_header(("Link", format!("<{}?{query}>; rel=\"next\"", self.request.path())));
        }
        answer.json(Body { items: &page.items, next: next.as_deref(), whole })
    }
}
