//! Dumps in SQL, as mysqldump, mariadb-dump, phpMyAdmin, pg_dump, sqlite3 and database clients write them.
//!
//! A statement may be as long as the file. So it is cut into its rows here, by quotes and brackets, and `sqlparser` reads
//! one row at a time. Rows of `COPY` are lines, which it does not read.

use std::collections::HashMap;
use std::io::{self, BufRead};

use serde_json::Value;
use sqlparser::ast::{CopySource, Insert, ObjectName, ObjectNamePart, Statement, TableObject};
use sqlparser::dialect::{Dialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

pub(super) use self::detect::{has_last_comment, product};
use super::scan::Scanner;
use super::{Broken, Position, Row, of_dump};
use super::{create, values};
use crate::import::reason::Reason;
use crate::import::source::{MAX_ROW, Meter};

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::import::rows) enum Product {
    /// MySQL or MariaDB.
    MySql,
    /// PostgreSQL.
    PostgreSql,
    /// SQLite.
    Sqlite,
}

/// The rows of a dump, each as `{"model": table, "fields": {column: value}}`.
pub struct SqlRows<R> {
    scanner: Scanner<R>,
    meter: Meter,
    product: Product,
    dialect: Box<dyn Dialect + Send>,
    /// The columns of each table that was created.
    columns: HashMap<String, Vec<String>>,
    /// The tables that matter; where that is not known, those that have users by their columns.
    wanted: Option<&'static [&'static str]>,
    /// The table whose rows are read.
    rows_of: Option<Table>,
    /// The tool that wrote the dump ends it with a comment of its own.
    has_last_comment: bool,
    ended: bool,
}

/// The table of a statement.
#[derive(Clone)]
struct Table {
    name: String,
    columns: Vec<String>,
    /// Its rows are lines of `COPY`.
    is_copy: bool,
}

impl Table {
    /// Whether it has users by its columns. SQLite keeps the last ids in a table that it does not create in a dump.
    fn may_have_users(&self) -> bool {
        let has = |name: &str| self.columns.iter().any(|column| column == name);
        let is_unknown = self.columns.is_empty() && self.name != "sqlite_sequence";
        is_unknown || has("password") && (has("username") || has("email"))
    }
}

impl<R: BufRead> SqlRows<R> {
    /// The rows of a dump of this product, of these tables or of those that have users.
    pub(super) fn new(
        reader: R,
        meter: Meter,
        product: Product,
        wanted: Option<&'static [&'static str]>,
        has_last_comment: bool,
    ) -> Self {
        let dialect: Box<dyn Dialect + Send> = match product {
            Product::MySql => Box::new(MySqlDialect {}),
            Product::PostgreSql => Box::new(PostgreSqlDialect {}),
            Product::Sqlite => Box::new(SQLiteDialect {}),
        };
        let scanner = Scanner::new(reader, product);
        Self {
            scanner,
            meter,
            product,
            dialect,
            columns: HashMap::new(),
            wanted,
            rows_of: None,
            has_last_comment,
            ended: false,
        }
    }

    /// What was read of the file.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    fn read(&mut self) -> io::Result<Option<Row>> {
        loop {
            let Some(table) = self.rows_of.clone() else {
                let Some(head) = self.scanner.head()? else { return Ok(None) };
                self.rows_of = self.open(&head);
                continue;
            };
            let is_wanted = self
                .wanted
                .map_or_else(|| table.may_have_users(), |wanted| wanted.contains(&table.name.as_str()));
            let piece = match table.is_copy {
                true => self.scanner.line()?.filter(|line| line.bytes != b"\\."),
                false => self.scanner.tuple()?,
            };
            match piece {
                None => self.rows_of = None,
                Some(_) if !is_wanted => {}
                Some(line) if table.is_copy => return Ok(Some(copied(&table, &line))),
                Some(tuple) => return Ok(Some(self.inserted(&table, &tuple))),
            }
        }
    }

    /// The table whose rows follow this head of a statement, if any do.
    fn open(&mut self, head: &Head) -> Option<Table> {
        let parse = |sql: String| Parser::parse_sql(&*self.dialect, &sql).ok()?.pop();
        match head.kind {
            Kind::Create => {
                self.columns.extend(create::columns(&head.text, self.product));
                None
            }
            Kind::Insert => {
                let Some(Statement::Insert(Insert { table: TableObject::TableName(name), columns, .. })) =
                    parse(format!("{} (NULL)", head.text))
                else {
                    return None;
                };
                let name = last(&name)?;
                let named: Vec<String> = columns.iter().map(last).collect::<Option<_>>()?;
                let columns = if named.is_empty() {
                    self.columns.get(&name).cloned().unwrap_or_default()
                } else {
                    named
                };
                Some(Table { name, columns, is_copy: false })
            }
            Kind::Copy => {
                let Some(Statement::Copy { source: CopySource::Table { table_name, columns }, .. }) =
                    parse(format!("{};\n\\.", head.text))
                else {
                    return None;
                };
                let columns = columns.iter().map(|column| column.value.clone()).collect();
                Some(Table { name: last(&table_name)?, columns, is_copy: true })
            }
            Kind::Other => None,
        }
    }

    fn inserted(&self, table: &Table, tuple: &Piece) -> Row {
        let values = tuple.text().and_then(|text| {
            let values = Parser::new(&*self.dialect).try_with_sql(text).and_then(|mut p| p.parse_expr());
            values.map_err(|_| Reason::NotSql).and_then(|values| values::of_tuple(&values))
        });
        row(table, tuple, values)
    }
}

