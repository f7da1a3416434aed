//! Cards ordered for everybody of an organisation who has none of the kind: what was asked for, how far it is, what came
//! of it. It is worked off a chunk of members at a time, each with its cards in one transaction, so that a run that was cut
//! off goes on behind the last of them; who got a card another way meanwhile is skipped.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared_kernel::ids::{MemberId, OrganisationId};
use shared_kernel::paging::{Limit, Page};
use shared_kernel::text_enum;

use crate::bulk::Issued;
use crate::cards::CardKind;
use crate::schema::cards::orders as table;

shared_kernel::id_type!(
    /// An order of cards.
    OrderId
);

text_enum!(
    /// Where an order stands.
    OrderStatus {
        /// It waits for its turn.
        Queued => "queued",
        /// Cards are being made.
        Running => "running",
        /// Everybody has one.
        Done => "done",
        /// It was given up; what was made stays.
        Failed => "failed",
    }
);

impl OrderStatus {
    /// Those that go on.
    pub const UNDER_WAY: [Self; 2] = [Self::Queued, Self::Running];
}

/// An order.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = table)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Whose subtree.
    pub organisation_id: OrganisationId,
    /// Which cards.
    pub kind: CardKind,
    /// Where it stands.
    pub status: OrderStatus,
    /// Members when it was placed, the suspended included: about what `issued` and `skipped` add up to in the end.
    pub members: i64,
    /// Cards made so far.
    pub issued: i64,
    /// Members so far who had one.
    pub skipped: i64,
    /// The last member looked at, by id.
    pub after_member: Option<MemberId>,
    /// The slug of why it was given up.
    pub problem: Option<String>,
    /// Who placed it.
    pub placed_by: String,
    /// When.
    pub placed_at: DateTime<Utc>,
    /// When it was done or given up.
    pub ended_at: Option<DateTime<Utc>>,
}

/// An order to be placed.
#[derive(Debug, Clone, Copy)]
pub struct NewOrder<'a> {
    /// Whose subtree.
    pub organisation: OrganisationId,
    /// Which cards.
    pub kind: CardKind,
    /// Its members.
    pub members: i64,
    /// Who places it.
    pub by: &'a str,
}

/// Places an order. One that is under way for the same organisation and kind is answered instead, and nothing is placed:
/// `false` then.
///
/// # Errors
/// The database's.
pub fn place(
    connection: &mut PgConnection,
    new: &NewOrder<'_>,
    now: DateTime<Utc>,
) -> QueryResult<(Order, bool)> {
    let placed = diesel::insert_into(table::table)
        .values((
            table::id.eq(OrderId::generate()),
            table::organisation_id.eq(new.organisation),
            table::kind.eq(new.kind),
            table::status.eq(OrderStatus::Queued),
            table::members.eq(new.members),
            table::placed_by.eq(new.by),
            table::placed_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .returning(Order::as_returning())
        .get_result(connection)
        .optional()?;
    match placed {
        Some(order) => Ok((order, true)),
        None => {
            // The latest: it was under way a moment ago, should it just have ended.
            let other = table::table
                .filter(table::organisation_id.eq(new.organisation))
                .filter(table::kind.eq(new.kind))
                .order(table::id.desc())
                .select(Order::as_select())
                .first(connection)?;
            Ok((other, false))
        }
    }
}

/// An order by its id.
///
/// # Errors
/// The database's.
pub fn find(connection: &mut PgConnection, id: OrderId) -> QueryResult<Option<Order>> {
    table::table.find(id).select(Order::as_select()).first(connection).optional()
}

/// Orders, the newest first, those older than `after`; of some organisations, when told which.
///
/// # Errors
/// The database's.
pub fn list(
    connection: &mut PgConnection,
    organisations: Option<&[OrganisationId]>,
    after: Option<OrderId>,
    limit: Limit,
) -> QueryResult<Page<Order, OrderId>> {
    let mut query = table::table.select(Order::as_select()).into_boxed();
    if let Some(own) = organisations {
        query = query.filter(table::organisation_id.eq_any(own));
    }
    if let Some(after) = after {
        query = query.filter(table::id.lt(after));
    }
    let rows = query.order(table::id.desc()).limit(limit.with_lookahead()).load(connection)?;
    Ok(Page::from_lookahead(rows, limit, |order: &Order| order.id))
}

/// The oldest order under way that no other process is at, locked until the transaction ends.
///
/// # Errors
/// The database's.
pub fn next(connection: &mut PgConnection) -> QueryResult<Option<Order>> {
    table::table
        .filter(table::status.eq_any(OrderStatus::UNDER_WAY))
        .order(table::id)
        .select(Order::as_select())
        .for_update()
        .skip_locked()
        .first(connection)
        .optional()
}

/// Notes what became of the members up to this one.
///
/// # Errors
/// The database's.
pub fn advance(
    connection: &mut PgConnection,
    id: OrderId,
    (issued, up_to): (Issued, MemberId),
) -> QueryResult<()> {
    let count = |cards: usize| i64::try_from(cards).expect("a chunk is small");
    diesel::update(table::table.find(id))
        .set((
            table::status.eq(OrderStatus::Running),
            table::issued.eq(table::issued + count(issued.issued)),
            table::skipped.eq(table::skipped + count(issued.skipped)),
            table::after_member.eq(up_to),
        ))
        .execute(connection)?;
    Ok(())
}

/// Ends an order: done, or given up for the reason this slug names.
///
/// # Errors
/// The database's.
pub fn end(
    connection: &mut PgConnection,
    id: OrderId,
    problem: Option<&str>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let status = if problem.is_some() { OrderStatus::Failed } else { OrderStatus::Done };
    diesel::update(table::table.find(id).filter(table::status.eq_any(OrderStatus::UNDER_WAY)))
        .set((table::status.eq(status), table::problem.eq(problem), table::ended_at.eq(now)))
        .execute(connection)?;
    Ok(())
}
