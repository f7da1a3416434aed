//! Glyphs as stamps of coverage: drawn once for a size, then used again from card to card. They stand on whole pixels, and
//! begin and end on whole rows: at 300 dpi nobody sees the difference but that they are crisp, and a letter that always
//! looks the same, beside others of its height, compresses well.

use std::collections::HashMap;

use tiny_skia::{FillRule, Mask, Path, PathBuilder, Transform};
use ttf_parser::{GlyphId, OutlineBuilder};

use super::pixels::{floor, nearest, side};
use super::type_setting::Weight;

/// Steps of coverage a stamp knows, none and full included.
pub const LEVELS: usize = 3;
/// What is covered no more than the first share of 255 is left free, what is covered more than the second is full.
const HALF: (u8, u8) = (103, 151);
/// The same where nothing lies between.
const HARD: u8 = 127;
/// Letters of fewer pixels have no half-tones, as a printer's black has none: 3.5 mm at 300 dpi.
const SOFT_FROM: f32 = 42.0;
/// Lower glyphs (dashes, dots) keep their height.
const STRETCHED_MIN: f32 = 4.0;
/// Stamps kept at most; shrunk names come in many sizes.
const STAMPS_MAX: usize = 4_096;

/// A glyph's coverage, in [`LEVELS`] steps.
#[derive(Debug, Default)]
pub struct Stamp {
    /// Pixels from the origin to its left edge.
    pub left: i32,
    /// Pixels from the baseline down to its top edge: negative above.
    pub top: i32,
    /// Pixels a row; at least one.
    pub width: usize,
    /// The levels, row by row.
    pub levels: Vec<u8>,
}

#[derive(PartialEq, Eq, Hash, Clone, Copy)]
struct Key {
    weight: Weight,
    glyph: u16,
    size_bits: u32,
}

/// Stamps made so far.
#[derive(Default)]
pub struct Stamps(HashMap<Key, Stamp>);

impl Stamps {
    /// The stamp of a glyph at a size in pixels.
    pub fn of(&mut self, weight: Weight, glyph: GlyphId, size_px: f32) -> &Stamp {
        if self.0.len() >= STAMPS_MAX {
            self.0.clear();
        }
        let key = Key { weight, glyph: glyph.0, size_bits: size_px.to_bits() };
        self.0.entry(key).or_insert_with(|| {
            drawn(weight, glyph, size_px).unwrap_or(Stamp { width: 1, ..Stamp::default() })
        })
    }
}

/// A glyph's outline in pixels, the baseline's start at zero, downwards.
struct Outline {
    path: PathBuilder,
    scale: f32,
}

impl Outline {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (x * self.scale, -y * self.scale)
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

/// `None` for a blank.
fn drawn(weight: Weight, glyph: GlyphId, size_px: f32) -> Option<Stamp> {
    let mut outline = Outline { path: PathBuilder::new(), scale: weight.unit() * size_px };
    weight.face().outline_glyph(glyph, &mut outline)?;
    let path: Path = on_whole_rows(outline.path.finish()?)?;
    let bounds = path.bounds();
    let (left, top) = (floor(bounds.left()), floor(bounds.top()));
    let (width, height) = (floor(bounds.right()) + 1 - left, floor(bounds.bottom()) + 1 - top);
    let mut mask = Mask::new(u32::try_from(width).ok()?, u32::try_from(height).ok()?)?;
    mask.fill_path(&path, FillRule::Winding, true, Transform::from_translate(-side(left), -side(top)));
    let (half, full) = if size_px < SOFT_FROM { (HARD, HARD) } else { HALF };
    let level = |cover: &u8| u8::from(*cover > half) + u8::from(*cover > full);
    let levels = mask.data().iter().map(level).collect();
    Some(Stamp { left, top, width: usize::try_from(width).ok()?, levels })
}

/// A glyph stretched by less than half a row above and below, so that it begins and ends with whole ones.
fn on_whole_rows(path: Path) -> Option<Path> {
    let bounds = path.bounds();
    if bounds.height() < STRETCHED_MIN {
        return Some(path);
    }
    let (top, bottom) = (side(nearest(bounds.top())), side(nearest(bounds.bottom())));
    let stretch = (bottom - top) / bounds.height();
    path.transform(Transform::from_row(1.0, 0.0, 0.0, stretch, 0.0, top - bounds.top() * stretch))
}
