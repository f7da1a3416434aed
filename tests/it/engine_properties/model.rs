//! The slow, obvious model of the engine: members with lots, purchases with lines, and what every step does to them.

use chrono::{DateTime, Days, Months, NaiveDate, Utc};

use super::{BUDGETED, MEMBERS, claimed, filed};

/// `numerator ÷ denominator`, half away from zero; nothing is negative here.
pub fn round(numerator: i128, denominator: i128) -> i64 {
    i64::try_from((2 * numerator + denominator) / (2 * denominator)).unwrap()
}

#[derive(Debug, Clone)]
pub struct ModelLot {
    pub purchase: usize,
    /// The place in the order of all that was accrued.
    pub order: usize,
    pub remaining: i64,
    pub expired: i64,
    pub available_on: NaiveDate,
    pub last_day: NaiveDate,
    pub released: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Posted,
    Authorized,
    Voided,
}

#[derive(Debug, Clone)]
pub struct ModelPurchase {
    pub member: usize,
    pub day: NaiveDate,
    /// When it was booked.
    pub booked: NaiveDate,
    /// The claim whose sale it is.
    pub claim: Option<usize>,
    /// What registers return of it once it is captured.
    pub awaited: Vec<i64>,
    /// The place in the order of all that was accrued.
    pub order: usize,
    pub state: State,
    /// Whether it has lines to be returned.
    pub lined: bool,
    /// Of the better of the two rules that compete, and whether that is the one with a budget.
    pub rate: i64,
    pub budgeted: bool,
    pub lines: [i64; 2],
    pub kept: [i64; 2],
    pub by_amount: i64,
    pub redeemed: i64,
    pub redeemed_left: i64,
    pub commission_left: i64,
    pub room: i64,
    pub percent_left: i64,
    pub step_left: i64,
    /// Lot (by place) and what was taken and not returned.
    pub spent: Vec<(usize, i64)>,
}

#[derive(Debug, Clone, Default)]
pub struct ModelMember {
    pub pending: i64,
    pub available: i64,
    pub reserved: i64,
    pub debt: i64,
    pub lots: Vec<ModelLot>,
    pub used: Vec<(NaiveDate, i64)>,
    pub frozen: bool,
    pub left: bool,
    /// When the member last joined or left.
    pub word: usize,
    /// When the member joined or left; who never did took part from the start.
    pub words: Vec<(DateTime<Utc>, bool)>,
}

#[derive(Debug, Clone, Default)]
pub struct Model {
    pub members: Vec<ModelMember>,
    pub purchases: Vec<ModelPurchase>,
    pub claims: Vec<claimed::ModelClaim>,
    pub filed: Vec<filed::ModelFiled>,
    pub breakage: i64,
    pub commission: i64,
    pub receivable: i64,
    pub funding: i64,
    /// Debits less credits.
    pub adjusted: i64,
    pub solidarity: i64,
    /// Who was merged into whom.
    pub merged: Vec<Option<usize>>,
    pub sequence: usize,
    /// What is used of the budget.
    pub budget: i64,
    /// From when on the first rule gives how many percent.
    pub rates: Vec<(DateTime<Utc>, i64)>,
}

impl ModelMember {
    /// Whether the member took no part at a moment.
    pub fn left_at(&self, at: DateTime<Utc>) -> bool {
        self.words.iter().rev().find(|(word, _)| *word <= at).is_some_and(|(_, left)| *left)
    }

    pub fn spendable(&self, today: NaiveDate) -> i64 {
        self.lots.iter().filter(|lot| lot.released && lot.last_day >= today).map(|lot| lot.remaining).sum()
    }

    pub fn spend(&mut self, mut amount: i64, today: NaiveDate) -> Vec<(usize, i64)> {
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

    pub fn used(&mut self, day: NaiveDate) -> &mut i64 {
        let month = day.format("%Y-%m-01").to_string().parse().unwrap();
        if !self.used.iter().any(|(of, _)| *of == month) {
            self.used.push((month, 0));
        }
        &mut self.used.iter_mut().find(|(of, _)| *of == month).unwrap().1
    }
}

impl Model {
    pub fn new() -> Self {
        let rates = vec![(DateTime::<Utc>::MIN_UTC, 5)];
        let (members, merged) = (vec![ModelMember::default(); MEMBERS], vec![None; MEMBERS]);
        Self { members, merged, rates, ..Self::default() }
    }

