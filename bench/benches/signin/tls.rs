//! DynamoDB's API over HTTPS, with a chain of RSA certificates like AWS's, in front of the embedded server.
//!
//! The chain is root, intermediate and leaf, each RSA 2048, like Amazon's. The work of this server is a part
//! of the measured time. Nearly all of it is a signature, whose time is measured on its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use std::{fs, process};

use postern::environment::Environment;
use postern_tests::binary::in_workspace;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256};
use rsa::pkcs8::EncodePrivateKey;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, SignatureScheme, crypto};

use crate::Spread;

const HOST: &str = "localhost";

/// An HTTPS endpoint on this machine, and the certificates with which clients trust it.
pub(crate) struct Endpoint {
    port: u16,
    directory: PathBuf,
    /// The time of the server's signature in a handshake.
    pub(crate) signature: Spread,
}

impl Endpoint {
    /// Starts an endpoint that passes all bytes on to the plain endpoint of this environment.
    pub(crate) async fn before(env: &Environment) -> Self {
        let target = env.optional("AWS_ENDPOINT_URL_DYNAMODB").unwrap();
        let target = target.strip_prefix("http://").unwrap().to_owned();

        let root = Authority::new("Root", None);
        let intermediate = Authority::new("Intermediate", Some(&root));
        let key = rsa_key();
        let leaf = CertificateParams::new([HOST.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &intermediate.issuer).unwrap();
        let key: PrivateKeyDer = PrivatePkcs8KeyDer::from(key.serialize_der()).into();

        let provider = Arc::new(crypto::ring::default_provider());
        let signature = signature(&provider, &key);
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth();
        let config = config.with_single_cert(vec![leaf.into(), intermediate.der.into()], key).unwrap();
        let listener = TcpListener::bind((HOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), target));

        let directory = std::env::temp_dir().join(format!("postern-bench-{}", process::id()));
        fs::create_dir_all(&directory).unwrap();
        let endpoint = Self { port, directory, signature };
        let amazon = fs::read_to_string(in_workspace("shared/roots/amazon.pem")).unwrap();
        fs::write(endpoint.bundle(), amazon + &root.pem).unwrap();
        let system = system_roots().map(|path| fs::read_to_string(path).unwrap()).unwrap_or_default();
        fs::write(endpoint.native(), system + &root.pem).unwrap();
        endpoint
    }

    /// Returns the environment with the table behind HTTPS.
    pub(crate) fn environment(&self, env: &Environment) -> Environment {
        env.clone()
            .with("AWS_ENDPOINT_URL_DYNAMODB", format!("https://{HOST}:{}", self.port))
            .with("AWS_CA_BUNDLE", self.bundle().to_str().unwrap())
    }

    /// Returns the path of a file with Amazon's five roots and the root of this chain.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.directory.join("bundle.pem")
    }

    /// Returns the path of a file with all roots of this machine and the root of this chain.
    pub(crate) fn native(&self) -> PathBuf {
        self.directory.join("native.pem")
    }

    /// Returns the number of roots in that file.
    pub(crate) fn native_roots(&self) -> usize {
        fs::read_to_string(self.native()).unwrap().matches("-----BEGIN CERTIFICATE-----").count()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A certificate that signs others.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
    pem: String,
}

impl Authority {
    fn new(name: &str, by: Option<&Self>) -> Self {
        let key = rsa_key();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, format!("Postern benchmark: {name}"));
        let certificate = match by {
            None => params.self_signed(&key),
            Some(by) => params.signed_by(&key, &by.issuer),
        };
        let certificate = certificate.unwrap();
        Self { der: certificate.der().to_vec(), pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }
}

/// Makes an RSA key for one run. The crate `rsa` has a timing leak, which does no harm here. `ring`, which
/// signs, cannot make RSA keys.
fn rsa_key() -> KeyPair {
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap().to_pkcs8_der().unwrap();
    let key = PrivatePkcs8KeyDer::from(key.as_bytes());
    KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_RSA_SHA256).unwrap()
}

fn signature(provider: &crypto::CryptoProvider, key: &PrivateKeyDer<'_>) -> Spread {
    let key = provider.key_provider.load_private_key(key.clone_key()).unwrap();
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256]).unwrap();
    let once = |_| {
        let start = Instant::now();
        signer.sign(&[7; 130]).unwrap();
        start.elapsed()
    };
    Spread::of((0..100).map(once).collect())
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, target: String) {
    loop {
        let (accepted, _) = listener.accept().await.unwrap();
        let (tls, target) = (tls.clone(), target.clone());
        tokio::spawn(async move {
            accepted.set_nodelay(true).unwrap();
            // Both connect at the same time, since the connection behind the endpoint is not what is
            // measured.
            let (accepted, onward) = tokio::join!(tls.accept(accepted), TcpStream::connect(target));
            let (Ok(mut accepted), Ok(mut onward)) = (accepted, onward) else { return };
            onward.set_nodelay(true).unwrap();
            // A killed function closes its connection without an end of TLS.
            let _ = copy_bidirectional(&mut accepted, &mut onward).await;
        });
    }
}

/// Returns the file of this machine's root certificates, on Debian or on Amazon Linux.
fn system_roots() -> Option<&'static str> {
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]
        .into_iter()
        .find(|path| fs::exists(path).unwrap_or(false))
}
