//! Outlines in millimetres, and the figures a face is drawn of: rounded boxes, circles, the guilloche.

use super::colour::Rgb;

/// A point in millimetres from the card's upper left corner, down and to the right.
pub type Point = (f32, f32);

/// A step of an outline.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// Begins a figure.
    Move(Point),
    /// A straight line.
    Line(Point),
    /// A cubic curve by its two handles and its end.
    Curve(Point, Point, Point),
    /// Ends a figure where it began.
    Close,
}

/// How an outline is drawn.
#[derive(Debug, Clone, Copy)]
pub enum Draw {
    /// Filled.
    Fill,
    /// As a line of this width in millimetres.
    Stroke(f32),
}

/// A figure of one colour.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Its outline.
    pub steps: Vec<Step>,
    /// How it is drawn.
    pub draw: Draw,
    /// Its colour, opaque: printers and palettes know no other.
    pub colour: Rgb,
    /// Whether its edge is softened among pixels.
    pub smooth: bool,
}

/// A box in millimetres.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    /// Left.
    pub x: f32,
    /// Top.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// The handle of a quarter circle, as a share of its radius.
const QUARTER: f32 = 0.552_284_8;

impl Area {
    /// Its outline.
    pub fn outline(self) -> Vec<Step> {
        let (right, bottom) = (self.x + self.width, self.y + self.height);
        vec![
            Step::Move((self.x, self.y)),
            Step::Line((right, self.y)),
            Step::Line((right, bottom)),
            Step::Line((self.x, bottom)),
            Step::Close,
        ]
    }

    /// Its outline with round corners.
    pub fn rounded(self, radius: f32) -> Vec<Step> {
        let (left, top, right, bottom) = (self.x, self.y, self.x + self.width, self.y + self.height);
        let handle = radius * (1.0 - QUARTER);
        vec![
            Step::Move((left + radius, top)),
            Step::Line((right - radius, top)),
            Step::Curve((right - handle, top), (right, top + handle), (right, top + radius)),
            Step::Line((right, bottom - radius)),
            Step::Curve((right, bottom - handle), (right - handle, bottom), (right - radius, bottom)),
            Step::Line((left + radius, bottom)),
            Step::Curve((left + handle, bottom), (left, bottom - handle), (left, bottom - radius)),
            Step::Line((left, top + radius)),
            Step::Curve((left, top + handle), (left + handle, top), (left + radius, top)),
            Step::Close,
        ]
    }
}

/// A circle's outline.
pub fn circle((x, y): Point, radius: f32) -> Vec<Step> {
    let handle = radius * QUARTER;
    vec![
        Step::Move((x + radius, y)),
        Step::Curve((x + radius, y + handle), (x + handle, y + radius), (x, y + radius)),
        Step::Curve((x - handle, y + radius), (x - radius, y + handle), (x - radius, y)),
        Step::Curve((x - radius, y - handle), (x - handle, y - radius), (x, y - radius)),
        Step::Curve((x + handle, y - radius), (x + radius, y - handle), (x + radius, y)),
        Step::Close,
    ]
}

/// A guilloche of interlacing rings: some about every point of a lattice whose every other row is shifted by half a step.
#[derive(Debug, Clone, Copy)]
pub struct Lattice {
    /// After how many millimetres it repeats, across and down.
    pub step: Point,
    /// The rings about each point.
    pub radii: [f32; 3],
}

impl Lattice {
    /// The outlines of all rings that reach into an area.
    pub fn rings(self, area: Area) -> Vec<Step> {
        let reach = self.radii.iter().copied().fold(0.0, f32::max);
        let (across, down) = self.step;
        let first = |start: f32, step: f32| ((start - reach) / step).floor() * step;
        let mut steps = Vec::new();
        for (half_x, half_y) in [(0.0, 0.0), (across / 2.0, down / 2.0)] {
            let mut y = first(area.y, down) + half_y;
            while y < area.y + area.height + reach {
                let mut x = first(area.x, across) + half_x;
                while x < area.x + area.width + reach {
                    self.radii.iter().for_each(|radius| steps.extend(circle((x, y), *radius)));
                    x += across;
                }
                y += down;
            }
        }
        steps
    }
}
