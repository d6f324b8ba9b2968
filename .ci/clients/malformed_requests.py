#!/usr/bin/env python3
"""Sends missing, malformed and oversized bodies to every route, in both slash forms, and the methods that it does not have.
The status of each reply must be the one that its contract documents.

    .ci/clients/malformed_requests.py URL
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from contracts import CLIENTS
from lib import workspace
from lib.http_client import Unexpected, call, expect, report

USERNAME, PASSWORD = "johndoe", "SecurePass123!"
BODIES = {
    "no body": None,
    "a cut JSON object": b'{"username":"johndoe","pass',
    "a JSON array": b'["grant_type=refresh_token"]',
    "bytes that are not UTF-8": b"\xff\xfe\x00refresh\xff",
    # Valid credentials, but for the size.
    "70 KB": json.dumps(
        {"username": USERNAME, "email": "johndoe@example.com", "password": PASSWORD, "filler": "x" * 70_000}
    ).encode(),
}
# The status of each route without a token; and the contract whose token it takes, and the status with that token.
ROUTES = [
    ("POST", "/api/v2/account/signin/", 400, None),
    ("POST", "/oauth/token/", 400, None),
    ("POST", "/oauth/revoke_token/", 400, None),
    ("POST", "/api/v2/sso/signin/", 401, ("account", 200)),
    ("POST", "/api/auth/signin", 422, None),
    ("POST", "/api/auth/changePasswordAfterSignin", 422, None),
    ("POST", "/api/auth/IamLoggedIn", 422, None),
    ("POST", "/api/v1/user/myself/session/logoutCurrentSession", 401, ("session", 422)),
    ("POST", "/signin", 400, None),
    ("GET", "/whoami/jwt", 401, ("mfa", 200)),
    ("GET", "/account/jwt", 401, ("mfa", 200)),
    ("POST", "/account/mfa/jwt", 401, ("mfa", 400)),
    ("POST", "/api/sign-in/", 400, None),
    ("POST", "/api/token/refresh/", 400, None),
    ("POST", "/api/token/blacklist/", 400, None),
    ("GET", "/api/profile/", 401, ("email", 200)),
    ("GET", "/.well-known/jwks.json", 200, None),
]


def main(url):
    checked = {path.rstrip("/") for _, path, _, _ in ROUTES}
    expect(checked, workspace.paths(), "the routes that are checked here")
    tokens = {name: client(url, USERNAME).sign_in(PASSWORD)[0] for name, client in CLIENTS.items()}
    for method, path, status, with_token in ROUTES:
        attempts = [(None, status)]
        if with_token:
            attempts.append((tokens[with_token[0]], with_token[1]))
        for token, expected in attempts:
            for what, body in BODIES.items():
                send(url, method, path, body, token, expected, what)
        wrong_methods(url, method, path)
        report(f"{method} {path}: {status}" + (f", and {with_token[1]} with a token" if with_token else ""))
    report(f"each with {', '.join(BODIES)}, in both slash forms; and 405 to other methods")


def send(url, method, path, body, token, expected, what):
    reply = call(url, method, path, body, token)
    # Only a route that reads its body notices that it is too large.
    too_large = what == "70 KB" and expected in (400, 422)
    expect(reply.status, 413 if too_large else expected, f"{method} {path} with {what}: {reply.body}")
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    again = call(url, method, other, body, token)
    expect((again.status, again.body), (reply.status, reply.body), f"{method} {other} with {what}")


def wrong_methods(url, method, path):
    allowed = ["GET", "HEAD"] if method == "GET" else [method]
    # The product's own page sends POST.
    allowed += ["POST"] if path == "/api/profile/" else []
    for wrong in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(allowed):
        reply = call(url, wrong, path, b"{}")
        expect((reply.status, reply.headers["Allow"]), (405, ", ".join(allowed)), f"{wrong} {path}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Unexpected as unexpected:
        sys.exit(str(unexpected))
