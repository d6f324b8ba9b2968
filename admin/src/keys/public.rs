//! The public keys: the public halves of the signing keys, and the secret in which they are published.

use clap::Args;
use postern::environment::Environment;
use postern::token::{PublicKey, PublicKeySet};

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
pub(crate) enum PublicPlace {
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

/// A change of signing keys.
pub(super) struct Change<'a> {
    /// The command without its arguments, for the audit line.
    pub(super) command: &'static str,
    /// The place of the signing keys.
    pub(super) place: &'a Place,
    /// The text that the command read there.
    pub(super) before: Option<&'a str>,
    /// The new keys.
    pub(super) set: &'a SigningKeys,
}

impl PublicArgs {
    /// Finds where the public halves of the keys at this place are published.
    ///
    /// # Errors
    /// If the stack is not found, the environment names the secret of other keys, or the secret cannot be read.
    pub(super) async fn find(&self, keys: &PlaceArgs, target: &Target) -> Result<PublicPlace, Failure> {
        if keys.file.is_some() {
            return Ok(PublicPlace::Nowhere);
        }
        let stack = stack(target).await?;
        find_public_place(self.public_secret.as_deref(), keys.secret.as_deref(), stack.as_ref(), target).await
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
pub(crate) async fn find_public_place(
    public_secret: Option<&str>,
    secret: Option<&str>,
    stack: Option<&Stack>,
    target: &Target,
) -> Result<PublicPlace, Failure> {
    let is_other = |id: &str| secret.is_some_and(|secret| !is_same_secret(secret, id));
    let id = match (public_secret, stack) {
        (Some(id), _) => id.to_owned(),
        (None, Some(stack)) if is_other(&stack.secret) => return Ok(PublicPlace::Nowhere),
        (None, Some(stack)) => match &stack.public_secret {
            Some(id) => id.clone(),
            None => return Ok(PublicPlace::ByStack(stack.name.clone())),
        },
        (None, None) => match Environment::of_process().optional(VARIABLE).filter(|_| !target.local) {
            Some(_) if secret.is_some() && secret_of_env(target).is_none_or(|id| is_other(&id)) => {
                return Err(Failure::usage(format!(
                    "which secret of the public keys? {VARIABLE} belongs to SIGNING_KEYS_SECRET_ARN, and --secret names \
                     another secret; add --public-secret ARN_OR_NAME"
                )));
            }
            Some(id) => id.to_owned(),
            None => return Ok(PublicPlace::Nowhere),
        },
    };
    let place = secret_named(id, target).await?;
    let text = place.read().await?;
    Ok(PublicPlace::Secret { place, text })
}

impl PublicPlace {
    /// Replaces the signing keys, if they still are what the command read. Publishes their public halves first, because
    /// a key has to be known before it signs. Returns the exit code of the command.
    pub(super) async fn replace(&self, change: &Change<'_>, target: &Target) -> Result<Exit, Failure> {
        let Change { command, place, before, set } = change;
        let (text, key_set) = (set.text()?, set.key_set()?);
        let keys = key_set.public_keys();
        let (public, published) = match self {
            Self::Secret { place, text } if !holds(text.as_deref(), &keys) => (place, text.as_deref()),
            _ => return place.replace(command, *before, &text, target).await,
        };
        check_holds_public_keys(public, published)?;
        let write = async || {
            place.check_unchanged(*before).await?;
            let written = public.write(published, &key_set.public_document()).await;
            written.map_err(|failure| failure.advise(&format!("; {place} is as it was")))?;
            place.write(*before, &text).await.map_err(|failure| {
                let meanwhile = if held(published).is_some_and(|held| is_lost(held.public_keys(), &keys)) {
                    ". Until then, backends that verify by the key set refuse all tokens"
                } else {
                    ""
                };
                failure.advise(&format!(
                    "; the public keys are written, the signing keys are not: to finish, run this command again; to go \
                     back, run `postern keys publish`{meanwhile}"
                ))
            })
        };
        place.record(command, target, write).await
    }

    /// Checks that this key of the set at `place` is published. A key without a public half never is, and needs it not.
    /// Neither does a key in a file.
    ///
    /// # Errors
    /// If the key is not in the secret, or the secret is not known.
    pub(super) fn check(&self, place: &Place, set: &SigningKeys, kid: &str) -> Result<(), Failure> {
        let keys = set.key_set()?.public_keys();
        let Some(key) = keys.iter().find(|key| key.kid() == kid) else { return Ok(()) };
        let message = match (self, place) {
            (Self::ByStack(_), _) | (Self::Nowhere, Place::File(_)) => return Ok(()),
            (Self::Secret { text, .. }, _)
                if held(text.as_deref()).is_some_and(|held| held.public_keys().contains(key)) =>
            {
                return Ok(());
            }
            (Self::Secret { place, .. }, _) => format!(
                "{kid} is not published in {place}, and backends that verify by the key set would refuse its tokens. \
                 Run `postern keys publish`, and promote the key ten minutes later; or use --force"
            ),
            (Self::Nowhere, Place::Secret { .. }) => format!(
                "{kid} may not be published, since no option, stack or variable names the secret of the public keys, \
                 and backends that verify by the key set would refuse its tokens; add --public-secret ARN_OR_NAME, or \
                 use --force"
            ),
        };
        Err(Failure::new(Exit::Refused, message))
    }

    /// Returns a line that says where the public halves of the keys at `place` are, after a change. It is empty if
    /// there is nothing to say.
    pub(super) fn line(&self, place: &Place, set: &SigningKeys) -> Result<String, Failure> {
        let number = set.key_set()?.public_keys().len();
        Ok(match (self, place) {
            (Self::Secret { text, .. }, _) if number == 0 && holds(text.as_deref(), &[]) => String::new(),
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
                "\nthe public keys are not published, since their secret is not known; `postern keys publish --secret \
                 {id} --public-secret ARN_OR_NAME` publishes them"
            ),
        })
    }
}

/// Checks that a secret holds public keys, or nothing, before it is overwritten.
///
/// # Errors
/// If it holds anything else. It may be a secret of signing keys, which would be lost.
pub(super) fn check_holds_public_keys(place: &Place, text: Option<&str>) -> Result<(), Failure> {
    let Some(Err(error)) = text.map(PublicKeySet::parse) else { return Ok(()) };
    let message = format!(
        "{place} holds no public keys, so nothing is written there: {error}. If it holds signing keys, the wrong \
         secret is named. Otherwise see docs/operating.md, \"Publish the public keys\""
    );
    Err(Failure::new(Exit::Refused, message))
}

/// Returns what to say of a stack that publishes the keys itself.
pub(super) fn by_stack(name: &str) -> String {
    format!(
        "the stack {name} is of an earlier version, which publishes the public halves of its signing keys by itself; \
         there is nothing to do until you update it: docs/operating.md, \"Publish the public keys\""
    )
}

/// Returns whether a published text holds these keys and no others, in this order.
pub(super) fn holds(published: Option<&str>, keys: &[PublicKey]) -> bool {
    held(published).is_some_and(|held| held.public_keys() == keys)
}

/// Returns what a published text holds. `None` if it cannot be read.
fn held(published: Option<&str>) -> Option<PublicKeySet> {
    PublicKeySet::parse(published?).ok()
}

/// Returns whether there are keys, and none of them is one of the new ones.
fn is_lost(held: &[PublicKey], new: &[PublicKey]) -> bool {
    !held.is_empty() && !held.iter().any(|key| new.contains(key))
}

/// Returns whether two ids name one secret. An ARN ends with the name, a hyphen and six random characters. Secrets
/// Manager takes the name, and the ARN without these characters too.
fn is_same_secret(one: &str, other: &str) -> bool {
    let is_of = |arn: &str, id: &str| {
        let Some((partial, random)) = arn.rsplit_once('-') else { return false };
        let name = partial.split_once(":secret:").map(|(_, name)| name);
        arn.starts_with("arn:") && random.len() == 6 && (id == partial || name == Some(id))
    };
    one == other || is_of(one, other) || is_of(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_named_by_its_arn_or_its_name() {
        let arn = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:postern/keys-of-us-AbCdEf";
        let partial = &arn[..arn.len() - 7];
        for id in [arn, partial, "postern/keys-of-us"] {
            assert!(is_same_secret(arn, id) && is_same_secret(id, arn), "{id}");
        }
        for id in
            ["postern/keys-of", "postern/keys-of-us-AbCdEf", "keys-of-us", "", &arn.replace("eu-", "us-")]
        {
            assert!(!is_same_secret(arn, id) && !is_same_secret(id, arn), "{id}");
        }
        // A name may end like an ARN.
        assert!(!is_same_secret("keys-AbCdEf", "keys"));
    }
}
