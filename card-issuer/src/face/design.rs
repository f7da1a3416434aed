//! What a design says: a pair of colours, a logo, a title, which fields. And what a face makes of it: the ground that all
//! cards of a design share.

use shared_kernel::text_enum;

use super::colour::Rgb;
use super::path::{Area, Draw, Lattice, Shape, Step, circle};
use super::{BLEED_MM, HEIGHT_MM, WIDTH_MM};

text_enum!(
    /// A field that a face may show besides the name and the number.
    FaceField {
        /// The organisation the member belongs to.
        Organisation => "organisation",
        /// The union's own number of the member.
        MembershipNumber => "membership_number",
        /// The year the member joined.
        MemberSince => "member_since",
        /// The card's last month.
        ValidThru => "valid_thru",
    }
);

/// A logo, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Red, green, blue and opacity of each pixel, row by row.
    pub rgba: Vec<u8>,
}

/// How an organisation's cards look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Design {
    /// The ground.
    pub base: Rgb,
    /// The second colour: the sweep and the guilloche.
    pub accent: Rgb,
    /// What stands at the top instead of the union's name.
    pub title: Option<String>,
    /// Which fields are shown.
    pub fields: Vec<FaceField>,
    /// The logo at the top.
    pub logo: Option<Logo>,
}

impl Default for Design {
    fn default() -> Self {
        Self {
            base: Rgb([0x10, 0x24, 0x3e]),
            accent: Rgb([0x1b, 0x3d, 0x69]),
            title: None,
            fields: FaceField::ALL.to_vec(),
            logo: None,
        }
    }
}

/// Where a logo may stand.
const LOGO_ROOM: Area = Area { x: 5.0, y: 4.8, width: 15.0, height: 12.0 };
/// The white panel under the code: 29 modules of the smallest QR with its quiet zone.
pub const PANEL: Area = Area { x: 55.6, y: 23.98, width: 25.0, height: 25.0 };
/// So small that no corner reaches into the quiet zone.
const PANEL_RADIUS: f32 = 0.8;
/// Width of the guilloche's lines.
pub(super) const HAIRLINE: f32 = 0.1;
/// Where the guilloche lies: a seal in the upper corner, over the edge.
pub(super) const SEAL: Area = Area { x: 53.6, y: -10.5, width: 35.0, height: 35.0 };

/// The seal's edge.
pub(super) fn seal() -> Vec<Step> {
    circle((SEAL.x + SEAL.width / 2.0, SEAL.y + SEAL.height / 2.0), SEAL.width / 2.0)
}

/// The second colour's part of the ground.
fn sweep() -> Vec<Step> {
    let (right, bottom) = (WIDTH_MM + BLEED_MM, HEIGHT_MM + BLEED_MM);
    vec![
        Step::Move((right, -BLEED_MM)),
        Step::Line((48.0, -BLEED_MM)),
        Step::Curve((40.0, 14.0), (60.5, 30.0), (50.5, bottom)),
        Step::Line((right, bottom)),
        Step::Close,
    ]
}

/// The guilloche: rings about the points of a lattice, interlacing. Its steps are whole pixels at 300 dpi, and so few rows
/// that a PNG's compression still remembers the row one step above: a rosette's lines would cost six times the bytes.
pub const LATTICE: Lattice = Lattice { step: (52.0 * PIXEL_MM, 62.0 * PIXEL_MM), radii: [4.6, 3.4, 2.2] };
const PIXEL_MM: f32 = WIDTH_MM / 1_012.0;

impl Design {
    /// The colour of what is written: white, or near black on a light ground.
    pub fn ink(&self) -> Rgb {
        const DARK: Rgb = Rgb([0x14, 0x1c, 0x28]);
        let worst = |ink: Rgb| ink.contrast(self.base).min(ink.contrast(self.accent));
        if worst(Rgb::WHITE) >= worst(DARK) { Rgb::WHITE } else { DARK }
    }

    /// The colour of labels: the ink, a little nearer to the ground.
    pub fn dim(&self) -> Rgb {
        self.base.mixed(self.ink(), 0.76)
    }

    /// The colour of the guilloche's lines.
    pub(super) fn line(&self) -> Rgb {
        self.accent.mixed(self.ink(), 0.17)
    }

    /// The least contrast of what is written with what it stands on (WCAG 2.2).
    pub fn contrast(&self) -> f32 {
        let ink = self.ink();
        ink.contrast(self.base).min(ink.contrast(self.accent))
    }

    /// The two colours under everything, from bleed to bleed; the seal lies on the second.
    pub(super) fn ground(&self) -> Vec<Shape> {
        let bled = Area {
            x: -BLEED_MM,
            y: -BLEED_MM,
            width: WIDTH_MM + 2.0 * BLEED_MM,
            height: HEIGHT_MM + 2.0 * BLEED_MM,
        };
        vec![
            Shape { steps: bled.outline(), draw: Draw::Fill, colour: self.base, smooth: false },
            Shape { steps: sweep(), draw: Draw::Fill, colour: self.accent, smooth: false },
        ]
    }

    /// The white panel under the code.
    pub(super) fn panel(&self) -> Shape {
        Shape { steps: PANEL.rounded(PANEL_RADIUS), draw: Draw::Fill, colour: Rgb::WHITE, smooth: true }
    }

    /// Where the logo stands: as large as its room allows, at the left, on the header's middle.
    pub(super) fn logo_area(&self) -> Option<Area> {
        let logo = self.logo.as_ref()?;
        let side = |pixels: u32| f32::from(u16::try_from(pixels).unwrap_or(u16::MAX).max(1));
        let (width, height) = (side(logo.width), side(logo.height));
        let share = (LOGO_ROOM.width / width).min(LOGO_ROOM.height / height);
        let (width, height) = (width * share, height * share);
        Some(Area { x: LOGO_ROOM.x, y: LOGO_ROOM.y + (LOGO_ROOM.height - height) / 2.0, width, height })
    }
}
