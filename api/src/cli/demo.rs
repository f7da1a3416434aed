//! `demo`: a small union, three partners and sixty days of purchases, brought in through the very code a real union
//! would use, with a login for each role.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cashback_engine::claims::drives;
use cashback_engine::days::date_in;
use cashback_engine::partners::{self, NewOutlet, NewPartner, Partner};
use cashback_engine::rules::{RuleDraft, store};
use cashback_engine::{balances, enrolments};
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use serde::Serialize;
use serde_json::json;
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;
use shared_kernel::schema::platform::installation;
use union_registry::members;
use uuid::Uuid;

use super::BoxError;
use crate::app::App;
use crate::auth::staff::NewStaff;
use crate::auth::{Role, clients, staff};
use crate::files::imports::{self, CHUNK, ImportKind, ImportRequest, rejected_beside};
use crate::files::registers;
use crate::v1::me::OFFER_VERSION;

const ORGANISATIONS: &str = include_str!("../../../tests/data/demo/organisations.csv");
const MEMBERS: &str = include_str!("../../../tests/data/demo/members.csv");

struct DemoPartner {
    code: &'static str,
    name: &'static str,
    commission_rate: &'static str,
    register: &'static str,
    /// Code, name, town.
    outlets: &'static [(&'static str, &'static str, &'static str)],
    rules: fn() -> Vec<serde_json::Value>,
}

const PARTNERS: &[DemoPartner] = &[
    DemoPartner {
        code: "market",
        name: "Супермаркет «Соседи»",
        commission_rate: "0.02",
        register: include_str!("../../../tests/data/demo/register-market.csv"),
        outlets: &[
            ("market-1", "«Соседи» на Тверской", "Москва"),
            ("market-2", "«Соседи» на Невском", "Санкт-Петербург"),
            ("market-3", "«Соседи» у вокзала", "Тверь"),
            ("market-4", "«Соседи» на Ленина", "Калуга"),
        ],
        rules: || {
            vec![
                json!({ "name": "5 % со всех покупок", "earn": { "percent": "5" }, "hold_days": 14, "life_months": 12 }),
            ]
        },
    },
    DemoPartner {
        code: "pharmacy",
        name: "Аптека «Здравник»",
        commission_rate: "0.015",
        register: include_str!("../../../tests/data/demo/register-pharmacy.csv"),
        outlets: &[
            ("pharmacy-1", "Аптека «Здравник» № 1", "Москва"),
            ("pharmacy-2", "Аптека «Здравник» № 2", "Рязань"),
            ("pharmacy-3", "Аптека «Здравник» № 3", "Тула"),
        ],
        rules: || {
            vec![
                json!({ "name": "3 % на лекарства", "earn": { "percent": "3" }, "when": { "categories": ["pharmacy"] },
                    "caps": { "per_member": { "amount": "500.00", "period": "month" } },
                    "funding": [{ "by": "partner", "share": "0.6" }, { "by": "C-000", "share": "0.4" }] }),
                json!({ "name": "1 ₽ за каждые 100 ₽", "earn": { "per": "100.00", "amount": "1.00" },
                    "stacking": "additive", "caps": { "per_purchase": "50.00" } }),
            ]
        },
    },
    DemoPartner {
        code: "books",
        name: "Книжный дом",
        commission_rate: "0.03",
        register: include_str!("../../../tests/data/demo/register-books.csv"),
        outlets: &[
            ("books-1", "Книжный дом на Арбате", "Москва"),
            ("books-2", "Книжный дом в «Пассаже»", "Казань"),
        ],
        rules: || {
            vec![
                json!({ "name": "От 1 до 5 % по сумме чека", "earn": { "ladder": [
                    { "from": "0.00", "percent": "1" }, { "from": "1000.00", "percent": "3" }, { "from": "3000.00", "percent": "5" }] } }),
                json!({ "name": "50 ₽ студентам за чек от 500 ₽", "earn": { "fixed": "50.00" }, "stacking": "additive",
                    "when": { "least_amount": "500.00", "members": { "categories": ["student"] } },
                    "caps": { "budget": "20000.00" } }),
            ]
        },
    },
];

/// How many members' logins are told.
const MEMBERS_TOLD: usize = 32;
/// How far back rules are in force, so that history is judged by them.
const RULES_SINCE: TimeDelta = TimeDelta::days(120);

