//! The public keys: the public halves of the signing keys, and the secret in which they are published.

use clap::Args;
use postern::environment::Environment;
use postern::token::KeySet;
use serde_json::Value;

use super::place::{Place, PlaceArgs, secret_named, secret_of_env};
use super::set::SigningKeys;
use crate::connect::stack;
use crate::output::{Exit, Failure, count};
use crate::stack::Stack;
use crate::target::Target;

const VARIABLE: &str = "PUBLIC_KEYS_SECRET_ARN";

/// The secret of the public keys, as an option names it.
#[derive(Args)]
pub(super) struct PublicArgs {
    /// The secret in which the public keys are published, if it is not that of the stack [default:
    /// PUBLIC_KEYS_SECRET_ARN of the environment].
    #[arg(long, value_name = "ARN_OR_NAME", conflicts_with = "file")]
    public_secret: Option<String>,
}

/// Where the public halves of signing keys are published.
pub(crate) enum Published {
    /// In a secret.
    Secret {
        /// The secret.
        place: Place,
        /// Its text. `None` if the secret does not exist, or is empty.
        text: Option<String>,
    },
    /// By the stack of this name, which is of an earlier version. Its function reads the signing keys themselves.
    ByStack(String),
    /// Nowhere that the command knows of: no option, no stack and no variable names the secret.
    Nowhere,
}

impl PublicArgs {
    /// Finds where the public halves of the keys at this place are published.
    ///
    /// # Errors
    /// If the stack is not found, the environment names the secret of other keys, or the secret cannot be read.
    pub(super) async fn find(&self, keys: &PlaceArgs, target: &Target) -> Result<Published, Failure> {
        if keys.file.is_some() {
            return Ok(Published::Nowhere);
        }
        let stack = stack(target).await?;
        find_published(self.public_secret.as_deref(), keys.secret.as_deref(), stack.as_ref(), target).await
    }

    /// Returns the option as it was given, with a space before it, for the next command.
    pub(super) fn again(&self) -> String {
        self.public_secret.as_ref().map_or_else(String::new, |id| format!(" --public-secret {id}"))
    }
}

/// Finds where the public halves of signing keys are published: in the secret that an option names, else in that of the
/// stack, else in that of the environment. If the option `secret` names other signing keys than those of the stack or of
/// the environment, the secret of these does not count. Otherwise backends would get the keys of another deployment.
///
/// # Errors
/// If the environment names the secret of other keys, or the secret cannot be read.
pub(crate) async fn find_published(
    public_secret: Option<&str>,
    secret: Option<&str>,
    stack: Option<&Stack>,
    target: &Target,
) -> Result<Published, Failure> {
    let is_other = |id: &str| secret.is_some_and(|secret| secret != id);
    let id = match (public_secret, stack) {
        (Some(id), _) => id.to_owned(),
        (None, Some(stack)) if is_other(&stack.secret) => return Ok(Published::Nowhere),
        (None, Some(stack)) => match &stack.public_secret {
            Some(id) => id.clone(),
            None => return Ok(Published::ByStack(stack.name.clone())),
        },
        (None, None) => match Environment::of_process().optional(VARIABLE).filter(|_| !target.local) {
            Some(_) if secret_of_env(target).is_some_and(|id| is_other(&id)) => {
                return Err(Failure::usage(format!(
                    "which secret of the public keys? {VARIABLE} belongs to SIGNING_KEYS_SECRET_ARN, and --secret names \
                     another secret; add --public-secret ARN_OR_NAME"
                )));
            }
            Some(id) => id.to_owned(),
            None => return Ok(Published::Nowhere),
        },
    };
    let place = secret_named(id, target).await?;
    let text = place.read().await?;
    Ok(Published::Secret { place, text })
}

