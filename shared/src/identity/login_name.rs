//! Login names: what someone types to say who they are, in the one form under which it is looked up.

use idna::AsciiDenyList;
use ring::digest;
use unicode_normalization::UnicodeNormalization;

/// The longest login name, in bytes: DynamoDB's keys end at 2,048, and no one's name is that long.
pub const MAX_LOGIN_NAME_BYTES: usize = 1024;

/// A login name as it is looked up: NFKC, Unicode lower case, trimmed, and the domain of an e-mail address in its ASCII
/// form (UTS #46).
#[derive(Clone, Debug)]
pub struct LoginName {
    normalised: String,
    /// The forms under which earlier versions stored the same name: with a domain that is not ASCII.
    former: Vec<String>,
    too_long: bool,
}

impl PartialEq for LoginName {
    fn eq(&self, other: &Self) -> bool {
        (&self.normalised, self.too_long) == (&other.normalised, other.too_long)
    }
}

impl Eq for LoginName {}

impl LoginName {
    /// Normalises what was typed. NFKC runs again after lowering, since some lower-case forms decompose, and
    /// trimming comes last, since NFKC turns exotic spaces into plain ones.
    pub fn new(typed: &str) -> Self {
        // Nobody's name, so its form does not matter; normalising 64 KiB takes longer than a hash.
        if typed.len() > MAX_LOGIN_NAME_BYTES {
            return Self { normalised: typed.to_owned(), former: Vec::new(), too_long: true };
        }
        let folded = typed.nfkc().collect::<String>().to_lowercase();
        let folded = folded.nfkc().collect::<String>().trim().to_owned();
        let Some((normalised, shown)) = ascii_domain(&folded) else {
            let too_long = folded.len() > MAX_LOGIN_NAME_BYTES;
            return Self { normalised: folded, former: Vec::new(), too_long };
        };
        let mut former = vec![folded, shown];
        former.dedup();
        former.retain(|form| *form != normalised && form.len() <= MAX_LOGIN_NAME_BYTES);
        let too_long = normalised.len() > MAX_LOGIN_NAME_BYTES;
        Self { normalised, former, too_long }
    }

    /// The normalised name, or `None` where it is longer than any name can be: then it is nobody's.
    pub fn as_key(&self) -> Option<&str> {
        (!self.too_long).then_some(self.normalised.as_str())
    }

    /// The forms under which an earlier version may have stored this name. Which they are depends on the name alone.
    pub fn former_keys(&self) -> impl Iterator<Item = &str> {
        self.former.iter().filter(|_| !self.too_long).map(String::as_str)
    }

    /// The user id that this name spells, if it does so canonically. `007` is no id: each user has one id to
    /// guess by, with one counter, and not as many as there are zeros.
    pub fn as_id(&self) -> Option<u64> {
        let id: u64 = self.normalised.parse().ok()?;
        (id > 0 && id.to_string() == self.normalised).then_some(id)
    }

    /// SHA-256 of the normalised name, in hexadecimal: the key of its attempt counter.
    pub fn digest(&self) -> String {
        hex::encode(digest::digest(&digest::SHA256, self.normalised.as_bytes()).as_ref())
    }
}

/// An e-mail address with its domain in ASCII, and with its domain in Unicode. `None` where there is no domain, or it has
/// only one form.
fn ascii_domain(name: &str) -> Option<(String, String)> {
    let (local, domain) = name.rsplit_once('@')?;
    if domain.is_ascii() && !domain.contains("xn--") {
        return None;
    }
    // As browsers do it: a domain with spaces, control characters or the like is none.
    let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::URL).ok()?;
    let (unicode, valid) = idna::domain_to_unicode(&ascii);
    valid.ok()?;
    Some((format!("{local}@{ascii}"), format!("{local}@{unicode}")))
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
    fn a_domain_has_one_form_and_the_former_ones_are_known() {
        for (typed, former) in [
            ("anna@münchen.example", vec!["anna@münchen.example"]),
            (" Anna@MÜNCHEN.Example", vec!["anna@münchen.example"]),
            ("anna@mu\u{308}nchen.example", vec!["anna@münchen.example"]),
            ("anna@xn--mnchen-3ya.example", vec!["anna@münchen.example"]),
            ("anna@münchen\u{3002}example", vec!["anna@münchen\u{3002}example", "anna@münchen.example"]),
        ] {
            let name = LoginName::new(typed);
            assert_eq!(name.as_key(), Some("anna@xn--mnchen-3ya.example"), "{typed}");
            assert_eq!(name.former_keys().collect::<Vec<_>>(), former, "{typed}");
            assert_eq!(name, LoginName::new("anna@münchen.example"), "{typed}");
        }
        // What UTS #46 refuses stays as it is; so does what has no domain.
        for typed in [
            "anna@xn--.example",
            "münchen",
            "anna@",
            "anna@example.com",
            "ä@example.com",
            // U+034F is nothing in a domain: without it the name would end in a tab.
            "anna@example.com\t\u{34f}",
            "anna@mün chen.example",
        ] {
            assert_eq!(key(typed), typed);
            assert_eq!(LoginName::new(typed).former_keys().count(), 0, "{typed}");
        }
        assert_ne!(key("anna@straße.example"), key("anna@strasse.example"), "not transitional");
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
        assert!(LoginName::new(&"a".repeat(MAX_LOGIN_NAME_BYTES)).as_key().is_some());
        assert!(LoginName::new(&"a".repeat(MAX_LOGIN_NAME_BYTES + 1)).as_key().is_none());
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
        fn a_domain_of_any_letters_has_one_form(local in "[a-z]{1,5}", domain in "[äöüßéñ☃漢字a-z-]{1,8}") {
            let typed = format!("{local}@{domain}.example");
            let once = key(&typed);
            prop_assert_eq!(key(&once), once.clone());
            for former in LoginName::new(&typed).former_keys() {
                prop_assert_eq!(key(former), once.clone());
            }
        }

        #[test]
        fn case_and_space_do_not_matter(typed in "[a-zA-Z0-9._@äöüÄÖÜéÉñÑ-]{1,40}") {
            let spaced = format!(" \t{}\u{2003}", typed.to_uppercase());
            prop_assert_eq!(key(&spaced), key(&typed));
        }
    }
}
