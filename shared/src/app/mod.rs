//! The one path that every password contract takes, from a claim to a user; and the tokens and sessions that
//! follow it.

mod sessions;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ambient::{Timestamp, hex, now, random};
use crate::audit::{self, Caller, Findings};
use crate::aws::Aws;
use crate::config::{Config, ConfigError, Environment};
use crate::keys::Keys;
use crate::mfa::Spent;
use crate::name::LoginName;
use crate::password::{Decoy, Passwords};
use crate::refusal::Refusal;
use crate::session::{NewSession, SessionRequest, SessionToken};
use crate::store::{Charge, Login, LoginKind, SignInRecord, Store, StoreError};
use crate::throttle::{self, Policy};
use crate::user::{Status, UnreadableAttributes, User};

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
    /// The user, with this sign-in as the last.
    pub user: User,
    /// The session that was asked for.
    pub session: Option<SessionToken>,
}

/// How far ahead of ours the clock may be of those who mint tokens elsewhere.
const SKEW: Duration = Duration::from_secs(60);

/// When and in which epoch a token was issued.
#[derive(Clone, Copy, Debug)]
pub struct Issued {
    /// The user's epoch at that moment; a token minted elsewhere has none.
    pub epoch: Option<u64>,
    /// The `iat` claim, in milliseconds.
    pub at: Timestamp,
}

