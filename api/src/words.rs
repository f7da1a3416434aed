//! Words of the crates that speak English alone (wrong fields of rules and partners, amounts, files), told to a Russian
//! reader too. A message that isn't here is told in general words rather than in the wrong language.

use std::borrow::Cow;

use cashback_engine::posting::FiscalError;

use crate::problem::Text;

/// A message in both languages.
pub fn told(message: impl Into<Cow<'static, str>>) -> Text {
    let message = message.into();
    let russian = russian(&message);
    Text::new(message, russian)
}

fn russian(message: &str) -> Cow<'static, str> {
    let known = KNOWN.iter().find(|(english, _)| *english == message).map(|(_, russian)| *russian);
    if let Some(known) = known {
        return known.into();
    }
    let begun = BEGUN
        .iter()
        .find_map(|(english, russian)| Some((message.strip_prefix(english)?, *russian)))
        .filter(|(rest, _)| rest.is_ascii());
    match begun {
        Some((rest, russian)) => format!("{russian}{rest}").into(),
        None => "указано неверно".into(),
    }
}

/// Messages that begin so and end with a name.
const BEGUN: &[(&str, &str)] = &[
    ("missing columns: ", "нет столбцов: "),
    ("doubled column: ", "столбец повторяется: "),
    ("unknown column: ", "лишний столбец: "),
    ("the workbook cannot be read", "книгу Excel не прочитать"),
    ("the workbook unpacks to more than ", "книга Excel распаковывается больше чем в байтах: "),
];

