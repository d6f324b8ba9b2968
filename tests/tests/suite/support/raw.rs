//! The items of the table, read and written without the store.

use std::collections::HashMap;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{Client, Config};

use postern_local::dynamodb;
use postern_tests::deployment::Deployment;
use ring::digest::{SHA256, digest};

pub(crate) use aws_sdk_dynamodb::types::AttributeValue as Attribute;

pub(crate) type Item = HashMap<String, Attribute>;

/// A user's item without the counters of attempts.
pub(crate) async fn user(deployment: &Deployment, id: u64) -> Item {
    let mut user = item(deployment, &format!("USER#{id}"), "USER").await.unwrap();
    user.retain(|name, _| !name.contains("_failures") && !name.contains("_charged_"));
    user
}

/// The item under this key, if there is one.
pub(crate) async fn item(deployment: &Deployment, pk: &str, sk: &str) -> Option<Item> {
    let read = client(deployment).get_item().table_name(dynamodb::NAME).set_key(Some(key(pk, sk)));
    read.consistent_read(true).send().await.unwrap().item
}

/// A counter of attempts: the item that holds it, and the beginning of its attributes' names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Counter {
    pub(crate) pk: String,
    pub(crate) sk: &'static str,
    prefix: &'static str,
}

impl Counter {
    /// The name of an attribute of this counter: `failures`, `charged_at` or `charged_by`.
    pub(crate) fn attribute(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The item that holds it.
    pub(crate) async fn item(&self, deployment: &Deployment) -> Option<Item> {
        item(deployment, &self.pk, self.sk).await
    }

    /// Replaces it by one with these attributes. The rest of a user's item stays.
    pub(crate) async fn put(&self, deployment: &Deployment, attributes: Item) {
        let mut item = Item::new();
        if self.sk == "USER" {
            item = self.item(deployment).await.unwrap();
            item.retain(|name, _| {
                !["failures", "charged_at", "charged_by"].iter().any(|of| *name == self.attribute(of))
            });
        }
        item.extend(attributes.into_iter().map(|(name, value)| (self.attribute(&name), value)));
        put(deployment, &self.pk, self.sk, item).await;
    }
}

/// The counter of a login name: with the user who has the name, or on its own. The name is in the form in
/// which it is looked up.
pub(crate) async fn name_counter(deployment: &Deployment, name: &str) -> Counter {
    let Some(login) = item(deployment, &format!("LOGIN#{name}"), "LOGIN").await else {
        return own_counter(name);
    };
    let id = login["user_id"].as_n().unwrap();
    let prefix = if login["kind"] == text("email") { "email_" } else { "username_" };
    Counter { pk: format!("USER#{id}"), sk: "USER", prefix }
}

/// The counter of a user's known addresses.
pub(crate) fn known_counter(user_id: u64) -> Counter {
    Counter { pk: format!("USER#{user_id}"), sk: "USER", prefix: "known_" }
}

/// The addresses that are known of a login name: the day of each, by its digest. Empty if there are none.
pub(crate) async fn known_addresses(deployment: &Deployment, name: &str) -> Item {
    let login = item(deployment, &format!("LOGIN#{name}"), "LOGIN").await.unwrap();
    let known = login.get("known_addresses").map(|known| known.as_m().unwrap()["days"].as_m().unwrap());
    known.cloned().unwrap_or_default()
}

/// Makes every address unknown to this login name.
pub(crate) async fn forget_addresses(deployment: &Deployment, name: &str) {
    let pk = format!("LOGIN#{name}");
    if let Some(mut login) = item(deployment, &pk, "LOGIN").await {
        login.remove("known_addresses");
        put(deployment, &pk, "LOGIN", login).await;
    }
}

/// The counter of a name that no user has, or of an id.
pub(crate) fn own_counter(name: &str) -> Counter {
    let digest = hex::encode(digest(&SHA256, name.as_bytes()).as_ref());
    Counter { pk: format!("NAME#{digest}"), sk: "ATTEMPTS", prefix: "" }
}

/// The counter of the address that the events name, in the window of the present time.
pub(crate) fn address_counter(deployment: &Deployment, window_seconds: u64) -> Counter {
    counter_from(deployment, "192.0.2.1", window_seconds)
}

/// The counter of an address in the window of the present time.
pub(crate) fn counter_from(deployment: &Deployment, address: &str, window_seconds: u64) -> Counter {
    let pk = format!("ADDRESS#{address}#{}", deployment.now().secs() / window_seconds);
    Counter { pk, sk: "ATTEMPTS", prefix: "" }
}

/// The number of failures in a counter. Without a counter it is 0.
pub(crate) async fn failures(deployment: &Deployment, counter: &Counter) -> i64 {
    let Some(item) = counter.item(deployment).await else { return 0 };
    item.get(&counter.attribute("failures")).map_or(0, |failures| failures.as_n().unwrap().parse().unwrap())
}

/// The number of a user's sessions, expired ones included.
pub(crate) async fn sessions(deployment: &Deployment, user_id: u64) -> usize {
    let pk = text(&format!("SESSIONS#{user_id}"));
    all(deployment).await.iter().filter(|item| item["pk"] == pk).count()
}

/// Everything that is in the table.
pub(crate) async fn all(deployment: &Deployment) -> Vec<Item> {
    client(deployment)
        .scan()
        .table_name(dynamodb::NAME)
        .consistent_read(true)
        .send()
        .await
        .unwrap()
        .items
        .unwrap()
}

/// Replaces or adds an item under this key, with no attributes but these.
pub(crate) async fn put(deployment: &Deployment, pk: &str, sk: &str, attributes: Item) {
    let mut item = key(pk, sk);
    item.extend(attributes);
    client(deployment).put_item().table_name(dynamodb::NAME).set_item(Some(item)).send().await.unwrap();
}

/// Removes the item under this key.
pub(crate) async fn remove(deployment: &Deployment, pk: &str, sk: &str) {
    client(deployment)
        .delete_item()
        .table_name(dynamodb::NAME)
        .set_key(Some(key(pk, sk)))
        .send()
        .await
        .unwrap();
}

/// Adds an item at this endpoint. If that fails, it is not tried again. Returns whether it succeeded.
pub(crate) async fn put_once(endpoint: &str, pk: &str, sk: &str) -> bool {
    let client = Client::from_conf(config(endpoint).retry_config(RetryConfig::disabled()).build());
    client.put_item().table_name(dynamodb::NAME).set_item(Some(key(pk, sk))).send().await.is_ok()
}

pub(crate) fn text(value: &str) -> Attribute {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn number(value: impl ToString) -> Attribute {
    AttributeValue::N(value.to_string())
}

fn key(pk: &str, sk: &str) -> Item {
    Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

fn client(deployment: &Deployment) -> Client {
    Client::from_conf(config(&deployment.table.endpoint()).build())
}

fn config(endpoint: &str) -> Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
}
