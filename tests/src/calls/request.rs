//! Reads what IAM evaluates out of the requests to AWS.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::TESTS;

/// The requests of a connection.
pub(super) struct Requests {
    /// The bytes that do not make a whole request yet.
    bytes: Vec<u8>,
    /// Whose calls they are. Without it, the signature says it.
    caller: Option<&'static str>,
}

impl Requests {
    pub(super) const fn of(caller: Option<&'static str>) -> Self {
        Self { bytes: Vec::new(), caller }
    }

    /// Adds bytes, and gives a line for each call of each request that is whole now.
    ///
    /// # Panics
    /// If a request is none of an AWS SDK, since a call that cannot be read must not be missed.
    pub(super) fn add(&mut self, bytes: &[u8], mut line: impl FnMut(String)) {
        self.bytes.extend_from_slice(bytes);
        while let Some(head) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let headers = Headers(String::from_utf8(self.bytes[..head].to_vec()).unwrap());
            assert!(headers.get("transfer-encoding").is_none(), "a request has a body of unknown length");
            let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            let body = head + 4..head + 4 + length;
            if self.bytes.len() < body.end {
                return;
            }
            calls(self.caller, &headers, &self.bytes[body.clone()])
                .iter()
                .for_each(|call| line(call.to_string()));
            self.bytes.drain(..body.end);
        }
    }
}

/// The request line and the headers of a request.
struct Headers(String);

