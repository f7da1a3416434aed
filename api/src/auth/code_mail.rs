//! How a sign-in code reaches its member.

use std::sync::Arc;

use super::members::Address;
use crate::app::App;
use crate::delivery::letters::Letter;
use crate::delivery::{mail, sms};
use crate::problem::{Language, Problem};

/// How long a code is good for, as its letter says.
const MINUTES: i64 = 10;

/// Sends the code.
///
/// # Errors
/// 503 when it can't be handed over now.
pub async fn send(app: &Arc<App>, to: &Address, code: &str, language: Language) -> Result<(), Problem> {
    match to {
        Address::Email(to) => {
            let letter = Letter::SignInCode { code: code.to_owned(), minutes: MINUTES };
            mail::send(app, to, language, letter).await
        }
        Address::Phone(to) => {
            let text = match language {
                Language::Russian => format!("Код для входа: {code}. Действует {MINUTES} минут."),
                Language::English => format!("Your sign-in code: {code}. It is good for {MINUTES} minutes."),
            };
            sms::send(app, to, text).await
        }
    }
}
