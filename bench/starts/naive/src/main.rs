//! A function as people usually write it first: with all defaults, and a connection to the table at the first
//! request.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Error, Request, Response, run, service_fn, tracing};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let client = &Client::new(&config);
    let table = &std::env::var("TABLE_NAME")?;
    run(service_fn(move |_: Request| async move {
        let read = client.get_item().table_name(table).consistent_read(true);
        let read = read.key("pk", AttributeValue::S("USER#1".to_owned()));
        let user = read.key("sk", AttributeValue::S("USER".to_owned())).send().await?;
        let found = user.item.ok_or("there is no such user")?;
        Ok::<_, Error>(Response::new(format!("{{\"attributes\":{}}}", found.len())))
    }))
    .await
}
