//! Partners and their outlets, with the terms every purchase there is posted under.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::money::{Money, Rate};
use shared_kernel::paging::{Limit, Page};

use crate::error::{EngineError, Invalid, taken};
use crate::ids::{Mint, PartnerId};
use crate::ledger::account::Account;
use crate::rules::book::{account_of, touch};
use crate::schema::ledger::{commission_rates, outlets, partners};

/// A partner.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = partners)]
pub struct Partner {
    /// The identifier.
    pub id: PartnerId,
    /// The code people and files name it by.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The union's commission on what was paid, as a share of 1.
    pub commission_rate: Rate,
    /// The largest share of a purchase that may be paid with points.
    pub redeem_share: Rate,
    /// The least that may be paid with points.
    pub redeem_least: Money,
    /// Whether its tills book points as a counter-provision, so that a fiscal receipt's sum is the whole amount.
    pub fiscal_counts_points: bool,
    /// Its account in the ledger.
    pub receivable: Account,
}

/// What a new partner needs.
#[derive(Debug, Clone)]
pub struct NewPartner {
    /// See [`Partner::code`]: lower-case ASCII letters, digits and hyphens.
    pub code: String,
    /// See [`Partner::name`].
    pub name: String,
    /// See [`Partner::commission_rate`].
    pub commission_rate: Rate,
    /// See [`Partner::redeem_share`].
    pub redeem_share: Rate,
    /// See [`Partner::redeem_least`].
    pub redeem_least: Money,
    /// See [`Partner::fiscal_counts_points`].
    pub fiscal_counts_points: bool,
}

/// A shop, a site, a till's place.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = outlets)]
pub struct Outlet {
    /// Its number inside the database.
    #[diesel(column_name = id)]
    pub number: i32,
    /// Whose.
    pub partner_id: PartnerId,
    /// Its code, unique over all partners.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its town.
    pub town: String,
    /// Its zone, an IANA name; days and hours of rules are of this zone.
    pub zone: String,
}

impl Outlet {
    /// The zone.
    pub fn tz(&self) -> Tz {
        self.zone.parse().unwrap_or(chrono_tz::Europe::Moscow)
    }
}

/// What a new outlet needs.
#[derive(Debug, Clone)]
pub struct NewOutlet {
    /// See [`Outlet::code`].
    pub code: String,
    /// See [`Outlet::name`].
    pub name: String,
    /// See [`Outlet::town`].
    pub town: String,
    /// See [`Outlet::zone`].
    pub zone: String,
}

/// What to change of a partner's settings; what is left out stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct PartnerChanges {
    /// See [`Partner::commission_rate`]: for what happens from now on; what happened before is charged the rate of its
    /// moment, however late it comes.
    pub commission_rate: Option<Rate>,
    /// See [`Partner::redeem_share`].
    pub redeem_share: Option<Rate>,
    /// See [`Partner::redeem_least`].
    pub redeem_least: Option<Money>,
    /// See [`Partner::fiscal_counts_points`].
    pub fiscal_counts_points: Option<bool>,
}

/// Shares of 1 that are more than all of it.
fn shares_beyond_one(shares: &[(Option<Rate>, &str)]) -> Vec<Invalid> {
    shares
        .iter()
        .filter(|(rate, _)| rate.is_some_and(|rate| rate > Rate::ONE))
        .map(|(_, pointer)| Invalid::new(*pointer, "must be at most 1"))
        .collect()
}

