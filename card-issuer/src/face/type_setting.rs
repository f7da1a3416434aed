//! Lines of type: glyphs with their places, kerned, fitted into a width. The pixels and the print file both draw these
//! very lines, so neither can break or overflow otherwise than the other.

use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId};
use unicode_normalization::UnicodeNormalization;

/// A weight of the cards' typeface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    /// PT Sans.
    Regular,
    /// PT Sans Bold.
    Bold,
}

static REGULAR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/PTS55F.ttf"));
static BOLD: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/PTS75F.ttf"));
static REGULAR_FACE: LazyLock<Face<'static>> = LazyLock::new(|| parsed(REGULAR));
static BOLD_FACE: LazyLock<Face<'static>> = LazyLock::new(|| parsed(BOLD));

fn parsed(file: &'static [u8]) -> Face<'static> {
    Face::parse(file, 0).expect("the font that was built in is one")
}

impl Weight {
    /// The font's file.
    pub(super) fn file(self) -> &'static [u8] {
        match self {
            Self::Regular => REGULAR,
            Self::Bold => BOLD,
        }
    }

    /// The font, parsed.
    pub(super) fn face(self) -> &'static Face<'static> {
        match self {
            Self::Regular => &REGULAR_FACE,
            Self::Bold => &BOLD_FACE,
        }
    }

    /// Millimetres a font unit at a size of one millimetre.
    pub(super) fn unit(self) -> f32 {
        1.0 / f32::from(self.face().units_per_em())
    }

    /// The glyph of a character: its own, that of its base letter, or a question mark.
    fn glyph(self, character: char) -> GlyphId {
        let face = self.face();
        let base = || std::iter::once(character).nfd().next().and_then(|base| face.glyph_index(base));
        face.glyph_index(character).or_else(base).or_else(|| face.glyph_index('?')).unwrap_or_default()
    }
}

/// How a text is to be set.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Its weight.
    pub weight: Weight,
    /// Height of the em in millimetres.
    pub size: f32,
    /// Added after every letter, in ems.
    pub tracking: f32,
}

/// A glyph of a line.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    /// Which.
    pub glyph: GlyphId,
    /// What it stands for.
    pub character: char,
    /// Its origin in millimetres from the line's start.
    pub x: f32,
}

/// A line of type.
#[derive(Debug, Clone)]
pub struct Line {
    /// Weight, size, tracking.
    pub style: Style,
    /// Its glyphs in order.
    pub glyphs: Vec<Placed>,
    /// Its length in millimetres.
    pub width: f32,
    /// What it says.
    pub text: String,
}

impl Line {
    /// Sets a text in one line, however long.
    pub fn of(text: &str, style: Style) -> Self {
        let (unit, face) = (style.weight.unit() * style.size, style.weight.face());
        let text: String = text.nfc().collect();
        let mut glyphs = Vec::with_capacity(text.len());
        let (mut x, mut before, mut gap) = (0.0, None, 0.0);
        for character in text.chars() {
            let glyph = style.weight.glyph(character);
            let kerning = before.map_or(0, |left| kerning(face, left, glyph));
            x += gap + f32::from(kerning) * unit;
            glyphs.push(Placed { glyph, character, x });
            x += f32::from(face.glyph_hor_advance(glyph).unwrap_or_default()) * unit;
            gap = style.tracking * style.size;
            before = Some(glyph);
        }
        Self { style, glyphs, width: x, text }
    }
}

fn kerning(face: &Face<'_>, left: GlyphId, right: GlyphId) -> i16 {
    face.tables()
        .kern
        .iter()
        .flat_map(|table| table.subtables)
        .filter(|table| table.horizontal && !table.variable)
        .find_map(|table| table.glyphs_kerning(left, right))
        .unwrap_or_default()
}

/// Room for a text.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// In millimetres.
    pub width: f32,
    /// Lines at most.
    pub lines: usize,
    /// How small it may become in one line, as a share of the size.
    pub shrink: f32,
    /// How large it is at most in several lines.
    pub wrapped: f32,
    /// How small it may become in several lines.
    pub shrink_wrapped: f32,
}

/// Steps by which wrapped text shrinks.
const SHRINK_STEP: f32 = 0.05;

/// Fits a text into its room: as it is, else shrunk, else broken at blanks and hyphens (and shrunk further), else cut with
/// an ellipsis. No line is ever wider than the room.
pub fn fitted(text: &str, style: Style, room: Room) -> Vec<Line> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return Vec::new();
    }
    let whole = Line::of(&text, style);
    let share = room.width / whole.width;
    if share >= 1.0 {
        return vec![whole];
    }
    if share >= room.shrink {
        // A breath less, so that rounding never makes it wider than the room.
        return vec![Line::of(&text, Style { size: style.size * share * 0.999, ..style })];
    }
    let mut shrunk = Style { size: style.size * room.wrapped, ..style };
    let smallest = style.size * room.shrink_wrapped;
    while room.lines > 1 && shrunk.size >= smallest {
        if let Some(lines) = wrapped(&text, shrunk, room) {
            return lines;
        }
        shrunk.size -= style.size * SHRINK_STEP;
    }
    cut(&text, Style { size: smallest, ..style }, room)
}

/// Breaks a text into at most the room's lines; `None` when it doesn't fit.
fn wrapped(text: &str, style: Style, room: Room) -> Option<Vec<Line>> {
    let lines = broken(text, style, room.width);
    (lines.len() <= room.lines && lines.iter().all(|line| line.width <= room.width)).then_some(lines)
}

