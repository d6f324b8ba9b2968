//! Where the keys are kept: a secret in Secrets Manager, or a file that only its owner reads.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use super::set::KeySet;
use crate::connect::secrets_manager;
use crate::output::{Exit, Failure};
use crate::target::Target;

/// Where the keys are kept.
pub(super) enum Place {
    /// A secret, by ARN or name.
    Secret {
        /// Who asks.
        client: Client,
        /// Which one.
        id: String,
    },
    /// A file.
    File(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { id, .. } => write!(f, "the secret {id}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A secret, by ARN or name.
pub(super) async fn secret_named(id: String, target: &Target) -> Result<Place, Failure> {
    Ok(Place::Secret { client: secrets_manager(target).await?, id })
}

impl Place {
    /// What it holds; `None` where there is none, or nothing in it.
    pub(super) async fn read(&self) -> Result<Option<String>, Failure> {
        match self {
            Self::Secret { client, id } => match client.get_secret_value().secret_id(id).send().await {
                Ok(output) => output.secret_string.map(Some).ok_or_else(|| {
                    Failure::new(Exit::Failed, format!("{self} is binary; signing keys are text"))
                }),
                Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
                Err(error) => Err(self.failure(&error)),
            },
            Self::File(path) => match fs::read_to_string(path) {
                Ok(text) => Ok(Some(text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(self.unusable(&error)),
            },
        }
    }

    /// The keys that it holds.
    pub(super) async fn set(&self) -> Result<KeySet, Failure> {
        let text = self.read().await?.ok_or_else(|| self.empty())?;
        KeySet::parse(&text)
            .map_err(|error| Failure::new(Exit::Failed, format!("the keys in {self} are broken: {error}")))
    }

    /// There is nothing to show or to rotate.
    pub(super) fn empty(&self) -> Failure {
        Failure::new(Exit::NotFound, format!("{self} is not there, or empty; `postern keys new` makes keys"))
    }

    /// Replaces what it holds.
    pub(super) async fn write(&self, text: &str) -> Result<(), Failure> {
        match self {
            Self::Secret { client, id } => {
                match client.put_secret_value().secret_id(id).secret_string(text).send().await {
                    Ok(_) => Ok(()),
                    Err(error) if error.code() == Some("ResourceNotFoundException") => {
                        let message = format!(
                            "{self} is not there; the stack makes one (its output SigningKeysSecretArn), or \
                             `aws secretsmanager create-secret --name {id}`"
                        );
                        Err(Failure::new(Exit::NotFound, message))
                    }
                    Err(error) => Err(self.failure(&error)),
                }
            }
            Self::File(path) => replace(path, text).map_err(|error| self.unusable(&error)),
        }
    }

    fn unusable(&self, error: &io::Error) -> Failure {
        Failure::new(Exit::Failed, format!("{self} cannot be used: {error}"))
    }

    fn failure<E, R>(&self, error: &SdkError<E, R>) -> Failure
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: fmt::Debug,
    {
        match error.code() {
            Some(code) => Failure::new(
                Exit::Failed,
                format!(
                    "Secrets Manager refused {self}: {code}: {}",
                    error.message().unwrap_or("no message")
                ),
            ),
            None => {
                let cause = DisplayErrorContext(error);
                Failure::unavailable(&format!("Secrets Manager cannot be asked for {self}: {cause}"))
            }
        }
    }
}

/// Writes a file beside it that only its owner may read, and moves that into its place: the keys are there whole, the
/// old or the new ones, whatever happens meanwhile.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // What a crash left behind under this name must not be in the way.
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    let written = file.write_all(format!("{text}\n").as_bytes()).and_then(|()| file.sync_all());
    let moved = written.and_then(|()| fs::rename(&beside, path));
    if moved.is_err() {
        // Keys are not left lying about; that this fails too changes nothing.
        let _ = fs::remove_file(&beside);
    }
    moved
}
