//! Who gets a mail, and what it says.

use postern::identity::Status;
use postern::mail::MailKind;
use postern::password_reset::CodeOwner;
use postern::store::Written;
use postern::store::operator::UserRecord;
use postern_local::mail::{Answer, SentMail};
use postern_tests::deployment::Deployment;
use postern_tests::logs;

use super::{JOHNDOE, ask, code, is_alive, stored};
use crate::support::raw;

/// Creates an active user with this name and address. Returns the user's id.
async fn create(deployment: &Deployment, username: &str, email: &str) -> u64 {
    let mut user = UserRecord::new(username, deployment.now());
    user.email = email.to_owned();
    deployment.store.create_user(user).await.unwrap()
}

async fn mail(deployment: &Deployment, contract: &str, kind: MailKind, owner: &CodeOwner) -> Vec<SentMail> {
    ask(deployment, contract, kind, owner);
    deployment.mail().await
}

#[tokio::test]
async fn nobody_gets_a_code_without_an_address_or_an_active_user_but_one_is_stored() {
    let deployment = Deployment::start().await;
    let without = create(&deployment, "withoutmail", "").await;
    let (dormant, disabled) = (40, 42);
    let blocked = create(&deployment, "locked.out", "locked.out@example.com").await;
    let written = deployment.store.set_status(blocked, Status::Blocked, deployment.now()).await;
    assert_eq!(written, Ok(Written::Done));
    let owners = [
        CodeOwner::User(without),
        CodeOwner::User(dormant),
        CodeOwner::User(disabled),
        CodeOwner::User(blocked),
        CodeOwner::User(999),
        CodeOwner::Name("0a".repeat(32)),
    ];
    for contract in ["session", "account"] {
        for owner in &owners {
            assert_eq!(
                mail(&deployment, contract, MailKind::ResetCode, owner).await,
                [],
                "{contract} {owner}"
            );
            assert!(stored(&deployment, contract, owner).await.is_some(), "{contract} {owner}");
        }
        // A decoy has the attributes of a code, so that the routes treat it alike.
        ask(&deployment, contract, MailKind::ResetCode, &JOHNDOE);
        deployment.mail().await;
        let attributes = async |owner: &CodeOwner| {
            let item = raw::item(&deployment, &format!("RESET#{owner}"), contract).await.unwrap();
            let mut of: Vec<_> = item.iter().map(|(name, value)| (name.clone(), value.is_n())).collect();
            of.sort();
            (of, item["digest"].as_s().unwrap().len())
        };
        let of_code = attributes(&JOHNDOE).await;
        for owner in &owners {
            assert_eq!(attributes(owner).await, of_code, "{owner}");
        }
    }
    assert!(deployment.mail_services.queue.is_empty(), "a decoy is no failure");
}

/// A code of a user is replaced by a decoy once the user is disabled, so that the old one is dead too.
#[tokio::test]
async fn decoy_replaces_a_code() {
    let deployment = Deployment::start().await;
    let [sent] = &mail(&deployment, "session", MailKind::ResetCode, &JOHNDOE).await[..] else { panic!() };
    let written = deployment.store.set_status(1, Status::Disabled, deployment.now()).await;
    assert_eq!(written, Ok(Written::Done));
    assert_eq!(mail(&deployment, "session", MailKind::ResetCode, &JOHNDOE).await, []);
    assert!(!is_alive(&deployment, "session", &JOHNDOE, &code(sent)).await);
}

#[tokio::test]
async fn notice_of_a_changed_password_goes_to_every_user_with_an_address_and_stores_no_code() {
    let deployment = Deployment::start().await;
    for contract in ["session", "account"] {
        for id in [1, 42] {
            let owner = CodeOwner::User(id);
            let [sent] = &mail(&deployment, contract, MailKind::PasswordChanged, &owner).await[..] else {
                panic!("{contract}: one mail to {id}")
            };
            assert!(sent.text.contains("was changed"), "{}", sent.text);
            assert_eq!(stored(&deployment, contract, &owner).await, None);
        }
    }
    assert_eq!(mail(&deployment, "session", MailKind::PasswordChanged, &CodeOwner::User(999)).await, []);
}

#[tokio::test]
async fn address_that_could_change_the_mail_is_no_address() {
    let deployment = Deployment::start().await;
    for (n, address) in [
        "eve@example.com\r\nBcc: all@example.com",
        "eve@example.com\n",
        "eve@example.com, all@example.com",
        "\"eve\"@example.com",
        "Eve <eve@example.com>",
        "eve",
    ]
    .into_iter()
    .enumerate()
    {
        let id = create(&deployment, &format!("eve{n}"), &format!("eve{n}@example.com")).await;
        let mut item = raw::item(&deployment, &format!("USER#{id}"), "USER").await.unwrap();
        item.insert("email".to_owned(), raw::text(address));
        raw::put(&deployment, &format!("USER#{id}"), "USER", item).await;
        let owner = CodeOwner::User(id);
        assert_eq!(mail(&deployment, "session", MailKind::ResetCode, &owner).await, [], "{address:?}");
        assert!(stored(&deployment, "session", &owner).await.is_some());
    }
}

