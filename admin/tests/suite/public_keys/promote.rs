//! A key that no backend knows does not sign.

use serde_json::{Value, json};

use super::{kids, on, with_es256};
use crate::secrets::PUBLIC_ARN;

#[tokio::test]
async fn key_that_is_not_published_is_promoted_only_with_force() {
    let (secrets, first) = with_es256().await;
    let output = on(&secrets, &["keys", "rotate", "--add", "--json"]).await;
    let mut set: Value = serde_json::from_str(&secrets.value().unwrap()).unwrap();
    // The key is old enough to be promoted.
    set["keys"][1]["kid"] = json!("old");
    let before = set.to_string();
    secrets.changes_after_a_read(&before);
    on(&secrets, &["keys", "show"]).await.prints(&["ES256"]);
    let refusal = format!("old is not published in the secret {PUBLIC_ARN}");
    let promote = ["keys", "rotate", "--promote", "old"];
    let refused = on(&secrets, &promote).await;
    refused.fails_with(4, &refusal);
    assert!(
        refused.err.contains("Run `postern keys publish`, and promote the key ten minutes later"),
        "{output:?}"
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
    secrets.changes_after_a_read(&before);
    on(&secrets, &["keys", "show"]).await.prints(&["ES256"]);
    on(&secrets, &["keys", "publish"]).await.prints(&["2 public keys", "only after that"]);
    on(&secrets, &promote).await.prints(&["promoted old"]);
}
