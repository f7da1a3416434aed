//! What the register of members and organisations refuses, and its reasons in Russian.

use union_registry::RegistryError;

use crate::problem::Problem;
use crate::words;

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
