//! Refunds that a register tells of before their sale, in the model and in the engine: the sale comes at once, reserved
//! first, or as one of a batch, and what came back of it is returned as soon as it is there.

use std::collections::HashMap;

use cashback_engine::reconciliation::{Outcome, RegisterMode};
use chrono::{NaiveDate, SecondsFormat};
use proptest::prelude::*;
use shared_kernel::money::Money;

use super::{MEMBERS, Model, Run, State, said};
use crate::engine_registers::{HEADER, load};

#[derive(Debug, Clone, Copy)]
pub enum Filed {
    /// Of a sale to come: who, books and other lines, and how many percent of it come back (of more than 100 nothing can).
    Back(usize, i64, i64, i64),
    /// Which of those sales comes, and whether it is reserved first.
    Sold(usize, bool),
    /// Which of those that were reserved, and how many percent of it come back as well, before its capture.
    BackOfReserved(usize, i64),
}

pub fn filed() -> impl Strategy<Value = Filed> {
    prop_oneof![
        2 => (0..MEMBERS, 0i64..40_000, 1i64..40_000, 1i64..=110)
            .prop_map(|(m, books, other, share)| Filed::Back(m, books, other, share)),
        2 => (0usize..99, any::<bool>()).prop_map(|(which, reserved)| Filed::Sold(which, reserved)),
        1 => (0usize..99, 1i64..=60).prop_map(|(which, share)| Filed::BackOfReserved(which, share)),
    ]
}

#[derive(Debug, Clone, Copy)]
pub struct ModelFiled {
    member: usize,
    lines: [i64; 2],
    back: i64,
    /// Its purchase, once there is one.
    sold: Option<usize>,
}

impl Model {
    /// Returns what waits for a purchase that was captured, one by one; more than is left of it is refused.
    pub fn settle_filed(&mut self, at: usize, today: NaiveDate) {
        for back in std::mem::take(&mut self.purchases[at].awaited) {
            if back <= self.left(at) {
                self.refund(at, (back, false), [0, 0], today);
            }
        }
    }
}

fn sum(lines: [i64; 2]) -> i64 {
    lines.iter().sum()
}

/// Does what is asked in the model and in each run; nothing where there is no such sale.
pub fn apply(asked: Filed, model: &mut Model, runs: &mut [Run], today: NaiveDate) {
    runs.iter_mut().for_each(Run::flush);
    match asked {
        Filed::Back(member, books, other, share) => {
            let lines = [books, other];
            let back = (sum(lines) * share / 100).max(1);
            let number = model.filed.len();
            model.filed.push(ModelFiled { member, lines, back, sold: None });
            runs.iter_mut().for_each(|run| run.file_back(number, back));
        }
        Filed::Sold(which, reserved) => {
            let Some(number) = which.checked_rem(model.filed.len()) else { return };
            let filed = model.filed[number];
            if filed.sold.is_some() {
                return;
            }
            let member = model.survivor(filed.member);
            model.authorize(member, filed.lines, 0, (today, today, None));
            let at = model.purchases.len() - 1;
            model.filed[number].sold = Some(at);
            model.purchases[at].awaited.push(filed.back);
            if !reserved {
                model.capture(at, today);
                model.settle_filed(at, today);
            }
            runs.iter_mut().for_each(|run| run.sell_filed(member, number, (filed.lines, reserved)));
        }
        Filed::BackOfReserved(which, share) => {
            let Some(number) = which.checked_rem(model.filed.len()) else { return };
            let Some(at) = model.filed[number].sold else { return };
            let purchase = &mut model.purchases[at];
            if purchase.state != State::Authorized {
                return;
            }
            let more = (sum(purchase.lines) * share / 100).max(1);
            purchase.awaited.push(more);
            runs.iter_mut().for_each(|run| run.file_back(number, more));
        }
    }
}

impl Run {
    /// A register with one refund, whose sale is not there yet.
    fn file_back(&mut self, number: usize, back: i64) {
        self.registers += 1;
        let at = self.programme.now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (amount, reference) = (Money::from_kopecks(back), self.registers);
        let file = format!("{HEADER}\nshop-1,W-{number},{at},,{amount},,refund,B-{reference}\n");
        let (_, outcomes) = load(&mut self.programme, file.as_bytes(), RegisterMode::Post, &HashMap::new());
        assert_eq!(outcomes.first(), Some(&(Outcome::OnlyTheirs, 1)), "{outcomes:?}");
    }

    fn sell_filed(&mut self, member: usize, number: usize, (lines, reserved): ([i64; 2], bool)) {
        let amount = Money::from_kopecks(sum(lines)).to_string();
        let mut sale = self.programme.sale(self.members[member], &amount);
        (sale.receipt, sale.capture) = (format!("W-{number}"), !reserved);
        sale.lines = Some(said(lines));
        let posted = self.programme.post(&sale).unwrap();
        assert!(!posted.replayed);
        self.purchases.push(posted.purchase.id);
    }
}
