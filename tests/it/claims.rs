//! A purchase that never arrived: the member shows its fiscal receipt, the partner decides, or it arrives after all.

use card_issuer::life::{self, Block, BlockReason};
use cashback_engine::{claims, enrolments, jobs};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use diesel::prelude::*;
use harness::Client;
use serde_json::{Value, json};
use unioncard::auth::Role;

use crate::shop::{Holder, Shop, partner_with, slug};

pub const DRIVE: &str = "9287440300634471";

/// What a till in Moscow prints at a moment.
pub fn receipt(at: DateTime<Utc>, sum: &str, document: u32) -> String {
    let local = at.with_timezone(&FixedOffset::east_opt(3 * 3600).unwrap());
    format!("t={}&s={sum}&fn={DRIVE}&i={document}&fp=3730902192&n=1", local.format("%Y%m%dT%H%M"))
}

/// Anna, and the shop whose receipts she claims.
pub struct Story {
    pub shop: Shop,
    pub anna: Holder,
    /// Anna's page.
    pub page: Client,
}

impl Story {
    /// `market-1` has a registered drive; Anna is signed in.
    pub fn open() -> Self {
        let shop = Shop::open();
        let anna = shop.holder("1001");
        let page = shop.server.as_member("1001");
        let drives = json!({ "drives": [DRIVE] });
        shop.program.post("/v1/outlets/market-1/fiscal-drives", &drives).expect(201);
        Self { shop, anna, page }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.shop.server.app.now()
    }

    fn hour_ago(&self, sum: &str, document: u32) -> String {
        receipt(self.now() - TimeDelta::hours(1), sum, document)
    }

    pub fn claim(&self, fiscal: &str) -> Value {
        self.page.post("/v1/me/claims", &json!({ "fiscal": fiscal })).expect(201).json()
    }

    pub fn own(&self, claim: &Value) -> Value {
        let list = self.page.get("/v1/me/claims").expect(200).json();
        let found = list["items"].as_array().unwrap().iter().find(|one| one["id"] == claim["id"]);
        found.expect("the member's own claim").clone()
    }

    pub fn approve(&self, claim: &Value, body: &Value) -> harness::Answer {
        let id = claim["id"].as_str().unwrap();
        self.shop.program.post(&format!("/v1/claims/{id}/approve"), body)
    }

    pub fn pending(&self) -> String {
        let balance = self.page.get("/v1/me/balance").expect(200).json();
        balance["pending"].as_str().unwrap().to_owned()
    }

    pub fn sale(&self, receipt: &str, amount: &str, at: DateTime<Utc>) -> Value {
        let mut sale = self.shop.sale(("card_number", self.anna.card.number.as_str()), receipt, amount);
        sale["occurred_at"] = json!(crate::shop::stamp(at));
        sale
    }

    pub fn sound(&self) {
        let report = cashback_engine::ledger::audit::verify(
            &mut self.shop.server.connect(),
            &self.shop.server.app.books,
        )
        .unwrap();
        assert!(report.ok, "{report:#?}");
    }
}

#[test]
fn a_claim_is_approved_and_posted_as_of_its_moment() {
    let story = Story::open();
    let at = story.now() - TimeDelta::days(3);
    let claim = story.claim(&receipt(at, "1000.00", 1));
    assert_eq!(claim["status"], "waiting");
    assert_eq!(claim["partner"]["code"], "market");
    assert!(claim["explanation"].as_str().unwrap().contains("checking"), "{claim}");

    let waiting = story.shop.program.get("/v1/claims?status=waiting").expect(200).json();
    let seen = &waiting["items"][0];
    assert_eq!((&seen["outlet"], &seen["amount"]), (&json!("market-1"), &json!("1000.00")));
    assert_eq!((&seen["drive"], &seen["document"]), (&json!(DRIVE), &json!(1)));
    let text = waiting.to_string();
    for secret in ["1001", &story.anna.card.number.to_string(), &story.anna.member.to_string()] {
        assert!(!text.contains(secret), "a partner reads nothing of the member: {text}");
    }

    let approved = story.approve(&claim, &json!({})).expect(200).json();
    assert_eq!(approved["status"], "approved");
    let again = story.approve(&claim, &json!({})).expect(200).json();
    assert_eq!(again["purchase_id"], approved["purchase_id"]);
    assert_eq!(story.pending(), "50.00");

    let id = approved["purchase_id"].as_str().unwrap();
    let purchase = story.shop.program.get(&format!("/v1/purchases/{id}")).expect(200).json();
    assert_eq!(purchase["receipt"], format!("FD-{DRIVE}-1"));
    assert_eq!(purchase["cashback"]["amount"], "50.00");
    let own = story.own(&claim);
    assert_eq!((&own["status"], &own["reason"]), (&json!("approved"), &json!("approved")));
    assert_eq!(own["purchase_id"], approved["purchase_id"]);
    story.sound();
}

