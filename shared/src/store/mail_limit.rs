//! The counters of the mails with a reset code that were asked for: of each owner of codes at each contract, and
//! of each address.
//!
//! They are counted by the owner and not by the name. So a request by a name of another kind, which sends the
//! user no mail, does not use up the user's mails, and each further username of a user gives no more of them.

use std::time::Duration;

use super::attempts::{admission, charging_address};
use super::counter::{NOBODY, OF_ITEM, charging};
use super::update::Update;
use super::{Item, Store, StoreError, key, number, text};
use crate::clock::Timestamp;
use crate::password_reset::CodeOwner;
use crate::throttle::{self, Admission, MAIL_BACKOFF, MAIL_WINDOW, MAILS_PER_ADDRESS};

/// How long a counter of mails is kept after its last charge. Who asks for no mail for a month gives up more mails
/// than begin anew.
const MAIL_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

impl Store {
    /// Charges a mail to the owner of the code.
    pub(crate) async fn charge_mail(
        &self,
        owner: &CodeOwner,
        contract: &str,
        attempt_id: &str,
        now: Timestamp,
    ) -> Result<Admission, StoreError> {
        let update = charging(mail_key(owner, contract), &OF_ITEM, &MAIL_BACKOFF, attempt_id, now)
            .set("expires_at", number(now.plus(MAIL_KEPT).secs()));
        let (admission, ..) = admission(self.update(update).await?, &OF_ITEM, attempt_id, now, |of, _| {
            MAIL_BACKOFF.admit(of, now)
        });
        Ok(admission)
    }

    /// Takes the charge of a mail back, unless another mail was charged since.
    pub(crate) async fn refund_mail(
        &self,
        owner: &CodeOwner,
        contract: &str,
        attempt_id: &str,
    ) -> Result<(), StoreError> {
        self.revert(mail_key(owner, contract), &OF_ITEM, attempt_id).await
    }

    /// Clears the count of the mails of this owner.
    pub(crate) async fn clear_mail(&self, owner: &CodeOwner, contract: &str) -> Result<(), StoreError> {
        let update = Update::of(mail_key(owner, contract))
            .set(OF_ITEM.failures, number(0))
            .set(OF_ITEM.charged_by, text(NOBODY))
            .when("attribute_exists(pk)");
        self.update(update).await.map(|_| ())
    }

    /// Charges a mail to the address that asks for it. No charge is taken back.
    pub(crate) async fn charge_mail_address(
        &self,
        address: &str,
        attempt_id: &str,
        now: Timestamp,
    ) -> Result<Admission, StoreError> {
        let (window, remaining) = throttle::window(MAIL_WINDOW, now);
        let key = key(format!("ADDRESS#{address}#{window}"), "MAIL");
        let update = charging_address(key, MAILS_PER_ADDRESS, remaining, attempt_id, now);
        // Only a window that is full refuses a charge.
        let full = |_, _: &_| Admission::Refused(remaining);
        let (admission, ..) = admission(self.update(update).await?, &OF_ITEM, attempt_id, now, full);
        Ok(admission)
    }
}

fn mail_key(owner: &CodeOwner, contract: &str) -> Item {
    key(format!("NAME#{owner}"), &format!("MAIL#{contract}"))
}
