//! Which rules judge before and after, and of whose purchases.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::Uuid;

use super::question::{CHANGES_MAX, Question};
use crate::days::midnight;
use crate::error::{EngineError, Invalid};
use crate::ids::{PartnerId, PurchaseId, RuleId};
use crate::partners;
use crate::rules::book::{Book, Version};
use crate::rules::store::checked;
use crate::rules::terms::{Members, Terms};
use crate::rules::{RuleDraft, draft};
use crate::schema::ledger::{outlets, rules};

/// See the module.
pub(super) struct Plan {
    pub book: Arc<Book>,
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// The period as instants, the last one exclusive.
    pub span: (DateTime<Utc>, DateTime<Utc>),
    /// Nothing that happened in the period was booked under a lower identifier.
    pub least_id: PurchaseId,
    /// Whose purchases; `None` for everybody's.
    pub outlets: Option<Vec<i32>>,
    pub partner: Option<String>,
    /// Rules that are replaced or ended.
    pub gone: HashSet<RuleId>,
    /// Drafts, by partner; those that are new have a rule identifier of their own ([`draft_place`]).
    pub drafts: HashMap<PartnerId, Vec<Version>>,
    /// Whether a draft's dates were left out.
    pub dates_left_out: bool,
    pub asks_members: bool,
    pub asks_tiers: bool,
}

/// A change may be a booking of five minutes ahead at most (`posting::check`); this is more.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

impl Plan {
    pub(super) fn of(
        connection: &mut PgConnection,
        book: Arc<Book>,
        question: &Question,
    ) -> Result<Self, EngineError> {
        let (from, to) = question.period().map_err(EngineError::Invalid)?;
        let changes = question.drafts.len() + question.replace.len() + question.end.len();
        if changes > CHANGES_MAX {
            return Err(EngineError::Invalid(vec![Invalid::new("", "has more than 100 changes")]));
        }
        let partner = match &question.partner {
            Some(code) => Some(
                partners::find(connection, code)?.ok_or_else(|| wrong("/partner", "is no partner's code"))?,
            ),
            None => None,
        };
        let mut changes = Changes { from, ..Changes::default() };
        changes.read(connection, &book, question, partner.as_ref().map(|partner| partner.id))?;
        let partners: Vec<PartnerId> = match &partner {
            Some(partner) => vec![partner.id],
            None => changes.partners.iter().copied().collect(),
        };
        let outlets = if partners.is_empty() {
            None
        } else {
            let of = outlets::table.filter(outlets::partner_id.eq_any(&partners));
            Some(of.select(outlets::id).load(connection)?)
        };
        let day_after = to.succ_opt().expect("a period ends within the calendar");
        let span = (midnight(book.zone, from), midnight(book.zone, day_after));
        let mut plan = Self {
            from,
            to,
            span,
            least_id: first_id_of(span.0 - AHEAD),
            outlets,
            partner: question.partner.clone(),
            gone: changes.gone,
            drafts: changes.drafts,
            dates_left_out: changes.dates_left_out,
            asks_members: false,
            asks_tiers: false,
            book,
        };
        let asked: Vec<Members> = plan.versions(&partners).map(|v| v.terms.when.members.clone()).collect();
        plan.asks_tiers = asked.iter().any(|members| members.tier.is_some());
        plan.asks_members =
            asked.iter().any(|members| Members { tier: None, ..members.clone() } != Members::default());
        Ok(plan)
    }

    /// Every version that may judge a purchase of these partners, or of all when there are none.
    fn versions(&self, partners: &[PartnerId]) -> impl Iterator<Item = &Version> {
        let kept = self.book.versions().filter(move |v| partners.is_empty() || partners.contains(&v.partner));
        kept.map(AsRef::as_ref).chain(self.drafts.values().flatten())
    }

    /// What was in force for a partner's purchase at an instant.
    pub(super) fn before(&self, partner: PartnerId, at: DateTime<Utc>) -> impl Iterator<Item = &Version> {
        self.book.in_force(partner, at).map(AsRef::as_ref)
    }

    /// What would have been.
    pub(super) fn after(&self, partner: PartnerId, at: DateTime<Utc>) -> impl Iterator<Item = &Version> {
        let kept = self.before(partner, at).filter(|version| !self.gone.contains(&version.rule));
        kept.chain(self.drafts.get(&partner).into_iter().flatten())
    }
}

/// The lowest identifier of an instant: UUIDv7 begins with its milliseconds.
fn first_id_of(at: DateTime<Utc>) -> PurchaseId {
    let milliseconds = u128::try_from(at.timestamp_millis()).unwrap_or(0);
    PurchaseId(Uuid::from_u128(milliseconds << 80))
}

