//! A refused attempt is answered on a step since its request began, whatever was checked. What succeeds does not wait, nor
//! does a request that is refused before anything is checked.
//!
//! A reply that comes too early is measured, since no machine is too fast. That a reply does not wait is shown by a step
//! of seconds: if it waited, it would take as long every time. So one quick reply of several is enough.

use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt};
use postern::config::Config;
use postern::environment::Environment;
use postern_local::demo::{self, LOCKED_NAMES, USERS};
use postern_tests::contracts::{self, login_name};
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, Reply, credentials, name_at};
use serde_json::{Value, json};

use crate::support::mfa::{self, assert_error, begin, confirmation, post_mfa};
use crate::support::proxy::{Fate, Proxy};
use crate::support::raw;
use crate::support::reset::{RECOVER, SEND};
use crate::support::routes::{RouteUnderTest, Violation, assert_every_route, ensure, with_password};
use crate::support::session::{NOT_NEEDED, body, change};
use crate::support::sign_in::{LOCK_AFTER, put_counter};
use crate::support::signed_in::{mfa_jwt, with};
use crate::support::words::{Refused, assert_refusal, assert_reply};

/// Longer than [`AT_ONCE`] attempts take on most machines. On a slower one these tests show less.
const STEP: Duration = Duration::from_secs(1);
/// The longest step that can be set.
const LONGEST_STEP: Duration = Duration::from_secs(4);
/// How many attempts wait at the same time. A hash stops the others, so more of them could take a whole step.
const AT_ONCE: usize = 3;
/// How often a request is sent that must not wait.
const TRIES: usize = 3;

fn on_steps_of(step: Duration) -> impl FnOnce(Environment) -> Environment {
    move |env| {
        env.with("REFUSAL_STEP_MILLISECONDS", step.as_millis().to_string())
            .with("THROTTLE_ADDRESS_LIMIT", "1000000")
    }
}

async fn timed<T>(request: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    (request.await, start.elapsed())
}

/// The routes whose success waits too, because its time would show who is a user.
const SUCCESS_WAITS: [&str; 2] = [SEND, RECOVER];

/// A wrong password is refused on a step, and a success does not wait for one.
pub(crate) async fn check(route: &RouteUnderTest) -> Result<(), Violation> {
    for event in &route.events {
        if let Some(wrong) = with_password(event, "wrong") {
            let (deployment, _proxy) = route.deployment(on_steps_of(STEP)).await;
            let (reply, took) = timed(route.send(&deployment, &wrong)).await;
            ensure(took >= STEP, || format!("a wrong password is refused after {took:?}: {reply:?}"))?;
        }
        if SUCCESS_WAITS.iter().any(|path| path.trim_end_matches('/') == route.path) {
            let (deployment, _proxy) = route.deployment(on_steps_of(STEP)).await;
            let (reply, took) = timed(route.send(&deployment, event)).await;
            ensure(took >= STEP, || format!("a success comes after {took:?}: {reply:?}"))?;
            continue;
        }
        let mut fastest = Duration::MAX;
        for _ in 0..TRIES {
            let (deployment, _proxy) = route.deployment(on_steps_of(LONGEST_STEP)).await;
            let (reply, took) = timed(route.send(&deployment, event)).await;
            ensure(reply.status < 300, || format!("{reply:?}"))?;
            fastest = took;
            if fastest < LONGEST_STEP {
                break;
            }
        }
        ensure(fastest < LONGEST_STEP, || "a success waits for the step".to_owned())?;
    }
    Ok(())
}

#[tokio::test]
async fn every_route_refuses_a_wrong_password_on_a_step_and_keeps_no_success_waiting() {
    assert_every_route(|route| Box::pin(check(route))).await;
}

/// Sends all of these. None is answered before a step since it was sent.
async fn refused<'a>(requests: Vec<(String, LocalBoxFuture<'a, Reply>)>) -> Vec<(String, Reply)> {
    let sent = requests.into_iter().map(async |(of, request)| {
        let (reply, took) = timed(request).await;
        assert!(took >= STEP, "{of}: after {took:?}");
        (of, reply)
    });
    stream::iter(sent).buffered(AT_ONCE).collect().await
}

async fn sign_in(deployment: &Deployment, contract: &str, name: &str, password: &str, code: Value) -> Reply {
    deployment.sign_in(contract, with(credentials(contract, name, password), json!({"token": code}))).await
}

