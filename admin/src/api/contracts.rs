//! The contracts as a client uses them: a sign-in, what follows it, and the sign-out.

/// The names of the contracts.
pub const CONTRACTS: [&str; 5] = ["account", "sso", "session", "mfa", "email"];

/// The sign-in of the sso contract. It takes the access token of the account contract.
pub const SSO_SIGN_IN: &str = "/api/v2/sso/signin/";

/// A contract that takes a password.
#[derive(Debug)]
pub struct Contract {
    /// The name.
    pub name: &'static str,
    /// The path of the sign-in, as the product documents it.
    pub sign_in: &'static str,
    /// The member of the body that holds the login name: `username`, or `email` for the e-mail address.
    pub member: &'static str,
    /// Whether the client has to ask for a session, by `stay_logged_in`.
    pub asks_for_session: bool,
    /// The place of the access token in the reply, as a JSON pointer.
    pub access: &'static str,
    /// The place of the session's token in the reply, as a JSON pointer, if the sign-in begins a session.
    pub session_token: Option<&'static str>,
    /// The requests that follow. The last one ends the session, if there is one.
    pub follow_ups: &'static [FollowUp],
}

/// A request after a sign-in.
#[derive(Debug)]
pub struct FollowUp {
    /// The name of the request in messages: refresh, sign-out and so on.
    pub name: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// Whether it carries the access token as a Bearer token.
    pub bearer: bool,
    /// How the body carries the session's token.
    pub form: Form,
    /// The status of the reply.
    pub status: u16,
    /// The place of the session's next token in the reply, as a JSON pointer, if the reply has one.
    pub next_token: Option<&'static str>,
}

/// How a body carries the session's token.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// There is no body.
    None,
    /// As a member of a JSON object.
    Json(&'static str),
    /// As the last value of an urlencoded form. The form begins with this text.
    Urlencoded(&'static str),
}

/// The account contract. The sso contract takes its access tokens.
pub const ACCOUNT: Contract = Contract {
    name: "account",
    sign_in: "/api/v2/account/signin/",
    member: "username",
    asks_for_session: false,
    access: "/token/access_token",
    session_token: Some("/token/refresh_token"),
    follow_ups: &[
        FollowUp {
            name: "refresh",
            method: "POST",
            path: "/oauth/token/",
            bearer: false,
            form: Form::Urlencoded("grant_type=refresh_token&refresh_token="),
            status: 200,
            next_token: Some("/refresh_token"),
        },
        FollowUp {
            name: "sign-out",
            method: "POST",
            path: "/oauth/revoke_token/",
            bearer: false,
            form: Form::Urlencoded("token="),
            status: 200,
            next_token: None,
        },
    ],
};

/// The contracts that take a password.
pub const PASSWORD_CONTRACTS: &[Contract] = &[
    ACCOUNT,
    Contract {
        name: "session",
        sign_in: "/api/auth/signin",
        member: "username",
        asks_for_session: true,
        access: "/token",
        session_token: Some("/session_token"),
        follow_ups: &[
            FollowUp {
                name: "resume",
                method: "POST",
                path: "/api/auth/IamLoggedIn",
                bearer: false,
                form: Form::Json("session_token"),
                status: 202,
                next_token: None,
            },
            FollowUp {
                name: "sign-out",
                method: "POST",
                path: "/api/v1/user/myself/session/logoutCurrentSession",
                bearer: true,
                form: Form::Json("session_token"),
                status: 200,
                next_token: None,
            },
        ],
    },
    Contract {
        name: "mfa",
        sign_in: "/signin",
        member: "username",
        asks_for_session: false,
        access: "/token",
        session_token: None,
        follow_ups: &[FollowUp {
            name: "account",
            method: "GET",
            path: "/whoami/jwt",
            bearer: true,
            form: Form::None,
            status: 200,
            next_token: None,
        }],
    },
    Contract {
        name: "email",
        sign_in: "/api/sign-in/",
        member: "email",
        asks_for_session: false,
        access: "/access",
        session_token: Some("/refresh"),
        follow_ups: &[
            FollowUp {
                name: "profile",
                method: "GET",
                path: "/api/profile/",
                bearer: true,
                form: Form::None,
                status: 200,
                next_token: None,
            },
            FollowUp {
                name: "refresh",
                method: "POST",
                path: "/api/token/refresh/",
                bearer: false,
                form: Form::Json("refresh"),
                status: 200,
                next_token: Some("/refresh"),
            },
            FollowUp {
                name: "sign-out",
                method: "POST",
                path: "/api/token/blacklist/",
                bearer: false,
                form: Form::Json("refresh"),
                status: 200,
                next_token: None,
            },
        ],
    },
];
