//! Lots: each accrual keeps its own dates. Pure; in the order of spending.

use chrono::{DateTime, Days, NaiveDate, Utc};
use shared_kernel::money::Money;

use crate::ids::PurchaseId;

/// How many more days a lot gets that comes back from a hold past its date.
pub const DAYS_AFTER_HOLD: u64 = 30;

/// An accrual and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lot {
    pub purchase: PurchaseId,
    pub part: i16,
    pub amount: Money,
    pub remaining: Money,
    pub expired: Money,
    pub available_at: DateTime<Utc>,
    pub expires_on: Option<NaiveDate>,
    pub released: bool,
    pub state: LotState,
}

/// What the database has to learn about a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LotState {
    New,
    Stored,
    Changed,
}

/// Which lot.
pub(crate) type LotKey = (PurchaseId, i16);

impl Lot {
    pub(crate) fn key(&self) -> LotKey {
        (self.purchase, self.part)
    }

    /// Whether its last day is over.
    pub(crate) fn is_past(&self, today: NaiveDate) -> bool {
        self.expires_on.is_some_and(|on| on < today)
    }

    /// Whether it can be spent today.
    pub(crate) fn is_spendable(&self, today: NaiveDate) -> bool {
        self.released && self.remaining.is_positive() && !self.is_past(today)
    }

    /// Takes back a part that had been spent. What of it is past its date expires at once: so much.
    pub(crate) fn take_back(&mut self, part: Money, today: NaiveDate) -> Money {
        self.change();
        if self.is_past(today) {
            self.expired += part;
            part
        } else {
            self.remaining += part;
            Money::ZERO
        }
    }

    /// Takes back a part that was held. Past its date what was held lives [`DAYS_AFTER_HOLD`] more, and what was not
    /// held of it is over: so much.
    pub(crate) fn take_back_held(&mut self, part: Money, today: NaiveDate) -> Money {
        self.change();
        let mut over = Money::ZERO;
        if self.is_past(today) {
            over = self.remaining;
            self.expired += over;
            self.remaining = Money::ZERO;
            self.expires_on = today.checked_add_days(Days::new(DAYS_AFTER_HOLD));
        }
        self.remaining += part;
        over
    }

    pub(crate) fn change(&mut self) {
        if self.state == LotState::Stored {
            self.state = LotState::Changed;
        }
    }
}

/// A member's lots, as far as they are needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lots(pub Vec<Lot>);

impl Lots {
    /// What can be spent today.
    pub(crate) fn spendable(&self, today: NaiveDate) -> Money {
        self.0.iter().filter(|lot| lot.is_spendable(today)).map(|lot| lot.remaining).sum()
    }

    /// Takes up to `amount` from the lots that can be spent, first those that expire first (then the older;
    /// never-expiring ones last). What was taken from which.
    pub(crate) fn spend(&mut self, amount: Money, today: NaiveDate) -> Vec<(LotKey, Money)> {
        let mut order: Vec<&mut Lot> = self.0.iter_mut().filter(|lot| lot.is_spendable(today)).collect();
        order.sort_by_key(|lot| (lot.expires_on.is_none(), lot.expires_on, lot.key()));
        let mut left = amount;
        let mut taken = Vec::new();
        for lot in order {
            let part = lot.remaining.min(left);
            if part.is_zero() {
                break;
            }
            lot.remaining -= part;
            lot.change();
            left -= part;
            taken.push((lot.key(), part));
        }
        taken
    }

    pub(crate) fn find(&mut self, key: LotKey) -> Option<&mut Lot> {
        self.0.iter_mut().find(|lot| lot.key() == key)
    }

    /// The lots of one purchase, in order of their parts.
    pub(crate) fn of(&mut self, purchase: PurchaseId) -> Vec<&mut Lot> {
        let mut own: Vec<&mut Lot> = self.0.iter_mut().filter(|lot| lot.purchase == purchase).collect();
        own.sort_by_key(|lot| lot.part);
        own
    }

    /// Empties the released lots that are past their date; what they held.
    pub(crate) fn expire(&mut self, today: NaiveDate) -> Money {
        let mut expired = Money::ZERO;
        for lot in self.0.iter_mut().filter(|lot| lot.released && lot.is_past(today)) {
            if lot.remaining.is_positive() {
                expired += lot.remaining;
                lot.expired += lot.remaining;
                lot.remaining = Money::ZERO;
                lot.change();
            }
        }
        expired
    }
}

#[cfg(test)]
mod tests {
    use shared_kernel::ids::Uuid;

    use super::*;

    fn lot(number: u128, remaining: i64, expires_on: Option<&str>, released: bool) -> Lot {
        Lot {
            purchase: PurchaseId(Uuid::from_u128(number)),
            part: 0,
            amount: Money::from_kopecks(100),
            remaining: Money::from_kopecks(remaining),
            expired: Money::ZERO,
            available_at: DateTime::UNIX_EPOCH,
            expires_on: expires_on.map(|day| day.parse().unwrap()),
            released,
            state: LotState::Stored,
        }
    }

    #[test]
    fn the_lot_that_expires_first_is_spent_first_and_never_expiring_ones_last() {
        let today = "2026-11-21".parse().unwrap();
        let mut lots = Lots(vec![
            lot(1, 100, None, true),
            lot(5, 100, Some("2027-01-01"), true),
            lot(4, 100, Some("2027-01-01"), true),
            lot(3, 100, Some("2026-11-21"), true),
            lot(2, 100, Some("2026-11-20"), true),
            lot(6, 100, Some("2026-12-01"), false),
        ]);
        assert_eq!(lots.spendable(today), Money::from_kopecks(400));
        let taken: Vec<(u128, i64)> = lots
            .spend(Money::from_kopecks(350), today)
            .into_iter()
            .map(|((purchase, _), amount)| (purchase.0.as_u128(), amount.kopecks()))
            .collect();
        assert_eq!(taken, [(3, 100), (4, 100), (5, 100), (1, 50)]);
        assert_eq!(lots.expire(today), Money::from_kopecks(100), "lot 2 alone is past its date");
        assert_eq!(lots.expire(today), Money::ZERO);
    }

    #[test]
    fn what_was_held_lives_on_and_what_was_spent_is_over() {
        let today = "2026-11-21".parse().unwrap();
        let ten = Money::from_kopecks(10);
        let mut spent = lot(1, 40, Some("2026-11-20"), true);
        assert_eq!(spent.take_back(ten, today), ten);
        assert_eq!((spent.remaining.kopecks(), spent.expired.kopecks()), (40, 10));
        let mut held = lot(1, 40, Some("2026-11-20"), true);
        assert_eq!(held.take_back_held(ten, today), Money::from_kopecks(40), "what was not held of it");
        assert_eq!((held.remaining.kopecks(), held.expired.kopecks()), (10, 40));
        assert_eq!(held.expires_on, Some("2026-12-21".parse().unwrap()));
        for alive in [Some("2026-11-21"), None] {
            let (mut one, mut other) = (lot(1, 40, alive, true), lot(1, 40, alive, true));
            assert_eq!(
                (one.take_back(ten, today), other.take_back_held(ten, today)),
                (Money::ZERO, Money::ZERO)
            );
            assert_eq!(one, other);
            assert_eq!(one.remaining.kopecks(), 50);
        }
    }
}
