"""Parameters change by an update of the stack."""

import base64
import json

from clients.contracts import CLIENTS
from lib.http_client import expect
from rehearsal.steps.routes import ORIGIN, send
from rehearsal.steps.users import PASSWORD

CHANGED = {"ThrottleLockAfter": 3, "EmailAccessTokenSeconds": 77, "AllowedOrigins": ORIGIN, "ApiRateLimit": 50}
DEFAULTS = {"ThrottleLockAfter": 25, "EmailAccessTokenSeconds": 300, "AllowedOrigins": "*", "ApiRateLimit": 100}


def parameters_are_changed(stack):
    """An update changes throttle, tokens, origins and the limit of the API; each is seen, and a second update reverts them."""
    before = stack.ids
    expect(seen(stack, "user2"), DEFAULTS, "parameters as they are seen")
    stack.update(**CHANGED)
    expect(stack.ids, before, "physical ids: nothing is replaced")
    expect(seen(stack, "user3"), CHANGED, "parameters as they are seen after the update")
    stack.update(**DEFAULTS)
    expect(seen(stack, "user4"), DEFAULTS, "parameters as they are seen after the second update")


def seen(stack, username):
    """The values of the parameters, from what the API does. It uses up the failures of the user."""
    email, account = CLIENTS["email"](stack.url, username), CLIENTS["account"](stack.url, username)
    claims = email.sign_in(PASSWORD)[0].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    # Four failures have no wait, so only a lock can refuse the last one.
    failures = [account.send_password("wrong").status for _ in range(4)]
    _, headers, _ = send(stack, "POST", "/signin", {"Origin": ORIGIN})
    (stage,) = stack.client("apigatewayv2").get_stages(ApiId=stack.ids["Api"])["Items"]
    return {
        "ThrottleLockAfter": failures.index(429) if 429 in failures else 25,
        "EmailAccessTokenSeconds": claims["exp"] - claims["iat"],
        "AllowedOrigins": headers["access-control-allow-origin"],
        "ApiRateLimit": int(stage["DefaultRouteSettings"]["ThrottlingRateLimit"]),
    }


STEPS = [parameters_are_changed]
