//! The pictures of a pass, each at one, two and three pixels a point. They are the same for every card of a design, so
//! whoever makes many passes keeps them.

use png::EncodingError;

use super::sha1_hex;
use crate::face::{Design, wallet};

/// Sizes in points: the notification's square, the most a logo may take, the strip under the main figure.
const ICON: u32 = 29;
const LOGO: (u32, u32) = (160, 50);
const STRIP: (u32, u32) = (375, 144);

/// A picture's file.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Its name in the pass.
    pub name: &'static str,
    /// A PNG.
    pub bytes: Vec<u8>,
    /// Its hash, as the manifest lists it.
    pub sha1: String,
}

/// The pictures of a design.
#[derive(Debug, Clone)]
pub struct Pictures(Vec<Picture>);

impl Pictures {
    /// Draws them.
    ///
    /// # Errors
    /// The encoder's, which a write into memory doesn't have.
    pub fn of(design: &Design) -> Result<Self, EncodingError> {
        const NAMES: [[&str; 3]; 3] = [
            ["icon.png", "logo.png", "strip.png"],
            ["icon@2x.png", "logo@2x.png", "strip@2x.png"],
            ["icon@3x.png", "logo@3x.png", "strip@3x.png"],
        ];
        let mut pictures = Vec::with_capacity(9);
        for (scale, [icon, logo, strip]) in (1..).zip(NAMES) {
            let times = |(width, height): (u32, u32)| (width * scale, height * scale);
            for (name, bytes) in [
                (icon, wallet::icon(design, ICON * scale)?),
                (logo, wallet::logo(design, times(LOGO))?),
                (strip, wallet::strip(design, times(STRIP))?),
            ] {
                pictures.push(Picture { name, sha1: sha1_hex(&bytes), bytes });
            }
        }
        Ok(Self(pictures))
    }

    /// The files.
    pub fn files(&self) -> &[Picture] {
        &self.0
    }
}
