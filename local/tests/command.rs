//! Tests of the compiled command of `cargo run`: its output, its ports and its options.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a suite fails by panicking")]
#![allow(clippy::zombie_processes, reason = "a child that is not waited for is killed, and the test ends")]

use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Output};

use running::{Running, command, http, ready, start};

mod running;

const JOHNDOE: &str = r#"{"username":"johndoe","password":"SecurePass123!"}"#;

fn refused(options: &[&str]) -> String {
    let Output { status, stdout, stderr } = command(options).output().unwrap();
    assert!(!status.success());
    assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
    String::from_utf8(stderr).unwrap()
}

fn sign_in(address: &str) -> String {
    sign_in_as(address, JOHNDOE)
}

fn sign_in_as(address: &str, body: &str) -> String {
    let length = body.len();
    http(
        address,
        &format!(
            "POST /api/v2/account/signin/ HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
    )
}

#[cfg(unix)]
fn interrupt(running: &mut Running) -> bool {
    let id = running.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    running.child.wait().unwrap().success()
}

/// `postern --local attempts` reads the file. A new server begins a new one.
#[test]
fn audit_events_are_in_a_private_file_of_the_latest_server() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("audit-events");
    let file = folder.join("postern/audit.jsonl");
    for turn in 0..2 {
        let mut command = command(&["--port", "0", "--dynamodb-port", "0"]);
        command.env("XDG_RUNTIME_DIR", &folder);
        let running = ready(command);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "", "turn {turn}");
        sign_in(&running.ready);
        let events = std::fs::read_to_string(&file).unwrap();
        assert_eq!(events.lines().count(), 1, "{events}");
        assert!(events.contains(r#""outcome":"signed_in","user_id":1"#), "{events}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn command_prints_examples_signs_in_and_ends_cleanly() {
    let mut running = start(&["--port", "0", "--dynamodb-port", "0"]);
    let output = running.output.join("\n");
    for text in [
        "johndoe",
        "pässwörd ☃",
        "account  curl",
        "sso      curl",
        "session  curl",
        "mfa      curl",
        "email    curl",
    ] {
        assert!(output.contains(text), "{text} is not in: {output}");
    }
    let reply = sign_in(&running.ready);
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(reply.contains(r#""token_type":"Bearer""#), "{reply}");
    #[cfg(unix)]
    assert!(interrupt(&mut running), "Ctrl-C is a clean end");
}

/// The query may hold a token, and a path may hold control characters. The log is not a terminal here, so it has the audit
/// events.
#[cfg(unix)]
#[test]
fn each_request_prints_a_line_without_its_query() {
    let lines = |options: &[&str]| {
        let mut running = start(&[&["--port", "0", "--dynamodb-port", "0"], options].concat());
        assert!(sign_in(&running.ready).starts_with("HTTP/1.1 200 "));
        assert!(sign_in_as(&running.ready, "{}").starts_with("HTTP/1.1 400 "));
        for path in ["/whoami/jwt?token=secret", "/a\u{9b}31m", "/%1b%5b31m"] {
            http(&running.ready, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
        }
        assert!(interrupt(&mut running));
        let (mut printed, mut log) = (String::new(), String::new());
        running.child.stdout.as_mut().unwrap().read_to_string(&mut printed).unwrap();
        running.child.stderr.as_mut().unwrap().read_to_string(&mut log).unwrap();
        assert!(log.contains(r#""outcome":"signed_in""#), "{log}");
        printed
    };
    let printed = lines(&[]);
    let without_times = printed.lines().map(|line| match line.split_once(" ms  ") {
        Some((status, rest)) => format!("{} {rest}", status.split(' ').next().unwrap()),
        None => line.to_owned(),
    });
    assert_eq!(
        without_times.collect::<Vec<_>>(),
        [
            "200 POST /api/v2/account/signin/  signed_in",
            "400 POST /api/v2/account/signin/",
            "401 GET /whoami/jwt  no_token",
            r"404 GET /a\u{9b}31m",
            "404 GET /%1b%5b31m",
            "Stopped.",
        ]
    );
    assert_eq!(lines(&["--quiet"]), "Stopped.\n");
}

/// The functions read the settings from the command's environment.
#[test]
fn throttle_has_the_settings_of_the_environment() {
    let wrong = r#"{"username":"johndoe","password":"wrong"}"#;
    let options = ["--port", "0", "--dynamodb-port", "0"];
    let mut locked = command(&options);
    locked.env("THROTTLE_FREE_FAILURES", "1").env("THROTTLE_LOCK_AFTER", "2");
    locked.env("THROTTLE_MAX_WAIT_SECONDS", "77");
    let locked = ready(locked);
    let mut tried = 0;
    loop {
        let reply = sign_in_as(&locked.ready, wrong);
        match reply.starts_with("HTTP/1.1 401 ") {
            true => tried += 1,
            // After the first failure the name waits for a second. After the second it is locked.
            false if reply.contains("\r\nretry-after: 1\r\n") => {
                assert_eq!(tried, 1);
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            false => {
                assert!(reply.starts_with("HTTP/1.1 429 "), "{reply}");
                assert!(reply.contains("\r\nretry-after: 77\r\n"), "{reply}");
                break;
            }
        }
    }
    assert_eq!(tried, 2);

    let mut address = command(&options);
    address.env("THROTTLE_ADDRESS_LIMIT", "1").env("THROTTLE_ADDRESS_WINDOW_SECONDS", "86400");
    let address = ready(address);
    assert!(sign_in_as(&address.ready, wrong).starts_with("HTTP/1.1 401 "));
    // A new day may have begun after the first request, so one of two more must be refused.
    let replies = [sign_in_as(&address.ready, wrong), sign_in_as(&address.ready, wrong)];
    assert!(replies[1].starts_with("HTTP/1.1 429 "), "{replies:?}");

    for (name, value) in [("THROTTLE_FREE_FAILURES", "0"), ("THROTTLE_ADDRESS_LIMIT", "many")] {
        let Output { status, stderr, .. } = command(&options).env(name, value).output().unwrap();
        assert!(!status.success());
        assert!(String::from_utf8(stderr).unwrap().contains(name), "{name}");
    }
}

/// RFC 9110 §9.3.2.
#[test]
fn head_request_gets_the_reply_of_get_without_a_body() {
    let running = start(&["--port", "0", "--dynamodb-port", "0"]);
    let address = running.ready.as_str();
    for path in ["/.well-known/jwks.json", "/.well-known/jwks.json/", "/api/profile/", "/whoami/jwt"] {
        let ask = |method: &str| {
            let reply =
                http(address, &format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
            let (head, body) = reply.split_once("\r\n\r\n").unwrap();
            let varies = |line: &&str| !line.starts_with("x-request-id:") && !line.starts_with("date:");
            (head.lines().filter(varies).map(str::to_owned).collect::<Vec<_>>(), body.to_owned())
        };
        let ((head, no_body), (get, body)) = (ask("HEAD"), ask("GET"));
        assert_eq!((head, no_body.as_str()), (get, ""), "{path}");
        assert!(!body.is_empty(), "{path}");
    }
}

#[test]
fn table_only_serves_nothing_but_the_dynamodb_api() {
    let running = start(&["--table-only", "--dynamodb-port", "0"]);
    let reply = http(
        &running.ready,
        &format!("GET / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", running.ready),
    );
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(!running.output.join("\n").contains("curl"));
}

#[cfg(target_os = "linux")]
#[test]
fn no_demo_users_leaves_the_table_empty() {
    let mut running = start(&["--port", "0", "--dynamodb-port", "0", "--no-demo-users"]);
    assert!(sign_in(&running.ready).contains("401 Unauthorized"));
    let output = running.output.join("\n");
    assert!(output.contains("no demo users") && !output.contains("johndoe"), "{output}");
    running.child.kill().unwrap();
}

#[test]
fn dynamodb_address_serves_the_table_to_containers() {
    for address in ["0.0.0.0", "127.0.0.2"] {
        let running = start(&["--table-only", "--dynamodb-port", "0", "--dynamodb-address", address]);
        let port = running.ready.rsplit(':').next().unwrap();
        for host in ["127.0.0.1", "127.0.0.2"] {
            let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            assert!(http(&format!("{host}:{port}"), &request).starts_with("HTTP/1.1 200 OK\r\n"));
        }
    }
    let output = refused(&["--table-only", "--dynamodb-port", "0", "--dynamodb-address", "192.0.2.1"]);
    assert!(output.contains("of 192.0.2.1 cannot be used"), "{output}");
}

#[cfg(unix)]
#[test]
fn data_file_keeps_the_table() {
    let file = std::env::temp_dir().join(format!("postern-{}.db", std::process::id()));
    let options = ["--port", "0", "--dynamodb-port", "0", "--data", file.to_str().unwrap()];
    for _ in 0..2 {
        let mut running = start(&options);
        assert!(sign_in(&running.ready).contains("access_token"));
        assert!(interrupt(&mut running));
    }
    assert!(std::fs::metadata(&file).unwrap().len() > 0);
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
}

#[test]
fn port_in_use_is_an_error_of_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (options, option) in [
        (["--port", &port, "--dynamodb-port", "0"], "--port"),
        (["--port", "0", "--dynamodb-port", &port], "--dynamodb-port"),
    ] {
        let line =
            format!("postern: port {port} is in use by another program; choose another with {option}\n");
        assert_eq!(refused(&options), line);
    }
}

#[test]
fn unreadable_data_file_is_an_error_of_one_line() {
    let file = std::env::temp_dir().join(format!("postern-{}.txt", std::process::id()));
    std::fs::write(&file, "This is no database. ".repeat(100)).unwrap();
    let folder = std::env::temp_dir().join("there-is-no-such-folder/postern.db");
    for path in [&file, &folder] {
        let output = refused(&["--port", "0", "--dynamodb-port", "0", "--data", path.to_str().unwrap()]);
        let start = format!("postern: the data file {} cannot be used: ", path.display());
        assert!(output.starts_with(&start), "{output}");
        assert_eq!(output.lines().count(), 1, "{output}");
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn help_names_every_option() {
    let help = command(&["--help"]).output().unwrap();
    let output = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    for option in ["--port", "--dynamodb-port", "--data <FILE>", "--table-only", "--quiet", "--help"] {
        assert!(output.contains(option), "{output}");
    }
}
