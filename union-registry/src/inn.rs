//! The taxpayer number (ИНН): ten digits of an organisation, twelve of a person, with check digits.

/// Whether a text is a taxpayer number with right check digits. All zeros fit the arithmetic and are refused.
pub fn is_inn(text: &str) -> bool {
    let digits: Option<Vec<u32>> =
        text.chars().map(|c| if c.is_ascii() { c.to_digit(10) } else { None }).collect();
    let Some(digits) = digits else { return false };
    if digits.iter().all(|digit| *digit == 0) {
        return false;
    }
    match digits.as_slice() {
        [body @ .., check] if body.len() == 9 => check_digit(&[2, 4, 10, 3, 5, 9, 4, 6, 8], body) == *check,
        [body @ .., first, second] if body.len() == 10 => {
            let mut with_first = body.to_vec();
            with_first.push(*first);
            check_digit(&[7, 2, 4, 10, 3, 5, 9, 4, 6, 8], body) == *first
                && check_digit(&[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8], &with_first) == *second
        }
        _ => false,
    }
}

fn check_digit(weights: &[u32], digits: &[u32]) -> u32 {
    weights.iter().zip(digits).map(|(weight, digit)| weight * digit).sum::<u32>() % 11 % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_decide() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/vectors/ru_ids.json")).unwrap();
        for case in vectors["inn"].as_array().unwrap() {
            assert_eq!(is_inn(case["v"].as_str().unwrap()), case["valid"], "{case}");
        }
        assert!(is_inn("123456789047") && is_inn("500000000029"));
        for text in [
            "",
            "0000000000",
            "000000000000",
            "770704938",
            "77070493880",
            "7.70704E+09",
            "٧٧٠٧٠٤٩٣٨٨",
            "123456789048",
        ] {
            assert!(!is_inn(text), "{text}");
        }
    }
}
