//! How all rules in force judge one purchase together: what applied with its terms, what didn't and why. Pure; posting,
//! simulation and preview call it alike.

use shared_kernel::money::Money;

use super::book::Version;
use super::evaluate::{self, Candidate, Grant, Limit, Occasion, Room, WhyNot, trimmed_by};
use crate::purchases::{Applied, CashbackReason, Declined, Judgement};

/// Judges by each version, then lets those that grant something compete and add up. `room` tells what is left of a
/// version's caps.
pub(crate) fn judged<'v>(
    versions: impl Iterator<Item = &'v Version>,
    occasion: &Occasion<'_>,
    room: impl Fn(&Version) -> Room,
) -> Judgement {
    let mut granted: Vec<(&Version, Grant, Room)> = Vec::new();
    let mut judgement = Judgement::default();
    for version in versions {
        let room = room(version);
        match evaluate::judge(&version.terms, occasion, room) {
            Ok(grant) => granted.push((version, grant, room)),
            Err(why) => judgement.declined.push(declined(version, why)),
        }
    }
    stack(granted, occasion.paid, judgement)
}

fn stack(granted: Vec<(&Version, Grant, Room)>, paid: Money, mut judgement: Judgement) -> Judgement {
    let candidates: Vec<Candidate> = granted
        .iter()
        .map(|(version, grant, _)| Candidate {
            stacking: version.terms.stacking,
            priority: version.terms.priority,
            age: version.age,
            amount: grant.amount,
        })
        .collect();
    let outcomes = evaluate::combine(&candidates, paid);
    let mut applied: Vec<_> = Vec::new();
    for ((version, grant, room), outcome) in granted.into_iter().zip(outcomes) {
        match outcome {
            Ok(amount) => applied.push((version, grant, room, amount)),
            Err(why) => judgement.declined.push(declined(version, why)),
        }
    }
    applied.sort_by_key(|(version, ..)| {
        (version.terms.stacking, std::cmp::Reverse(version.terms.priority), version.age)
    });
    judgement.applied = applied
        .into_iter()
        .map(|(version, grant, room, amount)| Applied {
            rule: version.rule,
            version: version.version,
            eligible: grant.eligible,
            earned_kopecks: grant.earned.kopecks(),
            room_kopecks: room.narrowest().map(Money::kopecks),
            given_kopecks: amount.kopecks(),
            covered: grant.covered,
            trimmed_by: trimmed_by(&version.terms.caps, grant.earned, room, amount),
        })
        .collect();
    judgement.reason = reason(&judgement);
    judgement
}

/// Why there was none, or less.
pub(crate) fn reason(judgement: &Judgement) -> Option<CashbackReason> {
    let declined = |whys: &[WhyNot]| judgement.declined.iter().any(|declined| whys.contains(&declined.why));
    let mut limits = judgement.applied.iter().filter_map(|applied| applied.trimmed_by);
    let capped = limits.clone().any(|limit| limit != Limit::Paid)
        || declined(&[WhyNot::CapReached, WhyNot::BudgetSpent]);
    let all_paid = limits.any(|limit| limit == Limit::Paid) || declined(&[WhyNot::PaidReached]);
    match (judgement.applied.is_empty(), judgement.declined.is_empty()) {
        _ if capped => Some(CashbackReason::CapReached),
        _ if all_paid => Some(CashbackReason::PaidReached),
        (false, _) => None,
        (true, true) => Some(CashbackReason::NoRule),
        (true, false) => Some(CashbackReason::NoRuleApplied),
    }
}

fn declined(version: &Version, why: WhyNot) -> Declined {
    Declined { rule: version.rule, version: version.version, why }
}
