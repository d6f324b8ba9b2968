//! The check `public keys` of `postern doctor`.

use serde_json::{Value, json};

use super::{check, fresh, on, published, with_es256};
use crate::cli::{command, run};
use crate::doctor::fails;
use crate::secrets::{ARN, DELETED, NO_KEYS, PUBLIC_ARN};

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
    let read_first = "; if no `postern keys` command was interrupted, somebody else wrote this secret: first read \
                      CloudTrail (PutSecretValue). Then run `postern keys publish`";
    let wrong_secret = "; if it holds signing keys, the wrong secret is named. Otherwise, if no `postern keys` command \
                        was interrupted, somebody else wrote this secret: first read CloudTrail (PutSecretValue). Then \
                        see docs/operating.md, \"Publish the public keys\"";
    for (text, wrong, advice) in [
        // Nobody can attack with a key that is missing.
        (
            NO_KEYS.to_owned(),
            format!("differs from the secret {ARN}: the key {kid} is missing"),
            "is missing; run `postern keys publish`",
        ),
        (
            with("x", right["keys"][0]["y"].clone()),
            format!("differs from the secret {ARN}: the key {kid} has other members"),
            read_first,
        ),
        (
            with("kid", json!("x")),
            format!("differs from the secret {ARN}: the key {kid} is missing, and x is not one"),
            read_first,
        ),
        (
            with("d", json!("LEAKED")),
            "holds no public keys: key 0 has the private member d".to_owned(),
            wrong_secret,
        ),
        (
            beside.to_string(),
            "holds no public keys: has the private member recovery_code_key".to_owned(),
            wrong_secret,
        ),
        (
            "LEAKED".to_owned(),
            "holds no public keys: must be a JWK Set of public keys".to_owned(),
            wrong_secret,
        ),
    ] {
        secrets.set_public(&text);
        let line = check(&secrets, "public keys").await;
        assert!(line.starts_with(&format!("FAIL public keys   the secret {PUBLIC_ARN} {wrong}")), "{line}");
        assert!(line.ends_with(advice) && !line.contains("LEAKED"), "{line}");
        if advice == wrong_secret {
            on(&secrets, &["keys", "publish"]).await.fails_with(4, "so nothing is written there");
            secrets.set_public(NO_KEYS);
        }
        on(&secrets, &["keys", "publish"]).await.prints(&["now holds 1 public key"]);
        assert_eq!(check(&secrets, "public keys").await, ok);
    }
    // The function that shows the keys ignores members that it does not know.
    let mut noted = right.clone();
    noted["note"] = json!("ours");
    noted["keys"][0]["x5t"] = json!("AAAA");
    secrets.set_public(&noted.to_string());
    assert_eq!(check(&secrets, "public keys").await, ok);
    on(&secrets, &["keys", "publish"]).await.prints(&["nothing is changed"]);
}

#[tokio::test]
async fn doctor_says_what_to_do_without_a_secret_of_the_public_keys() {
    let (secrets, _) = with_es256().await;
    let on_table = async |words: &[&str]| {
        let mut command = command(&[words, &["--secret", ARN]].concat());
        run(secrets.with_table(&mut command), "").await
    };
    on_table(&["doctor"]).await.prints(&[
        "warn public keys   not checked: no option, stack or variable names their secret; use --stack, --public-secret or \
         PUBLIC_KEYS_SECRET_ARN\n",
    ]);
    let gone = PUBLIC_ARN.replace("public-keys", "gone");
    let output = on_table(&["doctor", "--public-secret", &gone, "--json"]).await;
    let line = format!(
        "the secret {gone} does not exist, or is empty; create it as docs/backup-and-restore.md, \"The public keys\", says"
    );
    fails(&output, &[("public keys", &line)]);
    let line = format!("the secret {gone} is not there; create another one: docs/backup-and-restore.md\n");
    on_table(&["keys", "publish", "--public-secret", &gone]).await.fails_with(3, &line);

    let restore = format!("; `aws secretsmanager restore-secret --secret-id {DELETED}` brings it back");
    let output = on_table(&["doctor", "--public-secret", DELETED, "--json"]).await;
    fails(&output, &[("public keys", &restore)]);
    on_table(&["keys", "publish", "--public-secret", DELETED]).await.fails_with(1, &restore);
}
