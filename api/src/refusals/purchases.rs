//! Why a purchase or refund isn't posted, and what else the ledger refuses.

use cashback_engine::EngineError;
use cashback_engine::posting::Refusal;

use super::claims::{claim_authorized, claim_ended};
use super::{card_unknown, unprocessable};
use crate::problem::{Problem, Text};
use crate::words;

/// Why a purchase or refund is refused.
pub fn purchase(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::ReceiptConflict { purchase } => Problem::conflict(
            "receipt-conflict",
            "This receipt is known with other content",
            "Этот чек уже есть с другим содержанием",
        )
        .detail(
            format!("the receipt is purchase {purchase}, which has other content"),
            format!("этот чек — покупка {purchase} с другим содержанием"),
        ),
        Refusal::ReferenceConflict => Problem::conflict(
            "reference-conflict",
            "This reference is known with other content",
            "Возврат с этим номером уже есть с другим содержанием",
        ),
        Refusal::CardBlocked => {
            Problem::conflict("card-blocked", "The card is blocked", "Карта заблокирована")
        }
        Refusal::CardExpired => {
            Problem::conflict("card-expired", "The card has expired", "Срок действия карты истёк")
        }
        Refusal::CardUnknown => card_unknown(),
        Refusal::FiscalUsed => Problem::conflict(
            "fiscal-used",
            "This fiscal receipt belongs to another purchase",
            "Этот фискальный чек уже относится к другой покупке",
        ),
        Refusal::ClaimEnded => claim_ended(),
        Refusal::ClaimAuthorized => claim_authorized(),
        Refusal::PurchaseUnknown => Problem::not_found(),
        Refusal::PurchaseState { status } => {
            Problem::conflict("purchase-state", "Not possible in this state", "В этом состоянии так нельзя")
                .detail(
                    format!("the purchase is {status}"),
                    format!("покупка {}", words::told(status.as_str()).ru),
                )
        }
        Refusal::InsufficientPoints { available } => too_many_points(
            Problem::conflict("insufficient-points", "Not enough points", "Баллов не хватает"),
            Text::new(format!("only {available} is available"), format!("доступно только {available}")),
        ),
        Refusal::CardLimit { left } => too_many_points(
            Problem::conflict("card-limit", "This family card's limit", "Лимит этой семейной карты"),
            Text::new(
                format!("only {left} is left of the card's limit"),
                format!("по лимиту карты осталось {left}"),
            ),
        ),
        Refusal::RefundTooMuch { left } => {
            unprocessable("refund-too-much", "More than is left", "Больше, чем осталось").field(
                "#/amount",
                format!("only {left} is left to refund"),
                format!("к возврату осталось {left}"),
            )
        }
        Refusal::CaptureTooMuch { most } => {
            unprocessable("capture-too-much", "More than was authorised", "Больше, чем было авторизовано")
                .field(
                    "#/amount",
                    format!("only {most} was authorised"),
                    format!("авторизовано только {most}"),
                )
        }
        wrong => {
            let words = field_words(wrong);
            Problem::invalid().field(format!("#{}", wrong.pointer()), words.en, words.ru)
        }
    }
}

/// More was to be paid with points than there is: said of the whole and at the field.
fn too_many_points(problem: Problem, words: Text) -> Problem {
    problem.detail(words.en.clone(), words.ru.clone()).field("#/redeem", words.en, words.ru)
}

