//! Names in Latin letters, as travel documents write them: ICAO Doc 9303, part 3, section 6 (Cyrillic), capitals only.
//! Letters that the table doesn't have (Tatar, Kazakh and others) are written as their nearest neighbours in it.

use unicode_normalization::UnicodeNormalization;

/// A text in Latin capitals, digits, blanks, hyphens and full stops. Apostrophes vanish; other marks become blanks.
pub fn transliterated(text: &str) -> String {
    let mut latin = String::with_capacity(text.len());
    for letter in text.nfc().flat_map(char::to_uppercase) {
        match cyrillic(letter) {
            Some(letters) => latin.push_str(letters),
            None => latin.extend(plain(letter)),
        }
    }
    latin.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What isn't Cyrillic: a letter loses its accents, a mark that isn't a hyphen or full stop becomes a blank.
fn plain(letter: char) -> Option<char> {
    match letter.nfd().next().unwrap_or(letter) {
        base @ ('A'..='Z' | '0'..='9' | '-' | '.') => Some(base),
        '\u{2010}'..='\u{2014}' => Some('-'),
        '\'' | '\u{2019}' | '`' | '\u{2bc}' => None,
        'Ø' => Some('O'),
        'Ł' => Some('L'),
        'Đ' => Some('D'),
        'ı' => Some('I'),
        'ẞ' | 'ß' => Some('S'),
        _ if unicode_normalization::char::is_combining_mark(letter) => None,
        _ => Some(' '),
    }
}

fn cyrillic(letter: char) -> Option<&'static str> {
    Some(match letter {
        'А' | 'Ә' => "A",
        'Б' => "B",
        'В' => "V",
        'Г' | 'Ґ' | 'Ғ' => "G",
        'Д' => "D",
        'Е' | 'Ё' | 'Э' => "E",
        'Ж' | 'Җ' => "ZH",
        'З' => "Z",
        'И' | 'Й' | 'І' | 'Ї' => "I",
        'К' | 'Қ' => "K",
        'Л' => "L",
        'М' => "M",
        'Н' | 'Ң' => "N",
        'О' | 'Ө' => "O",
        'П' => "P",
        'Р' => "R",
        'С' => "S",
        'Т' => "T",
        'У' | 'Ў' | 'Ү' | 'Ұ' => "U",
        'Ф' => "F",
        'Х' => "KH",
        'Һ' => "H",
        'Ц' => "TS",
        'Ч' => "CH",
        'Ш' => "SH",
        'Щ' => "SHCH",
        'Ъ' | 'Є' => "IE",
        'Ы' => "Y",
        'Ь' => "",
        'Ю' => "IU",
        'Я' => "IA",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_as_passports_write_them() {
        for (name, latin) in [
            ("Константинопольская-Заблоцкая", "KONSTANTINOPOLSKAIA-ZABLOTSKAIA"),
            ("Щёголев Юрий Подъячев", "SHCHEGOLEV IURII PODIEIACHEV"),
            ("Хрущёва Цветочкина Жанна Эдуардовна", "KHRUSHCHEVA TSVETOCHKINA ZHANNA EDUARDOVNA"),
            ("Е\u{308}лкин", "ELKIN"),
            ("О'Брайен", "OBRAIEN"),
            ("Müller Łukasz", "MULLER LUKASZ"),
            ("Әхмәтҗанов", "AKHMATZHANOV"),
            (" a  <b> ", "A B"),
        ] {
            assert_eq!(transliterated(name), latin, "{name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_in_only_track_letters_come_out(text in "\\PC{0,40}") {
            let latin = transliterated(&text);
            prop_assert!(latin.chars().all(|c| matches!(c, 'A'..='Z' | '0'..='9' | ' ' | '-' | '.')), "{}", latin);
        }
    }
}
