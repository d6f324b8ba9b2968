//! The part `hashes`: the cost of a wrong password for each kind of legacy hash, compared with a new hash.
//! After a cheaper legacy hash the decoy does the rest of the work. A more expensive one takes longer.

use std::hint::black_box;
use std::time::Instant;

use postern::password::{Passwords, Peppers};

use crate::Spread;

/// Stored forms with the costs that products use, and cheaper ones.
const STORED: [(&str, &str); 9] = [
    (
        "Django 5.2, pbkdf2_sha256",
        "pbkdf2_sha256$1000000$0123456789abcdef$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ),
    ("Django, scrypt", "scrypt$16384$0123456789abcdef$8$5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ("bcrypt, cost 10", "$2y$10$abcdefghijklmnopqrstuuTNk2TG.5YzeKDfsFTccKMbtkTqCpxU6"),
    (
        "scrypt, N=16384 r=8",
        "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ),
    ("bcrypt, cost 8", "$2y$08$abcdefghijklmnopqrstuuTNk2TG.5YzeKDfsFTccKMbtkTqCpxU6"),
    ("bcrypt, cost 4", "$2y$04$abcdefghijklmnopqrstuuTNk2TG.5YzeKDfsFTccKMbtkTqCpxU6"),
    (
        "pbkdf2_sha256, 30,000",
        "pbkdf2_sha256$30000$0123456789abcdef$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ),
    ("pbkdf2_sha1, 10,000", "pbkdf2_sha1$10000$0123456789abcdef$AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ("phpass, 8,192 rounds", "$P$B6XabC3/SxZqP66aKEjFQMs0lFWq0BF"),
];

const ROUNDS: usize = 15;

pub(crate) fn run() {
    let passwords = Passwords::default();
    let ours = passwords.hash("password", [7; 16]).unwrap();
    let all: Vec<(&str, &str)> = [("Argon2id, ours", ours.as_str())].into_iter().chain(STORED).collect();
    let mut times = vec![Vec::new(); all.len()];
    // All hashes take turns, so that other load on the machine disturbs all equally. The first round warms
    // up.
    for round in 0..=ROUNDS {
        for ((_, stored), times) in all.iter().zip(&mut times) {
            let start = Instant::now();
            assert!(!black_box(passwords.verify(Some(stored), "wrong", &Peppers::default())));
            if round > 0 {
                times.push(start.elapsed());
            }
        }
    }
    println!("A wrong password, by what is stored, {ROUNDS} rounds\n");
    let mut own = None;
    for ((name, _), times) in all.iter().zip(times) {
        let spread = Spread::of(times);
        let own = *own.get_or_insert(spread.median);
        println!("  {name:<27} {spread}   {:6.2} of ours", spread.median / own);
    }
    println!();
}
