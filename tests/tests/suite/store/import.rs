//! The creation of many users at once: a busy table, a lost reply, and keys that are left unread.

use std::error::Error;

use postern::store::StoreError;
use postern::store::operator::{
    Availability, Conflict, CreateOutcome, MAX_ID, NewUser, UniqueField, UserRecord,
};
use postern_local::demo;
use postern_tests::deployment::Deployment;
use serde_json::{Value, json};

use crate::support::proxy::{Fate, Proxy, error};
use crate::support::raw;

fn new_user(deployment: &Deployment, id: u64, username: &str) -> NewUser {
    let email = format!("{username}@example.com");
    let user = UserRecord {
        id,
        username: username.to_owned(),
        email,
        ..demo::user(&deployment.app, &demo::USERS[2])
    };
    NewUser::new(user).unwrap()
}

fn new_users(deployment: &Deployment, ids: impl Iterator<Item = u64>) -> Vec<NewUser> {
    ids.map(|id| new_user(deployment, id, &format!("new{id}"))).collect()
}

fn cancelled(reasons: &[&str]) -> Fate {
    let reasons: Vec<Value> = reasons.iter().map(|code| json!({"Code": code, "Message": "LEAKED"})).collect();
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let body = json!({"__type": kind, "message": "LEAKED", "CancellationReasons": reasons});
    Fate::Fail(400, body.to_string())
}

#[tokio::test]
async fn batch_that_is_throttled_for_a_moment_is_created() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let mut ids = 100..;
    for reason in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
        let ids: Vec<u64> = ids.by_ref().take(3).collect();
        proxy.first(&["TransactWriteItems"], move || cancelled(&["None", reason]));
        proxy.calls();
        let outcomes =
            deployment.store.create_users(new_users(&deployment, ids.iter().copied())).await.unwrap();
        assert_eq!(
            outcomes,
            ids.iter().map(|id| CreateOutcome::Created(*id)).collect::<Vec<_>>(),
            "{reason}"
        );
        let sent = proxy.calls().iter().filter(|call| call.starts_with("TransactWriteItems")).count();
        assert_eq!(sent, 2, "{reason}");
    }
}

/// The conflict is gone when it is looked up. All users are created.
#[tokio::test]
async fn condition_that_fails_only_once_is_tried_again() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    proxy.first(&["TransactWriteItems"], || cancelled(&["None", "None", "None", "ConditionalCheckFailed"]));
    let outcomes = deployment.store.create_users(new_users(&deployment, 100..103)).await.unwrap();
    assert_eq!(outcomes, [100, 101, 102].map(CreateOutcome::Created));
}

#[tokio::test]
async fn import_whose_reply_is_lost_creates_nobody_twice() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    proxy.first(&["TransactWriteItems"], Fate::lose);
    let outcomes = deployment.store.create_users(new_users(&deployment, 100..103)).await.unwrap();
    assert_eq!(outcomes, [100, 101, 102].map(CreateOutcome::Created));
    let before = raw::all(&deployment).await.len();
    let again = deployment.store.create_users(new_users(&deployment, 100..103)).await.unwrap();
    assert_eq!(again, [100, 101, 102].map(CreateOutcome::Same));
    assert_eq!(raw::all(&deployment).await.len(), before);
}

#[tokio::test]
async fn permanent_refusal_is_an_error_at_once() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let (status, text) = error(400, "AccessDeniedException").unwrap();
    proxy.rule(
        move |call| {
            if call.starts_with("Transact") { Fate::Fail(status, text.clone()) } else { Fate::Pass }
        },
    );
    let outcome = deployment.store.create_users(new_users(&deployment, 100..103)).await.unwrap_err();
    assert!(matches!(outcome, StoreError::Rejected { .. }), "{outcome:?}");
}

#[tokio::test]
async fn unprocessed_keys_are_read_again() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let key = |pk: &str, sk: &str| json!({"pk": {"S": pk}, "sk": {"S": sk}});
    let unread = json!({"postern": {"Keys": [key("USER#1", "USER"), key("USER#14", "USER")]}});
    let body = json!({"Responses": {}, "UnprocessedKeys": unread}).to_string();
    proxy.first(&["BatchGetItem"], move || Fate::Fail(200, body.clone()));
    let users = deployment.store.users(&[14, 1]).await.unwrap();
    assert_eq!(users.iter().map(|user| user.0).collect::<Vec<_>>(), [14, 1]);
}

