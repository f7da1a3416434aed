//! The code's picture: QR, recovery level M, quiet zone of four modules, as SVG and as PNG.

use std::fmt::Write;
use std::io::Cursor;

use fdeflate::Compressor;
use png::{BitDepth, ColorType, Encoder, EncodingError, chunk};
use qrcode::{Color, EcLevel, QrCode};

/// Modules of white around the code.
pub(crate) const QUIET_MODULES: usize = 4;
/// Sides a PNG may have, in pixels.
pub const PNG_SIDE: std::ops::RangeInclusive<u32> = 64..=2_048;
/// Room for the usual PNG.
const FILE_BYTES: usize = 4 << 10;

/// Why a picture was not drawn.
#[derive(Debug, thiserror::Error)]
pub enum QrError {
    /// The text doesn't fit a QR code.
    #[error("the text is too long for a QR code")]
    TooLong,
    /// The side is outside [`PNG_SIDE`], or too small for one pixel a module.
    #[error("the picture's side must be 64 to 2048 pixels and at least one a module")]
    Side,
    /// The encoder's.
    #[error(transparent)]
    Image(#[from] EncodingError),
}

/// The modules of a code, row by row, `true` where dark.
pub(crate) struct Modules {
    side: usize,
    dark: Vec<bool>,
}

impl Modules {
    pub(crate) fn of(text: &str) -> Result<Self, QrError> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| QrError::TooLong)?;
        let dark = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
        Ok(Self { side: code.width(), dark })
    }

    /// Modules a row, the quiet zone apart.
    pub(crate) fn side(&self) -> usize {
        self.side
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[bool]> {
        self.dark.chunks(self.side)
    }
}

/// The code as an SVG of one path of horizontal runs: small, and sharp on any screen.
///
/// # Errors
/// [`QrError::TooLong`].
pub fn svg(text: &str) -> Result<String, QrError> {
    let modules = Modules::of(text)?;
    let side = modules.side + 2 * QUIET_MODULES;
    let mut path = String::with_capacity(modules.side * 64);
    for (y, row) in modules.rows().enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&true) {
                let length = run.len();
                write!(path, "M{} {}h{length}v1h-{length}z", x + QUIET_MODULES, y + QUIET_MODULES)
                    .expect("writing to a String");
            }
            x += run.len();
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

/// Modules of a code's side, the quiet zone apart.
///
/// # Errors
/// [`QrError::TooLong`].
pub fn side(text: &str) -> Result<usize, QrError> {
    Ok(Modules::of(text)?.side)
}

/// The code as a PNG of one bit a pixel and exactly `side` × `side` pixels: whole pixels a module, what is left over is
/// white margin.
///
/// # Errors
/// [`QrError`].
pub fn png(text: &str, side: u32) -> Result<Vec<u8>, QrError> {
    if !PNG_SIDE.contains(&side) {
        return Err(QrError::Side);
    }
    let modules = Modules::of(text)?;
    let pixels = usize::try_from(side).map_err(|_| QrError::Side)?;
    let scale = pixels / (modules.side + 2 * QUIET_MODULES);
    if scale == 0 {
        return Err(QrError::Side);
    }
    let mut deflated =
        Compressor::new(Cursor::new(Vec::with_capacity(FILE_BYTES))).map_err(EncodingError::from)?;
    deflated.write_data(&rows(&modules, pixels, scale)).map_err(EncodingError::from)?;
    let deflated = deflated.finish().map_err(EncodingError::from)?.into_inner();
    let mut file = Vec::with_capacity(FILE_BYTES);
    let mut encoder = Encoder::new(&mut file, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_chunk(chunk::IDAT, &deflated)?;
    writer.finish()?;
    Ok(file)
}

/// The picture's rows of a bit a pixel, each behind the number of its filter. One like the row above it is written as
/// its difference to that: zeros, which cost the fast packer next to nothing.
fn rows(modules: &Modules, pixels: usize, scale: usize) -> Vec<u8> {
    const PLAIN: u8 = 0;
    const ABOVE: u8 = 2;
    let margin = (pixels - modules.side * scale) / 2;
    let row_bytes = pixels.div_ceil(8);
    let mut rows = Vec::with_capacity((1 + row_bytes) * pixels);
    let mut add = |line: &[u8], times: usize| {
        rows.push(PLAIN);
        rows.extend_from_slice(line);
        for _ in 1..times {
            rows.push(ABOVE);
            rows.resize(rows.len() + row_bytes, 0);
        }
    };
    let white = vec![u8::MAX; row_bytes];
    add(&white, margin);
    for row in modules.rows() {
        add(&packed(row, (margin, scale), row_bytes), scale);
    }
    add(&white, pixels - margin - modules.side * scale);
    rows
}

/// A row of modules as pixels, a bit each, white where nothing is said.
fn packed(row: &[bool], (margin, scale): (usize, usize), row_bytes: usize) -> Vec<u8> {
    let mut line = vec![u8::MAX; row_bytes];
    let dark = row.iter().enumerate().filter(|(_, dark)| **dark);
    for x in dark.flat_map(|(place, _)| margin + place * scale..margin + (place + 1) * scale) {
        if let Some(byte) = line.get_mut(x / 8) {
            *byte &= !(0x80 >> (x % 8));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "964301234567890512345678";

    #[test]
    fn the_svg_draws_exactly_the_dark_modules() {
        let modules = Modules::of(CODE).unwrap();
        assert_eq!(modules.side, 21, "24 digits fit the smallest code");
        let picture = svg(CODE).unwrap();
        assert!(picture.contains("viewBox=\"0 0 29 29\"") && picture.contains("crispEdges"));
        let path = picture.split("d=\"").nth(2).unwrap().split('"').next().unwrap();
        let mut drawn = vec![false; 29 * 29];
        for run in path.split('M').filter(|run| !run.is_empty()) {
            let (start, rest) = run.split_once('h').unwrap();
            let (x, y) = start.split_once(' ').unwrap();
            let length: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            let first = y.parse::<usize>().unwrap() * 29 + x.parse::<usize>().unwrap();
            drawn[first..first + length].fill(true);
        }
        for (at, dark) in modules.dark.iter().enumerate() {
            assert_eq!(drawn[(at / 21 + 4) * 29 + at % 21 + 4], *dark);
        }
        assert_eq!(drawn.iter().filter(|d| **d).count(), modules.dark.iter().filter(|d| **d).count());
    }

    #[test]
    fn the_png_is_of_the_size_asked_for_and_quiet_around() {
        for side in [64, 100, 400, 2_048] {
            let picture = image::load_from_memory(&png(CODE, side).unwrap()).unwrap().to_luma8();
            assert_eq!((picture.width(), picture.height()), (side, side));
            let quiet = side / 29 * 4;
            assert!(picture.enumerate_pixels().all(|(x, y, p)| {
                let inside = |v: u32| v >= quiet && v < side - quiet;
                p.0[0] == 255 || (p.0[0] == 0 && inside(x) && inside(y))
            }));
        }
        for side in [0, 63, 2_049] {
            assert!(matches!(png(CODE, side), Err(QrError::Side)), "{side}");
        }
        assert!(matches!(svg(&"1".repeat(6_000)), Err(QrError::TooLong)));
        assert!(matches!(png(&"x".repeat(1_000), 64), Err(QrError::Side)), "less than a pixel a module");
    }
}
