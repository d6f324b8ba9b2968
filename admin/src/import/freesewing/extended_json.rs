//! MongoDB's Extended JSON (version 2, and `$binary` and `$date` as version 1 writes them), as `mongoexport`
//! writes it: <https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/>.

use serde_json::{Number, Value};

/// Returns a value as plain JSON: ids as their digits, times as strings or milliseconds, bytes as base64.
pub(super) fn plain(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let typed = object.iter().find_map(|(member, value)| typed(member, value));
            typed.unwrap_or_else(|| {
                object.iter().map(|(member, value)| (member.clone(), plain(value))).collect()
            })
        }
        Value::Array(array) => array.iter().map(plain).collect(),
        other => other.clone(),
    }
}

/// Returns the value of a type wrapper. `None` for any other member.
fn typed(member: &str, value: &Value) -> Option<Value> {
    match member {
        "$oid" | "$symbol" => Some(value.clone()),
        "$numberInt" | "$numberLong" | "$numberDouble" | "$numberDecimal" => {
            let digits = value.as_str()?;
            Some(digits.parse::<Number>().map_or_else(|_| value.clone(), Value::Number))
        }
        "$date" => Some(plain(value)),
        "$binary" => Some(value.get("base64").unwrap_or(value).clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_of_each_version_become_plain_json() {
        let exported = json!({
            "_id": {"$oid": "5e8f8c1d2f0a4b0017c0ffee"},
            "relaxed": {"$date": "2020-04-09T21:00:00Z"},
            "canonical": {"$date": {"$numberLong": "1586466000000"}},
            "old": {"$date": 1_586_466_000_000_u64},
            "patron": {"$numberInt": "8"},
            "_ct": {"$binary": {"base64": "YQ==", "subType": "00"}},
            "_ac": {"$binary": "Yg==", "$type": "00"},
            "nested": {"list": [{"$numberLong": "1"}, null, "text"]},
        });
        assert_eq!(
            plain(&exported),
            json!({
                "_id": "5e8f8c1d2f0a4b0017c0ffee",
                "relaxed": "2020-04-09T21:00:00Z",
                "canonical": 1_586_466_000_000_u64,
                "old": 1_586_466_000_000_u64,
                "patron": 8,
                "_ct": "YQ==",
                "_ac": "Yg==",
                "nested": {"list": [1, null, "text"]},
            })
        );
    }
}
