//! The operations of DynamoDB that a function sends.

#[cfg(feature = "operator")]
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::{delete_item, get_item, put_item, query, update_item};

use crate::aws::{CallError, Operation, Service};

/// The client of DynamoDB: ours in a function, the SDK's for an operator.
#[derive(Clone)]
pub(crate) enum DynamoDb {
    /// By a function.
    Service(Service),
    /// By an operator, whose credentials may change while `postern` runs.
    #[cfg(feature = "operator")]
    Client(Client),
}

impl DynamoDb {
    /// Returns the same DynamoDB, called with these credentials.
    pub(super) fn with_credentials(&self, access_key_id: &str, secret_access_key: &str) -> Self {
        let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "given");
        match self {
            Self::Service(service) => Self::Service(service.with_credentials(credentials)),
            #[cfg(feature = "operator")]
            Self::Client(client) => {
                let config = client.config().to_builder().credentials_provider(credentials).build();
                Self::Client(Client::from_conf(config))
            }
        }
    }
}

impl From<Service> for DynamoDb {
    fn from(service: Service) -> Self {
        Self::Service(service)
    }
}

#[cfg(feature = "operator")]
impl From<Client> for DynamoDb {
    fn from(client: Client) -> Self {
        Self::Client(client)
    }
}

/// Names an operation of the SDK, and adds a function that sends it.
macro_rules! operation {
    ($module:ident, $operation:ident, $input:ident, $builder:ident, $output:ident, $error:ident) => {
        impl Operation for $module::$operation {
            type Input = $module::$input;
            type Output = $module::$output;
            type Error = $module::$error;

            fn new() -> Self {
                Self::new()
            }
        }

        impl DynamoDb {
            pub(super) async fn $module(
                &self,
                input: $module::builders::$builder,
            ) -> Result<$module::$output, CallError<$module::$operation>> {
                match self {
                    Self::Service(service) => {
                        let input = input.build().map_err(SdkError::construction_failure)?;
                        service.call::<$module::$operation>(input).await
                    }
                    #[cfg(feature = "operator")]
                    Self::Client(client) => input.send_with(client).await,
                }
            }
        }
    };
}

operation!(get_item, GetItem, GetItemInput, GetItemInputBuilder, GetItemOutput, GetItemError);
operation!(query, Query, QueryInput, QueryInputBuilder, QueryOutput, QueryError);
operation!(put_item, PutItem, PutItemInput, PutItemInputBuilder, PutItemOutput, PutItemError);
operation!(
    update_item,
    UpdateItem,
    UpdateItemInput,
    UpdateItemInputBuilder,
    UpdateItemOutput,
    UpdateItemError
);
operation!(
    delete_item,
    DeleteItem,
    DeleteItemInput,
    DeleteItemInputBuilder,
    DeleteItemOutput,
    DeleteItemError
);
