//! The facts about each contract that the suites and the benchmark need and cannot read from its code. The words of its
//! replies are in `tests/suite/support/words.rs`.
//!
//! A new contract gets an entry in [`WITH_PASSWORD`], and its default issuer and audience in [`jwt_profile`]. A contract
//! that takes no password is named in [`WITHOUT_PASSWORD`] instead. A further route that signs in gets an entry in [`FURTHER`].

use postern::environment::Environment;
use postern::token::JwtProfile;
use serde_json::{Value, json};

/// A contract whose sign-in takes a login name and a password, or a further route of one that signs in.
pub struct Contract {
    /// The name, as `local/src/functions.rs` has it. A further route is named after its contract and its file.
    pub name: &'static str,
    /// The further route. The sign-in of a contract is in `local/src/functions.rs`.
    pub further: Option<Further>,
    /// The member of the body that holds the login name.
    pub name_member: &'static str,
    /// The kinds of login names that sign in.
    pub login_names: &'static [LoginNameKind],
    /// Whether a login name that is too long is malformed. Elsewhere it is an unknown user.
    pub long_name_is_malformed: bool,
    /// Whether the sign-in reads `multipart/form-data`.
    pub reads_parts: bool,
    /// When a sign-in begins a session.
    pub session: Session,
    /// The tokens in the reply to a sign-in. The first is the access token.
    pub tokens: &'static [Token],
    /// The claim of the access token that holds the user's id.
    pub user_claim: &'static str,
}

/// A further route of a contract that signs in by a login name and a password.
pub struct Further {
    /// The contract that serves the route.
    pub contract: &'static str,
    /// The path of the route.
    pub path: &'static str,
    /// What precedes the members in an urlencoded form, if the route reads no JSON.
    pub form: Option<&'static str>,
}

/// A kind of login name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginNameKind {
    /// A username.
    Username,
    /// An e-mail address.
    Email,
    /// The user's id.
    Id,
}

/// When a sign-in begins a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Never.
    Never,
    /// If the body has `"stay_logged_in": true`.
    OnRequest,
    /// Always.
    Always,
}

/// A token in the reply to a sign-in.
#[derive(Debug)]
pub struct Token {
    /// The contract and the kind of token.
    pub name: &'static str,
    /// The place in the reply, as a JSON pointer.
    pub place: &'static str,
    /// The request whose reply shows whether the token is valid, if a route takes it.
    pub probe: Option<Probe>,
}

/// A request whose reply shows whether a token is valid.
#[derive(Debug)]
pub struct Probe {
    /// The contract that takes the token.
    pub contract: &'static str,
    /// The method of the route.
    pub method: &'static str,
    /// The path of the route.
    pub path: &'static str,
    /// The body. `{token}` stands for the token. A body without it goes with a bearer token.
    pub body: &'static str,
    /// The status of the reply to a valid token.
    pub valid: u64,
    /// The status of the reply to an invalid token.
    pub invalid: u64,
}

