//! The fonts of a file: which glyphs were shown, then the subsets that hold just those, with their way back to text.

use std::collections::BTreeMap;

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str};
use subsetter::GlyphRemapper;

use super::deflated;
use crate::face::layout::Run;
use crate::face::type_setting::Weight;

const ADOBE_IDENTITY: SystemInfo<'_> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// A font's glyphs shown so far, renumbered as the subset will have them.
#[derive(Default)]
struct Shown {
    remapper: GlyphRemapper,
    characters: BTreeMap<u16, char>,
    /// Advances in font units.
    advances: BTreeMap<u16, u16>,
}

/// Both weights' glyphs.
#[derive(Default)]
pub struct Fonts {
    regular: Shown,
    bold: Shown,
}

const fn name(weight: Weight) -> Name<'static> {
    match weight {
        Weight::Regular => Name(b"R"),
        Weight::Bold => Name(b"B"),
    }
}

impl Fonts {
    /// Shows a line where it stands; the page's axis points down, so letters are turned up again.
    pub fn show(&mut self, content: &mut Content, run: &Run) {
        let style = run.line.style;
        let shown = match style.weight {
            Weight::Regular => &mut self.regular,
            Weight::Bold => &mut self.bold,
        };
        let (face, unit) = (style.weight.face(), style.weight.unit());
        content.begin_text().set_font(name(style.weight), style.size);
        content.set_text_matrix([1.0, 0.0, 0.0, -1.0, run.at.0, run.at.1]);
        let mut positioned = content.show_positioned();
        let mut items = positioned.items();
        let mut pen = 0.0;
        for placed in &run.line.glyphs {
            let advance = face.glyph_hor_advance(placed.glyph).unwrap_or_default();
            let id = shown.remapper.remap(placed.glyph.0);
            shown.characters.entry(id).or_insert(placed.character);
            shown.advances.insert(id, advance);
            // Kerning and tracking, in thousandths of the size against the writing's direction.
            let shift = (placed.x - pen) / style.size * -1_000.0;
            if shift.abs() > 0.5 {
                items.adjust(shift);
            }
            items.show(Str(&id.to_be_bytes()));
            pen = placed.x + f32::from(advance) * unit * style.size;
        }
        items.finish();
        positioned.finish();
        content.end_text();
    }

    /// Writes the subsets; the names by which pages know them.
    ///
    /// # Errors
    /// The subsetter's.
    pub fn write(
        &self,
        pdf: &mut Pdf,
        last_ref: &mut i32,
    ) -> Result<Vec<(Name<'static>, Ref)>, subsetter::Error> {
        let mut written = Vec::new();
        for (weight, shown) in [(Weight::Regular, &self.regular), (Weight::Bold, &self.bold)] {
            if !shown.characters.is_empty() {
                let ids = std::array::from_fn(|_| {
                    *last_ref += 1;
                    Ref::new(*last_ref)
                });
                shown.write(pdf, weight, ids)?;
                written.push((name(weight), ids[0]));
            }
        }
        Ok(written)
    }
}

impl Shown {
    fn write(
        &self,
        pdf: &mut Pdf,
        weight: Weight,
        [font_id, cid_id, descriptor_id, file_id, unicode_id]: [Ref; 5],
    ) -> Result<(), subsetter::Error> {
        // Six capitals name the subset; one of each weight a file is enough to tell them apart.
        let base_font = match weight {
            Weight::Regular => Name(b"UCARDR+PTSans-Regular"),
            Weight::Bold => Name(b"UCARDB+PTSans-Bold"),
        };
        pdf.type0_font(font_id)
            .base_font(base_font)
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(cid_id)
            .to_unicode(unicode_id);
        let face = weight.face();
        let thousandths = 1_000.0 * weight.unit();
        let mut cid = pdf.cid_font(cid_id);
        cid.subtype(CidFontType::Type2).base_font(base_font).system_info(ADOBE_IDENTITY);
        cid.font_descriptor(descriptor_id).default_width(0.0).cid_to_gid_map_predefined(Name(b"Identity"));
        let mut widths = cid.widths();
        for (id, advance) in &self.advances {
            widths.same(*id, *id, f32::from(*advance) * thousandths);
        }
        widths.finish();
        cid.finish();
        let bounds = face.global_bounding_box();
        let scaled = |value: i16| f32::from(value) * thousandths;
        pdf.font_descriptor(descriptor_id)
            .name(base_font)
            .flags(FontFlags::SYMBOLIC)
            .bbox(Rect::new(
                scaled(bounds.x_min),
                scaled(bounds.y_min),
                scaled(bounds.x_max),
                scaled(bounds.y_max),
            ))
            .italic_angle(0.0)
            .ascent(scaled(face.ascender()))
            .descent(scaled(face.descender()))
            .cap_height(scaled(face.capital_height().unwrap_or_else(|| face.ascender())))
            .stem_v(if weight == Weight::Bold { 140.0 } else { 90.0 })
            .font_file2(file_id);
        let subset = subsetter::subset(weight.file(), 0, &self.remapper)?;
        let mut unicode = UnicodeCmap::new(Name(b"Custom"), ADOBE_IDENTITY);
        for (id, character) in &self.characters {
            unicode.pair(*id, *character);
        }
        pdf.cmap(unicode_id, unicode.finish().as_slice());
        let length = i32::try_from(subset.len()).unwrap_or(i32::MAX);
        pdf.stream(file_id, &deflated(&subset)).filter(Filter::FlateDecode).pair(Name(b"Length1"), length);
        Ok(())
    }
}
