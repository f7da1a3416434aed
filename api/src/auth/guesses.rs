//! Guesses at cards: numbers that nobody has, and live codes that are wrong. Counted in PostgreSQL, in the transaction
//! that looked at them, so that neither a lost Redis nor a restart opens a limit, and one by one within a batch.
//!
//! | counted | by | in a window | then |
//! |---|---|---|---|
//! | unknown numbers | client or cashier | 20 a minute | neither numbers nor codes of theirs are looked at |
//! | wrong codes, texts that are no card's number | client or cashier | 60 a minute | the same |
//! | wrong codes | card | 20 in ten minutes | no code of that card is looked at, whoever shows it |
//!
//! What is in the ledger already is answered again before any of this.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bytea, Integer, Text, Timestamptz};
use shared_kernel::schema::platform::guesses;

use super::secrets;
use crate::app::App;
use crate::posting::Credential;
use crate::problem::{Problem, Quota};

/// A keyed hash of whom or what guesses are counted by.
type Subject = [u8; 16];

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    UnknownCard,
    WrongCode,
    CodeOfCard,
}

impl Kind {
    const ALL: [Self; 3] = [Self::UnknownCard, Self::WrongCode, Self::CodeOfCard];

    fn name(self) -> &'static str {
        match self {
            Self::UnknownCard => "unknown_card",
            Self::WrongCode => "wrong_code",
            Self::CodeOfCard => "code_of_card",
        }
    }

    fn quota(self) -> Quota {
        match self {
            Self::UnknownCard => Quota { name: "unknown-card", times: 20, window_seconds: 60 },
            Self::WrongCode => Quota { name: "wrong-code", times: 60, window_seconds: 60 },
            Self::CodeOfCard => Quota { name: "code-of-card", times: 20, window_seconds: 600 },
        }
    }

    fn window(self) -> TimeDelta {
        TimeDelta::seconds(i64::try_from(self.quota().window_seconds).unwrap_or(1))
    }
}

/// The guesses of those who ask in one transaction: as they stood, and what comes on top.
pub struct Guesses {
    key: [u8; 32],
    now: DateTime<Utc>,
    stood: HashMap<(Subject, Kind), Standing>,
    added: BTreeMap<(Subject, Kind), i32>,
}

/// What was guessed in the running window.
#[derive(Debug, Clone, Copy)]
struct Standing {
    times: u64,
    ends_at: DateTime<Utc>,
}

#[derive(Queryable)]
struct Row {
    subject: Vec<u8>,
    kind: String,
    ends_at: DateTime<Utc>,
    times: i32,
}

