//! Where everything that differs from card to card stands: lines of type and the code's modules, in millimetres. The
//! pixels and the print file are drawn from the same layout, so they are twins.

use chrono::{Datelike, NaiveDate};

use super::WIDTH_MM;
use super::design::{Design, FaceField};
use super::path::Point;
use super::type_setting::{Line, Room, Style, Weight, fitted};
use crate::number::CardNumber;
use crate::qr::Modules;

/// Whose card it is, as it is printed.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The card's number.
    pub number: CardNumber,
    /// The card's last day.
    pub expires_on: NaiveDate,
    /// Family name.
    pub last_name: String,
    /// Given name.
    pub first_name: String,
    /// Patronymic, or empty.
    pub middle_name: String,
    /// The union's own number of the member.
    pub membership_number: String,
    /// First day in the union.
    pub joined_on: NaiveDate,
    /// The union's name: the root of the member's tree.
    pub union: String,
    /// The name of the organisation the member belongs to.
    pub organisation: String,
}

/// How strongly a line stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// What is read first.
    Ink,
    /// Labels.
    Dim,
}

/// A line of type in its place.
#[derive(Debug, Clone)]
pub struct Run {
    /// The line.
    pub line: Line,
    /// Where its baseline begins.
    pub at: Point,
    /// How it stands out.
    pub tone: Tone,
}

/// A card's face, laid out.
pub struct Face {
    /// Everything that is written.
    pub runs: Vec<Run>,
    /// The code.
    pub(crate) modules: Modules,
}

const LEFT: f32 = 5.0;
/// Where the header may end, and where the column beside the code does.
const RIGHT: f32 = WIDTH_MM - 5.0;
const COLUMN: f32 = 48.4;
/// Height of capitals, as a share of the em.
const CAPITAL: f32 = 0.7;
const LEADING: f32 = 1.16;

const fn style(weight: Weight, size: f32) -> Style {
    Style { weight, size, tracking: 0.0 }
}

impl Face {
    /// Lays a card out. Numbers of 16 digits always fit the smallest code.
    pub fn of(holder: &Holder, design: &Design) -> Self {
        let mut face = Self {
            runs: Vec::with_capacity(16),
            modules: Modules::of(holder.number.as_str()).expect("16 digits fit a QR code"),
        };
        face.header(holder, design);
        face.name(holder);
        face.fields(holder, design);
        face.number(holder.number);
        face
    }

    /// Puts lines below each other, the first's capitals hanging from `top`; where the next would hang.
    fn stack(&mut self, lines: Vec<Line>, (x, top): Point, tone: Tone) -> f32 {
        let mut y = top;
        for line in lines {
            let size = line.style.size;
            self.runs.push(Run { at: (x, y + size * CAPITAL), tone, line });
            y += size * LEADING;
        }
        y
    }

    fn header(&mut self, holder: &Holder, design: &Design) {
        let x = design.logo_area().map_or(LEFT, |logo| logo.x + logo.width + 2.6);
        let title = design.title.as_deref().unwrap_or(&holder.union);
        let room = Room { width: RIGHT - x, lines: 2, shrink: 0.8, wrapped: 1.0, shrink_wrapped: 0.6 };
        let title = fitted(title, style(Weight::Bold, 3.2), room);
        let below = self.stack(title, (x, 5.4), Tone::Ink);
        if design.fields.contains(&FaceField::Organisation) && holder.organisation != holder.union {
            let room = Room { width: RIGHT - x, lines: 2, shrink: 0.9, wrapped: 0.9, shrink_wrapped: 0.8 };
            let organisation = fitted(&holder.organisation, style(Weight::Regular, 2.4), room);
            self.stack(organisation, (x, below + 0.6), Tone::Dim);
        }
    }

    fn name(&mut self, holder: &Holder) {
        let room = Room { width: COLUMN, lines: 2, shrink: 0.78, wrapped: 0.86, shrink_wrapped: 0.6 };
        let family = fitted(&holder.last_name, style(Weight::Bold, 4.4), room);
        let lines = if family.len() > 1 { 1 } else { 2 };
        let below = self.stack(family, (LEFT, 23.4), Tone::Ink);
        let room = Room { width: COLUMN, lines, shrink: 0.7, wrapped: 0.85, shrink_wrapped: 0.7 };
        let given = format!("{} {}", holder.first_name, holder.middle_name);
        let given = fitted(&given, style(Weight::Regular, 3.5), room);
        self.stack(given, (LEFT, below + 0.5), Tone::Ink);
    }

    fn fields(&mut self, holder: &Holder, design: &Design) {
        const TOP: f32 = 38.6;
        let mut x = LEFT;
        for field in &design.fields {
            let (label, value, width) = match field {
                FaceField::Organisation => continue,
                FaceField::MembershipNumber => ("билет №", holder.membership_number.clone(), 20.4),
                FaceField::MemberSince => ("в профсоюзе", format!("с {}", holder.joined_on.year()), 14.0),
                FaceField::ValidThru => {
                    let last = holder.expires_on;
                    ("действует до", format!("{:02}/{:02}", last.month(), last.year() % 100), 14.0)
                }
            };
            let room = Room { width: width - 1.2, lines: 1, shrink: 0.6, wrapped: 0.6, shrink_wrapped: 0.6 };
            let label = fitted(label, style(Weight::Regular, 1.9), room);
            let value = fitted(&value, style(Weight::Bold, 2.8), room);
            let below = self.stack(label, (x, TOP), Tone::Dim);
            self.stack(value, (x, below + 0.3), Tone::Ink);
            x += width;
        }
    }