#[test]
fn what_became_of_a_claim_comes_by_mail_and_in_the_readers_language() {
    let story = Story::open();
    let claim = story.claim(&story.hour_ago("300.00", 2));
    let id = claim["id"].as_str().unwrap();
    let decline = format!("/v1/claims/{id}/decline");
    let program = &story.shop.program;
    for wrong in ["", "   ", &"x".repeat(301), "a\u{7}b"] {
        assert_eq!(program.post(&decline, &json!({ "reason": wrong })).status, 422, "{wrong:?}");
    }
    program.post(&decline, &json!({ "reason": "Чек другого магазина" })).expect(200);
    program.post(&decline, &json!({ "reason": "ещё раз" })).expect(200);
    assert_eq!(story.approve(&claim, &json!({})).problem(409), "claim-ended");
    let russian = story.page.with("accept-language", "ru").get("/v1/me/claims").expect(200).json();
    assert_eq!(russian["items"][0]["explanation"], "Партнёр отклонил заявку: Чек другого магазина");
    assert_eq!(russian["items"][0]["status"], "declined");
    // After the card's letter and the sign-in code's.
    let letters = story.shop.server.letters(3);
    let letter = letters.iter().find(|letter| letter.subject.contains("300,00")).expect("the claim's letter");
    assert!(letter.text.contains("Чек другого магазина"), "{}", letter.text);
    story.sound();
}

#[test]
fn refusals_name_their_reason_and_keep_nothing() {
    let story = Story::open();
    let now = story.now();
    let day = TimeDelta::days(1);
    let fine = receipt(now - day, "100.00", 10);
    let credited = receipt(now - day, "200.00", 11);
    let mut sale = story.sale("S-1", "200.00", now - day);
    sale["fiscal"] = json!(credited);
    story.shop.program.post("/v1/purchases", &sale).expect(201);
    story.shop.program.post("/v1/purchases", &story.sale("S-2", "250.00", now - day)).expect(201);
    let stranger = story.shop.holder("1002");
    let strangers = story.shop.server.as_member("1002");
    let declined = story.claim(&receipt(now - day, "1.00", 12));
    let id = declined["id"].as_str().unwrap();
    let no = json!({ "reason": "no" });
    story.shop.program.post(&format!("/v1/claims/{id}/decline"), &no).expect(200);
    story.claim(&receipt(now - day, "2.00", 13));
    let table = [
        ("nonsense", 422, "invalid"),
        (&fine.replace("n=1", "n=2"), 422, "claim-not-a-sale"),
        (&fine.replace("n=1", "n=3"), 422, "claim-not-a-sale"),
        (&fine.replace("n=1", "n=5"), 422, "invalid"),
        (&fine.replace("100.00", "0.00"), 422, "claim-sum"),
        (&fine.replace("100.00", "10000000.01"), 422, "claim-sum"),
        (&fine.replace("100.00", "100,00"), 422, "invalid"),
        (&fine.replace("&fp=3730902192", ""), 422, "invalid"),
        (&fine.replace(DRIVE, "92874403006344"), 422, "invalid"),
        (&receipt(now - TimeDelta::days(31), "100.00", 10), 422, "claim-too-old"),
        (&receipt(now + TimeDelta::minutes(7), "100.00", 10), 422, "claim-future"),
        (&credited, 409, "claim-credited"),
        (&receipt(now - day, "250.00", 14), 409, "claim-credited"),
        (&receipt(now - day, "2.00", 13), 409, "claim-exists"),
        (&receipt(now - day, "1.00", 12), 409, "claim-declined"),
    ];
    let claims = || story.page.get("/v1/me/claims").expect(200).json()["items"].as_array().unwrap().len();
    let before = claims();
    for (fiscal, status, expected) in table {
        let answer = story.page.post("/v1/me/claims", &json!({ "fiscal": fiscal })).expect(status).json();
        assert_eq!(slug(&answer), expected, "{fiscal}: {answer}");
    }
    let strangers_claim = |fiscal: &str| strangers.post("/v1/me/claims", &json!({ "fiscal": fiscal }));
    assert_eq!(strangers_claim(&credited).problem(409), "claim-credited");
    assert_eq!(strangers_claim(&receipt(now - day, "2.00", 13)).problem(409), "claim-exists");
    leaves(&story.shop, &stranger, now - day - TimeDelta::minutes(1));
    assert_eq!(strangers_claim(&fine).problem(409), "claim-not-enrolled");
    assert_eq!(claims(), before, "nothing was kept");
    story.claim(&fine);
    story.sound();
}

