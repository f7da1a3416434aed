//! The thread that keeps passes true: it looks at what is marked, then tells the wallets of what changed, many at a time.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::JoinSet;

use super::updates::{self, Outcome, Taken};
use super::{Provider, apple, changes, google};
use crate::app::App;
use crate::problem::Problem;
use crate::telemetry::METRICS;

/// Updates on their way at a time.
const SENDING_MAX: i64 = 64;
/// How often it looks when nobody rings.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs until the program ends.
pub(super) fn run(app: &Weak<App>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build();
    match runtime {
        Ok(runtime) => runtime.block_on(keep_true(app)),
        Err(error) => tracing::error!(%error, "passes in wallets are not kept true"),
    }
}

async fn keep_true(app: &Weak<App>) {
    while let Some(app) = App::going(app) {
        match round(&app).await {
            Ok(done) if done > 0 => {}
            Ok(_) => {
                tokio::select! {
                    () = app.wallets.bell.notified() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, "passes in wallets wait");
                drop(app);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error("{0}")]
    Problem(#[from] Problem),
    #[error(transparent)]
    Pool(#[from] diesel::r2d2::PoolError),
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
    #[error(transparent)]
    Thread(#[from] tokio::task::JoinError),
}

/// Looks once and tells what is due, a bounded number; how many passes and updates.
async fn round(app: &Arc<App>) -> Result<usize, RoundError> {
    let looking = Arc::clone(app);
    let (looked, taken) = tokio::task::spawn_blocking(move || {
        let mut connection = looking.pool.get()?;
        let looked = changes::look(&looking, &mut connection)?;
        let told = looking.wallets.told();
        let taken = updates::take(&mut connection, &told, SENDING_MAX, looking.now())?;
        Ok::<_, RoundError>((looked, taken))
    })
    .await??;
    let done = looked + taken.len();
    if !taken.is_empty() {
        let tried = send(app, taken).await?;
        let settling = Arc::clone(app);
        tokio::task::spawn_blocking(move || settle(&settling, &tried)).await??;
    }
    Ok(done)
}

/// Tells each wallet; how each try ended.
async fn send(app: &Arc<App>, taken: Vec<Taken>) -> Result<Vec<(Taken, Outcome)>, RoundError> {
    let mut sending = JoinSet::new();
    for update in taken {
        let app = Arc::clone(app);
        sending.spawn(async move {
            let outcome = match update.provider {
                Provider::Apple => apple::push::send(app, update.clone()).await,
                Provider::Google => google::update::send(app, update.clone()).await,
            };
            (update, outcome)
        });
    }
    let mut tried = Vec::new();
    while let Some(ended) = sending.join_next().await {
        tried.push(ended?);
    }
    Ok(tried)
}

fn settle(app: &App, tried: &[(Taken, Outcome)]) -> Result<(), RoundError> {
    let mut connection = app.pool.get()?;
    for (update, outcome) in tried {
        let word = match outcome {
            Outcome::Done => "told",
            Outcome::Gone => "gone",
            Outcome::Refused(failure) | Outcome::Later(failure, _) => failure,
        };
        METRICS.wallets.with_label_values(&[update.provider.as_str(), word]).inc();
        if matches!(outcome, Outcome::Gone) {
            match update.provider {
                Provider::Apple => {
                    apple::registrations::gone(&mut connection, &update.device, update.card_id)?
                }
                Provider::Google => changes::forget(&mut connection, Provider::Google, update.card_id)?,
            }
        }
        updates::settle(&mut connection, update, *outcome, app.now())?;
    }
    Ok(())
}
