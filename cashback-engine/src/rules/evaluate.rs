//! What a rule gives for a purchase: conditions, exact fractions, caps, stacking. Pure; everything that posts,
//! refunds, simulates or verifies calls these functions.
//!
//! `eligible = paid × covered ÷ amount` stays a fraction of whole numbers. Thresholds (least amount, rungs, steps)
//! are compared with it as fractions; the rule's cashback is rounded once, at the end.

use std::cmp::Ordering;

use chrono::{Datelike, NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};
use shared_kernel::money::{Money, Rate};
use shared_kernel::text_enum;

use super::terms::{Caps, Earn, Members, Stacking, Terms, When};
use crate::days::{full_months, full_years};
use crate::posting::sale::{Audience, Line};

/// An exact amount: kopecks as a fraction, not negative. The denominator is positive.
///
/// Numerators stay below 10^18 (the largest purchase squared), so every product below fits 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fraction {
    /// Numerator, kopecks.
    #[serde(rename = "n")]
    pub numerator: i64,
    /// Denominator.
    #[serde(rename = "d")]
    pub denominator: i64,
}

impl Fraction {
    /// `paid × part ÷ whole`; nothing when the whole is nothing.
    pub fn share(paid: Money, part: Money, whole: Money) -> Self {
        if whole.is_zero() || part.is_zero() || paid.is_zero() {
            return Self { numerator: 0, denominator: 1 };
        }
        if part == whole {
            return Self { numerator: paid.kopecks(), denominator: 1 };
        }
        Self {
            numerator: paid
                .kopecks()
                .checked_mul(part.kopecks())
                .expect("purchases are at most 10^9 kopecks"),
            denominator: whole.kopecks(),
        }
    }

    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }

    fn wide(self) -> (i128, i128) {
        (i128::from(self.numerator), i128::from(self.denominator))
    }

    /// Compared with an amount, exactly.
    pub fn compare(self, amount: Money) -> Ordering {
        let (numerator, denominator) = self.wide();
        numerator.cmp(&(i128::from(amount.kopecks()) * denominator))
    }

    /// Rounded to the kopeck, for people to read.
    pub fn rounded(self) -> Money {
        let (numerator, denominator) = self.wide();
        Money::round_fraction(numerator, denominator)
    }

    /// Whether so many percent of it are whole kopecks, so that nothing was rounded.
    pub fn is_whole_at(self, percent: Rate) -> bool {
        let (numerator, denominator) = self.wide();
        numerator * i128::from(percent.millionths()) % (denominator * 100_000_000) == 0
    }

    fn percent(self, percent: Rate) -> Money {
        let (numerator, denominator) = self.wide();
        Money::round_fraction(numerator * i128::from(percent.millionths()), denominator * 100_000_000)
    }

    /// How many full steps it has.
    pub fn full_steps(self, per: Money) -> i64 {
        let (numerator, denominator) = self.wide();
        let steps = numerator / (denominator * i128::from(per.kopecks()));
        i64::try_from(steps).expect("a purchase has at most 10^9 steps")
    }
}

text_enum! {
    /// Why a rule gave nothing.
    WhyNot {
        /// Before its first or after its last day.
        OutsideDates => "outside_dates",
        /// Another day of the week.
        OtherDay => "other_day",
        /// Another hour.
        OtherHours => "other_hours",
        /// Another outlet.
        OtherOutlet => "other_outlet",
        /// Members of another organisation.
        OtherOrganisation => "other_organisation",
        /// Members of another category.
        OtherCategory => "other_category",
        /// Members of another age.
        OtherAge => "other_age",
        /// Not a member for long enough.
        ShortMembership => "short_membership",
        /// Another tier.
        OtherTier => "other_tier",
        /// Nothing eligible: no line covered, or all paid with points.
        NothingEligible => "nothing_eligible",
        /// Below the least amount.
        BelowLeastAmount => "below_least_amount",
        /// Below the first step or rung, or less than half a kopeck.
        RoundsToNothing => "rounds_to_nothing",
        /// The member's cap is used up.
        CapReached => "cap_reached",
        /// The budget over all members is used up.
        BudgetSpent => "budget_spent",
        /// Another exclusive rule gave more.
        BetterRule => "better_rule",
        /// The other rules already give all that was paid.
        PaidReached => "paid_reached",
    }
}

