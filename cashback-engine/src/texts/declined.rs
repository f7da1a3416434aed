//! Why a rule gave nothing, in words: what it asks for, and what the purchase was.

use chrono::Datelike;

use super::Reader;
use super::applied::member_cap;
use crate::explanation::DeclinedRule;
use crate::rules::evaluate::WhyNot;
use crate::rules::terms::{Earn, Terms};

/// Half a sentence, without a full stop.
pub(super) fn text(declined: &DeclinedRule, terms: &Terms, reader: Reader<'_>) -> String {
    let language = reader.language;
    match declined.why {
        WhyNot::OutsideDates => dates(declined, terms, reader),
        WhyNot::OtherDay => days(declined, terms, reader),
        WhyNot::OtherHours => hours(declined, terms, reader),
        WhyNot::OtherOrganisation
        | WhyNot::OtherCategory
        | WhyNot::OtherAge
        | WhyNot::ShortMembership
        | WhyNot::OtherTier => audience(declined.why, terms, reader),
        WhyNot::OtherOutlet => reader
            .pick("действует в других точках партнёра", "holds at other outlets of the partner")
            .to_owned(),
        WhyNot::NothingEligible if declined.covered.is_zero() => {
            reader.pick("в покупке нет подходящих товаров", "nothing in the purchase is eligible").to_owned()
        }
        WhyNot::NothingEligible => reader.pick("всё оплачено баллами", "all was paid with points").to_owned(),
        WhyNot::BelowLeastAmount => format!(
            "{} {}, {} {}",
            reader.pick("нужна сумма от", "needs at least"),
            language.rubles(terms.when.least_amount.unwrap_or_default()),
            reader.pick("а подходит", "what counts is"),
            language.rubles(declined.eligible),
        ),
        WhyNot::RoundsToNothing => too_little(declined, terms, reader),
        WhyNot::CapReached => {
            format!("{} {}", member_cap(terms, reader), reader.pick("ничего не осталось", "is used up"))
        }
        WhyNot::BudgetSpent => {
            reader.pick("бюджет акции исчерпан", "the offer's budget is used up").to_owned()
        }
        WhyNot::BetterRule => reader
            .pick("кешбэк даёт другая акция, не менее выгодная", "another offer gives at least as much")
            .to_owned(),
        WhyNot::PaidReached => reader
            .pick(
                "другие акции уже дали столько, сколько оплачено",
                "other offers already give all that was paid",
            )
            .to_owned(),
    }
}

fn dates(declined: &DeclinedRule, terms: &Terms, reader: Reader<'_>) -> String {
    let mut text = reader.pick("действует", "holds").to_owned();
    if let Some(from) = terms.when.from {
        text += &format!(" {} {}", reader.pick("с", "from"), reader.language.date(from));
    }
    if let Some(until) = terms.when.until {
        text += &format!(" {} {}", reader.pick("по", "until"), reader.language.date(until));
    }
    format!(
        "{text}, {} {}",
        reader.pick("а покупка —", "the purchase is of"),
        reader.language.date(declined.date)
    )
}

fn days(declined: &DeclinedRule, terms: &Terms, reader: Reader<'_>) -> String {
    let days: Vec<&str> = terms.when.days.iter().map(|day| reader.language.on_days(*day)).collect();
    format!(
        "{} {}, {} {}",
        reader.pick("действует по", "holds on"),
        days.join(", "),
        reader.pick("а покупка —", "the purchase was on"),
        reader.language.on_day(declined.wall_clock.weekday()),
    )
}

fn hours(declined: &DeclinedRule, terms: &Terms, reader: Reader<'_>) -> String {
    let Some((from, to)) = terms.when.hours else {
        return reader.pick("не действует в это время", "not at this hour").to_owned();
    };
    format!(
        "{} {} {} {}, {} {}",
        reader.pick("действует с", "holds from"),
        from.format("%H:%M"),
        reader.pick("до", "to"),
        to.format("%H:%M"),
        reader.pick("а покупка — в", "the purchase is of"),
        declined.wall_clock.format("%H:%M"),
    )
}

fn audience(why: WhyNot, terms: &Terms, reader: Reader<'_>) -> String {
    let members = &terms.when.members;
    let language = reader.language;
    let of = reader.pick("для", "for");
    match why {
        WhyNot::OtherOrganisation => format!(
            "{of} {} {}",
            reader.pick("членов организации", "members of"),
            reader.organisation(members.organisation.as_deref().unwrap_or_default())
        ),
        WhyNot::OtherCategory => {
            let named: Vec<String> =
                members.categories.iter().map(|category| language.for_category(category)).collect();
            format!("{of} {}", named.join(", "))
        }
        WhyNot::OtherAge => {
            let (from, to) = members.age.unwrap_or_default();
            let years = if to % 10 == 1 && to % 100 != 11 { "года" } else { "лет" };
            match language {
                super::Language::Russian => format!("для возраста от {from} до {to}\u{a0}{years}"),
                super::Language::English => format!("for ages {from} to {to}"),
            }
        }
        WhyNot::ShortMembership => {
            let months = u64::from(members.member_for_months.unwrap_or_default());
            let months = language.counted(months, ["месяца", "месяцев", "месяцев"], ["month", "months"]);
            format!("{} {months}", reader.pick("нужен стаж в профсоюзе от", "needs a membership of at least"))
        }
        _ => format!(
            "{} {}",
            reader.pick("для уровня", "for the tier"),
            language.quoted(members.tier.as_deref().unwrap_or_default())
        ),
    }
}

/// What would have been enough for the first kopeck.
fn too_little(declined: &DeclinedRule, terms: &Terms, reader: Reader<'_>) -> String {
    let needed = match &terms.earn {
        Earn::Step { per, .. } => Some(*per),
        Earn::Ladder(rungs) => rungs.first().map(|rung| rung.from).filter(|from| *from > declined.eligible),
        Earn::Percent(_) | Earn::Fixed(_) => None,
    };
    match needed {
        Some(needed) => format!(
            "{} {}, {} {}",
            reader.pick("начисляет от", "begins at"),
            reader.language.rubles(needed),
            reader.pick("а подходит", "what counts is"),
            reader.language.rubles(declined.eligible)
        ),
        None => {
            reader.pick("вышло бы меньше половины копейки", "it would be less than half a kopeck").to_owned()
        }
    }
}
