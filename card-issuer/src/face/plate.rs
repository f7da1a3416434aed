//! A design's ground as indexed pixels, drawn once; cards are stamped onto a copy of it and go out as a small palette PNG.

use std::io::Write;
use std::iter::repeat_n;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use png::{BitDepth, ColorType, Encoder, EncodingError, PixelDimensions, Unit, chunk};
use tiny_skia::{
    Color, FillRule, FilterQuality, Mask, Paint, Path, PathBuilder, Pixmap, PixmapPaint, PixmapRef,
    PremultipliedColorU8, Stroke, Transform,
};

use super::WIDTH_MM;
use super::colour::Rgb;
use super::design::{Design, HAIRLINE, LATTICE, Logo, PANEL, seal};
use super::glyphs::{LEVELS, Stamps};
use super::layout::{Face, Run, Tone};
use super::path::{Area, Draw, Shape, Step};
use super::pixels::{nearest, side};
use crate::qr::{Modules, QUIET_MODULES};

/// How finely a face is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// 1012 × 638 pixels.
    Dpi300,
    /// 2024 × 1276 pixels.
    Dpi600,
}

impl Resolution {
    /// Width and height in pixels.
    pub fn size(self) -> (u32, u32) {
        match self {
            Self::Dpi300 => (1_012, 638),
            Self::Dpi600 => (2_024, 1_276),
        }
    }

    /// Dots an inch.
    pub fn dpi(self) -> i16 {
        match self {
            Self::Dpi300 => 300,
            Self::Dpi600 => 600,
        }
    }

    /// The resolution of so many dots an inch, if there is one.
    pub fn of_dpi(dpi: u32) -> Option<Self> {
        [Self::Dpi300, Self::Dpi600].into_iter().find(|one| u32::try_from(one.dpi()) == Ok(dpi))
    }

    fn per_metre(self) -> u32 {
        match self {
            Self::Dpi300 => 11_811,
            Self::Dpi600 => 23_622,
        }
    }
}

/// Colours that a design without a logo uses: half a byte a pixel.
const COLOURS_SMALL: usize = 16;
/// Colours kept of a logo.
const LOGO_COLOURS: usize = 48;
/// How hard the compressor tries, of 9: one step more costs half the time again, and gains nothing.
const EFFORT: u32 = 6;
/// Room for a face's file.
const FACE_BYTES: usize = 16 << 10;
/// Rows of a card that a row of the guilloche fills: they compress to half, and nobody sees a hundredth of an inch of it.
const GUILLOCHE_ROWS: usize = 2;

/// A design's ground at a resolution, with what has been learnt of glyphs.
pub struct Plate {
    resolution: Resolution,
    scale: f32,
    palette: Vec<Rgb>,
    ground: Vec<u8>,
    /// For each colour of the palette, what a level of ink (and of dim) over it looks like.
    ink: Vec<[u8; LEVELS]>,
    dim: Vec<[u8; LEVELS]>,
    black: u8,
    stamps: Stamps,
    /// What the last face was drawn on, and its rows: the next one's find their memory there.
    sheet: Vec<u8>,
    rows: Vec<u8>,
}

impl Plate {
    /// Draws a design's ground.
    pub fn new(design: &Design, resolution: Resolution) -> Self {
        let (width, _) = resolution.size();
        let scale = side(i32::try_from(width).expect("a few thousand")) / WIDTH_MM;
        let picture = painted(design, resolution, scale);
        let palette = palette(design, &picture);
        let ground = indexed(&picture, &palette);
        let over = |tone: Rgb| {
            let level = |below: &Rgb, level: usize| {
                let share = f32::from(u8::try_from(level).expect("below LEVELS")) / 2.0;
                nearest_colour(&palette, below.mixed(tone, share))
            };
            palette.iter().map(|below| std::array::from_fn(|step| level(below, step))).collect()
        };
        Self {
            resolution,
            scale,
            ground,
            ink: over(design.ink()),
            dim: over(design.dim()),
            black: nearest_colour(&palette, Rgb::BLACK),
            stamps: Stamps::default(),
            sheet: Vec::new(),
            rows: Vec::new(),
            palette,
        }
    }

    /// A card's face as a PNG.
    ///
    /// # Errors
    /// The encoder's, which a write into memory doesn't have.
    pub fn png(&mut self, face: &Face) -> Result<Vec<u8>, EncodingError> {
        let mut pixels = std::mem::take(&mut self.sheet);
        pixels.clone_from(&self.ground);
        for run in &face.runs {
            self.stamp(&mut pixels, run);
        }
        self.code(&mut pixels, &face.modules);
        self.line_up(&pixels);
        self.sheet = pixels;
        self.encoded()
    }

