//! Receipts that are claimed in a random history: filed, approved with or without the till's receipt, declined, left until
//! they end by themselves, reserved in two steps, and arriving after all, in the model and in the engine.

use cashback_engine::claims::{self, ClaimFilter, ClaimId, ClaimReason, ClaimRefusal};
use cashback_engine::posting::{Fiscal, Presented, Sale, Source};
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Timelike, Utc};
use diesel::prelude::*;
use proptest::prelude::*;
use shared_kernel::ids::Uuid;
use shared_kernel::money::Money;

use super::{MEMBERS, Model, Run};

const DRIVE: &str = "9287440300634471";
/// How long a claim waits.
const CLAIM_DAYS: i64 = 14;
/// Older sales than this no till reserves any more.
const RESERVED_WITHIN: TimeDelta = TimeDelta::days(29);
/// Older sales than this no register brings any more, in whatever month.
const ARRIVES_WITHIN: TimeDelta = TimeDelta::days(55);

#[derive(Debug, Clone, Copy)]
pub enum Claimed {
    /// Whose receipt, of how many rubles, how many days ago.
    File(usize, i64, i64),
    /// Which claim, and whether the till's receipt is named.
    Approve(usize, bool),
    /// Which claim.
    Decline(usize),
    /// Which claim's sale is in a register.
    Arrive(usize),
    /// Which claim's sale a till reserves, to be captured like any other.
    Reserve(usize),
}

