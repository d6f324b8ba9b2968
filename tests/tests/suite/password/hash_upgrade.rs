//! Imported hashes: their users sign in at every contract with the passwords that they had, and the hashes become
//! Argon2id.

use std::time::Duration;

use postern::environment::Environment;
use postern::identity::Status;
use postern::store::operator::UserRecord;
use postern::token::SAMPLE_KEYS;
use postern_local::demo::{self, USERS};
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, name_at};
use postern_tests::logs;
use serde_json::{Value, json};

use crate::support::jwt::encode;
use crate::support::proxy::{Fate, Proxy};
use crate::support::raw;
use crate::support::words::{LONGEST_WAIT, Refused, assert_refusal, unlimited};

/// Stored forms and their passwords: the samples of the products, and one of each kind that they lack.
const BROUGHT: [(&str, &str); 10] = [
    ("bcrypt_suffix$33$$2y$10$abcdefghijklmnopqrstuuTNk2TG.5YzeKDfsFTccKMbtkTqCpxU6", "Password1234!"),
    (
        "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$11kKyiyYAc8G7rp3KmncMc44YlkdllIqxOa7pq0fMaUtb3NvK4WtqmJiM16xEuVvAU9BejfXS+De92abLFHCng",
        "correct horse battery staple",
    ),
    ("$2a$10$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W", "correct horse battery staple"),
    ("pbkdf2_sha256$600000$abcdefghijklmnop$2Q1YqRMJyjqg2AY21ZFOi4LoJwz+92EwDWQ26+3qExI=", "SecurePass123!"),
    ("pbkdf2_sha1$1000$saltsaltsalt$EIBKrqEk0204gyoeOTtcWGj9/9k=", "pässwörd ☃"),
    ("bcrypt_sha256$$2b$04$/ejJiyk3T0XaeIYXtnP4zOqicNf2.3D8D7DOpTqIkvkFv.N8JYJDC", "pässwörd ☃"),
    (
        "scrypt$1024$saltsaltsalt$8$2$NtR0w6skoBeKUjMVVcBlHL3NJvtH8rfcj0QHWkoKq1UA5Go8owqo4VvyplvR6Z8kWQ00a6QU3bhO/VhrzWLV6Q==",
        "pässwörd ☃",
    ),
    (
        "$pbkdf2-sha512$i=1000,l=64$MDEyMzQ1Njc4OWFiY2RlZg$OARApVLI3MI1fnnidh/b2hZ3WdAXTP1pBzC8SKo/VZOyPXftwcYoJeGVePebBEAZ4jb+6mLeEntQ/M27Fglnlg",
        "pässwörd ☃",
    ),
    ("$P$6XabC3/SxZqP66aKEjFQMs0lFWq0BF/", "pässwörd ☃"),
    (
        "$argon2i$v=19$m=1024,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$I8H0gTqmQBZsxca9EJDCQZqM+DGu+htJxWUJPuijc4Q",
        "pässwörd ☃",
    ),
];

/// A cheap hash, for tests of something else.
const CHEAP: (&str, &str) = ("$2b$04$XvvQXYj3TqeyzdnKlyvUPO0D6kTRZjMbUWqQHrFuJJ/b9XMWkawCO", "pässwörd ☃");

/// A hash of a password with the pepper `a`.
const PEPPERED: (&str, &str) = (
    "peppered$a$hmac-sha256$$pbkdf2-sha512$i=12000$MDEyMzQ1Njc4OWFiY2RlZg$ewytqIT87g2g7UaRrYuQAayR+LAD60TZTAEP7R0OB2HtrdcWopOmw7URDagbovZwhwBGpuxxrlgGCyz+4IwwlA",
    "pässwörd ☃",
);
/// That pepper, and another.
const PEPPER: &[u8] = b"postern sample pepper of tests";
const OTHER_PEPPER: &[u8] = b"postern sample pepper of others";

pub(super) const OURS: &str = "$argon2id$v=19$m=19456,t=2,p=1$";
const COMMIT: &str = "UpdateItem USER SET last_sign_in";

