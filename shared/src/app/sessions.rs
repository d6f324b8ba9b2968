//! Sessions: how they are refreshed and used.
//!
//! Each takes one round trip: one conditional write, and in parallel the read of the user if the user's state
//! matters. A refresh takes a second write if its token is too young to rotate, if it gets a late answer, or
//! if it was used before. A method returns `None` if the token is invalid or its user may not sign in. Only
//! the audit event says which.

use std::time::Duration;

use super::{App, SignedIn, check_status, store_failed};
use crate::audit::{self, Caller, Outcome};
use crate::identity::{User, UserRecord};
use crate::random::random;
use crate::refusal::Refusal;
use crate::session::{RefreshPolicy, Session, SessionToken, Verdict};
use crate::store::{LateAnswerWrite, Rotation};

/// Why a session token is refused, for the audit event.
pub(super) enum SessionFailure {
    Invalid,
    Reused,
    Refused(Refusal),
}

/// Whether a refresh gets a late answer, because an earlier reply may have been lost.
#[derive(Clone, Copy)]
enum Answer {
    InTime,
    Late,
}

/// The most times that a session is judged for one request.
const MAX_JUDGEMENTS: usize = 3;

impl From<Refusal> for SessionFailure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl App {
    /// Replaces a session's token by the next one, as `session/rotation.rs` describes. A token that was used
    /// before ends its session. Returns `None` if the token is refused.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn refresh(
        &self,
        caller: &Caller,
        presented: &SessionToken,
        policy: &RefreshPolicy,
    ) -> Result<Option<SignedIn>, Refusal> {
        let outcome = self.within_deadline(caller, Box::pin(self.rotate(caller, presented, policy))).await;
        let success = match &outcome {
            Ok((_, Answer::Late)) => Outcome::SessionRefreshedLate,
            Ok((_, Answer::InTime)) | Err(_) => Outcome::SessionRefreshed,
        };
        finish(caller, presented, success, outcome.map(|(signed_in, _)| signed_in))
    }

    /// Uses a session whose token stays the same, and returns its user. Returns `None` if the token is
    /// refused.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn resume(
        &self,
        caller: &Caller,
        presented: &SessionToken,
        kind: &'static str,
        idle: Duration,
    ) -> Result<Option<User>, Refusal> {
        let outcome = self.within_deadline(
            caller,
            Box::pin(async {
                let (touched, user, ()) = tokio::join!(
                    self.store.touch_session(presented, kind, caller.now.plus(idle), caller.now),
                    self.store.user(presented.user_id),
                    self.keys.reload_if_old(caller.now)
                );
                let session = touched.map_err(store_failed)?.ok_or(SessionFailure::Invalid)?;
                check_user(&session, user.map_err(store_failed)?.as_ref()).map(User::from)
            }),
        );
        finish(caller, presented, Outcome::SessionResumed, outcome.await)
    }

    /// Returns whether a session's token is the current one of a session of this kind whose user may sign in.
    /// Changes nothing: a token that was used before does not end its session here.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn is_current(
        &self,
        caller: &Caller,
        presented: &SessionToken,
        kind: &'static str,
    ) -> Result<bool, Refusal> {
        let outcome = self.within_deadline(
            caller,
            Box::pin(async {
                let id = presented.session_id();
                let (session, user, ()) = tokio::join!(
                    self.store.session(presented.user_id, &id),
                    self.store.user(presented.user_id),
                    self.keys.reload_if_old(caller.now)
                );
                let session = session.map_err(store_failed)?.ok_or(SessionFailure::Invalid)?;
                // No successor is given here, so no late answer is either.
                let policy = RefreshPolicy { kind, idle: Duration::ZERO, lost_reply: Duration::ZERO };
                match session.judge(&policy, &presented.secret, caller.now) {
                    Verdict::Keep { .. } => {
                        check_user(&session, user.map_err(store_failed)?.as_ref()).map(|_| ())
                    }
                    Verdict::Ended | Verdict::GiveAgain(_) | Verdict::GiveLate { .. } | Verdict::Reused => {
                        Err(SessionFailure::Invalid)
                    }
                }
            }),
        );
        finish(caller, presented, Outcome::TokenAccepted, outcome.await).map(|current| current.is_some())
    }

    async fn rotate(
        &self,
        caller: &Caller,
        presented: &SessionToken,
        policy: &RefreshPolicy,
    ) -> Result<(SignedIn, Answer), SessionFailure> {
        let nonce = hex::encode(random::<16>());
        let next = presented.successor(&nonce);
        let (rotation, user, ()) = tokio::join!(
            self.store.rotate_session(presented, &next, &nonce, policy, caller.now),
            self.store.user(presented.user_id),
            self.keys.reload_if_old(caller.now)
        );
        let user = user.map_err(store_failed)?;
        let (session, token, answer) = match rotation.map_err(store_failed)? {
            Rotation::Rotated(session) => (session, next, Answer::InTime),
            Rotation::Unknown => return Err(SessionFailure::Invalid),
            Rotation::Refused(session) => {
                self.answer_again(caller, presented, policy, session, user.as_ref()).await?
            }
        };
        let user = check_user(&session, user.as_ref())?.into();
        Ok((SignedIn { user, session: Some(token) }, answer))
    }

    /// Returns the answer to a token that did not rotate its session: the same token, or the successor that
    /// it got before.
    async fn answer_again(
        &self,
        caller: &Caller,
        presented: &SessionToken,
        policy: &RefreshPolicy,
        mut session: Session,
        user: Option<&UserRecord>,
    ) -> Result<(Session, SessionToken, Answer), SessionFailure> {
        // If another request changes the session before the late answer is recorded, the session is judged
        // again. Each turn finds a later generation, a presentation or a late answer, so few turns are
        // needed.
        for _ in 0..MAX_JUDGEMENTS {
            let late = match session.judge(policy, &presented.secret, caller.now) {
                Verdict::Ended => return Err(SessionFailure::Invalid),
                Verdict::Keep { recorded } => {
                    if !recorded {
                        self.store.record_presentation(presented).await.map_err(store_failed)?;
                    }
                    return Ok((session, presented.clone(), Answer::InTime));
                }
                Verdict::GiveAgain(nonce) => {
                    let token = presented.successor(nonce);
                    return Ok((session, token, Answer::InTime));
                }
                Verdict::GiveLate { nonce, repeated: true } => {
                    let token = presented.successor(nonce);
                    return Ok((session, token, Answer::Late));
                }
                Verdict::GiveLate { nonce, repeated: false } => presented.successor(nonce),
                Verdict::Reused => {
                    warn_of_reuse(presented);
                    self.store.end_family(presented).await.map_err(store_failed)?;
                    return Err(SessionFailure::Reused);
                }
            };
            // This comes before the write, so that a user who may not sign in uses up no late answer.
            check_user(&session, user)?;
            let recorded = self.store.record_late_answer(presented, session.generation(), caller.now).await;
            match recorded.map_err(store_failed)? {
                LateAnswerWrite::Recorded => return Ok((session, late, Answer::Late)),
                LateAnswerWrite::Overtaken(changed) => session = *changed,
                LateAnswerWrite::Gone => return Err(SessionFailure::Invalid),
            }
        }
        Err(SessionFailure::Refused(Refusal::Unavailable))
    }
}

