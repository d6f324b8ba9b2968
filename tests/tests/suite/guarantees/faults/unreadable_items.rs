//! Items that this version did not write, or that are damaged.

use postern_tests::deployment::{CONTRACTS, Deployment, PASSWORD_ROUTES, credentials, name_at};
use postern_tests::logs;
use serde_json::json;

use super::{outcome, valid_sign_in};
use crate::support::raw::{self, Attribute, Item};
use crate::support::words::{LONGEST_WAIT, Refused, assert_refusal};

/// A user's item with one attribute changed.
fn changed(item: &Item, name: &str, value: Option<Attribute>) -> Item {
    let mut item = item.clone();
    match value {
        Some(value) => drop(item.insert(name.to_owned(), value)),
        None => drop(item.remove(name)),
    }
    item
}

#[tokio::test]
async fn user_item_that_is_malformed_is_a_fault_and_signs_nobody_in() {
    let deployment = Deployment::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    let item = raw::user(&deployment, 1).await;
    let map = |entries: &[(&str, Attribute)]| {
        Attribute::M(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    };
    let secret = ("secret", raw::text("KBTSKUKRDJPEGCZK"));
    for (at, (name, value)) in [
        ("version", None),
        ("version", Some(raw::number(2))),
        ("version", Some(raw::text("LEAKED"))),
        ("id", None),
        ("id", Some(raw::number(2))),
        ("username", None),
        ("username", Some(raw::number(7))),
        ("email", None),
        ("status", None),
        ("status", Some(raw::text("LEAKED"))),
        ("status", Some(raw::number(1))),
        ("must_change_password", Some(raw::text("LEAKED"))),
        ("password_hash", Some(raw::number(7))),
        ("epoch", None),
        ("epoch", Some(raw::text("LEAKED"))),
        ("created_at", None),
        ("mfa", Some(map(&[]))),
        ("mfa", Some(map(&[("last_step", raw::number(1))]))),
        ("mfa", Some(map(&[("secret", raw::number(7))]))),
        ("mfa", Some(map(&[secret, ("last_step", raw::text("LEAKED"))]))),
        ("mfa", Some(Attribute::Null(true))),
        ("recovery_codes", Some(raw::text("LEAKED"))),
        ("mfa", Some(raw::text("LEAKED"))),
        ("mfa", Some(Attribute::Bool(true))),
        ("attributes", Some(raw::text("LEAKED"))),
    ]
    .into_iter()
    .enumerate()
    {
        raw::put(&deployment, "USER#1", "USER", changed(&item, name, value.clone())).await;
        for contract in CONTRACTS {
            let id = format!("item {at} at {contract}");
            let reply = valid_sign_in(&deployment, contract, &id).await;
            assert_refusal(contract, Refused::Fault, &reply, &format!("{name} {value:?}"));
            assert_eq!(outcome(&id), "fault");
        }
        // The item is restored. The sign-ins clear the counts of both names for the next round.
        raw::put(&deployment, "USER#1", "USER", item.clone()).await;
        for contract in ["account", "email"] {
            assert_eq!(valid_sign_in(&deployment, contract, "as it was").await.status, 200);
        }
    }
}

/// An attempt on a user that cannot be read is refunded. It is no free guess, since no password is verified.
#[tokio::test]
async fn user_item_that_is_malformed_gets_one_reply_no_hash_and_no_charge_for_any_password() {
    for contract in PASSWORD_ROUTES {
        let deployment = Deployment::start().await;
        raw::put(&deployment, "USER#1", "USER", Item::from([("epoch".to_owned(), raw::number(1))])).await;
        let name = name_at(contract, "johndoe");
        let before = deployment.app.passwords().verifications();
        for password in ["SecurePass123!", "wrong"] {
            let reply = deployment.password(contract, &name, password).await;
            assert_refusal(contract, Refused::Fault, &reply, password);
            let of_name = raw::name_counter(&deployment, &name).await;
            for counter in [of_name, raw::address_counter(&deployment, 300)] {
                assert_eq!(raw::failures(&deployment, &counter).await, 0, "{contract} {counter:?}");
            }
        }
        assert_eq!(deployment.app.passwords().verifications(), before, "{contract}");
    }
}

#[tokio::test]
async fn stored_secret_or_hash_that_cannot_be_read_signs_nobody_in() {
    let deployment = Deployment::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    let item = raw::user(&deployment, 43).await;
    for secret in ["LEAKED 1!", "ünsinn"] {
        let Attribute::M(mut mfa) = item["mfa"].clone() else { panic!("no map") };
        mfa.insert("secret".to_owned(), raw::text(secret));
        raw::put(&deployment, "USER#43", "USER", changed(&item, "mfa", Some(Attribute::M(mfa)))).await;
        for contract in PASSWORD_ROUTES {
            let mut body = credentials(contract, &name_at(contract, "guarded"), "Password1234!");
            body["token"] = json!("582969");
            assert_refusal(contract, Refused::Fault, &deployment.sign_in(contract, body).await, secret);
            deployment.advance(LONGEST_WAIT);
        }
    }
    let item = raw::user(&deployment, 1).await;
    for hash in ["", "SecurePass123!", "!", "$argon2id$LEAKED", "$2y$10$abcdefghijklmnopqrstuu"] {
        raw::put(&deployment, "USER#1", "USER", changed(&item, "password_hash", Some(raw::text(hash)))).await;
        for contract in PASSWORD_ROUTES {
            let name = name_at(contract, "johndoe");
            let before = deployment.app.passwords().verifications();
            assert_refusal(
                contract,
                Refused::Wrong,
                &deployment.password(contract, &name, "SecurePass123!").await,
                hash,
            );
            assert_eq!(deployment.app.passwords().verifications() - before, 1, "{contract} {hash}");
            deployment.advance(LONGEST_WAIT);
        }
    }
}

#[tokio::test]
async fn login_item_that_cannot_be_read_is_a_fault() {
    let deployment = Deployment::start().await;
    let user_id = || ("user_id".to_owned(), raw::number(1));
    for item in [
        Item::new(),
        Item::from([user_id()]),
        Item::from([user_id(), ("kind".to_owned(), raw::text("LEAKED"))]),
        Item::from([("user_id".to_owned(), raw::text("LEAKED")), ("kind".to_owned(), raw::text("both"))]),
    ] {
        for name in ["johndoe", "johndoe@example.com"] {
            raw::put(&deployment, &format!("LOGIN#{name}"), "LOGIN", item.clone()).await;
        }
        for contract in PASSWORD_ROUTES {
            let reply = valid_sign_in(&deployment, contract, "unreadable login").await;
            assert_refusal(contract, Refused::Fault, &reply, &format!("{item:?}"));
        }
    }
}

/// A login name may exist for a moment after its user is gone.
#[tokio::test]
async fn login_name_without_a_user_is_an_unknown_user() {
    let deployment = Deployment::start().await;
    for name in ["ghost", "ghost@example.com"] {
        let item =
            Item::from([("user_id".to_owned(), raw::number(999)), ("kind".to_owned(), raw::text("both"))]);
        raw::put(&deployment, &format!("LOGIN#{name}"), "LOGIN", item).await;
    }
    for contract in PASSWORD_ROUTES {
        let reply = deployment.password(contract, &name_at(contract, "ghost"), "wrong").await;
        assert_refusal(contract, Refused::UnknownUser, &reply, "ghost");
    }
}

/// Attributes that only one contract shows fail only there.
#[tokio::test]
async fn malformed_attributes_of_one_contract_fail_at_that_contract_only() {
    let deployment = Deployment::start().await;
    let item = raw::user(&deployment, 1).await;
    for (broken, member) in [("sso", "role"), ("mfa", "consent"), ("email", "first_name")] {
        let contracts = Attribute::M(Item::from([(member.to_owned(), Attribute::Bool(true))]));
        let attributes = Attribute::M(Item::from([(broken.to_owned(), contracts)]));
        raw::put(&deployment, "USER#1", "USER", changed(&item, "attributes", Some(attributes))).await;
        for contract in CONTRACTS {
            let reply =
                valid_sign_in(&deployment, contract, &format!("{broken} is broken at {contract}")).await;
            match contract == broken {
                true => assert_refusal(contract, Refused::Fault, &reply, broken),
                false => assert_eq!(reply.status, 200, "{contract} with a broken {broken}"),
            }
        }
    }
}

/// The content of an item may be secret. It is never logged. The failure is logged once, in one line.
#[tokio::test]
async fn content_of_an_unreadable_item_is_not_logged() {
    let deployment = Deployment::start().await;
    let item = raw::user(&deployment, 14).await;
    let marked = changed(&item, "epoch", Some(raw::text("marked-4e1c-unreadable")));
    raw::put(&deployment, "USER#14", "USER", marked).await;
    let before = logs::so_far().matches("user 14").count();
    deployment.password("mfa", "jimmy", "correct horse battery staple").await;
    let lines = logs::so_far();
    assert!(!lines.contains("marked-4e1c-unreadable"));
    let errors: Vec<_> = lines.lines().filter(|line| line.contains("user 14")).skip(before).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains("\"level\":\"ERROR\"") && errors[0].contains("the store failed"),
        "{errors:?}"
    );
}
