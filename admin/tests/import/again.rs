//! An import that is killed or interrupted, and run again: nobody twice, nobody lost.

use std::collections::HashSet;
use std::fmt::Write;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{Said, Stand};

const USERS: u64 = 3000;

fn rows(with_ids: bool) -> String {
    let mut rows = String::new();
    for id in 1..=USERS {
        let head = if with_ids { format!("\"id\":{id},") } else { String::new() };
        writeln!(rows, "{{{head}\"username\":\"user{id}\",\"email\":\"user{id}@example.com\"}}").unwrap();
    }
    rows
}

/// Starts an import, and returns when some of the users are there.
async fn begin(stand: &Stand) -> Child {
    let mut command = stand.command(&["import", "jsonl", "users.jsonl"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while stand.store.user_ids(None).await.unwrap().ids.is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child
}

fn all_there_once(stand: &Stand) {
    let users = stand.users();
    let names: HashSet<&String> = users.iter().map(|user| &user.1).collect();
    let ids: HashSet<u64> = users.iter().map(|user| user.0).collect();
    assert_eq!((users.len() as u64, names.len(), ids.len()), (USERS, users.len(), users.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed() {
    for with_ids in [true, false] {
        let stand = Stand::start().await;
        stand.write("users.jsonl", &rows(with_ids));
        let mut child = begin(&stand).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let before = stand.users().len() as u64;
        assert!(before > 0 && before < USERS, "{before}: it was killed too late");
        let said = stand.run(&["import", "jsonl", "users.jsonl"]);
        let [imported, already, rejected] = said.counts();
        assert_eq!((imported + already, rejected, said.code), (USERS, 0, Some(0)), "{}", said.err);
        assert!(already >= before);
        all_there_once(&stand);
        assert_eq!(stand.run(&["import", "jsonl", "users.jsonl"]).counts(), [0, USERS, 0]);
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn interrupted() {
    let stand = Stand::start().await;
    stand.write("users.jsonl", &rows(true));
    let mut child = begin(&stand).await;
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let code = child.wait().unwrap().code();
    let said = Said { code, out, err: String::new() };
    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("Run the same command again"), "{}", said.out);
    assert_eq!(said.json()["complete"], false);
    // What it says it imported is what is there.
    assert_eq!(stand.users().len() as u64, said.counts()[0]);
    let [imported, already, _] = stand.run(&["import", "jsonl", "users.jsonl"]).counts();
    assert_eq!((imported + already, already), (USERS, said.counts()[0]));
    all_there_once(&stand);
}
