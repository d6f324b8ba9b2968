"""An HTTP client for the checks, and the words in which they report what they expected and what they found."""

import base64
import hashlib
import hmac
import json
import struct
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import namedtuple

Reply = namedtuple("Reply", "status body headers")


class Unexpected(Exception):
    """What a server answers is not what the check expects."""


def expect(found, expected, what):
    if found != expected:
        raise Unexpected(f"{what}: {found!r} and not {expected!r}")


def report(what):
    print(f"   {what}", flush=True)


def call(url, method, path, body=None, token=None):
    """Sends JSON (a dict), a form (a list of pairs) or bytes.

    The reply must be JSON and no server error; a 204 has no body. A 503 with Retry-After is sent again: the machine may
    be busy.
    """
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    elif isinstance(body, list):
        body = urllib.parse.urlencode(body).encode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url + path, body, headers, method=method)
    for _ in range(10):
        try:
            reply = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            text = reply.read()
        retry_after = reply.status == 503 and reply.headers["Retry-After"]
        if not retry_after:
            break
        time.sleep(int(retry_after))
    what = f"{method} {path}"
    expect(reply.status < 500, True, f"{what}: {reply.status} {text}")
    if reply.status == 204:
        expect(text, b"", f"{what}: the body")
        return Reply(reply.status, None, reply.headers)
    expect(reply.headers.get_content_type(), "application/json", f"{what}: the type of {text}")
    return Reply(reply.status, json.loads(text), reply.headers)


def body_of(reply, status=200):
    """The body of a reply that must have this status."""
    expect(reply.status, status, reply.body)
    return reply.body


def totp(secret, steps_later=0):
    """The TOTP code (RFC 6238) of a secret in base32, of the present step or of a later one."""
    step = struct.pack(">Q", int(time.time()) // 30 + steps_later)
    digest = hmac.digest(base64.b32decode(secret), step, hashlib.sha1)
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"
