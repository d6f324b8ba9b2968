//! Clients that refresh tokens of account and email, by events and over HTTP.

use std::net::{Ipv4Addr, SocketAddr};

use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use postern::identity::Status;
use postern::session::{SessionSecret, SessionToken};
use postern::store::Written;
use postern_local::gateway;
use postern_local::template::Template;
use postern_tests::deployment::{Deployment, Reply, event, name_at};
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::support::jwt::claims;
use crate::support::raw::{self, Attribute, Item, text};
use crate::support::words::{Refused, assert_reply, words};

/// The contracts whose tokens can be refreshed.
pub(crate) const REFRESHABLE: [&str; 2] = ["account", "email"];
/// The id of st.huber, who owns the sessions.
pub(crate) const OWNER: u64 = 33;
pub(crate) const PASSWORD: &str = "Password1234!";
pub(crate) const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
pub(crate) const INVALID_TOKEN: &str = "Bearer error=\"invalid_token\"";
/// The email contract's words for an invalid token.
pub(crate) const TOKEN_NOT_VALID: &str =
    r#"{"detail":"Token is invalid or expired","code":"token_not_valid"}"#;

/// What a client keeps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    /// The tokens of a sign-in or of a refresh.
    #[track_caller]
    pub(crate) fn of(contract: &str, reply: &Reply) -> Self {
        assert_eq!(reply.status, 200, "{contract}: {}", reply.text);
        let body = reply.json();
        let body = body.get("token").unwrap_or(&body);
        let [access, refresh] =
            if contract == "account" { ["access_token", "refresh_token"] } else { ["access", "refresh"] };
        let part = |name: &str| body[name].as_str().unwrap().to_owned();
        Self { access: part(access), refresh: part(refresh) }
    }

    pub(crate) fn session(&self, contract: &str) -> SessionToken {
        if contract == "account" {
            return SessionToken::from_plain(&self.refresh).unwrap();
        }
        let claims = claims(&self.refresh);
        let part = |name: &str| claims[name].as_str().unwrap().to_owned();
        let user_id = claims["user_id"].as_u64().unwrap();
        SessionToken { user_id, family: part("sid"), secret: SessionSecret::hex(part("jti")) }
    }

    /// The secret of the session. Email's tokens also differ in the time of issue.
    pub(crate) fn secret(&self, contract: &str) -> String {
        self.session(contract).secret.to_string()
    }
}

/// Signs st.huber in.
pub(crate) async fn sign_in(deployment: &Deployment, contract: &str) -> Tokens {
    Tokens::of(contract, &deployment.password(contract, &name_at(contract, "st.huber"), PASSWORD).await)
}

/// A path, headers and a body to post.
pub(crate) type Post = (&'static str, [(&'static str, &'static str); 1], String);

/// What refreshes this token.
pub(crate) fn refreshing(contract: &str, token: &str) -> Post {
    if contract == "account" {
        return ("/oauth/token/", FORM, grant(token));
    }
    ("/api/token/refresh/", JSON, json!({"refresh": token}).to_string())
}

/// What ends the session of this token.
pub(crate) fn ending(contract: &str, token: &str) -> Post {
    if contract == "account" {
        return ("/oauth/revoke_token/", FORM, format!("token={token}&client_id=postern"));
    }
    ("/api/token/blacklist/", JSON, json!({"refresh": token}).to_string())
}

/// The form of a valid refresh.
pub(crate) fn grant(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}&client_id=postern")
}

pub(crate) async fn refresh(deployment: &Deployment, contract: &str, token: &str) -> Reply {
    let (path, headers, body) = refreshing(contract, token);
    deployment.request(contract, "POST", path, &headers, &body).await
}

/// A refresh that succeeds.
pub(crate) async fn refreshed(deployment: &Deployment, contract: &str, token: &str) -> Tokens {
    Tokens::of(contract, &refresh(deployment, contract, token).await)
}

pub(crate) async fn end(deployment: &Deployment, contract: &str, token: &str) -> Reply {
    let (path, headers, body) = ending(contract, token);
    deployment.request(contract, "POST", path, &headers, &body).await
}

/// Posts any bytes; API Gateway hands them on in base64.
pub(crate) async fn post_bytes(
    deployment: &Deployment,
    contract: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut event = event("POST", path, headers, Some(&STANDARD.encode(body)));
    event["isBase64Encoded"] = json!(true);
    deployment.invoke(contract, event).await
}

pub(crate) async fn profile(deployment: &Deployment, token: &str) -> Reply {
    let bearer = format!("Bearer {token}");
    deployment.request("email", "GET", "/api/profile/", &[("authorization", &bearer)], "").await
}

/// Presents an access token where it is accepted: account's at sso, email's at the profile.
pub(crate) async fn present(deployment: &Deployment, contract: &str, access: &str) -> Reply {
    if contract == "account" { deployment.sso(access).await } else { profile(deployment, access).await }
}

