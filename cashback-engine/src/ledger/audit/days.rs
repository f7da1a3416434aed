//! Closed days while the walk passes them: their hashes, chained; their totals; and that open days have none.

use std::collections::{BTreeMap, VecDeque};

use chrono::NaiveDate;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Integer};
use shared_kernel::ids::Uuid;

use super::Findings;
use crate::days::midnight;
use crate::ledger::closing::{DayHash, DayRow, hex};
use crate::ledger::read::first_id_of;
use crate::ledger::walk::Entry;
use crate::rules::Book;
use crate::schema::ledger::{closed_days, day_totals};

/// What an account was debited and credited.
type Sums = BTreeMap<i32, (i64, i64)>;

/// The days that are left to pass.
pub(super) struct Days {
    ahead: VecDeque<DayRow>,
    hash: Option<DayHash>,
    /// What the day moved, and all up to it.
    moved: Sums,
    totals: Sums,
    /// Every closed day's stretch of identifiers.
    stretches: BTreeMap<NaiveDate, (Uuid, Uuid)>,
    /// The stretch of the open day looked at last.
    open: Option<(NaiveDate, Uuid, Uuid)>,
    pub checked: i64,
}

impl Days {
    /// All closed days, or those from one on; the one before is taken as it stands.
    pub(super) fn read(
        connection: &mut PgConnection,
        findings: &mut Findings,
        since: Option<NaiveDate>,
    ) -> QueryResult<Self> {
        let days: Vec<DayRow> =
            closed_days::table.order(closed_days::day).select(DayRow::as_select()).load(connection)?;
        for (earlier, later) in days.iter().zip(days.iter().skip(1)) {
            if earlier.day.succ_opt() != Some(later.day) || earlier.end_id != later.first_id {
                findings.add(5, "closed days do not follow one another", || {
                    format!("{} after {}", later.day, earlier.day)
                });
            }
        }
        let stretches = days.iter().map(|day| (day.day, (day.first_id, day.end_id))).collect();
        let passed = |day: &DayRow| since.is_some_and(|since| day.day < since);
        let before = days.iter().rev().find(|day| passed(day)).cloned();
        let ahead: VecDeque<DayRow> = days.into_iter().filter(|day| !passed(day)).collect();
        if before.is_none() && ahead.front().is_some_and(|first| first.first_id != Uuid::nil()) {
            findings.add(5, "closed days do not follow one another", || {
                "the first closed day does not reach back to the first posting".to_owned()
            });
        }
        let totals = match &before {
            Some(day) => totals_by(connection, day.day)?,
            None => Sums::new(),
        };
        let hash = ahead
            .front()
            .map(|first| DayHash::after(before.as_ref().map(|before| before.hash.as_slice()), first.day));
        Ok(Self { ahead, hash, moved: Sums::new(), totals, stretches, open: None, checked: 0 })
    }

    /// Takes the next entry; days that end before it are checked.
    pub(super) fn add(
        &mut self,
        entry: &Entry,
        connection: &mut PgConnection,
        findings: &mut Findings,
    ) -> QueryResult<()> {
        while self.ahead.front().is_some_and(|day| day.end_id <= entry.id.0) {
            self.close(connection, findings)?;
        }
        if let Some(hash) = &mut self.hash {
            hash.add(entry);
        }
        for transfer in &entry.transfers {
            self.moved.entry(transfer.debit.0).or_default().0 += transfer.kopecks;
            self.moved.entry(transfer.credit.0).or_default().1 += transfer.kopecks;
        }
        Ok(())
    }

    /// The day in front is over: what was read of it against what was kept of it.
    fn close(&mut self, connection: &mut PgConnection, findings: &mut Findings) -> QueryResult<()> {
        let (Some(day), Some(hash)) = (self.ahead.pop_front(), self.hash.take()) else { return Ok(()) };
        self.checked += 1;
        let (postings, transfers) = (hash.postings, hash.transfers);
        let made = hash.end();
        if made != day.hash || (postings, transfers) != (day.postings, day.transfers) {
            findings.add(5, "a closed day is not what it was", || {
                format!(
                    "{}: {postings} postings and {transfers} transfers of {} and {}, hash {} of {}",
                    day.day,
                    day.postings,
                    day.transfers,
                    hex(&made),
                    hex(&day.hash)
                )
            });
        }
        self.check_totals(connection, findings, day.day)?;
        // Each day against the hash kept of the one before: a damaged day is found, and those after it are not.
        self.hash = self.ahead.front().map(|next| DayHash::after(Some(&day.hash), next.day));
        Ok(())
    }

