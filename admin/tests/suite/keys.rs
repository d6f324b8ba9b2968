//! Signing keys are made, shown, and rotated without signing a user out.

use std::path::PathBuf;
use std::time::Duration;

use postern::clock::now;
use postern::token::{KeySet, SAMPLE_KEYS};
use postern_tests::contracts::jwt_profile;
use postern_tests::logs::find_secret;
use serde_json::{Value, json};

use crate::cli::{CliOutput, command, run};
use crate::secrets::{ARN, NO_KEYS, PUBLIC_ARN, Secrets};

const RAW: &str = "a generated secret of 32 bytes or more";

/// A file of this test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("postern-{}-{name}.json", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn set(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(&self.0).unwrap()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs a command without --private, and checks that its output has no private part of a key.
async fn keys(words: &[&str]) -> CliOutput {
    let output = run(&mut command(&[&["keys"], words].concat()), "").await;
    hides_keys(&output);
    output
}

#[track_caller]
fn hides_keys(output: &CliOutput) {
    let text = format!("{}{}", output.out, output.err);
    assert_eq!(find_secret(&text), None, "{text}");
    assert!(!text.contains(RAW), "{text}");
}

fn token(ring: &KeySet) -> String {
    ring.sign(&jwt_profile("account"), &json!({"exp": now().secs() + 3600})).unwrap()
}

fn accepts(ring: &KeySet, token: &str) -> bool {
    ring.verify::<Value>(&jwt_profile("account"), token, now()).is_ok()
}

fn kid_of(output: &CliOutput, at: usize) -> String {
    output.json()["keys"][at]["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn new_key_of_each_algorithm_signs_and_is_private_to_its_owner() {
    for alg in ["HS256", "ES256", "EdDSA", "RS256"] {
        let file = Scratch::new(alg);
        let output = keys(&["new", "--alg", alg, "--file", file.path()]).await;
        output.prints(&[alg, "signs and verifies"]);
        let ring = KeySet::parse(&file.set().to_string()).unwrap();
        assert!(accepts(&ring, &token(&ring)), "{alg}");
        assert!(!ring.has_sample_key());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file.0).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let shown = keys(&["show", "--file", file.path(), "--json"]).await.json();
        assert_eq!(
            shown,
            json!({
                "keys": [{"kid": file.set()["keys"][0]["kid"], "alg": alg, "signs": true}],
                "password_peppers": [],
            })
        );
        let private = run(&mut command(&["keys", "show", "--file", file.path(), "--private"]), "").await;
        assert_eq!(private.json(), file.set());
    }
}

#[tokio::test]
async fn keys_made_in_the_same_second_have_different_kids() {
    let kid = |file: &Scratch| file.set()["keys"][0]["kid"].as_str().unwrap().to_owned();
    // A second may begin between two of them. Then the others are of one second.
    let mut kids = Vec::new();
    for name in ["same-a", "same-b", "same-c"] {
        let file = Scratch::new(name);
        assert_eq!(keys(&["new", "--file", file.path()]).await.code, 0);
        kids.push(kid(&file));
    }
    let random: Vec<&str> = kids.iter().map(|kid| kid.split_once("Z-").unwrap().1).collect();
    assert!(random[0] != random[1] || random[1] != random[2], "{kids:?}");
}

#[tokio::test]
async fn existing_keys_are_replaced_only_with_replace() {
    let file = Scratch::new("overwrite");
    assert_eq!(keys(&["new", "--file", file.path()]).await.code, 0);
    let before = file.set();
    keys(&["new", "--file", file.path()]).await.fails_with(4, "--replace");
    assert_eq!(file.set(), before);
    keys(&["new", "--file", file.path(), "--replace"]).await.prints(&["MFA recovery codes"]);
    assert_ne!(file.set()["recovery_code_key"], before["recovery_code_key"]);

    let empty = Secrets::start(None).await;
    let mut words = command(&["keys", "new"]);
    run(empty.with_table(words.env("SIGNING_KEYS_SECRET_ARN", ARN)), "")
        .await
        .prints(&["signs and verifies"]);
    assert!(KeySet::parse(&empty.value().unwrap()).is_ok());

    let secrets = Secrets::start(Some(RAW)).await;
    let output = run(secrets.with_table(&mut command(&["keys", "new", "--secret", ARN])), "").await;
    output.fails_with(4, "all MFA recovery codes");
    assert_eq!(secrets.value().as_deref(), Some(RAW));
    let output =
        run(secrets.with_table(&mut command(&["keys", "new", "--secret", ARN, "--replace"])), "").await;
    hides_keys(&output);
    output.prints(&["wrote a new set"]);
    assert!(!accepts(
        &KeySet::parse(&secrets.value().unwrap()).unwrap(),
        &token(&KeySet::parse(RAW).unwrap())
    ));
}

