//! A process of its own that replaces what the processor's caches hold, as other tenants of a machine do
//! between two requests.

use std::io::{Read, Write, stdin, stdout};
use std::process::Stdio;
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The argument with which this program is that process.
pub(crate) const TOUCH: &str = "touch-memory";

const BYTES: usize = 64 << 20;
/// The bytes that a cache loads at once.
const LINE: usize = 64;

/// The process. It ends when this is dropped.
pub(super) struct Toucher {
    _child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Toucher {
    pub(super) fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(TOUCH)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { _child: child, input, output }
    }

    /// Makes the process touch its memory, and waits until it has.
    pub(super) async fn touch(&mut self) {
        self.input.write_all(b"\n").await.unwrap();
        self.output.read_exact(&mut [0]).await.unwrap();
    }
}

/// Touches 64 MiB for each byte of the input, and then writes one byte. Each processor has a thread that does
/// it, since each has caches of its own.
pub(crate) fn touch() {
    let processors = thread::available_parallelism().unwrap().get();
    let mut memories = vec![vec![0_u8; BYTES]; processors];
    for byte in stdin().lock().bytes() {
        byte.unwrap();
        thread::scope(|scope| {
            for memory in &mut memories {
                scope.spawn(|| memory.iter_mut().step_by(LINE).for_each(|byte| *byte = byte.wrapping_add(1)));
            }
        });
        stdout().write_all(b"\n").unwrap();
        stdout().flush().unwrap();
    }
}
