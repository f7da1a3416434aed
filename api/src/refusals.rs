//! What the domain refuses, as problems: the statuses, slugs and words for people, an exhaustive match each, so that a
//! new refusal doesn't compile without them.

use actix_web::http::StatusCode;
use card_issuer::CardError;
use card_issuer::aliases::NameRefusal;
use card_issuer::number::NumberError;
use card_issuer::presentation::CodeRefusal;
use card_issuer::proof::ProofError;
use card_issuer::resolutions::ResolutionRefusal;
use cashback_engine::EngineError;
use cashback_engine::claims::ClaimRefusal;
use cashback_engine::posting::{FiscalKind, Refusal};
use union_registry::RegistryError;

use crate::problem::{Problem, Text};
use crate::words;

fn unprocessable(slug: &'static str, en: &'static str, ru: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, slug, en, ru)
}

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

/// The claim isn't open any more.
pub fn claim_ended() -> Problem {
    Problem::conflict("claim-ended", "The claim has ended", "Заявка уже закрыта")
}

/// Why a receipt can't be claimed.
pub fn claim(refusal: ClaimRefusal) -> Problem {
    match refusal {
        ClaimRefusal::NotASale(FiscalKind::SaleReturn) => unprocessable(
            "claim-not-a-sale",
            "This is a return's receipt: it comes with the refund",
            "Это чек возврата: он приходит вместе с возвратом",
        ),
        ClaimRefusal::NotASale(_) => {
            unprocessable("claim-not-a-sale", "This receipt is no sale's", "Это не чек продажи")
        }
        ClaimRefusal::Sum => unprocessable(
            "claim-sum",
            "The receipt's sum must be above 0.00 and at most 10,000,000.00",
            "Сумма чека должна быть больше 0,00 и не больше 10 000 000,00",
        ),
        ClaimRefusal::TooOld => {
            unprocessable("claim-too-old", "The receipt is older than 30 days", "Чеку больше 30 дней")
        }
        ClaimRefusal::Future => {
            unprocessable("claim-future", "The receipt's time lies ahead", "Время чека ещё не наступило")
        }
        ClaimRefusal::NotEnrolled => Problem::conflict(
            "claim-not-enrolled",
            "You were not in the bonus programme at the time of the receipt",
            "Когда пробили этот чек, вы не участвовали в бонусной программе",
        ),
        ClaimRefusal::Credited(own) => {
            let problem = Problem::conflict(
                "claim-credited",
                "Cashback for this receipt has been credited already",
                "По этому чеку кэшбэк уже начислен",
            );
            match own {
                Some(purchase) => problem.detail(
                    format!("it is your purchase {purchase}"),
                    format!("это ваша покупка {purchase}"),
                ),
                None => problem,
            }
        }
        ClaimRefusal::Claimed { own: true } => Problem::conflict(
            "claim-exists",
            "You have sent this receipt already",
            "Вы уже отправили этот чек",
        ),
        ClaimRefusal::Claimed { own: false } => Problem::conflict(
            "claim-exists",
            "Somebody has sent this receipt already",
            "Этот чек уже отправил другой участник",
        ),
        ClaimRefusal::DeclinedBefore => Problem::conflict(
            "claim-declined",
            "Your claim of this receipt was declined",
            "Вашу заявку по этому чеку отклонили",
        ),
    }
}

