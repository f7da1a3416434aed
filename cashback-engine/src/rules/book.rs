//! All that a purchase is judged by besides itself: partners, outlets, rule versions, the programme's settings. Read
//! as a whole, kept by the caller, and known to be stale by one number read beside every batch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, RwLock};

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::Uuid;
use shared_kernel::money::Rate;

use super::store::{self, VersionRow};
use super::terms::{CapPeriod, Funder, Terms};
use crate::days::midnight;
use crate::fraud::settings::Watched;
use crate::ids::{PartnerId, RuleId};
use crate::ledger::account::Account;
use crate::partners::{FormerRates, Outlet, Partner, former_rates};
use crate::programme::Exclusions;
use crate::schema::ledger::{accounts, outlets, partners, programme};
use crate::tiers::{self, TierTerms};

/// For so many days after its last one a purchase is told that a version was over: who comes a day late wants to know why.
const TOLD_DAYS: u64 = 31;

/// An approved version, with the time it is in force.
#[derive(Debug, Clone)]
pub struct Version {
    /// The rule.
    pub rule: RuleId,
    /// Its version.
    pub version: i32,
    /// The rule's place in the order of making: lower is older.
    pub age: i64,
    /// Whose.
    pub partner: PartnerId,
    /// The terms.
    pub terms: Terms,
    /// From when: its approval, or its first day, should that be later.
    pub starts_at: DateTime<Utc>,
    /// Until when (exclusive): a later version takes over, the rule ends, or its last day is [`TOLD_DAYS`] past, after which
    /// nobody hears of it any more.
    pub over_at: Option<DateTime<Utc>>,
    /// The funders' accounts, in the order of the terms.
    pub funders: Vec<Account>,
    /// Over what members' caps are counted: those of any approved version of the rule, since a cap counts over all.
    pub counted_spans: Vec<CapPeriod>,
    /// Whether any approved version of the rule has a budget.
    pub counts_budget: bool,
}

impl Version {
    /// Whether it was the version in force at an instant; its dates are judged apart.
    pub fn in_force(&self, at: DateTime<Utc>) -> bool {
        self.starts_at <= at && self.over_at.is_none_or(|over| at < over)
    }

    /// Whether a day of the programme is one of its dates.
    pub fn runs_on(&self, day: NaiveDate) -> bool {
        let when = &self.terms.when;
        when.from.is_none_or(|from| from <= day) && when.until.is_none_or(|until| day <= until)
    }
}

/// Everything that judges, as of one revision.
#[derive(Debug)]
pub struct Book {
    /// Grows with every change.
    pub revision: i64,
    /// The programme's zone.
    pub zone: Tz,
    /// Whether a bare number may spend points.
    pub bare_number_may_redeem: bool,
    /// What the fraud watch looks for.
    pub watched: Watched,
    /// How many days a claim waits before it ends by itself.
    pub claim_days: i16,
    /// The tiers members may reach; `None` where none are set.
    pub tiers: Option<Arc<TierTerms>>,
    partners: HashMap<PartnerId, Arc<Partner>>,
    former_rates: FormerRates,
    excluded_categories: Exclusions,
    outlets: HashMap<String, Arc<Outlet>>,
    outlets_by_number: HashMap<i32, Arc<Outlet>>,
    versions: HashMap<(RuleId, i32), Arc<Version>>,
    of_partner: HashMap<PartnerId, Vec<Arc<Version>>>,
}

impl Book {
    /// Reads everything.
    ///
    /// # Errors
    /// The database's, also when a stored zone or rule can't be read.
    pub fn load(connection: &mut PgConnection) -> QueryResult<Self> {
        // The revision first: what changes while the rest is read makes this book stale, never falsely fresh.
        let (revision, zone, excluded_categories, bare_number_may_redeem, claim_days): (
            i64,
            String,
            Vec<Option<String>>,
            bool,
            i16,
        ) = programme::table
            .select((
                programme::revision,
                programme::zone,
                programme::excluded_categories,
                programme::bare_number_may_redeem,
                programme::claim_days,
            ))
            .first(connection)?;
        let partners: Vec<Partner> = partners::table.select(Partner::as_select()).load(connection)?;
        let outlets: Vec<Outlet> = outlets::table.select(Outlet::as_select()).load(connection)?;
        let funding: HashMap<String, Account> = accounts::table
            .filter(accounts::kind.eq("funding"))
            .select((accounts::owner, accounts::id))
            .load::<(String, Account)>(connection)?
            .into_iter()
            .collect();
        let zone: Tz = zone.parse().map_err(unreadable)?;
        let partners: HashMap<_, _> = partners.into_iter().map(|p| (p.id, Arc::new(p))).collect();
        let versions = versions(store::approved(connection)?, zone, &partners, &funding)?;
        let outlets: Vec<_> = outlets.into_iter().map(Arc::new).collect();
        let mut of_partner: HashMap<_, Vec<_>> = HashMap::new();
        for version in &versions {
            of_partner.entry(version.partner).or_default().push(version.clone());
        }
        Ok(Self {
            revision,
            zone,
            bare_number_may_redeem,
            watched: Watched::load(connection)?,
            claim_days,
            tiers: tiers::judging(connection)?.map(Arc::new),
            partners,
            former_rates: former_rates(connection)?,
            excluded_categories: Exclusions::read(connection, excluded_categories)?,
            outlets_by_number: outlets.iter().map(|o| (o.number, o.clone())).collect(),
            outlets: outlets.into_iter().map(|o| (o.code.clone(), o)).collect(),
            versions: versions.into_iter().map(|v| ((v.rule, v.version), v)).collect(),
            of_partner,
        })
    }

