//! An import is killed or interrupted, and runs again. No user is created twice, and none is lost.

use std::collections::HashSet;
use std::fmt::Write;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{CliOutput, Deployment};

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
async fn begin(deployment: &Deployment) -> Child {
    let mut command = deployment.command(&["import", "jsonl", "users.jsonl"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while deployment.store.user_ids(None).await.unwrap().ids.is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child
}

fn all_there_once(deployment: &Deployment) {
    let users = deployment.users();
    let names: HashSet<&String> = users.iter().map(|user| &user.1).collect();
    let ids: HashSet<u64> = users.iter().map(|user| user.0).collect();
    assert_eq!((users.len() as u64, names.len(), ids.len()), (USERS, users.len(), users.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn crashed_import_that_runs_again_creates_each_user_once() {
    for with_ids in [true, false] {
        let deployment = Deployment::start().await;
        deployment.write("users.jsonl", &rows(with_ids));
        let mut child = begin(&deployment).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let before = deployment.users().len() as u64;
        assert!(before > 0 && before < USERS, "{before}: it was killed too late");
        let output = deployment.run(&["import", "jsonl", "users.jsonl"]);
        let [imported, already, rejected] = output.counts();
        assert_eq!((imported + already, rejected, output.code), (USERS, 0, Some(0)), "{}", output.err);
        assert!(already >= before);
        all_there_once(&deployment);
        assert_eq!(deployment.run(&["import", "jsonl", "users.jsonl"]).counts(), [0, USERS, 0]);
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn interrupted_import_that_runs_again_creates_each_user_once() {
    let deployment = Deployment::start().await;
    deployment.write("users.jsonl", &rows(true));
    let mut child = begin(&deployment).await;
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let code = child.wait().unwrap().code();
    let output = CliOutput { code, out, err: String::new() };
    assert_eq!(output.code, Some(1));
    assert!(output.out.contains("Run the same command again"), "{}", output.out);
    assert_eq!(output.json()["complete"], false);
    // The number of imported users that it prints is right.
    assert_eq!(deployment.users().len() as u64, output.counts()[0]);
    let [imported, already, _] = deployment.run(&["import", "jsonl", "users.jsonl"]).counts();
    assert_eq!((imported + already, already), (USERS, output.counts()[0]));
    all_there_once(&deployment);
}
