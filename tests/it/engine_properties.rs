//! Random histories: whatever is bought, redeemed, refunded, released, expired, corrected and merged, in whatever order, the invariants
//! hold, a batch gives what one at a time gives, and both equal a slow, obvious model written for this test alone.

mod standing;

use cashback_engine::posting::{Line, Sale};
use cashback_engine::refunds::Returned;
use cashback_engine::{PurchaseId, jobs, ledger};
use chrono::{Days, Months, NaiveDate, TimeDelta};
use diesel::prelude::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;

use crate::engine_support::{Programme, money};

const RULES: [&str; 2] = [
    r#""earn":{"percent":"5"},"hold_days":3,"life_months":1,
       "caps":{"per_member":{"amount":"40.00","period":"month"}}"#,
    r#""earn":{"per":"100.00","amount":"1.00"},"stacking":"additive","hold_days":3,"life_months":1,
       "when":{"categories":["books"]},"funding":[{"by":"partner","share":"0.5"},{"by":"R-1","share":"0.5"}]"#,
];
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
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..MEMBERS, 0i64..40_000, 1i64..40_000, 0i64..=50).prop_map(|(m, b, o, r)| Step::Buy(m, b, o, r)),
        2 => (0usize..99, 1i64..=100).prop_map(|(p, share)| Step::Refund(p, share)),
        2 => (0usize..99, 0usize..2, 1i64..=100).prop_map(|(p, l, share)| Step::RefundLine(p, l, share)),
        2 => (1i64..20).prop_map(Step::Night),
        3 => standing::deed().prop_map(Step::Deed),
    ]
}

/// `numerator ÷ denominator`, half away from zero; nothing is negative here.
fn round(numerator: i128, denominator: i128) -> i64 {
    i64::try_from((2 * numerator + denominator) / (2 * denominator)).unwrap()
}

#[derive(Debug, Clone)]
struct ModelLot {
    purchase: usize,
    /// The place in the order of all that was accrued.
    order: usize,
    remaining: i64,
    expired: i64,
    available_on: NaiveDate,
    last_day: NaiveDate,
    released: bool,
}

#[derive(Debug, Clone)]
struct ModelPurchase {
    member: usize,
    day: NaiveDate,
    lines: [i64; 2],
    kept: [i64; 2],
    by_amount: i64,
    redeemed: i64,
    redeemed_left: i64,
    commission_left: i64,
    room: i64,
    percent_left: i64,
    step_left: i64,
    /// Lot (by place) and what was taken and not returned.
    spent: Vec<(usize, i64)>,
}

#[derive(Debug, Clone, Default)]
struct ModelMember {
    pending: i64,
    available: i64,
    debt: i64,
    lots: Vec<ModelLot>,
    used: Vec<(NaiveDate, i64)>,
    frozen: bool,
    left: bool,
    /// When the member last joined or left.
    word: usize,
}

#[derive(Debug, Clone, Default)]
struct Model {
    members: Vec<ModelMember>,
    purchases: Vec<ModelPurchase>,
    breakage: i64,
    commission: i64,
    receivable: i64,
    funding: i64,
    /// Debits less credits.
    adjusted: i64,
    solidarity: i64,
    /// Who was merged into whom.
    merged: Vec<Option<usize>>,
    sequence: usize,
}

impl ModelMember {
    fn spendable(&self, today: NaiveDate) -> i64 {
        self.lots.iter().filter(|lot| lot.released && lot.last_day >= today).map(|lot| lot.remaining).sum()
    }

    fn spend(&mut self, mut amount: i64, today: NaiveDate) -> Vec<(usize, i64)> {
        let mut order: Vec<usize> = (0..self.lots.len()).collect();
        order.sort_by_key(|at| (self.lots[*at].last_day, self.lots[*at].order));
        let mut taken = Vec::new();
        for at in order {
            let lot = &mut self.lots[at];
            if lot.released && lot.last_day >= today && lot.remaining > 0 && amount > 0 {
                let part = lot.remaining.min(amount);
                lot.remaining -= part;
                amount -= part;
                taken.push((at, part));
            }
        }
        taken
    }

