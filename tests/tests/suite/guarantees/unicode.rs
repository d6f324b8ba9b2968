//! Passwords and addresses in any Unicode form, and usernames that look like ids.

use std::time::Duration;

use postern::identity::LoginName;
use postern::store::Written;
use postern_local::demo::{self, USERS};
use postern_tests::contracts::{LoginNameKind, login_name, taking};
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, credentials, name_at};

use crate::support::raw::{self, Item, number, text};
use crate::support::words::{Refused, assert_refusal, unlimited};

/// The same letters composed (NFC) and decomposed (NFD).
const COMPOSED: &str = "p\u{e4}ssw\u{f6}rd \u{e9}";
const APART: &str = "pa\u{308}sswo\u{308}rd e\u{301}";

/// Creates a user like st.huber with these names and this stored hash.
async fn create(deployment: &Deployment, id: u64, username: &str, email: &str, hash: Option<String>) {
    let mut user =
        demo::user(&deployment.app, USERS.iter().find(|user| user.username == "st.huber").unwrap());
    (user.id, user.username, user.email) = (id, username.to_owned(), email.to_owned());
    user.password_hash = hash;
    deployment.store.create_user(user).await.unwrap();
}

#[tokio::test]
async fn password_in_nfd_signs_in_where_it_was_set_in_nfc_and_the_other_way_round() {
    let deployment = Deployment::start().await;
    for (id, set) in [(900, COMPOSED), (901, APART)] {
        let (username, email) = (format!("zoe{id}"), format!("zoe{id}@example.com"));
        let hash = deployment.app.passwords().hash(set, [7; 16]).unwrap();
        create(&deployment, id, &username, &email, Some(hash)).await;
        for contract in PASSWORD_ROUTES {
            let name = login_name(contract, &username, &email);
            for typed in [COMPOSED, APART] {
                let reply = deployment.password(contract, name, typed).await;
                assert_eq!(reply.status, 200, "{contract}, set as {set:?}, typed as {typed:?}");
            }
        }
    }
}

/// An imported hash may be of the decomposed form. Its user signs in with that form, and afterwards with both.
#[tokio::test]
async fn legacy_hash_of_nfd_is_tried_as_sent_and_upgraded_to_nfc() {
    let deployment = Deployment::start().await;
    // bcrypt of the decomposed form, by Python's bcrypt.
    let hash = "$2b$04$abcdefghijklmnopqrstuuv.XF2ISziCQv1iCAGmcPqBmhKgkUr7O";
    create(&deployment, 902, "zoe2", "zoe2@example.com", Some(hash.to_owned())).await;
    assert_refusal(
        "account",
        Refused::Wrong,
        &deployment.password("account", "zoe2", COMPOSED).await,
        "not what was hashed",
    );
    assert_eq!(deployment.password("account", "zoe2", APART).await.status, 200);
    for typed in [APART, COMPOSED] {
        assert_eq!(deployment.password("account", "zoe2", typed).await.status, 200, "{typed:?}");
    }
}

/// The cost of an attempt depends on what is sent, not on who exists.
#[tokio::test]
async fn attempt_in_nfd_costs_two_verifications_for_known_and_unknown_users_alike() {
    let deployment = unlimited().await;
    create(&deployment, 903, "zoe2", "zoe2@example.com", None).await;
    for contract in PASSWORD_ROUTES {
        for (typed, cost) in [("plain", 1), (COMPOSED, 1), (APART, 2), (&APART.repeat(100), 1)] {
            for name in ["st.huber", "zoe2", "nobody"].map(|name| name_at(contract, name)) {
                // So that no attempt has to wait.
                deployment.advance(Duration::from_secs(900));
                let before = deployment.app.passwords().verifications();
                assert_ne!(deployment.password(contract, &name, typed).await.status, 200, "{contract}");
                let made = deployment.app.passwords().verifications() - before;
                assert_eq!(made, cost, "{contract} {name} {}", typed.len());
            }
        }
    }
}