/// To what an attempt was charged, and when.
struct Charged {
    name: LoginName,
    address: String,
    /// Random for each attempt: its signature on what it writes.
    word: String,
    now: Timestamp,
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
        let aws = Aws::from_env(env, &config)?;
        let store = Store::new(aws.dynamodb(config.dynamodb_endpoint.as_deref()), &config.table);
        let (keys, warm) = tokio::join!(Keys::read(env, &config, &aws, clock()), store.warm_up());
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
        let mut findings = Findings::default();
        let outcome = self.within_time(caller, Box::pin(self.decide(caller, attempt, &mut findings))).await;
        let said = outcome.as_ref().map_or_else(Refusal::outcome, |_| audit::SIGNED_IN);
        audit::attempt(caller, said, findings);
        outcome
    }

    /// The user to whom a token was issued, or `None` where the token is no longer good: the user was deleted, or
    /// ended all sessions since.
    ///
    /// # Errors
    /// If the user may not enter, or the store fails.
    pub async fn user_of_token(
        &self,
        caller: &Caller,
        user_id: u64,
        issued: Issued,
    ) -> Result<Option<User>, Refusal> {
        let user =
            self.within_time(caller, Box::pin(async { Ok::<_, Refusal>(self.store.user(user_id).await?) }));
        let Some(user) = user.await? else { return Ok(None) };
        let good = match issued.epoch {
            Some(epoch) => epoch == user.epoch,
            // One that was issued in the future would outlive whatever happens until then.
            None => {
                issued.at <= caller.now.plus(SKEW)
                    && user.sessions_ended_at.is_none_or(|ended| issued.at >= ended)
            }
        };
        match may_enter(&user) {
            Ok(()) if good => Ok(Some(user)),
            Ok(()) => Ok(None),
            // Told of a password that was changed, the holder of an older token would learn that it was good once.
            Err(Refusal::MustChangePassword) if !good => Ok(None),
            // Disabling ends every session, and so every token; who holds one is told why.
            Err(refusal) => Err(refusal),
        }
    }

    /// Gives work up while there is still time to say so: a store that is slow at every step must not run into
    /// Lambda's own time-out, which the caller would see in API Gateway's words.
    ///
    /// The work is boxed, and in [`App::decide`] its last part again: it is tens of kilobytes, and would else lie on
    /// the stack in each function on the way here.
    async fn within_time<T, E: From<Refusal>>(
        &self,
        caller: &Caller,
        work: Pin<Box<impl Future<Output = Result<T, E>>>>,
    ) -> Result<T, E> {
        tokio::time::timeout_at(caller.deadline.into(), work).await.unwrap_or_else(|_| {
            tracing::error!("the request ran out of time");
            Err(Refusal::Unavailable.into())
        })
    }

    async fn decide(
        &self,
        caller: &Caller,
        attempt: Attempt<'_>,
        findings: &mut Findings,
    ) -> Result<SignedIn, Refusal> {
        let charged = Charged {
            name: LoginName::new(attempt.name),
            address: throttle::address_key(&caller.address),
            word: hex(&random::<16>()),
            now: caller.now,
        };
        let Charged { name, address, word, now } = &charged;

        // The keys too, every few minutes: whoever only signs never meets a token whose key is unknown.
        let (login, charge, ()) = tokio::join!(
            self.store.login(name),
            self.store.charge_address(address, &self.throttle, word, *now),
            self.keys.read_again_if_old(*now)
        );
        let charge = match charge {
            Ok(charge) => charge,
            Err(error) => {
                let undone = self.store.undo_address(address, &self.throttle, word, *now).await;
                forgive(undone, "an attempt may stay charged to its address");
                return Err(error.into());
            }
        };
        if let Charge::Refused(wait) = charge {
            findings.throttled_by = Some("address");
            return Err(Refusal::Throttled(wait));
        }
        let login = match login {
            Ok(login) => login,
            Err(error) => return Err(self.refund_fault(&charged, error).await),
        };
        let user_id = resolve(login, name, attempt.names);

        let (charge, user) = tokio::join!(
            self.store.charge_name(name, &self.throttle, word, *now),
            self.store.user(user_id.unwrap_or(0))
        );
        let charge = match charge {
            Ok(charge) => charge,
            Err(error) => return Err(self.refund_fault(&charged, error).await),
        };
        if let Charge::Refused(wait) = charge {
            findings.throttled_by = Some("name");
            // Nothing is tried, so nothing is counted: one who is locked out must not shut the whole office out.
            let refunded = self.store.refund_address(address, &self.throttle, word, *now).await;
            forgive(refunded, "a refused attempt stays charged to its address");
            return Err(Refusal::Throttled(wait));
        }
        let user = match user {
            Ok(user) => user,
            Err(error) => return Err(self.refund_fault(&charged, error).await),
        };
        findings.user_id = user.as_ref().map(|user| user.id);

        let hashing = Instant::now();
        let stored = user.as_ref().and_then(|user| user.password_hash.as_deref());
        let right = self.passwords.verify(stored, attempt.password);
        findings.hashing = Some(hashing.elapsed());
        let user = user.ok_or(Refusal::UnknownUser)?;
        if !right {
            return Err(Refusal::WrongPassword);
        }

        let spent = self.check_code(&user, attempt.code, *now).and_then(|spent| {
            may_enter(&user)?;
            // Before anything is spent or begun: a user who cannot be shown is not signed in.
            (attempt.readable)(&user)?;
            Ok(spent)
        });
        match spent {
            Ok(spent) => {
                let renewed = self.renew(&user, attempt.password, findings);
                let session =
                    attempt.session.map(|request| NewSession::begin(request, user.id, user.epoch, *now));
                Box::pin(self.settle(&charged, user, spent, renewed, session)).await
            }
            // A wrong code stays counted like a wrong password.
            Err(Refusal::WrongCode) => Err(Refusal::WrongCode),
            Err(refusal) => {
                self.refund(&charged).await;
                Err(refusal)
            }
        }
    }

    /// Gives the charges back: the password was right, so this was no guess. The count of earlier ones stays, or
    /// whoever knows the password could clear it between guesses at the code.
    async fn refund(&self, charged: &Charged) {
        let (name, address) = tokio::join!(
            self.store.refund_name(&charged.name, &charged.word),
            self.store.refund_address(&charged.address, &self.throttle, &charged.word, charged.now)
        );
        forgive(name, "an attempt stays charged to its name");
        forgive(address, "an attempt stays charged to its address");
    }

    /// The store failed before anything was decided: an outage must not lock anybody out.
    async fn refund_fault(&self, charged: &Charged, error: StoreError) -> Refusal {
        self.refund(charged).await;
        error.into()
    }

    fn check_code(&self, user: &User, code: Option<&str>, now: Timestamp) -> Result<Option<Spent>, Refusal> {
        let Some(mfa) = &user.mfa else { return Ok(None) };
        let code = code.ok_or(Refusal::MfaRequired)?;
        match mfa.check(user.id, &user.recovery_codes, code, &self.keys.ring().recovery, now) {
            Ok(Some(spent)) => Ok(Some(spent)),
            Ok(None) => Err(Refusal::WrongCode),
            Err(_) => {
                tracing::error!(user_id = user.id, "the stored MFA secret cannot be one");
                Err(Refusal::Fault)
            }
        }
    }

    /// A new hash of the password that was right, where the stored one was brought along or has become too cheap.
    fn renew(&self, user: &User, password: &str, findings: &mut Findings) -> Option<String> {
        let hashing = Instant::now();
        let renewed = self.passwords.renew(user.password_hash.as_deref()?, password, random());
        if renewed.is_some() {
            findings.hashing = findings.hashing.map(|before| before + hashing.elapsed());
        }
        renewed
    }

    /// Writes down a success, all at once, and answers only when everything that counts is written.
    async fn settle(
        &self,
        charged: &Charged,
        mut user: User,
        spent: Option<Spent>,
        renewed: Option<String>,
        session: Option<NewSession>,
    ) -> Result<SignedIn, Refusal> {
        let now = charged.now;
        let record = SignInRecord {
            user: &user,
            spent: spent.as_ref(),
            password_hash: renewed.as_deref(),
            attempt: &charged.word,
            now,
        };
        let record = self.store.record_sign_in(record);
        let put_session = async {
            match &session {
                Some(session) => self.store.put_session(session).await,
                None => Ok(()),
            }
        };
        let write = async {
            tokio::join!(
                put_session,
                self.store.clear_name(&charged.name),
                self.store.refund_address(&charged.address, &self.throttle, &charged.word, now)
            )
        };
        let (put, cleared, refunded) = if spent.is_some() {
            // One trip more: of two who race with one code, the loser leaves no session and clears no count. A code
            // that may not have been spent opens nothing.
            match record.await {
                Ok(true) => write.await,
                Ok(false) => return Err(Refusal::WrongCode),
                Err(error) => return Err(self.refund_fault(charged, error).await),
            }
        } else {
            let (recorded, written) = tokio::join!(record, write);
            match recorded {
                Ok(true) => {}
                // Since the user was read, someone disabled the user, or changed the password or MFA.
                Ok(false) => return Err(Refusal::WrongPassword),
                Err(error) => forgive(Err(error), "a sign-in is not recorded with its user"),
            }
            written
        };
        put?;
        forgive(cleared, "the failures of a name stay counted");
        forgive(refunded, "a success stays charged to its address");
        user.last_sign_in = Some(now);
        user.updated_at = now;
        Ok(SignedIn { user, session: session.map(|session| session.token) })
    }
}

/// Whose name it is, if this contract takes such a name. A login name wins over an id.
fn resolve(login: Option<Login>, name: &LoginName, names: Names) -> Option<u64> {
    match (names, login) {
        (Names::Username, Some(Login { user_id, kind: LoginKind::Username | LoginKind::Both }))
        | (Names::Email, Some(Login { user_id, kind: LoginKind::Email | LoginKind::Both }))
        | (Names::UsernameEmailOrId, Some(Login { user_id, .. })) => Some(user_id),
        (Names::UsernameEmailOrId, None) => name.as_id(),
        (Names::Username | Names::Email, _) => None,
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

/// A write that only helps is not worth a refusal; that it failed is worth a line.
fn forgive(outcome: Result<(), StoreError>, consequence: &str) {
    if let Err(error) = outcome {
        tracing::warn!(cause = %error, "{consequence}");
    }
}
