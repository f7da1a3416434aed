//! A rule as its JSON says it (contract.md, "Finance"), and the way from there to [`Terms`] and back.

use chrono::{NaiveDate, NaiveTime, Weekday};
use serde::{Deserialize, Serialize};
use shared_kernel::money::{Money, Rate};

use super::terms::{CapPeriod, Caps, Earn, Funder, Funding, Members, Rung, Stacking, Terms, When};
use crate::days::shortest_life_days;
use crate::error::Invalid;

/// A rule's JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleDraft {
    /// What people call it.
    pub name: String,
    /// The partner's code.
    pub partner: String,
    /// Higher first among equals.
    #[serde(default)]
    pub priority: i32,
    /// `exclusive` unless said.
    #[serde(default = "exclusive")]
    pub stacking: String,
    /// Conditions.
    #[serde(default)]
    pub when: WhenDraft,
    /// What it gives: one of four.
    pub earn: EarnDraft,
    /// Limits.
    #[serde(default)]
    pub caps: CapsDraft,
    /// Who pays; the partner unless said.
    #[serde(default = "partner_alone")]
    pub funding: Vec<FundingDraft>,
    /// Days of hold, 14 unless said.
    #[serde(default = "fourteen")]
    pub hold_days: u32,
    /// Months of life, 12 unless said, `null` for ever.
    #[serde(default = "twelve")]
    pub life_months: Option<u32>,
}

fn exclusive() -> String {
    Stacking::Exclusive.as_str().to_owned()
}
fn partner_alone() -> Vec<FundingDraft> {
    vec![FundingDraft { by: "partner".to_owned(), share: "1".to_owned() }]
}
fn fourteen() -> u32 {
    14
}
fn twelve() -> Option<u32> {
    Some(12)
}

/// See [`When`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the fields are those of `When`, as text")]
pub struct WhenDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outlets: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except_categories: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<MembersDraft>,
}

/// See [`Members`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the fields are those of `Members`, as text")]
pub struct MembersDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_for_months: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
}

/// See [`Earn`]: exactly one of percent, fixed, per and amount, ladder.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the fields are those of `Earn`, as text")]
pub struct EarnDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ladder: Option<Vec<RungDraft>>,
}

/// See [`Rung`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of `Rung`, as text")]
pub struct RungDraft {
    pub from: String,
    pub percent: String,
}

/// See [`Caps`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the fields are those of `Caps`, as text")]
pub struct CapsDraft {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_purchase: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_member: Option<MemberCapDraft>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
}

/// A member's cap.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "an amount and a period, as text")]
pub struct MemberCapDraft {
    pub amount: String,
    pub period: String,
}

/// See [`Funding`]: `by` is `partner` or an organisation's code.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of `Funding`, as text")]
pub struct FundingDraft {
    pub by: String,
    pub share: String,
}

/// Bounds nobody sane reaches: they keep every computation within its types and every rule readable.
const LIST_MAX: usize = 500;
const NAME_MAX: usize = 200;
const HOLD_MAX: u32 = 3_650;
const LIFE_MAX: u32 = 1_200;

impl RuleDraft {
    /// Checks everything and gives the terms.
    ///
    /// # Errors
    /// Every wrong field, with its pointer.
    pub fn check(&self) -> Result<Terms, Vec<Invalid>> {
        let mut wrong = Checker::default();
        let name = self.name.trim();
        wrong.unless(
            !name.is_empty() && name.chars().count() <= NAME_MAX,
            "/name",
            "must have 1 to 200 characters",
        );
        wrong.unless(!name.chars().any(char::is_control), "/name", "must not have control characters");
        let hold_days = u16::try_from(self.hold_days).ok().filter(|_| self.hold_days <= HOLD_MAX);
        wrong.unless(hold_days.is_some(), "/hold_days", "must be at most 3650");
        let life_months = self.life_months.map(|months| {
            let fits = u16::try_from(months).ok().filter(|_| (1..=LIFE_MAX).contains(&months));
            wrong.unless(fits.is_some(), "/life_months", "must be 1 to 1200, or null");
            fits.unwrap_or(12)
        });
        if let (Some(hold), Some(life)) = (hold_days, life_months) {
            let ends_inside = shortest_life_days(life) <= i64::from(hold);
            wrong.unless(!ends_inside, "/life_months", "such a life can end inside its hold");
        }
        let stacking = wrong.parsed::<Stacking>(&self.stacking, "/stacking", "must be exclusive or additive");
        let when = self.when.check(&mut wrong);
        let earn = self.earn.check(&mut wrong);
        let caps = self.caps.check(&mut wrong);
        let funding = check_funding(&self.funding, &mut wrong);
        match (wrong.found.is_empty(), stacking, earn, hold_days) {
            (true, Some(stacking), Some(earn), Some(hold_days)) => Ok(Terms {
                name: name.to_owned(),
                priority: self.priority,
                stacking,
                when,
                earn,
                caps,
                funding,
                hold_days,
                life_months,
            }),
            _ => Err(wrong.found),
        }
    }