/// The identifier a new draft has within a simulation: its place in the question, which no stored rule has.
fn draft_id(place: usize) -> RuleId {
    RuleId(Uuid::from_u128(u128::try_from(place).unwrap_or(0)))
}

/// The place of a new draft in the question; `None` for a rule that is stored.
pub(super) fn draft_place(rule: RuleId) -> Option<usize> {
    usize::try_from(rule.0.as_u128()).ok()
}

fn wrong(pointer: impl Into<String>, message: &str) -> EngineError {
    EngineError::Invalid(vec![Invalid::new(pointer, message)])
}

#[derive(Default)]
struct Changes {
    from: NaiveDate,
    gone: HashSet<RuleId>,
    drafts: HashMap<PartnerId, Vec<Version>>,
    partners: HashSet<PartnerId>,
    dates_left_out: bool,
}

/// A rule as it is stored: its partner and its place in the order of making.
type Stored = HashMap<RuleId, (PartnerId, i64)>;

impl Changes {
    fn read(
        &mut self,
        connection: &mut PgConnection,
        book: &Book,
        question: &Question,
        only: Option<PartnerId>,
    ) -> Result<(), EngineError> {
        let ids: Vec<RuleId> =
            question.replace.iter().map(|new| new.id).chain(question.end.iter().copied()).collect();
        let rows: Vec<(RuleId, PartnerId, i64)> = rules::table
            .filter(rules::id.eq_any(&ids))
            .select((rules::id, rules::partner_id, rules::number))
            .load(connection)?;
        let stored: Stored = rows.into_iter().map(|(id, partner, number)| (id, (partner, number))).collect();
        for (at, draft) in question.drafts.iter().enumerate() {
            let age = i64::MAX - i64::try_from(CHANGES_MAX - at).unwrap_or(0);
            let pointer = format!("/drafts/{at}");
            self.add(connection, book, (draft, &pointer, question.keep_dates), (draft_id(at), age), only)?;
        }
        for (at, new) in question.replace.iter().enumerate() {
            let (partner, age) = self.go(new.id, &stored, format!("/replace/{at}/id"))?;
            let pointer = format!("/replace/{at}/rule");
            self.add(
                connection,
                book,
                (&new.rule, &pointer, question.keep_dates),
                (new.id, age),
                Some(partner),
            )?;
            of(only, partner, format!("/replace/{at}/id"))?;
        }
        for (at, id) in question.end.iter().enumerate() {
            let (partner, _) = self.go(*id, &stored, format!("/end/{at}"))?;
            of(only, partner, format!("/end/{at}"))?;
            self.partners.insert(partner);
        }
        Ok(())
    }

    /// A rule goes, once.
    fn go(&mut self, id: RuleId, stored: &Stored, pointer: String) -> Result<(PartnerId, i64), EngineError> {
        let found = stored.get(&id).copied();
        let (partner, age) = found.ok_or_else(|| wrong(pointer.clone(), "is no rule"))?;
        if self.gone.insert(id) { Ok((partner, age)) } else { Err(wrong(pointer, "is named twice")) }
    }

    fn add(
        &mut self,
        connection: &mut PgConnection,
        book: &Book,
        (draft, pointer, keep_dates): (&RuleDraft, &str, bool),
        (rule, age): (RuleId, i64),
        only: Option<PartnerId>,
    ) -> Result<(), EngineError> {
        let (partner, mut terms) =
            checked(connection, draft).map_err(|error| draft::within(error, pointer))?;
        of(only, partner, format!("{pointer}/partner"))?;
        if !keep_dates {
            self.dates_left_out |= terms.when.from.take().is_some() | terms.when.until.take().is_some();
        }
        self.partners.insert(partner);
        let starts_at = midnight(book.zone, self.from);
        self.drafts.entry(partner).or_default().push(drafted(rule, (partner, age), terms, starts_at));
        Ok(())
    }
}

fn of(only: Option<PartnerId>, partner: PartnerId, pointer: String) -> Result<(), EngineError> {
    if only.is_none_or(|only| only == partner) { Ok(()) } else { Err(wrong(pointer, "is another partner's")) }
}

/// A draft as a version that judges; nothing is ever booked under it.
pub(crate) fn drafted(
    rule: RuleId,
    (partner, age): (PartnerId, i64),
    terms: Terms,
    starts_at: DateTime<Utc>,
) -> Version {
    Version {
        rule,
        version: 0,
        age,
        partner,
        counted_spans: terms.caps.per_member.iter().map(|(_, span)| *span).collect(),
        counts_budget: terms.caps.budget.is_some(),
        terms,
        starts_at,
        over_at: None,
        funders: Vec::new(),
    }
}
