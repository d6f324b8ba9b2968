//! Reads the rows of imported files, in every format and of every program. No file makes a reader panic or
//! hang, and rows come in the order of their lines. From an array that `serde_json` can read, the rows are
//! the same elements.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use postern_admin::import::reason::Reason;
use postern_admin::import::rows::{Position, Row, Rows, WrittenBy};
use postern_admin::import::source::{Meter, Source};
use serde_json::Value;

/// The value of `--written-by`, or none.
const WRITTEN_BY: [Option<WrittenBy>; 5] = [
    None,
    Some(WrittenBy::MySql),
    Some(WrittenBy::PostgreSql),
    Some(WrittenBy::Sqlite),
    Some(WrittenBy::Spreadsheet),
];

fuzz_target!(|file: &[u8]| {
    for written_by in WRITTEN_BY {
        if let Ok(rows) = Rows::of_csv(source(file), written_by) {
            let columns = rows.columns().expect("a CSV has columns").to_vec();
            for record in read(rows).into_iter().filter_map(|row| row.record.ok()) {
                assert!(record.keys().all(|name| columns.contains(name)), "{record:?}");
            }
        }
        if let Ok(rows) = Rows::of_dump(source(file), None, written_by) {
            read(rows);
        }
    }
    let Ok(rows) = Rows::of_json(source(file)) else { return };
    let skipped_lines = rows.skipped_lines();
    let rows = read(rows);
    let is_phpmyadmin = file.windows(6).any(|bytes| bytes == b"Export");
    if let (Ok(Value::Array(elements)), 0, false) =
        (serde_json::from_slice(file), skipped_lines, is_phpmyadmin)
    {
        let values: Vec<Value> = rows.into_iter().map(value).collect();
        assert_eq!(values, elements);
    }
});

fn source(file: &[u8]) -> Source {
    Source::new(Cursor::new(file.to_vec()), None, Meter::default()).expect("memory can be read")
}

/// Reads all rows, and checks their order.
fn read(mut rows: Rows) -> Vec<Row> {
    let (mut read, mut last) = (Vec::new(), 0);
    while let Some(Ok(row)) = rows.next() {
        let Position { line, .. } = row.position;
        assert!(line >= last, "line {line} comes after line {last}");
        last = line;
        read.push(row);
    }
    assert!(rows.next().is_none(), "a row follows the end");
    read
}

/// Returns the element of an array from which a row was read.
fn value(row: Row) -> Value {
    match row.record {
        Ok(record) => Value::Object(record),
        Err((Reason::NotAnObject, value)) => value,
        Err((reason, _)) => panic!("an element of valid JSON is rejected: {reason}"),
    }
}
