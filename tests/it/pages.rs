//! The pages come with their policies, whatever is built into them.

use harness::server;

#[test]
fn an_entry_has_a_new_nonce_each_time_and_allows_nothing_else() {
    let server = server();
    for path in ["/", "/till", "/office", "/docs"] {
        let answers = [server.client().get(path).expect(200), server.client().get(path).expect(200)];
        let nonces = answers.each_ref().map(|answer| {
            assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';"), "{path}: {policy}");
            let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
            let html = answer.text();
            assert!(!html.contains("__CSP_NONCE__"), "{path}");
            assert!(html.contains(nonce), "{path}: the page knows its nonce");
            nonce.to_owned()
        });
        assert_ne!(nonces[0], nonces[1], "{path}");
    }
}

#[test]
fn assets_are_kept_for_ever_and_answered_from_the_cache() {
    let server = server();
    let html = server.client().get("/").expect(200).text();
    let script = html.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(script.starts_with("/assets/"), "{script}");
    let asset = server.client().get(script).expect(200);
    assert!(asset.header("cache-control").contains("immutable"));
    assert!(asset.header("content-type").starts_with("text/javascript"), "{}", asset.header("content-type"));
    let again = server.client().with("if-none-match", asset.header("etag")).get(script).expect(304);
    assert!(again.body.is_empty());
    let packed = server.client().with("accept-encoding", "gzip").get(script).expect(200);
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < asset.body.len());
}

#[test]
fn nothing_outside_the_pages_is_served() {
    let server = server();
    for path in [
        "/assets/none.js",
        "/assets/..%2findex.html",
        "/assets/%2e%2e/index.html",
        "/index.html",
        "/assets/../../Cargo.toml",
    ] {
        assert_eq!(server.client().get(path).problem(404), "not-found", "{path}");
    }
}
