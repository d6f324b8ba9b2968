"""What schemathesis cannot read in docs/api: who may sign in, and which replies are no fault.

`attack` names in its environment the file for the counts (ATTACK_COUNTS) and the operator's command line (POSTERN).
"""

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import schemathesis
from hypothesis import strategies
from jsonschema_rs import Draft202012Validator
from schemathesis.core.jsonschema import make_validator
from schemathesis.generation.meta import CONTENT_TYPE_PROBES, CoverageScenario, coverage_scenario

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in [".", "clients"]]
from contracts import CLIENTS

# The words with which a well-formed request may be refused with 400: the credentials or the user do not fit.
REFUSALS = {
    "account": {"invalid_client", "invalid_grant", "invalid_scope"},
    "email": {"Invalid password"},
}
# A positive request in these words would be a lie of the description: it is malformed after all.
NOT_FOUND = {"message": "Not Found"}
# Locked for the sample events, and locked they stay.
LOCKED = ("mallory", "mallory@example.com")

counts = defaultdict(Counter)
described = {}


def contract(operation):
    """The tag of every operation is its contract."""
    return operation.tags[0]


def json_of(response):
    try:
        return response.json()
    except ValueError:
        return None


# Valid requests.


def needs_token(context):
    return bool(context.operation.definition.raw.get("security"))


@schemathesis.auth(refresh_interval=60, retry_on=[]).apply_to(needs_token)
class DemoUser:
    """An access token of a demo user, where a route needs one."""

    def get(self, case, context):
        # sso takes the access tokens of account.
        client = CLIENTS[contract(context.operation).replace("sso", "account")]
        return client(context.operation.schema.get_base_url(), "johndoe").sign_in("SecurePass123!")[0]

    def set(self, case, token, context):
        # The token of a link is that of the reply before.
        if not case.headers.get("Authorization", "").startswith("Bearer eyJ"):
            case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def flatmap_case(context, case):
    """Makes two of three sign-ins those of a demo user. A random password is always wrong."""
    valid = successes(context.operation)
    is_positive = case.meta is not None and case.meta.generation.mode.is_positive
    if not (valid and is_positive and isinstance(case.body, dict)):
        return strategies.just(case)

    def signed_in(credentials):
        case.body = case.body | credentials
        return case

    return strategies.integers(0, 2).flatmap(
        lambda choice: strategies.sampled_from(valid).map(signed_in) if choice else strategies.just(case)
    )


def successes(operation):
    """The bodies of a sign-in's examples that succeed."""
    contents = operation.definition.raw.get("requestBody", {}).get("content", {})
    examples = [example for content in contents.values() for example in content.get("examples", {}).items()]
    bodies = [example["value"] for name, example in examples if name.startswith("success")]
    return [body for body in bodies if "password" in body]


@schemathesis.hook
def filter_case(context, case):
    """Drops forms whose field names have control characters: a multipart header has none (RFC 9110, section 5.5)."""
    multipart = case.media_type == "multipart/form-data" and isinstance(case.body, dict)
    return not (multipart and any(char < " " or char == "\x7f" for name in case.body for char in name))


# Replies that are no fault.


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Returns whether a failure is one."""
    kind = type(failure).__name__
    body = json_of(response)
    if kind == "UnsupportedMethodResponse":
        # API Gateway has no 405. `method_without_a_route` checks these replies.
        return not (response.status_code == 404 and body == NOT_FOUND)
    if kind == "RejectedPositiveData":
        return not (response.status_code == 400 and refused_in(body) in REFUSALS[contract(case.operation)])
    if kind == "AcceptedNegativeData":
        return not differs_in_token_only(case)
    return True


def refused_in(body):
    """The word in which a reply refuses a request."""
    if not isinstance(body, dict):
        return None
    return body.get("error_code") or body.get("error")


def differs_in_token_only(case):
    """Whether a body is valid but for `token`, which is only read if the user has MFA on."""
    if not isinstance(case.body, dict) or "token" not in case.body:
        return False
    content = next(content for content in case.operation.body if content.media_type == case.media_type)
    rest = {name: value for name, value in case.body.items() if name != "token"}
    return make_validator(content.optimized_schema, Draft202012Validator).is_valid(rest)


@schemathesis.check
def method_without_a_route(context, response, case):
    """API Gateway answers 404. A function that a greedy route leads to knows the methods of the path, and answers 405."""
    if coverage_scenario(case) != CoverageScenario.UNSPECIFIED_HTTP_METHOD:
        return
    body = json_of(response)
    if response.status_code == 405:
        methods = {method.upper() for method in case.operation.schema[case.operation.path]}
        assert body == {"message": "Method Not Allowed"}, body
        assert set(response.headers["allow"][0].split(", ")) == methods, response.headers["allow"]
    else:
        assert (response.status_code, body) == (404, NOT_FOUND), f"{response.status_code} {body}"


@schemathesis.check
def wrong_content_type(context, response, case):
    """The other checks leave out requests with a wrong Content-Type. Their replies are described like all others."""
    if coverage_scenario(case) in CONTENT_TYPE_PROBES:
        statuses = case.operation.responses.status_codes
        assert str(response.status_code) in statuses, f"{response.status_code} is not described"
        case.operation.validate_response(response, case=case)


@schemathesis.check
def cross_origin_headers(context, response, case):
    """All requests have an origin, so each header of CORS that is described has to be there."""
    reply = case.operation.responses.find_by_status_code(response.status_code)
    names = [name for name, _ in (reply.headers.items() if reply else []) if name.startswith("Access-Control-")]
    missing = [name for name in names if name.lower() not in response.headers]
    assert not missing, f"{missing} missing"


# What was reached.


@schemathesis.hook
def after_load_schema(context, schema):
    for operation in schema.get_all_operations():
        operation = operation.ok()
        described[operation.label] = list(operation.responses.status_codes)


@schemathesis.hook
def after_call(context, case, response):
    label = f"{response.request.method} {case.operation.path}"
    counts[label][str(response.status_code)] += 1
    if response.status_code == 429:
        unlock(case.body)


def unlock(body):
    """Unlocks the login name of a request. Demo users get many wrong passwords, and no setting allows more than 33."""
    if not isinstance(body, dict):
        return
    for name in [body.get("username"), body.get("email")]:
        if isinstance(name, str) and name not in LOCKED:
            subprocess.run([os.environ["POSTERN"], "user", "unlock", "--", name], stdout=subprocess.DEVNULL)


@schemathesis.check
class Reached:
    """Writes the counts at the end of the run."""

    def after_run(self, context):
        Path(os.environ["ATTACK_COUNTS"]).write_text(json.dumps({"described": described, "counts": counts}))
