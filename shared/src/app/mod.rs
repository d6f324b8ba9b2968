//! The one path that every password contract takes, from a claim to a user; and the tokens and sessions that
//! follow it.

mod attempt;
mod bearer;
mod credentials;
mod sessions;

use std::pin::Pin;
use std::sync::Arc;

use self::attempt::SignInEffects;
pub use self::bearer::{TokenHolder, TokenRefusal, TokenSubject};
pub use self::credentials::{MfaConfirmed, PasswordChange};
use crate::audit::{self, AttemptDetails, Caller};
use crate::aws::Aws;
use crate::clock::{Timestamp, now};
use crate::config::Config;
use crate::environment::{ConfigError, Environment};
use crate::identity::{Status, UnreadableAttributes, User};
use crate::password::{self, Decoy, Passwords};
use crate::refusal::Refusal;
use crate::session::{SessionRequest, SessionToken};
use crate::store::{Store, StoreError};
use crate::throttle::Policy;
use crate::token::Keys;

/// What a function holds from its start to its end.
pub struct App {
    /// The keys that sign and verify tokens.
    pub keys: Keys,
    /// The password hashes.
    pub passwords: Passwords,
    store: Store,
    throttle: Policy,
    clock: Clock,
}

/// Where the time comes from: the machine, or a test.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What someone claims. It has no `Debug`: it holds a password.
pub struct Attempt<'a> {
    /// The login name as it was typed.
    pub name: &'a str,
    /// What this contract takes for a login name.
    pub names: Names,
    /// Whether the user holds what this contract shows, in a form that it can read.
    pub readable: fn(&User) -> Result<(), UnreadableAttributes>,
    /// The password as it was typed.
    pub password: &'a str,
    /// The MFA code, if one was sent.
    pub code: Option<&'a str>,
    /// The session that a success shall begin.
    pub session: Option<SessionRequest>,
}

/// What a contract takes for a login name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// A username.
    Username,
    /// An e-mail address.
    Email,
    /// A username, an e-mail address or an id; in that order, where a name could be two of them.
    UsernameEmailOrId,
}

/// Who signed in.
pub struct SignedIn {
    /// The user; after a sign-in with that as the last.
    pub user: User,
    /// The session that was asked for.
    pub session: Option<SessionToken>,
}

impl App {
    /// Reads the configuration and the keys, and opens the connection to the table.
    ///
    /// # Errors
    /// If a variable is missing or malformed, or the table or the secret that it names cannot be read.
    pub async fn start(env: &Environment) -> Result<Self, ConfigError> {
        Self::start_at(env, Arc::new(now)).await
    }

    /// Like [`App::start`], with a clock of the caller's.
    ///
    /// # Errors
    /// As there.
    pub async fn start_at(env: &Environment, clock: Clock) -> Result<Self, ConfigError> {
        let config = Config::from_env(env)?;
        let aws = Aws::in_region(env, &config.region)?;
        let store = Store::new(aws.dynamodb(config.dynamodb_endpoint.as_deref()), &config.table);
        // The connection first: what is asked of the processor is done while the network is waited for.
        let (warm, keys) = tokio::join!(store.warm_up(), async {
            if !password::self_test() {
                let problem = "computes Argon2 otherwise than RFC 9106 says: deploy for another Architecture";
                return Err(ConfigError::new("this processor", problem));
            }
            Keys::read(env, config.is_local(), &aws, clock()).await
        });
        match warm {
            Ok(()) => {}
            // It may be back before the first request; if not, that one is told so.
            Err(error @ StoreError::Unavailable { .. }) => {
                tracing::warn!(cause = %error, "started without the table")
            }
            Err(error @ (StoreError::Rejected { .. } | StoreError::Unreadable { .. })) => {
                return Err(ConfigError::new(
                    "TABLE_NAME",
                    format!("names a table that cannot be read: {error}"),
                ));
            }
        }
        let passwords = Passwords::new(config.password_cost, Decoy::from_env(env)?);
        Ok(Self { keys: keys?, passwords, store, throttle: config.throttle, clock })
    }

    /// The time of a request. Ask once, at its beginning.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Decides on an attempt, and leaves one audit event.
    ///
    /// # Errors
    /// With the reason for which the contract then finds words.
    pub async fn sign_in(&self, caller: &Caller, attempt: Attempt<'_>) -> Result<SignedIn, Refusal> {
        let mut details = AttemptDetails::default();
        let outcome =
            self.within_deadline(caller, Box::pin(self.decide(caller, attempt, &mut details))).await;
        let said = outcome.as_ref().map_or_else(Refusal::outcome, |_| audit::SIGNED_IN);
        audit::attempt(caller, said, details);
        outcome
    }

    async fn decide(
        &self,
        caller: &Caller,
        attempt: Attempt<'_>,
        details: &mut AttemptDetails,
    ) -> Result<SignedIn, Refusal> {
        let authenticated = self.authenticate(caller, &attempt, details).await?;
        // Before anything is spent or begun: a user who cannot be shown is not signed in.
        let enters =
            may_enter(&authenticated.user).and_then(|()| Ok((attempt.readable)(&authenticated.user)?));
        if let Err(refusal) = enters {
            self.refund(&authenticated.charged).await;
            return Err(refusal);
        }
        let upgraded = self.upgrade(&authenticated.user, attempt.password, details);
        let effects =
            SignInEffects { password_hash: upgraded.as_deref(), session: attempt.session, change: None };
        Box::pin(self.commit(authenticated, effects)).await
    }

    /// Gives work up while there is still time to say so: a store that is slow at every step must not run into
    /// Lambda's own time-out, which the caller would see in API Gateway's words.
    ///
    /// The work is boxed, and a sign-in's last part again: it is tens of kilobytes, and would else lie on the stack in
    /// each function on the way here.
    async fn within_deadline<T, E: From<Refusal>>(
        &self,
        caller: &Caller,
        work: Pin<Box<impl Future<Output = Result<T, E>>>>,
    ) -> Result<T, E> {
        tokio::time::timeout_at(caller.deadline.into(), work).await.unwrap_or_else(|_| {
            tracing::error!("the request ran out of time");
            Err(Refusal::Unavailable.into())
        })
    }
}

/// Whether the user's state lets them in, once they have shown who they are.
fn may_enter(user: &User) -> Result<(), Refusal> {
    match user.status {
        Status::Disabled | Status::Blocked => Err(Refusal::Disabled),
        Status::NotActivated => Err(Refusal::NotActivated),
        Status::Active if user.must_change_password => Err(Refusal::MustChangePassword),
        Status::Active => Ok(()),
    }
}
