//! The table itself. On AWS the SAM template makes it; here it is for other DynamoDB APIs.

use std::time::Duration;

use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};

use super::{Store, StoreError};

impl Store {
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
        // On AWS a table takes seconds to be there, and has no TTL until then.
        let exists = self.client.wait_until_table_exists().table_name(&self.table);
        exists.wait(Duration::from_secs(300)).await.map_err(|error| StoreError::Unavailable {
            cause: format!("the table is being made, and is not there yet: {error}"),
        })?;
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires_at").build();
        self.client
            .update_time_to_live()
            .table_name(&self.table)
            .time_to_live_specification(ttl.map_err(wrong)?)
            .send()
            .await?;
        Ok(())
    }
}
