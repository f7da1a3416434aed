//! What every handler and job shares, and the one hop from async code to the database.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use card_issuer::keys::IssuerKeys;
use card_issuer::numbering;
use cashback_engine::rules::BookCache;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use diesel::Connection;
use diesel::pg::PgConnection;
use shared_kernel::clock::Clock;
use shared_kernel::db::{PgPool, PgPooled};
use union_registry::sealing::Sealer;

use crate::auth::Auth;
use crate::auth::keyring::checked_master_key;
use crate::cache::{Cache, Live};
use crate::config::Settings;
use crate::delivery::{Delivery, DeliveryError};
use crate::jobs;
use crate::keys::MasterKey;
use crate::posting::PostingQueue;
use crate::print::drawing::Drawing;
use crate::private_services::postgres::PrivatePostgres;
use crate::problem::Problem;
use crate::simulations::Waker;
use crate::wallets::{WalletError, Wallets};

/// The running program.
pub struct App {
    /// The settings.
    pub settings: Settings,
    /// The time.
    pub clock: Clock,
    /// Connections to PostgreSQL.
    pub pool: PgPool,
    /// The master key.
    pub master: MasterKey,
    /// Keys made of it once.
    pub derived: Derived,
    /// Partners, outlets and rules as posting needs them.
    pub books: BookCache,
    /// The zone whose days the programme counts, as it was installed.
    pub zone: Tz,
    /// Wakes the thread that simulates.
    pub simulations: Arc<Waker>,
    /// The way into the ledger.
    pub posting: PostingQueue,
    /// Which members the cashiers themselves are.
    pub sellers: crate::posting::sellers::Sellers,
    /// The way to the thread that draws plastic's files.
    pub drawing: Drawing,
    /// Tokens, sessions and what else signing in needs.
    pub auth: Auth,
    /// Counters of limits and small values that may be lost.
    pub cache: Cache,
    /// Live updates to open pages.
    pub live: Arc<Live>,
    /// Mail and text messages.
    pub delivery: Delivery,
    /// Cards in the wallets of phones.
    pub wallets: Wallets,
    /// Turns true when the program has been told to stop: open streams end then.
    pub stopping: tokio::sync::watch::Sender<bool>,
    left: AtomicBool,
    numbers_looked_at: Mutex<Option<DateTime<Utc>>>,
    postgres: Option<Arc<PrivatePostgres>>,
}

/// How often the card numbers left are counted.
const NUMBERS_EVERY: TimeDelta = TimeDelta::minutes(10);

/// Keys derived from the master key, made once.
pub struct Derived {
    /// Seals a list's cursors.
    pub cursors: [u8; 32],
    /// Card numbers and live codes.
    pub issuer: IssuerKeys,
    /// Personal data.
    pub sealer: Sealer,
}

impl Derived {
    fn of(master: &MasterKey) -> Self {
        let issuers = master.derive_all("card-issuer/1");
        let (founding, later) = issuers.split_first().expect("there is a founding version");
        let version = u8::try_from(master.current()).expect("versions are bounded");
        Self {
            cursors: master.derive("cursors/1"),
            issuer: IssuerKeys::new(founding).with_versions(later, master.current()),
            sealer: Sealer::of_versions(&master.derive_all("personal-data/1"), version)
                .expect("the current version is there"),
        }
    }
}

