//! What else happens to members in a random history: corrections, gifts, freezing, leaving, mergers; in the model and in
//! the engine.

use cashback_engine::adjustments::{self, Proposal};
use cashback_engine::{donations, enrolments, merging, standing};
use chrono::{Days, Months, NaiveDate, TimeDelta};
use diesel::prelude::*;
use proptest::prelude::*;
use shared_kernel::ids::Uuid;
use shared_kernel::money::Money;

use super::{MEMBERS, Model, ModelLot, Run};

/// Which account a correction is about, and on which side.
#[derive(Debug, Clone, Copy)]
pub enum Correction {
    GiveAvailable,
    GivePending,
    TakeAvailable,
    TakePending,
    RaiseDebt,
    ForgiveDebt,
}

#[derive(Debug, Clone, Copy)]
pub enum Deed {
    /// Whose, what, how many kopecks or percent of what is there.
    Correct(usize, Correction, i64),
    /// Who, and how many percent of what can be spent.
    Donate(usize, i64),
    Freeze(usize),
    Unfreeze(usize),
    Leave(usize),
    Enrol(usize),
    Merge(usize, usize),
}

pub fn deed() -> impl Strategy<Value = Deed> {
    use Correction::{ForgiveDebt, GiveAvailable, GivePending, RaiseDebt, TakeAvailable, TakePending};
    let correction = prop::sample::select(vec![
        GiveAvailable,
        GivePending,
        TakeAvailable,
        TakePending,
        RaiseDebt,
        ForgiveDebt,
    ]);
    prop_oneof![
        4 => (0..MEMBERS, correction, 1i64..=100).prop_map(|(m, what, share)| Deed::Correct(m, what, share)),
        2 => (0..MEMBERS, 1i64..=100).prop_map(|(m, share)| Deed::Donate(m, share)),
        2 => (0..MEMBERS).prop_map(Deed::Freeze),
        2 => (0..MEMBERS).prop_map(Deed::Unfreeze),
        1 => (0..MEMBERS).prop_map(Deed::Leave),
        2 => (0..MEMBERS).prop_map(Deed::Enrol),
        1 => (0..MEMBERS, 0..MEMBERS).prop_map(|(a, b)| Deed::Merge(a, b)),
    ]
}

impl Model {
    /// The one in whose name a member's money is.
    pub fn survivor(&self, member: usize) -> usize {
        self.merged[member].map_or(member, |into| self.survivor(into))
    }

    /// The day lots are judged by: for who is frozen nothing is past.
    pub fn day_for(&self, member: usize, today: NaiveDate) -> NaiveDate {
        if self.members[member].frozen { NaiveDate::MIN } else { today }
    }

    fn give(&mut self, member: usize, amount: i64, released: bool, today: NaiveDate) {
        let order = self.next();
        let m = &mut self.members[member];
        *(if released { &mut m.available } else { &mut m.pending }) += amount;
        self.adjusted += amount;
        m.lots.push(ModelLot {
            purchase: usize::MAX,
            order,
            remaining: amount,
            expired: 0,
            available_on: today.checked_add_days(Days::new(15)).unwrap(),
            last_day: today.checked_add_months(Months::new(1)).unwrap(),
            released,
        });
        self.settle(member, today);
    }

    fn take_pending(&mut self, member: usize, amount: i64) {
        let m = &mut self.members[member];
        let mut order: Vec<usize> = (0..m.lots.len()).filter(|at| !m.lots[*at].released).collect();
        order.sort_by_key(|at| (m.lots[*at].last_day, m.lots[*at].order));
        let mut left = amount;
        for at in order {
            let part = m.lots[at].remaining.min(left);
            m.lots[at].remaining -= part;
            left -= part;
        }
        m.pending -= amount;
        self.adjusted -= amount;
    }

    /// What a correction comes to; nothing where there is nothing to take.
    fn correction(&self, member: usize, what: Correction, share: i64, today: NaiveDate) -> i64 {
        let m = &self.members[member];
        match what {
            Correction::GiveAvailable | Correction::GivePending | Correction::RaiseDebt => share * 37,
            Correction::TakeAvailable => m.spendable(self.day_for(member, today)) * share / 100,
            Correction::TakePending => m.pending * share / 100,
            Correction::ForgiveDebt => m.debt * share / 100,
        }
    }

    fn correct(&mut self, member: usize, what: Correction, amount: i64, today: NaiveDate) {
        let day = self.day_for(member, today);
        match what {
            Correction::GiveAvailable => self.give(member, amount, true, today),
            Correction::GivePending => self.give(member, amount, false, today),
            Correction::TakePending => self.take_pending(member, amount),
            Correction::TakeAvailable => {
                self.members[member].spend(amount, day);
                self.members[member].available -= amount;
                self.adjusted -= amount;
            }
            Correction::RaiseDebt => {
                self.members[member].debt += amount;
                self.adjusted -= amount;
                self.settle(member, today);
            }
            Correction::ForgiveDebt => {
                self.members[member].debt -= amount;
                self.adjusted += amount;
            }
        }
    }

    fn merge(&mut self, from: usize, into: usize, today: NaiveDate) {
        let word = self.next();
        let gone = std::mem::take(&mut self.members[from]);
        self.merged[from] = Some(into);
        let stays = &mut self.members[into];
        let offset = stays.lots.len();
        stays.pending += gone.pending;
        stays.available += gone.available;
        stays.reserved += gone.reserved;
        stays.debt += gone.debt;
        stays.lots.extend(gone.lots);
        stays.frozen |= gone.frozen;
        if gone.word > stays.word && gone.left != stays.left {
            (stays.left, stays.word) = (gone.left, word);
        }
        stays.words.extend(gone.words);
        stays.words.sort();
        for (month, used) in gone.used {
            *stays.used(month) += used;
        }
        for purchase in self.purchases.iter_mut().filter(|purchase| purchase.member == from) {
            purchase.member = into;
            for (lot, _) in &mut purchase.spent {
                *lot += offset;
            }
        }
        self.settle(into, today);
    }

