//! The file of old and new ids: a CSV with the columns `old_id` and `new_id`. With it, the product's other
//! tables can be updated.
//!
//! An import that is run again lists the users who are in the table already. So the file of the last run is
//! complete.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use csv::Writer;

use super::source::Input;
use crate::files::create_private;
use crate::output::{Exit, Failure};

/// The columns.
const HEADER: [&str; 2] = ["old_id", "new_id"];

/// The file of old and new ids.
pub struct IdMap {
    path: PathBuf,
    writer: Writer<File>,
}

impl IdMap {
    /// Creates the file beside the imported file; for standard input, in the current directory. Replaces the
    /// file of an earlier import.
    ///
    /// # Errors
    /// If the file cannot be written. If there is a file that no import wrote.
    pub fn create(input: &Input) -> Result<Self, Failure> {
        let path = match input {
            Input::File(file) if input.size().is_some() => {
                let mut path = file.clone().into_os_string();
                path.push(".ids.csv");
                PathBuf::from(path)
            }
            // A pipe is in no directory where a file could be written.
            Input::File(_) | Input::Stdin => PathBuf::from("stdin.ids.csv"),
        };
        match begin(&path) {
            // A run that crashed before it wrote leaves an empty file.
            Ok(found) if found.is_empty() || found == HEADER.join(",").as_bytes() => {
                fs::remove_file(&path).map_err(|error| not_written(&path, error))?;
            }
            Ok(_) => {
                let message = format!("{} is there, and is no file of old and new ids", path.display());
                return Err(Failure::usage(message));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(not_written(&path, error)),
        }
        let file = create_private(&path).map_err(|error| not_written(&path, error))?;
        let mut map = Self { path, writer: Writer::from_writer(file) };
        map.record(HEADER)?;
        map.flush()?;
        Ok(map)
    }

    /// Writes the old and the new id of a user.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, old: &str, new: u64) -> Result<(), Failure> {
        self.record([old, &new.to_string()])
    }

    /// Writes buffered lines. Returns the path.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> Result<String, Failure> {
        self.flush()?;
        Ok(self.path.display().to_string())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.writer.flush().map_err(|error| not_written(&self.path, error))
    }

    fn record(&mut self, fields: [&str; 2]) -> Result<(), Failure> {
        self.writer.write_record(fields).map_err(|error| not_written(&self.path, error.into()))
    }
}

/// Reads as much of a file as the header is long.
fn begin(path: &std::path::Path) -> io::Result<Vec<u8>> {
    let mut begin = Vec::new();
    File::open(path)?.take(HEADER.join(",").len() as u64).read_to_end(&mut begin)?;
    Ok(begin)
}

fn not_written(path: &std::path::Path, error: io::Error) -> Failure {
    let message = format!("the old and new ids cannot be written to {}", path.display());
    Failure::new(Exit::Failed, message).caused_by(error)
}