    /// The tier that counts for a member in whose row `stored` stands.
    pub fn tier_held<'t>(&'t self, stored: Option<&'t str>) -> Option<&'t str> {
        match &self.tiers {
            Some(terms) => terms.held(stored),
            None => stored,
        }
    }

    /// A partner.
    pub fn partner(&self, id: PartnerId) -> Option<&Arc<Partner>> {
        self.partners.get(&id)
    }

    /// The commission a partner is charged of what was bought at an instant.
    pub fn commission_rate(&self, partner: &Partner, at: DateTime<Utc>) -> Rate {
        let mut former = self.former_rates.get(&partner.id).into_iter().flatten();
        former.find(|(until, _)| at < *until).map_or(partner.commission_rate, |(_, rate)| *rate)
    }

    /// Categories no rule covers and no points pay, of what is bought at an instant.
    pub fn excluded_categories(&self, at: DateTime<Utc>) -> &[String] {
        self.excluded_categories.at(at)
    }

    /// An outlet by its code, which is unique over all partners.
    pub fn outlet(&self, code: &str) -> Option<&Arc<Outlet>> {
        self.outlets.get(code)
    }

    /// An outlet by its number inside the database.
    pub fn outlet_by_number(&self, number: i32) -> Option<&Arc<Outlet>> {
        self.outlets_by_number.get(&number)
    }

    /// An approved version, also one no longer in force.
    pub fn version(&self, rule: RuleId, version: i32) -> Option<&Arc<Version>> {
        self.versions.get(&(rule, version))
    }

    /// Every approved version.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &Arc<Version>> {
        self.versions.values()
    }

    /// A partner's versions in force at an instant.
    pub fn in_force(&self, partner: PartnerId, at: DateTime<Utc>) -> impl Iterator<Item = &Arc<Version>> {
        self.of_partner.get(&partner).into_iter().flatten().filter(move |version| version.in_force(at))
    }
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> diesel::result::Error {
    diesel::result::Error::DeserializationError(Box::new(error))
}

/// An approved version beside the others of its rule, and when it takes over.
struct Approved {
    row: VersionRow,
    terms: Terms,
    takes_over_at: DateTime<Utc>,
}

fn versions(
    rows: Vec<VersionRow>,
    zone: Tz,
    partners: &HashMap<PartnerId, Arc<Partner>>,
    funding: &HashMap<String, Account>,
) -> QueryResult<Vec<Arc<Version>>> {
    let mut of_rule: BTreeMap<i64, Vec<Approved>> = BTreeMap::new();
    for row in rows {
        let Some(approved_at) = row.approved_at else { continue };
        let terms: Terms = serde_json::from_value(row.terms.clone()).map_err(unreadable)?;
        let first_day = terms.when.from.map(|from| midnight(zone, from));
        let takes_over_at = first_day.map_or(approved_at, |first| first.max(approved_at));
        of_rule.entry(row.number).or_default().push(Approved { row, terms, takes_over_at });
    }
    let mut versions = Vec::new();
    for approved in of_rule.into_values() {
        let counts_budget = approved.iter().any(|a| a.terms.caps.budget.is_some());
        let spans: BTreeSet<CapPeriod> =
            approved.iter().filter_map(|a| a.terms.caps.per_member).map(|(_, span)| span).collect();
        let mut over_at = approved.first().and_then(|a| a.row.ended_at);
        // The latest first: each is over when the earliest of those after it takes over.
        for Approved { row, terms, takes_over_at } in approved.into_iter().rev() {
            let told = terms.when.until.and_then(|last| last.checked_add_days(Days::new(TOLD_DAYS + 1)));
            let told_until = told.map(|day| midnight(zone, day));
            versions.push(Arc::new(Version {
                rule: row.rule_id,
                version: row.version,
                age: row.number,
                partner: row.partner_id,
                funders: funders(&terms, partners.get(&row.partner_id), funding)?,
                terms,
                starts_at: takes_over_at,
                over_at: [over_at, told_until].into_iter().flatten().min(),
                counted_spans: spans.iter().copied().collect(),
                counts_budget,
            }));
            over_at = [over_at, Some(takes_over_at)].into_iter().flatten().min();
        }
    }
    versions.sort_by_key(|version| (version.age, version.version));
    Ok(versions)
}

