"""Every route answers through the API, in both slash forms."""

import json
import urllib.error
import urllib.request

from lib.http_client import Unexpected, expect
from lib.template import routes
from lib.workspace import ROOT, function_of, logical_id, paths, with_value

ORIGIN = "https://app.example.com"


def every_route_answers(stack):
    """Each path and method that a function knows leads to it through the API, with and without a slash at the end."""
    exact = {(method, path) for method, path, _ in routes(stack.template)}
    for path, function in paths().items():
        for method in methods(stack, function, path):
            # A greedy route would take it too.
            expect((method, path) in exact, True, f"{method} {path} is a route of the API")
            statuses = set()
            for form in (with_value(path), f"{with_value(path)}/"):
                status, headers, _ = send(stack, method, form)
                if "x-request-id" not in headers or status in (404, 405):
                    raise Unexpected(f"{method} {form}: {status}, and not an answer of {function}")
                statuses.add(status)
            expect(len(statuses), 1, f"{method} {path}: statuses {statuses} of the two forms")


def unknown_paths_are_refused(stack):
    """A path that no function knows gets 404, from API Gateway or in the words of a contract."""
    for path in ("/", "/api", "/api/v2/account/signin/more", "/signin/more/", "/oauth/token//", "/.well-known/other"):
        status, _, body = send(stack, "POST", path)
        expect(status, 404, f"POST {path}: {body}")


def browsers_may_call(stack):
    """A preflight from any origin is allowed with Authorization, and a reply shows its headers to the page."""
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    asked |= {"Access-Control-Request-Headers": "authorization,content-type"}
    _, headers, _ = send(stack, "OPTIONS", "/api/auth/signin", asked)
    allowed = headers.get("access-control-allow-headers", "").lower().split(",")
    expect((headers.get("access-control-allow-origin"), "authorization" in allowed), ("*", True), headers)
    expect("POST" in headers.get("access-control-allow-methods", "").split(","), True, headers)
    expect("access-control-allow-credentials" in headers, False, headers)
    _, headers, _ = send(stack, "POST", "/api/auth/signin", {"Origin": ORIGIN})
    expect(headers.get("access-control-allow-origin"), "*", headers)
    expect("retry-after" in headers.get("access-control-expose-headers", "").lower().split(","), True, headers)


def methods(stack, function, path):
    """The methods of a path, as the function itself names them in `Allow`: the template is what is tested."""
    event = json.loads(sample_event(function).read_text())
    event |= {"rawPath": with_value(path), "routeKey": f"PATCH {path}", "pathParameters": {"id": "0"}}
    event["requestContext"]["http"] |= {"method": "PATCH", "path": with_value(path)}
    invoked = stack.client("lambda").invoke(FunctionName=stack.ids[logical_id(function)], Payload=json.dumps(event))
    reply = json.loads(invoked["Payload"].read())
    expect(reply.get("statusCode"), 405, f"PATCH {path}, sent to {function} itself: {reply}")
    headers = {name.lower(): value for name, value in (reply["headers"] | reply.get("multiValueHeaders", {})).items()}
    allow = headers["allow"]
    return (allow if isinstance(allow, str) else ",".join(allow)).replace(" ", "").split(",")


def sample_event(function):
    return next(
        event for event in sorted((ROOT / "events").glob("*/*/*.json")) if function_of(event.parts[-3]) == function
    )


def send(stack, method, path, headers=None):
    """Sends a request without a body. Returns status, headers in lower case, and the body."""
    request = urllib.request.Request(stack.url + path, method=method, headers=headers or {})
    try:
        reply = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        return reply.status, {name.lower(): value for name, value in reply.headers.items()}, reply.read()


STEPS = [every_route_answers, unknown_paths_are_refused, browsers_may_call]
