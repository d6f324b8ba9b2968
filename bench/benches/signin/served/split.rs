//! Where the time of a served sign-in goes: what the kernel says of the process, and the time of the hash in
//! the function's own audit events.

use std::time::Duration;

use serde_json::Value;

use crate::Spread;
use crate::process::Usage;

/// The parts of the time from an event until the next poll: means in milliseconds. `rest` is a median.
pub(super) struct Split {
    whole: f64,
    /// The time in which the process sleeps. It waits for the table and for the Runtime API.
    asleep: f64,
    /// The time in which it waits for a processor.
    queued: f64,
    hash: f64,
    kernel: f64,
    /// The part of `whole` after the reply.
    after_reply: f64,
    page_faults: f64,
    /// The time until the reply, without the hash.
    pub(super) rest: f64,
}

impl Split {
    /// Makes it of the time of each reply in milliseconds, the time from each reply until the next poll, the
    /// usage before and after, and all log lines of the process. Returns nothing if these lines do not have
    /// the time of each hash.
    pub(super) fn of(
        replies: &[f64],
        polls: &[Duration],
        before: &Usage,
        after: &Usage,
        logged: &str,
    ) -> Option<Self> {
        let rounds = replies.len() as f64;
        let of_one = |from: Duration, to: Duration| (to - from).as_secs_f64() * 1000.0 / rounds;
        let hashes = hashes(logged, replies.len())?;
        let after_reply = polls.iter().sum::<Duration>().as_secs_f64() * 1000.0 / rounds;
        let whole = replies.iter().sum::<f64>() / rounds + after_reply;
        let (cpu, queued) = (of_one(before.cpu, after.cpu), of_one(before.queued, after.queued));
        let rest =
            replies.iter().zip(&hashes).map(|(reply, hash)| Duration::from_secs_f64((reply - hash) / 1000.0));
        Some(Self {
            whole,
            asleep: whole - cpu - queued,
            queued,
            hash: hashes.iter().sum::<f64>() / rounds,
            kernel: of_one(before.kernel, after.kernel),
            after_reply,
            page_faults: (after.page_faults - before.page_faults) as f64 / rounds,
            rest: Spread::of(rest.collect()).median,
        })
    }

    /// The time of the process's own code, without the hash: the calls to the table, the Runtime API's
    /// client, and the rest of our code.
    fn code(&self) -> f64 {
        self.whole - self.asleep - self.queued - self.hash - self.kernel
    }
}

/// Returns the times of the last hashes, in milliseconds, from the audit events. They are rounded to a tenth
/// of a millisecond, which evens out over the rounds.
fn hashes(logged: &str, count: usize) -> Option<Vec<f64>> {
    let events = logged.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let hashes: Vec<f64> = events.filter_map(|event| event["hash_ms"].as_f64()).collect();
    Some(hashes[hashes.len().checked_sub(count)?..].to_vec())
}

/// Prints the splits beside each other, each with the name of its binary.
pub(super) fn print(splits: &[(&str, &Split)]) {
    println!("Where the time goes, from an event until the next poll: means in ms\n");
    print!("  {:<44}", "");
    splits.iter().for_each(|(name, _)| print!("{name:>18}"));
    println!();
    let row = |name: &str, of: &dyn Fn(&Split) -> f64| {
        print!("  {name:<44}");
        splits.iter().for_each(|(_, split)| print!("{:>18.2}", of(split)));
        println!();
    };
    row("asleep: the table and the Runtime API", &|split| split.asleep);
    row("ready, but no processor is free", &|split| split.queued);
    row("hash, by the audit events", &|split| split.hash);
    row("kernel", &|split| split.kernel);
    row("the rest: calls, Runtime API's client, ours", &Split::code);
    row("together", &|split| split.whole);
    row("after the reply, a part of the above", &|split| split.after_reply);
    row("page faults, number", &|split| split.page_faults);
    row("until the reply, without the hash, median", &|split| split.rest);
    println!();
}
