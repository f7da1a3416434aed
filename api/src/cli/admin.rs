//! Logins, API clients and the audit log from the command line. Secrets are shown once.

use std::io::Read;
use std::process::ExitCode;

use cashback_engine::EngineError;
use cashback_engine::partners::{self, NewOutlet, NewPartner, PartnerChanges};
use cashback_engine::programme;
use clap::Subcommand;
use diesel::Connection;
use diesel::pg::PgConnection;
use serde_json::json;
use shared_kernel::money::{Money, Rate};

use crate::app::App;
use crate::auth::oauth::apps::{self, NewApp};
use crate::auth::oauth::{Scope, Scopes};
use crate::auth::staff::NewStaff;
use crate::auth::{Role, clients, password, staff};

use super::BoxError;

/// Logins, partners and their API clients.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Make a login of the staff.
    CreateStaff {
        /// What they sign in with.
        #[arg(long)]
        email: String,
        /// administrator, registrar, issuer, chair, finance, controller, auditor, cashier or manager.
        #[arg(long)]
        role: Role,
        /// The organisation whose subtree the role is bound to.
        #[arg(long)]
        organisation: Option<String>,
        /// The partner of a cashier or manager.
        #[arg(long)]
        partner: Option<String>,
        /// An outlet a cashier posts for; all of the partner's unless said.
        #[arg(long)]
        outlet: Vec<String>,
        /// Read the password from standard input instead of making one.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give a login another password and end its sessions.
    SetPassword {
        /// What they sign in with.
        #[arg(long)]
        email: String,
        /// Read the password from standard input instead of making one.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Disable a login and end its sessions.
    DisableStaff {
        /// What they sign in with.
        #[arg(long)]
        email: String,
    },
    /// Revoke an API client or a wallet's: its tokens stop working within a second.
    RevokeClient {
        /// What the program signs in with.
        #[arg(long)]
        client_id: String,
    },
    /// Register another's wallet (a bank's app, an aggregator's) that may ask members for their card.
    CreateWalletApp {
        /// What members read.
        #[arg(long)]
        name: String,
        /// Where codes may be sent, letter by letter; give it again for another address.
        #[arg(long, required = true)]
        redirect_uri: Vec<String>,
        /// card, card:code or balance; give it again for another.
        #[arg(long, required = true)]
        scope: Vec<Scope>,
        /// It lives on phones and can keep no secret.
        #[arg(long)]
        public: bool,
    },
    /// Walk the audit log's chain: exit code 1 when a row was changed, removed or put elsewhere.
    VerifyAudit,
    /// Enter a partner with its outlets and an API client.
    CreatePartner {
        /// Lower-case letters, digits, hyphens and underscores.
        #[arg(long)]
        code: String,
        /// Its name.
        #[arg(long)]
        name: String,
        /// The union's commission, as a share of 1.
        #[arg(long, default_value = "0.02")]
        commission_rate: Rate,
        /// The largest share of a purchase that may be paid with points.
        #[arg(long, default_value = "0.5")]
        redeem_share: Rate,
        /// The least that may be paid with points.
        #[arg(long, default_value = "0.00")]
        redeem_least: Money,
        /// Its tills book points as a counter-provision: a fiscal receipt's sum is the whole amount.
        #[arg(long)]
        counter_provision: bool,
        /// code:name:town:zone, for example tverskaya:Tverskaya:Moscow:Europe/Moscow.
        #[arg(long)]
        outlet: Vec<String>,
    },
    /// Change a partner's settings for purchases from now on; what is left out stays.
    ChangePartner {
        /// Its code.
        #[arg(long)]
        code: String,
        /// The union's commission, as a share of 1, for what happens from now on.
        #[arg(long)]
        commission_rate: Option<Rate>,
        /// The largest share of a purchase that may be paid with points.
        #[arg(long)]
        redeem_share: Option<Rate>,
        /// The least that may be paid with points.
        #[arg(long)]
        redeem_least: Option<Money>,
        /// Whether its tills book points as a counter-provision.
        #[arg(long)]
        counter_provision: Option<bool>,
    },
    /// Set the zone whose days the programme counts, before anything is booked. A server that runs is to be restarted.
    SetZone {
        /// Such as Asia/Vladivostok.
        zone: String,
    },
}

/// Runs one of them.
///
/// # Errors
/// What can't be made, and why.
pub fn run(app: &App, command: Admin) -> Result<ExitCode, BoxError> {
    let connection = &mut *app.pool.get()?;
    let report = match command {
        Admin::CreateStaff { email, role, organisation, partner, outlet, password_stdin } => {
            let partner = partner.map(|code| partner_of(connection, &code, &outlet)).transpose()?;
            let new = NewStaff { email, role, organisation, partner, outlets: outlet, password: None };
            create_staff(app, connection, new, password_stdin)?
        }
        Admin::SetPassword { email, password_stdin } => {
            let login = login_of(connection, &email)?;
            let chosen = if password_stdin { read_password()? } else { password::generate() };
            staff::set_password(app, connection, login.id, &chosen)?;
            json!({ "id": login.id, "email": login.email, "password": chosen })
        }
        Admin::DisableStaff { email } => {
            let login = login_of(connection, &email)?;
            staff::disable(app, connection, login.id)?;
            json!({ "id": login.id, "email": login.email, "disabled": true })
        }
        Admin::RevokeClient { client_id } => {
            let revoked = revoke_client(app, connection, &client_id)?;
            json!({ "client_id": client_id, "revoked": true, "was_revoked": !revoked })
        }
        Admin::CreateWalletApp { name, redirect_uri, scope, public } => {
            let scopes = Scopes::of(scope).ok_or("a wallet needs --scope")?;
            create_wallet_app(app, connection, &NewApp { name, redirect_uris: redirect_uri, scopes, public })?
        }
        Admin::VerifyAudit => return verify_audit(app, connection),
        Admin::CreatePartner {
            code,
            name,
            commission_rate,
            redeem_share,
            redeem_least,
            counter_provision,
            outlet,
        } => {
            let outlets = outlet.iter().map(|text| outlet_of(text)).collect::<Result<Vec<_>, _>>()?;
            let partner = NewPartner {
                code,
                name,
                commission_rate,
                redeem_share,
                redeem_least,
                fiscal_counts_points: counter_provision,
            };
            create_partner(app, connection, &partner, &outlets)?
        }
        Admin::ChangePartner { code, commission_rate, redeem_share, redeem_least, counter_provision } => {
            let changes = PartnerChanges {
                commission_rate,
                redeem_share,
                redeem_least,
                fiscal_counts_points: counter_provision,
            };
            change_partner(app, connection, &code, &changes)?
        }
        Admin::SetZone { zone } => set_zone(app, connection, &zone)?,
    };
    println!("{report}");
    Ok(ExitCode::SUCCESS)
}

fn create_staff(
    app: &App,
    connection: &mut PgConnection,
    new: NewStaff,
    password_stdin: bool,
) -> Result<serde_json::Value, BoxError> {
    if matches!(new.role, Role::Registrar | Role::Issuer) && new.organisation.is_none() {
        // Bound to nothing, it could do nothing.
        return Err(format!("a login of the role {} needs --organisation", new.role).into());
    }
    let (role, password) = (new.role, password_stdin.then(read_password).transpose()?);
    let made = staff::create(app, connection, NewStaff { password, ..new })?;
    Ok(json!({ "id": made.id, "email": made.email, "role": role, "password": made.password }))
}

fn create_wallet_app(
    app: &App,
    connection: &mut PgConnection,
    new: &NewApp,
) -> Result<serde_json::Value, BoxError> {
    let made = apps::create(app, connection, new, "command line").map_err(|problem| problem.to_string())?;
    Ok(json!({
        "name": made.app.name,
        "client_id": made.app.client_id,
        "client_secret": made.client_secret,
        "redirect_uris": made.app.redirect_uris().collect::<Vec<_>>(),
        "scope": made.app.scope,
    }))
}

/// A partner's program or a wallet, whichever has this id; whether it was not revoked before.
fn revoke_client(app: &App, connection: &mut PgConnection, client_id: &str) -> Result<bool, BoxError> {
    if let Some(client) = clients::named(connection, client_id)? {
        return Ok(clients::revoke(app, connection, client)? > 0);
    }
    let wallet = apps::id_of(connection, client_id)?;
    let wallet = wallet.ok_or_else(|| format!("there is no API client {client_id}"))?;
    Ok(apps::revoke(app, connection, wallet, "command line")?.unwrap_or_default())
}

fn verify_audit(app: &App, connection: &mut PgConnection) -> Result<ExitCode, BoxError> {
    let (report, code) = match app.auth.audit.verify(connection)? {
        Ok(entries) => (json!({ "ok": true, "entries": entries }), ExitCode::SUCCESS),
        Err(broken) => (json!({ "ok": false, "broken_at": broken.id }), ExitCode::from(1)),
    };
    println!("{report}");
    Ok(code)
}

fn set_zone(app: &App, connection: &mut PgConnection, zone: &str) -> Result<serde_json::Value, BoxError> {
    connection.transaction(|connection| {
        let settings = programme::set_zone(connection, zone).map_err(|error| match error {
            EngineError::Invalid(_) => format!("{zone} is no time zone").into(),
            other => BoxError::from(other),
        })?;
        app.auth.audit.append(connection, app.now(), "command line", "settings.changed", "programme")?;
        Ok(json!({ "zone": settings.zone }))
    })
}

/// All or nothing: a partner with its outlets and an API client.
fn create_partner(
    app: &App,
    connection: &mut PgConnection,
    partner: &NewPartner,
    outlets: &[NewOutlet],
) -> Result<serde_json::Value, BoxError> {
    connection.transaction(|connection| {
        let made = partners::create(connection, partner, app.now())?;
        for outlet in outlets {
            partners::add_outlet(connection, made.id, outlet, app.now())?;
        }
        let client = clients::create(app, connection, made.id)?;
        Ok(json!({
            "code": made.code,
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "outlets": outlets.iter().map(|outlet| &outlet.code).collect::<Vec<_>>(),
        }))
    })
}

fn change_partner(
    app: &App,
    connection: &mut PgConnection,
    code: &str,
    changes: &PartnerChanges,
) -> Result<serde_json::Value, BoxError> {
    connection.transaction(|connection| {
        let now = app.now();
        let partner = partners::change(connection, code, changes, now).map_err(|error| match error {
            EngineError::Unknown(_) => format!("there is no partner {code}").into(),
            other => BoxError::from(other),
        })?;
        app.auth.audit.append(connection, now, "command line", "partner.changed", &partner.code)?;
        Ok(json!({
            "code": partner.code,
            "commission_rate": partner.commission_rate,
            "redeem_share": partner.redeem_share,
            "redeem_least": partner.redeem_least,
            "counter_provision": partner.fiscal_counts_points,
        }))
    })
}

fn partner_of(
    connection: &mut PgConnection,
    code: &str,
    outlets: &[String],
) -> Result<cashback_engine::PartnerId, BoxError> {
    let partner = partners::find(connection, code)?.ok_or_else(|| format!("there is no partner {code}"))?;
    let known = partners::outlets(connection, partner.id)?;
    match outlets.iter().find(|named| !known.iter().any(|outlet| outlet.code == **named)) {
        Some(unknown) => Err(format!("{code} has no outlet {unknown}").into()),
        None => Ok(partner.id),
    }
}

fn login_of(connection: &mut PgConnection, email: &str) -> Result<staff::Login, BoxError> {
    let normal = union_registry::contact::normalise_email(email).unwrap_or_default();
    Ok(staff::find(connection, &normal)?.ok_or_else(|| format!("there is no login {email}"))?)
}

fn outlet_of(text: &str) -> Result<NewOutlet, BoxError> {
    let mut parts = text.splitn(4, ':').map(str::to_owned);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(code), Some(name), Some(town), Some(zone)) => Ok(NewOutlet { code, name, town, zone }),
        _ => Err(format!("an outlet is code:name:town:zone, not {text}").into()),
    }
}

fn read_password() -> Result<String, BoxError> {
    /// More than the longest password, so that a longer one is refused as such.
    const BYTES_MAX: u64 = 1_024;
    let mut text = String::new();
    std::io::stdin().take(BYTES_MAX).read_to_string(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
