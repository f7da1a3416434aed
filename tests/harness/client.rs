//! A small HTTP client that speaks the public API, keeps whole answers, and holds each against the OpenAPI document.

use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, Request};

use crate::contract;

/// An HTTP client of one principal.
#[derive(Clone)]
pub struct Client {
    base: String,
    agent: ureq::Agent,
    headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of a server nobody is signed in with.
    pub fn of(base: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .proxy(None)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        Self { base: base.to_owned(), agent, headers: Vec::new() }
    }

    /// The same with one more header on every request.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    /// The same, at another server.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// The same, signed in with a token.
    pub fn bearer(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// The lines of a stream, as they come: opens it and hands the reader over.
    pub fn stream(&self, path: &str) -> impl std::io::BufRead + use<> {
        let mut request = Request::builder().uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(()).expect("a test's request is well formed");
        let answer = self.agent.run(request).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        std::io::BufReader::new(answer.into_body().into_reader())
    }

    /// GET
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    /// DELETE
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], b"")
    }

    /// POST of a JSON document.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// PATCH of a JSON document.
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// Anything. The answer is what the OpenAPI document says it is.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answered = if body.is_empty() && method != "POST" {
            self.agent.run(request.body(()).expect("a test's request is well formed"))
        } else {
            self.agent.run(request.body(body.to_vec()).expect("a test's request is well formed"))
        };
        let answered = answered.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let (parts, mut body) = answered.into_parts();
        let body = body
            .with_config()
            .limit(64 << 20)
            .read_to_vec()
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let asked = format!("{method} {path}");
        let answer = Answer { asked, status: parts.status.as_u16(), headers: parts.headers, body };
        let kind = answer.header("content-type");
        let misfits = contract::misfits(method, path, answer.status, kind, &answer.body);
        assert!(misfits.is_empty(), "{}: {misfits:?}\n{}", answer.asked, answer.text());
        answer
    }
}

impl Answer {
    /// The same, once its status is what the test expects; shows the answer otherwise.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} answered {}: {}", self.asked, self.status, self.text());
        self
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} answered no JSON ({error}): {}", self.asked, self.text()))
    }

    /// A header as text; empty without it.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The problem's slug, once the answer is a whole problem of this status.
    #[track_caller]
    pub fn problem(self, status: u16) -> String {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.asked);
        let body = answer.json();
        assert_eq!(body["status"], status, "{}", answer.asked);
        for name in ["title", "detail"] {
            assert!(body[name].as_str().is_some_and(|text| !text.is_empty()), "{}: {body}", answer.asked);
        }
        let kind = body["type"].as_str().unwrap_or_default();
        kind.strip_prefix("/problems/").unwrap_or_else(|| panic!("{}: type {kind}", answer.asked)).to_owned()
    }
}