#[tokio::test]
async fn address_with_a_unicode_domain_is_one_name_with_one_counter() {
    let deployment = Deployment::start().await;
    let hash = deployment.app.passwords().hash("SecurePass123!", [7; 16]).unwrap();
    create(&deployment, 904, "anna", "Anna@M\u{fc}nchen.example", Some(hash)).await;
    let forms = ["anna@m\u{fc}nchen.example", "ANNA@MU\u{308}NCHEN.EXAMPLE", "anna@xn--mnchen-3ya.example"];
    for contract in ["email", "mfa"] {
        for typed in forms {
            let reply = deployment.password(contract, typed, "SecurePass123!").await;
            assert_eq!(reply.status, 200, "{contract} {typed}");
            assert!(reply.text.contains("Anna@M\u{fc}nchen.example"), "{contract}: as it was registered");
        }
    }
    for typed in forms {
        deployment.password("email", typed, "wrong").await;
    }
    // The sign-ins made the address known.
    assert_eq!(raw::failures(&deployment, &raw::known_counter(904)).await, 3);
}

/// An earlier version stored the domain as it was typed.
#[tokio::test]
async fn name_stored_with_a_unicode_domain_is_found_and_kept_from_others() {
    let deployment = Deployment::start().await;
    let hash = deployment.app.passwords().hash("SecurePass123!", [7; 16]).unwrap();
    create(&deployment, 905, "anna", "", Some(hash)).await;
    let mut user = raw::user(&deployment, 905).await;
    user.insert("email".to_owned(), text("anna@m\u{fc}nchen.example"));
    raw::put(&deployment, "USER#905", "USER", user).await;
    let former = "LOGIN#anna@m\u{fc}nchen.example";
    let item = Item::from([("user_id".to_owned(), number(905_u64)), ("kind".to_owned(), text("email"))]);
    raw::put(&deployment, former, "LOGIN", item).await;
    for typed in ["anna@m\u{fc}nchen.example", "anna@xn--mnchen-3ya.example"] {
        let reply = deployment.sign_in("email", credentials("email", typed, "SecurePass123!")).await;
        assert_eq!(reply.status, 200, "{typed}");
        let mut other = demo::user(&deployment.app, &USERS[0]);
        (other.id, other.username, other.email) = (0, "another".to_owned(), typed.to_owned());
        let taken = deployment.store.create_user(other).await;
        assert_eq!(taken, Err(postern::store::operator::CreateUserError::Taken), "{typed}");
    }
    let user = deployment.store.user(905).await.unwrap().unwrap();
    assert_eq!(deployment.store.delete_user(&user).await, Ok(Written::Done));
    assert_eq!(raw::item(&deployment, former, "LOGIN").await, None);
    assert_eq!(deployment.store.login(&LoginName::new("anna@m\u{fc}nchen.example")).await.unwrap(), None);
}

/// Student numbers and telephone numbers are usernames. A login name wins over an id.
#[tokio::test]
async fn username_of_digits_signs_in_everywhere_and_shadows_only_an_id_typed_at_mfa() {
    let deployment = Deployment::start().await;
    let hash = deployment.app.passwords().hash("SecurePass123!", [7; 16]).unwrap();
    // johndoe's id is 1, jimmy's 14.
    create(&deployment, 906, "14", "fourteen@example.com", Some(hash)).await;
    for contract in taking(LoginNameKind::Username) {
        let reply = deployment.password(contract, " \u{ff11}4 ", "SecurePass123!").await;
        assert_eq!(reply.status, 200, "{contract}: {reply:?}");
    }
    let jimmys = "correct horse battery staple";
    assert_refusal(
        "mfa",
        Refused::Wrong,
        &deployment.password("mfa", "14", jimmys).await,
        "jimmy's id is shadowed",
    );
    for name in ["jimmy", "jimmy@example.com"] {
        assert_eq!(deployment.password("mfa", name, jimmys).await.status, 200, "{name}");
    }
    assert_eq!(deployment.password("mfa", "1", "SecurePass123!").await.status, 200, "no name is in the way");
}
