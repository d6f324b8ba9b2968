//! What the routes that follow a sign-in cost at the table.

use postern::session::GRACE;
use serde_json::json;

use super::holder::{self, ACCOUNT, CHANGE_PASSWORD, LEAVE, MFA, RESUME, WHOAMI, code, get, member, post};
use super::http::{PASSWORD, RENEWABLE, Tokens, end, present, refresh, sign_in};
use crate::units::Units;

#[tokio::test]
async fn what_follows_a_sign_in() {
    let (stand, mut units) = Units::open(|env| env).await;
    for contract in RENEWABLE {
        let what = |what: &str| format!("{contract}: {what}");
        let shown = if contract == "account" { "sso: sign-in" } else { "email: profile" };
        let (first, other) = (sign_in(&stand, contract).await, sign_in(&stand, contract).await);
        units.of(shown, 200, present(&stand, contract, &first.access)).await;
        let next = units.of(&what("refresh"), 200, refresh(&stand, contract, &first.refresh)).await;
        let next = Tokens::of(contract, &next);
        let again = refresh(&stand, contract, &first.refresh);
        units.of(&what("refresh, again within the grace"), 200, again).await;
        stand.advance(GRACE);
        let late = refresh(&stand, contract, &first.refresh);
        units.of(&what("refresh, late"), 200, late).await;
        let next = Tokens::of(contract, &refresh(&stand, contract, &next.refresh).await);
        let kept = refresh(&stand, contract, &next.refresh);
        units.of(&what("refresh, kept for the first time"), 200, kept).await;
        let kept = refresh(&stand, contract, &next.refresh);
        units.of(&what("refresh, kept"), 200, kept).await;
        let stolen = if contract == "account" { 400 } else { 401 };
        units
            .of(&what("refresh, with a used token"), stolen, refresh(&stand, contract, &first.refresh))
            .await;
        units.of(&what("refresh, with garbage"), stolen, refresh(&stand, contract, "garbage")).await;
        units.of(&what("sign-out"), 200, end(&stand, contract, &other.refresh)).await;
    }

    let reply = holder::sign_in(&stand, "session", "st.huber", PASSWORD, None).await;
    let (jwt, token) = (member(&reply, "/token"), json!({"session_token": member(&reply, "/session_token")}));
    units.of("session: IamLoggedIn", 202, post(&stand, "session", RESUME, None, &token)).await;
    units.of("session: sign-out", 200, post(&stand, "session", LEAVE, Some(&jwt), &token)).await;
    let gone = post(&stand, "session", RESUME, None, &token);
    units.of("session: IamLoggedIn, signed out", 400, gone).await;
    let body = json!({
        "username": "changer", "old_password": PASSWORD, "new_password": "a phrase nobody else has",
        "stay_logged_in": true,
    });
    let change = post(&stand, "session", CHANGE_PASSWORD, None, &body);
    units.of("session: forced change of password", 200, change).await;

    let jwt = holder::mfa_jwt(&stand, "st.huber", PASSWORD, None).await;
    units.of("mfa: whoami", 200, get(&stand, "mfa", WHOAMI, &jwt)).await;
    units.of("mfa: account", 200, get(&stand, "mfa", ACCOUNT, &jwt)).await;
    let wish = |body| {
        let (stand, jwt) = (&stand, &jwt);
        async move { post(stand, "mfa", MFA, Some(jwt), &body).await }
    };
    let reply = units.of("mfa: MFA begun", 200, wish(json!({"mfa": true}))).await;
    let secret = member(&reply, "/mfa/secret");
    let confirmation = json!({"mfa": true, "secret": secret, "token": code(&stand, &secret, 0)});
    units.of("mfa: MFA confirmed", 200, wish(confirmation)).await;
    let off = json!({"mfa": false, "password": PASSWORD, "token": code(&stand, &secret, 1)});
    units.of("mfa: MFA switched off", 200, wish(off)).await;
    units.assert("follow");
}
