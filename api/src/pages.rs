//! The built pages, embedded in the program: HTML entries with a nonce of their own each time, and files that
//! never change under their name.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::Problem;

/// What stands in the built HTML where the nonce goes.
const NONCE_MARK: &str = "__CSP_NONCE__";
/// Below this a compressed answer is no smaller on the wire.
const COMPRESSED_BYTES_MIN: usize = 1_024;

#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Built;

/// The member's page.
pub async fn member(request: HttpRequest) -> Result<HttpResponse, Problem> {
    entry(&request, "index.html")
}

/// The till.
pub async fn till(request: HttpRequest) -> Result<HttpResponse, Problem> {
    entry(&request, "till.html")
}

/// The office.
pub async fn office(request: HttpRequest) -> Result<HttpResponse, Problem> {
    entry(&request, "office.html")
}

/// The reference of the API.
pub async fn docs(request: HttpRequest) -> Result<HttpResponse, Problem> {
    entry(&request, "docs.html")
}

/// Where a member allows an app to show their card.
///
/// # Errors
/// 404 when the pages were not built.
pub fn consent(request: &HttpRequest, status: StatusCode) -> Result<HttpResponse, Problem> {
    let mut answer = entry(request, "consent.html")?;
    *answer.status_mut() = status;
    Ok(answer)
}

/// A file whose name holds a digest of its content.
pub async fn asset(request: HttpRequest) -> Result<HttpResponse, Problem> {
    file(&request, "public, max-age=31536000, immutable")
}

/// A file at the root of the pages: the icon, the manifest.
pub async fn root_file(request: HttpRequest) -> Result<HttpResponse, Problem> {
    file(&request, "public, max-age=3600")
}

/// The service worker: asked for anew each time, so that a new version is found.
pub async fn worker(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut answer = file(&request, "no-cache")?;
    // What it may fetch is its own policy's to say, not the page's.
    let policy = HeaderValue::from_static("default-src 'none'; connect-src 'self'");
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(answer)
}

/// An HTML entry: scripts and styles run from our own origin alone, inline styles with this answer's nonce alone.
fn entry(request: &HttpRequest, name: &str) -> Result<HttpResponse, Problem> {
    let page = Built::get(name).ok_or_else(Problem::not_found)?;
    let html = String::from_utf8_lossy(&page.data);
    let nonce = base64::engine::general_purpose::STANDARD.encode(rand::random::<[u8; 18]>());
    let html = html.replace(NONCE_MARK, &nonce).into_bytes();
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; frame-ancestors 'none'; \
         base-uri 'none'; form-action 'self'"
    );
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        .insert_header(("permissions-policy", "camera=(self), geolocation=(), microphone=()"));
    if takes_gzip(request) {
        answer.insert_header((header::CONTENT_ENCODING, "gzip"));
        return Ok(answer.body(gzip(&html, Compression::fast())?));
    }
    Ok(answer.body(html))
}

fn file(request: &HttpRequest, caching: &'static str) -> Result<HttpResponse, Problem> {
    let path = request.path().trim_start_matches('/');
    let file = Built::get(path).filter(|_| !path.ends_with(".html")).ok_or_else(Problem::not_found)?;
    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()));
    let mut answer = if known(request, &tag) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::ETAG, HeaderValue::try_from(&tag).map_err(|e| Problem::internal(&e))?));
    if known(request, &tag) {
        return Ok(answer.finish());
    }
    answer.content_type(content_type(path, &file));
    if takes_gzip(request)
        && let Some(compressed) = compressed(&tag, &file)?
    {
        answer.insert_header((header::CONTENT_ENCODING, "gzip"));
        return Ok(answer.body(actix_web::web::Bytes::from_owner(SharedBytes(compressed))));
    }
    Ok(match file.data {
        Cow::Borrowed(bytes) => answer.body(bytes),
        Cow::Owned(bytes) => answer.body(bytes),
    })
}

fn content_type(path: &str, file: &EmbeddedFile) -> String {
    let mime = file.metadata.mimetype();
    match path.rsplit('.').next() {
        Some("webmanifest") => "application/manifest+json".to_owned(),
        _ if mime.starts_with("text/") => format!("{mime}; charset=utf-8"),
        _ => mime.to_owned(),
    }
}

fn known(request: &HttpRequest, tag: &str) -> bool {
    request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|one| one.trim().trim_start_matches("W/") == tag))
}

fn takes_gzip(request: &HttpRequest) -> bool {
    request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(
        |encodings| {
            encodings.split(',').any(|one| {
                let mut parts = one.split(';').map(str::trim);
                parts.next() == Some("gzip") && parts.next() != Some("q=0")
            })
        },
    )
}

/// The compressed form of each file by its tag; `None` where it would not be smaller.
type Compressed = HashMap<String, Option<Arc<[u8]>>>;

struct SharedBytes(Arc<[u8]>);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The compressed form of a file, made once; `None` where it would not be smaller. As many entries as files.
fn compressed(tag: &str, file: &EmbeddedFile) -> Result<Option<Arc<[u8]>>, Problem> {
    static DONE: LazyLock<Mutex<Compressed>> = LazyLock::new(Mutex::default);
    let mut done = DONE.lock().expect("no panic holds this lock");
    if let Some(kept) = done.get(tag) {
        return Ok(kept.clone());
    }
    let made = if file.data.len() < COMPRESSED_BYTES_MIN {
        None
    } else {
        Some(gzip(&file.data, Compression::best())?).filter(|bytes| bytes.len() < file.data.len())
    };
    let made: Option<Arc<[u8]>> = made.map(Into::into);
    done.insert(tag.to_owned(), made.clone());
    Ok(made)
}

fn gzip(bytes: &[u8], level: Compression) -> Result<Vec<u8>, Problem> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(|e| Problem::internal(&e))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
