//! The routes of all functions, and a request to each that changes nothing.

/// The path of the key set.
pub const KEY_SET: &str = "/.well-known/jwks.json";

/// The path of the discovery document.
pub const DISCOVERY: &str = "/.well-known/openid-configuration";

/// A route, and the status of its reply to a request without credentials: no token, and the body `{}` if it is
/// a POST. The functions refuse such a request before they read or count anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The contract of the function, or `jwks`.
    pub function: &'static str,
    /// The method. A route of GET answers HEAD too.
    pub method: &'static str,
    /// The path without its trailing slash. Its last segment may be the parameter `{id}`.
    pub path: &'static str,
    /// The status of the reply.
    pub status: u16,
    /// The status if the route needs a setting that the deployment does not have.
    pub without_setting: Option<u16>,
}

impl Route {
    /// Returns the path, with a value in the place of its parameter.
    pub fn sample_path(&self) -> String {
        self.path.replace("{id}", "0")
    }
}

/// All routes.
pub const ROUTES: &[Route] = &[
    route("account", "POST", "/api/v2/account/signin", 400),
    route("account", "POST", "/api/v2/account/recover", 400),
    route("account", "POST", "/api/v2/account/reset", 400),
    route("account", "POST", "/oauth/token", 400),
    route("account", "POST", "/oauth/revoke_token", 400),
    route("sso", "POST", "/api/v2/sso/signin", 401),
    route("session", "POST", "/api/auth/signin", 422),
    route("session", "POST", "/api/auth/changePasswordAfterSignin", 422),
    route("session", "POST", "/api/auth/IamLoggedIn", 422),
    route("session", "POST", "/api/auth/forgotPassword/sendEmail", 422),
    route("session", "POST", "/api/auth/forgotPassword/checkCode", 422),
    route("session", "POST", "/api/auth/forgotPassword/resetPassword", 422),
    route("session", "GET", "/api/v1/user/myself/session", 401),
    route("session", "DELETE", "/api/v1/user/myself/session/{id}", 401),
    route("session", "POST", "/api/v1/user/myself/session/logoutCurrentSession", 401),
    route("mfa", "POST", "/signin", 400),
    route("mfa", "GET", "/whoami/jwt", 401),
    route("mfa", "GET", "/account/jwt", 401),
    route("mfa", "POST", "/account/mfa/jwt", 401),
    route("email", "POST", "/api/sign-in", 400),
    route("email", "POST", "/api/token", 400),
    route("email", "POST", "/api/token/verify", 400),
    route("email", "POST", "/api/token/refresh", 400),
    route("email", "POST", "/api/token/blacklist", 400),
    route("email", "GET", "/api/profile", 401),
    route("email", "POST", "/api/profile", 401),
    route("jwks", "GET", KEY_SET, 200),
    Route { without_setting: Some(404), ..route("jwks", "GET", DISCOVERY, 200) },
];

const fn route(function: &'static str, method: &'static str, path: &'static str, status: u16) -> Route {
    Route { function, method, path, status, without_setting: None }
}
