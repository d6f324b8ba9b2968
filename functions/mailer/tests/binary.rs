//! Tests of the compiled function, in Lambda's runtime.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use postern::clock::now;
use postern::environment::Environment;
use postern::mail::{MailKind, MailMessage};
use postern::password_reset::CodeOwner;
use postern_tests::binary;
use postern_tests::runtime_api::RuntimeApi;
use serde_json::{Value, json};
use tokio::time::timeout;

const BINARY: &str = env!("CARGO_BIN_EXE_mailer");

/// Sends an event to the function. Returns its reply, and what it logged.
async fn invoke(env: &Environment, event: Value) -> (Result<Value, Value>, String) {
    let mut api = RuntimeApi::start().await;
    let mut function = binary::start(BINARY, env, &api.address());
    let logged = binary::logged(&mut function);
    let reply = timeout(Duration::from_secs(60), api.invoke(event)).await.expect("a reply");
    function.kill().await.unwrap();
    (reply, logged.await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_sends_a_mail_and_names_the_messages_that_failed() {
    let (table, env) = binary::demo_table().await;
    let message = MailMessage::new("session", MailKind::ResetCode, CodeOwner::User(1), now());
    let records = json!([
        {"messageId": "first", "body": serde_json::to_string(&message).unwrap()},
        {"messageId": "second", "body": "LEAKED"},
    ]);
    let (reply, logged) = invoke(&env, json!({"Records": records})).await;
    assert_eq!(reply.unwrap(), json!({"batchItemFailures": [{"itemIdentifier": "second"}]}));
    let mails = table.mail_services().mailbox.take();
    assert_eq!(mails.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), ["johndoe@example.com"]);
    assert!(
        logged.contains(r#""outcome":"sent""#) && logged.contains(r#""message_id":"second""#),
        "{logged}"
    );
    assert!(!logged.contains("LEAKED") && !logged.contains("johndoe"), "{logged}");
}

/// Otherwise the messages behind it would wait longer for a user than for an unknown name.
#[tokio::test(flavor = "multi_thread")]
async fn event_ends_on_a_step_whether_mails_are_sent_or_not() {
    const STEP: Duration = Duration::from_millis(500);
    let (table, env) = binary::demo_table().await;
    let owners =
        [CodeOwner::User(1), CodeOwner::User(999), CodeOwner::Name("0a".repeat(32)), CodeOwner::User(14)];
    let records = owners.into_iter().enumerate().map(|(n, owner)| {
        let message = MailMessage::new("session", MailKind::ResetCode, owner, now());
        json!({"messageId": n.to_string(), "body": serde_json::to_string(&message).unwrap()})
    });
    let event = json!({"Records": records.collect::<Vec<_>>()});
    let start = Instant::now();
    let (reply, _) = invoke(&env, event).await;
    let took = start.elapsed();
    assert_eq!(reply.unwrap(), json!({"batchItemFailures": []}));
    assert_eq!(table.mail_services().mailbox.take().len(), 2);
    assert!(took >= STEP, "four messages took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_logs_nothing_of_an_event_that_is_none_of_sqs() {
    let (_table, env) = binary::demo_table().await;
    let (reply, logged) = invoke(&env, json!({"source": "LEAKED", "Records": "LEAKED"})).await;
    assert!(reply.is_err(), "SQS delivers it again");
    assert!(logged.contains("the event is none of SQS; nothing was done"), "{logged}");
    assert!(!logged.contains("LEAKED"), "{logged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_refuses_bad_configuration() {
    let (_table, env) = binary::demo_table().await;
    for (name, value) in [
        ("TABLE_NAME", ""),
        ("SIGNING_KEYS", ""),
        ("MAIL_FROM", ""),
        ("MAIL_FROM", "Eve <eve@example.com>"),
        ("MAIL_TRANSPORT", "sendmail"),
        ("ACCOUNT_RESET_URL", "https://example.com"),
        ("SESSION_RESET_URL", "http://example.com"),
    ] {
        binary::refuses(BINARY, &env, name, value).await;
    }
    let smtp = env.with("MAIL_TRANSPORT", "smtp");
    binary::refuses(BINARY, &smtp, "MAIL_SMTP_URL", "smtp://user:password@mail.example.com").await;
    binary::refuses(BINARY, &smtp, "MAIL_SMTP_SECRET_ARN", "").await;
}
