//! Codes that reset passwords, put into the table as the mailer does, and the requests that take them.

use postern::identity::LoginName;
use postern::password_reset::{CodeForm, CodeOwner, ResetCode};
use postern::store::StoredCode;
use postern_tests::deployment::{Deployment, Reply};
use serde_json::{Value, json};

use crate::support::raw::{self, Item};
use crate::support::signed_in::{post, with};

pub(crate) const SEND: &str = "/api/auth/forgotPassword/sendEmail";
pub(crate) const CHECK: &str = "/api/auth/forgotPassword/checkCode";
pub(crate) const RESET: &str = "/api/auth/forgotPassword/resetPassword";
pub(crate) const RECOVER: &str = "/api/v2/account/recover/";
pub(crate) const RESET_BY_LINK: &str = "/api/v2/account/reset/";

pub(crate) const NEW: &str = "a phrase nobody else has";
pub(crate) const DIGITS: &str = "407446";
/// The secret of a link, without the user's id.
pub(crate) const SECRET: &str = "77e538ce25d7bfc26fb3e3084138288577e538ce25d7bfc26fb3e30841382885";

pub(crate) const SENT: &str = r#"{"msg":"Sent"}"#;
pub(crate) const CORRECT: &str =
    r#"{"msg":"Code correct","success_code":"code_correct","code":"code_correct"}"#;
pub(crate) const CHANGED: &str = r#"{"msg":"Changed password successful"}"#;
pub(crate) const INCORRECT: &str = r#"{"msg":"The code is incorrect","error_code":"code_incorrect"}"#;
pub(crate) const USED_UP: &str = r#"{"msg":"Rate limit exceeded","error_code":"rate_limit_exceeded"}"#;
pub(crate) const NO_CODE: &str = r#"{"msg":"There was no code for a password reset requested"}"#;
pub(crate) const UNKNOWN: &str = r#"{"msg":"Unknown username","error_code":"unknown_username"}"#;
pub(crate) const INVALID_LINK: &str = r#"{"errors":[{"field":"validation_code","messages":[{"message":"The code is invalid or has expired.","code":"invalid"}]}]}"#;

/// Puts a code of this contract for an owner whose user has this epoch.
pub(crate) async fn put(deployment: &Deployment, contract: &str, owner: &CodeOwner, code: &str, epoch: u64) {
    let form = if contract == "account" { CodeForm::Link } else { CodeForm::Digits };
    let key = &deployment.app.keys().current().recovery;
    let user = match owner {
        CodeOwner::User(id) => deployment.store.user(*id).await.unwrap(),
        CodeOwner::Name(_) => None,
    };
    let code = StoredCode {
        digest: key.digest_reset_code(contract, owner, &ResetCode::of(code)),
        epoch,
        sent_to: key.digest_mailbox(&user.map_or_else(String::new, |user| user.email)),
    };
    let expires_at = deployment.now().plus(form.lifetime());
    deployment.store.put_reset_code(owner, contract, &code, expires_at).await.unwrap();
}

/// Puts [`DIGITS`] for a user at the session contract.
pub(crate) async fn put_digits(deployment: &Deployment, user_id: u64) {
    put(deployment, "session", &CodeOwner::User(user_id), DIGITS, epoch(deployment, user_id).await).await;
}

/// Puts the code of a link for a user at the account contract, and returns it.
pub(crate) async fn put_link(deployment: &Deployment, user_id: u64) -> String {
    let code = format!("{user_id}-{SECRET}");
    put(deployment, "account", &CodeOwner::User(user_id), &code, epoch(deployment, user_id).await).await;
    code
}

pub(crate) async fn epoch(deployment: &Deployment, user_id: u64) -> u64 {
    raw::user(deployment, user_id).await["epoch"].as_n().unwrap().parse().unwrap()
}

pub(crate) async fn send(deployment: &Deployment, username: &str) -> Reply {
    post(deployment, "session", SEND, None, &json!({"username": username})).await
}

pub(crate) async fn check(deployment: &Deployment, username: &str, code: &str) -> Reply {
    post(deployment, "session", CHECK, None, &json!({"username": username, "code": code})).await
}

/// The body of a reset by [`DIGITS`].
pub(crate) fn body(username: &str) -> Value {
    json!({"username": username, "code": DIGITS, "new_password": NEW})
}

/// Resets a password by [`DIGITS`], with these members too.
pub(crate) async fn reset(deployment: &Deployment, username: &str, more: Value) -> Reply {
    post(deployment, "session", RESET, None, &with(body(username), more)).await
}

pub(crate) async fn recover(deployment: &Deployment, email: &str) -> Reply {
    post(deployment, "account", RECOVER, None, &json!({"email": email})).await
}

/// Resets a password by the code of a link, with these members too.
pub(crate) async fn reset_by_link(deployment: &Deployment, code: &str, more: Value) -> Reply {
    let body = json!({"validation_code": code, "password": NEW});
    post(deployment, "account", RESET_BY_LINK, None, &with(body, more)).await
}

/// The item of a user's code.
pub(crate) async fn code_item(deployment: &Deployment, contract: &str, user_id: u64) -> Option<Item> {
    raw::item(deployment, &format!("RESET#{user_id}"), contract).await
}

/// How often a user's code was tried.
pub(crate) async fn tries(deployment: &Deployment, contract: &str, user_id: u64) -> u64 {
    let item = code_item(deployment, contract, user_id).await.expect("a code");
    item["tries"].as_n().unwrap().parse().unwrap()
}

/// The failures of a name and of the address of the tests.
pub(crate) async fn failures(deployment: &Deployment, name: &str) -> (i64, i64) {
    let (name, address) = (raw::name_counter(deployment, name).await, raw::address_counter(deployment, 300));
    (raw::failures(deployment, &name).await, raw::failures(deployment, &address).await)
}

/// How many mails of a contract are counted with a user, or with a name that no user has.
pub(crate) async fn mails(deployment: &Deployment, contract: &str, name: &str) -> i64 {
    let name = LoginName::new(name);
    let login = deployment.store.login(&name).await.unwrap();
    let owner = CodeOwner::of(login.map(|login| login.user_id), &name);
    let item = raw::item(deployment, &format!("NAME#{owner}"), &format!("MAIL#{contract}")).await;
    let Some(item) = item else { return 0 };
    item["failures"].as_n().unwrap().parse().unwrap()
}
