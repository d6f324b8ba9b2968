//! `postern user change`: names and attributes.

use postern::clock::Timestamp;
use postern::identity::LoginName;
use postern::store::LoginKind;
use postern::store::operator::{ChangeOutcome, Operator, OtherUsername, PasswordOf, UserChange, UserRecord};
use serde_json::json;

use crate::cli::{Cli, PASSWORD};

const JOHN: &str = "SecurePass123!";

async fn holder(store: &Operator, name: &str) -> Option<u64> {
    store.login(&LoginName::new(name)).await.unwrap().map(|login| login.user_id)
}

#[tokio::test]
async fn changed_username_signs_in_and_the_old_one_is_free() {
    let cli = Cli::start().await;
    let token = cli.token().await;
    let output = cli.run(&["user", "change", "johndoe", "--username", "John.Doe"]).await;
    output.prints(&["changed user 1 (John.Doe, johndoe@example.com): username\n"]);
    assert_eq!(cli.sign_in("account", "john.doe", JOHN).await, 200);
    assert_eq!(cli.sign_in("account", "johndoe", JOHN).await, 401);
    assert_eq!(cli.sign_in("email", "johndoe@example.com", JOHN).await, 200);
    let reply = cli.deployment.sso(&token).await;
    assert_eq!(
        (reply.status, reply.json()["username"].clone()),
        (200, json!("John.Doe")),
        "the token stays valid"
    );
    cli.add(&["johndoe"]).await.prints(&["created user 45 (johndoe)"]);
    assert_eq!(cli.sign_in("account", "johndoe", PASSWORD).await, 200);
    cli.run(&["user", "delete", "john.doe", "--yes"]).await.prints(&["deleted user 1"]);
    assert_eq!(holder(&cli.deployment.store, "john.doe").await, None);
    assert_eq!(holder(&cli.deployment.store, "johndoe").await, Some(45));
}

#[tokio::test]
async fn email_is_changed_removed_and_added() {
    let cli = Cli::start().await;
    let change = ["user", "change", "1", "--email", "John@MÜNCHEN.example"];
    cli.run(&change).await.prints(&["changed user 1 (johndoe, John@MÜNCHEN.example): email"]);
    assert_eq!(cli.sign_in("email", "john@xn--mnchen-3ya.example", JOHN).await, 200);
    assert_eq!(cli.sign_in("email", "johndoe@example.com", JOHN).await, 404);
    let removed = cli.run(&["user", "change", "1", "--no-email", "--json"]).await.json();
    assert_eq!((&removed["email"], &removed["changed"]), (&json!(null), &json!(["email"])));
    assert_eq!(holder(&cli.deployment.store, "john@münchen.example").await, None);
    assert_eq!(cli.sign_in("account", "johndoe", JOHN).await, 200);
    cli.run(&["user", "change", "1", "--email", "johndoe@example.com"]).await.prints(&["email"]);
    assert_eq!(cli.sign_in("email", "johndoe@example.com", JOHN).await, 200);
}

/// One item serves as username and e-mail address. Each of them can be given up without the other.
#[tokio::test]
async fn name_that_is_username_and_email_is_given_up_one_use_at_a_time() {
    let cli = Cli::start().await;
    let store = &cli.deployment.store;
    let kind = async |name| store.login(&LoginName::new(name)).await.unwrap().map(|login| login.kind);
    cli.add(&["ann@b.example", "--email", "Ann@B.example"]).await.prints(&["created user 45"]);
    assert_eq!(kind("ann@b.example").await, Some(LoginKind::Both));
    cli.run(&["user", "change", "45", "--email", "ann@c.example"]).await.prints(&["email"]);
    assert_eq!(kind("ann@b.example").await, Some(LoginKind::Username));
    assert_eq!(kind("ann@c.example").await, Some(LoginKind::Email));
    assert_eq!(cli.sign_in("email", "ann@b.example", PASSWORD).await, 404, "no e-mail address any more");
    assert_eq!(cli.sign_in("account", "ann@b.example", PASSWORD).await, 200);
    cli.run(&["user", "change", "45", "--username", "ann@c.example"]).await.prints(&["username"]);
    assert_eq!(kind("ann@c.example").await, Some(LoginKind::Both));
    assert_eq!(kind("ann@b.example").await, None);
    // Username and e-mail address change places.
    cli.run(&["user", "change", "45", "--username", "ann"]).await.prints(&["username"]);
    let places = ["user", "change", "45", "--username", "ann@c.example", "--email", "ann@b.example"];
    cli.run(&places).await.prints(&["username, email"]);
    assert_eq!(kind("ann").await, None);
    assert_eq!(kind("ann@c.example").await, Some(LoginKind::Username));
    assert_eq!(kind("ann@b.example").await, Some(LoginKind::Email));
}

#[tokio::test]
async fn change_of_case_only_keeps_the_login_name() {
    let cli = Cli::start().await;
    cli.run(&["user", "change", "johndoe", "--username", "JohnDoe"]).await.prints(&["(JohnDoe, "]);
    assert_eq!(holder(&cli.deployment.store, "johndoe").await, Some(1));
    assert_eq!(cli.sign_in("account", "johndoe", JOHN).await, 200);
    cli.run(&["user", "change", "johndoe", "--username", "JohnDoe"]).await.fails_with(4, "is so already");
}

