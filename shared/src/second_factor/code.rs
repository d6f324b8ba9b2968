//! Codes as people type them: with the space that an authenticator shows, in capital letters, or in the
//! digits of another script.

use unicode_normalization::UnicodeNormalization;

/// The longest text that is folded, in bytes.
const MAX_BYTES: usize = 256;

/// The zero of each script whose digits NFKC leaves as they are. In Unicode, decimal digits (general category
/// Nd) come in runs of ten, in ascending order. The list is that of Unicode 17.0. The test
/// `digit_of_any_script_folds_to_ascii` checks those that the standard library knows.
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

/// Folds a code as it was typed. Drops white space, dashes, dots and characters without a width. Converts
/// decimal digits of any script to ASCII. Returns a text that is too long for a code unchanged.
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

/// Returns whether this is white space, a dash (general category Pd or the minus sign), a dot or a character
/// without a width.
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
    fn code_with_separators_or_in_another_script_folds_to_six_digits() {
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
    fn text_of_separators_folds_to_nothing() {
        for typed in ["", " ", "\u{a0}\t\r\n", "--", ".\u{2212}."] {
            assert_eq!(fold(typed), "", "{typed:?}");
        }
    }

    #[test]
    fn letters_and_long_texts_stay() {
        assert_eq!(fold("0A1B-2C3D"), "0A1B2C3D");
        assert_eq!(fold("40744²"), "407442", "NFKC turns it into a digit");
        assert_eq!(fold("ⅣX½"), "IVX1\u{2044}2", "numbers that are no decimal digits");
        let long = " 1".repeat(MAX_BYTES);
        assert_eq!(fold(&long), long);
    }

    #[test]
    fn digit_of_any_script_folds_to_ascii() {
        assert!(ZEROS.is_sorted());
        for zero in ZEROS {
            for value in 0..10 {
                let digit = char::from_u32(zero as u32 + value).unwrap();
                assert_eq!(fold(&digit.to_string()), value.to_string(), "{digit:?}");
            }
        }
        // The standard library knows only whether a character is numeric, and not whether it is a decimal
        // digit. So this checks that a run has no gap.
        let known = ZEROS.iter().filter(|zero| zero.is_numeric());
        for zero in known {
            let run = (0..10).map(|value| char::from_u32(*zero as u32 + value).unwrap());
            assert!(run.into_iter().all(char::is_numeric), "{zero:?}");
        }
    }
}
