//! The rows of a batch with what is printed on each card: names come from the registry at the moment of drawing.

use std::collections::HashMap;

use card_issuer::cards::{self, Card};
use card_issuer::face::Holder;
use card_issuer::personalisation::FAMILY_CARD;
use card_issuer::print::Item;
use diesel::pg::PgConnection;
use shared_kernel::ids::{CardId, MemberId, OrganisationId};
use union_registry::members::{self, Member};
use union_registry::organisations;

use crate::problem::Problem;

/// A body of a batch with what is printed on it.
pub struct Printed {
    /// Its place, card, design and state.
    pub item: Item,
    /// The card.
    pub card: Card,
    /// Whose it is.
    pub holder: Holder,
    /// The code of the organisation it goes to.
    pub organisation_code: String,
}

/// The names of organisations and of the roots above them.
struct Names(HashMap<OrganisationId, Named>);

#[derive(Clone)]
struct Named {
    code: String,
    name: String,
    union: String,
}

impl Names {
    fn of(connection: &mut PgConnection, ids: &[OrganisationId]) -> Result<Self, Problem> {
        let paths = organisations::paths(connection, ids)?;
        let mut codes: Vec<String> = paths
            .values()
            .flat_map(|path| [path.codes().first(), path.codes().last()].into_iter().flatten().cloned())
            .collect();
        codes.sort_unstable();
        codes.dedup();
        let names: HashMap<String, String> = organisations::named(connection, &codes)?
            .into_iter()
            .map(|organisation| (organisation.code, organisation.name))
            .collect();
        let named = |path: &organisations::Path| {
            let (union, code) = (path.codes().first()?, path.codes().last()?);
            Some(Named {
                code: code.clone(),
                name: names.get(code)?.clone(),
                union: names.get(union)?.clone(),
            })
        };
        Ok(Self(paths.iter().filter_map(|(id, path)| Some((*id, named(path)?))).collect()))
    }
}

/// Bodies with their holders, in the order of the items.
///
/// # Errors
/// The database's.
pub fn of_items(connection: &mut PgConnection, items: Vec<Item>) -> Result<Vec<Printed>, Problem> {
    let ids: Vec<CardId> = items.iter().map(|item| item.card_id).collect();
    let cards: HashMap<CardId, Card> =
        cards::by_ids(connection, &ids)?.into_iter().map(|card| (card.id, card)).collect();
    let holders: Vec<MemberId> = cards.values().map(|card| card.member_id).collect();
    let members: HashMap<MemberId, Member> =
        members::by_ids(connection, &holders)?.into_iter().map(|member| (member.person.id, member)).collect();
    let mut places: Vec<OrganisationId> = items.iter().map(|item| item.organisation_id).collect();
    places.sort_unstable();
    places.dedup();
    let names = Names::of(connection, &places)?;
    items
        .into_iter()
        .map(|item| {
            let card = cards.get(&item.card_id).cloned();
            let member = card.as_ref().and_then(|card| members.get(&card.member_id));
            let named = names.0.get(&item.organisation_id);
            match (card, member, named) {
                (Some(card), Some(member), Some(named)) => Ok(Printed {
                    holder: holder(&card, member, named),
                    organisation_code: named.code.clone(),
                    item,
                    card,
                }),
                _ => Err(Problem::internal("a printed card without a holder")),
            }
        })
        .collect()
}

fn holder(card: &Card, member: &Member, named: &Named) -> Holder {
    let person = &member.person;
    // The member's own name on it would pass whoever carries it for the member.
    let (last_name, first_name, middle_name) = match card.relation {
        Some(_) => (FAMILY_CARD, "", ""),
        None => (&*person.last_name, &*person.first_name, &*person.middle_name),
    };
    Holder {
        number: card.number,
        expires_on: card.expires_on,
        last_name: last_name.to_owned(),
        first_name: first_name.to_owned(),
        middle_name: middle_name.to_owned(),
        membership_number: person.membership_number.clone(),
        joined_on: person.joined_on,
        union: named.union.clone(),
        organisation: named.name.clone(),
    }
}

/// What stands on one card, wherever it is in its life.
///
/// # Errors
/// The database's.
pub fn of_card(connection: &mut PgConnection, card: &Card) -> Result<Holder, Problem> {
    let member = members::find(connection, card.member_id)?;
    let place = member.person.organisation_id;
    let names = Names::of(connection, &[place])?;
    let named = names.0.get(&place).ok_or_else(Problem::not_found)?;
    Ok(holder(card, &member, named))
}
