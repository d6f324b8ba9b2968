"""Compares the reply of a compiled function with the snapshot that the tests have of it."""

import json
import re


def differences(snapshot, output):
    """Yields each difference in status and body between a snapshot file and what a function wrote.

    A string in brackets in the snapshot, such as "[jwt]", stands for any string: that value differs each time.
    """
    if not snapshot.exists():
        yield f"there is no {snapshot}: the tests write it"
        return
    # insta's front matter is between two lines of dashes.
    expected = json.loads(snapshot.read_text(encoding="utf-8").split("\n---\n", 1)[1])
    try:
        reply = json.loads(output)
        # A reply with the status 204 has no body.
        found = {"status": reply["statusCode"], "body": json.loads(reply.get("body") or "null")}
    except (ValueError, KeyError, TypeError):
        yield f"no reply: {output.strip() or 'nothing'}"
        return
    yield from compare({"status": expected["status"], "body": expected["body"]}, found)


def reply_status(output):
    """Returns the status of the reply that a function wrote, or None if it wrote no reply."""
    try:
        return json.loads(output)["statusCode"]
    except (ValueError, KeyError, TypeError):
        return None


def compare(expected, found, at=""):
    if isinstance(expected, str) and re.fullmatch(r"\[[^\[\]]+\]", expected):
        if not isinstance(found, str) or not found:
            yield f"{at}: expected some {expected}, found {found!r}"
    elif isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted(expected.keys() | found.keys()):
            if name not in found:
                yield f"{at}/{name}: is missing"
            elif name not in expected:
                yield f"{at}/{name}: was not expected"
            else:
                yield from compare(expected[name], found[name], f"{at}/{name}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, pair in enumerate(zip(expected, found, strict=True)):
            yield from compare(*pair, f"{at}/{index}")
    elif type(expected) is not type(found) or expected != found:
        yield f"{at}: expected {expected!r}, found {found!r}"
