//! `kill -9` of the program and of its PostgreSQL while tills buy, spend points, capture, give up and take back: whatever
//! was acknowledged is there once, and the books are sound.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cashback_engine::adjustments::{self, Proposal};
use cashback_engine::enrolments;
use cashback_engine::programme::{self, Changes};
use cashback_engine::rules::{BookCache, RuleDraft, store};
use chrono::{SecondsFormat, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use harness::{Client, program};
use serde_json::{Value, json};
use shared_kernel::ids::{CardId, MemberId, Uuid};
use unioncard::private_services::postgres::PrivatePostgres;

/// How many times something is killed.
const KILLS: usize = 20;
const TILLS: usize = 3;
/// How long a till waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A card of the small union.
#[derive(QueryableByName)]
pub struct Card {
    #[diesel(sql_type = SqlUuid)]
    pub id: CardId,
    #[diesel(sql_type = SqlUuid)]
    pub member_id: MemberId,
    #[diesel(sql_type = Text)]
    pub number: String,
}

/// Runs a command to a good end; its report.
pub fn run(folder: &Path, arguments: &[&str]) -> Value {
    let output = program::run(folder, arguments);
    let report = serde_json::from_slice(&output.stdout);
    report
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// What each member can spend at first.
const GIVEN: &str = "1000.00";

/// Gives members points by corrections of two people, and lets tills take them by the bare number.
fn endow(connection: &mut PgConnection, members: &[MemberId]) {
    let may = Changes { bare_number_may_redeem: Some(true), ..Changes::default() };
    programme::change(connection, &may, now()).unwrap();
    for member in members {
        let proposal = Proposal {
            debit: "adjustments:union".parse().unwrap(),
            credit: format!("available:{member}").parse().unwrap(),
            amount: GIVEN.parse().unwrap(),
            life_months: None,
            reason: "to be spent".to_owned(),
            evidence: "a test".to_owned(),
        };
        let made = adjustments::propose(connection, &proposal, Uuid::from_u128(1), now()).unwrap();
        let (books, checker) = (BookCache::default(), Uuid::from_u128(2));
        adjustments::approve(connection, &books, (made.id, None), checker, now()).unwrap();
    }
}

/// A small union with cards, all in the programme; a partner with a rule and a budget; the partner's token.
pub fn furnish(folder: &Path, postgres: &PrivatePostgres, client: &Client) -> (Vec<Card>, String) {
    let file = |name: &str| {
        let source = harness::checkout().join("tests/data/union").join(name);
        source.display().to_string()
    };
    let copied = |name: &str| {
        let target = folder.join(name);
        std::fs::copy(file(name), &target).unwrap();
        target.display().to_string()
    };
    run(folder, &["import", "organisations", &copied("organisations.csv")]);
    run(folder, &["import", "members", &copied("members.csv")]);
    let outlet = "market-1:Тверская:Москва:Europe/Moscow";
    let partner =
        run(folder, &["admin", "create-partner", "--code", "market", "--name", "Рынок", "--outlet", outlet]);
    let mut connection = PgConnection::establish(&postgres.url("unioncard")).unwrap();
    let cards: Vec<Card> = diesel::sql_query(
        "SELECT id, member_id, number::text AS number FROM cards.cards ORDER BY number LIMIT 24",
    )
    .load(&mut connection)
    .unwrap();
    let members: Vec<MemberId> = cards.iter().map(|card| card.member_id).collect();
    enrolments::enrol_many(&mut connection, &members, "2026-1", "test", now()).unwrap();
    endow(&mut connection, &members);
    let rule = json!({ "name": "5 %", "partner": "market", "earn": { "percent": "5" },
        "caps": { "per_member": { "amount": "300.00", "period": "day" }, "budget": "2000.00" } });
    let draft: RuleDraft = serde_json::from_value(rule).unwrap();
    let long_ago = now() - TimeDelta::days(60);
    let rule = store::create(&mut connection, &draft, Uuid::new_v4(), long_ago).unwrap();
    store::approve(&mut connection, rule.id, 1, Uuid::new_v4(), long_ago).unwrap();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        partner["client_id"].as_str().unwrap(),
        partner["client_secret"].as_str().unwrap()
    );
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let token = client.send("POST", "/v1/oauth/token", &kind, form.as_bytes()).expect(200).json();
    (cards, token["access_token"].as_str().unwrap().to_owned())
}

#[allow(clippy::disallowed_methods, reason = "the program under test runs by the machine's clock")]
pub fn now() -> chrono::DateTime<Utc> {
    Utc::now()
}

fn stamp() -> String {
    now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Where the program listens now, and whether the tills go on.
struct Street {
    base: Mutex<String>,
    open: AtomicBool,
    next: AtomicUsize,
    token: String,
    cards: Vec<String>,
    /// By receipt: what the till was told last.
    acknowledged: Mutex<BTreeMap<String, Value>>,
}

/// What of a purchase stays as the till was told.
const TOLD: [&str; 7] = ["id", "status", "amount", "redeemed", "paid", "refunded", "receipt"];

fn told(purchase: &Value) -> Value {
    TOLD.iter().map(|name| ((*name).to_owned(), purchase[*name].clone())).collect()
}

impl Street {
    /// One till: buys, with and without points, captures, gives up and takes back; each asked again until it is told.
    fn till(&self) {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .build()
            .new_agent();
        while self.open.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let receipt = format!("R-{number:06}");
            let turn = number % 6;
            let body = json!({
                "card_number": self.cards[number % self.cards.len()], "outlet": "market-1", "receipt": receipt,
                "occurred_at": stamp(), "amount": format!("{}.{:02}", 10 + number % 90, number % 100),
                "redeem": if turn < 2 { "0.00" } else { "3.00" }, "capture": !matches!(turn, 2 | 5),
            });
            let Some(bought) = self.ask(&agent, "/v1/purchases", &body) else { return };
            let id = bought["id"].as_str().unwrap();
            let (act, body) = match turn {
                1 | 3 => ("refunds", json!({ "amount": "7.00", "reference": "B-1" })),
                2 => ("capture", json!({ "amount": "8.00" })),
                5 => ("void", json!({})),
                _ => {
                    self.acknowledged.lock().unwrap().insert(receipt, told(&bought));
                    continue;
                }
            };
            let Some(last) = self.ask(&agent, &format!("/v1/purchases/{id}/{act}"), &body) else { return };
            self.acknowledged.lock().unwrap().insert(receipt, told(&last));
        }
    }

    /// Asks until it is told; `None` when the street closes before.
    fn ask(&self, agent: &ureq::Agent, path: &str, body: &Value) -> Option<Value> {
        let mut body = body.clone();
        while self.open.load(Ordering::Relaxed) {
            // Points can be spent only now, however long the program was away.
            if let Some(at) = body.get_mut("occurred_at") {
                *at = json!(stamp());
            }
            let url = format!("{}{path}", self.base.lock().unwrap());
            let asked = agent
                .post(url)
                .header("authorization", format!("Bearer {}", self.token))
                .header("content-type", "application/json")
                .send(body.to_string().as_str());
            match asked.map(|answer| (answer.status().as_u16(), answer)) {
                Ok((200 | 201, mut answer)) => {
                    if let Ok(text) = answer.body_mut().read_to_string() {
                        return Some(serde_json::from_str(&text).unwrap());
                    }
                }
                Ok((429 | 500.., _)) | Err(_) => std::thread::sleep(Duration::from_millis(30)),
                Ok((status, mut answer)) => {
                    panic!("{path} {status}: {:?}", answer.body_mut().read_to_string())
                }
            }
        }
        None
    }
}

fn kill_postgres(folder: &Path) {
    let process = program::postgres_process(folder).expect("PostgreSQL runs");
    let process = nix::unistd::Pid::from_raw(i32::try_from(process).unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).unwrap();
}

fn wait_until_ready(client: &Client, street: &Street, more_than: usize) {
    let until = Instant::now() + Duration::from_secs(60);
    while street.acknowledged.lock().unwrap().len() <= more_than {
        let ready = client.get("/health/ready").status;
        assert!(Instant::now() < until, "nothing is acknowledged any more; ready answers {ready}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

#[test]
fn what_was_acknowledged_outlives_twenty_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = program::serve(folder.path());
    let postgres = PrivatePostgres::start(folder.path()).unwrap();
    let (cards, token) = furnish(folder.path(), &postgres, &serving.client());
    postgres.leave();
    let street = Arc::new(Street {
        base: Mutex::new(format!("http://{}", serving.address)),
        open: AtomicBool::new(true),
        next: AtomicUsize::new(0),
        token,
        cards: cards.into_iter().map(|card| card.number).collect(),
        acknowledged: Mutex::default(),
    });
    let tills: Vec<_> = (0..TILLS)
        .map(|_| {
            let street = Arc::clone(&street);
            std::thread::spawn(move || street.till())
        })
        .collect();
    for kill in 0..KILLS {
        let before = street.acknowledged.lock().unwrap().len();
        wait_until_ready(&serving.client(), &street, before + 3);
        // The program, its PostgreSQL, or both.
        if kill % 5 == 4 || kill % 2 == 1 {
            kill_postgres(folder.path());
        }
        if kill % 5 == 4 || kill % 2 == 0 {
            serving.kill();
            serving = program::serve(folder.path());
            *street.base.lock().unwrap() = format!("http://{}", serving.address);
        }
    }
    let before = street.acknowledged.lock().unwrap().len();
    wait_until_ready(&serving.client(), &street, before + 3);
    street.open.store(false, Ordering::Relaxed);
    tills.into_iter().for_each(|till| till.join().unwrap());
    let client = serving.client().bearer(&street.token);
    let acknowledged = street.acknowledged.lock().unwrap();
    assert!(acknowledged.len() >= KILLS * 3, "{}", acknowledged.len());
    for (receipt, last) in acknowledged.iter() {
        let found =
            client.get(&format!("/v1/purchases?outlet=market-1&receipt={receipt}")).expect(200).json();
        assert_eq!(&told(&found), last, "{receipt}");
    }
    for status in ["posted", "partly_refunded", "voided"] {
        let with_points = |last: &&Value| last["status"] == status && last["redeemed"] == "3.00";
        assert!(acknowledged.values().filter(with_points).count() > 2, "{status}");
    }
    let report = run(folder.path(), &["ledger", "verify"]);
    assert_eq!(report["ok"], true, "{report}");
    let judged = usize::try_from(report["purchases"].as_u64().unwrap()).unwrap();
    let posted = acknowledged.values().filter(|last| last["status"] != "voided").count();
    assert!(judged >= posted, "{report}");
    serving.stop();
}