#[tokio::test]
async fn username_is_text_in_html_and_one_line_in_text() {
    let deployment = Deployment::start().await;
    let name = "<img src=x onerror='a'>\"&{code}\r\nBcc: eve@example.com\u{0}";
    let id = create(&deployment, "hostile", "hostile@example.com").await;
    let mut item = raw::item(&deployment, &format!("USER#{id}"), "USER").await.unwrap();
    item.insert("username".to_owned(), raw::text(name));
    raw::put(&deployment, &format!("USER#{id}"), "USER", item).await;
    for contract in ["session", "account"] {
        for kind in [MailKind::ResetCode, MailKind::PasswordChanged] {
            let [sent] = &mail(&deployment, contract, kind, &CodeOwner::User(id)).await[..] else { panic!() };
            let shown = "&lt;img src=x onerror=&#39;a&#39;&gt;&quot;&amp;{code}  Bcc: eve@example.com ";
            assert!(sent.html.contains(shown) && !sent.html.contains("<img"), "{}", sent.html);
            assert!(sent.text.contains("\"&{code}  Bcc: eve@example.com "), "{}", sent.text);
            assert!(!sent.subject.contains("Bcc"), "{}", sent.subject);
            assert_eq!(sent.to, "hostile@example.com");
        }
    }
}

#[tokio::test]
async fn language_subject_and_pages_are_settings() {
    let deployment = Deployment::start_with(|env| {
        env.with("MAIL_LANGUAGE", "de")
            .with("MAIL_SUBJECT_RESET_CODE", "Passwort für <Verein>")
            .with("SESSION_RESET_URL", "https://verein.example/reset?a=1&b=2")
            .with("ACCOUNT_RESET_URL", "https://verein.example/neu/{code}?a=1&b=2")
            .with("MAIL_FROM", "hallo@verein.example")
    })
    .await;
    let [session] = &mail(&deployment, "session", MailKind::ResetCode, &JOHNDOE).await[..] else { panic!() };
    assert_eq!(
        (session.subject.as_str(), session.from.as_str()),
        ("Passwort für <Verein>", "hallo@verein.example")
    );
    assert!(session.text.contains("Ihr Code lautet"), "{}", session.text);
    assert!(session.text.contains("15 Minuten"), "{}", session.text);
    assert!(session.text.contains("https://verein.example/reset?a=1&b=2"), "{}", session.text);
    assert!(session.html.contains("href=\"https://verein.example/reset?a=1&amp;b=2\""), "{}", session.html);
    assert!(session.html.contains("<title>Passwort für &lt;Verein&gt;</title>"), "{}", session.html);
    let [account] = &mail(&deployment, "account", MailKind::ResetCode, &JOHNDOE).await[..] else { panic!() };
    assert!(account.text.contains("24 Stunden"), "{}", account.text);
    let link = account.text.lines().find(|line| line.starts_with("https://verein.example/neu/1-")).unwrap();
    assert!(link.ends_with("?a=1&b=2"), "{link}");
    let [changed] = &mail(&deployment, "account", MailKind::PasswordChanged, &JOHNDOE).await[..] else {
        panic!()
    };
    assert_eq!(changed.subject, "Ihr Passwort wurde geändert");
}

/// SES's own message holds the address. Neither it nor a code is in a log line.
#[tokio::test]
async fn address_and_code_are_in_no_log_line() {
    let deployment = Deployment::start().await;
    let id = create(&deployment, "discreet", "never.logged@example.com").await;
    let owner = CodeOwner::User(id);
    for (status, code) in
        [(400, "MessageRejected"), (429, "TooManyRequestsException"), (500, "InternalFailure")]
    {
        deployment.mail_services.answer(Answer::Refused(status, code));
        assert_eq!(mail(&deployment, "account", MailKind::ResetCode, &owner).await, []);
        deployment.mail_services.queue.take();
        assert!(logs::so_far().contains(&format!("SES refuses the mail: {code}")), "{code}");
    }
    deployment.mail_services.answer(Answer::Sent);
    let [sent] = &mail(&deployment, "account", MailKind::ResetCode, &owner).await[..] else { panic!() };
    let secret = code(sent);
    mail(&deployment, "account", MailKind::PasswordChanged, &owner).await;
    let log = logs::so_far();
    assert!(!log.contains("never.logged") && !log.contains("discreet"));
    assert!(!log.contains(&secret[secret.len() - 64..]));
    let is_logged = |kind: &str| {
        let parts = ["\"message\":\"mail\"", &format!("\"user_id\":{id}"), kind, "\"outcome\":\"sent\""];
        log.lines().any(|line| parts.iter().all(|part| line.contains(part)))
    };
    assert!(is_logged("\"kind\":\"reset_code\"") && is_logged("\"kind\":\"password_changed\""));
}
