//! A register's rows on their way into the ledger. Lanes post them, each over a connection of its own and at its own pace,
//! while the next chunk is read and its holders are found.
//!
//! All sales of a member go by one lane in the order of the file: caps, tiers and lots see them in that order. Refunds
//! come after all sales, by one lane.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;

use card_issuer::aliases::{self, CardName};
use card_issuer::cards::Card;
use cashback_engine::RegisterId;
use cashback_engine::posting::{BATCH_MAX, Buyer, CardStanding};
use cashback_engine::reconciliation::{self, PendingRow, ResolvedRow, RowKind};
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::pg::PgConnection;
use shared_kernel::db::{PgPooled, by_key};
use shared_kernel::ids::MemberId;
use union_registry::facts::{self, Facts};
use union_registry::{MemberStatus, members};

use crate::app::App;
use crate::posting::identify;
use crate::problem::Problem;

/// Transactions that post at once: one works while another's commit is on its way to the disk.
const LANES: usize = 2;
/// Parts that wait for a lane, so that it finds the next one when it is through with one.
const AHEAD: usize = 1;
/// The least pool that lends a register more than one lane: requests need theirs meanwhile.
const ROOMY: u32 = 8;

/// Gives every row its outcome, a batch a transaction, and finds what only we have.
pub(super) fn settle(
    app: &App,
    connection: &mut PgConnection,
    id: RegisterId,
    progress: &mut dyn FnMut(i64),
) -> Result<(), Problem> {
    let history = reconciliation::register(connection, id, None)?.ok_or_else(Problem::not_found)?.history;
    let count = if app.pool.max_size() < ROOMY { 1 } else { LANES };
    let mut lanes: Vec<PgPooled> = (0..count).map(|_| app.connection()).collect::<Result<_, _>>()?;
    let run = Run { app, id, history };
    let mut done = 0;
    run.all(connection, &mut lanes, RowKind::Sale, &mut |rows| {
        done += rows;
        progress(done);
    })?;
    // Apart from sales: refunds lock other members than those whose sales hold budgets already.
    run.all(connection, lanes.get_mut(..1).unwrap_or_default(), RowKind::Refund, &mut |rows| {
        done += rows;
        progress(done);
    })?;
    drop(lanes);
    reconciliation::finish(connection, id, app.now())?;
    Ok(())
}

struct Run<'a> {
    app: &'a App,
    id: RegisterId,
    history: bool,
}

/// Rows in the order of the file, a part a lane, and the place of the last.
struct Chunk {
    parts: Vec<Vec<ResolvedRow>>,
    last: i64,
}

