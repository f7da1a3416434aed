//! The programme's settings that people may change. Whatever changes here makes every kept rule book stale, so that the
//! next purchase is judged by it.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use diesel::connection::SimpleConnection;
use diesel::dsl::exists;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error;

use crate::error::{EngineError, Invalid};
use crate::posting::is_receipt;
use crate::rules::book::touch;
use crate::schema::ledger::{former_exclusions, postings, programme, purchases};

/// Categories no rule covers and no points pay, whatever else is set.
const ALWAYS_EXCLUDED: [&str; 2] = ["tobacco", "nicotine"];
/// Excluded categories at most.
const CATEGORIES_MAX: usize = 200;
/// How long a claim may wait, in days.
const CLAIM_DAYS: std::ops::RangeInclusive<i16> = 1..=60;

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The zone whose days the programme counts; set when it is installed.
    pub zone: String,
    /// Line categories no rule covers and no points pay, in order.
    pub excluded_categories: Vec<String>,
    /// Whether points can be spent by showing the bare number.
    pub bare_number_may_redeem: bool,
    /// How many days a claim waits before it ends by itself.
    pub claim_days: i16,
}

/// What to change; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The whole list of excluded categories.
    pub excluded_categories: Option<Vec<String>>,
    /// Whether points can be spent by showing the bare number.
    pub bare_number_may_redeem: Option<bool>,
    /// How many days a claim waits: 1 to 60.
    pub claim_days: Option<i16>,
}

/// The settings now.
///
/// # Errors
/// The database's.
pub fn settings(connection: &mut PgConnection) -> QueryResult<Settings> {
    type Row = (String, Vec<Option<String>>, bool, i16);
    let (zone, categories, bare_number_may_redeem, claim_days): Row = programme::table
        .select((
            programme::zone,
            programme::excluded_categories,
            programme::bare_number_may_redeem,
            programme::claim_days,
        ))
        .first(connection)?;
    let mut excluded_categories: Vec<String> = categories.into_iter().flatten().collect();
    excluded_categories.sort();
    Ok(Settings { zone, excluded_categories, bare_number_may_redeem, claim_days })
}

/// The zone whose days the programme counts.
///
/// # Errors
/// The database's.
pub fn zone(connection: &mut PgConnection) -> QueryResult<Tz> {
    let name: String = programme::table.select(programme::zone).first(connection)?;
    name.parse().map_err(|_| Error::DeserializationError(format!("{name} is no time zone").into()))
}

/// Sets that zone, before anything is booked or bought: what was judged by days can't be judged by others.
///
/// # Errors
/// [`EngineError::Invalid`] for what is no zone; [`EngineError::State`] once something is booked.
pub fn set_zone(connection: &mut PgConnection, zone: &str) -> Result<Settings, EngineError> {
    if zone.parse::<Tz>().is_err() {
        let wrong = Invalid::new("/zone", "must be a time zone such as Europe/Moscow");
        return Err(EngineError::Invalid(vec![wrong]));
    }
    connection.transaction(|connection| {
        // Whoever is posting is waited for, and who comes later finds another revision.
        connection.batch_execute("LOCK TABLE ledger.receipts, ledger.postings IN SHARE MODE")?;
        let booked: bool =
            diesel::select(exists(postings::table.select(postings::id))).get_result(connection)?;
        let bought: bool =
            diesel::select(exists(purchases::table.select(purchases::id))).get_result(connection)?;
        if booked || bought {
            return Err(EngineError::State("the zone can't be changed once something is booked"));
        }
        diesel::update(programme::table).set(programme::zone.eq(zone)).execute(connection)?;
        touch(connection)?;
        Ok(settings(connection)?)
    })
}

/// Changes settings, for purchases from now on; those posted keep what they were judged by. Which categories are excluded
/// is asked as of each purchase's moment, so that one told late is judged by the list it was made under.
///
/// # Errors
/// Wrong fields.
pub fn change(
    connection: &mut PgConnection,
    changes: &Changes,
    now: DateTime<Utc>,
) -> Result<Settings, EngineError> {
    connection.transaction(|connection| {
        if let Some(categories) = &changes.excluded_categories {
            exclude(
                connection,
                checked(categories).map_err(|wrong| EngineError::Invalid(vec![wrong]))?,
                now,
            )?;
        }
        if let Some(may) = changes.bare_number_may_redeem {
            diesel::update(programme::table)
                .set(programme::bare_number_may_redeem.eq(may))
                .execute(connection)?;
        }
        if let Some(days) = changes.claim_days {
            if !CLAIM_DAYS.contains(&days) {
                let wrong = Invalid::new("/claim_days", "must be 1 to 60");
                return Err(EngineError::Invalid(vec![wrong]));
            }
            diesel::update(programme::table).set(programme::claim_days.eq(days)).execute(connection)?;
        }
        touch(connection)?;
        Ok(settings(connection)?)
    })
}

/// Sets the excluded categories, and keeps those that were.
fn exclude(
    connection: &mut PgConnection,
    mut categories: Vec<String>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let mut before: Vec<Option<String>> =
        programme::table.select(programme::excluded_categories).for_no_key_update().first(connection)?;
    before.sort();
    categories.sort();
    if before.iter().flatten().eq(&categories) {
        return Ok(());
    }
    diesel::insert_into(former_exclusions::table)
        .values((former_exclusions::until.eq(now), former_exclusions::categories.eq(before)))
        .on_conflict_do_nothing()
        .execute(connection)?;
    diesel::update(programme::table)
        .set(programme::excluded_categories.eq(categories))
        .execute(connection)?;
    Ok(())
}

/// The excluded categories: those that are, and those that were, until when each list held, the earliest first.
#[derive(Debug)]
pub(crate) struct Exclusions {
    present: Vec<String>,
    former: Vec<(DateTime<Utc>, Vec<String>)>,
}

impl Exclusions {
    pub(crate) fn read(connection: &mut PgConnection, present: Vec<Option<String>>) -> QueryResult<Self> {
        let former: Vec<(DateTime<Utc>, Vec<Option<String>>)> = former_exclusions::table
            .order(former_exclusions::until)
            .select((former_exclusions::until, former_exclusions::categories))
            .load(connection)?;
        let named = |categories: Vec<Option<String>>| categories.into_iter().flatten().collect();
        let former = former.into_iter().map(|(until, categories)| (until, named(categories))).collect();
        Ok(Self { present: named(present), former })
    }

    pub(crate) fn at(&self, at: DateTime<Utc>) -> &[String] {
        self.former.iter().find(|(until, _)| at < *until).map_or(&self.present, |(_, categories)| categories)
    }
}

fn checked(categories: &[String]) -> Result<Vec<String>, Invalid> {
    let at = |place: usize| format!("/excluded_categories/{place}");
    if categories.len() > CATEGORIES_MAX {
        return Err(Invalid::new("/excluded_categories", "has more than 200 entries"));
    }
    for (place, category) in categories.iter().enumerate() {
        if !is_receipt(category) {
            return Err(Invalid::new(at(place), "has an entry that is empty or too long"));
        }
        if categories.iter().take(place).any(|earlier| earlier == category) {
            return Err(Invalid::new(at(place), "stands twice"));
        }
    }
    if !ALWAYS_EXCLUDED.iter().all(|always| categories.iter().any(|category| category == always)) {
        return Err(Invalid::new("/excluded_categories", "must name tobacco and nicotine"));
    }
    Ok(categories.to_vec())
}
