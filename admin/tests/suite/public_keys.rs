//! The public keys are published in a secret of their own, before a key signs.

mod doctor;
mod generated;
mod interrupted;
mod place;
mod promote;

use postern::token::KeySet;
use serde_json::{Value, json};

use crate::cli::{CliOutput, command, run};
use crate::cloudformation::{CloudFormation, STACK, Scene};
use crate::secrets::{ARN, GENERATED, NO_KEYS, PUBLIC_ARN, Secrets};

/// The private members of a JWK.
const PRIVATE: [&str; 7] = ["d", "k", "p", "q", "dp", "dq", "qi"];

/// Runs a command on the deployment whose secrets and table the environment names, and checks that its output has no
/// private part of a key.
async fn on(secrets: &Secrets, words: &[&str]) -> CliOutput {
    let mut command = command(words);
    command.env("SIGNING_KEYS_SECRET_ARN", ARN).env("PUBLIC_KEYS_SECRET_ARN", PUBLIC_ARN);
    let output = run(secrets.with_table(&mut command), "").await;
    for private in secrets.value().iter().flat_map(|keys| private_parts(keys)) {
        assert!(!format!("{output:?}").contains(&private), "{private} is in {output:?}");
    }
    output
}

/// The private parts of signing keys.
fn private_parts(keys: &str) -> Vec<String> {
    let Ok(set) = serde_json::from_str::<Value>(keys) else { return vec![keys.to_owned()] };
    let members = set["keys"].as_array().unwrap().iter().flat_map(|key| PRIVATE.map(|name| &key[name]));
    members.chain([&set["recovery_code_key"]]).filter_map(|part| Some(part.as_str()?.to_owned())).collect()
}

/// Secrets as the stack makes them.
async fn fresh() -> Secrets {
    Secrets::start(Some(GENERATED)).await
}

/// Secrets with a published key of ES256.
async fn with_es256() -> (Secrets, String) {
    let secrets = fresh().await;
    let output = on(&secrets, &["keys", "new", "--alg", "ES256", "--replace", "--json"]).await;
    let kid = output.json()["keys"][0]["kid"].as_str().unwrap().to_owned();
    secrets.written();
    (secrets, kid)
}

fn published(secrets: &Secrets) -> Value {
    serde_json::from_str(&secrets.public().unwrap()).unwrap()
}

