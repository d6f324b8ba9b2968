//! A caller cannot learn which users exist. Before the right password, every login name gets the same reply for the
//! same work.

use std::collections::BTreeMap;

use postern::identity::Status;
use postern_local::demo::{self, USERS};
use postern_tests::contracts::{self, LoginNameKind, login_name};
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, name_at};

use crate::support::proxy::{CHARGE, Proxy};
use crate::support::raw::{self, Item};
use crate::support::routes::{
    RouteUnderTest, Violation, assert_every_route, ensure, with_password, with_unknown_user,
};
use crate::support::words::{LONGEST_WAIT, Refused, assert_refusal, unlimited};

/// A legacy hash that is cheaper than ours.
const CHEAP: &str = "$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

/// A legacy hash of another algorithm.
const BCRYPT: &str = "$2b$04$XvvQXYj3TqeyzdnKlyvUPO0D6kTRZjMbUWqQHrFuJJ/b9XMWkawCO";

/// A username that could be an id.
const DIGITS: &str = "4915112345678";

/// Users of other kinds than the demo users: one without a password, one blocked, two with imported
/// hashes, and one whose username could be an id.
async fn with_odd_users(deployment: &Deployment) {
    for (id, username, status) in [
        (201, "nopass", Status::Active),
        (202, "shutout", Status::Blocked),
        (203, "imported", Status::Active),
        (204, "brought", Status::Active),
        (205, DIGITS, Status::Active),
    ] {
        let mut user = demo::user(&deployment.app, &USERS[0]);
        (user.id, user.username, user.email) = (id, username.to_owned(), format!("{username}@example.com"));
        user.status = status;
        if username == "nopass" {
            user.password_hash = None;
        }
        if username == "imported" {
            user.password_hash = Some(CHEAP.to_owned());
        }
        if username == "brought" {
            user.password_hash = Some(BCRYPT.to_owned());
        }
        deployment.store.create_user(user).await.unwrap();
    }
}

const NAMES: [&str; 10] = [
    "nobody", "johndoe", "nopass", "imported", "brought", "blocked", "shutout", "dormant", "changer",
    "guarded",
];

/// The kind of one of these names. Ids have digits only.
fn kind_of(name: &str) -> LoginNameKind {
    match name {
        _ if name.contains('@') => LoginNameKind::Email,
        _ if name.parse::<u64>().is_ok() => LoginNameKind::Id,
        _ => LoginNameKind::Username,
    }
}

