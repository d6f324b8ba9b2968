//! What the routes after a sign-in cost at the table.

use postern::session::GRACE;
use serde_json::json;

use crate::support::session::{delete, list, listed};
use crate::support::signed_in::{
    self, ACCOUNT, CHANGE_PASSWORD, MFA, RESUME, SIGN_OUT, WHOAMI, code, get, member, post,
};
use crate::support::tokens::{PASSWORD, REFRESHABLE, Tokens, end, present, refresh, sign_in};
use crate::support::units::Units;

#[tokio::test]
async fn requests_after_a_sign_in_cost_what_the_snapshot_says() {
    let (deployment, mut units) = Units::open(|env| env).await;
    for contract in REFRESHABLE {
        let what = |what: &str| format!("{contract}: {what}");
        let shown = if contract == "account" { "sso: sign-in" } else { "email: profile" };
        let (first, other) = (sign_in(&deployment, contract).await, sign_in(&deployment, contract).await);
        units.of(shown, 200, present(&deployment, contract, &first.access)).await;
        let next = units.of(&what("refresh"), 200, refresh(&deployment, contract, &first.refresh)).await;
        let next = Tokens::of(contract, &next);
        let again = refresh(&deployment, contract, &first.refresh);
        units.of(&what("refresh, again within the grace"), 200, again).await;
        deployment.advance(GRACE);
        let late = refresh(&deployment, contract, &first.refresh);
        units.of(&what("refresh, late"), 200, late).await;
        let next = Tokens::of(contract, &refresh(&deployment, contract, &next.refresh).await);
        let kept = refresh(&deployment, contract, &next.refresh);
        units.of(&what("refresh, kept for the first time"), 200, kept).await;
        let kept = refresh(&deployment, contract, &next.refresh);
        units.of(&what("refresh, kept"), 200, kept).await;
        let stolen = if contract == "account" { 400 } else { 401 };
        units
            .of(&what("refresh, with a used token"), stolen, refresh(&deployment, contract, &first.refresh))
            .await;
        units.of(&what("refresh, with garbage"), stolen, refresh(&deployment, contract, "garbage")).await;
        units.of(&what("sign-out"), 200, end(&deployment, contract, &other.refresh)).await;
    }

    let reply = signed_in::sign_in(&deployment, "session", "st.huber", PASSWORD, None).await;
    let (jwt, token) = (member(&reply, "/token"), json!({"session_token": member(&reply, "/session_token")}));
    units.of("session: IamLoggedIn", 202, post(&deployment, "session", RESUME, None, &token)).await;
    signed_in::sign_in(&deployment, "session", "st.huber", PASSWORD, None).await;
    units.of("session: list of 2 sessions", 200, list(&deployment, &jwt)).await;
    let id = listed(&deployment, &jwt).await[0]["id"].clone();
    units.of("session: end of one of 2", 200, delete(&deployment, &jwt, &id)).await;
    units.of("session: end of none of 1", 404, delete(&deployment, &jwt, &id)).await;
    let reply = signed_in::sign_in(&deployment, "session", "st.huber", PASSWORD, None).await;
    let token = json!({"session_token": member(&reply, "/session_token")});
    units.of("session: sign-out", 200, post(&deployment, "session", SIGN_OUT, Some(&jwt), &token)).await;
    let gone = post(&deployment, "session", RESUME, None, &token);
    units.of("session: IamLoggedIn, signed out", 400, gone).await;
    let body = json!({
        "username": "changer", "old_password": PASSWORD, "new_password": "a phrase nobody else has",
        "stay_logged_in": true,
    });
    let change = post(&deployment, "session", CHANGE_PASSWORD, None, &body);
    units.of("session: forced change of password", 200, change).await;

    let jwt = signed_in::mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    units.of("mfa: whoami", 200, get(&deployment, "mfa", WHOAMI, &jwt)).await;
    units.of("mfa: account", 200, get(&deployment, "mfa", ACCOUNT, &jwt)).await;
    let post_mfa = |body| {
        let (deployment, jwt) = (&deployment, &jwt);
        async move { post(deployment, "mfa", MFA, Some(jwt), &body).await }
    };
    let reply = units.of("mfa: MFA begun", 200, post_mfa(json!({"mfa": true}))).await;
    let first = member(&reply, "/mfa/secret");
    let with_password = post_mfa(json!({"mfa": true, "password": PASSWORD}));
    let reply = units.of("mfa: MFA begun with the password", 200, with_password).await;
    let secret = member(&reply, "/mfa/secret");
    assert_ne!(secret, first);
    let confirmation = json!({"mfa": true, "secret": secret, "token": code(&deployment, &secret, 0)});
    units.of("mfa: MFA confirmed", 200, post_mfa(confirmation)).await;
    let off = json!({"mfa": false, "password": PASSWORD, "token": code(&deployment, &secret, 1)});
    units.of("mfa: MFA switched off", 200, post_mfa(off)).await;
    units.assert("after_sign_in");
}