impl Published {
    /// Replaces the signing keys at `place`, if they still are `before`. Publishes their public halves first, because
    /// a key has to be known before it signs. Returns the exit code of the command.
    pub(super) async fn replace(
        &self,
        command: &str,
        place: &Place,
        before: Option<&str>,
        set: &SigningKeys,
        target: &Target,
    ) -> Result<Exit, Failure> {
        let (text, document) = (set.text()?, set.key_set()?.public_document());
        let Self::Secret { place: public, text: published } = self else {
            return place.replace(command, before, &text, target).await;
        };
        if is_same(published.as_deref(), &document) {
            return place.replace(command, before, &text, target).await;
        }
        let change = async || {
            place.check_unchanged(before).await?;
            let written = public.write(published.as_deref(), &document).await;
            written.map_err(|failure| failure.advise(&format!("; {place} is as it was")))?;
            place.write(before, &text).await.map_err(|failure| {
                failure.advise(&format!(
                    ". The public keys in {public} are new already: run the command again, or `postern keys publish`, \
                     which publishes the keys in {place}"
                ))
            })
        };
        place.record(command, target, change).await
    }

    /// Checks that this key of the set is published. A key without a public half never is, and needs it not.
    ///
    /// # Errors
    /// If the key is not in the secret.
    pub(super) fn check(&self, set: &SigningKeys, kid: &str) -> Result<(), Failure> {
        let Self::Secret { place, text } = self else { return Ok(()) };
        let published = text.as_deref().and_then(keys_of).unwrap_or_default();
        let is_missing = |key: &Value| key["kid"] == kid && !published.contains(key);
        if !public_halves(&set.key_set()?).iter().any(is_missing) {
            return Ok(());
        }
        let message = format!(
            "{kid} is not published in {place}, and backends that verify by the key set would refuse its tokens. Run \
             `postern keys publish`, and promote the key ten minutes later; or use --force"
        );
        Err(Failure::new(Exit::Refused, message))
    }

    /// Returns a line that says where the public halves of the keys at `place` are, after a change. It is empty if
    /// there is nothing to say.
    pub(super) fn line(&self, place: &Place, set: &SigningKeys) -> Result<String, Failure> {
        let number = public_halves(&set.key_set()?).len();
        Ok(match (self, place) {
            (Self::Secret { text, .. }, _) if number == 0 && is_same(text.as_deref(), EMPTY) => String::new(),
            (Self::Secret { place, .. }, _) if number == 0 => {
                format!("\n{place} publishes no key, because every key is HS256 now")
            }
            (Self::Secret { place, .. }, _) => format!("\n{place} publishes {}", count(number, "public key")),
            (Self::ByStack(_) | Self::Nowhere, _) if number == 0 => String::new(),
            (Self::ByStack(name), _) => format!("\n{}", by_stack(name)),
            (Self::Nowhere, Place::File(path)) => format!(
                "\nthe public keys are not published; `postern keys show --public --file {}` prints them",
                path.display()
            ),
            (Self::Nowhere, Place::Secret { id, .. }) => format!(
                "\nthe public keys are not published, since their secret is not known; `postern keys publish --secret {id} \
                 --public-secret ARN_OR_NAME` publishes them"
            ),
        })
    }
}

/// The document of keys without public halves.
const EMPTY: &str = r#"{"keys":[]}"#;

/// Returns what to say of a stack that publishes the keys itself.
pub(super) fn by_stack(name: &str) -> String {
    format!(
        "the stack {name} is of an earlier version, which publishes the public halves of its signing keys by itself"
    )
}

/// Returns whether a published text is this document. Spaces and the order of members do not count.
pub(super) fn is_same(published: Option<&str>, document: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    published.and_then(read).is_some_and(|published| Some(published) == read(document))
}

/// Returns the keys of a JWK Set. `None` if the text is none, or has other members.
pub(crate) fn keys_of(document: &str) -> Option<Vec<Value>> {
    match serde_json::from_str(document) {
        Ok(Value::Object(mut members)) if members.len() == 1 => match members.remove("keys") {
            Some(Value::Array(keys)) => Some(keys),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the public halves of these keys, as they are published.
pub(crate) fn public_halves(key_set: &KeySet) -> Vec<Value> {
    keys_of(&key_set.public_document()).unwrap_or_default()
}