#[derive(Serialize)]
struct Credentials {
    base_url: String,
    staff: Vec<StaffLogin>,
    partners: Vec<PartnerLogin>,
    members: Vec<MemberLogin>,
}

#[derive(Serialize)]
struct StaffLogin {
    role: &'static str,
    email: String,
    password: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<&'static str>,
}

#[derive(Serialize)]
struct PartnerLogin {
    code: &'static str,
    client_id: String,
    client_secret: String,
    outlets: Vec<&'static str>,
}

#[derive(Serialize)]
struct MemberLogin {
    membership_number: String,
    email: String,
}

/// Brings the demo's union in, unless it is there; tells where to look.
///
/// # Errors
/// What could not be brought in; starting again goes on from there.
pub fn prepare(app: &Arc<App>) -> Result<(), BoxError> {
    let file = app.settings.data_dir.join("demo-credentials.json");
    let mut connection = app.connection()?;
    let seeded: Option<DateTime<Utc>> =
        installation::table.select(installation::seeded_at).first(&mut *connection)?;
    if seeded.is_none() {
        diesel::update(installation::table).set(installation::kind.eq("demo")).execute(&mut *connection)?;
        app.wallets.open_demo(&app.settings, app.now())?;
        let credentials = bring_in(app, &mut connection)?;
        write_private(&file, &serde_json::to_vec_pretty(&credentials)?)?;
        diesel::update(installation::table)
            .set(installation::seeded_at.eq(app.now()))
            .execute(&mut *connection)?;
    }
    renew_address(app, &file)?;
    tell(app, &file)?;
    Ok(())
}

/// Data and logins stay; the address is the one of this start.
fn renew_address(app: &App, file: &PathBuf) -> Result<(), BoxError> {
    let mut credentials: serde_json::Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let base_url = json!(app.settings.public_url());
    if credentials.get("base_url") != Some(&base_url)
        && let Some(fields) = credentials.as_object_mut()
    {
        fields.insert("base_url".to_owned(), base_url);
        write_private(file, &serde_json::to_vec_pretty(&credentials)?)?;
    }
    Ok(())
}

fn bring_in(app: &Arc<App>, connection: &mut PgConnection) -> Result<Credentials, BoxError> {
    let folder = app.settings.data_dir.join("demo");
    crate::files::private_folder(&folder)?;
    eprintln!("bringing in organisations and members");
    import(app, &folder, ImportKind::Organisations, ORGANISATIONS)?;
    import(app, &folder, ImportKind::Members, MEMBERS)?;
    let since = app.now() - RULES_SINCE;
    cashback_engine::jobs::ensure_partitions(
        connection,
        date_in(app.zone, since),
        date_in(app.zone, app.now() + TimeDelta::days(90)),
    )?;
    enrol_everybody(connection, since)?;
    let mut partners = Vec::new();
    for demo in PARTNERS {
        eprintln!("bringing in the purchases of {}", demo.name);
        let partner = partner(app, connection, demo, since)?;
        fiscal_drives(app, connection, demo)?;
        let register = folder.join(format!("register-{}.csv", demo.code));
        std::fs::write(&register, shifted(demo.register, (app.zone, app.now()))?)?;
        let loaded = registers::load(app, demo.code, &register, ("post", true), &mut |_| {})?;
        loaded.map_err(|refusal| refusal.to_string())?;
        let client = clients::create(app, connection, partner.id)?;
        partners.push(PartnerLogin {
            code: demo.code,
            client_id: client.client_id,
            client_secret: client.client_secret,
            outlets: demo.outlets.iter().map(|(code, _, _)| *code).collect(),
        });
    }
    Ok(Credentials {
        base_url: app.settings.public_url(),
        staff: logins(app, connection)?,
        partners,
        members: members_told(app, connection)?,
    })
}

fn import(app: &App, folder: &Path, kind: ImportKind, content: &str) -> Result<(), BoxError> {
    let file = folder.join(format!("{kind}.csv"));
    std::fs::write(&file, content)?;
    let request = ImportRequest {
        kind,
        rejected: rejected_beside(&file),
        file,
        notify: false,
        within: None,
        by: "program".to_owned(),
    };
    let report = imports::run(app, &request, app.now())?;
    if report.rejected > 0 {
        Err(format!("the demo's {kind} were refused: {:?}", report.reasons).into())
    } else {
        Ok(())
    }
}

