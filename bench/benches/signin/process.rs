//! A function in a process of its own, started as Lambda does, and what the process has used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use postern::environment::Environment;
use postern_tests::binary::{command, in_workspace, logged};
use postern_tests::runtime_api::RuntimeApi;
use serde_json::Value;
use tokio::process::Child;
use tokio::task::JoinHandle;

use crate::tls::Endpoint;

/// A binary, and the argument that it takes.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) argument: Option<&'static str>,
}

/// A function that waits for an event.
pub(crate) struct Function {
    child: Child,
    api: RuntimeApi,
    logged: JoinHandle<String>,
}

/// What a process has used since it began.
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    /// The time in which a thread could run and no processor was free.
    pub(crate) queued: Duration,
    /// The kernel's part of `cpu`, in steps of a hundredth of a second.
    pub(crate) kernel: Duration,
    pub(crate) page_faults: u64,
}

impl Program {
    /// Starts the program. Returns the time until it asked for its first event.
    pub(crate) async fn start(&self, env: &Environment, endpoint: &Endpoint) -> (Function, Duration) {
        let api = RuntimeApi::start().await;
        let mut command = command(self.path.to_str().unwrap(), env, &api.address());
        command.args(self.argument);
        // For programs that use `aws-config`: they must not ask EC2 for credentials, and get roots like those
        // of the machine.
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("SSL_CERT_FILE", endpoint.native());
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let logged = logged(&mut child);
        tokio::select! {
            () = api.polled() => {}
            ended = child.wait() => panic!("{} ended: {ended:?}", self.path.display()),
        }
        let took = began.elapsed();
        (Function { child, api, logged }, took)
    }
}

impl Function {
    /// Sends an event. Returns the reply and the time until it came.
    pub(crate) async fn invoke(&mut self, event: &Value) -> (Value, Duration) {
        let event = event.clone();
        let asked = Instant::now();
        let reply = self.api.invoke(event).await.unwrap();
        (reply, asked.elapsed())
    }

    /// Ends the process, so that it does not disturb the next one.
    pub(crate) async fn end(mut self) {
        self.child.kill().await.unwrap();
        self.logged.await.unwrap();
    }

    /// Returns the resident memory, in MiB.
    pub(crate) fn resident(&self) -> f64 {
        resident(self.child.id().unwrap())
    }

    pub(crate) fn usage(&self) -> Usage {
        usage(self.child.id().unwrap())
    }
}

/// Returns what a process has used.
pub(crate) fn usage(id: u32) -> Usage {
    let process = Path::new("/proc").join(id.to_string());
    // The times of each thread are in nanoseconds here. `stat` has only hundredths of a second.
    let threads = fs::read_dir(process.join("task")).unwrap().map(|thread| thread.unwrap().path());
    let (mut cpu, mut queued) = (Duration::ZERO, Duration::ZERO);
    for thread in threads {
        let schedstat = fs::read_to_string(thread.join("schedstat")).unwrap();
        let mut nanoseconds = schedstat.split_whitespace().map(|field| field.parse().unwrap());
        cpu += Duration::from_nanos(nanoseconds.next().unwrap());
        queued += Duration::from_nanos(nanoseconds.next().unwrap());
    }
    let stat = fs::read_to_string(process.join("stat")).unwrap();
    // The name of the process is in brackets, and may hold any character.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let [minor, major, kernel] = [7, 9, 12].map(|field: usize| fields[field].parse::<u64>().unwrap());
    Usage { cpu, queued, kernel: Duration::from_millis(kernel * 10), page_faults: minor + major }
}

/// Returns a cargo command without the variables that cargo set for this benchmark. With them, cargo would
/// build some dependencies again each time.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_") && text != "CARGO_HOME" && text != "CARGO_INCREMENTAL" {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Returns the resident memory of a process, in MiB, which Lambda calls MB.
pub(crate) fn resident(id: u32) -> f64 {
    let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap();
    let line = rollup.lines().find(|line| line.starts_with("Rss:")).unwrap();
    let kibibytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes / 1024.0
}

/// Builds a package of `bench/starts` with the release profile of the functions. It is built alone, so that
/// it gets no features of another package. Returns the folder of its binaries.
pub(crate) fn build_start(package: &str) -> PathBuf {
    let target = in_workspace("target/starts");
    let built = cargo()
        .args(["build", "--release", "--locked", "--package", package])
        // Cargo reads the profile from the manifest as from any configuration file.
        .arg("--config")
        .arg(in_workspace("Cargo.toml"))
        .arg("--manifest-path")
        .arg(in_workspace("bench/starts/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status();
    assert!(built.unwrap().success(), "{package} builds");
    target.join("release")
}
