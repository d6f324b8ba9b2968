//! The errors of the store, by whether a retry can help.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use thiserror::Error;

use crate::error::Causes;

/// Why a request to the table failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// DynamoDB throttles, fails, cannot be reached or does not answer. A later retry may succeed.
    #[error("DynamoDB is not available")]
    Unavailable {
        /// The error of DynamoDB or of the connection.
        #[source]
        cause: StoreCause,
    },
    /// DynamoDB refuses the request: the table does not exist, the permission is missing, or the request is
    /// wrong. A retry fails again.
    #[error("DynamoDB refused the request")]
    Rejected {
        /// The error of DynamoDB.
        #[source]
        cause: StoreCause,
    },
    /// An item is not what this version writes: it is incomplete, of another kind, or of a newer version.
    #[error("the stored item cannot be read: {what}")]
    Unreadable {
        /// The item.
        what: String,
    },
}

/// The error of DynamoDB or of the connection, as text. The SDK's own error is not kept, since it may hold an
/// item with its hashes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct StoreCause {
    code: Option<String>,
    message: String,
}

impl StoreCause {
    /// Returns DynamoDB's error code, if it gave one.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

impl StoreError {
    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable { cause: StoreCause { code: None, message: message.into() } }
    }

    pub(super) fn rejected(message: impl Into<String>) -> Self {
        Self::Rejected { cause: StoreCause { code: None, message: message.into() } }
    }

    pub(super) fn unreadable(what: impl Into<String>) -> Self {
        Self::Unreadable { what: what.into() }
    }

    /// Replaces serde's error, which quotes the value.
    pub(super) fn unstorable(_: serde_dynamo::Error) -> Self {
        Self::rejected("the value cannot be stored")
    }
}

impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: ProvideErrorMetadata + StdError + 'static,
    R: fmt::Debug,
{
    fn from(error: SdkError<E, R>) -> Self {
        match &error {
            SdkError::ServiceError(service) => {
                let code = service.err().code();
                let message = service.err().message().unwrap_or("no message");
                let message = format!("{}: {message}", code.unwrap_or("no error code"));
                let is_final = code.is_some_and(is_final);
                let cause = StoreCause { code: code.map(str::to_owned), message };
                if is_final { Self::Rejected { cause } } else { Self::Unavailable { cause } }
            }
            SdkError::ConstructionFailure(_) => Self::rejected(Causes(&error).to_string()),
            // Time-outs, connections that are refused or broken, and replies that cannot be parsed. The SDK's
            // own message is only "dispatch failure".
            _ => Self::unavailable(Causes(&error).to_string()),
        }
    }
}

impl From<BuildError> for StoreError {
    fn from(error: BuildError) -> Self {
        Self::rejected(error.to_string())
    }
}

/// Returns whether a retry cannot help. Errors that are not listed may be temporary.
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

/// Returns whether a request was refused by its condition.
pub(super) fn is_condition<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}
