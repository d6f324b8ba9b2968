use std::net::{Ipv4Addr, SocketAddr};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

const OK: &str = "200 OK";
const FAILED: &str = "500 Internal Server Error";

fn client() -> Http {
    client_that_trusts(RootCertStore::empty())
}

fn client_that_trusts(roots: RootCertStore) -> Http {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    Http::new(tls.with_root_certificates(roots).with_no_client_auth())
}

/// Starts a server that accepts one connection for each of these lists, answers each request on it with the
/// next status, and then closes it. The task ends with the number of requests.
async fn server(connections: &'static [&[&str]]) -> (SocketAddr, JoinHandle<usize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let answered = tokio::spawn(async move {
        let mut requests = 0;
        for statuses in connections {
            let (mut stream, _) = listener.accept().await.unwrap();
            for status in *statuses {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                requests += 1;
                let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        }
        requests
    });
    (address, answered)
}

async fn send(client: &Http, address: SocketAddr) -> Result<HttpResponse, ConnectorError> {
    send_to(client, &format!("http://{address}/")).await
}

async fn send_to(client: &Http, url: &str) -> Result<HttpResponse, ConnectorError> {
    let mut request = HttpRequest::empty();
    request.set_method("POST").unwrap();
    request.set_uri(url).unwrap();
    client.call(request).await
}

#[tokio::test]
async fn connection_is_used_again() {
    let (address, answered) = server(&[&[OK, OK, OK]]).await;
    let client = client();
    for _ in 0..3 {
        assert_eq!(send(&client, address).await.unwrap().body().bytes(), Some(&b"{}"[..]));
    }
    assert_eq!(answered.await.unwrap(), 3);
}

#[tokio::test]
async fn connection_that_the_server_closed_is_replaced() {
    let (address, answered) = server(&[&[OK], &[OK], &[OK]]).await;
    let client = client();
    for _ in 0..3 {
        send(&client, address).await.unwrap();
    }
    assert_eq!(answered.await.unwrap(), 3);
}

#[tokio::test]
async fn connection_to_a_server_that_failed_is_not_used_again() {
    let (address, answered) = server(&[&[FAILED], &[OK]]).await;
    let client = client();
    assert_eq!(send(&client, address).await.unwrap().status().as_u16(), 500);
    assert_eq!(send(&client, address).await.unwrap().status().as_u16(), 200);
    assert_eq!(answered.await.unwrap(), 2);
}

#[tokio::test]
async fn server_that_cannot_be_reached_is_an_error_of_io() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(send(&client(), address).await.unwrap_err().is_io());
}

#[tokio::test]
async fn server_gets_a_request_only_with_a_trusted_certificate_for_its_name() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut trusted = RootCertStore::empty();
    trusted.add(cert.der().clone()).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let handshakes = tokio::spawn(async move {
        let mut handshakes = Vec::new();
        for _ in 0..3 {
            let (stream, _) = listener.accept().await.unwrap();
            let stream = acceptor.accept(stream).await;
            handshakes.push(stream.is_ok());
            if let Ok(mut stream) = stream {
                stream.read_u8().await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                stream.shutdown().await.unwrap();
            }
        }
        handshakes
    });

    let by_name = format!("https://localhost:{port}/");
    let by_address = format!("https://127.0.0.1:{port}/");
    assert!(send_to(&client(), &by_name).await.unwrap_err().is_io());
    assert!(send_to(&client_that_trusts(trusted.clone()), &by_address).await.unwrap_err().is_io());
    assert_eq!(send_to(&client_that_trusts(trusted), &by_name).await.unwrap().status().as_u16(), 200);
    assert_eq!(handshakes.await.unwrap(), [false, false, true]);
}