/// Why the program can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No PostgreSQL of our own.
    #[error(transparent)]
    Postgres(#[from] crate::private_services::postgres::PostgresError),
    /// No connection.
    #[error("the database: {0}")]
    Pool(#[from] diesel::r2d2::PoolError),
    /// The pool gave no connection.
    #[error("the database: {0}")]
    Database(#[from] diesel::result::Error),
    /// Not fit for money.
    #[error(transparent)]
    Durability(#[from] shared_kernel::db::DurabilityError),
    /// The master key.
    #[error(transparent)]
    Key(#[from] crate::keys::KeyError),
    /// The signing keys, or another master key than the database was made under.
    #[error(transparent)]
    Keyring(#[from] crate::auth::keyring::KeyringError),
    /// Redis' address.
    #[error(transparent)]
    Cache(#[from] crate::cache::CacheError),
    /// A setting.
    #[error(transparent)]
    Settings(#[from] crate::config::SettingsError),
    /// A setting of mail or text messages.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// A setting of wallets.
    #[error(transparent)]
    Wallets(#[from] WalletError),
    /// A thread.
    #[error(transparent)]
    Thread(#[from] std::io::Error),
    /// A migration failed.
    #[error("migration: {0}")]
    Migration(Box<dyn std::error::Error + Send + Sync>),
}

impl App {
    /// Opens the database (our own, when none is given), applies pending migrations and checks that it is fit for
    /// money.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn open(settings: Settings, clock: Clock) -> Result<Arc<Self>, StartError> {
        let master = MasterKey::open(&settings)?;
        let postgres = match settings.database_url() {
            Some(_) => None,
            None => Some(PrivatePostgres::start(&settings.data_dir)?),
        };
        let url = match (&postgres, settings.database_url()) {
            (Some(postgres), _) => postgres.url("unioncard"),
            (None, url) => url.unwrap_or_default().to_owned(),
        };
        let pool = shared_kernel::db::pool(&url, settings.connections_max)?;
        let mut connection = pool.get()?;
        shared_kernel::migrations::apply(&mut connection).map_err(StartError::Migration)?;
        shared_kernel::db::check_durability(&mut connection)?;
        let master = checked_master_key(&mut connection, master)?;
        let auth = Auth::open(&mut connection, &master, settings.trusted_proxy_list()?, clock.now())?;
        let wallets = Wallets::open(&settings, clock.now())?;
        if !jobs::is_live(&mut connection)? {
            wallets.open_demo(&settings, clock.now())?;
        }
        let zone = cashback_engine::programme::zone(&mut connection)?;
        drop(connection);
        let derived = Derived::of(&master);
        let (posting, inlet) = PostingQueue::new();
        let (drawing, easel) = Drawing::new();
        let books = BookCache::default();
        let cache = Cache::open(settings.redis_url())?;
        let live = Live::open(&cache)?;
        let delivery = Delivery::open(&settings)?;
        let app = Self {
            settings,
            clock,
            pool,
            master,
            derived,
            books,
            zone,
            simulations: Arc::default(),
            posting,
            sellers: crate::posting::sellers::Sellers::default(),
            drawing,
            auth,
            cache,
            live,
            delivery,
            wallets,
            stopping: tokio::sync::watch::Sender::new(false),
            left: AtomicBool::new(false),
            numbers_looked_at: Mutex::new(None),
            postgres,
        };
        let app = Arc::new(app);
        inlet.start(&app)?;
        easel.start(&app)?;
        Ok(app)
    }

    /// The program for a thread of its own, until it is left. Threads that wait for a connection hold it: without the
    /// second condition they would keep it, and one another, waiting for a database that is gone.
    pub fn going(app: &Weak<Self>) -> Option<Arc<Self>> {
        app.upgrade().filter(|app| !app.left.load(Ordering::Acquire))
    }

    /// The present moment.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A connection, within the pool's time; 503 when there is none.
    ///
    /// # Errors
    /// 503
    pub fn connection(&self) -> Result<PgPooled, Problem> {
        self.pool.get().map_err(|error| {
            tracing::warn!(%error, "no connection to the database");
            Problem::unavailable()
        })
    }

    /// Runs blocking code with a connection on a thread that may block.
    ///
    /// # Errors
    /// The code's, or 503 without a connection.
    pub async fn run<T, F>(self: &Arc<Self>, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, Problem> + Send + 'static,
    {
        let app = Arc::clone(self);
        actix_web::web::block(move || work(&mut *app.connection()?))
            .await
            .map_err(|error| Problem::internal(&error))?
    }

    /// The same inside one transaction: all or nothing.
    ///
    /// # Errors
    /// The code's, or 503 without a connection.
    pub async fn transaction<T, F>(self: &Arc<Self>, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, Problem> + Send + 'static,
    {
        self.run(move |connection| connection.transaction(work)).await
    }

    /// Brings our own PostgreSQL back should it have died. Blocks.
    pub fn keep_database_running(&self) {
        if let Some(postgres) = &self.postgres
            && self.pool.get_timeout(std::time::Duration::from_millis(500)).is_err()
            && let Err(error) = postgres.ensure_running()
        {
            tracing::error!(%error, "PostgreSQL is down");
        }
    }

    /// Keeps the signing keys current; does something once a minute at most. Blocks.
    pub fn tend_keys(&self) {
        if !self.auth.keyring.is_due(self.now()) {
            return;
        }
        let Ok(mut connection) = self.connection() else { return };
        if let Err(error) = self.auth.keyring.tend(&mut connection, &self.master, self.now()) {
            tracing::error!(%error, "the signing keys could not be looked after");
        }
    }

    /// Warns a million card numbers ahead of their end; looks every ten minutes. Blocks.
    pub fn watch_numbers(&self) {
        let due = {
            let mut last = self.numbers_looked_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let due = last.is_none_or(|last| (self.now() - last).abs() >= NUMBERS_EVERY);
            if due {
                *last = Some(self.now());
            }
            due
        };
        if !due {
            return;
        }
        let Ok(mut connection) = self.connection() else { return };
        match numbering::numbers_left(&mut connection) {
            Ok(left) if left < numbering::NUMBERS_LOW => {
                tracing::warn!(left, "card numbers run low: unioncard cards open-programme");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the card numbers left could not be counted"),
        }
    }

    /// Ends the threads, and leaves our own PostgreSQL, which stops when nobody else uses it. The last thing a process does.
    pub fn leave(&self) {
        self.left.store(true, Ordering::Release);
        if let Some(postgres) = &self.postgres {
            postgres.leave();
        }
    }
}