fn leaves(shop: &Shop, holder: &Holder, at: DateTime<Utc>) {
    enrolments::leave(&mut shop.server.connect(), holder.member, "2026-1", "test", at).unwrap();
}

#[test]
fn who_took_part_when_the_receipt_was_printed_claims_it() {
    let story = Story::open();
    let (now, day) = (story.now(), TimeDelta::days(1));
    let claimed = |page: &Client, at: DateTime<Utc>, document| {
        page.post("/v1/me/claims", &json!({ "fiscal": receipt(at, "100.00", document) }))
    };
    // Anna has left since: what was bought before is hers.
    leaves(&story.shop, &story.anna, now - day);
    let before = claimed(&story.page, now - day * 2, 1).expect(201).json();
    assert_eq!(claimed(&story.page, now - TimeDelta::hours(1), 2).problem(409), "claim-not-enrolled");
    assert_eq!(claimed(&story.page, now - TimeDelta::minutes(5), 3).problem(409), "claim-not-enrolled");
    let id = story.approve(&before, &json!({})).expect(200).json()["purchase_id"].clone();
    let path = format!("/v1/purchases/{}", id.as_str().unwrap());
    let purchase = story.shop.program.get(&path).expect(200).json();
    assert_eq!(purchase["cashback"]["amount"], "5.00", "{purchase}");
    // Boris has joined since: what was bought before never was in the programme.
    let boris = story.shop.server.member("1002");
    story.shop.server.virtual_card(boris);
    let page = story.shop.server.as_member("1002");
    enrolments::enrol(&mut story.shop.server.connect(), boris, "2026-1", "test", now - day).unwrap();
    let refused = claimed(&page, now - day * 2, 4);
    assert!(refused.text().contains("at the time of the receipt"), "{}", refused.text());
    assert_eq!(refused.problem(409), "claim-not-enrolled");
    claimed(&page, now - TimeDelta::hours(1), 4).expect(201);
    // Nobody knows the zone of an unknown drive: it is enough to have taken part in one of them.
    let unknown =
        |at: DateTime<Utc>| json!({ "fiscal": receipt(at, "7.00", 5).replace(DRIVE, "1111222233334444") });
    assert_eq!(page.post("/v1/me/claims", &unknown(now - day * 2)).problem(409), "claim-not-enrolled");
    page.post("/v1/me/claims", &unknown(now - day - TimeDelta::minutes(1))).expect(201);
    story.sound();
}

#[test]
fn who_had_no_valid_card_then_claims_nothing() {
    let story = Story::open();
    let connection = &mut story.shop.server.connect();
    let block = Block { reason: BlockReason::Lost, by: "test".to_owned(), comment: None };
    life::block(connection, story.anna.card.id, &block, story.now()).unwrap();
    story.shop.server.clock.advance(TimeDelta::hours(2));
    let late = json!({ "fiscal": story.hour_ago("100.00", 1) });
    let page = story.shop.server.as_member("1001");
    assert_eq!(page.post("/v1/me/claims", &late).problem(409), "claim-no-card");
    let before = json!({ "fiscal": receipt(story.now() - TimeDelta::hours(3), "100.00", 2) });
    let earlier = page.post("/v1/me/claims", &before).expect(201).json();
    let program = story.shop.server.as_partner(&story.shop.partner);
    program.post(&format!("/v1/claims/{}/approve", earlier["id"].as_str().unwrap()), &json!({})).expect(200);
    let balance = page.get("/v1/me/balance").expect(200).json();
    assert_eq!(balance["pending"], "5.00", "the card was good then");
}

