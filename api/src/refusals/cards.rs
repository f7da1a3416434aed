//! What is wrong with what was shown at a till, or with what somebody wants of a card.

use actix_web::http::StatusCode;
use card_issuer::CardError;
use card_issuer::aliases::NameRefusal;
use card_issuer::keys::NoKeyVersion;
use card_issuer::number::NumberError;
use card_issuer::presentation::CodeRefusal;
use card_issuer::proof::ProofError;
use card_issuer::resolutions::ResolutionRefusal;

use super::unprocessable;
use crate::problem::Problem;
use crate::words;

/// No card has this number.
pub fn card_unknown() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "card-unknown",
        "There is no card with this number",
        "Карты с таким номером нет",
    )
}

/// The text isn't a live code at all.
pub fn code_invalid(pointer: &str) -> Problem {
    unprocessable("code-invalid", "This is not a card's code", "Это не код карты").field(
        pointer,
        "must be the 24 digits under the QR",
        "нужны 24 цифры под QR-кодом",
    )
}

/// A card number with a wrong shape or check digit.
pub fn number_invalid(error: NumberError) -> Problem {
    let (en, ru) = match error {
        NumberError::NotDigits => ("has something other than digits", "в номере не только цифры"),
        NumberError::WrongLength => ("must have 16 digits", "в номере должно быть 16 цифр"),
        NumberError::WrongPrefix => ("must begin with 9643", "номер начинается с 9643"),
        NumberError::WrongCheckDigit => (
            "has a typing error: the check digit is wrong",
            "в номере опечатка: не сходится контрольная цифра",
        ),
    };
    unprocessable("code-invalid", "This is not a card's number", "Это не номер карты").field(
        "#/card_number",
        en,
        ru,
    )
}

/// The code a customer told at the till is wrong or past its time.
pub fn enrolment_code_wrong() -> Problem {
    unprocessable("code-wrong", "The code is wrong or has run out", "Код неверен или устарел").field(
        "#/code",
        "is wrong or has run out",
        "неверен или устарел",
    )
}

/// Why what was sent as a card's number finds no card.
pub fn name(refusal: NameRefusal) -> Problem {
    match refusal {
        NameRefusal::Unknown => card_unknown(),
        NameRefusal::NotANumber(error) => number_invalid(error),
        NameRefusal::Ambiguous => card_unknown().detail(
            "several cards have this number: use the one that begins with 9643",
            "С таким номером несколько карт: нужен номер, который начинается с 9643",
        ),
    }
}

/// Why a proof isn't taken.
pub fn proof(error: ProofError) -> Problem {
    match error {
        ProofError::Form => code_invalid("#/proof"),
        ProofError::Signature => code(CodeRefusal::Wrong),
    }
}

/// Why a live code isn't taken, in words a cashier understands.
pub fn code(refusal: CodeRefusal) -> Problem {
    match refusal {
        CodeRefusal::CardUnknown => card_unknown(),
        CodeRefusal::Wrong => unprocessable(
            "code-wrong",
            "The code is wrong: scan the QR once more",
            "Код неверный: отсканируйте QR ещё раз",
        ),
        CodeRefusal::Expired => unprocessable(
            "code-expired",
            "The code has expired: scan the new one on the screen",
            "Код устарел: отсканируйте новый с экрана",
        ),
        CodeRefusal::ClockOff => unprocessable(
            "code-clock",
            "The clock of the phone is off: set its time automatically",
            "На телефоне сбились часы: включите автоматическое время",
        ),
        CodeRefusal::Used => Problem::conflict(
            "code-used",
            "This code has been used: wait for the next one",
            "Этот код уже использован: дождитесь следующего",
        ),
    }
}

/// Why a resolution isn't taken.
pub fn resolution(refusal: ResolutionRefusal) -> Problem {
    match refusal {
        ResolutionRefusal::Unknown => Problem::new(
            StatusCode::NOT_FOUND,
            "resolution-unknown",
            "There is no such resolution",
            "Такой проверки карты не было",
        ),
        ResolutionRefusal::Expired => Problem::conflict(
            "resolution-expired",
            "The card was checked more than 15 minutes ago: scan it again",
            "Карту проверили больше 15 минут назад: отсканируйте её снова",
        ),
        ResolutionRefusal::Used => Problem::conflict(
            "resolution-used",
            "This check of the card has served its purchase: scan the card again",
            "По этой проверке покупка уже проведена: отсканируйте карту снова",
        ),
    }
}

impl From<NoKeyVersion> for Problem {
    fn from(missing: NoKeyVersion) -> Self {
        Self::internal(&missing)
    }
}

impl From<CardError> for Problem {
    fn from(error: CardError) -> Self {
        match error {
            CardError::Unknown(_) => Self::not_found(),
            CardError::AlreadyHas(_) => Self::conflict(
                "card-exists",
                "The member has a card of this kind",
                "Карта этого вида у участника уже есть",
            ),
            CardError::Transition { .. } => Self::conflict(
                "card-state",
                "Not possible in this state",
                "В этом состоянии карты так нельзя",
            ),
            CardError::Replaced(_) => Self::conflict(
                "card-replaced",
                "Another card has been issued instead of this one",
                "Вместо этой карты уже выпущена другая",
            ),
            CardError::TooManyFamilyCards(most) => {
                Self::conflict("too-many-cards", "Too many cards", "Слишком много карт").detail(
                    format!("at most {most} family cards a member"),
                    format!("не больше {most} семейных карт"),
                )
            }
            CardError::NotFamily => Self::conflict(
                "card-not-family",
                "Only a family card has limits",
                "Лимиты есть только у семейной карты",
            ),
            CardError::TooManyDevices(most) => Self::conflict(
                "too-many-devices",
                "The card has too many devices",
                "У карты слишком много устройств",
            )
            .detail(format!("at most {most} devices a card"), format!("не больше {most} устройств на карту")),
            CardError::Plastic => Self::conflict(
                "card-plastic",
                "A plastic card draws no live code",
                "У пластиковой карты нет живого кода",
            ),
            CardError::BatchUnknown(_) => Self::not_found(),
            CardError::BatchState(status) => Self::conflict(
                "batch-state",
                "Not possible in this state of the batch",
                "В этом состоянии партии так нельзя",
            )
            .detail(format!("the batch is {status}"), words::told(format!("the batch is {status}")).ru),
            CardError::NotInPrint(card) => Self::conflict(
                "card-not-in-print",
                "The card is not waiting in this batch",
                "Этой карты нет среди ожидающих в партии",
            )
            .detail(
                format!("card {card} is not waiting in this batch to be handed out"),
                format!("карта {card} в этой партии не ожидает выдачи"),
            ),
            CardError::NumbersExhausted => Self::internal("card numbers are exhausted"),
            CardError::KeyVersion(missing) => missing.into(),
            CardError::Database(error) => error.into(),
        }
    }
}
