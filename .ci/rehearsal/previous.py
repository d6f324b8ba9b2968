"""The functions of the previous release; as long as there is no release, those of the commit before this one."""

import shutil
import subprocess

from lib.servers import ServerFailed
from lib.workspace import ROOT, functions, target_directory


def build_previous():
    """Builds them in the profile `dev`, beside today's, so that both share their dependencies. Returns their folder.

    It leaves the programs of that commit in the folder of today's: call it before `build_programs`.
    """
    commit = previous_commit()
    home = target_directory() / "rehearsal"
    source, binaries = home / "source", home / "functions"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    # Each file gets the time of the commit, and Cargo compiles only what changed.
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "--extract", "--directory", source], input=archive, check=True)
    # With these packages the dependencies have the features that `build_programs` has compiled.
    packages = [f"-p{package}" for package in ("postern-admin", "postern-local", *functions())]
    command = ["cargo", "build", "--quiet", "--locked", "--target-dir", target_directory(), *packages]
    subprocess.run(command, cwd=source, check=True, stdin=subprocess.DEVNULL)
    for name in functions():
        (binaries / name).mkdir(parents=True, exist_ok=True)
        # Without symbols they are a quarter of the size.
        subprocess.run(["strip", "-o", binaries / name / "bootstrap", target_directory() / "debug" / name], check=True)
    print(f"The previous release is {commit}", flush=True)
    return binaries


def previous_commit():
    tag = git("describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^")
    commit = tag or git("rev-parse", "--short", "HEAD^")
    if not commit:
        raise ServerFailed("there is no commit before this one: the clone is shallow (git fetch --unshallow)")
    return commit


def git(*arguments):
    ended = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return ended.stdout.strip() if ended.returncode == 0 else None