fn kids(secrets: &Secrets) -> Vec<String> {
    let keys = published(secrets)["keys"].clone();
    keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The line of a check of `doctor`.
async fn check(secrets: &Secrets, name: &str) -> String {
    let output = on(secrets, &["doctor"]).await;
    let mut lines = output.out.lines().filter(|line| line[5..].starts_with(name));
    let line = lines.next().unwrap_or_else(|| panic!("{output:?}")).to_owned();
    assert_eq!(lines.next(), None);
    line
}

/// Runs a command on a stack with the two secrets, or on one of an earlier version, which has no output for the second.
async fn on_stack(secrets: &Secrets, public: Option<&str>, endpoint: &str, words: &[&str]) -> CliOutput {
    let mut scene = Scene::default();
    scene.outputs.retain(|(key, _)| *key != "PublicKeysSecretArn");
    scene.outputs.extend(public.map(|arn| ("PublicKeysSecretArn", arn.to_owned())));
    in_scene(secrets, scene, endpoint, words).await
}

/// Runs a command on the stack of this scene, whose table is at this endpoint.
async fn in_scene(secrets: &Secrets, scene: Scene, endpoint: &str, words: &[&str]) -> CliOutput {
    let stack = CloudFormation::start(scene).await;
    let mut command = command(&[words, &["--stack", STACK]].concat());
    command.env("AWS_ENDPOINT_URL_DYNAMODB", endpoint).env("AWS_REGION", "us-east-1");
    run(secrets.with_endpoint(stack.with_endpoint(&mut command)), "").await
}

#[tokio::test]
async fn every_change_of_the_keys_publishes_them_before_it_writes_them() {
    let secrets = fresh().await;
    let step = async |words: &[&str]| {
        let output = on(&secrets, &[&["keys"], words].concat()).await;
        assert_eq!(output.code, 0, "{output:?}");
        let ring = KeySet::parse(&secrets.value().unwrap()).unwrap();
        assert_eq!(secrets.public().unwrap(), ring.public_document(), "{words:?}");
        let shown = on(&secrets, &["keys", "show", "--public"]).await;
        assert_eq!(shown.out, format!("{}\n", secrets.public().unwrap()));
        for key in published(&secrets)["keys"].as_array().unwrap() {
            assert!(PRIVATE.iter().all(|name| key.get(name).is_none()), "{key}");
        }
        (secrets.written(), output)
    };
    let both = [PUBLIC_ARN, ARN].map(str::to_owned);
    let (written, output) = step(&["new", "--alg", "ES256", "--replace"]).await;
    assert_eq!(written, both);
    output.prints(&[&format!("\nthe secret {PUBLIC_ARN} publishes 1 public key\n")]);
    let first = kids(&secrets).remove(0);
    for alg in ["RS256", "EdDSA"] {
        assert_eq!(step(&["rotate", "--add", "--alg", alg]).await.0, both, "{alg}");
    }
    let [eddsa, rs256] = &kids(&secrets)[1..] else { panic!() };
    assert_eq!(step(&["rotate", "--promote", eddsa, "--force"]).await.0, both);
    assert_eq!(kids(&secrets), [eddsa, &first, rs256].map(String::as_str));
    for kid in [&first, rs256] {
        assert_eq!(step(&["rotate", "--retire", kid]).await.0, both);
    }
    assert_eq!(kids(&secrets), [eddsa.as_str()]);
    let (written, output) = step(&["new", "--replace"]).await;
    assert_eq!(written, both);
    output.prints(&["EdDSA  signs and verifies", "publishes 1 public key"]);
    let (written, output) = step(&["new", "--replace", "--alg", "HS256"]).await;
    assert_eq!(written, both);
    output.prints(&["publishes no key, because every key is HS256 now"]);
    assert_eq!(secrets.public().unwrap(), NO_KEYS);
    // An HS256 key has no public half, so nothing new is to be published.
    let (written, output) = step(&["rotate", "--add"]).await;
    assert_eq!(written, [ARN]);
    assert!(!output.out.contains("publish"), "{output:?}");
}

#[tokio::test]
async fn peppers_are_added_without_a_word_about_public_keys() {
    let (secrets, _) = with_es256().await;
    let mut command = command(&["keys", "pepper", "add", "a", "--secret", ARN]);
    let output = run(secrets.with_table(&mut command), "pepper").await;
    output.prints(&["added the pepper a"]);
    assert!(!output.out.contains("publi"), "{output:?}");
    assert_eq!(secrets.written(), [ARN]);
}

#[tokio::test]
async fn publishing_twice_changes_nothing_the_second_time() {
    let (secrets, kid) = with_es256().await;
    secrets.set_public(NO_KEYS);
    let output = on(&secrets, &["keys", "publish"]).await;
    output.prints(&[&format!(
        "the secret {PUBLIC_ARN} now holds 1 public key of the secret {ARN}\nthe key set shows this within five minutes, \
         and every verifier knows it within ten; if a key is new there, wait ten minutes before you promote it\n"
    )]);
    assert_eq!((kids(&secrets), secrets.written()), (vec![kid], vec![PUBLIC_ARN.to_owned()]));
    // A file that was sent by `aws secretsmanager` ends with a line break.
    secrets.set_public(&format!("{}\n", secrets.public().unwrap()));
    let again = on(&secrets, &["keys", "publish"]).await;
    again.prints(&[&format!(
        "nothing is changed: the secret {PUBLIC_ARN} holds 1 public key of the secret {ARN}\n"
    )]);
    let json = on(&secrets, &["keys", "publish", "--json"]).await.json();
    assert_eq!(json, json!({"changed": false, "keys": published(&secrets)["keys"]}));
    assert_eq!(secrets.written(), [""; 0]);

    // No key has a public half.
    let secrets = fresh().await;
    let output = on(&secrets, &["keys", "publish"]).await;
    output.prints(&["holds no public key, because every key in the secret", "is HS256\n"]);
}