#[test]
fn an_unknown_drive_waits_for_finance_or_for_its_partner() {
    let story = Story::open();
    let finance = story.shop.finance();
    let unknown = |document| story.hour_ago("100.00", document).replace(DRIVE, "1111222233334444");
    let claims: Vec<Value> = (1..=3).map(|document| story.claim(&unknown(document))).collect();
    assert!(claims.iter().all(|claim| claim["status"] == "unmatched"), "{claims:?}");
    let program = &story.shop.program;
    let seen = program.get("/v1/claims").expect(200).json();
    assert_eq!(seen["items"], json!([]), "nobody's claim is no partner's");
    let path = |claim: &Value, verb: &str| format!("/v1/claims/{}/{verb}", claim["id"].as_str().unwrap());
    assert_eq!(program.post(&path(&claims[0], "approve"), &json!({})).status, 404);

    let listed = finance.get("/v1/claims?status=unmatched").expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    let nowhere = json!({ "outlet": "nowhere" });
    assert_eq!(finance.post(&path(&claims[0], "assign"), &nowhere).status, 422);
    let here = json!({ "outlet": "market-2" });
    let assigned = finance.post(&path(&claims[0], "assign"), &here).expect(200).json();
    assert_eq!((&assigned["status"], &assigned["outlet"]), (&json!("waiting"), &json!("market-2")));
    assert_eq!(finance.post(&path(&claims[0], "assign"), &here).status, 409);
    let no = json!({ "reason": "Такой кассы нет" });
    assert_eq!(finance.post(&path(&claims[0], "decline"), &no).problem(409), "claim-partners");
    finance.post(&path(&claims[1], "decline"), &no).expect(200);
    assert_eq!(story.own(&claims[1])["reason"], "declined_by_union");

    let drives = json!({ "drives": ["1111222233334444"] });
    program.post("/v1/outlets/market-1/fiscal-drives", &drives).expect(201);
    assert_eq!(story.own(&claims[2])["status"], "waiting", "its partner registered the drive");
    story.approve(&claims[2], &json!({})).expect(200);
    story.sound();
}

#[test]
fn a_drive_is_known_from_the_purchases_it_signed() {
    let story = Story::open();
    let strange = |document| story.hour_ago("100.00", document).replace(DRIVE, "5555666677778888");
    let mut sale = story.sale("S-1", "100.00", story.now() - TimeDelta::hours(1));
    sale["outlet"] = json!("market-2");
    sale["fiscal"] = json!(strange(1));
    story.shop.program.post("/v1/purchases", &sale).expect(201);
    let claim = story.claim(&strange(2));
    assert_eq!((&claim["status"], &claim["outlet"]), (&json!("waiting"), &json!("market-2")));
}

#[test]
fn drives_belong_to_one_outlet() {
    let story = Story::open();
    let program = &story.shop.program;
    let here = "/v1/outlets/market-1/fiscal-drives";
    let old = json!({ "drives": ["000110000105", DRIVE, DRIVE] });
    let listed = program.post(here, &old).expect(201).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
    let other = program.post("/v1/outlets/market-2/fiscal-drives", &json!({ "drives": [DRIVE] })).expect(422);
    assert_eq!(other.json()["errors"][0]["pointer"], "#/drives/0");
    for wrong in [json!([]), json!(["12"]), json!(["92874403006344711"]), json!(["928744030063447x"])] {
        assert_eq!(program.post(here, &json!({ "drives": wrong })).status, 422, "{wrong}");
    }
    let rival = story.shop.server.partner("rival", &["rival-1"]);
    let rivals = story.shop.server.as_partner(&rival);
    assert_eq!(rivals.get(here).status, 404);
    assert_eq!(rivals.post(here, &old).status, 404);
    assert_eq!(rivals.delete(&format!("{here}/{DRIVE}")).status, 404);
    let finance = story.shop.finance();
    assert_eq!(finance.get(here).expect(200).json(), program.get(here).expect(200).json());
    finance.delete(&format!("{here}/000110000105")).expect(204);
    assert_eq!(program.delete(&format!("{here}/000110000105")).status, 404);
    let cashier = story.shop.server.as_cashier(&story.shop.partner);
    assert_eq!(cashier.get(here).status, 403);
}

