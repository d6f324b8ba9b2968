//! The compiled command of `cargo run`, for the tests that start it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// The running command. It is killed when a test ends.
pub(crate) struct Running {
    pub(crate) child: Child,
    /// The lines that were printed before it was ready.
    pub(crate) output: Vec<String>,
    /// The address and the port.
    pub(crate) ready: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// Prepares the command with these options.
pub(crate) fn command(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern-local"));
    command.args(options).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Without this, `postern --local` would find the table of a test.
    command.env("XDG_RUNTIME_DIR", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Starts the command, and reads its output until it is ready.
pub(crate) fn start(options: &[&str]) -> Running {
    ready(command(options))
}

/// Starts a prepared command, and reads its output until it is ready.
pub(crate) fn ready(mut command: Command) -> Running {
    let mut child = command.spawn().unwrap();
    let mut output = Vec::new();
    for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(url) = line.strip_prefix("Ready: http://") {
            return Running { child, ready: url.to_owned(), output };
        }
        output.push(line);
    }
    panic!("it ended: {output:?}");
}

/// Sends a request as it is, and returns the whole reply.
pub(crate) fn http(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}