/// A user with this hash, created as an import does, but for what `change` changes.
pub(super) async fn bring(
    deployment: &Deployment,
    id: u64,
    hash: &str,
    change: impl FnOnce(&mut UserRecord),
) -> String {
    let mut user = demo::user(&deployment.app, &USERS[0]);
    let username = format!("brought{id}");
    (user.id, user.username, user.email) = (id, username.clone(), format!("{username}@example.com"));
    user.password_hash = Some(hash.to_owned());
    change(&mut user);
    deployment.store.create_user(user).await.unwrap();
    username
}

/// The environment with this pepper in the signing secret.
fn with_pepper(env: Environment, id: &str, pepper: &[u8]) -> Environment {
    let mut keys: Value = serde_json::from_str(SAMPLE_KEYS).unwrap();
    keys["password_peppers"] = json!({id: encode(pepper)});
    env.with("SIGNING_KEYS", keys.to_string())
}

pub(super) async fn stored(deployment: &Deployment, id: u64) -> String {
    raw::user(deployment, id).await["password_hash"].as_s().unwrap().clone()
}

#[tokio::test]
async fn imported_hash_signs_in_at_every_contract_and_becomes_argon2id() {
    let deployment = unlimited().await;
    for (number, (hash, password)) in BROUGHT.into_iter().enumerate() {
        for (function, contract) in PASSWORD_ROUTES.into_iter().enumerate() {
            let id = 1000 + 10 * number as u64 + function as u64;
            let name = name_at(contract, &bring(&deployment, id, hash, |_| ()).await);
            let reply = deployment.password(contract, &name, &password.to_uppercase()).await;
            assert_refusal(contract, Refused::Wrong, &reply, hash);
            assert_eq!(stored(&deployment, id).await, hash);
            assert_eq!(
                deployment.password(contract, &name, password).await.status,
                200,
                "{contract}: {hash}"
            );
            let ours = stored(&deployment, id).await;
            assert!(ours.starts_with(OURS), "{contract}: {hash} became {ours}");
            let epoch = &raw::user(&deployment, id).await["epoch"];
            assert_eq!(*epoch, raw::number(0), "nobody is signed out by it");
            let reply = deployment.password(contract, &name, &password.to_uppercase()).await;
            assert_refusal(contract, Refused::Wrong, &reply, hash);
            assert_eq!(
                deployment.password(contract, &name, password).await.status,
                200,
                "{contract}: {hash}, again"
            );
            assert_eq!(stored(&deployment, id).await, ours, "once is enough");
        }
    }
}

#[tokio::test]
async fn peppered_hash_signs_in_at_every_contract_and_loses_its_pepper() {
    let mut deployment = Deployment::start_with(|env| with_pepper(env, "a", PEPPER)).await;
    let (hash, password) = PEPPERED;
    for (id, contract) in (1000..).zip(PASSWORD_ROUTES) {
        let name = name_at(contract, &bring(&deployment, id, hash, |_| ()).await);
        for wrong in [password.to_uppercase(), format!("{password}\0"), format!("{password}x")] {
            let reply = deployment.password(contract, &name, &wrong).await;
            assert_refusal(contract, Refused::Wrong, &reply, &wrong);
            assert_eq!(stored(&deployment, id).await, hash);
        }
        assert_eq!(deployment.password(contract, &name, password).await.status, 200, "{contract}");
        assert!(stored(&deployment, id).await.starts_with(OURS), "{contract}");
    }
    deployment.restart(|env| env.with("SIGNING_KEYS", SAMPLE_KEYS)).await;
    for (id, contract) in (1000..).zip(PASSWORD_ROUTES) {
        let name = name_at(contract, &format!("brought{id}"));
        assert_eq!(deployment.password(contract, &name, password).await.status, 200, "{contract}");
    }
}

