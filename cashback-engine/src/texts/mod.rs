//! Explanations in words a member understands, Russian and English.

mod applied;
mod claims;
mod declined;
mod language;

use std::collections::HashMap;

use chrono_tz::Tz;

pub use self::claims::claim_text;
pub use self::language::Language;
use crate::explanation::{Explanation, RuleExplanation};
use crate::purchases::{CashbackReason, PurchaseStatus};

/// Who reads, and what they call things.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// In this language.
    pub language: Language,
    /// Dates are the programme's.
    pub zone: Tz,
    /// Names of organisations by code; one that isn't here is told by its code.
    pub names: &'a HashMap<String, String>,
}

impl Reader<'_> {
    fn pick<'t>(&self, russian: &'t str, english: &'t str) -> &'t str {
        self.language.pick(russian, english)
    }

    fn organisation(&self, code: &str) -> String {
        let name = self.names.get(code).map_or(code, String::as_str);
        self.language.quoted(name)
    }
}

/// The explanation as sentences: the whole first, then rule by rule, then what refunds did.
pub fn sentences(explanation: &Explanation, reader: Reader<'_>) -> Vec<String> {
    let mut lines = vec![opening(explanation, reader.language)];
    match explanation.status {
        PurchaseStatus::Voided => {
            let given_up = reader
                .pick("Покупка отменена до списания.", "The purchase was given up before it was captured.");
            lines.push(given_up.to_owned());
            return lines;
        }
        PurchaseStatus::Authorized => {
            let provisional = reader.pick(
                "Магазин ещё не подтвердил покупку: кешбэк предварительный.",
                "The shop has not confirmed the purchase yet: the cashback is provisional.",
            );
            lines.push(provisional.to_owned());
        }
        PurchaseStatus::Posted | PurchaseStatus::Refunded | PurchaseStatus::PartlyRefunded => {}
    }
    lines.extend(explanation.reason.map(|reason| reason_text(reason, reader.language).to_owned()));
    lines.extend(explanation.rules.iter().map(|rule| rule_sentence(rule, explanation, reader)));
    lines.extend(refunds(explanation, reader.language));
    lines
}

fn opening(explanation: &Explanation, language: Language) -> String {
    let paid = explanation.amount - explanation.redeemed;
    let mut text =
        format!("{} {}", language.pick("Покупка на", "Purchase of"), language.rubles(explanation.amount));
    if explanation.redeemed.is_positive() {
        text += &format!(
            ": {} {}, {} {}",
            language.rubles(explanation.redeemed),
            language.pick("оплачено баллами", "paid with points"),
            language.rubles(paid),
            language.pick("деньгами", "with money"),
        );
    }
    text += &format!(". {} {}.", language.pick("Кешбэк:", "Cashback:"), language.rubles(explanation.given));
    text
}

fn refunds(explanation: &Explanation, language: Language) -> Option<String> {
    let (sold, left) = (language.rubles(explanation.sold), language.rubles(explanation.left));
    let not_captured = explanation.amount - explanation.sold;
    let returned = explanation.refunded - not_captured;
    let all_captured = not_captured.is_zero();
    let confirmed = language.pick("Магазин подтвердил покупку на", "The shop confirmed a purchase of");
    let came_back = language.pick("Возвращено товаров на", "Returned:");
    if !all_captured && !returned.is_positive() {
        let of_it = language.pick("кешбэк с этой суммы:", "cashback on that:");
        return Some(format!("{confirmed} {sold}; {of_it} {left}."));
    }
    let returned = returned.is_positive().then(|| language.rubles(returned))?;
    let remains = language.pick("осталось", "left:");
    if !all_captured {
        let cashback = language.pick("кешбэка осталось", "cashback left:");
        return Some(format!("{confirmed} {sold}. {came_back} {returned}; {cashback} {left}."));
    }
    let less = language.pick("кешбэк уменьшен на", "cashback taken back:");
    let taken = language.rubles(explanation.given - explanation.left);
    Some(format!("{came_back} {returned}; {less} {taken}, {remains} {left}."))
}

/// Why a purchase brought no cashback, or less, in a sentence.
pub fn reason_text(reason: CashbackReason, language: Language) -> &'static str {
    match reason {
        CashbackReason::NotEnrolled => language.pick(
            "Во время покупки вы не участвовали в бонусной программе, поэтому кешбэк не начислен.",
            "You were not in the bonus programme at the time of the purchase, so there is no cashback.",
        ),
        CashbackReason::LeftProgramme => language.pick(
            "К моменту покупки вы вышли из бонусной программы, поэтому кешбэк не начислен.",
            "You had left the bonus programme by the time of the purchase, so there is no cashback.",
        ),
        CashbackReason::NoRule => {
            language.pick("У партнёра не было действующих акций.", "The partner had no offer in force.")
        }
        CashbackReason::NoRuleApplied => {
            language.pick("Ни одна акция партнёра не подошла.", "None of the partner's offers applied.")
        }
        CashbackReason::CardLimit => language.pick(
            "Исчерпан лимит начислений этой семейной карты.",
            "This family card's limit of earning was reached.",
        ),
        CashbackReason::CapReached => {
            language.pick("Сработало ограничение акции.", "A limit of the offer was reached.")
        }
        CashbackReason::PaidReached => language.pick(
            "Кешбэк не может быть больше, чем оплачено деньгами.",
            "Cashback can't be more than what was paid with money.",
        ),
        CashbackReason::HeldForCheck => language.pick(
            "Кешбэк удержан: покупка проверяется. Мы сообщим, чем закончится проверка.",
            "The cashback is held: the purchase is being checked. We will tell you the outcome.",
        ),
        CashbackReason::TakenBack => language.pick(
            "Покупку проверили: она нарушает правила программы, кешбэк отозван.",
            "The purchase was checked: it breaks the rules of the programme, and the cashback was taken back.",
        ),
    }
}

/// A rule's part of the explanation in a sentence or a few.
pub fn rule_sentence(rule: &RuleExplanation, explanation: &Explanation, reader: Reader<'_>) -> String {
    let name = reader.language.quoted(&rule.terms.name);
    match &rule.outcome {
        Ok(applied) => format!("{name}: {}", applied::text(applied, &rule.terms, explanation, reader)),
        Err(declined) => format!("{name}: {}.", declined::text(declined, &rule.terms, reader)),
    }
}

/// Why a rule gave nothing, as half a sentence; `None` for one that applied.
pub fn why_not(rule: &RuleExplanation, reader: Reader<'_>) -> Option<String> {
    rule.outcome.as_ref().err().map(|declined| declined::text(declined, &rule.terms, reader))
}

#[cfg(test)]
mod tests;
