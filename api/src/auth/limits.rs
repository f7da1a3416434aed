//! How often what may be asked. Limits count in the cache (shared between processes with Redis, else in this one) under
//! keyed hashes, never addresses.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use actix_web::HttpRequest;

use super::attempts::Account;
use super::{peer, secrets};
use crate::app::App;
use crate::cache::Limit;
use crate::problem::{Problem, Quota};

/// Sign-ins from an address or for an account.
const SIGN_INS: Limit = Limit { name: "sign-in", times: 30, window: Duration::from_secs(60) };
/// Codes asked for from an address and for an account; signing in with one counts apart.
const CODES: Limit = Limit { name: "code", times: 30, window: Duration::from_secs(60) };
/// Programs' wrong secrets from an address.
const WRONG_SECRETS: Limit = Limit { name: "wrong-secret", times: 60, window: Duration::from_secs(60) };

/// Complaints of devices with passes from an address.
const DEVICE_LOGS: Limit = Limit { name: "device-log", times: 60, window: Duration::from_secs(60) };

/// Counts a device's complaint from this request's address.
///
/// # Errors
/// 429
pub async fn device_log_from(app: &Arc<App>, request: &HttpRequest) -> Result<(), Problem> {
    let network = peer::network(peer::address(request, &app.auth.trusted_proxies));
    count(app, DEVICE_LOGS, &[b"network", &network]).await
}

/// Counts a sign-in from this request's address.
///
/// # Errors
/// 429
pub async fn sign_in_from(app: &Arc<App>, request: &HttpRequest) -> Result<(), Problem> {
    let network = peer::network(peer::address(request, &app.auth.trusted_proxies));
    count(app, SIGN_INS, &[b"network", &network]).await
}

/// Counts a sign-in for this account.
///
/// # Errors
/// 429
pub async fn sign_in_for(app: &Arc<App>, account: &Account) -> Result<(), Problem> {
    count(app, SIGN_INS, &[b"account", account]).await
}

/// Counts a code asked for from this request's address.
///
/// # Errors
/// 429
pub async fn code_from(app: &Arc<App>, request: &HttpRequest) -> Result<(), Problem> {
    let network = peer::network(peer::address(request, &app.auth.trusted_proxies));
    count(app, CODES, &[b"network", &network]).await
}

/// Counts a code sent to this account's address.
///
/// # Errors
/// 429
pub async fn code_for(app: &Arc<App>, account: &Account) -> Result<(), Problem> {
    count(app, CODES, &[b"account", account]).await
}

/// Counts a program's wrong secret from this request's address.
///
/// # Errors
/// 429
pub async fn wrong_secret_from(app: &Arc<App>, request: &HttpRequest) -> Result<(), Problem> {
    let network = peer::network(peer::address(request, &app.auth.trusted_proxies));
    count(app, WRONG_SECRETS, &[b"network", &network]).await
}

async fn count(app: &Arc<App>, limit: Limit, parts: &[&[u8]]) -> Result<(), Problem> {
    let subject = subject(app, parts);
    refuse_over(limit, app.cache.count(limit, &subject, app.now()).await, app)
}

fn subject(app: &App, parts: &[&[u8]]) -> String {
    secrets::keyed_hash(&app.auth.limit_key, parts)
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn refuse_over(limit: Limit, counted: u64, app: &App) -> Result<(), Problem> {
    if counted <= limit.times {
        return Ok(());
    }
    let quota = Quota { name: limit.name, times: limit.times, window_seconds: limit.window.as_secs() };
    Err(Problem::too_many(quota, limit.seconds_left(app.now())))
}

/// Requests of each client in the running second, in this process alone: twenty thousand a second ask nobody else.
#[derive(Default)]
pub struct ClientRequests(Mutex<(i64, std::collections::HashMap<uuid::Uuid, u32>)>);

impl ClientRequests {
    /// Counts a client's request.
    ///
    /// # Errors
    /// 429 beyond `times_max` in this second.
    pub fn count(&self, client: uuid::Uuid, second: i64, times_max: u32) -> Result<(), Problem> {
        let mut running = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if running.0 != second {
            *running = (second, std::collections::HashMap::new());
        }
        let times = running.1.entry(client).or_default();
        *times = times.saturating_add(1);
        if *times > times_max {
            let quota = Quota { name: "requests", times: u64::from(times_max), window_seconds: 1 };
            return Err(Problem::too_many(quota, 1));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_client_is_limited_by_the_second_and_alone() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let requests = ClientRequests::default();
        assert!((0..200).all(|_| requests.count(one, 7, 200).is_ok()));
        assert!(requests.count(one, 7, 200).is_err());
        assert!(requests.count(other, 7, 200).is_ok());
        assert!(requests.count(one, 8, 200).is_ok());
    }
}
