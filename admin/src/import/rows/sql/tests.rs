//! Dumps of each product are cut into their rows, and no bytes make the reader panic or hang.

use std::io::Cursor;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::import::rows::Rows;
use crate::import::source::MAX_ROW;

fn read(text: &[u8], product: Product, tables: Option<&'static [&'static str]>) -> Rows {
    Rows::new(SqlRows::new(Cursor::new(text.to_vec()), Meter::default(), product, tables, false))
}

fn rows(text: &[u8], product: Product) -> Vec<Result<Value, Reason>> {
    let rows = read(text, product, Some(&["u", "U"])).filter_map(Result::ok);
    rows.map(|row| row.record.map(Value::Object).map_err(|(reason, _)| reason)).collect()
}

fn fields(text: &str, product: Product) -> Vec<Value> {
    rows(text.as_bytes(), product).into_iter().map(|row| row.unwrap()["fields"].clone()).collect()
}

#[test]
fn values_of_each_product_are_read() {
    let my = "INSERT INTO `u` (`a`,`b`,`c`,`d`,`e`,`f`) VALUES (1,-2.5,NULL,_binary 'x\\'y\\\\',0x61,b'1'),\n(2,0,'',\"q\",'--','/*');";
    assert_eq!(
        fields(my, Product::MySql),
        [
            json!({"a": 1, "b": -2.5, "d": "x'y\\", "e": "a", "f": true}),
            json!({"a": 2, "b": 0, "c": "", "d": "q", "e": "--", "f": "/*"}),
        ]
    );
    let pg = "INSERT INTO public.\"U\" (a, b, \"C\") VALUES (true, E'x\\ny', 'back\\slash''s');\n\
        COPY public.u (a, b) FROM stdin;\n1\t\\N\nx\\ty\\\\\t\n\\.\nSELECT 1;";
    assert_eq!(
        fields(pg, Product::PostgreSql),
        [
            json!({"a": true, "b": "x\ny", "C": "back\\slash's"}),
            json!({"a": "1"}),
            json!({"a": "x\ty\\", "b": ""}),
        ]
    );
    let lite = "CREATE TABLE u (a, b);\nINSERT INTO u VALUES(replace('x\\ny','\\n',char(10)),X'c3a9');";
    assert_eq!(fields(lite, Product::Sqlite), [json!({"a": "x\ny", "b": "\u{e9}"})]);
    let newer = "CREATE TABLE u (a, b);\nINSERT INTO u VALUES(unistr('\\u000ax\\\\y\\+01f600\\0041'),unistr('\\u00'));\n\
        INSERT INTO u VALUES(unistr('\\u000ax\\\\y\\+01f600\\0041'),2);";
    let found = rows(newer.as_bytes(), Product::Sqlite);
    assert_eq!(found[0], Err(Reason::NotSql));
    assert_eq!(found[1].as_ref().unwrap()["fields"], json!({"a": "\nx\\y\u{1f600}A", "b": 2}));
}

#[test]
fn binary_column_stays_hexadecimal() {
    let text = "INSERT INTO u (a, b, c) VALUES (0xff00,X'FF',0x6162),(1,2,3);";
    let found = [json!({"a": "ff00", "b": "FF", "c": "ab"}), json!({"a": 1, "b": 2, "c": 3})];
    assert_eq!(fields(text, Product::MySql), found);
}

/// The byte before a quote in the file tells whether backslashes escape, and not the last byte of a row that
/// is cut short.
#[test]
fn backslash_after_a_long_row_does_not_escape() {
    let bio = "e".repeat(MAX_ROW + 10);
    let text =
        format!("INSERT INTO u (a, b, c) VALUES (1, '{bio}', '\\'), (2, ', (901, 902, 903); -- ', '');\n");
    let found = rows(text.as_bytes(), Product::PostgreSql);
    assert_eq!(found[0], Err(Reason::TooLong));
    assert_eq!(found[1].as_ref().unwrap()["fields"], json!({"a": 2, "b": ", (901, 902, 903); -- ", "c": ""}));
    assert_eq!(found.len(), 2);
}

#[test]
fn row_of_more_values_than_any_user_has_is_too_long() {
    let text = format!("INSERT INTO u (a) VALUES ({}1),(2);", "1,".repeat(6_000));
    let found = rows(text.as_bytes(), Product::MySql);
    assert_eq!(found[0], Err(Reason::TooLong));
    assert_eq!(found[1].as_ref().unwrap()["fields"], json!({"a": 2}));
}