#[tokio::test]
async fn every_kind_of_refused_sign_in_waits_for_the_step() {
    let right = "Password1234!";
    for contract in PASSWORD_ROUTES {
        let deployment = Deployment::start_with(on_steps_of(STEP)).await;
        let mut without = demo::user(&deployment.app, &USERS[0]);
        (without.id, without.username) = (201, "nopass".to_owned());
        (without.email, without.password_hash) = ("nopass@example.com".to_owned(), None);
        deployment.store.create_user(without).await.unwrap();
        let jimmy = name_at(contract, "jimmy");
        let counter = raw::name_counter(&deployment, &jimmy).await;
        put_counter(&deployment, &counter, LOCK_AFTER).await;
        let kinds = [
            ("nobody", "wrong", Value::Null, Refused::UnknownUser),
            ("johndoe", "wrong", Value::Null, Refused::Wrong),
            ("nopass", "wrong", Value::Null, Refused::Wrong),
            ("blocked", "wrong", Value::Null, Refused::Wrong),
            ("blocked", right, Value::Null, Refused::Disabled),
            ("dormant", right, Value::Null, Refused::NotActivated),
            ("changer", right, Value::Null, Refused::MustChangePassword),
            ("guarded", right, Value::Null, Refused::MfaRequired),
            ("guarded", right, json!("000000"), Refused::Wrong),
            ("guarded", "wrong", json!("000000"), Refused::Wrong),
            ("jimmy", "wrong", Value::Null, Refused::Throttled(900)),
            ("mallory", "wrong", Value::Null, Refused::Throttled(900)),
        ];
        let requests = kinds.iter().map(|(name, password, code, _)| {
            let name = match *name {
                "mallory" => login_name(contract, LOCKED_NAMES[0], LOCKED_NAMES[1]).to_owned(),
                name => name_at(contract, name),
            };
            let of = format!("{contract}: {name}, {password}, {code}");
            let deployment = &deployment;
            let request = async move { sign_in(deployment, contract, &name, password, code.clone()).await };
            (of, Box::pin(request) as LocalBoxFuture<'_, Reply>)
        });
        let replies = refused(requests.collect()).await;
        for ((of, reply), (.., expected)) in replies.iter().zip(&kinds) {
            assert_refusal(contract, *expected, reply, of);
        }
    }
}

#[tokio::test]
async fn address_over_its_limit_waits_for_the_step() {
    for contract in PASSWORD_ROUTES {
        let limit = |env: Environment| on_steps_of(STEP)(env).with("THROTTLE_ADDRESS_LIMIT", "1");
        let deployment = Deployment::start_with(limit).await;
        deployment.set_time(mfa::MOMENT);
        let attempt = || deployment.password(contract, "nobody", "wrong");
        attempt().await;
        for (of, reply) in refused(vec![(contract.to_owned(), Box::pin(attempt()))]).await {
            // The window of five minutes begins 200 seconds before this moment.
            assert_refusal(contract, Refused::Throttled(100), &reply, &of);
        }
    }
}

#[tokio::test]
async fn every_kind_of_refused_password_change_waits_for_the_step() {
    let deployment = Deployment::start_with(on_steps_of(STEP)).await;
    let changes = [
        body("nobody"),
        with(body("changer"), json!({"old_password": "wrong"})),
        body("blocked"),
        body("guarded"),
        with(body("guarded"), json!({"token": "000000"})),
        with(body("johndoe"), json!({"old_password": "SecurePass123!"})),
        with(body("changer"), json!({"new_password": "changer@example.com"})),
        body("mallory"),
    ];
    let requests = changes
        .iter()
        .map(|sent| (sent.to_string(), Box::pin(change(&deployment, sent)) as LocalBoxFuture<'_, Reply>));
    let replies = refused(requests.collect()).await;
    let expected = [
        Some(Refused::UnknownUser),
        Some(Refused::Wrong),
        Some(Refused::Disabled),
        Some(Refused::MfaRequired),
        Some(Refused::Wrong),
        None,
        None,
        Some(Refused::Throttled(900)),
    ];
    for ((of, reply), expected) in replies.iter().zip(expected) {
        match expected {
            Some(expected) => assert_refusal("session", expected, reply, of),
            None if of.contains("johndoe") => assert_reply(reply, 400, NOT_NEEDED, json!({}), of),
            None => assert_eq!(reply.status, 422, "{of}: {reply:?}"),
        }
    }
}

#[tokio::test]
async fn every_kind_of_refused_change_of_mfa_waits_for_the_step() {
    let deployment = Deployment::start_with(on_steps_of(STEP)).await;
    deployment.set_time(mfa::MOMENT);
    let huber = mfa_jwt(&deployment, "st.huber", mfa::PASSWORD, None).await;
    let guarded = mfa_jwt(&deployment, "guarded", mfa::PASSWORD, Some(mfa::CODE)).await;
    let secret = begin(&deployment, &huber).await;
    let off = |password: &str, code: &str| json!({"mfa": false, "password": password, "token": code});
    let changes = [
        (&huber, confirmation(&secret, "000000")),
        (&huber, confirmation("KBTSKUKRDJPEGCZK", mfa::NEXT)),
        (&huber, json!({"mfa": true, "password": "wrong"})),
        (&guarded, off("wrong", mfa::NEXT)),
        (&guarded, off(mfa::PASSWORD, "000000")),
    ];
    let requests = changes.iter().map(|(token, sent)| {
        (sent.to_string(), Box::pin(post_mfa(&deployment, token, sent)) as LocalBoxFuture<'_, Reply>)
    });
    let replies = refused(requests.collect()).await;
    for (of, reply) in &replies[..2] {
        assert_error(reply, 403, "mfaTokenInvalid", of);
    }
    for (of, reply) in &replies[2..] {
        assert_error(reply, 401, "authenticationFailed", of);
    }
}

/// The fastest of some replies, all of which are checked.
async fn assert_quick(of: &str, request: impl AsyncFn() -> Reply, assert: impl Fn(&Reply)) {
    for _ in 0..TRIES {
        let (reply, took) = timed(request()).await;
        assert(&reply);
        if took < LONGEST_STEP {
            return;
        }
    }
    panic!("{of} waits for the step");
}

#[tokio::test]
async fn request_that_is_refused_before_a_check_does_not_wait() {
    let deployment = Deployment::start_with(on_steps_of(LONGEST_STEP)).await;
    for contract in PASSWORD_ROUTES {
        for body in ["{", "[]", "{}"] {
            let of = format!("{contract}: {body}");
            let assert = |reply: &Reply| assert!(matches!(reply.status, 400 | 422), "{of}: {reply:?}");
            assert_quick(&of, async || deployment.post(contract, body).await, assert).await;
        }
        let unknown = async || deployment.request(contract, "POST", "/no-such-path", &[], "{}").await;
        assert_quick(contract, unknown, |reply| assert_eq!(reply.status, 404, "{contract}")).await;
    }
}

/// The deadline comes before the step. Half a second is kept for the reply.
#[tokio::test]
async fn no_refusal_waits_beyond_the_deadline() {
    let (deployment, proxy) = Proxy::deployment(on_steps_of(LONGEST_STEP)).await;
    for contract in PASSWORD_ROUTES {
        let within = async |time| {
            let members = credentials(contract, &name_at(contract, "johndoe"), "wrong");
            let event = deployment.event(contract, Some(&contracts::body(contract, &members)));
            deployment.invoke_within(contract, event, Duration::from_millis(time)).await
        };
        let wrong = |reply: &Reply| assert_refusal(contract, Refused::Wrong, reply, "a wrong password");
        assert_quick("a wrong password", async || within(2_000).await, wrong).await;
        proxy.rule(|_| Fate::Delay(Duration::from_millis(1500)));
        let slow = |reply: &Reply| assert_refusal(contract, Refused::Unavailable(1), reply, "a slow table");
        assert_quick("a slow table", async || within(900).await, slow).await;
        proxy.heal();
    }
}

#[tokio::test]
async fn step_has_a_default_and_can_be_switched_off() {
    // A locked name is not hashed, so its refusal takes less than the step by itself.
    let mut deployment = Deployment::start_with(|env| env.with("REFUSAL_STEP_MILLISECONDS", "")).await;
    let locked = async |deployment: &Deployment| {
        let (reply, took) = timed(deployment.password("account", LOCKED_NAMES[0], "wrong")).await;
        assert_refusal("account", Refused::Throttled(900), &reply, "a locked name");
        took
    };
    for _ in 0..5 {
        let took = locked(&deployment).await;
        assert!(took >= Duration::from_millis(50), "{took:?}");
    }
    deployment.restart(|env| env.with("REFUSAL_STEP_MILLISECONDS", "0")).await;
    assert_eq!(Config::from_env(&deployment.env).unwrap().refusal_step, Duration::ZERO);
    locked(&deployment).await;
}
