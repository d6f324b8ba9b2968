//! The demo users. Their passwords are public, so they exist only in tables on this machine.

use std::collections::BTreeSet;
use std::time::Duration;

use postern::app::App;
use postern::clock::Timestamp;
use postern::identity::LoginName;
use postern::identity::Status;
use postern::password_reset::{CodeOwner, ResetCode};
use postern::random::random;
use postern::second_factor::Mfa;
use postern::session::{NewSession, SessionRequest, SessionSecret};
use postern::store::operator::{CreateUserError, Operator, UserRecord};
use postern::store::{StoreError, StoredCode};
use serde_json::{Value, json};

/// The recovery codes of the user `guarded`. Each is valid for one sign-in.
pub const RECOVERY_CODES: [&str; 8] =
    ["5ca1ab1e", "0ddba115", "ca11ab1e", "deadbea7", "f005ba11", "ba5eba11", "0b501e7e", "acce55ed"];

/// A demo user.
pub struct DemoUser {
    /// The user's id.
    pub id: u64,
    /// The username as it was registered.
    pub username: &'static str,
    /// The e-mail address.
    pub email: &'static str,
    /// The password.
    pub password: &'static str,
    /// The state of the user, in a few words.
    pub state: &'static str,
    status: Status,
    must_change_password: bool,
    /// The TOTP secret in base32, if MFA is on. Then the user also has [`RECOVERY_CODES`].
    pub totp_secret: Option<&'static str>,
}

/// The TOTP secret of the user `guarded`, in base32.
pub const TOTP_SECRET: &str = "KBTSKUKRDJPEGCZK";

const ACTIVE: DemoUser = DemoUser {
    id: 0,
    username: "",
    email: "",
    password: "Password1234!",
    state: "active",
    status: Status::Active,
    must_change_password: false,
    totp_secret: None,
};

/// All demo users.
pub const USERS: [DemoUser; 8] = [
    DemoUser {
        id: 1,
        username: "johndoe",
        email: "johndoe@example.com",
        password: "SecurePass123!",
        ..ACTIVE
    },
    DemoUser {
        id: 14,
        username: "jimmy",
        email: "jimmy@example.com",
        password: "correct horse battery staple",
        ..ACTIVE
    },
    DemoUser { id: 33, username: "st.huber", email: "st.huber@example.com", ..ACTIVE },
    DemoUser {
        id: 40,
        username: "dormant",
        email: "dormant@example.com",
        state: "not activated",
        status: Status::NotActivated,
        ..ACTIVE
    },
    DemoUser {
        id: 41,
        username: "changer",
        email: "changer@example.com",
        state: "must change password",
        must_change_password: true,
        ..ACTIVE
    },
    DemoUser {
        id: 42,
        username: "blocked",
        email: "blocked@example.com",
        state: "disabled",
        status: Status::Disabled,
        ..ACTIVE
    },
    DemoUser {
        id: 43,
        username: "guarded",
        email: "guarded@example.com",
        state: "MFA on",
        totp_secret: Some(TOTP_SECRET),
        ..ACTIVE
    },
    DemoUser { id: 44, username: "Zoë", email: "zoe@example.com", password: "pässwörd ☃", ..ACTIVE },
];

/// Two locked login names, a username and an e-mail address. No user has them.
pub const LOCKED_NAMES: [&str; 2] = ["mallory", "mallory@example.com"];

/// How long the sessions and the reset codes of the sample events are valid.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The secrets of [`SESSIONS`]: one for the account and session contracts, and one for the email contract.
const SESSION_SECRETS: [&str; 2] =
    ["SamplePublicSecretNeverToBeDeployedAnywhere", "5a3b1e00000000005a3b1e0000000000"];

/// Sessions of the last demo user, for the sample events, which use and end them. Their tokens are public.
/// Each has a contract and a family.
const SESSIONS: [(&str, &str); 8] = [
    ("account", "SampleUsed"),
    ("account", "SampleLeft"),
    ("session", "SampleLef2"),
    ("session", "SampleUse2"),
    ("session", "SampleDel2"),
    ("email", "SampleUse3"),
    ("email", "SampleLef3"),
    ("email", "SampleVeri"),
];

