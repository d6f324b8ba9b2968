//! The part `follow`: the routes that follow a sign-in, each warm and through `handle`, compared with the
//! calls to the store that each makes. They do not hash, so their time is that of the store and of Postern's
//! own code.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use postern::session::GRACE;
use postern_tests::deployment::{Deployment, Reply};
use serde_json::{Value, json};

use crate::Spread;
use crate::warm::{client, get, text};

const ROUNDS: usize = 500;

/// The calls of a route to the store.
#[derive(Clone, Copy)]
enum Calls {
    /// The read of the user.
    Read,
    /// The reads of the user and of the session, at the same time.
    TwoReads,
    /// The conditional update of the session and the read of the user, at the same time.
    Rotation,
}

pub(crate) async fn run() {
    let deployment = Deployment::start().await;
    let client = client(&deployment.table.endpoint());
    let account = signed_in(&deployment, "account", "johndoe", "SecurePass123!").await["token"].clone();
    let email = signed_in(&deployment, "email", "johndoe@example.com", "SecurePass123!").await;
    let mfa = signed_in(&deployment, "mfa", "jimmy", "correct horse battery staple").await;
    let body = json!({"username": "st.huber", "password": "Password1234!", "stay_logged_in": true});
    let session = deployment.sign_in("session", body).await.json();

    println!("The routes that follow a sign-in (embedded store), {ROUNDS} rounds each\n");
    println!("  {:<44} {:>9} {:>9} {:>9}", "", "whole", "store's", "our own");
    let bearer = |token: &Value| format!("Bearer {}", token.as_str().unwrap());
    let (sso, whoami, profile) =
        (bearer(&account["access_token"]), bearer(&mfa["token"]), bearer(&email["access"]));

    let route =
        Route { contract: "sso", method: "POST", path: "/api/v2/sso/signin/", calls: Calls::TwoReads };
    route.measure(&deployment, &client, Duration::ZERO, || (sso.clone(), String::new()), |_| {}).await;
    let route = Route { contract: "mfa", method: "GET", path: "/whoami/jwt", calls: Calls::Read };
    route.measure(&deployment, &client, Duration::ZERO, || (whoami.clone(), String::new()), |_| {}).await;
    let route = Route { contract: "email", method: "GET", path: "/api/profile/", calls: Calls::Read };
    route.measure(&deployment, &client, Duration::ZERO, || (profile.clone(), String::new()), |_| {}).await;

    let resume = json!({"session_token": session["session_token"]}).to_string();
    let path = "/api/auth/IamLoggedIn";
    let route = Route { contract: "session", method: "POST", path, calls: Calls::Rotation };
    route.measure(&deployment, &client, Duration::ZERO, || (String::new(), resume.clone()), |_| {}).await;

    let token = std::cell::RefCell::new(account["refresh_token"].clone());
    let form = || format!("grant_type=refresh_token&refresh_token={}", token.borrow().as_str().unwrap());
    let keep = |reply: &Reply| *token.borrow_mut() = reply.json()["refresh_token"].clone();
    let route = Route { contract: "account", method: "POST", path: "/oauth/token/", calls: Calls::Rotation };
    route.measure(&deployment, &client, GRACE, || (String::new(), form()), keep).await;

    // A second sign-in is needed, since the clock has advanced by hours.
    let email = signed_in(&deployment, "email", "johndoe@example.com", "SecurePass123!").await;
    let token = std::cell::RefCell::new(email["refresh"].clone());
    let body = || json!({"refresh": *token.borrow()}).to_string();
    let keep = |reply: &Reply| *token.borrow_mut() = reply.json()["refresh"].clone();
    let path = "/api/token/refresh/";
    let route = Route { contract: "email", method: "POST", path, calls: Calls::Rotation };
    route.measure(&deployment, &client, GRACE, || (String::new(), body()), keep).await;
    println!();
}

struct Route {
    contract: &'static str,
    method: &'static str,
    path: &'static str,
    calls: Calls,
}

impl Route {
    /// Measures the route. `next` returns the authorization and the body of each request, and `keep` gets its
    /// reply.
    async fn measure(
        &self,
        deployment: &Deployment,
        client: &Client,
        pause: Duration,
        next: impl Fn() -> (String, String),
        keep: impl Fn(&Reply),
    ) {
        let (mut whole, mut calls) = (Vec::new(), Vec::new());
        // Both take turns, so that other load on the machine disturbs both equally. The first ten rounds warm
        // up.
        for round in 0..ROUNDS + 10 {
            deployment.advance(pause);
            let (authorization, body) = next();
            let headers = [("authorization", authorization.as_str())];
            let start = Instant::now();
            let reply = deployment.request(self.contract, self.method, self.path, &headers, &body).await;
            let handled = start.elapsed();
            assert!(matches!(reply.status, 200 | 202), "{}: {}", self.path, reply.text);
            keep(&reply);
            let start = Instant::now();
            self.calls.make(client).await;
            let called = start.elapsed();
            if round >= 10 {
                whole.push(handled);
                calls.push(called);
            }
        }
        let (whole, calls) = (Spread::of(whole).median, Spread::of(calls).median);
        let name = format!("{} {} {}", self.contract, self.method, self.path);
        println!("  {name:<44} {whole:>6.2} ms {calls:>6.2} ms {:>6.2} ms", whole - calls);
    }
}

impl Calls {
    async fn make(self, client: &Client) {
        match self {
            Self::Read => get(client).await,
            Self::TwoReads => drop(tokio::join!(get(client), get(client))),
            Self::Rotation => drop(tokio::join!(rotate(client), get(client))),
        }
    }
}

/// Sends a conditional update with as many attributes as a rotation, which returns the whole item.
async fn rotate(client: &Client) {
    let hash = text("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    let number = |value: &str| AttributeValue::N(value.to_owned());
    let write = client
        .update_item()
        .table_name("postern")
        .key("pk", text("BENCH#session"))
        .key("sk", hash.clone())
        .update_expression(
            "SET previous_hash = :next, current_hash = :next, derived_with = :nonce, rotated_at = :now, \
             expires_at = :expires",
        )
        .condition_expression(
            "attribute_not_exists(kind) AND rotated_at <> :grace AND expires_at <> :second AND pk <> :kind",
        )
        .expression_attribute_values(":next", hash)
        .expression_attribute_values(":nonce", text("0123456789abcdef0123456789abcdef"))
        .expression_attribute_values(":now", number("1795348800000"))
        .expression_attribute_values(":expires", number("1797940800"))
        .expression_attribute_values(":grace", number("1"))
        .expression_attribute_values(":second", number("1"))
        .expression_attribute_values(":kind", text("session"))
        .return_values(ReturnValue::AllNew);
    black_box(write.send().await.unwrap());
}

async fn signed_in(deployment: &Deployment, contract: &str, name: &str, password: &str) -> Value {
    deployment.password(contract, name, password).await.json()
}
