//! Builds the peers, each in a folder of its own in the target directory, from `bench/peers/` and its lock
//! files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use postern_tests::binary::in_workspace;

use crate::process::cargo;

/// The packages of pip itself, which are not deployed.
const NOT_DEPLOYED: [&str; 6] =
    ["pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils", "__pycache__"];

/// Returns the path of this program on the `PATH`, and its version.
pub(crate) fn program(name: &str) -> (PathBuf, String) {
    let script = format!("command -v {name} && {name} --version");
    let found = Command::new("sh").args(["-c", &script]).output().unwrap();
    let output = String::from_utf8(found.stdout).unwrap();
    let Some((path, version)) = output.trim().split_once('\n') else {
        panic!(
            "`{name}` is not on the PATH: the peers need Node (20 or newer, with npm) and Python 3.11 or newer"
        );
    };
    (PathBuf::from(path), version.to_owned())
}

/// Builds a function of Postern in its release profile. Returns the path of the binary.
pub(super) fn binary(package: &str) -> PathBuf {
    run(cargo().args(["build", "--release", "--bins", "--package", package]));
    in_workspace("target/release").join(package).canonicalize().unwrap()
}

/// Installs and bundles a peer with npm. Returns its folder, whose `dist` is deployed.
pub(super) fn npm(name: &str) -> PathBuf {
    let folder = copy(name);
    run(Command::new("npm")
        .args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(&folder));
    run(Command::new("npm").args(["run", "--silent", "build"]).current_dir(&folder));
    folder
}

/// Installs a peer with pip. Returns its folder, which holds the virtual environment.
pub(super) fn pip(name: &str) -> PathBuf {
    let folder = copy(name);
    run(Command::new("python3").args(["-m", "venv", "venv"]).current_dir(&folder));
    run(Command::new("venv/bin/pip")
        .args(["install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"])
        .current_dir(&folder));
    folder
}

/// Returns the size of a file or a folder, in MB, without pip itself and without compiled bytecode of Python.
pub(super) fn megabytes(path: &Path) -> f64 {
    if !path.is_dir() {
        return fs::metadata(path).unwrap().len() as f64 / 1e6;
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let deployed = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        !name.split(['-', '.']).next().is_some_and(|part| NOT_DEPLOYED.contains(&part))
    };
    entries.filter(deployed).map(|path| megabytes(&path)).sum()
}

/// Copies the files of a peer to its folder in the target directory, and returns that folder.
fn copy(name: &str) -> PathBuf {
    let to = in_workspace("target/peers").join(name);
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(in_workspace("bench/peers").join(name)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    to.canonicalize().unwrap()
}

pub(super) fn run(command: &mut Command) {
    let status = command.stdin(Stdio::null()).status();
    let done = status.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.success(), "{command:?} fails");
}
