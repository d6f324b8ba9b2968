//! How often a message becomes a mail: once, whatever SQS and SES do, unless the mailer crashes after it has sent.

use std::time::Duration;

use postern::mail::{MailKind, MailMessage};
use postern::password_reset::CodeOwner;
use postern_local::mail::{Answer, Message};
use postern_tests::deployment::Deployment;
use postern_tests::logs;
use serde_json::json;

use super::{JOHNDOE, ask, code, is_alive};
use crate::support::proxy::{Proxy, error};
use crate::support::raw;

/// Longer than a lease.
const LATER: Duration = Duration::from_secs(61);

#[tokio::test]
async fn message_becomes_a_mail_with_a_code_that_is_alive() {
    let deployment = Deployment::start().await;
    for contract in ["session", "account"] {
        ask(&deployment, contract, MailKind::ResetCode, &JOHNDOE);
        let [mail] = &deployment.mail().await[..] else { panic!("one mail") };
        assert_eq!((mail.from.as_str(), mail.to.as_str()), ("no-reply@example.com", "johndoe@example.com"));
        assert!(is_alive(&deployment, contract, &JOHNDOE, &code(mail)).await, "{contract}: {}", mail.text);
        assert!(mail.html.contains(&code(mail)), "{}", mail.html);
        let item = raw::item(&deployment, "RESET#1", contract).await.unwrap();
        let lifetime = if contract == "session" { 15 * 60 } else { 24 * 3600 };
        assert_eq!(item["expires_at"], raw::number(deployment.now().secs() + lifetime));
        assert_eq!((&item["tries"], &item["epoch"]), (&raw::number(0), &raw::number(0)));
    }
    assert_eq!(deployment.mail().await, []);
}

#[tokio::test]
async fn message_that_is_delivered_often_becomes_one_mail() {
    let deployment = Deployment::start().await;
    ask(&deployment, "session", MailKind::ResetCode, &JOHNDOE);
    let messages = deployment.mail_services.queue.take();
    let twice = [messages.clone(), messages.clone()].concat();
    deployment.mail_services.deliver(deployment.mailer(), twice).await;
    for _ in 0..3 {
        deployment.mail_services.deliver(deployment.mailer(), messages.clone()).await;
        deployment.advance(LATER);
    }
    let [mail] = &deployment.mail().await[..] else { panic!("one mail") };
    assert!(is_alive(&deployment, "session", &JOHNDOE, &code(mail)).await, "a later delivery keeps the code");
    assert!(deployment.mail_services.queue.is_empty(), "none of them fails");
}

#[tokio::test]
async fn message_that_is_delivered_at_once_in_parallel_becomes_one_mail() {
    let deployment = Deployment::start().await;
    ask(&deployment, "session", MailKind::ResetCode, &JOHNDOE);
    let messages = deployment.mail_services.queue.take();
    let deliveries = (0..16).map(|_| deployment.mail_services.deliver(deployment.mailer(), messages.clone()));
    futures_util::future::join_all(deliveries).await;
    assert_eq!(deployment.mail_services.mailbox.take().len(), 1);
    // Those that did not get the lease are delivered again, and find the message done.
    deployment.advance(LATER);
    assert_eq!(deployment.mail().await, []);
    assert!(deployment.mail_services.queue.is_empty());
}

#[tokio::test]
async fn mail_that_ses_refuses_is_sent_later_with_another_code() {
    let deployment = Deployment::start().await;
    ask(&deployment, "account", MailKind::ResetCode, &JOHNDOE);
    ask(&deployment, "session", MailKind::PasswordChanged, &JOHNDOE);
    deployment.mail_services.answer(Answer::Refused(400, "MessageRejected"));
    assert_eq!(deployment.mail().await, []);
    let first = super::stored(&deployment, "account", &JOHNDOE).await.unwrap();

    deployment.mail_services.answer(Answer::Sent);
    assert_eq!(deployment.mail().await, [], "the lease of the first delivery holds");
    deployment.advance(LATER);
    let mails = deployment.mail().await;
    assert_eq!(mails.len(), 2);
    let link = mails.iter().find(|mail| mail.text.contains("_code=")).expect("a mail with a link");
    assert!(is_alive(&deployment, "account", &JOHNDOE, &code(link)).await);
    assert_ne!(super::stored(&deployment, "account", &JOHNDOE).await.unwrap(), first);
}

