//! What a wallet shows of a design: the upper part of its ground as a strip, its logo (or the program's sign where it has
//! none), a square icon. Drawn of the very shapes of the card's face.

use std::collections::HashMap;

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};
use tiny_skia::{Color, FillRule, Paint, Pixmap, Stroke, Transform};

use super::WIDTH_MM;
use super::colour::Rgb;
use super::design::{Design, Logo};
use super::path::{Area, Point, Step, circle};
use super::pixels::side;
use super::plate::{draw_logo, grounded, outline};

/// The sign: three orbits about a point, in a square of so many units a side.
const SIGN_SIDE: f32 = 32.0;
const ORBIT: Point = (11.0, 5.0);
const ORBIT_LINE: f32 = 1.6;
const POINT_RADIUS: f32 = 2.6;
/// Sine and cosine of the orbits' turns: none, 60° and 120°.
const TURNS: [Point; 3] = [(0.0, 1.0), (0.866_025_4, 0.5), (0.866_025_4, -0.5)];
/// The part of an icon's side that a logo takes.
const LOGO_SHARE: f32 = 0.78;
/// Colours a palette holds.
const PALETTE_MAX: usize = 256;

/// The upper part of a card's ground, as wide as the card.
///
/// # Errors
/// The encoder's, which a write into memory doesn't have.
pub fn strip(design: &Design, (width, height): (u32, u32)) -> Result<Vec<u8>, EncodingError> {
    encoded(&grounded(design, (width, height), length(width) / WIDTH_MM, 1))
}

/// The logo as large as the room allows, or the sign as high as the room, on nothing.
///
/// # Errors
/// The encoder's, which a write into memory doesn't have.
pub fn logo(design: &Design, (width, height): (u32, u32)) -> Result<Vec<u8>, EncodingError> {
    let picture = match &design.logo {
        Some(logo) => {
            let area = fitted(logo, (length(width), length(height)));
            let size = |length: f32| u32::try_from(super::pixels::nearest(length)).unwrap_or_default().max(1);
            let mut picture = blank(size(area.width), size(area.height));
            draw_logo(&mut picture, logo, Area { x: 0.0, y: 0.0, ..area }, 1.0);
            picture
        }
        None => {
            let mut picture = blank(height, height);
            sign(&mut picture, design);
            picture
        }
    };
    encoded(&picture)
}

/// A square of the ground's colour with the logo or the sign on it.
///
/// # Errors
/// The encoder's, which a write into memory doesn't have.
pub fn icon(design: &Design, pixels: u32) -> Result<Vec<u8>, EncodingError> {
    let mut picture = blank(pixels, pixels);
    picture.fill(colour(design.base));
    match &design.logo {
        Some(logo) => {
            let room = length(pixels) * LOGO_SHARE;
            let area = fitted(logo, (room, room));
            let middle = |size: f32| (length(pixels) - size) / 2.0;
            draw_logo(
                &mut picture,
                logo,
                Area { x: middle(area.width), y: middle(area.height), ..area },
                1.0,
            );
        }
        None => sign(&mut picture, design),
    }
    encoded(&picture)
}

fn length(pixels: u32) -> f32 {
    side(i32::try_from(pixels).unwrap_or(i32::MAX))
}

fn blank(width: u32, height: u32) -> Pixmap {
    Pixmap::new(width, height).expect("the sizes are not zero")
}

fn colour(rgb: Rgb) -> Color {
    let [r, g, b] = rgb.0;
    Color::from_rgba8(r, g, b, u8::MAX)
}

/// A logo's size within a room, its sides in proportion.
fn fitted(logo: &Logo, (width, height): Point) -> Area {
    let (across, down) = (length(logo.width.max(1)), length(logo.height.max(1)));
    let share = (width / across).min(height / down);
    Area { x: 0.0, y: 0.0, width: across * share, height: down * share }
}

fn sign(picture: &mut Pixmap, design: &Design) {
    let transform =
        Transform::from_scale(length(picture.width()) / SIGN_SIDE, length(picture.height()) / SIGN_SIDE);
    let middle = (SIGN_SIDE / 2.0, SIGN_SIDE / 2.0);
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(colour(design.base.mixed(design.ink(), 0.62)));
    let stroke = Stroke { width: ORBIT_LINE, ..Stroke::default() };
    for turn in TURNS {
        if let Some(orbit) = outline(&orbit(middle, turn)) {
            picture.stroke_path(&orbit, &paint, &stroke, transform, None);
        }
    }
    paint.set_color(colour(design.ink()));
    if let Some(point) = outline(&circle(middle, POINT_RADIUS)) {
        picture.fill_path(&point, &paint, FillRule::Winding, transform, None);
    }
}

/// An ellipse about a point, turned: a circle of radius 1, stretched and turned.
fn orbit((x, y): Point, (sine, cosine): Point) -> Vec<Step> {
    let placed = |(across, down): Point| {
        let (across, down) = (across * ORBIT.0, down * ORBIT.1);
        (x + across * cosine - down * sine, y + across * sine + down * cosine)
    };
    circle((0.0, 0.0), 1.0)
        .into_iter()
        .map(|step| match step {
            Step::Move(to) => Step::Move(placed(to)),
            Step::Line(to) => Step::Line(placed(to)),
            Step::Curve(one, other, to) => Step::Curve(placed(one), placed(other), placed(to)),
            Step::Close => Step::Close,
        })
        .collect()
}

/// A PNG: by its palette where all its colours fit one, exactly as they are.
fn encoded(picture: &Pixmap) -> Result<Vec<u8>, EncodingError> {
    let rgba: Vec<[u8; 4]> = picture
        .pixels()
        .iter()
        .map(|pixel| {
            let plain = pixel.demultiply();
            [plain.red(), plain.green(), plain.blue(), plain.alpha()]
        })
        .collect();
    let mut file = Vec::with_capacity(16 << 10);
    let mut encoder = Encoder::new(&mut file, picture.width(), picture.height());
    encoder.set_compression(Compression::Balanced);
    encoder.set_depth(BitDepth::Eight);
    match palette(&rgba) {
        Some((colours, pixels)) => {
            encoder.set_color(ColorType::Indexed);
            encoder.set_filter(Filter::NoFilter);
            encoder.set_palette(colours.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect::<Vec<u8>>());
            encoder.set_trns(colours.iter().map(|[.., opacity]| *opacity).collect::<Vec<u8>>());
            encoder.write_header()?.write_image_data(&pixels)?;
        }
        None => {
            encoder.set_color(ColorType::Rgba);
            encoder.set_filter(Filter::Adaptive);
            encoder.write_header()?.write_image_data(rgba.as_flattened())?;
        }
    }
    Ok(file)
}

/// A picture's colours and their places, if they are few enough.
fn palette(rgba: &[[u8; 4]]) -> Option<(Vec<[u8; 4]>, Vec<u8>)> {
    let mut places = HashMap::<[u8; 4], u8>::new();
    let mut colours = Vec::new();
    let mut pixels = Vec::with_capacity(rgba.len());
    for pixel in rgba {
        let place = match places.get(pixel) {
            Some(place) => *place,
            None if colours.len() < PALETTE_MAX => {
                let place = u8::try_from(colours.len()).ok()?;
                places.insert(*pixel, place);
                colours.push(*pixel);
                place
            }
            None => return None,
        };
        pixels.push(place);
    }
    Some((colours, pixels))
}
