//! What members and cashiers did on a day, as far as the fraud watch counts it: read once a batch before deciding, added
//! to by what was decided, written beside everything else.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Days, NaiveDate, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::Uuid;
use shared_kernel::money::Money;

use super::settings::MOST_DAYS;
use crate::schema::ledger::fraud_counters;
use crate::statement::statement;

/// The latest purchases whose times are remembered, of a subject and day. So a burst of more can't be told from one of so
/// many (`settings`), and after so many more a card's earlier town is forgotten.
const MOMENTS_MAX: usize = 100;

statement! {
    /// What these did around their days; and earlier days on which they returned something, within the window. A day comes
    /// twice where two asked for it.
    ReadCounters { subjects: Vec<Uuid> => Array<SqlUuid>, days: Vec<NaiveDate> => Array<Date>, window: i32 => Integer }
        -> (SqlUuid, Date, Integer, BigInt, Integer, BigInt, Integer, Array<Nullable<Timestamptz>>, Array<Nullable<Integer>>),
    "SELECT c.subject, c.day, c.purchases, c.amount, c.bare, c.bare_amount, c.refunds, c.moments, c.outlets
     FROM unnest(?, ?) AS asked (subject, day) CROSS JOIN LATERAL (SELECT * FROM ledger.fraud_counters AS c
        WHERE c.subject = asked.subject AND c.day BETWEEN asked.day - greatest(?, 1) AND asked.day + 1
            AND (c.refunds > 0 OR c.day >= asked.day - 1) OFFSET 0) AS c"
}

statement! {
    /// Adds what a batch brought; each row's latest moments are kept.
    AddCounters {
        subjects: Vec<Uuid> => Array<SqlUuid>, days: Vec<NaiveDate> => Array<Date>,
        purchases: Vec<i32> => Array<Integer>, amounts: Vec<i64> => Array<BigInt>,
        bare: Vec<i32> => Array<Integer>, bare_amounts: Vec<i64> => Array<BigInt>,
        refunds: Vec<i32> => Array<Integer>,
        moment_places: Vec<i64> => Array<BigInt>, moments: Vec<DateTime<Utc>> => Array<Timestamptz>,
        outlets: Vec<i32> => Array<Integer>,
    },
    "WITH added AS (
        SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?) WITH ORDINALITY
            AS n (subject, day, purchases, amount, bare, bare_amount, refunds, place)
     ), times AS (
        SELECT place, array_agg(moment ORDER BY at) AS moments, array_agg(outlet ORDER BY at) AS outlets
        FROM unnest(?, ?, ?) WITH ORDINALITY AS t (place, moment, outlet, at) GROUP BY place
     )
     INSERT INTO ledger.fraud_counters AS c (subject, day, purchases, amount, bare, bare_amount, refunds, moments, outlets)
     SELECT subject, day, purchases, amount, bare, bare_amount, refunds, coalesce(moments, '{}'), coalesce(outlets, '{}')
     FROM added LEFT JOIN times USING (place) ORDER BY subject, day
     ON CONFLICT (subject, day) DO UPDATE SET purchases = c.purchases + excluded.purchases,
        amount = c.amount + excluded.amount, bare = c.bare + excluded.bare,
        bare_amount = c.bare_amount + excluded.bare_amount, refunds = c.refunds + excluded.refunds,
        moments = (c.moments || excluded.moments)[greatest(1,
            cardinality(c.moments) + cardinality(excluded.moments) - 99):],
        outlets = (c.outlets || excluded.outlets)[greatest(1,
            cardinality(c.outlets) + cardinality(excluded.outlets) - 99):]"
}

statement! {
    /// Locks counters in the order in which [`AddCounters`] does; those that aren't there yet are made, since two that make
    /// the same one wait for each other too.
    LockCounters { subjects: Vec<Uuid> => Array<SqlUuid>, days: Vec<NaiveDate> => Array<Date> },
    "INSERT INTO ledger.fraud_counters AS c (subject, day, purchases, amount, bare, bare_amount, refunds, moments, outlets)
     SELECT subject, day, 0, 0, 0, 0, 0, '{}', '{}' FROM unnest(?, ?) AS asked (subject, day) ORDER BY subject, day
     ON CONFLICT (subject, day) DO UPDATE SET purchases = c.purchases"
}

/// What a subject did on a day.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub purchases: i32,
    pub amount: Money,
    pub bare: i32,
    pub bare_amount: Money,
    pub refunds: i32,
    /// The latest purchases: when, and at which outlet (its number).
    pub moments: Vec<(DateTime<Utc>, i32)>,
}

/// One more purchase.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purchased {
    pub amount: Money,
    pub bare: bool,
    pub at: DateTime<Utc>,
    pub outlet: i32,
}

impl Tally {
    fn add(&mut self, purchase: &Purchased) {
        self.purchases = self.purchases.saturating_add(1);
        self.amount += purchase.amount;
        if purchase.bare {
            self.bare = self.bare.saturating_add(1);
            self.bare_amount += purchase.amount;
        }
        self.moments.push((purchase.at, purchase.outlet));
    }
}

type Day = (Uuid, NaiveDate);

/// Locks what is counted of these, for who locks something else before adding to it.
pub(crate) fn lock(connection: &mut PgConnection, asked: Vec<Day>) -> QueryResult<()> {
    if asked.is_empty() {
        return Ok(());
    }
    let (subjects, days) = asked.into_iter().unzip();
    LockCounters { subjects, days }.execute(connection)?;
    Ok(())
}

/// What was counted before, with what this batch adds.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    known: HashMap<Uuid, BTreeMap<NaiveDate, Tally>>,
    added: BTreeMap<Day, Tally>,
    nothing: Tally,
}

