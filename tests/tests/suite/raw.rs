//! The table's items as they are, past everything that the store knows of them.

use std::collections::HashMap;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{Client, Config};
use postern_local::table;
use postern_tests::stand::Stand;
use serde_json::{Value, json};

pub(crate) use aws_sdk_dynamodb::types::AttributeValue as Attribute;

pub(crate) type Item = HashMap<String, Attribute>;

/// A user's item.
pub(crate) async fn user(stand: &Stand, id: u64) -> Item {
    get(stand, &format!("USER#{id}"), "USER").await.unwrap()
}

/// The item under this key, if there is one.
pub(crate) async fn get(stand: &Stand, pk: &str, sk: &str) -> Option<Item> {
    let get = client(stand).get_item().table_name(table::NAME).set_key(Some(key(pk, sk)));
    get.consistent_read(true).send().await.unwrap().item
}

/// Everything that is in the table.
pub(crate) async fn all(stand: &Stand) -> Vec<Item> {
    client(stand).scan().table_name(table::NAME).consistent_read(true).send().await.unwrap().items.unwrap()
}

/// Replaces or adds an item under this key, with no attributes but these.
pub(crate) async fn put(stand: &Stand, pk: &str, sk: &str, attributes: Item) {
    let mut item = key(pk, sk);
    item.extend(attributes);
    client(stand).put_item().table_name(table::NAME).set_item(Some(item)).send().await.unwrap();
}

/// Removes the item under this key.
pub(crate) async fn remove(stand: &Stand, pk: &str, sk: &str) {
    client(stand).delete_item().table_name(table::NAME).set_key(Some(key(pk, sk))).send().await.unwrap();
}

/// An item as DynamoDB sends it.
pub(crate) fn wire(item: &Item) -> Value {
    item.iter().map(|(name, attribute)| (name.clone(), wire_attribute(attribute))).collect()
}

fn wire_attribute(attribute: &Attribute) -> Value {
    match attribute {
        Attribute::S(text) => json!({"S": text}),
        Attribute::N(number) => json!({"N": number}),
        Attribute::Bool(flag) => json!({"BOOL": flag}),
        Attribute::L(list) => json!({"L": list.iter().map(wire_attribute).collect::<Vec<_>>()}),
        Attribute::M(map) => json!({"M": wire(map)}),
        other => panic!("no user has {other:?}"),
    }
}

pub(crate) fn text(value: &str) -> Attribute {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn number(value: u64) -> Attribute {
    AttributeValue::N(value.to_string())
}

fn key(pk: &str, sk: &str) -> Item {
    Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

fn client(stand: &Stand) -> Client {
    Client::from_conf(
        Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(stand.table.endpoint())
            .build(),
    )
}
