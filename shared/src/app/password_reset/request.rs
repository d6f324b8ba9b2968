//! A user asks for a code.

use super::ResetRefusal;
use crate::app::{AcceptedNames, App, log_failure, store_failed};
use crate::audit::{self, AttemptDetails, Caller, Outcome};
use crate::error::Causes;
use crate::identity::LoginName;
use crate::mail::{MailKind, MailMessage, MailQueue};
use crate::password_reset::CodeOwner;
use crate::random::random;
use crate::refusal::Refusal;
use crate::throttle::{self, Admission};

impl App {
    /// Asks the mailer for a code for the user of this login name. An earlier code is valid until the mailer
    /// replaces it. Emits one audit event. Each reply, also that of a success, is returned on a step of the
    /// common grid, so the time does not show whether there is such a user.
    ///
    /// # Errors
    /// If no user has the name, or the user has no e-mail address: the message is sent all the same. If too
    /// many mails were asked for by this name or from this address. If there is no queue, or the queue or the
    /// table cannot be reached.
    pub async fn request_reset(
        &self,
        caller: &Caller,
        name: &str,
        names: AcceptedNames,
    ) -> Result<(), ResetRefusal> {
        let queue = self.mail_queue()?;
        let mut details = AttemptDetails::default();
        let work = Box::pin(self.send_message(caller, queue, name, names, &mut details));
        let requested = self.within_deadline(caller, work).await;
        let outcome = requested.as_ref().map_or_else(ResetRefusal::outcome, |()| Outcome::ResetRequested);
        audit::attempt(caller, outcome, details);
        self.wait_for_refusal_step(caller).await;
        requested
    }

    async fn send_message(
        &self,
        caller: &Caller,
        queue: &MailQueue,
        name: &str,
        names: AcceptedNames,
        details: &mut AttemptDetails,
    ) -> Result<(), ResetRefusal> {
        let name = LoginName::new(name);
        let address = throttle::address_key(&caller.address);
        let attempt_id = hex::encode(random::<16>());
        let (login, admission) = tokio::join!(
            self.store.login(&name),
            self.store.charge_mail_address(&address, &attempt_id, caller.now)
        );
        if let Admission::Refused(wait) = admission.map_err(store_failed)? {
            details.throttled_by = Some("address");
            return Err(Refusal::Throttled(wait).into());
        }
        let login = login.map_err(store_failed)?.filter(|login| names.accept(login.kind));
        let login = login.map(|login| login.user_id);
        let read = async {
            match login {
                Some(id) => self.store.user(id).await,
                None => self.store.read_no_user().await.map(|()| None),
            }
        };
        let owner = CodeOwner::of(login, &name);
        let contract = caller.contract;
        let (admission, user) =
            tokio::join!(self.store.charge_mail(&owner, contract, &attempt_id, caller.now), read);
        details.user_id = user.as_ref().ok().and_then(Option::as_ref).map(|user| user.id);
        let (admission, user) = match (admission, user) {
            (Ok(admission), Ok(user)) => (admission, user),
            (Err(error), _) | (_, Err(error)) => {
                self.refund_mail(&owner, contract, &attempt_id).await;
                return Err(store_failed(error).into());
            }
        };
        if let Admission::Refused(wait) = admission {
            details.throttled_by = Some("name");
            return Err(Refusal::Throttled(wait).into());
        }
        let message = MailMessage::new(contract, MailKind::ResetCode, owner.clone(), caller.now);
        if let Err(error) = queue.send(&message).await {
            tracing::error!(cause = %Causes(&error), "a mail is not sent");
            self.refund_mail(&owner, contract, &attempt_id).await;
            return Err(Refusal::Unavailable.into());
        }
        match user {
            None => Err(Refusal::UnknownUser.into()),
            Some(user) if user.email.is_empty() => Err(ResetRefusal::NoEmailAddress),
            Some(_) => Ok(()),
        }
    }

    /// Takes the charge of a mail back that is not sent: the user must not have to wait because of an outage.
    async fn refund_mail(&self, owner: &CodeOwner, contract: &str, attempt_id: &str) {
        let refunded = self.store.refund_mail(owner, contract, attempt_id).await;
        log_failure(refunded, "a mail that is not sent stays counted");
    }
}
