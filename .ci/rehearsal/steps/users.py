"""Users are created, imported and sign in."""

import base64
import hashlib
import json
import os
import subprocess

from clients.contracts import CLIENTS
from lib.http_client import expect
from lib.servers import LocalServer

IMPORTED, PASSWORD = 1000, "a password of another product"


def doctor_finds_nothing(stack):
    """`postern doctor` finds nothing wrong with the new deployment."""
    checks = stack.postern("doctor")
    expect([check for check in checks if check["level"] != "ok"], [], "checks that are not ok")


def user_is_added(stack):
    """`postern user add` makes a user, who signs in at each contract, and not with another password."""
    stack.postern("user", "add", "ann", "--email", "ann@example.com", "--password-stdin", stdin=PASSWORD)
    for client in CLIENTS.values():
        ann = client(stack.url, "ann")
        ann.sign_in(PASSWORD)
        expect(ann.send_password("wrong").status, ann.wrong_password, f"{ann.name}: a wrong password")


def users_are_imported(stack):
    """`postern import` reads 1,000 users with hashes of Django, and some of them sign in at each contract."""
    dump = stack.folder / "users.jsonl"
    dump.write_text("".join(json.dumps(user(number)) + "\n" for number in range(1, IMPORTED + 1)))
    expect(stack.postern("import", "jsonl", dump)["imported"], IMPORTED, "imported users")
    for number in (1, IMPORTED // 2, IMPORTED):
        for client in CLIENTS.values():
            client(stack.url, f"user{number}").sign_in(PASSWORD)


def demo_users_are_moved(stack):
    """The demo users of `cargo run` move here by `postern export` and `postern import`, for the clients."""
    dump = stack.folder / "demo.jsonl"
    with LocalServer(stack.options.programs, "--table-only") as local:
        command = [stack.options.programs / "postern", "export", "--endpoint-url", local.endpoint, "--table", "postern"]
        dump.write_bytes(subprocess.check_output(command))
    moved = stack.postern("import", "jsonl", dump)
    expect((moved["imported"], moved["rejected"]), (len(dump.read_text().splitlines()), 0), "moved users")


def user(number):
    salt = base64.b64encode(os.urandom(12)).decode()
    digest = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt.encode(), 10_000)
    name = f"user{number}"
    return {
        "id": 1000 + number,
        "username": name,
        "email": f"{name}@example.com",
        "password_hash": f"pbkdf2_sha256$10000${salt}${base64.b64encode(digest).decode()}",
    }


STEPS = [demo_users_are_moved, user_is_added, doctor_finds_nothing, users_are_imported]
