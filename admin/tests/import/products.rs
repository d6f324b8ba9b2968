//! The products' own dumps.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use postern::identity::Status;
use serde_json::{Value, json};

use crate::{CliOutput, Deployment};

const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/freesewing.key");
const ROWS: &str = include_str!("../data/freesewing.jsonl");

#[tokio::test(flavor = "multi_thread")]
async fn django_dump_is_imported() {
    let deployment = Deployment::start().await;
    let hash = "pbkdf2_sha256$600000$abcdefghijklmnop$2Q1YqRMJyjqg2AY21ZFOi4LoJwz+92EwDWQ26+3qExI=";
    let dump = json!([
        {"model": "contenttypes.contenttype", "pk": 1, "fields": {"app_label": "auth", "model": "user"}},
        {"model": "users.user", "pk": 1, "fields": {
            "username": "johndoe", "email": "johndoe@example.com", "password": hash, "is_active": true,
            "date_joined": "2022-11-19T18:15:22.642Z", "avatar": "a.jpg", "number_phone": "5551234567"}},
        {"model": "users.user", "pk": 2, "fields": {
            "username": "bert", "email": "JohnDoe@example.com", "password": "!x", "is_active": false}},
        {"model": "users.user", "pk": 3, "fields": {"username": "carl", "email": "", "password": "!"}},
    ]);
    deployment.write("dump.json", &serde_json::to_string_pretty(&dump).unwrap());
    let output =
        deployment.run(&["import", "django", "dump.json", "--media-url", "https://cdn.example.com/"]);
    assert_eq!((output.counts(), output.code), ([2, 0, 1], Some(5)), "{}", output.err);
    assert_eq!((&output.json()["other_records"], &output.json()["without_password"]), (&json!(1), &json!(1)));
    let output = deployment.run(&["import", "django", "dump.json", "--drop-taken-emails"]);
    assert_eq!((output.counts(), output.code), ([1, 2, 0], Some(0)), "{}", output.err);
    let john = deployment.store.user(1).await.unwrap().unwrap();
    assert_eq!(john.password_hash.as_deref(), Some(hash));
    assert_eq!(john.attributes["email"]["avatar"], "https://cdn.example.com/a.jpg");
    let bert = deployment.store.user(2).await.unwrap().unwrap();
    assert_eq!((bert.status, bert.email.as_str(), bert.password_hash), (Status::Disabled, "", None));

    let second = json!([
        {"model": "a.user", "pk": 1, "fields": {"username": "x", "password": "!"}},
        {"model": "b.customer", "pk": 1, "fields": {"email": "y@example.com", "password": "!"}},
    ]);
    deployment.write("two.json", &second.to_string());
    let output = deployment.run(&["import", "django", "two.json", "--dry-run"]);
    assert_eq!(output.code, Some(2));
    assert!(output.err.contains("--model") && output.err.contains("a.user, b.customer"), "{}", output.err);
    let output = deployment.run(&["import", "django", "two.json", "--dry-run", "--model", "b.Customer"]);
    assert!(output.err.contains("the id 1 is another user's"), "{}", output.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn datepoll_table_is_imported() {
    let deployment = Deployment::start().await;
    let hash = "$2y$10$abcdefghijklmnopqrstuuTNk2TG.5YzeKDfsFTccKMbtkTqCpxU6";
    deployment.write(
        "users.csv",
        &format!(
            "id;username;password;activated;force_password_change;firstname;surname;created_at;updated_at;email\n\
             33;st.huber;{hash};1;0;Stefan;Huber;2022-11-19 18:15:22;2022-11-19 18:15:22;st@example.com\n\
             34;new;Null;0;1;Neu;\\N;2022-11-19 18:15:22;NULL;st@example.com\n\
             35;open;letmein;1;0;O;Pen;2022-11-19 18:15:22;NULL;NULL\n"
        ),
    );
    let output = deployment.run(&["import", "datepoll", "users.csv", "--drop-taken-emails"]);
    assert_eq!((output.counts(), output.code), ([3, 0, 0], Some(0)), "{}", output.err);
    assert!(
        output.err.contains("line 4 (username open): warning: imported without a password"),
        "{}",
        output.err
    );
    assert!(output.err.contains("the password is no bcrypt hash"), "{}", output.err);
    assert_eq!(deployment.store.user(35).await.unwrap().unwrap().password_hash, None);
    let huber = deployment.store.user(33).await.unwrap().unwrap();
    assert_eq!(huber.password_hash.unwrap(), format!("bcrypt_suffix$33${hash}"));
    let new = deployment.store.user(34).await.unwrap().unwrap();
    assert_eq!((new.status, new.must_change_password), (Status::NotActivated, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn freesewing_table_is_imported() {
    let deployment = Deployment::start().await;
    let rows: Vec<Value> = ROWS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut suspect = rows[0].clone();
    for (member, value) in [("id", json!(2)), ("username", json!("suspect"))] {
        suspect[member] = value;
    }
    // The address is of another row, and encrypted.
    let array = json!([rows[0], rows[1], rows[2], suspect]);
    deployment.write("users.json", &array.to_string());

    let wrong = deployment.write("wrong.key", "another passphrase\n");
    let earlier = deployment.write("users.json.rejected.jsonl", "{\"line\":1}\n");
    let output =
        deployment.run(&["import", "freesewing", "users.json", "--encryption-key", wrong.to_str().unwrap()]);
    assert_eq!((output.code, output.out.as_str()), (Some(1), ""));
    assert!(output.err.contains("not one row decrypts. Nothing was imported"), "{}", output.err);
    assert!(deployment.users().is_empty());
    assert_eq!(fs::read_to_string(&earlier).unwrap(), "{\"line\":1}\n");
    assert_eq!(deployment.run(&["import", "freesewing", "users.json"]).code, Some(2));

    let output = deployment.run(&[
        "import",
        "freesewing",
        "users.json",
        "--drop-taken-emails",
        "--encryption-key",
        KEY,
    ]);
    assert_eq!((output.counts(), output.code), ([4, 0, 0], Some(0)), "{}", output.err);
    let warnings = json!({
        "e-mail address left out": 1, "perhaps hashed twice": 1, "recovery codes left behind": 1,
    });
    assert_eq!(output.json()["warnings"], warnings);
    let old = deployment.store.user(3).await.unwrap().unwrap();
    assert_eq!((old.status, old.email.as_str()), (Status::NotActivated, "Old.Timer@example.com"));

    assert!(!earlier.exists());

    // A stream cannot be searched for migrated users first. The key is in the environment.
    let key = fs::read_to_string(KEY).unwrap();
    let output = stream(&deployment, &["--dry-run"], &key, ROWS);
    assert_eq!(output.counts(), [0, 3, 0], "{}", output.err);
    assert!(output.out.contains("found in a file only"), "{}", output.out);
    // Nor can the key be checked before rows that need none are imported.
    let mut text = String::new();
    for id in 100..200 {
        let mut open = rows[0].clone();
        open.as_object_mut().unwrap().remove("ehash");
        open["id"] = id.into();
        open["username"] = format!("open{id}").into();
        open["email"] = format!("open{id}@example.com").into();
        text.push_str(&format!("{open}\n"));
    }
    text.push_str(&format!("{}\n", rows[1]).repeat(30));
    let output = stream(&deployment, &[], "another passphrase", &text);
    let json = output.json();
    let count = |name: &str| json[name].as_u64().unwrap();
    assert_eq!((count("rejected"), count("read"), output.code), (20, 120, Some(1)), "{}", output.err);
    assert!(count("imported") > 0 && count("imported") + count("unfinished") == 100, "{json}");
    assert_eq!(deployment.users().len() as u64, 4 + count("imported"));
    assert!(output.out.contains("not one row decrypts") && !output.out.contains("Nothing"), "{json}");
}

fn stream(deployment: &Deployment, options: &[&str], key: &str, text: &str) -> CliOutput {
    let mut command = deployment.command(&[&["import", "freesewing", "-"], options].concat());
    let mut child = command
        .env("FREESEWING_ENCRYPTION_KEY", key.trim())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have stopped reading.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    CliOutput::of(&child.wait_with_output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn file_of_another_product_is_refused() {
    let deployment = Deployment::start().await;
    let django = json!([{"model": "auth.user", "pk": 1, "fields": {"username": "anna", "password": "!"}}]);
    deployment.write("django.json", &django.to_string());
    deployment.write("header.csv", "id,username,password,activated\n");
    for (format, file) in [("datepoll", "django.json"), ("datepoll", "header.csv")] {
        for more in [&[][..], &["--dry-run"]] {
            let output = deployment.run(&[&["import", format, file], more].concat());
            assert_eq!(output.code, Some(1), "{} {}", output.out, output.err);
            assert!(output.err.contains("it has no users"), "{}", output.err);
        }
    }
}

/// A second import would not add the missing e-mail address.
#[tokio::test(flavor = "multi_thread")]
async fn datepoll_user_without_the_table_of_addresses_is_rejected() {
    let deployment = Deployment::start().await;
    let users = "CREATE TABLE `users` (`id` int, `username` text, `password` text, `activated` int);\n\
        INSERT INTO `users` VALUES (1,'anna','Null',1);\n";
    deployment.write("users.sql", users);
    let output = deployment.run(&["import", "datepoll", "users.sql"]);
    assert_eq!((output.counts(), output.code), ([0, 0, 1], Some(1)), "{}", output.err);
    assert!(output.err.contains("dump both tables"), "{}", output.err);
    let addresses = "CREATE TABLE `user_email_addresses` (`id` int, `email` text, `user_id` int);\n\
        INSERT INTO `user_email_addresses` VALUES (1,'ben@example.com',2);\n";
    deployment.write("both.sql", &format!("{addresses}{users}"));
    assert_eq!(deployment.run(&["import", "datepoll", "both.sql"]).counts(), [1, 0, 0]);
}

/// Other models with users are skipped.
#[tokio::test(flavor = "multi_thread")]
async fn named_model_is_the_only_one_read() {
    let deployment = Deployment::start().await;
    let of = |model: &str, name: &str| json!({"model": model, "pk": 1, "fields": {"username": name, "password": "!"}});
    deployment.write("users.json", &json!([of("auth.user", "anna"), of("shop.customer", "ben")]).to_string());
    let output = deployment.run(&["import", "django", "users.json"]);
    assert!(
        output.code == Some(2) && output.err.contains("auth.user, shop.customer; name one"),
        "{}",
        output.err
    );
    let output = deployment.run(&["import", "django", "users.json", "--model", "shop.customer"]);
    assert_eq!((output.counts(), output.code), ([1, 0, 0], Some(0)), "{}", output.err);
    assert_eq!(deployment.users(), [(1, "ben".to_owned())]);
}
