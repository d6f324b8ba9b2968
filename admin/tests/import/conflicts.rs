//! No user is overwritten, and no row is left out without a message.

use serde_json::json;

use crate::{Deployment, rejected};

#[tokio::test(flavor = "multi_thread")]
async fn id_or_name_taken_in_the_table_or_the_file_is_rejected() {
    let deployment = Deployment::start().await;
    deployment.write(
        "first.csv",
        "id,username,email\n1,anna,anna@example.com\n2,bert,bert@example.com\n3,carl@example.com,carl@example.com\n",
    );
    assert_eq!(deployment.run(&["import", "csv", "first.csv"]).counts(), [3, 0, 0]);
    let before = deployment.export();
    let second = deployment.write(
        "second.csv",
        "id,username,email\n\
         1,ANNA,Anna@Example.com\n\
         2,bertram,new@example.com\n\
         5,Bert,five@example.com\n\
         6,six,BERT@example.com\n\
         7,carl,carl@example.com\n\
         8,new1,\n\
         8,new2,\n\
         9,new1,\n\
         10,anna@example.com,\n\
         11,fine,fine@example.com\n",
    );
    let reasons = [
        (3, "the id 2 is another user's"),
        (4, "the username Bert is user 2's"),
        (5, "the e-mail address BERT@example.com is user 2's"),
        (6, "the e-mail address carl@example.com is user 3's"),
        (8, "the id 8 is in an earlier row of this file"),
        (9, "the username new1 is in an earlier row of this file"),
        // In the file's first row it is an e-mail address.
        (10, "the username anna@example.com is in an earlier row of this file"),
    ];
    let dry = deployment.run(&["import", "csv", "second.csv", "--dry-run"]);
    assert_eq!((dry.counts(), dry.code), ([2, 1, 7], Some(5)), "{}", dry.err);
    for ((line, reason), id) in reasons.iter().zip([2, 5, 6, 7, 8, 9, 10]) {
        assert!(dry.err.contains(&format!("line {line} (id {id}): rejected: {reason}\n")), "{}", dry.err);
    }
    assert_eq!(deployment.export(), before);
    assert!(!deployment.path("second.csv.rejected.jsonl").exists());

    let output = deployment.run(&["import", "csv", "second.csv"]);
    assert_eq!((output.counts(), output.code), ([2, 1, 7], Some(5)), "{}", output.err);
    assert_eq!(
        output.json()["rejected_by_reason"],
        json!({"taken by another user": 4, "twice in the file": 3})
    );
    let rows = rejected(&deployment.path("second.csv.rejected.jsonl"));
    assert_eq!(rows, reasons.map(|(line, reason)| (line, reason.to_owned())));
    let after = deployment.export();
    assert!(before.lines().all(|line| after.contains(line)));
    assert_eq!(deployment.users().len(), 5);

    let without = deployment.run(&["import", "csv", second.to_str().unwrap(), "--drop-taken-emails"]);
    assert_eq!((without.counts(), without.code), ([2, 3, 5], Some(5)), "{}", without.err);
    assert_eq!(without.json()["warnings"], json!({"e-mail address left out": 2}));
    let again = deployment.run(&["import", "csv", second.to_str().unwrap(), "--drop-taken-emails"]);
    assert_eq!(again.counts(), [0, 5, 5], "{}", again.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_row_does_not_conflict_with_later_rows() {
    let deployment = Deployment::start().await;
    deployment.write("first.csv", "id,username\n1,anna\n");
    deployment.run(&["import", "csv", "first.csv"]);
    deployment.write(
        "second.csv",
        "id,username,email\n1,other,other@example.com\n3,carl,Other@example.com\n4,dora,other@example.com\n",
    );
    for dry in [&["--dry-run"][..], &[]] {
        let output = deployment.run(&[&["import", "csv", "second.csv", "--drop-taken-emails"], dry].concat());
        assert_eq!((output.counts(), output.code), ([2, 0, 1], Some(5)), "{}", output.err);
        assert_eq!(output.json()["warnings"], json!({"e-mail address left out": 1}));
    }
    assert_eq!(deployment.store.user(3).await.unwrap().unwrap().email, "Other@example.com");
    assert_eq!(deployment.store.user(4).await.unwrap().unwrap().email, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_without_an_id_gets_the_next_id_once() {
    let deployment = Deployment::start().await;
    deployment.write("first.csv", "id,username,email\n5,anna,anna@example.com\n");
    deployment.run(&["import", "csv", "first.csv"]);
    deployment.write("more.jsonl", "{\"username\":\"bert\"}\n{\"username\":\"Anna\"}\n{\"username\":\"anna\",\"email\":\"anna@example.com\"}\n");
    let output = deployment.run(&["import", "jsonl", "more.jsonl"]);
    assert_eq!(output.counts(), [1, 1, 1], "{}", output.err);
    // A row with the address of a user is the same user. A row without it is not.
    deployment.write(
        "again.jsonl",
        "{\"username\":\"BERT\"}\n{\"username\":\"anna\",\"email\":\"anna@example.com\"}\n",
    );
    for _ in 0..2 {
        assert_eq!(deployment.run(&["import", "jsonl", "again.jsonl"]).counts(), [0, 2, 0]);
    }
    deployment.write("last.jsonl", "{\"username\":\"carl\"}\n");
    assert_eq!(deployment.run(&["import", "jsonl", "last.jsonl"]).counts(), [1, 0, 0]);
    let expected = [(5, "anna"), (6, "bert"), (7, "carl")].map(|(id, name)| (id, name.to_owned()));
    assert_eq!(deployment.users(), expected, "ids were used up by users who were there");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_row_of_a_batch_is_rejected_alone() {
    let deployment = Deployment::start().await;
    deployment.write("first.csv", "id,username\n17,seventeen\n");
    deployment.run(&["import", "csv", "first.csv"]);
    let mut rows: Vec<_> = (1..=33).map(|id| json!({"id": id, "username": format!("user{id}")})).collect();
    rows[4]["attributes"] = json!({"mfa": {"bio": "x".repeat(500_000)}});
    let text: Vec<String> = rows.iter().map(ToString::to_string).collect();
    deployment.write("users.jsonl", &text.join("\n"));
    let output = deployment.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!(output.counts(), [31, 0, 2], "{}", output.err);
    let rows = rejected(&deployment.path("users.jsonl.rejected.jsonl"));
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [5, 17]);
}

/// Many rows have the e-mail address of a user in the table. Each is rejected, or imported without it, and a
/// second run finds every user.
#[tokio::test(flavor = "multi_thread")]
async fn address_of_a_user_in_the_table_is_rejected_or_dropped_in_every_row() {
    let deployment = Deployment::start().await;
    deployment.write("first.csv", "id,username,email\n1,anna,shared@example.com\n");
    assert_eq!(deployment.run(&["import", "csv", "first.csv"]).counts(), [1, 0, 0]);
    let rows: String = (100..400).map(|id| format!("{id},user{id},shared@example.com\n")).collect();
    deployment.write("many.csv", &format!("id,username,email\n{rows}"));
    let output = deployment.run(&["import", "csv", "many.csv"]);
    assert_eq!(output.counts(), [0, 0, 300], "{}", output.err);
    assert_eq!(output.err.matches("the e-mail address shared@example.com is user 1's").count(), 300);
    for (how, counts) in
        [("--dry-run", [300, 0, 0]), ("--concurrency=4", [300, 0, 0]), ("--concurrency=1", [0, 300, 0])]
    {
        let output = deployment.run(&["import", "csv", "many.csv", "--drop-taken-emails", how]);
        assert_eq!(output.counts(), counts, "{how}: {}", output.err);
    }
    assert_eq!(deployment.users().len(), 301);
}
