//! Dumps in SQL, as mysqldump, mariadb-dump, phpMyAdmin, pg_dump, sqlite3 and database clients write them.
//!
//! A statement may be as long as the file. So the scanner cuts it into its rows, by quotes and brackets, and
//! `sqlparser` reads one row at a time. `sqlparser` does not read the lines of `COPY`; they are split at
//! their tabs.

mod create_table;
mod product;
mod scanner;
mod statement;
#[cfg(test)]
mod tests;
pub(super) mod values;

use std::collections::HashMap;
use std::io::{self, BufRead};

use serde_json::Value;
use sqlparser::ast::{CopySource, Insert, ObjectName, ObjectNamePart, Statement, TableObject};
use sqlparser::dialect::{Dialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

pub(super) use self::product::{Product, has_last_comment, product};
use self::scanner::Scanner;
use self::statement::{Head, Kind, Piece};
use super::reader::{ReadError, ReadRows};
use super::row::{Position, Row, dump_record};
use crate::import::reason::Reason;
use crate::import::source::Meter;

/// The rows of a dump, each as `{"model": table, "fields": {column: value}}`.
pub(super) struct SqlRows<R> {
    scanner: Scanner<R>,
    meter: Meter,
    product: Product,
    dialect: Box<dyn Dialect + Send>,
    /// The columns of each table that was created.
    columns: HashMap<String, Vec<String>>,
    /// The tables whose rows are read. `None` stands for all tables that have a user's columns.
    wanted: Option<&'static [&'static str]>,
    /// The database of each table whose rows were read.
    databases: HashMap<String, String>,
    /// Why reading stopped.
    stop: Option<String>,
    /// The table whose rows are read.
    rows_of: Option<Table>,
    /// Whether the tool that wrote the dump ends it with a comment of its own.
    has_last_comment: bool,
}

/// The table of a statement.
#[derive(Clone)]
struct Table {
    name: String,
    /// The database or schema, if the statement names it.
    database: Option<String>,
    columns: Vec<String>,
    /// Whether its rows are lines of `COPY`.
    is_copy: bool,
}

impl Table {
    /// Whether it has a user's columns, or may have them. SQLite keeps the last ids in `sqlite_sequence`,
    /// which no dump creates.
    fn may_have_users(&self) -> bool {
        let has = |name: &str| self.columns.iter().any(|column| column == name);
        let is_unknown = self.columns.is_empty() && self.name != "sqlite_sequence";
        is_unknown || has("password") && (has("username") || has("email"))
    }
}

