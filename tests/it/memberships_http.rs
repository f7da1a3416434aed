//! What a registrar does to a membership: suspended, restored, gone, taken back; who did it is written down, and whoever
//! gets another address to sign in with is told at the old one.

use chrono::{NaiveDate, TimeDelta};
use diesel::prelude::*;
use harness::builders::ROOT;
use harness::mailbox::{self, Mail};
use harness::{Client, TestServer};
use serde_json::{Value, json};
use shared_kernel::ids::MemberId;
use shared_kernel::schema::platform::audit_log;
use unioncard::auth::Role;

use crate::members_http::{person, union};
use crate::shop::{Holder, Shop, bound_to, column};

fn today(server: &TestServer) -> NaiveDate {
    (server.app.now() + TimeDelta::hours(3)).date_naive()
}

fn act(client: &Client, member: MemberId, verb: &str, body: &Value) -> harness::Answer {
    client.post(&format!("/v1/members/{member}/{verb}"), body)
}

/// What was written down about somebody, the first first.
fn written(server: &TestServer, member: MemberId) -> Vec<String> {
    audit_log::table
        .filter(audit_log::subject.eq(member.to_string()))
        .order(audit_log::id)
        .select(audit_log::action)
        .load(&mut server.connect())
        .unwrap()
}

fn standing(shop: &Shop, holder: &Holder) -> Value {
    let body = json!({ "card_number": holder.card.number.as_str() });
    shop.program.post("/v1/cards/resolve", &body).expect(200).json()["status"].clone()
}

#[test]
fn suspended_and_restored() {
    let shop = Shop::open();
    let anna = shop.holder("1001");
    let registrar = shop.server.as_staff(Role::Registrar, Some(ROOT));
    let me = shop.server.as_member("1001");
    let on = today(&shop.server);
    let code = format!("/v1/me/cards/{}/code", anna.card.id);
    me.get(&code).expect(200);

    let why = json!({ "on": on, "reason": "взносы не уплачены" });
    let suspended = act(&registrar, anna.member, "suspend", &why).expect(200).json();
    assert_eq!(suspended["status"], "suspended");
    assert_eq!(column(&suspended["cards"], "status"), ["active"], "the card itself is as it was");
    assert_eq!(column(&suspended["history"], "status"), ["active", "suspended"]);
    assert_eq!(suspended["history"][0]["end_reason"], "взносы не уплачены");
    assert_eq!(standing(&shop, &anna), "blocked", "the same second");
    assert_eq!(me.get(&code).problem(409), "card-blocked");
    let sale = shop.sale(("card_number", anna.card.number.as_str()), "R-1", "100.00");
    assert_eq!(shop.program.post("/v1/purchases", &sale).problem(409), "card-blocked");
    let card = json!({ "member": anna.member, "kind": "plastic" });
    assert_eq!(registrar.post("/v1/cards", &card).problem(409), "member-not-active");
    assert_eq!(act(&registrar, anna.member, "suspend", &why).problem(409), "member-state");
    let to = json!({ "on": on, "organisation": ROOT, "reason": "x" });
    assert_eq!(act(&registrar, anna.member, "readmit", &to).problem(409), "member-state");

    let restored = act(&registrar, anna.member, "resume", &why).expect(200).json();
    assert_eq!((&restored["status"], restored["history"].as_array().unwrap().len()), (&json!("active"), 3));
    assert_eq!(standing(&shop, &anna), "valid");
    me.get(&code).expect(200);
    let posted = shop.program.post("/v1/purchases", &sale).expect(201).json();
    assert_eq!(posted["cashback"]["amount"], "5.00", "the programme stayed theirs");
    assert_eq!(act(&registrar, anna.member, "resume", &why).problem(409), "member-state");
    assert_eq!(written(&shop.server, anna.member), ["member.suspended", "member.resumed"]);

    // Another card needs no words.
    let reissue = format!("/v1/cards/{}/reissue", anna.card.id);
    let renewed = registrar.send("POST", &reissue, &[], b"").expect(201).json();
    assert_eq!(renewed["replaces"], json!(anna.card.id));

    for (body, pointer) in [
        (json!({ "on": on, "reason": " " }), "#/reason"),
        (json!({ "on": on, "reason": "я".repeat(201) }), "#/reason"),
        (json!({ "on": on + TimeDelta::days(1), "reason": "x" }), "#/on"),
        (json!({ "on": "2019-01-01", "reason": "x" }), "#/on"),
    ] {
        let refused = act(&registrar, anna.member, "suspend", &body);
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{body}");
        assert_eq!(refused.problem(422), "invalid");
    }
}

