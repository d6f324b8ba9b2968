//! The place of the keys: a secret in Secrets Manager, or a file that only its owner may read.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use clap::Args;
use postern::environment::Environment;

use super::set::SigningKeys;
use crate::connect::{Connection, connect, secrets_manager, stack};
use crate::files::create_private;
use crate::output::{Exit, Failure, Output};
use crate::target::Target;

/// The place of the keys, as an option names it.
#[derive(Args)]
pub(super) struct PlaceArgs {
    /// The secret in Secrets Manager, if it is not that of the stack [default: SIGNING_KEYS_SECRET_ARN of the
    /// environment].
    #[arg(long, value_name = "ARN_OR_NAME")]
    pub(super) secret: Option<String>,
    /// A file instead of a secret.
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    pub(super) file: Option<PathBuf>,
}

/// The place of the keys.
pub(crate) enum Place {
    /// A secret, by ARN or name.
    Secret {
        /// The client for Secrets Manager.
        client: Client,
        /// The ARN or name.
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

impl PlaceArgs {
    /// Finds the place.
    ///
    /// # Errors
    /// If no option and no variable names one, or the stack is not found.
    pub(super) async fn find(&self, target: &Target) -> Result<Place, Failure> {
        if let Some(file) = &self.file {
            return Ok(Place::File(file.clone()));
        }
        let secret = match &self.secret {
            Some(secret) => Some(secret.clone()),
            None => stack(target).await?.map(|stack| stack.secret).or_else(|| secret_of_env(target)),
        };
        match secret {
            Some(id) => secret_named(id, target).await,
            None if target.local => Err(Failure::usage(
                "where are the keys? --local ignores the environment: use --secret ARN_OR_NAME or --file FILE",
            )),
            None => Err(Failure::usage(
                "where are the keys? Use --stack NAME, --secret ARN_OR_NAME or --file FILE, or set POSTERN_STACK \
                 or SIGNING_KEYS_SECRET_ARN",
            )),
        }
    }

    /// Finds the place, for a command that changes it. Its audit line is in the table, so the secret has to be
    /// that of the same deployment.
    ///
    /// # Errors
    /// If no option and no variable names a place, or the stack is not found. If an option names the table, and
    /// only the environment names the secret.
    pub(super) async fn find_to_change(&self, target: &Target) -> Result<Place, Failure> {
        let by_option = self.secret.is_some() || self.file.is_some();
        if !by_option && target.table.is_some() && secret_of_env(target).is_some() {
            return Err(Failure::usage(
                "which secret? --table names the table, and only SIGNING_KEYS_SECRET_ARN the secret, which may be \
                 that of another deployment; add --secret ARN_OR_NAME",
            ));
        }
        self.find(target).await
    }
}

/// Returns the secret that the environment names, which `--local` ignores.
pub(super) fn secret_of_env(target: &Target) -> Option<String> {
    if target.local {
        return None;
    }
    Environment::of_process().optional("SIGNING_KEYS_SECRET_ARN").map(str::to_owned)
}

/// Returns the secret of this ARN or name.
pub(super) async fn secret_named(id: String, target: &Target) -> Result<Place, Failure> {
    Ok(Place::Secret { client: secrets_manager(target).await?, id })
}

impl Place {
    /// Reads it. `None` if it does not exist, or is empty.
    pub(super) async fn read(&self) -> Result<Option<String>, Failure> {
        match self {
            Self::Secret { client, id } => match client.get_secret_value().secret_id(id).send().await {
                Ok(output) => output
                    .secret_string
                    .map(Some)
                    .ok_or_else(|| Failure::new(Exit::Failed, format!("{self} is binary; keys are text"))),
                Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
                Err(error) => Err(self.failure(&error)),
            },
            Self::File(path) => match fs::read_to_string(path) {
                Ok(text) => Ok(Some(text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(self.unusable(error)),
            },
        }
    }

    /// Reads the keys. Returns the text that was read too, for [`replace`](Self::replace).
    pub(super) async fn set(&self) -> Result<(SigningKeys, String), Failure> {
        let text = self.read().await?.ok_or_else(|| self.empty())?;
        let set = SigningKeys::parse(&text).map_err(|error| {
            Failure::new(Exit::Failed, format!("the keys in {self} are broken")).caused_by(error)
        })?;
        Ok((set, text))
    }

    /// The failure of a command that needs keys here.
    pub(super) fn empty(&self) -> Failure {
        Failure::new(Exit::NotFound, format!("{self} is not there, or empty; `postern keys new` makes keys"))
    }

    /// Replaces the content, if it is still what the command read before. Returns the exit code of the command.
    pub(super) async fn replace(
        &self,
        command: &str,
        before: Option<&str>,
        text: &str,
        target: &Target,
    ) -> Result<Exit, Failure> {
        if let Self::File(_) = self {
            return self.write(before, text).await.map(|()| Exit::Done);
        }
        self.record(command, target, async || self.write(before, text).await).await
    }

    /// Makes a change of this secret. The secret belongs to a deployment, so its change has an audit line in the table.
    /// A change of a file has none. Returns the exit code of the command.
    pub(super) async fn record(
        &self,
        command: &str,
        target: &Target,
        change: impl AsyncFnOnce() -> Result<(), Failure>,
    ) -> Result<Exit, Failure> {
        let change = async |_: &mut _| change().await.map(|()| Output::nothing());
        Ok(self.connection(target).await?.audit.record(command, None, change).await?.exit)
    }

    /// Connects to the table of the deployment whose secret this is.
    pub(super) async fn connection(&self, target: &Target) -> Result<Connection, Failure> {
        connect(target).await.map_err(|failure| {
            let message = format!("the change of {self} is recorded in the table");
            Failure::new(failure.exit, message).caused_by(failure)
        })
    }

    /// Checks that nobody else changed the content since it was read.
    pub(super) async fn check_unchanged(&self, before: Option<&str>) -> Result<(), Failure> {
        if self.read().await?.as_deref() == before {
            return Ok(());
        }
        let message =
            format!("somebody else changed the keys in {self}, so this command did not; run it again");
        Err(Failure::new(Exit::Refused, message))
    }

    /// Writes, unless somebody else changed the content since it was read. Secrets Manager has no conditional
    /// put, so a change between this read and the put is still lost. That is the time of one request.
    pub(super) async fn write(&self, before: Option<&str>, text: &str) -> Result<(), Failure> {
        self.check_unchanged(before).await?;
        match self {
            Self::Secret { client, id } => {
                match client.put_secret_value().secret_id(id).secret_string(text).send().await {
                    Ok(_) => Ok(()),
                    Err(error) if error.code() == Some("ResourceNotFoundException") => {
                        // A secret that is made again has another ARN, so the stack has to be told.
                        let make = if id.starts_with("arn:") {
                            "create another one: docs/backup-and-restore.md".to_owned()
                        } else {
                            format!(
                                "the stack makes one and names it in its outputs, or `aws secretsmanager create-secret \
                                 --name {id}` makes one"
                            )
                        };
                        let message = format!("{self} is not there; {make}");
                        Err(Failure::new(Exit::NotFound, message))
                    }
                    Err(error) => Err(self.failure(&error)),
                }
            }
            Self::File(path) => replace(path, text).map_err(|error| self.unusable(error)),
        }
    }

    fn unusable(&self, error: io::Error) -> Failure {
        Failure::new(Exit::Failed, format!("{self} cannot be used")).caused_by(error)
    }

    fn failure<E, R>(&self, error: &SdkError<E, R>) -> Failure
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: fmt::Debug,
    {
        match error.code() {
            Some(code) => {
                let said = error.message().unwrap_or("no message");
                let failure =
                    Failure::new(Exit::Failed, format!("Secrets Manager refused {self}: {code}: {said}"));
                match self {
                    // A deleted secret can be restored for some days.
                    Self::Secret { id, .. }
                        if code == "InvalidRequestException" && said.contains("delet") =>
                    {
                        let restore = format!("`aws secretsmanager restore-secret --secret-id {id}`");
                        failure.advise(&format!("; {restore} brings it back"))
                    }
                    _ => failure,
                }
            }
            None => {
                let cause = DisplayErrorContext(error);
                Failure::unavailable(&format!("Secrets Manager cannot be asked for {self}: {cause}"))
            }
        }
    }
}

/// Writes a temporary file that only its owner may read, and renames it to `path`. So the file always holds
/// complete keys, the old ones or the new ones.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // The process id is in the name, so that the file of a crashed process does not conflict.
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let mut file = create_private(&beside)?;
    let written = file.write_all(format!("{text}\n").as_bytes()).and_then(|()| file.sync_all());
    let moved = written.and_then(|()| fs::rename(&beside, path));
    if moved.is_err() {
        // Keys must not stay in a temporary file. If this fails too, nothing more can be done.
        let _ = fs::remove_file(&beside);
    }
    moved
}
