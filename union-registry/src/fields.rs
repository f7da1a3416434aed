//! Fields as texts, as they stand in a file's row or a form, checked into values. The same rules serve the importer and
//! HTTP, and every fault is told, not the first alone.

use chrono::{Months, NaiveDate};

use crate::text::{
    CODE_CHARS_MAX, ORGANISATION_NAME_CHARS_MAX, PERSON_NAME_CHARS_MAX, POSITION_CHARS_MAX, clean,
};
use crate::{Category, Fault, OrganisationKind, Sex, contact, inn};

/// The longest life reckoned with, in months.
const AGE_MAX: Months = Months::new(130 * 12);

/// A member's fields, named as the import's columns. What may be empty: middle name, sex, birth date, phone, e-mail,
/// category, position, consent.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs, reason = "the columns of the import, which the contract names")]
pub struct RawMember<'a> {
    pub membership_number: &'a str,
    pub organisation_code: &'a str,
    pub last_name: &'a str,
    pub first_name: &'a str,
    pub middle_name: &'a str,
    pub sex: &'a str,
    pub birth_date: &'a str,
    pub phone: &'a str,
    pub email: &'a str,
    pub category: &'a str,
    pub position: &'a str,
    pub joined_on: &'a str,
    pub consent_on: &'a str,
}

/// A member's fields, checked.
#[derive(Debug, Clone)]
pub struct MemberFields {
    /// The union's own number, unique.
    pub membership_number: String,
    /// The organisation's code; that it exists is not checked here.
    pub organisation_code: String,
    /// Family name.
    pub last_name: String,
    /// Given name.
    pub first_name: String,
    /// Patronymic, empty when there is none.
    pub middle_name: String,
    /// Sex, if given.
    pub sex: Option<Sex>,
    /// Date of birth, if given.
    pub birth_date: Option<NaiveDate>,
    /// In E.164.
    pub phone: Option<String>,
    /// Lower-cased.
    pub email: Option<String>,
    /// What the member does.
    pub category: Category,
    /// Position, empty when there is none.
    pub position: String,
    /// First day in the union.
    pub joined_on: NaiveDate,
    /// Day of the consent to the processing of personal data.
    pub consent_on: Option<NaiveDate>,
}

/// Collects faults while fields are read.
#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, field: &'static str, reason: &'static str) {
        self.0.push(Fault { field, reason });
    }

    /// A text that must not be empty (`empty` is the reason then) and must be allowed.
    fn required(&mut self, field: &'static str, text: &str, chars_max: usize, empty: &'static str) -> String {
        let value = self.optional(field, text, chars_max);
        if text.trim().is_empty() {
            self.add(field, empty);
        }
        value
    }

    fn optional(&mut self, field: &'static str, text: &str, chars_max: usize) -> String {
        clean(text, chars_max).unwrap_or_else(|_| {
            self.add(field, "text_not_allowed");
            String::new()
        })
    }

    /// A value that may be empty; `read` gives `None` for what cannot be taken.
    fn parsed<T>(
        &mut self,
        field: &'static str,
        text: &str,
        reason: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let value = read(text);
        if value.is_none() {
            self.add(field, reason);
        }
        value
    }
}