#[test]
fn gone_and_taken_back() {
    let shop = Shop::open();
    let (anna, boris) = (shop.holder("1001"), shop.holder("1002"));
    shop.server.organisation("P-2", ROOT);
    let registrar = shop.server.as_staff(Role::Registrar, Some(ROOT));
    let on = today(&shop.server);
    // Boris left the programme on his own word before he left the union.
    shop.server.as_member("1002").delete("/v1/me/enrolment").expect(200);
    let back = json!({ "on": on, "organisation": "P-2", "reason": "  ошибка исправлена " });
    assert_eq!(act(&registrar, anna.member, "readmit", &back).problem(409), "member-state");
    for holder in [&anna, &boris] {
        let gone = json!({ "on": on, "reason": "ошибка в списке" });
        act(&registrar, holder.member, "leave", &gone).expect(200);
        let nowhere = act(
            &registrar,
            holder.member,
            "readmit",
            &json!({ "on": on, "organisation": "P-0", "reason": "x" }),
        );
        assert_eq!(nowhere.json()["errors"][0]["pointer"], "#/organisation");
        for reason in [" ".to_owned(), "я".repeat(201)] {
            let unsaid = json!({ "on": on, "organisation": "P-2", "reason": reason });
            let refused = act(&registrar, holder.member, "readmit", &unsaid);
            assert_eq!(refused.json()["errors"][0]["pointer"], "#/reason");
            assert_eq!(refused.problem(422), "invalid");
        }
        let unsaid = json!({ "on": on, "organisation": "P-2" });
        assert_eq!(act(&registrar, holder.member, "readmit", &unsaid).problem(422), "invalid");
        let returned = act(&registrar, holder.member, "readmit", &back).expect(200).json();
        assert_eq!(
            (&returned["status"], &returned["organisation"]["code"]),
            (&json!("active"), &json!("P-2"))
        );
        let stretches = returned["history"].as_array().unwrap();
        assert_eq!(
            (&stretches[0]["end_reason"], &stretches[0]["begin_words"]),
            (&json!("ошибка в списке"), &Value::Null)
        );
        assert_eq!(
            (&stretches[1]["reason"], &stretches[1]["begin_words"]),
            (&json!("returned"), &json!("ошибка исправлена"))
        );
        let mut states: Vec<String> =
            column(&returned["cards"], "status").iter().map(|status| status.to_string()).collect();
        states.sort();
        assert_eq!(states, ["\"active\"", "\"blocked\""], "{returned}");
        assert_eq!(standing(&shop, holder), "blocked", "the old number stays blocked");
        assert_eq!(written(&shop.server, holder.member), ["member.left", "member.readmitted"]);
        let cards = shop.server.as_member(&holder.number).get("/v1/me/cards").expect(200).json();
        let good = cards["items"].as_array().unwrap().iter().find(|card| card["status"] == "active").unwrap();
        let shown = ("card_number", good["number"].as_str().unwrap());
        let receipt = format!("R-{}", holder.number);
        let posted = shop.program.post("/v1/purchases", &shop.sale(shown, &receipt, "100.00"));
        let amount = posted.expect(201).json()["cashback"]["amount"].clone();
        let expected = if holder.number == "1001" { "5.00" } else { "0.00" };
        assert_eq!(
            amount, expected,
            "{}: only who was in the programme until then is back in it",
            holder.number
        );
    }
    let root = registrar.get(&format!("/v1/organisations/{ROOT}")).expect(200).json();
    let below = registrar.get("/v1/organisations/P-2").expect(200).json();
    assert_eq!((&root["members"], &below["members"]), (&json!(2), &json!(2)), "counted where they are");

    let merge = json!({ "into": boris.member, "dry": false });
    let administrator = shop.server.as_staff(Role::Administrator, None);
    act(&administrator, anna.member, "merge", &merge).expect(200);
    assert_eq!(act(&registrar, anna.member, "readmit", &back).problem(409), "member-merged");
}

