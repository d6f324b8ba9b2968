//! The part `indistinguishable`: whether an attacker can enumerate users by the time of a refusal. It
//! compares a user who does not exist with users who do.

use std::time::{Duration, Instant};

use postern::identity::Status;
use postern::store::operator::UserRecord;
use postern_local::demo::{self, USERS};
use postern_tests::deployment::{Deployment, PASSWORD_CONTRACTS, name_at};

use crate::Spread;

/// The attempts by each name. A name has five free failures.
const ATTEMPTS_PER_NAME: usize = 5;
const NAMES: usize = 20;

/// An unknown user, three kinds of users who must look the same, and one kind whose hash costs less.
const KINDS: [&str; 5] = ["unknown", "no-password", "wrong-password", "disabled", "cheaper-hash"];
/// A hash of an import, with 12 MiB times passes. A new hash has 38.
const CHEAPER: &str = "$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

pub(crate) async fn run() {
    println!("Refusals of a wrong password, {} per kind and contract, in turns\n", NAMES * ATTEMPTS_PER_NAME);
    println!("  {:<24} {:>10}   {:<20} {:>12}", "", "median", "10th to 90th", "recognised");
    for contract in PASSWORD_CONTRACTS {
        let deployment = Deployment::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
        create_users(&deployment).await;
        let mut times = KINDS.map(|_| Vec::new());
        for attempt in 0..NAMES * ATTEMPTS_PER_NAME {
            // Each kind comes first equally often, since an attempt leaves data in the caches for the next
            // one.
            for turn in 0..KINDS.len() {
                let which = (attempt + turn) % KINDS.len();
                let (kind, times) = (KINDS[which], &mut times[which]);
                let name = name_at(contract, &format!("{kind}-{}", attempt % NAMES));
                let start = Instant::now();
                let reply = deployment.password(contract, &name, "wrong").await;
                times.push(start.elapsed());
                assert!(matches!(reply.status, 400 | 401 | 404), "{contract} {kind}: {}", reply.status);
            }
        }
        for (kind, of_kind) in KINDS.iter().zip(&times) {
            let share = recognised(&times[0], of_kind);
            let spread = Spread::of(of_kind.clone());
            println!(
                "  {:<24} {:>7.2} ms   {:<20} {:>10.0} %",
                format!("{contract}, {kind}"),
                spread.median,
                format!("{:.2} to {:.2}", spread.low, spread.high),
                share * 100.0
            );
        }
    }
    println!(
        "\n  recognised: how often a guess by the longer of two times is right, between an unknown user and this \
         kind.\n  50 % is a coin toss; 100 attempts vary by some 8 % by themselves.\n"
    );
}

async fn create_users(deployment: &Deployment) {
    let known = demo::user(&deployment.app, &USERS[0]);
    for (kind, base) in KINDS.iter().zip([0, 1000, 2000, 3000, 4000]).skip(1) {
        for n in 0..NAMES {
            let username = format!("{kind}-{n}");
            let mut user = UserRecord {
                id: base + n as u64,
                email: format!("{username}@example.com"),
                username,
                ..known.clone()
            };
            match *kind {
                "no-password" => user.password_hash = None,
                "disabled" => user.status = Status::Disabled,
                "cheaper-hash" => user.password_hash = Some(CHEAPER.to_owned()),
                _ => {}
            }
            deployment.store.create_user(user).await.unwrap();
        }
    }
}

/// Returns the share of pairs in which the second took longer, or in which it took shorter if that share is
/// larger.
fn recognised(unknown: &[Duration], other: &[Duration]) -> f64 {
    let pairs = unknown.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    let longer: f64 = pairs.map(|(a, b)| if b > a { 1.0 } else { f64::from(u8::from(a == b)) / 2.0 }).sum();
    let share = longer / (unknown.len() * other.len()) as f64;
    share.max(1.0 - share)
}
