//! `postern import` and `postern export` as they are compiled, over an embedded table.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod conflicts;
mod crashes;
mod dumps;
mod files;
mod formats;
mod hashes;
mod inputs;
mod join;
mod new_ids;
mod products;
mod rerun;
mod round_trip;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use postern::random::random;
use postern::store::operator::Operator;
use postern_local::dynamodb::NAME;
use postern_tests::calls;
use postern_tests::table::Table;
use serde_json::Value;

/// A table, a directory, and the command that works on both.
pub(crate) struct Deployment {
    pub(crate) table: Table,
    pub(crate) store: Operator,
    pub(crate) directory: PathBuf,
}

/// The output of a run of the command.
pub(crate) struct CliOutput {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Deployment {
    pub(crate) async fn start() -> Self {
        let table = Table::start().await;
        let store = Operator::from_env(&table.environment()).unwrap();
        store.create_table().await.unwrap();
        let directory = std::env::temp_dir().join(format!("postern-import-{}", hex::encode(random::<8>())));
        fs::create_dir(&directory).unwrap();
        Self { table, store, directory }
    }

    /// A file in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_at(&self.table.endpoint(), arguments)
    }

    /// The same where the table is reached at this address.
    pub(crate) fn command_at(&self, endpoint: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        command
            .args(["--table", NAME, "--endpoint-url", endpoint, "--json"])
            .args(arguments)
            .current_dir(&self.directory)
            .env("AWS_ACCESS_KEY_ID", calls::operator(arguments))
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env_remove("FREESEWING_ENCRYPTION_KEY")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> CliOutput {
        CliOutput::of(&self.command(arguments).output().unwrap())
    }

    pub(crate) fn export(&self) -> String {
        let output = self.run(&["export"]);
        assert_eq!((output.code, output.err.as_str()), (Some(0), ""));
        output.out
    }

    /// The ids and usernames in the table.
    pub(crate) fn users(&self) -> Vec<(u64, String)> {
        let export = self.export();
        let users = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        users
            .map(|user| (user["id"].as_u64().unwrap(), user["username"].as_str().unwrap().to_owned()))
            .collect()
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl CliOutput {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{} {}", self.out, self.err))
    }

    /// The numbers of the summary: imported, already there, rejected.
    pub(crate) fn counts(&self) -> [u64; 3] {
        let json = self.json();
        ["imported", "already_there", "rejected"].map(|name| json[name].as_u64().unwrap())
    }
}

/// The lines and reasons of a file of rejected rows.
pub(crate) fn rejected(path: &Path) -> Vec<(u64, String)> {
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut rows: Vec<_> =
        rows.map(|row| (row["line"].as_u64().unwrap(), row["reason"].as_str().unwrap().to_owned())).collect();
    rows.sort();
    rows
}
