//! Purchases that are in the ledger already, asked for again: only the member matters, since card, code and state were
//! judged when it was posted, and a used code is no reason to deny an answer that was given before. Whether the answer
//! tells a balance is another matter: for that the code must be right, or the very one that was used.

use std::collections::{HashMap, HashSet};

use card_issuer::aliases::{self, CardName};
use card_issuer::cards;
use card_issuer::number::CardNumber;
use card_issuer::presentation::{self, CodeRefusal, Presented as ShownCode};
use card_issuer::resolutions::{self, ResolutionId};
use cashback_engine::posting::{Buyer, CardStanding, Known, Presented};
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use shared_kernel::ids::MemberId;

use super::identify::Identified;
use super::{Credential, Order};
use crate::app::App;
use crate::auth::guesses::Guesses;
use crate::problem::Problem;
use crate::refusals;

/// What an order shows of a purchase that is there.
#[derive(Clone, Copy, Default)]
struct ShownAgain {
    /// The member its card belongs to; `None` when the order can't tell, nil when there is no such card.
    member: Option<MemberId>,
    /// Whether a live code was shown.
    live: bool,
}

/// The buyers of purchases that are there, each with the order that asks for it again, in their order. Nothing is
/// asked of the database when there are none.
///
/// # Errors
/// The database's.
pub fn buyers(
    app: &App,
    connection: &mut PgConnection,
    asked: &[(&Order, &Known)],
    now: DateTime<Utc>,
) -> Result<Vec<Identified>, Problem> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let holders = holders(connection, asked)?;
    let named = named(connection, asked)?;
    let live = live_codes(app, connection, asked, now)?;
    let mut resolved = resolved(connection, asked, now)?.into_iter();
    let mut named = named.into_iter();
    let nobody = MemberId(uuid::Uuid::nil());
    let holder = |number: &CardNumber| Some(holders.get(number).copied().unwrap_or(nobody));
    Ok(asked
        .iter()
        .enumerate()
        .map(|(place, (order, known))| {
            let shown = match &order.credential {
                Credential::Code(code) => {
                    ShownAgain { member: holder(&code.number), live: live.contains(&place) }
                }
                Credential::Proof(proof) => ShownAgain { member: holder(&proof.number), live: false },
                Credential::Name(_) => {
                    ShownAgain { member: Some(named.next().flatten().unwrap_or(nobody)), live: false }
                }
                Credential::Resolution(_) => resolved.next().unwrap_or_default(),
                Credential::Claim(member) => ShownAgain { member: Some(*member), live: false },
            };
            identified(shown, known)
        })
        .collect())
}

fn identified(shown: ShownAgain, known: &Known) -> Identified {
    Identified {
        buyer: Buyer {
            member: shown.member.unwrap_or(known.purchase.member),
            card: None,
            card_standing: CardStanding::Valid,
            limits: None,
            audience: Default::default(),
        },
        presented: if shown.live { Presented::LiveCode } else { Presented::BareNumber },
        uses: None,
    }
}

/// A balance is told again as long as a resolution lives.
fn is_recent(known: &Known, now: DateTime<Utc>) -> bool {
    known.purchase.booked_at > now - resolutions::LIFETIME
}

/// Whose cards live codes and proofs name.
fn holders(
    connection: &mut PgConnection,
    asked: &[(&Order, &Known)],
) -> Result<HashMap<CardNumber, MemberId>, Problem> {
    let numbers: Vec<CardNumber> = asked
        .iter()
        .filter_map(|(order, _)| match &order.credential {
            Credential::Code(code) => Some(code.number),
            Credential::Proof(proof) => Some(proof.number),
            Credential::Name(_) | Credential::Resolution(_) | Credential::Claim(_) => None,
        })
        .collect();
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let found = cards::by_numbers(connection, &numbers)?;
    Ok(found.into_iter().map(|card| (card.number, card.member_id)).collect())
}

/// Whose cards bare numbers and aliases name, in their order.
fn named(
    connection: &mut PgConnection,
    asked: &[(&Order, &Known)],
) -> Result<Vec<Option<MemberId>>, Problem> {
    let names: Vec<&CardName> = asked
        .iter()
        .filter_map(|(order, _)| match &order.credential {
            Credential::Name(name) => Some(name),
            Credential::Code(_) | Credential::Proof(_) | Credential::Resolution(_) | Credential::Claim(_) => {
                None
            }
        })
        .collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let found = aliases::cards_named(connection, &names)?;
    Ok(found.into_iter().map(|card| card.ok().map(|card| card.member_id)).collect())
}

/// The places of orders whose live code is right, or has been used. Wrong ones are counted as guesses, and whoever has
/// used theirs up is told no balance, but their answer all the same.
fn live_codes(
    app: &App,
    connection: &mut PgConnection,
    asked: &[(&Order, &Known)],
    now: DateTime<Utc>,
) -> Result<HashSet<usize>, Problem> {
    let codes: Vec<(usize, &Order, ShownCode)> = asked
        .iter()
        .enumerate()
        .filter(|(_, (_, known))| is_recent(known, now))
        .filter_map(|(place, (order, _))| match &order.credential {
            Credential::Code(code) => {
                Some((place, *order, ShownCode { code: *code, asker: order.asker.key.clone() }))
            }
            _ => None,
        })
        .collect();
    if codes.is_empty() {
        return Ok(HashSet::new());
    }
    let shown: Vec<ShownCode> = codes.iter().map(|(.., shown)| shown.clone()).collect();
    let judged = presentation::check_codes(connection, &app.derived.issuer, &shown, now)?;
    let askers = codes.iter().map(|(_, order, _)| (order.asker.key.as_str(), &order.credential));
    let mut guesses = Guesses::read(app, connection, askers, now)?;
    let live = codes
        .iter()
        .zip(judged)
        .filter_map(|((place, order, _), judged)| {
            let found = match judged.verdict {
                Ok(_) | Err(CodeRefusal::Used) => Ok(*place),
                Err(refusal) => Err(refusals::code(refusal)),
            };
            guesses.answer((&order.asker.key, &order.credential), found).ok()
        })
        .collect();
    guesses.write(connection)?;
    Ok(live)
}

/// What the askers' resolutions stand for, in their order.
fn resolved(
    connection: &mut PgConnection,
    asked: &[(&Order, &Known)],
    now: DateTime<Utc>,
) -> Result<Vec<ShownAgain>, Problem> {
    let shown: Vec<(ResolutionId, &Order, &Known)> = asked
        .iter()
        .filter_map(|(order, known)| match &order.credential {
            Credential::Resolution(id) => Some((*id, *order, *known)),
            _ => None,
        })
        .collect();
    if shown.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ResolutionId> = shown.iter().map(|(id, ..)| *id).collect();
    let found = resolutions::find(connection, &ids)?;
    Ok(shown
        .iter()
        .map(|(id, order, known)| {
            let theirs = found.get(id).filter(|taken| taken.resolution.asker == order.asker.key);
            let Some(taken) = theirs else { return ShownAgain::default() };
            let served = taken.resolution.used_by == Some(known.purchase.id.0);
            let open = taken.resolution.used_at.is_none() && taken.resolution.expires_at > now;
            ShownAgain {
                member: (served || open).then_some(taken.card.member_id),
                live: served && taken.resolution.is_live() && is_recent(known, now),
            }
        })
        .collect())
}
