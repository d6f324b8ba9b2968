//! The audit log: one event for each outcome, and no token, session or secret in any line.

use std::collections::BTreeSet;

use postern::identity::Status;
use postern::session::GRACE;
use postern::store::Written;
use postern_tests::contracts::{self, credentials};
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, Reply, event, name_at};
use postern_tests::logs;
use serde_json::{Value, json};

use crate::support::proxy::{Proxy, error};
use crate::support::routes::{RouteUnderTest, Violation, assert_every_route, ensure, with_id};
use crate::support::tokens::{OWNER, Post, REFRESHABLE, Tokens, ending, refreshing, sign_in};

/// Requests that can be found again, each by its id.
struct Audited<'a> {
    deployment: &'a Deployment,
    contract: &'static str,
    sent: usize,
    secrets: Vec<String>,
}

impl Audited<'_> {
    /// Posts a request and finds its one audit event.
    async fn post(&mut self, (path, headers, body): Post, outcome: &str, user_id: Option<u64>) -> Reply {
        self.send(self.contract, event("POST", path, &headers, Some(&body)), "session", outcome, user_id)
            .await
    }

    /// Presents an access token where it is accepted: account's at sso, email's at the profile.
    async fn present(&mut self, access: Option<&str>, outcome: &str, user_id: Option<u64>) -> Reply {
        let bearer = access.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        if self.contract == "email" {
            let event = event("GET", "/api/profile/", &headers, None);
            return self.send("email", event, "session", outcome, user_id).await;
        }
        let event = event("POST", "/api/v2/sso/signin/", &headers, None);
        self.send("sso", event, "sign-in attempt", outcome, user_id).await
    }

    async fn send(
        &mut self,
        function: &'static str,
        mut event: Value,
        message: &str,
        outcome: &str,
        user_id: Option<u64>,
    ) -> Reply {
        self.sent += 1;
        let id = format!("follow-audit-{}-{}", self.contract, self.sent);
        event["requestContext"]["requestId"] = json!(id);
        let reply = self.deployment.invoke(function, event).await;
        let lines = logs::so_far();
        let lines: Vec<Value> = lines
            .lines()
            .filter(|line| line.contains(&id))
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|line: &Value| line["request_id"] == json!(id))
            .collect();
        let [line] = lines.as_slice() else { panic!("{id}, {outcome}: {lines:?}") };
        assert_eq!(
            (&line["message"], &line["level"], &line["contract"], &line["address"]),
            (&json!(message), &json!("INFO"), &json!(function), &json!("192.0.2.1")),
            "{id}"
        );
        assert_eq!(
            (&line["outcome"], line.get("user_id")),
            (&json!(outcome), user_id.map(|id| json!(id)).as_ref()),
            "{id}"
        );
        if message == "session" {
            assert_fields(line);
        }
        reply
    }

    /// Remembers what must not be logged.
    fn keep(&mut self, tokens: Tokens) -> Tokens {
        let session = tokens.session(self.contract);
        self.secrets.extend([
            session.session_id(),
            session.to_plain(),
            session.family,
            session.secret.to_string(),
        ]);
        self.secrets.extend([tokens.access.clone(), tokens.refresh.clone()]);
        tokens
    }

    async fn sign_in(&mut self) -> Tokens {
        let tokens = sign_in(self.deployment, self.contract).await;
        self.keep(tokens)
    }

    async fn refresh(&mut self, tokens: &Tokens) -> Tokens {
        let reply =
            self.post(refreshing(self.contract, &tokens.refresh), "session_refreshed", Some(OWNER)).await;
        self.keep(Tokens::of(self.contract, &reply))
    }

    async fn refused(&mut self, tokens: &Tokens, outcome: &str, user_id: Option<u64>) {
        let reply = self.post(refreshing(self.contract, &tokens.refresh), outcome, user_id).await;
        assert_ne!(reply.status, 200, "{outcome}");
    }
}

/// The line of a session has the fields of docs/operating.md, and no other.
fn assert_fields(line: &Value) {
    assert!(line["duration_ms"].is_number(), "{line}");
    let names: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    let known = "address contract duration_ms level message outcome request_id timestamp user_id";
    assert!(names.iter().all(|name| known.split(' ').any(|known| known == *name)), "{names:?}");
}

