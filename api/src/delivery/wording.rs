//! Amounts, dates and counts as people read them in Russian and English.

use chrono::{Datelike, NaiveDate};
use shared_kernel::money::Money;

use crate::problem::Language;

/// A narrow blank that doesn't break.
const THIN: char = '\u{202f}';
const MONTHS: [[&str; 2]; 12] = [
    ["января", "January"],
    ["февраля", "February"],
    ["марта", "March"],
    ["апреля", "April"],
    ["мая", "May"],
    ["июня", "June"],
    ["июля", "July"],
    ["августа", "August"],
    ["сентября", "September"],
    ["октября", "October"],
    ["ноября", "November"],
    ["декабря", "December"],
];

/// `1 437,83 ₽` or `1,437.83 ₽`.
pub fn rubles(amount: Money, language: Language) -> String {
    let (apart, point) = match language {
        Language::Russian => (THIN, ','),
        Language::English => (',', '.'),
    };
    let kopecks = amount.kopecks().unsigned_abs();
    let whole = (kopecks / 100).to_string();
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(apart);
        }
        grouped.push(digit);
    }
    let sign = if amount.is_negative() { "\u{2212}" } else { "" };
    format!("{sign}{grouped}{point}{:02}\u{a0}₽", kopecks % 100)
}

/// `21 ноября 2026` or `21 November 2026`.
pub fn day(date: NaiveDate, language: Language) -> String {
    let names = usize::try_from(date.month0()).ok().and_then(|month| MONTHS.get(month));
    let [russian, english] = names.expect("a month is one of twelve");
    let month = match language {
        Language::Russian => russian,
        Language::English => english,
    };
    format!("{}\u{a0}{month} {}", date.day(), date.year())
}

/// That another address or phone is there to sign in with, in a text message.
pub fn contact_changed(language: Language) -> &'static str {
    match language {
        Language::Russian => {
            "Изменены ваши контакты для входа на страницу профсоюзной карты. Если вы об этом не просили, сразу \
             сообщите в свою профсоюзную организацию."
        }
        Language::English => {
            "The address or phone you sign in to your union card with was changed. If you did not ask for this, tell \
             your union organisation at once."
        }
    }
}

/// `1 покупка`, `3 покупки`, `5 покупок`; `1 purchase`, `3 purchases`.
pub fn purchases(count: i64, language: Language) -> String {
    let word = match language {
        Language::Russian => match (count % 10, count % 100) {
            (1, tens) if tens != 11 => "покупка",
            (2..=4, tens) if !(12..=14).contains(&tens) => "покупки",
            _ => "покупок",
        },
        Language::English if count == 1 => "purchase",
        Language::English => "purchases",
    };
    format!("{count}\u{a0}{word}")
}

/// A card number in groups of four.
pub fn card_number(number: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    digits.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("\u{a0}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, Russian};

    #[test]
    fn amounts_read_as_in_books() {
        let money = Money::from_kopecks;
        assert_eq!(rubles(money(143_783), Russian), "1\u{202f}437,83\u{a0}₽");
        assert_eq!(rubles(money(143_783), English), "1,437.83\u{a0}₽");
        assert_eq!(rubles(money(5), Russian), "0,05\u{a0}₽");
        assert_eq!(rubles(money(-123_456_700), English), "\u{2212}1,234,567.00\u{a0}₽");
    }

    #[test]
    fn counts_have_the_right_plural() {
        let read = [1, 2, 5, 11, 12, 21, 24, 111, 122].map(|count| purchases(count, Russian));
        let words = read.each_ref().map(|text| text.split('\u{a0}').nth(1).unwrap());
        assert_eq!(
            words,
            [
                "покупка",
                "покупки",
                "покупок",
                "покупок",
                "покупок",
                "покупка",
                "покупки",
                "покупок",
                "покупки"
            ]
        );
        assert_eq!(purchases(1, English), "1\u{a0}purchase");
        assert_eq!(purchases(2, English), "2\u{a0}purchases");
    }

    #[test]
    fn days_and_card_numbers_read_as_printed() {
        let date = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        assert_eq!(day(date, Russian), "21\u{a0}ноября 2026");
        assert_eq!(day(date, English), "21\u{a0}November 2026");
        assert_eq!(card_number("9643010123456789"), "9643\u{a0}0101\u{a0}2345\u{a0}6789");
    }
}
