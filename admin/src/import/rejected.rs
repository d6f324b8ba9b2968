//! The file of rejected rows.
//!
//! It has a temporary name until the run is over. So the file of an earlier run is replaced by a complete
//! one, and stays if this run fails.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::rows::Position;
use super::source::Input;
use crate::files::create_private;
use crate::output::{Exit, Failure};

/// Writes the file of rejected rows.
pub struct RejectedRows {
    path: PathBuf,
    /// The path as the operator named it.
    named: PathBuf,
    /// The temporary path during the run. A device, such as `/dev/null`, has none.
    part: Option<PathBuf>,
    file: Option<BufWriter<File>>,
}

/// A rejected row, as a line of the file.
#[derive(Serialize)]
struct Rejected<'a> {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    element: Option<u64>,
    reason: &'a str,
    row: &'a Value,
}

impl RejectedRows {
    /// Chooses the path that was named, or else one beside the imported file. Writes nothing yet, but tests
    /// that it can.
    ///
    /// # Errors
    /// If the file cannot be written. If there is a file that no import wrote. If the path is that of the
    /// imported file.
    pub fn new(input: &Input, named: Option<&Path>) -> Result<Self, Failure> {
        let path = match (named, input) {
            (Some(path), _) => path.to_owned(),
            (None, Input::File(file)) if input.size().is_some() => with_suffix(file, ".rejected.jsonl"),
            // A pipe, which may be `/dev/fd/63`, is in no directory where a file could be written.
            (None, Input::File(_) | Input::Stdin) => PathBuf::from("stdin.rejected.jsonl"),
        };
        let found = match fs::metadata(&path) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(not_written(&path, error)),
        };
        match found {
            Some(found) if is_device(&found) => {
                let file = OpenOptions::new().write(true).open(&path);
                let file = file.map_err(|error| not_written(&path, error))?;
                return Ok(Self { named: path.clone(), path, part: None, file: Some(BufWriter::new(file)) });
            }
            // Opening a pipe may block for ever.
            Some(found) if !found.is_file() => {
                return Err(Failure::usage(format!(
                    "{} is not a file: rejected rows need one",
                    path.display()
                )));
            }
            _ => {}
        }
        // A symbolic link stays, and its target is replaced.
        let named = path.clone();
        let path = path.canonicalize().unwrap_or(path);
        let part = with_suffix(&path, ".part");
        if let Input::File(file) = input {
            let imported = file.canonicalize().unwrap_or_else(|_| file.clone());
            if imported == path || part.canonicalize().is_ok_and(|part| imported == part) {
                return Err(Failure::usage("rejected rows cannot go into the file that is imported"));
            }
        }
        check_earlier(&path)?;
        // A run that crashed left it.
        if check_earlier(&part)? {
            fs::remove_file(&part).map_err(|error| not_written(&part, error))?;
        }
        let tried = create_private(&part).and_then(|_| fs::remove_file(&part));
        tried.map_err(|error| not_written(&path, error))?;
        Ok(Self { path, named, part: Some(part), file: None })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, position: Position, reason: &str, row: &Value) -> Result<(), Failure> {
        let file = match (&mut self.file, &self.part) {
            (Some(file), _) => file,
            (none, part) => {
                let part = part.as_ref().unwrap_or(&self.path);
                let file = create_private(part).map_err(|error| not_written(&self.path, error))?;
                none.insert(BufWriter::new(file))
            }
        };
        let Position { line, element } = position;
        let written = serde_json::to_writer(&mut *file, &Rejected { line, element, reason, row });
        let written = written.map_err(io::Error::from).and_then(|()| file.write_all(b"\n"));
        written.map_err(|error| not_written(&self.path, error))
    }

    /// Gives the file its name. Returns the name if there are `any` rejected rows. If there are none, removes
    /// the file of an earlier run, but only after a run that `saw_all` rows.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self, any: bool, saw_all: bool) -> Result<Option<String>, Failure> {
        let done = match (&mut self.file, &self.part) {
            (Some(file), Some(part)) => file.flush().and_then(|()| fs::rename(part, &self.path)),
            (Some(file), None) => file.flush(),
            (None, _) if saw_all && self.path.exists() => fs::remove_file(&self.path),
            (None, _) => Ok(()),
        };
        done.map_err(|error| not_written(&self.path, error))?;
        self.part = None;
        Ok(any.then(|| self.named.display().to_string()))
    }
}

impl Drop for RejectedRows {
    fn drop(&mut self) {
        if let (Some(_), Some(part)) = (&self.file, &self.part) {
            // The file holds hashes, and must not be left under its temporary name.
            let _ = fs::remove_file(part);
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    name.into()
}

fn not_written(path: &Path, error: io::Error) -> Failure {
    let message = format!("the rejected rows' file {} cannot be written", path.display());
    Failure::new(Exit::Failed, message).caused_by(error).advise("; see --rejected")
}

#[cfg(unix)]
fn is_device(found: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_char_device(&found.file_type())
}

#[cfg(not(unix))]
fn is_device(_: &Metadata) -> bool {
    false
}

/// Whether there is a file of an earlier import. It may be replaced, since this run writes every row that is
/// still rejected.
///
/// # Errors
/// If there is a file that no import wrote, or it cannot be read.
fn check_earlier(path: &Path) -> Result<bool, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(not_written(path, error)),
    };
    let mut first = Vec::new();
    let read = BufReader::new(file).take(10).read_until(b'\n', &mut first);
    if read.is_ok() && (first.is_empty() || first.starts_with(b"{\"line\":")) {
        return Ok(true);
    }
    Err(Failure::usage(format!(
        "{} is there, and was not written by an import: name another file with --rejected",
        path.display()
    )))
}
