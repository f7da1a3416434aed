//! Waiting cards of a subtree become a batch: each is in one batch, whoever claims at the same moment.

use std::collections::HashMap;

use card_issuer::face::Resolution;
use card_issuer::print::{self, BATCH_CARDS_MAX, Batch, NewBatch, NewItem, Origin, Waiting};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use shared_kernel::ids::{CardId, MemberId, OrganisationId};
use union_registry::organisations::{self, Organisation, Path};
use union_registry::{MemberStatus, members};

use super::designs::Inherited;
use crate::problem::Problem;

/// Cards looked at in one statement.
const CHUNK: i64 = 2_000;
/// Members looked up in one statement.
const PEOPLE: usize = 2_000;

/// A waiting card and what its place in the batch depends on: those of an organisation lie together, by name.
struct Candidate {
    order: (String, String, String),
    item: NewItem,
}

/// Claims the waiting cards of active members of a subtree, `limit` at most, inside the caller's transaction; `None` when
/// none waits.
///
/// # Errors
/// The database's.
pub fn claim(
    connection: &mut PgConnection,
    (organisation, origin, resolution): (&Organisation, Origin, Resolution),
    limit: usize,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Option<Batch>, Problem> {
    let limit = limit.min(BATCH_CARDS_MAX);
    let inherited = Inherited::read(connection)?;
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut after = None;
    while candidates.len() < limit {
        let waiting = print::waiting(connection, after, CHUNK)?;
        let Some(last) = waiting.last() else { break };
        after = Some(last.card);
        let mut own = within(connection, &organisation.code, &waiting, &inherited)?;
        let ids: Vec<CardId> = own.iter().map(|candidate| candidate.item.card).collect();
        let locked: std::collections::HashSet<CardId> =
            print::lock_waiting(connection, &ids)?.into_iter().collect();
        own.retain(|candidate| locked.contains(&candidate.item.card));
        candidates.append(&mut own);
    }
    candidates.truncate(limit);
    candidates.sort_by(|a, b| a.order.cmp(&b.order));
    let items: Vec<NewItem> = candidates.into_iter().map(|candidate| candidate.item).collect();
    let new = NewBatch { organisation: organisation.id, origin, resolution };
    Ok(print::make(connection, new, &items, by, now)?)
}

/// Those of the waiting cards whose holders are active members of a subtree.
fn within(
    connection: &mut PgConnection,
    root: &str,
    waiting: &[Waiting],
    inherited: &Inherited,
) -> Result<Vec<Candidate>, Problem> {
    let ids: Vec<MemberId> = waiting.iter().map(|waiting| waiting.member).collect();
    let members: HashMap<MemberId, _> =
        members::by_ids(connection, &ids)?.into_iter().map(|member| (member.person.id, member)).collect();
    let mut places: Vec<OrganisationId> =
        members.values().map(|member| member.person.organisation_id).collect();
    places.sort_unstable();
    places.dedup();
    let paths: HashMap<OrganisationId, Path> = organisations::paths(connection, &places)?;
    let candidate = |waiting: &Waiting| {
        let member = members.get(&waiting.member)?;
        let path = paths.get(&member.person.organisation_id)?;
        let inside = path.codes().iter().any(|code| code == root);
        if !inside || member.person.status != MemberStatus::Active {
            return None;
        }
        Some(Candidate {
            order: (
                member.organisation.code.clone(),
                member.person.last_name.clone(),
                member.person.first_name.clone(),
            ),
            item: NewItem {
                card: waiting.card,
                organisation: member.person.organisation_id,
                design: inherited.of(path),
            },
        })
    };
    Ok(waiting.iter().filter_map(candidate).collect())
}

/// Waiting cards looked at, at most, to count those of a subtree; beyond it the count says so.
pub const LOOKED_MAX: usize = 100_000;
/// A subtree of so many active members is counted by them, whatever waits elsewhere.
const FEW_MEMBERS: usize = 20_000;

/// How many cards of active members wait in each organisation of a subtree, and whether there were too many to count.
///
/// # Errors
/// The database's.
pub fn waiting_by_organisation(
    connection: &mut PgConnection,
    root: Option<&str>,
) -> Result<(HashMap<OrganisationId, i64>, bool), Problem> {
    let mut counts = HashMap::<OrganisationId, i64>::new();
    if let Some(waiting) = few(connection, root)? {
        for some in waiting.chunks(PEOPLE) {
            count(connection, root, some, &mut counts)?;
        }
        return Ok((counts, false));
    }
    let (mut after, mut looked) = (None, 0);
    while looked < LOOKED_MAX {
        let waiting = print::waiting(connection, after, CHUNK)?;
        let Some(last) = waiting.last() else { return Ok((counts, false)) };
        after = Some(last.card);
        looked += waiting.len();
        count(connection, root, &waiting, &mut counts)?;
    }
    Ok((counts, true))
}

/// What waits in a subtree of few members.
fn few(connection: &mut PgConnection, root: Option<&str>) -> Result<Option<Vec<Waiting>>, Problem> {
    let Some(root) = root else { return Ok(None) };
    let places = organisations::subtree_ids(connection, root)?;
    let limit = i64::try_from(FEW_MEMBERS + 1).unwrap_or(i64::MAX);
    let members = members::active_of(connection, &places, limit)?;
    if members.len() > FEW_MEMBERS {
        return Ok(None);
    }
    Ok(Some(print::waiting_of(connection, &members)?))
}

/// Adds waiting cards of active members of a subtree to their organisations' counts.
fn count(
    connection: &mut PgConnection,
    root: Option<&str>,
    waiting: &[Waiting],
    counts: &mut HashMap<OrganisationId, i64>,
) -> Result<(), Problem> {
    let ids: Vec<MemberId> = waiting.iter().map(|waiting| waiting.member).collect();
    let members = members::by_ids(connection, &ids)?;
    let places: Vec<OrganisationId> = members.iter().map(|member| member.person.organisation_id).collect();
    let paths = organisations::paths(connection, &places)?;
    let inside = |place: &OrganisationId| {
        root.is_none_or(|root| {
            paths.get(place).is_some_and(|path| path.codes().iter().any(|code| code == root))
        })
    };
    let active = members.iter().filter(|member| member.person.status == MemberStatus::Active);
    for member in active.filter(|member| inside(&member.person.organisation_id)) {
        *counts.entry(member.person.organisation_id).or_default() += 1;
    }
    Ok(())
}