/// The refresh is refused in the words of the contract.
#[track_caller]
pub(crate) fn assert_refused(contract: &str, reply: &Reply, of: &str) {
    if contract == "account" {
        assert_reply(reply, 400, r#"{"error":"invalid_grant"}"#, json!({}), of);
    } else {
        assert_reply(reply, 401, TOKEN_NOT_VALID, json!({"www-authenticate": INVALID_TOKEN}), of);
    }
}

/// The access token is refused, in the words of the contract that checks it.
#[track_caller]
pub(crate) fn assert_access_refused(contract: &str, reply: &Reply, of: &str) {
    if contract == "account" {
        let (status, text) = words("sso", Refused::Wrong);
        return assert_reply(reply, status, &text, json!({"www-authenticate": INVALID_TOKEN}), of);
    }
    let messages = ["Token is invalid", "Token is expired", "Token has wrong type"];
    let texts = messages.map(profile_refusal);
    let text = texts.iter().find(|text| **text == reply.text).unwrap_or(&texts[0]);
    assert_reply(reply, 401, text, json!({"www-authenticate": API_REALM}), of);
}

/// The challenge of email's profile.
pub(crate) const API_REALM: &str = "Bearer realm=\"api\"";

/// The reply of email's profile to an invalid token, in the framework's words.
pub(crate) fn profile_refusal(message: &str) -> String {
    let message = format!(r#"{{"token_class":"AccessToken","token_type":"access","message":"{message}"}}"#);
    format!(
        r#"{{"detail":"Given token not valid for any token type","code":"token_not_valid","messages":[{message}]}}"#
    )
}

/// st.huber's sessions of this contract as they are stored, but for their ids.
pub(crate) async fn sessions(deployment: &Deployment, contract: &str) -> Vec<Item> {
    let (pk, kind) = (text(&format!("SESSIONS#{OWNER}")), text(contract));
    let all = raw::all(deployment).await;
    all.into_iter().filter(|item| item["pk"] == pk && item["kind"] == kind).collect()
}

/// An action of an operator that ends all sessions of a user.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum OperatorAction {
    Disable,
    Block,
    SetPassword,
    RequireChange,
    EndSessions,
}

impl OperatorAction {
    pub(crate) const ALL: [Self; 5] =
        [Self::Disable, Self::Block, Self::SetPassword, Self::RequireChange, Self::EndSessions];

    pub(crate) async fn apply(self, deployment: &Deployment) {
        let (store, now) = (&deployment.store, deployment.now());
        let hash = || deployment.app.passwords().hash(PASSWORD, [5; 16]).unwrap();
        let done = match self {
            Self::Disable => store.set_status(OWNER, Status::Disabled, now).await,
            Self::Block => store.set_status(OWNER, Status::Blocked, now).await,
            Self::SetPassword => store.set_password(OWNER, &hash(), false, now).await,
            Self::RequireChange => store.set_password(OWNER, &hash(), true, now).await,
            Self::EndSessions => store.end_sessions(OWNER, now).await,
        };
        assert_eq!(done, Ok(Written::Done), "{self:?}");
    }

    /// Lets the user sign in again, but leaves the epoch as it is.
    pub(crate) async fn undo(deployment: &Deployment) {
        let mut user = raw::user(deployment, OWNER).await;
        user.insert("status".to_owned(), text("active"));
        user.insert("must_change_password".to_owned(), Attribute::Bool(false));
        raw::put(deployment, &format!("USER#{OWNER}"), "USER", user).await;
    }

    pub(crate) const fn disables_the_user(self) -> bool {
        matches!(self, Self::Disable | Self::Block)
    }
}

/// The gateway on a port of its own, before the functions of a deployment.
pub(crate) struct Gateway(SocketAddr);

impl Gateway {
    pub(crate) async fn open(deployment: &Deployment) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = gateway::router(&Template::embedded().unwrap(), deployment.functions()).unwrap();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self(address)
    }

    pub(crate) async fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.0).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client(sender)
    }
}

/// A client with a connection of its own.
pub(crate) struct Client(SendRequest<Full<Bytes>>);

impl Client {
    async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        self.0.ready().await.unwrap();
        let (parts, body) = self.0.send_request(request).await.unwrap().into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let of_http = |name: &str| ["date", "content-length"].contains(&name);
        let headers = parts.headers.iter().filter(|(name, _)| !of_http(name.as_str()));
        let mut headers: Map<String, Value> =
            headers.map(|(name, value)| (name.as_str().to_owned(), json!(value.to_str().unwrap()))).collect();
        // The gateway numbers its requests. The events of a deployment have this id.
        let id = headers.insert("x-request-id".to_owned(), json!("test-request"));
        assert!(id.is_some_and(|id| id != json!("")), "{text}");
        Reply { status: parts.status.as_u16().into(), headers: headers.into(), text }
    }

    pub(crate) async fn refresh(&mut self, contract: &str, token: &str) -> Reply {
        let (path, headers, body) = refreshing(contract, token);
        self.insist("POST", path, &headers, &body).await
    }

    pub(crate) async fn present(&mut self, contract: &str, access: &str) -> Reply {
        let bearer = format!("Bearer {access}");
        let (method, path) =
            if contract == "account" { ("POST", "/api/v2/sso/signin/") } else { ("GET", "/api/profile/") };
        self.insist(method, path, &[("authorization", &bearer)], "").await
    }

    /// Tries again if the table of a busy machine is unavailable.
    async fn insist(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        for _ in 0..5 {
            let reply = self.send(method, path, headers, body).await;
            if reply.status != 503 {
                return reply;
            }
            assert_eq!(reply.header("retry-after"), Some("1"), "{path}");
        }
        panic!("{path}: the table is never there");
    }
}
