//! Faults of CORS.

use axum::http::HeaderMap;

use super::{doctor, lines};
use crate::cli::Cli;
use crate::doctor::fails;
use crate::gateway::start_with_fault;

const ORIGIN: [&str; 2] = ["--origin", "https://shop.example"];

/// An API whose preflights are changed so.
async fn with_preflight(cli: &Cli, change: fn(&mut HeaderMap)) -> String {
    start_with_fault(&cli.deployment, move |seen, mut reply| {
        if seen.method == "OPTIONS" {
            change(reply.headers_mut());
        }
        reply
    })
    .await
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    headers.insert(name, value.parse().unwrap());
}

#[tokio::test]
async fn origin_may_be_allowed_by_its_name() {
    let cli = Cli::start().await;
    let url = start_with_fault(&cli.deployment, |_, mut reply| {
        set(reply.headers_mut(), "access-control-allow-origin", "https://shop.example");
        reply
    })
    .await;
    let output = doctor(&cli, &url, &ORIGIN).await;
    assert_eq!(output.code, 0, "{output:?}");
    let message = "web pages of https://shop.example may call every route";
    assert_eq!(lines(&output, "CORS"), [("ok".to_owned(), message.to_owned())]);
}

#[tokio::test]
async fn preflight_that_does_not_allow_a_client_fails() {
    let cli = Cli::start().await;
    for (change, why) in [
        (
            (|headers| drop(headers.remove("access-control-allow-origin"))) as fn(&mut HeaderMap),
            "the preflight of every route from https://shop.example: the origin is not allowed; set AllowedOrigins",
        ),
        (
            |headers| set(headers, "access-control-allow-methods", "DELETE, GET, HEAD"),
            "POST /api/v2/account/signin, POST /api/v2/account/recover",
        ),
        (
            |headers| set(headers, "access-control-allow-headers", "*"),
            "the preflight of every route from https://shop.example: the header Authorization is not allowed",
        ),
        (
            |headers| set(headers, "access-control-allow-headers", "authorization"),
            "the header Content-Type is not allowed",
        ),
    ] {
        let url = with_preflight(&cli, change).await;
        fails(&doctor(&cli, &url, &ORIGIN).await, &[("CORS", why)]);
    }
}

#[tokio::test]
async fn preflight_with_another_status_fails() {
    let cli = Cli::start().await;
    let url = start_with_fault(&cli.deployment, |seen, mut reply| {
        if seen.method == "OPTIONS" && seen.path == "/signin" {
            *reply.status_mut() = axum::http::StatusCode::FORBIDDEN;
        }
        reply
    })
    .await;
    fails(&doctor(&cli, &url, &[]).await, &[("CORS", "the preflight of POST /signin from")]);
}

/// Nobody said that the origin is one of theirs.
#[tokio::test]
async fn origin_that_nobody_named_is_a_warning() {
    let cli = Cli::start().await;
    let url = with_preflight(&cli, |headers| drop(headers.remove("access-control-allow-origin"))).await;
    let output = doctor(&cli, &url, &[]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let [(level, message)] = &lines(&output, "CORS")[..] else { panic!("{output:?}") };
    assert!(level == "warn" && message.contains("name an origin of yours with --origin"), "{message}");
}

#[tokio::test]
async fn reply_that_web_pages_cannot_read_fails() {
    let cli = Cli::start().await;
    for (header, value, why) in [
        ("access-control-allow-origin", "https://other.example", "but the reply does not"),
        ("access-control-expose-headers", "x-request-id", "do not expose retry-after"),
    ] {
        let url = start_with_fault(&cli.deployment, move |seen, mut reply| {
            if seen.method != "OPTIONS" {
                set(reply.headers_mut(), header, value);
            }
            reply
        })
        .await;
        fails(&doctor(&cli, &url, &[]).await, &[("CORS", why)]);
    }
}
