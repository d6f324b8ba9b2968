//! Which program wrote a file.

use clap::ValueEnum;

/// A program that writes dumps or CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WrittenBy {
    /// MySQL or MariaDB.
    #[value(name = "mysql")]
    MySql,
    /// PostgreSQL.
    #[value(name = "postgresql")]
    PostgreSql,
    /// SQLite.
    Sqlite,
    /// A spreadsheet, or another program that writes CSV with tabs.
    Spreadsheet,
}
