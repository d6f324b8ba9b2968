//! Login names: what someone types to say who they are, in the one form under which it is looked up.

use ring::digest;
use unicode_normalization::UnicodeNormalization;

use crate::ambient::hex;

/// The longest login name, in bytes: DynamoDB's keys end at 2,048, and no one's name is that long.
pub const MAX_BYTES: usize = 1024;

/// A login name as it is looked up: NFKC, Unicode lower case, trimmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginName {
    normalised: String,
    too_long: bool,
}

impl LoginName {
    /// Normalises what was typed. NFKC runs again after lowering, since some lower-case forms decompose, and
    /// trimming comes last, since NFKC turns exotic spaces into plain ones.
    pub fn new(typed: &str) -> Self {
        // Nobody's name, so its form does not matter; normalising 64 KiB takes longer than a hash.
        if typed.len() > MAX_BYTES {
            return Self { normalised: typed.to_owned(), too_long: true };
        }
        let folded = typed.nfkc().collect::<String>().to_lowercase();
        let normalised = folded.nfkc().collect::<String>().trim().to_owned();
        let too_long = normalised.len() > MAX_BYTES;
        Self { normalised, too_long }
    }

    /// The normalised name, or `None` where it is longer than any name can be: then it is nobody's.
    pub fn as_key(&self) -> Option<&str> {
        (!self.too_long).then_some(self.normalised.as_str())
    }

    /// The user id that this name spells, if it does so canonically. `007` is no id: each user has one id to
    /// guess by, with one counter, and not as many as there are zeros.
    pub fn as_id(&self) -> Option<u64> {
        let id: u64 = self.normalised.parse().ok()?;
        (id > 0 && id.to_string() == self.normalised).then_some(id)
    }

    /// SHA-256 of the normalised name, in hexadecimal: the key of its attempt counter.
    pub fn digest(&self) -> String {
        hex(digest::digest(&digest::SHA256, self.normalised.as_bytes()).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(typed: &str) -> String {
        LoginName::new(typed).normalised
    }

    #[test]
    fn one_name_for_every_way_to_type_it() {
        assert_eq!(key("  JohnDoe\u{3000}"), "johndoe");
        assert_eq!(key("Zoe\u{308}"), "zoë");
        assert_eq!(key("ZOË"), "zoë");
        assert_eq!(key("ＪＯＨＮ"), "john");
        assert_eq!(key("\u{a0}john\u{a0}"), "john");
    }

    #[test]
    fn only_canonical_decimals_are_ids() {
        let id = |typed| LoginName::new(typed).as_id();
        assert_eq!(id("14"), Some(14));
        assert_eq!(id(" １４ "), Some(14));
        for typed in ["0", "014", "+14", "-14", "12abc", "1e1", "14.0", "", "18446744073709551616"] {
            assert_eq!(id(typed), None, "{typed}");
        }
    }

    #[test]
    fn too_long_is_nobody() {
        assert!(LoginName::new(&"a".repeat(MAX_BYTES)).as_key().is_some());
        assert!(LoginName::new(&"a".repeat(MAX_BYTES + 1)).as_key().is_none());
        // One character that NFKC makes eighteen of.
        assert!(LoginName::new(&"\u{fdfa}".repeat(100)).as_key().is_none());
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(typed in any::<String>()) {
            let once = key(&typed);
            prop_assert_eq!(key(&once), once);
        }

        #[test]
        fn case_and_space_do_not_matter(typed in "[a-zA-Z0-9._@äöüÄÖÜéÉñÑ-]{1,40}") {
            let spaced = format!(" \t{}\u{2003}", typed.to_uppercase());
            prop_assert_eq!(key(&spaced), key(&typed));
        }
    }
}
