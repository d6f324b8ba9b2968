//! The type in the header (RFC 7515 §4.1.9), as a setting of each contract. Whatever the settings, each route takes the
//! tokens of its own type and no others (RFC 8725 §3.11, §3.12).

use postern::environment::Environment;
use postern_tests::contracts::{PASSWORD_CONTRACTS, Probe, get};
use postern_tests::deployment::Deployment;
use serde_json::Value;

use super::profiles::{status, tokens};
use crate::support::jwt::{claims, mint, parts};
use crate::support::operations;
use crate::support::tokens::{end, present, refresh};

/// Each contract's setting. An empty text is the default.
type Types<'a> = [(&'static str, &'a str); PASSWORD_CONTRACTS.len()];

/// The routes that take a JWT and leave it valid, each with the name of its token.
const ROUTES: [(&str, Probe); 11] = [
    ("account access", route("sso", "POST", "/api/v2/sso/signin/", "", 200, 401)),
    ("session JWT", route("session", "GET", "/api/v1/user/myself/session", "", 200, 401)),
    ("session JWT", route("session", "DELETE", "/api/v1/user/myself/session/1", "", 404, 401)),
    ("session JWT", route("session", "POST", SIGN_OUT, r#"{"session_token":"x"}"#, 404, 401)),
    ("mfa JWT", route("mfa", "GET", "/whoami/jwt", "", 200, 401)),
    ("mfa JWT", route("mfa", "GET", "/account/jwt", "", 200, 401)),
    ("mfa JWT", route("mfa", "POST", "/account/mfa/jwt", "{}", 400, 401)),
    ("email access", route("email", "GET", "/api/profile/", "", 200, 401)),
    ("email access", route("email", "POST", "/api/profile/", "", 200, 401)),
    ("email access", route("email", "POST", "/api/token/verify/", r#"{"token":"{token}"}"#, 200, 401)),
    ("email refresh", route("email", "POST", "/api/token/verify/", r#"{"token":"{token}"}"#, 200, 401)),
];

/// The routes that end the session of a JWT, or replace it.
const ENDING: [(&str, Probe); 3] = [
    // RFC 7009 §2.2: an invalid token is no error.
    ("account access", route("account", "POST", "/oauth/revoke_token/", "token={token}", 200, 200)),
    ("email refresh", route("email", "POST", "/api/token/refresh/", r#"{"refresh":"{token}"}"#, 200, 401)),
    ("email refresh", route("email", "POST", "/api/token/blacklist/", r#"{"refresh":"{token}"}"#, 200, 401)),
];

const SIGN_OUT: &str = "/api/v1/user/myself/session/logoutCurrentSession";

/// Values of the header, as JSON, and the type that each of them names. An empty text stands for no value.
const VALUES: [(&str, &str); 22] = [
    ("", "JWT"),
    ("null", "JWT"),
    (r#""JWT""#, "JWT"),
    (r#""jwt""#, "JWT"),
    (r#""application/JWT""#, "JWT"),
    (r#""Application/jwt""#, "JWT"),
    (r#""at+jwt""#, "at+jwt"),
    (r#""AT+JWT""#, "at+jwt"),
    (r#""application/at+jwt""#, "at+jwt"),
    (r#""account+jwt""#, "account+jwt"),
    (r#""APPLICATION/account+JWT""#, "account+jwt"),
    (r#""session+jwt""#, "session+jwt"),
    (r#""mfa+jwt""#, "mfa+jwt"),
    (r#""email+jwt""#, "email+jwt"),
    (r#""""#, "none"),
    (r#""id+jwt""#, "none"),
    (r#""text/at+jwt""#, "none"),
    (r#""application/application/jwt""#, "none"),
    (r#"" JWT""#, "none"),
    ("1", "none"),
    (r#"["JWT"]"#, "none"),
    (r#"{"JWT":"at+jwt"}"#, "none"),
];

const fn route(
    contract: &'static str,
    method: &'static str,
    path: &'static str,
    body: &'static str,
    valid: u64,
    invalid: u64,
) -> Probe {
    Probe { contract, method, path, body, valid, invalid }
}

fn set(env: Environment, types: &Types<'_>) -> Environment {
    types
        .iter()
        .fold(env, |env, (contract, typ)| env.with(&format!("{}_JWT_TYPE", contract.to_uppercase()), *typ))
}

/// The type of the tokens of this name. A refresh token of email never has another than the default.
fn expected<'a>(token: &str, types: &Types<'a>) -> &'a str {
    let of = types.iter().find(|(contract, _)| token == get(contract).tokens[0].name);
    of.map(|(_, typ)| *typ).filter(|typ| !typ.is_empty()).unwrap_or("JWT")
}

/// The claims of a token under a header with this `typ`, and a valid signature.
fn with_type(claims: &Value, typ: &str) -> String {
    let typ = if typ.is_empty() { String::new() } else { format!(r#""typ":{typ},"#) };
    mint(&format!(r#"{{{typ}"alg":"HS256"}}"#), claims)
}

/// HEAD is handled as GET.
#[test]
fn table_has_every_operation_that_asks_for_a_token() {
    let asks = operations::all().iter().filter(|operation| operation.asks_for_credentials());
    for operation in asks.filter(|operation| operation.method != "HEAD") {
        let path = operation.route().replace("{id}", "1");
        let is_listed = ROUTES
            .iter()
            .any(|(_, route)| route.method == operation.method && route.path.trim_end_matches('/') == path);
        assert!(is_listed, "{operation:?}");
    }
}

/// Presents every JWT with every type to every route that takes one.
async fn assert_each_route_takes_its_own_type(types: Types<'_>) {
    let deployment = Deployment::start_with(|env| set(env, &types)).await;
    let tokens = tokens(&deployment).await;
    let jwts: Vec<_> = tokens.iter().filter(|(_, token, _)| token.split('.').count() == 3).collect();
    for (name, token, _) in &jwts {
        let header: Value = serde_json::from_str(&parts(token).0).unwrap();
        assert_eq!(header["typ"], *expected(name, &types), "{name} with {types:?}");
    }
    for (own, route) in ENDING.iter().chain(&ROUTES) {
        for (name, token, _) in &jwts {
            for (value, typ) in VALUES {
                let is_valid = name == own && typ == expected(own, &types);
                // What the route does with a valid token is tested below.
                let ends = ENDING.iter().any(|(_, ending)| ending.path == route.path);
                // This route takes both kinds of email's tokens.
                let takes_both = route.path == "/api/token/verify/" && name.starts_with("email");
                if (is_valid && ends) || (takes_both && name != own) {
                    continue;
                }
                let found = status(&deployment, route, &with_type(&claims(token), value)).await;
                let expected = if is_valid { route.valid } else { route.invalid };
                assert_eq!(found, expected, "{value} in {name} at {route:?} with {types:?}");
            }
        }
    }
    // No refused token ended a session. The tokens that were issued end theirs.
    let issued = |name: &str| jwts.iter().find(|(own, ..)| *own == name).unwrap().1.as_str();
    let access = issued("account access");
    assert_eq!(present(&deployment, "account", access).await.status, 200, "{types:?}");
    assert_eq!(end(&deployment, "account", access).await.status, 200);
    assert_eq!(present(&deployment, "account", access).await.status, 401, "{types:?}");
    let successor = refresh(&deployment, "email", issued("email refresh")).await.json();
    let successor = successor["refresh"].as_str().unwrap_or_else(|| panic!("{types:?}: {successor}"));
    assert_eq!(end(&deployment, "email", successor).await.status, 200, "{types:?}");
    assert_eq!(refresh(&deployment, "email", successor).await.status, 401, "{types:?}");
}

#[tokio::test]
async fn each_route_takes_only_tokens_of_its_type_by_default() {
    assert_each_route_takes_its_own_type(PASSWORD_CONTRACTS.map(|contract| (contract, ""))).await;
}

#[tokio::test]
async fn each_route_takes_only_tokens_of_its_type_if_each_contract_has_its_own() {
    let types =
        [("account", "account+jwt"), ("session", "session+jwt"), ("mfa", "mfa+jwt"), ("email", "email+jwt")];
    assert_each_route_takes_its_own_type(types).await;
}

/// The issuers and audiences still tell the contracts apart.
#[tokio::test]
async fn each_route_takes_only_its_own_tokens_if_all_contracts_have_one_type() {
    assert_each_route_takes_its_own_type(PASSWORD_CONTRACTS.map(|contract| (contract, "at+jwt"))).await;
}

/// A new type ends the access tokens that were issued before. Sessions go on.
#[tokio::test]
async fn token_of_an_earlier_type_is_refused() {
    let mut deployment = Deployment::start().await;
    let issued = tokens(&deployment).await;
    for (typ, is_valid) in [("at+jwt", false), ("", true)] {
        deployment.restart(|env| set(env, &PASSWORD_CONTRACTS.map(|contract| (contract, typ)))).await;
        for (name, token, probe) in &issued {
            let is_access = PASSWORD_CONTRACTS.iter().any(|contract| *name == get(contract).tokens[0].name);
            let expected = if is_valid || !is_access { probe.valid } else { probe.invalid };
            assert_eq!(status(&deployment, probe, token).await, expected, "{name} with {typ}");
        }
    }
}
