//! What happened reaches its member: a letter with the card, one letter an evening, the open page at once.

use std::io::BufRead;

use chrono::{DateTime, TimeDelta, Utc};
use harness::mailbox::{self, mail_server};
use harness::{TestServer, server, until};
use serde_json::json;
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::outbox::{self, Event};
use unioncard::delivery::preferences::{self, Preferences, Tongue};
use unioncard::files::imports::{self, ImportKind, ImportRequest};

use crate::faces::by_zbar;
use crate::imports_http;

fn purchase(server: &TestServer, member: MemberId, cashback: &str) -> Uuid {
    let id = Uuid::now_v7();
    let event = Event {
        kind: "purchase.posted".to_owned(),
        member_id: Some(member),
        payload: json!({ "purchase_id": id, "amount": "1000.00", "redeemed": "0.00", "cashback": cashback }),
        occurred_at: server.app.now(),
    };
    outbox::append(&mut server.connect(), &[event]).unwrap();
    id
}

/// Moves the clock to the next time it is so late in UTC.
fn go_to(server: &TestServer, (hour, minute): (u32, u32)) {
    let now = server.app.now();
    let then = |day: DateTime<Utc>| day.date_naive().and_hms_opt(hour, minute, 0).unwrap().and_utc();
    let next = Some(then(now)).filter(|at| *at > now).unwrap_or_else(|| then(now + TimeDelta::days(1)));
    server.clock.advance(next - now);
}

fn waiting(server: &TestServer) -> i64 {
    use diesel::prelude::*;
    use shared_kernel::schema::platform::{deliveries, outbox};
    let mut connection = server.connect();
    let events: i64 = outbox::table.count().get_result(&mut connection).unwrap();
    let letters: i64 = deliveries::table.count().get_result(&mut connection).unwrap();
    events + letters
}

#[test]
fn an_issued_card_comes_by_mail_with_its_code_as_a_picture() {
    let server = server();
    let member = server.member("1001");
    let card = server.virtual_card(member);
    let letters = server.letters(1);
    let letter = &letters[0];
    assert_eq!(letter.to, "1001@example.org");
    assert_eq!(letter.subject, "Ваша карта члена профсоюза готова");
    assert!(letter.text.contains("Анна-Мария Сергеевна"), "{}", letter.text);
    let (name, kind, png) = &letter.parts[0];
    assert_eq!(kind, "image/png");
    assert!(letter.html.contains(&format!("cid:{name}")), "{}", letter.html);
    let file = server.folder().join("code.png");
    std::fs::write(&file, png).unwrap();
    assert_eq!(by_zbar(&file), card.number.as_str());
    until("nothing waits", || waiting(&server) == 0);
}

#[test]
fn an_import_tells_those_it_brings_when_it_is_asked_to_alone() {
    let server = server();
    // With the organisation of the file's rows.
    server.member("1001");
    let bring = |notify: bool, numbers: [&str; 2]| {
        let file = server.folder().join(format!("members-{notify}.csv"));
        let rows = numbers.map(|number| imports_http::row(number, "", &format!("{number}@example.org")));
        std::fs::write(&file, format!("{}{}", imports_http::HEADER, rows.concat())).unwrap();
        let rejected = imports::rejected_beside(&file);
        let by = "program".to_owned();
        let request = ImportRequest { kind: ImportKind::Members, file, rejected, notify, within: None, by };
        let report = imports::run(&server.app, &request, server.app.now()).unwrap();
        assert_eq!(report.created, 2, "{report:?}");
    };
    bring(false, ["7001", "7002"]);
    bring(true, ["7003", "7004"]);
    let mut told: Vec<String> = server.letters(2).into_iter().map(|letter| letter.to).collect();
    told.sort();
    assert_eq!(told, ["7003@example.org", "7004@example.org"]);
    until("nothing waits", || waiting(&server) == 0);
    assert_eq!(server.letters(2).len(), 2, "those who came without a word to be said got none");
}

