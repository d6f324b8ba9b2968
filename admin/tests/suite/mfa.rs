//! The second factor, switched on and off by an operator.

use std::process::Stdio;

use postern_tests::deployment::credentials;
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Secret};

use crate::cli::{Cli, command, run};
use crate::secrets::{ARN, NO_KEYS, Secrets};

/// The TOTP code of this secret, computed without the product's code.
fn code(secret: &str, seconds: u64) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp =
        Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_secret(secret).build().unwrap();
    totp.generate(seconds).to_string()
}

async fn status(cli: &Cli, code: Option<&str>) -> u64 {
    let mut body = credentials("mfa", "johndoe", "SecurePass123!");
    body["token"] = json!(code);
    cli.deployment.sign_in("mfa", body).await.status
}

async fn enrol(cli: &Cli, more: &[&str]) -> Value {
    let words = [&["user", "mfa", "enrol", "johndoe", "--json"], more].concat();
    // The output is secret, and is printed once.
    run(command(&words).args(cli.table()), "").await.json()
}

#[tokio::test]
async fn printed_secret_and_recovery_codes_sign_in() {
    let cli = Cli::start().await;
    let token = cli.token().await;
    let output = enrol(&cli, &[]).await;
    assert_eq!(cli.deployment.sso(&token).await.status, 401, "all sessions are ended");
    assert_eq!(status(&cli, None).await, 403);
    let secret = output["secret"].as_str().unwrap();
    assert_eq!(output["otpauth"], format!("otpauth://totp/Postern:johndoe?secret={secret}&issuer=Postern"));
    let now = code(secret, cli.deployment.now().secs());
    assert_eq!(status(&cli, Some(&now)).await, 200);
    assert_eq!(status(&cli, Some(&now)).await, 401, "a code is good once");
    let codes: Vec<&str> =
        output["recovery_codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    assert_eq!(codes.len(), 8);
    assert_eq!(status(&cli, Some(codes[7])).await, 200);
    assert_eq!(status(&cli, Some(codes[7])).await, 401, "a recovery code too");
    cli.run(&["user", "show", "johndoe"]).await.prints(&["MFA                   on, 7 recovery codes left"]);
}

#[tokio::test]
async fn enrolled_mfa_is_replaced_only_with_replace() {
    let cli = Cli::start().await;
    let first = enrol(&cli, &[]).await;
    cli.run(&["user", "mfa", "enrol", "johndoe"]).await.fails_with(4, "--replace");
    let old = code(first["secret"].as_str().unwrap(), cli.deployment.now().secs());
    assert_eq!(status(&cli, Some(&old)).await, 200, "nothing was replaced");
    let second = enrol(&cli, &["--replace", "--issuer", "A & B"]).await;
    assert!(second["otpauth"].as_str().unwrap().starts_with("otpauth://totp/A%20%26%20B:johndoe?secret="));
    assert_eq!(status(&cli, first["recovery_codes"][0].as_str()).await, 401);
    let new = code(second["secret"].as_str().unwrap(), cli.deployment.now().secs());
    assert_eq!(status(&cli, Some(&new)).await, 200);
}

#[tokio::test]
async fn mfa_off_lets_the_password_sign_in_and_ends_sessions() {
    let cli = Cli::start().await;
    assert_eq!(cli.sign_in("mfa", "guarded", "Password1234!").await, 403);
    let before = cli.deployment.store.user(43).await.unwrap().unwrap().epoch;
    cli.run(&["user", "mfa", "off", "guarded"]).await.prints(&["MFA is off for user 43"]);
    assert_eq!(cli.sign_in("mfa", "guarded", "Password1234!").await, 200);
    let user = cli.deployment.store.user(43).await.unwrap().unwrap();
    assert_eq!((user.epoch, user.recovery_codes.len()), (before + 1, 0));
    cli.run(&["user", "mfa", "off", "guarded"]).await.fails_with(4, "is off already");
    cli.run(&["user", "mfa", "off", "nobody"]).await.fails_with(3, "there is no user nobody");
    cli.run(&["user", "mfa", "enrol", "nobody"]).await.fails_with(3, "there is no user nobody");
}

/// Recovery codes that were stored under another key than the functions' would never be valid.
#[tokio::test]
async fn recovery_codes_use_the_key_in_the_secret() {
    let raw = "a generated secret of 32 bytes or more";
    let mut cli = Cli::start().await;
    cli.deployment.restart(|env| env.with("SIGNING_KEYS", raw)).await;
    let secrets = Secrets::start(Some(raw)).await;
    let words = ["user", "mfa", "enrol", "johndoe", "--json", "--secret", ARN];
    let output = run(secrets.with_endpoint(command(&words).args(cli.table())), "").await.json();
    assert_eq!(status(&cli, output["recovery_codes"][0].as_str()).await, 200);

    let words = ["user", "mfa", "enrol", "johndoe", "--json", "--replace"];
    let output = run(command(&words).args(cli.table()).env("SIGNING_KEYS", raw), "").await.json();
    assert_eq!(status(&cli, output["recovery_codes"][0].as_str()).await, 200);

    // A secret that cannot be read changes nothing.
    for keys in ["short", NO_KEYS] {
        let output =
            run(command(&words[..4]).arg("--replace").args(cli.table()).env("SIGNING_KEYS", keys), "").await;
        output.fails_with(1, "the signing keys in SIGNING_KEYS are broken");
    }
    assert_eq!(status(&cli, output["recovery_codes"][1].as_str()).await, 200);
}

/// The secret is printed once. If that fails, the operator must know that it is lost.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn secret_that_cannot_be_printed_is_a_failure() {
    let cli = Cli::start().await;
    for words in [&["user", "mfa", "enrol", "johndoe"][..], &["user", "list"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let child = command(words).args(cli.table()).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().await.unwrap();
        let shown = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{shown}");
        assert!(shown.contains("cannot be written"), "{shown}");
    }
}
