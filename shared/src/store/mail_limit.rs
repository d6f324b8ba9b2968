//! The counters of the mails with a reset code that were asked for, by login name and by address.

use super::attempts::{admission, charging_address};
use super::counter::{NOBODY, OF_ITEM, charging_mail, mail_key};
use super::update::Update;
use super::{Store, StoreError, key, number, text};
use crate::clock::Timestamp;
use crate::identity::LoginName;
use crate::throttle::{self, Admission, MAIL_BACKOFF, MAIL_WINDOW, MAILS_PER_ADDRESS};

impl Store {
    /// Charges a mail to the name that asks for it.
    pub(crate) async fn charge_mail(
        &self,
        name: &LoginName,
        attempt_id: &str,
        now: Timestamp,
    ) -> Result<Admission, StoreError> {
        let updated = self.update(charging_mail(name, attempt_id, now)).await?;
        let (admission, ..) =
            admission(updated, &OF_ITEM, attempt_id, now, |of, _| MAIL_BACKOFF.admit(of, now));
        Ok(admission)
    }

    /// Takes the charge of a mail back, unless another mail was charged since.
    pub(crate) async fn refund_mail(&self, name: &LoginName, attempt_id: &str) -> Result<(), StoreError> {
        self.revert(mail_key(name), &OF_ITEM, attempt_id).await
    }

    /// Clears the count of the mails that were asked for by this name.
    pub(crate) async fn clear_mail(&self, name: &LoginName) -> Result<(), StoreError> {
        let update = Update::of(mail_key(name))
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
