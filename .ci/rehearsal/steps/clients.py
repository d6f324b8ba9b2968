"""The clients of .ci/clients run against the deployment."""

import subprocess
import sys

from lib.http_client import Unexpected
from lib.workspace import ROOT


def clients_run(stack):
    """The products' own clients, a backend that verifies tokens, malformed requests and whole sessions."""
    if not (stack.options.python and stack.options.packages):
        raise Unexpected("the clients need --python and --packages")
    secret = stack.client("secretsmanager").get_secret_value(SecretId=stack.ids["SigningKeys"])["SecretString"]
    options = stack.options
    command = [sys.executable, ROOT / ".ci/clients/run", options.python, options.packages]
    command += ["--url", stack.url, "--key", secret, "--programs", options.programs]
    ended = subprocess.run(
        command,
        env=stack.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    # The secret is on no line: the command is not printed.
    if ended.returncode:
        raise Unexpected(ended.stdout)


STEPS = [clients_run]
