//! The password hashes of a file. Options say how they were made, if a hash alone does not show it.

mod decode;
mod keycloak;
mod options;

use std::fs;
use std::path::PathBuf;

use postern::password::{Firebase, Imported, Peppering, UnusableHash, classify};

use self::decode::{base64, hexadecimal, is_hexadecimal};
pub use self::options::HashOptions;
use crate::output::{Exit, Failure};

/// The longest hash that is read, in bytes. Keycloak's JSON is the longest.
const MAX_BYTES: usize = 4096;

/// Reads the password hashes of a file.
#[derive(Default)]
pub struct Hashes {
    options: HashOptions,
    firebase: Option<Firebase>,
}

impl Hashes {
    /// Reads hashes that were made as these options say.
    ///
    /// # Errors
    /// If Firebase's parameters cannot be read.
    pub fn new(options: HashOptions) -> Result<Self, Failure> {
        let read = |path: &PathBuf| {
            let message = format!("Firebase's parameters in {} cannot be read", path.display());
            let failure = Failure::new(Exit::Failed, message);
            match fs::read_to_string(path) {
                Ok(text) => options::firebase(&text).map_err(|malformed| failure.caused_by(malformed)),
                Err(error) => Err(failure.caused_by(error)),
            }
        };
        let firebase = options.firebase_config.as_ref().map(read).transpose()?;
        Ok(Self { options, firebase })
    }

    /// Whether a user whose hash cannot be used is rejected.
    pub fn reject_unusable(&self) -> bool {
        self.options.reject_unusable
    }

    /// Reads a hash. The result can be stored, or needs a layer first.
    ///
    /// # Errors
    /// If the hash cannot be used.
    pub fn read(&self, hash: &str) -> Result<Imported, UnusableHash> {
        let read = self.read_as_written(hash)?;
        match (self.options.pepper_id.clone(), self.options.pepper_how) {
            (Some(id), Some(how)) => read.with_pepper(Peppering { id, how }),
            _ => Ok(read),
        }
    }

    /// Reads a hash as if no option named a pepper.
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
            (Some((salt, hash)), None, Some(method)) if is_hexadecimal(hash) => {
                let bytes =
                    if self.options.salt_is_text { salt.as_bytes().to_vec() } else { hexadecimal(salt)? };
                method.classify(&bytes, &hexadecimal(hash)?)
            }
            _ => match self.options.bcrypt_of {
                Some(of) => of.classify(hash),
                None => classify(hash),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use postern::password::{Passwords, Peppers};

    use super::options::{bcrypt_of, firebase, pepper_how, salt_and_hash};
    use super::*;

    /// The file says how each was made.
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
    fn each_vector_verifies_with_its_password_only() {
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
    fn unknown_option_value_is_refused() {
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
        assert_eq!(missing.unwrap().to_string(), "`base64_signer_key` is missing");
    }

    #[test]
    fn unusable_credential_of_keycloak_names_the_reason() {
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