/// A wrong password gets the same reply, the same hashes and the same requests to the table, whether the user exists or
/// not.
pub(crate) async fn check(route: &RouteUnderTest) -> Result<(), Violation> {
    for event in &route.events {
        let Some(known) = with_password(event, "wrong") else { continue };
        // If the user comes from a token, there is no unknown user.
        let Some(unknown) = with_unknown_user(&known) else { continue };
        let (deployment, proxy) = route.deployment(|env| env.with("HIDE_UNKNOWN_USERS", "true")).await;
        let mut seen = Vec::new();
        for event in [known, unknown] {
            let before = deployment.app.passwords().verifications();
            let reply = route.send(&deployment, &event).await;
            seen.push((
                reply,
                deployment.app.passwords().verifications() - before,
                proxy.requests_of_any_name(),
            ));
        }
        ensure(seen[0] == seen[1], || format!("known and unknown users differ: {seen:?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn every_route_answers_known_and_unknown_users_alike() {
    assert_every_route(|route| Box::pin(check(route))).await;
}

/// The calls to the table are equal, too, but for the values in them, and the place of the name's counter.
/// What a hash costs is tested in `password`.
#[tokio::test]
async fn refused_attempts_get_one_reply_one_hash_and_the_same_requests_to_the_table() {
    for contract in PASSWORD_ROUTES {
        let (deployment, proxy) =
            Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
        with_odd_users(&deployment).await;
        let mut names = NAMES.map(|name| name_at(contract, name)).to_vec();
        // Names of the other kinds, which some contracts accept.
        names.extend(["1", "999", DIGITS, "johndoe", "johndoe@example.com"].map(str::to_owned));
        let mut first = BTreeMap::new();
        for name in names {
            // While a name that could be an id is counted, a user is read.
            let is_id = contract == "mfa" && kind_of(&name) == LoginNameKind::Id;
            for password in ["wrong", " Password1234!", "\0"] {
                let before = deployment.app.passwords().verifications();
                proxy.calls();
                let reply = deployment.password(contract, &name, password).await;
                let requests = proxy.requests_of_any_name();
                let of = format!("{name} with {password:?}");
                assert_eq!(deployment.app.passwords().verifications() - before, 1, "{contract}: {of}");
                let known = contracts::get(contract).login_names.contains(&kind_of(&name))
                    && !name.starts_with("nobody")
                    && name != "999"
                    || name == DIGITS && contract != "email";
                let refused = if known { Refused::Wrong } else { Refused::UnknownUser };
                assert_refusal(contract, refused, &reply, &of);
                let first = first.entry(is_id).or_insert_with(|| requests.clone());
                assert_eq!(&requests, first, "{contract}: {of}");
                deployment.advance(LONGEST_WAIT);
            }
        }
        for (is_id, requests) in first {
            let calls: Vec<_> = requests.iter().map(|(call, _)| call.as_str()).collect();
            let mut expected = vec![
                "GetItem LOGIN",
                "UpdateItem ADDRESS SET charged_by = :charged_by, expires_at = :expires_at ADD failures :failures",
                CHARGE,
            ];
            if is_id {
                expected.insert(1, "GetItem USER");
            }
            assert_eq!(calls, expected, "{contract}");
        }
    }
}

/// IAM lets a function update any user. If it was taken over, it may leave an item under id 0, which no user
/// has. A copy of a user is more than IAM lets it write.
#[tokio::test]
async fn item_with_id_0_changes_no_reply_and_no_charge() {
    for contract in PASSWORD_ROUTES {
        let deployment = Deployment::start_with(|env| env.with("HIDE_UNKNOWN_USERS", "true")).await;
        let half = Item::from([("epoch".to_owned(), raw::number(1))]);
        let mut copy = raw::user(&deployment, 1).await;
        copy.extend([("pk".to_owned(), raw::text("USER#0")), ("id".to_owned(), raw::number(0))]);
        for (round, item) in (1..).zip([half, copy]) {
            raw::put(&deployment, "USER#0", "USER", item).await;
            for (name, password) in [("nobody", "SecurePass123!"), ("johndoe", "wrong")] {
                let name = name_at(contract, name);
                let before = deployment.app.passwords().verifications();
                let reply = deployment.password(contract, &name, password).await;
                assert_refusal(contract, Refused::Wrong, &reply, &name);
                assert_eq!(deployment.app.passwords().verifications() - before, 1, "{contract} {name}");
                let counter = raw::name_counter(&deployment, &name).await;
                let failures = raw::failures(&deployment, &counter).await;
                assert_eq!(failures, round, "{contract} {name}");
            }
            let failures = raw::failures(&deployment, &raw::address_counter(&deployment, 300)).await;
            assert_eq!(failures, 2 * round, "{contract}");
        }
    }
}

#[tokio::test]
async fn email_with_hide_unknown_users_answers_known_and_unknown_users_alike() {
    let deployment = Deployment::start_with(|env| {
        env.with("HIDE_UNKNOWN_USERS", "true").with("THROTTLE_ADDRESS_LIMIT", "1000000")
    })
    .await;
    with_odd_users(&deployment).await;
    for name in NAMES {
        let before = deployment.app.passwords().verifications();
        let reply = deployment.password("email", &name_at("email", name), "wrong").await;
        assert_eq!(deployment.app.passwords().verifications() - before, 1, "{name}");
        assert_refusal("email", Refused::Wrong, &reply, name);
    }
    let reply = deployment.password("email", &"a".repeat(1025), "wrong").await;
    assert_refusal("email", Refused::Wrong, &reply, "a name that is too long");
}

#[tokio::test]
async fn throttled_name_gets_one_reply_and_no_hash_even_for_the_right_password() {
    for contract in PASSWORD_ROUTES {
        let deployment = unlimited().await;
        with_odd_users(&deployment).await;
        for name in NAMES {
            let name = name_at(contract, name);
            for _ in 0..5 {
                deployment.password(contract, &name, "wrong").await;
            }
            let before = deployment.app.passwords().verifications();
            for password in ["wrong", "Password1234!", "SecurePass123!"] {
                let reply = deployment.password(contract, &name, password).await;
                assert_refusal(contract, Refused::Throttled(1), &reply, &format!("{name} with {password}"));
            }
            assert_eq!(deployment.app.passwords().verifications(), before, "{contract} {name}");
        }
    }
}

#[tokio::test]
async fn account_state_is_disclosed_only_after_the_right_password() {
    // Wrong passwords at several routes count for one name. None of the attempts may have to wait.
    let deployment = Deployment::start_with(|env| {
        env.with("THROTTLE_ADDRESS_LIMIT", "1000000").with("THROTTLE_FREE_FAILURES", "20")
    })
    .await;
    with_odd_users(&deployment).await;
    for contract in PASSWORD_ROUTES {
        for (name, password, refused) in [
            ("blocked", "Password1234!", Refused::Disabled),
            ("shutout", "SecurePass123!", Refused::Disabled),
            ("dormant", "Password1234!", Refused::NotActivated),
            ("changer", "Password1234!", Refused::MustChangePassword),
            ("guarded", "Password1234!", Refused::MfaRequired),
        ] {
            let name = name_at(contract, name);
            let reply = deployment.password(contract, &name, "wrong").await;
            assert_refusal(contract, Refused::Wrong, &reply, &name);
            let reply = deployment.password(contract, &name, password).await;
            assert_refusal(contract, refused, &reply, &name);
        }
        // If several states apply, the first in the contracts' order is disclosed.
        let id = 300 + PASSWORD_ROUTES.iter().position(|c| *c == contract).unwrap() as u64;
        let mut user = demo::user(&deployment.app, &USERS[0]);
        (user.id, user.username, user.email) = (id, format!("u{id}"), format!("u{id}@example.com"));
        (user.status, user.must_change_password) = (Status::NotActivated, true);
        deployment.store.create_user(user).await.unwrap();
        let reply =
            deployment.password(contract, &name_at(contract, &format!("u{id}")), "SecurePass123!").await;
        assert_refusal(contract, Refused::NotActivated, &reply, "not activated before must change");
    }
}

#[tokio::test]
async fn password_matches_as_sent_or_in_nfc_and_in_no_other_form() {
    let deployment = unlimited().await;
    for contract in PASSWORD_ROUTES {
        // Zoë's password in another case, with other spaces, or cut.
        let name = login_name(contract, "Zoë", "zoe@example.com");
        for password in ["PÄSSWÖRD ☃", "pässwörd\u{a0}☃", "pässwörd ☃ ", " pässwörd ☃", "pässwörd "]
        {
            let reply = deployment.password(contract, name, password).await;
            assert_refusal(contract, Refused::Wrong, &reply, password);
        }
        deployment.advance(LONGEST_WAIT);
        assert_eq!(deployment.password(contract, name, "pässwörd ☃").await.status, 200, "{contract}");
    }
}

#[tokio::test]
async fn contract_accepts_only_its_own_kinds_of_login_name() {
    let deployment = unlimited().await;
    for contract in contracts::entries() {
        for name in ["johndoe", "johndoe@example.com", "1"] {
            let before = deployment.app.passwords().verifications();
            let reply = deployment.password(contract.name, name, "SecurePass123!").await;
            match contract.login_names.contains(&kind_of(name)) {
                true => assert_eq!(reply.status, 200, "{} {name}", contract.name),
                false => assert_refusal(contract.name, Refused::UnknownUser, &reply, name),
            }
            assert_eq!(deployment.app.passwords().verifications() - before, 1);
        }
    }
    for name in ["johndoe", "johndoe@example.com", "1"] {
        let reply = deployment.password("mfa", name, "SecurePass123!").await;
        assert_eq!((reply.status, &reply.json()["account"]["id"]), (200, &1.into()), "{name}");
    }
}

#[tokio::test]
async fn name_that_is_username_and_address_signs_in_at_every_contract() {
    let deployment = Deployment::start().await;
    let mut user = demo::user(&deployment.app, &USERS[0]);
    (user.id, user.username, user.email) = (0, "Both@example.com".to_owned(), "both@Example.com".to_owned());
    deployment.store.create_user(user).await.unwrap();
    for contract in PASSWORD_ROUTES {
        let reply = deployment.password(contract, "both@example.com", "SecurePass123!").await;
        assert_eq!(reply.status, 200, "{contract}");
    }
}
