//! What letters and text messages say in Russian and English beside their templates; amounts and dates are the engine's.

use crate::problem::Language;

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
    let (russian, english) = (["покупка", "покупки", "покупок"], ["purchase", "purchases"]);
    language.engine().counted(count.unsigned_abs(), russian, english)
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
    fn card_numbers_read_as_printed() {
        assert_eq!(card_number("9643010123456789"), "9643\u{a0}0101\u{a0}2345\u{a0}6789");
    }
}
