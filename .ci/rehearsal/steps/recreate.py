"""The stack is deleted, and created again over the table and the keys that it leaves."""

from lib.http_client import expect
from rehearsal.steps.keys import refused, tokens


def stack_is_created_again(stack):
    """Table and keys outlive the stack; a new stack over them accepts the old tokens and passwords."""
    before, outputs = tokens(stack), stack.outputs
    stack.delete()
    tables, secrets = stack.client("dynamodb"), stack.client("secretsmanager")
    expect(tables.describe_table(TableName=outputs["TableName"])["Table"]["TableStatus"], "ACTIVE", "the table")
    expect("DeletedDate" in secrets.describe_secret(SecretId=outputs["SigningKeysSecretArn"]), False, "deleted keys")
    left = {"ExistingTable": outputs["TableName"], "ExistingSigningKeys": outputs["SigningKeysSecretArn"]}
    stack.create(**stack.parameters, **left)
    expect({"Table", "SigningKeys"} & stack.ids.keys(), set(), "resources that are made anew")
    for name in ("TableName", "SigningKeysSecretArn"):
        expect(stack.outputs[name], outputs[name], name)
    expect(refused(stack, before), [], "contracts that refuse tokens of before")
    tokens(stack)
    checks = stack.postern("doctor")
    expect([check for check in checks if check["level"] != "ok"], [], "checks of `postern doctor` that are not ok")


STEPS = [stack_is_created_again]
