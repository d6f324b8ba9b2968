//! A change that ends before both secrets are written.

use std::time::Duration;

use postern::clock::now;
use postern::store::operator::{ChangeStage, Operator};

use super::{check, kids, on, with_es256};
use crate::secrets::{ARN, NO_KEYS, PUBLIC_ARN};
use crate::table::client;

/// The signing keys are as they were, and each of them is still published: a key too many harms nobody.
#[tokio::test]
async fn change_that_ends_between_the_two_secrets_loses_no_key_and_can_be_given_again() {
    let (secrets, first) = with_es256().await;
    let before = secrets.value();
    secrets.denies_writes_of(Some(ARN));
    let output = on(&secrets, &["keys", "rotate", "--add"]).await;
    output.fails_with(1, "Secrets Manager refused the secret arn:");
    assert!(
        output.err.ends_with(
            "; the public keys are written, the signing keys are not: to finish, run this command again; to go back, \
             run `postern keys publish`\n"
        ),
        "{output:?}"
    );
    assert_eq!(secrets.value(), before);
    let [held, extra] = &kids(&secrets)[..] else { panic!() };
    assert_eq!(*held, first);
    let line = check(&secrets, "public keys").await;
    let wrong = format!(
        "the key {extra} is not one of the signing keys; if no `postern keys` command was interrupted, somebody else wrote \
         this secret: first read CloudTrail (PutSecretValue). Then run `postern keys publish`"
    );
    assert!(line.starts_with("FAIL ") && line.ends_with(&wrong), "{line}");

    secrets.denies_writes_of(None);
    on(&secrets, &["keys", "publish"]).await.prints(&["1 public key"]);
    assert_eq!(kids(&secrets), [first]);
    on(&secrets, &["keys", "rotate", "--add"]).await.prints(&["added"]);
    assert_eq!(kids(&secrets).len(), 2);
    assert!(check(&secrets, "public keys").await.starts_with("ok   "));

    secrets.denies_writes_of(Some(ARN));
    let output = on(&secrets, &["keys", "new", "--replace"]).await;
    output.fails_with(
        1,
        "`postern keys publish`. Until then, backends that verify by the key set refuse all tokens",
    );
    secrets.denies_writes_of(None);
    on(&secrets, &["keys", "publish"]).await.prints(&["2 public keys"]);

    let store = Operator::new(client(&secrets.table), "postern");
    let mut events = store.events(now().minus(Duration::from_secs(3600)), now()).await.unwrap().events;
    events.sort_by_key(|event| event.at);
    let lines: Vec<_> = events.iter().map(|event| (event.command.as_str(), event.outcome)).collect();
    let expected = [
        ("keys new", ChangeStage::Done),
        ("keys rotate --add", ChangeStage::Failed),
        ("keys publish", ChangeStage::Done),
        ("keys rotate --add", ChangeStage::Done),
        ("keys new", ChangeStage::Failed),
        ("keys publish", ChangeStage::Done),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn keys_stay_as_they_were_if_they_cannot_be_published() {
    let (secrets, _) = with_es256().await;
    let (before, public) = (secrets.value(), secrets.public());
    secrets.denies_writes_of(Some(PUBLIC_ARN));
    let output = on(&secrets, &["keys", "rotate", "--add"]).await;
    output.fails_with(1, &format!("refused the secret {PUBLIC_ARN}"));
    assert!(output.err.ends_with(&format!("; the secret {ARN} is as it was\n")), "{output:?}");
    assert_eq!((secrets.value(), secrets.public()), (before, public));
    // A key without a public half needs no public secret that can be written.
    on(&secrets, &["keys", "rotate", "--add", "--alg", "HS256"]).await.prints(&["added"]);
}

#[tokio::test]
async fn change_of_another_operator_is_not_overwritten_in_either_secret() {
    const OTHER: &str = "another generated secret of 32 bytes or more";
    for words in [
        &["keys", "rotate", "--add"][..],
        &["keys", "publish"],
        &["keys", "new", "--replace", "--alg", "ES256"],
    ] {
        let (secrets, kid) = with_es256().await;
        let theirs = secrets.public().unwrap().replace(&kid, "theirs");
        secrets.set_public(NO_KEYS);
        let before = secrets.value();
        secrets.public_changes_after_a_read(&theirs);
        on(&secrets, words)
            .await
            .fails_with(4, &format!("somebody else changed the keys in the secret {PUBLIC_ARN}"));
        assert_eq!((secrets.value(), secrets.public().unwrap().as_str()), (before, &*theirs), "{words:?}");

        secrets.changes_after_a_read(OTHER);
        on(&secrets, words)
            .await
            .fails_with(4, &format!("somebody else changed the keys in the secret {ARN}"));
        let now = (secrets.value(), secrets.public());
        assert_eq!(now, (Some(OTHER.to_owned()), Some(theirs)), "{words:?}");
    }
}
