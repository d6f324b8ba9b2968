//! The start of a function with a table.

use std::sync::Arc;

use super::hashing::Hashing;
use super::{App, Clock};
use crate::aws::Aws;
use crate::clock::now;
use crate::config::Config;
use crate::environment::{ConfigError, Environment};
use crate::error::{Causes, StartError};
use crate::mail::MailQueue;
use crate::password::{self, Decoy, Passwords};
use crate::store::{Store, StoreError};
use crate::token::Keys;

impl App {
    /// Reads the configuration and the keys, and opens the connection to the table.
    ///
    /// # Errors
    /// If a variable is missing or malformed. If the table or the secret that it names cannot be read. If TLS
    /// cannot be set up. If Argon2 fails its known-answer test on this processor.
    pub async fn start(env: &Environment) -> Result<Self, StartError> {
        Self::start_at(env, Arc::new(now)).await
    }

    /// Starts as [`App::start`] does, with this clock.
    ///
    /// # Errors
    /// If a variable is missing or malformed. If the table or the secret that it names cannot be read. If TLS
    /// cannot be set up. If Argon2 fails its known-answer test on this processor.
    pub async fn start_at(env: &Environment, clock: Clock) -> Result<Self, StartError> {
        let config = Config::from_env(env)?;
        let aws = Aws::in_region(env, &config.region)?;
        let store = Store::new(aws.dynamodb(config.dynamodb_endpoint.as_deref()), &config.table);
        let mail = MailQueue::from_env(env, &aws)?;
        // The connection is opened first, so that the self-test of the processor runs while the function
        // waits for the network.
        let (connected, keys) = tokio::join!(store.read_no_user(), async {
            if !password::self_test() {
                return Err(StartError::Processor);
            }
            Ok(Keys::start(env, config.is_local(), &aws, clock()).await?)
        });
        match connected {
            Ok(()) => {}
            // The table may be back before the first request. If it is not, that request is refused.
            Err(error @ StoreError::Unavailable { .. }) => {
                tracing::warn!(cause = %Causes(&error), "started without the table");
            }
            Err(error @ (StoreError::Rejected { .. } | StoreError::Unreadable { .. })) => {
                let problem = "names a table that cannot be read";
                return Err(ConfigError::new("TABLE_NAME", problem).caused_by(error).into());
            }
        }
        let passwords = Arc::new(Passwords::new(config.password_cost, Decoy::from_env(env)?));
        let hashing = Hashing::from_env(env);
        Ok(Self {
            keys: Arc::new(keys?),
            passwords,
            password_policy: config.password_policy,
            hashing,
            store,
            throttle: config.throttle,
            refusal_step: config.refusal_step,
            mail,
            clock,
        })
    }

    /// Returns the app of another function in the same process. It shares the keys and what hashes and
    /// verifies passwords, and signs its calls to the table with these credentials.
    pub fn with_credentials(&self, access_key_id: &str, secret_access_key: &str) -> Self {
        Self {
            keys: Arc::clone(&self.keys),
            passwords: Arc::clone(&self.passwords),
            password_policy: self.password_policy,
            hashing: self.hashing.clone(),
            store: self.store.with_credentials(access_key_id, secret_access_key),
            throttle: self.throttle,
            refusal_step: self.refusal_step,
            mail: self.mail.as_ref().map(|mail| mail.with_credentials(access_key_id, secret_access_key)),
            clock: Arc::clone(&self.clock),
        }
    }
}
