//! What a card plant writes on a card besides its picture: the rows of the personalisation file, and the magnetic
//! stripe's tracks by ISO/IEC 7813. A track's check character (LRC) is the encoder's: it isn't part of the text form.

use chrono::{Datelike, NaiveDate};

use crate::cards::Relation;
use crate::face::Holder;
use crate::latin::transliterated;
use crate::number::CardNumber;

/// Nothing is charged to this card: a service code that allows nothing.
const SERVICE_CODE: &str = "000";
/// Characters of a name on track 1.
const NAME_CHARS_MAX: usize = 26;

/// The columns of the file, in order. `qr_text` is what the code says; a plant never makes it of another column.
pub const COLUMNS: [&str; 18] = [
    "place",
    "number",
    "grouped_number",
    "qr_text",
    "last_name",
    "first_name",
    "middle_name",
    "name_latin",
    "membership_number",
    "organisation_code",
    "organisation",
    "expires_on",
    "expires_mmyy",
    "track1",
    "track2",
    "face_file",
    "pdf_file",
    "relation",
];

/// What stands where a name would on a family's card, whose holder's name nobody keeps.
pub const FAMILY_CARD: &str = "Семейная карта";

/// Where a card's pictures lie.
#[derive(Debug, Clone)]
pub struct Pictures {
    /// The face as pixels.
    pub face: String,
    /// The print file that has the card on one of its pages.
    pub pdf: String,
}

/// A row of the file: a text a column. `relation` is of whoever carries a family's card to the member.
pub fn row(
    place: i32,
    (holder, relation): (&Holder, Option<Relation>),
    organisation_code: &str,
    pictures: &Pictures,
) -> [String; COLUMNS.len()] {
    let expires = holder.expires_on;
    [
        place.to_string(),
        holder.number.to_string(),
        holder.number.grouped(),
        holder.number.to_string(),
        holder.last_name.clone(),
        holder.first_name.clone(),
        holder.middle_name.clone(),
        transliterated(&format!("{} {}", holder.last_name, holder.first_name)),
        holder.membership_number.clone(),
        organisation_code.to_owned(),
        holder.organisation.clone(),
        expires.to_string(),
        format!("{:02}{:02}", expires.month(), expires.year() % 100),
        track1(holder.number, (&holder.last_name, &holder.first_name), expires),
        track2(holder.number, expires),
        pictures.face.clone(),
        pictures.pdf.clone(),
        relation.map(|relation| relation.to_string()).unwrap_or_default(),
    ]
}

/// Track 1, format B: number, `FAMILY/GIVEN` of 2 to 26 letters, expiry, service code.
pub fn track1(number: CardNumber, (family, given): (&str, &str), expires: NaiveDate) -> String {
    format!("%B{number}^{}^{}{SERVICE_CODE}?", name(family, given), yymm(expires))
}

/// Track 2: number, expiry, service code.
pub fn track2(number: CardNumber, expires: NaiveDate) -> String {
    format!(";{number}={}{SERVICE_CODE}?", yymm(expires))
}

fn yymm(day: NaiveDate) -> String {
    format!("{:02}{:02}", day.year() % 100, day.month())
}

/// `FAMILY/GIVEN`; what is too long loses the given name's end first, down to its initial, then the family name's.
fn name(family: &str, given: &str) -> String {
    let (mut family, mut given) = (transliterated(family), transliterated(given));
    let whole = |family: &str, given: &str| match given {
        "" => format!("{family}/"),
        _ => format!("{family}/{given}"),
    };
    while whole(&family, &given).len() > NAME_CHARS_MAX && given.len() > 1 {
        given.pop();
    }
    while whole(&family, &given).len() > NAME_CHARS_MAX && family.pop().is_some() {}
    whole(family.trim_end_matches([' ', '-', '.']), given.trim_end_matches([' ', '-', '.']))
}

/// A cell that no spreadsheet takes for a formula.
pub fn guarded(cell: &str) -> String {
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{cell}"),
        _ => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2031, 11, 22).unwrap()
    }

    fn number() -> CardNumber {
        CardNumber::parse("9643000000000004").unwrap()
    }

    #[test]
    fn tracks_by_the_standard() {
        assert_eq!(track1(number(), ("Ёлкин", "Пётр"), day()), "%B9643000000000004^ELKIN/PETR^3111000?");
        assert_eq!(track2(number(), day()), ";9643000000000004=3111000?");
        let long = track1(number(), ("Константинопольская-Заблоцкая", "Александра"), day());
        assert_eq!(long, "%B9643000000000004^KONSTANTINOPOLSKAIA-ZABL/A^3111000?");
        let given_cut = track1(number(), ("Преображенская", "Александра"), day());
        assert_eq!(given_cut, "%B9643000000000004^PREOBRAZHENSKAIA/ALEKSANDR^3111000?");
        assert_eq!(track1(number(), ("Ян", ""), day()), "%B9643000000000004^IAN/^3111000?");
    }

    #[test]
    fn formulas_stay_text() {
        for cell in ["=1+1", "+7", "-2", "@SUM(A1)", "\tx"] {
            assert_eq!(guarded(cell), format!("'{cell}"));
        }
        assert_eq!(guarded("Анна-Мария"), "Анна-Мария");
    }

    proptest! {
        #[test]
        fn a_track_never_outgrows_the_stripe(family in "\\PC{1,60}", given in "\\PC{0,60}") {
            let track = track1(number(), (&family, &given), day());
            prop_assert!(track.len() < 79);
            let name = track.split('^').nth(1).unwrap();
            prop_assert!(name.len() <= NAME_CHARS_MAX && name.contains('/'), "{}", name);
            prop_assert!(track.bytes().all(|byte| (0x20..=0x5f).contains(&byte)));
        }
    }
}
