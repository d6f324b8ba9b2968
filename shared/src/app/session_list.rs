//! The sessions of a user, for the holder of a token: the list, and the end of one of them.

use super::sign_out::{SignOut, outcome_of_ending};
use super::{App, TokenRefusal, TokenSubject, store_failed};
use crate::audit::{self, Caller, Outcome};
use crate::session::Session;

impl App {
    /// Returns the sessions of this kind of a token's user, whose claims are verified. Sessions that have ended
    /// are left out. Takes one round trip for each page of sessions.
    ///
    /// # Errors
    /// If the token is revoked, if its user may not sign in, or if the table cannot be reached. The first two
    /// give the same error.
    pub async fn sessions_of(
        &self,
        caller: &Caller,
        token: &str,
        subject: &TokenSubject,
        kind: &'static str,
    ) -> Result<Vec<Session>, TokenRefusal> {
        let read = Box::pin(self.read_sessions(caller, token, subject, kind));
        let sessions = self.within_deadline(caller, read).await;
        let outcome = sessions.as_ref().map_or_else(TokenRefusal::outcome, |_| Outcome::TokenAccepted);
        audit::session(caller, outcome, Some(subject.user_id));
        sessions.map_err(TokenRefusal::without_account_state)
    }

    /// Ends the session with this [number](Session::number), if it is among [`App::sessions_of`]. Takes one
    /// round trip more. If two sessions have the number, both end, so that the one that is meant does.
    ///
    /// # Errors
    /// As for [`App::sessions_of`].
    pub async fn end_session_numbered(
        &self,
        caller: &Caller,
        token: &str,
        subject: &TokenSubject,
        kind: &'static str,
        number: &str,
    ) -> Result<SignOut, TokenRefusal> {
        let work = Box::pin(async {
            let mut sessions = self.read_sessions(caller, token, subject, kind).await?;
            // Numbers are compared as they are written, so that `+1` and `01` are not 1.
            sessions.retain(|session| session.number().to_string() == number);
            for session in &sessions {
                // The write has no condition. A use of the session in between only makes it last longer, and
                // no later use begins it again.
                self.store.delete_session(subject.user_id, &session.id).await.map_err(store_failed)?;
            }
            Ok(if sessions.is_empty() { SignOut::NoSession } else { SignOut::Ended })
        });
        let ended = self.within_deadline(caller, work).await;
        audit::session(caller, outcome_of_ending(&ended, TokenRefusal::outcome), Some(subject.user_id));
        ended.map_err(TokenRefusal::without_account_state)
    }

    async fn read_sessions(
        &self,
        caller: &Caller,
        token: &str,
        subject: &TokenSubject,
        kind: &'static str,
    ) -> Result<Vec<Session>, TokenRefusal> {
        let (holder, sessions) =
            tokio::join!(self.read_holder(caller, token, subject), self.store.list_sessions(subject.user_id));
        let epoch = holder?.epoch;
        let mut sessions = sessions.map_err(store_failed)?;
        sessions.retain(|session| session.kind == kind && session.is_alive(epoch, caller.now));
        Ok(sessions)
    }
}