#[test]
fn claims_are_their_partners_and_their_outlets() {
    let story = Story::open();
    let claim = story.claim(&story.hour_ago("100.00", 1));
    let id = claim["id"].as_str().unwrap();
    let rival = partner_with(&story.shop.server, "rival", "0");
    let rivals = story.shop.server.as_partner(&rival);
    assert_eq!(rivals.get("/v1/claims").expect(200).json()["items"], json!([]));
    assert_eq!(rivals.post(&format!("/v1/claims/{id}/approve"), &json!({})).status, 404);
    assert_eq!(rivals.post(&format!("/v1/claims/{id}/decline"), &json!({ "reason": "no" })).status, 404);
    let auditor = story.shop.server.as_staff(Role::Auditor, None);
    assert_eq!(auditor.get("/v1/claims").expect(200).json()["items"][0]["id"], claim["id"]);
    assert_eq!(auditor.post(&format!("/v1/claims/{id}/approve"), &json!({})).status, 403);
    let cashier = story.shop.server.as_cashier(&story.shop.partner);
    cashier.post(&format!("/v1/claims/{id}/approve"), &json!({})).expect(200);
}

#[test]
fn a_purchase_with_the_same_fiscal_receipt_confirms_the_claim() {
    let story = Story::open();
    let at = story.now() - TimeDelta::hours(5);
    let fiscal = receipt(at, "400.00", 5);
    let claim = story.claim(&fiscal);
    // Another minute, even another hour: the fiscal receipt says that it is the same sale.
    let mut sale = story.sale("S-5", "400.00", at + TimeDelta::hours(1));
    sale["fiscal"] = json!(fiscal);
    let posted = story.shop.program.post("/v1/purchases", &sale).expect(201).json();
    let own = story.own(&claim);
    assert_eq!((&own["status"], &own["reason"]), (&json!("confirmed"), &json!("arrived")));
    assert_eq!(own["purchase_id"], posted["id"]);
    assert_eq!(story.approve(&claim, &json!({})).expect(200).json()["purchase_id"], posted["id"]);
    assert_eq!(story.pending(), "20.00");
    story.sound();
}

#[test]
fn a_register_confirms_an_open_claim() {
    let story = Story::open();
    let at = story.now() - TimeDelta::hours(5);
    let claim = story.claim(&receipt(at, "400.00", 5));
    story
        .shop
        .program
        .post("/v1/purchases", &story.sale("S-5", "400.00", at + TimeDelta::minutes(6)))
        .expect(201);
    assert_eq!(story.own(&claim)["status"], "waiting", "six minutes apart is another sale");
    story.shop.program.post("/v1/purchases", &story.sale("S-6", "400.01", at)).expect(201);
    assert_eq!(story.own(&claim)["status"], "waiting", "a kopeck apart is another sale");
    let posted =
        story.shop.program.post("/v1/purchases", &story.sale("S-7", "400.00", at + TimeDelta::minutes(3)));
    assert_eq!(story.own(&claim)["status"], "confirmed");
    assert_eq!(story.own(&claim)["purchase_id"], posted.expect(201).json()["id"]);
    let again = json!({ "fiscal": receipt(at, "400.00", 5) });
    assert_eq!(story.page.post("/v1/me/claims", &again).problem(409), "claim-credited");
    story.sound();
}

#[test]
fn a_sale_that_arrives_after_its_approval_is_the_same_purchase() {
    let story = Story::open();
    let at = story.now() - TimeDelta::hours(5);
    let claim = story.claim(&receipt(at, "400.00", 5));
    let approved = story.approve(&claim, &json!({})).expect(200).json();
    let sale = story.sale("S-9", "400.00", at + TimeDelta::minutes(1));
    let arrived = story.shop.program.post("/v1/purchases", &sale).expect(200).json();
    assert_eq!(arrived["id"], approved["purchase_id"]);
    let again = story.shop.program.post("/v1/purchases", &sale).expect(200).json();
    assert_eq!(again["id"], approved["purchase_id"]);
    assert_eq!(story.pending(), "20.00", "one sale, one cashback");
    let found = story.shop.program.get("/v1/purchases?outlet=market-1&receipt=S-9").expect(200).json();
    assert_eq!(found["id"], approved["purchase_id"]);
    // Only one sale is absorbed: the next of the same minute and sum is another coffee.
    let coffee = story.sale("S-10", "400.00", at + TimeDelta::minutes(1));
    story.shop.program.post("/v1/purchases", &coffee).expect(201);
    assert_eq!(story.pending(), "40.00");
    story.sound();
}

