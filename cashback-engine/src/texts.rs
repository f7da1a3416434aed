//! Explanations in words a member understands, Russian and English.

use chrono::NaiveDate;
use chrono_tz::Tz;
use shared_kernel::money::Money;
use shared_kernel::text_enum;

use crate::days::date_in;
use crate::explanation::{AppliedRule, Explanation, RuleExplanation};
use crate::purchases::{CashbackReason, PurchaseStatus};
use crate::rules::evaluate::WhyNot;
use crate::rules::terms::Earn;

text_enum! {
    /// The reader's language.
    Language {
        /// Russian.
        Russian => "ru",
        /// English.
        English => "en",
    }
}

impl Language {
    fn pick<'t>(self, russian: &'t str, english: &'t str) -> &'t str {
        match self {
            Self::Russian => russian,
            Self::English => english,
        }
    }

    /// An amount as people of that language write it.
    pub fn rubles(self, amount: Money) -> String {
        let plain = amount.to_string();
        match self {
            Self::Russian => format!("{} ₽", plain.replace('.', ",")),
            Self::English => format!("₽{plain}"),
        }
    }

    /// A date as people of that language write it.
    pub fn date(self, date: NaiveDate) -> String {
        date.format(self.pick("%d.%m.%Y", "%-d %B %Y")).to_string()
    }

    /// A percentage as people of that language write it.
    fn percent(self, text: &str) -> String {
        match self {
            Self::Russian => format!("{} %", text.replace('.', ",")),
            Self::English => format!("{text}%"),
        }
    }
}

/// The explanation as sentences: the whole first, then rule by rule. Dates are the programme's.
pub fn sentences(explanation: &Explanation, language: Language, zone: Tz) -> Vec<String> {
    let mut lines = vec![opening(explanation, language)];
    if explanation.status == PurchaseStatus::Voided {
        let given_up = language
            .pick("Покупка отменена до списания.", "The purchase was given up before it was captured.");
        lines.push(given_up.to_owned());
        return lines;
    }
    lines.extend(explanation.reason.map(|reason| reason_text(reason, language).to_owned()));
    lines.extend(explanation.rules.iter().map(|rule| rule_sentence(rule, language, zone)));
    if explanation.refunded.is_positive() {
        lines.push(format!(
            "{} {}; {} {}.",
            language.pick("Возвращено", "Refunded:"),
            language.rubles(explanation.refunded),
            language.pick("от кэшбэка осталось", "cashback left:"),
            language.rubles(explanation.left),
        ));
    }
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
    text += &format!(". {} {}.", language.pick("Кэшбэк:", "Cashback:"), language.rubles(explanation.given));
    text
}

/// Why a purchase brought no cashback, or less, in a sentence.
pub fn reason_text(reason: CashbackReason, language: Language) -> &'static str {
    match reason {
        CashbackReason::NotEnrolled => {
            language.pick("Вы не участвуете в бонусной программе.", "You are not in the bonus programme.")
        }
        CashbackReason::LeftProgramme => {
            language.pick("Вы вышли из бонусной программы.", "You have left the bonus programme.")
        }
        CashbackReason::NoRule => {
            language.pick("У партнёра не было действующих акций.", "The partner had no offer in force.")
        }
        CashbackReason::NoRuleApplied => {
            language.pick("Ни одна акция партнёра не подошла.", "None of the partner's offers applied.")
        }
        CashbackReason::CapReached => {
            language.pick("Сработало ограничение акции.", "A limit of the offer was reached.")
        }
    }
}

fn rule_sentence(rule: &RuleExplanation, language: Language, zone: Tz) -> String {
    match &rule.outcome {
        Err(why) => format!("«{}»: {}.", rule.name, why_text(*why, language)),
        Ok(applied) => format!("«{}»: {}", rule.name, applied_text(applied, language, zone)),
    }
}

fn applied_text(applied: &AppliedRule, language: Language, zone: Tz) -> String {
    let of = language.rubles(applied.eligible);
    let rate = match &applied.earn {
        Earn::Percent(percent) => {
            format!("{} {} {of}", language.percent(&percent.to_string()), language.pick("от", "of"))
        }
        Earn::Fixed(_) => language.pick("фиксированная сумма", "a fixed amount").to_owned(),
        Earn::Step { per, amount } => format!(
            "{} {} {} {} {of}",
            language.rubles(*amount),
            language.pick("за каждые", "per"),
            language.rubles(*per),
            language.pick("от", "of"),
        ),
        Earn::Ladder(_) => format!("{} {of}", language.pick("по ступени от", "by the rung reached, of")),
    };
    let mut text = format!("{rate} = {}", language.rubles(applied.earned));
    if applied.given < applied.earned {
        text += &format!(
            ", {} {}",
            language.pick("с учётом ограничений", "after limits"),
            language.rubles(applied.given)
        );
    }
    text += &format!(
        ". {} {}",
        language.pick("Можно тратить с", "Can be spent from"),
        language.date(date_in(zone, applied.available_at))
    );
    if let Some(last) = applied.expires_on {
        text += &format!(" {} {}", language.pick("по", "until"), language.date(last));
    }
    text + "."
}

/// Why a rule gave nothing, as half a sentence.
pub fn why_text(why: WhyNot, language: Language) -> &'static str {
    let (russian, english) = match why {
        WhyNot::OutsideDates => ("акция в этот день не действовала", "not in force that day"),
        WhyNot::OtherDay => ("не действует в этот день недели", "not on this day of the week"),
        WhyNot::OtherHours => ("не действует в это время", "not at this hour"),
        WhyNot::OtherOutlet => ("не действует в этой точке", "not at this outlet"),
        WhyNot::OtherOrganisation => ("для членов другой организации", "for members of another organisation"),
        WhyNot::OtherCategory => ("для другой категории членов", "for another category of members"),
        WhyNot::OtherAge => ("для другого возраста", "for another age"),
        WhyNot::ShortMembership => ("нужен больший стаж в профсоюзе", "needs a longer membership"),
        WhyNot::OtherTier => ("для другого уровня", "for another tier"),
        WhyNot::NothingEligible => ("нет подходящих товаров", "nothing in the purchase is eligible"),
        WhyNot::BelowLeastAmount => ("сумма меньше необходимой", "below the least amount"),
        WhyNot::RoundsToNothing => ("сумма слишком мала", "the amount is too small"),
        WhyNot::CapReached => ("лимит акции исчерпан", "the offer's limit is used up"),
        WhyNot::BetterRule => ("другая акция выгоднее", "another offer gives more"),
        WhyNot::PaidReached => {
            ("кэшбэк не может превышать оплаченное", "cashback can't exceed what was paid")
        }
    };
    language.pick(russian, english)
}