text_enum! {
    /// What left of a grant less than was earned.
    Limit {
        /// The cap of one purchase.
        PerPurchase => "per_purchase",
        /// The member's cap in this period.
        PerMember => "per_member",
        /// The budget over all members.
        Budget => "budget",
        /// What was paid: rules together never give more.
        Paid => "paid",
    }
}

/// A purchase as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The date in the programme's zone.
    pub date: NaiveDate,
    /// What the clock at the outlet showed.
    pub wall_clock: NaiveDateTime,
    /// The outlet's code.
    pub outlet: &'a str,
    /// What was bought came to this.
    pub amount: Money,
    /// What was paid without points.
    pub paid: Money,
    /// The lines, where there are any.
    pub lines: Option<&'a [Line]>,
    /// Categories no rule covers.
    pub excluded: &'a [String],
    /// Who buys.
    pub audience: &'a Audience,
    /// The member's tier.
    pub tier: Option<&'a str>,
}

/// What was left of a rule's caps; `None` where there is no cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Room {
    /// Of the member's cap in this period.
    pub member: Option<Money>,
    /// Of the budget.
    pub budget: Option<Money>,
}

impl Room {
    /// The narrower of the two.
    pub fn narrowest(self) -> Option<Money> {
        match (self.member, self.budget) {
            (Some(member), Some(budget)) => Some(member.min(budget)),
            (member, budget) => member.or(budget),
        }
    }
}

/// What a rule would give for a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The exact amount it is reckoned from.
    pub eligible: Fraction,
    /// Which lines it covers, by place; `None` without lines.
    pub covered: Option<Vec<u16>>,
    /// Before caps.
    pub earned: Money,
    /// After caps.
    pub amount: Money,
}

/// What a rule gives for a purchase, alone.
///
/// # Errors
/// Why it gives nothing.
pub fn judge(terms: &Terms, occasion: &Occasion<'_>, room: Room) -> Result<Grant, WhyNot> {
    conditions(&terms.when, occasion)?;
    let (covered, sum) = coverage(&terms.when, occasion.amount, occasion.lines, occasion.excluded);
    let eligible = Fraction::share(occasion.paid, sum, occasion.amount);
    let earned = earned(terms, eligible)?;
    let amount = capped(&terms.caps, earned, room.narrowest());
    if amount.is_zero() {
        return Err(used_up(room));
    }
    Ok(Grant { eligible, covered, earned, amount })
}

/// Which of the caps is used up, where they leave nothing of a grant.
pub(crate) fn used_up(room: Room) -> WhyNot {
    if room.member.is_some_and(Money::is_zero) { WhyNot::CapReached } else { WhyNot::BudgetSpent }
}

/// What a version earns from an eligible amount, before caps.
///
/// # Errors
/// Why that is nothing.
pub fn earned(terms: &Terms, eligible: Fraction) -> Result<Money, WhyNot> {
    if eligible.is_zero() {
        return Err(WhyNot::NothingEligible);
    }
    if terms.when.least_amount.is_some_and(|least| eligible.compare(least) == Ordering::Less) {
        return Err(WhyNot::BelowLeastAmount);
    }
    let amount = match &terms.earn {
        Earn::Percent(percent) => eligible.percent(*percent),
        Earn::Fixed(fixed) => *fixed,
        Earn::Step { per, amount } => {
            let kopecks = amount.kopecks().checked_mul(eligible.full_steps(*per));
            Money::from_kopecks(kopecks.expect("a step brings at most the step"))
        }
        Earn::Ladder(_) => {
            rate(&terms.earn, eligible).map_or(Money::ZERO, |percent| eligible.percent(percent))
        }
    };
    if amount.is_zero() { Err(WhyNot::RoundsToNothing) } else { Ok(amount) }
}

