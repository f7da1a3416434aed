//! Which members the cashiers themselves are: their own card at their own till is watched, and they approve no claim of
//! their own. A login is the member whose e-mail address it signs in with; asked once in a while, since neither changes
//! often.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use shared_kernel::ids::MemberId;
use union_registry::members::{self, Contact};
use uuid::Uuid;

use super::Order;
use crate::app::App;
use crate::auth::staff;
use crate::problem::Problem;

/// How long an answer is kept.
const KEPT: TimeDelta = TimeDelta::minutes(10);
/// Cashiers remembered at once; beyond it everything is asked anew.
const REMEMBERED_MAX: usize = 10_000;

#[derive(Debug, Clone)]
struct Known {
    members: Vec<MemberId>,
    until: DateTime<Utc>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Sellers(Mutex<HashMap<Uuid, Known>>);

impl Sellers {
    /// Pairs of a cashier and a member who are one person, for the cashiers of these orders.
    ///
    /// # Errors
    /// The database's.
    pub fn of(
        &self,
        app: &App,
        connection: &mut PgConnection,
        orders: &[&Order],
    ) -> Result<HashSet<(Uuid, MemberId)>, Problem> {
        let cashiers: HashSet<Uuid> =
            orders.iter().filter(|order| order.asker.by_hand).map(|order| order.asker.id).collect();
        let mut pairs = HashSet::new();
        for cashier in cashiers {
            for member in self.members(app, connection, cashier)? {
                pairs.insert((cashier, member));
            }
        }
        Ok(pairs)
    }

    /// Whether a cashier is this member.
    ///
    /// # Errors
    /// The database's.
    pub fn is(
        &self,
        app: &App,
        connection: &mut PgConnection,
        (cashier, member): (Uuid, MemberId),
    ) -> Result<bool, Problem> {
        Ok(self.members(app, connection, cashier)?.contains(&member))
    }

    fn members(
        &self,
        app: &App,
        connection: &mut PgConnection,
        cashier: Uuid,
    ) -> Result<Vec<MemberId>, Problem> {
        let now = app.now();
        if let Ok(known) = self.0.lock()
            && let Some(known) = known.get(&cashier).filter(|known| known.until > now)
        {
            return Ok(known.members.clone());
        }
        let email = staff::email(connection, cashier)?;
        let found = members::by_contact(connection, &app.derived.sealer, Contact::Email(&email))?;
        let members: Vec<MemberId> = found.into_iter().map(|member| member.person.id).collect();
        if let Ok(mut known) = self.0.lock() {
            if known.len() >= REMEMBERED_MAX {
                known.clear();
            }
            known.insert(cashier, Known { members: members.clone(), until: now + KEPT });
        }
        Ok(members)
    }
}
