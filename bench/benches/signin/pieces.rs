//! The part `pieces`: what a start consists of. Each piece is an empty function with one more step
//! (`bench/starts/pieces`), and its cost is the difference.

use std::time::Duration;

use postern_tests::binary::demo_table;

use crate::Spread;
use crate::process::{Program, build_start};
use crate::tls::Endpoint;

const STARTS: usize = 40;

/// A start, and the start with which it is compared.
struct Piece {
    name: &'static str,
    binary: &'static str,
    argument: Option<&'static str>,
    base: Option<&'static str>,
}

const fn piece(name: &'static str, argument: &'static str, base: &'static str) -> Piece {
    Piece { name, binary: "start-pieces", argument: Some(argument), base: Some(base) }
}

const PIECES: [Piece; 12] = [
    Piece { name: "empty", binary: "start-empty", argument: None, base: None },
    Piece { base: Some("empty"), ..piece("all of the below linked, nothing run", "nothing", "") },
    Piece { binary: "start-pieces-mimalloc", ..piece("mimalloc, not glibc's malloc", "nothing", LINKED) },
    piece("multi_thread, not current_thread", "threads", LINKED),
    piece("JSON tracing", "logging", LINKED),
    piece(FEW_ROOTS, "few-roots", LINKED),
    piece("… the machine's roots instead", "all-roots", FEW_ROOTS),
    piece(HANDSHAKE, "handshake", FEW_ROOTS),
    piece("… aws-lc instead of ring", "handshake-aws-lc", HANDSHAKE),
    piece(CLIENT, "client", LINKED),
    piece("… load_defaults instead", "load-defaults", CLIENT),
    piece("GetItem by it, with all of TLS", "get-item", CLIENT),
];
const LINKED: &str = "all of the below linked, nothing run";
const FEW_ROOTS: &str = "TLS with ring and six roots";
const HANDSHAKE: &str = "TCP and TLS handshake";
const CLIENT: &str = "SDK client by Config::builder";

pub(crate) async fn run() {
    build_start("start-empty");
    let folder = build_start("start-pieces");
    let (_table, plain) = demo_table().await;
    let endpoint = Endpoint::before(&plain).await;
    let env = endpoint.environment(&plain);
    let mut times = PIECES.map(|_| (Vec::<Duration>::new(), Vec::<Duration>::new()));
    for _ in 0..STARTS {
        for (piece, (polls, cpu)) in PIECES.iter().zip(&mut times) {
            let program = Program { path: folder.join(piece.binary), argument: piece.argument };
            let (function, poll) = program.start(&env, &endpoint).await;
            polls.push(poll);
            cpu.push(function.usage().cpu);
            function.end().await;
        }
    }
    println!("The pieces of a start, {STARTS} starts in turns: from the process's start to the first poll\n");
    println!("  {:<38} {:>11} {:<18} {:>10} {:>10}", "", "first poll", "10th to 90th", "more", "CPU");
    let spreads = times.map(|(polls, cpu)| (Spread::of(polls), Spread::of(cpu).median));
    for (piece, (poll, cpu)) in PIECES.iter().zip(&spreads) {
        let base = piece.base.map(|base| PIECES.iter().position(|piece| piece.name == base).unwrap());
        let more =
            base.map_or_else(String::new, |base| format!("{:+.2} ms", poll.median - spreads[base].0.median));
        println!(
            "  {:<38} {:>8.2} ms {:<18} {more:>10} {cpu:>7.2} ms",
            piece.name,
            poll.median,
            format!("({:.2} to {:.2})", poll.low, poll.high),
        );
    }
    println!(
        "\n  more: than the start that it is added to. TLS and the SDK's client are added to \"linked\"; a handshake to TLS with\n  \
         six roots (Amazon's five and the benchmark's own), of which the server's signature takes {:.2} ms; GetItem to the\n  \
         client; \"instead\" is compared with the line above. The machine has {} roots.\n",
        endpoint.signature.median,
        endpoint.native_roots() - 1
    );
}
