//! What can go wrong with the store, told apart by what the caller should do about it.

use std::fmt;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};

use super::Item;

/// The store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// It throttles, fails, cannot be reached or does not answer: trying again later helps.
    Unavailable {
        /// What it said, or what the connection did.
        cause: String,
    },
    /// It refuses: the table is not there, the permission is missing, the request is wrong. Trying again is no use.
    Rejected {
        /// What it said.
        cause: String,
    },
    /// An item is not what we write: half-written, of another kind, or of a newer version.
    Unreadable {
        /// Which item.
        what: String,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable { cause } => write!(f, "DynamoDB is not available: {cause}"),
            Self::Rejected { cause } => write!(f, "DynamoDB refused the request: {cause}"),
            Self::Unreadable { what } => write!(f, "the stored item cannot be read: {what}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: fmt::Debug,
{
    fn from(error: SdkError<E, R>) -> Self {
        match &error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or("no error code");
                let cause = format!("{code}: {}", service.err().message().unwrap_or("no message"));
                if is_final(code) { Self::Rejected { cause } } else { Self::Unavailable { cause } }
            }
            SdkError::ConstructionFailure(_) => Self::Rejected { cause: chain(&error) },
            // Time-outs, connections refused and broken, answers that are no answers.
            _ => Self::Unavailable { cause: chain(&error) },
        }
    }
}

/// Errors that say the same however often one asks. All others, and those yet to be invented, may pass.
fn is_final(code: &str) -> bool {
    matches!(
        code,
        "ResourceNotFoundException"
            | "AccessDeniedException"
            | "ValidationException"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "ExpiredTokenException"
            | "MissingAuthenticationTokenException"
            | "IncompleteSignatureException"
    )
}

/// Whether a request was refused by its condition.
pub(super) fn is_condition<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(|error| error.code()) == Some("ConditionalCheckFailedException")
}

/// An error with its sources: the SDK's own message is only "dispatch failure".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Sorts an update's outcome: done (`None`), refused by its condition (the item as it was, empty where there is
/// none), or failed.
pub(super) fn condition_failed<R: fmt::Debug>(
    outcome: Result<UpdateItemOutput, SdkError<UpdateItemError, R>>,
) -> Result<Option<Item>, StoreError> {
    match outcome {
        Ok(_) => Ok(None),
        Err(SdkError::ServiceError(service)) if service.err().is_conditional_check_failed_exception() => {
            match service.into_err() {
                UpdateItemError::ConditionalCheckFailedException(refused) => {
                    Ok(Some(refused.item.unwrap_or_default()))
                }
                other => Err(StoreError::Rejected { cause: chain(&other) }),
            }
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) fn unstorable(_: serde_dynamo::Error) -> StoreError {
    StoreError::Rejected { cause: "the value cannot be stored".to_owned() }
}
