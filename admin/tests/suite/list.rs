//! `postern user list`: searches, the order, and pages.

use postern::identity::LoginName;
use postern::store::operator::{NewUser, PasswordOf, UserRecord};
use serde_json::{Value, json};

use crate::cli::{Cli, CliOutput, command, run};

const ALL: [u64; 8] = [1, 14, 33, 40, 41, 42, 43, 44];

fn ids(output: &CliOutput) -> Vec<u64> {
    assert_eq!(output.code, 0, "{output:?}");
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap();
    output.out.lines().map(id).collect()
}

async fn list(cli: &Cli, words: &[&str]) -> Vec<u64> {
    ids(&cli.run(&[&["user", "list", "--json"], words].concat()).await)
}

/// Creates a user with this id, username and hash.
async fn create(cli: &Cli, id: u64, username: &str, hash: Option<&str>) {
    let mut user = UserRecord::new(username, cli.deployment.now());
    (user.id, user.password_hash) = (id, hash.map(str::to_owned));
    cli.deployment.store.create_users(vec![NewUser::new(user).unwrap()]).await.unwrap();
}

#[tokio::test]
async fn list_prints_a_line_for_each_user_by_id() {
    let cli = Cli::start().await;
    let all = cli.run(&["user", "list"]).await;
    all.prints(&["johndoe", "Zoë", "guarded"]);
    assert_eq!(all.out.lines().count(), 8);
    assert_eq!(list(&cli, &[]).await, ALL);
    let disabled = cli.run(&["user", "list", "--status", "disabled", "--json"]).await.json();
    let expected = json!({"id": 42, "username": "blocked", "email": "blocked@example.com", "status": "disabled",
        "mfa": false});
    assert_eq!(disabled, expected);
    let none = cli.run(&["user", "list", "--status", "blocked"]).await;
    assert_eq!((none.code, none.out.as_str(), none.err.as_str()), (0, "", ""));
    for words in [&["--status", "asleep"][..], &["--limit", "0"], &["--limit", "many"], &["--mfa", "perhaps"]]
    {
        assert_eq!(cli.run(&[&["user", "list"], words].concat()).await.code, 2, "{words:?}");
    }
    let long = "x".repeat(2000);
    cli.run(&["user", "list", "--prefix", &long]).await.fails_with(2, "longer than any login name");
}

/// Also if ids are far from each other, and users come and go between two pages.
#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let cli = Cli::start().await;
    for id in [5_000, 900_000, 9_007_199_254_740_991] {
        create(&cli, id, &format!("far{id}"), None).await;
    }
    let expected = [&ALL[..], &[5_000, 900_000, 9_007_199_254_740_991]].concat();
    for search in [&[][..], &["--mfa", "off"]] {
        let (mut found, mut after) = (Vec::new(), "0".to_owned());
        loop {
            let words = [&["user", "list", "--json", "--limit", "2", "--after", &after], search].concat();
            let page = cli.run(&words).await;
            let page_ids = ids(&page);
            assert!(page_ids.len() <= 2, "{page:?}");
            found.extend(page_ids);
            match page.err.trim_end().rsplit_once("--after ") {
                Some((_, next)) => after = next.to_owned(),
                None => break,
            }
        }
        let matching: Vec<u64> =
            expected.iter().copied().filter(|id| search.is_empty() || *id != 43).collect();
        assert_eq!(found, matching, "{search:?}");
    }
    // A user who is created after the first page, behind its end, is on the next one.
    let first = cli.run(&["user", "list", "--limit", "3"]).await;
    assert_eq!(first.err, "more users follow: the same command with --after 33\n");
    create(&cli, 35, "between", None).await;
    assert_eq!(list(&cli, &["--limit", "1", "--after", "33"]).await, [35]);
    assert_eq!(list(&cli, &["--after", "9007199254740991"]).await, [0_u64; 0]);
}

#[tokio::test]
async fn prefix_finds_usernames_and_addresses_in_any_form() {
    let cli = Cli::start().await;
    create(&cli, 50, "Änne", None).await;
    for (prefix, expected) in [
        ("JOHN", &[1][..]),
        ("st.huber@", &[33]),
        ("St", &[33]),
        ("A\u{308}NN", &[50]),
        ("ohn", &[][..]),
        ("", &[1, 14, 33, 40, 41, 42, 43, 44, 50]),
    ] {
        assert_eq!(list(&cli, &["--prefix", prefix]).await, expected, "{prefix}");
    }
    assert_eq!(list(&cli, &["--prefix", "", "--limit", "2", "--after", "14"]).await, [33, 40]);
    assert_eq!(list(&cli, &["--prefix", "", "--status", "disabled"]).await, [42]);
    // The old name is no longer found after a change.
    cli.run(&["user", "change", "johndoe", "--username", "renamed"]).await.prints(&["username"]);
    assert_eq!(list(&cli, &["--prefix", "renam"]).await, [1]);
}

