"""The stack is deleted, and created again over the table and the keys that it leaves."""

from clients.contracts import CLIENTS
from lib.http_client import expect
from rehearsal.steps.create import PARAMETERS
from rehearsal.steps.keys import refused, tokens
from rehearsal.steps.users import PASSWORD


def stack_is_created_again(stack):
    """Table and keys outlive the stack; a new stack over them accepts the old tokens and passwords."""
    before, outputs = tokens(stack), stack.outputs
    stack.delete()
    tables, secrets = stack.client("dynamodb"), stack.client("secretsmanager")
    expect(tables.describe_table(TableName=outputs["TableName"])["Table"]["TableStatus"], "ACTIVE", "the table")
    expect("DeletedDate" in secrets.describe_secret(SecretId=outputs["SigningKeysSecretArn"]), False, "deleted keys")
    left = {
        "ExistingTable": outputs["TableName"],
        "ExistingSigningKeys": outputs["SigningKeysSecretArn"],
        "ExistingPublicKeys": outputs["PublicKeysSecretArn"],
    }
    stack.create(**PARAMETERS, **left)
    expect({"Table", "SigningKeys", "PublicKeys"} & stack.ids.keys(), set(), "resources that are made anew")
    for name in ("TableName", "SigningKeysSecretArn", "PublicKeysSecretArn"):
        expect(stack.outputs[name], outputs[name], name)
    expect(refused(stack, before), [], "contracts that refuse tokens of before")
    tokens(stack)
    checks = stack.postern("doctor")
    expect([check for check in checks if check["level"] != "ok"], [], "checks of `postern doctor` that are not ok")


def stack_moves_to_another_table(stack):
    """An update with the name of a restored table moves the functions to it, and its users sign in with their old tokens."""
    before, table, restored = tokens(stack), stack.outputs["TableName"], "restored"
    tables = stack.client("dynamodb")
    tables.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=restored, UseLatestRestorableTime=True)
    tables.get_waiter("table_exists").wait(TableName=restored, WaiterConfig={"Delay": 1})
    stack.update(ExistingTable=restored)
    expect(stack.outputs["TableName"], restored, "TableName")
    expect(refused(stack, before), [], "contracts that refuse tokens of before")
    stack.postern("user", "add", "bea", "--email", "bea@example.com", "--password-stdin", stdin=PASSWORD)
    CLIENTS["account"](stack.url, "bea").sign_in(PASSWORD)
    # The exit code 3 says that there is no such user.
    stack.postern("user", "show", "bea", "--table", table, codes=(3,))


STEPS = [stack_is_created_again, stack_moves_to_another_table]
