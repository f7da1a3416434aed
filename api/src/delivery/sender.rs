//! Sends the letters of the queue. What a letter says is looked up when it is sent: the address, the name and the wish
//! to get it are those of that moment. Whoever was merged into another since gets none: the other does. Only the word that
//! there is a new address to sign in with goes to where the record itself could be reached.

use std::sync::{Arc, Weak};
use std::time::Duration;

use card_issuer::cards::{self, Standing};
use cashback_engine::claims::{self, ClaimFilter};
use cashback_engine::partners;
use diesel::pg::PgConnection;
use shared_kernel::ids::MemberId;
use union_registry::members::{self, Person};
use union_registry::{MemberStatus, RegistryError};
use uuid::Uuid;

use super::letters::{CardIssued, CashbackDigest, ClaimDecided, ExpiryNotice, Letter};
use super::preferences;
use super::queue::{
    self, DecidedClaim, Digest, DisabledWebhook, Expiring, FormerContacts, IssuedCard, Kind, Taken,
};
use super::webhooks::endpoints;
use super::{DeliveryError, mail::Mail, wording};
use crate::app::App;
use crate::auth::{contacts, staff};
use crate::problem::Language;

/// How often the queue is looked at when nobody rings.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Sends until the program ends.
pub(super) fn run(app: &Weak<App>) {
    while let Some(app) = App::going(app) {
        match send_due(&app) {
            Ok(taken) if taken > 0 => {}
            Ok(_) => app.delivery.letters.wait(LOOK_EVERY),
            Err(error) => {
                tracing::warn!(%error, "letters wait");
                drop(app);
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }
}

/// Why a letter wasn't sent.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    Pool(#[from] diesel::r2d2::PoolError),
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Card(#[from] card_issuer::CardError),
    #[error(transparent)]
    Picture(#[from] card_issuer::qr::QrError),
    #[error("the letter's payload: {0}")]
    Payload(#[from] serde_json::Error),
    #[error(transparent)]
    Seal(#[from] union_registry::sealing::SealError),
}

impl SendError {
    /// The kind of failure, without anybody's words or data, and whether it is for good.
    fn kind(&self) -> (&'static str, bool) {
        match self {
            Self::Delivery(DeliveryError::Later(what)) => (what, false),
            Self::Delivery(DeliveryError::Refused(what)) => (what, true),
            Self::Delivery(DeliveryError::Address) => ("the address", true),
            Self::Delivery(_) => ("the letter or its way out", false),
            Self::Pool(_) | Self::Database(_) => ("the database", false),
            Self::Registry(_) | Self::Card(_) | Self::Seal(_) => ("the member or the card", true),
            Self::Picture(_) | Self::Payload(_) => ("the letter's content", true),
        }
    }
}

/// Sends what is due, a bounded number of letters; how many were taken.
fn send_due(app: &Arc<App>) -> Result<usize, SendError> {
    let mut connection = app.pool.get()?;
    let taken = queue::take(&mut connection, app.now())?;
    for letter in &taken {
        match send(app, &mut connection, letter) {
            Ok(()) => queue::done(&mut connection, letter)?,
            Err(error) => {
                let kind = error.kind();
                tracing::warn!(
                    letter = letter.id,
                    failure = kind.0,
                    for_good = kind.1,
                    "a letter was not sent"
                );
                queue::failed(&mut connection, letter, kind, app.now())?;
            }
        }
    }
    Ok(taken.len())
}

/// Sends one letter, unless nobody is to get it any more.
fn send(app: &Arc<App>, connection: &mut PgConnection, taken: &Taken) -> Result<(), SendError> {
    match (taken.member_id, taken.staff_id) {
        (Some(member), _) if taken.letter == Kind::ContactChanged => {
            to_former(app, connection, member, taken)
        }
        (Some(member), _) => to_member(app, connection, member, taken),
        (None, Some(login)) => to_staff(app, connection, login, taken),
        (None, None) => Ok(()),
    }
}

/// Who reads a member's letter: since a merger the survivor, to whom all that it may tell belongs.
fn reader(connection: &mut PgConnection, member: MemberId) -> Result<Person, RegistryError> {
    let person = members::find(connection, member)?.person;
    match person.merged_into {
        Some(survivor) => Ok(members::find(connection, survivor)?.person),
        None => Ok(person),
    }
}

fn to_member(
    app: &Arc<App>,
    connection: &mut PgConnection,
    member: MemberId,
    taken: &Taken,
) -> Result<(), SendError> {
    let person = reader(connection, member)?;
    let member = person.id;
    let Some(to) = person.contacts(&app.derived.sealer)?.email else { return Ok(()) };
    let wishes = preferences::load(connection, member)?;
    // Who left can still withdraw what is about to expire.
    if person.status == MemberStatus::Left && taken.letter != Kind::ExpiryNotice {
        return Ok(());
    }
    let letter = match taken.letter {
        Kind::CardIssued => {
            let IssuedCard { card_id } = serde_json::from_value(taken.payload.clone())?;
            let card = cards::find(connection, card_id)?;
            if card.standing_at(app.now()) != Standing::Valid {
                return Ok(());
            }
            Letter::CardIssued(CardIssued::of(&person, &card)?)
        }
        Kind::CashbackDigest if !wishes.daily_digest => return Ok(()),
        Kind::CashbackDigest => {
            let digest: Digest = serde_json::from_value(taken.payload.clone())?;
            Letter::CashbackDigest(CashbackDigest::of(&person, digest))
        }
        Kind::ClaimDecided => {
            let DecidedClaim { claim_id } = serde_json::from_value(taken.payload.clone())?;
            let filter = ClaimFilter { member: Some(member), ..ClaimFilter::default() };
            let Some(claim) = claims::claim(connection, claim_id, &filter)? else { return Ok(()) };
            let book = app.books.current(connection)?;
            Letter::ClaimDecided(ClaimDecided::of(&person, claim, &book))
        }
        Kind::ExpiryNotice if !wishes.expiry_notices => return Ok(()),
        Kind::ExpiryNotice => {
            let expiring: Expiring = serde_json::from_value(taken.payload.clone())?;
            Letter::ExpiryNotice(ExpiryNotice::of(&person, expiring))
        }
        Kind::WebhookDisabled | Kind::ContactChanged => return Ok(()),
    };
    Ok(app.delivery.mail.send(Mail { to: &to, language: wishes.language.into(), letter })?)
}

/// Tells a member at the old address, or by the old phone, that there is another one to sign in with.
fn to_former(
    app: &Arc<App>,
    connection: &mut PgConnection,
    member: MemberId,
    taken: &Taken,
) -> Result<(), SendError> {
    let former: FormerContacts = serde_json::from_value(taken.payload.clone())?;
    let former = contacts::former(app, member, &former)?;
    let person = members::find(connection, member)?.person;
    let language: Language = preferences::load(connection, member)?.language.into();
    if let Some(to) = former.email {
        let letter = Letter::contact_changed(&person);
        app.delivery.mail.send(Mail { to: &to, language, letter })?;
    } else if let Some(to) = former.phone {
        app.delivery.sms.send(&to, wording::contact_changed(language))?;
    }
    Ok(())
}

/// Tells a manager that nothing is sent to a webhook any more, unless that was put right meanwhile.
fn to_staff(
    app: &Arc<App>,
    connection: &mut PgConnection,
    login: Uuid,
    taken: &Taken,
) -> Result<(), SendError> {
    let DisabledWebhook { webhook_id } = serde_json::from_value(taken.payload.clone())?;
    let disabled = endpoints::by_id(connection, webhook_id)?;
    let Some((endpoint, why)) = disabled.and_then(|one| one.disabled_why.map(|why| (one, why))) else {
        return Ok(());
    };
    let partner = partners::by_id(connection, endpoint.partner_id)?;
    let letter = Letter::WebhookDisabled {
        url: endpoint.url,
        partner: partner.map(|partner| partner.name).unwrap_or_default(),
        gone: why == endpoints::DisabledWhy::Gone,
    };
    let to = staff::email(connection, login)?;
    Ok(app.delivery.mail.send(Mail { to: &to, language: Language::Russian, letter })?)
}
