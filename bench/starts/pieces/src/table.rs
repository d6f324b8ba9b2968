//! The client of the SDK.

use std::{env, fs};

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Config, Credentials, Region, SharedHttpClient};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use lambda_http::Error;

/// Makes the client by `Config::builder`.
pub(crate) fn client() -> Result<Client, Error> {
    let (key, secret) = (env::var("AWS_ACCESS_KEY_ID")?, env::var("AWS_SECRET_ACCESS_KEY")?);
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(env::var("AWS_REGION")?))
        .credentials_provider(Credentials::new(key, secret, None, None, "environment"))
        .http_client(http()?)
        .endpoint_url(env::var("AWS_ENDPOINT_URL_DYNAMODB")?);
    Ok(Client::from_conf(config.build()))
}

/// Makes the client with the configuration that `aws-config` finds, over the same TLS.
pub(crate) async fn client_by_defaults() -> Result<Client, Error> {
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http()?).load().await;
    Ok(Client::new(&config))
}

/// Makes the client and reads an item, so that its connection is open.
pub(crate) async fn get_item() -> Result<Client, Error> {
    let client = client()?;
    let read = client.get_item().table_name(env::var("TABLE_NAME")?).consistent_read(true);
    let read = read.key("pk", AttributeValue::S("USER#0".to_owned()));
    read.key("sk", AttributeValue::S("USER".to_owned())).send().await?;
    Ok(client)
}

fn http() -> Result<SharedHttpClient, Error> {
    let roots = TrustStore::empty().with_pem_certificate(fs::read(env::var("AWS_CA_BUNDLE")?)?);
    let tls = TlsContext::builder().with_trust_store(roots).build()?;
    Ok(Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls).build_https())
}
