//! Print-ready PDF: a page a card with bleed and crop marks for a plant, or ten on an A4 sheet for an office printer.
//! The ground of a design is written once a file; a card adds its lines of type and its code.

mod fonts;

use std::io::Write;

use chrono::{DateTime, Datelike, Timelike, Utc};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::{Content, Date, Filter, Finish, Name, Pdf, Rect, Ref, Settings, TextStr};

use self::fonts::Fonts;
use super::colour::Rgb;
use super::design::{Design, HAIRLINE, LATTICE, Logo, PANEL, SEAL, seal};
use super::layout::{Face, Tone};
use super::path::{Draw, Shape, Step};
use super::{BLEED_MM, HEIGHT_MM, WIDTH_MM};
use crate::qr::{Modules, QUIET_MODULES};

/// How cards lie on pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sheet {
    /// One a page, with bleed and crop marks.
    Plant,
    /// Ten on A4, edge to edge, with crop marks in the margins.
    Office,
}

/// Points a millimetre.
const POINTS: f32 = 72.0 / 25.4;
/// Room around a card on a plant's page: the bleed, a gap and the crop marks.
const MARGIN_MM: f32 = 9.0;
const MARK_MM: f32 = 5.0;
const MARK_WIDTH_MM: f32 = 0.09;
const A4_MM: (f32, f32) = (210.0, 297.0);
const COLUMNS: u8 = 2;
const ROWS: u8 = 5;

impl Sheet {
    fn page_mm(self) -> (f32, f32) {
        match self {
            Self::Plant => (WIDTH_MM + 2.0 * MARGIN_MM, HEIGHT_MM + 2.0 * MARGIN_MM),
            Self::Office => A4_MM,
        }
    }

    /// The upper left corners of a page's cards, from the page's.
    fn places(self) -> Vec<(f32, f32)> {
        match self {
            Self::Plant => vec![(MARGIN_MM, MARGIN_MM)],
            Self::Office => {
                let left = (A4_MM.0 - f32::from(COLUMNS) * WIDTH_MM) / 2.0;
                let top = (A4_MM.1 - f32::from(ROWS) * HEIGHT_MM) / 2.0;
                let place = move |row, column| {
                    (left + f32::from(column) * WIDTH_MM, top + f32::from(row) * HEIGHT_MM)
                };
                (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| place(row, column))).collect()
            }
        }
    }
}

/// The ground of a design, as a file knows it.
#[derive(Debug, Clone, Copy)]
pub struct Ground {
    place: usize,
}

/// A file of cards in the making.
pub struct Document {
    pdf: Pdf,
    last_ref: i32,
    sheet: Sheet,
    fonts: Fonts,
    grounds: Vec<(Ref, Rgb, Rgb)>,
    pages: Vec<Ref>,
    page_tree: Ref,
    resources: Ref,
    open: Option<OpenPage>,
}

struct OpenPage {
    content: Content,
    free: std::vec::IntoIter<(f32, f32)>,
}

