//! A program says whether it lives, whether it is ready, and how it does.

use harness::server;

#[test]
fn a_started_server_is_alive_and_ready_and_measured() {
    let server = server();
    let client = server.client();
    assert_eq!(client.get("/health/live").expect(200).json()["status"], "live");
    assert_eq!(client.get("/health/ready").expect(200).json()["status"], "ready");
    let metrics = client.get("/metrics").expect(200).text();
    assert!(
        metrics.contains(r#"unioncard_http_requests_total{method="GET",route="/health/ready",status="200"}"#),
        "{metrics}"
    );
    let figure = |name: &str| -> i64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        let figure = line.unwrap_or_else(|| panic!("no {name} in {metrics}"));
        figure.trim().parse().expect("a gauge is a number")
    };
    assert_eq!(figure(r#"unioncard_posting_queue{state="waiting"}"#), 0);
    let connections = |state: &str| figure(&format!(r#"unioncard_database_connections{{state="{state}"}}"#));
    assert!(connections("used") + connections("idle") > 0, "{metrics}");
    assert!(figure(r#"unioncard_card_numbers_left{programme="01"}"#) > 0, "{metrics}");
}

#[test]
fn every_answer_carries_the_security_headers() {
    let server = server();
    for path in ["/health/live", "/nothing-here", "/v1/nothing/here"] {
        let answer = server.client().get(path);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(answer.header("strict-transport-security").contains("max-age="), "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
    }
}

#[test]
fn a_problem_speaks_the_readers_language() {
    let server = server();
    let english = server.client().get("/nothing-here");
    assert_eq!(english.clone().problem(404), "not-found");
    let russian = server.client().with("accept-language", "ru-RU,ru;q=0.9").get("/nothing-here");
    assert_eq!(russian.clone().problem(404), "not-found");
    assert_eq!(english.json()["title"], "There is nothing here");
    assert_eq!(russian.json()["title"], "Здесь ничего нет");
}
