//! What stands in for AWS answers programs on this machine, and no web page.

#![allow(clippy::unwrap_used, reason = "a suite fails by panicking")]
#![allow(clippy::zombie_processes, reason = "a child that is not waited for is killed, and the test ends")]

use postern_local::dynamodb::Table;
use postern_local::mail::MailServices;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends a request with these lines in its head, and returns the head of the reply in lower case.
async fn head(address: &str, request: &str, lines: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\n{lines}connection: close\r\ncontent-length: 2\r\n\r\n{{}}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply.split("\r\n\r\n").next().unwrap().to_ascii_lowercase()
}

/// Checks that a server answers programs that call it by a name of this machine, and refuses web pages.
async fn answers_no_web_page(address: &str, request: &str, lines: &str) {
    let port = address.rsplit(':').next().unwrap();
    for host in [address, &format!("localhost:{port}"), &format!("host.docker.internal:{port}"), "172.17.0.1"]
    {
        let reply = head(address, request, &format!("host: {host}\r\n{lines}")).await;
        assert!(!reply.starts_with("http/1.1 403 "), "{request}, {host}: {reply}");
    }
    let preflight = format!("OPTIONS {}", request.split(' ').nth(1).unwrap());
    for request in [request, &preflight] {
        for lines_of_a_page in [
            format!("host: {address}\r\norigin: http://example.com\r\n"),
            format!("host: {address}\r\norigin: null\r\n"),
            format!("host: {address}\r\norigin: http://{address}\r\n"),
            format!("host: attacker.example:{port}\r\n"),
        ] {
            let reply = head(address, request, &format!("{lines_of_a_page}{lines}")).await;
            assert!(reply.starts_with("http/1.1 403 "), "{request}, {lines_of_a_page}: {reply}");
            assert!(!reply.contains("access-control-"), "{reply}");
        }
    }
}

#[tokio::test]
async fn table_answers_no_web_page() {
    let table = Table::start(0, None, None).await.unwrap();
    let endpoint = table.endpoint();
    let lines = "x-amz-target: DynamoDB_20120810.ListTables\r\ncontent-type: application/x-amz-json-1.0\r\n\
                 authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, \
                 SignedHeaders=host, Signature=00\r\nx-amz-date: 20260101T000000Z\r\n";
    let address = endpoint.trim_start_matches("http://");
    let listed = head(address, "POST /", &format!("host: {address}\r\n{lines}")).await;
    assert!(listed.starts_with("http/1.1 200 "), "{listed}");
    answers_no_web_page(address, "POST /", lines).await;
    table.stop().await.unwrap();
}

#[tokio::test]
async fn queue_and_mail_answer_no_web_page() {
    let mail = MailServices::start().await.unwrap();
    let address = mail.endpoint().trim_start_matches("http://");
    let lines = "x-amz-target: AmazonSQS.SendMessage\r\ncontent-type: application/json\r\n";
    for path in ["/", "/v2/email/outbound-emails"] {
        answers_no_web_page(address, &format!("POST {path}"), lines).await;
    }
}
