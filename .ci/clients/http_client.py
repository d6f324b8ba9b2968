"""What the scripts in Python share: a request, its reply, and what is expected of it."""

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
    pass


def expect(is_, should, of):
    if is_ != should:
        raise Unexpected(f"{of}: {is_!r} and not {should!r}")


def saw(what):
    print(f"   {what}", flush=True)


def call(url, method, path, body=None, token=None):
    """Sends JSON, a form (a list of pairs) or bytes. Whatever comes back is JSON, and no fault of the server's. A busy
    machine may ask to come again."""
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
        later = reply.status == 503 and reply.headers["Retry-After"]
        if not later:
            break
        time.sleep(int(later))
    of = f"{method} {path}"
    expect(reply.status < 500, True, f"{of}: {reply.status} {text}")
    expect(reply.headers.get_content_type(), "application/json", f"{of}: the type of {text}")
    return Reply(reply.status, json.loads(text), reply.headers)


def good(reply, status=200):
    """The body of a reply that is as it should be."""
    expect(reply.status, status, reply.body)
    return reply.body


def totp(secret, later=0):
    """The TOTP code of a secret in base32 (RFC 6238), of this step or of one after it."""
    step = struct.pack(">Q", int(time.time()) // 30 + later)
    digest = hmac.digest(base64.b32decode(secret), step, hashlib.sha1)
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"
