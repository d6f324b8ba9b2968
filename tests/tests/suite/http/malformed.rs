//! Malformed input: each contract answers in its own words, never with a 5xx or the message of a parser.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postern::random::random;
use postern_local::demo::{self, USERS};
use postern_tests::contracts::{self, LoginNameKind, WITH_PASSWORD};
use postern_tests::deployment::{CONTRACTS, Deployment, PASSWORD_CONTRACTS, Reply, credentials, name_at};
use serde_json::{Value, json};

use crate::support::words::{Refused, assert_refusal, assert_reply, member_words, unlimited, words};

const KIB_64: usize = 64 * 1024;

pub(super) fn good_body(contract: &str) -> Value {
    credentials(contract, &name_at(contract, "johndoe"), "SecurePass123!")
}

/// A valid body with one more member, so that it is `length` bytes long.
fn padded(contract: &str, length: usize) -> String {
    let mut body = good_body(contract);
    body["padding"] = json!("");
    body["padding"] = json!("x".repeat(length - body.to_string().len()));
    body.to_string()
}

async fn post_bytes(deployment: &Deployment, contract: &str, body: &[u8]) -> Reply {
    let mut event = deployment.event(contract, Some(&STANDARD.encode(body)));
    event["isBase64Encoded"] = json!(true);
    deployment.invoke(contract, event).await
}

#[tokio::test]
async fn body_that_is_no_json_object_is_refused_in_each_contracts_words() {
    let deployment = Deployment::start().await;
    let before = deployment.app.passwords().verifications();
    for contract in PASSWORD_CONTRACTS {
        let good = good_body(contract).to_string();
        let missing = deployment.invoke(contract, deployment.event(contract, None)).await;
        assert_refusal(contract, Refused::NoObject, &missing, "no body");
        let deep = |open: &str, close: &str| [open.repeat(10_000), close.repeat(10_000)].concat();
        for body in [
            "",
            " \r\n\t",
            "not json",
            "{",
            "}",
            "{\"username\":\"johndoe\"",
            "{'username':'johndoe'}",
            "<signin/>",
            "[]",
            "\"johndoe\"",
            "0",
            "-1.5e3",
            "NaN",
            "true",
            "null",
            "undefined",
            "\0",
            "\u{feff}{",
            &format!("[{good}]"),
            &format!("{good}{good}"),
            &format!("{good},"),
            &good.replace('}', ",}"),
            &deep("[", "]"),
            &deep("{\"a\":", "}"),
            &good.replace('}', &format!(",\"deep\":{}}}", deep("[", "]"))),
        ] {
            let reply = deployment.post(contract, body).await;
            let shown: String = body.chars().take(60).collect();
            assert_refusal(contract, Refused::NoObject, &reply, &shown);
        }
    }
    assert_eq!(deployment.app.passwords().verifications(), before, "nothing is hashed for what is malformed");
}

#[tokio::test]
async fn invalid_utf_8_anywhere_is_malformed() {
    let deployment = Deployment::start().await;
    for contract in PASSWORD_CONTRACTS {
        let good = good_body(contract).to_string();
        let (head, tail) = good.split_at(good.len() - 1);
        let member = |bytes: &[u8]| [head.as_bytes(), b",\"x\":\"", bytes, b"\"", tail.as_bytes()].concat();
        assert_eq!(
            post_bytes(&deployment, contract, &member("☃".as_bytes())).await.status,
            200,
            "{contract}"
        );
        for bytes in [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"] {
            let reply = post_bytes(&deployment, contract, &member(bytes)).await;
            assert_refusal(contract, Refused::NoObject, &reply, &format!("{bytes:x?}"));
            let reply = post_bytes(&deployment, contract, bytes).await;
            assert_refusal(contract, Refused::NoObject, &reply, &format!("{bytes:x?} alone"));
        }
        let utf_16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_refusal(
            contract,
            Refused::NoObject,
            &post_bytes(&deployment, contract, &utf_16).await,
            "UTF-16",
        );
    }
}

