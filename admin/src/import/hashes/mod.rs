//! The password hashes of a file: what the row alone does not tell is told by options.

mod keycloak;

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use postern::password::{
    BcryptOf, Firebase, HashFunction, Imported, PepperHow, PepperId, Peppering, SaltAndHash, UnusableHash,
    classify,
};

use crate::output::{Exit, Failure};

/// The longest hash that is looked at, in bytes: Keycloak's JSON.
const MAX_BYTES: usize = 4096;

/// How password hashes were made, where they do not say it themselves.
#[derive(Args, Clone, Default)]
pub struct HashOptions {
    /// The digest of the password that bcrypt hashed, such as sha256-hex or sha512-base64.
    #[arg(long, value_name = "DIGEST", value_parser = bcrypt_of)]
    bcrypt_of: Option<BcryptOf>,
    /// How hashes of the form SALT:HASH in hexadecimal were made: pbkdf2-sha512:i=10000 or scrypt:ln=14,r=8,p=1.
    #[arg(long, value_name = "METHOD", value_parser = salt_and_hash)]
    salt_and_hash: Option<SaltAndHash>,
    /// The salt of SALT:HASH was used as the text that it is, not as the bytes of its digits.
    #[arg(long, requires = "salt_and_hash")]
    salt_is_text: bool,
    /// The file with the `hash_config` that Firebase's console shows; hashes are of the form HASH:SALT then.
    #[arg(long, value_name = "FILE", conflicts_with = "salt_and_hash")]
    firebase_config: Option<PathBuf>,
    /// The id of the pepper that each password was combined with before it was hashed. `postern keys pepper add` puts it
    /// into the signing secret; do that first.
    #[arg(long, value_name = "ID", requires = "pepper_how", conflicts_with_all = ["bcrypt_of", "firebase_config"])]
    pepper_id: Option<PepperId>,
    /// How it was combined: prefix or suffix, or an HMAC such as hmac-sha256, hmac-sha256-hex or hmac-sha256-base64.
    #[arg(long, value_name = "HOW", requires = "pepper_id", value_parser = pepper_how)]
    pepper_how: Option<PepperHow>,
    /// Reject a user whose password hash cannot be used, who is imported without a password otherwise.
    #[arg(long)]
    reject_unusable: bool,
}

/// Reads the password hashes of a file.
#[derive(Default)]
pub struct Hashes {
    options: HashOptions,
    firebase: Option<Firebase>,
}

impl Hashes {
    /// By these options.
    ///
    /// # Errors
    /// If Firebase's parameters cannot be read.
    pub fn new(options: HashOptions) -> Result<Self, Failure> {
        let read = |path: &PathBuf| {
            let text = fs::read_to_string(path).map_err(|error| error.to_string());
            text.and_then(|text| firebase(&text)).map_err(|error| {
                Failure::new(
                    Exit::Failed,
                    format!("Firebase's parameters in {} cannot be read: {error}", path.display()),
                )
            })
        };
        let firebase = options.firebase_config.as_ref().map(read).transpose()?;
        Ok(Self { options, firebase })
    }

    /// Whether a user whose hash cannot be used is rejected.
    pub fn reject_unusable(&self) -> bool {
        self.options.reject_unusable
    }

    /// Reads a hash: a form that may be stored, or a digest that needs a layer first.
    ///
    /// # Errors
    /// With the reason why it cannot be used.
    pub fn read(&self, hash: &str) -> Result<Imported, UnusableHash> {
        let read = self.read_as_written(hash)?;
        match (self.options.pepper_id.clone(), self.options.pepper_how) {
            (Some(id), Some(how)) => read.with_pepper(Peppering { id, how }),
            _ => Ok(read),
        }
    }

