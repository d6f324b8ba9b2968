//! Users whose keys are no ids get new ids, and are found by the old ones.

use std::fs;

use serde_json::{Value, json};

use crate::{Deployment, rejected};

const HASH: &str = "pbkdf2_sha256$600000$abcdefghijklmnop$2Q1YqRMJyjqg2AY21ZFOi4LoJwz+92EwDWQ26+3qExI=";

fn uuid(number: usize) -> String {
    format!("0c385204-1802-4f76-a287-{number:012x}")
}

/// `dumpdata` of a user model with a UUID key.
fn dump(count: usize) -> String {
    let users = (1..=count).map(|number| {
        let fields = json!({"email": format!("u{number}@example.com"), "password": HASH, "is_active": true});
        json!({"model": "accounts.account", "pk": uuid(number), "fields": fields}).to_string() + "\n"
    });
    users.collect()
}

fn id_map(deployment: &Deployment, name: &str) -> Vec<(String, u64)> {
    let text = fs::read_to_string(deployment.path(name)).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("old_id,new_id"));
    let mut pairs: Vec<_> = lines
        .map(|line| line.split_once(',').unwrap())
        .map(|(old, new)| (old.to_owned(), new.parse().unwrap()))
        .collect();
    pairs.sort();
    pairs
}

#[tokio::test(flavor = "multi_thread")]
async fn uuid_keys_are_refused_or_get_new_ids() {
    let deployment = Deployment::start().await;
    // More than a transaction holds.
    let count = 70;
    deployment.write("users.jsonl", &dump(count));
    let output = deployment.run(&["import", "django", "users.jsonl"]);
    assert_eq!(output.counts(), [0, 0, count as u64], "{}", output.err);
    assert!(rejected(&deployment.path("users.jsonl.rejected.jsonl"))[0].1.contains("--new-ids"));

    let dry = deployment.run(&["import", "django", "users.jsonl", "--new-ids", "--dry-run"]);
    assert_eq!(dry.counts(), [count as u64, 0, 0], "{}", dry.err);
    assert!(!deployment.path("users.jsonl.ids.csv").exists(), "a dry run writes nothing");
    let output = deployment.run(&["import", "django", "users.jsonl", "--new-ids"]);
    assert_eq!((output.counts(), output.code), ([count as u64, 0, 0], Some(0)), "{}", output.err);
    let map = id_map(&deployment, "users.jsonl.ids.csv");
    let olds: Vec<String> = map.iter().map(|(old, _)| old.clone()).collect();
    assert_eq!(olds, (1..=count).map(uuid).collect::<Vec<_>>());
    let mut news: Vec<u64> = map.iter().map(|(_, new)| *new).collect();
    news.sort_unstable();
    assert_eq!(news, (1..=count as u64).collect::<Vec<_>>());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(deployment.path("users.jsonl.ids.csv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    for (old, new) in [&map[0], &map[count - 1]] {
        let shown = deployment.run(&["user", "show", &format!("source:{old}")]).json();
        assert_eq!((&shown["id"], &shown["source_id"]), (&json!(new), &json!(old)));
    }
    // Again: the same table, and the same file, as after an interruption.
    let table = deployment.export();
    fs::remove_file(deployment.path("users.jsonl.ids.csv")).unwrap();
    let again = deployment.run(&["import", "django", "users.jsonl", "--new-ids"]);
    assert_eq!(again.counts(), [0, count as u64, 0], "{}", again.err);
    assert_eq!(
        (deployment.export(), id_map(&deployment, "users.jsonl.ids.csv")),
        (table.clone(), map.clone())
    );

    // An export has the old ids. Deleting a user removes the item of the old id.
    let other = Deployment::start().await;
    other.write("export.jsonl", &table);
    assert_eq!(other.run(&["import", "jsonl", "export.jsonl"]).counts(), [count as u64, 0, 0]);
    assert_eq!(other.export(), table);
    let (old, new) = &map[3];
    let show = ["user", "show", &format!("source:{old}")];
    assert_eq!(other.run(&show).json()["id"], json!(new));
    assert_eq!(other.run(&["user", "delete", &new.to_string(), "--yes"]).code, Some(0));
    let gone = other.run(&show);
    assert_eq!(gone.code, Some(3), "{}", gone.err);
    assert_eq!(other.store.users_of_source(old).await.unwrap(), Vec::<u64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn file_of_ids_that_no_import_wrote_is_not_replaced() {
    let deployment = Deployment::start().await;
    deployment.write("users.jsonl", &dump(1));
    deployment.write("users.jsonl.ids.csv", "mine\n");
    let output = deployment.run(&["import", "django", "users.jsonl", "--new-ids"]);
    assert_eq!(output.code, Some(2), "{}", output.err);
    assert_eq!(fs::read_to_string(deployment.path("users.jsonl.ids.csv")).unwrap(), "mine\n");
    assert_eq!(deployment.users(), []);
}

/// DatePoll hashed each password with the old id appended.
#[tokio::test(flavor = "multi_thread")]
async fn datepoll_hash_keeps_the_id_that_was_hashed() {
    let deployment = Deployment::start().await;
    let hash = "$2y$10$abcdefghijklmnopqrstuuTNk2TG.5YzeKDfsFTccKMbtkTqCpxU6";
    let row = json!({"id": 33, "username": "st.huber", "password": hash, "activated": 1});
    deployment.write("users.jsonl", &format!("{row}\n"));
    assert_eq!(deployment.run(&["import", "datepoll", "users.jsonl", "--new-ids"]).counts(), [1, 0, 0]);
    let user: Value = serde_json::from_str(deployment.export().trim()).unwrap();
    assert_eq!((&user["id"], &user["source_id"]), (&json!(1), &json!("33")));
    assert_eq!(user["password_hash"], json!(format!("bcrypt_suffix$33${hash}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn usernames_of_digits_are_imported_and_shadowed_ids_are_counted() {
    let deployment = Deployment::start().await;
    let rows = [(1, "12"), (2, "1"), (12, "anna"), (13, "13"), (14, "999")];
    let rows = rows.map(|(id, username)| json!({"id": id, "username": username}).to_string() + "\n");
    deployment.write("users.jsonl", &rows.concat());
    let output = deployment.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((output.counts(), output.code), ([5, 0, 0], Some(0)), "{}", output.err);
    let remarks = output.json()["remarks"].to_string();
    assert!(remarks.contains("2 usernames are spelt like another user's id"), "{remarks}");
}

/// Databases without a type for UUIDs keep their digits alone; `dumpdata` writes them with hyphens.
#[tokio::test(flavor = "multi_thread")]
async fn uuid_is_one_key_with_hyphens_and_without() {
    let deployment = Deployment::start().await;
    let row =
        |pk: &str| json!([{"model": "a.user", "pk": pk, "fields": {"username": "anna", "password": "!"}}]);
    let uuid = "0B8F7A52-3b6e-4f5c-9d7a-1c2d3e4f5a6b";
    deployment.write("dumpdata.json", &row(uuid).to_string());
    assert_eq!(deployment.run(&["import", "django", "dumpdata.json", "--new-ids"]).counts(), [1, 0, 0]);
    let digits = uuid.replace('-', "").to_lowercase();
    deployment.write("digits.json", &row(&digits).to_string());
    assert_eq!(deployment.run(&["import", "django", "digits.json", "--new-ids"]).counts(), [0, 1, 0]);
    for name in [uuid, digits.as_str()] {
        let output = deployment.run(&["user", "show", &format!("source:{name}")]);
        assert_eq!(output.json()["id"], json!(1), "{name}");
    }
    let map = std::fs::read_to_string(deployment.path("digits.json.ids.csv")).unwrap();
    assert!(map.contains(&format!("{digits},1\n")), "{map}");
}
