//! Each contract's words for each refusal, byte by byte, and the headers of every reply.
//!
//! They are written a second time on purpose: a suite that asked the contracts for their words could not find a wrong
//! one.

use std::time::Duration;

use postern::throttle::Policy;
use postern_tests::deployment::{Deployment, Reply};
use serde_json::{Map, Value, json};

/// After this time any name that is not locked is admitted again.
pub(crate) const LONGEST_WAIT: Duration = Policy::DEFAULT.longest_wait;

/// A refusal, as a row of the contracts' table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refused {
    /// No JSON object, or too large a body.
    NoObject,
    UnknownUser,
    /// Wrong password or MFA code.
    Wrong,
    NotActivated,
    Disabled,
    MustChangePassword,
    MfaRequired,
    /// With the seconds to wait.
    Throttled(u64),
    /// With the seconds to wait.
    Unavailable(u64),
    Fault,
}

/// Status and body of a refusal in the words of a contract.
pub(crate) fn words(contract: &str, refused: Refused) -> (u64, String) {
    match contract {
        "account" | "sso" => {
            let (status, code, message) = match refused {
                Refused::NoObject => (400, "parse_error", "Malformed request."),
                Refused::UnknownUser | Refused::Wrong => {
                    (401, "authentication_failed", "Incorrect credentials.")
                }
                Refused::NotActivated => (403, "user_not_activated", "Account is not activated."),
                Refused::Disabled => (403, "user_disabled", "Account is disabled."),
                Refused::MustChangePassword => (403, "password_change_required", "Password change required."),
                Refused::MfaRequired => (403, "mfa_required", "MFA token required."),
                Refused::Throttled(_) => (429, "throttled", "Too many attempts. Try again later."),
                Refused::Unavailable(_) => (503, "error", "Something went wrong."),
                Refused::Fault => (500, "error", "Something went wrong."),
            };
            (status, format!(r#"{{"errors":[{{"message":"{message}","code":"{code}"}}]}}"#))
        }
        "session" => {
            let (status, code, msg) = match refused {
                Refused::NoObject => {
                    let username = r#""username":["The username field is required."]"#;
                    let password = r#""password":["The password field is required."]"#;
                    return (422, format!("{{{username},{password}}}"));
                }
                Refused::UnknownUser | Refused::Wrong => {
                    (400, "username_or_password_incorrect", "Username or password is wrong")
                }
                Refused::NotActivated | Refused::Disabled => {
                    (400, "not_activated", "Account is not activated")
                }
                Refused::MustChangePassword => (400, "change_password", "You have to change your password"),
                Refused::MfaRequired => (400, "mfa_required", "MFA token required"),
                Refused::Throttled(_) => (429, "too_many_attempts", "Too many attempts. Try again later."),
                Refused::Unavailable(_) => (503, "server_error", "Something went wrong."),
                Refused::Fault => (500, "server_error", "Something went wrong."),
            };
            (status, format!(r#"{{"msg":"{msg}","error_code":"{code}"}}"#))
        }
        "mfa" => {
            let (status, error) = match refused {
                Refused::NoObject => (400, "postBodyMissing"),
                Refused::UnknownUser | Refused::Wrong => (401, "signInFailed"),
                Refused::NotActivated => (403, "statusLacking"),
                Refused::Disabled => (403, "accountBlocked"),
                Refused::MustChangePassword => (403, "passwordChangeRequired"),
                Refused::MfaRequired => (403, "mfaTokenRequired"),
                Refused::Throttled(_) => (429, "tooManyRequests"),
                Refused::Unavailable(_) => (503, "serverError"),
                Refused::Fault => (500, "serverError"),
            };
            (status, format!(r#"{{"result":"error","error":"{error}"}}"#))
        }
        "email" => {
            let (status, error) = match refused {
                Refused::NoObject => (400, "Email and password are required."),
                Refused::UnknownUser => (404, "User does not exist."),
                Refused::Wrong => (400, "Invalid password"),
                Refused::NotActivated => (403, "User account is not activated."),
                Refused::Disabled => (403, "User account is disabled."),
                Refused::MustChangePassword => (403, "Password change required."),
                Refused::MfaRequired => (403, "MFA token required."),
                Refused::Throttled(_) => (429, "Too many attempts. Try again later."),
                Refused::Unavailable(_) => (503, "Something went wrong."),
                Refused::Fault => (500, "Something went wrong."),
            };
            (status, format!(r#"{{"error":"{error}"}}"#))
        }
        "account/token" => {
            let (error, description) = match refused {
                Refused::NoObject => ("invalid_request", None),
                Refused::UnknownUser | Refused::Wrong => ("invalid_grant", None),
                Refused::NotActivated => ("invalid_grant", Some("Account is not activated.")),
                Refused::Disabled => ("invalid_grant", Some("Account is disabled.")),
                Refused::MustChangePassword => ("invalid_grant", Some("Password change required.")),
                Refused::MfaRequired => ("mfa_required", None),
                Refused::Throttled(_) => return (429, r#"{"error":"slow_down"}"#.to_owned()),
                Refused::Unavailable(_) | Refused::Fault => return words("account", refused),
            };
            let description = description.map(|text| format!(r#","error_description":"{text}""#));
            (400, format!(r#"{{"error":"{error}"{}}}"#, description.unwrap_or_default()))
        }
        "email/obtain_token" => {
            let (status, detail, code) = match refused {
                Refused::NoObject => {
                    let required = r#"["This field is required."]"#;
                    return (400, format!(r#"{{"username":{required},"password":{required}}}"#));
                }
                Refused::UnknownUser | Refused::Wrong | Refused::NotActivated | Refused::Disabled => {
                    (401, "No active account found with the given credentials", "no_active_account")
                }
                Refused::MustChangePassword => (403, "Password change required.", "password_change_required"),
                Refused::MfaRequired => (403, "MFA token required.", "mfa_required"),
                Refused::Throttled(_) => (429, "Too many attempts. Try again later.", "throttled"),
                Refused::Unavailable(_) => (503, "Something went wrong.", "error"),
                Refused::Fault => (500, "Something went wrong.", "error"),
            };
            (status, format!(r#"{{"detail":"{detail}","code":"{code}"}}"#))
        }
        other => panic!("support/words.rs has no words for {other}"),
    }
}

/// The headers of a refusal that not every reply has.
pub(crate) fn more_headers(contract: &str, refused: Refused) -> Value {
    match refused {
        Refused::Throttled(seconds) | Refused::Unavailable(seconds) => {
            json!({"retry-after": seconds.to_string()})
        }
        Refused::UnknownUser | Refused::Wrong | Refused::NotActivated | Refused::Disabled
            if contract == "email/obtain_token" =>
        {
            json!({"www-authenticate": "Bearer realm=\"api\""})
        }
        Refused::NoObject
        | Refused::UnknownUser
        | Refused::Wrong
        | Refused::NotActivated
        | Refused::Disabled
        | Refused::MustChangePassword
        | Refused::MfaRequired
        | Refused::Fault => json!({}),
    }
}

/// Status and body of the refusal of a sign-in whose body lacks this member, or has a value of the wrong type there.
pub(crate) fn member_words(contract: &str, member: &str, lacks: bool) -> (u64, String) {
    match contract {
        "account" => {
            let (message, code) = if lacks {
                ("This field is required.", "required")
            } else {
                ("Not a valid string.", "invalid")
            };
            let messages = format!(r#"[{{"message":"{message}","code":"{code}"}}]"#);
            (400, format!(r#"{{"errors":[{{"field":"{member}","messages":{messages}}}]}}"#))
        }
        "session" => {
            let must = if lacks { "field is required" } else { "must be a string" };
            (422, format!(r#"{{"{member}":["The {member} {must}."]}}"#))
        }
        "mfa" => (400, format!(r#"{{"result":"error","error":"{member}Missing"}}"#)),
        "email" => words(contract, Refused::NoObject),
        other => panic!("support/words.rs has no member_words for {other}"),
    }
}

/// Whether the reply to a sign-in is a refusal in a form of this contract: its statuses, and its members.
pub(crate) fn is_own_form(contract: &str, reply: &Reply) -> bool {
    let body = reply.json();
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let names: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    match contract {
        "account" | "sso" => {
            matches!(reply.status, 400 | 401 | 403 | 429)
                && names == ["errors"]
                && body["errors"].as_array().unwrap().iter().all(|error| {
                    let message = if error["field"].is_null() { error } else { &error["messages"][0] };
                    text(&message["message"]) && text(&message["code"])
                })
        }
        "session" if reply.status == 422 => {
            let fields = ["username", "password", "session_information", "stay_logged_in"];
            !names.is_empty() && names.iter().all(|name| fields.contains(name) && text(&body[name][0]))
        }
        "session" => {
            matches!(reply.status, 400 | 429)
                && text(&body["msg"])
                && text(&body["error_code"])
                && names.len() == 2
        }
        "mfa" => {
            matches!(reply.status, 400 | 401 | 403 | 429)
                && body["result"] == json!("error")
                && text(&body["error"])
                && names.len() == 2
        }
        "email" => {
            matches!(reply.status, 400 | 403 | 404 | 429) && names == ["error"] && text(&body["error"])
        }
        other => panic!("support/words.rs has no is_own_form for {other}"),
    }
}

/// The whole reply is this refusal: status, body and headers. `of` names the request in a failure.
#[track_caller]
pub(crate) fn assert_refusal(contract: &str, refused: Refused, reply: &Reply, of: &str) {
    let (status, text) = words(contract, refused);
    assert_reply(
        reply,
        status,
        &text,
        more_headers(contract, refused),
        &format!("{contract}: {refused:?} of {of}"),
    );
}

/// The whole reply is this status, this body to the byte, the headers of every reply and these more.
#[track_caller]
pub(crate) fn assert_reply(reply: &Reply, status: u64, text: &str, more: Value, of: &str) {
    assert_eq!((reply.status, reply.text.as_str()), (status, text), "{of}");
    assert_eq!(reply.headers, headers(more), "{of}");
}

/// The headers of every reply, and these more.
pub(crate) fn headers(more: Value) -> Value {
    let mut headers = json!({
        "cache-control": "no-store",
        "content-type": "application/json; charset=utf-8",
        "x-content-type-options": "nosniff",
        "x-request-id": "test-request",
    });
    let more: Map<String, Value> = serde_json::from_value(more).unwrap();
    headers.as_object_mut().unwrap().extend(more);
    headers
}

/// A deployment without a limit by address in effect.
pub(crate) async fn unlimited() -> Deployment {
    Deployment::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await
}

/// Starts a deployment in which, besides, no name waits before it is locked.
pub(crate) async fn without_waits() -> Deployment {
    Deployment::start_with(|env| {
        env.with("THROTTLE_ADDRESS_LIMIT", "1000000").with("THROTTLE_FREE_FAILURES", "25")
    })
    .await
}
