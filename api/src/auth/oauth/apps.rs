//! The apps an administrator has registered: a name the member reads, the exact addresses codes may be sent to, what it
//! may ask for at most, and a secret unless it lives on phones.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use reqwest::Url;
use shared_kernel::schema::platform::oauth_apps;
use uuid::Uuid;

use super::Scopes;
use crate::app::App;
use crate::auth::secrets;
use crate::problem::Problem;

/// Addresses an app may have.
pub const REDIRECTS_MAX: usize = 10;
/// No longer address is taken.
const REDIRECT_BYTES_MAX: usize = 512;
/// No longer name is taken.
const NAME_CHARS_MAX: usize = 64;
/// Apps there may be; far more than there are banks.
pub const APPS_MAX: i64 = 1_000;

/// An app.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = oauth_apps)]
pub struct WalletApp {
    /// The row.
    pub id: Uuid,
    /// What it signs in with.
    pub client_id: String,
    secret_hash: Option<Vec<u8>>,
    /// What the member reads.
    pub name: String,
    redirect_uris: Vec<Option<String>>,
    /// What it may ask for at most.
    pub scope: Scopes,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// Since when it may do nothing.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl WalletApp {
    /// The addresses codes may be sent to.
    pub fn redirect_uris(&self) -> impl Iterator<Item = &str> {
        self.redirect_uris.iter().flatten().map(String::as_str)
    }

    /// Whether codes may be sent to an address: to one of those registered, and to a registered one of the phone itself at
    /// any port, since an app takes whichever is free (RFC 8252 §7.3).
    pub fn takes(&self, asked: &str) -> bool {
        self.redirect_uris().any(|own| own == asked || same_but_for_the_port(own, asked))
    }

    /// Whether it keeps no secret.
    pub fn is_public(&self) -> bool {
        self.secret_hash.is_none()
    }
}

/// An app to register.
#[derive(Debug, Clone)]
pub struct NewApp {
    /// What the member reads.
    pub name: String,
    /// The addresses codes may be sent to.
    pub redirect_uris: Vec<String>,
    /// What it may ask for at most.
    pub scopes: Scopes,
    /// Whether it lives where no secret can be kept.
    pub public: bool,
}

/// What to change of an app; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct AppChanges {
    /// See [`NewApp::name`].
    pub name: Option<String>,
    /// See [`NewApp::redirect_uris`].
    pub redirect_uris: Option<Vec<String>>,
    /// See [`NewApp::scopes`]: what is no longer among them is closed at once, also where members allowed it.
    pub scopes: Option<Scopes>,
}

/// An app just registered.
#[derive(Debug, Clone)]
pub struct Created {
    /// The app.
    pub app: WalletApp,
    /// The secret, told once; a public app has none.
    pub client_secret: Option<String>,
}

impl NewApp {
    fn check(&self) -> Result<(), Problem> {
        let visible = |c: char| {
            !c.is_control()
                && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        };
        let name = &self.name;
        if name.is_empty()
            || name.trim() != name
            || name.chars().count() > NAME_CHARS_MAX
            || !name.chars().all(visible)
        {
            return Err(Problem::invalid_field(
                "#/name",
                "is a text of 1 to 64 visible characters",
                "это текст из 1–64 видимых знаков",
            ));
        }
        if self.redirect_uris.is_empty() || self.redirect_uris.len() > REDIRECTS_MAX {
            return Err(Problem::invalid_field(
                "#/redirect_uris",
                "are 1 to 10 addresses",
                "это от 1 до 10 адресов",
            ));
        }
        for (place, text) in self.redirect_uris.iter().enumerate() {
            if !may_redirect(text, self.public)
                || self.redirect_uris.iter().take(place).any(|earlier| earlier == text)
            {
                return Err(Problem::invalid_field(
                    format!("#/redirect_uris/{place}"),
                    "is a whole https address without a fragment (a public app's may be its own scheme with a dot in it, \
                     or http on 127.0.0.1 or [::1]), once",
                    "это полный адрес https без фрагмента (у приложения без секрета — и своя схема с точкой, и http на \
                     127.0.0.1 или [::1]), один раз",
                ));
            }
        }
        Ok(())
    }
}

/// Whether codes may be sent there: to an https address, or, for an app on a phone (RFC 8252), to a scheme of its own
/// or to a port of the phone itself.
fn may_redirect(text: &str, public: bool) -> bool {
    let plain = text.len() <= REDIRECT_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    let Ok(url) = Url::parse(text) else { return false };
    if !plain
        || url.fragment().is_some()
        || text.contains('#')
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return false;
    }
    match url.scheme() {
        "https" => url.host_str().is_some_and(|host| !host.is_empty()),
        "http" => public && matches!(url.host_str(), Some("127.0.0.1" | "[::1]")),
        // A scheme made of a domain's name is somebody's own; `javascript:` and `data:` have no dot.
        scheme => public && scheme.contains('.') && !url.path().is_empty(),
    }
}