#[tokio::test]
async fn taken_or_malformed_name_changes_nothing() {
    let cli = Cli::start().await;
    for (words, code, why) in [
        (&["--username", "St.Huber"][..], 4, "the username st.huber is taken: it is a login name of user 33"),
        (&["--email", "ST.HUBER@example.com"], 4, "is taken: it is a login name of user 33"),
        (&["--username", "st.huber@example.com"], 4, "the username st.huber@example.com is taken"),
        (
            &["--username", "free", "--email", "st.huber@example.com"],
            4,
            "the e-mail address st.huber@example.com is taken",
        ),
        (&["--username", "14"], 4, "may be another user's id"),
        (&["--username", ""], 2, "the username is empty or too long"),
        (&["--email", ""], 2, "--no-email removes it"),
        (&["--email", "example.com"], 2, "the e-mail address is not one"),
        (&["--attribute", "sso.role=king"], 2, "admin, moderator or editor"),
        (&["--attribute", "sso.rank=1"], 2, "there is no attribute sso.rank; there are email.avatar"),
        (&["--attribute", "mfa.bio"], 2, "has no value"),
        (&["--attribute", "mfa.bio=x", "--remove-attribute", "mfa.bio"], 2, "is named twice"),
        (&["--remove-attribute", "mfa.bio"], 4, "is so already"),
    ] {
        cli.run(&[&["user", "change", "johndoe"], words].concat()).await.fails_with(code, why);
    }
    cli.run(&["user", "change", "nobody", "--no-email"]).await.fails_with(3, "there is no user nobody");
    assert_eq!(cli.run(&["user", "change", "johndoe"]).await.code, 2);
    assert_eq!(cli.run(&["user", "change", "johndoe", "--no-email", "--email", "a@b.example"]).await.code, 2);
    let user = cli.deployment.store.user(1).await.unwrap().unwrap();
    assert_eq!((user.username.as_str(), user.email.as_str()), ("johndoe", "johndoe@example.com"));
    assert_eq!(holder(&cli.deployment.store, "free").await, None);
}

#[tokio::test]
async fn own_id_can_be_the_username() {
    let cli = Cli::start().await;
    cli.run(&["user", "change", "johndoe", "--username", "1"]).await.prints(&["changed user 1 (1, "]);
    assert_eq!(cli.sign_in("mfa", "1", JOHN).await, 200);
}

#[tokio::test]
async fn attributes_are_set_and_removed_by_contract() {
    let cli = Cli::start().await;
    let token = cli.token().await;
    let words =
        ["--attribute", "sso.role=moderator", "--attribute", "sso.tags=4 6", "--attribute", "mfa.bio=x=y"];
    let changed = cli.run(&[&["user", "change", "johndoe", "--json"], &words[..]].concat()).await.json();
    assert!(changed["changed"].as_array().unwrap().contains(&json!("sso.tags")), "{changed}");
    let sso = cli.deployment.sso(&token).await.json();
    assert_eq!((&sso["role"], &sso["tags"]), (&json!("moderator"), &json!([4, 6])));
    let words = ["user", "change", "johndoe", "--remove-attribute", "sso.tags", "--json"];
    let changed = cli.run(&words).await.json();
    assert_eq!(changed["changed"], json!(["sso.tags"]));
    assert_eq!(changed["attributes"]["mfa"]["bio"], "x=y");
    let reply = cli.deployment.sso(&token).await;
    assert_eq!((reply.status, &reply.json()["tags"]), (200, &json!(null)), "{reply:?}");
}

/// Failures that attackers caused, at a free name or at the former one, do not lock the user out of the new
/// one.
#[tokio::test]
async fn new_name_is_unlocked_and_the_old_one_is_as_any_unknown_name() {
    let cli = Cli::start().await;
    for name in ["johndoe", "johndoe@example.com"] {
        cli.deployment.store.lock_name(&LoginName::new(name), cli.deployment.now()).await.unwrap();
    }
    assert_eq!(cli.sign_in("account", "mallory", JOHN).await, 429, "a locked demo name");
    cli.run(&["user", "change", "johndoe", "--username", "mallory"]).await.prints(&["(mallory, "]);
    assert_eq!(cli.sign_in("account", "mallory", JOHN).await, 200);
    assert_eq!(cli.sign_in("account", "johndoe", JOHN).await, 401);
    assert_eq!(cli.sign_in("email", "johndoe@example.com", JOHN).await, 429, "a name that did not change");
    cli.run(&["user", "change", "mallory", "--email", "john@example.com"]).await.prints(&["email"]);
    assert_eq!(cli.sign_in("email", "john@example.com", JOHN).await, 200);
}

