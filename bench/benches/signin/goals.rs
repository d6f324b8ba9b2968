//! The goals of the parts. Each part states its goals beside its figures. At the end of a run, all goals of
//! the parts that ran are printed together, and written to `bench/results/goals.md`.

use std::fmt::Write;
use std::fs;
use std::sync::{Mutex, PoisonError};

use postern_tests::binary::in_workspace;

/// The rows of the table: goal, measured, bound, and whether it is met.
static ROWS: Mutex<Vec<[String; 4]>> = Mutex::new(Vec::new());

/// States that a figure is at most this bound. Prints it, and keeps it for the table. A goal's name begins
/// with its part: `kernel: a warm hash, relative to the crate argon2`.
pub(crate) fn at_most(name: &str, measured: f64, bound: f64, unit: &str) {
    state(name, measured, &format!("at most {bound:.2} {unit}"), measured <= bound, unit);
}

/// The same, that a figure is at least this bound.
pub(crate) fn at_least(name: &str, measured: f64, bound: f64, unit: &str) {
    state(name, measured, &format!("at least {bound:.2} {unit}"), measured >= bound, unit);
}

fn state(name: &str, measured: f64, bound: &str, is_met: bool, unit: &str) {
    // With one digit more than the bound, so that a figure close to it shows on which side it is.
    let (measured, met) = (format!("{measured:.3} {unit}"), if is_met { "met" } else { "not met" });
    println!("  goal: {name}: {measured}, {bound}: {met}");
    let row = [name, &measured, bound, met].map(str::to_owned);
    ROWS.lock().unwrap_or_else(PoisonError::into_inner).push(row);
}

/// Prints the table of all goals that were stated, and writes it. Does nothing if there are none.
pub(crate) fn write() {
    let rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    if rows.is_empty() {
        return;
    }
    let mut table =
        "# Goals\n\nThe goals of the parts that ran, in one run. [The parts](../README.md).\n\n".to_owned();
    table += "| goal | measured | bound | |\n|---|--:|--:|---|\n";
    for row in rows.iter() {
        writeln!(table, "| {} |", row.join(" | ")).unwrap();
    }
    print!("{table}");
    fs::create_dir_all(in_workspace("bench/results")).unwrap();
    fs::write(in_workspace("bench/results/goals.md"), table).unwrap();
}
