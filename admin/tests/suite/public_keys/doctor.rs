//! The check `public keys` of `postern doctor`.

use serde_json::{Value, json};

use super::{check, fresh, on, published, with_es256};
use crate::cli::{command, run};
use crate::doctor::fails;
use crate::secrets::{ARN, NO_PUBLIC_KEYS, PUBLIC_ARN};

#[tokio::test]
async fn doctor_compares_the_public_keys_with_the_signing_keys() {
    let secrets = fresh().await;
    let ok = format!("ok   public keys   none in the secret {PUBLIC_ARN}, because every key is HS256");
    assert_eq!(check(&secrets, "public keys").await, ok);
    let (secrets, kid) = with_es256().await;
    let right = published(&secrets);
    let ok = format!("ok   public keys   1 public key in the secret {PUBLIC_ARN}");
    assert_eq!(check(&secrets, "public keys").await, ok);
    let with = |name: &str, value: Value| {
        let mut changed = right.clone();
        changed["keys"][0][name] = value;
        changed.to_string()
    };
    let mut beside = right.clone();
    beside["recovery_code_key"] = json!("LEAKED");
    for (text, wrong) in [
        (NO_PUBLIC_KEYS.to_owned(), format!("differs from the secret {ARN}: the key {kid} is missing")),
        (
            with("d", json!("LEAKED")),
            format!("differs from the secret {ARN}: the key {kid} has other members"),
        ),
        (
            with("kid", json!("x")),
            format!("differs from the secret {ARN}: the key {kid} is missing, and x is not one"),
        ),
        (beside.to_string(), "does not hold a JWK Set with the member `keys` only".to_owned()),
        ("LEAKED".to_owned(), "does not hold a JWK Set with the member `keys` only".to_owned()),
    ] {
        secrets.set_public(&text);
        let line = check(&secrets, "public keys").await;
        assert!(line.starts_with(&format!("FAIL public keys   the secret {PUBLIC_ARN} {wrong}")), "{line}");
        assert!(line.ends_with("; run `postern keys publish`") && !line.contains("LEAKED"), "{line}");
        on(&secrets, &["keys", "publish"]).await.prints(&["now holds 1 public key"]);
        assert_eq!(check(&secrets, "public keys").await, ok);
    }

    let mut doctor = command(&["doctor", "--secret", ARN]);
    let output = run(secrets.with_table(&mut doctor), "").await;
    output.prints(&[&format!("warn public keys   not compared with the secret {ARN}")]);
    let mut doctor = command(&["doctor", "--secret", ARN, "--public-secret", "other", "--json"]);
    let output = run(secrets.with_table(&mut doctor), "").await;
    fails(&output, &[("public keys", "the secret other is not there, or empty")]);
}
