//! What each request costs at the table, to the unit. A change of the cost shows in the snapshot.

mod tokens;

use std::fmt::Write;
use std::time::Duration;

use postern_local::demo::{self, RECOVERY_CODES};
use postern_tests::contracts::takes_password;
use postern_tests::deployment::{CONTRACTS, PASSWORD_ROUTES, credentials, name_at};
use postern_tests::meter::Meter;
use serde_json::{Value, json};

use crate::support::raw;
use crate::support::routes;
use crate::support::sign_in::from;
use crate::support::units::{MOMENT, Units};
use crate::support::words::{Refused, words};

const PASSWORD: &str = "Password1234!";

fn with_code(contract: &str, code: &str) -> Value {
    let mut body = credentials(contract, &name_at(contract, "guarded"), PASSWORD);
    body["token"] = json!(code);
    body
}

/// A route that is added has a row here by being in `ROUTES`.
#[tokio::test]
async fn every_route_costs_what_the_snapshot_says() {
    let mut measured: Option<Units> = None;
    // A deployment for each function, since a reset changes a user whom other contracts know.
    for routes in routes::all().await.chunk_by(|one, next| one.function == next.function) {
        let (deployment, mut units) = Units::open(|env| env).await;
        if let Some(before) = measured {
            units.text = before.text;
        }
        demo::begin_sessions(&deployment.app, &deployment.store).await.unwrap();
        for route in routes {
            for event in &route.events {
                let what = format!("{}: {}", route.function, route.path);
                let reply = units.measure(&what, route.send(&deployment, event)).await;
                assert!(reply.status < 300, "{what}: {reply:?}");
            }
        }
        measured = Some(units);
    }
    measured.unwrap().assert("routes");
}

#[tokio::test]
async fn sign_ins_cost_what_the_snapshot_says() {
    let (deployment, mut units) = Units::open(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000")).await;
    for contract in CONTRACTS {
        let event = deployment.right_sign_in(contract).await;
        if takes_password(contract) {
            raw::forget_addresses(&deployment, &name_at(contract, "johndoe")).await;
            let what = format!("{contract}: right, from a new address");
            units.of(&what, 200, deployment.invoke(contract, event.clone())).await;
        }
        units.of(&format!("{contract}: right"), 200, deployment.invoke(contract, event)).await;
    }
    units.of("mfa: right, by the id", 200, deployment.password("mfa", "1", "SecurePass123!")).await;
    units.of("sso: no token of ours", 401, deployment.sso("e30.e30.AA")).await;
    for (contract, code) in PASSWORD_ROUTES.into_iter().zip(RECOVERY_CODES) {
        let what = |what: &str| format!("{contract}: {what}");
        let says = |refused| words(contract, refused).0;
        let attempt = async |username, password| {
            deployment.password(contract, &name_at(contract, username), password).await
        };
        units
            .of(
                &what("right, with an MFA code"),
                200,
                deployment.sign_in(contract, with_code(contract, code)),
            )
            .await;
        units.of(&what("right, no MFA code"), says(Refused::MfaRequired), attempt("guarded", PASSWORD)).await;
        units.of(&what("right, but disabled"), says(Refused::Disabled), attempt("blocked", PASSWORD)).await;
        units.of(&what("wrong password"), says(Refused::Wrong), attempt("jimmy", "wrong")).await;
        units.of(&what("unknown user"), says(Refused::UnknownUser), attempt("nobody", "wrong")).await;
        units.of(&what("throttled by name"), says(Refused::Throttled(0)), attempt("mallory", PASSWORD)).await;
    }
    units.assert("sign_in");
}

/// The first attempt from a new address is admitted, and no other.
#[tokio::test]
async fn throttled_address_costs_what_the_snapshot_says() {
    let (deployment, mut units) = Units::open(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1")).await;
    for contract in PASSWORD_ROUTES {
        let name = name_at(contract, "johndoe");
        deployment.password(contract, &name, "wrong").await;
        let what = format!("{contract}: throttled by address");
        units.of(&what, 429, deployment.password(contract, &name, "wrong")).await;
        deployment.advance(Duration::from_secs(3600));
    }
    units.assert("address");
}

/// Units depend on the size of items. Most of these items have room to grow.
#[tokio::test]
async fn items_of_a_sign_in_have_the_sizes_of_the_snapshot() {
    let (deployment, meter) = Meter::deployment(|env| env).await;
    deployment.set_time(MOMENT);
    // The first sign-in creates the counter of the address. The second finds it, and the failure of the other
    // name.
    deployment.password("email", "johndoe@example.com", "wrong").await;
    deployment.invoke("account", deployment.right_sign_in("account").await).await;
    // No more addresses are known.
    for address in ["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"] {
        assert_eq!(from(&deployment, address, "account", "johndoe", "SecurePass123!").await.status, 200);
    }
    let event = deployment.right_sign_in("account").await;
    let (_, used) = meter.of(deployment.invoke("account", event)).await;
    let mut text = format!("{:<24}  trip  bytes  reads  writes\n", "johndoe at account");
    for call in used.calls {
        let (trip, bytes) = (call.trip + 1, call.bytes);
        writeln!(text, "{:<24} {trip:>5} {bytes:>6} {:>6} {:>7}", call.what, call.reads, call.writes)
            .unwrap();
    }
    let units = Units { meter, text };
    units.assert("items");
}
