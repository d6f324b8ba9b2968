//! TLS, connections that fail, and the clock.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use postern_tests::deployment::Deployment;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion, version};

use super::{doctor, lines};
use crate::cli::{Cli, CliOutput, command, run};
use crate::doctor::fails;
use crate::gateway::{start, start_with_fault};

/// An API by HTTPS, and the file with the certificate of its issuer.
struct Https {
    port: u16,
    issuer: PathBuf,
}

impl Https {
    /// Starts it with a certificate for `localhost` that is valid until this year.
    async fn start(
        deployment: &Deployment,
        until: i32,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let target = start(deployment).await.strip_prefix("http://").unwrap().to_owned();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(["localhost".to_owned()]).unwrap();
        leaf.not_after = date_time_ymd(until, 1, 1);
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let key: PrivateKeyDer = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.into()], key)
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(pass_on(listener, TlsAcceptor::from(Arc::new(config)), target));
        let issuer = std::env::temp_dir().join(format!("postern-doctor-{}-{port}.pem", std::process::id()));
        std::fs::write(&issuer, pem).unwrap();
        Self { port, issuer }
    }

    /// Runs `doctor` on it. The machine trusts its issuer, or the issuers of this file.
    async fn doctor(&self, cli: &Cli, host: &str, trusted: Option<&PathBuf>) -> CliOutput {
        let url = format!("https://{host}:{}", self.port);
        let mut command = command(&["doctor", "--json", "--url", &url]);
        run(command.args(cli.table()).env("SSL_CERT_FILE", trusted.unwrap_or(&self.issuer)), "").await
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.issuer);
    }
}

async fn pass_on(listener: TcpListener, tls: TlsAcceptor, target: String) {
    loop {
        let (accepted, _) = listener.accept().await.unwrap();
        let (tls, target) = (tls.clone(), target.clone());
        tokio::spawn(async move {
            let Ok(mut accepted) = tls.accept(accepted).await else { return };
            let mut onward = TcpStream::connect(target).await.unwrap();
            let _ = copy_bidirectional(&mut accepted, &mut onward).await;
        });
    }
}

#[tokio::test]
async fn https_is_ok_with_its_version() {
    let cli = Cli::start().await;
    for (version, name) in [(&version::TLS13, "TLS 1.3"), (&version::TLS12, "TLS 1.2")] {
        let https = Https::start(&cli.deployment, 4096, &[version]).await;
        let output = https.doctor(&cli, "localhost", None).await;
        assert_eq!(output.code, 0, "{output:?}");
        let [(level, message)] = &lines(&output, "connection")[..] else { panic!("{output:?}") };
        assert!(
            level == "ok" && message.contains(&format!("answers by {name}, with a certificate")),
            "{message}"
        );
        assert_eq!(lines(&output, "routes").len(), 6, "{output:?}");
    }
}

#[tokio::test]
async fn certificate_that_is_not_valid_fails() {
    let cli = Cli::start().await;
    let https = Https::start(&cli.deployment, 4096, &[&version::TLS13]).await;
    let untrusted = Https::start(&cli.deployment, 4096, &[&version::TLS13]).await;
    let expired = Https::start(&cli.deployment, 2020, &[&version::TLS13]).await;
    let unknown = https.doctor(&cli, "localhost", Some(&untrusted.issuer)).await;
    let other_name = https.doctor(&cli, "127.0.0.1", None).await;
    let expired = expired.doctor(&cli, "localhost", None).await;
    for (output, why) in [
        (unknown, "no TLS connection: invalid peer certificate"),
        (other_name, "not valid for name"),
        (expired, "expired"),
    ] {
        fails(&output, &[("connection", why)]);
        assert!(output.out.contains("does the certificate name this host, is it valid"), "{output:?}");
    }
}

#[tokio::test]
async fn address_without_an_api_is_the_only_failure() {
    let cli = Cli::start().await;
    for url in ["http://127.0.0.1:9", "https://127.0.0.1:9", "https://nowhere.invalid"] {
        let output = doctor(&cli, url, &["--user", "johndoe"]).await;
        fails(&output, &[("connection", "is the URL right, and is the API deployed?")]);
        assert_eq!(lines(&output, "routes"), []);
    }
    // An HTTP server that has no TLS.
    let url = start(&cli.deployment).await.replace("http:", "https:");
    fails(&doctor(&cli, &url, &[]).await, &[("connection", "no TLS connection")]);
}

/// The address means this machine, and is none of the loopback addresses.
#[tokio::test]
async fn http_on_another_machine_is_a_warning() {
    let cli = Cli::start().await;
    let url = start(&cli.deployment).await.replace("127.0.0.1", "0.0.0.0");
    let output = doctor(&cli, &url, &[]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let [(level, message)] = &lines(&output, "connection")[..] else { panic!("{output:?}") };
    assert!(level == "warn" && message.ends_with("can be read on the way; use https"), "{message}");
}

#[tokio::test]
async fn wrong_clock_of_the_api_fails() {
    let cli = Cli::start().await;
    let url = start_with_fault(&cli.deployment, |_, mut reply| {
        reply.headers_mut().insert("date", "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        reply
    })
    .await;
    fails(&doctor(&cli, &url, &[]).await, &[("API clock", "s ahead of the API")]);
}