/// A request to a route that reads the table leaves an audit event for each of its outcomes, with the contract's name.
/// When the table fails there is one outcome.
pub(crate) async fn check(route: &RouteUnderTest) -> Result<(), Violation> {
    for (at, event) in route.events.iter().enumerate() {
        let (deployment, proxy) = route.deployment(|env| env).await;
        for fails in [true, false] {
            let id = format!("audit {} {} {at} {fails}", route.method, route.path);
            if fails {
                proxy.fail(|_| Some(error(400, "AccessDeniedException")));
            }
            route.send(&deployment, &with_id(event, &id)).await;
            proxy.heal();
            let reads = !proxy.calls().is_empty();
            let lines = logs::so_far();
            let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let events: Vec<_> = lines.filter(|line| line["request_id"] == json!(id)).collect();
            let outcomes: BTreeSet<_> = events.iter().map(|event| event["outcome"].as_str()).collect();
            let right = outcomes.is_empty() != reads
                && outcomes.len() == events.len()
                && (!fails || events.len() <= 1)
                && events.iter().all(|event| event["contract"] == contracts::of_route(route.contract));
            ensure(right, || format!("these are the audit events: {events:?}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_route_leaves_an_audit_event_for_each_outcome() {
    assert_every_route(|route| Box::pin(check(route))).await;
}

#[tokio::test]
async fn every_outcome_leaves_one_audit_event_and_no_secret() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in REFRESHABLE {
        let mut audited = Audited { deployment: &deployment, contract, sent: 0, secrets: Vec::new() };
        let accepted = if contract == "account" { "signed_in" } else { "token_accepted" };

        let first = audited.sign_in().await;
        let next = audited.refresh(&first).await;
        audited.refresh(&first).await;
        audited.refresh(&next).await;
        audited.present(Some(&next.access), accepted, Some(OWNER)).await;
        audited.present(None, "no_token", None).await;
        audited.present(Some("bogus-token-31.bogus-token-31.x"), "bad_token", None).await;
        audited.present(Some(&next.refresh), "bad_token", None).await;

        for (fault, outcome) in [
            (error(500, "InternalServerError"), "store_unavailable"),
            (error(400, "AccessDeniedException"), "fault"),
        ] {
            proxy.fail(move |_| Some(fault.clone()));
            audited.refused(&next, outcome, None).await;
            audited.present(Some(&next.access), outcome, Some(OWNER)).await;
            audited.post(ending(contract, &next.refresh), outcome, None).await;
            proxy.heal();
        }

        deployment.advance(GRACE);
        audited.refused(&first, "session_reused", Some(OWNER)).await;
        audited.refused(&next, "session_invalid", None).await;
        audited.post(ending(contract, &next.refresh), "session_invalid", None).await;

        let left = audited.sign_in().await;
        audited.post(ending(contract, &left.refresh), "signed_out", Some(OWNER)).await;
        if contract == "account" {
            audited.present(Some(&left.access), "bad_token", Some(OWNER)).await;
            let left = audited.sign_in().await;
            audited.post(ending(contract, &left.access), "signed_out", Some(OWNER)).await;
            audited.post(ending(contract, &left.access), "session_invalid", Some(OWNER)).await;
        }

        let barred = audited.sign_in().await;
        assert_eq!(
            deployment.store.set_status(OWNER, Status::Disabled, deployment.now()).await,
            Ok(Written::Done)
        );
        audited.refused(&barred, "session_invalid", None).await;
        audited.present(Some(&barred.access), "disabled", Some(OWNER)).await;
        assert_eq!(
            deployment.store.set_status(OWNER, Status::Active, deployment.now()).await,
            Ok(Written::Done)
        );
        audited.present(Some(&barred.access), "bad_token", Some(OWNER)).await;

        assert!(audited.secrets.len() > 20);
        audited.secrets.push("bogus-token-31".to_owned());
        let logged = logs::so_far();
        assert!(logged.contains(&format!("follow-audit-{contract}-1\"")), "what is searched is there");
        for secret in &audited.secrets {
            assert!(!logged.contains(secret.as_str()), "{contract}: {secret} is logged");
            let tail = &secret[secret.len().saturating_sub(21)..];
            assert!(!logged.contains(tail), "{contract}: the end of {secret} is logged");
        }
    }
}

/// Any attempt to present a token is seen in the audit log, whatever the token looks like.
#[tokio::test]
async fn malformed_token_leaves_one_audit_event() {
    let deployment = Deployment::start().await;
    for contract in ["email", "account"] {
        let mut audited = Audited { deployment: &deployment, contract, sent: 100, secrets: Vec::new() };
        let tokens = audited.sign_in().await;
        for token in ["garbage", "a.b.c", &tokens.access] {
            audited.post(refreshing(contract, token), "bad_token", None).await;
        }
        for token in ["garbage", "a.b.c"] {
            audited.post(ending(contract, token), "bad_token", None).await;
        }
    }
}

/// An alarm counts the events that are marked. Nothing else in the log shows that a name was locked.
#[tokio::test]
async fn failure_that_locks_a_name_is_marked() {
    for contract in PASSWORD_ROUTES {
        let deployment = Deployment::start_with(|env| env.with("THROTTLE_LOCK_AFTER", "2")).await;
        // The second attempt of johndoe is the last one before the lock too, but it succeeds.
        let johndoe = (name_at(contract, "johndoe"), ["wrong", "SecurePass123!", "wrong"], [false; 3]);
        let nobody = (format!("nobody.{contract}@example.com"), ["wrong"; 3], [false, true, false]);
        for (name, passwords, marked) in [johndoe, nobody] {
            for (attempt, (password, marked)) in passwords.into_iter().zip(marked).enumerate() {
                let id = format!("locks {contract} {name} {attempt}");
                let body = contracts::body(contract, &credentials(contract, &name, password));
                let event = deployment.event(contract, Some(&body));
                deployment.invoke(contract, with_id(&event, &id)).await;
                let lines = logs::so_far();
                let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
                let events: Vec<_> = lines.filter(|line| line["request_id"] == id.as_str()).collect();
                let [event] = events.as_slice() else { panic!("{id}: {events:?}") };
                assert_eq!(event["name_locked"] == true, marked, "{event}");
                assert_eq!(event.get("name_locked").is_some(), marked, "{event}");
            }
        }
    }
}
