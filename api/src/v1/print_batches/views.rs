//! How batches and printed cards look on the wire.

use std::collections::HashMap;

use card_issuer::print::{self, Batch, BatchId, Counts, PrintEvent};
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use shared_kernel::ids::{CardId, OrganisationId};
use union_registry::organisations::{self, OrganisationRef};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::auth::staff;
use crate::print::files::{self, SUMS};
use crate::print::holders::Printed;
use crate::problem::Problem;
use crate::v1::organisations::OrganisationRefView;
use crate::v1::types::Timestamp;

/// Whose waiting cards to print.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PrintBatchBody)]
pub struct BatchBody {
    /// The code of the subtree's root.
    pub(super) organisation: String,
    /// How many at most; 10000 unless said.
    pub(super) limit: Option<usize>,
    /// Dots an inch of the faces' pictures: 300 (unless said) or 600.
    #[schema(example = 300)]
    pub(super) dpi: Option<u32>,
}

/// What to remember about it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PrintNoteBody)]
pub struct NoteBody {
    /// 300 characters at most.
    pub(super) note: Option<String>,
}

/// Which cards.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOutBody {
    /// 1 to 1000 cards of the batch.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub(super) cards: Vec<CardId>,
}

/// Which cards, and what is wrong with them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpoilBody {
    /// 1 to 1000 cards of the batch.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub(super) cards: Vec<CardId>,
    /// What is wrong: 1 to 300 characters.
    pub(super) note: String,
}

/// How finely.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FaceQuery {
    /// 300 (unless said) or 600.
    pub(super) dpi: Option<u32>,
}

/// Waiting cards of an organisation.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueueView {
    organisation: OrganisationRefView,
    waiting: i64,
}

/// What waits to be printed.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrintQueue {
    items: Vec<QueueView>,
    next: Option<String>,
    #[serde(flatten)]
    whole: QueueTotals,
}

/// What is told of the queue as a whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueueTotals {
    /// In all of them together.
    waiting: i64,
    /// There are more than were counted.
    more: bool,
}

impl QueueTotals {
    /// The queue by organisation, the most first, and its totals.
    pub(super) fn of(
        connection: &mut PgConnection,
        counts: &HashMap<OrganisationId, i64>,
        more: bool,
    ) -> Result<(Vec<QueueView>, Self), Problem> {
        let ids: Vec<OrganisationId> = counts.keys().copied().collect();
        let of = |id: &OrganisationId| counts.get(id).copied().unwrap_or_default();
        let mut found = organisations::by_ids(connection, &ids)?;
        found
            .sort_by_key(|organisation| (std::cmp::Reverse(of(&organisation.id)), organisation.code.clone()));
        let items = found
            .iter()
            .map(|organisation| QueueView {
                organisation: organisation.into(),
                waiting: of(&organisation.id),
            })
            .collect();
        Ok((items, Self { waiting: counts.values().sum(), more }))
    }
}

/// What happened to a batch or one card of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrintEventView {
    /// `made`, `sent`, `received`, `handed_out` or `spoiled`.
    event: &'static str,
    /// The batch it happened in.
    #[schema(value_type = uuid::Uuid)]
    batch: BatchId,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who: a login's key, or the command line.
    by: String,
    /// The login's address; in a card's history alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl PrintEventView {
    /// A card's history, with the addresses of who did it.
    ///
    /// # Errors
    /// The database's.
    pub fn history(connection: &mut PgConnection, trace: Vec<PrintEvent>) -> QueryResult<Vec<Self>> {
        let login = |by: &str| Uuid::try_parse(by.strip_prefix("staff:")?).ok();
        let logins: Vec<Uuid> = trace.iter().filter_map(|event| login(&event.by_whom)).collect();
        let emails = staff::emails(connection, &logins)?;
        let view = |event: PrintEvent| {
            let email = login(&event.by_whom).and_then(|login| emails.get(&login).cloned());
            Self { email, ..event.into() }
        };
        Ok(trace.into_iter().map(view).collect())
    }
}

impl From<PrintEvent> for PrintEventView {
    fn from(event: PrintEvent) -> Self {
        Self {
            event: event.event.as_str(),
            batch: event.batch_id,
            at: Timestamp(event.at),
            by: event.by_whom,
            email: None,
            note: event.note,
        }
    }
}

/// What happened to a card in print, the first first.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrintHistory {
    items: Vec<PrintEventView>,
    next: Option<String>,
}

/// A file of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrintFileView {
    name: String,
    /// Of its bytes, in hexadecimal; the list of sums has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// A batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrintBatch)]
