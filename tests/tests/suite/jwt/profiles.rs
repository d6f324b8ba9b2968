//! The issuers and audiences of the contracts, as settings. Whatever the settings, each route takes the tokens of its own
//! contract and no others, and settings that would break this are refused.

use postern::environment::Environment;
use postern_local::functions;
use postern_tests::binary;
use postern_tests::contracts::{PASSWORD_CONTRACTS, Probe, WITH_PASSWORD, get};
use postern_tests::deployment::{Deployment, credentials, name_at};
use serde_json::{Value, json};

use crate::support::jwt::claims;
use crate::support::tokens::{ending, refresh, sign_in};

const URL: &str = "https://sign-in.example.com";

/// Settings of contracts: the name, the issuer and the audience of each. An empty text means that its tokens have no
/// such claim.
type Settings<'a> = &'a [(&'a str, &'a str, &'a str)];

fn set(env: Environment, settings: Settings<'_>) -> Environment {
    settings.iter().fold(env, |env, (contract, issuer, audience)| {
        let name = |setting: &str| format!("{}_JWT_{setting}", contract.to_uppercase());
        env.with(&name("ISSUER"), *issuer).with(&name("AUDIENCE"), *audience)
    })
}

/// Every token of a sign-in at each contract, and the request that tells whether it is valid.
pub(super) async fn tokens(deployment: &Deployment) -> Vec<(&'static str, String, &'static Probe)> {
    let mut tokens = Vec::new();
    for contract in WITH_PASSWORD {
        let mut body = credentials(contract.name, &name_at(contract.name, "st.huber"), "Password1234!");
        body["stay_logged_in"] = json!(true);
        let reply = deployment.sign_in(contract.name, body).await.json();
        tokens.extend(contract.tokens.iter().map(|token| {
            let text = reply.pointer(token.place).and_then(Value::as_str);
            (token.name, text.unwrap_or_else(|| panic!("{reply}")).to_owned(), token.probe.as_ref().unwrap())
        }));
    }
    tokens
}

pub(super) async fn status(deployment: &Deployment, probe: &Probe, token: &str) -> u64 {
    let body = probe.body.replace("{token}", token);
    let kind = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("content-type", kind)];
    if !probe.body.contains("{token}") {
        headers.push(("authorization", bearer.as_str()));
    }
    deployment.request(probe.contract, probe.method, probe.path, &headers, &body).await.status
}

/// Presents every token to every route that takes one. A route gets its own token last, because a refresh replaces it.
async fn assert_each_route_takes_its_own(settings: Settings<'_>) {
    let deployment = Deployment::start_with(|env| set(env, settings)).await;
    let tokens = tokens(&deployment).await;
    assert!(tokens.len() > PASSWORD_CONTRACTS.len());
    for (route, _, probe) in &tokens {
        for (name, token, _) in tokens.iter().filter(|(name, ..)| name != route) {
            let found = status(&deployment, probe, token).await;
            assert_eq!(found, probe.invalid, "{name} where {route} belongs, with {settings:?}");
        }
    }
    for (name, token, probe) in &tokens {
        assert_eq!(status(&deployment, probe, token).await, probe.valid, "{name} with {settings:?}");
    }
    for (contract, issuer, audience) in settings {
        let (_, token, _) = tokens.iter().find(|(name, ..)| *name == get(contract).tokens[0].name).unwrap();
        let claims = claims(token);
        let claim = |name: &str| claims.get(name).map_or("", |value| value.as_str().unwrap());
        assert_eq!((claim("iss"), claim("aud")), (*issuer, *audience), "{contract}");
    }
}

#[tokio::test]
async fn each_route_takes_only_its_own_tokens_whatever_the_settings() {
    for settings in [
        &[][..],
        // One issuer for all.
        &[
            ("account", URL, "account"),
            ("session", URL, "session"),
            ("mfa", URL, "mfa"),
            ("email", URL, "email"),
        ],
        // One issuer, and each time another contract has no audience.
        &[("account", URL, ""), ("session", URL, "session"), ("mfa", URL, "mfa"), ("email", URL, "email")],
        &[("account", URL, "account"), ("session", URL, ""), ("mfa", URL, "mfa"), ("email", URL, "email")],
        &[("account", URL, "account"), ("session", URL, "session"), ("mfa", URL, "mfa"), ("email", URL, "")],
        // The tokens of account and of email differ only in the issuer or in the audience.
        &[("account", "email", "account")],
        &[("account", "", "backend"), ("email", "email", "backend")],
        &[("account", URL, "backend"), ("email", "https://email.example.com", "backend")],
        &[("mfa", "email", "postern")],
    ] {
        assert_each_route_takes_its_own(settings).await;
    }
}

/// Why the functions do not start with these settings.
async fn refusal(deployment: &Deployment, settings: Settings<'_>) -> Option<String> {
    let env = set(deployment.env.clone(), settings);
    functions::all(&deployment.app, &deployment.public_keys, &env).err().map(|error| error.to_string())
}

#[tokio::test]
async fn contracts_with_the_same_issuer_and_audience_are_refused() {
    let deployment = Deployment::start().await;
    for (index, contract) in PASSWORD_CONTRACTS.iter().enumerate() {
        for other in &PASSWORD_CONTRACTS[..index] {
            for audience in ["", "backend"] {
                // The default of mfa's audience is not empty.
                if audience.is_empty() && [contract, other].contains(&&"mfa") {
                    continue;
                }
                let same = [(*contract, URL, audience), (*other, URL, audience)];
                let refused = refusal(&deployment, &same).await.unwrap();
                let named = [contract, other].map(|name| format!("{}_JWT_ISSUER", name.to_uppercase()));
                assert!(named.iter().all(|name| refused.contains(name)), "{refused}");
                assert!(!refused.contains(URL), "{refused}");
                let other_audience = [(*contract, URL, audience), (*other, URL, "another")];
                assert_eq!(refusal(&deployment, &other_audience).await, None);
            }
        }
    }
    // The defaults of other contracts count.
    for (settings, refused) in [
        (("session", "email", ""), true),
        (("account", "email", ""), true),
        (("session", "postern", "postern"), true),
        (("account", "lumen-jwt", ""), true),
        (("mfa", "email", ""), false),
        (("session", "postern", ""), false),
        (("session", "Email", ""), false),
    ] {
        assert_eq!(refusal(&deployment, &[settings]).await.is_some(), refused, "{settings:?}");
    }
}

/// A deployed function does not see the settings of the others, so CloudFormation compares them.
#[test]
fn template_refuses_what_the_functions_refuse() {
    let template = std::fs::read_to_string(binary::in_workspace("template.yaml")).unwrap();
    let title = |name: &str| format!("{}{}", name[..1].to_uppercase(), &name[1..]);
    for (index, second) in PASSWORD_CONTRACTS.iter().enumerate() {
        for first in &PASSWORD_CONTRACTS[..index] {
            let (first, second) = (title(first), title(second));
            let equal = |name: &str| format!("!Equals [!Ref {first}Jwt{name}, !Ref {second}Jwt{name}]");
            let rule = format!("      - Assert: !Not [!And [{}, {}]]\n", equal("Issuer"), equal("Audience"));
            assert!(template.contains(&rule), "{rule}");
        }
    }
    for (parameter, default) in [
        ("AccountJwtIssuer", "\"\""),
        ("AccountJwtAudience", "\"\""),
        ("SessionJwtIssuer", "lumen-jwt"),
        ("SessionJwtAudience", "\"\""),
        ("MfaJwtIssuer", "postern"),
        ("MfaJwtAudience", "postern"),
        ("EmailJwtIssuer", "email"),
        ("EmailJwtAudience", "\"\""),
        ("AccountJwtType", "JWT"),
        ("SessionJwtType", "JWT"),
        ("MfaJwtType", "JWT"),
        ("EmailJwtType", "JWT"),
    ] {
        let declared = format!("\n  {parameter}:\n    Type: String\n    Default: {default}\n");
        assert!(template.contains(&declared), "{declared}");
    }
}

/// Account and sso read the same settings, and so do all routes of account and of email.
#[tokio::test]
async fn token_of_other_settings_is_refused_by_every_route() {
    for contract in ["account", "email"] {
        for (before, after) in [
            ((contract, URL, "backend"), (contract, URL, "another")),
            ((contract, URL, "backend"), (contract, URL, "")),
            ((contract, URL, ""), (contract, URL, "backend")),
            ((contract, URL, "backend"), (contract, "https://other.example.com", "backend")),
        ] {
            let mut deployment = Deployment::start_with(|env| set(env, &[before])).await;
            let tokens = sign_in(&deployment, contract).await;
            deployment.restart(|env| set(env, &[after])).await;
            let probe = get(contract).tokens[0].probe.as_ref().unwrap();
            let found = status(&deployment, probe, &tokens.access).await;
            assert_eq!(found, probe.invalid, "{before:?}, {after:?}");
            // A route that ends a session does not end this one.
            let presented = if contract == "account" { &tokens.access } else { &tokens.refresh };
            let (path, headers, body) = ending(contract, presented);
            let has_other_issuer = before.1 != after.1;
            if contract == "account" || has_other_issuer {
                deployment.request(contract, "POST", path, &headers, &body).await;
            }
            deployment.restart(|env| set(env, &[before])).await;
            assert_eq!(refresh(&deployment, contract, &tokens.refresh).await.status, 200, "{after:?}");
        }
    }
}

#[tokio::test]
async fn refresh_token_of_email_is_for_no_audience() {
    let deployment = Deployment::start_with(|env| set(env, &[("email", URL, "backend")])).await;
    let tokens = sign_in(&deployment, "email").await;
    assert_eq!(claims(&tokens.access)["aud"], json!("backend"));
    let refresh = claims(&tokens.refresh);
    assert_eq!((refresh.get("aud"), &refresh["iss"]), (None, &json!(URL)));
}
