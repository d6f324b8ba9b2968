"""The commands of docs/standby-region.md are run on the deployment.

The emulator replicates each write at once, and conflicts never arise. It has no metric `ReplicationLatency`, does not take
the replica of a secret away, and sends no name of a host to an API.
"""

from clients.contracts import CLIENTS
from lib.http_client import body_of, expect
from rehearsal.page import Page
from rehearsal.steps.keys import refused, tokens
from rehearsal.steps.users import PASSWORD

STANDBY = "eu-west-1"


def standby_takes_over(stack):
    """The page's commands make a standby in another Region, fail over to it and back, and take it away."""
    with Page(stack, "standby-region.md") as page:
        page.fill_in(STACK=stack.name, HOME_REGION=stack.region, STANDBY=STANDBY)
        page.run("output()")
        page.run("replica-updates")
        page.run("sam deploy")
        standby = page.stacks[STANDBY, stack.name]
        page.run('stop "$STANDBY"')
        expect(signs_in(standby), False, "a sign-in at the standby while its functions are stopped")
        page.run("doctor")
        checks = standby.postern("doctor")
        expect([check for check in checks if check["level"] != "ok"], [], "checks of the standby that are not ok")

        before, refresh_token = tokens(stack), CLIENTS["account"](stack.url, "ann").sign_in(PASSWORD)[1]
        page.run('stop "$HOME_REGION"')
        page.run('start "$STANDBY"')
        expect((signs_in(stack), signs_in(standby)), (False, True), "sign-ins at home and at the standby")
        expect(refused(standby, before), [], "contracts of the standby that refuse tokens of home")
        account = CLIENTS["account"](standby.url, "ann")
        _, refresh_token = account.tokens(body_of(account.refresh(refresh_token)))
        standby.postern("user", "add", "eve", "--email", "eve@example.com", "--password-stdin", stdin=PASSWORD)
        between = tokens(standby)

        page.run('stop "$STANDBY"')
        page.run('start "$HOME_REGION"')
        expect((signs_in(stack), signs_in(standby)), (True, False), "sign-ins at home and at the standby")
        expect(refused(stack, before | between), [], "contracts of home that refuse tokens of the standby")
        body_of(CLIENTS["account"](stack.url, "ann").refresh(refresh_token))
        CLIENTS["account"](stack.url, "eve").sign_in(PASSWORD)

        page.run("delete-stack")
        page.skip("remove-regions-from-replication")
        tables = standby.client("dynamodb").list_tables()["TableNames"]
        expect(stack.outputs["TableName"] in tables, False, "the replica is there")
        tokens(stack)


def signs_in(stack):
    return CLIENTS["account"](stack.url, "ann").send_password(PASSWORD).status == 200


STEPS = [standby_takes_over]
