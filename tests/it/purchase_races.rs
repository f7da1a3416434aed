//! Many at once on one receipt and on one balance: one purchase, and no point spent twice.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Shutdown, TcpStream};

use cashback_engine::{EngineError, merging};
use diesel::Connection;
use harness::Answer;
use serde_json::json;
use shared_kernel::ids::Uuid;

use crate::purchases::verified;
use crate::shop::{Shop, books};

/// How many of these statuses there are.
fn tally(statuses: impl IntoIterator<Item = u16>) -> BTreeMap<u16, usize> {
    let mut tally = BTreeMap::new();
    for status in statuses {
        *tally.entry(status).or_default() += 1;
    }
    tally
}

/// Asks many times at once.
fn at_once<T: Send>(times: usize, ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let ask = &ask;
        let running: Vec<_> = (0..times).map(|place| scope.spawn(move || ask(place))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn fifty_tills_with_one_receipt_make_one_purchase() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let shown = |way: &str| match way {
        "card_number" => anna.card.number.as_str().to_owned(),
        "code" => shop.code(&anna),
        _ => {
            let card =
                shop.program.post("/v1/cards/resolve", &json!({ "code": shop.code(&anna) })).expect(200);
            card.json()["resolution"].as_str().unwrap().to_owned()
        }
    };
    for (way, receipt) in [("code", "R-1"), ("resolution", "R-2"), ("card_number", "R-3")] {
        let sale = shop.sale((way, &shown(way)), receipt, "100.00");
        let answers = at_once(50, |_| shop.program.post("/v1/purchases", &sale));
        let tallied = tally(answers.iter().map(|answer| answer.status));
        let odd = answers.iter().find(|answer| answer.status > 201).map(Answer::text);
        assert_eq!(tallied, BTreeMap::from([(200, 49), (201, 1)]), "{way}: {odd:?}");
        let first = answers[0].json()["id"].clone();
        assert!(answers.iter().all(|answer| answer.json()["id"] == first));
    }
    let finance = shop.finance();
    assert_eq!(finance.get("/v1/ledger/postings").expect(200).json()["items"].as_array().unwrap().len(), 3);
    assert_eq!(books(&finance)["member:pending"], "15.00");
    verified(&shop.server);
}

#[test]
fn the_last_points_are_spent_once() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    shop.give(&anna, "100.00");
    // A code a purchase: each is resolved as it is shown, and all are posted at once.
    let resolutions: Vec<String> = (0..16)
        .map(|_| {
            let body = json!({ "code": shop.code(&anna) });
            let card = shop.program.post("/v1/cards/resolve", &body).expect(200).json();
            assert_eq!(card["available"], "100.00");
            card["resolution"].as_str().unwrap().to_owned()
        })
        .collect();
    let answers = at_once(16, |place| {
        let mut sale = shop.sale(("resolution", &resolutions[place]), &format!("R-{place}"), "20.00");
        sale["redeem"] = json!("10.00");
        shop.program.post("/v1/purchases", &sale)
    });
    let tallied = tally(answers.iter().map(|answer| answer.status));
    assert_eq!(tallied, BTreeMap::from([(201, 10), (409, 6)]));
    for refused in answers.into_iter().filter(|answer| answer.status == 409) {
        assert_eq!(refused.problem(409), "insufficient-points");
    }
    let after = books(&shop.finance());
    assert_eq!(after["member:available"], "0.00");
    assert_eq!(after["member:pending"], "5.00", "5 % of the 10.00 paid with money, ten times");
    verified(&shop.server);
}

#[test]
fn a_client_that_goes_away_misses_an_answer_never_a_purchase() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        shop.partner.client_id, shop.partner.client_secret
    );
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let token =
        shop.server.client().send("POST", "/v1/oauth/token", &kind, form.as_bytes()).expect(200).json();
    let token = token["access_token"].as_str().unwrap();
    let sale =
        |place: usize| shop.sale(("card_number", anna.card.number.as_str()), &format!("R-{place}"), "100.00");
    // Every third is cut off within its body; the others are gone the moment all is said.
    at_once(60, |place| {
        let body = sale(place).to_string();
        let request = format!(
            "POST /v1/purchases HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let said = if place % 3 == 0 { &request[..request.len() - 5] } else { &request };
        let mut stream = TcpStream::connect(shop.server.address()).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        if place % 3 == 1 {
            stream.shutdown(Shutdown::Both).unwrap();
        }
    });
    for place in 0..60 {
        let again = shop.program.post("/v1/purchases", &sale(place));
        assert!(matches!(again.status, 200 | 201), "{}", again.text());
        if place % 3 == 0 {
            assert_eq!(again.status, 201, "half a purchase was none");
        }
        let third = shop.program.post("/v1/purchases", &sale(place)).expect(200);
        assert_eq!(third.json()["id"], again.json()["id"]);
    }
    assert_eq!(books(&shop.finance())["member:pending"], "300.00", "each once");
    verified(&shop.server);
}

#[test]
fn a_merger_under_way_holds_up_its_own_members_purchases_alone() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    // Without an account: a purchase for her doesn't wait for the merger, it can't be posted meanwhile.
    let double = shop.server.member("1002");
    let second = shop.server.virtual_card(double);
    let boris = shop.holder("1003");
    let sale = |card: &card_issuer::cards::Card, receipt: &str| {
        shop.sale(("card_number", card.number.as_str()), receipt, "100.00")
    };
    let sales = [sale(&second, "R-1"), sale(&boris.card, "R-2")];
    let post = || {
        let body = json!({ "purchases": sales });
        let answers = shop.program.post("/v1/purchases/batch", &body).expect(200).json();
        answers["results"].as_array().unwrap().iter().map(|one| one["status"].as_u64().unwrap()).collect()
    };
    let (books, now) = (&shop.server.app.books, shop.server.app.now());
    let during: Vec<u64> = shop
        .server
        .connect()
        .transaction(|connection| -> Result<_, EngineError> {
            merging::merge(connection, books, (double, anna.member), Uuid::nil(), now)?;
            Ok(post())
        })
        .unwrap();
    assert_eq!(during, [503, 201], "to be tried again; who has nothing to do with it is not held up");
    let after: Vec<u64> = post();
    assert_eq!(after[1], 200);
    verified(&shop.server);
}