    /// The same, without the pepper that an option names.
    fn read_as_written(&self, hash: &str) -> Result<Imported, UnusableHash> {
        if hash.len() > MAX_BYTES {
            return Err(UnusableHash::Malformed);
        }
        if let Some(credential) = keycloak::credential(hash) {
            return keycloak::classify_credential(&credential);
        }
        let pair = hash.split_once(':').filter(|(first, _)| !first.contains(['$', '{']));
        match (pair, &self.firebase, self.options.salt_and_hash) {
            (Some((hash, salt)), Some(firebase), _) => firebase.classify(&base64(hash)?, &base64(salt)?),
            (Some((salt, hash)), None, Some(method)) if is_hex(hash) => {
                let bytes = if self.options.salt_is_text { salt.as_bytes().to_vec() } else { unhex(salt)? };
                method.classify(&bytes, &unhex(hash)?)
            }
            _ => match self.options.bcrypt_of {
                Some(of) => of.classify(hash),
                None => classify(hash),
            },
        }
    }
}

fn bcrypt_of(text: &str) -> Result<BcryptOf, String> {
    let (function, encoding) = text.split_once('-').unwrap_or((text, ""));
    let in_base64 = match encoding {
        "hex" => Some(false),
        "base64" => Some(true),
        _ => None,
    };
    let of = HashFunction::named(function).zip(in_base64);
    of.map(|(function, in_base64)| BcryptOf { function, in_base64 }).ok_or_else(|| {
        "it is md5, sha1, sha256 or sha512, then -hex or -base64, such as sha256-hex".to_owned()
    })
}

fn pepper_how(text: &str) -> Result<PepperHow, String> {
    PepperHow::named(text)
        .ok_or_else(|| format!("it is one of {}", PepperHow::names().collect::<Vec<_>>().join(", ")))
}

fn salt_and_hash(text: &str) -> Result<SaltAndHash, String> {
    let wanted = || "it is such as pbkdf2-sha512:i=10000 or scrypt:ln=14,r=8,p=1".to_owned();
    let (method, params) = text.split_once(':').ok_or_else(wanted)?;
    let params: Vec<(&str, u32)> = params
        .split(',')
        .map(|param| param.split_once('=').and_then(|(name, value)| Some((name, value.parse().ok()?))))
        .collect::<Option<_>>()
        .ok_or_else(wanted)?;
    match (method, &params[..]) {
        ("scrypt", [("ln", log_n), ("r", r), ("p", p)]) => {
            Ok(SaltAndHash::Scrypt(u8::try_from(*log_n).map_err(|_| wanted())?, *r, *p))
        }
        (method, [("i", iterations)]) => {
            let function = method.strip_prefix("pbkdf2-").and_then(HashFunction::named);
            let function = function.filter(|function| *function != HashFunction::Md5).ok_or_else(wanted)?;
            Ok(SaltAndHash::Pbkdf2(function, *iterations))
        }
        _ => Err(wanted()),
    }
}

/// Lines of `name: value,`, as Firebase's console shows them.
fn firebase(text: &str) -> Result<Firebase, String> {
    let value = |name: &str| {
        let lines = text.lines().filter_map(|line| line.trim().trim_end_matches(',').split_once(':'));
        let mut values = lines.filter(|(key, _)| key.trim().trim_matches('"') == name);
        let value = values.next().map(|(_, value)| value.trim().trim_matches('"'));
        value.ok_or_else(|| format!("`{name}` is missing"))
    };
    let bytes = |name: &str| STANDARD.decode(value(name)?).map_err(|_| format!("`{name}` is not base64"));
    let number = |name: &str| value(name)?.parse::<u32>().map_err(|_| format!("`{name}` is no number"));
    Ok(Firebase {
        signer_key: bytes("base64_signer_key")?,
        salt_separator: bytes("base64_salt_separator")?,
        rounds: number("rounds")?,
        mem_cost: u8::try_from(number("mem_cost")?).map_err(|_| "`mem_cost` is too large".to_owned())?,
    })
}

/// Base 64, in the alphabet for URLs too, as Firebase's own exports have it.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, UnusableHash> {
    let text = text.replace('-', "+").replace('_', "/");
    STANDARD.decode(text).map_err(|_| UnusableHash::Malformed)
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn unhex(text: &str) -> Result<Vec<u8>, UnusableHash> {
    hex::decode(text).map_err(|_| UnusableHash::Malformed)
}

#[cfg(test)]
mod tests {
    use postern::password::{Passwords, Peppers};

