//! The keys of a function, and when they are reloaded. So keys rotate without a deployment.
//!
//! The secret is read at start. It is reloaded after five minutes. So a function that only signs begins to
//! use a new key, and every function refuses a key five minutes after it was removed from the secret. The
//! secret is also reloaded if a token names a key that is not in the set. Since a caller can name any key,
//! this happens at most once a minute. If a reload fails, the keys stay as they are, and the next reload is
//! possible a minute later.
//!
//! The function of the key set has the public keys only, by the same rules and from another secret.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::{JwtProfile, KeyError, KeySet, PublicKeySet, SigningFailed, TokenError};
use crate::aws::{Aws, Secret};
use crate::clock::Timestamp;
use crate::config;
use crate::environment::{ConfigError, Environment};
use crate::error::{Causes, StartError};

/// How long the keys are used before they are reloaded.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);
/// The least time between two reloads, after a token with an unknown key or after a failure.
const MIN_PAUSE: Duration = Duration::from_secs(60);

/// The signing keys as they were last read.
pub type Keys = Reloaded<KeySet>;

/// The public keys as they were last read.
pub type PublicKeys = Reloaded<PublicKeySet>;

/// Keys as they were last read.
pub struct Reloaded<K> {
    current: RwLock<Arc<K>>,
    origin: Origin<K>,
    /// The secret. `None` if the keys are in the environment, where they never change.
    secret: Option<Secret>,
    /// When they were last read, in milliseconds.
    read_at: AtomicU64,
    /// When a read was last tried, in milliseconds. With it, a secret that cannot be read is not tried at every
    /// request.
    asked_at: AtomicU64,
    /// Held while the secret is read.
    reading: Mutex<()>,
}

/// What the keys are called, which variables hold them or name their secret, and how their text is read.
struct Origin<K> {
    name: &'static str,
    text_variable: &'static str,
    secret_variable: &'static str,
    parse: fn(&str) -> Result<K, KeyError>,
}

impl Keys {
    /// Reads the signing keys. Sample keys are accepted if `local` says that the table is on this machine.
    pub(crate) async fn start(
        env: &Environment,
        local: bool,
        aws: &Aws,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let origin = Origin {
            name: "signing keys",
            text_variable: "SIGNING_KEYS",
            secret_variable: "SIGNING_KEYS_SECRET_ARN",
            parse: if local { KeySet::parse } else { without_sample_keys },
        };
        Self::read(origin, env, aws, now).await
    }

    /// Signs a token of this profile, with these claims, by the first key.
    ///
    /// # Errors
    /// If the claims are no JSON object, or the key cannot sign.
    pub fn sign(&self, profile: &JwtProfile, claims: &impl Serialize) -> Result<String, SigningFailed> {
        self.current().sign(profile, claims)
    }

    /// Returns the claims of a valid token, as [`KeySet::verify`] does. Reloads the keys if the token names
    /// an unknown one.
    ///
    /// # Errors
    /// If the token is expired, invalid, or of an unknown key.
    pub async fn verify<C: DeserializeOwned>(
        &self,
        profile: &JwtProfile,
        token: &str,
        now: Timestamp,
    ) -> Result<C, TokenError> {
        self.reload_if_old(now).await;
        let keys = self.current();
        match keys.verify(profile, token, now) {
            Err(TokenError::UnknownKey) if self.reload_after(&keys, now).await => {
                self.current().verify(profile, token, now)
            }
            verified => verified,
        }
    }
}

impl PublicKeys {
    /// Reads the public keys, for a function without a table.
    ///
    /// # Errors
    /// If a variable is missing or malformed, if the secret that it names cannot be read, or if TLS cannot be
    /// set up.
    pub async fn start(env: &Environment, now: Timestamp) -> Result<Self, StartError> {
        let aws = Aws::in_region(env, config::region(env)?)?;
        let origin = Origin {
            name: "public keys",
            text_variable: "PUBLIC_KEYS",
            secret_variable: "PUBLIC_KEYS_SECRET_ARN",
            parse: PublicKeySet::parse,
        };
        Ok(Self::read(origin, env, &aws, now).await?)
    }
}

