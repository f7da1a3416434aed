//! What a simulation is asked, as JSON.

use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::error::Invalid;
use crate::ids::RuleId;
use crate::rules::RuleDraft;

/// How many changes one question may have.
pub const CHANGES_MAX: usize = 100;

/// Which changes, over which purchases.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The first day, in the programme's zone.
    pub from: String,
    /// The last day.
    pub to: String,
    /// Only this partner's purchases; otherwise those of every partner whose rules change, or of all when none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// Rules that would be new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drafts: Vec<RuleDraft>,
    /// Rules that would have another version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replace: Vec<Replacement>,
    /// Rules that would not be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub end: Vec<RuleId>,
    /// Whether drafts hold within their own dates only, rather than over the whole period.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_dates: bool,
}

/// A rule's next version.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// The rule.
    pub id: RuleId,
    /// What it would say.
    pub rule: RuleDraft,
}

impl Question {
    /// The period, both days included.
    ///
    /// # Errors
    /// Days that are none, or in the wrong order.
    pub(super) fn period(&self) -> Result<(NaiveDate, NaiveDate), Vec<Invalid>> {
        let mut wrong = Vec::new();
        let mut day = |text: &str, pointer: &str| {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
            if date.is_none() {
                wrong.push(Invalid::new(pointer, "must be a date such as 2026-11-21"));
            }
            date
        };
        let (from, to) = (day(&self.from, "/from"), day(&self.to, "/to"));
        match from.zip(to) {
            Some((from, to)) if from > to => Err(vec![Invalid::new("/to", "must not be before from")]),
            // Instants a day beyond must still be within the calendar of the database.
            Some((from, to)) if is_usual(from) && is_usual(to + TimeDelta::days(1)) => Ok((from, to)),
            Some(_) => Err(vec![Invalid::new("/from", "must lie between 1990 and 2200")]),
            None => Err(wrong),
        }
    }

    /// Every draft with the pointer to it.
    pub fn every_draft(&self) -> impl Iterator<Item = (String, &RuleDraft)> {
        let new = self.drafts.iter().enumerate().map(|(at, draft)| (format!("/drafts/{at}"), draft));
        let next =
            self.replace.iter().enumerate().map(|(at, new)| (format!("/replace/{at}/rule"), &new.rule));
        new.chain(next)
    }
}

fn is_usual(date: NaiveDate) -> bool {
    use chrono::Datelike;
    (1990..=2200).contains(&date.year())
}
