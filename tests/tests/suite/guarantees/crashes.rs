//! A process that crashes during a sign-in, or during the creation of a user, at any of its writes. Whichever writes
//! reached the table, the user can sign in afterwards.
//!
//! The table sees a crash as a connection that ends. So a call hangs in the proxy, the task of the request is aborted
//! there, and the functions restart.

use std::collections::BTreeMap;
use std::time::Duration;

use postern::clock::Timestamp;
use postern::identity::LoginName;
use postern::store::operator::CreateUserError;
use postern_local::demo::{self, RECOVERY_CODES};
use postern_tests::contracts;
use postern_tests::deployment::{Deployment, name_at};
use serde_json::json;

use crate::support::proxy::{Fate, Proxy};
use crate::support::raw::{self, Attribute};
use crate::support::sign_in::{By, codes, put_counter, sessions_of, writes as writes_of};

const MOMENT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Begins a sign-in that crashes while each of these writes is under way. The marked writes reach the table, the others
/// do not.
async fn kill(
    deployment: &Deployment,
    proxy: &mut Proxy,
    contract: &str,
    by: By,
    writes: &[(&'static str, bool)],
) {
    let rule = writes.to_vec();
    proxy.rule(move |seen| match rule.iter().find(|(write, _)| seen.starts_with(write)) {
        Some((_, true)) => Fate::LandAndHang,
        Some((_, false)) => Fate::Hang,
        None => Fate::Pass,
    });
    let event = deployment.event(contract, Some(&contracts::body(contract, &by.body(contract))));
    let request = tokio::spawn(deployment.function(contract).invoke(event));
    let mut left: Vec<_> = writes.iter().map(|(write, _)| *write).collect();
    while !left.is_empty() {
        // A call that hangs for long is made a second time: on a busy machine, before the last is made.
        let reached = proxy.reached().await;
        left.retain(|write| !reached.starts_with(write));
    }
    request.abort();
    assert!(request.await.is_err_and(|error| error.is_cancelled()), "it was answered before it died");
    proxy.heal();
}

/// Crashes a sign-in. Checks what is left, and that the next sign-in succeeds.
async fn dies_and_comes_back(
    deployment: &mut Deployment,
    proxy: &mut Proxy,
    contract: &str,
    by: By,
    writes: &[(&'static str, bool)],
) {
    let of = format!("{contract} by {by:?}: {writes:?}");
    let (user, id) = by.user();
    deployment.set_time(MOMENT);
    let login = name_at(contract, user);
    let name = raw::name_counter(deployment, &login).await;
    raw::forget_addresses(deployment, &login).await;
    let address = raw::address_counter(deployment, 300);
    // The free failures are used up: the next failure has to wait.
    put_counter(deployment, &name, 6).await;
    put_counter(deployment, &address, 17).await;
    let before = raw::user(deployment, id).await;
    let sessions = raw::sessions(deployment, id).await;

    kill(deployment, proxy, contract, by, writes).await;
    deployment.restart(|env| env).await;
    // The next sign-in has to clear the same counter, whether its address is known or not.
    raw::forget_addresses(deployment, &login).await;

    let failures = raw::failures(deployment, &name).await;
    let all = writes_of(contract);
    let recorded = writes.contains(&(all[2], true))
        || by != By::Password && writes.iter().any(|(write, _)| all[3..].contains(write));
    assert!(if recorded { failures == 0 } else { (6..=7).contains(&failures) }, "{of}: {failures}");
    let from_address = raw::failures(deployment, &address).await;
    assert!((17..=18).contains(&from_address), "{of}: {from_address}");
    let begun = raw::sessions(deployment, id).await - sessions;
    assert!(begun <= sessions_of(contract), "{of}: {begun}");
    let after = raw::user(deployment, id).await;
    if by != By::Password {
        assert_eq!(codes(&after) != codes(&before), recorded, "{of}: the code");
        assert!(begun == 0 || codes(&after) != codes(&before), "{of}: a session for a code not spent");
    }
    for item in ["password_hash", "status", "epoch", "attributes"] {
        assert_eq!(after.get(item), before.get(item), "{of}");
    }

    let mut body = by.body(contract);
    if by != By::Password {
        // The code may have been spent. This one has not.
        body["token"] = json!(RECOVERY_CODES[1]);
    }
    let mut reply = deployment.sign_in(contract, body.clone()).await;
    if let Some(wait) = reply.header("retry-after") {
        let wait = wait.parse().unwrap();
        assert!((1..=4).contains(&wait) && failures == 7, "{of}: {wait}");
        deployment.advance(Duration::from_secs(wait));
        reply = deployment.sign_in(contract, body).await;
    }
    assert_eq!(reply.status, 200, "{of}: {reply:?}");
    let now = sessions + begun + sessions_of(contract);
    assert_eq!(raw::sessions(deployment, id).await, now, "{of}");
    assert_eq!(raw::failures(deployment, &name).await, 0, "{of}");
    assert_eq!(raw::failures(deployment, &address).await, from_address, "{of}");
    // All codes are valid again.
    raw::put(deployment, &format!("USER#{id}"), "USER", before).await;
}

/// Marks the writes that the mask selects: they reach the table.
fn masked(writes: &[&'static str], mask: usize) -> Vec<(&'static str, bool)> {
    writes.iter().enumerate().map(|(at, write)| (*write, mask >> at & 1 == 1)).collect()
}

/// The last writes go out together, so any of them may reach the table. Each combination is tried.
#[tokio::test]
async fn sign_in_that_crashes_at_any_write_can_be_repeated() {
    let (mut deployment, mut proxy) = Proxy::deployment(|env| env).await;
    for (contract, by) in [
        ("account", By::Password),
        ("mfa", By::Password),
        ("email", By::Totp),
        ("session", By::RecoveryCode),
        ("account/token", By::Totp),
        ("email/obtain_token", By::RecoveryCode),
    ] {
        let (mut deaths, all) = (Vec::new(), writes_of(contract));
        for landed in [false, true] {
            // The second goes out alone, and so does the third if it spends a code.
            deaths.push(vec![(all[0], landed)]);
            deaths.push(vec![(all[1], landed)]);
            if by != By::Password {
                deaths.push(vec![(all[2], landed)]);
            }
        }
        let first = if by == By::Password { 2 } else { 3 };
        let last: Vec<_> =
            all[first..].iter().copied().filter(|w| sessions_of(contract) > 0 || *w != all[3]).collect();
        deaths.extend((0..1 << last.len()).map(|mask| masked(&last, mask)));
        for writes in deaths {
            dies_and_comes_back(&mut deployment, &mut proxy, contract, by, &writes).await;
        }
    }
}

/// There is no user without login names, and no login name without a user.
async fn assert_whole(deployment: &Deployment, of: &str) {
    let (mut users, mut names) = (BTreeMap::new(), BTreeMap::new());
    for item in raw::all(deployment).await {
        let string = |name: &str| item[name].as_s().unwrap().clone();
        match string("pk").split_once('#') {
            Some(("USER", id)) => {
                let expected = [string("username"), string("email")];
                users.insert(
                    id.to_owned(),
                    expected.map(|name| LoginName::new(&name).as_key().unwrap().to_owned()),
                );
            }
            Some(("LOGIN", name)) => {
                let Attribute::N(id) = &item["user_id"] else { panic!("{of}: {item:?}") };
                names.insert(name.to_owned(), id.clone());
            }
            _ => {}
        }
    }
    for (id, expected) in &users {
        for name in expected {
            assert_eq!(names.get(name), Some(id), "{of}: {name}");
        }
    }
    for (name, id) in &names {
        assert!(users.get(id).is_some_and(|expected| expected.contains(name)), "{of}: {name} of {id}");
    }
}

#[tokio::test]
async fn creation_that_crashes_at_any_write_can_be_repeated() {
    let (mut deployment, mut proxy) = Proxy::deployment(|env| env).await;
    let mut number = 100;
    for write in ["UpdateItem COUNTER", "TransactWriteItems"] {
        for landed in [false, true] {
            for (assigned, one_name) in [(false, false), (true, false), (false, true)] {
                // Far enough apart for the ids that are assigned in between.
                number += 100;
                let of = format!("{write}, landed: {landed}, assigned: {assigned}, one name: {one_name}");
                let email = format!("New-{number}@example.com");
                let mut user = demo::user(&deployment.app, &demo::USERS[2]);
                user.id = if assigned { number } else { 0 };
                user.username = if one_name { email.clone() } else { format!("New-{number}") };
                user.email = email;

                proxy.rule(move |seen| match (seen.starts_with(write), landed) {
                    (true, true) => Fate::LandAndHang,
                    (true, false) => Fate::Hang,
                    (false, _) => Fate::Pass,
                });
                let (store, creating) = (deployment.store.clone(), user.clone());
                let creation = tokio::spawn(async move { store.create_user(creating).await });
                proxy.reached().await;
                creation.abort();
                assert!(creation.await.is_err_and(|error| error.is_cancelled()), "{of}");
                proxy.heal();
                deployment.restart(|env| env).await;

                assert_whole(&deployment, &of).await;
                let there = landed && write == "TransactWriteItems";
                let name = user.username.to_lowercase();
                let found = raw::item(&deployment, &format!("LOGIN#{name}"), "LOGIN").await;
                assert_eq!(found.is_some(), there, "{of}");
                match deployment.store.create_user(user).await {
                    Ok(id) => assert!(!there && (!assigned || id == number), "{of}: {id}"),
                    Err(error) => assert!(there && error == CreateUserError::Taken, "{of}: {error:?}"),
                }
                assert_whole(&deployment, &of).await;
                for name in [name, format!("new-{number}@example.com")] {
                    assert_eq!(deployment.password("mfa", &name, "Password1234!").await.status, 200, "{of}");
                }
            }
        }
    }
}

/// The answer to the creation is lost. The SDK sends it again with the same token for the same transaction.
#[tokio::test]
async fn creation_whose_answer_is_lost_is_done_once() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for (write, id, fate) in [
        ("UpdateItem COUNTER", 0, Fate::lose as fn() -> Fate),
        ("UpdateItem COUNTER", 300, Fate::lose),
        ("TransactWriteItems", 0, Fate::lose),
        ("TransactWriteItems", 400, Fate::lose),
        ("TransactWriteItems", 500, || Fate::LandAndHang),
    ] {
        let mut user = demo::user(&deployment.app, &demo::USERS[2]);
        let name = format!("{}-{id}", write.split(' ').next().unwrap());
        (user.id, user.email) = (id, format!("{name}@example.com"));
        user.username = name;
        proxy.first(&[write], fate);
        let created = deployment.store.create_user(user).await;
        let of = format!("{write} of {id}: {created:?}");
        assert!(created.is_ok_and(|created| id == 0 || created == id), "{of}");
        assert_whole(&deployment, &of).await;
    }
}
