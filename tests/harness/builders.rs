//! People, organisations, partners and logins for stories, made with the domain crates' own functions.

use card_issuer::cards::{Card, CardKind};
use card_issuer::keys::IssuerKeys;
use cashback_engine::partners::{NewOutlet, NewPartner, Partner};
use shared_kernel::ids::MemberId;
use shared_kernel::money::{Money, Rate};
use union_registry::fields::{self, RawMember, RawOrganisation};
use union_registry::{members, organisations};
use unioncard::auth::staff::NewStaff;
use unioncard::auth::{Role, clients, staff};

use crate::client::Client;
use crate::mailbox::{self, Mail};
use crate::server::TestServer;

/// The root organisation of stories.
pub const ROOT: &str = "C-001";

/// A partner with its program's secret.
pub struct TestPartner {
    /// The partner.
    pub partner: Partner,
    /// What its program signs in with.
    pub client_id: String,
    /// The secret.
    pub client_secret: String,
}

impl TestServer {
    /// An organisation under another one, or a root.
    pub fn organisation(&self, code: &str, parent_code: &str) {
        let kind = if parent_code.is_empty() { "central" } else { "primary" };
        let raw = RawOrganisation { code, name: code, kind, parent_code, inn: "", region_code: "" };
        let fields = fields::organisation(&raw).expect("the story's organisation is right");
        organisations::create(&mut self.connect(), &fields, self.app.now()).expect("it is new");
    }

    /// A member of [`ROOT`] (made when it is missing) with an address of their own: `<number>@example.org`.
    pub fn member(&self, number: &str) -> MemberId {
        let mut connection = self.connect();
        let root = organisations::by_code(&mut connection, ROOT).expect("the register answers");
        if root.is_none() {
            self.organisation(ROOT, "");
        }
        let email = format!("{number}@example.org");
        let raw = RawMember {
            membership_number: number,
            organisation_code: ROOT,
            last_name: "Петрова",
            first_name: "Анна-Мария",
            middle_name: "Сергеевна",
            email: &email,
            category: "worker",
            joined_on: "2020-03-01",
            consent_on: "2020-03-01",
            ..RawMember::default()
        };
        members::admit(&mut connection, &self.app.derived.sealer, &raw, self.app.now())
            .expect("the story's member is right")
            .person
            .id
    }

    /// A virtual card for a member.
    pub fn virtual_card(&self, member: MemberId) -> Card {
        let keys = IssuerKeys::new(&self.app.master.derive("card-issuer/1"));
        card_issuer::cards::issue(&mut self.connect(), &keys, member, CardKind::Virtual, self.app.now())
            .expect("the member has no card yet")
    }

    /// A partner with outlets of these codes, a commission of 2 % and points for up to half of a purchase.
    pub fn partner(&self, code: &str, outlets: &[&str]) -> TestPartner {
        let mut connection = self.connect();
        let new = NewPartner {
            code: code.to_owned(),
            name: code.to_owned(),
            commission_rate: Rate::from_millionths(20_000),
            redeem_share: Rate::from_millionths(500_000),
            redeem_least: Money::ZERO,
            fiscal_counts_points: false,
        };
        let partner = cashback_engine::partners::create(&mut connection, &new, self.app.now())
            .expect("the story's partner is right");
        for outlet in outlets {
            let new = NewOutlet {
                code: (*outlet).to_owned(),
                name: (*outlet).to_owned(),
                town: "Москва".to_owned(),
                zone: "Europe/Moscow".to_owned(),
            };
            cashback_engine::partners::add_outlet(&mut connection, partner.id, &new, self.app.now())
                .expect("the story's outlet is right");
        }
        let client = clients::create(&self.app, &mut connection, partner.id).expect("a client can be made");
        TestPartner { partner, client_id: client.client_id, client_secret: client.client_secret }
    }

    /// The letters this server wrote into files, once there are so many.
    pub fn letters(&self, count: usize) -> Vec<Mail> {
        let folder = self.folder().join("mail");
        mailbox::wait_for(count, || mailbox::letters(&folder))
    }

    /// Signs a member in with the code from their mail.
    pub fn as_member(&self, number: &str) -> Client {
        let email = format!("{number}@example.org");
        let folder = self.folder().join("mail");
        // Other letters (a new card, the day's cashback) come to the same address in the meantime.
        let codes = || {
            let to_them = mailbox::letters(&folder).into_iter().filter(|letter| letter.to == email);
            to_them.filter(|letter| letter.code_within().is_some()).collect::<Vec<_>>()
        };
        let before = codes().len();
        let client = self.client();
        client.post("/v1/auth/code", &serde_json::json!({ "email": email })).expect(202);
        let letters = mailbox::wait_for(before + 1, codes);
        let letter = letters.last().expect("the code came");
        let body = serde_json::json!({ "email": email, "code": letter.code() });
        let answer = client.post("/v1/auth/verify", &body).expect(200).json();
        client.bearer(answer["access_token"].as_str().expect("a token"))
    }

    /// Signs a login of this role in, made for it.
    pub fn as_staff(&self, role: Role, organisation: Option<&str>) -> Client {
        self.staff(NewStaff {
            email: format!("{role}@example.org"),
            role,
            organisation: organisation.map(str::to_owned),
            partner: None,
            outlets: Vec::new(),
            password: None,
        })
    }

    /// Signs a cashier of a partner in, made for it.
    pub fn as_cashier(&self, partner: &TestPartner) -> Client {
        self.at_partner(Role::Cashier, partner)
    }

    /// Signs a manager of a partner in, made for it.
    pub fn as_manager(&self, partner: &TestPartner) -> Client {
        self.at_partner(Role::Manager, partner)
    }

    fn at_partner(&self, role: Role, partner: &TestPartner) -> Client {
        self.staff(NewStaff {
            email: format!("{role}-{}@example.org", partner.partner.code),
            role,
            organisation: None,
            partner: Some(partner.partner.id),
            outlets: Vec::new(),
            password: None,
        })
    }

    fn staff(&self, new: NewStaff) -> Client {
        let made = staff::create(&self.app, &mut self.connect(), new).expect("the story's login is right");
        let client = self.client();
        let body = serde_json::json!({ "email": made.email, "password": made.password });
        let answer = client.post("/v1/auth/login", &body).expect(200).json();
        client.bearer(answer["access_token"].as_str().expect("a token"))
    }

    /// Signs a partner's program in.
    pub fn as_partner(&self, partner: &TestPartner) -> Client {
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            partner.client_id, partner.client_secret
        );
        let client = self.client();
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let answer = client.send("POST", "/v1/oauth/token", &kind, form.as_bytes()).expect(200).json();
        client.bearer(answer["access_token"].as_str().expect("a token"))
    }
}