    fn row_pixels(&self) -> usize {
        usize::try_from(self.resolution.size().0).expect("a few thousand")
    }

    fn stamp(&mut self, pixels: &mut [u8], run: &Run) {
        let row_pixels = self.row_pixels();
        let (scale, style) = (self.scale, run.line.style);
        let over = match run.tone {
            Tone::Ink => &self.ink,
            Tone::Dim => &self.dim,
        };
        let baseline = nearest(run.at.1 * scale);
        // With two pixels in a byte a letter on an odd one has other bytes than on an even one: the compressor knows it
        // again only where all stand on even ones.
        let step = if self.depth() == BitDepth::Four { 2 } else { 1 };
        for placed in &run.line.glyphs {
            let x = nearest((run.at.0 + placed.x) * scale / side(step)) * step;
            let stamp = self.stamps.of(style.weight, placed.glyph, style.size * scale);
            let left = x + stamp.left;
            for (y, levels) in (baseline + stamp.top..).zip(stamp.levels.chunks(stamp.width)) {
                // Nothing stands outside the card; a glyph that reached over its edge would be left out there.
                let (Ok(y), Ok(left)) = (usize::try_from(y), usize::try_from(left)) else { continue };
                let row = pixels.iter_mut().skip(y * row_pixels).take(row_pixels).skip(left);
                for (pixel, level) in row.zip(levels).filter(|(_, level)| **level > 0) {
                    let below = over.get(usize::from(*pixel));
                    if let Some(colour) = below.and_then(|levels| levels.get(usize::from(*level))) {
                        *pixel = *colour;
                    }
                }
            }
        }
    }

    /// The code in whole pixels a module, in the middle of its panel.
    fn code(&self, pixels: &mut [u8], modules: &Modules) {
        let row_pixels = self.row_pixels();
        let count = modules.side() + 2 * QUIET_MODULES;
        let panel = usize::try_from(nearest(PANEL.width * self.scale)).expect("positive");
        let module = panel / count;
        let margin = (panel - module * count) / 2 + module * QUIET_MODULES;
        let corner = |length: f32| usize::try_from(nearest(length * self.scale)).expect("positive");
        let (left, top) = (corner(PANEL.x) + margin, corner(PANEL.y) + margin);
        for (place, row) in modules.rows().enumerate() {
            let first = (top + place * module) * row_pixels + left;
            for line in 0..module {
                let dark = row.iter().flat_map(|dark| repeat_n(*dark, module));
                let pixels = pixels.iter_mut().skip(first + line * row_pixels);
                pixels.zip(dark).filter(|(_, dark)| *dark).for_each(|(pixel, _)| *pixel = self.black);
            }
        }
    }

    fn encoded(&self) -> Result<Vec<u8>, EncodingError> {
        let (width, height) = self.resolution.size();
        let per_metre = self.resolution.per_metre();
        // In one piece: row by row, as the encoder would hand it over, it takes half as long again and is larger.
        let mut packed = ZlibEncoder::new(Vec::with_capacity(FACE_BYTES), Compression::new(EFFORT));
        packed.write_all(&self.rows)?;
        let mut file = Vec::with_capacity(FACE_BYTES);
        let mut encoder = Encoder::new(&mut file, width, height);
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(self.depth());
        encoder.set_palette(self.palette.iter().flat_map(|colour| colour.0).collect::<Vec<u8>>());
        encoder.set_pixel_dims(Some(PixelDimensions { xppu: per_metre, yppu: per_metre, unit: Unit::Meter }));
        let mut writer = encoder.write_header()?;
        writer.write_chunk(chunk::IDAT, &packed.finish()?)?;
        writer.finish()?;
        Ok(file)
    }

    /// The picture's rows, each behind the number of its filter: none, which suits a ground that repeats best, but where a
    /// row is the one above again; its difference to that is zeros, which compress to almost nothing.
    fn line_up(&mut self, pixels: &[u8]) {
        const PLAIN: u8 = 0;
        const ABOVE: u8 = 2;
        let (depth, row_pixels) = (self.depth(), self.row_pixels());
        let row_bytes = if depth == BitDepth::Four { row_pixels / 2 } else { row_pixels };
        let mut above: &[u8] = &[];
        self.rows.clear();
        for row in pixels.chunks_exact(row_pixels) {
            if row == above {
                self.rows.push(ABOVE);
                self.rows.resize(self.rows.len() + row_bytes, 0);
                continue;
            }
            self.rows.push(PLAIN);
            match depth {
                BitDepth::Four => self.rows.extend(row.as_chunks().0.iter().copied().map(halved)),
                _ => self.rows.extend_from_slice(row),
            }
            above = row;
        }
    }