impl Document {
    /// An empty file. The time stands in it, so that the same cards make the same bytes.
    pub fn new(sheet: Sheet, title: &str, made_at: DateTime<Utc>) -> Self {
        let mut pdf = Pdf::with_settings(Settings { pretty: false });
        let (catalog, page_tree, info, resources) = (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4));
        pdf.catalog(catalog).pages(page_tree);
        let year = u16::try_from(made_at.year()).unwrap_or_default();
        let part = |value: u32| u8::try_from(value).unwrap_or_default();
        let date = Date::new(year)
            .month(part(made_at.month()))
            .day(part(made_at.day()))
            .hour(part(made_at.hour()))
            .minute(part(made_at.minute()))
            .second(part(made_at.second()))
            .utc_offset_hour(0);
        pdf.document_info(info).title(TextStr(title)).producer(TextStr("Unioncard")).creation_date(date);
        Self {
            pdf,
            last_ref: 4,
            sheet,
            fonts: Fonts::default(),
            grounds: Vec::new(),
            pages: Vec::new(),
            page_tree,
            resources,
            open: None,
        }
    }

    fn next_ref(&mut self) -> Ref {
        self.last_ref += 1;
        Ref::new(self.last_ref)
    }

    /// Writes the ground of a design, to be used by any number of cards.
    pub fn ground(&mut self, design: &Design) -> Ground {
        let logo = design.logo.as_ref().map(|logo| self.logo(logo));
        let mut content = Content::new();
        for shape in design.ground() {
            draw(&mut content, &shape);
        }
        content.save_state();
        trace(&mut content, &seal());
        content.clip_nonzero().end_path();
        let rings = Shape {
            steps: LATTICE.rings(SEAL),
            draw: Draw::Stroke(HAIRLINE),
            colour: design.line(),
            smooth: true,
        };
        draw(&mut content, &rings);
        content.restore_state();
        draw(&mut content, &design.panel());
        if let (Some(_), Some(area)) = (logo, design.logo_area()) {
            content.save_state();
            content.transform([area.width, 0.0, 0.0, -area.height, area.x, area.y + area.height]);
            content.x_object(Name(b"Logo")).restore_state();
        }
        let id = self.next_ref();
        let bytes = deflated(content.finish().as_slice());
        let mut form = self.pdf.form_xobject(id, &bytes);
        form.filter(Filter::FlateDecode);
        form.bbox(Rect::new(-BLEED_MM, -BLEED_MM, WIDTH_MM + BLEED_MM, HEIGHT_MM + BLEED_MM));
        if let Some(logo) = logo {
            form.resources().x_objects().pair(Name(b"Logo"), logo);
        }
        form.finish();
        self.grounds.push((id, design.ink(), design.dim()));
        Ground { place: self.grounds.len() - 1 }
    }

    fn logo(&mut self, logo: &Logo) -> Ref {
        let (id, mask_id) = (self.next_ref(), self.next_ref());
        let channels = |keep: std::ops::Range<usize>| {
            let bytes =
                logo.rgba.chunks_exact(4).flat_map(|pixel| pixel.get(keep.clone()).unwrap_or_default());
            deflated(&bytes.copied().collect::<Vec<u8>>())
        };
        let (colours, opacity) = (channels(0..3), channels(3..4));
        let size = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
        let mut image = self.pdf.image_xobject(id, &colours);
        image.filter(Filter::FlateDecode);
        image.width(size(logo.width)).height(size(logo.height));
        image.bits_per_component(8).color_space().device_rgb();
        image.s_mask(mask_id);
        image.finish();
        let mut mask = self.pdf.image_xobject(mask_id, &opacity);
        mask.filter(Filter::FlateDecode);
        mask.width(size(logo.width)).height(size(logo.height));
        mask.bits_per_component(8).color_space().device_gray();
        mask.finish();
        id
    }

    /// Adds a card on the next free place.
    pub fn add(&mut self, ground: Ground, face: &Face) {
        let Some((_, ink, dim)) = self.grounds.get(ground.place).copied() else { return };
        let ((left, top), mut open) = self.place();
        let content = &mut open.content;
        let page_height = self.sheet.page_mm().1;
        content.save_state();
        content.transform([POINTS, 0.0, 0.0, -POINTS, left * POINTS, (page_height - top) * POINTS]);
        if self.sheet == Sheet::Office {
            content.rect(0.0, 0.0, WIDTH_MM, HEIGHT_MM).clip_nonzero().end_path();
        }
        content.x_object(Name(ground_name(ground.place).as_bytes()));
        code(content, &face.modules);
        for run in &face.runs {
            let colour = match run.tone {
                Tone::Ink => ink,
                Tone::Dim => dim,
            };
            let [r, g, b] = colour.unit();
            content.set_fill_rgb(r, g, b);
            self.fonts.show(content, run);
        }
        content.restore_state();
        self.open = Some(open);
    }

    /// The next card's corner and its page, which goes back when the card is drawn.
    fn place(&mut self) -> ((f32, f32), OpenPage) {
        if let Some(mut open) = self.open.take() {
            if let Some(corner) = open.free.next() {
                return (corner, open);
            }
            self.close(open);
        }
        let mut content = Content::with_settings(Settings { pretty: false });
        marks(&mut content, self.sheet);
        let mut open = OpenPage { content, free: self.sheet.places().into_iter() };
        (open.free.next().expect("a page has room for a card"), open)
    }

    fn close(&mut self, open: OpenPage) {
        let (page_id, content_id) = (self.next_ref(), self.next_ref());
        let bytes = deflated(open.content.finish().as_slice());
        self.pdf.stream(content_id, &bytes).filter(Filter::FlateDecode);
        let (width, height) = self.sheet.page_mm();
        let points = |x: f32, y: f32, right: f32, bottom: f32| {
            Rect::new(x * POINTS, (height - bottom) * POINTS, right * POINTS, (height - y) * POINTS)
        };
        let mut page = self.pdf.page(page_id);
        page.parent(self.page_tree).media_box(points(0.0, 0.0, width, height)).contents(content_id);
        if self.sheet == Sheet::Plant {
            let (right, bottom) = (MARGIN_MM + WIDTH_MM, MARGIN_MM + HEIGHT_MM);
            page.trim_box(points(MARGIN_MM, MARGIN_MM, right, bottom));
            let outer = MARGIN_MM - BLEED_MM;
            page.bleed_box(points(outer, outer, right + BLEED_MM, bottom + BLEED_MM));
        }
        page.pair(Name(b"Resources"), self.resources);
        page.finish();
        self.pages.push(page_id);
    }

    /// The file's bytes, its fonts cut down to the letters used.
    ///
    /// # Errors
    /// The font's, which the one built in doesn't have.
    pub fn finish(mut self) -> Result<Vec<u8>, subsetter::Error> {
        if let Some(open) = self.open.take() {
            self.close(open);
        }
        let count = i32::try_from(self.pages.len()).unwrap_or(i32::MAX);
        self.pdf.pages(self.page_tree).kids(self.pages.iter().copied()).count(count);
        let fonts = self.fonts.write(&mut self.pdf, &mut self.last_ref)?;
        let mut resources = self.pdf.indirect(self.resources).start::<pdf_writer::writers::Resources<'_>>();
        let mut named = resources.fonts();
        for (name, id) in fonts {
            named.pair(name, id);
        }
        named.finish();
        let mut forms = resources.x_objects();
        for (place, (id, _, _)) in self.grounds.iter().enumerate() {
            forms.pair(Name(ground_name(place).as_bytes()), id);
        }
        forms.finish();
        resources.finish();
        Ok(self.pdf.finish())
    }
}

