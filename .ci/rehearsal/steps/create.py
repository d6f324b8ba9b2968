"""The stack is created."""

from lib.http_client import expect
from lib.template import translate

# All requests of the rehearsal come from one address. Without an issuer, one route would not be there, and without a
# sender no mailer.
PARAMETERS = {
    "ThrottleAddressLimit": 1_000_000,
    "DiscoveryIssuer": "https://sign-in.example.com",
    "MailFrom": "no-reply@example.com",
    "AccountResetUrl": "https://app.example.com/reset#code={code}",
}


def stack_is_created(stack):
    """CloudFormation creates the stack from the translated template, and each output has a value."""
    stack.create(**PARAMETERS)
    expect(sorted(stack.outputs), sorted(translate()["Outputs"]), "outputs")
    expect([name for name, value in stack.outputs.items() if not value], [], "outputs without a value")
    expect(stack.call("GET", "/.well-known/jwks.json").body, {"keys": []}, "the key set of a generated secret")


STEPS = [stack_is_created]
