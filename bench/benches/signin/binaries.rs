//! The part `binaries`: the start, the first reply, the memory and the size of each release binary, over
//! HTTPS. For comparison, in the same rounds: a function that does nothing, and a function as people usually
//! write it first (`bench/starts`).

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use postern_tests::binary::{demo_table, in_workspace};
use postern_tests::deployment::{CONTRACTS, Reply};
use postern_tests::events;
use serde_json::Value;

use crate::process::{Program, build_start, cargo};
use crate::tls::Endpoint;
use crate::{Spread, goals};

const STARTS: usize = 30;
/// After every tenth start, the function gets a hundred requests and not only one.
const LONG: usize = 10;
/// A binary, its event, and its measurements.
struct Subject {
    name: String,
    program: Program,
    event: Value,
    polls: Vec<Duration>,
    firsts: Vec<Duration>,
    warm: Vec<Duration>,
    cpu: Vec<Duration>,
    page_faults: Vec<u64>,
    memory: Vec<f64>,
    memory_later: Vec<f64>,
}

pub(crate) fn is_function(name: &str) -> bool {
    functions().iter().any(|(package, _)| package == name)
}

/// The functions, each with the name of its sample events.
fn functions() -> Vec<(String, &'static str)> {
    let contracts = CONTRACTS.iter().map(|contract| (format!("{contract}-signin"), *contract));
    contracts.chain([("jwks".to_owned(), "jwks")]).collect()
}