/// Otherwise each delivery would give twelve guesses more.
#[tokio::test]
async fn message_delivered_again_keeps_the_tries_and_the_expiry_of_its_code() {
    for owner in [JOHNDOE, CodeOwner::User(999)] {
        let deployment = Deployment::start().await;
        ask(&deployment, "session", MailKind::ResetCode, &owner);
        let messages = deployment.mail_services.queue.take();
        // The mailer ends before SES answers, or before a decoy is recorded as done.
        deployment.mail_services.answer(Answer::Refused(400, "MessageRejected"));
        deployment.mail_services.deliver(deployment.mailer(), messages.clone()).await;
        deployment.mail_services.queue.take();
        undo_record(&deployment, &messages[0]).await;
        let reset = format!("RESET#{owner}");
        let mut tried = raw::item(&deployment, &reset, "session").await.unwrap();
        tried.insert("tries".to_owned(), raw::number(7));
        raw::put(&deployment, &reset, "session", tried.clone()).await;

        deployment.mail_services.answer(Answer::Sent);
        deployment.advance(LATER);
        deployment.mail_services.deliver(deployment.mailer(), messages).await;
        assert_eq!(deployment.mail_services.mailbox.take().len(), usize::from(owner == JOHNDOE));
        let again = raw::item(&deployment, &reset, "session").await.unwrap();
        assert_ne!(again["digest"], tried["digest"], "{owner}");
        for kept in ["tries", "expires_at", "message"] {
            assert_eq!(again[kept], tried[kept], "{owner}: {kept}");
        }
    }
}

#[tokio::test]
async fn message_delivered_again_after_its_code_expired_gets_a_new_one() {
    let deployment = Deployment::start().await;
    ask(&deployment, "session", MailKind::ResetCode, &JOHNDOE);
    deployment.mail_services.answer(Answer::Refused(400, "MessageRejected"));
    assert_eq!(deployment.mail().await, []);
    deployment.mail_services.answer(Answer::Sent);
    deployment.advance(Duration::from_secs(15 * 60));
    let [mail] = &deployment.mail().await[..] else { panic!("one mail") };
    assert!(is_alive(&deployment, "session", &JOHNDOE, &code(mail)).await);
    let item = raw::item(&deployment, "RESET#1", "session").await.unwrap();
    assert_eq!(item["expires_at"], raw::number(deployment.now().secs() + 15 * 60));
}

