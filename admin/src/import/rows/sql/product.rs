//! The product that wrote a dump in SQL, recognized by the beginning of the file.

use crate::import::rows::written_by::WrittenBy;

/// The product whose SQL a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::import::rows) enum Product {
    /// MySQL or MariaDB.
    MySql,
    /// PostgreSQL.
    PostgreSql,
    /// SQLite.
    Sqlite,
    /// Nothing before the rows shows the product. The file is read as standard SQL. A text with a backslash
    /// ends the import, because MySQL reads it differently.
    Unknown,
}

impl Product {
    /// The product that the operator names. `None` for a spreadsheet.
    pub(in crate::import::rows) fn of(written_by: WrittenBy) -> Option<Self> {
        match written_by {
            WrittenBy::MySql => Some(Self::MySql),
            WrittenBy::PostgreSql => Some(Self::PostgreSql),
            WrittenBy::Sqlite => Some(Self::Sqlite),
            WrittenBy::Spreadsheet => None,
        }
    }
}

/// The words that the statements of a dump begin with.
const KEYWORDS: [&str; 14] = [
    "ALTER", "BEGIN", "COPY", "CREATE", "DELETE", "DROP", "INSERT", "LOCK", "PRAGMA", "REPLACE", "SET",
    "START", "TRUNCATE", "USE",
];

/// What only one product's dumps have before their rows, in lower case. The first one in the file decides.
const HINTS: [(&str, Product); 11] = [
    ("begin transaction", Product::Sqlite),
    ("postgresql", Product::PostgreSql),
    ("pg_catalog", Product::PostgreSql),
    (" from stdin;", Product::PostgreSql),
    ("pragma ", Product::Sqlite),
    ("sqlite", Product::Sqlite),
    ("/*!", Product::MySql),
    ("/*m!", Product::MySql),
    ("mysql", Product::MySql),
    ("mariadb", Product::MySql),
    ("`", Product::MySql),
];

/// Returns the product whose SQL a file is, by the beginning of the file. `None` if it is no SQL.
///
/// Only the text before the first row counts. A row holds what users typed.
pub(in crate::import::rows) fn product(begin: &[u8]) -> Option<Product> {
    let code = without_comments(begin)?;
    let begins_with = |word: &&str| {
        let (start, rest) = code.split_at_checked(word.len()).unwrap_or_default();
        start.eq_ignore_ascii_case(word.as_bytes())
            && rest.first().is_some_and(|next| next.is_ascii_whitespace() || *next == b';')
    };
    if !code.starts_with(b"/*") && !KEYWORDS.iter().any(begins_with) {
        return None;
    }
    let text = String::from_utf8_lossy(begin).to_ascii_lowercase();
    let rows = [" value", ")value", "\nvalue", "from stdin;\n"];
    let end = rows.iter().filter_map(|rows| Some(text.find(rows)? + rows.len())).min();
    let head = end.and_then(|end| text.get(..end)).unwrap_or(&text);
    let found = HINTS.iter().filter_map(|(hint, product)| Some((head.find(hint)?, *product)));
    Some(found.min_by_key(|(at, _)| *at).map_or(Product::Unknown, |(_, product)| product))
}

/// Returns whether the tool that wrote a dump ends it with a comment of its own, by the beginning of the
/// dump.
pub(in crate::import::rows) fn has_last_comment(begin: &[u8]) -> bool {
    let heads: [&[u8]; 4] = [
        b"-- MySQL dump ",
        b"-- MariaDB dump ",
        b"-- PostgreSQL database dump\n",
        b"-- PostgreSQL database cluster dump\n",
    ];
    heads.iter().any(|head| {
        let mut lines = begin.split_inclusive(|byte| *byte == b'\n').take(8);
        lines.any(|line| line.starts_with(head))
    })
}

/// Skips white space and comments, except the comments that MySQL runs. `None` if nothing follows them.
fn without_comments(begin: &[u8]) -> Option<&[u8]> {
    let mut code = begin.trim_ascii_start();
    loop {
        let end: &[u8] = match code {
            [] => return None,
            [b'/', b'*', b'!', ..] | [b'/', b'*', b'M', b'!', ..] => return Some(code),
            [b'/', b'*', ..] => b"*/",
            // A command of psql, which pg_dump writes first, ends with its line too.
            [b'-', b'-', ..] | [b'#' | b'\\', ..] => b"\n",
            _ => return Some(code),
        };
        let at = code.windows(end.len()).position(|bytes| bytes == end)?;
        code = code.get(at + end.len()..)?.trim_ascii_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dump_of_each_tool_is_of_its_product() {
        for (begin, expected) in [
            ("-- MySQL dump 10.13\n--\n\n/*!40101 SET NAMES utf8 */;", Product::MySql),
            ("/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump", Product::MySql),
            (
                "-- phpMyAdmin SQL Dump\n-- version 5.2.1\n\nSET SQL_MODE = \"x\";\nCREATE TABLE `a`",
                Product::MySql,
            ),
            ("# ****\n# Sequel Ace SQL dump\n\n/*!40101 SET NAMES */;", Product::MySql),
            ("-- Adminer 4.8.1 MySQL 8.0 dump\n\nSET NAMES utf8;", Product::MySql),
            ("/*\n Navicat\n Source Server Type: MySQL\n*/\n\nSET NAMES utf8mb4;", Product::MySql),
            (
                "--\n-- PostgreSQL database dump\n--\n\n\\restrict x\n\nSET statement_timeout = 0;",
                Product::PostgreSql,
            ),
            ("COPY public.users (id) FROM stdin;\n1\n", Product::PostgreSql),
            ("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;", Product::Sqlite),
            ("BEGIN TRANSACTION;\nCREATE TABLE IF NOT EXISTS \"User\" (\n", Product::Sqlite),
            (
                "insert into users (id, username) values (1, 'mysql` PostgreSQL \\' pragma ');",
                Product::Unknown,
            ),
            ("INSERT INTO users VALUES(1,'a');", Product::Unknown),
            ("INSERT INTO `users` VALUES(1,'a');", Product::MySql),
            ("-- MariaDB dump\nSET x; INSERT INTO a VALUES ('PostgreSQL::');", Product::MySql),
        ] {
            assert_eq!(product(begin.as_bytes()), Some(expected), "{begin}");
        }
    }

    #[test]
    fn file_that_is_no_sql_is_of_no_product() {
        for begin in [
            "",
            "--",
            "-- a comment alone\n",
            "id,username\n",
            "settings,username,password\n",
            "use,username\n",
            "{\"a\": 1}",
            "# Django settings loaded\n[{}]",
            "- model: auth.user\n",
        ] {
            assert_eq!(product(begin.as_bytes()), None, "{begin}");
        }
    }
}
