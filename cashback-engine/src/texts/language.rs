//! How people of a language write amounts, dates and counts.

use chrono::{Datelike, NaiveDate, Weekday};
use shared_kernel::money::{Money, Rate};
use shared_kernel::text_enum;

text_enum! {
    /// The reader's language.
    Language {
        /// Russian.
        Russian => "ru",
        /// English.
        English => "en",
    }
}

/// Narrow, no-break: between thousands.
const THIN: &str = "\u{202f}";
/// No-break: between a figure and its sign.
const FIXED: char = '\u{a0}';

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

impl Language {
    pub(super) fn pick<'t>(self, russian: &'t str, english: &'t str) -> &'t str {
        match self {
            Self::Russian => russian,
            Self::English => english,
        }
    }

    /// An amount as people of that language write it: `1 437,83 ₽`, `1,437.83 ₽`.
    pub fn rubles(self, amount: Money) -> String {
        let kopecks = amount.kopecks();
        let sign = if kopecks < 0 { "\u{2212}" } else { "" };
        let kopecks = kopecks.unsigned_abs();
        let whole = self.count(kopecks / 100);
        format!("{sign}{whole}{}{:02}{FIXED}₽", self.pick(",", "."), kopecks % 100)
    }

    /// A whole number with its thousands apart.
    pub(super) fn count(self, number: u64) -> String {
        let digits = number.to_string();
        let mut text = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text += self.pick(THIN, ",");
            }
            text.push(digit);
        }
        text
    }

    /// A date as people of that language write it: `21 ноября 2026`.
    pub fn date(self, date: NaiveDate) -> String {
        let month = usize::try_from(date.month0()).ok().and_then(|at| MONTHS.get(at));
        let [russian, english] = month.copied().unwrap_or_default();
        format!("{}{FIXED}{} {}", date.day(), self.pick(russian, english), date.year())
    }

    /// A percentage as people of that language write it: `5 %`, `5%`.
    pub fn percent(self, percent: Rate) -> String {
        match self {
            Self::Russian => format!("{}{FIXED}%", percent.to_string().replace('.', ",")),
            Self::English => format!("{percent}%"),
        }
    }

    pub(super) fn quoted(self, text: &str) -> String {
        match self {
            Self::Russian => format!("«{text}»"),
            Self::English => format!("“{text}”"),
        }
    }

    /// A count with its noun: `1 балл`, `2 балла`, `5 баллов`; in English one and many.
    pub fn counted(self, number: u64, russian: [&str; 3], english: [&str; 2]) -> String {
        let [one, few, many] = russian;
        let noun = match (self, number % 10, number % 100) {
            (Self::English, ..) => {
                let [one, many] = english;
                if number == 1 { one } else { many }
            }
            (_, 1, tail) if tail != 11 => one,
            (_, 2..=4, tail) if !(12..=14).contains(&tail) => few,
            _ => many,
        };
        format!("{}{FIXED}{noun}", self.count(number))
    }

    /// On which days, as in "on Mondays".
    pub(super) fn on_days(self, day: Weekday) -> &'static str {
        let (russian, english) = match day {
            Weekday::Mon => ("понедельникам", "Mondays"),
            Weekday::Tue => ("вторникам", "Tuesdays"),
            Weekday::Wed => ("средам", "Wednesdays"),
            Weekday::Thu => ("четвергам", "Thursdays"),
            Weekday::Fri => ("пятницам", "Fridays"),
            Weekday::Sat => ("субботам", "Saturdays"),
            Weekday::Sun => ("воскресеньям", "Sundays"),
        };
        self.pick(russian, english)
    }

    /// On which day, as in "on a Monday".
    pub(super) fn on_day(self, day: Weekday) -> &'static str {
        let (russian, english) = match day {
            Weekday::Mon => ("в понедельник", "a Monday"),
            Weekday::Tue => ("во вторник", "a Tuesday"),
            Weekday::Wed => ("в среду", "a Wednesday"),
            Weekday::Thu => ("в четверг", "a Thursday"),
            Weekday::Fri => ("в пятницу", "a Friday"),
            Weekday::Sat => ("в субботу", "a Saturday"),
            Weekday::Sun => ("в воскресенье", "a Sunday"),
        };
        self.pick(russian, english)
    }

    /// For members of which category, as in "for students"; a category of no known name as it is.
    pub(super) fn for_category(self, category: &str) -> String {
        let (russian, english) = match category {
            "worker" => ("работающих", "workers"),
            "student" => ("студентов", "students"),
            "pensioner" => ("пенсионеров", "pensioners"),
            "unspecified" => ("членов профсоюза без категории", "members of no category"),
            other => (other, other),
        };
        self.pick(russian, english).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, Russian};

    #[test]
    fn amounts_read_as_in_books() {
        let money = Money::from_kopecks;
        assert_eq!(Russian.rubles(money(143_783)), "1\u{202f}437,83\u{a0}₽");
        assert_eq!(English.rubles(money(143_783)), "1,437.83\u{a0}₽");
        assert_eq!(Russian.rubles(money(5)), "0,05\u{a0}₽");
        assert_eq!(English.rubles(money(-123_456_700)), "\u{2212}1,234,567.00\u{a0}₽");
    }

    #[test]
    fn days_read_as_printed() {
        let date = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a day");
        assert_eq!(Russian.date(date), "21\u{a0}ноября 2026");
        assert_eq!(English.date(date), "21\u{a0}November 2026");
    }
}
