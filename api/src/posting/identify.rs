//! From what was shown at the till to the member who buys: cards, codes and standing, a statement each for a whole
//! batch.

use std::collections::{HashMap, HashSet};

use card_issuer::aliases::{self, CardName, NameRefusal};
use card_issuer::cards::{self, Card, Limits, Standing};
use card_issuer::number::CardNumber;
use card_issuer::presentation::{self, CodeRefusal, CodeUse, Judged, Presented as ShownCode};
use card_issuer::resolutions::{self, ResolutionId, Taken};
use cashback_engine::posting::{Audience, Buyer, CardLimits, CardStanding, Presented};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use shared_kernel::ids::MemberId;
use union_registry::MemberStatus;
use union_registry::facts::{self, Facts};

use super::{Credential, Order};
use crate::app::App;
use crate::auth::guesses::Guesses;
use crate::problem::Problem;
use crate::refusals;

/// Whether codes and resolutions are kept locked for use, or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To post.
    Post,
    /// To tell what posting would bring.
    Quote,
}

/// What a purchase uses up once it is accepted.
#[derive(Debug, Clone, Copy)]
pub enum Use {
    /// A live code's step.
    Code(CodeUse),
    /// A resolution.
    Resolution(ResolutionId),
}

/// Who buys, and what that takes.
#[derive(Debug, Clone)]
pub struct Identified {
    /// The buyer, for the engine.
    pub buyer: Buyer,
    /// What was shown, for the engine.
    pub presented: Presented,
    /// What is used up.
    pub uses: Option<Use>,
}

struct Shown {
    card: Card,
    presented: Presented,
    uses: Option<Use>,
}

/// Identifies the buyers of orders that aren't in the ledger yet. Answers stand in the orders' order.
///
/// # Errors
/// The outer error is the database's.
pub fn buyers(
    app: &App,
    connection: &mut PgConnection,
    (orders, purpose): (&[&Order], Purpose),
    now: DateTime<Utc>,
) -> Result<Vec<Result<Identified, Problem>>, Problem> {
    let shown = shown_cards(app, connection, (orders, purpose), now)?;
    let asked: Vec<(MemberId, DateTime<Utc>)> = shown
        .iter()
        .zip(orders)
        .filter_map(|(shown, order)| Some((shown.as_ref().ok()?.card.member_id, order.occurred_at)))
        .collect();
    let sellers = app.sellers.of(app, connection, orders)?;
    let mut known = facts::facts_for_posting(connection, &asked)?.into_iter();
    Ok(shown
        .into_iter()
        .zip(orders)
        .map(|(shown, order)| {
            let shown = shown?;
            let facts = known.next().flatten();
            let presented = shown.presented;
            let mut buyer = buyer(&shown.card, facts, order.occurred_at);
            buyer.audience.sells = sellers.contains(&(order.asker.id, buyer.member));
            Ok(Identified { presented, uses: shown.uses, buyer })
        })
        .collect())
}

/// The buyer a card stands for at an instant.
pub fn buyer(card: &Card, facts: Option<Facts>, at: DateTime<Utc>) -> Buyer {
    Buyer {
        member: card.member_id,
        card: Some(card.id),
        card_standing: standing(card, facts.as_ref(), at),
        limits: limits(card),
        audience: facts.map(audience).unwrap_or_default(),
    }
}

/// A family card's own limits.
fn limits(card: &Card) -> Option<CardLimits> {
    let Limits { earn_per_day, earn_per_month, redeem_per_day, redeem_per_month } = card.limits;
    let limits = CardLimits { earn_per_day, earn_per_month, redeem_per_day, redeem_per_month };
    Some(limits).filter(|limits| *limits != CardLimits::default())
}

/// What rules ask about a member.
pub fn audience(facts: Facts) -> Audience {
    Audience {
        organisations: facts.organisations.into(),
        category: Some(facts.category.to_string()),
        birth_date: facts.birth_date,
        joined_on: Some(facts.joined_on),
        sells: false,
    }
}

/// A card is as good as its own state and its holder's membership.
pub fn standing(card: &Card, facts: Option<&Facts>, at: DateTime<Utc>) -> CardStanding {
    let member = facts.is_some_and(|facts| facts.status == MemberStatus::Active);
    match card.standing_at(at) {
        Standing::Valid if member => CardStanding::Valid,
        Standing::Valid | Standing::Blocked => CardStanding::Blocked,
        Standing::Expired => CardStanding::Expired,
    }
}

/// The cards that were shown.
fn shown_cards(
    app: &App,
    connection: &mut PgConnection,
    (orders, purpose): (&[&Order], Purpose),
    now: DateTime<Utc>,
) -> Result<Vec<Result<Shown, Problem>>, Problem> {
    let mut codes = judged_codes(app, connection, (orders, purpose), now)?.into_iter();
    let mut taken = judged_resolutions(connection, (orders, purpose), now)?.into_iter();
    let mut named = named_cards(connection, orders)?.into_iter();
    let proven = proven_cards(connection, orders)?;
    let claimed = claimed_cards(connection, orders)?;
    let asked = orders.iter().map(|order| (order.asker.key.as_str(), &order.credential));
    let mut guesses = Guesses::read(app, connection, asked, now)?;
    let found = orders
        .iter()
        .map(|order| {
            let found = match &order.credential {
                Credential::Code(_) => codes.next().ok_or_else(Problem::unavailable).and_then(shown_code),
                Credential::Resolution(_) => {
                    taken.next().ok_or_else(Problem::unavailable).and_then(|taken| taken)
                }
                Credential::Claim(member) => claimed
                    .get(&(*member, order.occurred_at))
                    .map(|card| Shown { card: card.clone(), presented: Presented::BareNumber, uses: None })
                    .ok_or_else(refusals::card_unknown),
                Credential::Name(_) => named
                    .next()
                    .ok_or_else(Problem::unavailable)
                    .and_then(|card| card.map_err(refusals::name))
                    .map(|card| Shown { card, presented: Presented::BareNumber, uses: None }),
                Credential::Proof(proof) if !proof.covers(order.occurred_at) => {
                    Err(refusals::code(CodeRefusal::Expired))
                }
                Credential::Proof(proof) => proven
                    .get(&proof.number)
                    .map(|card| Shown { card: card.clone(), presented: Presented::Proof, uses: None })
                    .ok_or_else(refusals::card_unknown),
            };
            guesses.answer((&order.asker.key, &order.credential), found)
        })
        .collect();
    guesses.write(connection)?;
    Ok(found)
}