/// Who had no card then claims nothing of that time.
pub fn claim_without_card() -> Problem {
    Problem::conflict(
        "claim-no-card",
        "You had no valid card at the time of this purchase",
        "В момент этой покупки у вас не было действующей карты",
    )
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
        Refusal::PurchaseUnknown => Problem::not_found(),
        Refusal::PurchaseState { status } => {
            Problem::conflict("purchase-state", "Not possible in this state", "В этом состоянии так нельзя")
                .detail(
                    format!("the purchase is {status}"),
                    format!("покупка {}", words::told(status.as_str()).ru),
                )
        }
        Refusal::InsufficientPoints { available } => {
            Problem::conflict("insufficient-points", "Not enough points", "Баллов не хватает")
                .detail(format!("only {available} is available"), format!("доступно только {available}"))
                .field(
                    "#/redeem",
                    format!("only {available} is available"),
                    format!("доступно только {available}"),
                )
        }
        Refusal::CardLimit { left } => {
            Problem::conflict("card-limit", "This family card's limit", "Лимит этой семейной карты")
                .detail(
                    format!("only {left} is left of the card's limit"),
                    format!("по лимиту карты осталось {left}"),
                )
                .field(
                    "#/redeem",
                    format!("only {left} is left of the card's limit"),
                    format!("по лимиту карты осталось {left}"),
                )
        }
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
            let mut problem = Problem::invalid();
            let words = field_words(wrong);
            problem = problem.field(format!("#{}", wrong.pointer()), words.en, words.ru);
            problem
        }
    }
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
        | Refusal::PurchaseUnknown
        | Refusal::PurchaseState { .. }
        | Refusal::InsufficientPoints { .. }
        | Refusal::CardLimit { .. }
        | Refusal::CaptureTooMuch { .. }
        | Refusal::RefundTooMuch { .. } => Text::new("is refused", "не принято"),
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
            CardError::Database(error) => error.into(),
        }
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::UnknownMember(_) | RegistryError::UnknownOrganisation(_) => Self::not_found(),
            RegistryError::Invalid(faults) => faults.into_iter().fold(Self::invalid(), |problem, fault| {
                problem.field(
                    format!("#/{}", fault.field),
                    fault.reason.replace('_', " "),
                    fault_words(fault.reason),
                )
            }),
            RegistryError::CodeTaken => Self::conflict(
                "code-taken",
                "An organisation with this code exists",
                "Организация с таким кодом уже есть",
            ),
            RegistryError::NumberTaken => Self::conflict(
                "number-taken",
                "A member with this membership number exists",
                "Член профсоюза с таким номером уже есть",
            ),
            RegistryError::Closed => {
                Self::conflict("organisation-closed", "The organisation is closed", "Организация закрыта")
            }
            RegistryError::NotEmpty => Self::conflict(
                "organisation-not-empty",
                "Move the members away and close what lies below first",
                "Сначала переведите членов и закройте организации внутри",
            ),
            RegistryError::Importing => Self::conflict(
                "import-running",
                "A file is being brought in; try again when it is done",
                "Сейчас загружается файл; повторите, когда он загрузится",
            ),
            RegistryError::WrongState(what) => {
                Self::conflict("member-state", "Not possible in this state", "В этом состоянии так нельзя")
                    .detail(format!("the member is {what}"), words::told(what).ru)
            }
            RegistryError::WrongDay(what) => Self::invalid_field(
                "#/on",
                format!("the day is {what}"),
                format!("эта дата не подходит: {}", words::told(what).ru),
            ),
            RegistryError::Sealed(error) => Self::internal(&error),
            RegistryError::Database(error) => error.into(),
        }
    }
}

/// The register's reasons in Russian; the import's report shows them too.
pub fn fault_words(reason: &str) -> &'static str {
    match reason {
        "unknown_organisation" => "такой организации нет",
        "unknown_parent" => "вышестоящей организации нет",
        "unknown_category" => "неизвестная категория",
        "unknown_kind" => "неизвестный вид организации",
        "missing_name" => "не указано имя",
        "invalid_birth_date" => "неверная дата рождения",
        "invalid_phone" => "неверный телефон",
        "invalid_email" => "неверный адрес почты",
        "invalid_sex" => "пол: female или male",
        "invalid_joined_on" => "неверная дата вступления",
        "invalid_consent_on" => "неверная дата согласия",
        "invalid_membership_number" => "неверный номер билета",
        "invalid_inn" => "неверный ИНН",
        "invalid_code" => "неверный код",
        "invalid_region_code" => "неверный код региона",
        "duplicate_number" | "duplicate_code" => "номер встречается в файле дважды",
        "text_not_allowed" => "недопустимые символы или слишком длинный текст",
        "wrong_cell_count" => "в строке не то число столбцов",
        "invalid_alias" => "это не может быть номером карты",
        "unknown_member" => "члена профсоюза с таким номером нет",
        "no_card" => "у члена профсоюза нет действующей виртуальной карты",
        "cycle" => "организации подчинены друг другу по кругу",
        _ => "указано неверно",
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