#[tokio::test]
async fn password_with_another_pepper_or_none_is_wrong_and_changes_nothing() {
    let (hash, password) = PEPPERED;
    for (id, pepper, logged) in [("a", OTHER_PEPPER, 0), ("pepper-elsewhere", PEPPER, 1)] {
        let deployment = Deployment::start_with(|env| with_pepper(env, id, pepper)).await;
        for (user, contract) in (1000..).zip(PASSWORD_ROUTES) {
            // An id of its own, since the log is shared.
            let missing = format!("gone-{user}");
            let hash =
                if logged == 0 { hash.to_owned() } else { hash.replace("$a$", &format!("${missing}$")) };
            let name = name_at(contract, &bring(&deployment, user, &hash, |_| ()).await);
            let before = raw::user(&deployment, user).await;
            let verified = deployment.app.passwords().verifications();
            let reply = deployment.password(contract, &name, password).await;
            assert_refusal(contract, Refused::Wrong, &reply, id);
            assert_eq!(deployment.app.passwords().verifications() - verified, 1, "{contract} {id}");
            assert_eq!(raw::user(&deployment, user).await, before, "{contract} {id}");
            let cause = format!("the signing secret has no password pepper {missing}");
            let lines = logs::so_far();
            let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let logged_errors =
                lines.filter(|line| line["cause"] == json!(cause) && line["level"] == json!("ERROR"));
            assert_eq!(logged_errors.count(), logged, "{contract} {id}");
        }
    }
}

