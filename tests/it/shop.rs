//! What the stories over HTTP share: a partner with rules, members with cards and live codes, and the books' figures.

use std::collections::BTreeMap;

use card_issuer::cards::Card;
use card_issuer::devices;
use cashback_engine::partners::{self, NewOutlet, NewPartner};
use cashback_engine::rules::{RuleDraft, store};
use cashback_engine::{RuleId, enrolments};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use harness::builders::TestPartner;
use harness::{Client, TestServer, server};
use serde_json::{Value, json};
use shared_kernel::ids::{MemberId, Uuid};
use unioncard::auth::staff::{self, NewStaff};
use unioncard::auth::{Role, clients};

/// A server with the partner `market`, whose program is signed in.
pub struct Shop {
    pub server: TestServer,
    pub partner: TestPartner,
    pub program: Client,
}

/// A member in the programme with a virtual card.
pub struct Holder {
    pub number: String,
    pub member: MemberId,
    pub card: Card,
}

/// A member with a virtual card, enrolled long ago.
pub fn holder(server: &TestServer, number: &str) -> Holder {
    let member = server.member(number);
    let card = server.virtual_card(member);
    let joined = server.app.now() - TimeDelta::days(400);
    enrolments::enrol(&mut server.connect(), member, "2026-1", "test", joined).unwrap();
    Holder { number: number.to_owned(), member, card }
}

/// A rule in force, drafted by one and approved by another; `fields` come after name and partner.
pub fn rule(server: &TestServer, partner: &str, fields: Value) -> RuleId {
    let mut json = json!({ "name": "rule", "partner": partner });
    json.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let draft: RuleDraft = serde_json::from_value(json).unwrap();
    let (connection, now) = (&mut server.connect(), server.app.now() - TimeDelta::days(60));
    let rule = store::create(connection, &draft, Uuid::new_v4(), now).unwrap();
    store::approve(connection, rule.id, 1, Uuid::new_v4(), now).unwrap();
    rule.id
}

/// A partner of any commission, half redeemable, with an outlet `<code>-1`.
pub fn partner_with(server: &TestServer, code: &str, commission_rate: &str) -> TestPartner {
    let connection = &mut server.connect();
    let new = NewPartner {
        code: code.to_owned(),
        name: code.to_owned(),
        commission_rate: commission_rate.parse().unwrap(),
        redeem_share: "0.5".parse().unwrap(),
        redeem_least: "0.00".parse().unwrap(),
        fiscal_counts_points: false,
    };
    let partner = partners::create(connection, &new, server.app.now()).unwrap();
    let outlet = NewOutlet {
        code: format!("{code}-1"),
        name: "Shop".to_owned(),
        town: "Москва".to_owned(),
        zone: "Europe/Moscow".to_owned(),
    };
    partners::add_outlet(connection, partner.id, &outlet, server.app.now()).unwrap();
    let client = clients::create(&server.app, connection, partner.id).unwrap();
    TestPartner { partner, client_id: client.client_id, client_secret: client.client_secret }
}

/// An instant on the wire.
pub fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The problem's slug of a stored problem body.
pub fn slug(problem: &Value) -> &str {
    problem["type"].as_str().unwrap().strip_prefix("/problems/").unwrap()
}

impl Shop {
    /// `market` with outlets `market-1` and `market-2`, commission 2 %, and 5 % of everything for everyone.
    pub fn open() -> Self {
        Self::over(server())
    }

    /// The same over a server with settings of its own.
    pub fn over(server: TestServer) -> Self {
        let partner = server.partner("market", &["market-1", "market-2"]);
        rule(&server, "market", json!({ "earn": { "percent": "5" } }));
        let program = server.as_partner(&partner);
        Self { server, partner, program }
    }

    pub fn now(&self) -> String {
        stamp(self.server.app.now())
    }

    pub fn holder(&self, number: &str) -> Holder {
        holder(&self.server, number)
    }

    /// The code on the member's screen as the next step begins: a fresh one each time, with its whole life before it.
    pub fn code(&self, holder: &Holder) -> String {
        self.to_a_step();
        self.draw(holder)
    }

    /// Goes to the beginning of a step of live codes, within the next half minute.
    pub fn to_a_step(&self) {
        let now = self.server.app.now().timestamp();
        self.server.clock.advance(TimeDelta::seconds(30 - now.rem_euclid(30)));
    }

    /// The code on the member's screen now.
    pub fn draw(&self, holder: &Holder) -> String {
        let (app, connection) = (&self.server.app, &mut self.server.connect());
        devices::draw(connection, &app.derived.issuer, holder.card.id, app.now()).unwrap().value
    }

    /// A purchase of now at `market-1`, with what was shown at the till as `code`, `card_number` or `resolution`.
    pub fn sale(&self, shown: (&str, &str), receipt: &str, amount: &str) -> Value {
        let (name, value) = shown;
        json!({ name: value, "outlet": "market-1", "receipt": receipt, "occurred_at": self.now(), "amount": amount })
    }

    /// Gives a member points that can be spent, by a purchase at a generous partner made for it.
    pub fn give(&self, holder: &Holder, points: &str) {
        let code = format!("giver-{}", holder.number);
        let giver = partner_with(&self.server, &code, "0");
        rule(&self.server, &code, json!({ "earn": { "fixed": points }, "hold_days": 0 }));
        // The day's last moment before: a hold of nothing ends at the next midnight.
        let mut sale = self.sale(("card_number", holder.card.number.as_str()), "gift", "1000000.00");
        sale["outlet"] = json!(format!("{code}-1"));
        sale["occurred_at"] = json!(stamp(self.server.app.now() - TimeDelta::days(2)));
        let given = self.server.as_partner(&giver).post("/v1/purchases", &sale).expect(201).json();
        assert_eq!(given["cashback"]["amount"], points, "{given}");
        assert_eq!(given["cashback"]["status"], "available", "{given}");
    }

    /// Signs finance in; once a test.
    pub fn finance(&self) -> Client {
        self.server.as_staff(Role::Finance, None)
    }
}

/// Balances by account, of a trial balance that balances.
pub fn books(finance: &Client) -> BTreeMap<String, String> {
    let balance = finance.get("/v1/ledger/trial-balance").expect(200).json();
    assert_eq!(balance["balanced"], true, "{balance}");
    assert_eq!(balance["debit_total"], balance["credit_total"]);
    let accounts = balance["accounts"].as_array().unwrap().iter();
    accounts
        .map(|account| {
            let text = |name: &str| account[name].as_str().unwrap().to_owned();
            (text("account"), text("balance"))
        })
        .collect()
}

/// Signs a login of a role in, bound to an organisation's subtree.
pub fn bound_to(server: &TestServer, role: Role, organisation: &str) -> Client {
    let new = NewStaff {
        email: format!("{role}-{organisation}@example.org").to_lowercase(),
        role,
        organisation: Some(organisation.to_owned()),
        partner: None,
        outlets: Vec::new(),
        password: None,
    };
    let made = staff::create(&server.app, &mut server.connect(), new).unwrap();
    let body = json!({ "email": made.email, "password": made.password });
    let tokens = server.client().post("/v1/auth/login", &body).expect(200).json();
    server.client().bearer(tokens["access_token"].as_str().unwrap())
}

/// Takes a field of a list of documents.
pub fn column<'a>(items: &'a Value, name: &str) -> Vec<&'a Value> {
    items.as_array().unwrap().iter().map(|item| &item[name]).collect()
}