    /// The JSON of a version's terms.
    pub fn of(partner: &str, terms: &Terms) -> Self {
        let texts = |list: &[String]| list.to_vec();
        let members = &terms.when.members;
        Self {
            name: terms.name.clone(),
            partner: partner.to_owned(),
            priority: terms.priority,
            stacking: terms.stacking.to_string(),
            when: WhenDraft {
                from: terms.when.from.map(|d| d.to_string()),
                until: terms.when.until.map(|d| d.to_string()),
                days: terms.when.days.iter().map(|d| d.to_string().to_lowercase()).collect(),
                hours: terms.when.hours.map(|(a, b)| [a, b].map(|t| t.format("%H:%M").to_string()).to_vec()),
                outlets: texts(&terms.when.outlets),
                categories: texts(&terms.when.categories),
                except_categories: texts(&terms.when.except_categories),
                least_amount: terms.when.least_amount.map(|m| m.to_string()),
                members: (*members != Members::default()).then(|| MembersDraft {
                    organisation: members.organisation.clone(),
                    categories: texts(&members.categories),
                    age: members.age.map(|(a, b)| [a, b].map(i32::unsigned_abs).to_vec()),
                    member_for_months: members.member_for_months,
                    tier: members.tier.clone(),
                }),
            },
            earn: EarnDraft::of(&terms.earn),
            caps: CapsDraft {
                per_purchase: terms.caps.per_purchase.map(|m| m.to_string()),
                per_member: terms.caps.per_member.map(|(amount, period)| MemberCapDraft {
                    amount: amount.to_string(),
                    period: period.to_string(),
                }),
                budget: terms.caps.budget.map(|m| m.to_string()),
            },
            funding: terms.funding.iter().map(FundingDraft::of).collect(),
            hold_days: u32::from(terms.hold_days),
            life_months: terms.life_months.map(u32::from),
        }
    }
}

#[derive(Default)]
struct Checker {
    found: Vec<Invalid>,
}

impl Checker {
    fn unless(&mut self, holds: bool, pointer: &str, message: &str) {
        if !holds {
            self.found.push(Invalid::new(pointer, message));
        }
    }

