//! What every sign-in does, at any contract.

use std::time::Duration;

use postern::clock::Timestamp;
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, name_at};
use serde_json::json;

use crate::support::raw;
use crate::support::words::{Refused, assert_refusal};

/// Every contract stores the time of a successful sign-in. Only mfa shows it.
#[tokio::test]
async fn last_sign_in_is_stored_by_every_contract() {
    let deployment = Deployment::start().await;
    for (contract, seconds) in PASSWORD_ROUTES.into_iter().zip(1_700_000_000..) {
        let moment = Timestamp::from_millis(seconds * 1000);
        deployment.set_time(moment);
        let reply = deployment.password(contract, &name_at(contract, "johndoe"), "SecurePass123!").await;
        assert_eq!(reply.status, 200, "{contract}");
        deployment.advance(Duration::from_millis(500));
        let reply = deployment.password(contract, &name_at(contract, "johndoe"), "wrong").await;
        assert_refusal(contract, Refused::Wrong, &reply, "a wrong password");
        let stored = raw::user(&deployment, 1).await;
        for attribute in ["last_sign_in", "updated_at"] {
            assert_eq!(stored[attribute], raw::number(moment.millis()), "{contract} {attribute}");
        }
    }
}

#[tokio::test]
async fn name_typed_in_any_form_is_found_and_shown_as_registered() {
    let deployment = Deployment::start().await;
    for (contract, typed, password) in [
        ("account", "  JohnDoe\n", "SecurePass123!"),
        ("session", "ZOË", "pässwörd ☃"),
        ("session", "Zoe\u{308}", "pässwörd ☃"),
        ("mfa", "\u{a0}ＪＯＨＮＤＯＥ\u{3000}", "SecurePass123!"),
        ("mfa", "JimMy@Example.COM", "correct horse battery staple"),
        ("email", "\tZOE@example.com ", "pässwörd ☃"),
    ] {
        assert_eq!(deployment.password(contract, typed, password).await.status, 200, "{contract} {typed}");
    }
    let body = deployment.password("email", "ZOE@EXAMPLE.COM", "pässwörd ☃").await.json();
    assert_eq!(
        (&body["user"]["username"], &body["user"]["email"]),
        (&json!("Zoë"), &json!("zoe@example.com"))
    );
}
