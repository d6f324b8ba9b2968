//! Two products with the same people: the second one's users are joined to those of the first by e-mail
//! address.

use serde_json::{Value, json};

use crate::Deployment;

const FIRST: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const SECOND: &str = "$2b$04$abcdefghijklmnopqrstuuv.XF2ISziCQv1iCAGmcPqBmhKgkUr7O";

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| row.to_string() + "\n").collect()
}

fn user(deployment: &Deployment, id: u64) -> Value {
    let export = deployment.export();
    let mut users = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    users.find(|user| user["id"] == json!(id)).unwrap()
}

/// Anna is in both, with her address in two spellings. Ben is disabled in the first. Carl is in the second
/// only.
async fn deployment() -> Deployment {
    let deployment = Deployment::start().await;
    let first = [
        json!({"id": 1, "username": "anna", "email": "Anna@M\u{fc}nchen.example", "password_hash": FIRST,
            "last_sign_in": "2024-01-01T00:00:00Z", "attributes": {"email": {"first_name": "Anna"}}}),
        json!({"id": 2, "username": "ben", "email": "ben@example.com", "password_hash": FIRST, "status": "disabled",
            "mfa_secret": "KBTSKUKRDJPEGCZK"}),
    ];
    deployment.write("first.jsonl", &lines(&first));
    assert_eq!(deployment.run(&["import", "jsonl", "first.jsonl"]).counts(), [2, 0, 0]);
    let second = [
        json!({"id": 1, "username": "anna_b", "email": "anna@xn--mnchen-3ya.example", "password_hash": SECOND,
            "last_sign_in": "2025-01-01T00:00:00Z", "mfa_secret": "GEZDGNBVGY3TQOJQ",
            "attributes": {"email": {"first_name": "A.", "last_name": "Berg"}, "mfa": {"bio": "sews"}}}),
        json!({"id": 7, "username": "ben", "email": "ben@example.com", "password_hash": SECOND,
            "mfa_secret": "GEZDGNBVGY3TQOJQ"}),
        json!({"id": 8, "username": "carl", "email": "carl@example.com", "password_hash": SECOND}),
    ];
    deployment.write("second.jsonl", &lines(&second));
    deployment
}

