//! What follows a sign-in: sessions that are refreshed, used and ended, and what ends them all.
//!
//! Each is one round trip: one conditional write, and where it matters who the user is now, the user's read beside
//! it. Only a token that was used before costs a second, which ends its family. A token that is no good, or whose user may
//! not enter, is `None`: of what is wrong nobody is told more, but the audit event.

use std::time::Duration;

use super::{App, SignedIn, TokenRefusal, TokenSubject, may_enter};
use crate::audit::{self, Caller};
use crate::identity::User;
use crate::random::random;
use crate::refusal::Refusal;
use crate::session::{MAX_LOST_REPLY, RefreshPolicy, Session, SessionToken, Verdict};
use crate::store::{LateAnswerWrite, Rotation, StoreError};

/// Why a token was no good, for the audit event.
enum Failure {
    Invalid,
    Reused,
    Refused(Refusal),
}

/// Whether a refresh was answered in time, or late since an earlier reply may have been lost.
enum Pace {
    InTime,
    Late,
}

/// How often a session is judged for one request.
const MOST_JUDGEMENTS: usize = 3;

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl App {
    /// Takes a session's token and gives the one that follows it, or within the grace the same again; see
    /// [`crate::session`]. A token that was used before ends its session.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn refresh(
        &self,
        caller: &Caller,
        presented: &SessionToken,
        policy: &RefreshPolicy,
    ) -> Result<Option<SignedIn>, Refusal> {
        let outcome = self.within_deadline(caller, Box::pin(self.rotate(caller, presented, policy))).await;
        let success = match &outcome {
            Ok((_, Pace::Late)) => "session_refreshed_late",
            Ok((_, Pace::InTime)) | Err(_) => "session_refreshed",
        };
        told(caller, presented, success, outcome.map(|(who, _)| who))
    }

    /// The user of a session whose token stays the same, and who is no longer idle now.
    ///
    /// # Errors
    /// If the store fails.
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
                    self.keys.read_again_if_old(caller.now)
                );
                owner(&touched?.ok_or(Failure::Invalid)?, user?)
            }),
        );
        told(caller, presented, "session_resumed", outcome.await)
    }

    /// Ends the session of a token, whichever of the family it is: whoever signs out with one that was rotated long ago
    /// would else leave a thief signed in. Whether there was one; `false` too where it was ended and the answer got lost.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn sign_out(
        &self,
        caller: &Caller,
        presented: &SessionToken,
        kind: &'static str,
    ) -> Result<bool, Refusal> {
        let outcome = self.within_deadline(
            caller,
            Box::pin(async {
                let ended = self.store.end_session(presented.user_id, &presented.session_id(), kind).await?;
                let session = ended.ok_or(Failure::Invalid)?;
                // The previous token signs out as well as the present one, however late.
                let policy = RefreshPolicy { kind, idle: Duration::ZERO, lost_reply: MAX_LOST_REPLY };
                match session.judge(&policy, &presented.secret, caller.now) {
                    Verdict::Over => return Err(Failure::Invalid),
                    Verdict::Reused => reused(presented),
                    Verdict::Keep { .. } | Verdict::GiveAgain(_) | Verdict::GiveLate { .. } => {}
                }
                Ok(())
            }),
        );
        told(caller, presented, "signed_out", outcome.await).map(|ended| ended.is_some())
    }

    /// Ends the session that a token belongs to which is no session token itself. Whether it names one, and that was there.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn end_session_of(&self, caller: &Caller, subject: &TokenSubject) -> Result<bool, Refusal> {
        let ended = self.within_deadline(
            caller,
            Box::pin(async {
                let Some((kind, id)) = &subject.session else { return Ok(false) };
                let ended = self.store.end_session(subject.user_id, id, kind).await;
                Ok::<_, Refusal>(ended?.is_some())
            }),
        );
        let ended = ended.await;
        audit::session(caller, said_of(&ended, Refusal::outcome), Some(subject.user_id));
        ended
    }

    /// Ends a session on behalf of its user, who holds a token that says this (see [`App::user_of_token`]), by the session's
    /// present token. Whether there was one, and it was not over.
    ///
    /// # Errors
    /// If the token is no longer good, of which it is not told why, or the store fails.
    pub async fn sign_out_as(
        &self,
        caller: &Caller,
        token: &str,
        subject: &TokenSubject,
        presented: Option<&SessionToken>,
        kind: &'static str,
    ) -> Result<bool, TokenRefusal> {
        let end = async |epoch| match presented.filter(|presented| presented.user_id == subject.user_id) {
            Some(presented) => self.store.end_session_exactly(presented, kind, epoch).await,
            None => Ok(None),
        };
        let work = Box::pin(async {
            // In the token's epoch or not at all: what an older token may not do, it has not done when that is known.
            let ended = if let Some(epoch) = subject.epoch {
                let (holder, ended) = tokio::join!(self.read_holder(caller, token, subject), end(epoch));
                holder?;
                ended
            } else {
                // A token minted elsewhere does not say which, and is looked at first.
                end(self.read_holder(caller, token, subject).await?.epoch).await
            };
            let ended = ended.map_err(Refusal::from)?;
            Ok(ended.is_some_and(|session| session.is_alive(session.epoch, caller.now)))
        });
        let ended = self.within_deadline(caller, work).await;
        audit::session(caller, said_of(&ended, TokenRefusal::outcome), Some(subject.user_id));
        ended.map_err(TokenRefusal::without_account_state)
    }

    async fn rotate(
        &self,
        caller: &Caller,
        presented: &SessionToken,
        policy: &RefreshPolicy,
    ) -> Result<(SignedIn, Pace), Failure> {
        let nonce = hex::encode(&random::<16>());
        let next = presented.successor(&nonce);
        let (rotation, user, ()) = tokio::join!(
            self.store.rotate_session(presented, &next, &nonce, policy, caller.now),
            self.store.user(presented.user_id),
            self.keys.read_again_if_old(caller.now)
        );
        let user = user?;
        let (session, token, pace) = match rotation? {
            Rotation::Rotated(session) => (session, next, Pace::InTime),
            Rotation::Unknown => return Err(Failure::Invalid),
            Rotation::Refused(session) => {
                self.answer_again(caller, presented, policy, session, &user).await?
            }
        };
        let user = owner(&session, user)?;
        Ok((SignedIn { user, session: Some(token) }, pace))
    }

    /// The token for one that rotated nothing: itself, or the successor that it got before.
    async fn answer_again(
        &self,
        caller: &Caller,
        presented: &SessionToken,
        policy: &RefreshPolicy,
        mut session: Session,
        user: &Option<User>,
    ) -> Result<(Session, SessionToken, Pace), Failure> {
        // A late answer that another request overtakes is judged anew. Each turn finds a later generation, a
        // presentation or a late answer, so there are few.
        for _ in 0..MOST_JUDGEMENTS {
            let late = match session.judge(policy, &presented.secret, caller.now) {
                Verdict::Over => return Err(Failure::Invalid),
                Verdict::Keep { known } => {
                    if !known {
                        self.store.record_presentation(presented).await?;
                    }
                    return Ok((session, presented.clone(), Pace::InTime));
                }
                Verdict::GiveAgain(nonce) => {
                    let token = presented.successor(nonce);
                    return Ok((session, token, Pace::InTime));
                }
                Verdict::GiveLate { nonce, again: true } => {
                    let token = presented.successor(nonce);
                    return Ok((session, token, Pace::Late));
                }
                Verdict::GiveLate { nonce, again: false } => presented.successor(nonce),
                Verdict::Reused => {
                    reused(presented);
                    self.store.end_family(presented).await?;
                    return Err(Failure::Reused);
                }
            };
            // A user who may not enter uses up no late answer.
            owner(&session, user.clone())?;
            match self.store.record_late_answer(presented, session.generation(), caller.now).await? {
                LateAnswerWrite::Recorded => return Ok((session, late, Pace::Late)),
                LateAnswerWrite::Overtaken(changed) => session = *changed,
                LateAnswerWrite::Gone => return Err(Failure::Invalid),
            }
        }
        Err(Failure::Refused(Refusal::Unavailable))
    }
}