/// The percentage that holds for an eligible amount: that of the rung reached; `None` where none is, and for what is
/// no percentage.
pub fn rate(earn: &Earn, eligible: Fraction) -> Option<Rate> {
    match earn {
        Earn::Percent(percent) => Some(*percent),
        Earn::Ladder(rungs) => rungs
            .iter()
            .rev()
            .find(|rung| eligible.compare(rung.from) != Ordering::Less)
            .map(|rung| rung.percent),
        Earn::Fixed(_) | Earn::Step { .. } => None,
    }
}

/// What caps leave of an earned amount.
pub fn capped(caps: &Caps, earned: Money, room: Option<Money>) -> Money {
    [caps.per_purchase, room].into_iter().flatten().fold(earned, Money::min)
}

/// What trimmed a grant to `given`, if anything did: the narrowest cap, or what was paid where that left even less.
pub fn trimmed_by(caps: &Caps, earned: Money, room: Room, given: Money) -> Option<Limit> {
    if given >= earned {
        return None;
    }
    [(Limit::PerPurchase, caps.per_purchase), (Limit::PerMember, room.member), (Limit::Budget, room.budget)]
        .into_iter()
        .find(|(_, bound)| *bound == Some(given))
        .map_or(Some(Limit::Paid), |(limit, _)| Some(limit))
}

/// What a version that applied gives for what refunds left: its terms judged anew on `left`, a fixed amount shrunk
/// to `round(fixed × left ÷ eligible)`, with the cap room it had when it was posted.
pub fn regrant(terms: &Terms, eligible: Fraction, left: Fraction, room: Option<Money>) -> Money {
    let anew = match (&terms.earn, earned(terms, left)) {
        (_, Err(_)) => Money::ZERO,
        (Earn::Fixed(fixed), Ok(_)) => {
            let ((n, d), (whole_n, whole_d)) = (left.wide(), eligible.wide());
            // Both fractions share the purchase's scale; reduced, so that the products stay within 128 bits.
            let (numerator, denominator) = reduced(n * whole_d, d * whole_n);
            Money::round_fraction(i128::from(fixed.kopecks()) * numerator, denominator)
        }
        (_, Ok(amount)) => amount,
    };
    capped(&terms.caps, anew, room)
}

fn reduced(numerator: i128, denominator: i128) -> (i128, i128) {
    let (mut a, mut b) = (numerator, denominator);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let common = a.max(1);
    (numerator / common, denominator / common)
}

/// One rule among those that could apply together.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// How it stacks.
    pub stacking: Stacking,
    /// Its priority.
    pub priority: i32,
    /// Lower is older.
    pub age: i64,
    /// What it gives alone, after caps.
    pub amount: Money,
}

/// Which of the candidates apply, and what each finally gives: the best exclusive one and every additive one,
/// together at most `paid`. In the candidates' order.
pub fn combine(candidates: &[Candidate], paid: Money) -> Vec<Result<Money, WhyNot>> {
    let best = candidates
        .iter()
        .enumerate()
        .filter(|(_, c)| c.stacking == Stacking::Exclusive)
        .max_by(|(_, a), (_, b)| {
            a.amount.cmp(&b.amount).then(a.priority.cmp(&b.priority)).then(b.age.cmp(&a.age))
        })
        .map(|(at, _)| at);
    let mut order: Vec<(usize, &Candidate)> = candidates
        .iter()
        .enumerate()
        .filter(|(at, c)| Some(*at) == best || c.stacking == Stacking::Additive)
        .collect();
    order.sort_by_key(|(at, c)| (Some(*at) != best, std::cmp::Reverse(c.priority), c.age));
    let mut outcome = vec![Err(WhyNot::BetterRule); candidates.len()];
    let mut left = paid;
    for (at, candidate) in order {
        let amount = candidate.amount.min(left);
        left -= amount;
        if let Some(slot) = outcome.get_mut(at) {
            *slot = if amount.is_zero() { Err(WhyNot::PaidReached) } else { Ok(amount) };
        }
    }
    outcome
}