#[test]
fn an_approval_that_names_the_receipt_is_known_by_it() {
    let story = Story::open();
    let at = story.now() - TimeDelta::hours(5);
    let claim = story.claim(&receipt(at, "400.00", 5));
    let wrong = json!({ "receipt": "S-1", "amount": "399.00" });
    assert_eq!(story.approve(&claim, &wrong).expect(422).json()["errors"][0]["pointer"], "#/fiscal");
    let lines = json!({ "receipt": "S-1", "lines": [{ "category": "books", "amount": "399.00" }] });
    assert_eq!(story.approve(&claim, &lines).status, 422);
    assert_eq!(story.own(&claim)["status"], "waiting", "nothing happened");
    let approved = story.approve(&claim, &json!({ "receipt": "S-1", "amount": "400.00" })).expect(200).json();
    let same = story.shop.program.post("/v1/purchases", &story.sale("S-1", "400.00", at)).expect(200).json();
    assert_eq!(same["id"], approved["purchase_id"]);
    let other = story.sale("S-1", "500.00", at);
    assert_eq!(story.shop.program.post("/v1/purchases", &other).problem(409), "receipt-conflict");
    // Another receipt of that minute is another sale: the partner said which one the claim was.
    story.shop.program.post("/v1/purchases", &story.sale("S-2", "400.00", at)).expect(201);
    assert_eq!(story.pending(), "40.00");
    story.sound();
}

#[test]
fn an_approval_that_names_a_known_receipt_confirms_it() {
    let story = Story::open();
    let at = story.now() - TimeDelta::hours(5);
    let claim = story.claim(&receipt(at, "400.00", 5));
    let posted =
        story.shop.program.post("/v1/purchases", &story.sale("S-1", "400.00", at + TimeDelta::hours(2)));
    let approved = story.approve(&claim, &json!({ "receipt": "S-1" })).expect(200).json();
    assert_eq!(approved["purchase_id"], posted.expect(201).json()["id"]);
    assert_eq!(approved["status"], "confirmed");
    assert_eq!(story.pending(), "20.00");
    story.sound();
}

#[test]
fn a_receipt_credited_to_somebody_else_ends_the_claim() {
    let story = Story::open();
    let at = story.now() - TimeDelta::hours(5);
    let fiscals = [receipt(at, "400.00", 5), receipt(at, "500.00", 6)];
    let claims: Vec<Value> = fiscals.iter().map(|fiscal| story.claim(fiscal)).collect();
    let boris = story.shop.holder("1002");
    for (place, (fiscal, amount)) in fiscals.iter().zip(["400.00", "500.00"]).enumerate() {
        let shown = ("card_number", boris.card.number.as_str());
        let mut sale = story.shop.sale(shown, &format!("B-{place}"), amount);
        sale["fiscal"] = json!(fiscal);
        story.shop.program.post("/v1/purchases", &sale).expect(201);
    }
    assert_eq!(story.approve(&claims[0], &json!({})).problem(409), "fiscal-used");
    let ended = story.own(&claims[0]);
    assert_eq!((&ended["status"], &ended["reason"]), (&json!("declined"), &json!("credited_elsewhere")));
    night(&story, story.now());
    assert_eq!(story.own(&claims[1])["reason"], "credited_elsewhere");
    assert_eq!(story.pending(), "0.00");
    story.sound();
}

fn night(story: &Story, at: DateTime<Utc>) {
    let (books, now) = (story.shop.server.app.books.clone(), story.now());
    let connection = &mut story.shop.server.connect();
    while connection.transaction(|connection| claims::end_due(connection, &books, at, now)).unwrap() > 0 {}
    connection.transaction(|connection| jobs::expire(connection, &books, at, now)).unwrap();
}

