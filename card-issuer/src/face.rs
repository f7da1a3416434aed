//! The face of a plastic card: drawn as pixels for screens and simple printers, as PDF for a plant. Both from one layout
//! in millimetres, so that they are twins of each other and of the card on the screen.
//!
//! | module | what it holds |
//! |---|---|
//! | [`design`] | an organisation's colours, logo and fields; the ground they make |
//! | [`layout`] | what differs from card to card, in its place |
//! | [`type_setting`] | lines that never overflow: shrunk, wrapped, cut |
//! | [`plate`] | PNG: the ground drawn once, cards stamped onto copies |
//! | [`pdf`] | PDF: a card a page with bleed and crop marks, or ten on A4 |
//! | [`wallet`] | what wallets show of a design: strip, logo, icon |
//!
//! Floats are lengths and colours here; nothing that is counted.
#![allow(clippy::float_arithmetic, reason = "a picture's lengths and colours, never money or counts")]

pub mod colour;
pub mod design;
mod glyphs;
pub mod layout;
mod path;
pub mod pdf;
mod pixels;
pub mod plate;
pub mod type_setting;
pub mod wallet;

pub use design::{Design, FaceField, Logo};
pub use layout::{Face, Holder};
pub use pdf::{Document, Sheet};
pub use plate::{Plate, Resolution};

/// Width of a card (ISO/IEC 7810 ID-1), in millimetres.
pub const WIDTH_MM: f32 = 85.6;
/// Height of a card, in millimetres.
pub const HEIGHT_MM: f32 = 53.98;
/// How far the ground reaches over the edge for print, in millimetres.
pub const BLEED_MM: f32 = 3.0;
