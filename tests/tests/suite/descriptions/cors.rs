//! The CORS headers are described with the values that the template sets.

use postern_local::template::Template;
use serde_json::{Value, json};

use crate::support::operations;

/// Every reply can be read by a web page, and says what the page may read.
#[test]
fn every_reply_is_described_with_the_cors_headers_of_the_template() {
    let cors = Template::embedded().unwrap().cors().unwrap();
    for operation in operations::all() {
        for (status, reply) in operation.replies() {
            let at = format!("{operation:?}, {status}");
            let header = |name: &str| {
                let header = operation.resolve(&reply["headers"][name]);
                assert!(header.is_object(), "{at}: {name} is not described");
                // API Gateway adds them only if the request has `Origin`.
                assert_ne!(header["required"], json!(true), "{at}: {name}");
                header
            };
            assert_eq!(header("Access-Control-Allow-Origin")["example"], json!(cors.origin), "{at}");
            let exposed = &header("Access-Control-Expose-Headers")["schema"]["const"];
            assert_eq!(exposed, &json!(cors.exposed), "{at}");
            assert_exposed(&at, &cors.exposed, reply);
        }
    }
}

/// A header that a client needs is exposed: those that are not exposed by every server (Fetch, "CORS-safelisted
/// response-header name").
fn assert_exposed(at: &str, exposed: &str, reply: &Value) {
    for name in ["Retry-After", "WWW-Authenticate", "X-Request-Id"] {
        let is_described = reply["headers"].get(name).is_some();
        let is_exposed = exposed.split(',').any(|each| each.eq_ignore_ascii_case(name));
        assert!(!is_described || is_exposed, "{at}: {name} is not exposed");
    }
}

#[test]
fn every_description_says_what_a_preflight_allows() {
    let cors = Template::embedded().unwrap().cors().unwrap();
    let methods = cors.methods.replace(',', ", ");
    let (first, last) = methods.rsplit_once(", ").unwrap();
    assert_eq!((cors.headers.as_str(), cors.max_age.as_str()), ("*,authorization", "86400"));
    let allowed = format!("the methods {first} and {last} and all headers, for a day");
    for description in operations::descriptions() {
        let text = description.document["info"]["description"].as_str().unwrap();
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(words.join(" ").contains(&allowed), "{}: {allowed}", description.name);
    }
}
