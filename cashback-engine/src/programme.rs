//! The programme's settings that people may change. Whatever changes here makes every kept rule book stale, so that the
//! next purchase is judged by it.

use diesel::pg::PgConnection;
use diesel::prelude::*;

use crate::error::{EngineError, Invalid};
use crate::posting::is_receipt;
use crate::rules::book::touch;
use crate::schema::ledger::programme;

/// Categories no rule covers and no points pay, whatever else is set.
const ALWAYS_EXCLUDED: [&str; 2] = ["tobacco", "nicotine"];
/// Excluded categories at most.
const CATEGORIES_MAX: usize = 200;

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The zone whose days the programme counts; set when it is installed.
    pub zone: String,
    /// Line categories no rule covers and no points pay, in order.
    pub excluded_categories: Vec<String>,
    /// Whether points can be spent by showing the bare number.
    pub bare_number_may_redeem: bool,
}

/// What to change; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The whole list of excluded categories.
    pub excluded_categories: Option<Vec<String>>,
    /// Whether points can be spent by showing the bare number.
    pub bare_number_may_redeem: Option<bool>,
}

/// The settings now.
///
/// # Errors
/// The database's.
pub fn settings(connection: &mut PgConnection) -> QueryResult<Settings> {
    let (zone, categories, bare_number_may_redeem): (String, Vec<Option<String>>, bool) = programme::table
        .select((programme::zone, programme::excluded_categories, programme::bare_number_may_redeem))
        .first(connection)?;
    let mut excluded_categories: Vec<String> = categories.into_iter().flatten().collect();
    excluded_categories.sort();
    Ok(Settings { zone, excluded_categories, bare_number_may_redeem })
}

/// Changes settings, for purchases from now on; those posted keep what they were judged by.
///
/// # Errors
/// Wrong fields.
pub fn change(connection: &mut PgConnection, changes: &Changes) -> Result<Settings, EngineError> {
    connection.transaction(|connection| {
        if let Some(categories) = &changes.excluded_categories {
            let categories = checked(categories).map_err(|wrong| EngineError::Invalid(vec![wrong]))?;
            diesel::update(programme::table)
                .set(programme::excluded_categories.eq(categories))
                .execute(connection)?;
        }
        if let Some(may) = changes.bare_number_may_redeem {
            diesel::update(programme::table)
                .set(programme::bare_number_may_redeem.eq(may))
                .execute(connection)?;
        }
        touch(connection)?;
        Ok(settings(connection)?)
    })
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
