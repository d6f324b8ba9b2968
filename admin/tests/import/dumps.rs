//! Dumps in SQL by the databases' own tools: each form imports the same users.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::Deployment;

const HASH: &str = "pbkdf2_sha256$600000$abcdefghijklmnop$2Q1YqRMJyjqg2AY21ZFOi4LoJwz+92EwDWQ26+3qExI=";

fn dump(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/data/dumps/{name}.sql", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What an import of this dump puts into an empty table, without what depends on the time.
async fn imported(format: &str, bytes: &[u8], more: &[&str]) -> Vec<Value> {
    let deployment = Deployment::start().await;
    fs::write(deployment.path("dump.sql"), bytes).unwrap();
    let output = deployment.run(&[&["import", format, "dump.sql"], more].concat());
    assert_eq!(output.code, Some(0), "{} {}", output.out, output.err);
    let users = deployment.export();
    let users = users.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let without_times = |mut user: Value| {
        for member in ["epoch", "sessions_ended_at", "updated_at"] {
            user.as_object_mut().unwrap().remove(member);
        }
        user
    };
    users.map(without_times).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dumps_of_mariadb_import_datepolls_users_with_their_first_address() {
    for name in ["mariadb", "mariadb-hex", "mariadb-data"] {
        let users = imported("datepoll", &dump(name), &[]).await;
        let shown = |user: &Value| {
            let profile = &user["attributes"]["email"];
            json!([
                user["id"],
                user["username"],
                user["email"],
                user["status"],
                profile["first_name"],
                profile["last_name"]
            ])
        };
        assert_eq!(
            users.iter().map(shown).collect::<Vec<_>>(),
            [
                json!([33, "st.huber", "first@example.com", "active", "Stefan", "O'Neil \\ \"q\""]),
                json!([
                    34,
                    "zo\u{eb} \u{1f600}; (x",
                    "zoe@example.com",
                    "not_activated",
                    "Zo\nline",
                    "VALUES (1)"
                ]),
                json!([35, "c", null, "active", null, "tab\there"]),
            ],
            "{name}"
        );
        assert_eq!(users[0]["created_at"], json!("2022-11-19T18:15:22.000Z"), "{name}");
        assert!(
            users[0]["password_hash"].as_str().unwrap().starts_with("bcrypt_suffix$33$$2y$10$"),
            "{name}"
        );
        assert_eq!(
            (&users[1]["password_hash"], &users[1]["must_change_password"]),
            (&Value::Null, &json!(true))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dumps_of_postgresql_import_djangos_users() {
    let mut expected = None;
    for name in ["pg", "pg-inserts", "pg-multi"] {
        for more in [&[][..], &["--model", "auth.user"]] {
            let users = imported("django", &dump(name), more).await;
            let [anna, ben] = users.as_slice() else { panic!("{name}: {users:?}") };
            assert_eq!(anna["password_hash"], json!(HASH), "{name}");
            assert_eq!(anna["created_at"], json!("2020-01-01T00:00:00.000Z"), "{name}");
            assert_eq!(
                anna["attributes"]["email"],
                json!({"first_name": "Zo\u{eb} \"q\"", "last_name": "O'Neil\\ \u{1f600}\nline\ttab"}),
                "{name}"
            );
            assert_eq!((&ben["username"], &ben["status"]), (&json!("ben;"), &json!("disabled")), "{name}");
            assert_eq!(ben["last_sign_in"], json!("2024-05-06T07:08:09.123Z"), "{name}");
            assert_eq!(expected.get_or_insert_with(|| users.clone()), &users, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dump_of_sqlite_imports_djangos_users() {
    let users = imported("django", &dump("sqlite"), &[]).await;
    assert_eq!(users[0]["attributes"]["email"]["first_name"], json!("Zo\u{eb}\nline; 'q'"));
    assert_eq!(users[1]["attributes"]["email"]["first_name"], json!("a"), "a blob");
    assert_eq!(users[1]["status"], json!("disabled"));
}

/// As `sqlite3 -json` writes it, and phpMyAdmin and other tools a table.
#[tokio::test(flavor = "multi_thread")]
async fn json_of_the_table_imports_djangos_users() {
    let rows = json!([{"id": 1, "password": "!", "username": "anna", "email": "", "is_active": 1}]);
    let users = imported("django", rows.to_string().as_bytes(), &[]).await;
    assert_eq!((&users[0]["id"], &users[0]["username"]), (&json!(1), &json!("anna")));
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_of_freesewings_table_imports_what_its_json_does() {
    let rows = include_str!("../data/freesewing.jsonl").lines();
    let rows: Vec<Value> = rows.map(|line| serde_json::from_str(line).unwrap()).collect();
    let columns: BTreeSet<&String> = rows.iter().flat_map(|row| row.as_object().unwrap().keys()).collect();
    let mut csv = columns.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",") + "\r\n";
    for row in &rows {
        let fields = columns.iter().map(|column| match row.get(column.as_str()).unwrap_or(&Value::Null) {
            Value::String(text) => format!("\"{}\"", text.replace('"', "\"\"")),
            Value::Null => String::new(),
            other => other.to_string(),
        });
        csv += &(fields.collect::<Vec<_>>().join(",") + "\r\n");
    }
    let key = ["--encryption-key", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/freesewing.key")];
    let users = imported("freesewing", csv.as_bytes(), &key).await;
    assert_eq!(users, imported("freesewing", include_bytes!("../data/freesewing.jsonl"), &key).await);
    let deployment = Deployment::start().await;
    deployment.write("users.csv", "id,username,password\n1,a,b\n");
    let output = deployment.run(&["import", "freesewing", "users.csv", key[0], key[1]]);
    assert!(output.err.contains("no column `email`"), "{}", output.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn dump_that_is_cut_off_says_so_wherever_it_ends() {
    let deployment = Deployment::start().await;
    for name in ["mariadb", "pg", "sqlite"] {
        let whole = dump(name);
        let format = if name == "mariadb" { "datepoll" } else { "django" };
        // Within the last user's row.
        let last: &[u8] = if name == "mariadb" { b"'c',NULL" } else { b"ben" };
        let at = whole.windows(last.len()).rposition(|bytes| bytes == last);
        fs::write(deployment.path("dump.sql"), &whole[..at.unwrap()]).unwrap();
        let output = deployment.run(&["import", format, "dump.sql", "--dry-run"]);
        assert!(
            output.code != Some(0) && output.out.contains("cut off"),
            "{name}: {} {}",
            output.out,
            output.err
        );
    }
}

/// A dump may end after a whole row, or a whole statement.
#[tokio::test(flavor = "multi_thread")]
async fn dump_that_is_cut_off_between_rows_or_statements_says_so() {
    let deployment = Deployment::start().await;
    for (name, format, row_end) in [("mariadb-data", "datepoll", "),\n"), ("pg-multi", "django", "),\n")] {
        let whole = String::from_utf8(dump(name)).unwrap();
        let users = whole
            .rfind(if format == "django" { "INSERT INTO public.auth_user" } else { "INSERT INTO" })
            .unwrap();
        let row =
            users + whole[users..].find(row_end).map_or_else(|| panic!("{name}"), |at| at + row_end.len());
        let statement = row + whole[row..].find(";\n").unwrap() + 2;
        for (at, words) in
            [(row, "within a statement"), (statement, "without the comment that it is complete")]
        {
            fs::write(deployment.path("dump.sql"), &whole[..at]).unwrap();
            let output = deployment.run(&["import", format, "dump.sql", "--dry-run"]);
            assert!(
                output.code != Some(0) && output.out.contains(words),
                "{name}: {} {}",
                output.out,
                output.err
            );
        }
    }
}

/// Data without the structure names no columns.
#[tokio::test(flavor = "multi_thread")]
async fn row_without_known_columns_is_rejected_with_a_remedy() {
    let deployment = Deployment::start().await;
    deployment.write(
        "dump.sql",
        "-- MariaDB dump 10.19\nINSERT INTO `users` VALUES (1,'a','x');\n-- Dump completed\n",
    );
    let output = deployment.run(&["import", "datepoll", "dump.sql"]);
    assert_eq!(output.counts(), [0, 0, 1], "{}", output.err);
    assert!(output.err.contains("--complete-insert"), "{}", output.err);
}

/// FreeSewing's own rows, as sqlite3 would dump them.
#[tokio::test(flavor = "multi_thread")]
async fn dump_of_freesewings_table_imports_what_its_json_does() {
    let rows = include_str!("../data/freesewing.jsonl").lines();
    let rows: Vec<Value> = rows.map(|line| serde_json::from_str(line).unwrap()).collect();
    let columns: BTreeSet<&String> = rows.iter().flat_map(|row| row.as_object().unwrap().keys()).collect();
    let names: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
    let mut dump =
        format!("PRAGMA foreign_keys=OFF;\nCREATE TABLE IF NOT EXISTS \"User\" ({});\n", names.join(","));
    dump += "INSERT INTO \"Pattern\" VALUES(1,'no user');\n";
    for row in &rows {
        let values = columns.iter().map(|column| match row.get(column.as_str()).unwrap_or(&Value::Null) {
            Value::String(text) => format!("'{}'", text.replace('\'', "''")),
            Value::Null => "NULL".to_owned(),
            other => other.to_string(),
        });
        dump += &format!("INSERT INTO \"User\" VALUES({});\n", values.collect::<Vec<_>>().join(","));
    }
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/freesewing.key");
    let users = imported("freesewing", dump.as_bytes(), &["--encryption-key", key]).await;
    let json =
        imported("freesewing", include_bytes!("../data/freesewing.jsonl"), &["--encryption-key", key]).await;
    assert_eq!(users.len(), rows.len());
    assert_eq!(users, json);
}

/// A text that a user typed does not decide the SQL dialect. Otherwise a user could inject rows.
#[tokio::test(flavor = "multi_thread")]
async fn text_of_a_user_does_not_decide_the_sql_product() {
    let deployment = Deployment::start().await;
    let rows = "INSERT INTO users (id, username, password, activated, firstname, surname) VALUES \
        (1,'eve','Null',1,'mysql\\',', \"x\"), (901, \"admin\", \"Null\", 1, \"a\", \"b\"); -- ');\n";
    deployment.write("users.sql", rows);
    let output = deployment.run(&["import", "datepoll", "users.sql"]);
    assert!(output.code == Some(1) && output.out.contains("--written-by"), "{} {}", output.out, output.err);
    assert!(deployment.users().is_empty());
    let output = deployment.run(&["import", "datepoll", "users.sql", "--written-by", "sqlite"]);
    assert_eq!((output.counts(), output.code), ([0, 0, 1], Some(1)), "no addresses: {}", output.err);
}

/// Users of two tenants, or of two databases, are not the same people.
#[tokio::test(flavor = "multi_thread")]
async fn table_in_two_databases_is_read_from_the_first_only() {
    let deployment = Deployment::start().await;
    let insert = |table: &str, id: u32| {
        format!(
            "INSERT INTO {table} (id, username, email, password) VALUES ({id}, 'u{id}', '{id}@example.com', '!');\n"
        )
    };
    for (head, rows) in [
        ("-- PostgreSQL database dump\n", [insert("tenant1.auth_user", 1), insert("tenant2.auth_user", 2)]),
        (
            "/*!40101 SET NAMES utf8 */;\nUSE `one`;\n",
            [insert("`auth_user`", 1), format!("USE `two`;\n{}", insert("`auth_user`", 2))],
        ),
    ] {
        deployment.write("dump.sql", &format!("{head}{}", rows.concat()));
        let output = deployment.run(&["import", "django", "dump.sql", "--dry-run"]);
        assert!(output.out.contains("is in two databases or schemas"), "{} {}", output.out, output.err);
        assert_eq!(output.counts(), [1, 0, 1]);
    }
}

/// A statement of the users' table that cannot be read is reported.
#[tokio::test(flavor = "multi_thread")]
async fn insert_without_values_is_rejected() {
    let deployment = Deployment::start().await;
    let sql = "INSERT INTO `users` SET id = 1, username = 'anna';\nINSERT INTO `logs` SET id = 1;\n";
    deployment.write("dump.sql", sql);
    assert_eq!(deployment.run(&["import", "datepoll", "dump.sql"]).counts(), [0, 0, 1]);
}
