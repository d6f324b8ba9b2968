//! Which keys a command changes: those of the deployment that it names, and no others.

use crate::cli::{command, run};
use crate::secrets::{ARN, Secrets};

const RAW: &str = "a generated secret of 32 bytes or more";

/// The commands that change keys, without the options that name the place.
const CHANGES: [&[&str]; 5] = [
    &["keys", "rotate", "--add"],
    &["keys", "new", "--replace"],
    &["keys", "pepper", "add", "a"],
    &["keys", "pepper", "remove", "a", "--yes"],
    &["keys", "publish"],
];

/// Otherwise a trial on this machine would change the keys of production.
#[tokio::test]
async fn local_ignores_the_secret_of_the_environment() {
    let secrets = Secrets::start(Some(RAW)).await;
    for words in CHANGES.into_iter().chain([&["keys", "show"][..]]) {
        let mut command = command(&[&["--local"], words].concat());
        let output = run(secrets.with_endpoint(command.env("SIGNING_KEYS_SECRET_ARN", ARN)), "x").await;
        output.fails_with(2, "where are the keys? --local ignores the environment");
    }
    assert_eq!((secrets.value().as_deref(), secrets.requests()), (Some(RAW), 0));
}

#[tokio::test]
async fn table_of_an_option_and_secret_of_the_environment_are_not_mixed() {
    let secrets = Secrets::start(Some(RAW)).await;
    let endpoint = secrets.table.endpoint();
    for words in CHANGES {
        let words = [words, &["--table", "postern", "--endpoint-url", &endpoint]].concat();
        let mut command = command(&words);
        let output = run(secrets.with_endpoint(command.env("SIGNING_KEYS_SECRET_ARN", ARN)), "x").await;
        output.fails_with(2, "only SIGNING_KEYS_SECRET_ARN the secret");
    }
    assert_eq!((secrets.value().as_deref(), secrets.requests()), (Some(RAW), 0));

    // An option that names the secret too says which one is meant.
    let words =
        ["keys", "rotate", "--add", "--table", "postern", "--endpoint-url", &endpoint, "--secret", ARN];
    let mut command = command(&words);
    let output = run(secrets.with_endpoint(command.env("SIGNING_KEYS_SECRET_ARN", "other")), "").await;
    output.prints(&["added"]);
    assert_ne!(secrets.value().as_deref(), Some(RAW));
}

/// Otherwise the key that another operator added is lost.
#[tokio::test]
async fn change_of_another_operator_is_not_overwritten() {
    const OTHER: &str = "another generated secret of 32 bytes or more";
    for words in [CHANGES[0], CHANGES[1], CHANGES[2]] {
        let secrets = Secrets::start(Some(RAW)).await;
        secrets.changes_after_a_read(OTHER);
        let mut command = command(&[words, &["--secret", ARN]].concat());
        let output = run(secrets.with_table(&mut command), "pepper").await;
        output.fails_with(4, "somebody else changed the keys");
        assert_eq!(secrets.value().as_deref(), Some(OTHER), "{words:?}");
    }
}
