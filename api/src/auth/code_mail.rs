//! How a sign-in code reaches its member.

use std::sync::Arc;

use uuid::Uuid;

use super::members::Address;
use crate::app::App;
use crate::problem::{Language, Problem};

/// Sends the code.
///
/// # Errors
/// When it can't be handed over.
pub async fn send(app: &Arc<App>, to: &Address, code: &str, language: Language) -> Result<(), Problem> {
    let (folder, name, text) = match to {
        Address::Email(to) => {
            ("mail", "eml", format!("To: {to}\r\nSubject: {code}\r\n\r\n{}\r\n", body(code, language)))
        }
        Address::Phone(to) => ("sms", "txt", format!("{to}\n{}\n", body(code, language))),
    };
    let folder = app.settings.data_dir.join(folder);
    actix_web::web::block(move || {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{}.{name}", Uuid::now_v7())), text)
    })
    .await
    .map_err(|error| Problem::internal(&error))?
    .map_err(|error| Problem::internal(&error))
}

fn body(code: &str, language: Language) -> String {
    match language {
        Language::Russian => format!("Код для входа: {code}. Действует 10 минут."),
        Language::English => format!("Your sign-in code: {code}. It is good for 10 minutes."),
    }
}
