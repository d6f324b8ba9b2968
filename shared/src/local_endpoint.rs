//! The addresses of the table and of the mailer's queue of `cargo run`. While the local server runs, a file holds
//! each address, and `postern --local` reads it.
//!
//! The files are in a folder of the user, so no other user can change the addresses.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::environment::{Environment, is_this_machine};

/// A service of the local server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalService {
    /// The DynamoDB API.
    DynamoDb,
    /// The queue of the mailer. Its address is the queue's URL.
    MailQueue,
}

impl LocalService {
    const fn file_name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb-endpoint",
            Self::MailQueue => "mail-queue-url",
        }
    }
}

/// The file of a running server. Dropping it removes the file, unless another server has written to it since.
pub struct EndpointFile {
    path: PathBuf,
    endpoint: String,
}

impl EndpointFile {
    /// Writes the address of a service. Returns `None` if the environment names no folder for the file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(env: &Environment, service: LocalService, endpoint: &str) -> io::Result<Option<Self>> {
        let Some(path) = path(env, service.file_name()) else { return Ok(None) };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, endpoint)?;
        Ok(Some(Self { path, endpoint: endpoint.to_owned() }))
    }
}

impl Drop for EndpointFile {
    fn drop(&mut self) {
        if fs::read_to_string(&self.path).is_ok_and(|found| found == self.endpoint) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Reads the address of a service, and returns it with the path of the file. Returns `None` if there is no
/// file, or if its address is not on this machine.
pub fn read(env: &Environment, service: LocalService) -> Option<(String, PathBuf)> {
    let path = path(env, service.file_name())?;
    let endpoint = fs::read_to_string(&path).ok()?;
    let endpoint = endpoint.trim();
    is_this_machine(endpoint).then(|| (endpoint.to_owned(), path))
}

/// Returns the path of the file with the audit events of the latest server, `audit.jsonl` beside the address. Returns
/// `None` if the environment names no folder for it.
pub fn audit_log(env: &Environment) -> Option<PathBuf> {
    path(env, "audit.jsonl")
}

/// Returns the path of a file: in the folder `postern` of `XDG_RUNTIME_DIR`, `XDG_CACHE_HOME` or `~/.cache`. The
/// first of them that is set counts.
fn path(env: &Environment, file_name: &str) -> Option<PathBuf> {
    let folder =
        env.optional("XDG_RUNTIME_DIR").or_else(|| env.optional("XDG_CACHE_HOME")).map(PathBuf::from);
    let folder = folder.or_else(|| env.optional("HOME").map(|home| Path::new(home).join(".cache")))?;
    Some(folder.join("postern").join(file_name))
}

#[cfg(test)]
mod tests {
    use super::LocalService::{DynamoDb, MailQueue};
    use super::*;
    use crate::random::random;

    #[test]
    fn address_is_read_only_while_its_server_runs_and_only_of_this_machine() {
        let folder = std::env::temp_dir().join(format!("postern-endpoint-{}", hex::encode(random::<8>())));
        let env = Environment::of([("XDG_RUNTIME_DIR", folder.to_str().unwrap())]);
        assert_eq!(read(&env, DynamoDb), None);
        let first = EndpointFile::write(&env, DynamoDb, "http://127.0.0.1:8001").unwrap().unwrap();
        assert_eq!(read(&env, DynamoDb).unwrap().0, "http://127.0.0.1:8001");
        // Each service has a file of its own.
        assert_eq!(read(&env, MailQueue), None);
        // A second server replaces the address. When the first server ends, the new address stays.
        let second = EndpointFile::write(&env, DynamoDb, "http://127.0.0.1:8002").unwrap().unwrap();
        drop(first);
        assert_eq!(read(&env, DynamoDb).unwrap().0, "http://127.0.0.1:8002");
        fs::write(&second.path, "http://192.0.2.1:8000").unwrap();
        assert_eq!(read(&env, DynamoDb), None, "not of this machine");
        fs::write(&second.path, "http://127.0.0.1:8002").unwrap();
        drop(second);
        assert_eq!(read(&env, DynamoDb), None);
        assert!(EndpointFile::write(&Environment::of::<&str, &str>([]), DynamoDb, "x").unwrap().is_none());
        fs::remove_dir_all(folder).unwrap();
    }
}