/// Checks a member's fields as of `today`.
///
/// # Errors
/// Every fault, in the order of the columns.
pub fn member(raw: &RawMember<'_>, today: NaiveDate) -> Result<MemberFields, Vec<Fault>> {
    let mut faults = Faults::default();
    let membership_number =
        code(&mut faults, "membership_number", raw.membership_number, "invalid_membership_number");
    let organisation_code =
        faults.required("organisation_code", raw.organisation_code, CODE_CHARS_MAX, "unknown_organisation");
    let last_name = faults.required("last_name", raw.last_name, PERSON_NAME_CHARS_MAX, "missing_name");
    let first_name = faults.required("first_name", raw.first_name, PERSON_NAME_CHARS_MAX, "missing_name");
    let middle_name = faults.optional("middle_name", raw.middle_name, PERSON_NAME_CHARS_MAX);
    let sex = faults.parsed("sex", raw.sex, "invalid_sex", |text| text.parse().ok());
    let oldest = today - AGE_MAX;
    let birth_date = faults.parsed("birth_date", raw.birth_date, "invalid_birth_date", |text| {
        date(text).filter(|born| *born > oldest && *born < today)
    });
    let phone = faults.parsed("phone", raw.phone, "invalid_phone", contact::normalise_phone);
    let email = faults.parsed("email", raw.email, "invalid_email", contact::normalise_email);
    let category = faults.parsed("category", raw.category, "unknown_category", |text| text.parse().ok());
    let position = faults.optional("position", raw.position, POSITION_CHARS_MAX);
    let since = birth_date.unwrap_or(oldest);
    let joined_on = faults.parsed("joined_on", raw.joined_on, "invalid_joined_on", |text| {
        date(text).filter(|joined| *joined >= since && *joined <= today)
    });
    if raw.joined_on.trim().is_empty() {
        faults.add("joined_on", "invalid_joined_on");
    }
    let consent_on = faults.parsed("consent_on", raw.consent_on, "invalid_consent_on", |text| {
        date(text).filter(|given| *given >= since && *given <= today)
    });
    match joined_on {
        Some(joined_on) if faults.0.is_empty() => Ok(MemberFields {
            membership_number,
            organisation_code,
            last_name,
            first_name,
            middle_name,
            sex,
            birth_date,
            phone,
            email,
            category: category.unwrap_or(Category::Unspecified),
            position,
            joined_on,
            consent_on,
        }),
        _ => Err(faults.0),
    }
}

/// An organisation's fields, named as the import's columns. Parent, INN and region may be empty.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs, reason = "the columns of the import, which the contract names")]
pub struct RawOrganisation<'a> {
    pub code: &'a str,
    pub name: &'a str,
    pub kind: &'a str,
    pub parent_code: &'a str,
    pub inn: &'a str,
    pub region_code: &'a str,
}

/// An organisation's fields, checked.
#[derive(Debug, Clone)]
pub struct OrganisationFields {
    /// The code, unique.
    pub code: String,
    /// The name.
    pub name: String,
    /// The level.
    pub kind: OrganisationKind,
    /// The organisation above; `None` for a root.
    pub parent_code: Option<String>,
    /// Taxpayer number, if given; may be shared.
    pub inn: Option<String>,
    /// Region, if given.
    pub region_code: Option<String>,
}

/// Checks an organisation's fields. That the parent exists is not checked here.
///
/// # Errors
/// Every fault, in the order of the columns.
pub fn organisation(raw: &RawOrganisation<'_>) -> Result<OrganisationFields, Vec<Fault>> {
    let mut faults = Faults::default();
    let own = code(&mut faults, "code", raw.code, "invalid_code");
    let name = faults.required("name", raw.name, ORGANISATION_NAME_CHARS_MAX, "missing_name");
    let kind = faults.parsed("kind", raw.kind, "unknown_kind", |text| text.parse().ok());
    if raw.kind.trim().is_empty() {
        faults.add("kind", "unknown_kind");
    }
    let parent_code = faults.optional("parent_code", raw.parent_code, CODE_CHARS_MAX);
    let inn = faults.parsed("inn", raw.inn, "invalid_inn", |text| inn::is_inn(text).then(|| text.to_owned()));
    let region_code = faults.parsed("region_code", raw.region_code, "invalid_region_code", |text| {
        let fits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| text.to_owned())
    });
    match kind {
        Some(kind) if faults.0.is_empty() => Ok(OrganisationFields {
            code: own,
            name,
            kind,
            parent_code: Some(parent_code).filter(|code| !code.is_empty()),
            inn,
            region_code,
        }),
        _ => Err(faults.0),
    }
}

/// A code or number by which a row is known: one word, and not what Excel makes of a long number (`7.9E+10`).
fn code(faults: &mut Faults, field: &'static str, text: &str, reason: &'static str) -> String {
    let value = faults.optional(field, text, CODE_CHARS_MAX);
    let fits = !text.trim().is_empty() && !value.contains(' ') && !is_excel_number(&value);
    if !fits && (value.is_empty() == text.trim().is_empty()) {
        faults.add(field, reason);
    }
    value
}

/// `7.9E+10`, `7,9E+10`: a number that a spreadsheet has rounded. What it was is lost.
fn is_excel_number(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let power = exponent.strip_prefix(['+', '-']).unwrap_or_default();
    !power.is_empty()
        && power.bytes().all(|b| b.is_ascii_digit())
        && mantissa.starts_with(|c: char| c.is_ascii_digit())
        && mantissa.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',')
}

