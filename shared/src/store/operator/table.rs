//! The table itself.

use std::time::Duration;

use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};

use super::Operator;
use crate::store::StoreError;

impl Operator {
    /// Creates the table, unless it exists. On AWS the SAM template creates it. This method is for other
    /// servers with DynamoDB's API.
    ///
    /// # Errors
    /// If the table cannot be created, or does not exist five minutes later.
    pub async fn create_table(&self) -> Result<(), StoreError> {
        let store = &self.store;
        let mut request =
            self.client.create_table().table_name(&store.table).billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            request = request
                .attribute_definitions(
                    AttributeDefinition::builder()
                        .attribute_name(name)
                        .attribute_type(ScalarAttributeType::S)
                        .build()?,
                )
                .key_schema(KeySchemaElement::builder().attribute_name(name).key_type(kind).build()?);
        }
        if let Err(error) = request.send().await {
            if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) {
                return Ok(());
            }
            return Err(error.into());
        }
        // On AWS it takes seconds until the table exists. Its TTL cannot be set before that.
        let exists = self.client.wait_until_table_exists().table_name(&store.table);
        exists.wait(Duration::from_secs(300)).await.map_err(|error| {
            StoreError::unavailable(format!("the table is being created, and is not there yet: {error}"))
        })?;
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires_at").build();
        self.client
            .update_time_to_live()
            .table_name(&store.table)
            .time_to_live_specification(ttl?)
            .send()
            .await?;
        Ok(())
    }
}