/// The outcome of ending a session, for the audit event.
fn said_of<E>(ended: &Result<bool, E>, refused: fn(&E) -> &'static str) -> &'static str {
    match ended {
        Ok(true) => "signed_out",
        Ok(false) => "session_invalid",
        Err(refusal) => refused(refusal),
    }
}

/// The user of a session, if the session is still the user's and the user may enter.
fn owner(session: &Session, user: Option<User>) -> Result<User, Failure> {
    let user = user.filter(|user| session.epoch == user.epoch).ok_or(Failure::Invalid)?;
    may_enter(&user)?;
    Ok(user)
}

/// Said before the family is ended, since that may fail.
fn reused(presented: &SessionToken) {
    tracing::warn!(user_id = presented.user_id, "a session's token was used before");
}

/// Leaves the audit event, and tells the caller no more than that a token is no good.
fn told<T>(
    caller: &Caller,
    presented: &SessionToken,
    success: &'static str,
    outcome: Result<T, Failure>,
) -> Result<Option<T>, Refusal> {
    let said = match &outcome {
        Ok(_) => success,
        Err(Failure::Invalid) => "session_invalid",
        Err(Failure::Reused) => "session_reused",
        Err(Failure::Refused(refusal)) => refusal.outcome(),
    };
    // Until the store has found the session, whose it is is anybody's claim.
    let user_id = match &outcome {
        Err(Failure::Invalid | Failure::Refused(Refusal::Unavailable | Refusal::Fault)) => None,
        Ok(_) | Err(Failure::Reused | Failure::Refused(_)) => Some(presented.user_id),
    };
    audit::session(caller, said, user_id);
    match outcome {
        Ok(outcome) => Ok(Some(outcome)),
        Err(Failure::Invalid | Failure::Reused) => Ok(None),
        Err(Failure::Refused(refusal)) if refusal.concerns_account() => Ok(None),
        Err(Failure::Refused(refusal)) => Err(refusal),
    }
}
