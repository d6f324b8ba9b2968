//! Tests of the page of `cargo run`: who may read it, and what it serves. `.ci/page` tests it in a browser.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a suite fails by panicking")]
#![allow(clippy::zombie_processes, reason = "a child that is not waited for is killed, and the test ends")]

mod running;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use postern::throttle::Policy;
use running::{Running, http, start};
use serde_json::{Value, json};

const LOCK_AFTER: u32 = Policy::DEFAULT.lock_after;
const FREE_PORTS: [&str; 4] = ["--port", "0", "--dynamodb-port", "0"];

/// Requests a path from a server with this `Host`. Returns the head of the reply, in lower case, and the body.
fn get_as(host: &str, running: &Running, path: &str) -> (String, String) {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://example.com\r\nconnection: close\r\n\r\n"
    );
    let reply = http(&running.ready, &request);
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

fn get(running: &Running, path: &str) -> (String, String) {
    get_as(&running.ready, running, path)
}

fn get_json(running: &Running, path: &str) -> Value {
    let (head, body) = get(running, path);
    assert!(
        head.starts_with("http/1.1 200 ") && head.contains("\r\ncontent-type: application/json"),
        "{head}"
    );
    serde_json::from_str(&body).unwrap()
}

fn post(running: &Running, path: &str, body: &Value) -> String {
    let (host, body) = (&running.ready, body.to_string());
    let length = body.len();
    http(
        host,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        ),
    )
}

/// Each file that is in the folder, and each that the page imports, is served.
#[test]
fn files_of_the_page_are_served_as_they_are() {
    let running = start(&FREE_PORTS);
    let greeting = format!("Page: http://{}/ to try each route in a browser", running.ready);
    assert!(running.output.contains(&greeting), "{:?}", running.output);
    let (head, index) = get(&running, "/");
    assert!(head.contains("\r\ncontent-type: text/html; charset=utf-8"), "{head}");
    assert_eq!(index, include_str!("../page/index.html"));
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/page")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "index.html" {
            continue;
        }
        let (head, text) = get(&running, &format!("/_local/{name}"));
        assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{name}");
        let kind = match path.extension().unwrap().to_str().unwrap() {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("{other}"),
        };
        assert!(head.contains(&format!("\r\ncontent-type: {kind}")), "{name}: {head}");
    }
    for path in ["/_local/", "/_local/main.rs", "/_local/../main.js", "/_local/a/b"] {
        assert!(get(&running, path).0.starts_with("http/1.1 404 "), "{path}");
    }
}

const PATHS: [&str; 7] = [
    "/",
    "/_local/main.js",
    "/_local/descriptions.json",
    "/_local/users.json",
    "/_local/attempts?name=johndoe",
    "/_local/mailbox",
    "/_local/no-such-file",
];

/// DNS rebinding: the name of a foreign page's host leads to 127.0.0.1.
#[test]
fn request_with_a_foreign_host_is_refused() {
    let running = start(&FREE_PORTS);
    let port = running.ready.rsplit(':').next().unwrap();
    for path in PATHS.into_iter().chain(["/_local/audit"]) {
        for host in [format!("example.com:{port}"), "127.0.0.1:1".to_owned(), String::new()] {
            let (head, body) = get_as(&host, &running, path);
            assert!(head.starts_with("http/1.1 403 "), "{host}{path}: {head}");
            assert_eq!(body, "This page is only for the machine that serves it.\n", "{host}{path}");
        }
    }
    for host in [format!("localhost:{port}"), format!("[::1]:{port}")] {
        assert!(get_as(&host, &running, "/_local/users.json").0.starts_with("http/1.1 200 "), "{host}");
    }
    // Clients of the API may call it by any name.
    let (head, _) = get_as("example.com", &running, "/.well-known/jwks.json");
    assert!(head.starts_with("http/1.1 200 "), "{head}");
}

#[test]
fn page_of_another_origin_can_neither_read_nor_embed_the_page() {
    let running = start(&FREE_PORTS);
    for path in PATHS {
        let (head, _) = get(&running, path);
        for header in [
            "\r\ncontent-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'\r\n",
            "\r\ncache-control: no-store\r\n",
            "\r\nreferrer-policy: no-referrer\r\n",
            "\r\nx-content-type-options: nosniff\r\n",
            "\r\ncross-origin-opener-policy: same-origin\r\n",
            "\r\ncross-origin-resource-policy: same-origin\r\n",
        ] {
            assert!(format!("{head}\r\n").contains(header), "{path}: {header} is not in {head}");
        }
        assert!(!head.contains("access-control"), "{path}: {head}");
    }
    // The API has the CORS headers of the template.
    let (head, _) = get(&running, "/.well-known/jwks.json");
    assert!(head.contains("\r\naccess-control-allow-origin: *"), "{head}");
}

#[test]
fn contracts_are_described_in_the_order_of_their_routes() {
    let running = start(&FREE_PORTS);
    let contracts = get_json(&running, "/_local/descriptions.json");
    let names: Vec<_> = contracts.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["account", "sso", "session", "mfa", "email", "jwks"]);
    let email = &contracts[4];
    assert_eq!(
        email["routes"].as_array().unwrap().iter().take(2).collect::<Vec<_>>(),
        ["/api/sign-in", "/api/token"]
    );
    assert_eq!(email["document"]["paths"]["/api/sign-in/"]["post"]["operationId"], "emailSignIn");
}