/// The accounts that pay by these terms, in their order.
///
/// # Errors
/// When an organisation has no account to pay from.
pub(crate) fn funders(
    terms: &Terms,
    partner: Option<&Arc<Partner>>,
    funding: &HashMap<String, Account>,
) -> QueryResult<Vec<Account>> {
    terms
        .funding
        .iter()
        .map(|share| match &share.by {
            Funder::Partner => partner.map(|partner| partner.receivable),
            Funder::Organisation(code) => funding.get(code).copied(),
        })
        .collect::<Option<Vec<_>>>()
        .ok_or(diesel::result::Error::NotFound)
}

/// The last book read, shared by all who post. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct BookCache {
    book: Arc<RwLock<Option<Arc<Book>>>>,
}

impl BookCache {
    /// The kept book if it is still the latest, otherwise a new one.
    ///
    /// # Errors
    /// The database's.
    pub fn current(&self, connection: &mut PgConnection) -> QueryResult<Arc<Book>> {
        let revision = programme::table.select(programme::revision).first(connection)?;
        self.at_least(connection, revision)
    }

    /// The kept book if there is one, however old; what is written under it must check the revision.
    pub(crate) fn kept(&self, connection: &mut PgConnection) -> QueryResult<Arc<Book>> {
        let kept = self.book.read().ok().and_then(|kept| kept.clone());
        match kept {
            Some(book) => Ok(book),
            None => self.reload(connection),
        }
    }

    /// A book of at least that revision.
    pub(crate) fn at_least(&self, connection: &mut PgConnection, revision: i64) -> QueryResult<Arc<Book>> {
        let kept = self.book.read().ok().and_then(|kept| kept.clone());
        match kept {
            Some(book) if book.revision == revision => Ok(book),
            _ => self.reload(connection),
        }
    }

    /// The book as of this snapshot, which may be older than the kept one: that stays.
    pub(crate) fn of_snapshot(&self, connection: &mut PgConnection) -> QueryResult<Arc<Book>> {
        let revision: i64 = programme::table.select(programme::revision).first(connection)?;
        let kept = self.book.read().ok().and_then(|kept| kept.clone());
        match kept {
            Some(book) if book.revision == revision => Ok(book),
            _ => Book::load(connection).map(Arc::new),
        }
    }

    pub(crate) fn reload(&self, connection: &mut PgConnection) -> QueryResult<Arc<Book>> {
        let book = Arc::new(Book::load(connection)?);
        if let Ok(mut kept) = self.book.write() {
            *kept = Some(book.clone());
        }
        Ok(book)
    }
}

/// Makes every kept book stale; in the transaction that changes what purchases are judged by.
pub(crate) fn touch(connection: &mut PgConnection) -> QueryResult<()> {
    diesel::update(programme::table)
        .set(programme::revision.eq(programme::revision + 1))
        .execute(connection)?;
    Ok(())
}

/// The account an organisation's share is booked to, made when it is first named.
pub(crate) fn funding_account(connection: &mut PgConnection, organisation: &str) -> QueryResult<Account> {
    account_of(connection, "funding", "organisation", organisation)
}

/// A partner's or organisation's account, made when it is first named.
pub(crate) fn account_of(
    connection: &mut PgConnection,
    kind: &str,
    owner_kind: &str,
    owner: &str,
) -> QueryResult<Account> {
    diesel::sql_query(
        "INSERT INTO ledger.accounts (id, kind, owner_kind, owner)
         SELECT nextval('ledger.account_numbers'), $1, $2, $3
         WHERE NOT EXISTS (SELECT FROM ledger.accounts WHERE kind = $1 AND owner = $3)
         ON CONFLICT (kind, owner) DO NOTHING",
    )
    .bind::<diesel::sql_types::Text, _>(kind)
    .bind::<diesel::sql_types::Text, _>(owner_kind)
    .bind::<diesel::sql_types::Text, _>(owner)
    .execute(connection)?;
    accounts::table
        .filter(accounts::kind.eq(kind).and(accounts::owner.eq(owner)))
        .select(accounts::id)
        .first(connection)
}

/// Who did something: a member of staff or a program.
pub type Actor = Uuid;
