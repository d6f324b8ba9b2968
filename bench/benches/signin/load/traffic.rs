//! Attempts at all five contracts, right and wrong, each from an address of its own, and the expected reply
//! to each. It has the status and the structure of the sample event's snapshot, and belongs to the user of
//! the attempt.

use std::fs;
use std::net::Ipv4Addr;

use fastrand::Rng;
use postern::App;
use postern_tests::binary::in_workspace;
use postern_tests::contracts::{self, jwt_profile, takes_password};
use postern_tests::deployment::{Reply, credentials, name_at};
use postern_tests::events;
use serde_json::{Map, Value, json};

use super::deployment::{CONTRACTS, Deployment, FIRST_ID, PASSWORD, USERS, username};

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mix {
    Right,
    Wrong,
    /// Half of the attempts are right.
    Mixed,
}

impl Mix {
    pub(crate) const ALL: [(Self, &str); 3] =
        [(Self::Right, "right"), (Self::Wrong, "wrong"), (Self::Mixed, "mixed")];
}

/// An attempt, and its expected reply.
pub(crate) struct Attempt {
    pub(crate) contract: usize,
    pub(crate) is_right: bool,
    pub(crate) event: Value,
    expected: Expected,
}

/// The expected reply. It is kept without the event, so that a long queue needs less memory.
pub(crate) struct Expected {
    contract: usize,
    like: &'static str,
    user: u64,
    request_id: String,
}

pub(crate) struct Traffic {
    contracts: Vec<Contract>,
    tokens: Vec<(u64, String)>,
    rng: Rng,
    made: u32,
    /// The numbers of right and of wrong attempts. Both go through the same users, so that a user who failed
    /// soon succeeds.
    right: u64,
    wrong: u64,
}

struct Contract {
    sample: Value,
    /// The statuses and bodies, by the name of the sample event.
    replies: Map<String, Value>,
}

impl Traffic {
    pub(crate) fn new(deployment: &Deployment) -> Self {
        let tokens = deployment.tokens.clone();
        let contracts = CONTRACTS.iter().map(|contract| Contract::of(contract)).collect();
        Self { contracts, tokens, rng: Rng::with_seed(1), made: 0, right: 0, wrong: 0 }
    }

    /// Makes the next attempt, at a random contract.
    pub(crate) fn any(&mut self, mix: Mix) -> Attempt {
        let contract = self.rng.usize(..CONTRACTS.len());
        self.next(contract, mix)
    }

    /// Makes the next attempt at this contract.
    pub(crate) fn next(&mut self, contract: usize, mix: Mix) -> Attempt {
        let is_right = mix == Mix::Right || mix == Mix::Mixed && self.rng.bool();
        let turn = if is_right { &mut self.right } else { &mut self.wrong };
        *turn += 1;
        let (user, name) = (FIRST_ID + *turn % USERS, CONTRACTS[contract]);
        self.made += 1;
        let request_id = format!("load-{}", self.made);
        let mut event = self.contracts[contract].sample.clone();
        event["requestContext"]["requestId"] = json!(request_id);
        event["requestContext"]["http"]["sourceIp"] =
            json!(Ipv4Addr::from(0x0a00_0000 + self.made).to_string());
        let (like, user) = if !takes_password(name) {
            let (user, token) = &self.tokens[self.made as usize % self.tokens.len()];
            let token = if is_right { token.clone() } else { tampered(token) };
            event["headers"]["authorization"] = json!(format!("Bearer {token}"));
            (if is_right { "success" } else { "wrong-key" }, *user)
        } else {
            // One wrong attempt in four has the name of an unknown user.
            let is_unknown = !is_right && self.rng.u8(..4) == 0;
            let login = if is_unknown {
                format!("is_unknown-{}@example.com", self.made)
            } else {
                name_at(name, &username(user))
            };
            let password = if is_right { PASSWORD } else { "not the password" };
            event["body"] = json!(credentials(name, &login, password).to_string());
            let wrong = if is_unknown { "unknown-user" } else { "wrong-password" };
            (if is_right { "success" } else { wrong }, user)
        };
        Attempt { contract, is_right, event, expected: Expected { contract, like, user, request_id } }
    }

    /// # Errors
    /// If the reply is not the expected one. The message shows the reply.
    pub(crate) fn check(&self, app: &App, expected: &Expected, output: &Value) -> Result<(), String> {
        let (name, reply) = (CONTRACTS[expected.contract], Reply::of(output));
        let like = &self.contracts[expected.contract].replies[expected.like];
        let body = reply.json();
        let is_correct = if expected.like == "success" {
            let of_user = user_of(app, name, &body) == Some(expected.user);
            of_user && has_structure(&body, &like["body"])
        } else {
            body == like["body"]
        };
        let is_its_own = reply.header("x-request-id") == Some(&expected.request_id);
        if is_correct && is_its_own && like["status"] == reply.status {
            return Ok(());
        }
        Err(format!("{name}, user {}, {}: {} {}", expected.user, expected.like, reply.status, reply.text))
    }
}

impl Attempt {
    /// Returns the event, the expected reply, and whether the attempt is right.
    pub(crate) fn split(self) -> (Value, Expected, bool) {
        (self.event, self.expected, self.is_right)
    }
}

impl Expected {
    pub(crate) fn contract(&self) -> usize {
        self.contract
    }
}

impl Contract {
    fn of(name: &str) -> Self {
        let all = events::all(Some(name));
        let sample = all.iter().find(|event| event.name.ends_with("/success")).unwrap().event.clone();
        let like = if !takes_password(name) {
            &["success", "wrong-key"][..]
        } else {
            &["success", "wrong-password", "unknown-user"]
        };
        let replies = like.iter().map(|like| ((*like).to_owned(), snapshot(name, like))).collect();
        Self { sample, replies }
    }
}

fn snapshot(contract: &str, name: &str) -> Value {
    let path =
        in_workspace("tests/tests/snapshots").join(format!("events__{contract}__sign-in__{name}.snap"));
    let text = fs::read_to_string(path).unwrap();
    let (_, json) = text.split_once("\n---\n").unwrap();
    serde_json::from_str(json).unwrap()
}

/// Returns the user of a successful reply, by its verified token.
fn user_of(app: &App, contract: &str, body: &Value) -> Option<u64> {
    if !takes_password(contract) {
        return body["id"].as_u64();
    }
    let profile = jwt_profile(contract);
    let contract = contracts::get(contract);
    let token = body.pointer(contract.tokens[0].place)?.as_str()?;
    app.keys().current().verify::<Value>(&profile, token, app.now()).ok()?[contract.user_claim].as_u64()
}

/// Returns whether two values have the same structure: the same members on all levels.
fn has_structure(value: &Value, like: &Value) -> bool {
    match (value, like) {
        (Value::Object(value), Value::Object(like)) => {
            value.len() == like.len()
                && value
                    .iter()
                    .all(|(name, value)| like.get(name).is_some_and(|like| has_structure(value, like)))
        }
        _ => value.is_object() == like.is_object() && value.is_null() == like.is_null(),
    }
}

/// Returns the token with a wrong signature.
fn tampered(token: &str) -> String {
    let (claims, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{claims}.{first}{}", &signature[1..])
}