    fn unfreeze(&mut self, member: usize, today: NaiveDate) {
        let m = &mut self.members[member];
        m.frozen = false;
        for lot in m.lots.iter_mut().filter(|lot| lot.remaining > 0 && lot.last_day < today) {
            lot.last_day = today.checked_add_days(Days::new(30)).unwrap();
        }
    }
}

/// Does a deed in the model and in each run; nothing where it would be refused.
pub fn apply(deed: Deed, model: &mut Model, runs: &mut [Run], today: NaiveDate) {
    for run in runs.iter_mut() {
        run.flush();
        run.programme.now += TimeDelta::milliseconds(1);
    }
    match deed {
        Deed::Correct(member, what, share) => {
            let member = model.survivor(member);
            let amount = model.correction(member, what, share, today);
            if amount > 0 {
                model.correct(member, what, amount, today);
                runs.iter_mut().for_each(|run| run.correct(member, what, amount));
            }
        }
        Deed::Donate(member, share) => {
            let member = model.survivor(member);
            let giver = &mut model.members[member];
            let amount = giver.spendable(today) * share / 100;
            if !giver.frozen && amount >= if giver.left { 1 } else { 10_000 } {
                giver.spend(amount, today);
                giver.available -= amount;
                model.solidarity += amount;
                runs.iter_mut().for_each(|run| run.donate(member, amount));
            }
        }
        Deed::Freeze(member) => {
            let member = model.survivor(member);
            if !model.members[member].frozen {
                model.members[member].frozen = true;
                runs.iter_mut().for_each(|run| run.freeze(member));
            }
        }
        Deed::Unfreeze(member) => {
            let member = model.survivor(member);
            if model.members[member].frozen {
                model.unfreeze(member, today);
                runs.iter_mut().for_each(|run| run.unfreeze(member));
            }
        }
        Deed::Leave(member) | Deed::Enrol(member) => {
            let (member, left) = (model.survivor(member), matches!(deed, Deed::Leave(_)));
            if model.members[member].left != left {
                let word = model.next();
                (model.members[member].left, model.members[member].word) = (left, word);
                model.members[member].words.push((runs[0].programme.now, left));
            }
            runs.iter_mut().for_each(|run| run.take_part(member, !left));
        }
        Deed::Merge(from, into) => {
            let (from, into) = (model.survivor(from), model.survivor(into));
            if from != into {
                model.merge(from, into, today);
                runs.iter_mut().for_each(|run| run.merge(from, into));
            }
        }
    }
}

const MAKER: Uuid = Uuid::from_u128(1);
const CHECKER: Uuid = Uuid::from_u128(2);

impl Run {
    fn correct(&mut self, member: usize, what: Correction, kopecks: i64) {
        let union = "adjustments:union".parse().unwrap();
        let account = |kind: &str| format!("{kind}:{}", self.members[member]).parse().unwrap();
        let (debit, credit) = match what {
            Correction::GiveAvailable => (union, account("available")),
            Correction::GivePending => (union, account("pending")),
            Correction::TakeAvailable => (account("available"), union),
            Correction::TakePending => (account("pending"), union),
            Correction::RaiseDebt => (account("debt"), union),
            Correction::ForgiveDebt => (union, account("debt")),
        };
        let proposal = Proposal {
            debit,
            credit,
            amount: Money::from_kopecks(kopecks),
            life_months: Some(1),
            reason: "a story".to_owned(),
            evidence: "a test".to_owned(),
        };
        let (books, now) = (self.programme.books.clone(), self.programme.now);
        let connection = &mut self.programme.connection;
        let made = adjustments::propose(connection, &proposal, MAKER, now).unwrap();
        adjustments::approve(connection, &books, (made.id, None), CHECKER, now).unwrap();
    }

    fn donate(&mut self, member: usize, kopecks: i64) {
        let (books, now) = (self.programme.books.clone(), self.programme.now);
        let gift = (self.members[member], Money::from_kopecks(kopecks));
        donations::donate(&mut self.programme.connection, &books, gift, now).unwrap();
    }

    fn freeze(&mut self, member: usize) {
        let now = self.programme.now;
        standing::freeze(&mut self.programme.connection, self.members[member], "why", MAKER, now).unwrap();
    }

    fn unfreeze(&mut self, member: usize) {
        let (books, now) = (self.programme.books.clone(), self.programme.now);
        let asked = (self.members[member], "why");
        standing::unfreeze(&mut self.programme.connection, &books, asked, MAKER, now).unwrap();
    }

    fn take_part(&mut self, member: usize, enrolled: bool) {
        let (connection, now, member) =
            (&mut self.programme.connection, self.programme.now, self.members[member]);
        if enrolled {
            enrolments::enrol(connection, member, "2026-1", "test", now).unwrap();
        } else {
            enrolments::leave(connection, member, "2026-1", "test", now).unwrap();
        }
    }

    fn merge(&mut self, from: usize, into: usize) {
        let (books, now) = (self.programme.books.clone(), self.programme.now);
        let asked = (self.members[from], self.members[into]);
        self.programme
            .connection
            .transaction(|connection| merging::merge(connection, &books, asked, MAKER, now))
            .unwrap();
    }
}
