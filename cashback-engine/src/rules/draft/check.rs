//! The checks between a rule's JSON and its terms: every wrong field is found, not only the first.

use chrono::{NaiveDate, NaiveTime, Weekday};
use shared_kernel::money::{Money, Rate};

use super::{CapsDraft, EarnDraft, FundingDraft, RungDraft, WhenDraft};
use crate::error::Invalid;
use crate::rules::terms::{CapPeriod, Caps, Earn, Funder, Funding, Members, Rung, When};

/// Bounds nobody sane reaches: they keep every computation within its types and every rule readable.
const LIST_MAX: usize = 500;
pub(super) const NAME_MAX: usize = 200;
pub(super) const HOLD_MAX: u32 = 3_650;
pub(super) const LIFE_MAX: u32 = 1_200;

/// Collects what is wrong.
#[derive(Default)]
pub(super) struct Checker {
    pub(super) found: Vec<Invalid>,
}

impl Checker {
    pub(super) fn unless(&mut self, holds: bool, pointer: &str, message: &str) {
        if !holds {
            self.found.push(Invalid::new(pointer, message));
        }
    }

    pub(super) fn parsed<T: std::str::FromStr>(
        &mut self,
        text: &str,
        pointer: &str,
        message: &str,
    ) -> Option<T> {
        let value = text.parse().ok();
        self.unless(value.is_some(), pointer, message);
        value
    }

    fn money(&mut self, text: &str, pointer: &str) -> Money {
        match text.parse::<Money>() {
            Ok(amount) if amount.kopecks() <= MONEY_MAX => return amount,
            Ok(_) => self.unless(false, pointer, "is too large"),
            Err(error) => self.unless(false, pointer, &error.to_string()),
        }
        Money::ZERO
    }

    fn positive(&mut self, text: &str, pointer: &str) -> Money {
        let before = self.found.len();
        let amount = self.money(text, pointer);
        self.unless(amount.is_positive() || self.found.len() > before, pointer, "must be above 0.00");
        amount
    }

    fn percent(&mut self, text: &str, pointer: &str) -> Rate {
        match text.parse::<Rate>() {
            Ok(rate) if rate > Rate::ZERO && rate.millionths() <= 100 * Rate::ONE.millionths() => {
                return rate;
            }
            Ok(_) => self.unless(false, pointer, "must be above 0 and at most 100"),
            Err(error) => self.unless(false, pointer, &error.to_string()),
        }
        Rate::ONE
    }

    fn list(&mut self, texts: &[String], pointer: &str) -> Vec<String> {
        self.unless(texts.len() <= LIST_MAX, pointer, "has more than 500 entries");
        let fine = |text: &String| !text.trim().is_empty() && text.len() <= NAME_MAX;
        self.unless(texts.iter().all(fine), pointer, "has an entry that is empty or too long");
        texts.to_vec()
    }

    fn date(&mut self, text: Option<&str>, pointer: &str) -> Option<NaiveDate> {
        text.and_then(|text| {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
            self.unless(date.is_some(), pointer, "must be a date such as 2026-11-21");
            date
        })
    }
}

/// A budget at most: a hundred billion rubles.
const MONEY_MAX: i64 = 10_000_000_000_000;

impl WhenDraft {
    pub(super) fn check(&self, wrong: &mut Checker) -> When {
        let from = wrong.date(self.from.as_deref(), "/when/from");
        let until = wrong.date(self.until.as_deref(), "/when/until");
        if let (Some(from), Some(until)) = (from, until) {
            wrong.unless(from <= until, "/when/until", "must not be before from");
        }
        let mut days: Vec<Weekday> = Vec::new();
        for (at, text) in self.days.iter().enumerate() {
            let pointer = format!("/when/days/{at}");
            let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
            wrong.unless(
                names.contains(&text.as_str()),
                &pointer,
                "must be mon, tue, wed, thu, fri, sat or sun",
            );
            if let Ok(day) = text.parse::<Weekday>() {
                wrong.unless(!days.contains(&day), &pointer, "stands twice");
                days.push(day);
            }
        }
        let members = self.members.clone().unwrap_or_default();
        for (text, pointer) in
            [(&members.organisation, "/when/members/organisation"), (&members.tier, "/when/members/tier")]
        {
            let named = |text: &String| !text.trim().is_empty() && text.len() <= NAME_MAX;
            wrong.unless(text.as_ref().is_none_or(named), pointer, "must not be empty or too long");
        }
        wrong.unless(
            members.member_for_months.is_none_or(|months| months <= LIFE_MAX),
            "/when/members/member_for_months",
            "must be at most 1200",
        );
        When {
            from,
            until,
            days,
            hours: self.hours.as_ref().and_then(|hours| check_hours(hours, wrong)),
            outlets: wrong.list(&self.outlets, "/when/outlets"),
            categories: wrong.list(&self.categories, "/when/categories"),
            except_categories: wrong.list(&self.except_categories, "/when/except_categories"),
            least_amount: self.least_amount.as_deref().map(|text| wrong.money(text, "/when/least_amount")),
            members: Members {
                organisation: members.organisation,
                categories: wrong.list(&members.categories, "/when/members/categories"),
                age: members.age.and_then(|age| check_age(&age, wrong)),
                member_for_months: members.member_for_months,
                tier: members.tier,
            },
        }
    }
}

fn check_hours(hours: &[String], wrong: &mut Checker) -> Option<(NaiveTime, NaiveTime)> {
    let read = |text: &String| {
        let shaped = text.len() == 5;
        NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| shaped)
    };
    match hours {
        [from, to] => {
            let pair = read(from).zip(read(to)).filter(|(from, to)| from != to);
            wrong.unless(pair.is_some(), "/when/hours", "must be two different times such as 09:00");
            pair
        }
        _ => {
            wrong.unless(false, "/when/hours", "must be two times");
            None
        }
    }
}

