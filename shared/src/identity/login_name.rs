//! Login names. A login name is normalised, so that all ways to type it lead to the same user.

use idna::AsciiDenyList;
use ring::digest;
use unicode_normalization::UnicodeNormalization;

/// The longest login name, in bytes. DynamoDB's keys have at most 2,048, and no real name is that long.
pub const MAX_LOGIN_NAME_BYTES: usize = 1024;

/// A normalised login name: in NFKC, in Unicode lower case, and trimmed. The domain of an e-mail address is
/// in its ASCII form (UTS #46).
#[derive(Clone, Debug)]
pub struct LoginName {
    normalised: String,
    /// The forms under which earlier versions of Postern stored this name: with a domain that is not ASCII.
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
    /// Normalises a name as it was typed. NFKC runs again after the change to lower case, since some
    /// lower-case forms decompose. Trimming comes last, since NFKC turns all kinds of spaces into plain ones.
    pub fn new(typed: &str) -> Self {
        // Such a name has no user, so it is not normalised. To normalise 64 KiB would take longer than a
        // password hash.
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

    /// Returns the normalised name. Returns `None` if it is too long. Then it has no user.
    pub fn as_key(&self) -> Option<&str> {
        (!self.too_long).then_some(self.normalised.as_str())
    }

    /// Returns the forms under which an earlier version of Postern may have stored this name. They depend
    /// only on the name.
    pub fn former_keys(&self) -> impl Iterator<Item = &str> {
        self.former.iter().filter(|_| !self.too_long).map(String::as_str)
    }

    /// Returns the user id that this name is, if it is in canonical form. `007` is no id. Otherwise each
    /// number of zeros would be a further name of the user, with a counter of its own.
    pub fn as_id(&self) -> Option<u64> {
        let id: u64 = self.normalised.parse().ok()?;
        (id > 0 && id.to_string() == self.normalised).then_some(id)
    }

    /// Returns the SHA-256 of the normalised name, in hexadecimal. It is a part of the key of the name's
    /// counter.
    pub fn digest(&self) -> String {
        hex::encode(digest::digest(&digest::SHA256, self.normalised.as_bytes()).as_ref())
    }
}

/// Returns an e-mail address with its domain in ASCII, and with its domain in Unicode. Returns `None` if
/// there is no domain, or if the domain has only one form.
fn ascii_domain(name: &str) -> Option<(String, String)> {
    let (local, domain) = name.rsplit_once('@')?;
    if domain.is_ascii() && !domain.contains("xn--") {
        return None;
    }
    // As in browsers, a domain with spaces, control characters or similar is not valid.
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
    fn name_is_the_same_however_it_is_typed() {
        assert_eq!(key("  JohnDoe\u{3000}"), "johndoe");
        assert_eq!(key("Zoe\u{308}"), "zoë");
        assert_eq!(key("ZOË"), "zoë");
        assert_eq!(key("ＪＯＨＮ"), "john");
        assert_eq!(key("\u{a0}john\u{a0}"), "john");
    }

    #[test]
    fn domain_has_one_form_and_its_former_forms_are_known() {
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
        // A domain that UTS #46 refuses stays as it is. So does a name without a domain.
        for typed in [
            "anna@xn--.example",
            "münchen",
            "anna@",
            "anna@example.com",
            "ä@example.com",
            // UTS #46 removes U+034F. Without that character the name would end in a tab.
            "anna@example.com\t\u{34f}",
            "anna@mün chen.example",
        ] {
            assert_eq!(key(typed), typed);
            assert_eq!(LoginName::new(typed).former_keys().count(), 0, "{typed}");
        }
        assert_ne!(key("anna@straße.example"), key("anna@strasse.example"), "not transitional");
    }

    #[test]
    fn name_is_an_id_only_as_a_canonical_decimal() {
        let id = |typed| LoginName::new(typed).as_id();
        assert_eq!(id("14"), Some(14));
        assert_eq!(id(" １４ "), Some(14));
        for typed in ["0", "014", "+14", "-14", "12abc", "1e1", "14.0", "", "18446744073709551616"] {
            assert_eq!(id(typed), None, "{typed}");
        }
    }

    #[test]
    fn name_that_is_too_long_has_no_key() {
        assert!(LoginName::new(&"a".repeat(MAX_LOGIN_NAME_BYTES)).as_key().is_some());
        assert!(LoginName::new(&"a".repeat(MAX_LOGIN_NAME_BYTES + 1)).as_key().is_none());
        // NFKC turns this one character into eighteen.
        assert!(LoginName::new(&"\u{fdfa}".repeat(100)).as_key().is_none());
    }

    proptest! {
        #[test]
        fn normalised_name_stays_the_same_when_normalised_again(typed in any::<String>()) {
            let once = key(&typed);
            prop_assert_eq!(key(&once), once);
        }

        #[test]
        fn domain_of_any_letters_has_one_form(local in "[a-z]{1,5}", domain in "[äöüßéñ☃漢字a-z-]{1,8}") {
            let typed = format!("{local}@{domain}.example");
            let once = key(&typed);
            prop_assert_eq!(key(&once), once.clone());
            for former in LoginName::new(&typed).former_keys() {
                prop_assert_eq!(key(former), once.clone());
            }
        }

        #[test]
        fn name_is_the_same_in_any_case_and_with_spaces_around_it(typed in "[a-zA-Z0-9._@äöüÄÖÜéÉñÑ-]{1,40}") {
            let spaced = format!(" \t{}\u{2003}", typed.to_uppercase());
            prop_assert_eq!(key(&spaced), key(&typed));
        }
    }
}