const KNOWN: &[(&str, &str)] = &[
    // Amounts and rates.
    (
        "must be a plain decimal such as \"1250.00\": digits, a dot and at most two decimals",
        "нужна сумма вида \"1250.00\": цифры, точка и не больше двух знаков после неё",
    ),
    ("has too many decimals", "слишком много знаков после точки"),
    ("is too large", "слишком много"),
    ("must be above 0.00", "должно быть больше 0.00"),
    ("must be above 0 and at most 100", "больше 0 и не больше 100"),
    (
        "must be above 0 and at most 1, with at most six decimals",
        "больше 0 и не больше 1, не больше шести знаков после точки",
    ),
    ("must be at most 1", "не больше 1"),
    // Times.
    (
        "must be a time with an offset, such as 2026-11-21T14:05:00+03:00",
        "нужно время со смещением, например 2026-11-21T14:05:00+03:00",
    ),
    ("must be a date such as 2026-11-21", "нужна дата вида 2026-11-21"),
    ("must be two different times such as 09:00", "нужны два разных времени вида 09:00"),
    ("must be two times", "нужны два времени"),
    ("must be a time zone such as Europe/Moscow", "нужен часовой пояс вида Europe/Moscow"),
    // Claims and the fraud watch.
    ("must have 1 to 1000 numbers", "от 1 до 1000 номеров"),
    ("must have 16 digits (12 in older drives)", "нужно 16 цифр (в старых накопителях 12)"),
    ("is registered at another outlet", "записан за другой точкой"),
    ("must have 1 to 300 characters, for the member to read", "от 1 до 300 знаков: их прочтёт участник"),
    ("is no outlet", "такой торговой точки нет"),
    (
        "the receipt is too old or lies ahead by the time of this outlet",
        "по времени этой точки чек слишком старый или ещё не наступил",
    ),
    ("is no limit of this rule", "у этого правила нет такого порога"),
    ("is out of bounds", "вне допустимых пределов"),
    ("needs its limits to be on", "чтобы включить, задайте пороги"),
    ("must be 1 to 60", "от 1 до 60"),
    ("the case is decided", "по этому случаю уже решено"),
    ("there is no pending cashback left to hold", "ожидающего кешбэка, который можно удержать, не осталось"),
    ("the claim has ended", "заявка уже закрыта"),
    ("the claim has its outlet, or has ended", "у заявки уже есть точка, или она закрыта"),
    ("five of your simulations wait or run already", "пять ваших расчётов уже ждут или идут"),
    // Rules.
    ("must not be before from", "не раньше начала"),
    ("must be mon, tue, wed, thu, fri, sat or sun", "mon, tue, wed, thu, fri, sat или sun"),
    ("stands twice", "указано дважды"),
    ("is named twice", "указано дважды"),
    ("has more than 500 entries", "больше 500 значений"),
    ("has an entry that is empty or too long", "есть пустое или слишком длинное значение"),
    ("must be two ages, the first not above the second", "нужны два возраста, первый не больше второго"),
    (
        "must be one of percent, fixed, per with amount, ladder",
        "нужно одно из: percent, fixed, per вместе с amount, ladder",
    ),
    ("must not be above the step", "не больше шага"),
    ("must have 1 to 50 rungs", "от 1 до 50 ступеней"),
    ("rungs must rise", "ступени должны возрастать"),
    ("must be day, month or year", "day, month или year"),
    ("must name 1 to 20 funders", "от 1 до 20 плательщиков"),
    ("must be partner or an organisation's code", "partner или код организации"),
    ("shares must add up to 1", "доли в сумме должны дать 1"),
    ("must be 1 to 1200, or null", "от 1 до 1200 или null"),
    ("must be at most 3650", "не больше 3650"),
    ("must be exclusive or additive", "exclusive или additive"),
    ("must have 1 to 200 characters", "от 1 до 200 знаков"),
    ("must not have control characters", "без управляющих символов"),
    ("such a life can end inside its hold", "такой срок жизни может кончиться раньше срока ожидания"),
    ("must be at most 1200", "не больше 1200"),
    ("is none of the partner's outlets", "у партнёра нет такой точки"),
    ("is another partner's", "это другой партнёр"),
    ("is no rule", "такого правила нет"),
    ("has more than 100 changes", "больше 100 изменений"),
    ("must lie between 1990 and 2200", "годы с 1990 по 2200"),
    ("must be above 0.00 and at most 10000000.00", "больше 0.00 и не больше 10000000.00"),
    ("must not be above the amount", "не больше суммы покупки"),
    ("must add up to the amount", "строки в сумме должны дать сумму покупки"),
    ("is wrong", "указано неверно"),
    ("a rule's partner can't change", "партнёра у правила менять нельзя"),
    ("is no partner's code", "такого партнёра нет"),
    ("is no outlet of the partner", "у партнёра нет такой точки"),
    ("is no organisation", "такой организации нет"),
    ("the rule has ended", "правило уже завершено"),
    (
        "the version is approved already, or the rule has ended",
        "версия уже утверждена, или правило завершено",
    ),
    ("a later version is approved already", "уже утверждена более поздняя версия"),
    // Partners and settings.
    (
        "must have 1 to 64 lower-case letters, digits, hyphens and underscores",
        "от 1 до 64 строчных латинских букв, цифр, дефисов и подчёркиваний",
    ),
    ("must not be empty or too long", "не пусто и не слишком длинно"),
    ("must name tobacco and nicotine", "tobacco и nicotine исключены всегда"),
    ("has more than 200 entries", "больше 200 значений"),
    // How something stands.
    ("posted", "проведена"),
    ("authorized", "авторизована"),
    ("voided", "отменена"),
    ("refunded", "возвращена"),
    ("partly_refunded", "возвращена частично"),
    ("the batch is made", "партия ещё не отправлена"),
    ("the batch is sent", "партия на производстве"),
    ("the batch is received", "партия получена"),
    ("the batch is handed_out", "партия роздана"),
    ("a member of this organisation", "уже состоит в этой организации"),
    ("a member", "состоит в профсоюзе"),
    ("active", "состоит в профсоюзе"),
    ("suspended", "членство приостановлено"),
    ("left", "вышел из профсоюза"),
    ("full of history", "слишком много записей в истории"),
    ("in the future", "она ещё не наступила"),
    ("before the organisation was opened", "раньше, чем организация открыта"),
    ("before the present stretch of membership began", "раньше начала нынешнего членства"),
    // Texts of any field.
    ("contains a control character", "есть управляющий символ"),
    ("contains a text-direction override", "есть символ смены направления письма"),
    ("contains a zero-width character", "есть символ нулевой ширины"),
    ("contains too many combining marks", "слишком много надстрочных знаков"),
    ("a card number has digits only", "в номере карты только цифры"),
    ("a card number has 16 digits", "в номере карты 16 цифр"),
    ("a card number begins with 9643", "номер карты начинается с 9643"),
    ("the card number's check digit is wrong", "контрольная цифра номера не сходится"),
    // Files as a whole.
    ("the file could not be worked off", "файл не удалось обработать"),
    ("the kind of file is unknown", "вид файла неизвестен"),
    ("the file is empty", "файл пуст"),
    ("the file is neither UTF-8 nor Windows-1251", "файл не в UTF-8 и не в Windows-1251"),
    ("the file is UTF-16; save it as UTF-8", "файл в UTF-16: сохраните его в UTF-8"),
    ("the file ends inside quotes", "файл обрывается внутри кавычек"),
    ("a row is longer than a megabyte", "строка длиннее мегабайта"),
];

