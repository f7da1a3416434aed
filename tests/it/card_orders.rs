//! Plastic for a whole organisation: told how many that would be, ordered once, gone on with where it was cut off.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use harness::{Client, TestServer, server};
use serde_json::{Value, json};
use shared_kernel::ids::MemberId;
use unioncard::auth::Role;

use crate::imports_http::generated;
use crate::registers_http::finished;
use crate::shop::{bound_to, column};

fn plastic(organisation: &str) -> Value {
    json!({ "organisation": organisation, "kind": "plastic" })
}

fn ordered(client: &Client, organisation: &str) -> Value {
    let placed = client.post("/v1/card-orders", &plastic(organisation)).expect(202);
    let path = format!("/v1/card-orders/{}", placed.json()["id"].as_str().unwrap());
    assert_eq!(placed.header("location"), path);
    finished(client, &path)
}

fn wanting(client: &Client, organisation: &str) -> Value {
    let path = format!("/v1/card-orders/wanting?organisation={organisation}&kind=plastic");
    client.get(&path).expect(200).json()
}

fn audited(server: &TestServer) -> i64 {
    use shared_kernel::schema::platform::audit_log;
    let orders = audit_log::table.filter(audit_log::action.eq("cards.ordered"));
    orders.count().get_result(&mut server.connect()).unwrap()
}

#[test]
fn everybody_of_a_branch_gets_one_and_nobody_two() {
    let server = server();
    let (office, _, _) = generated(&server);
    let issuer = bound_to(&server, Role::Issuer, "R-001");
    let of_branch = wanting(&issuer, "R-001");
    let count = of_branch["wanting"].as_i64().unwrap();
    assert!(count > 100, "{of_branch}");
    assert_eq!((&of_branch["members"], &of_branch["more"]), (&json!(count), &json!(false)));

    let one = office.get("/v1/members?organisation=R-001&limit=1").expect(200).json();
    let own = json!({ "member": one["items"][0]["id"], "kind": "plastic" });
    issuer.post("/v1/cards", &own).expect(201);
    assert_eq!(wanting(&issuer, "R-001")["wanting"], json!(count - 1));

    let done = ordered(&issuer, "R-001");
    assert_eq!((&done["status"], &done["issued"]), (&json!("done"), &json!(count - 1)), "{done}");
    assert_eq!((&done["skipped"], &done["organisation"]["code"]), (&json!(1), &json!("R-001")));
    assert_eq!(wanting(&issuer, "R-001")["wanting"], json!(0));
    assert_eq!(office.get("/v1/print-queue").expect(200).json()["waiting"], json!(count));
    let again = ordered(&issuer, "R-001");
    assert_eq!((&again["issued"], &again["skipped"]), (&json!(0), &json!(count)));
    let all = ordered(&office, "C-000");
    assert_eq!((&all["issued"], &all["skipped"]), (&json!(547 - count), &json!(count)));
    assert_eq!(audited(&server), 3);

    // Each sees the orders of their own branch.
    let listed = |client: &Client| {
        let orders = client.get("/v1/card-orders").expect(200).json();
        column(&orders["items"], "organisation").len()
    };
    let (chair, stranger) =
        (bound_to(&server, Role::Chair, "R-001"), bound_to(&server, Role::Issuer, "R-002"));
    assert_eq!((listed(&office), listed(&chair), listed(&stranger)), (3, 2, 0));
    let path = format!("/v1/card-orders/{}", all["id"].as_str().unwrap());
    issuer.get(&path).problem(404);
    chair.post("/v1/card-orders", &plastic("R-001")).problem(403);
    for (body, pointer) in [
        (plastic("R-002"), "#/organisation"),
        (plastic("X"), "#/organisation"),
        (json!({ "organisation": "R-001", "kind": "paper" }), "#/kind"),
        (json!({ "organisation": "R-001", "kind": "plastic", "limit": 3 }), "#/limit"),
    ] {
        let answer = issuer.post("/v1/card-orders", &body);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
        answer.problem(422);
    }
    issuer.get("/v1/card-orders/wanting?organisation=R-002&kind=plastic").problem(404);
}

