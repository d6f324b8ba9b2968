"""The recorded calls: see tests/src/calls.rs."""

import json
import sys

from privileges.roles import identity, queue, secret, table

# What the tests name the deployment's table and secrets. The rehearsal's names are in files beside the calls.
TABLES = {"postern"}
SECRETS = {
    "arn:aws:secretsmanager:us-east-1:000000000000:secret:keys-AbCdEf": "SigningKeys",
    "arn:aws:secretsmanager:us-east-1:000000000000:secret:public-keys-AbCdEf": "PublicKeys",
}
# The sender of the deployment, and what a test sets it to.
SENDER, OTHER_SENDERS = "no-reply@example.com", {"hallo@verein.example"}


def read_calls(folder):
    """All calls, each once."""
    for file in folder.glob("names-*.json"):
        names = json.loads(file.read_text())
        TABLES.add(names["table"])
        SECRETS.update({names["secret"]: "SigningKeys", names["public_secret"]: "PublicKeys"})
    lines = {line for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()}
    if not lines:
        sys.exit(f"no calls are recorded in {folder}; run the tests with POSTERN_CALLS={folder}")
    return [json.loads(line) for line in sorted(lines)]


def calls_of(name, calls):
    return [call for call in calls if call["by"] == name]


def requests_of(calls):
    """What IAM evaluates of these calls, each once."""
    requests = [
        request_of(call["action"], resource_of(call), call.get("keys", []), attributes_of(call), sender_of(call))
        for call in calls
    ]
    return [json.loads(each) for each in sorted({json.dumps(request, sort_keys=True) for request in requests})]


def resource_of(call):
    if "queue" in call:
        return queue()
    if "from" in call:
        return identity(sender_of(call))
    if "secret" in call:
        return secret(SECRETS[call["secret"]]) if call["secret"] in SECRETS else call["secret"]
    return table() if call["table"] in TABLES else table(call["table"])


def sender_of(call):
    sender = call.get("from")
    return SENDER if sender in OTHER_SENDERS else sender


def attributes_of(call):
    """The attributes that a call names. Those of the key are always among them."""
    return {"pk", "sk", *call["writes"], *call["reads"]} if "writes" in call else set()


def request_of(action, resource, keys, attributes=(), sender=None):
    """A request with sample keys of these kinds, which names these attributes, or sends mail from this address."""
    context = {"ses:FromAddress": sender} if sender else {}
    if keys:
        context["dynamodb:LeadingKeys"] = [f"{kind}1" if kind.endswith("#") else kind for kind in keys]
    if attributes:
        context["dynamodb:Attributes"] = sorted(attributes)
    return {"action": action, "resource": resource, "context": context}