/// A user may change the kind of a name. An attacker who guesses at this name gets no new guesses by it.
#[tokio::test]
async fn name_that_stays_keeps_its_failures_whatever_it_becomes() {
    let cli = Cli::start().await;
    let address = "johndoe@example.com";
    let lock = async |name| {
        cli.deployment.store.lock_name(&LoginName::new(name), cli.deployment.now()).await.unwrap();
    };
    // Another spelling is the same name.
    lock("johndoe").await;
    cli.run(&["user", "change", "1", "--username", "JohnDoe"]).await.prints(&["username"]);
    assert_eq!(cli.sign_in("account", "johndoe", JOHN).await, 429);
    // The e-mail address becomes the username too, and then the e-mail address alone again.
    lock(address).await;
    for (username, becomes) in [(address, 429), ("john", 200)] {
        cli.run(&["user", "change", "1", "--username", username]).await.prints(&["username"]);
        assert_eq!(cli.sign_in("account", username, JOHN).await, becomes, "{username}");
        assert_eq!(cli.sign_in("email", address, JOHN).await, 429, "{username}");
    }
    // A username without failures takes none of those that the e-mail address leaves.
    cli.run(&["user", "change", "1", "--no-email"]).await.prints(&["email"]);
    assert_eq!(cli.sign_in("account", "john", JOHN).await, 200);
    cli.run(&["user", "change", "1", "--email", "new@example.com"]).await.prints(&["email"]);
    assert_eq!(cli.sign_in("email", "new@example.com", JOHN).await, 200);
}

/// Attempts by a further username count under the username, also when that changes.
#[tokio::test]
async fn further_usernames_count_under_the_new_username() {
    let cli = Cli::start().await;
    let store = &cli.deployment.store;
    let mut other = UserRecord::new("jd", cli.deployment.now());
    other.email = "johndoe@example.com".to_owned();
    let joined = store.join_user(1, &other, PasswordOf::First, false, cli.deployment.now()).await.unwrap();
    assert_eq!(joined.unwrap().username, OtherUsername::Added);
    cli.run(&["user", "change", "jd", "--username", "john"]).await.prints(&["username"]);
    let failures = async |name| {
        let attempts = store.attempts(&LoginName::new(name), cli.deployment.now()).await.unwrap();
        attempts.map_or(0, |attempts| attempts.failures)
    };
    assert_eq!(cli.sign_in("account", "jd", "wrong").await, 401);
    assert_eq!((failures("john").await, failures("jd").await), (1, 1));
    assert_eq!(cli.sign_in("account", "jd", JOHN).await, 200);
    assert_eq!((failures("john").await, failures("jd").await), (0, 0));
    // The further username becomes the username.
    cli.run(&["user", "change", "john", "--username", "JD"]).await.prints(&["username"]);
    let user = store.user(1).await.unwrap().unwrap();
    assert!(user.other_usernames.is_empty() && user.username == "JD");
    assert_eq!(holder(store, "john").await, None);
    cli.run(&["user", "show", "jd"]).await.prints(&["other usernames       none\n"]);
}

/// Two operators work from the same read. The second one's change is refused, and the table is as the first left it.
#[tokio::test]
async fn second_of_two_changes_at_once_is_refused() {
    let cli = Cli::start().await;
    let store = &cli.deployment.store;
    let read = store.user(1).await.unwrap().unwrap();
    let to = |username: &str| UserChange { username: Some(username.to_owned()), ..UserChange::default() };
    let now = cli.deployment.now();
    let (first, second) = (to("first"), to("second"));
    let (a, b) = tokio::join!(store.change_user(&read, &first, now), store.change_user(&read, &second, now));
    let changed = |outcome: &ChangeOutcome| matches!(outcome, ChangeOutcome::Changed(..));
    let (a, b) = (a.ok().unwrap(), b.ok().unwrap());
    assert!(changed(&a) != changed(&b), "exactly one of them");
    let refused = if changed(&a) { b } else { a };
    assert!(matches!(refused, ChangeOutcome::ChangedMeanwhile));
    let user = store.user(1).await.unwrap().unwrap();
    let other = if user.username == "first" { "second" } else { "first" };
    assert_eq!(holder(store, &user.username).await, Some(1));
    assert_eq!(holder(store, other).await, None);
    assert_eq!(holder(store, "johndoe").await, None);
}

/// A sign-in between the read and the write is no conflict, and what it wrote stays.
#[tokio::test]
async fn sign_in_meanwhile_is_kept() {
    let cli = Cli::start().await;
    let store = &cli.deployment.store;
    let read = store.user(1).await.unwrap().unwrap();
    cli.deployment.advance(std::time::Duration::from_secs(5));
    assert_eq!(cli.sign_in("account", "johndoe", JOHN).await, 200);
    let change = UserChange { email: Some("new@example.com".to_owned()), ..UserChange::default() };
    let outcome = store.change_user(&read, &change, Timestamp::from_millis(7)).await.ok().unwrap();
    assert!(matches!(outcome, ChangeOutcome::Changed(..)));
    let user = store.user(1).await.unwrap().unwrap();
    assert_eq!(user.last_sign_in, Some(cli.deployment.now()));
    assert_eq!((user.email.as_str(), user.updated_at.millis()), ("new@example.com", 7));
}