#[tokio::test]
async fn users_are_found_by_their_state() {
    let cli = Cli::start().await;
    let bcrypt = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
    create(&cli, 51, "old", Some(bcrypt)).await;
    create(&cli, 52, "none", None).await;
    assert_eq!(list(&cli, &["--legacy-hash"]).await, [51]);
    assert_eq!(list(&cli, &["--mfa", "on"]).await, [43]);
    assert_eq!(list(&cli, &["--must-change-password"]).await, [41]);
    assert_eq!(list(&cli, &["--status", "not_activated", "--mfa", "off", "--limit", "5"]).await, [40]);
}

/// By any of the names that are counted. A locked name that no user has is nobody's.
#[tokio::test]
async fn locked_users_are_found_by_each_of_their_names() {
    let cli = Cli::start().await;
    assert_eq!(list(&cli, &["--locked"]).await, [0_u64; 0], "only names that no user has are locked");
    for (name, id) in [("st.huber", 33), ("johndoe@example.com", 1), ("14", 14)] {
        cli.deployment.store.lock_name(&LoginName::new(name), cli.deployment.now()).await.unwrap();
        assert!(list(&cli, &["--locked"]).await.contains(&id), "{name}");
    }
    assert_eq!(list(&cli, &["--locked", "--prefix", "johnd"]).await, [1]);
    assert_eq!(list(&cli, &["--locked", "--limit", "2"]).await, [1, 14]);
    cli.run(&["user", "unlock", "1"]).await.prints(&["unlocked"]);
    assert_eq!(list(&cli, &["--locked"]).await, [14, 33]);
    // Attempts by a further username count under the username.
    let mut other = UserRecord::new("jd", cli.deployment.now());
    other.email = "johndoe@example.com".to_owned();
    cli.deployment.store.join_user(1, &other, PasswordOf::First, false, cli.deployment.now()).await.unwrap();
    cli.deployment.store.lock_name(&LoginName::new("jd"), cli.deployment.now()).await.unwrap();
    assert_eq!(list(&cli, &["--locked"]).await, [1, 14, 33]);
    cli.run(&["user", "unlock", "johndoe"]).await.prints(&["johndoe: unlocked"]);
    assert_eq!(list(&cli, &["--locked"]).await, [14, 33]);
    // The limit of this environment counts.
    for _ in 0..2 {
        assert_eq!(cli.sign_in("account", "johndoe", "wrong").await, 401);
    }
    let mut strict = command(&["user", "list", "--locked", "--json"]);
    strict.env("THROTTLE_LOCK_AFTER", "2").env("THROTTLE_FREE_FAILURES", "1").args(cli.table());
    assert_eq!(ids(&run(&mut strict, "").await), [1, 14, 33]);
    // So do the failures from known addresses.
    cli.run(&["user", "unlock", "johndoe"]).await.prints(&["johndoe: unlocked"]);
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 200);
    assert_eq!(ids(&run(&mut strict, "").await), [14, 33]);
    for _ in 0..2 {
        assert_eq!(cli.sign_in("account", "johndoe", "wrong").await, 401);
    }
    assert_eq!(ids(&run(&mut strict, "").await), [1, 14, 33]);
}

#[tokio::test]
async fn json_has_no_character_that_a_terminal_obeys() {
    let cli = Cli::start().await;
    let (username, device) = ("gnp.\u{202e}exe\u{61c}", "\u{9b}2Jphone\u{7f}");
    let mut user = UserRecord::new(username, cli.deployment.now());
    user.id = 50;
    user.password_hash = cli.deployment.store.user(1).await.unwrap().unwrap().password_hash;
    cli.deployment.store.create_users(vec![NewUser::new(user).unwrap()]).await.unwrap();
    let body = json!({"username": username, "password": "SecurePass123!", "stay_logged_in": true,
        "session_information": device});
    assert_eq!(cli.deployment.sign_in("session", body).await.status, 200);
    for words in [
        &["user", "list", "--json", "--after", "49"][..],
        &["user", "show", "50", "--json"],
        &["user", "sessions", "50", "--json"],
        &["export"],
    ] {
        let output = run(command(words).args(cli.table()), "").await;
        assert_eq!(output.code, 0, "{words:?}: {output:?}");
        let obeyed = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{61c}'));
        assert!(!output.out.contains(obeyed), "{words:?}: {output:?}");
        let last: Value = serde_json::from_str(output.out.lines().last().unwrap()).unwrap();
        assert_eq!(last["username"], username, "{words:?}");
        if words.contains(&"sessions") {
            assert_eq!(last["sessions"][0]["device"], device);
        }
    }
}
