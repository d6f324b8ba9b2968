//! `argon2-rust`, which computes our hashes, gives the same bytes as the `argon2` crate.
//!
//! `docs/argon2-kernel.md` explains the choice. Hashes outlive the crate that made them. A kernel that computes another
//! value on some CPU would lock out the users who set a password with it.

use std::cell::RefCell;

use argon2::{AssociatedData, ParamsBuilder};
use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Argon2, Hasher, Params};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Algorithms and versions, in the words of both crates.
const ALGORITHMS: [(argon2::Algorithm, argon2_rust::Algorithm); 3] = [
    (argon2::Algorithm::Argon2d, argon2_rust::Algorithm::Argon2d),
    (argon2::Algorithm::Argon2i, argon2_rust::Algorithm::Argon2i),
    (argon2::Algorithm::Argon2id, argon2_rust::Algorithm::Argon2id),
];
const VERSIONS: [(argon2::Version, argon2_rust::Version); 2] = [
    (argon2::Version::V0x10, argon2_rust::Version::V0x10),
    (argon2::Version::V0x13, argon2_rust::Version::V0x13),
];

/// The input of one hash. The texts are `start..start + length` of the same random bytes.
#[derive(Debug, Clone)]
struct Set {
    algorithm: (argon2::Algorithm, argon2_rust::Algorithm),
    version: (argon2::Version, argon2_rust::Version),
    memory: u32,
    passes: u32,
    lanes: u32,
    output: usize,
    start: usize,
    password: usize,
    salt: usize,
    secret: usize,
    data: usize,
}

/// Texts, as slices.
#[derive(Clone, Copy)]
struct Texts<'a> {
    password: &'a [u8],
    salt: &'a [u8],
    secret: &'a [u8],
    data: &'a [u8],
}

impl Set {
    /// The texts may overlap, since they differ in start and length.
    fn texts<'a>(&self, random: &'a [u8]) -> Texts<'a> {
        let text = |nth: usize, length| &random[self.start + nth..][..length];
        Texts {
            password: text(0, self.password),
            salt: text(1, self.salt),
            secret: text(2, self.secret),
            data: text(3, self.data),
        }
    }

    /// By the `argon2` crate.
    fn reference(&self, texts: Texts<'_>) -> Vec<u8> {
        let mut params = ParamsBuilder::new();
        params.m_cost(self.memory).t_cost(self.passes).p_cost(self.lanes).output_len(self.output);
        params.data(AssociatedData::new(texts.data).unwrap());
        let (algorithm, version) = (self.algorithm.0, self.version.0);
        let argon2 =
            argon2::Argon2::new_with_secret(texts.secret, algorithm, version, params.build().unwrap())
                .unwrap();
        let mut output = vec![0; self.output];
        argon2.hash_password_into(texts.password, texts.salt, &mut output).unwrap();
        output
    }

    fn kernel(&self) -> Argon2 {
        let params = Params::builder()
            .memory(Memory::kib(self.memory.into()))
            .passes(self.passes)
            .lanes(self.lanes)
            .tag_len(TagLen::bytes(self.output as u64));
        Argon2::new(self.algorithm.1, self.version.1, params.build().unwrap())
    }

    /// By a hasher that may have been used before.
    fn hashed_by(&self, hasher: &mut Hasher, texts: Texts<'_>) -> Vec<u8> {
        hasher.set_argon2(self.kernel());
        let mut output = vec![0; self.output];
        hasher.hash_into_with_ad(texts.password, texts.salt, texts.secret, texts.data, &mut output).unwrap();
        output
    }
}

/// Compares both crates on the same sets in every run. A set that fails is printed in its smallest form.
fn compare(cases: u32, memory: impl Strategy<Value = (u32, u32)>) {
    let mut random = [0; 2048];
    TestRng::deterministic_rng(RngAlgorithm::ChaCha).fill_bytes(&mut random);
    let texts = (0..900_usize, 0..=1024_usize, 8..=64_usize, 0..=64_usize, 0..=32_usize);
    let passes = prop_oneof![19 => 1..=3_u32, 1 => 4..=10_u32];
    let strategy = (select(&ALGORITHMS[..]), select(&VERSIONS[..]), memory, passes, 4..=130_usize, texts)
        .prop_map(
            |(algorithm, version, (memory, lanes), passes, output, (start, password, salt, secret, data))| {
                Set { algorithm, version, memory, passes, lanes, output, start, password, salt, secret, data }
            },
        );
    // One hasher for all sets, so that its memory has any former content.
    let first = Argon2::new(ALGORITHMS[0].1, VERSIONS[0].1, Params::default());
    let reused = RefCell::new(first.hasher());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(&strategy, |set| {
            let texts = set.texts(&random);
            let reference = set.reference(texts);
            prop_assert_eq!(&set.hashed_by(&mut set.kernel().hasher(), texts), &reference, "a fresh hasher");
            prop_assert_eq!(&set.hashed_by(&mut reused.borrow_mut(), texts), &reference, "a reused hasher");
            Ok(())
        })
        .unwrap();
}

/// Ten thousand sets. Most are small, where the edges are. Some are over 2 MiB, where memory no longer comes from the
/// heap.
#[test]
fn kernel_on_ten_thousand_parameter_sets_equals_the_reference() {
    let more = prop_oneof![850 => 0..=64_u32, 140 => 0..=512_u32, 10 => 512..=4096_u32];
    let memory =
        (prop_oneof![1..=4_u32, 1..=16_u32], more).prop_map(|(lanes, more)| (8 * lanes + more, lanes));
    compare(10_000, memory);
}

/// The cost of new passwords, and costs near it.
#[test]
fn kernel_at_the_real_cost_equals_the_reference() {
    compare(16, prop_oneof![Just((19_456, 1)), (19_400..=19_500_u32, 1..=4_u32)]);
}

/// The most that a stored hash may cost in memory.
#[test]
fn kernel_at_the_largest_memory_equals_the_reference() {
    let (algorithm, version) = (ALGORITHMS[2], VERSIONS[1]);
    let set = Set {
        algorithm,
        version,
        memory: 262_144,
        passes: 1,
        lanes: 3,
        output: 32,
        start: 0,
        password: 16,
        salt: 16,
        secret: 0,
        data: 0,
    };
    let texts = set.texts(&[7; 64]);
    assert_eq!(set.reference(texts), set.hashed_by(&mut set.kernel().hasher(), texts));
}

/// RFC 9106, section 5.
#[test]
fn kernel_on_the_vectors_of_rfc_9106_gives_their_tags() {
    let tags = [
        "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb",
        "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8",
        "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659",
    ];
    let texts = Texts { password: &[1; 32], salt: &[2; 16], secret: &[3; 8], data: &[4; 12] };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (algorithm, tag) in ALGORITHMS.into_iter().zip(tags) {
        let version = VERSIONS[1];
        let set = Set {
            algorithm,
            version,
            memory: 32,
            passes: 3,
            lanes: 4,
            output: 32,
            start: 0,
            password: 32,
            salt: 16,
            secret: 8,
            data: 12,
        };
        assert_eq!(hex(&set.reference(texts)), tag, "{algorithm:?}");
        assert_eq!(hex(&set.hashed_by(&mut set.kernel().hasher(), texts)), tag, "{algorithm:?}");
    }
}