/// Enters a partner.
///
/// # Errors
/// Wrong fields; [`EngineError::Taken`] for its code.
pub fn create(
    connection: &mut PgConnection,
    partner: &NewPartner,
    now: DateTime<Utc>,
) -> Result<Partner, EngineError> {
    let mut wrong = Vec::new();
    if !is_code(&partner.code) {
        wrong.push(Invalid::new(
            "/code",
            "must have 1 to 64 lower-case letters, digits, hyphens and underscores",
        ));
    }
    if partner.name.trim().is_empty() || partner.name.len() > 400 {
        wrong.push(Invalid::new("/name", "must not be empty or too long"));
    }
    wrong.extend(shares_beyond_one(&[
        (Some(partner.commission_rate), "/commission_rate"),
        (Some(partner.redeem_share), "/redeem_share"),
    ]));
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    connection.transaction(|connection| {
        let receivable = account_of(connection, "receivable", "partner", &partner.code)?;
        let created = diesel::insert_into(partners::table)
            .values((
                partners::id.eq(PartnerId(Mint::at(now).next())),
                partners::code.eq(&partner.code),
                partners::name.eq(partner.name.trim()),
                partners::commission_rate.eq(partner.commission_rate),
                partners::redeem_share.eq(partner.redeem_share),
                partners::redeem_least.eq(partner.redeem_least),
                partners::fiscal_counts_points.eq(partner.fiscal_counts_points),
                partners::receivable.eq(receivable),
                partners::created_at.eq(now),
            ))
            .returning(Partner::as_returning())
            .get_result(connection)
            .map_err(taken("partners_code_key", "the partner's code"))?;
        touch(connection)?;
        Ok(created)
    })
}

/// Changes a partner's settings for purchases from now on; those posted keep what they were judged by.
///
/// # Errors
/// Wrong fields; [`EngineError::Unknown`] for its code.
pub fn change(
    connection: &mut PgConnection,
    code: &str,
    changes: &PartnerChanges,
    now: DateTime<Utc>,
) -> Result<Partner, EngineError> {
    let wrong = shares_beyond_one(&[
        (changes.commission_rate, "/commission_rate"),
        (changes.redeem_share, "/redeem_share"),
    ]);
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    connection.transaction(|connection| {
        let before: Partner = partners::table
            .filter(partners::code.eq(code))
            .select(Partner::as_select())
            .for_no_key_update()
            .first(connection)
            .optional()?
            .ok_or(EngineError::Unknown("the partner"))?;
        let commission_rate = changes.commission_rate.unwrap_or(before.commission_rate);
        if commission_rate != before.commission_rate {
            diesel::insert_into(commission_rates::table)
                .values((
                    commission_rates::partner_id.eq(before.id),
                    commission_rates::until.eq(now),
                    commission_rates::rate.eq(before.commission_rate),
                ))
                .on_conflict_do_nothing()
                .execute(connection)?;
        }
        let changed = diesel::update(partners::table.find(before.id))
            .set((
                partners::commission_rate.eq(commission_rate),
                partners::redeem_share.eq(changes.redeem_share.unwrap_or(before.redeem_share)),
                partners::redeem_least.eq(changes.redeem_least.unwrap_or(before.redeem_least)),
                partners::fiscal_counts_points
                    .eq(changes.fiscal_counts_points.unwrap_or(before.fiscal_counts_points)),
            ))
            .returning(Partner::as_returning())
            .get_result(connection)?;
        touch(connection)?;
        Ok(changed)
    })
}

/// A commission rate and when it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldRate {
    /// The rate.
    pub rate: Rate,
    /// Since when; the first one held from the beginning.
    pub from: Option<DateTime<Utc>>,
    /// Until when (exclusive); the present one still holds.
    pub until: Option<DateTime<Utc>>,
}

/// A partner's commission rates, the present one first.
///
/// # Errors
/// The database's.
pub fn rates(connection: &mut PgConnection, partner: &Partner) -> QueryResult<Vec<HeldRate>> {
    let former: Vec<(DateTime<Utc>, Rate)> = commission_rates::table
        .filter(commission_rates::partner_id.eq(partner.id))
        .order(commission_rates::until)
        .select((commission_rates::until, commission_rates::rate))
        .load(connection)?;
    let mut held = Vec::with_capacity(former.len() + 1);
    let mut from = None;
    for (until, rate) in former {
        held.push(HeldRate { rate, from, until: Some(until) });
        from = Some(until);
    }
    held.push(HeldRate { rate: partner.commission_rate, from, until: None });
    held.reverse();
    Ok(held)
}