#[tokio::test]
async fn message_delivered_again_does_not_replace_the_code_of_a_later_request() {
    let deployment = Deployment::start().await;
    ask(&deployment, "session", MailKind::ResetCode, &JOHNDOE);
    let first = deployment.mail_services.queue.take();
    deployment.mail_services.answer(Answer::Refused(400, "MessageRejected"));
    deployment.mail_services.deliver(deployment.mailer(), first).await;
    let first = deployment.mail_services.queue.take();

    deployment.mail_services.answer(Answer::Sent);
    deployment.advance(Duration::from_millis(1));
    ask(&deployment, "session", MailKind::ResetCode, &JOHNDOE);
    let [second] = &deployment.mail().await[..] else { panic!("one mail") };
    deployment.advance(LATER);
    deployment.mail_services.deliver(deployment.mailer(), first).await;
    assert_eq!(deployment.mail().await, [], "nothing is sent");
    assert!(is_alive(&deployment, "session", &JOHNDOE, &code(second)).await);
    assert!(deployment.mail_services.queue.is_empty(), "the first message is done");
    assert!(logs::so_far().contains(r#""outcome":"superseded""#));
}

/// SQS keeps no order. The code of a later request replaces that of an earlier one, also if its first delivery failed.
#[tokio::test]
async fn code_of_the_later_request_is_valid_whichever_message_comes_first() {
    for fails_first in [false, true] {
        let (deployment, proxy) = Proxy::deployment(|env| env).await;
        ask(&deployment, "session", MailKind::ResetCode, &JOHNDOE);
        deployment.advance(Duration::from_millis(1));
        ask(&deployment, "session", MailKind::ResetCode, &JOHNDOE);
        let [earlier, later] = &deployment.mail_services.queue.take()[..] else { panic!("two messages") };
        let deliver = async |message: &Message| {
            deployment.mail_services.deliver(deployment.mailer(), vec![message.clone()]).await;
        };
        if fails_first {
            proxy.fail(|call| call.starts_with("GetItem USER").then(|| error(400, "AccessDeniedException")));
            deliver(later).await;
            proxy.heal();
            deliver(earlier).await;
            deployment.advance(LATER);
        }
        deliver(later).await;
        let mails = deployment.mail_services.mailbox.take();
        let of_later = mails.last().expect("a mail").clone();
        if !fails_first {
            deliver(earlier).await;
            assert_eq!(deployment.mail_services.mailbox.take(), [], "the earlier request is superseded");
        }
        assert!(is_alive(&deployment, "session", &JOHNDOE, &code(&of_later)).await, "{fails_first}");
    }
}

#[tokio::test]
async fn message_that_fails_does_not_hold_up_the_others_and_ends_as_a_dead_letter() {
    let deployment = Deployment::start().await;
    let message = ask(&deployment, "session", MailKind::ResetCode, &JOHNDOE);
    let [valid] = &deployment.mail_services.queue.take()[..] else { panic!("one message") };
    let queue = &deployment.mail_services.queue;
    let mut malformed = vec![
        queue.put("LEAKED-BODY of no message"),
        queue.put(
            json!({"id": "1", "contract": "LEAKED-BODY", "kind": "reset_code", "owner": {"user": 1}})
                .to_string(),
        ),
    ];
    for (member, value) in [
        ("contract", json!("LEAKED-BODY")),
        ("kind", json!("LEAKED-BODY")),
        ("id", json!("LEAKED-BODY")),
        ("id", json!("00".repeat(17))),
        ("owner", json!({"name": "LEAKED-BODY"})),
        ("owner", json!({"user": "LEAKED-BODY"})),
    ] {
        let mut other = serde_json::to_value(&message).unwrap();
        other[member] = value;
        malformed.push(queue.put(other.to_string()));
    }
    queue.put(valid.body.clone());

    assert_eq!(deployment.mail().await.len(), 1);
    for _ in 0..4 {
        assert!(!queue.is_empty());
        assert_eq!(deployment.mail().await, []);
    }
    let dead: Vec<_> = queue.dead().into_iter().map(|message| message.id).collect();
    assert_eq!((queue.is_empty(), dead), (true, malformed.clone()));
    let log = logs::so_far();
    for id in malformed {
        assert!(
            log.lines()
                .any(|line| line.contains(&format!("\"{id}\"")) && line.contains("no message of Postern"))
        );
    }
    assert!(!log.contains("LEAKED-BODY"), "the body of a message is not logged");
}

/// The mailer ends after SES took the mail and before the message is recorded as done. Then the user gets a second mail,
/// and only the code of that one is alive.
#[tokio::test]
async fn crash_between_the_mail_and_its_record_leads_to_a_second_mail() {
    let deployment = Deployment::start().await;
    ask(&deployment, "session", MailKind::ResetCode, &JOHNDOE);
    let messages = deployment.mail_services.queue.take();
    deployment.mail_services.answer(Answer::Lost);
    let mut sent = deployment.mail_services.mailbox.follow();
    tokio::select! {
        () = deployment.mail_services.deliver(deployment.mailer(), messages.clone()) => panic!("SES does not answer"),
        changed = sent.changed() => changed.unwrap(),
    }
    let [first] = &deployment.mail_services.mailbox.take()[..] else { panic!("one mail") };
    assert!(is_alive(&deployment, "session", &JOHNDOE, &code(first)).await);

    deployment.mail_services.answer(Answer::Sent);
    deployment.mail_services.deliver(deployment.mailer(), messages).await;
    assert_eq!(deployment.mail_services.mailbox.take(), [], "the lease of the crashed delivery holds");
    deployment.advance(LATER);
    let [second] = &deployment.mail().await[..] else { panic!("one mail") };
    assert!(is_alive(&deployment, "session", &JOHNDOE, &code(second)).await);
    assert!(code(first) == code(second) || !is_alive(&deployment, "session", &JOHNDOE, &code(first)).await);
}

#[tokio::test]
async fn store_that_fails_leaves_the_message_on_the_queue() {
    let mut deployment = Deployment::start().await;
    ask(&deployment, "session", MailKind::ResetCode, &JOHNDOE);
    deployment.stop_table().await;
    assert_eq!(deployment.mail().await, []);
    assert!(!deployment.mail_services.queue.is_empty());
}

/// Makes a message look as if the mailer had ended before it recorded it as done.
async fn undo_record(deployment: &Deployment, message: &Message) {
    let id = MailMessage::read(&message.body).unwrap().id;
    let mut item = raw::item(deployment, &format!("MAIL#{id}"), "MAIL").await.unwrap();
    item.remove("sent_at");
    raw::put(deployment, &format!("MAIL#{id}"), "MAIL", item).await;
}
