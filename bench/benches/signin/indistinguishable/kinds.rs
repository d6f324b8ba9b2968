//! The kinds of users, and the routes at which they are compared.

use postern::identity::{LoginName, Status};
use postern::second_factor::Mfa;
use postern::store::operator::UserRecord;
use postern_local::demo::{TOTP_SECRET, USERS};
use postern_tests::contracts::jwt_profile;
use postern_tests::deployment::{self, Deployment, credentials, name_at};
use serde_json::{Value, json};

/// A hash of an import, with 12 MiB times passes. A new hash has 38.
const CHEAPER: &str = "$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
/// The password of the first demo user, whose hash the users share.
const RIGHT: &str = "SecurePass123!";
const WRONG: &str = "SecurePass124!";

/// A kind of user, or of name, whose refusals get the same bytes as those of the others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Unknown,
    NoPassword,
    WrongPassword,
    Disabled,
    CheaperHash,
    MustChange,
    MfaOn,
    /// The password is right, and the MFA code is wrong.
    WrongCode,
    LockedUnknown,
    Locked,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NoPassword => "no password",
            Self::WrongPassword => "wrong password",
            Self::Disabled => "disabled",
            Self::CheaperHash => "cheaper hash",
            Self::MustChange => "must change it",
            Self::MfaOn => "MFA on",
            Self::WrongCode => "wrong code",
            Self::LockedUnknown => "locked, unknown",
            Self::Locked => "locked",
        }
    }

    /// The id of the user with this number. All have the same number of digits, and so have the names: only
    /// the kind may make a difference.
    const fn id(self, number: usize) -> u64 {
        1_000_000 + 100_000 * self as u64 + number as u64
    }

    fn username(self, number: usize) -> String {
        format!("user{}", self.id(number))
    }

    /// Creates the user of this kind with this number, if there is one, and locks the name of a locked kind.
    pub(super) async fn create(self, deployment: &Deployment, number: usize) {
        let username = self.username(number);
        if !matches!(self, Self::Unknown | Self::LockedUnknown) {
            self.create_user(deployment, number, &username).await;
        }
        // A user's failures are counted with the user, so the user must be there first.
        if matches!(self, Self::Locked | Self::LockedUnknown) {
            for name in [username.clone(), format!("{username}@example.com")] {
                deployment.store.lock_name(&LoginName::new(&name), deployment.now()).await.unwrap();
            }
        }
    }

    async fn create_user(self, deployment: &Deployment, number: usize, username: &str) {
        // The hash of the first demo user is computed once, when the deployment starts.
        let known = deployment.store.user(USERS[0].id).await.unwrap().unwrap();
        let mut user = UserRecord {
            id: self.id(number),
            email: format!("{username}@example.com"),
            username: username.to_owned(),
            epoch: 0,
            ..known
        };
        match self {
            Self::NoPassword => user.password_hash = None,
            Self::Disabled => user.status = Status::Disabled,
            Self::CheaperHash => user.password_hash = Some(CHEAPER.to_owned()),
            Self::MustChange => user.must_change_password = true,
            Self::MfaOn | Self::WrongCode => {
                user.mfa = Some(Mfa { secret: TOTP_SECRET.into(), last_step: None });
            }
            Self::Unknown | Self::LockedUnknown | Self::WrongPassword | Self::Locked => {}
        }
        deployment.store.create_user(user).await.unwrap();
    }

    /// The password that an attempt sends.
    const fn password(self) -> &'static str {
        match self {
            Self::WrongCode => RIGHT,
            _ => WRONG,
        }
    }
}

/// A route, and the kinds that are compared there. The others are compared with the first.
pub(super) struct Route {
    pub(super) name: &'static str,
    pub(super) contract: &'static str,
    pub(super) kinds: &'static [Kind],
    /// Makes an attempt of this kind by the name with this number.
    pub(super) event: fn(&Deployment, Kind, usize) -> Value,
}

impl Route {
    /// Returns the place of the kind with which a kind is compared.
    pub(super) fn compared_with(&self, kind: Kind) -> usize {
        let with = match kind {
            Kind::Locked => Kind::LockedUnknown,
            Kind::LockedUnknown => kind,
            _ => return 0,
        };
        self.kinds.iter().position(|kind| *kind == with).unwrap_or_default()
    }
}

const AT_SIGN_IN: &[Kind] = &[
    Kind::Unknown,
    Kind::NoPassword,
    Kind::WrongPassword,
    Kind::Disabled,
    Kind::CheaperHash,
    Kind::MfaOn,
    Kind::WrongCode,
    Kind::LockedUnknown,
    Kind::Locked,
];

pub(super) const ROUTES: [Route; 6] = [
    Route {
        name: "account",
        contract: "account",
        kinds: AT_SIGN_IN,
        event: |d, kind, n| sign_in(d, "account", kind, n),
    },
    Route {
        name: "session",
        contract: "session",
        kinds: AT_SIGN_IN,
        event: |d, kind, n| sign_in(d, "session", kind, n),
    },
    Route { name: "mfa", contract: "mfa", kinds: AT_SIGN_IN, event: |d, kind, n| sign_in(d, "mfa", kind, n) },
    Route {
        name: "email",
        contract: "email",
        kinds: AT_SIGN_IN,
        event: |d, kind, n| sign_in(d, "email", kind, n),
    },
    Route {
        name: "session, change",
        contract: "session",
        kinds: &[
            Kind::Unknown,
            Kind::NoPassword,
            Kind::WrongPassword,
            Kind::MustChange,
            Kind::CheaperHash,
            Kind::WrongCode,
            Kind::LockedUnknown,
            Kind::Locked,
        ],
        event: change_password,
    },
    // All users here have MFA on, since there is nothing else to switch off.
    Route {
        name: "mfa, off",
        contract: "mfa",
        kinds: &[Kind::MfaOn, Kind::WrongCode],
        event: switch_mfa_off,
    },
];

fn sign_in(deployment: &Deployment, contract: &str, kind: Kind, number: usize) -> Value {
    let mut body = credentials(contract, &name_at(contract, &kind.username(number)), kind.password());
    body["token"] = json!("000000");
    deployment.event(contract, Some(&body.to_string()))
}

fn change_password(_: &Deployment, kind: Kind, number: usize) -> Value {
    let body = json!({
        "username": kind.username(number),
        "old_password": kind.password(),
        "new_password": "a phrase nobody else has",
        "token": "000000",
    });
    post("/api/auth/changePasswordAfterSignin", &[], &body)
}

fn switch_mfa_off(deployment: &Deployment, kind: Kind, number: usize) -> Value {
    let now = deployment.now().secs();
    let claims = json!({"_id": kind.id(number), "iat": now, "exp": now + 3600, "epoch": 0});
    let jwt = deployment.app.sign(&jwt_profile("mfa"), &claims).unwrap();
    let body = json!({"mfa": false, "password": kind.password(), "token": "000000"});
    post("/account/mfa/jwt", &[("authorization", &format!("Bearer {jwt}"))], &body)
}

fn post(path: &str, headers: &[(&str, &str)], body: &Value) -> Value {
    let headers = [&[("content-type", "application/json")], headers].concat();
    deployment::event("POST", path, &headers, Some(&body.to_string()))
}
