//! Changes to one user.

use aws_sdk_dynamodb::types::AttributeValue;

use super::Operator;
use crate::clock::Timestamp;
use crate::identity::Status;
use crate::second_factor::Mfa;
use crate::store::update::{Update, Written};
use crate::store::{StoreError, key, number, text, user_pk};

impl Operator {
    /// Sets a user's status, and ends all sessions. The write is refused if there is no such user.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn set_status(&self, id: u64, status: Status, now: Timestamp) -> Result<Written, StoreError> {
        self.write(ending_sessions(id, now).set("status", status_value(status)?)).await
    }

    /// Activates a user. The write is refused if there is no such user, or if the status is not
    /// [`Status::NotActivated`].
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn activate(&self, id: u64, now: Timestamp) -> Result<Written, StoreError> {
        let update = Update::of(key(user_pk(id), "USER"))
            .set("status", status_value(Status::Active)?)
            .set("updated_at", number(now.millis()))
            .when("#status = :not_activated")
            .value(":not_activated", status_value(Status::NotActivated)?);
        self.write(update).await
    }

    /// Sets the hash of a user's password, and whether the user must change the password. Ends all sessions.
    /// The write is refused if there is no such user.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn set_password(
        &self,
        id: u64,
        hash: &str,
        must_change: bool,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let update = ending_sessions(id, now)
            .set("password_hash", text(hash))
            .set("must_change_password", AttributeValue::Bool(must_change));
        self.write(update).await
    }

    /// Switches MFA on, with the digests of the recovery codes, and ends all sessions. The write is refused
    /// if there is no such user, or if MFA is on and `replace` is false.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn set_mfa(
        &self,
        id: u64,
        mfa: &Mfa,
        recovery_codes: Vec<String>,
        replace: bool,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let mfa = serde_dynamo::to_attribute_value(mfa).map_err(StoreError::unstorable)?;
        let update = ending_sessions(id, now)
            .set("mfa", mfa)
            .set("recovery_codes", AttributeValue::Ss(recovery_codes))
            .remove("pending_mfa_secret")
            .remove("pending_mfa_token");
        self.write(if replace { update } else { update.when("attribute_not_exists(mfa)") }).await
    }

    /// Switches MFA off, deletes the recovery codes, and ends all sessions. The write is refused if there is
    /// no such user.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn remove_mfa(&self, id: u64, now: Timestamp) -> Result<Written, StoreError> {
        self.write(ending_sessions(id, now).remove("mfa").remove("recovery_codes")).await
    }

    /// Ends all sessions of a user, and with them all tokens. The write is refused if there is no such user.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn end_sessions(&self, id: u64, now: Timestamp) -> Result<Written, StoreError> {
        self.write(ending_sessions(id, now)).await
    }

    /// Ends all sessions and tokens of a user, also if the table was restored from a backup. The write is
    /// refused if there is no such user.
    ///
    /// A restored user has an epoch of the past, and there are tokens of later epochs. Adding 1 to the epoch
    /// could make some of these tokens valid. So the epoch becomes the present time in seconds, as that of a
    /// new user. No earlier epoch of the user was as high: it began at an earlier time, or at 0, and grew by 1
    /// each time that the sessions ended, which is less than once a second on average. If the epoch is not
    /// lower than the present time, it is raised by 1. If the epoch is not a number, which Postern never
    /// writes, it becomes the present time too.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn end_sessions_of_all_epochs(&self, id: u64, now: Timestamp) -> Result<Written, StoreError> {
        let update = ended_at(id, now)
            .set("epoch", number(now.secs()))
            .when("attribute_exists(pk) AND (epoch < :epoch OR NOT attribute_type(epoch, :number))")
            .value(":number", text("N"));
        match self.write(update).await? {
            Written::Done => Ok(Written::Done),
            Written::Refused => self.end_sessions(id, now).await,
        }
    }

    async fn write(&self, update: Update) -> Result<Written, StoreError> {
        self.store.update(update).await.map(|updated| updated.written())
    }
}

/// Returns the update that ends all sessions of an existing user.
pub(super) fn ending_sessions(id: u64, now: Timestamp) -> Update {
    ended_at(id, now).add("epoch", number(1)).when("attribute_exists(pk)")
}

/// Returns the part of such an update that does not concern the epoch.
fn ended_at(id: u64, now: Timestamp) -> Update {
    Update::of(key(user_pk(id), "USER"))
        .set("sessions_ended_at", number(now.millis()))
        .set("updated_at", number(now.millis()))
        .remove("kept_token")
}

pub(super) fn status_value(status: Status) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(status).map_err(StoreError::unstorable)
}
