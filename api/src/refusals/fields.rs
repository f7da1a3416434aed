//! What the engine says of a wrong field, in Russian. A rule's form has many fields; their words stand together.

/// The engine's sentence in Russian; one that isn't here stays as it is.
pub fn russian(message: &str) -> String {
    let words = match message {
        "must have 1 to 200 characters" => "от 1 до 200 знаков",
        "must not have control characters" => "без управляющих символов",
        "is no partner's code" => "такого партнёра нет",
        "a rule's partner can't change" => "у акции нельзя сменить партнёра",
        "must be at most 3650" => "не больше 3650",
        "must be at most 1200" => "не больше 1200",
        "must be 1 to 1200, or null" => "от 1 до 1200 месяцев или без срока",
        "such a life can end inside its hold" => "кэшбэк может сгореть раньше, чем станет доступен",
        "must be exclusive or additive" => "выгоднейшая (exclusive) или вместе с другими (additive)",
        "must be a date such as 2026-11-21" => "нужна дата, например 2026-11-21",
        "must not be before from" => "не раньше начала",
        "must lie between 1990 and 2200" => "годы с 1990 по 2200",
        "must be mon, tue, wed, thu, fri, sat or sun" => "дни недели: mon, tue, wed, thu, fri, sat, sun",
        "stands twice" => "указано дважды",
        "is named twice" => "указано дважды",
        "must be two times" => "нужны два времени: начало и конец",
        "must be two different times such as 09:00" => "нужны два разных времени, например 09:00 и 18:00",
        "must be two ages, the first not above the second" => "нужны два возраста, первый не больше второго",
        "must not be empty or too long" => "не пусто и не слишком длинно",
        "has more than 500 entries" => "не больше 500 значений",
        "has an entry that is empty or too long" => "есть пустое или слишком длинное значение",
        "is none of the partner's outlets" => "у партнёра нет такой точки",
        "must be one of percent, fixed, per with amount, ladder" => {
            "выберите одно: процент, сумму, за каждый шаг или ступени"
        }
        "must be above 0 and at most 100" => "больше 0 и не больше 100",
        "must be above 0.00" => "больше нуля",
        "must be above 0.00 and at most 10000000.00" => "больше нуля и не больше 10 000 000,00",
        "is too large" => "слишком много",
        "has too many decimals" => "слишком много знаков после запятой",
        "must not be above the step" => "не больше шага",
        "must have 1 to 50 rungs" => "от 1 до 50 ступеней",
        "rungs must rise" => "ступени должны расти",
        "must be day, month or year" => "день, месяц или год",
        "must name 1 to 20 funders" => "от 1 до 20 плательщиков",
        "must be partner or an organisation's code" => "партнёр (partner) или код организации",
        "must be above 0 and at most 1, with at most six decimals" => {
            "больше 0 и не больше 1, не больше шести знаков после запятой"
        }
        "shares must add up to 1" => "доли должны в сумме давать 1",
        "must be a plain decimal such as \"1250.00\": digits, a dot and at most two decimals" => {
            "нужно число, например 1250.00: цифры, точка, не больше двух знаков после неё"
        }
        "must not be above the amount" => "не больше суммы покупки",
        "must add up to the amount" => "строки должны в сумме давать сумму покупки",
        "is wrong" => "указано неверно",
        "is another partner's" => "это другой партнёр",
        "is no rule" => "такой акции нет",
        "has more than 100 changes" => "не больше 100 изменений",
        "must be a time zone such as Europe/Moscow" => "нужен часовой пояс, например Europe/Moscow",
        "must be at most 1" => "не больше 1",
        other => other,
    };
    words.to_owned()
}