impl<R: BufRead> Iterator for SqlRows<R> {
    type Item = Result<Row, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.read() {
            Ok(Some(row)) => Some(Ok(row)),
            Ok(None) => {
                self.ended = true;
                let what = if self.scanner.is_cut_off() {
                    "the dump ends within a statement: it is cut off"
                } else if self.has_last_comment && !self.scanner.is_complete() {
                    "the dump ends without the comment that it is complete: it is cut off"
                } else {
                    return None;
                };
                Some(Err(Broken { line: self.scanner.line_number(), what: what.to_owned() }))
            }
            Err(error) => {
                self.ended = true;
                let what = format!("the file cannot be read any further: {error}");
                Some(Err(Broken { line: self.scanner.line_number(), what }))
            }
        }
    }
}

/// The beginning of a statement: all of it, or up to where its rows begin.
pub(super) struct Head {
    /// What kind of statement it is.
    pub(super) kind: Kind,
    /// Its text.
    pub(super) text: String,
}

/// The statements that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `CREATE TABLE`.
    Create,
    /// `INSERT` or `REPLACE`, up to `VALUES`.
    Insert,
    /// `COPY`, up to the lines.
    Copy,
    /// Anything else.
    Other,
}

/// A row as it stands in the file.
pub(super) struct Piece {
    /// The line on which it begins.
    pub(super) line: u64,
    /// Its bytes; of one that is too long, enough to know that.
    pub(super) bytes: Vec<u8>,
}

impl Piece {
    fn text(&self) -> Result<&str, Reason> {
        if self.bytes.len() > MAX_ROW {
            return Err(Reason::TooLong);
        }
        std::str::from_utf8(&self.bytes).map_err(|_| Reason::NotUtf8)
    }
}

/// A line of `COPY` in text format (PostgreSQL's documentation of COPY, "File Formats").
fn copied(table: &Table, line: &Piece) -> Row {
    let values = line.text().map(|text| text.split('\t').map(values::of_copy).collect());
    row(table, line, values)
}

fn row(table: &Table, piece: &Piece, values: Result<Vec<Value>, Reason>) -> Row {
    let record = values.and_then(|values| {
        if table.columns.is_empty() {
            return Err(Reason::NoColumns { table: table.name.clone() });
        }
        if values.len() != table.columns.len() {
            return Err(Reason::Fields { found: values.len(), columns: table.columns.len() });
        }
        Ok(of_dump(&table.name, table.columns.iter().cloned().zip(values).collect()))
    });
    let shown = || Value::String(String::from_utf8_lossy(&piece.bytes).into_owned());
    Row { position: Position::line(piece.line), record: record.map_err(|reason| (reason, shown())) }
}

/// The name without the schema.
fn last(name: &ObjectName) -> Option<String> {
    match name.0.last()? {
        ObjectNamePart::Identifier(identifier) => Some(identifier.value.clone()),
        ObjectNamePart::Function(_) => None,
    }
}

mod detect;
#[cfg(test)]
mod tests;