impl Run<'_> {
    /// Posts all rows of a kind; `told` how many each time.
    fn all(
        &self,
        connection: &mut PgConnection,
        lanes: &mut [PgPooled],
        kind: RowKind,
        told: &mut dyn FnMut(i64),
    ) -> Result<(), Problem> {
        let (count, stopped) = (lanes.len(), &AtomicBool::new(false));
        thread::scope(|scope| {
            let (tells, posted) = mpsc::channel();
            let (parts, lanes): (Vec<_>, Vec<_>) = lanes
                .iter_mut()
                .map(|lane| {
                    let (give, take) = mpsc::sync_channel(AHEAD);
                    let tells = tells.clone();
                    (give, scope.spawn(move || self.lane(lane, take, (&tells, stopped))))
                })
                .unzip();
            drop(tells);
            let read = self
                .hand_out(connection, (kind, count), &parts, &mut || posted.try_iter().for_each(&mut *told));
            if read.is_err() {
                stopped.store(true, Ordering::Relaxed);
            }
            drop(parts);
            posted.iter().for_each(&mut *told);
            let ends = lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|panic| resume_unwind(panic)));
            // All have ended before the first problem is told; a lane's is why nothing more was read.
            ends.collect::<Vec<_>>().into_iter().chain([read]).collect()
        })
    }

    /// Reads rows and gives each lane its part, until none are left or a lane has ended by a problem of its own.
    fn hand_out(
        &self,
        connection: &mut PgConnection,
        (kind, lanes): (RowKind, usize),
        parts: &[SyncSender<Vec<ResolvedRow>>],
        between: &mut dyn FnMut(),
    ) -> Result<(), Problem> {
        let mut after = 0;
        while let Some(chunk) = self.read(connection, (kind, after), lanes)? {
            after = chunk.last;
            let given = parts.iter().zip(chunk.parts).all(|(lane, part)| lane.send(part).is_ok());
            between();
            if !given {
                break;
            }
        }
        Ok(())
    }

    /// Posts what a lane is given, and tells how many rows that was, until the run is stopped: by a problem of another
    /// lane, or of the connection that keeps others from this register.
    fn lane(
        &self,
        connection: &mut PgConnection,
        parts: Receiver<Vec<ResolvedRow>>,
        (posted, stopped): (&Sender<i64>, &AtomicBool),
    ) -> Result<(), Problem> {
        for part in parts {
            if stopped.load(Ordering::Relaxed) {
                break;
            }
            self.post(connection, &part).inspect_err(|_| stopped.store(true, Ordering::Relaxed))?;
            let rows = i64::try_from(part.len()).map_err(|error| Problem::internal(&error))?;
            // Nobody listens only where the run itself has panicked.
            posted.send(rows).ok();
        }
        Ok(())
    }

    /// The rows of a kind behind a place, their holders found, divided among so many lanes; none when there are none.
    fn read(
        &self,
        connection: &mut PgConnection,
        (kind, after): (RowKind, i64),
        lanes: usize,
    ) -> Result<Option<Chunk>, Problem> {
        // Lanes get about as much each: a part of a chunk this size is hardly ever more than one batch.
        let part = if lanes > 1 { BATCH_MAX - BATCH_MAX / 8 } else { BATCH_MAX };
        let most = i64::try_from(part * lanes).map_err(|error| Problem::internal(&error))?;
        by_key(connection, |connection| {
            let rows = reconciliation::pending_rows(connection, self.id, (kind, after), most)?;
            let Some(last) = rows.last().map(|row| row.place) else { return Ok(None) };
            let mut parts = vec![Vec::new(); lanes];
            for resolved in resolve(connection, rows, self.history)? {
                let lane = lane_of(&resolved, lanes);
                if let Some(part) = parts.get_mut(lane) {
                    part.push(resolved);
                }
            }
            Ok(Some(Chunk { parts, last }))
        })
    }

    /// Posts a lane's part of a chunk.
    fn post(&self, connection: &mut PgConnection, rows: &[ResolvedRow]) -> Result<(), Problem> {
        rows.chunks(BATCH_MAX).try_for_each(|rows| self.post_batch(connection, rows))
    }

    /// Posts rows in one transaction; should it fail as a whole, once more, then one by one.
    fn post_batch(&self, connection: &mut PgConnection, rows: &[ResolvedRow]) -> Result<(), Problem> {
        let Err(error) = self.attempt(connection, rows) else { return Ok(()) };
        // A budget was used up, a holder merged or the day closed meanwhile, or two waited for each other: as of now.
        tracing::info!(%error, "a batch of register rows failed; once more");
        let rows: Vec<PendingRow> = rows.iter().map(|resolved| resolved.row.clone()).collect();
        let rows = by_key(connection, |connection| resolve(connection, rows, self.history))?;
        match self.attempt(connection, &rows) {
            Ok(()) => Ok(()),
            Err(error) if rows.len() > 1 => {
                tracing::warn!(%error, "a batch of register rows failed; row by row now");
                for row in &rows {
                    self.attempt(connection, std::slice::from_ref(row))?;
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn attempt(&self, connection: &mut PgConnection, rows: &[ResolvedRow]) -> QueryResult<()> {
        let now = self.app.now();
        by_key(connection, |connection| {
            reconciliation::post_rows(connection, &self.app.books, self.id, rows, now)
        })
    }
}

/// The lane of a row: one and the same for all rows of a member.
fn lane_of(resolved: &ResolvedRow, lanes: usize) -> usize {
    let Some(buyer) = &resolved.buyer else { return 0 };
    let (_, random) = buyer.member.0.as_u64_pair();
    usize::try_from(random).unwrap_or_default() % lanes.max(1)
}

/// Finds the buyers of rows: by a number their card answers to, or in history alone by membership number, which a
/// partner neither has nor may try; each as of the row's own moment.
fn resolve(
    connection: &mut PgConnection,
    rows: Vec<PendingRow>,
    history: bool,
) -> Result<Vec<ResolvedRow>, Problem> {
    let holders: Vec<Option<&str>> = rows.iter().map(|row| row.holder.as_deref()).collect();
    let cards = cards_of(connection, &holders)?;
    let unnamed = holders.iter().flatten().filter(|text| history && !cards.contains_key(**text));
    let memberships: Vec<String> = unnamed.map(|text| text.trim().to_owned()).collect();
    let members: HashMap<String, MemberId> = match memberships.as_slice() {
        [] => HashMap::new(),
        numbers => members::ids_by_numbers(connection, numbers)?.into_iter().collect(),
    };
    let found: Vec<Option<(MemberId, Option<Card>)>> = holders
        .iter()
        .map(|holder| {
            let text = (*holder)?;
            match cards.get(text) {
                Some(card) => Some((card.member_id, Some(card.clone()))),
                None => members.get(text.trim()).map(|member| (*member, None)),
            }
        })
        .collect();
    let asked: Vec<(MemberId, DateTime<Utc>)> = rows
        .iter()
        .zip(&found)
        .filter_map(|(row, found)| found.as_ref().map(|(member, _)| (*member, row.occurred_at)))
        .collect();
    let mut facts = facts::facts_for_posting(connection, &asked)?.into_iter();
    Ok(rows
        .into_iter()
        .zip(found)
        .map(|(row, found)| {
            let buyer = found.map(|(member, card)| {
                let facts = facts.next().flatten();
                match card {
                    Some(card) => identify::buyer(&card, facts, row.occurred_at),
                    None => without_card(member, facts),
                }
            });
            ResolvedRow { row, buyer }
        })
        .collect())
}

/// The cards that rows name, by the text that names them.
fn cards_of(
    connection: &mut PgConnection,
    holders: &[Option<&str>],
) -> Result<HashMap<String, Card>, Problem> {
    let named: Vec<(&str, CardName)> = holders
        .iter()
        .flatten()
        .filter_map(|text| CardName::parse(text).ok().map(|name| (*text, name)))
        .collect();
    let names: Vec<&CardName> = named.iter().map(|(_, name)| name).collect();
    let found = aliases::cards_named(connection, &names)?;
    let texts = named.iter().map(|(text, _)| (*text).to_owned());
    Ok(texts.zip(found).filter_map(|(text, card)| Some((text, card.ok()?))).collect())
}

/// A member known by the membership number alone: as good as the membership was then.
fn without_card(member: MemberId, facts: Option<Facts>) -> Buyer {
    let active = facts.as_ref().is_some_and(|facts| facts.status == MemberStatus::Active);
    Buyer {
        member,
        card: None,
        card_standing: if active { CardStanding::Valid } else { CardStanding::Blocked },
        limits: None,
        audience: facts.map(identify::audience).unwrap_or_default(),
    }
}
