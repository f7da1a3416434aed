//! Colours of a face: three channels, mixed and compared the same way on screen and in print.

use std::fmt;
use std::str::FromStr;

/// A colour of the sRGB space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rgb(pub [u8; 3]);

/// Why a text is no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a colour is written #rrggbb")]
pub struct NotAColour;

impl Rgb {
    /// Paper.
    pub const WHITE: Self = Self([255, 255, 255]);
    /// The code's modules.
    pub const BLACK: Self = Self([0, 0, 0]);

    /// This colour with `share` (0 to 1) of another mixed in.
    pub fn mixed(self, other: Self, share: f32) -> Self {
        let channel = |a: u8, b: u8| byte(f32::from(a) + (f32::from(b) - f32::from(a)) * share);
        let ([r, g, b], [x, y, z]) = (self.0, other.0);
        Self([channel(r, x), channel(g, y), channel(b, z)])
    }

    /// Relative luminance (WCAG 2.2), 0 to 1.
    pub fn luminance(self) -> f32 {
        let linear = |channel: u8| {
            let value = f32::from(channel) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let [r, g, b] = self.0.map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// Contrast of two colours (WCAG 2.2), 1 to 21.
    pub fn contrast(self, other: Self) -> f32 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// How far apart two colours are; the eye is keenest for green.
    pub(super) fn distance(self, other: Self) -> u32 {
        let ([r, g, b], [x, y, z]) = (self.0, other.0);
        let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
        2 * square(r, x) + 4 * square(g, y) + 3 * square(b, z)
    }

    /// The channels from 0 to 1.
    pub(super) fn unit(self) -> [f32; 3] {
        self.0.map(|channel| f32::from(channel) / 255.0)
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

impl FromStr for Rgb {
    type Err = NotAColour;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('#').ok_or(NotAColour)?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NotAColour);
        }
        let [_, r, g, b] = u32::from_str_radix(digits, 16).map_err(|_| NotAColour)?.to_be_bytes();
        Ok(Self([r, g, b]))
    }
}

/// The nearest channel value.
#[allow(clippy::as_conversions, reason = "clamped to a byte before")]
fn byte(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}