fn enrol_everybody(connection: &mut PgConnection, since: DateTime<Utc>) -> Result<(), BoxError> {
    let mut after = None;
    loop {
        let chunk = members::active_ids(connection, "C-000", after, CHUNK)?;
        let Some(last) = chunk.last().copied() else { return Ok(()) };
        enrolments::enrol_many(connection, &chunk, OFFER_VERSION, "demo", since)?;
        after = Some(last);
    }
}

fn partner(
    app: &App,
    connection: &mut PgConnection,
    demo: &DemoPartner,
    since: DateTime<Utc>,
) -> Result<Partner, BoxError> {
    if let Some(known) = partners::find(connection, demo.code)? {
        return Ok(known);
    }
    connection.transaction(|connection| {
        let new = NewPartner {
            code: demo.code.to_owned(),
            name: demo.name.to_owned(),
            commission_rate: demo.commission_rate.parse()?,
            redeem_share: "0.5".parse()?,
            redeem_least: Money::ZERO,
            fiscal_counts_points: false,
        };
        let partner = partners::create(connection, &new, app.now())?;
        for (code, name, town) in demo.outlets {
            let outlet = NewOutlet {
                code: (*code).to_owned(),
                name: (*name).to_owned(),
                town: (*town).to_owned(),
                zone: "Europe/Moscow".to_owned(),
            };
            partners::add_outlet(connection, partner.id, &outlet, app.now())?;
        }
        let (drafter, approver) = (Uuid::now_v7(), Uuid::now_v7());
        for mut rule in (demo.rules)() {
            if let Some(fields) = rule.as_object_mut() {
                fields.insert("partner".to_owned(), json!(demo.code));
            }
            let draft: RuleDraft = serde_json::from_value(rule)?;
            let version = store::create(connection, &draft, drafter, since)?;
            store::approve(connection, version.id, version.version, approver, since)?;
        }
        Ok(partner)
    })
}

/// A till in each outlet, so that receipts can be claimed: the drives are numbered 9999000000000001 and on, in the order
/// of [`PARTNERS`] and their outlets.
fn fiscal_drives(app: &App, connection: &mut PgConnection, demo: &DemoPartner) -> Result<(), BoxError> {
    let (by, now) = (Uuid::now_v7(), app.now());
    let outlets = PARTNERS.iter().flat_map(|partner| partner.outlets).zip(1u64..);
    for ((code, ..), number) in outlets.filter(|(outlet, _)| demo.outlets.contains(outlet)) {
        let drive = [format!("9999{number:012}")];
        connection.transaction(|connection| {
            drives::add(connection, &app.books, (*code, None), &drive, (by, now))
        })?;
    }
    Ok(())
}

/// A login for each role; where one is left from an interrupted start, it gets a new password.
fn logins(app: &App, connection: &mut PgConnection) -> Result<Vec<StaffLogin>, BoxError> {
    let plain =
        [Role::Administrator, Role::Finance, Role::Controller, Role::Auditor].map(|role| (role, None, None));
    let bound = [(Role::Registrar, "C-000"), (Role::Issuer, "C-000"), (Role::Chair, "P-000001")]
        .map(|(role, code)| (role, Some(code), None));
    let sellers = PARTNERS
        .iter()
        .flat_map(|partner| [Role::Cashier, Role::Manager].map(|role| (role, None, Some(partner.code))));
    plain
        .into_iter()
        .chain(bound)
        .chain(sellers)
        .map(|(role, organisation, partner)| {
            let name = partner.map_or_else(|| role.to_string(), |code| format!("{role}.{code}"));
            let email = format!("{name}@demo.example.org");
            let new = NewStaff {
                email: email.clone(),
                role,
                organisation: organisation.map(str::to_owned),
                partner: partner.map(|code| partner_id(connection, code)).transpose()?,
                outlets: Vec::new(),
                password: None,
            };
            let password = match staff::find(connection, &email)? {
                Some(login) => {
                    let password = crate::auth::password::generate();
                    staff::set_password(app, connection, login.id, &password)?;
                    password
                }
                None => staff::create(app, connection, new)?.password,
            };
            Ok(StaffLogin { role: role.as_str(), email, password, partner })
        })
        .collect()
}

