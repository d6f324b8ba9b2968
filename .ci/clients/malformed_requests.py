#!/usr/bin/env python3
"""Sends missing, malformed and oversized bodies to every route, in both slash forms, and methods that the route does not have.
Each route must refuse all of them alike, with a client error of its own.

    .ci/clients/malformed_requests.py URL

The paths come from Cargo.toml, and every method is tried, so a new route needs nothing here.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from contracts import CLIENTS
from lib import workspace
from lib.http_client import Unexpected, call, expect, report

USERNAME, PASSWORD = "johndoe", "SecurePass123!"
OVERSIZED = "70 KB"
METHODS = ["DELETE", "GET", "PATCH", "POST", "PUT"]
BODIES = {
    "no body": None,
    "a cut JSON object": b'{"username":"johndoe","pass',
    "a JSON array": b'["grant_type=refresh_token"]',
    "bytes that are not UTF-8": b"\xff\xfe\x00refresh\xff",
    # Valid credentials, but for the size.
    OVERSIZED: json.dumps(
        {"username": USERNAME, "email": "johndoe@example.com", "password": PASSWORD, "filler": "x" * 70_000}
    ).encode(),
}


def main(url):
    tokens = {name: client(url, USERNAME).sign_in(PASSWORD)[0] for name, client in CLIENTS.items()}
    # sso has no tokens of its own.
    tokens["sso"] = tokens["account"]
    for route, function in workspace.paths().items():
        path = workspace.with_value(route)
        replies = {method: call(url, method, path, b"{}") for method in METHODS}
        allowed = [method for method, reply in replies.items() if reply.status not in (404, 405)]
        expect(bool(allowed), True, f"{path} has a method")
        for wrong in sorted(set(METHODS) - set(allowed)):
            reply = replies[wrong]
            # API Gateway itself answers 404 to a method that no route has. A function knows the methods of a path.
            if reply.status == 405:
                methods = [each for each in reply.headers["Allow"].split(", ") if each != "HEAD"]
                expect(sorted(methods), sorted(allowed), f"Allow for {wrong} {path}")
        for method in allowed:
            status = send_all(url, method, path, None)
            # The key set is public.
            expected = [200] if function == "jwks" else [400, 401, 422]
            expect(status in expected, True, f"{method} {path}: {status}")
            line = f"{method} {path}: {status}"
            if token := tokens.get(function.removesuffix("-signin")):
                line += f", and {send_all(url, method, path, token)} with a token"
            report(line)
    report(f"each with {', '.join(BODIES)}, in both slash forms; and 404 or 405 to other methods")


def send_all(url, method, path, token):
    """Sends all bodies. Returns their status, which must be one: but 413, if the route reads a body that is too large."""
    statuses = set()
    for what, body in BODIES.items():
        reply = call(url, method, path, body, token)
        with_slash = call(url, method, f"{path}/", body, token)
        expect((with_slash.status, with_slash.body), (reply.status, reply.body), f"{method} {path}/ with {what}")
        if what != OVERSIZED or reply.status != 413:
            statuses.add(reply.status)
    expect(len(statuses), 1, f"{method} {path}: statuses {statuses}")
    return statuses.pop()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Unexpected as unexpected:
        sys.exit(str(unexpected))
