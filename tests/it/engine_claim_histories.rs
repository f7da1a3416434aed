//! Random histories of sales that arrive, at once or in two steps, are claimed, approved, declined, held, released, taken
//! back, refunded, brought or compared by registers, of members found to be one, in whatever order and as often as it
//! comes: a sale is one purchase at most, and the books are sound after every step.

use std::collections::HashMap;

use cashback_engine::claims::{self, Claim, ClaimFilter, ClaimReason, ClaimStatus, drives};
use cashback_engine::fraud::cases::{self, Decision, Verdict};
use cashback_engine::fraud::settings::{set_thresholds, thresholds};
use cashback_engine::fraud::{FraudAction, FraudRule};
use cashback_engine::posting::{Fiscal, Presented, Refusal, Sale, Source};
use cashback_engine::purchases::PurchaseStatus;
use cashback_engine::reconciliation::{Outcome, RegisterMode};
use cashback_engine::refunds::Returned;
use cashback_engine::{EngineError, PurchaseId, jobs, ledger, merging, two_step};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use diesel::prelude::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;
use shared_kernel::paging::Limit;

use crate::engine_registers::{HEADER, load};
use crate::engine_support::Programme;

/// The drives of one till: the one is known, the other gets known some day. Sales by turns of two.
const DRIVES: [&str; 2] = ["9287440300634471", "1111222233334444"];
const SALES: usize = 6;

#[derive(Debug, Clone)]
enum Step {
    /// A sale arrives: over the API with or without its fiscal receipt, in a register, or reserved to be captured.
    Arrives(usize, Way),
    /// What was reserved is captured.
    Captured(usize),
    /// Its member claims it.
    Claimed(usize),
    /// The partner approves the claim, naming the till's receipt or not.
    Approved(usize, bool),
    /// The partner declines it.
    Declined(usize),
    /// A purchase is refunded by so many percent of what is left.
    Refunded(usize, i64),
    /// A case is decided.
    Decided(usize, Verdict),
    /// A register has the sale; it is posted or only compared.
    Filed(usize, RegisterMode),
    /// The drive that nobody knew is registered.
    Known,
    /// Finance tells whose till a claim's receipt is of.
    Assigned(usize),
    /// The two members are one.
    Merged,
    /// Days pass, with the nightly jobs at their end.
    Night(i64),
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Fiscal,
    Plain,
    Register,
    TwoStep,
}

fn step() -> impl Strategy<Value = Step> {
    let way = prop_oneof![Just(Way::Fiscal), Just(Way::Plain), Just(Way::Register), Just(Way::TwoStep)];
    let verdict =
        prop_oneof![Just(Verdict::Release), Just(Verdict::Hold), Just(Verdict::Block { card: false }),];
    prop_oneof![
        5 => (0..SALES, way).prop_map(|(sale, way)| Step::Arrives(sale, way)),
        3 => (0..SALES).prop_map(Step::Captured),
        4 => (0..SALES).prop_map(Step::Claimed),
        3 => (0..SALES, any::<bool>()).prop_map(|(sale, named)| Step::Approved(sale, named)),
        1 => (0..SALES).prop_map(Step::Declined),
        2 => (0..SALES, 1i64..=100).prop_map(|(sale, share)| Step::Refunded(sale, share)),
        3 => (0usize..9, verdict).prop_map(|(case, verdict)| Step::Decided(case, verdict)),
        2 => (0..SALES, prop_oneof![Just(RegisterMode::Post), Just(RegisterMode::Compare)])
            .prop_map(|(sale, mode)| Step::Filed(sale, mode)),
        1 => Just(Step::Known),
        2 => (0..SALES).prop_map(Step::Assigned),
        1 => Just(Step::Merged),
        1 => (1i64..8).prop_map(Step::Night),
    ]
}

/// A sale as it truly happened: told apart by its sum.
struct Truth {
    member: MemberId,
    at: DateTime<Utc>,
    amount: Money,
    fiscal: Fiscal,
    receipt: String,
    /// Whether anybody may have credited it by now.
    arrived: bool,
    approved: bool,
    /// What was reserved for it, until it is known what became of that.
    reserved: Option<PurchaseId>,
}

