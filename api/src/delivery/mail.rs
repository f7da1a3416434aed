//! A letter's way out: SMTP, or files `DATA_DIR/mail/*.eml`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message, SmtpTransport, Transport};

use super::letters::{Letter, PICTURE, Words};
use super::{DeliveryError, files};
use crate::app::App;
use crate::config::Settings;
use crate::problem::{Language, Problem};

/// No exchange with the mail server takes longer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A letter to one person.
pub struct Mail<'a> {
    /// The address.
    pub to: &'a str,
    /// The reader's language.
    pub language: Language,
    /// What it says.
    pub letter: Letter,
}

/// The way mail goes.
pub struct Mailer {
    from: Mailbox,
    url: String,
    way: Way,
}

enum Way {
    Smtp(Box<SmtpTransport>),
    Files(PathBuf),
}

/// Sends a letter at once; it is stored nowhere. For letters that wait, put an event into the outbox.
///
/// # Errors
/// 503 when it can't be handed over now.
pub async fn send(app: &Arc<App>, to: &str, language: Language, letter: Letter) -> Result<(), Problem> {
    let (app, to) = (Arc::clone(app), to.to_owned());
    actix_web::web::block(move || app.delivery.mail.send(Mail { to: &to, language, letter }))
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| {
            tracing::warn!(%error, "a letter was not sent");
            Problem::unavailable()
        })
}

impl Mailer {
    /// Opens the way the settings name; the mail server need not be there yet.
    ///
    /// # Errors
    /// [`DeliveryError::Setting`]
    pub(super) fn open(settings: &Settings) -> Result<Self, DeliveryError> {
        let wrong = |name, reason: String| DeliveryError::Setting { name, reason };
        let from = settings
            .mail_from
            .parse()
            .map_err(|_| wrong("mail_from", "must be like \"Union card <card@union.example>\"".into()))?;
        let way = match settings.smtp_url() {
            None => Way::Files(settings.data_dir.join("mail")),
            // The parser's words may repeat the password.
            Some(url) => SmtpTransport::from_url(url)
                .map(|builder| Way::Smtp(Box::new(builder.timeout(Some(TIMEOUT)).build())))
                .map_err(|_| {
                    wrong("smtp_url", "must be like smtp://user:password@host:587?tls=required".into())
                })?,
        };
        Ok(Self { from, url: settings.public_url(), way })
    }

    /// Sends a letter. Blocks.
    ///
    /// # Errors
    /// [`DeliveryError`]
    pub(super) fn send(&self, mail: Mail<'_>) -> Result<(), DeliveryError> {
        let message = self.message(mail)?;
        match &self.way {
            Way::Files(folder) => Ok(files::put(folder, "eml", &message.formatted())?),
            Way::Smtp(server) => match server.send(&message) {
                Ok(_) => Ok(()),
                Err(error) if error.is_permanent() => Err(DeliveryError::Refused("the mail server")),
                Err(_) => Err(DeliveryError::Later("the mail server")),
            },
        }
    }

    fn message(&self, mail: Mail<'_>) -> Result<Message, DeliveryError> {
        let to: Address = mail.to.parse().map_err(|_| DeliveryError::Address)?;
        let Words { subject, text, html, picture } = mail.letter.words(mail.language, &self.url)?;
        let shown = match picture {
            None => MultiPart::alternative()
                .singlepart(readable(ContentType::TEXT_PLAIN, text)?)
                .singlepart(readable(ContentType::TEXT_HTML, html)?),
            Some(picture) => {
                let png = ContentType::parse("image/png")
                    .map_err(|error| DeliveryError::Letter(error.to_string()))?;
                MultiPart::alternative().singlepart(readable(ContentType::TEXT_PLAIN, text)?).multipart(
                    MultiPart::related()
                        .singlepart(readable(ContentType::TEXT_HTML, html)?)
                        .singlepart(Attachment::new_inline(PICTURE.to_owned()).body(picture, png)),
                )
            }
        };
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .message_id(None)
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".into(),
            ))
            .multipart(shown)
            .map_err(|error| DeliveryError::Letter(error.to_string()))
    }
}

/// A part that stays readable as it travels: digits and Latin letters as they are.
fn readable(kind: ContentType, text: String) -> Result<SinglePart, DeliveryError> {
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| DeliveryError::Letter("quoted-printable takes any text".into()))?;
    Ok(SinglePart::builder().header(kind).body(body))
}