pub fn claimed() -> impl Strategy<Value = Claimed> {
    prop_oneof![
        4 => (0..MEMBERS, 1i64..400, 1i64..20).prop_map(|(m, a, d)| Claimed::File(m, a, d)),
        2 => (0usize..99, any::<bool>()).prop_map(|(claim, named)| Claimed::Approve(claim, named)),
        1 => (0usize..99).prop_map(Claimed::Decline),
        3 => (0usize..99).prop_map(Claimed::Arrive),
        2 => (0usize..99).prop_map(Claimed::Reserve),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// It is a purchase.
    Credited,
    /// Declined, or nobody decided in time.
    Ended,
}

#[derive(Debug, Clone)]
pub struct ModelClaim {
    member: usize,
    amount: i64,
    moment: DateTime<Utc>,
    filed: DateTime<Utc>,
    state: State,
    /// Whether its sale has come under the till's receipt.
    told: bool,
}

impl Model {
    /// Posts the sale of a claim: no lines, at its own moment.
    fn credit(&mut self, at: usize, today: NaiveDate) {
        let claim = &mut self.claims[at];
        claim.state = State::Credited;
        let (member, amount, moment) = (claim.member, claim.amount, claim.moment);
        let member = self.survivor(member);
        // Without lines every rule covers all of it.
        self.authorize(member, [amount, 0], 0, (today, moment.date_naive(), Some(moment)));
        let last = self.purchases.len() - 1;
        self.purchases[last].lined = false;
        self.capture(last, today);
    }

    /// Reserves the sale of a claim.
    fn reserve(&mut self, at: usize, today: NaiveDate) {
        let claim = &mut self.claims[at];
        claim.told = true;
        let (member, amount, moment) = (claim.member, claim.amount, claim.moment);
        let member = self.survivor(member);
        self.authorize(member, [amount, 0], 0, (today, moment.date_naive(), Some(moment)));
        let last = self.purchases.last_mut().unwrap();
        (last.lined, last.claim) = (false, Some(at));
    }

    /// Whether the claim whose sale is captured was approved: it is that purchase then. An open one is confirmed.
    pub fn is_credited(&mut self, at: usize, whole: bool) -> bool {
        let Some(claim) = self.purchases[at].claim.filter(|_| whole) else { return false };
        let before = self.claims[claim].state;
        if before == State::Open {
            self.claims[claim].state = State::Credited;
        }
        before == State::Credited
    }

    /// Claims nobody decided in time end by themselves.
    pub fn end_claims(&mut self, now: DateTime<Utc>) {
        for claim in &mut self.claims {
            if claim.state == State::Open && claim.filed + TimeDelta::days(CLAIM_DAYS) <= now {
                claim.state = State::Ended;
            }
        }
    }
}

/// A claimed sale: of so many kopecks, at a minute like no other's, on the drive's next document.
#[derive(Debug, Clone, Copy)]
struct Receipt {
    number: usize,
    amount: i64,
    moment: DateTime<Utc>,
}

impl Receipt {
    fn fiscal(self) -> Fiscal {
        let local = self.moment.with_timezone(&FixedOffset::east_opt(3 * 3600).unwrap());
        let (amount, document) = (Money::from_kopecks(self.amount), self.number + 1);
        let local = local.format("%Y%m%dT%H%M");
        Fiscal::parse(&format!("t={local}&s={amount}&fn={DRIVE}&i={document}&fp=1&n=1")).unwrap()
    }
}

fn filed(model: &mut Model, runs: &mut [Run], (member, rubles, days): (usize, i64, i64)) {
    let member = model.survivor(member);
    let number = model.claims.len();
    let place = i64::try_from(number).unwrap();
    // Between two and six hours before whatever else is done, ten minutes apart, and told apart by kopecks.
    let moment = runs[0].programme.now - TimeDelta::days(days) - TimeDelta::minutes(120 + place % 24 * 10);
    let moment = moment.with_second(0).and_then(|moment| moment.with_nanosecond(0)).unwrap();
    let receipt = Receipt { number, amount: rubles * 1_000 + place % 1_000, moment };
    let left = model.members[member].left_at(moment);
    for run in runs.iter_mut() {
        run.file(member, receipt, left);
    }
    let (amount, filed) = (receipt.amount, runs[0].programme.now);
    // A receipt that can't be claimed may still arrive.
    let state = if left { State::Ended } else { State::Open };
    model.claims.push(ModelClaim { member, amount, moment, filed, state, told: false });
}

/// Does what is asked in the model and in each run; nothing where there is no such claim.
pub fn apply(asked: Claimed, model: &mut Model, runs: &mut [Run], today: NaiveDate) {
    runs.iter_mut().for_each(Run::flush);
    let which = match asked {
        Claimed::File(member, rubles, days) => return filed(model, runs, (member, rubles, days)),
        Claimed::Approve(which, _)
        | Claimed::Decline(which)
        | Claimed::Arrive(which)
        | Claimed::Reserve(which) => which,
    };
    let Some(at) = which.checked_rem(model.claims.len()) else { return };
    let claim = model.claims[at].clone();
    let receipt = Receipt { number: at, amount: claim.amount, moment: claim.moment };
    let member = model.survivor(claim.member);
    match asked {
        Claimed::Approve(_, named) if claim.state == State::Open && !(named && claim.told) => {
            model.credit(at, today);
            model.claims[at].told |= named;
            runs.iter_mut().for_each(|run| run.approve(member, receipt, named));
        }
        Claimed::Decline(_) if claim.state == State::Open => {
            model.claims[at].state = State::Ended;
            runs.iter_mut().for_each(|run| run.decline(at));
        }
        Claimed::Reserve(_) if runs[0].programme.now - claim.moment < RESERVED_WITHIN && !claim.told => {
            model.reserve(at, today);
            runs.iter_mut().for_each(|run| run.reserve(member, receipt));
        }
        // What a till has reserved it tells of itself.
        Claimed::Arrive(_) if model.purchases.iter().any(|purchase| purchase.claim == Some(at)) => {}
        Claimed::Arrive(_) if runs[0].programme.now - claim.moment < ARRIVES_WITHIN => {
            // What was credited is that purchase, whatever it was credited by.
            let fresh = claim.state != State::Credited;
            if fresh {
                model.credit(at, today);
            }
            model.claims[at].told = true;
            runs.iter_mut().for_each(|run| run.arrive(member, receipt, fresh));
        }
        _ => {}
    }
}

impl Run {
    fn file(&mut self, member: usize, receipt: Receipt, refused: bool) {
        let (books, now, member) = (self.programme.books.clone(), self.programme.now, self.members[member]);
        let filed = self
            .programme
            .connection
            .transaction(|connection| claims::file(connection, &books, member, &receipt.fiscal(), now))
            .unwrap();
        match filed {
            Ok(claim) if !refused => self.claims.push(claim.id),
            Err(ClaimRefusal::NotEnrolled) if refused => self.claims.push(ClaimId(Uuid::nil())),
            other => panic!("{other:?}"),
        }
    }

    fn claimed_sale(&mut self, member: usize, receipt: Receipt) -> Sale {
        let amount = Money::from_kopecks(receipt.amount).to_string();
        let mut sale = self.programme.sale(self.members[member], &amount);
        (sale.receipt, sale.occurred_at) = (format!("T-{}", receipt.number), receipt.moment);
        sale.presented = Presented::BareNumber;
        sale
    }

    fn approve(&mut self, member: usize, receipt: Receipt, named: bool) {
        let mut sale = self.claimed_sale(member, receipt);
        (sale.source, sale.fiscal) = (Source::Claim, Some(receipt.fiscal()));
        if !named {
            sale.receipt = format!("FD-{DRIVE}-{}", receipt.number + 1);
        }
        let posted = self.programme.post(&sale).unwrap();
        assert!(!posted.replayed);
        self.purchases.push(posted.purchase.id);
    }

    fn reserve(&mut self, member: usize, receipt: Receipt) {
        let mut sale = self.claimed_sale(member, receipt);
        sale.capture = false;
        let posted = self.programme.post(&sale).unwrap();
        assert!(!posted.replayed);
        self.purchases.push(posted.purchase.id);
    }

    fn arrive(&mut self, member: usize, receipt: Receipt, fresh: bool) {
        let mut sale = self.claimed_sale(member, receipt);
        sale.source = Source::Register;
        let posted = self.programme.post(&sale).unwrap();
        assert_eq!(posted.replayed, !fresh, "a claimed sale is one purchase");
        if fresh {
            self.purchases.push(posted.purchase.id);
        }
    }

    fn decline(&mut self, at: usize) {
        let (now, connection) = (self.programme.now, &mut self.programme.connection);
        let claim = claims::claim(connection, self.claims[at], &ClaimFilter::default()).unwrap().unwrap();
        let why = (ClaimReason::DeclinedByPartner, "no");
        claims::decline(connection, &claim, why, Uuid::new_v4(), now).unwrap();
    }

    /// The nightly job's part.
    pub fn end_claims(&mut self) {
        let (books, now) = (self.programme.books.clone(), self.programme.now);
        self.programme
            .connection
            .transaction(|connection| claims::end_due(connection, &books, now, now))
            .unwrap();
    }
}
