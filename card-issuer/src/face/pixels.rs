//! Whole pixels from lengths and back: the one place where numbers change their kind.
#![allow(clippy::as_conversions, reason = "lengths of a card in pixels are far within both kinds' range")]

/// The pixel a length begins in.
pub fn floor(length: f32) -> i32 {
    length.floor() as i32
}

/// The nearest whole number of pixels.
pub fn nearest(length: f32) -> i32 {
    length.round() as i32
}

/// Pixels as a length.
pub fn side(pixels: i32) -> f32 {
    pixels as f32
}