#[test]
fn nobody_elses_member_and_nobody_unlisted() {
    let shop = Shop::open();
    union(&shop.server);
    let theirs = bound_to(&shop.server, Role::Registrar, "R-001");
    let member = theirs.post("/v1/members", &person("000000001", "P-1")).expect(201).json();
    let id: MemberId = member["id"].as_str().unwrap().parse().unwrap();
    let foreign = bound_to(&shop.server, Role::Registrar, "R-002");
    let never: MemberId = "0190b5b0-0000-7000-8000-000000000000".parse().unwrap();
    let on = today(&shop.server);
    for (verb, body) in [
        ("suspend", json!({ "on": on, "reason": "x" })),
        ("resume", json!({ "on": on, "reason": "x" })),
        ("readmit", json!({ "on": on, "organisation": "P-2", "reason": "x" })),
    ] {
        let (other, unknown) = (act(&foreign, id, verb, &body), act(&foreign, never, verb, &body));
        assert_eq!(other.body, unknown.body, "{verb}");
        assert_eq!(other.problem(404), "not-found", "{verb}");
    }
    assert_eq!(
        written(&shop.server, id),
        ["member.admitted"],
        "what was refused left no trace of having been done"
    );
}

fn told(server: &TestServer, to: &str) -> Vec<Mail> {
    let all = mailbox::letters(&server.folder().join("mail")).into_iter();
    all.filter(|letter| letter.to == to && letter.subject == "Изменены ваши контакты для входа").collect()
}

#[test]
fn another_address_is_told_at_the_old_one() {
    let shop = Shop::open();
    union(&shop.server);
    let registrar = bound_to(&shop.server, Role::Registrar, "C-000");
    let member = registrar.post("/v1/members", &person("000000001", "P-1")).expect(201).json();
    let id: MemberId = member["id"].as_str().unwrap().parse().unwrap();
    let change = |changes: Value| registrar.patch(&format!("/v1/members/{id}"), &changes).expect(200).json();
    let me = shop.server.as_member("000000001");

    change(json!({ "last_name": "Петрова", "email": "000000001@EXAMPLE.org" }));
    me.get("/v1/me").expect(200);
    assert_eq!(told(&shop.server, "000000001@example.org").len(), 0, "the same address is no other one");

    change(json!({ "email": "thief@example.org" }));
    assert_eq!(me.get("/v1/me").problem(401), "unauthenticated", "signed out on the next request");
    let letter = mailbox::wait_for(1, || told(&shop.server, "000000001@example.org")).remove(0);
    assert!(letter.text.contains("Анна") && !letter.text.contains("thief"), "{}", letter.text);
    assert_eq!(told(&shop.server, "thief@example.org").len(), 0);

    // A phone is told by e-mail where there is one, and by a message where there was none.
    change(json!({ "phone": "+79001234567" }));
    mailbox::wait_for(1, || told(&shop.server, "thief@example.org"));
    change(json!({ "email": "" }));
    mailbox::wait_for(2, || told(&shop.server, "thief@example.org"));
    change(json!({ "phone": "+79007654321" }));
    let folder = shop.server.folder().join("sms");
    let message = || -> Option<String> {
        let file = std::fs::read_dir(&folder).ok()?.filter_map(Result::ok).next()?;
        std::fs::read_to_string(file.path()).ok().filter(|text| text.ends_with('\n'))
    };
    let message = harness::eventually("a message", message);
    assert!(message.starts_with("+79001234567\n"), "{message}");
    let changes = written(&shop.server, id).into_iter().filter(|action| action == "member.changed").count();
    assert_eq!(changes, 5);
}

#[test]
fn who_was_shown_names_is_written_down() {
    let shop = Shop::open();
    let (anna, boris) = (shop.holder("1001"), shop.holder("1002"));
    let auditor = shop.server.as_staff(Role::Auditor, None);
    let listed = auditor.get("/v1/members?limit=200").expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    auditor.get("/v1/members?query=nobody-at-all").expect(200);
    let subjects: Vec<String> = audit_log::table
        .filter(audit_log::action.eq("member.listed"))
        .select(audit_log::subject)
        .load(&mut shop.server.connect())
        .unwrap();
    assert_eq!(subjects.len(), 1, "an empty list shows nobody");
    for holder in [&anna, &boris] {
        assert!(subjects[0].contains(&holder.member.to_string()), "{subjects:?}");
    }
    auditor.get("/v1/standings?number=1001").expect(200);
    auditor.get(&format!("/v1/members/{}/standing", anna.member)).expect(200);
    let plastic = json!({ "member": anna.member, "kind": "plastic" });
    let office = shop.server.as_staff(Role::Administrator, None);
    let card = office.post("/v1/cards", &plastic).expect(201).json();
    auditor.get(&format!("/v1/cards/{}/face.png", card["id"].as_str().unwrap())).expect(200);
    assert_eq!(written(&shop.server, anna.member), ["member.read"; 3]);
    assert!(written(&shop.server, boris.member).is_empty());
}
