//! Which secret the public keys are published in.

use serde_json::Value;

use super::{fresh, kids, on, on_stack, with_es256};
use crate::cli::{command, run};
use crate::cloudformation::STACK;
use crate::secrets::{ARN, GENERATED, NAME, NO_KEYS, PUBLIC_ARN, Secrets};

#[tokio::test]
async fn answer_says_if_nothing_is_published() {
    let secrets = Secrets::start(None).await;
    let on_table = async |words: &[&str]| {
        let mut command = command(&[&["keys"], words].concat());
        run(secrets.with_table(&mut command), "").await
    };
    let line = format!(
        "\nthe public keys are not published, since their secret is not known; `postern keys publish --secret {ARN} \
         --public-secret ARN_OR_NAME` publishes them\n"
    );
    let hs256 = on_table(&["new", "--secret", ARN]).await;
    assert!(hs256.code == 0 && !hs256.out.contains("publish"), "{hs256:?}");
    on_table(&["rotate", "--add", "--alg", "ES256", "--secret", ARN]).await.prints(&[&line]);
    on_table(&["publish", "--secret", ARN]).await.fails_with(2, "where are the public keys?");
    assert_eq!(secrets.public().as_deref(), Some(NO_KEYS));
    let rotate = ["rotate", "--add", "--alg", "ES256", "--secret", ARN, "--public-secret", PUBLIC_ARN];
    on_table(&rotate).await.prints(&["publishes 2 public keys", "--secret arn:", "--public-secret arn:"]);
    assert_eq!(kids(&secrets).len(), 2);

    let file = std::env::temp_dir().join(format!("postern-{}-public.json", std::process::id()));
    let path = file.to_str().unwrap();
    let new = run(&mut command(&["keys", "new", "--alg", "EdDSA", "--replace", "--file", path]), "").await;
    let show = ["keys", "show", "--public", "--file", path];
    let shown = run(&mut command(&show), "").await;
    let publish = run(&mut command(&["keys", "publish", "--file", path]), "").await;
    let both = run(&mut command(&[&show[..], &["--private"]].concat()), "").await;
    std::fs::remove_file(&file).unwrap();
    new.prints(&[&format!("not published; `postern {}` prints them", show.join(" "))]);
    assert_eq!(shown.json()["keys"][0]["crv"], "Ed25519");
    publish.fails_with(2, "where are the public keys?");
    assert_eq!(both.code, 2);
}

/// Otherwise backends would get the keys of another deployment.
#[tokio::test]
async fn public_secret_of_the_environment_is_not_mixed_with_another_signing_secret() {
    let (secrets, _) = with_es256().await;
    let (before, public) = (secrets.value(), secrets.public());
    for words in [&["keys", "rotate", "--add"][..], &["keys", "new", "--replace"], &["keys", "publish"]] {
        let output = on(&secrets, &[words, &["--secret", "other"]].concat()).await;
        output.fails_with(
            2,
            "which secret of the public keys? PUBLIC_KEYS_SECRET_ARN belongs to SIGNING_KEYS_SECRET_ARN",
        );
        let local = [&["--local"], words, &["--secret", "other"]].concat();
        let output = on(&secrets, &local).await;
        assert!(!output.err.contains("PUBLIC_KEYS_SECRET_ARN belongs"), "{output:?}");
    }
    assert_eq!((secrets.value(), secrets.public(), secrets.written()), (before, public, Vec::new()));
    // The same secret is no other one, by its name neither.
    on(&secrets, &["keys", "rotate", "--add", "--secret", ARN]).await.prints(&["publishes 2 public keys"]);
    on(&secrets, &["keys", "rotate", "--add", "--secret", NAME]).await.prints(&["publishes 3 public keys"]);
}

#[tokio::test]
async fn stack_names_the_secret_of_the_public_keys() {
    let secrets = fresh().await;
    let table = secrets.table.endpoint();
    let on = async |words: &[&str]| on_stack(&secrets, Some(PUBLIC_ARN), &table, words).await;
    // One command, right after the stack was made.
    let new = on(&["keys", "new", "--alg", "ES256"]).await;
    new.prints(&[
        &format!("\nthe secret {PUBLIC_ARN} publishes 1 public key\n"),
        "\nno token and no recovery code is lost, because the table has no users",
    ]);
    assert_eq!(kids(&secrets).len(), 1);
    on(&["keys", "publish"]).await.prints(&["nothing is changed"]);
    on(&["doctor"]).await.prints(&[&format!("ok   public keys   1 public key in the secret {PUBLIC_ARN}\n")]);
    on(&["keys", "rotate", "--add", "--secret", NAME]).await.prints(&[
        "publishes 2 public keys",
        &format!("postern keys rotate --secret {NAME} --stack {STACK} --promote "),
    ]);
    // Other signing keys than those of the stack are not published there.
    let public = secrets.public();
    let other = on(&["keys", "publish", "--secret", "other"]).await;
    other.fails_with(2, "where are the public keys?");
    assert_eq!(secrets.public(), public);
}

#[tokio::test]
async fn stack_of_an_earlier_version_publishes_the_keys_by_itself() {
    let secrets = fresh().await;
    let table = secrets.table.endpoint();
    let on = async |words: &[&str]| on_stack(&secrets, None, &table, words).await;
    let line = format!("the stack {STACK} is of an earlier version, which publishes");
    let output = on(&["keys", "rotate", "--add"]).await;
    assert!(output.code == 0 && !output.out.contains("publish"), "no key has a public half: {output:?}");
    on(&["keys", "rotate", "--add", "--alg", "ES256"]).await.prints(&[
        &line,
        "there is nothing to do until you update it: docs/operating.md, \"Publish the public keys\"\n",
    ]);
    on(&["keys", "publish"]).await.prints(&[&format!("nothing is changed: {line}")]);
    on(&["doctor"]).await.prints(&["warn public keys   the stack is of an earlier version"]);
    assert_eq!(secrets.public().unwrap(), NO_KEYS);
}

/// The two ARNs are easily mixed up. The signing keys would be lost.
#[tokio::test]
async fn secret_that_holds_no_public_keys_is_not_overwritten() {
    let (secrets, _) = with_es256().await;
    let signing = secrets.value().unwrap();
    let kid = kids(&secrets).remove(0);
    on(&secrets, &["keys", "rotate", "--add"]).await.prints(&["publishes 2 public keys"]);
    let before = secrets.value();
    for text in [&*signing, GENERATED, r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#, "{}"] {
        secrets.set_public(text);
        secrets.written();
        for words in [
            &["keys", "publish"][..],
            &["keys", "rotate", "--add"],
            &["keys", "rotate", "--promote", &kids_of(&before)[1], "--force"],
            &["keys", "new", "--replace"],
        ] {
            let output = on(&secrets, words).await;
            output.fails_with(4, "holds no public keys, so nothing is written there");
        }
        assert_eq!((secrets.value(), secrets.public().as_deref()), (before.clone(), Some(text)));
        assert_eq!(secrets.written(), Vec::<String>::new());
    }
    let mixed_up = ["keys", "publish", "--public-secret", ARN];
    on(&secrets, &mixed_up).await.fails_with(4, "If it holds signing keys, the wrong secret is named");
    assert_eq!(secrets.value(), before);
    secrets.set_public(NO_KEYS);
    on(&secrets, &["keys", "publish"]).await.prints(&["now holds 2 public keys"]);
    assert!(kids(&secrets).contains(&kid));
}

/// The kids of signing keys.
fn kids_of(keys: &Option<String>) -> Vec<String> {
    let set: Value = serde_json::from_str(keys.as_deref().unwrap()).unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}
