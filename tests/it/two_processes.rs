//! Two programs over one database, as behind a proxy: the same purchase through both is one, whatever is refused first is
//! free to come right, a code serves once, a cap is never passed, and no text of a request forges a line of a log.

use card_issuer::devices;
use card_issuer::keys::IssuerKeys;
use chrono::SecondsFormat;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use harness::program::{self, Serving};
use harness::{Answer, Client};
use serde_json::{Value, json};
use unioncard::config::Settings;
use unioncard::keys::MasterKey;
use unioncard::private_services::postgres::PrivatePostgres;

use crate::crash::{self, Card};

struct Pair {
    folder: tempfile::TempDir,
    first: Serving,
    second: Serving,
    cards: Vec<Card>,
    token: String,
}

impl Pair {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let first = program::serve(folder.path());
        let postgres = PrivatePostgres::start(folder.path()).unwrap();
        let (cards, token) = crash::furnish(folder.path(), &postgres, &first.client());
        // The second takes phones' complaints: no live installation makes a chain of certificates of its own.
        let mut connection = PgConnection::establish(&postgres.url("unioncard")).unwrap();
        connection.batch_execute("UPDATE platform.installation SET kind = 'test'").unwrap();
        postgres.leave();
        let second = program::serve(folder.path());
        Self { folder, first, second, cards, token }
    }

    /// The partner's program at both.
    fn programs(&self) -> [Client; 2] {
        [&self.first, &self.second].map(|one| one.client().bearer(&self.token))
    }

    fn sale(&self, card: usize, receipt: &str, amount: &str) -> Value {
        json!({ "card_number": self.cards[card].number, "outlet": "market-1", "receipt": receipt,
            "occurred_at": crash::now().to_rfc3339_opts(SecondsFormat::Secs, true), "amount": amount })
    }

    /// The code on the screen of a card's holder, drawn with the keys of the data folder.
    fn code(&self, card: usize) -> String {
        let folder = self.folder.path();
        let settings = Settings::of([("data_dir", folder.display().to_string())]).unwrap();
        let keys = IssuerKeys::new(&MasterKey::open(&settings).unwrap().derive("card-issuer/1"));
        let postgres = PrivatePostgres::start(folder).unwrap();
        let mut connection = PgConnection::establish(&postgres.url("unioncard")).unwrap();
        let drawn = devices::draw(&mut connection, &keys, self.cards[card].id, crash::now()).unwrap();
        postgres.leave();
        drawn.value
    }
}

/// Sends each body to both programs in turn, all at once.
fn at_once(programs: &[Client; 2], bodies: &[Value]) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let sent: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(place, body)| scope.spawn(move || programs[place % 2].post("/v1/purchases", body)))
            .collect();
        sent.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[test]
fn what_comes_through_two_processes_is_one() {
    let pair = Pair::open();
    let programs = pair.programs();

    // One receipt, fifty times at once: posted by one of them, and the same to all.
    let sale = pair.sale(0, "R-1", "100.00");
    let answers = at_once(&programs, &vec![sale.clone(); 50]);
    assert_eq!((count(&answers, 201), count(&answers, 200)), (1, 49));
    let ids: Vec<Value> = answers.iter().map(|answer| answer.json()["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let other = pair.sale(0, "R-1", "100.01");
    for program in &programs {
        assert_eq!(program.post("/v1/purchases", &other).problem(409), "receipt-conflict");
    }

    // Refused at the one, mended at the other: nothing of the refusal stays.
    let mut wrong = pair.sale(1, "R-2", "100.00");
    wrong["redeem"] = json!("100.01");
    assert_eq!(programs[0].post("/v1/purchases", &wrong).status, 422);
    let right = pair.sale(1, "R-2", "100.00");
    programs[1].post("/v1/purchases", &right).expect(201);
    programs[0].post("/v1/purchases", &right).expect(200);
    assert_eq!(programs[0].post("/v1/purchases", &wrong).problem(409), "receipt-conflict");

    // One live code on two screens of the till, under two receipts.
    let code = pair.code(2);
    let shown = |receipt: &str| {
        let mut sale = pair.sale(2, receipt, "10.00");
        sale.as_object_mut().unwrap().remove("card_number");
        sale["code"] = json!(code);
        sale
    };
    let answers = at_once(&programs, &[shown("R-3"), shown("R-4"), shown("R-5"), shown("R-6")]);
    assert_eq!(count(&answers, 201), 1, "{:?}", answers.iter().map(Answer::text).collect::<Vec<_>>());
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        assert_eq!(answer.problem(409), "code-used");
    }

    // The last of a member's cap, raced for: 300.00 a day at 5 %.
    let race: Vec<Value> = (0..16).map(|place| pair.sale(3, &format!("C-{place}"), "1000.00")).collect();
    let answers = at_once(&programs, &race);
    assert_eq!(count(&answers, 201), 16);
    let given = answers.iter().map(|answer| {
        let text = answer.json()["cashback"]["amount"].as_str().unwrap().replace('.', "");
        text.parse::<i64>().unwrap()
    });
    assert_eq!(given.sum::<i64>(), 30_000, "not a kopeck more than the cap");
    let report = crash::run(pair.folder.path(), &["ledger", "verify"]);
    assert_eq!(report["ok"], true, "{report}");

    forged_lines(&pair);
}

/// A newline in what is logged of a request stays within its line.
fn forged_lines(pair: &Pair) {
    let forged = "2026-11-22T00:00:00.000000Z ERROR unioncard: forged";
    let text = format!("a\n{forged}\r\n{forged}\u{2028}{forged}");
    let client = pair.second.client();
    client.post("/v1/apple/v1/log", &json!({ "logs": [text, forged] })).expect(200);
    let encoded = "%0A2026-11-22T00:00:00.000000Z%20ERROR%20unioncard:%20forged";
    for path in ["/v1/members", "/v1/organisations", "/health/live"] {
        assert_ne!(client.get(&format!("{path}/{encoded}")).status, 200);
    }
    assert_ne!(client.post("/v1/auth/login", &json!({ "email": text, "password": text })).status, 200);
    let log = pair.second.log(pair.folder.path());
    assert!(log.contains("complains"), "what a phone complains of is logged: {log}");
    for line in log.lines() {
        assert!(!line.trim_start().starts_with(forged), "{line}");
    }
}
