//! An import crashes at each of its writes, before or after the table has the write, and runs again. The
//! table is the same as after an import without a crash.

use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use postern_tests::relay;
use serde_json::{Value, json};

use crate::Deployment;

/// A relay in front of the table that kills the import at a write.
#[derive(Clone, Default)]
struct CrashRelay {
    child: Arc<Mutex<Option<Child>>>,
    /// How many writes there were.
    writes: Arc<Mutex<u32>>,
    /// The write at which it kills, from 1.
    at: u32,
    /// The table gets that write.
    lands: bool,
}

impl CrashRelay {
    /// Runs a command through the relay. Returns whether it was killed.
    async fn run(self, deployment: &Deployment, arguments: &[&str]) -> bool {
        let table = deployment.table.endpoint().trim_start_matches("http://").to_owned();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let crash_relay = self.clone();
        let handle = move |request: Request| {
            let (crash_relay, table) = (crash_relay.clone(), table.clone());
            async move { crash_relay.pass(&table, request).await }
        };
        let server = tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handle)).await });
        let mut command = deployment.command_at(&endpoint, arguments);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        *self.child.lock().unwrap() = Some(child);
        let code = loop {
            if let Some(status) =
                self.child.lock().unwrap().as_mut().and_then(|child| child.try_wait().unwrap())
            {
                break status.code();
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        server.abort();
        assert!(code.is_none() || code == Some(0), "{code:?}");
        code.is_none()
    }

    async fn pass(&self, table: &str, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body: Bytes = to_bytes(body, usize::MAX).await.unwrap();
        let target = parts.headers["x-amz-target"].to_str().unwrap().to_owned();
        let is_write =
            ["TransactWriteItems", "UpdateItem", "PutItem"].iter().any(|write| target.ends_with(write));
        let kills = is_write && {
            let mut writes = self.writes.lock().unwrap();
            *writes += 1;
            *writes == self.at
        };
        if !kills {
            return relay::pass(table, parts, body).await;
        }
        if self.lands {
            relay::pass(table, parts, body).await;
        }
        self.child.lock().unwrap().as_mut().unwrap().kill().unwrap();
        Response::new(Body::empty())
    }
}

/// A deployment with the first product's users in the table.
async fn deployment() -> Deployment {
    let deployment = Deployment::start().await;
    let first = (1..=3).map(|id| {
        let hash = "$2b$04$abcdefghijklmnopqrstuuv.XF2ISziCQv1iCAGmcPqBmhKgkUr7O";
        json!({"id": id, "username": format!("first{id}"), "email": format!("{id}@example.com"), "password_hash": hash,
            "created_at": "2024-01-01T00:00:00Z"})
    });
    deployment.write("first.jsonl", &first.map(|user| user.to_string() + "\n").collect::<String>());
    assert_eq!(deployment.run(&["import", "jsonl", "first.jsonl"]).counts(), [3, 0, 0]);
    // The second product's keys are UUIDs; three of its people are those of the first, and some hashes need a
    // layer.
    let second = (1..=40).map(|n| {
        let hash = if n % 20 == 0 { "5f4dcc3b5aa765d61d8327deb882cf99" } else { "!" };
        json!({"model": "a.user", "pk": format!("0b8f7a52-{n:012}"), "fields": {
            "username": format!("user{n}"), "email": format!("{n}@example.com"), "password": hash,
            "first_name": format!("name{n}"), "date_joined": "2024-01-01T00:00:00Z"}})
    });
    deployment.write("second.json", &Value::from_iter(second).to_string());
    deployment
}

/// The users, without what depends on the time, the salt and the order of ids.
fn users(deployment: &Deployment) -> Vec<Value> {
    let user = |line: &str| {
        let mut user: Value = serde_json::from_str(line).unwrap();
        let members = user.as_object_mut().unwrap();
        members.retain(|member, _| {
            !["id", "epoch", "sessions_ended_at", "updated_at"].contains(&member.as_str())
        });
        if let Some(Value::String(hash)) = members.get_mut("password_hash") {
            hash.truncate(11);
        }
        user
    };
    let mut users: Vec<Value> = deployment.export().lines().map(user).collect();
    users.sort_by_key(|user| user["username"].to_string());
    users
}

#[tokio::test(flavor = "multi_thread")]
async fn import_that_crashes_at_any_write_and_runs_again_has_the_same_result() {
    let arguments =
        ["import", "django", "second.json", "--new-ids", "--match", "email", "--concurrency", "1"];
    let undisturbed = deployment().await;
    assert_eq!(undisturbed.run(&arguments).code, Some(0));
    let expected = users(&undisturbed);
    assert_eq!(expected.len(), 40);
    let mut writes = 0;
    for lands in [false, true] {
        for at in 1.. {
            let deployment = deployment().await;
            let crash_relay = CrashRelay { at, lands, ..CrashRelay::default() };
            if !crash_relay.run(&deployment, &arguments).await {
                break;
            }
            writes += 1;
            let output = deployment.run(&arguments);
            assert_eq!(output.code, Some(0), "write {at}, {lands}: {} {}", output.out, output.err);
            assert_eq!(users(&deployment), expected, "write {at}, {lands}");
            let map = std::fs::read_to_string(deployment.path("second.json.ids.csv")).unwrap();
            assert_eq!(map.lines().count(), 41, "write {at}, {lands}: {map}");
        }
    }
    assert!(writes >= 10, "{writes}");
}
