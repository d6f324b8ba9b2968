//! Files that are broken, of another format, or exist already; and the permissions of written files.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::{CliOutput, Deployment, rejected};

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_go_to_a_private_file() {
    let deployment = Deployment::start().await;
    deployment.write(
        "users.jsonl",
        "{\"id\":1,\"username\":\"anna\"}\n\nnonsense\n{\"id\":2,\"username\":\"bert\",\"pasword\":\"x\"}\n\
         {\"id\":3,\"username\":\"3\\u0000\"}\n{\"id\":4,\"username\":\"d\",\"email\":\"nobody\"}\n{\"id\":5,\"username\":\"e",
    );
    let output = deployment.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((output.counts(), output.code), ([1, 0, 5], Some(5)), "{}", output.err);
    let path = deployment.path("users.jsonl.rejected.jsonl");
    let lines: Vec<u64> = rejected(&path).into_iter().map(|row| row.0).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7]);
    assert!(fs::read_to_string(&path).unwrap().contains(r#""row":{"id":2,"#));
    assert_eq!(mode(&path), 0o600);

    // The next run rejects nothing, and removes the file.
    deployment.write("users.jsonl", "{\"id\":1,\"username\":\"anna\"}\n");
    let output = deployment.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((output.counts(), output.code), ([0, 1, 0], Some(0)));
    assert!(!path.exists());

    // A file that no import wrote stays.
    deployment.write("users.jsonl.rejected.jsonl", "precious\n");
    let output = deployment.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!(output.code, Some(2), "{}", output.out);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious\n");
    assert_eq!(
        deployment.run(&["import", "jsonl", "users.jsonl", "--rejected", "users.jsonl"]).code,
        Some(2)
    );
    let output = deployment.run(&["import", "jsonl", "users.jsonl", "--rejected", "elsewhere"]);
    assert_eq!(output.code, Some(0));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn rejected_file_may_be_a_device_but_not_a_pipe_or_the_imported_file() {
    let deployment = Deployment::start().await;
    deployment.write("users.csv", "id,username\n1,anna\nx,bad\n");
    let run = |to: &str| deployment.run(&["import", "csv", "users.csv", "--rejected", to]);
    // A device is written to and stays.
    let output = run("/dev/null");
    assert_eq!((output.counts(), output.code), ([1, 0, 1], Some(5)), "{}", output.err);
    assert!(Path::new("/dev/null").exists());
    let output = run("/dev/full");
    assert_eq!((output.counts(), output.code), ([0, 1, 1], Some(1)), "{}", output.err);
    assert!(output.out.contains("/dev/full cannot be written: No space left"), "{}", output.out);
    // A path that rows cannot be written to is refused before the first row.
    assert!(Command::new("mkfifo").arg(deployment.path("pipe")).status().unwrap().success());
    for (to, code) in [("pipe", 2), (".", 2), ("nowhere/x", 1), ("./users.csv", 2)] {
        let output = run(to);
        assert_eq!((output.code, output.out.as_str()), (Some(code), ""), "{to}: {}", output.err);
    }
    // Rejected rows cannot go into the imported file, not by another spelling of its path, nor through a
    // link.
    deployment.run(&["import", "csv", "users.csv"]);
    let path = deployment.path("users.csv.rejected.jsonl");
    let before = fs::read_to_string(&path).unwrap();
    std::os::unix::fs::symlink(&path, deployment.path("link")).unwrap();
    for to in ["users.csv.rejected.jsonl", "./users.csv.rejected.jsonl", "link"] {
        let output = deployment.run(&["import", "jsonl", "users.csv.rejected.jsonl", "--rejected", to]);
        assert_eq!((output.code, fs::read_to_string(&path).unwrap()), (Some(2), before.clone()), "{to}");
    }
    // A pipe has no directory for the file, so the current one is used.
    let mut command = deployment.command(&["import", "csv", "/dev/stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // In two pieces. The first is less than a line.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"\xef\xbb\xbfid").unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    stdin.write_all(b";username\n2;bert\nx;bad\n").unwrap();
    drop(stdin);
    let output = CliOutput::of(&child.wait_with_output().unwrap());
    assert_eq!((output.counts(), output.code), ([1, 0, 1], Some(5)));
    assert_eq!(rejected(&deployment.path("stdin.rejected.jsonl"))[0].0, 3);
    let left: Vec<_> =
        fs::read_dir(&deployment.directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!left.iter().any(|path| path.extension().is_some_and(|end| end == "part")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_standard_error_does_not_stop_the_import() {
    let deployment = Deployment::start().await;
    let bad = "x,bad\n".repeat(2000);
    deployment.write("users.csv", &format!("id,username\n{bad}1,anna\n"));
    let mut command = deployment.command(&["import", "csv", "users.csv"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let output = CliOutput::of(&child.wait_with_output().unwrap());
    assert_eq!((output.counts(), output.code), ([1, 0, 2000], Some(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_of_a_file_are_escaped() {
    let deployment = Deployment::start().await;
    deployment.write("users.jsonl", "{\"username\":\"a\",\"x\\u001b[2J\":1}\n");
    deployment.write("users.csv", "username,\u{1b}[2J\n");
    for format in ["jsonl", "csv"] {
        let output = deployment.run(&["import", format, &format!("users.{format}")]);
        assert!(!output.err.contains('\u{1b}') && output.err.contains("[2J"), "{}", output.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hash_that_cannot_be_verified_is_rejected_with_reject_unusable() {
    let deployment = Deployment::start().await;
    let tail = "$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    deployment.write(
        "users.csv",
        &format!(
            "id,username,password_hash\n1,a,\"$argon2id$v=19$m=19456,t=2,p=1{tail}\"\n\
             2,b,\"$argon2id$v=19$m=9999999,t=2,p=1{tail}\"\n3,c,{{SSHA}}broken\n"
        ),
    );
    let output = deployment.run(&["import", "csv", "users.csv", "--reject-unusable"]);
    assert_eq!((output.counts(), output.code), ([1, 0, 2], Some(5)), "{}", output.err);
    assert_eq!(output.json()["rejected_by_reason"], json!({"hash too expensive": 1, "unusable hash": 1}));
    // Only imported hashes are counted.
    assert_eq!(output.json()["hashes"], json!({"argon2id": 1}));
    let again = deployment.run(&["import", "csv", "users.csv", "--reject-unusable"]);
    assert_eq!(again.json()["hashes"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_breaks_off_imports_the_rows_before() {
    let deployment = Deployment::start().await;
    let user = |id: u64| {
        format!(r#"{{"model":"auth.user","pk":{id},"fields":{{"username":"user{id}","password":"!"}}}}"#)
    };
    deployment.write("dump.json", &format!("[\n{},\n{},\n{{\"model\":\"auth", user(1), user(2)));
    let output = deployment.run(&["import", "django", "dump.json"]);
    assert_eq!((output.counts(), output.code), ([2, 0, 1], Some(5)), "{}", output.err);
    assert_eq!(rejected(&deployment.path("dump.json.rejected.jsonl"))[0].0, 4);
    let json = output.json();
    assert_eq!((&json["read"], &json["complete"]), (&json!(3), &json!(false)));
    assert!(json["remarks"][0].as_str().unwrap().contains("any further than line 4"), "{json}");

    deployment.write("users.csv", "id,username,email\n11,eleven,\n12,tw");
    let output = deployment.run(&["import", "csv", "users.csv"]);
    assert_eq!((output.counts(), output.code), ([1, 0, 1], Some(5)), "{}", output.err);
    assert!(output.out.contains("does not end with a line break"), "{}", output.out);

    // A quote that is left open takes the rest of the file for one field.
    let rest = "13,thirteen,a@example.com\n".repeat(400_000);
    deployment.write("quote.csv", &format!("id,username,email\n14,fourteen,\n15,\"fifteen,\n{rest}"));
    let output = deployment.run(&["import", "csv", "quote.csv"]);
    assert_eq!((output.counts(), output.code), ([1, 0, 1], Some(5)), "{}", output.err);
    assert!(output.err.contains("line 3: rejected: the row is over 4 MB"), "{}", output.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn quote_left_open_loses_no_row() {
    let deployment = Deployment::start().await;
    deployment.write(
        "users.csv",
        "id,username,email,mfa.bio\r\n1,anna,,\r\n2,bert,,\"I am tall\r\n3,carl,,\r\n4,dora,,\r\n",
    );
    let output = deployment.run(&["import", "csv", "users.csv"]);
    assert_eq!((output.counts(), output.code), ([1, 0, 1], Some(5)), "{}", output.err);
    assert!(output.err.contains("line 3: rejected: a quote is left open"), "{}", output.err);
    assert_eq!(deployment.users(), [(1, "anna".to_owned())]);

    // Nor if the quote of another row closes it.
    deployment.write(
        "users.csv",
        "id,username,email,mfa.bio\n2,bert,,\"I am tall\n3,carl,,\n4,dora,,\"I am not\"\n5,emil,,\n",
    );
    let output = deployment.run(&["import", "csv", "users.csv"]);
    assert_eq!((output.counts(), output.code), ([1, 0, 1], Some(5)), "{}", output.err);
    assert!(output.err.contains("line 2: rejected: something follows a quote"), "{}", output.err);
    let kept = fs::read_to_string(deployment.path("users.csv.rejected.jsonl")).unwrap();
    assert!(kept.contains("bert") && kept.contains("carl") && kept.contains("dora"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn file_of_another_format_is_refused() {
    let deployment = Deployment::start().await;
    deployment.write("users.csv", "id,username,emial\n1,a,\n");
    deployment.write("users.jsonl", "{\"id\":1,\"name\":\"a\"}\n");
    deployment.write("empty", "");
    for (arguments, says) in [
        (["csv", "users.csv"], "`emial` is not known"),
        (["csv", "empty"], "it is empty"),
        (["jsonl", "users.csv"], "does not begin with a JSON"),
        (["django", "users.csv"], "needs the columns `password`"),
        (["django", "users.jsonl"], "none of its models"),
        (["datepoll", "users.csv"], "no column `password`"),
        (["jsonl", "missing"], "cannot be read"),
    ] {
        let output = deployment.run(&[&["import"], &arguments[..]].concat());
        assert_eq!((output.code, output.out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(output.err.contains(says), "{arguments:?}: {}", output.err);
    }
    // Not one row can be imported.
    let output = deployment.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((output.counts(), output.code), ([0, 0, 1], Some(1)), "{}", output.err);
    assert!(deployment.users().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn export_is_private_and_replaced_only_with_force() {
    let deployment = Deployment::start().await;
    deployment.write("users.csv", "username\nanna\n");
    deployment.run(&["import", "csv", "users.csv"]);
    let output = deployment.run(&["export", "out.jsonl"]);
    assert_eq!((output.code, output.json()["exported"].as_u64()), (Some(0), Some(1)));
    let path = deployment.path("out.jsonl");
    assert_eq!((fs::read_to_string(&path).unwrap(), mode(&path)), (deployment.export(), 0o600));
    fs::write(&path, "precious").unwrap();
    assert_eq!(deployment.run(&["export", "out.jsonl"]).code, Some(2));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(deployment.run(&["export", "out.jsonl", "--force"]).code, Some(0));
    assert_eq!((fs::read_to_string(&path).unwrap(), mode(&path)), (deployment.export(), 0o600));
    let names: Vec<_> =
        fs::read_dir(&deployment.directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o777
}
