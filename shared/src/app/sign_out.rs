//! The end of a session at the user's request. Each takes one round trip, as `sessions.rs` says.

use std::time::Duration;

use super::sessions::{SessionFailure, finish, warn_of_reuse};
use super::{App, TokenRefusal, TokenSubject, store_failed};
use crate::audit::{self, Caller, Outcome};
use crate::refusal::Refusal;
use crate::session::{MAX_LOST_REPLY, RefreshPolicy, SessionToken, Verdict};

/// Whether a sign-out found its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum SignOut {
    /// There was such a session, and it is ended.
    Ended,
    /// There is no such session.
    NoSession,
}

impl SignOut {
    const fn of(is_ended: bool) -> Self {
        if is_ended { Self::Ended } else { Self::NoSession }
    }
}

impl App {
    /// Ends the session of a token. Every token of the family ends it, even one that was rotated long ago.
    /// Otherwise an attacker with the current token would stay signed in. Returns [`SignOut::NoSession`] too if
    /// an earlier request ended it and its reply was lost.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn sign_out(
        &self,
        caller: &Caller,
        presented: &SessionToken,
        kind: &'static str,
    ) -> Result<SignOut, Refusal> {
        let outcome = self.within_deadline(
            caller,
            Box::pin(async {
                let ended = self.store.end_session(presented.user_id, &presented.session_id(), kind).await;
                let session = ended.map_err(store_failed)?.ok_or(SessionFailure::Invalid)?;
                // The previous token signs out as the current one does, however late it is.
                let policy = RefreshPolicy { kind, idle: Duration::ZERO, lost_reply: MAX_LOST_REPLY };
                match session.judge(&policy, &presented.secret, caller.now) {
                    Verdict::Ended => return Err(SessionFailure::Invalid),
                    Verdict::Reused => warn_of_reuse(presented),
                    Verdict::Keep { .. } | Verdict::GiveAgain(_) | Verdict::GiveLate { .. } => {}
                }
                Ok(())
            }),
        );
        let ended = finish(caller, presented, Outcome::SignedOut, outcome.await)?;
        Ok(SignOut::of(ended.is_some()))
    }

    /// Ends the session that an access token names.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn end_session_of(&self, caller: &Caller, subject: &TokenSubject) -> Result<SignOut, Refusal> {
        let ended = self.within_deadline(
            caller,
            Box::pin(async {
                let Some((kind, id)) = &subject.session else { return Ok(SignOut::NoSession) };
                let ended = self.store.end_session(subject.user_id, id, kind).await;
                Ok::<_, Refusal>(SignOut::of(ended.map_err(store_failed)?.is_some()))
            }),
        );
        let ended = ended.await;
        audit::session(caller, outcome_of_ending(&ended, Refusal::outcome), Some(subject.user_id));
        ended
    }

    /// Ends a session by its current token, for the holder of another token, whose claims are verified. Returns
    /// [`SignOut::NoSession`] too if the session had ended already.
    ///
    /// # Errors
    /// If the holder's token is revoked, if its user may not sign in, or if the table cannot be reached. The
    /// first two give the same error.
    pub async fn sign_out_as(
        &self,
        caller: &Caller,
        token: &str,
        subject: &TokenSubject,
        presented: Option<&SessionToken>,
        kind: &'static str,
    ) -> Result<SignOut, TokenRefusal> {
        let end = async |epoch| match presented.filter(|presented| presented.user_id == subject.user_id) {
            Some(presented) => self.store.end_session_exactly(presented, kind, epoch).await,
            None => Ok(None),
        };
        let work = Box::pin(async {
            // The session ends only if it has the token's epoch. So an older token, which the read at the
            // same time refuses, has ended no session.
            let ended = if let Some(epoch) = subject.epoch {
                let (holder, ended) = tokio::join!(self.read_holder(caller, token, subject), end(epoch));
                holder?;
                ended
            } else {
                // A token that another backend signed names no epoch, so its holder is read first.
                end(self.read_holder(caller, token, subject).await?.epoch).await
            };
            let ended = ended.map_err(store_failed)?;
            Ok(SignOut::of(ended.is_some_and(|session| session.is_alive(session.epoch, caller.now))))
        });
        let ended = self.within_deadline(caller, work).await;
        audit::session(caller, outcome_of_ending(&ended, TokenRefusal::outcome), Some(subject.user_id));
        ended.map_err(TokenRefusal::without_account_state)
    }
}

/// Returns the outcome of ending a session, for the audit event.
pub(super) fn outcome_of_ending<E>(ended: &Result<SignOut, E>, refused: fn(&E) -> Outcome) -> Outcome {
    match ended {
        Ok(SignOut::Ended) => Outcome::SignedOut,
        Ok(SignOut::NoSession) => Outcome::SessionInvalid,
        Err(refusal) => refused(refusal),
    }
}
