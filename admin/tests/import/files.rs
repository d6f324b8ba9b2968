//! Files that are broken, of another format, or in the way; who may read what is written.

use std::fs;

use crate::{Stand, rejected};

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_are_kept() {
    let stand = Stand::start().await;
    stand.write(
        "users.jsonl",
        "{\"id\":1,\"username\":\"anna\"}\n\nnonsense\n{\"id\":2,\"username\":\"bert\",\"pasword\":\"x\"}\n\
         {\"id\":3,\"username\":\"33\"}\n{\"id\":4,\"username\":\"d\",\"email\":\"nobody\"}\n{\"id\":5,\"username\":\"e",
    );
    let said = stand.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((said.counts(), said.code), ([1, 0, 5], Some(5)), "{}", said.err);
    let path = stand.path("users.jsonl.rejected.jsonl");
    let lines: Vec<u64> = rejected(&path).into_iter().map(|row| row.0).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7]);
    assert!(fs::read_to_string(&path).unwrap().contains(r#""row":{"id":2,"#));
    assert_eq!(mode(&path), 0o600);

    // The next run tells anew, and leaves no file where nothing was rejected.
    stand.write("users.jsonl", "{\"id\":1,\"username\":\"anna\"}\n");
    let said = stand.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((said.counts(), said.code), ([0, 1, 0], Some(0)));
    assert!(!path.exists());

    // Somebody else's file stays.
    stand.write("users.jsonl.rejected.jsonl", "precious\n");
    let said = stand.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!(said.code, Some(2), "{}", said.out);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious\n");
    assert_eq!(stand.run(&["import", "jsonl", "users.jsonl", "--rejected", "users.jsonl"]).code, Some(2));
    let said = stand.run(&["import", "jsonl", "users.jsonl", "--rejected", "elsewhere"]);
    assert_eq!(said.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_that_cannot_be_verified() {
    let stand = Stand::start().await;
    let tail = "$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    stand.write(
        "users.csv",
        &format!(
            "id,username,password_hash\n1,a,\"$argon2id$v=19$m=19456,t=2,p=1{tail}\"\n\
             2,b,\"$argon2id$v=19$m=9999999,t=2,p=1{tail}\"\n3,c,5f4dcc3b5aa765d61d8327deb882cf99\n"
        ),
    );
    let said = stand.run(&["import", "csv", "users.csv"]);
    assert_eq!((said.counts(), said.code), ([1, 0, 2], Some(5)), "{}", said.err);
    assert_eq!(
        said.json()["rejected_by_reason"],
        serde_json::json!({"hash too dear": 1, "unusable hash": 1})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_break_off() {
    let stand = Stand::start().await;
    let user = |id: u64| {
        format!(r#"{{"model":"auth.user","pk":{id},"fields":{{"username":"user{id}","password":"!"}}}}"#)
    };
    stand.write("dump.json", &format!("[\n{},\n{},\n{{\"model\":\"auth", user(1), user(2)));
    let said = stand.run(&["import", "django", "dump.json"]);
    assert_eq!((said.counts(), said.code), ([2, 0, 1], Some(5)), "{}", said.err);
    assert_eq!(rejected(&stand.path("dump.json.rejected.jsonl"))[0].0, 4);

    stand.write("users.csv", "id,username,email\n11,eleven,\n12,tw");
    let said = stand.run(&["import", "csv", "users.csv"]);
    assert_eq!((said.counts(), said.code), ([1, 0, 1], Some(5)), "{}", said.err);
    assert!(said.out.contains("does not end with a line break"), "{}", said.out);

    // A quote that is left open takes the rest of the file for one field.
    let rest = "13,thirteen,a@example.com\n".repeat(400_000);
    stand.write("quote.csv", &format!("id,username,email\n14,fourteen,\n15,\"fifteen,\n{rest}"));
    let said = stand.run(&["import", "csv", "quote.csv"]);
    assert_eq!((said.counts(), said.code), ([1, 0, 1], Some(5)), "{}", said.err);
    assert!(said.err.contains("line 3: rejected"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_that_is_left_open_swallows_nobody() {
    let stand = Stand::start().await;
    stand.write(
        "users.csv",
        "id,username,email,mfa.bio\r\n1,anna,,\r\n2,bert,,\"I am tall\r\n3,carl,,\r\n4,dora,,\r\n",
    );
    let said = stand.run(&["import", "csv", "users.csv"]);
    assert_eq!((said.counts(), said.code), ([1, 0, 1], Some(5)), "{}", said.err);
    assert!(said.err.contains("line 3: rejected: a quote is left open"), "{}", said.err);
    assert_eq!(stand.users(), [(1, "anna".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_another_format() {
    let stand = Stand::start().await;
    stand.write("users.csv", "id,username,emial\n1,a,\n");
    stand.write("users.jsonl", "{\"id\":1,\"name\":\"a\"}\n");
    stand.write("empty", "");
    for (arguments, says) in [
        (["csv", "users.csv"], "`emial` is not known"),
        (["csv", "empty"], "it is empty"),
        (["jsonl", "users.csv"], "does not begin with a JSON"),
        (["django", "users.csv"], "needs the columns `password`"),
        (["django", "users.jsonl"], "none of its models"),
        (["datepoll", "users.csv"], "no column `password`"),
        (["jsonl", "missing"], "cannot be read"),
    ] {
        let said = stand.run(&[&["import"], &arguments[..]].concat());
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(said.err.contains(says), "{arguments:?}: {}", said.err);
    }
    // Not one row can be imported.
    let said = stand.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((said.counts(), said.code), ([0, 0, 1], Some(1)), "{}", said.err);
    assert!(stand.users().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_are_private_and_whole() {
    let stand = Stand::start().await;
    stand.write("users.csv", "username\nanna\n");
    stand.run(&["import", "csv", "users.csv"]);
    let said = stand.run(&["export", "out.jsonl"]);
    assert_eq!((said.code, said.json()["exported"].as_u64()), (Some(0), Some(1)));
    let path = stand.path("out.jsonl");
    assert_eq!((fs::read_to_string(&path).unwrap(), mode(&path)), (stand.export(), 0o600));
    fs::write(&path, "precious").unwrap();
    assert_eq!(stand.run(&["export", "out.jsonl"]).code, Some(2));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(stand.run(&["export", "out.jsonl", "--force"]).code, Some(0));
    assert_eq!((fs::read_to_string(&path).unwrap(), mode(&path)), (stand.export(), 0o600));
    let names: Vec<_> =
        fs::read_dir(&stand.directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o777
}
