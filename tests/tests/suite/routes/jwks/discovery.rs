//! `GET /.well-known/openid-configuration`: the metadata of the issuer that is set.

use jsonschema::draft202012;
use lambda_http::http::Method;
use postern::environment::Environment;
use postern_tests::binary;
use postern_tests::deployment::{self, Deployment, Reply};
use serde_json::{Value, json};

use crate::support::forge::{KEYS, Key};
use crate::support::jwt::encode;
use crate::support::words::assert_reply;

const PATH: &str = "/.well-known/openid-configuration";
const URL: &str = "https://sign-in.example.com";

/// Issuers that are refused.
const REFUSED: [&str; 15] = [
    "postern",
    "http://sign-in.example.com",
    "https://",
    "https:sign-in.example.com",
    "https://sign-in.example.com/",
    "https://sign-in.example.com/base/",
    "https://sign-in.example.com//",
    "https://Sign-in.example.com",
    "HTTPS://sign-in.example.com",
    "https://sign-in.example.com:443",
    "https://sign-in.example.com?a=b",
    "https://sign-in.example.com/#a",
    "https://sign-in.example.com/a/../b",
    "https://user@sign-in.example.com",
    " https://sign-in.example.com",
];

async fn discovery(deployment: &Deployment, method: &Method, path: &str) -> Reply {
    deployment.invoke("jwks", deployment::event(method.as_str(), path, &[], None)).await
}

fn set(keys: &[Key]) -> String {
    let keys: Vec<Value> = keys.iter().map(|key| key.private_jwk()).collect();
    json!({"keys": keys, "recovery_code_key": encode(&[9; 32])}).to_string()
}

fn issuer(env: Environment, issuer: &str) -> Environment {
    env.with("DISCOVERY_ISSUER", issuer)
}

#[tokio::test]
async fn document_names_the_issuer_and_the_algorithms_of_the_published_keys() {
    let mut deployment = Deployment::start().await;
    for (keys, algorithms) in [
        (&KEYS[..], &["ES256", "EdDSA", "RS256"][..]),
        (&[Key::Rs], &["RS256"]),
        (&[Key::Hs, Key::Es], &["ES256"]),
        (&[Key::Hs], &[]),
    ] {
        for issuer in [URL, "https://example.com/base", "https://example.com:8443"] {
            let env = |env: Environment| env.with("SIGNING_KEYS", set(keys)).with("DISCOVERY_ISSUER", issuer);
            deployment.restart(env).await;
            let reply = discovery(&deployment, &Method::GET, PATH).await;
            assert_eq!(
                reply.json(),
                json!({
                    "issuer": issuer,
                    "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
                    "response_types_supported": [],
                    "grant_types_supported": [],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": algorithms,
                })
            );
            let more = json!({"cache-control": "public, max-age=300", "vary": "origin"});
            assert_reply(&reply, 200, &reply.text, more, issuer);
        }
    }
}

