//! The key set and its age.

use postern_tests::deployment::Deployment;

use super::{doctor, lines};
use crate::cli::{Cli, CliOutput, command, run};
use crate::doctor::fails;
use crate::gateway::{start, start_with_fault};

/// A new key set of ES256.
async fn new_keys() -> String {
    let output = run(&mut command(&["keys", "new", "--alg", "ES256", "--private"]), "").await;
    output.prints(&["ES256"]);
    output.out
}

/// Runs `doctor` with these signing keys.
async fn with_keys(cli: &Cli, url: &str, keys: &str) -> CliOutput {
    let mut command = command(&["doctor", "--json", "--url", url]);
    run(command.args(cli.table()).env("SIGNING_KEYS", keys), "").await
}

#[tokio::test]
async fn key_set_is_compared_with_the_signing_keys() {
    let (keys, others) = (new_keys().await, new_keys().await);
    let in_env = keys.clone();
    let deployment = Deployment::start_with(move |env| env.with("SIGNING_KEYS", in_env)).await;
    let cli = Cli { deployment };
    let url = start(&cli.deployment).await;
    let fresh = with_keys(&cli, &url, &keys).await;
    let message = "1 public key of SIGNING_KEYS".to_owned();
    assert_eq!(lines(&fresh, "key set"), [("ok".to_owned(), message)], "{fresh:?}");
    let stale = with_keys(&cli, &url, &others).await;
    fails(&stale, &[("key set", "is missing, and ")]);
    let advice = "If `public keys` says FAIL, correct that first. If the keys were changed in the last ten minutes, wait";
    assert!(stale.out.contains(advice), "{stale:?}");
    // Only HS256 keys are left.
    fails(&doctor(&cli, &url, &[]).await, &[("key set", "is not one of the signing keys")]);
}

#[tokio::test]
async fn key_set_without_a_new_key_fails() {
    let cli = Cli::start().await;
    let url = start(&cli.deployment).await;
    fails(
        &with_keys(&cli, &url, &new_keys().await).await,
        &[("key set", "is missing, compared with SIGNING_KEYS")],
    );
}

#[tokio::test]
async fn key_set_is_not_compared_with_keys_that_cannot_be_read() {
    let cli = Cli::start().await;
    let url = start(&cli.deployment).await;
    let output = with_keys(&cli, &url, "[1]").await;
    fails(&output, &[("signing keys", "are broken")]);
    let [(level, message)] = &lines(&output, "key set")[..] else { panic!("{output:?}") };
    assert!(level == "warn" && message.starts_with("not compared"), "{message}");
}

#[tokio::test]
async fn key_set_that_caches_keep_too_long_fails() {
    let cli = Cli::start().await;
    for control in ["public, max-age=301", "public", "immutable, max-age=x"] {
        let url = start_with_fault(&cli.deployment, move |_, mut reply| {
            reply.headers_mut().insert("cache-control", control.parse().unwrap());
            reply
        })
        .await;
        fails(&doctor(&cli, &url, &[]).await, &[("key set age", "caches may keep it for longer than 300 s")]);
    }
}

#[tokio::test]
async fn reply_without_a_key_set_fails() {
    let cli = Cli::start().await;
    for (body, why) in [
        ("<html>", "it must be a JWK Set"),
        (r#"{"keys":[{"kty":"OKP","crv":"Ed25519","d":"LEAKED"}]}"#, "it key 0 has the private member d"),
    ] {
        let url = start_with_fault(&cli.deployment, move |seen, mut reply| {
            if seen.path == "/.well-known/jwks.json" {
                *reply.body_mut() = axum::body::Body::from(body);
            }
            reply
        })
        .await;
        let output = doctor(&cli, &url, &[]).await;
        fails(&output, &[("key set", &format!("the reply is no JWK Set of public keys: {why}"))]);
        assert!(!output.out.contains("LEAKED"), "{output:?}");
    }
}
