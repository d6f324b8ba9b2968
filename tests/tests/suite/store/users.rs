//! Creating users: a login name belongs to at most one user, also when several are created at once.

use postern::store::operator::{CreateUserError, UserRecord};
use postern_local::demo;
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES};

fn user(deployment: &Deployment, id: u64, username: &str, email: &str) -> UserRecord {
    UserRecord {
        id,
        username: username.to_owned(),
        email: email.to_owned(),
        ..demo::user(&deployment.app, &demo::USERS[2])
    }
}

#[tokio::test]
async fn created_user_signs_in_by_every_name() {
    let deployment = Deployment::start().await;
    let id =
        deployment.store.create_user(user(&deployment, 0, "Élodie", "Elodie@Example.com")).await.unwrap();
    assert_eq!(id, 45, "the next after the demo users");
    for name in ["élodie", "ÉLODIE", " E\u{301}lodie ", "elodie@example.com", "45"] {
        assert_eq!(deployment.password("mfa", name, "Password1234!").await.status, 200, "{name}");
    }
    let reply = deployment.password("email", "ELODIE@EXAMPLE.COM", "Password1234!").await.json();
    assert_eq!(reply["user"]["username"], "Élodie", "shown as it was registered");
    assert_eq!(reply["user"]["email"], "Elodie@Example.com");
}

#[tokio::test]
async fn names_are_unique_over_usernames_and_e_mails() {
    let deployment = Deployment::start().await;
    let taken = [
        ("johndoe", "new@example.com"),
        ("JohnDoe ", "new@example.com"),
        ("new", "JOHNDOE@example.com"),
        // A username equal to another user's e-mail would sign in by that e-mail.
        ("johndoe@example.com", "new@example.com"),
    ];
    for (username, email) in taken {
        let outcome = deployment.store.create_user(user(&deployment, 0, username, email)).await;
        assert_eq!(outcome, Err(CreateUserError::Taken), "{username} {email}");
    }
    // A failed creation leaves nothing behind: both names are still free.
    assert!(deployment.store.create_user(user(&deployment, 0, "new", "new@example.com")).await.is_ok());
    let outcome = deployment.store.create_user(user(&deployment, 1, "other", "other@example.com")).await;
    assert_eq!(outcome, Err(CreateUserError::Taken), "the id");
}

#[tokio::test]
async fn username_equal_to_the_e_mail_is_accepted() {
    let deployment = Deployment::start().await;
    deployment.store.create_user(user(&deployment, 0, "both@example.com", "Both@example.com")).await.unwrap();
    for contract in PASSWORD_ROUTES {
        assert_eq!(
            deployment.password(contract, "both@example.com", "Password1234!").await.status,
            200,
            "{contract}"
        );
    }
}

#[tokio::test]
async fn malformed_names_are_refused() {
    let deployment = Deployment::start().await;
    for username in ["", "  ", "a\u{7}b", "12\0", &"x".repeat(1025)] {
        let outcome = deployment.store.create_user(user(&deployment, 0, username, "new@example.com")).await;
        assert_eq!(outcome, Err(CreateUserError::BadUsername), "{username:?}");
    }
    for email in ["example.com", "@example.com", "new@", "n ew@example.com", &"x".repeat(1025)] {
        let outcome = deployment.store.create_user(user(&deployment, 0, "new", email)).await;
        assert_eq!(outcome, Err(CreateUserError::BadEmail), "{email:?}");
    }
}

#[tokio::test]
async fn concurrent_creations_give_a_name_to_one_user() {
    let deployment = Deployment::start().await;
    let attempts = (0..20).map(|n| {
        let store = deployment.store.clone();
        let user = user(&deployment, 0, "wanted", &format!("wanted-{n}@example.com"));
        tokio::spawn(async move { store.create_user(user).await })
    });
    let mut created = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(_) => created += 1,
            Err(error) => assert_eq!(error, CreateUserError::Taken),
        }
    }
    assert_eq!(created, 1);
}

#[tokio::test]
async fn chosen_ids_are_not_assigned_again() {
    let deployment = Deployment::start().await;
    deployment.store.create_user(user(&deployment, 100, "hundred", "hundred@example.com")).await.unwrap();
    deployment.store.create_user(user(&deployment, 70, "seventy", "seventy@example.com")).await.unwrap();
    let next = deployment.store.create_user(user(&deployment, 0, "next", "next@example.com")).await;
    assert_eq!(next, Ok(101));
}