fn partner_id(connection: &mut PgConnection, code: &str) -> Result<cashback_engine::PartnerId, BoxError> {
    Ok(partners::find(connection, code)?.ok_or("the demo's partner is missing")?.id)
}

/// Members with a history and without debt.
fn members_told(app: &App, connection: &mut PgConnection) -> Result<Vec<MemberLogin>, BoxError> {
    let numbers: Vec<String> = (1..=60).map(|number| format!("{number:09}")).collect();
    let mut found: Vec<(String, MemberId)> = members::ids_by_numbers(connection, &numbers)?;
    found.sort();
    let mut told = Vec::new();
    for (membership_number, id) in found {
        let balance = balances::balance(connection, &app.books, id, app.now())?.balance;
        let email = members::find(connection, id)?.person.contacts(&app.derived.sealer)?.email;
        if let (true, Some(email)) = (balance.debt.is_zero(), email) {
            told.push(MemberLogin { membership_number, email });
        }
        if told.len() == MEMBERS_TOLD {
            break;
        }
    }
    Ok(told)
}

/// A register with its days moved so that the last purchase is of today; what would still lie ahead today is drawn
/// together into the part of the day that has passed.
fn shifted(register: &str, (zone, now): (Tz, DateTime<Utc>)) -> Result<String, BoxError> {
    const TIME: &str = "occurred_at";
    let mut reader = csv::Reader::from_reader(register.as_bytes());
    let headers = reader.headers()?.clone();
    let column = headers.iter().position(|name| name == TIME).ok_or("the demo's register has no times")?;
    let rows = reader.records().collect::<Result<Vec<_>, _>>()?;
    let time = |row: &csv::StringRecord| DateTime::parse_from_rfc3339(row.get(column).unwrap_or_default());
    let last =
        rows.iter().map(time).collect::<Result<Vec<_>, _>>()?.into_iter().max().ok_or("an empty register")?;
    let today = date_in(zone, now);
    let days = today - date_in(zone, last.with_timezone(&Utc));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&headers)?;
    for row in &rows {
        let at = moved(time(row)?, days, today, now);
        writer.write_record(
            row.iter().enumerate().map(
                |(place, cell)| {
                    if place == column { at.to_rfc3339() } else { cell.to_owned() }
                },
            ),
        )?;
    }
    Ok(String::from_utf8(writer.into_inner().map_err(|error| error.to_string())?)?)
}

fn moved(
    at: DateTime<FixedOffset>,
    days: TimeDelta,
    today: NaiveDate,
    now: DateTime<Utc>,
) -> DateTime<FixedOffset> {
    let at = at + days;
    if at.date_naive() != today {
        return at;
    }
    let Some(midnight) = today.and_time(chrono::NaiveTime::MIN).and_local_timezone(*at.offset()).single()
    else {
        return at;
    };
    let passed = (now.with_timezone(at.offset()) - midnight).num_seconds();
    midnight + TimeDelta::seconds((at - midnight).num_seconds() * passed / 86_400)
}

fn write_private(path: &PathBuf, content: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension("json.new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(draft, path)
}

fn tell(app: &App, file: &Path) -> std::io::Result<()> {
    let base = app.settings.public_url();
    eprintln!(
        "\n  {base}/        member\n  {base}/till    cashier\n  {base}/office  office\n  {base}/docs    API\n"
    );
    if let Ok(text) = std::fs::read_to_string(file)
        && let Ok(credentials) = serde_json::from_str::<serde_json::Value>(&text)
    {
        let list = |name: &str| credentials.get(name).and_then(|list| list.as_array()).into_iter().flatten();
        let text = |login: &serde_json::Value, name: &str| {
            login.get(name).and_then(|text| text.as_str()).unwrap_or_default().to_owned()
        };
        for login in list("staff") {
            eprintln!(
                "  {:<14} {:<36} {}",
                text(login, "role"),
                text(login, "email"),
                text(login, "password")
            );
        }
        for member in list("members") {
            eprintln!("  {:<14} {}", "member", text(member, "email"));
        }
    }
    let mail = app.settings.data_dir.join("mail");
    eprintln!(
        "\n  sign-in codes of members come as mail: {}",
        app.settings
            .smtp_url()
            .map_or_else(|| format!("{}/*.eml", mail.display()), |_| "see your mail server".to_owned())
    );
    eprintln!("  all logins: {}\n", file.display());
    Ok(())
}