fn shown_code(judged: Judged) -> Result<Shown, Problem> {
    let uses = judged.verdict.map_err(refusals::code)?;
    let card = judged.card.ok_or_else(refusals::card_unknown)?;
    Ok(Shown { card, presented: Presented::LiveCode, uses: Some(Use::Code(uses)) })
}

fn judged_codes(
    app: &App,
    connection: &mut PgConnection,
    (orders, purpose): (&[&Order], Purpose),
    now: DateTime<Utc>,
) -> Result<Vec<Judged>, Problem> {
    let codes: Vec<ShownCode> = orders
        .iter()
        .filter_map(|order| match order.credential {
            Credential::Code(code) => Some(ShownCode { code, asker: order.asker.key.clone() }),
            _ => None,
        })
        .collect();
    Ok(match purpose {
        Purpose::Post => presentation::lock_codes(connection, &app.derived.issuer, &codes, now)?,
        Purpose::Quote => presentation::check_codes(connection, &app.derived.issuer, &codes, now)?,
    })
}

fn judged_resolutions(
    connection: &mut PgConnection,
    (orders, purpose): (&[&Order], Purpose),
    now: DateTime<Utc>,
) -> Result<Vec<Result<Shown, Problem>>, Problem> {
    let asked: Vec<(ResolutionId, String)> = orders
        .iter()
        .filter_map(|order| match order.credential {
            Credential::Resolution(id) => Some((id, order.asker.key.clone())),
            _ => None,
        })
        .collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let taken = match purpose {
        Purpose::Post => resolutions::lock_resolutions(connection, &asked, now)?,
        Purpose::Quote => resolutions::check_resolutions(connection, &asked, now)?,
    };
    Ok(taken
        .into_iter()
        .map(|taken| {
            let Taken { resolution, card } = taken.map_err(refusals::resolution)?;
            let presented = match (resolution.is_live(), resolution.by_proof) {
                (true, _) => Presented::LiveCode,
                (false, true) => Presented::Proof,
                (false, false) => Presented::BareNumber,
            };
            Ok(Shown { card, presented, uses: Some(Use::Resolution(resolution.id)) })
        })
        .collect())
}

/// The cards of members whose claims are approved, by the receipt's moment: the first that was good then.
fn claimed_cards(
    connection: &mut PgConnection,
    orders: &[&Order],
) -> Result<HashMap<(MemberId, DateTime<Utc>), Card>, Problem> {
    let claimed: HashSet<(MemberId, DateTime<Utc>)> = orders
        .iter()
        .filter_map(|order| match order.credential {
            Credential::Claim(member) => Some((member, order.occurred_at)),
            _ => None,
        })
        .collect();
    if claimed.is_empty() {
        return Ok(HashMap::new());
    }
    let members: Vec<MemberId> = claimed.iter().map(|(member, _)| *member).collect();
    let cards = cards::of_members(connection, &members)?;
    Ok(claimed
        .into_iter()
        .filter_map(|(member, at)| {
            let mut own = cards.iter().filter(|card| card.member_id == member);
            let good = own.clone().find(|card| card.standing_at(at) == Standing::Valid);
            Some(((member, at), good.or_else(|| own.next())?.clone()))
        })
        .collect())
}

/// Whether a member had a good card and was in the union at a moment: whoever had not, claims nothing of it.
///
/// # Errors
/// The database's.
pub fn could_buy(
    connection: &mut PgConnection,
    member: MemberId,
    at: DateTime<Utc>,
) -> Result<bool, Problem> {
    let facts = facts::facts_for_posting(connection, &[(member, at)])?.pop().flatten();
    let cards = cards::of_member(connection, member)?;
    Ok(cards.iter().any(|card| standing(card, facts.as_ref(), at) == CardStanding::Valid))
}

/// The cards of bare numbers and aliases, in the order of their orders.
fn named_cards(
    connection: &mut PgConnection,
    orders: &[&Order],
) -> Result<Vec<Result<Card, NameRefusal>>, Problem> {
    let names: Vec<&CardName> = orders
        .iter()
        .filter_map(|order| match &order.credential {
            Credential::Name(name) => Some(name),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    Ok(aliases::cards_named(connection, &names)?)
}

fn proven_cards(
    connection: &mut PgConnection,
    orders: &[&Order],
) -> Result<HashMap<CardNumber, Card>, Problem> {
    let numbers: Vec<CardNumber> = orders
        .iter()
        .filter_map(|order| match &order.credential {
            Credential::Proof(proof) => Some(proof.number),
            _ => None,
        })
        .collect();
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(cards::by_numbers(connection, &numbers)?.into_iter().map(|card| (card.number, card)).collect())
}
