//! Random histories: whatever is bought, authorised, captured, given up, told late, claimed, refunded (also in a register
//! before it is bought), released, expired, given away, corrected and merged, by rules that change, in whatever order, the invariants hold, days close, a batch gives
//! what one at a time gives, and both equal a slow, obvious model written for this test alone.

mod claimed;
mod filed;
mod model;
mod standing;

use cashback_engine::claims::ClaimId;
use cashback_engine::posting::{Line, Presented, Sale, Source};
use cashback_engine::refunds::Returned;
use cashback_engine::rules::{RuleDraft, store};
use cashback_engine::{PurchaseId, RuleId, jobs, ledger, two_step};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::prelude::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::money::Money;

use self::model::{Model, ModelLot, State};
use crate::engine_claims;
use crate::engine_support::{Programme, money};

const RULES: [&str; 3] = [
    r#""earn":{"percent":"5"},"hold_days":3,"life_months":1,
       "caps":{"per_member":{"amount":"40.00","period":"month"}}"#,
    r#""earn":{"per":"100.00","amount":"1.00"},"stacking":"additive","hold_days":3,"life_months":1,
       "when":{"categories":["books"]},"funding":[{"by":"partner","share":"0.5"},{"by":"R-1","share":"0.5"}]"#,
    r#""earn":{"percent":"6"},"hold_days":3,"life_months":1,"caps":{"budget":"150.00"}"#,
];
/// What the rule with a budget gives, in percent, and its budget. It competes with the first.
const BUDGETED: (i64, i64) = (6, 15_000);
const MEMBERS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    /// Who, books and other lines in kopecks, and how many percent to pay with points.
    Buy(usize, i64, i64, i64),
    /// Which purchase, and how many percent of what is left by amount.
    Refund(usize, i64),
    /// Which purchase, which line, how many percent of what is left of it.
    RefundLine(usize, usize, i64),
    /// Days that pass, with the nightly jobs at their end.
    Night(i64),
    /// What else happens to a member.
    Deed(standing::Deed),
    /// As [`Step::Buy`], reserved only.
    Authorize(usize, i64, i64, i64),
    /// Which purchase, and how many percent of it are captured.
    Capture(usize, i64),
    /// Which purchase, and how many percent of each of its lines are captured.
    CaptureLines(usize, [i64; 2]),
    /// Which purchase is given up.
    Void(usize),
    /// Who, books and other lines, and how many days ago: told late, as a register does.
    Late(usize, i64, i64, i64),
    /// The first rule gives so many percent from now on.
    Rule(i64),
    /// What becomes of a receipt that is claimed.
    Claimed(claimed::Claimed),
    /// A register's refund before its sale, and its sale.
    Filed(filed::Filed),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..MEMBERS, 0i64..40_000, 1i64..40_000, 0i64..=50).prop_map(|(m, b, o, r)| Step::Buy(m, b, o, r)),
        2 => (0usize..99, 1i64..=100).prop_map(|(p, share)| Step::Refund(p, share)),
        2 => (0usize..99, 0usize..2, 1i64..=100).prop_map(|(p, l, share)| Step::RefundLine(p, l, share)),
        2 => (1i64..20).prop_map(Step::Night),
        3 => standing::deed().prop_map(Step::Deed),
        3 => (0..MEMBERS, 0i64..40_000, 1i64..40_000, 0i64..=50)
            .prop_map(|(m, b, o, r)| Step::Authorize(m, b, o, r)),
        2 => (0usize..99, 1i64..=130).prop_map(|(p, share)| Step::Capture(p, share)),
        2 => (0usize..99, [0i64..=100, 0i64..=100]).prop_map(|(p, shares)| Step::CaptureLines(p, shares)),
        1 => (0usize..99).prop_map(Step::Void),
        2 => (0..MEMBERS, 0i64..40_000, 1i64..40_000, 1i64..20).prop_map(|(m, b, o, d)| Step::Late(m, b, o, d)),
        1 => (1i64..12).prop_map(Step::Rule),
        4 => claimed::claimed().prop_map(Step::Claimed),
        2 => filed::filed().prop_map(Step::Filed),
    ]
}

/// Lines as they are said: what there is of them.
fn said(lines: [i64; 2]) -> Vec<Line> {
    let line = |(sku, kopecks): (&str, i64)| Line {
        sku: Some(sku.to_owned()),
        category: Some(sku.to_owned()),
        quantity: None,
        amount: Money::from_kopecks(kopecks),
    };
    ["books", "other"].into_iter().zip(lines).filter(|(_, kopecks)| *kopecks > 0).map(line).collect()
}

