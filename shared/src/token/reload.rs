//! The signing keys of a function, and when they are reloaded. So keys rotate without a deployment.
//!
//! The secret is read at start. It is reloaded after five minutes. So a function that only signs begins to
//! use a new key, and every function refuses a key five minutes after it was removed from the secret. The
//! secret is also reloaded if a token names a key that is not in the set. Since a caller can name any key,
//! this happens at most once a minute. If a reload fails, the keys stay as they are, and the next reload is
//! possible a minute later.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::{JwtProfile, KeySet, SigningFailed, TokenError};
use crate::aws::{Aws, Secret};
use crate::clock::{Timestamp, now};
use crate::config;
use crate::environment::{ConfigError, Environment, is_this_machine};
use crate::error::{Causes, StartError};

/// How long the keys are used before they are reloaded.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);
/// The least time between two reloads, after a token with an unknown key or after a failure.
const MIN_PAUSE: Duration = Duration::from_secs(60);

const SECRET: &str = "SIGNING_KEYS_SECRET_ARN";

/// The signing keys as they were last read.
pub struct Keys {
    current: RwLock<Arc<KeySet>>,
    /// The secret. `None` if the keys are in the environment, where they never change.
    secret: Option<Secret>,
    local: bool,
    /// When they were last read, in milliseconds.
    read_at: AtomicU64,
    /// When a read was last tried, in milliseconds. With it, a secret that cannot be read is not tried at every
    /// request.
    asked_at: AtomicU64,
    /// Held while the secret is read.
    reading: Mutex<()>,
}

impl Keys {
    /// Reads the keys for a function without a table. Like the other functions, it accepts sample keys if the
    /// DynamoDB endpoint is on this machine.
    ///
    /// # Errors
    /// If a variable is missing or malformed, if the secret that it names cannot be read, or if TLS cannot be
    /// set up.
    pub async fn start(env: &Environment) -> Result<Self, StartError> {
        let aws = Aws::in_region(env, config::region(env)?)?;
        let local = config::dynamodb_endpoint(env)?.is_some_and(is_this_machine);
        Ok(Self::read(env, local, &aws, now()).await?)
    }

    /// Reads the keys. Sample keys are accepted if `local` says that the table is on this machine.
    pub(crate) async fn read(
        env: &Environment,
        local: bool,
        aws: &Aws,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let (keys, secret) = match (env.optional("SIGNING_KEYS"), env.optional(SECRET)) {
            (Some(text), None) => (parse("SIGNING_KEYS", text, local)?, None),
            (None, Some(arn)) => {
                let endpoint = config::endpoint(env, "AWS_ENDPOINT_URL_SECRETS_MANAGER")?;
                let secret = aws.secret(arn, endpoint);
                (from_secret(&secret, local).await?, Some(secret))
            }
            (None, None) => {
                let problem =
                    "is not set, and neither is SIGNING_KEYS_SECRET_ARN; one of them holds the signing keys";
                return Err(ConfigError::new("SIGNING_KEYS", problem));
            }
            (Some(_), Some(_)) => {
                let problem =
                    "is set, and so is SIGNING_KEYS_SECRET_ARN; only one of them can hold the signing keys";
                return Err(ConfigError::new("SIGNING_KEYS", problem));
            }
        };
        let (read_at, asked_at) = (AtomicU64::new(now.millis()), AtomicU64::new(now.millis()));
        let (current, reading) = (RwLock::new(Arc::new(keys)), Mutex::new(()));
        Ok(Self { current, secret, local, read_at, asked_at, reading })
    }

    /// Returns the keys as they are now.
    pub fn current(&self) -> Arc<KeySet> {
        // A poisoned lock still holds a complete set, since a set is replaced as a whole.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
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
    async fn reload_after(&self, keys: &Arc<KeySet>, now: Timestamp) -> bool {
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
        match from_secret(secret, self.local).await {
            Ok(keys) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                self.read_at.store(now.millis(), Ordering::Relaxed);
                true
            }
            Err(error) => {
                tracing::error!(cause = %Causes(&error), "the signing keys stay as they were read before");
                false
            }
        }
    }
}

async fn from_secret(secret: &Secret, local: bool) -> Result<KeySet, ConfigError> {
    let text = secret
        .read()
        .await
        .map_err(|cause| ConfigError::new(SECRET, "names a secret that cannot be read").caused_by(cause))?;
    parse(SECRET, &text, local)
}

fn parse(variable: &'static str, text: &str, local: bool) -> Result<KeySet, ConfigError> {
    let keys = KeySet::parse(text).map_err(|error| ConfigError::new(variable, error.to_string()))?;
    if keys.has_sample_key() && !local {
        return Err(ConfigError::new(
            variable,
            "holds a sample key, which everybody knows; it is accepted only with a table on this machine",
        ));
    }
    Ok(keys)
}
