"""The servers that the checks start: `cargo run`, MariaDB and PostgreSQL.

Each runs until its `with` block ends. If the check is killed, the kernel ends its servers too.
"""

import contextlib
import glob
import os
import shutil
import subprocess
import tempfile
import threading
import time

# Ends the command when the thread that started it ends.
WITH_PARENT = ["setpriv", "--pdeathsig", "TERM"]


class ServerFailed(Exception):
    """A server did not start, or ended before the check."""


class LocalServer:
    """`cargo run` on free ports. `url` is the address of the contracts, `endpoint` that of the DynamoDB API."""

    def __init__(self, programs, *options, env=None):
        self.command = [*WITH_PARENT, programs / "postern-local", "--dynamodb-port", "0", *options]
        if "--table-only" not in options:
            self.command += ["--port", "0"]
        # All requests of a check come from one address. Without an issuer, one route would not be there, and without
        # the setting one grant.
        defaults = {
            "THROTTLE_ADDRESS_LIMIT": "1000000",
            "DISCOVERY_ISSUER": "https://sign-in.example.com",
            "ACCOUNT_PASSWORD_GRANT": "true",
        }
        self.env = os.environ | defaults | (env or {})

    def __enter__(self):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True, env=self.env
        )
        self.endpoint = self.url = None
        for line in self.process.stdout:
            if line.startswith("DynamoDB API: "):
                self.endpoint = line.split()[2].rstrip(",")
            if line.startswith("Ready: "):
                self.url = line.split()[1]
                break
        if not self.url:
            raise ServerFailed(self.output())
        # With `--table-only` the DynamoDB API is all that there is.
        self.endpoint = self.endpoint or self.url
        # The server stops when a pipe is full.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        return self

    def __exit__(self, kind, *_):
        ended = self.process.poll()
        self.process.terminate()
        self.process.wait()
        if ended is not None and not kind:
            raise ServerFailed(f"postern-local ended with {ended}: {self.output()}")

    def output(self):
        self.log.seek(0)
        return self.log.read()


@contextlib.contextmanager
def database_servers(home):
    """MariaDB and PostgreSQL, which listen on sockets in the folder `home`. Gives the environment of their clients."""
    postgresql = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))[-1:]
    path = ":".join([*postgresql, os.environ["PATH"], "/usr/sbin"])
    folders = {user: home / user for user in ["mysql", "postgres"]}
    for user, folder in folders.items():
        folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(folder, user, user)
    data, socket = folders["mysql"] / "data", folders["mysql"] / "socket"
    (home / ".my.cnf").write_text(f"[client]\nuser=root\nsocket={socket}\n")
    env = os.environ | {
        "PATH": path,
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "MARIADB_SOCKET": str(socket),
        "PGHOST": str(folders["postgres"]),
        "PGUSER": "postgres",
    }
    started = []

    def start(user, *command):
        # Neither server runs with the rights of root.
        as_user = ["--reuid", user, "--regid", user, "--clear-groups"] if os.geteuid() == 0 else []
        with (home / f"{user}.log").open("a") as log:
            process = subprocess.Popen(
                [*WITH_PARENT, *as_user, *command],
                cwd=folders[user],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        started.append(process)
        return process

    def failed():
        return ServerFailed("".join(log.read_text() for log in home.glob("*.log")))

    try:
        creations = [
            start(
                "mysql",
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={data}",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ),
            start(
                "postgres",
                "initdb",
                "-D",
                "data",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-U",
                "postgres",
                "-A",
                "trust",
                "-N",
            ),
        ]
        if any(process.wait() for process in creations):
            raise failed()
        # Their time zones are not UTC: a dump must not depend on the zone of its server.
        servers = [
            start(
                "mysql",
                "mariadbd",
                "--no-defaults",
                f"--datadir={data}",
                f"--socket={socket}",
                "--skip-networking",
                "--character-set-server=utf8mb4",
                "--default-time-zone=+05:30",
                "--innodb-flush-log-at-trx-commit=0",
            ),
            start(
                "postgres",
                "postgres",
                "-D",
                "data",
                "-k",
                str(folders["postgres"]),
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "timezone=America/St_Johns",
            ),
        ]
        for process, ping in zip(servers, [["mariadb-admin", "ping"], ["pg_isready"]], strict=True):
            while subprocess.run(ping, env=env, capture_output=True).returncode:
                if process.poll() is not None:
                    raise failed()
                time.sleep(0.1)
        yield env
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()
