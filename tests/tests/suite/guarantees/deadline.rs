//! A table that is slow at every step: whoever waits is told so while Lambda still lets us speak.

use std::time::Duration;

use lambda_http::Context;
use lambda_http::lambda_runtime::LambdaEvent;
use postern::clock;
use postern::http::invoke;
use postern_tests::deployment::{Deployment, Reply};
use postern_tests::logs;
use serde_json::{Value, json};

use crate::support::proxy::{Fate, Proxy};
use crate::support::sign_in::good_event;
use crate::support::words::{Refused, assert_refusal};

/// Sends an event as Lambda does that ends the function after so much time.
async fn within(deployment: &Deployment, contract: &str, event: Value, time: Duration) -> Reply {
    let mut context = Context::default();
    context.deadline = clock::now().plus(time).millis();
    let event = LambdaEvent::new(event, context);
    macro_rules! function {
        ($contract:ident) => {{
            let settings = $contract::Settings::from_env(&deployment.env).unwrap();
            let reply = invoke(|request| $contract::handle(&deployment.app, &settings, request), event).await;
            serde_json::to_value(reply.unwrap()).unwrap()
        }};
    }
    Reply::of(&match contract {
        "sso" => function!(sso_signin),
        "account" => function!(account_signin),
        "session" => function!(session_signin),
        "mfa" => function!(mfa_signin),
        "email" => function!(email_signin),
        other => panic!("{other} is no contract"),
    })
}

/// Each trip takes less than what a call may take, but all of them take more than there is. The three of a sign-in
/// are given up in the third, the one of sso in the first; half a second is kept for the reply.
#[tokio::test]
async fn a_slow_table_is_given_up_before_lambda_gives_us_up() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let slow = async |contract: &str, time| {
        let id = format!("slow-{contract}");
        let mut reply = within(
            &deployment,
            contract,
            good_event(&deployment, contract, &id),
            Duration::from_millis(time),
        )
        .await;
        assert_eq!(reply.headers["x-request-id"], json!(id));
        reply.headers["x-request-id"] = json!("test-request");
        assert_refusal(contract, Refused::Unavailable(1), &reply, "a slow table");
        let lines = logs::so_far();
        let lines = lines.lines().filter(|line| line.contains(&id));
        let errors: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|line: &Value| line["level"] == "ERROR")
            .collect();
        assert_eq!(errors.len(), 1, "{contract}: {errors:?}");
        assert_eq!(errors[0]["message"], "the request ran out of time", "{contract}");
    };
    proxy.rule(|_| Fate::Delay(Duration::from_millis(500)));
    tokio::join!(
        slow("sso", 900),
        slow("account", 1800),
        slow("session", 1800),
        slow("mfa", 1800),
        slow("email", 1800)
    );
    // Slow, but not for the time that there is, nor for a single call's.
    proxy.rule(|_| Fate::Delay(Duration::from_millis(150)));
    let event = good_event(&deployment, "account", "test-request");
    let reply = within(&deployment, "account", event, Duration::from_secs(20)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    proxy.heal();
    for contract in ["sso", "account", "session", "mfa", "email"] {
        let event = good_event(&deployment, contract, "test-request");
        assert_eq!(
            within(&deployment, contract, event, Duration::from_secs(20)).await.status,
            200,
            "{contract}"
        );
    }
}

/// A function that Lambda has all but ended already does not begin.
#[tokio::test]
async fn without_time_nothing_is_hashed() {
    let deployment = Deployment::start().await;
    let before = deployment.app.passwords.verifications();
    for contract in ["account", "session", "mfa", "email"] {
        let event = good_event(&deployment, contract, "test-request");
        let reply = within(&deployment, contract, event, Duration::from_millis(400)).await;
        assert_refusal(contract, Refused::Unavailable(1), &reply, "no time left");
    }
    assert_eq!(deployment.app.passwords.verifications(), before);
}