#[test]
fn a_claim_nobody_decides_ends_by_itself_and_can_be_sent_again() {
    let story = Story::open();
    let fiscal = story.hour_ago("100.00", 1);
    let waiting = story.claim(&fiscal);
    let unmatched = story.claim(&story.hour_ago("100.00", 2).replace(DRIVE, "1111222233334444"));
    night(&story, story.now() + TimeDelta::days(13));
    assert_eq!(story.own(&waiting)["status"], "waiting");
    for _ in 0..2 {
        night(&story, story.now() + TimeDelta::days(14));
        let ended = story.own(&waiting);
        assert_eq!((&ended["status"], &ended["reason"]), (&json!("expired"), &json!("no_answer")));
        assert_eq!(story.own(&unmatched)["reason"], "no_outlet");
    }
    assert_eq!(story.approve(&waiting, &json!({})).problem(409), "claim-ended");
    let again = story.claim(&fiscal);
    story.approve(&again, &json!({})).expect(200);
    story.sound();
}

#[test]
fn a_receipt_claimed_by_eight_at_once_is_one_claim() {
    let story = Story::open();
    let fiscal = story.hour_ago("100.00", 1);
    let others: Vec<Client> = (2..=5)
        .map(|number| {
            let number = format!("100{number}");
            story.shop.holder(&number);
            story.shop.server.as_member(&number)
        })
        .collect();
    let body = json!({ "fiscal": fiscal });
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> = others
            .iter()
            .chain(std::iter::repeat_n(&story.page, 4))
            .map(|client| scope.spawn(|| client.post("/v1/me/claims", &body).status))
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 7, "{statuses:?}");
    story.sound();
}

#[test]
fn a_claim_approved_while_its_sale_arrives_is_one_purchase() {
    let story = Story::open();
    let at = story.now() - TimeDelta::hours(5);
    for round in 1..=6u32 {
        // Rounds an hour apart, so that they are not one another's sales.
        let at = at - TimeDelta::hours(i64::from(round));
        let claim = story.claim(&receipt(at, "400.00", round));
        let sale = story.sale(&format!("R-{round}"), "400.00", at);
        std::thread::scope(|scope| {
            let approvals: Vec<_> =
                (0..3).map(|_| scope.spawn(|| story.approve(&claim, &json!({})).status)).collect();
            let sales: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| story.shop.program.post("/v1/purchases", &sale).status))
                .collect();
            for status in approvals.into_iter().chain(sales).map(|one| one.join().unwrap()) {
                assert!(matches!(status, 200 | 201), "{status}");
            }
        });
        assert_eq!(story.pending(), format!("{}.00", round * 20), "one cashback a sale");
    }
    story.sound();
}

#[test]
fn a_claim_approved_while_its_sale_is_captured_is_one_purchase() {
    let story = Story::open();
    let at = story.now() - TimeDelta::hours(5);
    for round in 1..=6u32 {
        let at = at - TimeDelta::hours(i64::from(round));
        let claim = story.claim(&receipt(at, "400.00", round));
        let mut sale = story.sale(&format!("R-{round}"), "400.00", at);
        sale["capture"] = json!(false);
        if round % 2 == 0 {
            sale["fiscal"] = json!(receipt(at, "400.00", round));
        }
        let reserved = story.shop.program.post("/v1/purchases", &sale).expect(201).json();
        let capture = format!("/v1/purchases/{}/capture", reserved["id"].as_str().unwrap());
        let answers: Vec<_> = std::thread::scope(|scope| {
            let approvals: Vec<_> =
                (0..3).map(|_| scope.spawn(|| story.approve(&claim, &json!({})))).collect();
            let captures: Vec<_> =
                (0..3).map(|_| scope.spawn(|| story.shop.program.post(&capture, &json!({})))).collect();
            let named = |answer: harness::Answer, field: &str| answer.expect(200).json()[field].clone();
            let approved = approvals.into_iter().map(|one| named(one.join().unwrap(), "purchase_id"));
            approved.chain(captures.into_iter().map(|one| named(one.join().unwrap(), "id"))).collect()
        });
        assert!(answers.iter().all(|id| *id == answers[0]), "one purchase: {answers:?}");
        assert_eq!(story.pending(), format!("{}.00", round * 20), "one cashback a sale");
    }
    story.sound();
}
