//! What each release binary costs: its start, its first reply, its memory, its size.

use std::fs;
use std::process::Command;
use std::time::Instant;

use postern_tests::binary::{demo_table, in_workspace, logged, start};
use postern_tests::events;
use postern_tests::runtime_api::RuntimeApi;
use postern_tests::stand::Reply;

use crate::Spread;

const STARTS: usize = 20;
/// Each with the name of its events.
const FUNCTIONS: [(&str, &str); 6] = [
    ("sso-signin", "sso"),
    ("account-signin", "account"),
    ("session-signin", "session"),
    ("mfa-signin", "mfa"),
    ("email-signin", "email"),
    ("jwks", "jwks"),
];

pub(crate) async fn run() {
    build();
    let (_table, env) = demo_table().await;
    println!(
        "Each release binary, {STARTS} starts: from the process's start, with the connection to the table open\n"
    );
    println!(
        "  {:<16} {:>14} {:>14} {:>12} {:>12} {:>9}",
        "", "first poll", "first reply", "memory then", "after 100", "size"
    );
    for (package, name) in FUNCTIONS {
        let path = in_workspace("target/release").join(package);
        let success = events::all(Some(name)).into_iter().find(|event| event.name == "success").unwrap();
        let (mut polls, mut replies, mut first, mut later) = (Vec::new(), Vec::new(), 0.0, 0.0);
        for _ in 0..STARTS {
            let mut api = RuntimeApi::start().await;
            let began = Instant::now();
            let mut function = start(path.to_str().unwrap(), &env, &api.address());
            let _logged = logged(&mut function);
            api.polled().await;
            polls.push(began.elapsed());
            let asked = Instant::now();
            let reply = api.invoke(success.event.clone()).await.unwrap();
            replies.push(asked.elapsed());
            assert_eq!(Reply::of(&reply).status, 200);
            let id = function.id().unwrap();
            first = resident(id);
            // Once is enough for what hardly varies.
            if polls.len() == STARTS {
                for _ in 0..99 {
                    api.invoke(success.event.clone()).await.unwrap();
                }
                later = resident(id);
            }
        }
        let size = fs::metadata(&path).unwrap().len() as f64 / 1e6;
        let (poll, reply) = (Spread::of(polls).median, Spread::of(replies).median);
        println!(
            "  {name:<16} {poll:>11.1} ms {reply:>11.1} ms {first:>9.1} MB {later:>9.1} MB {size:>6.1} MB"
        );
    }
    println!("\n  goals: first poll within 5 ms, size at most 8 MB");
}

fn build() {
    let packages = FUNCTIONS.map(|(package, _)| format!("--package={package}"));
    let built = Command::new("cargo").args(["build", "--release", "--bins"]).args(packages).status().unwrap();
    assert!(built.success(), "the release binaries build");
}

/// The resident memory of a process, in MB.
pub(crate) fn resident(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kibibytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes * 1024.0 / 1e6
}
