"""What schemathesis cannot read in docs/api: who may sign in, what API Gateway answers, and which replies are no fault.

`attack` names in the environment the file for the counts (ATTACK_COUNTS), the operator's command line (POSTERN), and the
table that it changes.
"""

import functools
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
from schemathesis.generation.meta import CONTENT_TYPE_PROBES, CoverageScenario, TestPhase, coverage_scenario
from schemathesis.openapi.checks import AuthScenario

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients"))
from contracts import CLIENTS
from lib.http_client import body_of, totp

# Each word with which a well-formed request is refused by a 400: the credentials do not fit, or the user's state does not.
REFUSALS = {
    "account": ["invalid_client", "invalid_grant", "invalid_scope", "mfa_required"],
    "email": ["Invalid password"],
    "mfa": ["invalidMfaSetting", "mfaActive", "passwordMissing"],
    "session": [
        "change_password",
        "code_incorrect",
        "mfa_required",
        "no_email_addresses",
        "no_password_change_needed_for_user",
        "not_activated",
        "rate_limit_exceeded",
        "session_token_incorrect",
        "username_or_password_incorrect",
    ],
}
# Why the session contract refuses a new password that is well-formed.
WEAK = [
    "The new password and old password must be different.",
    "The new password is too common.",
    "The new password must be at least 8 characters.",
]
NOT_FOUND = {"message": "Not Found"}
# A code of a mail that is well-formed and not there.
NO_CODE = {"msg": "There was no code for a password reset requested"}
WRONG_LINK = {
    "errors": [
        {
            "field": "validation_code",
            "messages": [{"message": "The code is invalid or has expired.", "code": "invalid"}],
        }
    ]
}
# The sample events for 429 have these names, which no user has.
LOCKED = ["mallory", "mallory@example.com"]
TOTP_SECRET, RECOVERY_CODE = "KBTSKUKRDJPEGCZK", "f005ba11"

counts = defaultdict(Counter)
described = {}


def contract(operation):
    """The tag of each operation is its contract."""
    return operation.tags[0]


def json_of(response):
    try:
        return response.json()
    except ValueError:
        return None


# Requests that succeed.


def needs_token(context):
    security = context.operation.definition.raw.get("security")
    return bool(security) and {} not in security


@schemathesis.auth(refresh_interval=60, retry_on=[]).apply_to(needs_token)
class AccessToken:
    """The access token of a demo user."""

    def get(self, case, context):
        # sso takes the access tokens of account.
        client = CLIENTS[contract(context.operation).replace("sso", "account")]
        return client(context.operation.schema.get_base_url(), "johndoe").sign_in("SecurePass123!")[0]

    def set(self, case, token, context):
        # A token that a link took from a reply stays.
        if not case.headers.get("Authorization", "").startswith("Bearer eyJ"):
            case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def flatmap_case(context, case):
    """Makes two of three sign-ins those of a demo user: a random password is always wrong."""
    credentials = successful_credentials(context.operation)
    meta = case.meta
    if not credentials or meta.phase.name == TestPhase.EXAMPLES or not meta.generation.mode.is_positive:
        return strategies.just(case)

    def with_credentials(body):
        case.body = case.body | body
        return case

    demo_user = strategies.sampled_from(credentials).map(with_credentials)
    return strategies.integers(0, 2).flatmap(lambda choice: demo_user if choice else strategies.just(case))


def successful_credentials(operation):
    """The bodies of a sign-in's examples that succeed."""
    contents = operation.definition.raw.get("requestBody", {}).get("content", {}).values()
    examples = [example for content in contents for example in content.get("examples", {}).items()]
    bodies = [example["value"] for name, example in examples if name.startswith("success")]
    return [body for body in bodies if {"username", "email"} & set(body)]


@schemathesis.hook
def before_add_examples(context, examples):
    """Adds what no generator finds: a body that is too large or compressed, and the last step of MFA."""
    operation = context.operation
    example = next((case for case in examples if isinstance(case.body, dict) and case.body), None)
    if example:
        # These cases are neither valid nor invalid to schemathesis: it only checks their replies.
        common = {"query": example.query, "media_type": example.media_type}
        large = example.body | {"filler": "x" * 70_000}
        examples.append(operation.Case(body=large, headers=example.headers, **common))
        headers = {**example.headers, "Content-Encoding": "gzip"}
        examples.append(operation.Case(body=example.body, headers=headers, **common))
    if operation.definition.raw["operationId"] == "mfaSetup":
        for jwt, body in mfa_steps(operation.schema.get_base_url()):
            headers = {"Authorization": f"Bearer {jwt}"}
            case = operation.Case(body=body, headers=headers, media_type="application/json")
            # `ignored_auth` takes a token that it does not know for a generated one.
            case._has_explicit_auth = True
            examples.append(case)

    if operation.definition.raw["operationId"] == "sessionSignOut":
        # The sample session is of a user, and the JWT of another.
        body = {"username": "johndoe", "password": "SecurePass123!", "stay_logged_in": True}
        session = CLIENTS["session"](operation.schema.get_base_url(), "johndoe")
        signed_in = body_of(session.post(session.path, body))
        case = operation.Case(
            body={"session_token": signed_in["session_token"]},
            headers={"Authorization": f"Bearer {signed_in['token']}"},
            media_type="application/json",
        )
        case._has_explicit_auth = True
        examples.append(case)


