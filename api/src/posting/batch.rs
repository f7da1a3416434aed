//! One transaction for many orders: what is known is answered again, what is new is identified, judged and written.

use std::collections::{HashMap, HashSet};

use card_issuer::presentation;
use card_issuer::resolutions;
use cashback_engine::posting::{self, Known, Posted, Presented, ReceiptKey, Sale};
use chrono::{DateTime, Utc};
use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use shared_kernel::db::by_key;

use super::identify::{self, Identified, Purpose, Use};
use super::{Answer, Order, again};
use crate::app::App;
use crate::problem::Problem;
use crate::refusals;
use crate::telemetry::METRICS;

type Answers = Vec<Result<Answer, Problem>>;

/// Posts orders in one transaction; should it fail as a whole, one by one, so that a poisoned one fails alone, as does one
/// whose buyer is being merged for longer.
pub fn post(app: &App, connection: &mut PgConnection, orders: &[Order]) -> Answers {
    let mut now = app.now();
    let mut tried = by_key(connection, |connection| attempt(app, connection, orders, now));
    if matches!(&tried, Err(problem) if problem.status().as_u16() == 503) {
        // The day was closed meanwhile, or two transactions waited for each other: once more, as of now.
        now = app.now();
        tried = by_key(connection, |connection| attempt(app, connection, orders, now));
    }
    let answers = match tried {
        Ok(answers) => answers,
        Err(problem) if orders.len() > 1 && matches!(problem.status().as_u16(), 500 | 503) => {
            one_by_one(app, connection, orders, now)
        }
        Err(problem) => orders.iter().map(|_| Err(problem.clone())).collect(),
    };
    for answer in &answers {
        let outcome = match answer {
            Ok(answer) if answer.created => "posted",
            Ok(_) => "replayed",
            Err(problem) => problem.slug(),
        };
        METRICS.purchases.with_label_values(&[outcome]).inc();
    }
    answers
}

/// Stops asking a database that has gone away.
fn one_by_one(app: &App, connection: &mut PgConnection, orders: &[Order], now: DateTime<Utc>) -> Answers {
    let mut away = None;
    orders
        .iter()
        .flat_map(|order| {
            if let Some(problem) = &away {
                return vec![Err(Problem::clone(problem))];
            }
            let alone = std::slice::from_ref(order);
            by_key(connection, |connection| attempt(app, connection, alone, now)).unwrap_or_else(|problem| {
                if diesel::sql_query("SELECT 1").execute(connection).is_err() {
                    away = Some(problem.clone());
                }
                vec![Err(problem)]
            })
        })
        .collect()
}

/// What posting an order would bring; nothing is written or used up.
///
/// # Errors
/// Why it would be refused.
pub fn quote(app: &App, connection: &mut PgConnection, order: &Order) -> Result<Answer, Problem> {
    let now = app.now();
    let key = key_of(order);
    let known = posting::known(connection, &app.books, std::slice::from_ref(&key))?;
    let identified = match known.get(&key) {
        Some(known) => {
            again::buyers(app, connection, &[(order, known)], now)?.pop().ok_or_else(Problem::unavailable)?
        }
        None => identify::buyers(app, connection, (&[order], Purpose::Quote), now)?
            .pop()
            .unwrap_or_else(|| Err(Problem::unavailable()))?,
    };
    let live = identified.presented == Presented::LiveCode;
    let posted = posting::quote(connection, &app.books, &sale(order, identified), now)?
        .map_err(|r| refusals::purchase(&r))?;
    Ok(answer(posted, live))
}

/// An order whose receipt stands before it in the batch waits until that one is decided: most often it is the same
/// purchase asked for twice, whose code the first has used.
fn attempt(
    app: &App,
    connection: &mut PgConnection,
    orders: &[Order],
    now: DateTime<Utc>,
) -> Result<Answers, Problem> {
    let mut seen = HashSet::new();
    let first: Vec<bool> = orders.iter().map(|order| seen.insert(key_of(order))).collect();
    if first.iter().all(|first| *first) {
        return round(app, connection, orders, now);
    }
    let those = |of: bool| -> Vec<Order> {
        orders.iter().zip(&first).filter(|(_, first)| **first == of).map(|(order, _)| order.clone()).collect()
    };
    let mut firsts = round(app, connection, &those(true), now)?.into_iter();
    let mut repeats = round(app, connection, &those(false), now)?.into_iter();
    Ok(first
        .iter()
        .map(|first| if *first { firsts.next() } else { repeats.next() })
        .map(|answer| answer.unwrap_or_else(|| Err(Problem::unavailable())))
        .collect())
}

