//! Pictures for old scanners: the bare number as Code 128, or as EAN-13 for tills that read nothing else. They can't
//! change, so they earn and don't redeem.

use std::fmt::Write;

use barcoders::sym::code128::Code128;
use barcoders::sym::ean13::EAN13;
use shared_kernel::text_enum;

use crate::number::CardNumber;

text_enum!(
    /// Which picture.
    Symbology {
        /// Code 128, set C: pairs of digits.
        Code128 => "code128",
        /// EAN-13 with a prefix of 20 to 29, restricted circulation.
        Ean13 => "ean13",
    }
);

/// Modules of height; scanners want 15 % of the width at least.
const HEIGHT: usize = 50;

/// What the picture says when it is read.
pub fn text(number: CardNumber, symbology: Symbology) -> String {
    match symbology {
        Symbology::Code128 => number.as_str().to_owned(),
        Symbology::Ean13 => number.ean13(),
    }
}

/// The bars as an SVG of one path, the quiet zones of the standard included.
pub fn svg(number: CardNumber, symbology: Symbology) -> String {
    let (bars, before, after) = modules(number, symbology);
    let width = before + bars.len() + after;
    let mut path = String::with_capacity(bars.len() * 8);
    let mut x = before;
    for run in bars.chunk_by(|a, b| a == b) {
        if run.first() == Some(&1) {
            let length = run.len();
            write!(path, "M{x} 0h{length}v{HEIGHT}h-{length}z").expect("writing to a String");
        }
        x += run.len();
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" shape-rendering=\"crispEdges\" \
         preserveAspectRatio=\"none\"><path fill=\"#fff\" d=\"M0 0h{width}v{HEIGHT}H0z\"/>\
         <path fill=\"#000\" d=\"{path}\"/></svg>"
    )
}

/// The modules, 1 where dark, and the light ones that must stand before and after them.
fn modules(number: CardNumber, symbology: Symbology) -> (Vec<u8>, usize, usize) {
    let text = text(number, symbology);
    match symbology {
        // "Ć" begins set C in the library's notation.
        Symbology::Code128 => {
            let code = Code128::new(format!("Ć{text}")).expect("sixteen digits are eight pairs");
            (code.encode(), 10, 10)
        }
        Symbology::Ean13 => {
            let code = EAN13::new(text).expect("thirteen digits with their check digit");
            (code.encode(), 11, 7)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_of_the_right_number_and_quiet_around() {
        let number = CardNumber::parse("9643000000000004").unwrap();
        // Start, eight pairs, check: 11 modules each; stop: 13.
        assert_eq!(modules(number, Symbology::Code128).0.len(), 10 * 11 + 13);
        assert_eq!(modules(number, Symbology::Ean13).0.len(), 95);
        for (symbology, width) in [(Symbology::Code128, 143), (Symbology::Ean13, 113)] {
            let picture = svg(number, symbology);
            assert!(picture.contains(&format!("viewBox=\"0 0 {width} 50\"")), "{picture}");
            let first = picture.split("d=\"M").nth(2).unwrap();
            let quiet = if symbology == Symbology::Ean13 { "11 0" } else { "10 0" };
            assert!(first.starts_with(quiet), "{first}");
        }
    }
}