fn ground_name(place: usize) -> String {
    format!("G{place}")
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::new(5));
    encoder.write_all(bytes).expect("memory takes any write");
    encoder.finish().expect("memory takes any write")
}

fn draw(content: &mut Content, shape: &Shape) {
    let [r, g, b] = shape.colour.unit();
    match shape.draw {
        Draw::Fill => content.set_fill_rgb(r, g, b),
        Draw::Stroke(width) => content.set_stroke_rgb(r, g, b).set_line_width(width),
    };
    trace(content, &shape.steps);
    match shape.draw {
        Draw::Fill => content.fill_nonzero(),
        Draw::Stroke(_) => content.stroke(),
    };
}

fn trace(content: &mut Content, steps: &[Step]) {
    for step in steps {
        match *step {
            Step::Move((x, y)) => content.move_to(x, y),
            Step::Line((x, y)) => content.line_to(x, y),
            Step::Curve((x1, y1), (x2, y2), (x, y)) => content.cubic_to(x1, y1, x2, y2, x, y),
            Step::Close => content.close_path(),
        };
    }
}

/// The code in black ink alone, so that no misprint of colours blurs it: runs of modules as one path.
fn code(content: &mut Content, modules: &Modules) {
    let small = |count: usize| f32::from(u16::try_from(count).unwrap_or(u16::MAX));
    let module = PANEL.width / small(modules.side() + 2 * QUIET_MODULES);
    content.set_fill_cmyk(0.0, 0.0, 0.0, 1.0);
    for (y, row) in modules.rows().enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&true) {
                let left = PANEL.x + small(x + QUIET_MODULES) * module;
                let top = PANEL.y + small(y + QUIET_MODULES) * module;
                content.rect(left, top, small(run.len()) * module, module);
            }
            x += run.len();
        }
    }
    content.fill_nonzero();
}

/// Crop marks around a card, or in the margins of a sheet along every edge of its cards.
fn marks(content: &mut Content, sheet: Sheet) {
    let (page_width, page_height) = sheet.page_mm();
    let places = sheet.places();
    let bounds = |pick: fn(&(f32, f32)) -> f32, size: f32| {
        let mut edges: Vec<f32> = places.iter().map(pick).flat_map(|edge| [edge, edge + size]).collect();
        edges.sort_by(f32::total_cmp);
        edges.dedup_by(|a, b| (*a - *b).abs() < 0.01);
        edges
    };
    let (columns, rows) = (bounds(|place| place.0, WIDTH_MM), bounds(|place| place.1, HEIGHT_MM));
    let gap = MARGIN_MM - MARK_MM;
    content.save_state();
    content.transform([POINTS, 0.0, 0.0, -POINTS, 0.0, page_height * POINTS]);
    content.set_stroke_cmyk(0.0, 0.0, 0.0, 1.0).set_line_width(MARK_WIDTH_MM);
    let (left, right) =
        (columns.first().copied().unwrap_or_default(), columns.last().copied().unwrap_or(page_width));
    let (top, bottom) =
        (rows.first().copied().unwrap_or_default(), rows.last().copied().unwrap_or(page_height));
    for x in columns {
        content.move_to(x, top - gap - MARK_MM).line_to(x, top - gap);
        content.move_to(x, bottom + gap).line_to(x, bottom + gap + MARK_MM);
    }
    for y in rows {
        content.move_to(left - gap - MARK_MM, y).line_to(left - gap, y);
        content.move_to(right + gap, y).line_to(right + gap + MARK_MM, y);
    }
    content.stroke().restore_state();
}
