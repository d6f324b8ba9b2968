//! The part `import`: the speed and the memory of the compiled `postern import` and `postern export`,
//! compared with users that are created one by one, and the import of each product's dump. `-- import
//! --rows=1000000` shows whether memory grows with the file.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use postern::environment::Environment;
use postern::store::operator::Operator;
use postern_local::dynamodb::{NAME, Table};
use postern_tests::binary::in_workspace;

use crate::process::cargo;

const ROWS: u64 = 20_000;
/// The number of users that are created one by one.
const ALONE: u64 = 1_000;
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

pub(crate) async fn run() {
    let rows = std::env::args().find_map(|argument| argument.strip_prefix("--rows=")?.parse().ok());
    let rows: u64 = rows.unwrap_or(ROWS);
    let binary = build();
    let file = std::env::temp_dir().join(format!("postern-bench-{}.jsonl", std::process::id()));
    write_rows(&file, rows);
    let table = Table::start(0, None, None).await.unwrap();
    let store = Operator::from_env(&table.environment(&Environment::of::<&str, &str>([]))).unwrap();
    store.create_table().await.unwrap();
    let name = file.to_str().unwrap();

    let alone = one_by_one().await;
    let dry = measure(&binary, &table, &["import", "jsonl", name, "--dry-run"]).await;
    let real = measure(&binary, &table, &["import", "jsonl", name]).await;
    let again = measure(&binary, &table, &["import", "jsonl", name]).await;
    let export = measure(&binary, &table, &["export"]).await;
    let megabytes = fs::metadata(&file).unwrap().len() as f64 / 1e6;
    fs::remove_file(&file).unwrap();

    println!("\n{rows} users in {megabytes:.0} MB of JSON lines, embedded store, compiled `postern`\n");
    println!("  {:<28} {:>12} {:>14}", "", "users per s", "peak memory");
    println!("  {:<28} {alone:>12.0}", "create_user, one by one");
    for (what, (took, peak)) in
        [("import --dry-run", dry), ("import", real), ("import, all there", again), ("export", export)]
    {
        println!("  {what:<28} {:>12.0} {peak:>11.1} MB", rows as f64 / took.as_secs_f64());
    }
    println!("  import / one by one          {:12.1}", rows as f64 / real.0.as_secs_f64() / alone);
    products(&binary, rows).await;
}