#[tokio::test]
async fn body_over_64_kib_is_refused_in_any_encoding() {
    let deployment = Deployment::start().await;
    for contract in PASSWORD_CONTRACTS {
        let (largest, over) = (padded(contract, KIB_64), padded(contract, KIB_64 + 1));
        assert_eq!((largest.len(), over.len()), (65_536, 65_537));
        assert_eq!(deployment.post(contract, &largest).await.status, 200, "{contract}");
        assert_eq!(post_bytes(&deployment, contract, largest.as_bytes()).await.status, 200, "{contract}");
        let before = deployment.app.passwords().verifications();
        let (_, words) = words(contract, Refused::NoObject);
        let encoded = post_bytes(&deployment, contract, over.as_bytes()).await;
        let huge = deployment.post(contract, &padded(contract, 5_000_000)).await;
        for (reply, of) in [
            (&deployment.post(contract, &over).await, "64 KiB + 1"),
            (&encoded, "64 KiB + 1 in base64"),
            (&huge, "5 MB"),
        ] {
            assert_reply(reply, 413, &words, json!({}), &format!("{contract} {of}"));
        }
        assert_eq!(deployment.app.passwords().verifications(), before);
    }
}

/// The reply to a login name and to a password of each JSON type. The other member is valid.
#[tokio::test]
async fn member_of_the_wrong_type_null_or_empty_is_refused_in_each_contracts_words() {
    let deployment = Deployment::start().await;
    let before = deployment.app.passwords().verifications();
    let absent = Value::Object(serde_json::Map::new());
    for value in [
        None,
        Some(Value::Null),
        Some(json!("")),
        Some(json!(false)),
        Some(json!(true)),
        Some(json!(0)),
        Some(json!(17)),
        Some(json!(-1.5)),
        Some(json!([])),
        Some(json!(["johndoe"])),
        Some(absent),
        Some(json!({"$ne": null})),
    ] {
        let lacks = matches!(&value, None | Some(Value::Null)) || value == Some(json!(""));
        for contract in PASSWORD_CONTRACTS {
            let of_contract = contracts::get(contract);
            for member in [of_contract.name_member, "password"] {
                let is_id = member != "password" && of_contract.login_names.contains(&LoginNameKind::Id);
                if is_id && value.as_ref().is_some_and(|value| value.as_f64().is_some_and(|n| n != 0.0)) {
                    continue;
                }
                let mut body = good_body(contract);
                let members = body.as_object_mut().unwrap();
                match &value {
                    None => drop(members.remove(member)),
                    Some(value) => drop(members.insert(member.to_owned(), value.clone())),
                }
                let (status, text) = member_words(contract, member, lacks);
                let reply = deployment.sign_in(contract, body).await;
                assert_reply(&reply, status, &text, json!({}), &format!("{contract} {member} {value:?}"));
            }
        }
    }
    assert_eq!(deployment.app.passwords().verifications(), before);
}

#[tokio::test]
async fn login_name_over_1024_bytes_is_an_unknown_user() {
    let deployment = unlimited().await;
    for contract in WITH_PASSWORD.iter().filter(|contract| !contract.long_name_is_malformed) {
        let contract = contract.name;
        for length in [1024, 1025, 2048, 60_000] {
            let before = deployment.app.passwords().verifications();
            let reply = deployment.password(contract, &"a".repeat(length), "SecurePass123!").await;
            assert_refusal(contract, Refused::UnknownUser, &reply, &format!("{length} bytes"));
            assert_eq!(deployment.app.passwords().verifications() - before, 1, "{contract} {length}");
        }
        // Even if trimming would make it a user's name.
        let name = name_at(contract, "johndoe");
        let at_most = format!("{name}{}", " ".repeat(1024 - name.len()));
        assert_eq!(deployment.password(contract, &at_most, "SecurePass123!").await.status, 200, "{contract}");
        let reply = deployment.password(contract, &format!("{at_most} "), "SecurePass123!").await;
        assert_refusal(contract, Refused::UnknownUser, &reply, "1,025 bytes with spaces");
    }
}

