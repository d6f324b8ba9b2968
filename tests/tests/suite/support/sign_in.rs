//! Sign-ins, and the writes that they make.

use postern::throttle::Policy;
use postern_local::demo::RECOVERY_CODES;
use postern_tests::contracts::body;
use postern_tests::contracts::{self, Session, takes_password};
use postern_tests::deployment::{Deployment, Reply, credentials, name_at};
use serde_json::{Value, json};

use crate::support::jwt::mint;
use crate::support::raw::{self, Attribute, Counter, Item};

/// The event of a successful sign-in by johndoe at any contract, with this request id. It asks for a session token.
pub(crate) fn valid_event(deployment: &Deployment, contract: &str, request_id: &str) -> Value {
    let body = takes_password(contract).then(|| contracts::body(contract, &By::Password.body(contract)));
    let mut event = deployment.event(contract, body.as_deref());
    let iat = deployment.now().secs();
    let claims = json!({"token_type": "access", "exp": iat + 60, "iat": iat, "jti": "x", "user_id": 1});
    event["headers"]["authorization"] = json!(format!("Bearer {}", mint(r#"{"alg":"HS256"}"#, &claims)));
    event["requestContext"]["requestId"] = json!(request_id);
    event
}

/// Every write of a sign-in by a username or an e-mail address from a new address. The refund is sent if the
/// address is above a third of its limit.
pub(crate) fn writes(contract: &str) -> [&'static str; 6] {
    [
        "UpdateItem ADDRESS SET charged_by",
        charge(contract),
        "UpdateItem USER SET last_sign_in",
        "PutItem SESSIONS",
        "UpdateItem ADDRESS SET refunded_by",
        KNOW_ADDRESS,
    ]
}

/// The write that makes an address known.
pub(crate) const KNOW_ADDRESS: &str = "UpdateItem LOGIN SET known_addresses";

/// Signs in from an address.
pub(crate) async fn from(
    deployment: &Deployment,
    address: &str,
    contract: &str,
    name: &str,
    password: &str,
) -> Reply {
    let mut event = deployment.event(contract, Some(&body(contract, &credentials(contract, name, password))));
    event["requestContext"]["http"]["sourceIp"] = json!(address);
    deployment.invoke(contract, event).await
}

/// The write that charges an attempt by the name that `name_at` returns.
pub(crate) fn charge(contract: &str) -> &'static str {
    match contract {
        "email" => "UpdateItem USER SET email_charged_by",
        _ => "UpdateItem USER SET username_charged_by",
    }
}

/// The write that takes this charge back.
pub(crate) fn refund(contract: &str) -> &'static str {
    match contract {
        "email" => "UpdateItem USER SET email_charged_at",
        _ => "UpdateItem USER SET username_charged_at",
    }
}

/// The credentials of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum By {
    Password,
    Totp,
    RecoveryCode,
}

impl By {
    /// The user's name and id.
    pub(crate) const fn user(self) -> (&'static str, u64) {
        match self {
            Self::Password => ("johndoe", 1),
            Self::Totp | Self::RecoveryCode => ("guarded", 43),
        }
    }

    /// The body of the sign-in. It asks for a session token.
    pub(crate) fn body(self, contract: &str) -> Value {
        let (user, _) = self.user();
        let password = if self == Self::Password { "SecurePass123!" } else { "Password1234!" };
        let mut body = credentials(contract, &name_at(contract, user), password);
        body["stay_logged_in"] = json!(true);
        match self {
            Self::Password => {}
            // The code at 1700000000, the deployment's time.
            Self::Totp => body["token"] = json!("582969"),
            Self::RecoveryCode => body["token"] = json!(RECOVERY_CODES[0]),
        }
        body
    }
}

/// How many sessions a sign-in at this contract begins that asks for one.
pub(crate) fn sessions_of(contract: &str) -> usize {
    usize::from(contracts::get(contract).session != Session::Never)
}

/// The failures that lock a login name.
pub(crate) const LOCK_AFTER: u64 = Policy::DEFAULT.lock_after as u64;

/// Stores a counter with this many failures, the last of them long ago.
pub(crate) async fn put_counter(deployment: &Deployment, counter: &Counter, failures: u64) {
    let attributes = Item::from([
        ("failures".to_owned(), raw::number(failures)),
        ("charged_at".to_owned(), raw::number(1_699_999_000_000_u64)),
        ("charged_by".to_owned(), raw::text("-")),
    ]);
    counter.put(deployment, attributes).await;
}

/// The number of recovery codes left, and the last step that was spent.
pub(crate) fn codes(user: &Item) -> (usize, Option<Attribute>) {
    let left = user.get("recovery_codes").map_or(0, |codes| codes.as_ss().unwrap().len());
    (left, user.get("mfa").and_then(|mfa| mfa.as_m().unwrap().get("last_step").cloned()))
}
