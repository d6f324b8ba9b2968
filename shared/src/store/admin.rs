//! What operators do, and no function may: make the table, create users.

use std::fmt;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put, ReturnValue,
    ScalarAttributeType, TimeToLiveSpecification, TransactWriteItem,
};

use super::error::condition_failed;
use super::{Item, LoginKind, Store, StoreError, key, login_pk, number, text, user_pk};
use crate::ambient::Timestamp;
use crate::name::LoginName;
use crate::user::{Status, User};

/// A user to be created. [`User::id`] 0 asks for the next free id.
pub type NewUser = User;

/// Why a user was not created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateUserError {
    /// The username is empty, too long, or all digits, which would look like an id.
    BadUsername,
    /// The e-mail address is empty, too long, or has no `@` between two parts.
    BadEmail,
    /// The id, the username or the e-mail address is another user's already.
    Taken,
    /// The store failed.
    Store(StoreError),
}

impl fmt::Display for CreateUserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadUsername => f.write_str("the username is empty, too long, or nothing but digits"),
            Self::BadEmail => f.write_str("the e-mail address is not one"),
            Self::Taken => f.write_str("the id, username or e-mail address is another user's"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CreateUserError {}

impl From<StoreError> for CreateUserError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Store {
    /// Creates a user with its login names, all in one transaction or nothing. Returns the user's id.
    ///
    /// # Errors
    /// If a name is malformed or taken, or the store fails.
    pub async fn create_user(&self, mut user: NewUser) -> Result<u64, CreateUserError> {
        let (username, email) = (LoginName::new(&user.username), LoginName::new(&user.email));
        let username =
            username.as_key().filter(|name| is_username(name)).ok_or(CreateUserError::BadUsername)?;
        let email = email.as_key().filter(|address| is_email(address)).ok_or(CreateUserError::BadEmail)?;
        if user.id == 0 {
            user.id = self.next_user_id().await?;
        } else {
            self.raise_user_id(user.id).await?;
        }
        let mut item: Item = serde_dynamo::to_item(&user)
            .map_err(|_| StoreError::Rejected { cause: "the user cannot be stored as an item".to_owned() })?;
        item.extend(key(user_pk(user.id), "USER"));
        let mut writes = vec![self.put_new(item)?];
        let names = if username == email {
            vec![(username, LoginKind::Both)]
        } else {
            vec![(username, LoginKind::Username), (email, LoginKind::Email)]
        };
        for (name, kind) in names {
            let mut item = key(login_pk(name), "LOGIN");
            item.insert("user_id".to_owned(), number(user.id));
            item.insert("kind".to_owned(), text(kind.as_str()));
            writes.push(self.put_new(item)?);
        }
        let transact = || self.client.transact_write_items().set_transact_items(Some(writes.clone())).send();
        let mut outcome = transact().await;
        if outcome.as_ref().is_err_and(|error| cancelled_for(error, "TransactionConflict")) {
            outcome = transact().await;
        }
        match outcome {
            Ok(_) => Ok(user.id),
            Err(error) if cancelled_for(&error, "ConditionalCheckFailed") => Err(CreateUserError::Taken),
            Err(error) => Err(StoreError::from(error).into()),
        }
    }

    /// Sets a user's status, and ends all sessions. `false` if there is no such user.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn set_status(&self, id: u64, status: Status, now: Timestamp) -> Result<bool, StoreError> {
        let wrong = |_| StoreError::Rejected { cause: "the status cannot be stored".to_owned() };
        let status: AttributeValue = serde_dynamo::to_attribute_value(status).map_err(wrong)?;
        let update = self
            .ending_sessions(id, ", #status = :status", now)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", status);
        condition_failed(update.send().await).map(|refused| refused.is_none())
    }

    /// Ends all sessions of a user, and with them all tokens. `false` if there is no such user.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn end_sessions(&self, id: u64, now: Timestamp) -> Result<bool, StoreError> {
        let update = self.ending_sessions(id, "", now);
        condition_failed(update.send().await).map(|refused| refused.is_none())
    }

    /// The one write that ends all sessions of a user, with what else it sets.
    fn ending_sessions(&self, id: u64, more: &str, now: Timestamp) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(user_pk(id), "USER")))
            .update_expression(format!(
                "SET sessions_ended_at = :now, updated_at = :now{more} ADD epoch :one"
            ))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":one", number(1))
    }

    /// Makes the table, unless it is there. On AWS the SAM template does this; here it is for other DynamoDB APIs.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn create_table(&self) -> Result<(), StoreError> {
        let wrong =
            |error: aws_sdk_dynamodb::error::BuildError| StoreError::Rejected { cause: error.to_string() };
        let mut request =
            self.client.create_table().table_name(&self.table).billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            request = request
                .attribute_definitions(
                    AttributeDefinition::builder()
                        .attribute_name(name)
                        .attribute_type(ScalarAttributeType::S)
                        .build()
                        .map_err(wrong)?,
                )
                .key_schema(
                    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(wrong)?,
                );
        }
        if let Err(error) = request.send().await {
            if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) {
                return Ok(());
            }
            return Err(error.into());
        }
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires_at").build();
        self.client
            .update_time_to_live()
            .table_name(&self.table)
            .time_to_live_specification(ttl.map_err(wrong)?)
            .send()
            .await?;
        Ok(())
    }

    async fn next_user_id(&self) -> Result<u64, StoreError> {
        let output = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key("COUNTER".to_owned(), "USER")))
            .update_expression("ADD last_id :one")
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await?;
        let unreadable = || StoreError::Unreadable { what: "the counter of user ids".to_owned() };
        let last = output.attributes.as_ref().and_then(|item| item.get("last_id")).ok_or_else(unreadable)?;
        last.as_n().ok().and_then(|digits| digits.parse().ok()).ok_or_else(unreadable)
    }

    /// Keeps the counter at or above an id that was chosen, so that it is not handed out again.
    async fn raise_user_id(&self, id: u64) -> Result<(), StoreError> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key("COUNTER".to_owned(), "USER")))
            .update_expression("SET last_id = :id")
            .condition_expression("attribute_not_exists(last_id) OR last_id < :id")
            .expression_attribute_values(":id", number(id))
            .send()
            .await;
        condition_failed(outcome).map(|_| ())
    }

    fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(|error| StoreError::Rejected { cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

impl LoginKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::Both => "both",
        }
    }
}

fn is_username(name: &str) -> bool {
    !name.is_empty() && !name.bytes().all(|b| b.is_ascii_digit()) && !name.chars().any(char::is_control)
}

/// No more than this can be known of an address without writing to it.
fn is_email(address: &str) -> bool {
    let parts =
        address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    parts && !address.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Whether a transaction was cancelled for this reason.
fn cancelled_for<R>(
    error: &aws_sdk_dynamodb::error::SdkError<
        aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError,
        R,
    >,
    reason: &str,
) -> bool {
    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons().iter().any(|r| r.code() == Some(reason))
        }
        _ => false,
    }
}
