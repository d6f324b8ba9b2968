//! A sign-in: charge, authenticate, commit.

use super::authenticate::Attempt;
use super::commit::{SignInEffects, SignedIn};
use super::{App, check_status};
use crate::audit::{self, AttemptDetails, Caller, Outcome};
use crate::refusal::Refusal;

impl App {
    /// Decides on an attempt, and emits one audit event. A refusal is returned on a step of the common grid.
    ///
    /// # Errors
    /// If the sign-in is refused: the reason.
    pub async fn sign_in(&self, caller: &Caller, attempt: Attempt<'_>) -> Result<SignedIn, Refusal> {
        let mut details = AttemptDetails::default();
        let work = Box::pin(self.decide(caller, attempt, &mut details));
        let signed_in = self.within_deadline(caller, work).await;
        let outcome = signed_in.as_ref().map_or_else(Refusal::outcome, |_| Outcome::SignedIn);
        audit::attempt(caller, outcome, details);
        if signed_in.is_err() {
            self.wait_for_refusal_step(caller).await;
        }
        signed_in
    }

    async fn decide(
        &self,
        caller: &Caller,
        attempt: Attempt<'_>,
        details: &mut AttemptDetails,
    ) -> Result<SignedIn, Refusal> {
        let authenticated = self.authenticate(caller, &attempt, details).await?;
        // This comes before all writes of the sign-in: a user whose attributes the reply cannot show must not
        // be signed in.
        let user = &authenticated.user;
        let allowed =
            check_status(user).and_then(|()| (attempt.readable)(&user.into()).map_err(Refusal::fault));
        if let Err(refusal) = allowed {
            self.refund(&authenticated.charged).await;
            return Err(refusal);
        }
        let upgraded = self.upgrade(user, attempt.password, details).await;
        let effects = SignInEffects {
            password_hash: upgraded.as_deref(),
            session: attempt.session,
            change: None,
            notice: None,
        };
        Box::pin(self.commit(authenticated, effects)).await
    }
}
