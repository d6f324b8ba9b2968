use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, yield_now};
use tokio_rustls::TlsAcceptor;

use super::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
const FAILED: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\n{}";

fn client() -> Http {
    client_that_trusts(RootCertStore::empty())
}

fn client_that_trusts(roots: RootCertStore) -> Http {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    Http::new(tls.with_root_certificates(roots).with_no_client_auth())
}

/// Starts a server that answers this many requests on each connection and then closes it. The task ends after
/// the last of these connections.
async fn server(connections: &'static [usize]) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let answered = tokio::spawn(async move {
        for requests in connections {
            let (mut stream, _) = listener.accept().await.unwrap();
            for _ in 0..*requests {
                read_head(&mut stream).await;
                stream.write_all(OK).await.unwrap();
            }
        }
    });
    (address, answered)
}

async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
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
    let (address, answered) = server(&[3]).await;
    let client = client();
    for _ in 0..3 {
        assert_eq!(send(&client, address).await.unwrap().body().bytes(), Some(&b"{}"[..]));
    }
    answered.await.unwrap();
}

#[tokio::test]
async fn connection_that_the_server_closed_is_replaced() {
    let (address, answered) = server(&[1, 1, 1]).await;
    let client = client();
    for _ in 0..3 {
        send(&client, address).await.unwrap();
    }
    answered.await.unwrap();
}

/// As after Lambda froze the process: it learns by one call of `epoll_wait` that there is an event and that
/// the server closed the connection, and the event comes first.
#[tokio::test]
async fn request_is_sent_on_another_connection_if_the_server_closed_it_meanwhile() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let mut events = TcpStream::connect(address).await.unwrap();
    let (close, closing) = mpsc::channel();
    let (closed, is_closed) = mpsc::channel();
    thread::spawn(move || {
        let (mut events, _) = listener.accept().unwrap();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            stream.write_all(OK).unwrap();
            closing.recv().unwrap();
            drop(stream);
            thread::sleep(Duration::from_millis(20));
            events.write_all(b"!").unwrap();
            closed.send(()).unwrap();
        }
    });
    let client = client();
    for _ in 0..2 {
        send(&client, address).await.unwrap();
        // The task of the connection sees that it is idle.
        for _ in 0..10 {
            yield_now().await;
        }
        close.send(()).unwrap();
        is_closed.recv().unwrap();
        events.read_u8().await.unwrap();
    }
}

#[tokio::test]
async fn connection_to_a_server_that_failed_is_not_used_again() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let is_another = tokio::spawn(async move {
        let (mut failed, _) = listener.accept().await.unwrap();
        read_head(&mut failed).await;
        failed.write_all(FAILED).await.unwrap();
        tokio::select! {
            _ = listener.accept() => true,
            Ok(_) = failed.read_u8() => false,
        }
    });
    let client = client();
    assert_eq!(send(&client, address).await.unwrap().status().as_u16(), 500);
    tokio::select! {
        reply = send(&client, address) => panic!("{reply:?}"),
        is_another = is_another => assert!(is_another.unwrap()),
    }
}

#[tokio::test]
async fn server_that_cannot_be_reached_is_an_error_of_io() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(send(&client(), address).await.unwrap_err().is_io());
}

#[tokio::test]
async fn misspelt_scheme_is_refused_and_nothing_is_sent() {
    let (address, answered) = server(&[1]).await;
    for scheme in ["htps", "ftp"] {
        assert!(send_to(&client(), &format!("{scheme}://{address}/")).await.unwrap_err().is_user());
    }
    assert!(!answered.is_finished());
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
                stream.write_all(OK).await.unwrap();
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