#[tokio::test]
async fn private_set_is_printed_and_not_stored() {
    let secrets = Secrets::start(None).await;
    let mut command = command(&["keys", "new", "--alg", "ES256", "--private"]);
    let output = run(secrets.with_table(&mut command).env("SIGNING_KEYS_SECRET_ARN", ARN), "").await;
    output.prints(&[]);
    assert!(KeySet::parse(&output.out).is_ok(), "fit for SIGNING_KEYS");
    assert_eq!(secrets.value(), None);
}

/// A token or recovery code stays valid until its key is retired.
#[tokio::test]
async fn generated_secret_rotates_in_three_steps_without_losing_a_token() {
    let secrets = Secrets::start(Some(RAW)).await;
    let rotate = async |words: &[&str]| {
        let mut command = command(&["keys", "rotate", "--secret", ARN, "--public-secret", PUBLIC_ARN]);
        let output = run(secrets.with_table(&mut command).args(words), "").await;
        hides_keys(&output);
        output
    };
    let ring = || KeySet::parse(&secrets.value().unwrap()).unwrap();
    let before = KeySet::parse(RAW).unwrap();
    let old = token(&before);

    let output = rotate(&["--add", "--alg", "ES256", "--json"]).await;
    let kid = kid_of(&output, 1);
    assert_eq!(output.json()["keys"][0], json!({"kid": null, "alg": "HS256", "signs": true}));
    assert!(
        accepts(&before, &token(&ring())),
        "the old key signs on: functions that read nothing yet accept it"
    );
    assert!(accepts(&ring(), &old));
    assert_eq!(ring().recovery.digest(7, "0a1b2c3d"), before.recovery.digest(7, "0a1b2c3d"));

    rotate(&["--promote", &kid]).await.fails_with(4, "less than ten minutes ago");
    assert!(accepts(&before, &token(&ring())), "nothing was promoted");
    let output = rotate(&["--promote", &kid, "--force"]).await;
    output.prints(&["promoted", "signs and verifies", "next: functions sign with it", "--retire none"]);
    assert!(!accepts(&before, &token(&ring())), "the new key signs");
    assert!(accepts(&ring(), &token(&ring())) && accepts(&ring(), &old));

    rotate(&["--retire", &kid]).await.fails_with(4, "is the key that signs");
    let output = rotate(&["--retire", "none"]).await;
    output
        .prints(&["retired none", "\ndone: functions refuse the tokens of the key none within five minutes"]);
    assert!(!output.out.contains("next:"), "{output:?}");
    assert!(!accepts(&ring(), &old));
    assert_eq!(ring().recovery.digest(7, "0a1b2c3d"), before.recovery.digest(7, "0a1b2c3d"));
}

#[tokio::test]
async fn rotated_file_keeps_unknown_members() {
    let file = Scratch::new("rotate");
    let mut set: Value = serde_json::from_str(SAMPLE_KEYS).unwrap();
    set["keys"][0]["kid"] = json!("first");
    set["keys"][0]["use"] = json!("sig");
    set["note"] = json!("ours");
    std::fs::write(&file.0, set.to_string()).unwrap();
    let rotate = async |words: &[&str]| keys(&[&["rotate", "--file", file.path()], words].concat()).await;

    // Twice within a second makes two keys, of the kind of the first.
    let (one, two) =
        (kid_of(&rotate(&["--add", "--json"]).await, 1), kid_of(&rotate(&["--add", "--json"]).await, 1));
    assert_ne!(one, two);
    let added = rotate(&["--retire", &two]).await;
    added.prints(&["first", "HS256", &one]);
    // A key that was added more than ten minutes ago, as its kid tells, needs no --force.
    let [young, old] = [9, 11].map(|minutes| {
        let added = now().minus(Duration::from_secs(minutes * 60)).iso8601().unwrap();
        format!("{}Z-0a1b", added[..19].replace(':', "-"))
    });
    let age = |kid: &str| {
        let mut aged = file.set();
        aged["keys"][1]["kid"] = json!(kid);
        std::fs::write(&file.0, aged.to_string()).unwrap();
    };
    age(&young);
    rotate(&["--promote", &young]).await.fails_with(4, "less than ten minutes ago");
    age(&old);
    rotate(&["--promote", &old]).await.prints(&["--retire first"]);
    rotate(&["--promote", &old]).await.fails_with(4, "signs already");
    let written = file.set();
    assert_eq!((&written["note"], &written["keys"][1]["use"]), (&json!("ours"), &json!("sig")));
    assert_eq!(written["recovery_code_key"], set["recovery_code_key"]);
}