/// Imports the dump of each product into a new table.
async fn products(binary: &Path, rows: u64) {
    let folder = std::env::temp_dir().join(format!("postern-bench-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let key = in_workspace("admin/tests/data/freesewing.key");
    println!(
        "\n{rows} users in each product's dump\n\n  {:<28} {:>12} {:>14}",
        "", "users per s", "peak memory"
    );
    for (what, write, arguments) in [
        ("django, pg_dump", write_django as fn(&mut dyn Write, u64), vec!["django"]),
        ("datepoll, mysqldump", write_datepoll, vec!["datepoll"]),
        (
            "freesewing, sqlite3 -json",
            write_freesewing,
            vec!["freesewing", "--encryption-key", key.to_str().unwrap()],
        ),
        ("selfcommunity, CSV", write_selfcommunity, vec!["csv"]),
    ] {
        let path = file(arguments[0]);
        let mut out = BufWriter::new(File::create(&path).unwrap());
        write(&mut out, rows);
        out.flush().unwrap();
        let table = Table::start(0, None, None).await.unwrap();
        let store = Operator::from_env(&table.environment(&Environment::of::<&str, &str>([]))).unwrap();
        store.create_table().await.unwrap();
        let arguments = [&["import"], &arguments[..1], &[path.as_str()], &arguments[1..]].concat();
        let (took, peak) = measure(binary, &table, &arguments).await;
        println!("  {what:<28} {:>12.0} {peak:>11.1} MB", rows as f64 / took.as_secs_f64());
    }
    fs::remove_dir_all(&folder).unwrap();
}

fn write_django(out: &mut dyn Write, rows: u64) {
    const HASH: &str =
        "pbkdf2_sha256$1000000$abcdefghijklmnopqrstuv$2Q1YqRMJyjqg2AY21ZFOi4LoJwz+92EwDWQ26+3qExI=";
    out.write_all(
        b"--\n-- PostgreSQL database dump\n--\n\nCOPY public.auth_user (id, password, last_login, is_superuser, username, \
          first_name, last_name, email, is_staff, is_active, date_joined) FROM stdin;\n",
    )
    .unwrap();
    for id in 1..=rows {
        writeln!(
            out,
            "{id}\t{HASH}\t\\N\tf\tuser{id}\tJohn\tDoe\tuser{id}@example.com\tf\tt\t2022-11-19 18:15:22.642817+00"
        )
        .unwrap();
    }
    out.write_all(b"\\.\n\n--\n-- PostgreSQL database dump complete\n--\n").unwrap();
}

fn write_datepoll(out: &mut dyn Write, rows: u64) {
    const HASH: &str = "$2y$10$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W";
    // Statements of about a megabyte, as mysqldump writes them.
    let statement = |out: &mut dyn Write, table: &str, columns: &str, row: &dyn Fn(u64) -> String| {
        let columns: Vec<String> = columns.split(' ').map(|name| format!("`{name}` text")).collect();
        writeln!(out, "CREATE TABLE `{table}` ({});", columns.join(",\n")).unwrap();
        for id in 1..=rows {
            let before =
                if id % 8_000 == 1 { format!("INSERT INTO `{table}` VALUES ") } else { ",".to_owned() };
            let after = if id % 8_000 == 0 || id == rows { ";\n" } else { "" };
            write!(out, "{before}{}{after}", row(id)).unwrap();
        }
    };
    out.write_all(b"-- MariaDB dump 10.19\n/*!40101 SET NAMES utf8mb4 */;\n").unwrap();
    statement(out, "user_email_addresses", "id email user_id", &|id| {
        format!("({id},'user{id}@example.com',{id})")
    });
    let columns =
        "id username password force_password_change firstname surname activated created_at updated_at";
    statement(out, "users", columns, &|id| {
        format!("({id},'user{id}','{HASH}',0,'John','Doe',1,'2022-11-19 18:15:22','2022-11-19 18:15:22')")
    });
    out.write_all(b"-- Dump completed on 2026-11-29 20:00:00\n").unwrap();
}

fn write_freesewing(out: &mut dyn Write, rows: u64) {
    let fixture = fs::read_to_string(in_workspace("admin/tests/data/freesewing.jsonl")).unwrap();
    let mut row: serde_json::Value = serde_json::from_str(fixture.lines().next().unwrap()).unwrap();
    row.as_object_mut().unwrap().remove("ehash");
    for id in 1..=rows {
        // The address differs for each user, so it is not encrypted here.
        row["id"] = id.into();
        row["username"] = format!("user{id}").into();
        row["email"] = format!("user{id}@example.com").into();
        writeln!(out, "{}{row}", if id == 1 { "[" } else { "," }).unwrap();
    }
    out.write_all(b"]\n").unwrap();
}

fn write_selfcommunity(out: &mut dyn Write, rows: u64) {
    writeln!(out, "id,username,email,password_hash,sso.ext_id,sso.role,sso.tags").unwrap();
    for id in 1..=rows {
        writeln!(out, "{id},user{id},user{id}@example.com,\"{HASH}\",{id},moderator,3 5").unwrap();
    }
}

/// Creates users one by one in a new table. Returns users per second.
async fn one_by_one() -> f64 {
    let table = Table::start(0, None, None).await.unwrap();
    let store = Operator::from_env(&table.environment(&Environment::of::<&str, &str>([]))).unwrap();
    store.create_table().await.unwrap();
    let users: Vec<_> = (1..=ALONE).map(|id| serde_json::from_value(user(id)).unwrap()).collect();
    let began = Instant::now();
    for user in users {
        store.create_user(user).await.unwrap();
    }
    ALONE as f64 / began.elapsed().as_secs_f64()
}

/// Returns a user as the table stores it.
fn user(id: u64) -> serde_json::Value {
    serde_json::json!({
        "version": 1, "id": id, "username": format!("user{id}"), "email": format!("user{id}@example.com"),
        "password_hash": HASH, "status": "active", "epoch": 0, "created_at": 0, "updated_at": 0,
        "attributes": {"email": {"first_name": "John", "last_name": "Doe"}},
    })
}

fn write_rows(path: &Path, rows: u64) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    for id in 1..=rows {
        writeln!(
            out,
            r#"{{"id":{id},"username":"user{id}","email":"user{id}@example.com","password_hash":"{HASH}","status":"active","created_at":"2022-11-19T18:15:22.642Z","attributes":{{"email":{{"first_name":"John","last_name":"Doe"}}}}}}"#
        )
        .unwrap();
    }
    out.flush().unwrap();
}

/// Runs a command. Returns its time, and its peak memory in MB.
async fn measure(binary: &Path, table: &Table, arguments: &[&str]) -> (Duration, f64) {
    let began = Instant::now();
    let mut child = Command::new(binary)
        .args(["--table", NAME, "--endpoint-url", &table.endpoint(), "--json"])
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0.0;
    loop {
        // The store runs on this thread, so this must not block.
        tokio::time::sleep(Duration::from_millis(5)).await;
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return (began.elapsed(), peak);
        }
        peak = high_water(child.id()).unwrap_or(peak);
    }
}

/// Returns the peak memory of a process, in MB.
fn high_water(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib * 1.024 / 1000.0)
}

/// Builds the operator's command in the profile of the benchmark, since it need not be as small as a Lambda
/// function. Returns its path.
fn build() -> PathBuf {
    let built = cargo().args(["build", "--profile", "bench", "-p", "postern-admin"]).status().unwrap();
    assert!(built.success(), "the operator's command builds");
    in_workspace("target/release").join("postern")
}
