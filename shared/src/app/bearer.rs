//! Who holds a token: the routes that follow a sign-in ask for no password, only for what a sign-in gave.

use serde::de::DeserializeOwned;

use super::{App, may_enter};
use crate::audit::{self, Caller};
use crate::clock::Timestamp;
use crate::identity::User;
use crate::refusal::Refusal;
use crate::session::sha256;
use crate::token::{SKEW, TokenError};

/// What a token says of its holder, once it is known to be of the right contract and kind.
#[derive(Clone, Debug)]
pub struct TokenSubject {
    /// Whose it is.
    pub user_id: u64,
    /// The user's epoch at the moment in which it was issued; a token minted elsewhere has none.
    pub epoch: Option<u64>,
    /// The `iat` claim, in seconds.
    pub iat: f64,
    /// The session that it belongs to and ends with, if it names one: its kind and its id.
    pub session: Option<(&'static str, String)>,
}

/// A user who came with a token.
pub struct TokenHolder<'t> {
    /// The user.
    pub user: User,
    /// The token as it came.
    pub token: &'t str,
}

/// Why a token was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// There is none.
    Missing,
    /// It was good, and its time is over.
    Expired,
    /// It is not ours, of another contract or kind, or was ended since.
    Invalid,
    /// Its user may not enter, or the store fails.
    Refused(Refusal),
}

impl TokenRefusal {
    /// The name of this refusal in the audit events.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Missing => "no_token",
            Self::Expired | Self::Invalid => "bad_token",
            Self::Refused(refusal) => refusal.outcome(),
        }
    }

    /// The same, without the state of the user: whatever it is that ended a token, the token is no good.
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
    /// What a token says that one of our keys signed; `read` makes it of the claims, or nothing where they are those of
    /// another kind of token.
    ///
    /// # Errors
    /// If there is no token, or it is not acceptable.
    pub async fn claims<C: DeserializeOwned>(
        &self,
        caller: &Caller,
        token: Option<&str>,
        read: impl FnOnce(C) -> Option<TokenSubject>,
    ) -> Result<TokenSubject, TokenRefusal> {
        let token = token.ok_or(TokenRefusal::Missing)?;
        match self.keys.verify(token, caller.now).await {
            Ok(claims) => read(claims).ok_or(TokenRefusal::Invalid),
            Err(TokenError::Expired) => Err(TokenRefusal::Expired),
            Err(TokenError::UnknownKey | TokenError::Invalid) => Err(TokenRefusal::Invalid),
        }
    }

    /// The user to whom a token was issued that says this, if it is still good: neither was the user deleted, nor were
    /// all sessions ended since, nor the one that the token belongs to. One round trip.
    ///
    /// # Errors
    /// If it is not, or the user may not enter, or the store fails.
    pub async fn user_of_token(
        &self,
        caller: &Caller,
        token: &str,
        subject: &TokenSubject,
    ) -> Result<User, TokenRefusal> {
        self.within_deadline(caller, Box::pin(self.read_holder(caller, token, subject))).await
    }

    /// [`App::claims`] and [`App::user_of_token`] in one, with an audit event; but it is not told why a user may not enter.
    ///
    /// # Errors
    /// As there.
    pub async fn holder<'t, C: DeserializeOwned>(
        &self,
        caller: &Caller,
        token: Option<&'t str>,
        read: impl FnOnce(C) -> Option<TokenSubject>,
    ) -> Result<TokenHolder<'t>, TokenRefusal> {
        let subject = self.claims(caller, token, read).await;
        let user_id = subject.as_ref().ok().map(|subject| subject.user_id);
        let token = token.unwrap_or_default();
        let outcome = match subject {
            Ok(subject) => self.user_of_token(caller, token, &subject).await,
            Err(refusal) => Err(refusal),
        };
        let said = outcome.as_ref().map_or_else(TokenRefusal::outcome, |_| "token_accepted");
        audit::session(caller, said, user_id);
        outcome.map(|user| TokenHolder { user, token }).map_err(TokenRefusal::without_account_state)
    }

    pub(super) async fn read_holder(
        &self,
        caller: &Caller,
        token: &str,
        subject: &TokenSubject,
    ) -> Result<User, TokenRefusal> {
        let session = async {
            match &subject.session {
                Some((_, id)) => self.store.session(subject.user_id, id).await,
                None => Ok(None),
            }
        };
        let (user, session) = tokio::join!(self.store.user(subject.user_id), session);
        let user = user.map_err(Refusal::from)?.ok_or(TokenRefusal::Invalid)?;
        let session = session.map_err(Refusal::from)?;
        let in_session = subject.session.as_ref().is_none_or(|(kind, _)| {
            session.is_some_and(|session| session.kind == *kind && session.is_alive(user.epoch, caller.now))
        });
        let good = in_session && is_of_this_epoch(&user, token, subject, caller.now);
        match may_enter(&user) {
            Ok(()) if good => Ok(user),
            Ok(()) => Err(TokenRefusal::Invalid),
            // Told of a password that was changed, the holder of an older token would learn that it was good once.
            Err(Refusal::MustChangePassword) if !good => Err(TokenRefusal::Invalid),
            // Disabling ends every session, and so every token; who holds one is told why.
            Err(refusal) => Err(refusal.into()),
        }
    }
}

/// Whether a token was issued since all of its user's sessions were last ended, or is the one that was spared.
fn is_of_this_epoch(user: &User, token: &str, subject: &TokenSubject, now: Timestamp) -> bool {
    let issued = Timestamp::from_millis((subject.iat * 1000.0) as u64);
    let since = match subject.epoch {
        Some(epoch) => epoch == user.epoch,
        // One that was issued in the future would outlive whatever happens until then.
        None => issued <= now.plus(SKEW) && user.sessions_ended_at.is_none_or(|ended| issued >= ended),
    };
    since || user.kept_token.as_ref().is_some_and(|kept| *kept == sha256(token))
}