    fn number(&mut self, number: CardNumber) {
        let style = Style { weight: Weight::Bold, size: 4.2, tracking: 0.05 };
        let room = Room { width: COLUMN, lines: 1, shrink: 0.7, wrapped: 0.7, shrink_wrapped: 0.7 };
        let line = fitted(&number.grouped(), style, room);
        self.stack(line, (LEFT, 45.8), Tone::Ink);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::subsequence;
    use proptest::string::string_regex;

    use super::super::HEIGHT_MM;
    use super::super::design::{Logo, PANEL};
    use super::super::path::Area;
    use super::*;
    use crate::keys::IssuerKeys;
    use crate::numbering::Programme;

    /// What a box is drawn around: ink, the code's panel, a logo.
    #[derive(Debug, Clone, Copy)]
    struct Bounds {
        left: f32,
        top: f32,
        right: f32,
        bottom: f32,
    }

    impl Bounds {
        fn meets(self, other: Self) -> bool {
            self.left < other.right
                && other.left < self.right
                && self.top < other.bottom
                && other.top < self.bottom
        }
    }

    impl From<Area> for Bounds {
        fn from(Area { x, y, width, height }: Area) -> Self {
            Self { left: x, top: y, right: x + width, bottom: y + height }
        }
    }

    /// Where a run's letters really leave ink; `None` for blanks alone.
    fn ink(run: &Run) -> Option<Bounds> {
        let style = run.line.style;
        let unit = style.weight.unit() * style.size;
        let (x, y) = run.at;
        let letters = run.line.glyphs.iter().filter_map(|placed| {
            let bounds = style.weight.face().glyph_bounding_box(placed.glyph)?;
            let origin = x + placed.x;
            Some(Bounds {
                left: origin + f32::from(bounds.x_min) * unit,
                top: y - f32::from(bounds.y_max) * unit,
                right: origin + f32::from(bounds.x_max) * unit,
                bottom: y - f32::from(bounds.y_min) * unit,
            })
        });
        letters.reduce(|a, b| Bounds {
            left: a.left.min(b.left),
            top: a.top.min(b.top),
            right: a.right.max(b.right),
            bottom: a.bottom.max(b.bottom),
        })
    }

    fn text(most: usize) -> impl Strategy<Value = String> {
        let letters = "[А-Яа-яЁёӘәӨөҮүҖҗҢңҺһҚқҒғІіЇїЄєҐґЎўA-Za-z0-9 «»№\"'.,()/\\-]";
        // Long words as well as long names of many.
        prop_oneof![
            string_regex(&format!("{letters}{{0,{most}}}")).expect("a pattern"),
            string_regex(&format!("[А-ЯЁ]{{0,{most}}}")).expect("a pattern"),
        ]
    }

    prop_compose! {
        fn holder()(
            last_name in text(100),
            (first_name, middle_name) in (text(60), text(60)),
            (union, organisation) in (text(250), text(250)),
            membership_number in "[0-9A-ZА-Я/-]{0,32}",
            place in 0_i64..1_000_000_000,
            (year, month) in (2027_i32..2099, 1_u32..=12),
        ) -> Holder {
            let day = |year| NaiveDate::from_ymd_opt(year, month, 1).expect("every month has a first");
            let numbers = IssuerKeys::new(&[3; 32]).numbers(Programme::FIRST);
            Holder {
                number: numbers.number(place).expect("the programme has so many"),
                expires_on: day(year),
                joined_on: day(year - 40),
                last_name, first_name, middle_name, membership_number, union, organisation,
            }
        }
    }

    prop_compose! {
        fn design()(
            logo in proptest::option::of((1_u32..=2_000, 1_u32..=2_000)),
            title in proptest::option::of(text(120)),
            fields in subsequence(FaceField::ALL.to_vec(), 0..=FaceField::ALL.len()),
        ) -> Design {
            let logo = logo.map(|(width, height)| Logo { width, height, rgba: Vec::new() });
            Design { logo, title, fields, ..Design::default() }
        }
    }

    proptest! {
        #[test]
        fn nothing_on_a_face_overflows_or_meets_another(holder in holder(), design in design()) {
            let face = Face::of(&holder, &design);
            let panel = Bounds::from(PANEL);
            let logo = design.logo_area().map(Bounds::from);
            let mut before: Vec<(Bounds, &str)> = Vec::new();
            for run in &face.runs {
                let end = run.at.0 + run.line.width;
                let edge = if run.at.1 < panel.top { RIGHT } else { LEFT + COLUMN };
                prop_assert!(end <= edge + 0.001, "{:?} ends at {end}, not {edge}", run.line.text);
                let Some(ink) = ink(run) else { continue };
                prop_assert!(ink.left > 0.0 && ink.top > 0.0 && ink.bottom < HEIGHT_MM, "{:?}: {ink:?}", run.line.text);
                prop_assert!(!ink.meets(panel), "{:?} reaches into the code: {ink:?}", run.line.text);
                prop_assert!(!logo.is_some_and(|logo| ink.meets(logo)), "{:?} reaches into the logo", run.line.text);
                for (other, said) in &before {
                    prop_assert!(!ink.meets(*other), "{:?} meets {said:?}: {ink:?}, {other:?}", run.line.text);
                }
                before.push((ink, run.line.text.as_str()));
            }
            let number = holder.number.grouped();
            prop_assert!(before.iter().any(|(_, said)| *said == number), "the number is never cut");
        }
    }
}