impl Headers {
    fn get(&self, name: &str) -> Option<&str> {
        let mut headers = self.0.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Returns the calls of a request as IAM evaluates them: each part of a transaction is one.
fn calls(caller: Option<&str>, headers: &Headers, body: &[u8]) -> Vec<Value> {
    // AWS4-HMAC-SHA256 Credential=<access key id>/<date>/<region>/<service>/aws4_request, …
    let signature = headers.get("authorization").expect("a request is not signed");
    let scope = signature.split_once("Credential=").unwrap().1;
    let scope: Vec<&str> = scope.split([',', ' ']).next().unwrap().split('/').collect();
    let [signer, _, _, service, _] = scope[..] else { panic!("{signature}") };
    let caller = caller.unwrap_or(signer);
    if caller == TESTS {
        return Vec::new();
    }
    if service == "ses" {
        // A REST protocol. The mailer sends mail, and nothing else.
        let body: Value = serde_json::from_slice(body).unwrap();
        let from = &body["FromEmailAddress"];
        return vec![json!({"by": caller, "action": "ses:SendEmail", "from": from})];
    }
    let Some(target) = headers.get("x-amz-target") else {
        // The query protocol, for example of STS.
        let form = String::from_utf8(body.to_vec()).unwrap();
        let action = form.split('&').find_map(|member| member.strip_prefix("Action=")).unwrap();
        return vec![json!({"by": caller, "action": format!("{service}:{action}")})];
    };
    let operation = target.rsplit('.').next().unwrap();
    let body: Value = serde_json::from_slice(body).unwrap();
    let mut calls = match (service, operation) {
        ("dynamodb", "TransactWriteItems" | "TransactGetItems") => transaction(&body),
        ("dynamodb", "BatchGetItem") => batch(&body),
        ("dynamodb", _) => vec![single(operation, &body)],
        ("sqs", _) => vec![json!({"action": operation, "queue": body["QueueUrl"]})],
        (_, _) => vec![json!({"action": operation, "secret": body["SecretId"]})],
    };
    for call in &mut calls {
        call["by"] = json!(caller);
        call["action"] = json!(format!("{service}:{}", call["action"].as_str().unwrap()));
    }
    calls
}

fn transaction(body: &Value) -> Vec<Value> {
    let parts = body["TransactItems"].as_array().unwrap().iter();
    let parts = parts.flat_map(|part| part.as_object().unwrap());
    parts
        .map(|(part, of)| match part.as_str() {
            "ConditionCheck" => single("ConditionCheckItem", of),
            part => single(&format!("{part}Item"), of),
        })
        .collect()
}

fn batch(body: &Value) -> Vec<Value> {
    let tables = body["RequestItems"].as_object().unwrap().iter();
    tables
        .map(|(table, of)| {
            let keys: BTreeSet<_> = of["Keys"].as_array().unwrap().iter().filter_map(kind).collect();
            let reads = attributes(&of["ProjectionExpression"], &of["ExpressionAttributeNames"]);
            json!({"action": "BatchGetItem", "table": table, "keys": keys, "writes": [], "reads": reads})
        })
        .collect()
}

/// The call of an operation on one item, one partition or the whole table.
fn single(operation: &str, body: &Value) -> Value {
    let names = &body["ExpressionAttributeNames"];
    let queried = || json!({"pk": body["ExpressionAttributeValues"][":pk"]});
    let key = match operation {
        "PutItem" => body["Item"].clone(),
        "Query" => queried(),
        _ => body["Key"].clone(),
    };
    let mut writes = attributes(&body["UpdateExpression"], names);
    writes.extend(body["Item"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
    let expressions =
        ["ConditionExpression", "ProjectionExpression", "FilterExpression", "KeyConditionExpression"];
    let reads: BTreeSet<_> = expressions.iter().flat_map(|of| attributes(&body[of], names)).collect();
    let mut call = json!({"action": operation, "table": body["TableName"], "writes": writes, "reads": reads});
    call["keys"] = json!(kind(&key).into_iter().collect::<Vec<_>>());
    for parameter in ["ReturnValues", "ReturnValuesOnConditionCheckFailure"] {
        if let Some(value) = body.get(parameter) {
            call[parameter] = value.clone();
        }
    }
    call
}

/// Returns the kind of a key: its partition key up to the first `#`, like `USER#`.
fn kind(key: &Value) -> Option<String> {
    let pk = key["pk"]["S"].as_str()?;
    Some(pk.split_inclusive('#').next().unwrap_or_default().to_owned())
}

/// Returns the top-level attributes that an expression names.
fn attributes(expression: &Value, names: &Value) -> BTreeSet<String> {
    const WORDS: [&str; 8] = ["SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN"];
    let expression = expression.as_str().unwrap_or_default();
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || "_#:.[]".contains(c);
    let mut found = BTreeSet::new();
    let mut rest = expression;
    while let Some(start) = rest.find(part_of_name) {
        rest = &rest[start..];
        let (word, after) = rest.split_at(rest.find(|c| !part_of_name(c)).unwrap_or(rest.len()));
        rest = after;
        let is_function = after.starts_with('(');
        if is_function || word.starts_with(':') || WORDS.contains(&word) {
            continue;
        }
        let top = word.split(['.', '[']).next().unwrap_or_default();
        found.insert(names[top].as_str().unwrap_or(top).to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, by: &str, service: &str, body: &Value) -> Vec<u8> {
        let body = body.to_string();
        let length = body.len();
        format!(
            "POST / HTTP/1.1\r\nX-Amz-Target: {target}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={by}/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, \
             Signature=0\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    fn lines(bytes: &[u8], at_once: usize) -> Vec<Value> {
        let mut requests = Requests::of(None);
        let mut lines = Vec::new();
        for some in bytes.chunks(at_once) {
            requests.add(some, |line| lines.push(serde_json::from_str(&line).unwrap()));
        }
        assert!(requests.bytes.is_empty(), "bytes are left");
        lines
    }

    #[test]
    fn update_is_recorded_with_its_key_and_attributes_however_its_bytes_arrive() {
        let update = json!({
            "TableName": "postern", "Key": {"pk": {"S": "USER#17"}, "sk": {"S": "USER"}},
            "UpdateExpression": "SET #status = :status, mfa.last_step = :step, old = new REMOVE kept ADD epoch :e",
            "ConditionExpression": "(epoch = :current OR attribute_not_exists(mfa.last_step)) AND contains(codes, :c)",
            "ExpressionAttributeNames": {"#status": "status"}, "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        let read = json!({"TableName": "postern", "Key": {"pk": {"S": "COUNTER"}, "sk": {"S": "USER"}}});
        let two = [
            request("DynamoDB_20120810.UpdateItem", "mfa", "dynamodb", &update),
            request("DynamoDB_20120810.GetItem", "sso", "dynamodb", &read),
        ];
        let expected = json!([
            {
                "by": "mfa", "action": "dynamodb:UpdateItem", "table": "postern", "keys": ["USER#"],
                "writes": ["epoch", "kept", "mfa", "new", "old", "status"], "reads": ["codes", "epoch", "mfa"],
                "ReturnValues": "ALL_NEW", "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
            {"by": "sso", "action": "dynamodb:GetItem", "table": "postern", "keys": ["COUNTER"], "writes": [], "reads": []},
        ]);
        for at_once in [1, 100, 10_000] {
            assert_eq!(json!(lines(&two.concat(), at_once)), expected, "{at_once}");
        }
    }

    #[test]
    fn transaction_is_recorded_as_the_actions_that_iam_evaluates() {
        let key = |pk: &str| json!({"pk": {"S": pk}, "sk": {"S": "x"}});
        let body = json!({"TransactItems": [
            {"Put": {"TableName": "t", "Item": {"pk": {"S": "LOGIN#ann"}, "sk": {"S": "LOGIN"}, "kind": {"S": "email"}}}},
            {"Update": {"TableName": "t", "Key": key("USER#1"), "UpdateExpression": "ADD epoch :one"}},
            {"Delete": {"TableName": "t", "Key": key("SOURCE#a#b")}},
            {"ConditionCheck": {"TableName": "t", "Key": key("NAME#x"), "ConditionExpression": "attribute_exists(pk)"}},
        ]});
        let lines =
            lines(&request("DynamoDB_20120810.TransactWriteItems", "postern.import", "dynamodb", &body), 7);
        let brief: Vec<_> =
            lines.iter().map(|call| json!([call["action"], call["keys"], call["writes"]])).collect();
        let expected = json!([
            ["dynamodb:PutItem", ["LOGIN#"], ["kind", "pk", "sk"]],
            ["dynamodb:UpdateItem", ["USER#"], ["epoch"]],
            ["dynamodb:DeleteItem", ["SOURCE#"], []],
            ["dynamodb:ConditionCheckItem", ["NAME#"], []],
        ]);
        assert_eq!(json!(brief), expected);
    }

    #[test]
    fn reads_of_many_items_are_recorded_with_all_kinds_of_keys_or_none() {
        let keys = ["USER#1", "LOGIN#a", "USER#2"].map(|pk| json!({"pk": {"S": pk}, "sk": {"S": "x"}}));
        let batch = json!({"RequestItems": {"t": {"Keys": keys, "ProjectionExpression": "pk, #n",
            "ExpressionAttributeNames": {"#n": "name"}}}});
        let query = json!({"TableName": "t", "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": "SESSIONS#1"}}});
        let scan = json!({"TableName": "t", "FilterExpression": "begins_with(pk, :user)"});
        let bytes = [
            request("DynamoDB_20120810.BatchGetItem", "p", "dynamodb", &batch),
            request("DynamoDB_20120810.Query", "p", "dynamodb", &query),
            request("DynamoDB_20120810.Scan", "p", "dynamodb", &scan),
        ];
        let lines = lines(&bytes.concat(), 50);
        let brief: Vec<_> =
            lines.iter().map(|call| json!([call["action"], call["keys"], call["reads"]])).collect();
        let expected = json!([
            ["dynamodb:BatchGetItem", ["LOGIN#", "USER#"], ["name", "pk"]],
            ["dynamodb:Query", ["SESSIONS#"], ["pk"]],
            ["dynamodb:Scan", [], ["pk"]],
        ]);
        assert_eq!(json!(brief), expected);
    }

    #[test]
    fn other_services_are_recorded_by_action_and_the_tests_own_calls_are_not() {
        let secret = json!({"SecretId": "arn:keys"});
        let sts = "Action=GetCallerIdentity&Version=2011-06-15";
        let sts = format!(
            "POST / HTTP/1.1\r\nauthorization: AWS4-HMAC-SHA256 Credential=postern.doctor/1/r/sts/aws4_request, \
             Signature=0\r\ncontent-length: {}\r\n\r\n{sts}",
            sts.len()
        );
        let queue = "http://127.0.0.1:1/000000000000/mail";
        let message = json!({"QueueUrl": queue, "MessageBody": "{}"});
        let mail = json!({"FromEmailAddress": "no-reply@example.com"}).to_string();
        let mail = format!(
            "POST /v2/email/outbound-emails HTTP/1.1\r\nauthorization: AWS4-HMAC-SHA256 \
             Credential=mailer/1/r/ses/aws4_request, Signature=0\r\ncontent-length: {}\r\n\r\n{mail}",
            mail.len()
        );
        let bytes = [
            request("secretsmanager.GetSecretValue", "jwks", "secretsmanager", &secret),
            request("secretsmanager.GetSecretValue", TESTS, "secretsmanager", &secret),
            sts.into_bytes(),
            request("AmazonSQS.SendMessage", "session", "sqs", &message),
            mail.into_bytes(),
        ];
        let expected = json!([
            {"by": "jwks", "action": "secretsmanager:GetSecretValue", "secret": "arn:keys"},
            {"by": "postern.doctor", "action": "sts:GetCallerIdentity"},
            {"by": "session", "action": "sqs:SendMessage", "queue": queue},
            {"by": "mailer", "action": "ses:SendEmail", "from": "no-reply@example.com"},
        ]);
        assert_eq!(json!(lines(&bytes.concat(), 64)), expected);
    }
}
