//! The table of the peers, on standard output and in `bench/results/peers.md`.

use std::fmt::Write;
use std::fs;

use postern_tests::binary::in_workspace;

use super::{Figures, ROUNDS, STARTS};

/// Prints and writes the table. The first row is Postern, with which the others are compared.
pub(super) fn write(figures: &[Figures], setting: &str) {
    let table = format(figures, setting);
    print!("{table}");
    fs::create_dir_all(in_workspace("bench/results")).unwrap();
    fs::write(in_workspace("bench/results/peers.md"), table).unwrap();
}

fn format(figures: &[Figures], setting: &str) -> String {
    let ours = &figures[0];
    let mut table = format!(
        "# Peers\n\nMedians of {STARTS} starts and {ROUNDS} rounds, in turns, in one run ({setting}). In brackets: how \
         many times ours. [What each does more or less than ours](../README.md#peers).\n\n\
         ![Start and first reply, warm sign-in, memory](peers.svg)\n\n\
         | | start | first reply | right password | its 90th percentile | wrong password | memory | deployed | the store |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|---|\n"
    );
    for peer in figures {
        let cells = [
            cell(peer.start.median, ours.start.median, "ms"),
            cell(peer.first.median, ours.first.median, "ms"),
            cell(peer.right.median, ours.right.median, "ms"),
            cell(peer.right.high, ours.right.high, "ms"),
            cell(peer.wrong.median, ours.wrong.median, "ms"),
            cell(peer.memory, ours.memory, "MiB"),
            cell(peer.deployed, ours.deployed, "MB"),
        ];
        writeln!(table, "| {} | {} | {} |", peer.name, cells.join(" | "), peer.store).unwrap();
    }
    table
}

fn cell(value: f64, ours: f64, unit: &str) -> String {
    let ratio = value / ours;
    // Postern's own figures get no ratio.
    if (ratio - 1.0).abs() < f64::EPSILON {
        return format!("{value:.1} {unit}");
    }
    format!("{value:.1} {unit} ({ratio:.*}×)", usize::from(ratio < 10.0))
}