    fn parsed<T: std::str::FromStr>(&mut self, text: &str, pointer: &str, message: &str) -> Option<T> {
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
    fn check(&self, wrong: &mut Checker) -> When {
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
    fn check(&self, wrong: &mut Checker) -> Option<Earn> {
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

    fn of(earn: &Earn) -> Self {
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
    fn check(&self, wrong: &mut Checker) -> Caps {
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
    fn of(funding: &Funding) -> Self {
        let by = match &funding.by {
            Funder::Partner => "partner".to_owned(),
            Funder::Organisation(code) => code.clone(),
        };
        Self { by, share: funding.share.to_string() }
    }
}

fn check_funding(drafts: &[FundingDraft], wrong: &mut Checker) -> Vec<Funding> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"{"name":"Учебники","partner":"books","priority":3,"stacking":"additive",
        "when":{"from":"2026-01-01","until":"2026-12-31","days":["mon","sun"],"hours":["09:00","18:00"],
            "outlets":["books-1"],"categories":["textbooks"],"except_categories":["toys"],"least_amount":"100.00",
            "members":{"organisation":"R-059","categories":["worker"],"age":[14,35],"member_for_months":6,"tier":"gold"}},
        "earn":{"ladder":[{"from":"0.00","percent":"1"},{"from":"5000.00","percent":"3.5"}]},
        "caps":{"per_purchase":"500.00","per_member":{"amount":"1000.00","period":"month"},"budget":"100000.00"},
        "funding":[{"by":"partner","share":"0.6"},{"by":"R-059","share":"0.4"}],"hold_days":3,"life_months":null}"#;

    fn wrong_fields(json: &str) -> Vec<String> {
        let draft: RuleDraft = serde_json::from_str(json).unwrap();
        draft.check().unwrap_err().into_iter().map(|wrong| wrong.pointer).collect()
    }

    #[test]
    fn a_full_rule_comes_back_as_it_was() {
        let draft: RuleDraft = serde_json::from_str(FULL).unwrap();
        let terms = draft.check().unwrap();
        let again = RuleDraft::of("books", &terms);
        assert_eq!(again.check().unwrap(), terms);
        assert_eq!(
            serde_json::to_value(&again).unwrap(),
            serde_json::from_str::<serde_json::Value>(FULL).unwrap()
        );
        let kept: Terms = serde_json::from_value(serde_json::to_value(&terms).unwrap()).unwrap();
        assert_eq!(kept, terms);
    }

    #[test]
    fn what_is_left_out_has_its_usual_value() {
        let draft: RuleDraft =
            serde_json::from_str(r#"{"name":"a","partner":"p","earn":{"percent":"5"}}"#).unwrap();
        let terms = draft.check().unwrap();
        assert_eq!((terms.hold_days, terms.life_months, terms.stacking), (14, Some(12), Stacking::Exclusive));
        assert_eq!(terms.funding, [Funding { by: Funder::Partner, share: Rate::ONE }]);
        assert!(
            serde_json::from_str::<RuleDraft>(r#"{"name":"a","partner":"p","earn":{"percent":"5"},"x":1}"#)
                .is_err()
        );
    }

    #[test]
    fn every_wrong_field_is_named() {
        for (fields, pointer) in [
            (r#""earn":{"percent":"0"}"#, "/earn/percent"),
            (r#""earn":{"percent":"101"}"#, "/earn/percent"),
            (r#""earn":{"percent":"1e1"}"#, "/earn/percent"),
            (r#""earn":{"percent":"5","fixed":"1.00"}"#, "/earn"),
            (r#""earn":{}"#, "/earn"),
            (r#""earn":{"per":"100.00"}"#, "/earn"),
            (r#""earn":{"fixed":"0.00"}"#, "/earn/fixed"),
            (r#""earn":{"ladder":[]}"#, "/earn/ladder"),
            (r#""earn":{"ladder":[{"from":"5","percent":"1"},{"from":"5","percent":"2"}]}"#, "/earn/ladder"),
            (r#""earn":{"fixed":"1.00"},"hold_days":28,"life_months":1"#, "/life_months"),
            (r#""earn":{"fixed":"1.00"},"life_months":0"#, "/life_months"),
            (r#""earn":{"fixed":"1.00"},"when":{"from":"2026-02-30"}"#, "/when/from"),
            (r#""earn":{"fixed":"1.00"},"when":{"days":["monday"]}"#, "/when/days/0"),
            (r#""earn":{"fixed":"1.00"},"when":{"hours":["9","18"]}"#, "/when/hours"),
            (r#""earn":{"fixed":"1.00"},"when":{"members":{"age":[35,14]}}"#, "/when/members/age"),
            (r#""earn":{"fixed":"1.00"},"funding":[{"by":"partner","share":"0.9"}]"#, "/funding"),
            (r#""earn":{"fixed":"1.00"},"stacking":"both""#, "/stacking"),
            (r#""earn":{"fixed":"1.00"},"caps":{"budget":"1,5"}"#, "/caps/budget"),
        ] {
            let found = wrong_fields(&format!(r#"{{"name":"a","partner":"p",{fields}}}"#));
            assert_eq!(found, [pointer], "{fields}");
        }
    }
}