#[tokio::test(flavor = "multi_thread")]
async fn second_source_without_match_is_rejected() {
    let deployment = deployment().await;
    let before = user(&deployment, 1);
    assert_eq!(deployment.run(&["import", "jsonl", "second.jsonl", "--new-ids"]).counts(), [1, 0, 2]);
    assert_eq!(user(&deployment, 1), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn match_by_email_adds_what_the_user_lacks_and_weakens_nothing() {
    let deployment = deployment().await;
    let (anna, ben) = (user(&deployment, 1), user(&deployment, 2));
    let words = ["import", "jsonl", "second.jsonl", "--new-ids", "--match", "email"];
    let dry = deployment.run(&[&words[..], &["--dry-run"]].concat());
    assert_eq!((dry.counts(), &dry.json()["joined"]), ([1, 0, 0], &json!(2)), "{}", dry.err);
    assert_eq!(
        (user(&deployment, 1), user(&deployment, 2)),
        (anna.clone(), ben.clone()),
        "a dry run writes nothing"
    );

    let output = deployment.run(&words);
    assert_eq!((output.counts(), &output.json()["joined"]), ([1, 0, 0], &json!(2)), "{}", output.err);
    let anna_takes = "line 1: joined: anna_b is user 1, who takes the username, the source id, attributes, MFA; all sessions end\n";
    assert!(output.err.contains(anna_takes), "{}", output.err);
    assert!(
        output.err.contains(
            "ben is user 2, who takes the source id; the user stays disabled, the row says active\n"
        ),
        "{}",
        output.err
    );
    let joined = user(&deployment, 1);
    assert_eq!(
        joined["attributes"],
        json!({
            "email": {"first_name": "Anna", "last_name": "Berg"}, "mfa": {"bio": "sews"},
        })
    );
    assert_eq!(joined["mfa_secret"], json!("GEZDGNBVGY3TQOJQ"));
    for member in ["username", "email", "password_hash", "status", "last_sign_in"] {
        assert_eq!(joined[member], anna[member], "{member}");
    }
    assert_eq!(joined["epoch"], json!(anna["epoch"].as_u64().unwrap() + 1), "MFA ends all sessions");
    assert_eq!((&joined["other_usernames"], &joined["source_id"]), (&json!(["anna_b"]), &json!("1")));
    assert_eq!(user(&deployment, 2)["source_id"], json!("7"));
    for member in ["status", "mfa_secret", "epoch", "password_hash", "username", "attributes"] {
        assert_eq!(user(&deployment, 2)[member], ben[member], "disabled, and with the first authenticator");
    }
    for (name, id) in [("anna", 1), ("ANNA_B", 1), ("source:7", 2), ("ben", 2)] {
        let shown = deployment.run(&["user", "show", name]);
        assert_eq!(shown.json()["id"], json!(id), "{name}: {}", shown.err);
    }

    let table = deployment.export();
    let again = deployment.run(&words);
    // Ben has the names and the source id of the row by now.
    assert_eq!((again.counts(), &again.json()["joined"]), ([0, 2, 0], &json!(1)), "{}", again.err);
    assert_eq!(deployment.export(), table);
    let map = std::fs::read_to_string(deployment.path("second.jsonl.ids.csv")).unwrap();
    assert!(map.contains("1,1\n") && map.contains("7,2\n"), "{map}");
}

#[tokio::test(flavor = "multi_thread")]
async fn newest_password_is_of_the_last_sign_in_and_ends_all_sessions() {
    let deployment = deployment().await;
    let (anna, ben) = (user(&deployment, 1), user(&deployment, 2));
    let words =
        ["import", "jsonl", "second.jsonl", "--new-ids", "--match", "email", "--match-password", "newest"];
    assert_eq!(deployment.run(&words).json()["joined"], json!(2));
    let joined = user(&deployment, 1);
    assert_eq!(joined["password_hash"], json!(SECOND));
    assert!(joined["epoch"].as_u64() > anna["epoch"].as_u64());
    assert_eq!(user(&deployment, 2)["password_hash"], ben["password_hash"], "nobody knows which is newer");
    let table = deployment.export();
    deployment.run(&words);
    assert_eq!(deployment.export(), table);
}

#[tokio::test(flavor = "multi_thread")]
async fn joined_usernames_are_deleted_with_their_user_only() {
    let deployment = deployment().await;
    let other = json!({"id": 3, "username": "ANNA_B"});
    deployment.write("other.jsonl", &lines(&[other]));
    deployment.run(&["import", "jsonl", "other.jsonl"]);
    let words = ["import", "jsonl", "second.jsonl", "--new-ids", "--match", "email"];
    let output = deployment.run(&words);
    assert!(output.err.contains("; the username is user 3's, and stays that"), "{}", output.err);
    assert_eq!(user(&deployment, 1)["other_usernames"], Value::Null);
    assert_eq!(deployment.run(&["user", "delete", "3", "--yes"]).code, Some(0));
    assert!(deployment.run(&words).err.contains("anna_b is user 1, who takes the username"));

    let export = deployment.export();
    let copy = Deployment::start().await;
    copy.write("all.jsonl", &export);
    assert_eq!(copy.run(&["import", "jsonl", "all.jsonl"]).code, Some(0));
    assert_eq!(copy.export(), export);
    assert_eq!(copy.run(&["import", "jsonl", "all.jsonl"]).counts(), [0, 3, 0]);
    assert_eq!(copy.run(&["user", "delete", "anna_b", "--yes"]).code, Some(0));
    copy.write("again.jsonl", &lines(&[json!({"id": 9, "username": "anna_b"})]));
    assert_eq!(copy.run(&["import", "jsonl", "again.jsonl"]).counts(), [1, 0, 0], "the name is free");
}

/// A username that looks like an e-mail address is none.
#[tokio::test(flavor = "multi_thread")]
async fn address_that_is_another_users_username_joins_nobody() {
    let deployment = Deployment::start().await;
    let first = json!({"id": 1, "username": "anna@example.com", "email": "other@example.com"});
    deployment.write("first.jsonl", &lines(&[first]));
    deployment.run(&["import", "jsonl", "first.jsonl"]);
    let second = json!({"id": 2, "username": "anna", "email": "anna@example.com", "password_hash": SECOND});
    deployment.write("second.jsonl", &lines(&[second]));
    let output = deployment.run(&["import", "jsonl", "second.jsonl", "--match", "email"]);
    assert_eq!((output.counts(), &output.json()["joined"]), ([0, 0, 1], &json!(0)), "{}", output.err);
}

/// The e-mail address of a row that is not activated is not verified.
#[tokio::test(flavor = "multi_thread")]
async fn user_who_is_not_activated_is_joined_to_nobody_and_no_secret_of_a_blocked_row_is_taken() {
    let deployment = Deployment::start().await;
    let one = |id: u64, status: &str| json!({"id": id, "username": format!("u{id}"), "email": format!("{id}@example.com"), "status": status});
    deployment.write("first.jsonl", &lines(&[one(1, "active"), one(2, "not_activated"), one(3, "active")]));
    deployment.run(&["import", "jsonl", "first.jsonl"]);
    let before = deployment.export();
    let row = |id: u64, status: &str| {
        json!({"username": format!("v{id}"), "email": format!("{id}@example.com"), "status": status,
            "password_hash": SECOND, "mfa_secret": "GEZDGNBVGY3TQOJQ", "last_sign_in": "2025-01-01T00:00:00Z"})
    };
    let words = ["import", "jsonl", "second.jsonl", "--match", "email", "--match-password", "newest"];
    deployment.write("second.jsonl", &lines(&[row(1, "not_activated"), row(2, "active")]));
    let output = deployment.run(&words);
    assert_eq!((output.counts(), &output.json()["joined"]), ([0, 0, 2], &json!(0)), "{}", output.err);
    assert_eq!(deployment.export(), before);
    deployment.write("second.jsonl", &lines(&[row(3, "blocked")]));
    assert_eq!(deployment.run(&words).json()["joined"], json!(1));
    let joined = user(&deployment, 3);
    for secret in ["password_hash", "mfa_secret"] {
        assert_eq!(joined[secret], Value::Null, "{secret}");
    }
}

/// After a join, the first product's file still has the same users.
#[tokio::test(flavor = "multi_thread")]
async fn first_product_imported_again_after_a_join_is_already_there() {
    let deployment = Deployment::start().await;
    let rows =
        |id: u64, username: &str| lines(&[json!({"id": id, "username": username, "email": "a@example.com"})]);
    deployment.write("one.jsonl", &rows(7001, "ida"));
    deployment.write("two.jsonl", &rows(9, "ida2"));
    assert_eq!(deployment.run(&["import", "jsonl", "one.jsonl", "--new-ids"]).counts(), [1, 0, 0]);
    let two = ["import", "jsonl", "two.jsonl", "--new-ids", "--match", "email"];
    assert_eq!(deployment.run(&two).json()["joined"], json!(1));
    assert_eq!(deployment.run(&["import", "jsonl", "one.jsonl", "--new-ids"]).counts(), [0, 1, 0]);
    let map = std::fs::read_to_string(deployment.path("one.jsonl.ids.csv")).unwrap();
    assert!(map.contains("7001,1\n"), "{map}");
}

/// Somebody else may know such a password.
#[tokio::test(flavor = "multi_thread")]
async fn password_that_must_be_changed_in_its_product_must_be_changed_after_the_join() {
    let rows = |email: &str, password: &str, must_change: bool, last: &str| {
        let name = format!("{last}-{email}");
        json!({"username": name, "email": email, "password_hash": password, "must_change_password": must_change,
            "last_sign_in": format!("{last}-01-01T00:00:00Z")})
    };
    for (first, first_must, second_must, must) in [
        (None, false, true, true),
        (Some(FIRST), false, true, true),
        (Some(FIRST), true, false, true),
        (None, false, false, false),
    ] {
        let deployment = Deployment::start().await;
        let mut row = rows("a@example.com", FIRST, first_must, "2024");
        row["password_hash"] = json!(first);
        deployment.write("first.jsonl", &lines(&[row]));
        deployment.write("second.jsonl", &lines(&[rows("a@example.com", SECOND, second_must, "2025")]));
        assert_eq!(deployment.run(&["import", "jsonl", "first.jsonl"]).counts(), [1, 0, 0]);
        let words = ["import", "jsonl", "second.jsonl", "--match", "email", "--match-password", "newest"];
        assert_eq!(deployment.run(&words).json()["joined"], json!(1));
        let joined = user(&deployment, 1);
        assert_eq!(joined["password_hash"], json!(SECOND));
        assert_eq!(joined["must_change_password"], json!(must), "{first:?} {first_must} {second_must}");
    }
    // A password that stays does not have to be changed because of another one.
    let deployment = Deployment::start().await;
    deployment.write("first.jsonl", &lines(&[rows("a@example.com", FIRST, false, "2025")]));
    deployment.write("second.jsonl", &lines(&[rows("a@example.com", SECOND, true, "2024")]));
    assert_eq!(deployment.run(&["import", "jsonl", "first.jsonl"]).counts(), [1, 0, 0]);
    assert_eq!(
        deployment.run(&["import", "jsonl", "second.jsonl", "--match", "email"]).json()["joined"],
        json!(1)
    );
    let joined = user(&deployment, 1);
    assert_eq!((&joined["password_hash"], &joined["must_change_password"]), (&json!(FIRST), &json!(false)));
}

/// The digests hold the id that the user has in the other product.
#[tokio::test(flavor = "multi_thread")]
async fn mfa_of_a_joined_row_is_taken_without_its_recovery_codes_and_with_a_warning() {
    let deployment = Deployment::start().await;
    deployment.write("first.jsonl", &lines(&[json!({"username": "ida", "email": "a@example.com"})]));
    let row = json!({"id": 9, "username": "ida2", "email": "a@example.com", "mfa_secret": "GEZDGNBVGY3TQOJQ",
        "recovery_codes": ["0".repeat(64)]});
    deployment.write("second.jsonl", &lines(&[row]));
    assert_eq!(deployment.run(&["import", "jsonl", "first.jsonl"]).counts(), [1, 0, 0]);
    let output = deployment.run(&["import", "jsonl", "second.jsonl", "--match", "email"]);
    assert!(output.err.contains("MFA is on; the recovery codes are not imported"), "{}", output.err);
    assert_eq!(user(&deployment, 1)["recovery_codes"], Value::Null);
}

/// A digest that is fast to guess gets its layer only if it is taken. A dry run reports the same.
#[tokio::test(flavor = "multi_thread")]
async fn fast_digest_of_a_joined_row_is_taken_under_a_layer_once() {
    let deployment = Deployment::start().await;
    deployment.write("one.csv", "id,username,email,password\n1,ida,a@example.com,!\n");
    deployment.write(
        "two.csv",
        "id,username,email,password\n9,ida2,a@example.com,5f4dcc3b5aa765d61d8327deb882cf99\n",
    );
    assert_eq!(deployment.run(&["import", "django", "one.csv"]).counts(), [1, 0, 0]);
    let words = ["import", "django", "two.csv", "--new-ids", "--match", "email"];
    let takes = "ida2 is user 1, who takes the username, the source id, the password; all sessions end";
    for more in [&["--dry-run"][..], &[]] {
        let output = deployment.run(&[&words, more].concat());
        assert!(output.err.contains(takes), "{more:?}: {}", output.err);
    }
    let joined = user(&deployment, 1);
    assert!(joined["password_hash"].as_str().unwrap().starts_with("layered$md5-prefix$"), "{joined}");
    assert!(deployment.run(&words).err.contains("who takes nothing more"));
    assert_eq!(user(&deployment, 1), joined);
}
