//! What sign-ins, and users by themselves, write to a user: each one conditional update, on what was read before.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::error::{condition_failed, unstorable};
use super::{Store, StoreError, key, number, text, user_pk};
use crate::clock::Timestamp;
use crate::identity::User;
use crate::second_factor::{Mfa, Spent};

/// What a sign-in writes to the user.
pub(crate) struct SignInRecord<'a> {
    pub(crate) user: &'a User,
    pub(crate) spent: Option<&'a Spent>,
    /// The hash that takes the place of the one that was verified.
    pub(crate) password_hash: Option<&'a str>,
    pub(crate) change: Option<Change<'a>>,
    /// Random for each attempt, so that our own write, retried, is known again.
    pub(crate) attempt: &'a str,
    pub(crate) now: Timestamp,
}

/// What a sign-in changes, and so ends all sessions of the user.
#[derive(Clone, Copy)]
pub(crate) enum Change<'a> {
    /// The password, which had to be changed: the record's hash is that of another.
    Password,
    /// MFA is switched off, and the token of this digest goes on.
    MfaOff { kept_token: &'a str },
}

impl Change<'_> {
    /// Whether the user signed in with it.
    pub(crate) const fn signs_in(self) -> bool {
        match self {
            Self::Password => true,
            Self::MfaOff { .. } => false,
        }
    }
}

/// What switches MFA on.
pub(crate) struct MfaConfirmation<'a> {
    pub(crate) user: &'a User,
    pub(crate) mfa: &'a Mfa,
    /// As [`RecoveryKey::digest`](crate::second_factor::RecoveryKey::digest).
    pub(crate) recovery_codes: Vec<String>,
    /// The digest of the token that goes on.
    pub(crate) kept_token: &'a str,
    /// As in [`SignInRecord`].
    pub(crate) attempt: &'a str,
    pub(crate) now: Timestamp,
}

impl Store {
    /// Records a sign-in with the user, unless the user was disabled, or changed the password or MFA, or the code
    /// was spent, since the user was read: then `false`.
    pub(crate) async fn record_sign_in(&self, record: SignInRecord<'_>) -> Result<bool, StoreError> {
        let mut condition = "epoch = :epoch".to_owned();
        let signs_in = record.change.is_none_or(Change::signs_in);
        let mut set = if signs_in { "SET last_sign_in = :now, " } else { "SET " }.to_owned();
        set += "updated_at = :now, last_attempt = :attempt";
        let (mut remove, mut add, mut delete) = ("", "", "");
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(user_pk(record.user.id), "USER")))
            .expression_attribute_values(":now", number(record.now.millis()))
            .expression_attribute_values(":epoch", number(record.user.epoch))
            .expression_attribute_values(":attempt", text(record.attempt))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        // The epoch tells that the password is still the one that was verified. Of two who sign in at once, the later
        // hash stays: it is of the same password.
        if let Some(hash) = record.password_hash {
            set += ", password_hash = :hash";
            request = request.expression_attribute_values(":hash", text(hash));
        }
        match record.change {
            None => {}
            Some(Change::Password) => {
                set += ", must_change_password = :false";
                remove = " REMOVE kept_token";
                request = request.expression_attribute_values(":false", AttributeValue::Bool(false));
            }
            Some(Change::MfaOff { kept_token }) => {
                set += ", kept_token = :kept";
                remove = " REMOVE mfa, recovery_codes";
                request = request.expression_attribute_values(":kept", text(kept_token));
            }
        }
        if record.change.is_some() {
            set += ", sessions_ended_at = :now";
            add = " ADD epoch :one";
            request = request.expression_attribute_values(":one", number(1));
        }
        // Where MFA goes, what was spent goes with it: an attribute may be written in one way only.
        match record.spent {
            None => {}
            Some(Spent::Step(step)) => {
                condition += " AND (attribute_not_exists(mfa.last_step) OR mfa.last_step < :step)";
                if signs_in {
                    set += ", mfa.last_step = :step";
                }
                request = request.expression_attribute_values(":step", number(*step));
            }
            Some(Spent::RecoveryCode(digest)) => {
                condition += " AND contains(recovery_codes, :code)";
                request = request.expression_attribute_values(":code", text(digest));
                if signs_in {
                    delete = " DELETE recovery_codes :codes";
                    let codes = AttributeValue::Ss(vec![digest.clone()]);
                    request = request.expression_attribute_values(":codes", codes);
                }
            }
        }
        let update = [set.as_str(), remove, add, delete].concat();
        let outcome = request.condition_expression(condition).update_expression(update).send().await;
        match condition_failed(outcome)? {
            None => Ok(true),
            Some(old) => Ok(old.get("last_attempt").is_some_and(|by| *by == text(record.attempt))),
        }
    }

    /// Stores the TOTP secret that a user is about to confirm, unless MFA is on, or the user was disabled or changed the
    /// password, since the user was read: then `false`.
    pub(crate) async fn begin_mfa(
        &self,
        user: &User,
        secret: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(user_pk(user.id), "USER")))
            .update_expression("SET pending_mfa_secret = :secret, updated_at = :now")
            .condition_expression("epoch = :epoch AND attribute_not_exists(mfa)")
            .expression_attribute_values(":secret", text(secret))
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":epoch", number(user.epoch))
            .send()
            .await;
        condition_failed(outcome).map(|refused| refused.is_none())
    }

    /// Switches MFA on by the secret that was begun, unless another was begun, or MFA is on, or the user was disabled
    /// or changed the password, since the user was read: then `false`.
    pub(crate) async fn confirm_mfa(&self, confirmation: MfaConfirmation<'_>) -> Result<bool, StoreError> {
        let mfa: AttributeValue = serde_dynamo::to_attribute_value(confirmation.mfa).map_err(unstorable)?;
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(user_pk(confirmation.user.id), "USER")))
            .update_expression(
                "SET mfa = :mfa, recovery_codes = :codes, kept_token = :kept, sessions_ended_at = :now, \
                 updated_at = :now, last_attempt = :attempt REMOVE pending_mfa_secret ADD epoch :one",
            )
            .condition_expression(
                "epoch = :epoch AND pending_mfa_secret = :secret AND attribute_not_exists(mfa)",
            )
            .expression_attribute_values(":mfa", mfa)
            .expression_attribute_values(":codes", AttributeValue::Ss(confirmation.recovery_codes))
            .expression_attribute_values(":kept", text(confirmation.kept_token))
            .expression_attribute_values(":now", number(confirmation.now.millis()))
            .expression_attribute_values(":attempt", text(confirmation.attempt))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":epoch", number(confirmation.user.epoch))
            .expression_attribute_values(":secret", text(&confirmation.mfa.secret))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match condition_failed(outcome)? {
            None => Ok(true),
            Some(old) => Ok(old.get("last_attempt").is_some_and(|by| *by == text(confirmation.attempt))),
        }
    }
}