/// Whether both are addresses of the phone itself that differ in nothing but the port.
fn same_but_for_the_port(own: &str, asked: &str) -> bool {
    let of_the_phone = |text: &str| {
        let mut url = Url::parse(text).ok().filter(|url| url.scheme() == "http")?;
        url.set_port(None).ok()?;
        may_redirect(text, true).then_some(url)
    };
    of_the_phone(own).is_some_and(|own| of_the_phone(asked) == Some(own))
}

/// Registers an app.
///
/// # Errors
/// 422 at the field that is wrong; 409 when there are too many.
pub fn create(app: &App, connection: &mut PgConnection, new: &NewApp, by: &str) -> Result<Created, Problem> {
    new.check()?;
    if oauth_apps::table.count().get_result::<i64>(connection)? >= APPS_MAX {
        return Err(Problem::conflict(
            "too-many-apps",
            "There are too many apps",
            "Приложений слишком много",
        ));
    }
    let secret = (!new.public).then(secrets::random_token);
    let (id, now) = (Uuid::now_v7(), app.now());
    let made: WalletApp = diesel::insert_into(oauth_apps::table)
        .values((
            oauth_apps::id.eq(id),
            oauth_apps::client_id.eq(format!("wallet-{}", Uuid::new_v4().simple())),
            oauth_apps::secret_hash
                .eq(secret.as_ref().map(|secret| secrets::hash(secret.as_bytes()).to_vec())),
            oauth_apps::name.eq(&new.name),
            oauth_apps::redirect_uris.eq(&new.redirect_uris),
            oauth_apps::scope.eq(&new.scopes),
            oauth_apps::created_at.eq(now),
        ))
        .returning(WalletApp::as_returning())
        .get_result(connection)?;
    app.auth.audit.append(connection, now, by, "wallet-app.created", &id.to_string())?;
    Ok(Created { app: made, client_secret: secret })
}

/// An app that isn't revoked, locked.
///
/// # Errors
/// 404; 409 when it is revoked.
pub fn living(connection: &mut PgConnection, id: Uuid) -> Result<WalletApp, Problem> {
    let app: WalletApp = oauth_apps::table
        .find(id)
        .select(WalletApp::as_select())
        .for_no_key_update()
        .first(connection)
        .optional()?
        .ok_or_else(Problem::not_found)?;
    match app.revoked_at {
        None => Ok(app),
        Some(_) => {
            Err(Problem::conflict("app-revoked", "The app has been switched off", "Приложение отключено"))
        }
    }
}

/// Changes an app.
///
/// # Errors
/// 404; 409 when it is revoked; 422 at the field that is wrong.
pub fn change(
    app: &App,
    connection: &mut PgConnection,
    (before, changes): (WalletApp, AppChanges),
    by: &str,
) -> Result<WalletApp, Problem> {
    let id = before.id;
    let after = NewApp {
        redirect_uris: changes
            .redirect_uris
            .unwrap_or_else(|| before.redirect_uris().map(str::to_owned).collect()),
        public: before.is_public(),
        name: changes.name.unwrap_or(before.name),
        scopes: changes.scopes.unwrap_or(before.scope),
    };
    after.check()?;
    let changed = diesel::update(oauth_apps::table.find(id))
        .set((
            oauth_apps::name.eq(&after.name),
            oauth_apps::redirect_uris.eq(&after.redirect_uris),
            oauth_apps::scope.eq(&after.scopes),
        ))
        .returning(WalletApp::as_returning())
        .get_result(connection)?;
    app.auth.audit.append(connection, app.now(), by, "wallet-app.changed", &id.to_string())?;
    Ok(changed)
}

/// Gives an app another secret; the one before is nothing from now on, its connections go on.
///
/// # Errors
/// 404; 409 when it is revoked, or lives where no secret can be kept.
pub fn renew_secret(
    app: &App,
    connection: &mut PgConnection,
    before: &WalletApp,
    by: &str,
) -> Result<Created, Problem> {
    if before.is_public() {
        return Err(Problem::conflict(
            "app-public",
            "A public app has no secret",
            "У публичного приложения нет секрета",
        ));
    }
    let secret = secrets::random_token();
    let renewed = diesel::update(oauth_apps::table.find(before.id))
        .set(oauth_apps::secret_hash.eq(secrets::hash(secret.as_bytes()).to_vec()))
        .returning(WalletApp::as_returning())
        .get_result(connection)?;
    app.auth.audit.append(connection, app.now(), by, "wallet-app.secret-renewed", &before.id.to_string())?;
    Ok(Created { app: renewed, client_secret: Some(secret) })
}

