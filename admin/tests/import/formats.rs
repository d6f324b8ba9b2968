//! One database in each format that its tools write: the users are the same.

use std::fs;

use serde_json::{Value, json};

use crate::Deployment;

const HASH: &str = "pbkdf2_sha256$600000$abcdefghijklmnop$2Q1YqRMJyjqg2AY21ZFOi4LoJwz+92EwDWQ26+3qExI=";
const BCRYPT: &str = "$2y$10$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W";
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/freesewing.key");
const VERSION_2: &str = include_str!("../data/freesewing-v2.jsonl");

/// The users that an import of this file puts into an empty table, without what depends on the time.
async fn imported(arguments: &[&str], bytes: &[u8]) -> Vec<Value> {
    let deployment = Deployment::start().await;
    fs::write(deployment.path("dump"), bytes).unwrap();
    let output = deployment.run(&[&["import", arguments[0], "dump"], &arguments[1..]].concat());
    assert_eq!(output.code, Some(0), "{} {}", output.out, output.err);
    let without_times = |line: &str| {
        let mut user: Value = serde_json::from_str(line).unwrap();
        for member in ["epoch", "sessions_ended_at", "updated_at"] {
            user.as_object_mut().unwrap().remove(member);
        }
        user
    };
    deployment.export().lines().map(without_times).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dumpdata_of_django_is_the_same_in_json_xml_and_yaml() {
    let json = json!([
        {"model": "auth.group", "pk": 1, "fields": {"name": "staff", "permissions": []}},
        {"model": "auth.user", "pk": 7, "fields": {"password": HASH, "last_login": null, "is_superuser": false,
            "username": "1e5", "first_name": "Zo\u{eb} <&>", "last_name": "null", "email": "zoe@example.com",
            "is_staff": false, "is_active": false, "date_joined": "2022-11-19T18:15:22.642Z", "groups": [1],
            "user_permissions": []}},
    ]);
    let yaml = format!(
        "- model: auth.group\n  pk: 1\n  fields:\n    name: staff\n    permissions: []\n- model: auth.user\n  pk: 7\n  \
         fields:\n    password: {HASH}\n    last_login: null\n    is_superuser: false\n    username: 1e5\n    \
         first_name: \"Zo\\xEB <&>\"\n    last_name: 'null'\n    email: zoe@example.com\n    is_staff: false\n    \
         is_active: false\n    date_joined: 2022-11-19 18:15:22.642000+00:00\n    groups:\n    - 1\n    \
         user_permissions: []\n"
    );
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<django-objects version=\"1.0\"><object model=\"auth.group\" pk=\"1\">\
         <field name=\"name\" type=\"CharField\">staff</field></object><object model=\"auth.user\" pk=\"7\">\
         <field name=\"password\" type=\"CharField\">{HASH}</field><field name=\"last_login\" type=\"DateTimeField\">\
         <None></None></field><field name=\"username\" type=\"CharField\">1e5</field><field name=\"first_name\" \
         type=\"CharField\">Zo\u{eb} &lt;&amp;&gt;</field><field name=\"last_name\" type=\"CharField\">null</field>\
         <field name=\"email\" type=\"CharField\">zoe@example.com</field><field name=\"is_active\" \
         type=\"BooleanField\">False</field><field name=\"date_joined\" type=\"DateTimeField\">\
         2022-11-19T18:15:22.642000+00:00</field><field name=\"groups\" rel=\"ManyToManyRel\" to=\"auth.group\">\
         <object pk=\"1\"></object></field></object></django-objects>"
    );
    let expected = imported(&["django"], json.to_string().as_bytes()).await;
    assert_eq!((expected[0]["id"].clone(), expected[0]["status"].clone()), (json!(7), json!("disabled")));
    assert_eq!(expected[0]["attributes"]["email"]["last_name"], "null");
    for other in [yaml, xml] {
        assert_eq!(imported(&["django"], other.as_bytes()).await, expected, "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn export_of_mariadb_is_the_same_in_xml_json_and_tabs() {
    let table = format!(
        "<row><field name=\"id\">33</field><field name=\"username\">\"st\" &amp; huber</field>\
         <field name=\"password\">{BCRYPT}</field><field name=\"activated\">1</field>\
         <field name=\"firstname\">a\\b\tc</field><field name=\"surname\" xsi:nil=\"true\" />\
         <field name=\"created_at\">2022-11-19 18:15:22</field></row>"
    );
    let dump = format!(
        "<?xml version=\"1.0\"?>\n<mysqldump xmlns:xsi=\"x\">\n<database name=\"d\">\n<table_data name=\"user_email_addresses\"><row>\
         <field name=\"id\">1</field><field name=\"user_id\">9</field></row></table_data><table_data name=\"users\">{table}</table_data>\n</database>\n\
         </mysqldump>\n"
    );
    let query = format!(
        "<?xml version=\"1.0\"?>\n\n<resultset statement=\"x\" xmlns:xsi=\"x\">{table}</resultset>\n"
    );
    let row = json!({"id": "33", "username": "\"st\" & huber", "password": BCRYPT, "activated": "1",
        "firstname": "a\\b\tc", "surname": null, "created_at": "2022-11-19 18:15:22"});
    let phpmyadmin = format!(
        "[\n{{\"type\":\"header\",\"version\":\"5.2.1\",\"comment\":\"Export to JSON plugin for phpMyAdmin\"}},\n\
         {{\"type\":\"database\",\"name\":\"d\"}},\n{{\"type\":\"table\",\"name\":\"user_email_addresses\",\"database\":\"d\",\"data\":\n[\n\
         {{\"id\":\"1\",\"user_id\":\"9\"}}\n]\n}},\n{{\"type\":\"table\",\"name\":\"users\",\"database\":\"d\",\"data\":\n[\n{row}\n]\n}}\n]\n"
    );
    let batch = format!(
        "id\tusername\tpassword\tactivated\tfirstname\tsurname\tcreated_at\n\
         33\t\"st\" & huber\t{BCRYPT}\t1\ta\\\\b\\tc\tNULL\t2022-11-19 18:15:22\n"
    );
    let expected = imported(&["datepoll"], row.to_string().as_bytes()).await;
    assert_eq!(expected[0]["attributes"]["email"], json!({"first_name": "a\\b\tc"}));
    for other in [dump, query, phpmyadmin] {
        assert_eq!(imported(&["datepoll"], other.as_bytes()).await, expected, "{other}");
    }
    assert_eq!(imported(&["datepoll", "--written-by", "mysql"], batch.as_bytes()).await, expected);
    // A field that begins with a quote may be a spreadsheet's, and hold rows that its user typed.
    let deployment = Deployment::start().await;
    deployment.write("users.tsv", &batch);
    let output = deployment.run(&["import", "datepoll", "users.tsv"]);
    assert!(output.code == Some(1) && output.err.contains("--written-by"), "{} {}", output.out, output.err);
    assert!(deployment.users().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_freesewing_version_2_get_new_ids() {
    let users = imported(&["freesewing", "--new-ids", "--encryption-key", KEY], VERSION_2.as_bytes()).await;
    let shown = |user: &Value| {
        json!([
            user["id"],
            user["source_id"],
            user["username"],
            user["email"],
            user["status"],
            user["last_sign_in"]
        ])
    };
    assert_eq!(
        users.iter().map(shown).collect::<Vec<_>>(),
        [
            ("0", "jimmy", "Jimmy@example.com", "active"),
            ("1", "waiting", "waiting@example.com", "not_activated"),
            ("2", "frozen", "frozen@example.com", "disabled"),
            ("3", "blocked", "blocked@example.com", "blocked"),
        ]
        .map(|(digit, name, email, status)| {
            let id = digit.parse::<u64>().unwrap() + 1;
            json!([
                id,
                format!("5e8f8c1d2f0a4b0017c0ffe{digit}"),
                name,
                email,
                status,
                "2020-05-01T10:00:00.000Z"
            ])
        })
    );
    assert!(users[0]["password_hash"].as_str().unwrap().starts_with("$2a$10$"));
    assert_eq!(
        users[0]["attributes"]["mfa"],
        json!({"bio": "Ich n\u{e4}he \u{1f9f5}", "consent": 2, "github": "jimmysews", "imperial": true,
            "initial": "Jimmy@example.com", "language": "de", "newsletter": true, "patron": 8, "role": "user"})
    );

    let deployment = Deployment::start().await;
    deployment.write("users.json", VERSION_2);
    let output = deployment.run(&["import", "freesewing", "users.json", "--encryption-key", KEY]);
    assert_eq!((output.counts(), output.code), ([0, 0, 4], Some(1)), "{}", output.err);
    assert!(
        output.err.contains("`_id` is no whole number") && output.err.contains("--new-ids"),
        "{}",
        output.err
    );
    let wrong = deployment.write("wrong.key", "another passphrase\n");
    let wrong =
        ["import", "freesewing", "users.json", "--new-ids", "--encryption-key", wrong.to_str().unwrap()];
    let output = deployment.run(&wrong);
    assert!(
        output.code == Some(1) && output.err.contains("not one row decrypts. Nothing was imported"),
        "{}",
        output.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_of_freesewings_table_is_read() {
    let rows = include_str!("../data/freesewing.jsonl");
    let mut columns: Vec<String> = Vec::new();
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for row in &rows {
        columns.extend(row.as_object().unwrap().keys().cloned());
    }
    columns.sort();
    columns.dedup();
    // `sqlite3 -csv -header` writes null as an empty field.
    let field = |value: Option<&Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => format!("\"{}\"", text.replace('"', "\"\"")),
        Some(other) => other.to_string(),
    };
    let line = |row: &Value| columns.iter().map(|name| field(row.get(name))).collect::<Vec<_>>().join(",");
    let csv = format!("{}\n{}\n", columns.join(","), rows.iter().map(line).collect::<Vec<_>>().join("\n"));
    let expected =
        imported(&["freesewing", "--encryption-key", KEY], json!(rows).to_string().as_bytes()).await;
    assert_eq!(imported(&["freesewing", "--encryption-key", KEY], csv.as_bytes()).await, expected);
    assert_eq!(expected.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_a_program_logged_before_the_json_are_skipped_and_counted() {
    let deployment = Deployment::start().await;
    let log = "Loading settings\n[INFO] ready\n";
    let array = json!([{"model": "auth.user", "pk": 1, "fields": {"username": "anna", "password": HASH}}]);
    deployment.write("users.json", &format!("{log}{array}"));
    let output = deployment.run(&["import", "django", "users.json"]);
    assert_eq!((output.counts(), output.code), ([1, 0, 0], Some(0)), "{}", output.err);
    let remark = "skipped before the JSON: 2 lines";
    assert_eq!(output.json()["remarks"], json!([remark]));
    deployment.write(
        "users.jsonl",
        &format!("{log}{}\n{}\n", json!({"username": "ben"}), json!({"username": 7, "x": 1})),
    );
    let output = deployment.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!(
        (output.counts(), output.json()["remarks"].clone()),
        ([1, 0, 1], json!([remark])),
        "{}",
        output.err
    );
    assert!(output.err.contains("line 4 (username 7): rejected: "), "{}", output.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_in_another_encoding_is_read_where_it_is_named() {
    let deployment = Deployment::start().await;
    fs::write(deployment.path("users.csv"), b"username;email.first_name\nanna;Zo\xeb \x80\n").unwrap();
    let output = deployment.run(&["import", "csv", "users.csv"]);
    assert_eq!(output.counts(), [0, 0, 1], "{}", output.err);
    assert!(output.err.contains("--encoding windows-1252"), "{}", output.err);
    let output = deployment.run(&["import", "csv", "users.csv", "--encoding", "windows-1252"]);
    assert_eq!((output.counts(), output.code), ([1, 0, 0], Some(0)), "{}", output.err);
    assert!(deployment.export().contains("Zo\u{eb} \u{20ac}"), "{}", deployment.export());
    assert_eq!(deployment.run(&["import", "csv", "users.csv", "--encoding", "klingon"]).code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn null_in_quotes_is_a_name() {
    let csv = "id,username,password,email,first_name,last_name\n1,anna,,NULL,\"NULL\",\\N\n";
    let users = imported(&["django"], csv.as_bytes()).await;
    assert_eq!(users[0]["attributes"], json!({"email": {"first_name": "NULL"}}));
    // Nor is the word null in a format other than CSV.
    let row = json!({"id": 1, "username": "anna", "activated": 1, "firstname": "NULL", "surname": "\\N"});
    let users = imported(&["datepoll"], row.to_string().as_bytes()).await;
    assert_eq!(users[0]["attributes"]["email"], json!({"first_name": "NULL", "last_name": "\\N"}));
}
