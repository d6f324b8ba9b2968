//! Bodies of each kind, as clients and attackers send them.

use lambda_http::Body;
use lambda_http::http::header::HeaderValue;
use serde_json::json;

use super::*;

fn request(headers: &[(HeaderName, &str)], body: &[u8]) -> Request {
    let mut request = Request::new(Body::Binary(body.to_vec()));
    for (name, value) in headers {
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

fn read(content_type: &str, body: impl AsRef<[u8]>) -> Result<Value, BodyError> {
    let headers = [(CONTENT_TYPE, content_type)];
    let headers = if content_type.is_empty() { &[][..] } else { &headers };
    members(&request(headers, body.as_ref()), Forms::UrlencodedAndMultipart).map(Value::Object)
}

const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=x";

#[test]
fn form_fields_are_decoded_strings_and_the_last_of_a_name_counts() {
    for kind in [FORM, "Application/X-WWW-Form-Urlencoded; charset=UTF-8", "", "text/plain"] {
        let body = "username=j%C3%BCrgen&password=a+b%2Bc%26d%3De&empty=&bare&username=anna&&x=1=2";
        let expected = json!({
            "username": "anna", "password": "a b+c&d=e", "empty": "", "bare": "", "x": "1=2",
        });
        assert_eq!(read(kind, body), Ok(expected), "{kind}");
    }
    assert_eq!(read(FORM, "a=%E4&b=1"), Err(BodyError::Malformed), "Latin-1");
    assert_eq!(read(FORM, b"a=\xff"), Err(BodyError::Malformed));
    assert_eq!(read(FORM, "a=%zz%"), Ok(json!({"a": "%zz%"})), "a text that is no escape stays as it is");
    assert_eq!(read(FORM, ""), Ok(json!({})));
}

#[test]
fn json_is_read_with_any_content_type_and_with_a_byte_order_mark() {
    for kind in ["application/json", "application/vnd.api+json; charset=utf-8", FORM, PARTS, "", "text/plain"]
    {
        for mark in ["", "\u{feff}"] {
            assert_eq!(
                read(kind, format!("{mark} {{\"a\":1,\"a\":\"x=y\"}}")),
                Ok(json!({"a": "x=y"})),
                "{kind}"
            );
        }
        assert_eq!(read(kind, "[1]"), Err(BodyError::Malformed), "{kind}");
    }
    for body in ["", "nonsense", "7", "null", "\"a=b"] {
        assert_eq!(read("application/json", body), Err(BodyError::Malformed), "{body}");
    }
    assert_eq!(read("application/json", "a=b"), Err(BodyError::Malformed), "a form is not JSON");
    assert_eq!(read("", ""), Err(BodyError::Malformed));
}

#[test]
fn multipart_fields_are_read_and_files_are_ignored() {
    let body = "preamble\r\n--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nanna\r\n\
        --x\r\nContent-Disposition: form-data; name=\"password\"\r\nContent-Type: text/plain\r\n\r\n a+b%20\r\nc \r\n\
        --x\r\nContent-Disposition: form-data; name=\"username\"; filename=\"u.txt\"\r\n\r\nmallory\r\n--x--\r\n";
    let expected = json!({"username": "anna", "password": " a+b%20\r\nc "});
    assert_eq!(read(PARTS, body), Ok(expected.clone()));
    assert_eq!(read("multipart/form-data; charset=utf-8; boundary=\"x\"", body), Ok(expected));
    for (kind, body) in [
        ("multipart/form-data", body),
        ("multipart/form-data; boundary=", body),
        ("multipart/form-data; boundary=y", body),
        (PARTS, ""),
        (PARTS, body.trim_end_matches("--x--\r\n")),
        (PARTS, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n"),
    ] {
        assert_eq!(read(kind, body), Err(BodyError::Malformed), "{kind} {body}");
    }
    let latin = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\xff\r\n--x--\r\n";
    assert_eq!(read(PARTS, latin), Err(BodyError::Malformed));
    let only_urlencoded = members(&request(&[(CONTENT_TYPE, PARTS)], body.as_bytes()), Forms::Urlencoded);
    assert!(!only_urlencoded.is_ok_and(|members| members.contains_key("username")));
}

#[test]
fn many_parts_are_read_and_many_headers_are_malformed() {
    let part = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
    let many = part.repeat(MAX_BODY_BYTES / part.len() - 1) + "--x--\r\n";
    assert_eq!(read(PARTS, many), Ok(json!({"a": "1"})));
    let headers = "a: b\r\n".repeat(5000);
    assert_eq!(read(PARTS, format!("--x\r\n{headers}\r\n1\r\n--x--\r\n")), Err(BodyError::Malformed));
}

#[test]
fn body_over_the_limit_is_too_large_before_it_is_parsed() {
    for kind in [FORM, "application/json", PARTS, ""] {
        let body = format!("a={}", "x".repeat(MAX_BODY_BYTES - 1));
        assert_eq!(read(kind, &body), Err(BodyError::TooLarge), "{kind}");
    }
    let body = format!("a={}", "x".repeat(MAX_BODY_BYTES - 2));
    assert!(read(FORM, body).is_ok());
}

#[test]
fn body_that_is_compressed_or_in_another_character_set_is_unsupported() {
    let of = |name: HeaderName, value: &str| {
        members(&request(&[(name, value)], b"{\"a\":1}"), Forms::Urlencoded).map(|_| ())
    };
    for encoding in ["gzip", "deflate", "br", "identity, gzip", "x"] {
        assert_eq!(of(CONTENT_ENCODING, encoding), Err(BodyError::Unsupported), "{encoding}");
    }
    for encoding in ["", "identity", " Identity "] {
        assert_eq!(of(CONTENT_ENCODING, encoding), Ok(()), "{encoding}");
    }
    for charset in ["iso-8859-1", "\"windows-1252\"", "utf-16", ""] {
        let kind = format!("application/json; charset={charset}");
        assert_eq!(of(CONTENT_TYPE, &kind), Err(BodyError::Unsupported), "{kind}");
    }
    for charset in ["utf-8", "UTF8", "\"utf-8\"", "us-ascii"] {
        let kind = format!("application/json;x=y; Charset = {charset}");
        assert_eq!(of(CONTENT_TYPE, &kind), Ok(()), "{kind}");
    }
}