    fn depth(&self) -> BitDepth {
        if self.palette.len() > COLOURS_SMALL { BitDepth::Eight } else { BitDepth::Four }
    }
}

/// Two pixels in a byte, the left one above: reckoned in pairs, which a processor does many at a time.
fn halved(pixels: [u8; 2]) -> u8 {
    let pair = u16::from_le_bytes(pixels);
    let [byte, _] = (pair << 4 | pair >> 8).to_le_bytes();
    byte
}

/// A design's ground in full colour, with the code's panel and the logo.
fn painted(design: &Design, resolution: Resolution, scale: f32) -> Pixmap {
    let mut picture = grounded(design, resolution.size(), scale, GUILLOCHE_ROWS);
    draw(&mut picture, &design.panel(), scale);
    if let (Some(logo), Some(area)) = (&design.logo, design.logo_area()) {
        draw_logo(&mut picture, logo, area, scale);
    }
    picture
}

/// A design's ground alone, as much of it as a picture of this size shows; each row of its guilloche fills some of the
/// picture's.
pub(super) fn grounded(
    design: &Design,
    (width, height): (u32, u32),
    scale: f32,
    guilloche_rows: usize,
) -> Pixmap {
    let mut picture = Pixmap::new(width, height).expect("the sizes are not zero");
    for shape in design.ground() {
        draw(&mut picture, &shape, scale);
    }
    interlace(&mut picture, design.line(), scale, guilloche_rows);
    picture
}

fn draw(picture: &mut Pixmap, shape: &Shape, scale: f32) {
    let Some(path) = outline(&shape.steps) else { return };
    let [r, g, b] = shape.colour.0;
    // The long edge of the sweep without steps of its own: they would differ in every row.
    let mut paint = Paint { anti_alias: shape.smooth, ..Paint::default() };
    paint.set_color(Color::from_rgba8(r, g, b, u8::MAX));
    let transform = Transform::from_scale(scale, scale);
    match shape.draw {
        Draw::Fill => picture.fill_path(&path, &paint, FillRule::Winding, transform, None),
        Draw::Stroke(width) => {
            picture.stroke_path(&path, &paint, &Stroke { width, ..Stroke::default() }, transform, None);
        }
    }
}

/// Lays the guilloche into its seal. One step of the lattice is drawn and repeated to the pixel, so that the picture
/// repeats exactly; each of its rows fills some of the picture's.
fn interlace(picture: &mut Pixmap, line: Rgb, scale: f32, rows: usize) {
    let step = |length: f32| usize::try_from(nearest(length * scale)).expect("a few dozen pixels");
    let (across, down) = (step(LATTICE.step.0), step(LATTICE.step.1).div_ceil(rows));
    let size = |pixels: usize| u32::try_from(pixels).expect("a few dozen pixels");
    let area = Area { x: 0.0, y: 0.0, width: LATTICE.step.0, height: LATTICE.step.1 };
    let (Some(rings), Some(bound)) = (outline(&LATTICE.rings(area)), outline(&seal())) else { return };
    let mut tile = Pixmap::new(size(across), size(down)).expect("a step is not zero");
    let transform = Transform::from_scale(scale, scale);
    let paint = Paint { anti_alias: true, ..Paint::default() };
    let pressed = transform.post_scale(1.0, 1.0 / side(i32::try_from(rows).expect("one or two")));
    tile.stroke_path(&rings, &paint, &Stroke { width: HAIRLINE, ..Stroke::default() }, pressed, None);
    let row_pixels = usize::try_from(picture.width()).expect("a few thousand");
    let mut mask = Mask::new(picture.width(), picture.height()).expect("the sizes are not zero");
    mask.fill_path(&bound, FillRule::Winding, false, transform);
    let tiles = tile.pixels().chunks(across).flat_map(|row| repeat_n(row, rows)).cycle();
    let masks = mask.data().chunks(row_pixels).step_by(rows).flat_map(|row| repeat_n(row, rows));
    for ((row, mask), tile) in picture.pixels_mut().chunks_mut(row_pixels).zip(masks).zip(tiles) {
        for ((pixel, within), ring) in row.iter_mut().zip(mask).zip(tile.iter().cycle()) {
            let share = f32::from(ring.alpha()) * f32::from(*within) / (255.0 * 255.0);
            let [r, g, b] = Rgb([pixel.red(), pixel.green(), pixel.blue()]).mixed(line, share).0;
            if let Some(mixed) = PremultipliedColorU8::from_rgba(r, g, b, u8::MAX) {
                *pixel = mixed;
            }
        }
    }
}

