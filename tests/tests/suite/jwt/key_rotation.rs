//! Signing keys rotate without a deployment. A stand-in for Secrets Manager holds them, and they change under a running
//! function.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use postern::App;
use postern::environment::Environment;
use postern::error::Causes;
use postern::session::{RefreshPolicy, SessionToken};
use postern::token::{KeySet, SAMPLE_KEYS};
use postern_tests::contracts::jwt_profile;
use postern_tests::deployment::{Deployment, Reply, credentials};
use postern_tests::logs;
use postern_tests::secrets_manager::{ARN, Answer, Secrets, reply, serve};
use postern_tests::table::Table;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::routes::jwks::key_set::{key_set, variable};
use crate::support::forge::Key;
use crate::support::jwt::{encode, mint_with, parts};

/// Of `pässwörd ☃`, combined with the pepper `a`.
const PEPPERED: &str = "peppered$a$hmac-sha256$$pbkdf2-sha512$i=12000$MDEyMzQ1Njc4OWFiY2RlZg$ewytqIT87g2g7UaRrYuQAayR+LAD60TZTAEP7R0OB2HtrdcWopOmw7URDagbovZwhwBGpuxxrlgGCyz+4IwwlA";
const MINUTE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(1);

/// The bytes of the key of this name.
fn key(kid: &str) -> [u8; 32] {
    [kid.bytes().fold(b'k', u8::wrapping_add); 32]
}

fn jwk(kid: &str) -> Value {
    json!({"kty": "oct", "kid": kid, "k": encode(&key(kid))})
}

fn set(keys: &[Value]) -> Answer {
    Answer::Text(json!({"keys": keys, "recovery_code_key": encode(&[9; 32])}).to_string())
}

fn ring(kids: &[&str]) -> Answer {
    set(&kids.iter().map(|kid| jwk(kid)).collect::<Vec<_>>())
}

/// johndoe's access token, signed with the key of this name.
fn token(deployment: &Deployment, kid: &str) -> String {
    let iat = deployment.now().secs();
    let claims = json!({"token_type": "access", "exp": iat + 3600, "iat": iat, "jti": "x", "user_id": 1});
    mint_with(&key(kid), &json!({"alg": "HS256", "kid": kid}).to_string(), &claims)
}

/// The reply of sso to a token signed with the key of this name.
async fn sso(deployment: &Deployment, kid: &str) -> u64 {
    deployment.sso(&token(deployment, kid)).await.status
}

