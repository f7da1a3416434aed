//! What a letter says: its facts, and the templates of `templates/mail` that put them into words. A template's text
//! form begins with the subject's line; in the HTML form every value is escaped.

use std::sync::LazyLock;

use card_issuer::cards::{Card, CardKind};
use card_issuer::qr;
use cashback_engine::claims::Claim;
use cashback_engine::rules::Book;
use cashback_engine::texts;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use shared_kernel::money::Money;
use union_registry::members::Person;

use super::DeliveryError;
use super::queue::{Digest, Expiring};
use super::wording;
use crate::problem::Language;

/// The side of a QR picture in a letter, in pixels; shown at half of it, so that it is sharp on any screen.
const QR_SIDE: u32 = 480;

/// A letter's facts.
pub enum Letter {
    /// A code to sign in with.
    SignInCode {
        /// Six digits.
        code: String,
        /// How long it is good for.
        minutes: i64,
    },
    /// A code to join the bonus programme by, at a till.
    EnrolmentCode {
        /// Six digits.
        code: String,
        /// How long it is good for.
        minutes: i64,
    },
    /// A card was issued.
    CardIssued(CardIssued),
    /// The day's cashback.
    CashbackDigest(CashbackDigest),
    /// What became of a claim.
    ClaimDecided(ClaimDecided),
    /// Points will expire.
    ExpiryNotice(ExpiryNotice),
    /// Nothing is sent to a partner's webhook any more.
    WebhookDisabled {
        /// The address.
        url: String,
        /// The partner's name.
        partner: String,
        /// Whether the receiver asked for it; it failed for days otherwise.
        gone: bool,
    },
    /// Another address or phone to sign in with.
    ContactChanged {
        /// How the member is addressed.
        name: String,
    },
}

/// A card, for its letter.
pub struct CardIssued {
    name: String,
    number: String,
    virtual_card: bool,
    expires_on: chrono::NaiveDate,
    picture: Vec<u8>,
}

impl CardIssued {
    /// What is told of a card: its number also as a QR picture.
    ///
    /// # Errors
    /// When the picture can't be drawn.
    pub fn of(person: &Person, card: &Card) -> Result<Self, qr::QrError> {
        Ok(Self {
            name: address(person),
            number: card.number.to_string(),
            virtual_card: card.kind == CardKind::Virtual,
            expires_on: card.expires_on,
            picture: qr::png(card.number.as_str(), QR_SIDE)?,
        })
    }
}

/// A day's cashback, for its letter.
pub struct CashbackDigest {
    name: String,
    digest: Digest,
}

impl CashbackDigest {
    /// What is told of a day.
    pub fn of(person: &Person, digest: Digest) -> Self {
        Self { name: address(person), digest }
    }
}

/// A claim that ended, for its letter.
pub struct ClaimDecided {
    name: String,
    claim: Box<Claim>,
    until: DateTime<Utc>,
    zone: Tz,
    partner: Option<String>,
}

impl ClaimDecided {
    /// What is told of a claim.
    pub fn of(person: &Person, claim: Claim, book: &Book) -> Self {
        let partner = claim.place(book).map(|(_, partner)| partner.name.clone());
        let until = claim.waits_until(book.claim_days);
        Self { name: address(person), claim: Box::new(claim), until, zone: book.zone, partner }
    }
}

/// What will expire, for its letter.
pub struct ExpiryNotice {
    name: String,
    expiring: Expiring,
}

impl ExpiryNotice {
    /// What is told of points that will expire.
    pub fn of(person: &Person, expiring: Expiring) -> Self {
        Self { name: address(person), expiring }
    }
}

/// How a person is addressed: first name and patronymic.
fn address(person: &Person) -> String {
    format!("{} {}", person.first_name, person.middle_name).trim().to_owned()
}

/// A letter in words.
pub struct Words {
    /// The subject.
    pub subject: String,
    /// The plain form.
    pub text: String,
    /// The HTML form.
    pub html: String,
    /// A picture shown in the HTML form (PNG).
    pub picture: Option<Vec<u8>>,
}

