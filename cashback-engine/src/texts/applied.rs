//! What a rule gave and how, in words.

use shared_kernel::money::Money;

use super::Reader;
use crate::days::date_in;
use crate::explanation::{AppliedRule, Explanation};
use crate::rules::evaluate::Limit;
use crate::rules::terms::{CapPeriod, Earn, Funder, Terms};

pub(super) fn text(
    applied: &AppliedRule,
    terms: &Terms,
    explanation: &Explanation,
    reader: Reader<'_>,
) -> String {
    let language = reader.language;
    let mut parts = vec![sum(applied, terms, reader)];
    parts.extend(basis(applied, explanation, reader));
    if applied.left < applied.given {
        let returned = explanation.refunded > explanation.amount - explanation.sold;
        let after = if returned {
            reader.pick("После возвратов осталось", "After returns it is")
        } else {
            reader.pick("С подтверждённой суммы —", "On what the shop confirmed it is")
        };
        parts.push(format!("{after} {}", language.rubles(applied.left)));
    }
    parts.push(funders(applied, reader));
    let mut dates = format!(
        "{} {}",
        reader.pick("Можно тратить с", "Can be spent from"),
        language.date(date_in(reader.zone, applied.available_at))
    );
    match applied.expires_on {
        Some(last) => dates += &format!(" {} {}", reader.pick("по", "until"), language.date(last)),
        None => dates += reader.pick(", без срока", ", for ever"),
    }
    parts.push(dates);
    format!("{}.", parts.join(". "))
}

/// Rate, eligible amount, rounding, and what a limit left.
fn sum(applied: &AppliedRule, terms: &Terms, reader: Reader<'_>) -> String {
    let language = reader.language;
    let about = if applied.eligible_is_exact { "" } else { "≈\u{a0}" };
    let of = format!("{about}{}", language.rubles(applied.eligible));
    let from = reader.pick("от", "of");
    let rate = match (&terms.earn, applied.rate) {
        (Earn::Step { per, amount }, _) => {
            let steps = u64::try_from(applied.steps.unwrap_or_default()).unwrap_or_default();
            let steps = language.counted(
                steps,
                ["полный шаг", "полных шага", "полных шагов"],
                ["full step", "full steps"],
            );
            format!(
                "{} {} {} {from} {of}, {steps}",
                language.rubles(*amount),
                reader.pick("за каждые полные", "per full"),
                language.rubles(*per),
            )
        }
        (Earn::Ladder(_), Some(percent)) => format!(
            "{} {from} {of} ({})",
            language.percent(percent),
            reader.pick("ступень по сумме", "the rung this amount reaches")
        ),
        (_, Some(percent)) => format!("{} {from} {of}", language.percent(percent)),
        (_, None) => reader.pick("фиксированная сумма", "a fixed amount").to_owned(),
    };
    let mut text = format!("{rate} = {}", language.rubles(applied.earned));
    if applied.rounded {
        text += reader.pick(" (округлено до копейки)", " (rounded to the kopeck)");
    }
    if applied.given < applied.earned {
        text += &format!(
            ", {} — {} {}",
            limit(applied, terms, reader),
            reader.pick("начислено", "given:"),
            language.rubles(applied.given)
        );
    }
    text
}

/// Which limit left less, and what it left.
fn limit(applied: &AppliedRule, terms: &Terms, reader: Reader<'_>) -> String {
    let language = reader.language;
    let room = language.rubles(applied.room.unwrap_or(applied.given));
    match applied.trimmed_by {
        Some(Limit::PerPurchase) => format!(
            "{} {} {}",
            reader.pick("но не больше", "but at most"),
            language.rubles(applied.given),
            reader.pick("за покупку", "a purchase")
        ),
        Some(Limit::PerMember) => {
            format!("{} {} {room}", member_cap(terms, reader), reader.pick("оставалось", "had left"),)
        }
        Some(Limit::Budget) => {
            format!("{} {room}", reader.pick("в бюджете акции оставалось", "the offer's budget had left"))
        }
        Some(Limit::Paid) => {
            reader.pick("но кешбэк не больше оплаченного", "but no more than was paid").to_owned()
        }
        None => reader.pick("с учётом ограничений", "after limits").to_owned(),
    }
}

/// The member's cap with its period, as the beginning of "… had so much left".
pub(super) fn member_cap(terms: &Terms, reader: Reader<'_>) -> String {
    let Some((amount, period)) = terms.caps.per_member else {
        return reader.pick("из вашего лимита", "your limit").to_owned();
    };
    let amount = reader.language.rubles(amount);
    let (russian, english) = match period {
        CapPeriod::Day => ("в день", "a day"),
        CapPeriod::Month => ("в месяц", "a month"),
        CapPeriod::Year => ("в год", "a year"),
    };
    reader
        .pick("из вашего лимита {amount} {period}", "your limit of {amount} {period}")
        .replace("{amount}", &amount)
        .replace("{period}", reader.pick(russian, english))
}

/// Why the eligible amount is less than the purchase's; nothing where it isn't.
fn basis(applied: &AppliedRule, explanation: &Explanation, reader: Reader<'_>) -> Option<String> {
    let language = reader.language;
    let partly = applied.covered < explanation.amount;
    let goods = || {
        format!(
            "{} {} {} {}",
            reader.pick("Подходят товары на", "It covers goods for"),
            language.rubles(applied.covered),
            reader.pick("из", "of"),
            language.rubles(explanation.amount)
        )
    };
    let less = |amount: Money| {
        format!("{} — {}", reader.pick("за вычетом баллов", "less points"), language.rubles(amount))
    };
    match (partly, explanation.redeemed.is_positive()) {
        (true, true) => Some(format!("{}, {}", goods(), less(applied.eligible))),
        (true, false) => Some(goods()),
        (false, true) => Some(format!(
            "{} {}",
            reader.pick("На оплаченное баллами кешбэка нет,", "What was paid with points earns none,"),
            less(applied.eligible)
        )),
        (false, false) => None,
    }
}

fn funders(applied: &AppliedRule, reader: Reader<'_>) -> String {
    let name = |funder: &Funder| match funder {
        Funder::Partner => reader.pick("партнёр", "the partner").to_owned(),
        Funder::Organisation(code) => reader.organisation(code),
    };
    match applied.funders.as_slice() {
        [(alone, _)] => match reader.language {
            super::Language::Russian => format!("Платит {}", name(alone)),
            super::Language::English => format!("Paid by {}", name(alone)),
        },
        several => {
            let parts: Vec<String> = several
                .iter()
                .map(|(funder, part)| format!("{} — {}", name(funder), reader.language.rubles(*part)))
                .collect();
            format!("{} {}", reader.pick("Платят:", "Paid by"), parts.join(", "))
        }
    }
}