impl Guesses {
    /// Reads how those who ask and the cards they show stand.
    ///
    /// # Errors
    /// The database's.
    pub fn read<'a>(
        app: &App,
        connection: &mut PgConnection,
        asked: impl Iterator<Item = (&'a str, &'a Credential)>,
        now: DateTime<Utc>,
    ) -> QueryResult<Self> {
        let key = app.auth.limit_key;
        let mut guesses = Self { key, now, stood: HashMap::new(), added: BTreeMap::new() };
        let mut subjects: Vec<Vec<u8>> = Vec::new();
        let mut last_asker = "";
        for (asker, credential) in asked {
            if asker != last_asker && is_guess(credential) {
                subjects.push(guesses.asker(asker).to_vec());
                last_asker = asker;
            }
            subjects.extend(guesses.card(credential).map(|card| card.to_vec()));
        }
        if subjects.is_empty() {
            return Ok(guesses);
        }
        let rows: Vec<Row> = guesses::table
            .filter(guesses::subject.eq_any(subjects))
            .select((guesses::subject, guesses::kind, guesses::ends_at, guesses::times))
            .load(connection)?;
        for row in rows {
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == row.kind);
            if let (Some(kind), Ok(subject)) = (kind, Subject::try_from(row.subject.as_slice()))
                // A window that ends later than one begun now is of a clock that went back.
                && (now < row.ends_at && row.ends_at <= now + kind.window())
            {
                let times = u64::from(row.times.unsigned_abs());
                guesses.stood.insert((subject, kind), Standing { times, ends_at: row.ends_at });
            }
        }
        Ok(guesses)
    }

    /// What is answered to somebody who shows this: 429 once they, or the card, have used their guesses up; otherwise
    /// what was found, counted when it is a guess that missed.
    ///
    /// # Errors
    /// 429, or the finding's own problem.
    pub fn answer<T>(
        &mut self,
        (asker, credential): (&str, &Credential),
        found: Result<T, Problem>,
    ) -> Result<T, Problem> {
        if !is_guess(credential) {
            return found;
        }
        let missed = found.as_ref().err().map(Problem::slug);
        let missed = missed.filter(|slug| matches!(*slug, "card-unknown" | "code-wrong" | "code-invalid"));
        // Most often nobody has guessed lately, and this one hasn't either.
        if missed.is_none() && self.stood.is_empty() && self.added.is_empty() {
            return found;
        }
        let (asker, card) = (self.asker(asker), self.card(credential));
        let mut counted_by = vec![(asker, Kind::UnknownCard), (asker, Kind::WrongCode)];
        counted_by.extend(card.map(|card| (card, Kind::CodeOfCard)));
        if let Some(used_up) = counted_by.iter().find(|key| self.is_used_up(**key)) {
            return Err(self.refusal(*used_up));
        }
        match missed {
            Some("card-unknown") => self.add((asker, Kind::UnknownCard)),
            Some(_) => {
                self.add((asker, Kind::WrongCode));
                card.into_iter().for_each(|card| self.add((card, Kind::CodeOfCard)));
            }
            None => {}
        }
        found
    }

    /// Stores what was added, in the transaction that looked: whatever was refused in it, the guesses stay counted.
    ///
    /// # Errors
    /// The database's.
    pub fn write(&self, connection: &mut PgConnection) -> QueryResult<()> {
        if self.added.is_empty() {
            return Ok(());
        }
        let (mut subjects, mut kinds, mut windows, mut times) = (vec![], vec![], vec![], vec![]);
        // In the order of their keys, so that two transactions wait for each other in no circle.
        for ((subject, kind), added) in &self.added {
            subjects.push(subject.to_vec());
            kinds.push(kind.name());
            windows.push(self.now + kind.window());
            times.push(*added);
        }
        diesel::sql_query(
            "INSERT INTO platform.guesses AS g (subject, kind, ends_at, times) SELECT * FROM unnest($1, $2, $3, $4)
             ON CONFLICT (subject, kind) DO UPDATE SET
                 ends_at = CASE WHEN g.ends_at > $5 AND g.ends_at <= excluded.ends_at THEN g.ends_at
                     ELSE excluded.ends_at END,
                 times = excluded.times
                     + CASE WHEN g.ends_at > $5 AND g.ends_at <= excluded.ends_at THEN g.times ELSE 0 END",
        )
        .bind::<Array<Bytea>, _>(subjects)
        .bind::<Array<Text>, _>(kinds)
        .bind::<Array<Timestamptz>, _>(windows)
        .bind::<Array<Integer>, _>(times)
        .bind::<Timestamptz, _>(self.now)
        .execute(connection)
        .map(|_| ())
    }

    fn is_used_up(&self, key: (Subject, Kind)) -> bool {
        let stood = self.stood.get(&key).map_or(0, |standing| standing.times);
        let added = self.added.get(&key).map_or(0, |added| u64::from(added.unsigned_abs()));
        stood + added >= key.1.quota().times
    }

    /// 429 until the window ends.
    fn refusal(&self, key: (Subject, Kind)) -> Problem {
        let window = key.1.window();
        let left = self.stood.get(&key).map_or(window, |standing| standing.ends_at - self.now);
        let seconds = (left.num_milliseconds() + 999) / 1_000;
        Problem::too_many(key.1.quota(), u64::try_from(seconds).unwrap_or(1).max(1))
    }

    fn add(&mut self, key: (Subject, Kind)) {
        *self.added.entry(key).or_default() += 1;
    }

    fn asker(&self, asker: &str) -> Subject {
        self.subject(&[b"asker", asker.as_bytes()])
    }

    /// The card a live code is for.
    fn card(&self, credential: &Credential) -> Option<Subject> {
        match credential {
            Credential::Code(code) => Some(self.subject(&[b"card", code.number.as_str().as_bytes()])),
            Credential::Name(_) | Credential::Proof(_) | Credential::Resolution(_) => None,
        }
    }

    fn subject(&self, parts: &[&[u8]]) -> Subject {
        let hash = secrets::keyed_hash(&self.key, parts);
        std::array::from_fn(|place| hash.get(place).copied().unwrap_or_default())
    }
}

/// A resolution can't be guessed: it is bound to whoever asked, and 122 bits long; a proof is signed.
fn is_guess(credential: &Credential) -> bool {
    matches!(credential, Credential::Code(_) | Credential::Name(_))
}