#[tokio::test]
async fn bad_input_changes_no_keys() {
    let file = Scratch::new("bad");
    let absent = Scratch::new("absent");
    keys(&["new"]).await.fails_with(2, "where are the keys?");
    keys(&["show", "--file", absent.path()]).await.fails_with(3, "is not there, or empty");
    keys(&["rotate", "--file", absent.path(), "--add"]).await.fails_with(3, "is not there, or empty");
    keys(&["new", "--file", "/no/such/directory/keys.json"]).await.fails_with(1, "cannot be used");
    assert!(!absent.0.exists());
    std::fs::write(&file.0, NO_KEYS).unwrap();
    keys(&["show", "--file", file.path()]).await.fails_with(1, "are broken: must have at least one key");
    keys(&["rotate", "--file", file.path(), "--add"]).await.fails_with(1, "are broken");
    assert_eq!(file.set(), json!({"keys": []}));
    assert_eq!(keys(&["new", "--file", file.path(), "--replace"]).await.code, 0);
    let whole = file.set();
    for step in ["--promote", "--retire"] {
        keys(&["rotate", "--file", file.path(), step, "nothing"])
            .await
            .fails_with(3, "there is no key nothing");
    }
    for words in [
        &["rotate", "--file", file.path()][..],
        &["rotate", "--file", file.path(), "--add", "--retire", "x"],
        &["rotate", "--file", file.path(), "--retire", "x", "--force"],
        &["new", "--alg", "RS512", "--file", file.path()],
        &["new", "--private", "--file", file.path()],
        &["show", "--file", file.path(), "--secret", ARN],
    ] {
        assert_eq!(keys(words).await.code, 2, "{words:?}");
    }
    assert_eq!(file.set(), whole);

    let secrets = Secrets::start(None).await;
    for (words, why) in [
        (&["new", "--secret", "other"][..], "aws secretsmanager create-secret --name other"),
        (&["show", "--secret", ARN], "is not there, or empty"),
    ] {
        run(secrets.with_table(&mut command(&[&["keys"], words].concat())), "").await.fails_with(3, why);
    }
}

/// The pepper that is added here. No command ever prints it, in any form.
const PEPPER: &str = "LEAKED pepper of a product";

/// `keys pepper`, with this on its standard input.
async fn pepper(words: &[&str], input: &[u8]) -> CliOutput {
    let input = std::str::from_utf8(input).unwrap();
    let output = run(&mut command(&[&["keys", "pepper"], words].concat()), input).await;
    hides_keys(&output);
    hides_pepper(&output);
    output
}

