//! The writes to a user, by a sign-in or by the user. Each is one conditional update. Its condition is that
//! the user has not changed since the read, so no update creates a user.

use aws_sdk_dynamodb::types::AttributeValue;

use super::counter::{NameCounter, UserCounter, without};
use super::update::{Update, Updated, Written};
use super::{Store, StoreError, key, number, text, user_pk};
use crate::clock::Timestamp;
use crate::identity::{User, UserRecord};
use crate::second_factor::{Mfa, Spent};
use crate::session::SecretHash;

/// The data that a sign-in writes to its user.
pub(crate) struct SignInRecord<'a> {
    pub(crate) user: &'a UserRecord,
    pub(crate) spent: Option<&'a Spent>,
    /// The hash that replaces the one that was verified.
    pub(crate) password_hash: Option<&'a str>,
    pub(crate) change: Option<Change<'a>>,
    /// The counter that was charged. It is cleared if it is the user's.
    pub(crate) counter: &'a NameCounter,
    /// Random for each attempt, so that a write that is sent again is recognised.
    pub(crate) attempt_id: &'a str,
    pub(crate) now: Timestamp,
}

/// A change of the user with a sign-in. It ends all sessions of the user.
#[derive(Clone, Copy)]
pub(crate) enum Change<'a> {
    /// The password is changed. The record's `password_hash` is that of the new password.
    Password,
    /// The password is reset by a code, which clears the failures of all names that are counted with the user.
    /// The record's `password_hash` is that of the new password.
    Reset { signs_in: bool },
    /// MFA is switched off, and the token with this hash stays valid.
    MfaOff { kept_token: &'a SecretHash },
}

impl Change<'_> {
    /// Returns whether the user signs in with this change.
    pub(crate) const fn signs_in(self) -> bool {
        match self {
            Self::Password => true,
            Self::Reset { signs_in } => signs_in,
            Self::MfaOff { .. } => false,
        }
    }
}

/// The data that switches MFA on.
pub(crate) struct MfaConfirmation<'a> {
    pub(crate) user: &'a UserRecord,
    pub(crate) mfa: &'a Mfa,
    /// The recovery codes, each as [`RecoveryKey::digest`](crate::second_factor::RecoveryKey::digest).
    pub(crate) recovery_codes: Vec<String>,
    /// The hash of the token that began MFA. It stays valid.
    pub(crate) kept_token: &'a SecretHash,
    /// Random for each attempt, so that a write that is sent again is recognised.
    pub(crate) attempt_id: &'a str,
    pub(crate) now: Timestamp,
}

impl Store {
    /// Records a sign-in with its user, and clears the failures of the login name if they are counted there.
    /// The write is refused if the user was disabled, the password or MFA changed, or the code was spent
    /// after the user was read.
    pub(crate) async fn record_sign_in(&self, record: SignInRecord<'_>) -> Result<Written, StoreError> {
        let signs_in = record.change.is_none_or(Change::signs_in);
        let mut update = Update::of(key(user_pk(record.user.id), "USER"));
        if signs_in {
            update = update.set("last_sign_in", number(record.now.millis()));
        }
        update = update
            .set("updated_at", number(record.now.millis()))
            .set("last_attempt", text(record.attempt_id))
            .when("epoch = :current_epoch")
            .value(":current_epoch", number(record.user.epoch));
        update = match (record.change, record.counter) {
            (Some(Change::Reset { .. }), _) => {
                use UserCounter::{Email, KnownAddresses, Username};
                [Username, Email, KnownAddresses].into_iter().fold(update, without)
            }
            (_, NameCounter::User(_, counter)) => without(update, *counter),
            (_, NameCounter::Name(_)) => update,
        };
        // The epoch shows that the password is still the one that was verified. If two sign-ins write a hash,
        // the later one stays. Both are of the same password.
        if let Some(hash) = record.password_hash {
            update = update.set("password_hash", text(hash));
        }
        if let Some(change) = record.change {
            update = update.set("sessions_ended_at", number(record.now.millis())).add("epoch", number(1));
            update = match change {
                Change::Password | Change::Reset { .. } => {
                    update.set("must_change_password", AttributeValue::Bool(false)).remove("kept_token")
                }
                Change::MfaOff { kept_token } => {
                    update.set("kept_token", text(kept_token.as_str())).remove("mfa").remove("recovery_codes")
                }
            };
        }
        // An update may write an attribute only once. If MFA is removed, the spent code is removed with it.
        let keeps_mfa = !matches!(record.change, Some(Change::MfaOff { .. }));
        update = match record.spent {
            None => update,
            Some(Spent::Step(step)) => {
                let update = update
                    .when("attribute_not_exists(mfa.last_step) OR mfa.last_step < :mfa_last_step")
                    .value(":mfa_last_step", number(*step));
                if keeps_mfa { update.set("mfa.last_step", number(*step)) } else { update }
            }
            Some(Spent::RecoveryCode(digest)) => {
                let update = update.when("contains(recovery_codes, :code)").value(":code", text(digest));
                let spent = AttributeValue::Ss(vec![digest.clone()]);
                if keeps_mfa { update.delete("recovery_codes", spent) } else { update }
            }
        };
        self.update_once(update, record.attempt_id).await
    }

