//! TLS without an SDK.

use std::env;
use std::sync::Arc;

use lambda_http::Error;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Reads the roots of `AWS_CA_BUNDLE`.
pub(crate) fn few_roots() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(env::var("AWS_CA_BUNDLE")?)? {
        roots.add(certificate?)?;
    }
    Ok(roots)
}

/// Reads the roots of the machine, or of `SSL_CERT_FILE`.
pub(crate) fn all_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

pub(crate) fn config(provider: CryptoProvider, roots: RootCertStore) -> Result<ClientConfig, Error> {
    let config =
        ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Opens a connection to the table, with the few roots.
pub(crate) async fn connect(provider: CryptoProvider) -> Result<TlsStream<TcpStream>, Error> {
    let connector = TlsConnector::from(Arc::new(config(provider, few_roots()?)?));
    let endpoint = env::var("AWS_ENDPOINT_URL_DYNAMODB")?;
    let address = endpoint.strip_prefix("https://").ok_or("the endpoint is not HTTPS")?;
    let (host, _) = address.split_once(':').ok_or("the endpoint has no port")?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(connector.connect(ServerName::try_from(host.to_owned())?, stream).await?)
}
