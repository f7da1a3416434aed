//! What any wallet shows of a card, read for many cards in a handful of statements. No name, no phone, no employer: what
//! is in a wallet lies abroad.

use std::collections::HashMap;

use card_issuer::cards::{self, Card, Standing};
use card_issuer::designs::DesignId;
use cashback_engine::balances::{self, Balance, Expiring};
use cashback_engine::days::date_in;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use sha2::{Digest, Sha256};
use shared_kernel::ids::{CardId, MemberId, OrganisationId};
use union_registry::organisations::{self, OrganisationRef, Path};
use union_registry::{MemberStatus, members};

use crate::app::App;
use crate::print::designs::Inherited;
use crate::problem::Problem;

/// How far ahead an expiry is shown: as far as the first letter about it goes out.
const SOON: TimeDelta = TimeDelta::days(30);

/// Whether a card is good: itself and its holder's membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It is.
    Valid,
    /// Blocked, or its holder is suspended or has left.
    Void,
    /// Past its last day.
    Expired,
}

/// What a wallet shows of a card.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The card.
    pub card: Card,
    /// Whether it is good.
    pub life: Life,
    /// The member's balances.
    pub balance: Balance,
    /// Whether the member takes part in the bonus programme.
    pub enrolled: bool,
    /// Whether points are frozen.
    pub frozen: bool,
    /// The tier held, where tiers are set.
    pub tier: Option<String>,
    /// What expires within a month, if anything does.
    pub expiring: Option<Expiring>,
    /// The union: the root of the member's tree.
    pub union: String,
    /// Its design, which [`super::looks::Looks`] has; `None` is the program's own.
    pub design: Option<DesignId>,
}

impl Shown {
    /// A hash of all of it: the same as long as a wallet shows the same.
    pub fn digest(&self) -> [u8; 32] {
        let Self { card, life, balance, enrolled, frozen, tier, expiring, union, design } = self;
        let said = format!(
            "{:?}",
            (
                card.number.as_str(),
                card.expires_on,
                life,
                (balance.available, balance.pending, balance.debt),
                (enrolled, frozen, tier, expiring.as_ref().map(|next| (next.amount, next.on))),
                (union, design),
            )
        );
        Sha256::digest(said.as_bytes()).into()
    }
}

/// Cards as wallets show them, in no order; unknown cards are absent.
///
/// # Errors
/// The database's.
pub fn of_cards(
    app: &App,
    connection: &mut PgConnection,
    ids: &[CardId],
    now: DateTime<Utc>,
) -> Result<Vec<Shown>, Problem> {
    let found = cards::by_ids(connection, ids)?;
    let mut holders: Vec<MemberId> = found.iter().map(|card| card.member_id).collect();
    holders.sort_unstable();
    holders.dedup();
    let soon = date_in(app.zone, now + SOON);
    let accounts = balances::summaries(connection, &app.books, &holders, soon, now)?;
    let people: HashMap<MemberId, (MemberStatus, OrganisationId)> = members::by_ids(connection, &holders)?
        .into_iter()
        .map(|member| (member.person.id, (member.person.status, member.person.organisation_id)))
        .collect();
    let places = Places::of(connection, people.values().map(|(_, place)| *place).collect())?;
    let shown = found.into_iter().map(|card| {
        let account = accounts.get(&card.member_id);
        let (status, place) = people.get(&card.member_id).copied().unzip();
        Shown {
            life: life(&card, status, now),
            balance: account.map(|account| account.balance).unwrap_or_default(),
            enrolled: account.is_some_and(|account| account.standing.takes_part()),
            frozen: account.is_some_and(|account| account.standing.is_frozen()),
            tier: account.and_then(|account| account.tier.clone()),
            expiring: account.and_then(|account| account.expiring),
            union: place.and_then(|place| places.union(place)).unwrap_or_default(),
            design: place.and_then(|place| places.design(place)),
            card,
        }
    });
    Ok(shown.collect())
}

/// One card as wallets show it.
///
/// # Errors
/// 404
pub fn of_card(
    app: &App,
    connection: &mut PgConnection,
    id: CardId,
    now: DateTime<Utc>,
) -> Result<Shown, Problem> {
    of_cards(app, connection, &[id], now)?.pop().ok_or_else(Problem::not_found)
}

fn life(card: &Card, status: Option<MemberStatus>, now: DateTime<Utc>) -> Life {
    match (card.standing_at(now), status) {
        (Standing::Valid, Some(MemberStatus::Active)) => Life::Valid,
        (Standing::Expired, _) => Life::Expired,
        (Standing::Valid | Standing::Blocked, _) => Life::Void,
    }
}

/// Where members belong: their unions' names, their cards' designs.
struct Places {
    paths: HashMap<OrganisationId, Path>,
    unions: HashMap<String, String>,
    designs: Inherited,
}

impl Places {
    fn of(connection: &mut PgConnection, mut ids: Vec<OrganisationId>) -> Result<Self, Problem> {
        ids.sort_unstable();
        ids.dedup();
        let paths = organisations::paths(connection, &ids)?;
        let mut roots: Vec<String> =
            paths.values().filter_map(|path| path.codes().first().cloned()).collect();
        roots.sort_unstable();
        roots.dedup();
        let named = organisations::named(connection, &roots)?;
        let unions = named.into_iter().map(|OrganisationRef { code, name, .. }| (code, name)).collect();
        Ok(Self { paths, unions, designs: Inherited::read(connection)? })
    }

    fn union(&self, place: OrganisationId) -> Option<String> {
        self.unions.get(self.paths.get(&place)?.codes().first()?).cloned()
    }

    fn design(&self, place: OrganisationId) -> Option<DesignId> {
        self.designs.of(self.paths.get(&place)?)
    }
}