#[tokio::test]
async fn conflict_names_its_user() {
    let deployment = Deployment::start().await;
    let availability =
        async |new_user: NewUser| deployment.store.availability_of(&[&new_user]).await.unwrap().remove(0);
    let taken = |what, by| Conflict { what, by };
    assert_eq!(availability(new_user(&deployment, 500, "someone")).await, Availability::Free);
    assert_eq!(availability(new_user(&deployment, 1, "JohnDoe")).await, Availability::Same(1));
    assert_eq!(availability(new_user(&deployment, 0, "JohnDoe")).await, Availability::Same(1));
    let names = vec![taken(UniqueField::Username, 1), taken(UniqueField::Email, 1)];
    assert_eq!(availability(new_user(&deployment, 500, "johndoe")).await, Availability::Taken(names));
    assert_eq!(
        availability(new_user(&deployment, 14, "someone")).await,
        Availability::Taken(vec![taken(UniqueField::Id, 14)])
    );
    let without = new_user(&deployment, 0, "johndoe").without_email();
    assert_eq!(availability(without).await, Availability::Taken(vec![taken(UniqueField::Username, 1)]));

    // Two users of one batch conflict. The first is created.
    let pair = vec![
        new_user(&deployment, 600, "twin"),
        new_user(&deployment, 601, "twin"),
        new_user(&deployment, 602, "other"),
    ];
    let outcomes = deployment.store.create_users(pair).await.unwrap();
    let names = vec![taken(UniqueField::Username, 600), taken(UniqueField::Email, 600)];
    assert_eq!(
        outcomes,
        [CreateOutcome::Created(600), CreateOutcome::Taken(names), CreateOutcome::Created(602)]
    );
}

/// The same file of users without ids is imported twice at once. Each user is created once. The other import finds it
/// there.
#[tokio::test]
async fn users_without_ids_imported_twice_at_once_are_created_once() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    let new_users = || ["a", "b", "c"].map(|name| new_user(&deployment, 0, name)).to_vec();
    let mut held = false;
    proxy.rule(move |call| {
        let first = call.starts_with("TransactWriteItems") && !std::mem::replace(&mut held, true);
        if first { Fate::Hold } else { Fate::Pass }
    });
    let second = async {
        proxy.reached().await;
        let outcomes = deployment.store.create_users(new_users()).await.unwrap();
        proxy.release();
        outcomes
    };
    let (late, early) = tokio::join!(deployment.store.create_users(new_users()), second);
    let created: Vec<u64> = early
        .iter()
        .map(|outcome| match outcome {
            CreateOutcome::Created(id) => *id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(late.unwrap(), created.into_iter().map(CreateOutcome::Same).collect::<Vec<_>>());
}

/// An assigned id that another user takes before it is used gives way to the next.
#[tokio::test]
async fn assigned_id_gives_way_to_a_chosen_one() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    proxy.first(&["TransactWriteItems"], || Fate::Hold);
    let chosen = async {
        proxy.reached().await;
        // 44 is the highest id of the demo users, so 45 was assigned.
        let outcomes =
            deployment.store.create_users(vec![new_user(&deployment, 45, "chosen")]).await.unwrap();
        proxy.release();
        outcomes
    };
    let (given, chosen) =
        tokio::join!(deployment.store.create_users(vec![new_user(&deployment, 0, "given")]), chosen);
    assert_eq!(chosen, [CreateOutcome::Created(45)]);
    assert_eq!(given.unwrap(), [CreateOutcome::Created(46)]);
}

/// One mistyped row must not use up the counter.
#[tokio::test]
async fn refused_id_leaves_the_counter_as_it_was() {
    let deployment = Deployment::start().await;
    let mut taken = new_user(&deployment, MAX_ID, "refused").user().clone();
    taken.username = "johndoe".to_owned();
    let outcomes = deployment.store.create_users(vec![NewUser::new(taken).unwrap()]).await.unwrap();
    assert!(matches!(outcomes[..], [CreateOutcome::Taken(_)]), "{outcomes:?}");
    let next = deployment.store.create_users(vec![new_user(&deployment, 0, "next")]).await.unwrap();
    assert_eq!(next, [CreateOutcome::Created(45)]);
}

/// No id above the highest is assigned: in JavaScript two of them would be one number.
#[tokio::test]
async fn user_without_id_after_the_highest_id_is_refused() {
    let deployment = Deployment::start().await;
    deployment.store.create_users(vec![new_user(&deployment, MAX_ID, "highest")]).await.unwrap();
    let refused = deployment.store.create_users(vec![new_user(&deployment, 0, "next")]).await.unwrap_err();
    let cause = refused.source().unwrap().to_string();
    assert!(cause.contains("choose ids"), "{cause}");
    assert_eq!(
        deployment.store.create_users(vec![new_user(&deployment, 200, "chosen")]).await.unwrap(),
        [CreateOutcome::Created(200)]
    );
}

/// A user that cannot be read conflicts with users of that name only.
#[tokio::test]
async fn unreadable_user_conflicts_with_one_row_only() {
    let deployment = Deployment::start().await;
    deployment.store.create_users(vec![new_user(&deployment, 100, "broken")]).await.unwrap();
    let mut item = raw::user(&deployment, 100).await;
    item.insert("epoch".to_owned(), raw::text("no number"));
    raw::put(&deployment, "USER#100", "USER", item).await;
    let outcomes = deployment
        .store
        .create_users(vec![new_user(&deployment, 0, "broken"), new_user(&deployment, 0, "whole")])
        .await
        .unwrap();
    let taken = [UniqueField::Username, UniqueField::Email].map(|what| Conflict { what, by: 100 }).to_vec();
    assert_eq!(outcomes, [CreateOutcome::Taken(taken), CreateOutcome::Created(101)]);
    let read = deployment.store.users(&[1, 100, 101]).await.unwrap();
    assert!(read[0].1.is_ok() && read[1].1.is_err() && read[2].1.is_ok());
}