    fn used(&mut self, day: NaiveDate) -> &mut i64 {
        let month = day.format("%Y-%m-01").to_string().parse().unwrap();
        if !self.used.iter().any(|(of, _)| *of == month) {
            self.used.push((month, 0));
        }
        &mut self.used.iter_mut().find(|(of, _)| *of == month).unwrap().1
    }
}

impl Model {
    fn new() -> Self {
        Self {
            members: vec![ModelMember::default(); MEMBERS],
            merged: vec![None; MEMBERS],
            ..Self::default()
        }
    }

    fn next(&mut self) -> usize {
        self.sequence += 1;
        self.sequence
    }

    fn settle(&mut self, member: usize, today: NaiveDate) {
        let today = self.day_for(member, today);
        let m = &mut self.members[member];
        if m.debt > 0 && m.available > 0 {
            let paid: i64 = m.spend(m.debt, today).iter().map(|(_, part)| part).sum();
            m.available -= paid;
            m.debt -= paid;
            if m.debt > 0 {
                self.expire(member, today);
            }
        }
    }

    fn expire(&mut self, member: usize, today: NaiveDate) {
        let m = &mut self.members[member];
        for lot in m.lots.iter_mut().filter(|lot| lot.released && lot.last_day < today) {
            m.available -= lot.remaining;
            self.breakage += lot.remaining;
            lot.expired += lot.remaining;
            lot.remaining = 0;
        }
    }

    fn buy(&mut self, member: usize, lines: [i64; 2], redeemed: i64, today: NaiveDate) {
        let amount = lines[0] + lines[1];
        let paid = amount - redeemed;
        let order = self.next();
        let m = &mut self.members[member];
        let spent = m.spend(redeemed, today);
        m.available -= redeemed;
        // Who left earns nothing, whatever the rules give.
        let earning = if m.left { 0 } else { paid };
        let room = (4_000 - *m.used(today)).max(0);
        let percent = round(i128::from(earning) * 5, 100).min(room);
        let books = i128::from(earning) * i128::from(lines[0]) / (i128::from(amount) * 10_000);
        let step = (i64::try_from(books).unwrap() * 100).min(paid - percent);
        *m.used(today) += percent;
        m.pending += percent + step;
        let commission = round(i128::from(paid) * 3, 100);
        self.commission += commission;
        self.funding += step / 2;
        self.receivable += percent + step - step / 2 + commission - redeemed;
        let purchase = self.purchases.len();
        if percent + step > 0 {
            m.lots.push(ModelLot {
                purchase,
                order,
                remaining: percent + step,
                expired: 0,
                available_on: today.checked_add_days(Days::new(4)).unwrap(),
                last_day: today.checked_add_months(Months::new(1)).unwrap(),
                released: false,
            });
        }
        self.purchases.push(ModelPurchase {
            member,
            day: today,
            lines,
            kept: lines,
            by_amount: 0,
            redeemed,
            redeemed_left: redeemed,
            commission_left: commission,
            room: if m.left { 0 } else { room },
            percent_left: percent,
            step_left: step,
            spent,
        });
    }

    fn left(&self, at: usize) -> i64 {
        let p = &self.purchases[at];
        p.kept[0] + p.kept[1] - p.by_amount
    }