@functools.cache
def mfa_steps(url):
    """The JWT and the body of a user who switches MFA off, and of one who confirms it."""
    mfa = CLIENTS["mfa"]
    off = {"mfa": False, "password": "Password1234!", "token": totp(TOTP_SECRET)}
    credentials = {"username": "guarded", "password": off["password"], "token": RECOVERY_CODE}
    guarded = body_of(mfa(url, "guarded").post(mfa.path, credentials))["token"]
    client = mfa(url, "st.huber")
    jwt, _ = client.sign_in("Password1234!")
    secret = body_of(client.set_mfa(jwt, mfa=True))["mfa"]["secret"]
    on = {"mfa": True, "secret": secret, "token": totp(secret)}
    return [(guarded, off), (jwt, on)]


@schemathesis.hook
def filter_case(context, case):
    """Drops multipart forms with control characters in a field's name: it is in a header, and headers have none."""
    is_multipart = case.media_type == "multipart/form-data" and isinstance(case.body, dict)
    return not (is_multipart and any(char < " " or char == "\x7f" for name in case.body for char in name))


# Replies that are no fault, and what is checked in their place.


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Returns whether a failure is one."""
    kind, body = type(failure).__name__, json_of(response)
    if kind == "UnsupportedMethodResponse":
        # API Gateway has no 405. `method_without_a_route` checks these replies.
        return (response.status_code, body) != (404, NOT_FOUND)
    if kind == "RejectedPositiveData":
        # A description promises which requests are well-formed, and not which credentials exist.
        return not is_refusal(contract(case.operation), response.status_code, body)
    if kind == "AcceptedNegativeData":
        return not is_wrong_by_token(case)
    if kind == "IgnoredAuth" and failure.scenario == AuthScenario.GENERATED_AUTH:
        # Session's routes take the JWT in two places. A link fills in one of them while the other is made up.
        return not str(case.query.get("token")).startswith("eyJ")
    return True


def is_refusal(contract, status, body):
    """Whether a reply refuses what a well-formed request asks for."""
    if not isinstance(body, dict):
        return False
    if status == 422:
        return set(body) == {"new_password"} and body["new_password"][0] in WEAK
    if status == 400 and body in (NO_CODE, WRONG_LINK):
        return True
    return status == 400 and (body.get("error_code") or body.get("error")) in REFUSALS[contract]


def is_wrong_by_token(case):
    """Whether a body has nothing wrong but `token`, which is read only if the user has MFA on."""
    if not isinstance(case.body, dict):
        return False
    content = next(content for content in case.operation.body if content.media_type == case.media_type)
    validator = make_validator(content.optimized_schema, Draft202012Validator)
    rest = {name: value for name, value in case.body.items() if name != "token"}
    return validator.is_valid(rest) and not validator.is_valid(case.body)


@schemathesis.check
def method_without_a_route(context, response, case):
    """API Gateway answers 404. A function that a greedy route leads to knows the path's methods, and answers 405."""
    if coverage_scenario(case) != CoverageScenario.UNSPECIFIED_HTTP_METHOD:
        return
    body = json_of(response)
    if response.status_code == 405:
        methods = {method.upper() for method in case.operation.schema[case.operation.path]}
        allowed = set(response.headers["allow"][0].split(", "))
        assert (body, allowed) == ({"message": "Method Not Allowed"}, methods), f"{body}, Allow: {allowed}"
    else:
        assert (response.status_code, body) == (404, NOT_FOUND), f"{response.status_code} {body}"


@schemathesis.check
def wrong_content_type(context, response, case):
    """Schemathesis checks no replies to a wrong Content-Type. They are described as all others are."""
    if coverage_scenario(case) in CONTENT_TYPE_PROBES:
        statuses = case.operation.responses.status_codes
        assert str(response.status_code) in statuses, f"{response.status_code} is not described"
        case.operation.validate_response(response, case=case)


@schemathesis.check
def cross_origin_headers(context, response, case):
    """Each request has an origin, so the headers of CORS have to be there, which the descriptions leave open."""
    missing = {"access-control-allow-origin", "access-control-expose-headers"} - set(response.headers)
    assert not missing, f"{missing} missing"


# What was reached.


@schemathesis.hook
def after_load_schema(context, schema):
    for operation in schema.get_all_operations():
        described[operation.ok().label] = list(operation.ok().responses.status_codes)


@schemathesis.hook
def after_call(context, case, response):
    """Counts, and does as an operator what the next requests need."""
    label = f"{response.request.method} {case.operation.path}"
    counts[label][response.status_code] += 1
    body = case.body if isinstance(case.body, dict) else {}
    if response.status_code == 429:
        # No setting allows more than 25 wrong passwords in a row.
        for name in [body.get("username"), body.get("email")]:
            if isinstance(name, str) and name not in LOCKED:
                postern("user", "unlock", "--", name)
    is_stateful = case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL
    if is_stateful and body.get("username") == "changer" and "new_password" in body:
        # Links lead on from a change of the password, so one change is not enough.
        postern("user", "set-password", "changer", "--must-change-password", "--password-stdin", input="Password1234!")


def postern(*command, input=""):
    subprocess.run([os.environ["POSTERN"], *command], input=input, text=True, stdout=subprocess.DEVNULL)


@schemathesis.check
class Reached:
    """Writes the counts at the end of the run, for `attack`."""

    def after_run(self, context):
        Path(os.environ["ATTACK_COUNTS"]).write_text(json.dumps({"described": described, "counts": counts}))
