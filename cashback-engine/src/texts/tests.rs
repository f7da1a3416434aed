use chrono_tz::Europe::Moscow;
use shared_kernel::money::Money;

use super::*;
use crate::explanation::{AppliedRule, DeclinedRule};
use crate::ids::RuleId;
use crate::rules::RuleDraft;
use crate::rules::evaluate::{Limit, WhyNot};
use crate::rules::terms::Funder;

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// Narrow and plain no-break spaces as blanks, so that expectations can be read.
fn plain(text: &str) -> String {
    text.replace(['\u{202f}', '\u{a0}'], " ")
}

fn applied(eligible: &str, earned: &str) -> AppliedRule {
    AppliedRule {
        covered: money(eligible),
        eligible: money(eligible),
        eligible_is_exact: true,
        rate: None,
        steps: None,
        earned: money(earned),
        rounded: false,
        trimmed_by: None,
        room: None,
        given: money(earned),
        left: money(earned),
        funders: vec![(Funder::Partner, money(earned))],
        available_at: "2026-12-05T21:00:00Z".parse().unwrap(),
        expires_on: Some("2027-11-21".parse().unwrap()),
    }
}

fn rule(fields: &str, outcome: Result<AppliedRule, DeclinedRule>) -> RuleExplanation {
    let json = format!(r#"{{"name":"Осень","partner":"shop",{fields}}}"#);
    let terms = serde_json::from_str::<RuleDraft>(&json).unwrap().check().unwrap();
    RuleExplanation { id: RuleId(shared_kernel::ids::Uuid::nil()), version: 1, terms, outcome }
}

fn declined(why: WhyNot) -> Result<AppliedRule, DeclinedRule> {
    Err(DeclinedRule {
        why,
        covered: money("99.99"),
        eligible: money("99.99"),
        date: "2026-11-21".parse().unwrap(),
        wall_clock: "2026-11-21T19:30:00".parse().unwrap(),
    })
}

fn purchase(amount: &str, rules: Vec<RuleExplanation>) -> Explanation {
    Explanation {
        status: PurchaseStatus::Posted,
        amount: money(amount),
        redeemed: Money::ZERO,
        sold: money(amount),
        refunded: Money::ZERO,
        given: Money::ZERO,
        left: Money::ZERO,
        reason: None,
        rules,
    }
}

fn told(explanation: &Explanation, language: Language) -> Vec<String> {
    let names = HashMap::from([("R-059".to_owned(), "Пермская краевая".to_owned())]);
    let reader = Reader { language, zone: Moscow, names: &names };
    sentences(explanation, reader).iter().map(|line| plain(line)).collect()
}

#[test]
fn the_example_of_money_md_in_words() {
    let mut outcome = applied("420.00", "42.00");
    outcome.covered = money("600.00");
    outcome.rate = Some("10".parse().unwrap());
    outcome.left = money("12.60");
    outcome.funders =
        vec![(Funder::Partner, money("21.00")), (Funder::Organisation("R-059".to_owned()), money("21.00"))];
    let fields =
        r#""earn":{"percent":"10"},"funding":[{"by":"partner","share":"0.5"},{"by":"R-059","share":"0.5"}]"#;
    let mut shopping = purchase("1000.00", vec![rule(fields, Ok(outcome))]);
    shopping.redeemed = money("300.00");
    (shopping.given, shopping.left, shopping.refunded) = (money("42.00"), money("12.60"), money("400.00"));
    assert_eq!(
        told(&shopping, Language::Russian),
        [
            "Покупка на 1 000,00 ₽: 300,00 ₽ оплачено баллами, 700,00 ₽ деньгами. Кешбэк: 42,00 ₽.",
            "«Осень»: 10 % от 420,00 ₽ = 42,00 ₽. Подходят товары на 600,00 ₽ из 1 000,00 ₽, за вычетом баллов — 420,00 ₽. \
             После возвратов осталось 12,60 ₽. Платят: партнёр — 21,00 ₽, «Пермская краевая» — 21,00 ₽. \
             Можно тратить с 6 декабря 2026 по 21 ноября 2027.",
            "Возвращено товаров на 400,00 ₽; кешбэк уменьшен на 29,40 ₽, осталось 12,60 ₽.",
        ]
    );
    assert_eq!(
        told(&shopping, Language::English),
        [
            "Purchase of 1,000.00 ₽: 300.00 ₽ paid with points, 700.00 ₽ with money. Cashback: 42.00 ₽.",
            "“Осень”: 10% of 420.00 ₽ = 42.00 ₽. It covers goods for 600.00 ₽ of 1,000.00 ₽, less points — 420.00 ₽. \
             After returns it is 12.60 ₽. Paid by the partner — 21.00 ₽, “Пермская краевая” — 21.00 ₽. \
             Can be spent from 6 December 2026 until 21 November 2027.",
            "Returned: 400.00 ₽; cashback taken back: 29.40 ₽, left: 12.60 ₽.",
        ]
    );
}

#[test]
fn what_was_captured_for_less_was_not_returned() {
    let mut outcome = applied("1000.00", "50.00");
    (outcome.rate, outcome.left) = (Some("5".parse().unwrap()), money("30.00"));
    let mut shopping = purchase("1000.00", vec![rule(r#""earn":{"percent":"5"}"#, Ok(outcome))]);
    (shopping.sold, shopping.refunded) = (money("600.00"), money("400.00"));
    (shopping.given, shopping.left) = (money("50.00"), money("30.00"));
    let told_of = |shopping: &Explanation| {
        [Language::Russian, Language::English].map(|language| told(shopping, language).pop().unwrap())
    };
    assert_eq!(
        told_of(&shopping),
        [
            "Магазин подтвердил покупку на 600,00 ₽; кешбэк с этой суммы: 30,00 ₽.",
            "The shop confirmed a purchase of 600.00 ₽; cashback on that: 30.00 ₽."
        ]
    );
    let rule = told(&shopping, Language::Russian).remove(1);
    assert!(rule.contains("С подтверждённой суммы — 30,00 ₽"), "{rule}");
    (shopping.refunded, shopping.left) = (money("500.00"), money("25.00"));
    assert_eq!(
        told_of(&shopping),
        [
            "Магазин подтвердил покупку на 600,00 ₽. Возвращено товаров на 100,00 ₽; кешбэка осталось 25,00 ₽.",
            "The shop confirmed a purchase of 600.00 ₽. Returned: 100.00 ₽; cashback left: 25.00 ₽."
        ]
    );
}

#[test]
fn steps_are_counted_in_the_right_plural() {
    for (steps, russian, english) in [
        (1, "1 полный шаг", "1 full step"),
        (2, "2 полных шага", "2 full steps"),
        (5, "5 полных шагов", "5 full steps"),
        (11, "11 полных шагов", "11 full steps"),
        (21, "21 полный шаг", "21 full steps"),
        (1_002, "1 002 полных шага", "1,002 full steps"),
    ] {
        let mut outcome = applied("21.90", "2.00");
        outcome.steps = Some(steps);
        let fields = r#""earn":{"per":"10.00","amount":"1.00"}"#;
        let shopping = purchase("21.90", vec![rule(fields, Ok(outcome))]);
        let line = told(&shopping, Language::Russian).remove(1);
        let expected = format!("«Осень»: 1,00 ₽ за каждые полные 10,00 ₽ от 21,90 ₽, {russian} = 2,00 ₽. ");
        assert!(line.starts_with(&expected), "{line}");
        let line = told(&shopping, Language::English).remove(1);
        assert!(line.contains(&format!("1.00 ₽ per full 10.00 ₽ of 21.90 ₽, {english} = 2.00 ₽")), "{line}");
    }
}

#[test]
fn a_trimmed_grant_says_by_what() {
    let fields = r#""earn":{"percent":"10"},"caps":{"per_purchase":"8.00","per_member":{"amount":"500.00","period":"month"},"budget":"1000.00"}"#;
    for (limit, given, text) in [
        (Limit::PerPurchase, "8.00", "но не больше 8,00 ₽ за покупку — начислено 8,00 ₽"),
        (Limit::PerMember, "7.00", "из вашего лимита 500,00 ₽ в месяц оставалось 7,00 ₽ — начислено 7,00 ₽"),
        (Limit::Budget, "6.00", "в бюджете акции оставалось 6,00 ₽ — начислено 6,00 ₽"),
        (Limit::Paid, "5.00", "но кешбэк не больше оплаченного — начислено 5,00 ₽"),
    ] {
        let mut outcome = applied("100.05", "10.01");
        outcome.rate = Some("10".parse().unwrap());
        outcome.rounded = true;
        outcome.trimmed_by = Some(limit);
        (outcome.room, outcome.given, outcome.left) = (Some(money(given)), money(given), money(given));
        let line = told(&purchase("100.05", vec![rule(fields, Ok(outcome))]), Language::Russian).remove(1);
        let expected = format!("«Осень»: 10 % от 100,05 ₽ = 10,01 ₽ (округлено до копейки), {text}. ");
        assert!(line.starts_with(&expected), "{line}");
    }
}

#[test]
fn every_reason_is_told_with_what_was_asked_and_what_was_found() {
    let fields = r#""when":{"from":"2026-12-01","until":"2026-12-31","days":["mon","tue"],"hours":["22:00","06:00"],
        "least_amount":"1437.83","members":{"organisation":"R-059","categories":["student","pensioner"],"age":[14,21],
        "member_for_months":21,"tier":"gold"}},"earn":{"per":"100.00","amount":"1.00"},
        "caps":{"per_member":{"amount":"500.00","period":"day"}}"#;
    let expected = [
        (WhyNot::OutsideDates, "действует с 1 декабря 2026 по 31 декабря 2026, а покупка — 21 ноября 2026"),
        (WhyNot::OtherDay, "действует по понедельникам, вторникам, а покупка — в субботу"),
        (WhyNot::OtherHours, "действует с 22:00 до 06:00, а покупка — в 19:30"),
        (WhyNot::OtherOutlet, "действует в других точках партнёра"),
        (WhyNot::OtherOrganisation, "для членов организации «Пермская краевая»"),
        (WhyNot::OtherCategory, "для студентов, пенсионеров"),
        (WhyNot::OtherAge, "для возраста от 14 до 21 года"),
        (WhyNot::ShortMembership, "нужен стаж в профсоюзе от 21 месяца"),
        (WhyNot::OtherTier, "для уровня «gold»"),
        (WhyNot::NothingEligible, "всё оплачено баллами"),
        (WhyNot::BelowLeastAmount, "нужна сумма от 1 437,83 ₽, а подходит 99,99 ₽"),
        (WhyNot::RoundsToNothing, "начисляет от 100,00 ₽, а подходит 99,99 ₽"),
        (WhyNot::CapReached, "из вашего лимита 500,00 ₽ в день ничего не осталось"),
        (WhyNot::BudgetSpent, "бюджет акции исчерпан"),
        (WhyNot::BetterRule, "кешбэк даёт другая акция, не менее выгодная"),
        (WhyNot::PaidReached, "другие акции уже дали столько, сколько оплачено"),
    ];
    assert_eq!(expected.len(), WhyNot::ALL.len());
    let mut english = std::collections::HashSet::new();
    for (why, text) in expected {
        let shopping = purchase("99.99", vec![rule(fields, declined(why))]);
        assert_eq!(told(&shopping, Language::Russian)[1], format!("«Осень»: {text}."));
        let line = told(&shopping, Language::English).remove(1);
        assert!(
            line.is_ascii()
                || line
                    .replace(['“', '”', '₽'], "")
                    .replace("Осень", "")
                    .replace("Пермская краевая", "")
                    .is_ascii(),
            "{line}"
        );
        assert!(english.insert(line));
    }
}

#[test]
fn standing_is_told_as_a_reason() {
    for reason in CashbackReason::ALL {
        let mut shopping = purchase("100.00", Vec::new());
        shopping.reason = Some(*reason);
        let (russian, english) = (told(&shopping, Language::Russian), told(&shopping, Language::English));
        assert_eq!((russian.len(), english.len()), (2, 2));
        assert!(russian[1].ends_with('.') && english[1].is_ascii(), "{reason}");
    }
    let mut shopping = purchase("100.00", Vec::new());
    shopping.status = PurchaseStatus::Authorized;
    assert!(told(&shopping, Language::Russian)[1].contains("предварительный"));
}
