//! The e-mail addresses to which mail can be sent.

use idna::AsciiDenyList;

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3, without the angle brackets).
const MAX_ADDRESS_BYTES: usize = 254;
/// The longest part before the `@`, in bytes (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_PART_BYTES: usize = 64;

/// An e-mail address to which mail can be sent: one mailbox, without a display name. The domain is in its
/// ASCII form. It has no `Debug`, because no log line holds an address.
pub struct MailAddress(String);

impl MailAddress {
    /// Reads an address. Returns `None` if it is none to which SES or an SMTP server could send: if it has
    /// spaces, line breaks, quotes or commas, or if the part before the `@` is not ASCII. So an address
    /// cannot add another recipient or a header to a mail.
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.rsplit_once('@')?;
        let domain = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::STD3).ok()?;
        let is_mailbox = is_dot_atom(local)
            && local.len() <= MAX_LOCAL_PART_BYTES
            && domain.split('.').all(|label| (1..=63).contains(&label.len()));
        let address = format!("{local}@{domain}");
        (is_mailbox && address.len() <= MAX_ADDRESS_BYTES).then_some(Self(address))
    }

    /// Returns the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether this is a `Dot-string` (RFC 5321 §4.1.2).
fn is_dot_atom(local: &str) -> bool {
    let is_atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_one_mailbox_and_nothing_else() {
        let parsed = |text: &str| MailAddress::parse(text).map(|address| address.0);
        for good in ["johndoe@example.com", "o'neil+postern@example.com", "a.b@localhost"] {
            assert_eq!(parsed(good).as_deref(), Some(good));
        }
        assert_eq!(parsed("anna@München.example").as_deref(), Some("anna@xn--mnchen-3ya.example"));
        for bad in [
            "",
            "johndoe",
            "@example.com",
            "johndoe@",
            "johndoe@example.com\r\nBcc: eve@example.com",
            "john\r\ndoe@example.com",
            "johndoe@example.com\n",
            " johndoe@example.com",
            "johndoe@exam ple.com",
            "johndoe@example.com,eve@example.com",
            "eve@example.com,johndoe@example.com",
            "eve@example.com@example.com",
            "\"john doe\"@example.com",
            "John <johndoe@example.com>",
            "johndoe@example..com",
            "johndoe@example.com.",
            "johndoe@[192.0.2.1]",
            "john..doe@example.com",
            ".johndoe@example.com",
            "jöhn@example.com",
            "johndoe@example.com\0",
            "johndoe@exam%70le.com",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
        assert_eq!(parsed(&format!("{}@example.com", "a".repeat(65))), None);
        assert_eq!(parsed(&format!("a@{}com", "example.".repeat(40))), None);
    }
}