/// The app a program says it is, unless it is revoked.
///
/// # Errors
/// The database's.
pub fn named(connection: &mut PgConnection, client_id: &str) -> QueryResult<Option<WalletApp>> {
    oauth_apps::table
        .filter(oauth_apps::client_id.eq(client_id))
        .filter(oauth_apps::revoked_at.is_null())
        .select(WalletApp::as_select())
        .first(connection)
        .optional()
}

/// The app with this id and secret, unless it is revoked; a public app comes with none.
///
/// # Errors
/// The database's.
pub fn authenticate(
    connection: &mut PgConnection,
    client_id: &str,
    secret: Option<&str>,
) -> QueryResult<Option<WalletApp>> {
    let found = named(connection, client_id)?;
    Ok(found.filter(|app| match (&app.secret_hash, secret) {
        (Some(hash), Some(secret)) => secrets::same(hash, &secrets::hash(secret.as_bytes())),
        (None, None) => true,
        _ => false,
    }))
}

/// All of them, the newest first, the revoked included.
///
/// # Errors
/// The database's.
pub fn all(connection: &mut PgConnection) -> QueryResult<Vec<WalletApp>> {
    oauth_apps::table.order(oauth_apps::id.desc()).select(WalletApp::as_select()).load(connection)
}

/// Revokes an app: its tokens are refused from now on. `None` when there is no such app, `false` when it was revoked.
///
/// # Errors
/// The database's.
pub fn revoke(app: &App, connection: &mut PgConnection, id: Uuid, by: &str) -> QueryResult<Option<bool>> {
    let now = app.now();
    let revoked = diesel::update(oauth_apps::table.find(id).filter(oauth_apps::revoked_at.is_null()))
        .set(oauth_apps::revoked_at.eq(now))
        .execute(connection)?;
    if revoked == 0 {
        let known =
            diesel::select(diesel::dsl::exists(oauth_apps::table.find(id))).get_result::<bool>(connection)?;
        return Ok(known.then_some(false));
    }
    app.auth.audit.append(connection, now, by, "wallet-app.revoked", &id.to_string())?;
    Ok(Some(true))
}

/// The id of an app by what it signs in with, revoked or not.
///
/// # Errors
/// The database's.
pub fn id_of(connection: &mut PgConnection, client_id: &str) -> QueryResult<Option<Uuid>> {
    oauth_apps::table
        .filter(oauth_apps::client_id.eq(client_id))
        .select(oauth_apps::id)
        .first(connection)
        .optional()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_the_phone_is_whichever_is_free() {
        let own = "http://127.0.0.1:7000/cb?a=1";
        for asked in ["http://127.0.0.1:51004/cb?a=1", "http://127.0.0.1/cb?a=1"] {
            assert!(same_but_for_the_port(own, asked), "{asked}");
        }
        for asked in [
            "http://127.0.0.1:51004/other",
            "http://[::1]:7000/cb?a=1",
            "http://127.0.0.2:7000/cb?a=1",
            "http://localhost:7000/cb?a=1",
            "https://127.0.0.1:7000/cb?a=1",
            "http://user@127.0.0.1:7000/cb?a=1",
            "http://127.0.0.1:7000/cb?a=1#x",
        ] {
            assert!(!same_but_for_the_port(own, asked), "{asked}");
        }
        assert!(!same_but_for_the_port("https://bank.example/cb", "https://bank.example:8443/cb"));
    }

    #[test]
    fn where_codes_may_be_sent() {
        for (text, confidential, public) in [
            ("https://bank.example/cb", true, true),
            ("https://bank.example/cb?a=1", true, true),
            ("https://bank.example:8443/", true, true),
            ("http://bank.example/cb", false, false),
            ("http://127.0.0.1:7000/cb", false, true),
            ("http://[::1]/cb", false, true),
            ("http://localhost/cb", false, false),
            ("com.bank.app:/cb", false, true),
            ("myapp:/cb", false, false),
            ("javascript:alert(1)", false, false),
            ("java.script:", false, false),
            ("data:text/html,x", false, false),
            ("https://bank.example/cb#part", false, false),
            ("https://bank.example/cb#", false, false),
            ("https://user:word@bank.example/cb", false, false),
            ("https://bank.example/a b", false, false),
            ("https://банк.рф/", false, false),
            ("/cb", false, false),
            ("", false, false),
        ] {
            assert_eq!(may_redirect(text, false), confidential, "{text}");
            assert_eq!(may_redirect(text, true), public, "{text}, public");
        }
        let long = format!("https://bank.example/{}", "a".repeat(600));
        assert!(!may_redirect(&long, false));
    }
}
