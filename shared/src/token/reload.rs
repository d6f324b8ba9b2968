//! Where the signing keys come from, and when they are read again, so that keys rotate without a deployment.
//!
//! A secret is read at start; again when a token names a key that is not in the ring, at most once a minute, since
//! callers name what they like; and again when it was not read for five minutes, so that whoever only signs comes
//! to use a new key, and a key that was taken out of the secret is refused everywhere five minutes later. A
//! secret that cannot be read again leaves the keys as they are, and is asked for again a minute later.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{KeyRing, SigningFailed, TokenError};
use crate::aws::{Aws, Secret};
use crate::clock::{Timestamp, now};
use crate::config;
use crate::environment::{ConfigError, Environment, is_this_machine};

/// How long the keys are used without another look.
const OLD: Duration = Duration::from_secs(5 * 60);
/// How soon the secret may be asked for again, for a token that names an unknown key or after a failure.
const PAUSE: Duration = Duration::from_secs(60);

const SECRET: &str = "SIGNING_KEYS_SECRET_ARN";

/// The signing keys as they were last read.
pub struct Keys {
    ring: RwLock<Arc<KeyRing>>,
    /// Keys that stand in the environment stay as they are.
    secret: Option<Secret>,
    local: bool,
    /// When they were last read, in milliseconds.
    read_at: AtomicU64,
    /// When they were last asked for: a secret that fails is not asked for at every request.
    asked_at: AtomicU64,
}

impl Keys {
    /// Reads the keys for a function that holds nothing else. It has no table, and takes sample keys where the others
    /// do all the same: where the DynamoDB endpoint is on this machine.
    ///
    /// # Errors
    /// If a variable is missing or malformed, or the secret that it names cannot be read.
    pub async fn start(env: &Environment) -> Result<Self, ConfigError> {
        let aws = Aws::in_region(env, config::region(env)?)?;
        let local = config::dynamodb_endpoint(env)?.is_some_and(is_this_machine);
        Self::read(env, local, &aws, now()).await
    }

    /// Reads the keys; samples, too, where all is `local`.
    pub(crate) async fn read(
        env: &Environment,
        local: bool,
        aws: &Aws,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let (ring, secret) = match (env.optional("SIGNING_KEYS"), env.optional(SECRET)) {
            (Some(text), None) => (parse("SIGNING_KEYS", text, local)?, None),
            (None, Some(arn)) => {
                let endpoint = env
                    .optional("AWS_ENDPOINT_URL_SECRETS_MANAGER")
                    .or_else(|| env.optional("AWS_ENDPOINT_URL"));
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
        Ok(Self { ring: RwLock::new(Arc::new(ring)), secret, local, read_at, asked_at })
    }

    /// The keys as they are now.
    pub fn ring(&self) -> Arc<KeyRing> {
        // A poisoned lock held a whole ring all the same: it is only ever replaced.
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Signs these claims with the first key.
    ///
    /// # Errors
    /// If the claims are no JSON object, or the key fails.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, SigningFailed> {
        self.ring().sign(claims)
    }

    /// The claims of a token that one of these keys signed and that is valid now. See [`KeyRing::verify`].
    ///
    /// # Errors
    /// If it is not acceptable.
    pub async fn verify<C: DeserializeOwned>(&self, token: &str, now: Timestamp) -> Result<C, TokenError> {
        self.read_again_if_old(now).await;
        match self.ring().verify(token, now) {
            Err(TokenError::UnknownKey) if self.read_again(now).await => self.ring().verify(token, now),
            verified => verified,
        }
    }

    /// Reads the secret again when it was not read for a while.
    pub async fn read_again_if_old(&self, now: Timestamp) {
        let read_at = Timestamp::from_millis(self.read_at.load(Ordering::Relaxed));
        if now >= read_at.plus(OLD) {
            self.read_again(now).await;
        }
    }

    /// Reads the secret again, unless it was asked for a moment ago. Whether it was read.
    async fn read_again(&self, now: Timestamp) -> bool {
        let Some(secret) = &self.secret else { return false };
        let asked_at = self.asked_at.load(Ordering::Relaxed);
        if now < Timestamp::from_millis(asked_at).plus(PAUSE) {
            return false;
        }
        // Of requests that come here at once, one asks.
        let mine =
            self.asked_at.compare_exchange(asked_at, now.millis(), Ordering::Relaxed, Ordering::Relaxed);
        if mine.is_err() {
            return false;
        }
        match from_secret(secret, self.local).await {
            Ok(ring) => {
                *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
                self.read_at.store(now.millis(), Ordering::Relaxed);
                true
            }
            Err(error) => {
                tracing::error!(cause = %error, "the signing keys stay as they were read before");
                false
            }
        }
    }
}

async fn from_secret(secret: &Secret, local: bool) -> Result<KeyRing, ConfigError> {
    let text = secret
        .read()
        .await
        .map_err(|cause| ConfigError::new(SECRET, format!("names a secret that cannot be read: {cause}")))?;
    parse(SECRET, &text, local)
}

fn parse(variable: &'static str, text: &str, local: bool) -> Result<KeyRing, ConfigError> {
    let keys = KeyRing::parse(text).map_err(|error| ConfigError::new(variable, error.to_string()))?;
    if keys.has_sample_key() && !local {
        return Err(ConfigError::new(
            variable,
            "holds a sample key, which everybody knows; it is good only with a table on this machine",
        ));
    }
    Ok(keys)
}