/// The endpoints belong to the issuer of account's tokens, and are routes of account.
#[tokio::test]
async fn document_has_the_token_endpoint_if_the_issuer_is_accounts() {
    let mut deployment = Deployment::start().await;
    for (accounts, has) in [(URL, true), ("", false), ("https://other.example.com", false)] {
        deployment.restart(|env| env.with("ACCOUNT_JWT_ISSUER", accounts)).await;
        let document = discovery(&deployment, &Method::GET, PATH).await.json();
        for (member, method, path) in [
            ("token_endpoint", "token_endpoint_auth_methods_supported", "/oauth/token"),
            ("revocation_endpoint", "revocation_endpoint_auth_methods_supported", "/oauth/revoke_token"),
        ] {
            let endpoint = if has { json!(format!("{URL}{path}/")) } else { Value::Null };
            assert_eq!(document[member], endpoint, "{accounts}");
            assert_eq!(document[method], if has { json!(["none"]) } else { Value::Null }, "{accounts}");
            assert!(deployment.function("account").routes.contains(&(Method::POST, path)));
        }
        for (setting, grants) in
            [("true", json!(["password", "refresh_token"])), ("", json!(["refresh_token"]))]
        {
            deployment.restart(|env| env.with("ACCOUNT_PASSWORD_GRANT", setting)).await;
            let document = discovery(&deployment, &Method::GET, PATH).await.json();
            let grants = if has { grants } else { json!([]) };
            assert_eq!(document["grant_types_supported"], grants, "{accounts} {setting}");
            // The endpoint knows exactly these grants.
            for grant in ["password", "refresh_token", "client_credentials"] {
                let form = [("content-type", "application/x-www-form-urlencoded")];
                let body = format!("grant_type={grant}");
                let reply = deployment.request("account", "POST", "/oauth/token/", &form, &body).await;
                let is_known = reply.json()["error"] != json!("unsupported_grant_type");
                let is_named = grants.as_array().unwrap().contains(&json!(grant));
                assert!(!has || is_known == is_named, "{setting} {grant}");
            }
        }
    }
}

#[tokio::test]
async fn document_is_not_there_without_an_issuer() {
    let deployment = Deployment::start_with(|env| issuer(env, "")).await;
    for method in [Method::GET, Method::HEAD, Method::POST] {
        for path in [PATH, &format!("{PATH}/")] {
            let reply = discovery(&deployment, &method, path).await;
            assert_reply(&reply, 404, r#"{"message":"Not Found"}"#, json!({}), path);
        }
    }
    assert_eq!(discovery(&deployment, &Method::GET, "/.well-known/jwks.json").await.status, 200);
}

#[tokio::test]
async fn issuer_that_verifiers_would_spell_otherwise_is_refused() {
    let deployment = Deployment::start().await;
    for refused in REFUSED {
        let error = jwks::Settings::from_env(&issuer(deployment.env.clone(), refused)).unwrap_err();
        assert_eq!(error.variable, "DISCOVERY_ISSUER", "{refused}");
    }
    for accepted in [URL, "https://example.com/base", "https://[::1]:8443", "https://127.0.0.1:3000/a/b"] {
        assert!(jwks::Settings::from_env(&issuer(deployment.env.clone(), accepted)).is_ok(), "{accepted}");
    }
}

/// A deployment with another issuer would succeed, and then the function would not start, nor publish the keys.
#[test]
fn template_takes_no_issuer_that_the_function_refuses() {
    let template = std::fs::read_to_string(binary::in_workspace("template.yaml")).unwrap();
    let (_, parameter) = template.split_once("\n  DiscoveryIssuer:\n").unwrap();
    let (_, pattern) = parameter.split_once("    AllowedPattern: ").unwrap();
    let is_taken = draft202012::new(&json!({"pattern": pattern.lines().next()})).unwrap();
    let more = [
        "https://1",
        "https://example.1",
        "https://example.com:",
        "https://example.com:0443",
        "https://example.com:99999",
        "https://example.com:443/base",
        "https://example.com/..",
        "https://example.com/%2e",
        "https://example.com/ä",
        "https://example.com/<a>",
        "https://ä.example.com",
        "https://%65xample.com",
        "https://example.com\\base",
        "https:///example.com",
    ];
    for refused in REFUSED.into_iter().chain(more) {
        assert!(!is_taken.is_valid(&json!(refused)), "{refused}");
        assert!(
            jwks::Settings::from_env(&Environment::of([("DISCOVERY_ISSUER", refused)])).is_err(),
            "{refused}"
        );
    }
    for taken in
        ["", URL, "https://example.com/base", "https://example.com/a/b", "https://example.com:8443/base_1"]
    {
        assert!(is_taken.is_valid(&json!(taken)), "{taken}");
        assert!(jwks::Settings::from_env(&Environment::of([("DISCOVERY_ISSUER", taken)])).is_ok(), "{taken}");
    }
}