fn register(programme: &mut Programme, drive: &str) {
    let (books, by) = (programme.books.clone(), (Uuid::new_v4(), programme.now));
    let numbers = [drive.to_owned()];
    programme
        .connection
        .transaction(|connection| drives::add(connection, &books, ("shop-1", None), &numbers, by))
        .unwrap();
}

struct History {
    programme: Programme,
    sales: Vec<Truth>,
    refunds: usize,
}

impl History {
    fn new() -> Self {
        let mut programme = Programme::new();
        programme.rule(r#""earn":{"percent":"5"},"hold_days":2,"life_months":1"#);
        programme.rule(r#""earn":{"fixed":"1.00"},"stacking":"additive","hold_days":0"#);
        let members = [programme.member(), programme.member()];
        let now = programme.now;
        register(&mut programme, DRIVES[0]);
        let mut rules = thresholds(&mut programme.connection).unwrap();
        for rule in &mut rules {
            rule.enabled = matches!(rule.rule, FraudRule::CardDay | FraudRule::RefundCycling);
            rule.action = FraudAction::Hold;
            rule.most_amount = None;
            if rule.most_purchases.is_some() {
                rule.most_purchases = Some(1);
            }
        }
        // One watches where the other holds.
        for rule in rules.iter_mut().filter(|rule| rule.rule == FraudRule::RefundCycling) {
            rule.action = FraudAction::Watch;
        }
        set_thresholds(&mut programme.connection, &rules, Uuid::new_v4(), now).unwrap();
        let sales = (0..SALES)
            .map(|place| {
                let number = i64::try_from(place).unwrap();
                // Two of a member within the same minutes, told apart by a kopeck.
                let at = now - TimeDelta::hours(20) + TimeDelta::minutes(number / 4 * 90);
                let amount = Money::from_kopecks(40_000 + number);
                let local = at.with_timezone(&FixedOffset::east_opt(3 * 3600).unwrap());
                let text = format!(
                    "t={}&s={amount}&fn={}&i={}&fp=1&n=1",
                    local.format("%Y%m%dT%H%M"),
                    DRIVES[place / 2 % 2],
                    number + 1
                );
                Truth {
                    member: members[place % 2],
                    at,
                    amount,
                    fiscal: Fiscal::parse(&text).unwrap(),
                    receipt: format!("T-{place}"),
                    arrived: false,
                    approved: false,
                    reserved: None,
                }
            })
            .collect();
        Self { programme, sales, refunds: 0 }
    }

    fn sale(&mut self, place: usize, source: Source) -> Sale {
        let truth = &self.sales[place];
        let (member, amount) = (truth.member, truth.amount.to_string());
        let (at, receipt) = (truth.at, truth.receipt.clone());
        let mut sale = self.programme.sale(member, &amount);
        (sale.occurred_at, sale.receipt, sale.source) = (at, receipt, source);
        sale.presented = Presented::BareNumber;
        sale
    }

    fn arrives(&mut self, place: usize, way: Way) {
        let source = if matches!(way, Way::Register) { Source::Register } else { Source::Api };
        let mut sale = self.sale(place, source);
        sale.capture = !matches!(way, Way::TwoStep);
        if matches!(way, Way::Fiscal) || !sale.capture && place.is_multiple_of(3) {
            sale.fiscal = Some(self.sales[place].fiscal.clone());
        }
        let truth = &mut self.sales[place];
        match self.programme.post(&sale) {
            Ok(posted) if posted.purchase.status.is_posted() => truth.arrived = true,
            // A register's row is answered with what was reserved, too.
            Ok(posted) => truth.reserved = Some(posted.purchase.id),
            // It came with its fiscal receipt before, and comes without it now, or the other way round; or in two steps.
            Err(Refusal::ReceiptConflict { .. }) => assert!(truth.arrived || truth.reserved.is_some()),
            Err(other) => panic!("{other}"),
        }
    }

    fn captured(&mut self, place: usize) {
        let Some(id) = self.sales[place].reserved else { return };
        let (books, partner) = (self.programme.books.clone(), Some(self.programme.partner));
        let now = self.programme.now;
        let captured = self
            .programme
            .connection
            .transaction(|connection| two_step::capture(connection, &books, (id, partner), None, now))
            .unwrap();
        let truth = &mut self.sales[place];
        match captured {
            Ok(purchase) => {
                assert!(purchase.status.is_posted());
                assert_eq!(purchase.id != id, truth.approved, "a claim's purchase, or its own");
                (truth.arrived, truth.reserved) = (true, None);
            }
            // After seven days there is nothing to capture.
            Err(Refusal::PurchaseState { status }) => assert_eq!(status, PurchaseStatus::Voided),
            Err(other) => panic!("{other}"),
        }
    }

    /// A register that has this sale alone.
    fn filed(&mut self, place: usize, mode: RegisterMode) {
        let truth = &self.sales[place];
        let (credited, reserved) = (truth.arrived || truth.approved, truth.reserved.is_some());
        let (at, cards) = (truth.at.to_rfc3339(), HashMap::from([("c", truth.member)]));
        let file = format!("{HEADER}\nshop-1,{},{at},c,{},,sale,", truth.receipt, truth.amount);
        let (_, outcomes) = load(&mut self.programme, file.as_bytes(), mode, &cards);
        let expected = match mode {
            // What was reserved under this receipt isn't captured, whatever came of a claim.
            _ if reserved => Outcome::OnlyTheirs,
            _ if credited => Outcome::Matched,
            RegisterMode::Post => Outcome::Posted,
            RegisterMode::Compare => Outcome::OnlyTheirs,
        };
        assert!(outcomes.contains(&(expected, 1)), "sale {place}: {outcomes:?}");
        self.sales[place].arrived |= mode == RegisterMode::Post && !reserved;
    }

    fn merged(&mut self) {
        let (from, into) = (self.sales[1].member, self.sales[0].member);
        if from == into {
            return;
        }
        self.programme.now += TimeDelta::milliseconds(1);
        let (books, now) = (self.programme.books.clone(), self.programme.now);
        self.programme
            .connection
            .transaction(|connection| merging::merge(connection, &books, (from, into), Uuid::nil(), now))
            .unwrap();
        for sale in &mut self.sales {
            sale.member = into;
        }
    }

    fn claims(&mut self, place: usize) -> Option<Claim> {
        let truth = &self.sales[place];
        let filter = ClaimFilter { member: Some(truth.member), ..ClaimFilter::default() };
        let limit = Limit::new(200).unwrap();
        let page = claims::claims(&mut self.programme.connection, &filter, None, limit).unwrap();
        page.items.into_iter().find(|claim| claim.document == truth.fiscal.document)
    }

    fn claimed(&mut self, place: usize) {
        let (member, fiscal) = (self.sales[place].member, self.sales[place].fiscal.clone());
        let (books, now) = (self.programme.books.clone(), self.programme.now);
        let credited = self.sales[place].arrived || self.sales[place].approved;
        let filed = self
            .programme
            .connection
            .transaction(|connection| claims::file(connection, &books, member, &fiscal, now))
            .unwrap();
        let waits = filed.is_ok_and(|claim| claim.status == ClaimStatus::Waiting);
        assert!(!(credited && waits), "a credited sale can't be claimed at a till that is known");
    }

    fn approved(&mut self, place: usize, named: bool) {
        let Some(claim) = self.claims(place) else { return };
        let mut sale = self.sale(place, Source::Claim);
        sale.fiscal = Some(self.sales[place].fiscal.clone());
        if !named {
            sale.receipt = claim.derived_receipt();
        }
        match self.programme.post(&sale) {
            Ok(_) => self.sales[place].approved = true,
            Err(Refusal::ClaimEnded) => assert_ne!(claim.status, ClaimStatus::Waiting),
            Err(Refusal::ReceiptConflict { .. }) => assert!(named && self.sales[place].reserved.is_some()),
            Err(other) => panic!("{other}"),
        }
    }

    fn declined(&mut self, place: usize) {
        let Some(claim) = self.claims(place).filter(|claim| claim.status.is_open()) else { return };
        let now = self.programme.now;
        let why = (ClaimReason::DeclinedByPartner, "no");
        claims::decline(&mut self.programme.connection, &claim, why, Uuid::new_v4(), now).unwrap();
    }

    fn assigned(&mut self, place: usize) {
        let Some(claim) = self.claims(place) else { return };
        let (books, now) = (self.programme.books.clone(), self.programme.now);
        let assigned = self
            .programme
            .connection
            .transaction(|connection| claims::assign(connection, &books, &claim, "shop-1", now));
        match assigned {
            // What arrived before is its sale.
            Ok(now) => assert_eq!(now.status == ClaimStatus::Confirmed, self.sales[place].arrived),
            Err(EngineError::State(_)) => assert_ne!(claim.status, ClaimStatus::Unmatched),
            Err(other) => panic!("{other}"),
        }
    }

    fn refunded(&mut self, place: usize, share: i64) {
        let Some((id, left)) = self.purchase(place) else { return };
        let amount = Money::from_kopecks(left * share / 100);
        if amount.is_positive() {
            self.refunds += 1;
            let reference = format!("r-{}", self.refunds);
            self.programme.refund(id, Returned::Amount(amount), &reference).unwrap();
        }
    }

    /// The purchase of a sale and what is left of it; fails when there are two.
    fn purchase(&mut self, place: usize) -> Option<(PurchaseId, i64)> {
        use cashback_engine::schema::ledger::purchases;
        let found: Vec<(PurchaseId, Money, Money)> = purchases::table
            .filter(purchases::amount.eq(self.sales[place].amount.kopecks()))
            .filter(purchases::status.ne_all(["authorized", "voided"]))
            .select((purchases::id, purchases::amount, purchases::refunded))
            .load(&mut self.programme.connection)
            .unwrap();
        assert!(found.len() <= 1, "sale {place} was posted {} times", found.len());
        found.into_iter().next().map(|(id, amount, refunded)| (id, (amount - refunded).kopecks()))
    }

    fn decided(&mut self, place: usize, verdict: Verdict) {
        let limit = Limit::new(200).unwrap();
        let all = cases::cases(&mut self.programme.connection, None, None, limit).unwrap().items;
        let Some(case) = all.get(place % all.len().max(1)) else { return };
        let decision = Decision { verdict, by: Uuid::new_v4(), comment: None };
        let (books, now, id) = (self.programme.books.clone(), self.programme.now, case.id);
        let decided = self
            .programme
            .connection
            .transaction(|connection| cases::decide(connection, &books, id, &decision, now));
        assert!(matches!(decided, Ok(_) | Err(EngineError::State(_))), "{decided:?}");
    }

    fn night(&mut self, days: i64) {
        self.programme.now += TimeDelta::days(days);
        let (books, now) = (self.programme.books.clone(), self.programme.now);
        self.programme
            .connection
            .transaction(|connection| -> QueryResult<()> {
                jobs::release_holds(connection, &books, now, now)?;
                jobs::pay_debts(connection, &books, now, now)?;
                jobs::expire(connection, &books, now, now)?;
                jobs::void_authorizations(connection, &books, now, now)?;
                claims::end_due(connection, &books, now, now)?;
                Ok(())
            })
            .unwrap();
    }

    fn sound(&mut self) {
        for place in 0..SALES {
            let credited = self.sales[place].arrived || self.sales[place].approved;
            assert_eq!(self.purchase(place).is_some(), credited, "sale {place}");
        }
        let books = self.programme.books.clone();
        let report = ledger::audit::verify(&mut self.programme.connection, &books).unwrap();
        assert!(report.ok, "{report:#?}");
    }
}

fn run(steps: &[Step]) {
    let mut history = History::new();
    let mut days = 0;
    for step in steps {
        match step {
            Step::Arrives(sale, way) => history.arrives(*sale, *way),
            Step::Captured(sale) => history.captured(*sale),
            Step::Claimed(sale) => history.claimed(*sale),
            Step::Approved(sale, named) => history.approved(*sale, *named),
            Step::Declined(sale) => history.declined(*sale),
            Step::Refunded(sale, share) => history.refunded(*sale, *share),
            Step::Decided(case, verdict) => history.decided(*case, *verdict),
            Step::Filed(sale, mode) => history.filed(*sale, *mode),
            Step::Known => register(&mut history.programme, DRIVES[1]),
            Step::Assigned(sale) => history.assigned(*sale),
            Step::Merged => history.merged(),
            // A sale is too late for the API after thirty days.
            Step::Night(more) if days + more < 28 => {
                days += more;
                history.night(*more);
            }
            Step::Night(_) => {}
        }
        history.sound();
    }
}

#[test]
fn a_sale_is_one_purchase_whatever_comes_first() {
    let config = Config { cases: 12, max_shrink_iters: 80, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 1..40), |steps| {
            run(&steps);
            Ok(())
        })
        .unwrap();
}
