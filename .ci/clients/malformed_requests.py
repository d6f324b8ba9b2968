#!/usr/bin/env python3
"""Sends missing, malformed and oversized bodies to every route, in both slash forms, and methods that the route does not have.
Each route must refuse all of them alike, with a client error of its own.

    .ci/clients/malformed_requests.py URL

The routes come from template.yaml, so a new route needs nothing here. Needs samtranslator.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from contracts import CLIENTS
from lib import template, workspace
from lib.http_client import Unexpected, call, expect, report

USERNAME, PASSWORD = "johndoe", "SecurePass123!"
OVERSIZED = "70 KB"
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
    routes = {(method, path) for method, path, _ in template.routes(template.translate())}
    for path, function in workspace.paths().items():
        allowed = sorted(method for method, route in routes if route == path)
        for wrong in sorted({"GET", "POST", "PUT", "PATCH", "DELETE"} - set(allowed)):
            # API Gateway refuses it with 404. A greedy route leads to a function, which has not this method or path.
            refused = call(url, wrong, path, b"{}").status
            expect(refused in (404, 405), True, f"{wrong} {path}: {refused}")
        for method in [method for method in allowed if method != "HEAD"]:
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