/// The contracts that take a password.
pub const WITH_PASSWORD: &[Contract] = &[
    Contract {
        name: "account",
        further: None,
        name_member: "username",
        login_names: &[LoginNameKind::Username],
        long_name_is_malformed: false,
        reads_parts: true,
        session: Session::Always,
        tokens: &[
            Token {
                name: "account access",
                place: "/token/access_token",
                probe: Some(Probe {
                    contract: "sso",
                    method: "POST",
                    path: "/api/v2/sso/signin/",
                    body: "",
                    valid: 200,
                    invalid: 401,
                }),
            },
            Token {
                name: "account refresh",
                place: "/token/refresh_token",
                probe: Some(Probe {
                    contract: "account",
                    method: "POST",
                    path: "/oauth/token/",
                    body: "grant_type=refresh_token&refresh_token={token}",
                    valid: 200,
                    invalid: 400,
                }),
            },
        ],
        user_claim: "user_id",
    },
    Contract {
        name: "session",
        further: None,
        name_member: "username",
        login_names: &[LoginNameKind::Username],
        long_name_is_malformed: true,
        reads_parts: true,
        session: Session::OnRequest,
        tokens: &[
            Token {
                name: "session JWT",
                place: "/token",
                // There is no such session. Only a request with a valid JWT gets this reply.
                probe: Some(Probe {
                    contract: "session",
                    method: "POST",
                    path: "/api/v1/user/myself/session/logoutCurrentSession",
                    body: r#"{"session_token":"x"}"#,
                    valid: 404,
                    invalid: 401,
                }),
            },
            Token {
                name: "session token",
                place: "/session_token",
                probe: Some(Probe {
                    contract: "session",
                    method: "POST",
                    path: "/api/auth/IamLoggedIn",
                    body: r#"{"session_token":"{token}"}"#,
                    valid: 202,
                    invalid: 400,
                }),
            },
        ],
        user_claim: "sub",
    },
    Contract {
        name: "mfa",
        further: None,
        name_member: "username",
        login_names: &[LoginNameKind::Username, LoginNameKind::Email, LoginNameKind::Id],
        long_name_is_malformed: false,
        // FreeSewing's server reads no parts.
        reads_parts: false,
        session: Session::Never,
        tokens: &[Token {
            name: "mfa JWT",
            place: "/token",
            probe: Some(Probe {
                contract: "mfa",
                method: "GET",
                path: "/whoami/jwt",
                body: "",
                valid: 200,
                invalid: 401,
            }),
        }],
        user_claim: "_id",
    },
    Contract {
        name: "email",
        further: None,
        name_member: "email",
        login_names: &[LoginNameKind::Email],
        long_name_is_malformed: false,
        reads_parts: true,
        session: Session::Always,
        tokens: &[
            Token {
                name: "email access",
                place: "/access",
                probe: Some(Probe {
                    contract: "email",
                    method: "GET",
                    path: "/api/profile/",
                    body: "",
                    valid: 200,
                    invalid: 401,
                }),
            },
            Token {
                name: "email refresh",
                place: "/refresh",
                probe: Some(Probe {
                    contract: "email",
                    method: "POST",
                    path: "/api/token/refresh/",
                    body: r#"{"refresh":"{token}"}"#,
                    valid: 200,
                    invalid: 401,
                }),
            },
        ],
        user_claim: "user_id",
    },
];

/// The further routes that sign in by a login name and a password. The guarantees of a sign-in hold for them too.
pub const FURTHER: &[Contract] = &[
    Contract {
        name: "account/token",
        further: Some(Further {
            contract: "account",
            path: "/oauth/token/",
            form: Some("grant_type=password"),
        }),
        name_member: "username",
        login_names: &[LoginNameKind::Username],
        long_name_is_malformed: false,
        reads_parts: false,
        session: Session::Always,
        tokens: &[],
        user_claim: "user_id",
    },
    Contract {
        name: "email/obtain_token",
        further: Some(Further { contract: "email", path: "/api/token/", form: None }),
        name_member: "username",
        login_names: &[LoginNameKind::Username],
        long_name_is_malformed: false,
        reads_parts: true,
        session: Session::Always,
        tokens: &[],
        user_claim: "user_id",
    },
];

/// The contracts that take no password: their sign-in takes a token of the account contract.
pub const WITHOUT_PASSWORD: [&str; 1] = ["sso"];

/// The names of the contracts that take a password.
pub const PASSWORD_CONTRACTS: [&str; WITH_PASSWORD.len()] = {
    let mut names = [""; WITH_PASSWORD.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = WITH_PASSWORD[at].name;
        at += 1;
    }
    names
};

/// The names of the routes that sign in by a password: the contracts that take one, and the further routes.
pub const PASSWORD_ROUTES: [&str; WITH_PASSWORD.len() + FURTHER.len()] = {
    let mut names = [""; WITH_PASSWORD.len() + FURTHER.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = match at < WITH_PASSWORD.len() {
            true => WITH_PASSWORD[at].name,
            false => FURTHER[at - WITH_PASSWORD.len()].name,
        };
        at += 1;
    }
    names
};

/// All entries.
pub fn entries() -> impl Iterator<Item = &'static Contract> {
    WITH_PASSWORD.iter().chain(FURTHER)
}

/// The entry of a contract that takes a password, or of a further route.
pub fn get(name: &str) -> &'static Contract {
    entries()
        .find(|contract| contract.name == name)
        .unwrap_or_else(|| panic!("tests/src/contracts.rs has no entry for {name}"))
}