#[track_caller]
fn hides_pepper(output: &CliOutput) {
    let text = format!("{}{}", output.out, output.err);
    for secret in ["LEAKED", "TEVBS0VE", "4c45414b4544"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn pepper_is_read_from_standard_input_and_never_shown() {
    let file = Scratch::new("pepper");
    assert_eq!(keys(&["new", "--file", file.path()]).await.code, 0);
    let before = file.set();
    let output = pepper(&["add", "a", "--file", file.path()], format!("{PEPPER}\n").as_bytes()).await;
    output.prints(&["added the pepper a", "password peppers: a", "next: in five minutes", "--pepper-id a"]);
    let hex = pepper(&["add", "shop-2", "--form", "hex", "--file", file.path()], b"00ff10\n").await;
    hex.prints(&["password peppers: a, shop-2"]);
    let mut expected = before.clone();
    expected["password_peppers"] = json!({"a": "TEVBS0VEIHBlcHBlciBvZiBhIHByb2R1Y3Q", "shop-2": "AP8Q"});
    assert_eq!(file.set(), expected);
    let shown = keys(&["show", "--file", file.path(), "--json"]).await;
    hides_pepper(&shown);
    assert_eq!(shown.json()["password_peppers"], json!(["a", "shop-2"]));
    let shown = keys(&["show", "--file", file.path()]).await;
    hides_pepper(&shown);
    shown.prints(&["password peppers: a, shop-2"]);

    // Adding the same pepper again changes nothing, and another pepper does not replace it.
    pepper(&["add", "shop-2", "--form", "base64", "--file", file.path()], b"AP8Q\n")
        .await
        .prints(&["there already"]);
    for (form, input) in [("text", PEPPER), ("hex", "00ff1000")] {
        let output =
            pepper(&["add", "shop-2", "--form", form, "--file", file.path()], input.as_bytes()).await;
        output.fails_with(4, "shop-2 is the id of another pepper");
    }
    for (words, input, code, why) in [
        (&["add", "b"][..], "", 2, "nothing on standard input"),
        (&["add", "b"], "\n", 1, "the pepper b must have 1 to 256 bytes"),
        (&["add", "b"], &"LEAKED".repeat(43), 1, "the pepper b must have 1 to 256 bytes"),
        (&["add", "b"], &"LEAKED".repeat(1000), 2, "standard input is too long for a secret"),
        (&["add", "b", "--form", "hex"], PEPPER, 2, "is not hexadecimal"),
        (&["add", "b", "--form", "base64"], PEPPER, 2, "is not base64"),
        (&["remove", "b", "--yes"], "", 3, "there is no pepper b"),
        (&["remove", "a"], "", 2, "--yes"),
    ] {
        pepper(&[words, &["--file", file.path()]].concat(), input.as_bytes()).await.fails_with(code, why);
    }
    for id in ["", "A", "a$b", "abcdefghijklmnopq"] {
        assert_eq!(pepper(&["add", id, "--file", file.path()], b"x").await.code, 2, "{id}");
    }
    assert_eq!(file.set(), expected);
    pepper(&["remove", "a", "--yes", "--file", file.path()], b"")
        .await
        .prints(&["removed the pepper a", "shop-2"]);
    assert_eq!(file.set()["password_peppers"], json!({"shop-2": "AP8Q"}));
    for (at, code) in (0..8).zip([0, 0, 0, 0, 0, 0, 0, 1]) {
        let output = pepper(&["add", &format!("p{at}"), "--file", file.path()], b"x").await;
        assert_eq!(output.code, code, "{output:?}");
    }
    assert_eq!(file.set()["password_peppers"].as_object().unwrap().len(), 8);
}

/// Without their pepper, users with imported passwords could not sign in.
#[tokio::test]
async fn peppers_stay_when_keys_are_rotated_or_replaced() {
    let secrets = Secrets::start(Some(RAW)).await;
    let old = token(&KeySet::parse(RAW).unwrap());
    let recovery = KeySet::parse(RAW).unwrap().recovery.digest(7, "0a1b2c3d");
    let keys = async |words: &[&str], input: &str| {
        let mut command = command(&[&["keys"], words].concat());
        let output = run(secrets.with_table(&mut command).args(["--secret", ARN]), input).await;
        hides_keys(&output);
        hides_pepper(&output);
        assert_eq!(output.code, 0, "{output:?}");
        output
    };
    let set = || serde_json::from_str::<Value>(&secrets.value().unwrap()).unwrap();
    keys(&["pepper", "add", "a"], PEPPER).await;
    // The generated secret is now a set. Its tokens and recovery codes stay valid.
    let ring = KeySet::parse(&secrets.value().unwrap()).unwrap();
    assert!(accepts(&ring, &old));
    assert_eq!(ring.recovery.digest(7, "0a1b2c3d"), recovery);
    let peppers = set()["password_peppers"].clone();
    assert_eq!(peppers, json!({"a": "TEVBS0VEIHBlcHBlciBvZiBhIHByb2R1Y3Q"}));
    let kid = kid_of(&keys(&["rotate", "--add", "--json"], "").await, 1);
    assert_eq!(set()["password_peppers"], peppers);
    for words in [
        &["rotate", "--promote", &kid, "--force"][..],
        &["rotate", "--retire", "none"],
        &["rotate", "--add", "--alg", "ES256"],
        &["new", "--replace"],
    ] {
        keys(words, "").await.prints(&["password peppers: a"]);
        assert_eq!(set()["password_peppers"], peppers, "{words:?}");
    }
    assert_ne!(KeySet::parse(&secrets.value().unwrap()).unwrap().recovery.digest(7, "0a1b2c3d"), recovery);
}