/// Returns the user of a session, if the session is of the user's epoch and the user may sign in.
fn check_user<'u>(session: &Session, user: Option<&'u UserRecord>) -> Result<&'u UserRecord, SessionFailure> {
    let user = user.filter(|user| session.epoch == user.epoch).ok_or(SessionFailure::Invalid)?;
    check_status(user)?;
    Ok(user)
}

/// Logs that a token was used before. The log line comes before the write that ends the family, since the
/// write may fail.
pub(super) fn warn_of_reuse(presented: &SessionToken) {
    tracing::warn!(user_id = presented.user_id, "a session's token was used before");
}

/// Emits the audit event, and hides why a token is refused.
pub(super) fn finish<T>(
    caller: &Caller,
    presented: &SessionToken,
    success: Outcome,
    result: Result<T, SessionFailure>,
) -> Result<Option<T>, Refusal> {
    let outcome = match &result {
        Ok(_) => success,
        Err(SessionFailure::Invalid) => Outcome::SessionInvalid,
        Err(SessionFailure::Reused) => Outcome::SessionReused,
        Err(SessionFailure::Refused(refusal)) => refusal.outcome(),
    };
    // Until the store has found the session, the user id of the token is only a claim.
    let user_id = match &result {
        Err(SessionFailure::Invalid | SessionFailure::Refused(Refusal::Unavailable | Refusal::Fault)) => None,
        Ok(_) | Err(SessionFailure::Reused | SessionFailure::Refused(_)) => Some(presented.user_id),
    };
    audit::session(caller, outcome, user_id);
    match result {
        Ok(done) => Ok(Some(done)),
        Err(SessionFailure::Invalid | SessionFailure::Reused) => Ok(None),
        Err(SessionFailure::Refused(refusal)) if refusal.concerns_account() => Ok(None),
        Err(SessionFailure::Refused(refusal)) => Err(refusal),
    }
}
