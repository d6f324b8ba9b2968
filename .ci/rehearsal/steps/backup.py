"""The commands of docs/backup-and-restore.md are run on the deployment.

The emulator restores the present, whatever moment is asked for. So the changes since the moment are made after the restore.
It restores nothing that was deleted, so the backup of a deleted table is not rehearsed.
"""

from clients.contracts import CLIENTS
from lib.http_client import body_of, expect, totp
from rehearsal.page import Page
from rehearsal.steps.keys import refused, tokens
from rehearsal.steps.users import PASSWORD

NEW_PASSWORD = "a password since the backup"


def keys_table_and_users_are_recovered(stack):
    """The page's commands bring back the keys and the table, end all sessions, and move users to another stack."""
    with Page(stack, "backup-and-restore.md") as page:
        page.fill_in(STACK=stack.name)
        page.run("output()")
        recover_keys(stack, page)
        restore_table(stack, page)
        move_users(stack, page)


def recover_keys(stack, page):
    before, secrets = tokens(stack), stack.client("secretsmanager")

    def value():
        return secrets.get_secret_value(SecretId=stack.outputs["SigningKeysSecretArn"])["SecretString"]

    keys = value()
    page.run("get-secret-value")
    copy = page.folder / "signing-keys"
    expect(
        (copy.read_text().strip(), copy.stat().st_mode & 0o077), (keys, 0), "the copy of the keys, and who may read it"
    )
    secrets.put_secret_value(SecretId=stack.outputs["SigningKeysSecretArn"], SecretString="another key " * 4)
    page.run("update-secret-version-stage")
    expect(value() == keys, True, "the keys are those before the change")
    secrets.delete_secret(SecretId=stack.outputs["SigningKeysSecretArn"], RecoveryWindowInDays=7)
    page.run("restore-secret")
    expect(value() == keys, True, "the keys are those before the deletion")
    secrets.delete_secret(SecretId=stack.outputs["SigningKeysSecretArn"], ForceDeleteWithoutRecovery=True)
    page.run("create-secret")
    page.run("sam deploy")
    expect(refused(stack, before), [], "contracts that refuse tokens of before with the keys of the copy")
    tokens(stack)
    publish_keys(stack, page)


def publish_keys(stack, page):
    """The key set is that of the signing keys: first in the secret that is there, then in another one."""
    added = stack.postern("keys", "rotate", "--add", "--alg", "EdDSA", "--file", page.folder / "signing-keys")
    kid, secrets = added["keys"][1]["kid"], stack.client("secretsmanager")
    text = (page.folder / "signing-keys").read_text()
    secrets.put_secret_value(SecretId=stack.outputs["SigningKeysSecretArn"], SecretString=text)
    for lost in (False, True):
        if lost:
            page.run("create-secret")
            page.run("sam deploy")
        else:
            page.run("keys publish")
            stack.replace_environments("JwksFunction")
        published = stack.call("GET", "/.well-known/jwks.json").body["keys"]
        expect([key["kid"] for key in published], [kid], "the published keys")


def restore_table(stack, page):
    tables, old = stack.client("dynamodb"), stack.outputs["TableName"]
    account = CLIENTS["account"](stack.url, "ann")
    before, (_, refresh_token) = tokens(stack), account.sign_in(PASSWORD)
    stop = page.left.pop(0)
    page.fill_in(NEW_TABLE="users-since-the-moment", MOMENT="2026-11-30T02:45:00Z")
    page.run("restore-table-to-point-in-time")
    # What happens since the moment: a refresh, the end of sessions, other tokens, a new user, a new password.
    _, rotated = account.tokens(body_of(account.refresh(refresh_token)))
    stack.postern("user", "sessions", "ann", "--end")
    expect(refused(stack, before), sorted(CLIENTS), "contracts that refuse tokens of ended sessions")
    after = tokens(stack)
    stack.postern("user", "add", "carl", "--email", "carl@example.com", "--password-stdin", stdin=PASSWORD)
    stack.postern("user", "set-password", "user9", "--password-stdin", stdin=NEW_PASSWORD)

    page.left.insert(0, stop)
    page.run("put-function-concurrency")
    expect(account.send_password(PASSWORD).status == 200, False, "a sign-in while the functions are stopped")
    page.run("update-time-to-live")
    page.run("doctor")
    checks = stack.postern("doctor", "--table", "users-since-the-moment")
    expect([check for check in checks if check["level"] != "ok"], [], "checks of the new table that are not ok")
    page.run("diff")
    since = (page.folder / "since.jsonl").read_text()
    expect([f'"{name}"' in since for name in ("ann", "carl", "user9", "user8")], [True, True, True, False], since)
    page.run("import jsonl")
    page.run("user sessions --end --all")
    page.run("sam deploy")
    expect(stack.outputs["TableName"], "users-since-the-moment", "TableName")
    page.run("delete-function-concurrency")

    for since, of in [("ended before the moment", before), ("issued since the moment", after)]:
        expect(refused(stack, of), sorted(CLIENTS), f"contracts that refuse tokens {since}")
    for token in (refresh_token, rotated):
        reply = account.refresh(token)
        expect((reply.status, reply.body), account.invalid_token, "a refresh token of before")
    tokens(stack)
    for user in ("carl", "user9", "user8"):
        CLIENTS["account"](stack.url, user).sign_in(PASSWORD)
    expect(tables.describe_table(TableName=old)["Table"]["TableStatus"], "ACTIVE", "the old table")
    page.run("user add reserved")
    expect(stack.postern("user", "add", "dora", "--no-password")["id"], 1000001, "the next id")


def move_users(stack, page):
    enrolled = stack.postern("user", "mfa", "enrol", "user7")
    codes = enrolled["recovery_codes"]
    jwt = CLIENTS["mfa"](stack.url, "ann").sign_in(PASSWORD)[0]
    page.run("export users.jsonl")
    page.fill_in(NEW_STACK="postern-anew")
    page.run("sam deploy")
    page.run("import jsonl users.jsonl")
    new = page.stacks[stack.region, "postern-anew"]
    expect(new.outputs["TableName"] == stack.outputs["TableName"], False, "the new stack has the table of the old one")
    tokens(new)
    expect(CLIENTS["mfa"](new.url, "ann").use(jwt).status, 200, "a JWT of the old stack")
    for code, status in [(totp(enrolled["secret"]), 200), (codes[0], 200), (codes[0], 401), (codes[1], 200)]:
        reply = new.call("POST", "/signin", {"username": "user7", "password": PASSWORD, "token": code})
        expect(reply.status, status, f"a sign-in with MFA: {reply.body}")
    new.delete()


STEPS = [keys_table_and_users_are_recovered]