/// `2026-11-21` or, as Russian spreadsheets write it, `21.11.2026`.
fn date(text: &str) -> Option<NaiveDate> {
    let number = |digits: &str, length: usize| -> Option<u32> {
        (digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
    };
    let (year, month, day) = match text.split_once('-') {
        Some((year, rest)) => {
            let (month, day) = rest.split_once('-')?;
            (year, month, day)
        }
        None => {
            let (day, rest) = text.split_once('.')?;
            let (month, year) = rest.split_once('.')?;
            (year, month, day)
        }
    };
    let year = i32::try_from(number(year, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, number(month, 2)?, number(day, 2)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> RawMember<'static> {
        RawMember {
            membership_number: "000000001",
            organisation_code: "P-000001",
            last_name: "Иванова",
            first_name: "Анна",
            sex: "female",
            birth_date: "1980-02-29",
            phone: "8 900 123-45-67",
            email: "A@Example.org",
            category: "worker",
            joined_on: "01.09.2019",
            consent_on: "2020-12-01",
            ..RawMember::default()
        }
    }

    fn reasons(raw: &RawMember<'_>) -> Vec<&'static str> {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        member(raw, today).err().unwrap_or_default().into_iter().map(|fault| fault.reason).collect()
    }

    #[test]
    fn a_good_row_is_read() {
        let fields = member(&good(), NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()).unwrap();
        assert_eq!(fields.phone.as_deref(), Some("+79001234567"));
        assert_eq!(fields.email.as_deref(), Some("a@example.org"));
        assert_eq!(fields.joined_on.to_string(), "2019-09-01");
        let bare = RawMember {
            sex: "",
            birth_date: "",
            phone: "",
            email: "",
            category: "",
            consent_on: "",
            ..good()
        };
        assert!(reasons(&bare).is_empty(), "what may be empty may be empty");
    }

    #[test]
    fn every_fault_is_told() {
        for (raw, expected) in [
            (RawMember { birth_date: "2031-02-30", ..good() }, vec!["invalid_birth_date"]),
            (RawMember { birth_date: "1980-2-9", ..good() }, vec!["invalid_birth_date"]),
            (RawMember { birth_date: "1880-01-01", ..good() }, vec!["invalid_birth_date"]),
            (RawMember { last_name: "   ", ..good() }, vec!["missing_name"]),
            (RawMember { first_name: "а\u{202e}б", ..good() }, vec!["text_not_allowed"]),
            (RawMember { category: "wizard", ..good() }, vec!["unknown_category"]),
            (RawMember { membership_number: "7.9E+10", ..good() }, vec!["invalid_membership_number"]),
            (RawMember { membership_number: "", ..good() }, vec!["invalid_membership_number"]),
            (RawMember { membership_number: "1 2", ..good() }, vec!["invalid_membership_number"]),
            (RawMember { membership_number: "1\u{0}2", ..good() }, vec!["text_not_allowed"]),
            (RawMember { joined_on: "", ..good() }, vec!["invalid_joined_on"]),
            (RawMember { joined_on: "2026-11-22", ..good() }, vec!["invalid_joined_on"]),
            (RawMember { joined_on: "1979-01-01", ..good() }, vec!["invalid_joined_on"]),
            (RawMember { consent_on: "yes", ..good() }, vec!["invalid_consent_on"]),
            (
                RawMember { sex: "m", phone: "1", email: "x", ..good() },
                vec!["invalid_sex", "invalid_phone", "invalid_email"],
            ),
        ] {
            assert_eq!(reasons(&raw), expected, "{raw:?}");
        }
    }

    #[test]
    fn organisations_are_checked_likewise() {
        let good = RawOrganisation {
            code: "P-1",
            name: "Первичка",
            kind: "primary",
            inn: "7707049388",
            region_code: "77",
            ..RawOrganisation::default()
        };
        assert!(organisation(&good).is_ok());
        let bad = RawOrganisation {
            code: " ",
            name: "",
            kind: "guild",
            inn: "7707049389",
            region_code: "7.7",
            parent_code: "а\u{0}",
        };
        let reasons: Vec<_> = organisation(&bad).unwrap_err().into_iter().map(|fault| fault.reason).collect();
        assert_eq!(
            reasons,
            [
                "invalid_code",
                "missing_name",
                "unknown_kind",
                "text_not_allowed",
                "invalid_inn",
                "invalid_region_code"
            ]
        );
    }
}
