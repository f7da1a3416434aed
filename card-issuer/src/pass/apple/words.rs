//! What a pass says, in two languages. A phone shows the one it is set to and asks again for no change of language.

/// A language of a pass.
#[derive(Clone, Copy)]
pub(super) struct Tongue {
    /// Its file in the pass.
    pub file: &'static str,
    word: fn(&Word) -> &'static str,
}

/// The languages.
pub(super) const TONGUES: [Tongue; 2] = [
    Tongue { file: "ru.lproj/pass.strings", word: |word| word.ru },
    Tongue { file: "en.lproj/pass.strings", word: |word| word.en },
];

/// A text under its key.
struct Word {
    key: &'static str,
    ru: &'static str,
    en: &'static str,
}

const fn word(key: &'static str, ru: &'static str, en: &'static str) -> Word {
    Word { key, ru, en }
}

/// `%@` in a change's text is the new value.
const WORDS: &[Word] = &[
    word("description", "Карта члена профсоюза", "Union member’s card"),
    word("available_label", "Доступно", "Available"),
    word("available_change", "Доступно: %@", "Available: %@"),
    word("pending_label", "Ожидает", "Pending"),
    word("standing_label", "Статус", "Standing"),
    word("standing_change", "Статус карты: %@", "The card’s standing: %@"),
    word("standing_member", "Действует", "Valid"),
    word("standing_outside", "Действует, без кешбэка", "Valid, no cashback"),
    word("standing_frozen", "Баллы заморожены", "Points are frozen"),
    word("standing_void", "Не действует", "Not valid"),
    word("standing_expired", "Срок истёк", "Expired"),
    word("tier_label", "Уровень", "Tier"),
    word("tier_change", "Ваш уровень: %@", "Your tier: %@"),
    word("expires_on_label", "Карта до", "Card until"),
    word("expiring_label", "Сгорит", "To expire"),
    word("expiring_on_label", "Когда", "When"),
    word("debt_label", "Долг", "Debt"),
    word("number_label", "Номер карты", "Card number"),
    word("how_label", "Как копить", "How to earn"),
    word(
        "how_text",
        "Покажите код на кассе партнёра до оплаты: кешбэк придёт сам.",
        "Show the code at a partner’s till before you pay: the cashback comes by itself.",
    ),
    word("spend_label", "Как потратить", "How to spend"),
    word(
        "spend_text",
        "Этот код не меняется, поэтому им можно только копить. Чтобы заплатить баллами, откройте карту на своей странице: там код живой.",
        "This code doesn’t change, so it can only earn. To pay with points, open the card on your page: the code there is live.",
    ),
    word("lost_label", "Если телефон потерян", "If the phone is lost"),
    word(
        "lost_text",
        "Заблокируйте карту на своей странице или позвоните в свою организацию: здесь она сразу станет недействительной.",
        "Block the card on your page or call your organisation: it stops being valid here at once.",
    ),
    word("page_label", "Моя страница", "My page"),
];

/// A language's `pass.strings`.
pub(super) fn strings(tongue: Tongue) -> String {
    WORDS.iter().map(|one| format!("\"{}\" = \"{}\";\n", one.key, (tongue.word)(one))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_key_stands_once_and_no_text_breaks_its_line() {
        assert_eq!(WORDS.iter().map(|one| one.key).collect::<HashSet<_>>().len(), WORDS.len());
        for tongue in TONGUES {
            for line in strings(tongue).lines() {
                assert_eq!(line.matches('"').count(), 4, "{line}");
                assert!(!line.contains('\\') && line.ends_with("\";"), "{line}");
            }
        }
    }
}
