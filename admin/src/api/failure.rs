//! Why no reply arrives.

use std::error::Error;
use std::io;
use std::time::Duration;

use postern::error::Causes;

/// Why no reply arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The name has no address, or nothing answers there.
    Connection,
    /// The certificate is not accepted, or the two sides have no version of TLS in common.
    Tls,
    /// The reply takes too long.
    Timeout,
    /// The answer is not HTTP, or breaks off.
    Broken,
}

/// No reply arrives.
#[derive(Clone, Debug)]
pub struct Unreachable {
    /// The part of the connection that fails.
    pub kind: Kind,
    /// The message for the operator.
    pub message: String,
}

impl Unreachable {
    /// Returns advice for the operator.
    pub const fn what_to_do(&self) -> &'static str {
        match self.kind {
            Kind::Connection => "is the URL right, and is the API deployed?",
            Kind::Tls => {
                "does the certificate name this host, is it valid, and does this machine trust its issuer?"
            }
            Kind::Timeout => "read the function's log, and look at AWS's health dashboard",
            Kind::Broken => "is it an HTTP API?",
        }
    }

    pub(super) fn timeout(within: Duration) -> Self {
        Self { kind: Kind::Timeout, message: format!("no reply within {} s", within.as_secs()) }
    }

    pub(super) fn broken(error: &dyn Error) -> Self {
        Self { kind: Kind::Broken, message: format!("the reply cannot be read: {}", Causes(error)) }
    }

    pub(super) fn connection(error: &dyn Error) -> Self {
        Self { kind: Kind::Connection, message: format!("no connection: {}", Causes(error)) }
    }

    /// Makes the error of a TLS connection that was not made.
    pub(super) fn of_connection(error: &io::Error) -> Self {
        tls_error(error).map_or_else(|| Self::connection(error), |tls| Self::tls(&tls))
    }

    /// Makes the error of a request that has no reply.
    pub(super) fn of_request(error: &hyper_util::client::legacy::Error) -> Self {
        match (tls_error(error), error.source()) {
            (Some(tls), _) => Self::tls(&tls),
            (None, Some(source)) if error.is_connect() => Self::connection(source),
            _ => Self::broken(error),
        }
    }

    fn tls(error: &rustls::Error) -> Self {
        Self { kind: Kind::Tls, message: format!("no TLS connection: {error}") }
    }
}

/// Returns the error of TLS among the sources of an error. An I/O error wraps it.
fn tls_error(error: &(dyn Error + 'static)) -> Option<rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let found = error.downcast_ref().or_else(|| inner.and_then(|inner| inner.downcast_ref()));
        if found.is_some() {
            return found.cloned();
        }
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
