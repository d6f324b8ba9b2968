//! The holder of a token. The routes that follow a sign-in ask for the token of a sign-in, and for no
//! password.

use serde::de::DeserializeOwned;

use super::{App, check_status, store_failed};
use crate::audit::{self, Caller, Outcome};
use crate::clock::Timestamp;
use crate::identity::{User, UserRecord};
use crate::refusal::Refusal;
use crate::session::SecretHash;
use crate::token::{JwtProfile, SKEW, TokenError};

/// The user to whom a valid token of the right contract and kind was issued, as its claims name it.
#[derive(Clone, Debug)]
pub struct TokenSubject {
    /// The user's id.
    pub user_id: u64,
    /// The user's epoch when the token was issued. A token that another backend signed names none.
    pub epoch: Option<u64>,
    /// The `iat` claim, in seconds (RFC 7519 §4.1.6).
    pub iat: f64,
    /// The kind and id of the session that the token names, if it names one. The token ends with it.
    pub session: Option<(&'static str, String)>,
}

impl TokenSubject {
    fn issued_at(&self) -> Timestamp {
        Timestamp::from_millis((self.iat * 1000.0) as u64)
    }
}

/// A user whose request carries a valid token.
pub struct TokenHolder<'t> {
    /// The user.
    pub user: User,
    /// The token as it was sent.
    pub token: &'t str,
    /// When the token was issued, by its `iat` claim.
    pub issued_at: Timestamp,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// There is no token.
    Missing,
    /// The token has expired.
    Expired,
    /// The token is malformed, forged, of another contract or kind, or revoked.
    Invalid,
    /// The token's user may not sign in, or the table cannot be reached.
    Refused(Refusal),
}

impl TokenRefusal {
    /// Returns this refusal's outcome in the audit events.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Missing => Outcome::NoToken,
            Self::Expired | Self::Invalid => Outcome::BadToken,
            Self::Refused(refusal) => refusal.outcome(),
        }
    }

    /// Hides the state of the user's account. If that state is the reason, the token counts as invalid.
    pub(super) const fn without_account_state(self) -> Self {
        match self {
            Self::Refused(refusal) if refusal.concerns_account() => Self::Invalid,
            Self::Refused(_) | Self::Missing | Self::Expired | Self::Invalid => self,
        }
    }
}

impl From<Refusal> for TokenRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl App {
    /// Verifies a token's signature, times and profile, and returns its subject. `read` returns `None` if the
    /// claims are those of another kind of token.
    ///
    /// # Errors
    /// If there is no token, or if it is expired or invalid.
    pub async fn claims<C: DeserializeOwned>(
        &self,
        caller: &Caller,
        profile: &JwtProfile,
        token: Option<&str>,
        read: impl FnOnce(C) -> Option<TokenSubject>,
    ) -> Result<TokenSubject, TokenRefusal> {
        let token = token.ok_or(TokenRefusal::Missing)?;
        match self.keys.verify(profile, token, caller.now).await {
            Ok(claims) => read(claims).ok_or(TokenRefusal::Invalid),
            Err(TokenError::Expired) => Err(TokenRefusal::Expired),
            Err(TokenError::UnknownKey | TokenError::Invalid) => Err(TokenRefusal::Invalid),
        }
    }

    /// Returns the user of a token whose claims are verified. Takes one round trip.
    ///
    /// # Errors
    /// If the user was deleted or may not sign in. If all sessions of the user, or the session of the token,
    /// have ended since the token was issued. If the table cannot be reached.
    pub async fn user_of_token(
        &self,
        caller: &Caller,
        token: &str,
        subject: &TokenSubject,
    ) -> Result<User, TokenRefusal> {
        let read = Box::pin(self.read_holder(caller, token, subject));
        self.within_deadline(caller, read).await.map(|user| User::from(&user))
    }

    /// Verifies a token, returns its holder, and emits an audit event. The reason why a user may not sign in
    /// is hidden.
    ///
    /// # Errors
    /// If there is no token, if it is expired, invalid or revoked, or if the table cannot be reached.
    pub async fn holder<'t, C: DeserializeOwned>(
        &self,
        caller: &Caller,
        profile: &JwtProfile,
        token: Option<&'t str>,
        read: impl FnOnce(C) -> Option<TokenSubject>,
    ) -> Result<TokenHolder<'t>, TokenRefusal> {
        let subject = self.claims(caller, profile, token, read).await;
        let user_id = subject.as_ref().ok().map(|subject| subject.user_id);
        let token = token.unwrap_or_default();
        let holder = match subject {
            Ok(subject) => self.user_of_token(caller, token, &subject).await.map(|user| TokenHolder {
                user,
                token,
                issued_at: subject.issued_at(),
            }),
            Err(refusal) => Err(refusal),
        };
        let outcome = holder.as_ref().map_or_else(TokenRefusal::outcome, |_| Outcome::TokenAccepted);
        audit::session(caller, outcome, user_id);
        holder.map_err(TokenRefusal::without_account_state)
    }

    pub(super) async fn read_holder(
        &self,
        caller: &Caller,
        token: &str,
        subject: &TokenSubject,
    ) -> Result<UserRecord, TokenRefusal> {
        let session = async {
            match &subject.session {
                Some((_, id)) => self.store.session(subject.user_id, id).await,
                None => Ok(None),
            }
        };
        let (user, session) = tokio::join!(self.store.user(subject.user_id), session);
        let user = user.map_err(store_failed)?.ok_or(TokenRefusal::Invalid)?;
        let session = session.map_err(store_failed)?;
        let in_session = subject.session.as_ref().is_none_or(|(kind, _)| {
            session.is_some_and(|session| session.kind == *kind && session.is_alive(user.epoch, caller.now))
        });
        let is_valid = in_session && is_of_current_epoch(&user, token, subject, caller.now);
        match check_status(&user) {
            Ok(()) if is_valid => Ok(user),
            Ok(()) => Err(TokenRefusal::Invalid),
            // The holder of an older token must not learn that the token was valid before the password
            // changed.
            Err(Refusal::MustChangePassword) if !is_valid => Err(TokenRefusal::Invalid),
            // Disabling a user ends every session, and so every token. The holder of such a token learns the
            // reason.
            Err(refusal) => Err(refusal.into()),
        }
    }
}

/// Returns whether a token was issued after the user's sessions were last ended, or is the one token that
/// stayed valid then.
fn is_of_current_epoch(user: &UserRecord, token: &str, subject: &TokenSubject, now: Timestamp) -> bool {
    let issued = subject.issued_at();
    let is_current = match subject.epoch {
        Some(epoch) => epoch == user.epoch,
        // A token with an `iat` in the future would stay valid until then, even if the user's sessions are
        // ended.
        None => issued <= now.plus(SKEW) && user.sessions_ended_at.is_none_or(|ended| issued >= ended),
    };
    is_current || user.kept_token.as_ref().is_some_and(|kept| *kept == SecretHash::of(token))
}
