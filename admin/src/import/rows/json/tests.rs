//! Lines, arrays and exports of phpMyAdmin, whole and broken.

use std::io::{BufReader, Cursor};

use serde_json::Value;

use super::JsonRows;
use crate::import::reason::Reason;
use crate::import::rows::{Broken, Row, Rows};
use crate::import::source::{MAX_ROW, MAX_SEARCH, Meter};

fn of_text(text: &str) -> Rows {
    let reader = BufReader::new(Cursor::new(text.as_bytes().to_vec()));
    Rows::new(JsonRows::new(reader, Meter::default()))
}

/// The lines of the rows that can be read, of those that cannot, and the end.
fn rows(text: &str) -> (Vec<u64>, Vec<(u64, Reason)>, Option<Broken>) {
    let (mut read, mut rejected, mut end) = (Vec::new(), Vec::new(), None);
    for row in of_text(text) {
        match row {
            Ok(Row { position, record: Ok(_) }) => read.push(position.line),
            Ok(Row { position, record: Err((reason, _)) }) => rejected.push((position.line, reason)),
            Err(broken) => end = Some(broken),
        }
    }
    (read, rejected, end)
}

#[test]
fn each_line_is_a_row() {
    assert_eq!(rows("{}\n\n {\"a\":1}\r\n{}"), (vec![1, 3, 4], vec![], None));
    let (read, rejected, end) = rows("{}\n{\"a\":\n[]\n{}\n");
    assert_eq!((read, end), (vec![1, 4], None));
    assert_eq!(rejected, [(2, Reason::NotJson), (3, Reason::NotAnObject)].map(|(l, r)| (l, r)));
    assert_eq!(rows(""), (vec![], vec![], None));
}

#[test]
fn each_element_of_an_array_is_a_row() {
    assert_eq!(rows("[]\n"), (vec![], vec![], None));
    assert_eq!(rows("[{},{\"a\":\"]},\\\"\"},\n{\"b\":[{}]}]"), (vec![1, 1, 2], vec![], None));
    assert_eq!(rows("[\n  {\n    \"a\": 1\n  },\n  {}\n]\n"), (vec![2, 5], vec![], None));
    assert_eq!(
        rows("[{},\n{x},\n7,\n{}]"),
        (vec![1, 4], vec![(2, Reason::NotJson), (3, Reason::NotAnObject)], None)
    );
}

#[test]
fn only_elements_of_an_array_are_counted() {
    let positions = |text: &str| {
        let rows = of_text(text);
        rows.map(|row| row.unwrap().position.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(positions("[{},{x},\n{}]"), ["line 1, element 1", "line 1, element 2", "line 2, element 3"]);
    assert_eq!(positions("{}\n{}\n"), ["line 1", "line 2"]);
}

#[test]
fn tables_of_phpmyadmin_are_opened() {
    let text = r#"[
{"type":"header","version":"5.2.1","comment":"Export to JSON plugin for phpMyAdmin"},
{"type":"database","name":"shop"},
{"type":"table","name":"groups","database":"shop","data":
[
]
},
{"type":"table","name":"users","database":"shop","data":
[
{"id":"1","username":"a]","x":null},
{"id":"2"
}
]
}
]
"#;
    let rows = Rows::new(JsonRows::of_phpmyadmin(Cursor::new(text), Meter::default()));
    let rows: Vec<Row> = rows.collect::<Result<_, _>>().unwrap();
    let records: Vec<Value> =
        rows.iter().filter_map(|row| Some(Value::Object(row.record.clone().ok()?))).collect();
    assert_eq!(
        records[2..],
        [
            serde_json::json!({"model": "users", "pk": "1", "fields": {"id": "1", "username": "a]"}}),
            serde_json::json!({"model": "users", "pk": "2", "fields": {"id": "2"}}),
        ]
    );
    assert_eq!((records.len(), rows[2].position.line, rows[3].position.line), (4, 10, 11));
}

#[test]
fn row_nested_too_deeply_is_rejected() {
    let text = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    assert_eq!(rows(&text).1, [(1, Reason::TooDeep)]);
}

#[test]
fn array_that_breaks_off_names_the_line() {
    for (text, read, line) in [
        ("[{},\n{\"a\":\"x", vec![1], 2),
        ("[{},\n{}", vec![1], 2),
        ("[{},\n", vec![1], 1),
        ("[", vec![], 1),
        ("[{}]\n{}", vec![1], 2),
    ] {
        let (found, rejected, end) = rows(text);
        assert_eq!((found, rejected.is_empty()), (read, true), "{text}");
        assert_eq!(end.map(|end| end.line), Some(line), "{text}");
    }
}

#[test]
fn row_that_is_too_long_is_one_row() {
    let text = format!("[{{\"a\":\"{}\"}},\n{{}}]", "x".repeat(MAX_ROW));
    assert_eq!(rows(&text), (vec![2], vec![(1, Reason::TooLong)], None));
}

#[test]
fn row_without_an_end_breaks_an_array_only() {
    let long = "x".repeat(MAX_SEARCH as usize + (1 << 17));
    // Of lines, the next one begins after the line break.
    assert_eq!(
        rows(&format!("{{}}\n{{\"a\":\"{long}\"}}\n{{}}\n")),
        (vec![1, 3], vec![(2, Reason::TooLong)], None)
    );
    let (read, rejected, end) = rows(&format!("[{{}},\n{{\"a\":\"{long}\"}},\n{{}}]"));
    assert_eq!((read, rejected, end.as_ref().map(|end| end.line)), (vec![1], vec![], Some(2)));
    assert!(end.unwrap().what.contains("over 4 MB"));
}