/// One of the products accepts any password if the stored text is no hash. Postern then refuses every password.
/// The last one costs more than is allowed.
#[tokio::test]
async fn stored_text_that_is_no_hash_refuses_after_one_decoy() {
    let deployment = unlimited().await;
    let unusable = [
        "Null",
        "!",
        "!WjYxZ",
        "",
        "plaintext",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "$2y$10$",
        "layered$sha512-crypt$700001$c2FsdA$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ];
    for (number, hash) in unusable.into_iter().enumerate() {
        let id = 1000 + number as u64;
        bring(&deployment, id, hash, |_| ()).await;
        for contract in PASSWORD_ROUTES {
            for password in [hash, "Null", "plaintext", "password", "anything"] {
                let before = deployment.app.passwords().verifications();
                let name = name_at(contract, &format!("brought{id}"));
                let body = if password.is_empty() { " " } else { password };
                let reply = deployment.password(contract, &name, body).await;
                assert_refusal(contract, Refused::Wrong, &reply, &format!("{hash:?} with {password:?}"));
                assert_eq!(deployment.app.passwords().verifications() - before, 1);
                deployment.advance(LONGEST_WAIT);
            }
        }
        assert_eq!(stored(&deployment, id).await, hash);
    }
}

#[tokio::test]
async fn concurrent_sign_ins_all_succeed_and_leave_one_valid_hash() {
    let deployment = unlimited().await;
    let name = bring(&deployment, 1000, CHEAP.0, |_| ()).await;
    let attempt = || deployment.password("account", &name, CHEAP.1);
    let (a, b, c, d) = tokio::join!(attempt(), attempt(), attempt(), attempt());
    for reply in [a, b, c, d] {
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    assert!(stored(&deployment, 1000).await.starts_with(OURS));
    assert_eq!(deployment.password("account", &name, CHEAP.1).await.status, 200);
}

/// The first write of a new hash arrives after the second. Both are of the same password, and the later one stays.
#[tokio::test]
async fn upgrade_that_arrives_late_undoes_nothing() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    let name = bring(&deployment, 1000, CHEAP.0, |_| ()).await;
    let mut held = false;
    proxy.rule(move |seen| {
        if seen.starts_with(COMMIT) && !std::mem::replace(&mut held, true) { Fate::Hold } else { Fate::Pass }
    });
    let second = async {
        proxy.reached().await;
        assert_eq!(deployment.password("account", &name, CHEAP.1).await.status, 200);
        let before = stored(&deployment, 1000).await;
        proxy.release();
        before
    };
    let (first, before) = tokio::join!(deployment.password("account", &name, CHEAP.1), second);
    assert_eq!(first.status, 200);
    let after = stored(&deployment, 1000).await;
    assert!(before.starts_with(OURS) && after.starts_with(OURS) && before != after);
    assert_eq!(deployment.password("account", &name, CHEAP.1).await.status, 200);
}

/// The password is changed between the verification and the write. The new one stays, and the old one is refused.
#[tokio::test]
async fn upgrade_does_not_overwrite_a_password_changed_meanwhile() {
    for by in [None, Some("582969")] {
        let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
        deployment.set_time(postern::clock::Timestamp::from_millis(1_700_000_000_000));
        let guard = |user: &mut UserRecord| {
            if by.is_some() {
                user.mfa = demo::user(&deployment.app, &USERS[6]).mfa;
            }
        };
        let name = bring(&deployment, 1000, CHEAP.0, guard).await;
        proxy.rule(|seen| if seen.starts_with(COMMIT) { Fate::Hold } else { Fate::Pass });
        let changed = deployment.app.passwords().hash("another password", [5; 16]).unwrap();
        let operator = async {
            proxy.reached().await;
            let mut item = raw::user(&deployment, 1000).await;
            item.insert("password_hash".to_owned(), raw::text(&changed));
            item.insert("epoch".to_owned(), raw::number(1));
            raw::put(&deployment, "USER#1000", "USER", item).await;
            proxy.heal();
            proxy.release();
        };
        let body = json!({"username": name, "password": CHEAP.1, "token": by});
        let (reply, ()) = tokio::join!(deployment.sign_in("account", body), operator);
        assert_refusal("account", Refused::Wrong, &reply, "the old password, too late");
        assert_eq!(stored(&deployment, 1000).await, changed);
        let reply =
            deployment.sign_in("account", json!({"username": name, "password": CHEAP.1, "token": by})).await;
        assert_refusal("account", Refused::Wrong, &reply, "the old password");
    }
}

/// A crash leaves either the old hash or the new one, and the user signs in with either.
#[tokio::test]
async fn crash_during_an_upgrade_leaves_the_old_hash_or_the_new() {
    for lands in [false, true] {
        let (mut deployment, mut proxy) = Proxy::deployment(|env| env).await;
        let name = bring(&deployment, 1000, CHEAP.0, |_| ()).await;
        let fate = move || if lands { Fate::LandAndHang } else { Fate::Hang };
        proxy.rule(move |seen| if seen.starts_with(COMMIT) { fate() } else { Fate::Pass });
        let event =
            deployment.event("account", Some(&json!({"username": name, "password": CHEAP.1}).to_string()));
        let request = tokio::spawn(deployment.function("account").invoke(event));
        proxy.reached().await;
        request.abort();
        assert!(request.await.is_err_and(|error| error.is_cancelled()));
        proxy.heal();
        deployment.restart(|env| env).await;
        assert_eq!(stored(&deployment, 1000).await.starts_with(OURS), lands);
        assert_eq!(deployment.password("account", &name, CHEAP.1).await.status, 200, "landed: {lands}");
        assert!(stored(&deployment, 1000).await.starts_with(OURS));
    }
}

/// The table refuses the write, or its answer is lost. Neither keeps the user out.
#[tokio::test]
async fn upgrade_that_fails_is_made_at_the_next_sign_in() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let name = bring(&deployment, 1000, CHEAP.0, |_| ()).await;
    proxy.fail(|seen| {
        seen.starts_with(COMMIT).then(|| crate::support::proxy::error(400, "AccessDeniedException"))
    });
    assert_eq!(deployment.password("account", &name, CHEAP.1).await.status, 200);
    assert_eq!(stored(&deployment, 1000).await, CHEAP.0);
    proxy.first(&[COMMIT], Fate::lose);
    assert_eq!(deployment.password("account", &name, CHEAP.1).await.status, 200);
    assert!(stored(&deployment, 1000).await.starts_with(OURS));
    proxy.heal();
    assert_eq!(deployment.password("account", &name, CHEAP.1).await.status, 200);
}