#[tokio::test]
async fn password_over_1024_bytes_is_wrong_even_if_it_is_stored() {
    let deployment = unlimited().await;
    for (id, username, length) in [(101, "longest", 1024), (102, "toolong", 1025)] {
        let mut user = demo::user(&deployment.app, &USERS[0]);
        (user.id, user.username, user.email) = (id, username.to_owned(), format!("{username}@example.com"));
        user.password_hash = Some(deployment.app.passwords().hash(&"p".repeat(length), random()).unwrap());
        deployment.store.create_user(user).await.unwrap();
    }
    for contract in PASSWORD_CONTRACTS {
        let reply = deployment.password(contract, &name_at(contract, "longest"), &"p".repeat(1024)).await;
        assert_eq!(reply.status, 200, "{contract}");
        for length in [1025, 60_000] {
            let before = deployment.app.passwords().verifications();
            let reply =
                deployment.password(contract, &name_at(contract, "toolong"), &"p".repeat(length)).await;
            assert_refusal(contract, Refused::Wrong, &reply, &format!("{length} bytes"));
            assert_eq!(deployment.app.passwords().verifications() - before, 1, "{contract} {length}");
            deployment.advance(crate::support::words::LONGEST_WAIT);
        }
    }
}

#[tokio::test]
async fn duplicate_member_counts_as_the_last() {
    let deployment = unlimited().await;
    for contract in PASSWORD_CONTRACTS {
        let name = contracts::get(contract).name_member;
        let (good, bad) = (good_body(contract).to_string(), r#""password":"first""#);
        let body = good.replacen('{', &format!(r#"{{{bad},"{name}":["nobody"],"#), 1);
        assert_eq!(deployment.post(contract, &body).await.status, 200, "{contract}: {body}");
        let body = good.replacen('}', &format!(",{bad}}}"), 1);
        assert_refusal(contract, Refused::Wrong, &deployment.post(contract, &body).await, &body);
    }
}

#[tokio::test]
async fn unknown_members_are_ignored() {
    let deployment = Deployment::start().await;
    for contract in PASSWORD_CONTRACTS {
        let mut body = good_body(contract);
        for (member, value) in [
            ("Username", json!("nobody")),
            ("Password", json!(17)),
            ("user_id", json!(14)),
            ("__proto__", json!({"admin": true})),
            ("", json!(null)),
            ("p\u{0}q", json!([[{}]])),
        ] {
            body[member] = value;
        }
        assert_eq!(deployment.sign_in(contract, body).await.status, 200, "{contract}");
    }
}

#[tokio::test]
async fn json_is_read_under_any_content_type() {
    let deployment = Deployment::start().await;
    for contract in CONTRACTS {
        let event = deployment.right_sign_in(contract).await;
        for kind in [
            None,
            Some(""),
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/json; charset=utf-8"),
            Some(";;;/"),
            Some("ünsinn ☃"),
        ] {
            let mut event = event.clone();
            let headers = event["headers"].as_object_mut().unwrap();
            headers.remove("content-type");
            headers.extend(kind.map(|kind| ("content-type".to_owned(), json!(kind))));
            let reply = deployment.invoke(contract, event.clone()).await;
            assert_eq!(reply.status, 200, "{contract} {kind:?}");
            // API Gateway encodes the bodies of types that it does not know.
            if let Some(body) = event["body"].as_str() {
                event["body"] = json!(STANDARD.encode(body));
                event["isBase64Encoded"] = json!(true);
                assert_eq!(
                    deployment.invoke(contract, event).await.status,
                    200,
                    "{contract} {kind:?} in base64"
                );
            }
        }
    }
}

#[tokio::test]
async fn sso_ignores_every_body() {
    let deployment = Deployment::start().await;
    let event = deployment.right_sign_in("sso").await;
    let expected = deployment.invoke("sso", event.clone()).await;
    assert_eq!(expected.status, 200);
    let large = "x".repeat(5_000_000);
    for (body, encoded) in [
        ("", false),
        ("{}", false),
        ("null", false),
        ("[1,", false),
        (r#"{"username":1}"#, false),
        (&large, false),
        ("/////w==", true),
        ("", true),
    ] {
        let mut event = event.clone();
        event["body"] = json!(body);
        event["isBase64Encoded"] = json!(encoded);
        let shown: String = body.chars().take(20).collect();
        assert_eq!(deployment.invoke("sso", event).await, expected, "{shown}");
    }
}
