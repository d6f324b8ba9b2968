//! Files that are compressed, of a spreadsheet, with null as a word, or of a format that is not read.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::{CliOutput, Deployment};

const COMPRESSED: [(&str, &[u8]); 3] = [
    ("gz", include_bytes!("../data/users.jsonl.gz")),
    ("xz", include_bytes!("../data/users.jsonl.xz")),
    ("zst", include_bytes!("../data/users.jsonl.zst")),
];

#[tokio::test(flavor = "multi_thread")]
async fn compressed_file_is_read_whatever_its_name_and_from_standard_input_too() {
    for (kind, bytes) in COMPRESSED {
        let deployment = Deployment::start().await;
        fs::write(deployment.path("users"), bytes).unwrap();
        let output = deployment.run(&["import", "jsonl", "users"]);
        assert_eq!((output.counts(), output.code), ([3, 0, 0], Some(0)), "{kind}: {}", output.err);
        let mut command = deployment.command(&["import", "jsonl", "-"]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        let output = CliOutput::of(&child.wait_with_output().unwrap());
        assert_eq!((output.counts(), output.code), ([0, 3, 0], Some(0)), "{kind}: {}", output.err);

        fs::write(deployment.path("cut"), &bytes[..bytes.len() - 12]).unwrap();
        let output = deployment.run(&["import", "jsonl", "cut", "--dry-run"]);
        assert_ne!(output.code, Some(0), "{kind}, cut off: {}", output.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spreadsheet_in_utf_16_with_a_line_that_names_the_delimiter_is_read() {
    let deployment = Deployment::start().await;
    let text = "sep=;\r\nid;username;email\r\n1;J\u{fc}rgen;a@b.example\r\n2;\"an;na\";\r\n;;\r\n;;\r\n";
    for (name, little) in [("le.csv", true), ("be.csv", false)] {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        let bytes: Vec<u8> = units
            .flat_map(|unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect();
        fs::write(deployment.path(name), bytes).unwrap();
        let output = deployment.run(&["import", "csv", name]);
        assert_eq!(
            (output.counts()[2], output.json()["read"].clone()),
            (0, json!(2)),
            "{name}: {}",
            output.err
        );
    }
    assert_eq!(deployment.users(), [(1, "J\u{fc}rgen".to_owned()), (2, "an;na".to_owned())]);
}

/// The word that a database writes for null is no value, in each format that has CSV.
#[tokio::test(flavor = "multi_thread")]
async fn null_in_a_csv_is_no_value_in_every_format() {
    let hash = "pbkdf2_sha256$600000$abcdefghijklmnop$2Q1YqRMJyjqg2AY21ZFOi4LoJwz+92EwDWQ26+3qExI=";
    let django = format!(
        "id,username,password,email,first_name,last_name,avatar,last_login\n1,anna,{hash},NULL,NULL,\\N,NULL,\\N\n"
    );
    let own = "id,username,email,last_sign_in,email.first_name\n1,anna,NULL,\\N,NULL\n".to_owned();
    let datepoll =
        "id,username,password,activated,firstname,surname,email\n1,anna,NULL,1,NULL,\\N,NULL\n".to_owned();
    for (format, text) in [("django", django), ("csv", own), ("datepoll", datepoll)] {
        let deployment = Deployment::start().await;
        deployment.write("users.csv", &text);
        let output = deployment.run(&["import", format, "users.csv"]);
        assert_eq!((output.counts(), output.code), ([1, 0, 0], Some(0)), "{format}: {}", output.err);
        let export = deployment.export();
        assert!(!export.contains("NULL") && !export.contains("\\N"), "{format}: {export}");
        assert!(!export.contains("attributes"), "{format}: {export}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn format_that_is_not_read_is_named_with_a_remedy() {
    let deployment = Deployment::start().await;
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    for (bytes, words) in [
        (
            b"PGDMP\x01\x0e".to_vec(),
            "a custom-format archive of pg_dump: `pg_restore -f - dump | postern import",
        ),
        (b"SQLite format 3\0".to_vec(), "an SQLite database: `sqlite3 dump .dump | postern import"),
        (b"PK\x03\x04xl/workbook".to_vec(), "a zip archive or a spreadsheet: "),
        (b"BZh91AY".to_vec(), "`bunzip2 -c dump | postern import"),
        (tar.clone(), "a tar archive: `tar -xOf dump NAME | postern import"),
        (
            [b"toc.dat\0", &tar[8..]].concat(),
            "a tar archive of pg_dump: `pg_restore -f - dump | postern import",
        ),
        (
            b"\x2a\x01\0\0\x07_id\0xxxxxxxxxxxx".to_vec(),
            "BSON of mongodump: `bsondump --quiet dump | postern",
        ),
        (b"\x85\x01\x0c\x03abcdefgh".to_vec(), "encrypted with OpenPGP: `gpg -d dump | postern import"),
        (b"\x8c\x0d\x04\x09\x03\x02abcd".to_vec(), "encrypted with OpenPGP: `gpg -d dump | postern import"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----".to_vec(), "encrypted with age: `age -d dump | postern import"),
        (b"<!doctype HTML><p>".to_vec(), "a web page: "),
    ] {
        fs::write(deployment.path("dump"), &bytes).unwrap();
        for format in ["django", "datepoll", "csv", "jsonl"] {
            let output = deployment.run(&["import", format, "dump"]);
            assert_eq!(output.code, Some(1), "{format}: {}", output.out);
            assert!(output.err.contains(words), "{format}: {}", output.err);
        }
    }
    fs::write(deployment.path("the dump's"), b"age-encryption.org/v1\n").unwrap();
    let output = deployment.run(&["import", "django", "the dump's"]);
    assert!(output.err.contains(r"`age -d 'the dump'\\''s' | postern import"), "{}", output.err);
    fs::create_dir(deployment.path("folder")).unwrap();
    let output = deployment.run(&["import", "django", "folder"]);
    assert!(output.err.contains("folder is a directory: name the file in it"), "{}", output.err);
    fs::write(deployment.path("folder/toc.dat"), "PGDMP").unwrap();
    let output = deployment.run(&["import", "django", "folder"]);
    assert!(output.err.contains("`pg_restore -f - folder | postern import"), "{}", output.err);
    // The file is no CSV, so the message does not mention its header.
    fs::write(deployment.path("dump"), b"\x00\x01\x02\xff binary").unwrap();
    let output = deployment.run(&["import", "csv", "dump"]);
    assert!(output.code == Some(1) && !output.err.contains("its header"), "{}", output.err);
}

/// A whole JSON array may be one line.
#[tokio::test(flavor = "multi_thread")]
async fn rejected_row_of_a_one_line_array_is_named_by_its_position_and_key() {
    let deployment = Deployment::start().await;
    let rows =
        json!([{"id": 1, "username": "a"}, {"id": 7, "username": ""}, {"username": "b", "x": 1}, {"x": 1}]);
    deployment.write("users.json", &rows.to_string());
    let output = deployment.run(&["import", "jsonl", "users.json"]);
    assert_eq!(output.counts(), [1, 0, 3], "{}", output.err);
    for words in [
        "line 1, element 2 (id 7): rejected: ",
        "line 1, element 3 (username b): rejected: ",
        "line 1, element 4: rejected: ",
    ] {
        assert!(output.err.contains(words), "{words} {}", output.err);
    }
}

/// A run that stops early has not read the end of the file.
#[tokio::test(flavor = "multi_thread")]
async fn table_that_becomes_unreachable_is_named_and_the_end_of_the_file_is_not_judged() {
    let deployment = Deployment::start().await;
    let rows: String = (0..20_000).map(|id| format!("{},user{id}\n", id + 1)).collect();
    deployment.write("users.csv", &format!("id,username\n{}", rows.trim_end()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    let words = ["--table", "postern", "--endpoint-url", "http://127.0.0.1:9", "import", "csv", "users.csv"];
    let output = CliOutput::of(&command.args(words).current_dir(&deployment.directory).output().unwrap());
    assert_eq!(output.code, Some(6), "{}", output.err);
    let text = output.out + &output.err;
    assert!(text.contains("tried http://127.0.0.1:9; --endpoint-url"), "{text}");
    assert!(!text.contains("does not end with a line break"), "{text}");
}
