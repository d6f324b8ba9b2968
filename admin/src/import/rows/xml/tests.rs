//! Dumps of each program, whole and broken.

use std::io::{BufReader, Cursor};

use serde_json::{Value, json};

use super::XmlRows;
use crate::import::reason::Reason;
use crate::import::rows::{Broken, Row, Rows};
use crate::import::source::{MAX_ROW, MAX_SEARCH, Meter};

fn rows(text: &str) -> Vec<Result<Row, Broken>> {
    // A buffer of five bytes ends everywhere.
    let reader = BufReader::with_capacity(5, Cursor::new(text.as_bytes().to_vec()));
    Rows::new(XmlRows::new(reader, Meter::default())).collect()
}

fn records(text: &str) -> Vec<(u64, Value)> {
    let of_row = |row: Result<Row, Broken>| {
        let row = row.unwrap();
        (row.position.line, Value::Object(row.record.unwrap()))
    };
    rows(text).into_iter().map(of_row).collect()
}

#[test]
fn row_of_mysqldump_has_its_fields() {
    let text = "<?xml version=\"1.0\"?>\n<mysqldump xmlns:xsi=\"x\">\n<database name=\"shop\">\n\
            \t<table_structure name=\"users\">\n\t\t<field Field=\"id\" Type=\"int\" />\n\t</table_structure>\n\
            \t<table_data name=\"users\">\n\t<row>\n\t\t<field name=\"id\">33</field>\n\
            \t\t<field name=\"username\">a &lt;b&gt; &amp; &quot;c&quot;&#10;d</field>\n\
            \t\t<field name=\"email\" xsi:nil=\"true\" />\n\t\t<field name=\"empty\"></field>\n\
            \t\t<field name=\"hex\" xsi:type=\"xs:hexBinary\">C3A9</field>\n\t</row>\n\
            \t<row>\n\t\t<field name=\"id\">34</field>\n\t\t<field name=\"name\">NULL</field>\n\t</row>\n\t</table_data>\n</database>\n</mysqldump>\n";
    assert_eq!(
        records(text),
        [
            (
                8,
                json!({"model": "users", "pk": "33", "fields":
                    {"id": "33", "username": "a <b> & \"c\"\nd", "empty": "", "hex": "\u{e9}"}})
            ),
            (15, json!({"model": "users", "pk": "34", "fields": {"id": "34", "name": "NULL"}})),
        ]
    );
}

#[test]
fn row_of_a_query_names_no_table() {
    let text = "<?xml version=\"1.0\"?>\n\n<resultset statement=\"SELECT * FROM users\n\" xmlns:xsi=\"x\">\n  \
            <row>\n\t<field name=\"id\">1</field>\n\t<field name=\"x\" xsi:nil=\"true\" />\n  </row>\n</resultset>\n";
    assert_eq!(records(text), [(5, json!({"id": "1"}))]);
}

#[test]
fn word_null_of_phpmyadmin_is_null() {
    let text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!--\n- phpMyAdmin XML Dump\n-->\n\n\
            <pma_xml_export version=\"1.0\" xmlns:pma=\"x\">\n<pma:structure_schemas>\n<pma:table name=\"users\">\n\
            CREATE TABLE `users` (id int);\n</pma:table>\n</pma:structure_schemas>\n<database name=\"shop\">\n\
            <!-- Table users -->\n<table name=\"users\">\n<column name=\"id\">1</column>\n\
            <column name=\"email\">NULL</column>\n</table>\n</database>\n</pma_xml_export>";
    assert_eq!(records(text), [(14, json!({"model": "users", "pk": "1", "fields": {"id": "1"}}))]);
}

#[test]
fn object_of_django_is_a_row() {
    let text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<django-objects version=\"1.0\">\
            <object model=\"auth.user\" pk=\"1\"><field name=\"password\" type=\"CharField\">x$y</field>\
            <field name=\"last_login\" type=\"DateTimeField\"><None></None></field>\
            <field name=\"last_name\" type=\"CharField\">NULL</field>\
            <field name=\"groups\" rel=\"ManyToManyRel\" to=\"auth.group\"><object pk=\"1\"></object></field>\
            <field name=\"is_active\" type=\"BooleanField\">True</field></object></django-objects>";
    assert_eq!(
        records(text),
        [(
            2,
            json!({"model": "auth.user", "pk": "1",
                "fields": {"password": "x$y", "last_name": "NULL", "is_active": "True"}})
        )]
    );
}

#[test]
fn broken_row_is_rejected_alone() {
    let long = "x".repeat(MAX_ROW + 1);
    let text = format!(
        "<resultset><row><field name=\"a\">&evil;</field></row><row><field name=\"a\">{long}</field></row>\
             <row><field name=\"a\">1</field></row></resultset>"
    );
    let found: Vec<_> =
        rows(&text).into_iter().map(|row| row.unwrap().record.map_err(|(why, _)| why)).collect();
    assert_eq!(found[0], Err(Reason::Unreadable { format: "XML" }));
    assert_eq!(found[1], Err(Reason::TooLong));
    assert_eq!(found[2].as_ref().unwrap()["a"], json!("1"));
}

#[test]
fn file_that_is_cut_off_or_has_no_end_is_broken() {
    for cut in [
        "<resultset><row><field name=\"a\">1</fie",
        "<resultset><row><field name=\"a\">1",
        "<resultset><row>",
        "<resultset>",
        "<resultset",
    ] {
        let end = rows(cut).pop().unwrap().err();
        assert!(end.as_ref().is_some_and(|end| end.what.contains("cut off")), "{cut}: {end:?}");
    }
    let endless = format!("<resultset><row><field name=\"a\">{}", "x".repeat(MAX_SEARCH as usize + 1));
    let broken = rows(&endless).pop().unwrap().err().unwrap();
    assert!(broken.what.contains("over 4 MB"), "{broken:?}");
    let deep = format!("<resultset>{}", "<a>".repeat(100));
    let broken = rows(&deep).pop().unwrap().err().unwrap();
    assert!(broken.what.contains("nested"), "{broken:?}");
}