fn check_age(age: &[u32], wrong: &mut Checker) -> Option<(i32, i32)> {
    let pair = match age {
        [from, to] if from <= to && *to <= 150 => i32::try_from(*from).ok().zip(i32::try_from(*to).ok()),
        _ => None,
    };
    wrong.unless(pair.is_some(), "/when/members/age", "must be two ages, the first not above the second");
    pair
}

impl EarnDraft {
    pub(super) fn check(&self, wrong: &mut Checker) -> Option<Earn> {
        match (&self.percent, &self.fixed, &self.per, &self.amount, &self.ladder) {
            (Some(percent), None, None, None, None) => {
                Some(Earn::Percent(wrong.percent(percent, "/earn/percent")))
            }
            (None, Some(fixed), None, None, None) => {
                let amount = wrong.positive(fixed, "/earn/fixed");
                wrong.unless(amount.kopecks() <= EARN_MAX, "/earn/fixed", "is too large");
                Some(Earn::Fixed(amount))
            }
            (None, None, Some(per), Some(amount), None) => {
                let per = wrong.positive(per, "/earn/per");
                let amount = wrong.positive(amount, "/earn/amount");
                wrong.unless(amount <= per, "/earn/amount", "must not be above the step");
                Some(Earn::Step { per, amount })
            }
            (None, None, None, None, Some(rungs)) => check_ladder(rungs, wrong),
            _ => {
                wrong.unless(false, "/earn", "must be one of percent, fixed, per with amount, ladder");
                None
            }
        }
    }

    pub(super) fn of(earn: &Earn) -> Self {
        match earn {
            Earn::Percent(percent) => Self { percent: Some(percent.to_string()), ..Self::default() },
            Earn::Fixed(fixed) => Self { fixed: Some(fixed.to_string()), ..Self::default() },
            Earn::Step { per, amount } => {
                Self { per: Some(per.to_string()), amount: Some(amount.to_string()), ..Self::default() }
            }
            Earn::Ladder(rungs) => Self {
                ladder: Some(
                    rungs
                        .iter()
                        .map(|rung| RungDraft {
                            from: rung.from.to_string(),
                            percent: rung.percent.to_string(),
                        })
                        .collect(),
                ),
                ..Self::default()
            },
        }
    }
}

/// What one purchase can bring at most: the largest purchase.
const EARN_MAX: i64 = crate::posting::sale::AMOUNT_MAX_KOPECKS;

fn check_ladder(rungs: &[RungDraft], wrong: &mut Checker) -> Option<Earn> {
    wrong.unless((1..=50).contains(&rungs.len()), "/earn/ladder", "must have 1 to 50 rungs");
    let rungs: Vec<Rung> = rungs
        .iter()
        .enumerate()
        .map(|(at, rung)| Rung {
            from: wrong.money(&rung.from, &format!("/earn/ladder/{at}/from")),
            percent: wrong.percent(&rung.percent, &format!("/earn/ladder/{at}/percent")),
        })
        .collect();
    let rise = rungs.iter().zip(rungs.iter().skip(1)).all(|(low, high)| low.from < high.from);
    wrong.unless(rise, "/earn/ladder", "rungs must rise");
    Some(Earn::Ladder(rungs))
}

impl CapsDraft {
    pub(super) fn check(&self, wrong: &mut Checker) -> Caps {
        Caps {
            per_purchase: self.per_purchase.as_deref().map(|text| wrong.positive(text, "/caps/per_purchase")),
            per_member: self.per_member.as_ref().and_then(|cap| {
                let amount = wrong.positive(&cap.amount, "/caps/per_member/amount");
                let period = wrong.parsed::<CapPeriod>(
                    &cap.period,
                    "/caps/per_member/period",
                    "must be day, month or year",
                )?;
                Some((amount, period))
            }),
            budget: self.budget.as_deref().map(|text| wrong.positive(text, "/caps/budget")),
        }
    }
}

impl FundingDraft {
    pub(super) fn of(funding: &Funding) -> Self {
        let by = match &funding.by {
            Funder::Partner => "partner".to_owned(),
            Funder::Organisation(code) => code.clone(),
        };
        Self { by, share: funding.share.to_string() }
    }
}

pub(super) fn check_funding(drafts: &[FundingDraft], wrong: &mut Checker) -> Vec<Funding> {
    wrong.unless((1..=20).contains(&drafts.len()), "/funding", "must name 1 to 20 funders");
    let mut funding: Vec<Funding> = Vec::new();
    for (at, draft) in drafts.iter().enumerate() {
        let by = if draft.by == "partner" { Funder::Partner } else { Funder::Organisation(draft.by.clone()) };
        let named = !draft.by.trim().is_empty() && draft.by.len() <= NAME_MAX;
        wrong.unless(named, &format!("/funding/{at}/by"), "must be partner or an organisation's code");
        wrong.unless(
            funding.iter().all(|other| other.by != by),
            &format!("/funding/{at}/by"),
            "is named twice",
        );
        let pointer = format!("/funding/{at}/share");
        let share = match draft.share.parse::<Rate>() {
            Ok(share) if share > Rate::ZERO && share <= Rate::ONE => share,
            _ => {
                wrong.unless(false, &pointer, "must be above 0 and at most 1, with at most six decimals");
                continue;
            }
        };
        funding.push(Funding { by, share });
    }
    let whole: i64 = funding.iter().map(|f| f.share.millionths()).sum();
    wrong.unless(whole == Rate::ONE.millionths(), "/funding", "shares must add up to 1");
    funding
}
