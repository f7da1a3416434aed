//! What the engine's stories share: a small programme with a partner, rules and members, and short ways to buy.

use cashback_engine::ledger::audit;
use cashback_engine::posting::{
    self, Audience, Buyer, CardStanding, Line, Posted, Presented, Refusal, Sale, Source,
};
use cashback_engine::purchases::Purchase;
use cashback_engine::refunds::{self, Refunded, Return, Returned};
use cashback_engine::rules::{BookCache, RuleDraft, store};
use cashback_engine::{PartnerId, PurchaseId, RuleId, balances, enrolments, partners, two_step};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;

use harness::TestDatabase;

/// A programme in its own database.
pub struct Programme {
    pub database: TestDatabase,
    pub connection: PgConnection,
    pub books: BookCache,
    pub partner: PartnerId,
    pub now: DateTime<Utc>,
    pub receipts: u32,
}

pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub fn line(sku: &str, category: &str, amount: &str) -> Line {
    Line {
        sku: Some(sku.to_owned()),
        category: Some(category.to_owned()),
        quantity: None,
        amount: money(amount),
    }
}

impl Programme {
    /// One partner `shop` (commission 3 %, half redeemable, least 10.00) with two outlets, as of 10 November 2026.
    pub fn new() -> Self {
        let database = harness::database();
        let mut connection = database.connect();
        let now = at("2026-11-10T09:00:00Z");
        let partner = partner(&mut connection, "shop", "0.03", now);
        Self { database, connection, books: BookCache::default(), partner, now, receipts: 0 }
    }

    /// Drafts and approves a rule, a year before now.
    pub fn rule(&mut self, fields: &str) -> RuleId {
        let long_ago = self.now - TimeDelta::days(365);
        let json = format!(r#"{{"name":"rule","partner":"shop",{fields}}}"#);
        let draft: RuleDraft = serde_json::from_str(&json).unwrap();
        let (drafter, approver) = (Uuid::new_v4(), Uuid::new_v4());
        let rule = store::create(&mut self.connection, &draft, drafter, long_ago).unwrap();
        store::approve(&mut self.connection, rule.id, 1, approver, long_ago).unwrap();
        rule.id
    }

    /// A member who joined long ago.
    pub fn member(&mut self) -> MemberId {
        let member = MemberId::generate();
        let joined = self.now - TimeDelta::days(400);
        enrolments::enrol(&mut self.connection, member, "2026-1", "test", joined).unwrap();
        member
    }

    /// A purchase of now, by live code, with a receipt of its own.
    pub fn sale(&mut self, member: MemberId, amount: &str) -> Sale {
        self.receipts += 1;
        Sale {
            partner: self.partner,
            outlet: "shop-1".to_owned(),
            receipt: format!("R-{}", self.receipts),
            occurred_at: self.now,
            amount: money(amount),
            lines: None,
            redeem: Money::ZERO,
            fiscal: None,
            capture: true,
            presented: Presented::LiveCode,
            buyer: Buyer {
                limits: None,
                member,
                card: None,
                card_standing: CardStanding::Valid,
                audience: Audience::default(),
            },
            source: Source::Api,
            posted_by: Uuid::nil(),
            by_hand: false,
        }
    }

    pub fn post_all(&mut self, sales: &[Sale]) -> Vec<Result<Posted, Refusal>> {
        let (books, now) = (self.books.clone(), self.now);
        self.connection.transaction(|connection| posting::post(connection, &books, sales, now)).unwrap()
    }

    pub fn post(&mut self, sale: &Sale) -> Result<Posted, Refusal> {
        self.post_all(std::slice::from_ref(sale)).remove(0)
    }

    pub fn buy(&mut self, member: MemberId, amount: &str) -> Posted {
        let sale = self.sale(member, amount);
        self.post(&sale).unwrap()
    }

    pub fn refund(
        &mut self,
        purchase: PurchaseId,
        what: Returned,
        reference: &str,
    ) -> Result<Refunded, Refusal> {
        let asked = Return {
            purchase,
            partner: Some(self.partner),
            what,
            reference: reference.to_owned(),
            fiscal: None,
            occurred_at: self.now,
        };
        let (books, now) = (self.books.clone(), self.now);
        self.connection
            .transaction(|connection| refunds::refund(connection, &books, &[asked], now))
            .unwrap()
            .remove(0)
    }

    pub fn refund_amount(&mut self, purchase: PurchaseId, amount: &str, reference: &str) -> Refunded {
        self.refund(purchase, Returned::Amount(money(amount)), reference).unwrap()
    }

    /// Captures what was authorised: all of it, or a part.
    pub fn capture(&mut self, purchase: PurchaseId, part: Option<&Returned>) -> Result<Purchase, Refusal> {
        let (books, which, now) = (self.books.clone(), (purchase, Some(self.partner)), self.now);
        self.connection
            .transaction(|connection| two_step::capture(connection, &books, which, part, now))
            .unwrap()
    }

    /// The books are in order: everything `ledger verify` checks.
    pub fn sound(&mut self) -> audit::Report {
        let report = audit::verify(&mut self.connection, &self.books).unwrap();
        assert!(report.ok, "{report:#?}");
        report
    }

    /// pending, available, reserved, debt
    pub fn balance(&mut self, member: MemberId) -> [String; 4] {
        let balance = balances::balance(&mut self.connection, &self.books, member, self.now).unwrap().balance;
        [balance.pending, balance.available, balance.reserved, balance.debt].map(|m| m.to_string())
    }

    /// Debits less credits of an account over all members.
    pub fn debited(&mut self, kind: &str, owner: &str) -> String {
        #[derive(QueryableByName)]
        struct Sum {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            kopecks: i64,
        }
        let sum: Sum = diesel::sql_query(
            "SELECT coalesce(sum(CASE WHEN t.debit = a.id THEN t.amount ELSE -t.amount END), 0)::bigint AS kopecks
             FROM ledger.accounts a JOIN ledger.transfers t ON a.id IN (t.debit, t.credit)
             WHERE a.kind = $1 AND a.owner = $2",
        )
        .bind::<diesel::sql_types::Text, _>(kind)
        .bind::<diesel::sql_types::Text, _>(owner)
        .get_result(&mut self.connection)
        .unwrap();
        Money::from_kopecks(sum.kopecks).to_string()
    }
}

/// A partner with outlets `<code>-1` and `<code>-2` in Moscow and Vladivostok.
pub fn partner(
    connection: &mut PgConnection,
    code: &str,
    commission_rate: &str,
    now: DateTime<Utc>,
) -> PartnerId {
    let partner = partners::create(
        connection,
        &partners::NewPartner {
            code: code.to_owned(),
            name: format!("Partner {code}"),
            commission_rate: commission_rate.parse().unwrap(),
            redeem_share: "0.5".parse().unwrap(),
            redeem_least: money("10.00"),
            fiscal_counts_points: false,
        },
        now,
    )
    .unwrap();
    for (outlet, zone) in [("1", "Europe/Moscow"), ("2", "Asia/Vladivostok")] {
        let outlet = partners::NewOutlet {
            code: format!("{code}-{outlet}"),
            name: "Shop".to_owned(),
            town: "Town".to_owned(),
            zone: zone.to_owned(),
        };
        partners::add_outlet(connection, partner.id, &outlet, now).unwrap();
    }
    partner.id
}