    fn refund(&mut self, at: usize, by_amount: i64, lines: [i64; 2], today: NaiveDate) {
        let p = &mut self.purchases[at];
        p.by_amount += by_amount;
        p.kept = [p.kept[0] - lines[0], p.kept[1] - lines[1]];
        let whole = p.kept[0] + p.kept[1];
        let left = whole - p.by_amount;
        let redeemed = round(i128::from(p.redeemed) * i128::from(left), i128::from(p.lines[0] + p.lines[1]));
        let paid = left - redeemed;
        let commission = round(i128::from(paid) * 3, 100).min(p.commission_left);
        let percent = round(i128::from(paid) * 5, 100).min(p.room).min(p.percent_left);
        let books = match whole {
            0 => 0,
            _ => i128::from(paid) * i128::from(p.kept[0]) / (i128::from(whole) * 10_000),
        };
        let step = (i64::try_from(books).unwrap() * 100).min(p.step_left).min(paid - percent);
        let (returned, less_percent, less_step) =
            (p.redeemed_left - redeemed, p.percent_left - percent, p.step_left - step);
        let less_commission = p.commission_left - commission;
        (p.redeemed_left, p.commission_left, p.percent_left, p.step_left) =
            (redeemed, commission, percent, step);
        // Each funder's part is its part of what remains, an odd kopeck the partner's.
        let less_funding = (step + less_step) / 2 - step / 2;
        self.commission -= less_commission;
        self.funding -= less_funding;
        self.receivable += returned - less_commission - less_percent - (less_step - less_funding);
        let (member, day) = (p.member, p.day);
        let today = self.day_for(member, today);
        self.give_back(at, returned, today);
        *self.members[member].used(day) -= less_percent;
        self.take(at, less_percent + less_step, today);
        self.settle(member, today);
    }

    fn give_back(&mut self, at: usize, mut amount: i64, today: NaiveDate) {
        let p = &mut self.purchases[at];
        let m = &mut self.members[p.member];
        for (lot, taken) in p.spent.iter_mut().rev() {
            let part = amount.min(*taken);
            *taken -= part;
            amount -= part;
            let lot = &mut m.lots[*lot];
            if lot.last_day < today {
                lot.expired += part;
                self.breakage += part;
            } else {
                lot.remaining += part;
                m.available += part;
            }
        }
    }

    fn take(&mut self, at: usize, mut amount: i64, today: NaiveDate) {
        let m = &mut self.members[self.purchases[at].member];
        if let Some(own) = m.lots.iter_mut().find(|lot| lot.purchase == at) {
            let part = own.remaining.min(amount);
            own.remaining -= part;
            *(if own.released { &mut m.available } else { &mut m.pending }) -= part;
            amount -= part;
            let part = own.expired.min(amount);
            own.expired -= part;
            self.breakage -= part;
            amount -= part;
        }
        let others: i64 = m.spend(amount, today).iter().map(|(_, part)| part).sum();
        m.available -= others;
        m.debt += amount - others;
    }

    fn night(&mut self, today: NaiveDate) {
        for member in 0..MEMBERS {
            for at in 0..self.members[member].lots.len() {
                let m = &mut self.members[member];
                let lot = &mut m.lots[at];
                if !lot.released && lot.available_on <= today {
                    lot.released = true;
                    m.pending -= lot.remaining;
                    m.available += lot.remaining;
                    self.settle(member, today);
                }
            }
            if !self.members[member].frozen {
                self.expire(member, today);
            }
        }
    }
}

/// The engine beside the model.
struct Run {
    programme: Programme,
    members: Vec<MemberId>,
    purchases: Vec<PurchaseId>,
    waiting: Vec<Sale>,
    batched: bool,
}

impl Run {
    fn new(batched: bool) -> Self {
        let mut programme = Programme::new();
        for rule in RULES {
            programme.rule(rule);
        }
        let members = (0..MEMBERS).map(|_| programme.member()).collect();
        Self { programme, members, purchases: Vec::new(), waiting: Vec::new(), batched }
    }

    fn buy(&mut self, member: usize, lines: [i64; 2], redeemed: i64) {
        let amount = Money::from_kopecks(lines[0] + lines[1]);
        let mut sale = self.programme.sale(self.members[member], &amount.to_string());
        let line = |(sku, kopecks): (&str, i64)| Line {
            sku: Some(sku.to_owned()),
            category: Some(sku.to_owned()),
            quantity: None,
            amount: Money::from_kopecks(kopecks),
        };
        let lines = [("books", lines[0]), ("other", lines[1])];
        sale.lines = Some(lines.into_iter().filter(|(_, kopecks)| *kopecks > 0).map(line).collect());
        sale.redeem = Money::from_kopecks(redeemed);
        self.waiting.push(sale);
        if !self.batched {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.programme.now += TimeDelta::milliseconds(1);
        let now = self.programme.now;
        for sale in &mut self.waiting {
            sale.occurred_at = now;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let posted = self.programme.post_all(&waiting);
        self.purchases.extend(posted.into_iter().map(|outcome| outcome.unwrap().purchase.id));
    }

    fn refund(&mut self, at: usize, what: Returned, number: usize) {
        self.flush();
        self.programme.refund(self.purchases[at], what, &number.to_string()).unwrap();
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
                Ok(())
            })
            .unwrap();
    }