/// The further route with this name. Nothing if the name is that of a contract.
pub fn further(name: &str) -> Option<&'static Further> {
    entries().find(|contract| contract.name == name)?.further.as_ref()
}

/// The name of the contract that serves a route: that of the further route, or the name itself.
pub fn of_route(name: &str) -> &str {
    further(name).map_or(name, |further| further.contract)
}

/// The name of the entry that a route of a function has: that of the further route, or the function's own.
pub fn of_path(function: &'static str, path: &str) -> &'static str {
    let is_its = |further: &Further| {
        further.contract == function && further.path.trim_end_matches('/') == path.trim_end_matches('/')
    };
    let entry = FURTHER.iter().find(|entry| entry.further.as_ref().is_some_and(is_its));
    entry.map_or(function, |entry| entry.name)
}

/// The request whose reply shows whether a token of this name is valid.
pub fn probe(token: &str) -> &'static Probe {
    let tokens = WITH_PASSWORD.iter().flat_map(|contract| contract.tokens);
    let probe = tokens.filter(|each| each.name == token).find_map(|each| each.probe.as_ref());
    probe.unwrap_or_else(|| panic!("tests/src/contracts.rs has no probe for {token}"))
}

/// Whether the contract takes a password.
pub fn takes_password(name: &str) -> bool {
    let takes = !WITHOUT_PASSWORD.contains(&name);
    assert!(!takes || PASSWORD_ROUTES.contains(&name), "tests/src/contracts.rs has no entry for {name}");
    takes
}

/// The names of the contracts and further routes at which this kind of login name signs in.
pub fn taking(kind: LoginNameKind) -> Vec<&'static str> {
    let taking = entries().filter(|contract| contract.login_names.contains(&kind));
    taking.map(|contract| contract.name).collect()
}

/// The login name of a user that signs in at this contract.
pub fn login_name<'a>(contract: &str, username: &'a str, email: &'a str) -> &'a str {
    if get(contract).login_names.contains(&LoginNameKind::Username) { username } else { email }
}

/// The login name under which a contract knows a demo user.
pub fn name_at(contract: &str, username: &str) -> String {
    login_name(contract, username, &format!("{username}@example.com")).to_owned()
}

/// The default profile of a contract's JWTs.
pub fn jwt_profile(contract: &str) -> JwtProfile {
    let (issuer, audience) = match contract {
        "account" => (None, None),
        "session" => (Some("lumen-jwt"), None),
        "mfa" => (Some("postern"), Some("postern")),
        "email" => (Some("email"), None),
        _ => panic!("{contract} issues no JWT"),
    };
    let env = Environment::of::<&str, &str>([]);
    JwtProfile::from_env(&env, ("ISSUER", issuer), ("AUDIENCE", audience), "TYPE").unwrap()
}

/// The members of a body that signs in by a password.
pub fn credentials(contract: &str, name: &str, password: &str) -> Value {
    json!({get(contract).name_member: name, "password": password})
}

/// The body with these members, as the route reads it. A form has neither `null` nor `false`.
pub fn body(contract: &str, members: &Value) -> String {
    let Some(form) = further(contract).and_then(|further| further.form) else { return members.to_string() };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let sent =
        members.as_object().unwrap().iter().filter(|(_, value)| !value.is_null() && **value != json!(false));
    let pairs = sent.map(|(name, value)| format!("&{}", pair(name, &text(value))));
    pairs.fold(form.to_owned(), |form, pair| form + &pair)
}

/// A parameter of an urlencoded form.
pub fn pair(name: &str, value: &str) -> String {
    let byte = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let value: String = value.bytes().map(byte).collect();
    format!("{name}={value}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use postern_local::functions::CONTRACTS;

    use super::*;

    #[test]
    fn every_contract_has_an_entry() {
        let entries: BTreeSet<_> = PASSWORD_CONTRACTS.into_iter().chain(WITHOUT_PASSWORD).collect();
        assert_eq!(entries, BTreeSet::from(CONTRACTS));
        assert_eq!(
            PASSWORD_CONTRACTS.len() + WITHOUT_PASSWORD.len(),
            CONTRACTS.len(),
            "an entry is there twice"
        );
    }

    #[test]
    #[should_panic(expected = "tests/src/contracts.rs has no entry for unknown")]
    fn contract_without_an_entry_fails() {
        get("unknown");
    }
}