fn round(
    app: &App,
    connection: &mut PgConnection,
    orders: &[Order],
    now: DateTime<Utc>,
) -> Result<Answers, Problem> {
    let keys: Vec<ReceiptKey> = orders.iter().map(key_of).collect();
    let known = posting::known(connection, &app.books, &keys)?;
    let identified = identify_all(app, connection, (orders, &keys), &known, now)?;
    let mut sales = Vec::with_capacity(orders.len());
    let mut uses = Vec::with_capacity(orders.len());
    let mut problems: Vec<Option<Problem>> = Vec::with_capacity(orders.len());
    for (order, identified) in orders.iter().zip(identified) {
        match identified {
            Ok(identified) => {
                uses.push((identified.uses, identified.presented == Presented::LiveCode));
                sales.push(sale(order, identified));
                problems.push(None);
            }
            Err(problem) => problems.push(Some(problem)),
        }
    }
    let posted = posting::post(connection, &app.books, &sales, now)?;
    use_up(connection, &posted, &uses, now)?;
    let mut posted = posted.into_iter().zip(uses);
    Ok(problems
        .into_iter()
        .map(|problem| match problem {
            Some(problem) => Err(problem),
            None => match posted.next() {
                Some((Ok(posted), (_, live))) => Ok(answer(posted, live)),
                Some((Err(refusal), _)) => Err(refusals::purchase(&refusal)),
                None => Err(Problem::unavailable()),
            },
        })
        .collect())
}

fn identify_all(
    app: &App,
    connection: &mut PgConnection,
    (orders, keys): (&[Order], &[ReceiptKey]),
    known: &HashMap<ReceiptKey, Known>,
    now: DateTime<Utc>,
) -> Result<Vec<Result<Identified, Problem>>, Problem> {
    let fresh: Vec<&Order> = orders
        .iter()
        .zip(keys)
        .filter(|(_, key)| !known.contains_key(*key))
        .map(|(order, _)| order)
        .collect();
    let mut identified = identify::buyers(app, connection, (&fresh, Purpose::Post), now)?.into_iter();
    let mut all: Vec<Option<Result<Identified, Problem>>> =
        keys.iter().map(|key| if known.contains_key(key) { None } else { identified.next() }).collect();
    let meanwhile = known_meanwhile(app, connection, keys, &all)?;
    let there = |key: &ReceiptKey| known.get(key).or_else(|| meanwhile.get(key));
    let repeated: Vec<(&Order, &Known)> =
        orders.iter().zip(keys).filter_map(|(order, key)| Some((order, there(key)?))).collect();
    let mut repeated = again::buyers(app, connection, &repeated, now)?.into_iter();
    for (key, place) in keys.iter().zip(&mut all) {
        if there(key).is_some() {
            *place = repeated.next().map(Ok);
        }
    }
    Ok(all.into_iter().map(|one| one.unwrap_or_else(|| Err(Problem::unavailable()))).collect())
}

/// What was posted while these orders waited for their codes: the same purchase, asked for twice at a time, has used
/// the code up for itself.
fn known_meanwhile(
    app: &App,
    connection: &mut PgConnection,
    keys: &[ReceiptKey],
    identified: &[Option<Result<Identified, Problem>>],
) -> Result<HashMap<ReceiptKey, Known>, Problem> {
    let refused: Vec<ReceiptKey> = keys
        .iter()
        .zip(identified)
        .filter(|(_, one)| matches!(one, Some(Err(_))))
        .map(|(key, _)| key.clone())
        .collect();
    if refused.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(posting::known(connection, &app.books, &refused)?)
}

fn key_of(order: &Order) -> ReceiptKey {
    ReceiptKey { outlet: order.outlet.clone(), receipt: order.receipt.clone() }
}

fn sale(order: &Order, identified: Identified) -> Sale {
    Sale {
        partner: order.asker.partner,
        outlet: order.outlet.clone(),
        receipt: order.receipt.clone(),
        occurred_at: order.occurred_at,
        amount: order.amount,
        lines: order.lines.clone(),
        redeem: order.redeem,
        fiscal: order.fiscal.clone(),
        capture: order.capture,
        presented: identified.presented,
        buyer: identified.buyer,
        source: order.asker.source,
        posted_by: order.asker.id,
        by_hand: order.asker.by_hand,
    }
}

fn use_up(
    connection: &mut PgConnection,
    posted: &[Result<Posted, posting::Refusal>],
    uses: &[(Option<Use>, bool)],
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let mut codes = Vec::new();
    let mut resolved = Vec::new();
    for (posted, (uses, _)) in posted.iter().zip(uses) {
        let Ok(posted) = posted else { continue };
        match uses {
            Some(_) if posted.replayed => {}
            Some(Use::Code(code)) => codes.push((*code, posted.purchase.id.0)),
            Some(Use::Resolution(id)) => resolved.push((*id, posted.purchase.id.0)),
            None => {}
        }
    }
    if !codes.is_empty() {
        presentation::consume(connection, &codes, now)?;
    }
    if !resolved.is_empty() {
        resolutions::use_resolutions(connection, &resolved, now)?;
    }
    Ok(())
}

fn answer(posted: Posted, live: bool) -> Answer {
    Answer { purchase: posted.purchase, created: !posted.replayed, balance: posted.balance.filter(|_| live) }
}
