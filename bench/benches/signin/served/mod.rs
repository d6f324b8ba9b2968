//! The part `served`: a sign-in as Lambda serves it. The release binary of the account function gets its
//! events through a stand-in for the Runtime API, and before each event another process replaces what the
//! caches hold. Other solutions take turns with it. [`split`] and [`spans`] say where the time of ours goes.

pub(crate) mod cold;
mod spans;
mod split;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use postern_bench::percentile;
use postern_tests::binary::demo_table;

use self::cold::Toucher;
use self::split::Split;
use crate::goals;
use crate::peers::{self, Peer, Running};
use crate::process::Usage;

const ROUNDS: usize = 400;
/// The first rounds, which are not counted.
const WARM_UP: usize = 20;

/// A solution that is measured.
struct Subject {
    peer: Peer,
    process: Running,
    /// The resources that the process had used before the first counted round.
    used: Option<Usage>,
    /// The time of each reply.
    replies: Vec<Duration>,
    /// The time from each reply until the next poll.
    polls: Vec<Duration>,
}

/// The measurements of a subject.
struct Figures {
    name: &'static str,
    median: f64,
    p90: f64,
    p99: f64,
    /// For the binaries of Postern, whose log lines have the time of the hash.
    split: Option<Split>,
}

pub(crate) async fn run() {
    let (_table, env) = demo_table().await;
    let (_table_before, env_before) = demo_table().await;
    let (node, _) = peers::program("node");
    let ours = peers::ours(&env);
    let with_calls = peers::node_with_writes(&node, &env);
    assert_eq!(ours.calls().await, with_calls.calls().await, "{} and {}", ours.name, with_calls.name);
    let mut all = vec![
        ours,
        with_calls,
        peers::node_function(&node, &env),
        peers::better_auth(&node, peers::hash(&env).await),
    ];
    if let Some(binary) = before() {
        all.push(peers::postern("Postern, before", binary, &env_before));
    }
    let mut toucher = Toucher::start();
    let figures = measure(all, &mut toucher).await;

    println!(
        "A sign-in as it is served: through the Runtime API, with cold caches, {ROUNDS} rounds in turns\n"
    );
    println!("  {:<20} {:>12} {:>12} {:>12} {:>9}", "", "median", "p90", "p99", "of ours");
    for subject in &figures {
        println!(
            "  {:<20} {:>9.2} ms {:>9.2} ms {:>9.2} ms {:>7.2} ×",
            subject.name,
            subject.median,
            subject.p90,
            subject.p99,
            subject.median / figures[0].median
        );
    }
    println!();
    state_goals(&figures);
    let splits: Vec<_> =
        figures.iter().filter_map(|figures| Some((figures.name, figures.split.as_ref()?))).collect();
    split::print(&splits);
    spans::run(&mut toucher).await;
}

fn state_goals(figures: &[Figures]) {
    let ours = &figures[0];
    for (peer, bound) in figures[1..].iter().zip([0.45, 0.7, 0.75]) {
        let name = format!("served: the median, relative to {}", peer.name);
        goals::at_most(&name, ours.median / peer.median, bound, "×");
    }
    goals::at_most("served: p99, relative to the median", ours.p99 / ours.median, 1.3, "×");
    if let [Some(now), Some(before)] = [Some(ours), figures.get(4)].map(|figures| figures?.split.as_ref()) {
        goals::at_most("served: all but the hash, relative to before", now.rest / before.rest, 0.5, "×");
    }
    println!();
}

/// Measures all in turns, so that other load on the machine disturbs all equally.
async fn measure(all: Vec<Peer>, toucher: &mut Toucher) -> Vec<Figures> {
    let mut subjects = Vec::new();
    for peer in all {
        let (process, _) = Running::start(&peer.launch).await;
        subjects.push(Subject { peer, process, used: None, replies: Vec::new(), polls: Vec::new() });
    }
    for round in 0..WARM_UP + ROUNDS {
        for turn in 0..subjects.len() {
            let which = (round + turn) % subjects.len();
            let Subject { peer, process, used, replies, polls } = &mut subjects[which];
            if round == WARM_UP {
                *used = Some(process.usage());
            }
            toucher.touch().await;
            let reply = peers::signed_in(peer, process, round).await;
            let replied = Instant::now();
            process.polled().await;
            if round >= WARM_UP {
                replies.push(reply);
                polls.push(replied.elapsed());
            }
        }
    }
    let mut figures = Vec::new();
    for subject in subjects {
        figures.push(subject.figures().await);
    }
    figures
}

impl Subject {
    async fn figures(self) -> Figures {
        let (before, after) = (self.used.unwrap(), self.process.usage());
        let logged = self.process.into_output().await;
        let mut replies: Vec<f64> = self.replies.iter().map(|reply| reply.as_secs_f64() * 1000.0).collect();
        let split = Split::of(&replies, &self.polls, &before, &after, &logged);
        replies.sort_by(f64::total_cmp);
        let [median, p90, p99] = [0.5, 0.9, 0.99].map(|share| percentile(&replies, share));
        Figures { name: self.peer.name, median, p90, p99, split }
    }
}

/// Returns the binary of the account function in the folder of the option `--before=`, if it is given.
fn before() -> Option<PathBuf> {
    let folder =
        std::env::args().find_map(|argument| Some(argument.strip_prefix("--before=")?.to_owned()))?;
    let binary = PathBuf::from(folder).join("account-signin");
    assert!(
        binary.exists(),
        "{} is missing: --before= names a folder with release binaries",
        binary.display()
    );
    Some(binary)
}