impl<K> Reloaded<K> {
    async fn read(
        origin: Origin<K>,
        env: &Environment,
        aws: &Aws,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let Origin { name, text_variable, secret_variable, .. } = origin;
        let (keys, secret) = match (env.optional(text_variable), env.optional(secret_variable)) {
            (Some(keys), None) => (origin.parsed(text_variable, keys)?, None),
            (None, Some(arn)) => {
                let endpoint = config::endpoint(env, "AWS_ENDPOINT_URL_SECRETS_MANAGER")?;
                let secret = aws.secret(arn, endpoint);
                (origin.read(&secret).await?, Some(secret))
            }
            (None, None) => {
                let problem =
                    format!("is not set, and neither is {secret_variable}; one of them holds the {name}");
                return Err(ConfigError::new(text_variable, problem));
            }
            (Some(_), Some(_)) => {
                let problem =
                    format!("is set, and so is {secret_variable}; only one of them can hold the {name}");
                return Err(ConfigError::new(text_variable, problem));
            }
        };
        let (read_at, asked_at) = (AtomicU64::new(now.millis()), AtomicU64::new(now.millis()));
        let (current, reading) = (RwLock::new(Arc::new(keys)), Mutex::new(()));
        Ok(Self { current, origin, secret, read_at, asked_at, reading })
    }

    /// Returns the keys as they are now.
    pub fn current(&self) -> Arc<K> {
        // A poisoned lock still holds a complete set, since a set is replaced as a whole.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reloads the secret if the last read was five minutes ago or more. If another request reads it, goes on
    /// with the keys as they are.
    pub async fn reload_if_old(&self, now: Timestamp) {
        let read_at = Timestamp::from_millis(self.read_at.load(Ordering::Relaxed));
        if now >= read_at.plus(MAX_AGE)
            && let Ok(_reading) = self.reading.try_lock()
        {
            self.reload(now).await;
        }
    }

    /// Reloads the secret, unless the keys are others than these by now. If another request reads the secret,
    /// waits for it: its read may bring the key of this request's token. Returns whether the keys may be
    /// others.
    async fn reload_after(&self, keys: &Arc<K>, now: Timestamp) -> bool {
        let _reading = self.reading.lock().await;
        !Arc::ptr_eq(&self.current(), keys) || self.reload(now).await
    }

    /// Reloads the secret, unless a read was tried within the last minute. Returns whether it was read. The
    /// caller holds `reading`.
    async fn reload(&self, now: Timestamp) -> bool {
        let Some(secret) = &self.secret else { return false };
        let asked_at = Timestamp::from_millis(self.asked_at.load(Ordering::Relaxed));
        if now < asked_at.plus(MIN_PAUSE) {
            return false;
        }
        self.asked_at.store(now.millis(), Ordering::Relaxed);
        match self.origin.read(secret).await {
            Ok(keys) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                self.read_at.store(now.millis(), Ordering::Relaxed);
                true
            }
            Err(error) => {
                let cause = Causes(&error);
                tracing::error!(%cause, "the {} stay as they were read before", self.origin.name);
                false
            }
        }
    }
}

impl<K> Origin<K> {
    async fn read(&self, secret: &Secret) -> Result<K, ConfigError> {
        let text = secret.read().await.map_err(|cause| {
            ConfigError::new(self.secret_variable, "names a secret that cannot be read").caused_by(cause)
        })?;
        self.parsed(self.secret_variable, &text)
    }

    /// Reads the keys in this text. The variable is the one that the error names.
    fn parsed(&self, variable: &'static str, text: &str) -> Result<K, ConfigError> {
        (self.parse)(text).map_err(|error| ConfigError::new(variable, error.to_string()))
    }
}

fn without_sample_keys(text: &str) -> Result<KeySet, KeyError> {
    let keys = KeySet::parse(text)?;
    if keys.has_sample_key() {
        let problem =
            "holds a sample key, which everybody knows; it is accepted only with a table on this machine";
        return Err(KeyError(problem.to_owned()));
    }
    Ok(keys)
}
