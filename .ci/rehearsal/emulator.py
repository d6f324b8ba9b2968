"""The emulator of AWS: ministack, which starts in a second and runs the functions as processes of this machine."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request

from lib.servers import WITH_PARENT, ServerFailed

# The emulator takes these for the account's root.
REGION, ACCESS_KEY, SECRET_KEY = "us-east-1", "test", "test"


class Emulator:
    """Runs until its `with` block ends. `url` is the address of all its APIs."""

    def __init__(self, program, folder):
        self.program, self.log = program, folder / "emulator.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def environment(self):
        """The environment of a client of the emulator, and of nothing else: no credentials of this machine."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return own | {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
        }

    def __enter__(self):
        # AUTH makes it evaluate policies. It passes AWS_ENDPOINT_URL on to the functions.
        env = self.environment() | {
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "AUTH": "true",
            "LOG_LEVEL": "WARNING",
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*WITH_PARENT, self.program], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=5):
                    return self
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        self.__exit__()
        raise ServerFailed(self.log_tail())

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log_tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