/// The name under which a letter's HTML shows its picture.
pub const PICTURE: &str = "card-qr";

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../templates/mail/", $name)))),+]
    };
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in templates![
        "layout.html",
        "sign_in_code.en.html",
        "sign_in_code.en.txt",
        "sign_in_code.ru.html",
        "sign_in_code.ru.txt",
        "enrolment_code.en.html",
        "enrolment_code.en.txt",
        "enrolment_code.ru.html",
        "enrolment_code.ru.txt",
        "card_issued.en.html",
        "card_issued.en.txt",
        "card_issued.ru.html",
        "card_issued.ru.txt",
        "cashback_digest.en.html",
        "cashback_digest.en.txt",
        "cashback_digest.ru.html",
        "cashback_digest.ru.txt",
        "claim_decided.en.html",
        "claim_decided.en.txt",
        "claim_decided.ru.html",
        "claim_decided.ru.txt",
        "expiry_notice.en.html",
        "expiry_notice.en.txt",
        "expiry_notice.ru.html",
        "expiry_notice.ru.txt",
        "webhook_disabled.en.html",
        "webhook_disabled.en.txt",
        "webhook_disabled.ru.html",
        "webhook_disabled.ru.txt",
        "contact_changed.en.html",
        "contact_changed.en.txt",
        "contact_changed.ru.html",
        "contact_changed.ru.txt",
    ] {
        environment.add_template(name, source).expect("a test renders every template");
    }
    environment
});

impl Letter {
    /// What is told of another address or phone.
    pub fn contact_changed(person: &Person) -> Self {
        Self::ContactChanged { name: address(person) }
    }

    /// The letter in words; `url` is where the pages are.
    ///
    /// # Errors
    /// [`DeliveryError::Letter`]
    pub fn words(self, language: Language, url: &str) -> Result<Words, DeliveryError> {
        let tongue = match language {
            Language::Russian => "ru",
            Language::English => "en",
        };
        let name = self.template();
        let facts = self.facts(language);
        let render = |form: &str| {
            TEMPLATES
                .get_template(&format!("{name}.{tongue}.{form}"))
                .and_then(|template| template.render(context! { url, tongue, ..facts.clone() }))
                .map_err(|error| DeliveryError::Letter(error.to_string()))
        };
        let text = render("txt")?;
        let (subject, text) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(Words {
            subject: subject.trim().to_owned(),
            text: text.trim_start().to_owned(),
            html: render("html")?,
            picture: match self {
                Self::CardIssued(card) => Some(card.picture),
                _ => None,
            },
        })
    }

    fn template(&self) -> &'static str {
        match self {
            Self::SignInCode { .. } => "sign_in_code",
            Self::EnrolmentCode { .. } => "enrolment_code",
            Self::CardIssued(_) => "card_issued",
            Self::CashbackDigest(_) => "cashback_digest",
            Self::ClaimDecided(_) => "claim_decided",
            Self::ExpiryNotice(_) => "expiry_notice",
            Self::WebhookDisabled { .. } => "webhook_disabled",
            Self::ContactChanged { .. } => "contact_changed",
        }
    }

    fn facts(&self, language: Language) -> Value {
        match self {
            Self::SignInCode { code, minutes } | Self::EnrolmentCode { code, minutes } => {
                context! { code, minutes }
            }
            Self::CardIssued(card) => context! {
                name => &card.name,
                number => wording::card_number(&card.number),
                virtual_card => card.virtual_card,
                expires_on => language.engine().date(card.expires_on),
                picture => PICTURE,
            },
            Self::CashbackDigest(CashbackDigest { name, digest }) => context! {
                name,
                purchases => wording::purchases(digest.purchases, language),
                cashback => language.engine().rubles(Money::from_kopecks(digest.kopecks)),
            },
            Self::ClaimDecided(ClaimDecided { name, claim, until, zone, partner }) => context! {
                name,
                partner,
                credited => claim.purchase.is_some(),
                amount => language.engine().rubles(claim.amount),
                on => language.engine().date(claim.local_time.date()),
                words => texts::claim_text(claim, *until, language.engine(), *zone),
            },
            Self::ExpiryNotice(ExpiryNotice { name, expiring }) => {
                let rubles = |kopecks: i64| language.engine().rubles(Money::from_kopecks(kopecks));
                let days: Vec<Value> = expiring
                    .days
                    .iter()
                    .map(|(on, kopecks)| {
                        context! { on => language.engine().date(*on), amount => rubles(*kopecks) }
                    })
                    .collect();
                let total: i64 = expiring.days.iter().map(|(_, kopecks)| kopecks).sum();
                context! { name, days, total => rubles(total) }
            }
            Self::ContactChanged { name } => context! { name },
            Self::WebhookDisabled { url, partner, gone } => context! { hook => url, partner, gone },
        }
    }
}

