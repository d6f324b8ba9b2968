//! The part `kernel`: Argon2id with the parameters of a new hash, by the crate `argon2` and by Postern's
//! kernel. It is measured warm, and as the first hash of a process, which includes the page faults of its
//! memory.

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use argon2_rust::Backend;
use postern::password::{Passwords, Peppers};

use crate::{Spread, goals};

const ROUNDS: usize = 100;
const PROCESSES: usize = 20;
const PASSWORD: &str = "correct horse battery staple";
const SALT: [u8; 16] = [7; 16];

/// The argument with which this program hashes once and prints the time.
pub(crate) const FIRST: &str = "first-hash";

pub(crate) fn run() {
    let (mut reference, passwords) = (Reference::new(), Passwords::default());
    let stored = passwords.hash(PASSWORD, SALT).unwrap();
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    // Both take turns, so that other load on the machine disturbs both equally. The first five rounds warm
    // up.
    for round in 0..ROUNDS + 5 {
        let by_reference = reference.hash();
        let start = Instant::now();
        assert!(black_box(passwords.verify(Some(&stored), PASSWORD, &Peppers::default())));
        let by_kernel = start.elapsed();
        if round >= 5 {
            theirs.push(by_reference);
            ours.push(by_kernel);
        }
    }
    let (first_theirs, first_ours): (Vec<_>, Vec<_>) =
        (0..PROCESSES).map(|_| (first_of_a_process("reference"), first_of_a_process("kernel"))).unzip();

    let backend = argon2_rust::detected_backend();
    println!(
        "The hash: Argon2id m=19456 t=2 p=1; {ROUNDS} rounds, {PROCESSES} processes; this processor: {backend}\n"
    );
    let (theirs, ours) = (Spread::of(theirs), Spread::of(ours));
    println!("  `argon2`, memory kept            {theirs}");
    println!("  Postern, password verified       {ours}   {:.2} of that", ours.median / theirs.median);
    let (first_theirs, first_ours) = (Spread::of(first_theirs), Spread::of(first_ours));
    println!("  `argon2`, first of a process     {first_theirs}");
    println!(
        "  Postern, first of a process      {first_ours}   {:.2} of that; {:.2} of a warm one\n",
        first_ours.median / first_theirs.median,
        first_ours.median / ours.median
    );
    // Other processors have no goal.
    let bound = match backend {
        Backend::Avx512 => 0.40,
        Backend::Avx2 => 0.65,
        _ => return,
    };
    let name = format!("kernel: a warm hash with {backend}, relative to the crate argon2");
    goals::at_most(&name, ours.median / theirs.median, bound, "×");
    let name = format!("kernel: the first hash of a process with {backend}, relative to the crate argon2");
    goals::at_most(&name, first_ours.median / first_theirs.median, bound, "×");
    println!();
}

/// The kernel of the crate `argon2`, with memory that it uses again.
struct Reference {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
}

impl Reference {
    fn new() -> Self {
        let params = Params::new(19_456, 2, 1, Some(32)).unwrap();
        let memory = vec![Block::new(); params.block_count()];
        Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), memory }
    }

    fn hash(&mut self) -> Duration {
        let mut output = [0; 32];
        let start = Instant::now();
        self.argon2
            .hash_password_into_with_memory(PASSWORD.as_bytes(), &SALT, &mut output, &mut self.memory)
            .unwrap();
        black_box(output);
        start.elapsed()
    }
}

/// Returns the time of the first hash in a new process.
fn first_of_a_process(by: &str) -> Duration {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args([FIRST, by]).output().unwrap();
    Duration::from_nanos(String::from_utf8(output.stdout).unwrap().trim().parse().unwrap())
}

/// Hashes once, and prints the time in nanoseconds.
pub(crate) fn first(by: &str) {
    let start = Instant::now();
    match by {
        "reference" => {
            Reference::new().hash();
        }
        _ => {
            black_box(Passwords::default().hash(PASSWORD, SALT).unwrap());
        }
    }
    println!("{}", start.elapsed().as_nanos());
}
