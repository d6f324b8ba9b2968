"""Users are created, imported and sign in."""

import base64
import hashlib
import json
import os

from clients.contracts import CLIENTS
from lib.http_client import expect

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
    imported = stack.postern("import", "jsonl", dump)
    expect(imported["imported"], IMPORTED, imported)
    for number in (1, IMPORTED // 2, IMPORTED):
        for client in CLIENTS.values():
            client(stack.url, f"user{number}").sign_in(PASSWORD)


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


STEPS = [user_is_added, doctor_finds_nothing, users_are_imported]
