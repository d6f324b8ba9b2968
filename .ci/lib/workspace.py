"""What `cargo metadata` says about this repository, and the programs that the checks start.

The names of the contracts and their paths come from Cargo.toml: no check has a list of its own.
"""

import functools
import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def metadata():
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    return json.loads(subprocess.check_output(command, cwd=ROOT))


def target_directory():
    return Path(metadata()["target_directory"])


def functions():
    """The names of the Lambda functions: `[workspace.metadata.lambda.build]`."""
    return metadata()["metadata"]["lambda"]["build"]["bin"]


def function_of(folder):
    """The function that takes the events in `events/<folder>/`."""
    return next(function for function in functions() if function in (folder, f"{folder}-signin"))


def logical_id(function):
    """The name of a function in template.yaml: `SsoSigninFunction` for `sso-signin`."""
    return "".join(word.capitalize() for word in function.split("-")) + "Function"


def paths():
    """The function of each path without a slash at the end: `[workspace.metadata.lambda.watch.router]`."""
    return {
        path.rstrip("/"): function for path, function in metadata()["metadata"]["lambda"]["watch"]["router"].items()
    }


def with_value(path):
    """The path with a value in the place of its parameter."""
    return path.replace("{id}", "0")


def build_programs():
    """Builds `postern` and `postern-local`, and returns their folder.

    Every check builds the two with one command: another choice of packages has other features, and compiles again.
    """
    command = ["cargo", "build", "--quiet", "-p", "postern-admin", "-p", "postern-local", "--message-format=json"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    programs = [json.loads(line).get("executable") for line in built.stdout.splitlines()]
    return next(Path(program).parent for program in programs if program and program.endswith("/postern"))
