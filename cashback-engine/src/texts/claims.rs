//! How a claim stands and why it ended, in words for its member.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::Language;
use crate::claims::{Claim, ClaimReason, ClaimStatus};
use crate::days::date_in;

/// How a claim stands, and why, in a sentence; `until` is when an open one ends by itself.
pub fn claim_text(claim: &Claim, until: DateTime<Utc>, language: Language, zone: Tz) -> String {
    let until = language.date(date_in(zone, until));
    let said = claim.words.as_deref().unwrap_or_default();
    let Some(reason) = claim.reason else {
        return match claim.status {
            ClaimStatus::Unmatched => match language {
                Language::Russian => {
                    format!("Ищем магазин по номеру кассы из чека. Если не найдём до {until}, сообщим.")
                }
                Language::English => {
                    format!("We are looking for the shop by the till's number. You will hear by {until}.")
                }
            },
            _ => match language {
                Language::Russian => format!("Партнёр проверяет чек до {until}."),
                Language::English => format!("The partner is checking the receipt until {until}."),
            },
        };
    };
    match (reason, language) {
        (ClaimReason::DeclinedByPartner, Language::Russian) => format!("Партнёр отклонил заявку: {said}"),
        (ClaimReason::DeclinedByPartner, Language::English) => format!("The partner declined it: {said}"),
        (ClaimReason::DeclinedByUnion, Language::Russian) => format!("Профсоюз отклонил заявку: {said}"),
        (ClaimReason::DeclinedByUnion, Language::English) => format!("The union declined it: {said}"),
        (ended, _) => claim_end_text(ended, language).to_owned(),
    }
}

fn claim_end_text(reason: ClaimReason, language: Language) -> &'static str {
    let (russian, english) = match reason {
        ClaimReason::Approved => ("Партнёр подтвердил покупку.", "The partner confirmed the purchase."),
        ClaimReason::Arrived => {
            ("Покупка пришла от партнёра сама.", "The purchase arrived from the partner.")
        }
        ClaimReason::DeclinedByPartner => ("Партнёр отклонил заявку.", "The partner declined it."),
        ClaimReason::DeclinedByUnion => ("Профсоюз отклонил заявку.", "The union declined it."),
        ClaimReason::CreditedElsewhere => (
            "Кешбэк по этому чеку уже начислен другому участнику.",
            "Cashback for this receipt went to another member.",
        ),
        ClaimReason::NoAnswer => (
            "Партнёр не ответил вовремя. Отправьте чек ещё раз, если ему нет 30 дней.",
            "The partner did not answer in time. Send the receipt again if it is younger than 30 days.",
        ),
        ClaimReason::NoOutlet => {
            ("Касса из чека не нашлась среди касс партнёров.", "The receipt's till is none of our partners'.")
        }
    };
    language.pick(russian, english)
}
