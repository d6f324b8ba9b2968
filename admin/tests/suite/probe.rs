//! `postern probe` on healthy and faulty APIs.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use postern_admin::api::CONTRACTS;
use postern_tests::logs::find_secret;
use serde_json::{Value, json};

use crate::cli::{Cli, CliOutput, command, run};
use crate::cloudformation::{CloudFormation, STACK, Scene};
use crate::gateway::{self, own_reply, start, start_with_fault};

const USER: [&str; 3] = ["johndoe", "--email", "johndoe@example.com"];
const PASSWORD: &str = "SecurePass123!\n";

/// Runs a probe of johndoe, whose output must not hold a token.
async fn probe(url: &str, more: &[&str]) -> CliOutput {
    let words = [&["probe", "--url", url, "--password-stdin"], &USER[..], more].concat();
    let output = run(&mut command(&words), PASSWORD).await;
    assert_eq!(find_secret(&format!("{}{}", output.out, output.err)), None, "{output:?}");
    output
}

/// The contracts of a report, with their levels.
fn levels(output: &CliOutput) -> Vec<(String, String)> {
    let report: Vec<Value> = serde_json::from_str(&output.out).unwrap_or_else(|_| panic!("{output:?}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    report.iter().map(|line| (text(&line["contract"]), text(&line["level"]))).collect()
}

async fn has_no_session(cli: &Cli) {
    let output = cli.run(&["--json", "user", "show", "johndoe"]).await.json();
    assert_eq!(output["live_sessions"], json!(0), "{output}");
}

#[tokio::test]
async fn user_signs_in_at_each_contract_and_out_again() {
    let cli = Cli::start().await;
    let url = start(&cli.deployment).await;
    let output = probe(&url, &[]).await;
    output.prints(&[]);
    let lines: Vec<&str> = output.out.lines().collect();
    assert_eq!(lines.len(), CONTRACTS.len(), "{output:?}");
    for (line, contract) in lines.iter().zip(CONTRACTS) {
        assert!(line.starts_with(&format!("ok   {contract:<10}")) && line.ends_with(" ms"), "{output:?}");
    }
    has_no_session(&cli).await;
    let report = probe(&url, &["--json"]).await.json();
    assert!(report.as_array().unwrap().iter().all(|line| line["ms"].is_u64()), "{report}");
}

#[tokio::test]
async fn contracts_can_be_chosen() {
    let cli = Cli::start().await;
    let url = start(&cli.deployment).await;
    let words = ["probe", "johndoe", "--url", &url, "--json", "--contract", "sso,mfa"];
    let output = run(command(&words).env("POSTERN_PROBE_PASSWORD", PASSWORD.trim()), "").await;
    let ok = |name: &str| (name.to_owned(), "ok".to_owned());
    assert_eq!(levels(&output), [ok("sso"), ok("mfa")], "{output:?}");
    has_no_session(&cli).await;
}

#[tokio::test]
async fn url_is_that_of_the_stack() {
    let cli = Cli::start().await;
    let url = start(&cli.deployment).await;
    let mut scene = Scene::default();
    scene.outputs[2].1 = url;
    let stack = CloudFormation::start(scene).await;
    let words = [&["probe", "--stack", STACK, "--password-stdin"], &USER[..]].concat();
    let output = run(stack.with_endpoint(&mut command(&words)), PASSWORD).await;
    output.prints(&["ok   email"]);
}

#[tokio::test]
async fn contract_that_fails_is_named_with_its_words() {
    let cli = Cli::start().await;
    for (path, contract, why) in [
        ("/oauth/token/", "account", "refresh: 503"),
        ("/api/v2/sso/signin/", "sso", "sign-in: 503"),
        ("/api/auth/IamLoggedIn", "session", "resume: 503"),
        ("/signin", "mfa", "sign-in: 503"),
        ("/whoami/jwt", "mfa", "account: 503"),
        ("/api/profile/", "email", "profile: 503"),
        ("/api/token/refresh/", "email", "refresh: 503"),
    ] {
        fails_at(&cli, path, contract, why).await;
        // The sign-out is tried all the same.
        has_no_session(&cli).await;
    }
    // A session whose sign-in or sign-out has no reply stays.
    for (path, contract, why) in [
        ("/api/v2/account/signin/", "account", "sign-in: 503 {\"message\":\"x\"}, and not 200"),
        ("/oauth/revoke_token/", "account", "sign-out: 503"),
        ("/api/auth/signin", "session", "sign-in: 503"),
        ("/api/v1/user/myself/session/logoutCurrentSession", "session", "sign-out: 503"),
        ("/api/sign-in/", "email", "sign-in: 503"),
        ("/api/token/blacklist/", "email", "sign-out: 503"),
    ] {
        fails_at(&cli, path, contract, why).await;
    }
}

/// Asserts that a probe fails at this contract and no other if this path answers 503.
async fn fails_at(cli: &Cli, path: &'static str, contract: &str, why: &str) {
    let url = start_with_fault(
        &cli.deployment,
        move |seen, reply| {
            if seen.path == path { own_reply(503, "x") } else { reply }
        },
    )
    .await;
    let output = probe(&url, &[]).await;
    assert_eq!((output.code, output.err.as_str()), (1, ""), "{path}: {output:?}");
    let failed: Vec<&str> = output.out.lines().filter(|line| line.starts_with("FAIL")).collect();
    let of_contract = |line: &&str| line.starts_with(&format!("FAIL {contract:<10}{why}"));
    assert!(failed.iter().any(of_contract), "{path}: {output:?}");
    // sso signs in at account too.
    assert_eq!(failed.len(), if contract == "account" { 2 } else { 1 }, "{path}: {output:?}");
}

#[tokio::test]
async fn wrong_password_is_reported_in_the_words_of_each_contract() {
    let cli = Cli::start().await;
    let url = start(&cli.deployment).await;
    let words = [&["probe", "--url", &url, "--password-stdin"], &USER[..]].concat();
    let output = run(&mut command(&words), "not it\n").await;
    assert_eq!(output.code, 1);
    for why in [
        "FAIL account   sign-in: 401 {\"errors\":[{\"message\":\"Incorrect credentials.\"",
        "FAIL sso       sign-in at account: 401 ",
        "FAIL session   sign-in: 400 {\"msg\":\"Username or password is wrong\"",
        "FAIL mfa       sign-in: 401 {\"result\":\"error\",\"error\":\"signInFailed\"}",
        "FAIL email     sign-in: 400 {\"error\":\"Invalid password\"}",
    ] {
        assert!(output.out.contains(why), "{why} is not in: {output:?}");
    }
}

#[tokio::test]
async fn user_with_mfa_is_refused() {
    let cli = Cli::start().await;
    let url = start(&cli.deployment).await;
    for contract in CONTRACTS {
        let words =
            ["probe", "guarded", "--email", "guarded@example.com", "--url", &url, "--contract", contract];
        let output = run(command(&words).env("POSTERN_PROBE_PASSWORD", "Password1234!"), "").await;
        output.fails_with(4, "the user has MFA on, and a probe has no authenticator");
    }
}

/// A reply that succeeds may hold tokens in another place.
#[tokio::test]
async fn reply_without_a_token_fails_and_is_not_shown() {
    let cli = Cli::start().await;
    let url = start_with_fault(&cli.deployment, |seen, mut reply| {
        if seen.path == "/signin" {
            *reply.body_mut() = axum::body::Body::from(r#"{"jwt":"secret"}"#);
            reply.headers_mut().remove("content-length");
        }
        reply
    })
    .await;
    let output = probe(&url, &[]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.out.contains("FAIL mfa       sign-in: 200 without an access token\n"), "{output:?}");
    assert!(!output.out.contains("secret"), "{output:?}");
}

#[tokio::test]
async fn reply_that_does_not_come_is_a_failure() {
    let cli = Cli::start().await;
    let slow = from_fn(async |request: Request, next: Next| {
        if request.uri().path() == "/signin" {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        next.run(request).await
    });
    let url = gateway::serve(gateway::router(&cli.deployment).layer(slow)).await;
    let output = probe(&url, &["--timeout", "5", "--contract", "mfa,email"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.out.contains("FAIL mfa       sign-in: no reply within 5 s; "), "{output:?}");
    assert!(output.out.contains("ok   email"), "{output:?}");
}

#[tokio::test]
async fn api_that_cannot_be_reached_has_its_own_exit_code() {
    for (url, why) in [("http://127.0.0.1:9", "no connection"), ("https://127.0.0.1:9", "no connection")] {
        let output = probe(url, &[]).await;
        assert_eq!(output.code, 6, "{output:?}");
        assert!(output.out.contains(&format!("FAIL account   sign-in: {why}")), "{output:?}");
    }
    let cli = Cli::start().await;
    let plain = start(&cli.deployment).await.replace("http:", "https:");
    let output = probe(&plain, &[]).await;
    assert!(output.code == 6 && output.out.contains("sign-in: no TLS connection: "), "{output:?}");
}

#[tokio::test]
async fn wrong_command_lines_are_refused() {
    let url = "https://api.example.com";
    for (words, input, why) in [
        (
            &["johndoe", "--url", url][..],
            "",
            "the email contract takes an e-mail address: add --email ADDRESS, or choose the others with --contract \
             account,sso,session,mfa\n",
        ),
        (
            &["johndoe", "--contract", "mfa", "--url", url],
            "",
            "there is no terminal to ask for the password on",
        ),
        (
            &["johndoe", "--contract", "mfa", "--url", url, "--password-stdin"],
            "",
            "no password on standard input",
        ),
        (&["johndoe", "--contract", "mfa", "--password-stdin"], "x\n", "which URL?"),
        (
            &["johndoe", "--contract", "mfa", "--password-stdin", "--url", "http://api.example.com"],
            "x\n",
            "the URL is without TLS, so the password could be read",
        ),
    ] {
        let words = [&["probe"], words].concat();
        run(&mut command(&words), input).await.fails_with(2, why);
    }
    assert_eq!(run(&mut command(&["probe", "johndoe", "--contract", "abacus"]), "").await.code, 2);
}

/// The password is not sent to another machine, however the URL without TLS is written.
#[tokio::test]
async fn url_without_tls_is_refused_in_each_spelling() {
    for url in [
        "HTTP://api.example.com",
        "http:/api.example.com",
        "http:api.example.com",
        " http://api.example.com",
        "http:\\\\api.example.com",
    ] {
        probe(url, &[]).await.fails_with(2, "the URL is without TLS, so the password could be read");
    }
}

/// A gateway may repeat what it was sent, as it is or as a text in JSON.
#[tokio::test]
async fn reply_that_repeats_the_password_or_a_token_is_not_shown() {
    let cli = Cli::start().await;
    for path in ["/api/v2/account/signin/", "/oauth/token/", "/api/auth/IamLoggedIn", "/api/token/blacklist/"]
    {
        let url = start_with_fault(&cli.deployment, move |seen, reply| {
            if seen.path == path { own_reply(503, &seen.body) } else { reply }
        })
        .await;
        let output = probe(&url, &[]).await;
        assert!(
            output.code == 1 && output.out.contains("503 with a text that repeats"),
            "{path}: {output:?}"
        );
    }
    let url = start_with_fault(&cli.deployment, |seen, _| own_reply(503, &seen.body)).await;
    let words = [&["probe", "--url", &url, "--password-stdin", "--json"], &USER[..]].concat();
    let output = run(&mut command(&words), "LEAK\"ED\\pass\n").await;
    assert!(output.code == 1 && !output.out.contains("LEAK") && !output.out.contains("ED"), "{output:?}");
}
