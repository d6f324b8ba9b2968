//! A key that no backend knows does not sign.

use serde_json::{Value, json};

use super::{kids, on, with_es256};
use crate::cli::{command, run};
use crate::secrets::{ARN, PUBLIC_ARN, Secrets};

/// Adds a key that is old enough to be promoted, and is not published under its kid, `old`. Returns the signing keys.
async fn add_old(secrets: &Secrets) -> String {
    on(secrets, &["keys", "rotate", "--add"]).await.prints(&["added"]);
    let mut set: Value = serde_json::from_str(&secrets.value().unwrap()).unwrap();
    set["keys"][1]["kid"] = json!("old");
    let text = set.to_string();
    secrets.set(&text);
    text
}

#[tokio::test]
async fn key_that_is_not_published_is_promoted_only_with_force() {
    let (secrets, first) = with_es256().await;
    let before = add_old(&secrets).await;
    let refusal = format!("old is not published in the secret {PUBLIC_ARN}");
    let promote = ["keys", "rotate", "--promote", "old"];
    let refused = on(&secrets, &promote).await;
    refused.fails_with(4, &refusal);
    assert!(
        refused.err.contains("Run `postern keys publish`, and promote the key ten minutes later"),
        "{refused:?}"
    );
    // A key of another kid, or of the same kid with another public half, is another key.
    let mut public: Value = serde_json::from_str(&secrets.public().unwrap()).unwrap();
    public["keys"][1]["kid"] = json!("old");
    public["keys"][1]["x"] = public["keys"][0]["x"].clone();
    secrets.set_public(&public.to_string());
    on(&secrets, &promote).await.fails_with(4, &refusal);
    assert_eq!(secrets.value(), Some(before.clone()));

    on(&secrets, &[&promote[..], &["--force"]].concat()).await.prints(&["promoted old"]);
    assert_eq!(kids(&secrets), ["old", first.as_str()]);
    // After it was published, it needs no force.
    secrets.set(&before);
    on(&secrets, &["keys", "publish"])
        .await
        .prints(&["2 public keys", "wait ten minutes before you promote it"]);
    on(&secrets, &promote).await.prints(&["promoted old"]);
}

#[tokio::test]
async fn key_is_promoted_only_with_force_if_the_secret_of_the_public_keys_is_not_known() {
    let (secrets, _) = with_es256().await;
    let before = add_old(&secrets).await;
    let promote = async |options: &[&str]| {
        let words = [&["keys", "rotate", "--promote", "old", "--secret", ARN], options].concat();
        run(secrets.with_table(&mut command(&words)), "").await
    };
    promote(&[]).await.fails_with(
        4,
        "old may not be published, since no option, stack or variable names the secret of the public keys",
    );
    assert_eq!(secrets.value(), Some(before));
    promote(&["--force"]).await.prints(&["promoted old"]);

    // A key without a public half is not published.
    let mut set: Value = serde_json::from_str(&secrets.value().unwrap()).unwrap();
    set["keys"][1] = json!({"kty": "oct", "kid": "old", "k": "A".repeat(43)});
    set["keys"][0]["kid"] = json!("first");
    secrets.set(&set.to_string());
    promote(&[]).await.prints(&["promoted old"]);
}