pub struct BatchView {
    #[schema(value_type = uuid::Uuid)]
    id: BatchId,
    /// What people call it.
    number: i64,
    organisation: OrganisationRefView,
    /// `made`, `sent`, `received` or `handed_out`.
    status: &'static str,
    cards: i32,
    /// Cards that are not in their holders' hands yet.
    in_print: i64,
    handed_out: i64,
    spoiled: i64,
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// Dots an inch of its faces' pictures: 300 or 600.
    dpi: i16,
    /// Whether its files are there. They aren't while they are being drawn, nor long after the cards came back from the
    /// plant; asking for them draws them.
    files_ready: bool,
    /// Whether all of its cards are yours to see, and so are its files and its way; shown for one batch, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    whole: Option<bool>,
    /// Its files, the faces apart, once they are drawn; shown for one batch, not in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<PrintFileView>,
    /// What happened to it; shown for one batch, not in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<PrintEventView>,
}

/// A page of batches.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PrintBatches)]
pub struct Batches {
    items: Vec<BatchView>,
    next: Option<String>,
}

impl BatchView {
    pub(super) fn id(&self) -> uuid::Uuid {
        self.id.0
    }

    fn new(app: &App, batch: &Batch, organisation: &OrganisationRef, counts: Counts) -> Self {
        Self {
            id: batch.id,
            number: batch.number,
            organisation: organisation.into(),
            status: batch.status.as_str(),
            cards: batch.cards,
            in_print: counts.in_print,
            handed_out: counts.handed_out,
            spoiled: counts.spoiled,
            made_at: Timestamp(batch.made_at),
            dpi: batch.dpi,
            files_ready: files::ready(app, batch),
            whole: None,
            files: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn many(
        app: &App,
        connection: &mut PgConnection,
        batches: &[Batch],
    ) -> Result<Vec<Self>, Problem> {
        let ids: Vec<BatchId> = batches.iter().map(|batch| batch.id).collect();
        let places: Vec<OrganisationId> = batches.iter().map(|batch| batch.organisation_id).collect();
        let counts = print::counts(connection, &ids)?;
        let organisations: HashMap<OrganisationId, OrganisationRef> =
            organisations::by_ids(connection, &places)?.into_iter().map(|one| (one.id, one)).collect();
        let view = |batch: &Batch| {
            let organisation = organisations.get(&batch.organisation_id)?;
            Some(Self::new(app, batch, organisation, counts.get(&batch.id).copied().unwrap_or_default()))
        };
        Ok(batches.iter().filter_map(view).collect())
    }

    pub(super) fn one(app: &App, connection: &mut PgConnection, batch: &Batch) -> Result<Self, Problem> {
        let mut view =
            Self::many(app, connection, std::slice::from_ref(batch))?.pop().ok_or_else(Problem::not_found)?;
        view.events = print::events(connection, batch.id)?.into_iter().map(Into::into).collect();
        Ok(view)
    }

    /// The same for whoever sees all of its cards, or only some: with its files, where they are drawn, or without.
    pub(super) fn seen_by(mut self, app: &App, whole: bool) -> Self {
        self.whole = Some(whole);
        if whole && let Ok(listed) = files::listed(&files::kept_in(app, self.id)) {
            let sums = PrintFileView { name: SUMS.to_owned(), sha256: None };
            self.files = listed
                .into_iter()
                .map(|(name, sum)| PrintFileView { name, sha256: Some(sum) })
                .chain([sums])
                .collect();
        }
        self
    }
}

/// A printed card.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrintedCardView {
    #[schema(value_type = uuid::Uuid)]
    id: CardId,
    /// Its place in the files.
    place: i32,
    /// 16 digits.
    number: String,
    /// The holder's name.
    holder: String,
    membership_number: String,
    organisation: String,
    /// `in_print`, `handed_out` or `spoiled`.
    state: &'static str,
    /// The card's own status.
    status: &'static str,
}

/// A page of printed cards.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrintedCards {
    items: Vec<PrintedCardView>,
    next: Option<String>,
}

impl PrintedCardView {
    pub(super) fn new(printed: &Printed, now: DateTime<Utc>) -> Self {
        let holder = &printed.holder;
        let name = format!("{} {} {}", holder.last_name, holder.first_name, holder.middle_name);
        Self {
            id: printed.card.id,
            place: printed.item.place,
            number: printed.card.number.to_string(),
            holder: name.trim_end().to_owned(),
            membership_number: holder.membership_number.clone(),
            organisation: holder.organisation.clone(),
            state: printed.item.state.as_str(),
            status: printed.card.status_at(now).as_str(),
        }
    }
}