#[test]
fn users_are_those_of_the_table() {
    let running = start(&FREE_PORTS);
    let users = get_json(&running, "/_local/users.json");
    assert_eq!(users["users"].as_array().unwrap().len(), 8);
    assert_eq!(
        users["users"][0],
        json!({
            "id": 1,
            "username": "johndoe",
            "email": "johndoe@example.com",
            "password": "SecurePass123!",
            "state": "active",
            "totp_secret": null,
            "recovery_codes": [],
        })
    );
    let guarded = &users["users"][6];
    assert_eq!(
        (&guarded["username"], &guarded["totp_secret"]),
        (&json!("guarded"), &json!("KBTSKUKRDJPEGCZK"))
    );
    assert_eq!(guarded["recovery_codes"].as_array().unwrap().len(), 8);
    assert_eq!(users["locked"], json!(["mallory", "mallory@example.com"]));

    let empty = start(&[&FREE_PORTS[..], &["--no-demo-users"]].concat());
    assert_eq!(get_json(&empty, "/_local/users.json"), json!({"users": [], "locked": []}));
}

#[test]
fn mailbox_is_empty_at_first_and_none_with_an_smtp_server() {
    assert_eq!(get_json(&start(&FREE_PORTS), "/_local/mailbox"), json!([]));
    let by_smtp = start(&[&FREE_PORTS[..], &["--smtp", "smtp://127.0.0.1:9"]].concat());
    assert_eq!(get_json(&by_smtp, "/_local/mailbox"), json!(null));
}

#[test]
fn attempts_show_failures_wait_and_lock_of_a_name() {
    let running = start(&FREE_PORTS);
    let state = |name: &str| get_json(&running, &format!("/_local/attempts?name={name}"));
    let none = json!({"name": "pässwörd", "failures": 0, "wait_ms": 0, "locked": false, "free_failures": 5,
        "lock_after": LOCK_AFTER, "known_address": false});
    assert_eq!(state("p%C3%A4ssw%C3%B6rd"), none);
    let mut charged = Instant::now();
    for failures in 1..=5 {
        charged = Instant::now();
        post(&running, "/signin", &json!({"username": "Jimmy ", "password": "wrong"}));
        assert_eq!(state("jimmy")["failures"], failures);
    }
    let wait = state("jimmy")["wait_ms"].as_u64().unwrap();
    // The fifth failure has a wait of one second.
    let is_over = charged.elapsed() >= Duration::from_secs(1);
    assert!(wait <= 1000 && (wait > 0 || is_over), "{wait}");
    let locked = state("mallory%40example.com");
    assert_eq!((&locked["failures"], &locked["locked"]), (&json!(LOCK_AFTER), &json!(true)));
    assert_eq!(locked["wait_ms"], 900_000);
    assert!(get(&running, "/_local/attempts").0.starts_with("http/1.1 400 "));
    // After a sign-in, this machine is a known address, with a counter of its own.
    let credentials = json!({"username": "johndoe", "password": "SecurePass123!"});
    post(&running, "/signin", &credentials);
    post(&running, "/signin", &json!({"username": "johndoe", "password": "wrong"}));
    let known = state("johndoe");
    assert_eq!((&known["failures"], &known["known_address"]), (&json!(1), &json!(true)));
    assert_eq!(known["lock_after"], LOCK_AFTER - 1);
}

/// An event is sent while it happens, and once more to a page that is loaded later. An open page does not delay
/// the end of the server.
#[test]
fn audit_events_are_sent_as_they_happen_and_after_a_reload() {
    let mut running = start(&FREE_PORTS);
    let mut early = audit(&running);
    post(&running, "/signin", &json!({"username": "jimmy", "password": "wrong"}));
    let first = early.next_event();
    assert_eq!((&first["contract"], &first["outcome"]), (&json!("mfa"), &json!("wrong_password")));
    post(&running, "/signin", &json!({"username": "nobody", "password": "wrong"}));
    assert_eq!(early.next_event()["outcome"], "unknown_user");
    let mut late = audit(&running);
    assert_eq!(late.next_event(), first);
    assert_eq!(late.next_event()["outcome"], "unknown_user");

    #[cfg(unix)]
    {
        let asked = Instant::now();
        let id = running.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert!(running.child.wait().unwrap().success());
        assert!(asked.elapsed() < Duration::from_millis(2500), "{:?}", asked.elapsed());
        let mut rest = String::new();
        early.0.read_to_string(&mut rest).unwrap();
        assert!(!rest.contains("data:"), "{rest}");
    }
    // The page's requests print no line.
    let mut printed = String::new();
    running.child.stdout.as_mut().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(printed.matches("POST /signin").count(), 2, "{printed}");
    assert!(!printed.contains("_local"), "{printed}");
}

/// A stream of audit events.
struct Audit(BufReader<TcpStream>);

fn audit(running: &Running) -> Audit {
    let mut stream = TcpStream::connect(&running.ready).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET /_local/audit HTTP/1.1\r\nhost: {}\r\n\r\n", running.ready).unwrap();
    let mut audit = Audit(BufReader::new(stream));
    while audit.line() != "content-type: text/event-stream" {}
    audit
}

impl Audit {
    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the stream ended");
        line.trim_end().to_owned()
    }

    fn next_event(&mut self) -> Value {
        loop {
            if let Some(data) = self.line().strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}