impl<R: BufRead> SqlRows<R> {
    /// The rows of a dump of this product: of these tables, or of the tables that have a user's columns.
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
            Product::Sqlite | Product::Unknown => Box::new(SQLiteDialect {}),
        };
        let scanner = Scanner::new(reader, product);
        Self {
            scanner,
            meter,
            product,
            dialect,
            columns: HashMap::new(),
            wanted,
            databases: HashMap::new(),
            stop: None,
            rows_of: None,
            has_last_comment,
        }
    }

    /// Reads up to the next row that is wanted, and reads that.
    fn next_row(&mut self) -> io::Result<Option<Row>> {
        loop {
            if self.stop.is_some() {
                return Ok(None);
            }
            let Some(table) = self.rows_of.clone() else {
                let line = self.scanner.line_number();
                let Some(head) = self.scanner.head()? else { return Ok(None) };
                if head.kind == Kind::InsertWithoutValues && self.may_have_users(&head.text) {
                    let shown = Value::String(head.text);
                    return Ok(Some(Row {
                        position: Position::line(line),
                        record: Err((Reason::NotSql, shown)),
                    }));
                }
                self.rows_of = self.table_of(&head);
                if let Some(table) = self.rows_of.clone().filter(|table| self.is_wanted(table)) {
                    self.stop = self.other_database(&table);
                }
                continue;
            };
            let is_wanted = self.is_wanted(&table);
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

    fn is_wanted(&self, table: &Table) -> bool {
        self.wanted.map_or_else(|| table.may_have_users(), |wanted| wanted.contains(&table.name.as_str()))
    }

    /// Whether a statement that cannot be read may have users in it.
    fn may_have_users(&self, statement: &str) -> bool {
        self.wanted.map_or_else(
            || statement.contains("password"),
            |tables| tables.iter().any(|t| statement.contains(t)),
        )
    }

    /// Returns what is wrong if a table is in two databases, whose users are not the same people.
    fn other_database(&mut self, table: &Table) -> Option<String> {
        let (named, chosen) = (table.database.clone(), self.scanner.database());
        // PostgreSQL names schemas, and each database has its own.
        let database = match self.product {
            Product::PostgreSql => format!("{}.{}", chosen.unwrap_or_default(), named.unwrap_or_default()),
            Product::MySql | Product::Sqlite | Product::Unknown => named.or(chosen).unwrap_or_default(),
        };
        let first = self.databases.entry(table.name.clone()).or_insert_with(|| database.clone());
        (*first != database).then(|| {
            format!(
                "the table {} is in two databases or schemas, {first} and {database}: dump one of them",
                table.name
            )
        })
    }

    /// Returns the table whose rows follow this head of a statement.
    fn table_of(&mut self, head: &Head) -> Option<Table> {
        let parse = |sql: String| Parser::parse_sql(&*self.dialect, &sql).ok()?.pop();
        match head.kind {
            Kind::Create => {
                if let Some((name, mut columns)) = create_table::columns(&head.text, self.product) {
                    let table = Table { name, database: None, columns: columns.clone(), is_copy: false };
                    if !self.is_wanted(&table) {
                        // It is enough to know that the table has other columns than a user's.
                        columns.truncate(1);
                    }
                    self.columns.insert(table.name, columns);
                }
                None
            }
            Kind::Insert => {
                let Some(Statement::Insert(Insert { table: TableObject::TableName(name), columns, .. })) =
                    parse(format!("{} (NULL)", head.text))
                else {
                    return None;
                };
                let database = qualifier(&name);
                let name = last(&name)?;
                let named: Vec<String> = columns.iter().map(last).collect::<Option<_>>()?;
                let columns = if named.is_empty() {
                    self.columns.get(&name).cloned().unwrap_or_default()
                } else {
                    named
                };
                Some(Table { name, database, columns, is_copy: false })
            }
            Kind::Copy => {
                let Some(Statement::Copy { source: CopySource::Table { table_name, columns }, .. }) =
                    parse(format!("{};\n\\.", head.text))
                else {
                    return None;
                };
                let columns = columns.iter().map(|column| column.value.clone()).collect();
                Some(Table {
                    name: last(&table_name)?,
                    database: qualifier(&table_name),
                    columns,
                    is_copy: true,
                })
            }
            Kind::Other | Kind::InsertWithoutValues => None,
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

impl<R: BufRead> ReadRows for SqlRows<R> {
    fn read_row(&mut self) -> Result<Option<Row>, ReadError> {
        if let Some(row) = self.next_row()? {
            return Ok(Some(row));
        }
        let what = if let Some(stop) = &self.stop {
            stop
        } else if self.scanner.is_ambiguous() {
            "a text has a backslash, which MySQL reads otherwise than others, and nothing before the rows shows whose SQL it \
             is: name it with --written-by"
        } else if self.scanner.is_cut_off() {
            "the dump ends within a statement: it is cut off"
        } else if self.has_last_comment && !self.scanner.is_complete() {
            "the dump ends without the comment that it is complete: it is cut off"
        } else {
            return Ok(None);
        };
        Err(ReadError::broken(self.current_line(), what))
    }

    fn current_line(&self) -> u64 {
        self.scanner.line_number()
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }
}

/// Reads a line of `COPY` in text format (PostgreSQL's documentation of COPY, "File Formats").
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
        Ok(dump_record(&table.name, None, table.columns.iter().cloned().zip(values).collect()))
    });
    let shown = || Value::String(String::from_utf8_lossy(&piece.bytes).into_owned());
    Row { position: Position::line(piece.line), record: record.map_err(|reason| (reason, shown())) }
}

/// Returns the schema or database before the name.
fn qualifier(name: &ObjectName) -> Option<String> {
    let before = name.0.get(..name.0.len().saturating_sub(1)).filter(|before| !before.is_empty())?;
    Some(before.iter().map(ToString::to_string).collect::<Vec<_>>().join("."))
}

/// Returns the name without the schema.
fn last(name: &ObjectName) -> Option<String> {
    match name.0.last()? {
        ObjectNamePart::Identifier(identifier) => Some(identifier.value.clone()),
        ObjectNamePart::Function(_) => None,
    }
}
