//! What a story must not leave behind: work that was taken up and never came to its end, or that was given up.

use std::time::{Duration, Instant};

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::PATIENCE;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Under way: ends by itself, soon.
const UNDER_WAY: &str = "
    SELECT 'events not relayed' AS what, count(*) AS rows FROM platform.outbox
    UNION ALL
    SELECT 'imports not ended', count(*) FROM platform.imports WHERE status IN ('queued', 'running')
    UNION ALL
    SELECT 'registers not ended', count(*) FROM ledger.registers WHERE status IN ('queued', 'running')
    UNION ALL
    SELECT 'letters being sent', count(*) FROM platform.deliveries WHERE attempts > 0 AND failure IS NULL
    UNION ALL
    SELECT 'wallets being told', count(*) FROM platform.wallet_updates WHERE attempts > 0 AND failure IS NULL";
/// Tried in vain, whether it will be tried again or was given up.
const FAILED: &str = "
    SELECT 'letters not sent' AS what, count(*) AS rows FROM platform.deliveries
    WHERE failure IS NOT NULL
    UNION ALL
    SELECT 'webhooks not delivered', count(*) FROM platform.webhook_deliveries
    WHERE state <> 'delivered' AND failure IS NOT NULL
    UNION ALL
    SELECT 'wallets not told', count(*) FROM platform.wallet_updates
    WHERE failure IS NOT NULL";

#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// What is left undone, in words; empty where all is done.
pub fn left(connection: &mut PgConnection) -> Vec<String> {
    let patient_until = Instant::now() + PATIENCE;
    let mut under_way = told(connection, UNDER_WAY);
    while !under_way.is_empty() && Instant::now() < patient_until {
        std::thread::sleep(LOOK_EVERY);
        under_way = told(connection, UNDER_WAY);
    }
    under_way.extend(told(connection, FAILED));
    under_way
}

fn told(connection: &mut PgConnection, question: &str) -> Vec<String> {
    let left: Vec<Left> = diesel::sql_query(question).load(connection).expect("the tables can be read");
    left.into_iter().filter(|left| left.rows > 0).map(|left| format!("{} {}", left.rows, left.what)).collect()
}