    fn check_totals(
        &mut self,
        connection: &mut PgConnection,
        findings: &mut Findings,
        day: NaiveDate,
    ) -> QueryResult<()> {
        for (account, (debit, credit)) in &self.moved {
            let total = self.totals.entry(*account).or_default();
            *total = (total.0 + debit, total.1 + credit);
        }
        let rows: Vec<(i32, i64, i64, i64, i64)> = day_totals::table
            .filter(day_totals::day.eq(day))
            .select((
                day_totals::account,
                day_totals::debit,
                day_totals::credit,
                day_totals::debit_total,
                day_totals::credit_total,
            ))
            .load(connection)?;
        let kept: BTreeMap<i32, (i64, i64, i64, i64)> =
            rows.into_iter().map(|(account, a, b, c, d)| (account, (a, b, c, d))).collect();
        let made: BTreeMap<i32, (i64, i64, i64, i64)> = self
            .moved
            .iter()
            .map(|(account, (debit, credit))| {
                let total = self.totals.get(account).copied().unwrap_or_default();
                (*account, (*debit, *credit, total.0, total.1))
            })
            .collect();
        for account in kept.keys().chain(made.keys()).filter(|account| kept.get(account) != made.get(account))
        {
            findings.add(5, "a closed day's total is not what its transfers come to", || {
                format!(
                    "{day}, account {account}: {:?}, transfers {:?}",
                    kept.get(account),
                    made.get(account)
                )
            });
        }
        self.moved.clear();
        Ok(())
    }

    /// The walk is over.
    pub(super) fn end(mut self, connection: &mut PgConnection, findings: &mut Findings) -> QueryResult<i64> {
        while !self.ahead.is_empty() {
            self.close(connection, findings)?;
        }
        for (account, (debit, credit)) in &self.moved {
            let total = self.totals.entry(*account).or_default();
            *total = (total.0 + debit, total.1 + credit);
        }
        let stray: Vec<(i32, NaiveDate)> = day_totals::table
            .filter(diesel::dsl::not(diesel::dsl::exists(
                closed_days::table.filter(closed_days::day.eq(day_totals::day)),
            )))
            .select((day_totals::account, day_totals::day))
            .limit(20)
            .load(connection)?;
        for (account, day) in stray {
            findings.add(5, "a closed day's total is not what its transfers come to", || {
                format!("{day}, account {account}: the day is open")
            });
        }
        self.members(connection, findings)?;
        Ok(self.checked)
    }

    /// Members' balances together are their four accounts, and debits are credits.
    fn members(&self, connection: &mut PgConnection, findings: &mut Findings) -> QueryResult<()> {
        #[derive(QueryableByName)]
        struct Sum {
            #[diesel(sql_type = Integer)]
            account: i32,
            #[diesel(sql_type = BigInt)]
            kopecks: i64,
        }
        let sums: Vec<Sum> = diesel::sql_query(
            "SELECT s.account, coalesce(sum(s.kopecks), 0)::bigint AS kopecks FROM ledger.balances AS b,
                LATERAL (VALUES (1, b.pending), (2, b.available), (3, b.reserved), (4, -b.debt)) AS s (account, kopecks)
             GROUP BY 1",
        )
        .load(connection)?;
        for sum in sums {
            let (debit, credit) = self.totals.get(&sum.account).copied().unwrap_or_default();
            if credit - debit != sum.kopecks {
                findings.add(2, "members' balances together are not their account", || {
                    format!("account {}: {}, balances {}", sum.account, credit - debit, sum.kopecks)
                });
            }
        }
        let (debit, credit) = self.totals.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        if debit != credit {
            findings
                .add(1, "the trial balance is not zero", || format!("{debit} debited, {credit} credited"));
        }
        Ok(())
    }

    /// Whether an identifier is of a day.
    pub(super) fn is_of(&mut self, day: NaiveDate, id: Uuid, book: &Book) -> bool {
        if let Some((first, end)) = self.stretches.get(&day) {
            return *first <= id && id < *end;
        }
        let (first, end) = match self.open {
            Some((open, first, end)) if open == day => (first, end),
            _ => {
                let next = day.succ_opt().unwrap_or(day);
                let stretch = (first_id_of(midnight(book.zone, day)), first_id_of(midnight(book.zone, next)));
                self.open = Some((day, stretch.0, stretch.1));
                stretch
            }
        };
        first <= id && id < end
    }
}

/// What every account came to by the end of a day.
fn totals_by(connection: &mut PgConnection, day: NaiveDate) -> QueryResult<Sums> {
    #[derive(QueryableByName)]
    struct Total {
        #[diesel(sql_type = Integer)]
        account: i32,
        #[diesel(sql_type = BigInt)]
        debit: i64,
        #[diesel(sql_type = BigInt)]
        credit: i64,
    }
    let rows: Vec<Total> = diesel::sql_query(
        "SELECT DISTINCT ON (account) account, debit_total AS debit, credit_total AS credit FROM ledger.day_totals
         WHERE day <= $1 ORDER BY account, day DESC",
    )
    .bind::<Date, _>(day)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| (row.account, (row.debit, row.credit))).collect())
}