    /// Everything that can be compared: members' booked balances, then the accounts.
    fn state(&mut self) -> Vec<i64> {
        use cashback_engine::schema::ledger::balances;
        self.flush();
        let mut state = Vec::new();
        for member in &self.members {
            let row: (i64, i64, i64) = balances::table
                .find(member)
                .select((balances::pending, balances::available, balances::debt))
                .first(&mut self.programme.connection)
                .unwrap();
            state.extend([row.0, row.1, row.2]);
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
            self.members.iter().flat_map(|m| [m.pending, m.available, m.debt]).collect();
        state.extend([self.breakage, self.commission, self.receivable, self.funding]);
        state.extend([self.adjusted, self.solidarity]);
        state
    }
}

fn history(steps: &[Step]) {
    let mut model = Model::new();
    let mut runs = [Run::new(false), Run::new(true)];
    for (number, step) in steps.iter().enumerate() {
        let today = runs[0].programme.now.date_naive();
        match step {
            Step::Buy(member, books, other, share) => {
                let member = &model.survivor(*member);
                let lines = [*books, *other];
                let most = (books + other) * share / 100;
                let redeemed = Some(most.min(model.members[*member].spendable(today)));
                let buyer = &model.members[*member];
                let redeems = !buyer.frozen && !buyer.left;
                let redeemed = redeemed.filter(|points| redeems && *points >= 1_000).unwrap_or(0);
                model.buy(*member, lines, redeemed, today);
                runs.iter_mut().for_each(|run| run.buy(*member, lines, redeemed));
            }
            Step::Refund(at, share) if !model.purchases.is_empty() => {
                let at = at % model.purchases.len();
                let amount = model.left(at) * share / 100;
                if amount > 0 {
                    model.refund(at, amount, [0, 0], today);
                    let what = Returned::Amount(Money::from_kopecks(amount));
                    runs.iter_mut().for_each(|run| run.refund(at, what.clone(), number));
                }
            }
            Step::RefundLine(at, line, share) if !model.purchases.is_empty() => {
                let at = at % model.purchases.len();
                let amount = (model.purchases[at].kept[*line] * share / 100).min(model.left(at));
                if amount > 0 {
                    let mut lines = [0, 0];
                    lines[*line] = amount;
                    model.refund(at, 0, lines, today);
                    let sku = ["books", "other"][*line].to_owned();
                    let returned = Line {
                        sku: Some(sku.clone()),
                        category: Some(sku),
                        quantity: None,
                        amount: Money::from_kopecks(amount),
                    };
                    runs.iter_mut()
                        .for_each(|run| run.refund(at, Returned::Lines(vec![returned.clone()]), number));
                }
            }
            Step::Refund(..) | Step::RefundLine(..) => {}
            Step::Deed(deed) => standing::apply(*deed, &mut model, &mut runs, today),
            Step::Night(days) => {
                runs.iter_mut().for_each(|run| run.night(*days));
                model.night(runs[0].programme.now.date_naive());
            }
        }
    }
    let [one, batched] = &mut runs;
    assert_eq!(one.state(), model.state(), "one at a time is the model");
    assert_eq!(batched.state(), model.state(), "batched is the model");
    one.sound();
    batched.sound();
}

#[test]
fn random_histories_keep_the_invariants_and_equal_the_model() {
    let config = Config { cases: 8, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 1..40), |steps| {
            history(&steps);
            Ok(())
        })
        .unwrap();
}
