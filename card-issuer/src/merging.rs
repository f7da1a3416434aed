//! The cards of two members found to be one: the survivor's own virtual card stays, and the family cards of the
//! survivor, which are in other hands; every other one is blocked. All are the survivor's, so that what was bought with
//! them earlier is answered again as theirs.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::{CardId, MemberId};

use crate::cards::{self, Card, CardKind};
use crate::keys::IssuerKeys;
use crate::life::{self, Block, CardStatus};
use crate::schema::cards::cards as rows;
use crate::{CardError, aliases};

/// What became of the cards.
#[derive(Debug, Clone)]
pub struct MergedCards {
    /// The one that stays.
    pub kept: Card,
    /// Those that were blocked.
    pub blocked: Vec<Card>,
}

/// Blocks the other cards and hands them over; a survivor without a virtual card is issued one. It answers to the numbers
/// of older systems that the members' own cards answered to.
///
/// # Errors
/// As [`cards::issue`].
pub fn merge(
    connection: &mut PgConnection,
    keys: &IssuerKeys,
    (from, into): (MemberId, MemberId),
    block: &Block,
    now: DateTime<Utc>,
) -> Result<MergedCards, CardError> {
    connection.transaction(|connection| {
        let living: Vec<Card> = rows::table
            .filter(rows::member_id.eq_any([from, into]))
            .filter(rows::status.eq_any(CardStatus::LIVING))
            .order(rows::id)
            .select(Card::as_select())
            .for_no_key_update()
            .load(connection)?;
        let kept = living.iter().find(|card| {
            card.member_id == into
                && card.relation.is_none()
                && card.kind == CardKind::Virtual
                && card.status_at(now) == CardStatus::Active
        });
        let kept: Option<Card> = kept.cloned();
        let stays = |card: &&Card| {
            let family = card.member_id == into && card.relation.is_some();
            family || Some(card.id) == kept.as_ref().map(|kept| kept.id)
        };
        let mut blocked = Vec::new();
        for card in living.iter().filter(|card| !stays(card)) {
            blocked.push(life::block(connection, card.id, block, now)?);
        }
        diesel::update(rows::table.filter(rows::member_id.eq(from)))
            .set(rows::member_id.eq(into))
            .returning(rows::id)
            .get_results::<CardId>(connection)?;
        let kept = match kept {
            Some(kept) => kept,
            None => cards::issue(connection, keys, into, CardKind::Virtual, now)?,
        };
        let own: Vec<CardId> =
            blocked.iter().filter(|card| card.relation.is_none()).map(|card| card.id).collect();
        aliases::move_over(connection, &own, kept.id)?;
        aliases::inherit(connection, &[kept.id])?;
        Ok(MergedCards { kept, blocked })
    })
}