/// The name of the key with which account signs.
async fn signed_with(deployment: &Deployment) -> String {
    let reply: Reply =
        deployment.sign_in("account", credentials("account", "johndoe", "SecurePass123!")).await;
    let token = reply.json()["token"]["access_token"].as_str().unwrap().to_owned();
    let header: Value = serde_json::from_str(&parts(&token).0).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// A deployment whose keys are in the stand-in.
async fn deployment(keys: Answer) -> (Deployment, Secrets) {
    let secrets = Secrets::start(keys).await;
    let deployment = Deployment::start_with(|env| secrets.in_env(env)).await;
    (deployment, secrets)
}

#[tokio::test]
async fn secret_is_read_at_start_and_not_at_each_request() {
    let (deployment, secrets) = deployment(ring(&["old"])).await;
    for _ in 0..5 {
        assert_eq!(sso(&deployment, "old").await, 200);
        assert_eq!(signed_with(&deployment).await, "old");
        deployment.advance(Duration::from_secs(50));
    }
    assert_eq!(secrets.calls(), 1);
}

#[tokio::test]
async fn token_of_a_new_key_is_accepted_after_exactly_one_more_read() {
    let (deployment, secrets) = deployment(ring(&["old"])).await;
    secrets.answer(ring(&["new", "old"]));
    deployment.advance(MINUTE - MOMENT);
    assert_eq!(
        (sso(&deployment, "new").await, secrets.calls()),
        (401, 1),
        "not within a minute of the start"
    );
    deployment.advance(MOMENT);
    assert_eq!((sso(&deployment, "new").await, secrets.calls()), (200, 1));
    for _ in 0..3 {
        assert_eq!((sso(&deployment, "new").await, sso(&deployment, "old").await), (200, 200));
    }
    assert_eq!(signed_with(&deployment).await, "new", "the first key signs");
    assert_eq!(secrets.calls(), 0);
}

/// Those that do not read the secret themselves wait for the one that does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tokens_of_a_new_key_at_once_are_all_accepted_after_one_read() {
    let (deployment, secrets) = deployment(ring(&["old"])).await;
    let deployment = Arc::new(deployment);
    secrets.answer(ring(&["new", "old"]));
    secrets.calls();
    deployment.advance(MINUTE);
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let deployment = Arc::clone(&deployment);
        all.spawn(async move { sso(&deployment, "new").await });
    }
    assert_eq!((all.join_all().await, secrets.calls()), (vec![200; 20], 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_unknown_keys_cause_at_most_one_read_a_minute() {
    let (deployment, secrets) = deployment(ring(&["old"])).await;
    let deployment = Arc::new(deployment);
    assert_eq!(secrets.calls(), 1);
    for minute in 0..6 {
        deployment.advance(MINUTE - MOMENT);
        assert_eq!(sso(&deployment, "unknown").await, 401);
        assert_eq!(secrets.calls(), 0, "minute {minute}");
        deployment.advance(MOMENT);
        let mut all = tokio::task::JoinSet::new();
        for at in 0..20 {
            let deployment = Arc::clone(&deployment);
            all.spawn(async move { sso(&deployment, &format!("unknown-{minute}-{at}")).await });
        }
        assert_eq!(all.join_all().await, [401; 20]);
        assert_eq!(secrets.calls(), 1, "minute {minute}");
        assert_eq!(sso(&deployment, "old").await, 200);
    }
}

/// A token without a `kid`, or with a known one and an invalid signature, causes no read.
#[tokio::test]
async fn secret_is_reloaded_for_an_unknown_key_only() {
    let (deployment, secrets) = deployment(ring(&["old"])).await;
    deployment.advance(MINUTE);
    let iat = deployment.now().secs();
    let claims = json!({"token_type": "access", "exp": iat + 60, "iat": iat, "jti": "x", "user_id": 1});
    for header in
        [r#"{"alg":"HS256"}"#, r#"{"alg":"HS256","kid":"old"}"#, r#"{"alg":"none","kid":"old"}"#, "{}"]
    {
        let forged = mint_with(&key("new"), header, &claims);
        assert_eq!(deployment.sso(&forged).await.status, 401, "{header}");
    }
    assert_eq!(secrets.calls(), 1, "the start's");
}

#[tokio::test]
async fn old_key_verifies_until_five_minutes_after_its_removal_at_most() {
    let (deployment, secrets) = deployment(ring(&["old"])).await;
    secrets.answer(ring(&["new", "old"]));
    for _ in 0..3 {
        deployment.advance(MINUTE * 5);
        assert_eq!(sso(&deployment, "old").await, 200);
    }
    assert_eq!(secrets.calls(), 4);
    secrets.answer(ring(&["new"]));
    deployment.advance(MINUTE * 5 - MOMENT);
    assert_eq!((sso(&deployment, "old").await, sso(&deployment, "new").await), (200, 200));
    deployment.advance(MOMENT);
    assert_eq!((sso(&deployment, "old").await, sso(&deployment, "new").await), (401, 200));
    assert_eq!(secrets.calls(), 1);
}

#[tokio::test]
async fn sign_ins_alone_adopt_a_new_first_key_five_minutes_later() {
    let (deployment, secrets) = deployment(ring(&["old"])).await;
    secrets.answer(ring(&["new", "old"]));
    deployment.advance(MINUTE * 5 - MOMENT);
    assert_eq!((signed_with(&deployment).await.as_str(), secrets.calls()), ("old", 1));
    deployment.advance(MOMENT);
    assert_eq!((signed_with(&deployment).await.as_str(), secrets.calls()), ("new", 1));
    assert_eq!((signed_with(&deployment).await.as_str(), secrets.calls()), ("new", 0));
}

/// Without a restart.
#[tokio::test]
async fn added_pepper_is_used_five_minutes_later() {
    let (deployment, secrets) = deployment(ring(&["old"])).await;
    let mut user = postern_local::demo::user(&deployment.app, &postern_local::demo::USERS[0]);
    (user.id, user.username, user.email) = (1000, "peppered".to_owned(), "peppered@example.com".to_owned());
    user.password_hash = Some(PEPPERED.to_owned());
    deployment.store.create_user(user).await.unwrap();
    let peppers = json!({"a": encode(b"postern sample pepper of tests")});
    let keys =
        json!({"keys": [jwk("old")], "recovery_code_key": encode(&[9; 32]), "password_peppers": peppers});
    secrets.answer(Answer::Text(keys.to_string()));
    let sign_in = async || deployment.password("account", "peppered", "pässwörd ☃").await.status;
    deployment.advance(MINUTE * 5 - MOMENT);
    assert_eq!(sign_in().await, 401);
    deployment.advance(MOMENT);
    assert_eq!(sign_in().await, 200);
}

/// A client that refreshes brings no token that could name an unknown key.
#[tokio::test]
async fn refreshes_alone_adopt_a_new_first_key_too() {
    let (deployment, secrets) = deployment(ring(&["old"])).await;
    let reply = deployment.password("account", "johndoe", "SecurePass123!").await.json();
    let token = reply.pointer("/token/refresh_token").and_then(Value::as_str).unwrap();
    let token = SessionToken::from_plain(token).unwrap();
    let caller = || deployment.caller("account");
    let kid = || {
        let signed = deployment.app.keys().sign(&jwt_profile("account"), &json!({})).unwrap();
        serde_json::from_str::<Value>(&parts(&signed).0).unwrap()["kid"].as_str().unwrap().to_owned()
    };
    let idle = MINUTE * 60;
    let policy = RefreshPolicy { kind: "account", idle, lost_reply: idle };
    secrets.answer(ring(&["new"]));
    deployment.advance(MINUTE * 5);
    let next = deployment.app.refresh(&caller(), &token, &policy).await.unwrap().unwrap().session.unwrap();
    assert_eq!(kid(), "new");
    secrets.answer(ring(&["newer"]));
    deployment.advance(MINUTE * 5);
    assert!(deployment.app.resume(&caller(), &next, "account", idle).await.unwrap().is_some());
    assert_eq!(kid(), "newer");
}

/// The names of the keys in the key set.
async fn published(deployment: &Deployment) -> Vec<String> {
    let keys = key_set(deployment).await.json()["keys"].clone();
    keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The document of the public halves of these keys.
fn public(keys: &[Key]) -> Answer {
    let Answer::Text(keys) = set(&keys.iter().map(|key| key.private_jwk()).collect::<Vec<_>>()) else {
        panic!("no text")
    };
    Answer::Text(KeySet::parse(&keys).unwrap().public_document())
}

#[tokio::test]
async fn key_set_follows_the_public_secret_within_five_minutes_and_stays_when_a_read_fails() {
    let secrets = Secrets::start_public(public(&[Key::Ed])).await;
    let deployment = Deployment::start_with(|env| secrets.in_env(env)).await;
    assert_eq!((published(&deployment).await, secrets.calls()), (vec!["ed".to_owned()], 1));
    secrets.answer(public(&[Key::Ed, Key::Es]));
    deployment.advance(MINUTE * 5 - MOMENT);
    assert_eq!((published(&deployment).await, secrets.calls()), (vec!["ed".to_owned()], 0));
    deployment.advance(MOMENT);
    assert_eq!((published(&deployment).await, secrets.calls()), (vec!["ed".to_owned(), "es".to_owned()], 1));
    // The signing keys in place of the public ones are not shown either.
    for (answer, cause) in [
        (Answer::Error(400, "DecryptionFailure"), "DecryptionFailure"),
        (set(&[Key::Ed.private_jwk()]), "has the private member recovery_code_key"),
        (Answer::Text("LEAKED-generated-secret-of-32-bytes".to_owned()), "must be a JWK Set of public keys"),
    ] {
        let before = errors("public keys", cause);
        secrets.answer(answer);
        deployment.advance(MINUTE * 5);
        for calls in [1, 0, 0] {
            assert_eq!((published(&deployment).await.len(), secrets.calls()), (2, calls), "{cause}");
        }
        assert_eq!(errors("public keys", cause) - before, 1, "{cause}");
    }
    secrets.answer(public(&[Key::Es]));
    deployment.advance(MINUTE);
    assert_eq!((published(&deployment).await, secrets.calls()), (vec!["es".to_owned()], 1));
    let logged = logs::so_far();
    let of_keys = logged.lines().filter(|line| line.contains("public keys"));
    for line in of_keys {
        assert!(!line.contains("LEAKED") && !line.contains(&encode(&[9; 32])), "{line}");
    }
}

/// How many errors in the log say that these keys stay for this cause.
fn errors(name: &str, cause: &str) -> usize {
    let message = format!("the {name} stay as they were read before");
    let lines = logs::so_far();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_keys = |line: &Value| {
        line["message"] == json!(message)
            && line["level"] == json!("ERROR")
            && line["cause"].as_str().unwrap().contains(cause)
    };
    lines.filter(of_keys).count()
}

/// An environment in which sample keys are refused: this machine under a name that does not look local.
fn not_local(env: Environment) -> Environment {
    let endpoint = env.optional("AWS_ENDPOINT_URL_DYNAMODB").unwrap().replace("127.0.0.1", "0.0.0.0");
    env.with("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
}

#[tokio::test]
async fn secret_that_cannot_be_reloaded_leaves_the_keys_and_logs_the_cause() {
    let secrets = Secrets::start(ring(&["old"])).await;
    let deployment = Deployment::start_with(|env| not_local(secrets.in_env(env))).await;
    let weak = encode(b"LEAKED-weak-key");
    let unreadable = "names a secret that cannot be read: ";
    for (answer, cause, calls) in [
        (Answer::Error(400, "AccessDeniedException"), [unreadable, "AccessDeniedException"], 1),
        (Answer::Error(400, "ResourceNotFoundException"), [unreadable, "ResourceNotFoundException"], 1),
        (Answer::Error(500, "InternalServiceError"), [unreadable, "InternalServiceError"], 3),
        (Answer::Hang, [unreadable, "Secrets Manager does not answer"], 2),
        (Answer::Binary, [unreadable, "it is binary"], 1),
        (Answer::Text("{\"keys\":\"LEAKED".to_owned()), ["must be a JWK Set", ""], 1),
        (set(&[]), ["must have at least one key", ""], 1),
        (set(&[json!({"kty": "oct", "k": weak})]), ["key 0 is an HS256 key of 15 bytes", ""], 1),
        (Answer::Text("LEAKED-too-short".to_owned()), ["is an HS256 key of 16 bytes", ""], 1),
        (Answer::Text(String::new()), ["is an HS256 key of 0 bytes", ""], 1),
        (Answer::Text(SAMPLE_KEYS.to_owned()), ["holds a sample key", ""], 1),
    ] {
        let cause = cause.concat();
        let before = errors("signing keys", &cause);
        secrets.answer(answer);
        secrets.calls();
        deployment.advance(MINUTE * 5);
        assert_eq!(sso(&deployment, "old").await, 200, "{cause}");
        assert_eq!(signed_with(&deployment).await, "old", "{cause}");
        assert_eq!((secrets.calls(), errors("signing keys", &cause) - before), (calls, 1), "{cause}");
        // Not at every request, since the secret may be unavailable.
        assert_eq!(sso(&deployment, "new").await, 401, "{cause}");
        assert_eq!(secrets.calls(), 0, "{cause}");
    }
    deployment.advance(MINUTE);
    secrets.answer(ring(&["new", "old"]));
    assert_eq!(
        (sso(&deployment, "new").await, secrets.calls()),
        (200, 1),
        "and goes on as soon as it is there"
    );
    let logged = logs::so_far();
    for secret in ["LEAKED-", "cG9zdGVybiBzYW1wbGUg", &weak, &encode(&key("old")), &encode(&key("new"))] {
        let lines = logged.lines().filter(|line| line.contains("signing keys") && line.contains(secret));
        assert_eq!(lines.count(), 0, "{secret} is logged");
    }
}

#[tokio::test]
async fn function_without_valid_keys_does_not_start() {
    let table = Table::start().await;
    let env = table.environment();
    postern::store::operator::Operator::from_env(&env).unwrap().create_table().await.unwrap();
    let secrets = Secrets::start(Answer::Binary).await;
    let env = not_local(secrets.in_env(env));
    let short = encode(&[7; 31]);
    for (answer, problem) in [
        (Answer::Binary, "it is binary"),
        (Answer::Error(400, "ResourceNotFoundException"), "ResourceNotFoundException"),
        (Answer::Error(400, "AccessDeniedException"), "AccessDeniedException"),
        (Answer::Text("{".to_owned()), "must be a JWK Set"),
        (set(&[json!({"kty": "oct", "k": short})]), "is an HS256 key of 31 bytes"),
        (Answer::Text("k".repeat(31)), "is an HS256 key of 31 bytes"),
        (Answer::Text(SAMPLE_KEYS.to_owned()), "holds a sample key"),
    ] {
        secrets.answer(answer);
        let error = App::start(&env).await.err().unwrap();
        assert_eq!(variable(&error), "SIGNING_KEYS_SECRET_ARN", "{problem}");
        let error = Causes(&error).to_string();
        assert!(error.contains(problem), "{error}");
        assert!(!error.contains(&short) && !error.contains("kkkk") && !error.contains("LEAKED"), "{error}");
    }
    for (env, problem) in [
        (env.clone().with("SIGNING_KEYS_SECRET_ARN", ""), "is not set, and neither is"),
        (env.clone().with("SIGNING_KEYS", "k".repeat(32)), "is set, and so is"),
    ] {
        let error = App::start(&env).await.err().unwrap();
        assert_eq!(variable(&error), "SIGNING_KEYS");
        assert!(error.to_string().contains(problem), "{error}");
    }
    secrets.answer(ring(&["old"]));
    assert!(App::start(&env).await.is_ok());
}

/// A secret and a table that answer only if both are asked at the same time.
struct Meeting {
    secret: watch::Sender<usize>,
    table: watch::Sender<usize>,
}

async fn meet(State(meeting): State<Arc<Meeting>>, request: Request) -> Response {
    let for_secret = request.headers()["x-amz-target"] == "secretsmanager.GetSecretValue";
    let (mine, other) =
        if for_secret { (&meeting.secret, &meeting.table) } else { (&meeting.table, &meeting.secret) };
    mine.send_modify(|asked| *asked += 1);
    other.subscribe().wait_for(|asked| *asked > 0).await.unwrap();
    let Answer::Text(keys) = ring(&["old"]) else { panic!("no text") };
    reply(200, &if for_secret { json!({"ARN": ARN, "SecretString": keys}) } else { json!({}) })
}

#[tokio::test]
async fn start_asks_the_secret_and_the_table_at_once() {
    let meeting = Arc::new(Meeting { secret: watch::Sender::new(0), table: watch::Sender::new(0) });
    let endpoint = serve(Router::new().fallback(meet).with_state(Arc::clone(&meeting))).await;
    let env = Environment::of([
        ("TABLE_NAME", "postern"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("SIGNING_KEYS_SECRET_ARN", ARN),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ]);
    assert!(App::start(&env).await.is_ok());
    // A call that waited alone would time out and be sent again.
    assert_eq!((*meeting.secret.borrow(), *meeting.table.borrow()), (1, 1));
}