/// Codes that reset passwords, for the sample events. They are public. Each has a contract, a user and a text.
const RESET_CODES: [(&str, u64, &str); 4] = [
    ("session", 33, "407446"),
    ("session", 43, "407446"),
    ("account", 14, "14-5a3b1e00000000005a3b1e00000000005a3b1e00000000005a3b1e0000000000"),
    ("account", 43, "43-5a3b1e00000000005a3b1e00000000005a3b1e00000000005a3b1e0000000000"),
];

/// Creates the demo users in a table, and locks [`LOCKED_NAMES`]. Existing users do not change.
///
/// # Errors
/// If the store fails.
pub async fn create_all(app: &App, store: &Operator) -> Result<(), CreateUserError> {
    for demo in &USERS {
        match store.create_user(user(app, demo)).await {
            Ok(_) | Err(CreateUserError::Taken) => {}
            Err(error) => return Err(error),
        }
    }
    for name in LOCKED_NAMES {
        store.lock_name(&LoginName::new(name), app.now()).await?;
    }
    Ok(())
}

/// Puts the sessions and the reset codes of the sample events into a table. Existing sessions do not change,
/// and a code may be tried again.
///
/// # Errors
/// If the store fails.
pub async fn begin_sessions(app: &App, store: &Operator) -> Result<(), StoreError> {
    for (kind, family) in SESSIONS {
        store.put_session(&session(kind, family, app.now())).await?;
    }
    for (contract, user_id, code) in RESET_CODES {
        let owner = CodeOwner::User(user_id);
        let key = &app.keys().current().recovery;
        let email = USERS.iter().find(|user| user.id == user_id).map_or("", |user| user.email);
        let code = StoredCode {
            digest: key.digest_reset_code(contract, &owner, &ResetCode::of(code)),
            epoch: 0,
            sent_to: key.digest_mailbox(email),
        };
        store.put_reset_code(&owner, contract, &code, app.now().plus(YEAR)).await?;
    }
    Ok(())
}

/// Returns a demo user as the table stores it.
pub fn user(app: &App, demo: &DemoUser) -> UserRecord {
    // 2022-11-19T18:15:22.642Z, as on the mfa contract's page.
    let created = Timestamp::from_millis(1_668_881_722_642);
    let codes: BTreeSet<String> =
        RECOVERY_CODES.iter().map(|code| app.keys().current().recovery.digest(demo.id, code)).collect();
    UserRecord {
        id: demo.id,
        email: demo.email.to_owned(),
        password_hash: app.passwords().hash(demo.password, random()).ok(),
        status: demo.status,
        must_change_password: demo.must_change_password,
        mfa: demo.totp_secret.map(|secret| Mfa { secret: secret.into(), last_step: None }),
        recovery_codes: if demo.totp_secret.is_some() { codes } else { BTreeSet::new() },
        attributes: match attributes(demo.id) {
            Value::Object(attributes) => attributes,
            _ => serde_json::Map::new(),
        },
        ..UserRecord::new(demo.username, created)
    }
}

fn session(kind: &'static str, family: &str, now: Timestamp) -> NewSession {
    let [plain, hex] = SESSION_SECRETS;
    let secret = if kind == "email" { SessionSecret::hex(hex) } else { SessionSecret::base62(plain) };
    let request =
        SessionRequest { kind, device: Some("sample".to_owned()), secret, idle: YEAR, absolute: YEAR };
    let mut session = NewSession::begin(request, 44, 0, now);
    session.token.family = family.to_owned();
    session
}

fn attributes(id: u64) -> Value {
    match id {
        1 => json!({
            "sso": {"ext_id": 42, "role": "moderator", "tags": [3, 5]},
            "email": {
                "first_name": "John",
                "last_name": "Doe",
                "number_phone": "5551234567",
                "avatar": "/media/avatars/profile.jpg",
            },
        }),
        14 => json!({"mfa": {"language": "en", "consent": 1, "control": 1, "github": ""}}),
        _ => json!({}),
    }
}