/// Without a complete sign-in nothing is written: no code, a wrong code, or a state that refuses the user.
#[tokio::test]
async fn only_a_sign_in_upgrades_a_hash() {
    let deployment = unlimited().await;
    deployment.set_time(postern::clock::Timestamp::from_millis(1_700_000_000_000));
    let mfa = demo::user(&deployment.app, &USERS[6]).mfa;
    let guarded = bring(&deployment, 1000, CHEAP.0, |user| user.mfa = mfa).await;
    let sign_in = |token: &str| json!({"username": guarded, "password": CHEAP.1, "token": token});
    for (token, refused) in [("", Refused::MfaRequired), ("000000", Refused::Wrong)] {
        assert_refusal("account", refused, &deployment.sign_in("account", sign_in(token)).await, token);
        assert_eq!(stored(&deployment, 1000).await, CHEAP.0);
    }
    assert_eq!(deployment.sign_in("account", sign_in("582969")).await.status, 200);
    assert!(stored(&deployment, 1000).await.starts_with(OURS));
    let item = raw::user(&deployment, 1000).await;
    let spent = item["mfa"].as_m().unwrap()["last_step"].clone();
    assert_eq!(spent, raw::number(1_700_000_000 / 30), "the code is spent by the same write");

    for (id, status, must_change, refused) in [
        (1001, Status::Disabled, false, Refused::Disabled),
        (1002, Status::NotActivated, false, Refused::NotActivated),
        (1003, Status::Active, true, Refused::MustChangePassword),
    ] {
        let state = |user: &mut UserRecord| (user.status, user.must_change_password) = (status, must_change);
        let name = bring(&deployment, id, CHEAP.0, state).await;
        assert_refusal("account", refused, &deployment.password("account", &name, CHEAP.1).await, &name);
        assert_eq!(stored(&deployment, id).await, CHEAP.0);
    }
}

/// bcrypt reads 72 bytes. What is typed after them may be a mistake, and must not become the password.
#[tokio::test]
async fn password_over_72_bytes_is_not_upgraded_from_bcrypt() {
    let deployment = unlimited().await;
    let hash = "$2b$04$gA3oHZwjMF4ezEZUTYXwfeBLwse8FnXW..SSTXD8wiYgbKNlxXGcG";
    let name = bring(&deployment, 1000, hash, |_| ()).await;
    let password = "x".repeat(72);
    assert_eq!(deployment.password("account", &name, &format!("{password}mistyped")).await.status, 200);
    assert_eq!(stored(&deployment, 1000).await, hash);
    assert_eq!(deployment.password("account", &name, &password).await.status, 200);
    assert!(stored(&deployment, 1000).await.starts_with(OURS));
    let reply = deployment.password("account", &name, &format!("{password}mistyped")).await;
    assert_refusal("account", Refused::Wrong, &reply, "all of it counts from now on");
}

#[tokio::test]
async fn raised_cost_applies_at_the_next_sign_in() {
    let mut deployment = unlimited().await;
    assert_eq!(deployment.password("account", "johndoe", "SecurePass123!").await.status, 200);
    assert!(stored(&deployment, 1).await.starts_with(OURS));
    deployment.restart(|env| env.with("ARGON2_ITERATIONS", "3").with("ARGON2_MEMORY_KIB", "20000")).await;
    assert_eq!(deployment.password("account", "johndoe", "SecurePass123!").await.status, 200);
    assert!(stored(&deployment, 1).await.starts_with("$argon2id$v=19$m=20000,t=3,p=1$"));
    deployment.restart(|env| env.with("ARGON2_ITERATIONS", "").with("ARGON2_MEMORY_KIB", "")).await;
    assert_eq!(deployment.password("account", "johndoe", "SecurePass123!").await.status, 200);
    assert!(stored(&deployment, 1).await.contains("t=3"), "a more expensive hash stays");
}

#[tokio::test]
async fn session_begun_with_the_old_hash_continues() {
    let deployment = unlimited().await;
    let name = bring(&deployment, 1000, CHEAP.0, |_| ()).await;
    let reply = deployment.password("account", &name, CHEAP.1).await;
    let token = reply.json()["token"]["access_token"].as_str().unwrap().to_owned();
    assert_eq!(deployment.sso(&token).await.status, 200);
    deployment.advance(Duration::from_secs(60));
    assert_eq!(deployment.password("account", &name, CHEAP.1).await.status, 200);
    assert_eq!(deployment.sso(&token).await.status, 200, "a new hash of the same password ends no session");
}