/// The words at the field for refusals that are nothing but a wrong field.
fn field_words(refusal: &Refusal) -> Text {
    match refusal {
        Refusal::OutletUnknown => Text::new("is no outlet of yours", "у вас нет такой торговой точки"),
        Refusal::ReceiptInvalid | Refusal::ReferenceInvalid => Text::new(
            "must have 1 to 64 characters, no blank ends and no control characters",
            "от 1 до 64 знаков, без пробелов по краям и управляющих символов",
        ),
        Refusal::OccurredAtTooOld => Text::new("is too long ago", "слишком давно"),
        Refusal::OccurredAtFuture => Text::new("lies in the future", "это время ещё не наступило"),
        Refusal::AmountInvalid => Text::new(
            "must be above 0.00 and at most 10000000.00",
            "должно быть больше 0.00 и не больше 10000000.00",
        ),
        Refusal::LineInvalid { .. } => Text::new("is wrong", "указано неверно"),
        Refusal::LinesDontAddUp { sum } => {
            Text::new(format!("the lines add up to {sum}"), format!("сумма строк — {sum}"))
        }
        Refusal::RedeemWithoutLiveCode => {
            Text::new("points can be spent with a live code alone", "баллами платят только по живому QR-коду")
        }
        Refusal::RedeemTooMuch { most } => Text::new(
            format!("at most {most} can be paid with points"),
            format!("баллами можно оплатить не больше {most}"),
        ),
        Refusal::RedeemTooLittle { least } => Text::new(
            format!("at least {least} has to be paid with points"),
            format!("баллами платят не меньше {least}"),
        ),
        Refusal::RedeemNotEnrolled => {
            Text::new("the member can't spend points", "этот участник не может платить баллами")
        }
        Refusal::FiscalMismatch { expected } => Text::new(
            format!("the receipt's sum should be {expected}"),
            format!("сумма чека должна быть {expected}"),
        ),
        Refusal::FiscalKind => Text::new("the receipt is of another kind", "это чек другого вида"),
        Refusal::RefundLineUnknown { .. } => Text::new(
            "is not in the purchase, or less of it is left",
            "такой строки в покупке нет, или её осталось меньше",
        ),
        Refusal::ReceiptConflict { .. }
        | Refusal::ReferenceConflict
        | Refusal::CardBlocked
        | Refusal::CardExpired
        | Refusal::CardUnknown
        | Refusal::FiscalUsed
        | Refusal::ClaimEnded
        | Refusal::ClaimAuthorized
        | Refusal::PurchaseUnknown
        | Refusal::PurchaseState { .. }
        | Refusal::InsufficientPoints { .. }
        | Refusal::CardLimit { .. }
        | Refusal::CaptureTooMuch { .. }
        | Refusal::RefundTooMuch { .. } => Text::new("is refused", "не принято"),
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unknown(_) => Self::not_found(),
            EngineError::Taken(what) => Self::conflict("taken", "This name is taken", "Такое имя уже занято")
                .detail(format!("{what} is taken"), format!("занято: {what}")),
            EngineError::Invalid(fields) => fields.into_iter().fold(Self::invalid(), |problem, field| {
                let words = words::told(field.message);
                problem.field(format!("#{}", field.pointer), words.en, words.ru)
            }),
            EngineError::SamePerson => Self::conflict(
                "same-person",
                "Another person has to approve this",
                "Утвердить должен другой человек",
            ),
            EngineError::State(what) => {
                let words = words::told(what);
                Self::conflict("state", "Not possible in this state", "В этом состоянии так нельзя")
                    .detail(words.en, words.ru)
            }
            EngineError::Insufficient { available } => {
                Self::conflict("insufficient", "Not enough on the account", "На счёте не хватает средств")
                    .detail(format!("only {available} is available"), format!("доступно только {available}"))
                    .field(
                        "#/amount",
                        format!("only {available} is available"),
                        format!("доступно только {available}"),
                    )
            }
            EngineError::Frozen => Self::conflict(
                "member-frozen",
                "The account is frozen: nothing can be spent or withdrawn",
                "Счёт заморожен: тратить и выводить нельзя",
            ),
            EngineError::Changed => Self::conflict(
                "changed",
                "Something has changed since you looked: look again",
                "С тех пор что-то изменилось: посмотрите ещё раз",
            ),
            EngineError::File { reason, detail, line } => {
                let at = line.map(|line| format!(" (line {line})")).unwrap_or_default();
                let at_ru = line.map(|line| format!(" (строка {line})")).unwrap_or_default();
                let words = words::register_file(reason, &detail);
                unprocessable("file-unusable", "The file can't be used", "Файл нельзя использовать").field(
                    "#/file",
                    format!("{}{at}", words.en),
                    format!("{}{at_ru}", words.ru),
                )
            }
            EngineError::Database(error) => error.into(),
        }
    }
}