    use super::*;

    /// How each was made is in the file.
    const VECTORS: &str = include_str!("../../../tests/data/hashes.tsv");
    const FIREBASE: &str = "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: \
        jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,\n  \
        base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 10,\n}\n";

    fn hashes_for(name: &str) -> Hashes {
        let mut hashes = Hashes::default();
        if let Some(of) = name.strip_prefix("bcrypt of ") {
            hashes.options.bcrypt_of = Some(bcrypt_of(of).unwrap());
        }
        if let Some(node) = name.strip_prefix("node ") {
            let method =
                if node.starts_with("scrypt") { "scrypt:ln=10,r=8,p=1" } else { "pbkdf2-sha512:i=12000" };
            hashes.options.salt_and_hash = Some(salt_and_hash(method).unwrap());
            hashes.options.salt_is_text = node.ends_with("text");
        }
        if let Some(rest) = name.strip_prefix("pepper ") {
            let (how, product) = rest.split_once(' ').unwrap();
            hashes.options.pepper_id = Some("a".parse().unwrap());
            hashes.options.pepper_how = Some(pepper_how(how).unwrap());
            if product == "node" {
                hashes.options.salt_and_hash = Some(salt_and_hash("pbkdf2-sha512:i=12000").unwrap());
            }
        }
        if name == "firebase" {
            hashes.firebase = Some(firebase(FIREBASE).unwrap());
        }
        hashes
    }

    #[test]
    fn every_vector_verifies_with_its_password_alone() {
        let passwords = Passwords::default();
        let pepper = ("a".parse().unwrap(), b"postern sample pepper of tests".to_vec());
        let peppers = Peppers::new([pepper]).unwrap();
        for row in VECTORS.lines().skip(1) {
            let row: Vec<&str> = row.split('\t').collect();
            let [_, name, hash, password] = row[..] else { panic!("{row:?}") };
            let stored = match hashes_for(name).read(hash) {
                Ok(Imported::Stored(stored, _)) => stored,
                other => panic!("{name}: {other:?}"),
            };
            assert_eq!(stored.starts_with("peppered$a$"), name.starts_with("pepper "), "{name}: {stored}");
            assert!(passwords.verify(Some(&stored), password, &peppers), "{name}: {stored}");
            assert!(!passwords.verify(Some(&stored), &format!("{password}x"), &peppers), "{name}: {stored}");
        }
    }

    #[test]
    fn options_that_mean_nothing_are_refused() {
        for bad in ["sha256", "sha256-HEX", "sha3-hex", "-hex", ""] {
            assert!(bcrypt_of(bad).is_err(), "{bad}");
        }
        assert_eq!(pepper_how("hmac-md5").unwrap_err().split(", ").count(), 11);
        for bad in
            ["pbkdf2-sha512", "pbkdf2-md5:i=1", "pbkdf2-sha512:n=1", "scrypt:ln=300,r=8,p=1", "scrypt:ln=14"]
        {
            assert!(salt_and_hash(bad).is_err(), "{bad}");
        }
        let missing = firebase("rounds: 8").err();
        assert_eq!(missing.as_deref(), Some("`base64_signer_key` is missing"));
    }

    #[test]
    fn credentials_of_keycloak_that_cannot_be_used_say_why() {
        let with = |how: &str| {
            let secret = r#"{"value":"YFrQ2kHect/16VsyFTmtMA==","salt":"AAECAw=="}"#;
            let credential = serde_json::json!({"secretData": secret, "credentialData": how});
            Hashes::default().read(&credential.to_string()).err()
        };
        assert_eq!(with(r#"{"hashIterations":12000,"algorithm":"md5"}"#), Some(UnusableHash::Unknown));
        assert_eq!(with(r#"{"algorithm":"pbkdf2"}"#), Some(UnusableHash::Malformed));
        assert_eq!(with("x"), Some(UnusableHash::Malformed));
        assert_eq!(
            with(r#"{"hashIterations":2000001,"algorithm":"pbkdf2-sha256"}"#),
            Some(UnusableHash::TooExpensive)
        );
    }
}