    /// Stores the TOTP secret that a user is about to confirm with this token. The write is refused if MFA is
    /// on, or if the user was disabled or the password changed after the user was read.
    pub(crate) async fn begin_mfa(
        &self,
        user: &User,
        secret: &str,
        token: &SecretHash,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let update = Update::of(key(user_pk(user.id), "USER"))
            .set("pending_mfa_secret", text(secret))
            .set("pending_mfa_token", text(token.as_str()))
            .set("updated_at", number(now.millis()))
            .when("epoch = :epoch AND attribute_not_exists(mfa)")
            .value(":epoch", number(user.epoch));
        self.update(update).await.map(|updated| updated.written())
    }

    /// Switches MFA on with the pending secret. The write is refused if MFA is on, or if another token began
    /// it. It is refused too if the pending secret or the password changed, or the user was disabled, after
    /// the user was read.
    pub(crate) async fn confirm_mfa(&self, confirmation: MfaConfirmation<'_>) -> Result<Written, StoreError> {
        let now = number(confirmation.now.millis());
        let mfa = serde_dynamo::to_attribute_value(confirmation.mfa).map_err(StoreError::unstorable)?;
        let update = Update::of(key(user_pk(confirmation.user.id), "USER"))
            .set("mfa", mfa)
            .set("recovery_codes", AttributeValue::Ss(confirmation.recovery_codes))
            .set("kept_token", text(confirmation.kept_token.as_str()))
            .set("sessions_ended_at", now.clone())
            .set("updated_at", now)
            .set("last_attempt", text(confirmation.attempt_id))
            .remove("pending_mfa_secret")
            .remove("pending_mfa_token")
            .add("epoch", number(1))
            .when("epoch = :current_epoch AND attribute_not_exists(mfa)")
            .when("pending_mfa_secret = :secret AND pending_mfa_token = :kept_token")
            .value(":current_epoch", number(confirmation.user.epoch))
            .value(":secret", text(&confirmation.mfa.secret));
        self.update_once(update, confirmation.attempt_id).await
    }

    /// Sends an update of a user that sets `last_attempt`. If the update was sent twice and the second was
    /// refused, `last_attempt` shows that the first took place.
    async fn update_once(&self, update: Update, attempt_id: &str) -> Result<Written, StoreError> {
        match self.update(update.returning_refused()).await? {
            Updated::Done(_) => Ok(Written::Done),
            Updated::Refused(item) if item.get("last_attempt") == Some(&text(attempt_id)) => {
                Ok(Written::Done)
            }
            Updated::Refused(_) => Ok(Written::Refused),
        }
    }
}