    pub fn next(&mut self) -> usize {
        self.sequence += 1;
        self.sequence
    }

    /// The rate of a moment; of now where none is told.
    pub fn rate_at(&self, told: Option<DateTime<Utc>>) -> i64 {
        self.rates.iter().rev().find(|(from, _)| told.is_none_or(|at| *from <= at)).unwrap().1
    }

    /// What is left of the member's cap in that month, and of the budget.
    pub fn rooms(&mut self, member: usize, day: NaiveDate) -> [i64; 2] {
        [(4_000 - *self.members[member].used(day)).max(0), (BUDGETED.1 - self.budget).max(0)]
    }

    /// Takes room of the rule that gave a purchase its percentage, or gives it back.
    pub fn use_room(&mut self, at: usize, amount: i64) {
        let p = &self.purchases[at];
        *(if p.budgeted { &mut self.budget } else { self.members[p.member].used(p.day) }) += amount;
    }

    pub fn settle(&mut self, member: usize, today: NaiveDate) {
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

    pub fn expire(&mut self, member: usize, today: NaiveDate) {
        let m = &mut self.members[member];
        for lot in m.lots.iter_mut().filter(|lot| lot.released && lot.last_day < today) {
            m.available -= lot.remaining;
            self.breakage += lot.remaining;
            lot.expired += lot.remaining;
            lot.remaining = 0;
        }
    }

    /// What is judged of a purchase of that day, as of now; nothing is moved but the redemption.
    pub fn authorize(
        &mut self,
        member: usize,
        lines: [i64; 2],
        redeemed: i64,
        (today, day, told): (NaiveDate, NaiveDate, Option<DateTime<Utc>>),
    ) {
        let amount = lines[0] + lines[1];
        let paid = amount - redeemed;
        let rates = [self.rate_at(told), BUDGETED.0];
        let rooms = self.rooms(member, day);
        let order = self.next();
        let m = &mut self.members[member];
        let spent = m.spend(redeemed, today);
        m.available -= redeemed;
        m.reserved += redeemed;
        // Who left earns nothing, whatever the rules give; of what is told late its own moment decides.
        let earning = if told.map_or(m.left, |at| m.left_at(at)) { 0 } else { paid };
        let offers = [0, 1].map(|at| round(i128::from(earning) * i128::from(rates[at]), 100).min(rooms[at]));
        // The better one wins, then the older.
        let better = usize::from(offers[1] > offers[0]);
        let percent = offers[better];
        let books = i128::from(earning) * i128::from(lines[0]) / (i128::from(amount) * 10_000);
        let step = (i64::try_from(books).unwrap() * 100).min(paid - percent);
        self.purchases.push(ModelPurchase {
            member,
            day,
            booked: today,
            claim: None,
            awaited: Vec::new(),
            order,
            state: State::Authorized,
            lined: true,
            rate: rates[better],
            budgeted: better == 1,
            lines,
            kept: lines,
            by_amount: 0,
            redeemed,
            redeemed_left: redeemed,
            commission_left: 0,
            room: rooms[better],
            percent_left: percent,
            step_left: step,
            spent,
        });
    }

    pub fn capture(&mut self, at: usize, today: NaiveDate) {
        let p = &self.purchases[at];
        let (member, day, budgeted, announced) = (p.member, p.day, p.budgeted, p.percent_left);
        let room = self.rooms(member, day)[usize::from(budgeted)];
        self.use_room(at, announced.min(room));
        let p = &mut self.purchases[at];
        let m = &mut self.members[member];
        p.state = State::Posted;
        m.reserved -= p.redeemed;
        (p.room, p.percent_left) = (room, announced.min(room));
        let (percent, step) = (p.percent_left, p.step_left);
        let available_on = p.day.checked_add_days(Days::new(4)).unwrap();
        let released = available_on <= today;
        *(if released { &mut m.available } else { &mut m.pending }) += percent + step;
        let commission = round(i128::from(p.lines[0] + p.lines[1] - p.redeemed) * 3, 100);
        p.commission_left = commission;
        self.commission += commission;
        self.funding += step / 2;
        self.receivable += percent + step - step / 2 + commission - p.redeemed;
        if percent + step > 0 {
            m.lots.push(ModelLot {
                purchase: at,
                order: p.order,
                remaining: percent + step,
                expired: 0,
                available_on,
                last_day: p.day.checked_add_months(Months::new(1)).unwrap(),
                released,
            });
        }
        self.settle(member, today);
    }

    pub fn void(&mut self, at: usize, today: NaiveDate) {
        let today = self.day_for(self.purchases[at].member, today);
        let p = &mut self.purchases[at];
        let m = &mut self.members[p.member];
        p.state = State::Voided;
        m.reserved -= p.redeemed;
        m.available += p.redeemed;
        for (lot, part) in &p.spent {
            let lot = &mut m.lots[*lot];
            if lot.last_day < today {
                m.available -= lot.remaining;
                self.breakage += lot.remaining;
                lot.expired += lot.remaining;
                lot.remaining = 0;
                lot.last_day = today.checked_add_days(Days::new(30)).unwrap();
            }
            lot.remaining += part;
        }
        let member = p.member;
        self.settle(member, today);
    }

    pub fn left(&self, at: usize) -> i64 {
        let p = &self.purchases[at];
        p.kept[0] + p.kept[1] - p.by_amount
    }

    /// `held` when it is what a capture leaves out: what returns was held until now.
    pub fn refund(&mut self, at: usize, (by_amount, held): (i64, bool), lines: [i64; 2], today: NaiveDate) {
        let p = &mut self.purchases[at];
        p.by_amount += by_amount;
        p.kept = [p.kept[0] - lines[0], p.kept[1] - lines[1]];
        let whole = p.kept[0] + p.kept[1];
        let left = whole - p.by_amount;
        let redeemed = round(i128::from(p.redeemed) * i128::from(left), i128::from(p.lines[0] + p.lines[1]));
        let paid = left - redeemed;
        let commission = round(i128::from(paid) * 3, 100).min(p.commission_left);
        let percent = round(i128::from(paid) * i128::from(p.rate), 100).min(p.room).min(p.percent_left);
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
        let member = p.member;
        let today = self.day_for(member, today);
        self.give_back(at, (returned, held), today);
        self.use_room(at, -less_percent);
        self.take(at, less_percent + less_step, today);
        self.settle(member, today);
    }

    pub fn give_back(&mut self, at: usize, (mut amount, held): (i64, bool), today: NaiveDate) {
        let p = &mut self.purchases[at];
        let m = &mut self.members[p.member];
        for (lot, taken) in p.spent.iter_mut().rev() {
            let part = amount.min(*taken);
            *taken -= part;
            amount -= part;
            let lot = &mut m.lots[*lot];
            if part == 0 {
                continue;
            }
            if held && lot.last_day < today {
                // What was not held of it is over; what was held lives on, as when all of it is given up.
                m.available -= lot.remaining;
                self.breakage += lot.remaining;
                lot.expired += lot.remaining;
                lot.remaining = 0;
                lot.last_day = today.checked_add_days(Days::new(30)).unwrap();
            }
            if lot.last_day < today {
                lot.expired += part;
                self.breakage += part;
            } else {
                lot.remaining += part;
                m.available += part;
            }
        }
    }

    pub fn take(&mut self, at: usize, mut amount: i64, today: NaiveDate) {
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

    pub fn night(&mut self, today: NaiveDate) {
        for member in 0..MEMBERS {
            let lots = &self.members[member].lots;
            let mut order: Vec<usize> = (0..lots.len()).collect();
            order.sort_by_key(|at| (lots[*at].available_on, lots[*at].order));
            for at in order {
                let m = &mut self.members[member];
                let lot = &mut m.lots[at];
                if !lot.released && lot.available_on <= today {
                    let on_its_day = lot.available_on;
                    lot.released = true;
                    m.pending -= lot.remaining;
                    m.available += lot.remaining;
                    self.settle(member, on_its_day);
                }
            }
            if !self.members[member].frozen {
                self.expire(member, today);
            }
        }
        let week_ago = today.checked_sub_days(Days::new(7)).unwrap();
        for at in 0..self.purchases.len() {
            if self.purchases[at].state == State::Authorized && self.purchases[at].booked <= week_ago {
                self.void(at, today);
            }
        }
    }
}