fn conditions(when: &When, occasion: &Occasion<'_>) -> Result<(), WhyNot> {
    let demand = |holds: bool, why: WhyNot| if holds { Ok(()) } else { Err(why) };
    demand(when.from.is_none_or(|from| occasion.date >= from), WhyNot::OutsideDates)?;
    demand(when.until.is_none_or(|until| occasion.date <= until), WhyNot::OutsideDates)?;
    demand(among(&when.days, &occasion.wall_clock.weekday()), WhyNot::OtherDay)?;
    let time = occasion.wall_clock.time();
    let within =
        when.hours.is_none_or(
            |(from, to)| {
                if from < to { from <= time && time < to } else { time >= from || time < to }
            },
        );
    demand(within, WhyNot::OtherHours)?;
    demand(
        when.outlets.is_empty() || when.outlets.iter().any(|o| o == occasion.outlet),
        WhyNot::OtherOutlet,
    )?;
    members(&when.members, occasion)
}

fn members(members: &Members, occasion: &Occasion<'_>) -> Result<(), WhyNot> {
    let demand = |holds: bool, why: WhyNot| if holds { Ok(()) } else { Err(why) };
    let audience = occasion.audience;
    let inside = members.organisation.as_ref().is_none_or(|code| audience.organisations.contains(code));
    demand(inside, WhyNot::OtherOrganisation)?;
    let category = members.categories.is_empty()
        || audience.category.as_ref().is_some_and(|category| members.categories.contains(category));
    demand(category, WhyNot::OtherCategory)?;
    let aged = members.age.is_none_or(|(from, to)| {
        audience.birth_date.is_some_and(|born| (from..=to).contains(&full_years(born, occasion.date)))
    });
    demand(aged, WhyNot::OtherAge)?;
    let seasoned = members.member_for_months.is_none_or(|months| {
        audience.joined_on.is_some_and(|joined| full_months(joined, occasion.date) >= months)
    });
    demand(seasoned, WhyNot::ShortMembership)?;
    demand(members.tier.as_deref().is_none_or(|tier| occasion.tier == Some(tier)), WhyNot::OtherTier)
}

/// What of a purchase's amount a rule covers, whether or not its other conditions hold.
pub fn covered(when: &When, amount: Money, lines: Option<&[Line]>, excluded: &[String]) -> Money {
    coverage(when, amount, lines, excluded).1
}

fn among<T: PartialEq>(list: &[T], value: &T) -> bool {
    list.is_empty() || list.contains(value)
}

/// Which lines a rule covers and what they come to: the whole amount without lines.
fn coverage(
    when: &When,
    amount: Money,
    lines: Option<&[Line]>,
    excluded: &[String],
) -> (Option<Vec<u16>>, Money) {
    let Some(lines) = lines else { return (None, amount) };
    let mut places = Vec::new();
    let mut sum = Money::ZERO;
    for (place, line) in (0u16..).zip(lines) {
        if covers(when, line, excluded) {
            places.push(place);
            sum += line.amount;
        }
    }
    (Some(places), sum)
}

fn covers(when: &When, line: &Line, excluded: &[String]) -> bool {
    match &line.category {
        Some(category) => {
            !excluded.contains(category)
                && among(&when.categories, category)
                && !when.except_categories.contains(category)
        }
        None => when.categories.is_empty(),
    }
}

/// What may be paid with points: all but the lines of excluded categories.
pub fn redeemable(amount: Money, lines: Option<&[Line]>, excluded: &[String]) -> Money {
    let barred = |line: &&Line| line.category.as_ref().is_some_and(|category| excluded.contains(category));
    amount - lines.unwrap_or_default().iter().filter(barred).map(|line| line.amount).sum::<Money>()
}

#[cfg(test)]
mod tests;