#[test]
fn table_of_any_kind_names_its_columns() {
    for kind in ["UNLOGGED TABLE", "TEMPORARY TABLE", "TABLE IF NOT EXISTS"] {
        let text = format!("CREATE {kind} u (a int, b int);\nINSERT INTO u VALUES (1, 2);");
        assert_eq!(fields(&text, Product::PostgreSql), [json!({"a": 1, "b": 2})], "{kind}");
    }
}

#[test]
fn table_without_user_columns_is_skipped() {
    let text = "PRAGMA foreign_keys=OFF;\nCREATE TABLE a (id, hash);\nINSERT INTO a VALUES(1,sleep(9));\n\
        CREATE TABLE b (id, email, password);\nINSERT INTO b VALUES(2,'x','!');\n\
        INSERT INTO sqlite_sequence VALUES('b',2);\nINSERT INTO c VALUES(3);\n";
    let rows: Vec<_> = read(text.as_bytes(), Product::Sqlite, None).map(Result::unwrap).collect();
    let [user, unknown] = rows.as_slice() else { panic!("{} rows", rows.len()) };
    assert_eq!(user.record.as_ref().unwrap()["model"], json!("b"));
    assert!(matches!(&unknown.record, Err((Reason::NoColumns { table }, _)) if table == "c"));
}

#[test]
fn columns_of_a_partitioned_table_are_known() {
    let text = "CREATE TABLE `u` (\n  `a` int(11) NOT NULL,\n  PRIMARY KEY (`a`)\n) ENGINE=InnoDB\n \
        PARTITION BY HASH (`a`)\nPARTITIONS 2;\nINSERT INTO `u` VALUES (1);\nCREATE TABLE \"U\" (\"b\" int);\n\
        INSERT INTO \"U\" VALUES (2);\n";
    assert_eq!(fields(text, Product::MySql), [json!({"a": 1}), json!({"b": 2})]);
}

#[test]
fn expression_is_rejected_and_the_next_row_is_read() {
    let text = "INSERT INTO u (a) VALUES (sleep(9)),(2),(1+1),(\n3\n) ON DUPLICATE KEY UPDATE a=VALUES(a);\nINSERT INTO u (a) VALUES (4);";
    let found = rows(text.as_bytes(), Product::MySql);
    let good: Vec<_> = found.iter().flatten().map(|row| row["fields"]["a"].clone()).collect();
    assert_eq!(good, [json!(2), json!(3), json!(4)]);
    assert_eq!(found.iter().filter(|row| matches!(row, Err(Reason::NotSql))).count(), 2);
}

#[test]
fn row_that_is_too_long_is_one_row() {
    let text = format!("INSERT INTO u (a) VALUES ('{}'),(2);", "x".repeat(MAX_ROW + 10));
    let found = rows(text.as_bytes(), Product::MySql);
    assert_eq!(found[0], Err(Reason::TooLong));
    assert_eq!(found[1].as_ref().unwrap()["fields"], json!({"a": 2}));
}

proptest! {
    #[test]
    fn any_text_is_read_as_it_was(texts in prop::collection::vec(any::<String>(), 1..5)) {
        let texts: Vec<String> = texts.into_iter().map(|text| text.replace('\0', "")).collect();
        for product in [Product::MySql, Product::PostgreSql, Product::Sqlite] {
            let quoted = texts.iter().map(|text| {
                let text = if product == Product::MySql { text.replace('\\', "\\\\") } else { text.clone() };
                format!("({})", format_args!("'{}'", text.replace('\'', "''")))
            });
            let sql = format!("INSERT INTO u (a) VALUES {};\n", quoted.collect::<Vec<_>>().join(","));
            let found: Vec<_> = fields(&sql, product).iter().map(|row| row["a"].as_str().unwrap().to_owned()).collect();
            prop_assert_eq!(&found, &texts);
        }
    }

    #[test]
    fn any_bytes_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..4_usize) {
        let starts: [&[u8]; 4] = [b"", b"INSERT INTO u (a) VALUES (", b"COPY u (a) FROM stdin;\n", b"CREATE TABLE u ("];
        for product in [Product::MySql, Product::PostgreSql, Product::Sqlite] {
            rows(&[starts[at], &bytes].concat(), product);
        }
    }
}
