//! Codes as people copy them: with the space that an authenticator shows, in capitals, in the digits of their script.

use unicode_normalization::UnicodeNormalization;

/// The longest text that is looked at as a code, in bytes.
const MAX_BYTES: usize = 256;

/// The zero of each script whose digits NFKC leaves as they are. Unicode keeps decimal digits (general category Nd) in
/// runs of ten, in ascending order. Unicode 17.0, checked by `nd_digits_fold` for those that the standard library knows.
const ZEROS: [char; 68] = [
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{a66}',
    '\u{ae6}',
    '\u{b66}',
    '\u{be6}',
    '\u{c66}',
    '\u{ce6}',
    '\u{d66}',
    '\u{de6}',
    '\u{e50}',
    '\u{ed0}',
    '\u{f20}',
    '\u{1040}',
    '\u{1090}',
    '\u{17e0}',
    '\u{1810}',
    '\u{1946}',
    '\u{19d0}',
    '\u{1a80}',
    '\u{1a90}',
    '\u{1b50}',
    '\u{1bb0}',
    '\u{1c40}',
    '\u{1c50}',
    '\u{a620}',
    '\u{a8d0}',
    '\u{a900}',
    '\u{a9d0}',
    '\u{a9f0}',
    '\u{aa50}',
    '\u{abf0}',
    '\u{104a0}',
    '\u{10d30}',
    '\u{10d40}',
    '\u{11066}',
    '\u{110f0}',
    '\u{11136}',
    '\u{111d0}',
    '\u{112f0}',
    '\u{11450}',
    '\u{114d0}',
    '\u{11650}',
    '\u{116c0}',
    '\u{116d0}',
    '\u{116da}',
    '\u{11730}',
    '\u{118e0}',
    '\u{11950}',
    '\u{11bf0}',
    '\u{11c50}',
    '\u{11d50}',
    '\u{11da0}',
    '\u{11de0}',
    '\u{11f50}',
    '\u{16130}',
    '\u{16a60}',
    '\u{16ac0}',
    '\u{16b50}',
    '\u{16d70}',
    '\u{1e140}',
    '\u{1e2f0}',
    '\u{1e4f0}',
    '\u{1e5f1}',
    '\u{1e950}',
];

/// Folds a code that was typed: drops white space, dashes, dots and characters without a width, and writes decimal digits
/// of any script in ASCII. Returns a text that is too long for a code as it is.
pub fn fold(typed: &str) -> String {
    if typed.len() > MAX_BYTES {
        return typed.to_owned();
    }
    typed.nfkc().filter(|character| !is_separator(*character)).map(fold_digit).collect()
}

fn fold_digit(character: char) -> char {
    let runs = ZEROS.partition_point(|zero| *zero <= character);
    let value = runs.checked_sub(1).and_then(|at| ZEROS.get(at)).map(|zero| character as u32 - *zero as u32);
    value.filter(|value| *value < 10).and_then(|value| char::from_digit(value, 10)).unwrap_or(character)
}

/// White space, dashes (general category Pd and the minus sign), dots and what has no width.
const fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '-' | '.' | '\u{b7}' | '\u{3002}' | '\u{2212}' | '\u{58a}' | '\u{5be}' | '\u{1400}' | '\u{1806}'
                | '\u{2010}'..='\u{2015}' | '\u{2e17}' | '\u{2e1a}' | '\u{2e3a}' | '\u{2e3b}' | '\u{2e40}' | '\u{2e5d}'
                | '\u{301c}' | '\u{3030}' | '\u{30a0}' | '\u{10d6e}' | '\u{10ead}'
                | '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_scripts_fold_to_six_digits() {
        for typed in [
            "407446",
            "407 446",
            " 407\u{a0}446\n",
            "407-446",
            "407\u{2013}446",
            "40\u{2011}74\u{ad}46",
            "407.446",
            "4 0 7 4 4 6",
            "４０７４４６",
            "４０７　４４６",
            "٤٠٧٤٤٦",
            "۴۰۷۴۴۶",
            "४०७४४६",
            "\u{1d7d2}\u{1d7ce}\u{1d7d5}\u{1d7d2}\u{1d7d2}\u{1d7d4}",
            "\u{feff}407\u{200b}446\u{202c}",
        ] {
            assert_eq!(fold(typed), "407446", "{typed:?}");
        }
    }

    #[test]
    fn nothing_but_separators_folds_to_nothing() {
        for typed in ["", " ", "\u{a0}\t\r\n", "--", ".\u{2212}."] {
            assert_eq!(fold(typed), "", "{typed:?}");
        }
    }

    #[test]
    fn letters_stay_and_a_long_text_is_returned_as_it_is() {
        assert_eq!(fold("0A1B-2C3D"), "0A1B2C3D");
        assert_eq!(fold("40744²"), "407442", "NFKC makes a digit of it");
        assert_eq!(fold("ⅣX½"), "IVX1\u{2044}2", "a number that is no decimal digit");
        let long = " 1".repeat(MAX_BYTES);
        assert_eq!(fold(&long), long);
    }

    #[test]
    fn nd_digits_fold() {
        assert!(ZEROS.is_sorted());
        for zero in ZEROS {
            for value in 0..10 {
                let digit = char::from_u32(zero as u32 + value).unwrap();
                assert_eq!(fold(&digit.to_string()), value.to_string(), "{digit:?}");
            }
        }
        // The standard library knows which characters are numeric, not of which kind: a run has no gap.
        let known = ZEROS.iter().filter(|zero| zero.is_numeric());
        for zero in known {
            let run = (0..10).map(|value| char::from_u32(*zero as u32 + value).unwrap());
            assert!(run.into_iter().all(char::is_numeric), "{zero:?}");
        }
    }
}