/// Measures the functions with these names, or all functions if there are none.
pub(crate) async fn run(names: &[&str]) {
    let mut functions = functions();
    functions.retain(|(package, _)| names.is_empty() || names.contains(&package.as_str()));
    build(&functions);
    let release = in_workspace("target/release");
    let mut subjects = vec![
        Subject::of("empty", &build_start("start-empty").join("start-empty"), "account"),
        Subject::of("naive", &build_start("start-naive").join("start-naive"), "account"),
    ];
    subjects.extend(
        functions.iter().map(|(package, events)| Subject::of(package, &release.join(package), events)),
    );

    let (_table, plain) = demo_table().await;
    let endpoint = Endpoint::before(&plain).await;
    // jwks reads the public keys, and the others the signing keys.
    let env = endpoint.environment(&plain).with("PUBLIC_KEYS", r#"{"keys":[]}"#);
    for round in 1..=STARTS {
        for subject in &mut subjects {
            let (mut function, poll) = subject.program.start(&env, &endpoint).await;
            subject.polls.push(poll);
            let usage = function.usage();
            subject.cpu.push(usage.cpu);
            subject.page_faults.push(usage.page_faults);
            subject.memory.push(function.resident());
            let (reply, took) = function.invoke(&subject.event).await;
            assert_eq!(Reply::of(&reply).status, 200, "{}", subject.name);
            subject.firsts.push(took);
            if round % LONG == 0 {
                for _ in 0..99 {
                    subject.warm.push(function.invoke(&subject.event).await.1);
                }
                subject.memory_later.push(function.resident());
            }
            function.end().await;
        }
    }
    print(&subjects, &endpoint);
}

impl Subject {
    fn of(name: &str, path: &Path, contract: &str) -> Self {
        let success =
            events::all(Some(contract)).into_iter().find(|event| event.name.ends_with("/success")).unwrap();
        Self {
            name: name.to_owned(),
            program: Program { path: path.to_owned(), argument: None },
            event: success.event,
            polls: Vec::new(),
            firsts: Vec::new(),
            warm: Vec::new(),
            cpu: Vec::new(),
            page_faults: Vec::new(),
            memory: Vec::new(),
            memory_later: Vec::new(),
        }
    }

    /// Returns the time from the process's start until the table has answered, in milliseconds. naive
    /// connects at its first request, so for it this is the time until its first reply, without the time of a
    /// warm reply.
    fn connected(&self) -> f64 {
        let poll = Spread::of(self.polls.clone()).median;
        if self.name != "naive" {
            return poll;
        }
        poll + Spread::of(self.firsts.clone()).median - Spread::of(self.warm.clone()).median
    }

    /// Returns the time of a first reply, and of a warm one, in milliseconds.
    fn replies(&self) -> [f64; 2] {
        [&self.firsts, &self.warm].map(|times| Spread::of(times.clone()).median)
    }

    /// Returns the size of the binary and of its archive, in MB.
    fn sizes(&self) -> [f64; 2] {
        let binary = fs::read(&self.program.path).unwrap();
        [binary.len(), zipped(&binary)].map(|bytes| bytes as f64 / 1e6)
    }
}

fn print(subjects: &[Subject], endpoint: &Endpoint) {
    println!(
        "Each release binary over HTTPS, {STARTS} starts in turns: from the process's start, with the connection open\n"
    );
    println!(
        "  {:<16} {:>11} {:<18} {:>9} {:>12} {:>11} {:>13}",
        "", "first poll", "10th to 90th", "of empty", "first reply", "warm reply", "first / warm"
    );
    let empty = subjects[0].connected();
    for subject in subjects {
        let poll = Spread::of(subject.polls.clone());
        let [first, warm] = subject.replies();
        println!(
            "  {:<16} {:>8.2} ms {:<18} {:>7.1} × {first:>9.2} ms {warm:>8.2} ms {:>11.1} ×",
            subject.name,
            poll.median,
            format!("({:.2} to {:.2})", poll.low, poll.high),
            poll.median / empty,
            first / warm
        );
    }
    println!(
        "\n  {:<16} {:>12} {:>12} {:>10} {:>12} {:>9} {:>9}",
        "", "CPU to poll", "page faults", "memory", "after 100", "size", "zipped"
    );
    for subject in subjects {
        let [size, zipped] = subject.sizes();
        println!(
            "  {:<16} {:>9.2} ms {:>12} {:>6.1} MiB {:>8.1} MiB {size:>6.2} MB {zipped:>6.2} MB",
            subject.name,
            Spread::of(subject.cpu.clone()).median,
            median(&subject.page_faults),
            median(&subject.memory),
            median(&subject.memory_later)
        );
    }
    let naive = subjects[1].connected();
    println!("\n  naive, until the table has answered (it connects at its first request): {naive:.2} ms");
    for subject in &subjects[2..] {
        println!("    {:<16} a {:.1}th of that", subject.name, naive / subject.connected());
    }
    println!(
        "\n  Included in these times: the server's signature, {:.2} ms ({:.2} to {:.2}), on the other core.\n  \
         naive looks through {} root certificates. jwks has no table, and opens no connection.\n",
        endpoint.signature.median,
        endpoint.signature.low,
        endpoint.signature.high,
        endpoint.native_roots()
    );
    state_goals(subjects);
}

/// States the goals of the functions with a table. But for the first reply, each is stated for the function
/// that is furthest from it.
fn state_goals(subjects: &[Subject]) {
    let empty = subjects[0].connected();
    let with_table = subjects[2..].iter().filter(|subject| subject.name != "jwks");
    for subject in with_table.clone() {
        let [first, warm] = subject.replies();
        let name = format!("binaries: first reply of {}, relative to a warm one", subject.name);
        goals::at_most(&name, first / warm, 1.25, "×");
    }
    let worst = |what: &str, bound: f64, unit: &str, of: &dyn Fn(&Subject) -> f64| {
        let figures = with_table.clone().map(|subject| (of(subject), &subject.name));
        if let Some((figure, name)) = figures.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
            goals::at_most(&format!("binaries: {what} ({name})"), figure, bound, unit);
        }
    };
    worst("first poll, relative to empty", 3.2, "×", &|subject| subject.connected() / empty);
    worst("size", 5.5, "MB", &|subject| subject.sizes()[0]);
    worst("zipped", 2.6, "MB", &|subject| subject.sizes()[1]);
    worst("memory after 100 requests", 28.0, "MiB", &|subject| median(&subject.memory_later));
    println!();
}

fn median<T: Copy + PartialOrd>(values: &[T]) -> T {
    let mut values = values.to_vec();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values[values.len() / 2]
}

/// Returns the size of the binary in the archive that is uploaded.
fn zipped(binary: &[u8]) -> usize {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(binary).unwrap();
    encoder.finish().unwrap().len()
}

/// Builds the release binaries of all functions.
pub(crate) fn build_all() {
    build(&functions());
}

fn build(functions: &[(String, &str)]) {
    let packages = functions.iter().map(|(package, _)| format!("--package={package}"));
    let built = cargo().args(["build", "--release", "--bins"]).args(packages).status().unwrap();
    assert!(built.success(), "the release binaries build");
}
