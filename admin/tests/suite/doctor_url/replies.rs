//! The replies to an unknown user and to a wrong password.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use postern_tests::deployment::Deployment;

use super::{doctor, lines};
use crate::cli::Cli;
use crate::doctor::fails;
use crate::gateway::{Seen, own_reply, start, start_with_fault};

/// An API that answers sign-ins by one of johndoe's names otherwise.
async fn telling(cli: &Cli, fault: fn(Response) -> Response) -> String {
    start_with_fault(&cli.deployment, move |seen: &Seen, reply| {
        if seen.path == "/signin" && seen.body.contains("johndoe") { fault(reply) } else { reply }
    })
    .await
}

#[tokio::test]
async fn reply_that_tells_whether_a_user_exists_fails() {
    for (fault, how) in [
        (
            (|mut reply| {
                *reply.status_mut() = StatusCode::FORBIDDEN;
                reply
            }) as fn(Response) -> Response,
            "401 for an unknown user, 403 for a wrong password",
        ),
        (
            |mut reply| {
                *reply.body_mut() = Body::from("wrong");
                reply.headers_mut().remove("content-length");
                reply
            },
            "{\"result\":\"error\",\"error\":\"signInFailed\"} for an unknown user, 401 wrong for a wrong password",
        ),
        (
            |mut reply| {
                reply.headers_mut().insert("x-cache", "hit".parse().unwrap());
                reply
            },
            "the header x-cache differs",
        ),
        (
            |mut reply| {
                reply.headers_mut().append("cache-control", "no-cache".parse().unwrap());
                reply
            },
            "the header cache-control differs",
        ),
        (|_| own_reply(500, "Internal Server Error"), "a wrong password is answered 500"),
    ] {
        let cli = Cli::start().await;
        let url = telling(&cli, fault).await;
        let output = doctor(&cli, &url, &["--user", "johndoe"]).await;
        fails(&output, &[("same replies", how)]);
        assert!(output.out.contains("mfa: the reply tells whether a user exists"), "{output:?}");
        assert!(output.out.contains("account, session: an unknown user is answered like"), "{output:?}");
    }
}

#[tokio::test]
async fn unknown_user_that_email_hides_is_the_same() {
    let deployment = Deployment::start_with(|env| env.with("HIDE_UNKNOWN_USERS", "true")).await;
    let cli = Cli { deployment };
    let url = start(&cli.deployment).await;
    let output = doctor(&cli, &url, &["--user", "johndoe@example.com"]).await;
    let [(level, message)] = &lines(&output, "same replies")[..] else { panic!("{output:?}") };
    assert!(level == "ok" && message.starts_with("account, session, mfa, email: "), "{message}");
}

/// A name that has to wait gets another reply than one that does not, whether a user has it or not.
#[tokio::test]
async fn user_who_has_to_wait_is_not_compared() {
    let cli = Cli::start().await;
    let url = start(&cli.deployment).await;
    for _ in 0..6 {
        cli.sign_in("account", "johndoe", "wrong").await;
    }
    let output = doctor(&cli, &url, &["--user", "johndoe"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let found = lines(&output, "same replies");
    let waits =
        found.iter().filter(|(level, message)| level == "warn" && message.contains("too many failures"));
    assert_eq!(waits.count(), 3, "{found:?}");
}

#[tokio::test]
async fn user_who_is_not_there_fails() {
    let cli = Cli::start().await;
    let url = start(&cli.deployment).await;
    let output = doctor(&cli, &url, &["--user", "nobody"]).await;
    fails(&output, &[("same replies", "there is no user nobody")]);
}