/// Steps as a path.
pub(super) fn outline(steps: &[Step]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for step in steps {
        match *step {
            Step::Move((x, y)) => path.move_to(x, y),
            Step::Line((x, y)) => path.line_to(x, y),
            Step::Curve((x1, y1), (x2, y2), (x, y)) => path.cubic_to(x1, y1, x2, y2, x, y),
            Step::Close => path.close(),
        }
    }
    path.finish()
}

/// Draws a logo into an area.
pub(super) fn draw_logo(picture: &mut Pixmap, logo: &Logo, area: Area, scale: f32) {
    // The painter wants colours multiplied by their opacity.
    let multiplied: Vec<u8> = logo
        .rgba
        .chunks_exact(4)
        .flat_map(|pixel| match *pixel {
            [r, g, b, a] => {
                let times = |channel: u8| {
                    u8::try_from(u32::from(channel) * u32::from(a) / 255).expect("a share of a byte")
                };
                [times(r), times(g), times(b), a]
            }
            _ => [0; 4],
        })
        .collect();
    let Some(source) = PixmapRef::from_bytes(&multiplied, logo.width, logo.height) else { return };
    let pixels = side(i32::try_from(logo.width).unwrap_or(i32::MAX));
    let share = area.width * scale / pixels;
    let paint = PixmapPaint { quality: FilterQuality::Bicubic, ..PixmapPaint::default() };
    let place = Transform::from_row(share, 0.0, 0.0, share, area.x * scale, area.y * scale);
    picture.draw_pixmap(0, 0, source, &paint, place, None);
}

/// The colours of a design: its own with the steps between them, and those a logo brings.
fn palette(design: &Design, picture: &Pixmap) -> Vec<Rgb> {
    let (base, accent, line, ink) = (design.base, design.accent, design.line(), design.ink());
    let mut colours = vec![base, accent, line, Rgb::WHITE, Rgb::BLACK];
    if ink != Rgb::WHITE {
        colours.push(ink);
    }
    colours.push(accent.mixed(line, 0.5));
    colours.extend([0.38, 0.5, 0.76].map(|share| base.mixed(ink, share)));
    colours.extend([0.38, 0.5, 0.76].map(|share| accent.mixed(ink, share)));
    if design.logo.is_some() {
        let own = colours.clone();
        colours.extend(logo_colours(picture, &own));
    }
    colours
}

/// The commonest colours of a picture that are far from those there already, to four bits a channel.
fn logo_colours(picture: &Pixmap, own: &[Rgb]) -> Vec<Rgb> {
    const FAR: u32 = 1_500;
    let mut counts = std::collections::BTreeMap::<[u8; 3], usize>::new();
    for pixel in picture.pixels() {
        let coarse = [pixel.red(), pixel.green(), pixel.blue()].map(|channel| channel & 0xf0 | channel >> 4);
        *counts.entry(coarse).or_default() += 1;
    }
    let mut common: Vec<(usize, Rgb)> = counts
        .into_iter()
        .map(|(colour, count)| (count, Rgb(colour)))
        .filter(|(_, colour)| own.iter().all(|known| known.distance(*colour) > FAR))
        .collect();
    common.sort_by_key(|(count, colour)| (std::cmp::Reverse(*count), colour.0));
    common.into_iter().take(LOGO_COLOURS).map(|(_, colour)| colour).collect()
}

fn nearest_colour(palette: &[Rgb], colour: Rgb) -> u8 {
    let nearest = palette.iter().zip(0_u8..).min_by_key(|(known, _)| known.distance(colour));
    nearest.map_or(0, |(_, place)| place)
}

fn indexed(picture: &Pixmap, palette: &[Rgb]) -> Vec<u8> {
    let mut known = std::collections::HashMap::<[u8; 3], u8>::new();
    picture
        .pixels()
        .iter()
        .map(|pixel| {
            let colour = [pixel.red(), pixel.green(), pixel.blue()];
            *known.entry(colour).or_insert_with(|| nearest_colour(palette, Rgb(colour)))
        })
        .collect()
}