impl Tallies {
    /// Reads what subjects did around days; members' rows are guarded by the lock on their balances.
    pub(crate) fn read(
        &mut self,
        connection: &mut PgConnection,
        asked: Vec<Day>,
        window: i32,
    ) -> QueryResult<()> {
        type Row =
            (Uuid, NaiveDate, i32, Money, i32, Money, i32, Vec<Option<DateTime<Utc>>>, Vec<Option<i32>>);
        let (subjects, days) = asked.into_iter().unzip();
        let rows: Vec<Row> = ReadCounters { subjects, days, window }.load(connection)?;
        for (subject, day, purchases, amount, bare, bare_amount, refunds, moments, outlets) in rows {
            let moments = moments.into_iter().flatten().zip(outlets.into_iter().flatten()).collect();
            let tally = Tally { purchases, amount, bare, bare_amount, refunds, moments };
            self.known.entry(subject).or_default().insert(day, tally);
        }
        Ok(())
    }

    /// What a subject did on a day.
    pub(crate) fn on(&self, subject: Uuid, day: NaiveDate) -> &Tally {
        self.known.get(&subject).and_then(|days| days.get(&day)).unwrap_or(&self.nothing)
    }

    /// The purchases of a subject near an instant of a day, within so many minutes either way.
    pub(crate) fn near(
        &self,
        subject: Uuid,
        (day, at): (NaiveDate, DateTime<Utc>),
        minutes: i32,
    ) -> Vec<(DateTime<Utc>, i32)> {
        let (first, last) = (day.checked_sub_days(Days::new(1)), day.checked_add_days(Days::new(1)));
        let Some(days) = self.known.get(&subject) else { return Vec::new() };
        days.iter()
            .filter(|(of, _)| first.is_none_or(|first| **of >= first) && last.is_none_or(|last| **of <= last))
            .flat_map(|(_, tally)| tally.moments.iter().copied())
            .filter(|(moment, _)| (*moment - at).num_seconds().abs() <= i64::from(minutes) * 60)
            .collect()
    }

    /// How much a subject returned within a window of days that ends with a day.
    pub(crate) fn refunds(&self, subject: Uuid, day: NaiveDate, window: i32) -> i32 {
        let window = u64::try_from(window.clamp(1, MOST_DAYS)).unwrap_or(1);
        let Some(days) = self.known.get(&subject) else { return 0 };
        let first = day.checked_sub_days(Days::new(window - 1)).unwrap_or(day);
        days.range(first..=day).map(|(_, tally)| tally.refunds).sum()
    }

    pub(crate) fn purchased(&mut self, (subject, day): Day, purchase: &Purchased) {
        self.known.entry(subject).or_default().entry(day).or_default().add(purchase);
        self.added.entry((subject, day)).or_default().add(purchase);
    }

    pub(crate) fn refunded(&mut self, (subject, day): Day) {
        self.known.entry(subject).or_default().entry(day).or_default().refunds += 1;
        self.added.entry((subject, day)).or_default().refunds += 1;
    }

    /// Writes what was added, in the order of subjects and days; nothing where nothing was.
    pub(crate) fn write(&self, connection: &mut PgConnection) -> QueryResult<()> {
        if self.added.is_empty() {
            return Ok(());
        }
        let mut statement = AddCounters::default();
        for (place, ((subject, day), tally)) in (1i64..).zip(&self.added) {
            statement.subjects.push(*subject);
            statement.days.push(*day);
            statement.purchases.push(tally.purchases);
            statement.amounts.push(tally.amount.kopecks());
            statement.bare.push(tally.bare);
            statement.bare_amounts.push(tally.bare_amount.kopecks());
            statement.refunds.push(tally.refunds);
            let skipped = tally.moments.len().saturating_sub(MOMENTS_MAX);
            for (moment, outlet) in tally.moments.iter().skip(skipped) {
                statement.moment_places.push(place);
                statement.moments.push(*moment);
                statement.outlets.push(*outlet);
            }
        }
        statement.execute(connection)?;
        Ok(())
    }
}

/// What was counted for one subject counts for another from now on, day by day.
pub(crate) fn follow(connection: &mut PgConnection, (from, to): (Uuid, Uuid)) -> QueryResult<()> {
    diesel::sql_query(
        "INSERT INTO ledger.fraud_counters AS c
            (subject, day, purchases, amount, bare, bare_amount, refunds, moments, outlets)
         SELECT $2, day, purchases, amount, bare, bare_amount, refunds, moments, outlets
         FROM ledger.fraud_counters WHERE subject = $1
         ON CONFLICT (subject, day) DO UPDATE SET purchases = c.purchases + excluded.purchases,
            amount = c.amount + excluded.amount, bare = c.bare + excluded.bare,
            bare_amount = c.bare_amount + excluded.bare_amount, refunds = c.refunds + excluded.refunds,
            moments = c.moments || excluded.moments, outlets = c.outlets || excluded.outlets",
    )
    .bind::<SqlUuid, _>(from)
    .bind::<SqlUuid, _>(to)
    .execute(connection)?;
    diesel::delete(fraud_counters::table.filter(fraud_counters::subject.eq(from))).execute(connection)?;
    Ok(())
}

/// Removes what no window reaches any more; how many rows.
///
/// # Errors
/// The database's.
pub fn sweep(connection: &mut PgConnection, today: NaiveDate) -> QueryResult<usize> {
    let oldest = today.checked_sub_days(Days::new(200)).unwrap_or(today);
    diesel::delete(fraud_counters::table.filter(fraud_counters::day.lt(oldest))).execute(connection)
}