#[test]
fn a_day_of_cashback_is_one_letter_in_the_evening() {
    let server = server();
    let told = server.member("1001");
    let untold = server.member("1002");
    let english = server.member("1003");
    let wishes = Preferences { daily_digest: false, language: Tongue::Russian, ..Preferences::default() };
    preferences::save(&mut server.connect(), untold, &wishes, server.app.now()).unwrap();
    let wishes = Preferences { daily_digest: true, language: Tongue::English, ..Preferences::default() };
    preferences::save(&mut server.connect(), english, &wishes, server.app.now()).unwrap();
    go_to(&server, (9, 0));
    for cashback in ["52.50", "1000.33", "0.00"] {
        purchase(&server, told, cashback);
    }
    purchase(&server, untold, "10.00");
    purchase(&server, english, "1437.83");
    until("three letters wait for the evening", || waiting(&server) == 3);
    assert!(mailbox::letters(&server.folder().join("mail")).is_empty(), "nothing before the evening");
    // Five minutes past the evening hour of the programme, 20:00 in Moscow.
    go_to(&server, (17, 5));
    let mut letters = server.letters(2);
    letters.sort_by(|a, b| a.to.cmp(&b.to));
    assert_eq!(letters[0].to, "1001@example.org");
    assert_eq!(letters[0].subject, "Кешбэк за день: 1\u{202f}052,83\u{a0}₽");
    assert!(letters[0].text.contains("2\u{a0}покупки"), "{}", letters[0].text);
    assert_eq!(letters[1].to, "1003@example.org");
    assert!(letters[1].text.contains("1,437.83\u{a0}₽ (1\u{a0}purchase)"), "{}", letters[1].text);
    until("nothing waits", || waiting(&server) == 0);
    assert_eq!(server.letters(2).len(), 2, "who doesn't want it gets none");
}

#[test]
fn a_mail_server_that_is_away_gets_the_letter_later_and_once() {
    let sink = mail_server();
    sink.refuse(Some("451 later"));
    let server = harness::server::server_with(&[("smtp_url", &sink.url())]);
    let member = server.member("1001");
    server.virtual_card(member);
    until("the first try fails", || {
        use diesel::prelude::*;
        use shared_kernel::schema::platform::deliveries::dsl::{deliveries, failure};
        let failures: Vec<Option<String>> = deliveries.select(failure).load(&mut server.connect()).unwrap();
        failures == [Some("the mail server".to_owned())]
    });
    sink.refuse(None);
    assert!(sink.letters().is_empty());
    server.clock.advance(TimeDelta::minutes(2));
    let letters = mailbox::wait_for(1, || sink.letters());
    assert_eq!(letters[0].to, "1001@example.org");
    until("nothing waits", || waiting(&server) == 0);
    assert_eq!(sink.letters().len(), 1);
}

#[test]
fn a_letter_refused_for_good_is_not_tried_again() {
    let sink = mail_server();
    sink.refuse(Some("550 no such user 1001@example.org"));
    let server = harness::server::server_with(&[("smtp_url", &sink.url())]);
    server.may_leave_undone();
    let member = server.member("1001");
    server.virtual_card(member);
    use diesel::prelude::*;
    use shared_kernel::schema::platform::deliveries::dsl::{deliveries, failed_at, failure};
    until("it is given up", || {
        let given_up: Vec<(bool, Option<String>)> =
            deliveries.select((failed_at.is_not_null(), failure)).load(&mut server.connect()).unwrap();
        given_up == [(true, Some("the mail server".to_owned()))]
    });
    sink.refuse(None);
    server.clock.advance(TimeDelta::days(7));
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert!(sink.letters().is_empty());
}

#[test]
fn an_open_page_hears_of_its_own_purchases_only() {
    let server = server();
    let (mine, other) = (server.member("1001"), server.member("1002"));
    let client = server.as_member("1001");
    let mut lines = client.stream("/v1/me/events").lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), ": open");
    purchase(&server, other, "1.00");
    let id = purchase(&server, mine, "2.00");
    let heard: Vec<String> = lines.by_ref().filter(|line| !line.is_empty()).take(2).collect();
    assert_eq!(heard, ["event: operations".to_owned(), format!("data: {{\"purchase_id\":\"{id}\"}}")]);
}

#[test]
fn the_stream_is_a_members() {
    let server = server();
    assert_eq!(server.client().get("/v1/me/events").problem(401), "unauthenticated");
    let partner = server.partner("bakery", &["bakery-1"]);
    assert_eq!(server.as_partner(&partner).get("/v1/me/events").problem(403), "forbidden");
}