/// The commission rates that were, by partner: until when each held, the earliest first.
pub(crate) type FormerRates = HashMap<PartnerId, Vec<(DateTime<Utc>, Rate)>>;

pub(crate) fn former_rates(connection: &mut PgConnection) -> QueryResult<FormerRates> {
    let rows: Vec<(PartnerId, DateTime<Utc>, Rate)> = commission_rates::table
        .order((commission_rates::partner_id, commission_rates::until))
        .select((commission_rates::partner_id, commission_rates::until, commission_rates::rate))
        .load(connection)?;
    let mut rates = FormerRates::new();
    for (partner, until, rate) in rows {
        rates.entry(partner).or_default().push((until, rate));
    }
    Ok(rates)
}

/// Enters an outlet.
///
/// # Errors
/// Wrong fields; [`EngineError::Taken`] for its code, whichever partner has it.
pub fn add_outlet(
    connection: &mut PgConnection,
    partner: PartnerId,
    outlet: &NewOutlet,
    now: DateTime<Utc>,
) -> Result<Outlet, EngineError> {
    let mut wrong = Vec::new();
    if !is_code(&outlet.code) {
        wrong.push(Invalid::new(
            "/code",
            "must have 1 to 64 lower-case letters, digits, hyphens and underscores",
        ));
    }
    if outlet.zone.parse::<Tz>().is_err() {
        wrong.push(Invalid::new("/zone", "must be a time zone such as Europe/Moscow"));
    }
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    connection.transaction(|connection| {
        let created = diesel::insert_into(outlets::table)
            .values((
                outlets::partner_id.eq(partner),
                outlets::code.eq(&outlet.code),
                outlets::name.eq(outlet.name.trim()),
                outlets::town.eq(outlet.town.trim()),
                outlets::zone.eq(&outlet.zone),
                outlets::created_at.eq(now),
            ))
            .returning(Outlet::as_returning())
            .get_result(connection)
            .map_err(taken("outlets_code_key", "the outlet's code"))?;
        touch(connection)?;
        Ok(created)
    })
}

/// A partner by its code.
///
/// # Errors
/// The database's.
pub fn find(connection: &mut PgConnection, code: &str) -> QueryResult<Option<Partner>> {
    partners::table.filter(partners::code.eq(code)).select(Partner::as_select()).first(connection).optional()
}

/// A partner by its identifier.
///
/// # Errors
/// The database's.
pub fn by_id(connection: &mut PgConnection, id: PartnerId) -> QueryResult<Option<Partner>> {
    partners::table.find(id).select(Partner::as_select()).first(connection).optional()
}

/// Partners by code.
///
/// # Errors
/// The database's.
pub fn list(
    connection: &mut PgConnection,
    after: Option<&str>,
    limit: Limit,
) -> QueryResult<Page<Partner, String>> {
    let rows = partners::table
        .filter(partners::code.gt(after.unwrap_or_default()))
        .order(partners::code)
        .limit(limit.with_lookahead())
        .select(Partner::as_select())
        .load(connection)?;
    Ok(Page::from_lookahead(rows, limit, |partner| partner.code.clone()))
}

/// A partner's outlets by code.
///
/// # Errors
/// The database's.
pub fn outlets(connection: &mut PgConnection, partner: PartnerId) -> QueryResult<Vec<Outlet>> {
    outlets::table
        .filter(outlets::partner_id.eq(partner))
        .order(outlets::code)
        .select(Outlet::as_select())
        .load(connection)
}

/// An outlet by its code.
///
/// # Errors
/// The database's.
pub fn outlet(connection: &mut PgConnection, code: &str) -> QueryResult<Option<Outlet>> {
    outlets::table.filter(outlets::code.eq(code)).select(Outlet::as_select()).first(connection).optional()
}

fn is_code(code: &str) -> bool {
    (1..=64).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}
