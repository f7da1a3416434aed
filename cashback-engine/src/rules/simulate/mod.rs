//! Changes of rules tried on past purchases: what they would have cost beside what was in force. Every purchase goes
//! through the functions that post, in the order of posting, once with the rules as they were and once as they would be.
//!
//! | module | what it holds |
//! |---|---|
//! | [`question`] | what is asked, and its checks |
//! | `plan` | which rules judge before and after |
//! | `past` | what was posted of past purchases as a stream, and used caps |
//! | `fold` | one posting after another into the figures; pure |
//! | [`report`] | the figures |
//! | [`queue`] | simulations that wait, run or are done |
//! | [`listed`] | the same as a list, with who asked what |
//!
//! Memory grows with members, used caps and what is authorised at a time, not with purchases.
//!
//! A simulation follows these rules where money.md is silent:
//! - *Before* are the versions that were in force when each purchase happened. *After* are the same without the rules
//!   that are replaced or ended, and with the drafts, which hold over the whole period unless their dates are kept.
//! - Who was not in the programme, or got nothing for another reason than rules, gets nothing on either side.
//! - Cashback is net of what came back since; room that this gave back counts from the refund on.
//! - What was bought in two steps is judged when it is authorised and takes its room when it is captured.
//! - What the fraud watch took back counts as given: rules gave it.
//! - A member's tier is the one held now, and so is the category: neither is kept by day.
//! - Caps start with what was used before the period; a draft that is new starts with nothing.

mod fold;
pub mod listed;
mod past;
mod plan;
pub mod question;
pub mod queue;
pub mod report;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use shared_kernel::ids::MemberId;

use self::fold::Simulation;
use self::past::{Sequence, Step, tiers};
use self::plan::Plan;
pub(crate) use self::plan::drafted;
pub use self::question::{Question, Replacement};
pub use self::report::Report;
use crate::error::EngineError;
use crate::posting::Audience;
use crate::rules::BookCache;

/// How many postings are read at a time.
const CHUNK: usize = 4_000;

/// What rules ask about members at moments, in the order asked; the register's to tell.
pub type Audiences<'a, E> =
    dyn FnMut(&mut PgConnection, &[(MemberId, DateTime<Utc>)]) -> Result<Vec<Audience>, E> + 'a;

/// Is told how many of how many purchases are judged.
pub type Progress<'a, E> = dyn FnMut(&mut PgConnection, i64, i64) -> Result<(), E> + 'a;

/// Checks a question without answering it.
///
/// # Errors
/// Every wrong field.
pub fn check(
    connection: &mut PgConnection,
    books: &BookCache,
    question: &Question,
) -> Result<(), EngineError> {
    let book = books.current(connection)?;
    Plan::of(connection, book, question).map(|_| ())
}

/// Answers a question; nothing is stored.
///
/// # Errors
/// Every wrong field; the database's; the register's.
pub fn simulate<E: From<EngineError> + From<diesel::result::Error>>(
    connection: &mut PgConnection,
    books: &BookCache,
    question: &Question,
    audiences: &mut Audiences<'_, E>,
    progress: &mut Progress<'_, E>,
) -> Result<Report, E> {
    let book = books.current(connection)?;
    let plan = Plan::of(connection, book.clone(), question)?;
    let total = past::count(connection, &plan)?;
    progress(connection, 0, total)?;
    let mut simulation = Simulation::new(&plan, past::used_before(connection, &plan)?);
    let mut sequence = Sequence::open(connection, &plan)?;
    let mut judge = || -> Result<(), E> {
        let mut seen = 0;
        loop {
            let events = sequence.next(connection, CHUNK)?;
            if events.is_empty() {
                return Ok(());
            }
            let asked: Vec<(MemberId, DateTime<Utc>)> =
                events.iter().map(|event| (event.purchase.member, event.purchase.occurred_at)).collect();
            let known = if plan.asks_members { audiences(connection, &asked)? } else { Vec::new() };
            let tiers = if plan.asks_tiers { tiers(connection, &asked)? } else { Vec::new() };
            let nobody = Audience::default();
            for (at, event) in events.iter().enumerate() {
                let audience = known.get(at).unwrap_or(&nobody);
                let tier = book.tier_held(tiers.get(at).and_then(Option::as_deref));
                simulation.take(event, audience, tier);
                seen += i64::from(event.step != Step::Authorise);
            }
            progress(connection, seen, total.max(seen))?;
        }
    };
    let judged = judge();
    let closed = sequence.close(connection);
    judged?;
    closed?;
    Ok(simulation.report())
}