/// The engine beside the model.
struct Run {
    programme: Programme,
    members: Vec<MemberId>,
    purchases: Vec<PurchaseId>,
    claims: Vec<ClaimId>,
    waiting: Vec<Sale>,
    batched: bool,
    rule: RuleId,
    versions: i32,
    registers: usize,
}

impl Run {
    fn new(batched: bool) -> Self {
        let mut programme = Programme::new();
        let rules = RULES.map(|rule| programme.rule(rule));
        engine_claims::register_drive(&mut programme);
        let members = (0..MEMBERS).map(|_| programme.member()).collect();
        Self {
            programme,
            members,
            purchases: Vec::new(),
            claims: Vec::new(),
            waiting: Vec::new(),
            batched,
            rule: rules[0],
            versions: 1,
            registers: 0,
        }
    }

    /// `days` ago; reserved only unless `capture`.
    fn buy(&mut self, member: usize, lines: [i64; 2], redeemed: i64, (days, capture): (i64, bool)) {
        let amount = Money::from_kopecks(lines[0] + lines[1]);
        let mut sale = self.programme.sale(self.members[member], &amount.to_string());
        sale.lines = Some(said(lines));
        sale.redeem = Money::from_kopecks(redeemed);
        sale.capture = capture;
        if days > 0 {
            (sale.source, sale.presented) = (Source::Register, Presented::BareNumber);
        }
        // The moment is set when it is posted.
        sale.occurred_at =
            DateTime::<Utc>::UNIX_EPOCH + if days > 0 { late(days) } else { TimeDelta::zero() };
        self.waiting.push(sale);
        if !self.batched {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.programme.now += TimeDelta::milliseconds(1);
        let now = self.programme.now;
        for sale in &mut self.waiting {
            sale.occurred_at = now - (sale.occurred_at - DateTime::<Utc>::UNIX_EPOCH);
        }
        let waiting = std::mem::take(&mut self.waiting);
        let posted = self.programme.post_all(&waiting);
        self.purchases.extend(posted.into_iter().map(|outcome| outcome.unwrap().purchase.id));
    }

    fn refund(&mut self, at: usize, what: Returned, number: usize) {
        self.flush();
        self.programme.refund(self.purchases[at], what, &number.to_string()).unwrap();
    }

    fn capture(&mut self, at: usize, what: Option<&Returned>) {
        self.flush();
        let (books, now) = (self.programme.books.clone(), self.programme.now);
        let (id, partner) = (self.purchases[at], Some(self.programme.partner));
        let captured =
            self.programme.connection.transaction(|c| two_step::capture(c, &books, (id, partner), what, now));
        captured.unwrap().unwrap();
    }

    fn void(&mut self, at: usize) {
        self.flush();
        let (books, now) = (self.programme.books.clone(), self.programme.now);
        let (id, partner) = (self.purchases[at], Some(self.programme.partner));
        let voided = self.programme.connection.transaction(|c| two_step::void(c, &books, (id, partner), now));
        voided.unwrap().unwrap();
    }

    fn change_rule(&mut self, percent: i64) {
        self.flush();
        self.versions += 1;
        let terms = RULES[0].replace("\"5\"", &format!("\"{percent}\""));
        let json = format!(r#"{{"name":"rule","partner":"shop",{terms}}}"#);
        let draft: RuleDraft = serde_json::from_str(&json).unwrap();
        let (connection, now) = (&mut self.programme.connection, self.programme.now);
        store::add(connection, self.rule, &draft, Uuid::new_v4(), now).unwrap();
        store::approve(connection, self.rule, self.versions, Uuid::new_v4(), now).unwrap();
    }

    fn night(&mut self, days: i64) {
        self.flush();
        self.programme.now += TimeDelta::days(days);
        let (books, now) = (self.programme.books.clone(), self.programme.now);
        self.programme
            .connection
            .transaction(|connection| -> QueryResult<()> {
                jobs::release_holds(connection, &books, now, now)?;
                jobs::pay_debts(connection, &books, now, now)?;
                jobs::expire(connection, &books, now, now)?;
                jobs::void_authorizations(connection, &books, now, now)?;
                while ledger::closing::close_day(connection, &books, now, now)?.is_some() {}
                Ok(())
            })
            .unwrap();
        self.end_claims();
    }

    /// Everything that can be compared: members' booked balances, then the accounts.
    fn state(&mut self) -> Vec<i64> {
        use cashback_engine::schema::ledger::balances;
        self.flush();
        let mut state = Vec::new();
        for member in &self.members {
            let row: (i64, i64, i64, i64) = balances::table
                .find(member)
                .select((balances::pending, balances::available, balances::reserved, balances::debt))
                .first(&mut self.programme.connection)
                .unwrap();
            state.extend([row.0, row.1, row.2, row.3]);
        }
        let signed = |text: String| match text.strip_prefix('-') {
            Some(plain) => -money(plain).kopecks(),
            None => money(&text).kopecks(),
        };
        state.push(-signed(self.programme.debited("breakage", "union")));
        state.push(-signed(self.programme.debited("commission", "union")));
        state.push(signed(self.programme.debited("receivable", "shop")));
        state.push(signed(self.programme.debited("funding", "R-1")));
        state.push(signed(self.programme.debited("adjustments", "union")));
        state.push(-signed(self.programme.debited("solidarity", "union")));
        state
    }

    fn sound(&mut self) {
        let books = self.programme.books.clone();
        let report = ledger::audit::verify(&mut self.programme.connection, &books).unwrap();
        assert!(report.ok, "{report:#?}");
    }
}

impl Model {
    fn state(&self) -> Vec<i64> {
        let mut state: Vec<i64> =
            self.members.iter().flat_map(|m| [m.pending, m.available, m.reserved, m.debt]).collect();
        state.extend([self.breakage, self.commission, self.receivable, self.funding]);
        state.extend([self.adjusted, self.solidarity]);
        state
    }
}

impl Model {
    /// How many kopecks are redeemed of so many percent of the amount: what can be spent, 10.00 at least.
    fn redeemed(&self, member: usize, amount: i64, share: i64, today: NaiveDate) -> i64 {
        let most = (amount * share / 100).min(self.members[member].spendable(today));
        let buyer = &self.members[member];
        if most >= 1_000 && !buyer.frozen && !buyer.left { most } else { 0 }
    }

    /// The purchase meant by a number, when it is in that state.
    fn pick(&self, number: usize, state: State) -> Option<usize> {
        let at = number.checked_rem(self.purchases.len())?;
        (self.purchases[at].state == state).then_some(at)
    }
}

/// How long ago what is told so many days late was: never at the very hour at which something else was done.
fn late(days: i64) -> TimeDelta {
    TimeDelta::days(days) + TimeDelta::hours(1)
}

fn refunded(model: &mut Model, runs: &mut [Run; 2], number: usize, step: &Step, today: NaiveDate) {
    let (by_amount, lines, what) = match step {
        Step::Refund(at, share) => {
            let Some(at) = model.pick(*at, State::Posted) else { return };
            let amount = model.left(at) * share / 100;
            ((at, amount), [0, 0], Returned::Amount(Money::from_kopecks(amount)))
        }
        Step::RefundLine(at, line, share) => {
            let Some(at) = model.pick(*at, State::Posted) else { return };
            if !model.purchases[at].lined {
                return;
            }
            let amount = (model.purchases[at].kept[*line] * share / 100).min(model.left(at));
            let mut lines = [0, 0];
            lines[*line] = amount;
            let sku = ["books", "other"][*line].to_owned();
            let amount = Money::from_kopecks(amount);
            let returned = Line { sku: Some(sku.clone()), category: Some(sku), quantity: None, amount };
            ((at, 0), lines, Returned::Lines(vec![returned]))
        }
        _ => return,
    };
    let (at, amount) = by_amount;
    if amount + lines[0] + lines[1] > 0 {
        model.refund(at, (amount, false), lines, today);
        runs.iter_mut().for_each(|run| run.refund(at, what.clone(), number));
    }
}

fn captured(model: &mut Model, runs: &mut [Run; 2], step: &Step, today: NaiveDate) {
    let (Step::Capture(number, _) | Step::CaptureLines(number, _)) = step else { return };
    let Some(at) = model.pick(*number, State::Authorized) else { return };
    if matches!(step, Step::CaptureLines(..)) && !model.purchases[at].lined {
        return;
    }
    let lines = model.purchases[at].lines;
    let amount = lines[0] + lines[1];
    let (by_amount, by_lines, what) = match step {
        Step::CaptureLines(_, shares) => {
            let captured = [lines[0] * shares[0] / 100, lines[1] * shares[1] / 100];
            let rest = [lines[0] - captured[0], lines[1] - captured[1]];
            (0, rest, Some(Returned::Lines(said(captured))).filter(|_| captured != [0, 0]))
        }
        Step::Capture(_, share) => {
            let captured = (amount * share / 100).max(1);
            let what = Returned::Amount(Money::from_kopecks(captured));
            ((amount - captured).max(0), [0, 0], Some(what).filter(|_| captured < amount))
        }
        _ => return,
    };
    let left_out = if what.is_some() { by_amount + by_lines[0] + by_lines[1] } else { 0 };
    if model.is_credited(at, left_out == 0) {
        model.void(at, today);
    } else {
        model.capture(at, today);
        if left_out > 0 {
            model.refund(at, (by_amount, true), by_lines, today);
        }
        model.settle_filed(at, today);
    }
    runs.iter_mut().for_each(|run| run.capture(at, what.as_ref()));
}

fn take(model: &mut Model, runs: &mut [Run; 2], number: usize, step: &Step) {
    let today = runs[0].programme.now.date_naive();
    match step {
        Step::Buy(member, books, other, share) => {
            let member = &model.survivor(*member);
            let redeemed = model.redeemed(*member, books + other, *share, today);
            model.authorize(*member, [*books, *other], redeemed, (today, today, None));
            model.capture(model.purchases.len() - 1, today);
            runs.iter_mut().for_each(|run| run.buy(*member, [*books, *other], redeemed, (0, true)));
        }
        Step::Authorize(member, books, other, share) => {
            let member = &model.survivor(*member);
            let redeemed = model.redeemed(*member, books + other, *share, today);
            model.authorize(*member, [*books, *other], redeemed, (today, today, None));
            runs.iter_mut().for_each(|run| run.buy(*member, [*books, *other], redeemed, (0, false)));
        }
        Step::Late(member, books, other, days) => {
            let member = &model.survivor(*member);
            let moment = runs[0].programme.now - late(*days);
            let day = moment.date_naive();
            model.authorize(*member, [*books, *other], 0, (today, day, Some(moment)));
            model.capture(model.purchases.len() - 1, today);
            runs.iter_mut().for_each(|run| run.buy(*member, [*books, *other], 0, (*days, true)));
        }
        Step::Capture(..) | Step::CaptureLines(..) => captured(model, runs, step, today),
        Step::Void(at) => {
            let Some(at) = model.pick(*at, State::Authorized) else { return };
            model.void(at, today);
            runs.iter_mut().for_each(|run| run.void(at));
        }
        Step::Rule(percent) => {
            model.rates.push((runs[0].programme.now, *percent));
            runs.iter_mut().for_each(|run| run.change_rule(*percent));
        }
        Step::Deed(deed) => standing::apply(*deed, model, runs, today),
        Step::Claimed(asked) => claimed::apply(*asked, model, runs, today),
        Step::Filed(asked) => filed::apply(*asked, model, runs, today),
        Step::Refund(..) | Step::RefundLine(..) => refunded(model, runs, number, step, today),
        Step::Night(days) => {
            runs.iter_mut().for_each(|run| run.night(*days));
            model.night(runs[0].programme.now.date_naive());
            model.end_claims(runs[0].programme.now);
        }
    }
}

/// After so many steps the engine is compared with the model.
const COMPARED_EVERY: usize = 50;

fn history(steps: &[Step]) {
    let mut model = Model::new();
    let mut runs = [Run::new(false), Run::new(true)];
    for (number, step) in steps.iter().enumerate() {
        take(&mut model, &mut runs, number, step);
        if number % COMPARED_EVERY == COMPARED_EVERY - 1 {
            compared(&model, &mut runs);
        }
    }
    compared(&model, &mut runs);
    runs.iter_mut().for_each(Run::sound);
}

fn compared(model: &Model, runs: &mut [Run; 2]) {
    let [one, batched] = runs;
    assert_eq!(one.state(), model.state(), "one at a time is the model");
    assert_eq!(batched.state(), model.state(), "batched is the model");
}

fn histories(cases: u32, steps: std::ops::Range<usize>) {
    let config = Config { cases, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), steps), |steps| {
            history(&steps);
            Ok(())
        })
        .unwrap();
}

#[test]
fn random_histories_keep_the_invariants_and_equal_the_model() {
    histories(8, 1..60);
}

#[test]
fn a_history_of_a_thousand_steps_does_too() {
    histories(1, 1_000..1_001);
}

#[test]
fn two_histories_of_a_thousand_steps_do_too() {
    histories(2, 1_000..1_001);
}