/// Why a partner's register as a whole can't be used: its stable word and the detail beside it.
pub fn register_file(reason: &str, detail: &str) -> Text {
    let (en, ru) = match reason {
        "empty" => ("the file is empty", "файл пуст"),
        "encoding" => {
            ("the file's encoding is neither UTF-8 nor Windows-1251", "файл не в UTF-8 и не в Windows-1251")
        }
        "doubled_column" => ("a column stands twice", "столбец повторяется"),
        "extra_column" => ("a column is unknown", "лишний столбец"),
        "missing_column" => ("a column is missing", "не хватает столбца"),
        "open_quote" => ("the file ends inside quotes", "файл обрывается внутри кавычек"),
        "row_too_long" => ("a row is too long", "строка слишком длинная"),
        "too_many_rows" => ("there are more rows than", "строк больше чем"),
        _ => ("the file can't be read", "файл не прочитать"),
    };
    // The library's own words about what it could not read help nobody who sent a file.
    match (detail, reason) {
        ("", _) | (_, "encoding" | "unreadable") => Text::new(en, ru),
        _ => Text::new(format!("{en}: {detail}"), format!("{ru}: {detail}")),
    }
}

/// Why a string is no fiscal receipt.
pub fn fiscal(error: &FiscalError) -> Text {
    let why = match error {
        FiscalError::Missing(key) => format!("нет ключа {key}"),
        FiscalError::Keys => "ключ повторяется или неизвестен".to_owned(),
        FiscalError::Malformed(key) => format!("значение {key} записано неверно"),
    };
    Text::new(error.to_string(), format!("строка фискального чека не разобрана: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_told_in_russian() {
        for message in ["is too large", "missing columns: code, name", "something nobody has translated"] {
            let text = told(message);
            assert_eq!(text.en, message);
            assert!(text.ru.chars().any(|c| ('а'..='я').contains(&c)), "{message}: {}", text.ru);
        }
        assert_eq!(told("missing columns: code, name").ru, "нет столбцов: code, name");
        assert_eq!(register_file("missing_column", "outlet").ru, "не хватает столбца: outlet");
        assert_eq!(register_file("open_quote", "").en, "the file ends inside quotes");
        for error in [FiscalError::Missing("t"), FiscalError::Keys, FiscalError::Malformed("s")] {
            let text = fiscal(&error);
            assert_eq!(text.en, error.to_string());
            assert!(text.ru.starts_with("строка фискального чека не разобрана: "), "{}", text.ru);
            assert!(!text.ru.contains(&*text.en), "{}", text.ru);
        }
        assert!(fiscal(&FiscalError::Missing("fn")).ru.ends_with("нет ключа fn"));
    }
}