#[cfg(test)]
mod tests {
    use cashback_engine::claims::{ClaimId, ClaimReason, ClaimStatus};

    use super::*;

    fn declined(name: &str) -> Letter {
        let at: DateTime<Utc> = "2026-11-21T10:00:00Z".parse().unwrap();
        Letter::ClaimDecided(ClaimDecided {
            name: name.to_owned(),
            claim: Box::new(Claim {
                id: ClaimId::generate(),
                member: shared_kernel::ids::MemberId::generate(),
                raw: String::new(),
                drive: "9287440300634471".to_owned(),
                document: 1,
                amount: Money::from_kopecks(125_000),
                local_time: at.naive_utc(),
                outlet: Some(1),
                occurred_at: Some(at),
                status: ClaimStatus::Declined,
                reason: Some(ClaimReason::DeclinedByPartner),
                words: Some(name.to_owned()),
                purchase: None,
                filed_at: at,
                decided_at: Some(at),
                decided_by: None,
            }),
            until: at,
            zone: chrono_tz::Europe::Moscow,
            partner: Some(name.to_owned()),
        })
    }

    fn letters() -> [Letter; 8] {
        let name = "<script>alert(1)</script> {{7*7}} О’Брайен".to_owned();
        [
            Letter::SignInCode { code: "042137".to_owned(), minutes: 10 },
            Letter::EnrolmentCode { code: "042137".to_owned(), minutes: 10 },
            Letter::CardIssued(CardIssued {
                name: name.clone(),
                number: "9643010123456789".to_owned(),
                virtual_card: true,
                expires_on: chrono::NaiveDate::from_ymd_opt(2031, 11, 21).unwrap(),
                picture: vec![1, 2, 3],
            }),
            Letter::CashbackDigest(CashbackDigest {
                name: name.clone(),
                digest: Digest { purchases: 3, kopecks: 143_783 },
            }),
            declined(&name),
            Letter::ExpiryNotice(ExpiryNotice {
                name: name.clone(),
                expiring: Expiring { days: vec![("2026-12-22".parse().unwrap(), 143_783)] },
            }),
            Letter::ContactChanged { name: name.clone() },
            Letter::WebhookDisabled { url: "https://a.example/?<b>".to_owned(), partner: name, gone: true },
        ]
    }

    #[test]
    fn every_letter_can_be_put_into_words_of_both_languages() {
        for language in [Language::Russian, Language::English] {
            for letter in letters() {
                let words = letter.words(language, "https://card.example").unwrap();
                assert!(!words.subject.is_empty() && words.subject.chars().count() < 80, "{}", words.subject);
                assert!(!words.text.is_empty());
                assert!(words.html.contains("</html>"), "{}", words.html);
                assert!(words.text.contains("https://card.example"), "{}", words.text);
            }
        }
    }

    #[test]
    fn what_people_wrote_stays_text() {
        for letter in letters().into_iter().skip(2) {
            let words = letter.words(Language::Russian, "https://card.example").unwrap();
            assert!(!words.html.contains("<script>"), "{}", words.html);
            assert!(words.html.contains("&lt;script&gt;"), "{}", words.html);
            assert!(words.html.contains("{{7*7}}"), "{}", words.html);
            assert!(words.text.contains("<script>alert(1)</script> {{7*7}}"), "{}", words.text);
        }
    }
}
