#!/usr/bin/env python3
"""What each route says to a stranger who sends nothing, garbage or too much, to both slash forms, and by other methods.

    .ci/clients/strangers.py URL
"""

import json
import sys

from http_client import Unexpected, call, expect, good, saw

JOHNDOE = {"username": "johndoe", "email": "johndoe@example.com", "password": "SecurePass123!"}
BODIES = {
    "nothing": None,
    "garbage": b'{"username":"johndoe","pass',
    "no object": b'["grant_type=refresh_token"]',
    "no text": b"\xff\xfe\x00refresh\xff",
    # It would do, were it shorter.
    "70 KB": json.dumps(JOHNDOE | {"filler": "x" * 70_000}).encode(),
}
# What each says to all of these: without a token, and with one of this contract.
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
    tokens = {
        "account": good(call(url, "POST", "/api/v2/account/signin/", JOHNDOE))["token"]["access_token"],
        "session": good(call(url, "POST", "/api/auth/signin", JOHNDOE))["token"],
        "mfa": good(call(url, "POST", "/signin", JOHNDOE))["token"],
        "email": good(call(url, "POST", "/api/sign-in/", JOHNDOE))["access"],
    }
    for method, path, status, with_token in ROUTES:
        other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
        attempts = [(None, status)]
        if with_token:
            attempts.append((tokens[with_token[0]], with_token[1]))
        for token, should in attempts:
            for what, body in BODIES.items():
                reply = call(url, method, path, body, token)
                # What is too large is told apart where a body is read.
                too_large = what == "70 KB" and should in (400, 422)
                expect(reply.status, 413 if too_large else should, f"{method} {path} with {what}: {reply.body}")
                again = call(url, method, other, body, token)
                expect((again.status, again.body), (reply.status, reply.body), f"{method} {other} with {what}")
        allowed = ["GET", "HEAD"] if method == "GET" else [method]
        # The product's own page posts.
        allowed += ["POST"] if path == "/api/profile/" else []
        for wrong in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(allowed):
            reply = call(url, wrong, path, b"{}")
            expect((reply.status, reply.headers["Allow"]), (405, ", ".join(allowed)), f"{wrong} {path}")
        saw(f"{method} {path}: {status}" + (f", and {with_token[1]} with a token" if with_token else ""))
    saw(f"each to {', '.join(BODIES)}, in both slash forms; and 405 to other methods")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Unexpected as unexpected:
        sys.exit(str(unexpected))