/// Breaks a text greedily at blanks and after hyphens; a single piece may be wider than the room.
fn broken(text: &str, style: Style, width: f32) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut open = String::new();
    for piece in text.split_inclusive([' ', '-', '\u{2010}', '\u{2013}']) {
        let joined = format!("{open}{piece}");
        if open.is_empty() || Line::of(joined.trim_end(), style).width <= width {
            open = joined;
        } else {
            lines.push(Line::of(open.trim_end(), style));
            open = piece.to_owned();
        }
    }
    lines.push(Line::of(open.trim_end(), style));
    lines
}

/// As many lines as there are, each within the width, the last (or any too wide) ended by an ellipsis.
fn cut(text: &str, style: Style, room: Room) -> Vec<Line> {
    let lines = broken(text, style, room.width);
    let kept = room.lines.max(1);
    let lost = lines.len() > kept;
    lines
        .into_iter()
        .take(kept)
        .enumerate()
        .map(|(place, line)| {
            if line.width > room.width || (lost && place + 1 == kept) {
                ellipsis(&line.text, style, room.width)
            } else {
                line
            }
        })
        .collect()
}

fn ellipsis(text: &str, style: Style, width: f32) -> Line {
    let mut kept = text.to_owned();
    loop {
        let line = Line::of(&format!("{}…", kept.trim_end_matches([' ', '-', ','])), style);
        if line.width <= width || kept.pop().is_none() {
            return line;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STYLE: Style = Style { weight: Weight::Bold, size: 4.0, tracking: 0.0 };
    const ROOM: Room = Room { width: 48.0, lines: 2, shrink: 0.8, wrapped: 1.0, shrink_wrapped: 0.6 };

    /// The longest of real life: names of people as registers hold them.
    const LONGEST: &[&str] = &[
        "Константинопольская-Заблоцкая",
        "Преображенская-Рождественская",
        "Абдурахмангаджиев-Магомедрасулов",
        "Архитектурно-Градостроительная",
        "Нгуен Тхи Хонг Фыонг Куинь Ань",
        "Гурбангулыгызыбердымухамедова",
    ];

    fn texts(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn a_text_shrinks_then_wraps_then_is_cut() {
        assert_eq!(texts(&fitted("Ёлкина", STYLE, ROOM)), ["Ёлкина"]);
        let shrunk = fitted("Константинопольская-Забло", STYLE, ROOM);
        assert_eq!(shrunk.len(), 1);
        assert!(shrunk[0].style.size < 4.0 && shrunk[0].style.size >= 3.2, "{}", shrunk[0].style.size);
        let wrapped = fitted("Константинопольская-Заблоцкая-Преображенская", STYLE, ROOM);
        assert_eq!(texts(&wrapped), ["Константинопольская-", "Заблоцкая-Преображенская"]);
        let cut = fitted(&"Константинопольская-".repeat(9), STYLE, ROOM);
        assert_eq!(cut.len(), 2);
        assert!(cut[1].text.ends_with('…') && !cut[0].text.ends_with('…'), "{:?}", texts(&cut));
        let unbreakable = fitted(&"Щ".repeat(300), STYLE, ROOM);
        assert!(unbreakable.len() == 1 && unbreakable[0].text.ends_with('…'));
        assert!(fitted("  ", STYLE, ROOM).is_empty());
    }

    #[test]
    fn the_longest_real_names_stay_whole_and_within() {
        for name in LONGEST {
            let lines = fitted(name, STYLE, ROOM);
            assert!(lines.iter().all(|line| line.width <= ROOM.width), "{name}");
            let said: String = texts(&lines).concat().replace([' ', '\u{2010}'], "");
            assert_eq!(said, name.replace(' ', ""), "nothing is lost");
        }
    }

    #[test]
    fn letters_of_the_union_s_languages_have_glyphs_and_pairs_are_kerned() {
        let question = Weight::Bold.glyph('?');
        for letter in "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдеёжзийклмнопрстуфхцчшщъыьэюя\
                       ӘәӨөҮүҖҗҢңҺһҚқҒғІіЇїЄєҐґЎў«»№—…0123456789"
            .chars()
        {
            for weight in [Weight::Regular, Weight::Bold] {
                assert_ne!(weight.glyph(letter), question, "{letter}");
            }
        }
        assert_eq!(Weight::Bold.glyph('\u{1f600}'), question);
        let face = Weight::Bold.face();
        let glyph = |c| face.glyph_index(c).unwrap();
        assert!(kerning(face, glyph('Г'), glyph('А')) < 0);
        let decomposed = Line::of("Е\u{308}жик", STYLE);
        assert_eq!(decomposed.glyphs.len(), 4, "ё is one letter however it was typed");
    }

    proptest! {
        #[test]
        fn nothing_ever_overflows(text in "[А-Яа-яЁёA-Za-z \\-]{0,90}", width in 8.0_f32..80.0, lines in 1_usize..4) {
            let room = Room { width, lines, ..ROOM };
            let set = fitted(&text, STYLE, room);
            prop_assert!(set.len() <= lines);
            for line in set {
                prop_assert!(line.width <= width, "{} > {width}: {}", line.width, line.text);
                prop_assert!(line.style.size >= STYLE.size * ROOM.shrink_wrapped - 0.01);
            }
        }
    }
}