/// The members of a subtree in the order they are looked at, and who of them has plastic.
fn members(server: &TestServer, root: &str) -> (Vec<MemberId>, Vec<MemberId>) {
    use card_issuer::schema::cards::cards;
    let connection = &mut server.connect();
    let all = union_registry::members::active_ids(connection, root, None, 5_000).unwrap();
    let having = cards::table
        .filter(cards::kind.eq("plastic"))
        .filter(cards::member_id.eq_any(&all))
        .order(cards::member_id)
        .select(cards::member_id)
        .load(connection)
        .unwrap();
    (all, having)
}

#[test]
fn an_order_that_was_cut_off_goes_on_behind_whom_it_had_come_to() {
    let server = server();
    let (office, _, _) = generated(&server);
    let (all, having) = members(&server, "C-000");
    assert_eq!((all.len(), having.len()), (547, 0));
    let id = MemberId::generate();
    let cut_off = format!(
        "INSERT INTO cards.orders (id, organisation_id, kind, status, members, issued, after_member, placed_by, placed_at)
         SELECT '{id}'::uuid, id, 'plastic', 'running', 547, 200, '{}'::uuid, 'test', now()
         FROM registry.organisations WHERE code = 'C-000'",
        all[199]
    );
    server.connect().batch_execute(&cut_off).unwrap();
    let done = finished(&office, &format!("/v1/card-orders/{id}"));
    assert_eq!((&done["issued"], &done["skipped"]), (&json!(547), &json!(0)), "{done}");
    assert_eq!(members(&server, "C-000").1, all[200..], "those before were served before");
    let rest = ordered(&office, "C-000");
    assert_eq!((&rest["issued"], &rest["skipped"]), (&json!(200), &json!(347)));
    assert_eq!(members(&server, "C-000").1, all, "each once");
}

#[test]
fn an_order_ends_when_the_numbers_do_and_keeps_what_was_made() {
    let server = server();
    let (office, _, _) = generated(&server);
    server.connect().batch_execute("SELECT setval('cards.numbers_01', 999999990)").unwrap();
    let failed = ordered(&office, "C-000");
    assert_eq!((&failed["status"], &failed["problem"]), (&json!("failed"), &json!("numbers-exhausted")));
    assert_eq!((&failed["issued"], members(&server, "C-000").1.len()), (&json!(0), 0));
    // Another programme's numbers, and it can be ordered anew.
    card_issuer::numbering::open_next(&mut server.connect(), server.app.now()).unwrap();
    assert_eq!(ordered(&office, "C-000")["issued"], json!(547));
}

#[test]
fn asked_for_again_while_it_is_under_way_it_is_the_same_order() {
    use card_issuer::cards::CardKind;
    use card_issuer::orders::{self, NewOrder, OrderStatus};
    let mut union = crate::registry_support::Union::with_organisations();
    let (c, now) = (&mut union.connection, union.now);
    let organisation = union_registry::organisations::by_code(c, "C-0").unwrap().unwrap().organisation.id;
    let new = |kind, by| NewOrder { organisation, kind, members: 10, by };
    let (first, placed) = orders::place(c, &new(CardKind::Plastic, "a"), now).unwrap();
    assert!(placed);
    let (second, placed) = orders::place(c, &new(CardKind::Plastic, "b"), now).unwrap();
    assert_eq!((second.id, second.placed_by.as_str(), placed), (first.id, "a", false));
    assert!(orders::place(c, &new(CardKind::Virtual, "b"), now).unwrap().1, "of another kind it is another");
    assert_eq!(orders::next(c).unwrap().map(|order| order.id), Some(first.id), "the oldest first");
    orders::end(c, first.id, None, now).unwrap();
    orders::end(c, first.id, Some("numbers-exhausted"), now).unwrap();
    let ended = orders::find(c, first.id).unwrap().unwrap();
    assert_eq!((ended.status, ended.problem), (OrderStatus::Done, None), "what has ended stays as it ended");
    assert!(orders::place(c, &new(CardKind::Plastic, "b"), now).unwrap().1);
}
