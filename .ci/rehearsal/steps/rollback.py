"""The functions of the previous release run over today's table."""

from clients.contracts import CLIENTS
from lib.http_client import body_of, expect
from rehearsal.steps.users import PASSWORD


def release_before_takes_over(stack):
    """The functions of the previous release accept today's users and sessions, and today's accept theirs.

    Locks of the previous release hold after `postern table upgrade`. The previous release may count failures elsewhere.
    So it need not see today's locks, and docs/operating.md says so.
    """
    stack.update(ThrottleLockAfter=3)
    before = sign_in(stack)
    stack.update(binaries=stack.options.previous)
    before = goes_on(stack, before)
    meanwhile = sign_in(stack)
    lock(stack, "user6")
    stack.update()
    stack.postern("table", "upgrade")
    goes_on(stack, before)
    goes_on(stack, meanwhile)
    is_locked(stack, "user6")


def sign_in(stack):
    """Signs in at each contract. Returns the client and its tokens."""
    clients = {name: client(stack.url, "ann") for name, client in CLIENTS.items()}
    return {name: (client, *client.sign_in(PASSWORD)) for name, client in clients.items()}


def goes_on(stack, signed_in):
    """Uses the tokens of each contract, and refreshes the session where there is one. Returns the new tokens."""
    refreshed = {}
    for name, (client, access, refresh) in signed_in.items():
        expect(client.use(access).status, client.called, f"{name}: the call with a token of the other release")
        if refresh:
            access, refresh = client.tokens(body_of(client.refresh(refresh), client.refreshed))
        refreshed[name] = (client, access, refresh)
    return refreshed


def lock(stack, username):
    client = CLIENTS["account"](stack.url, username)
    for _ in range(3):
        expect(client.send_password("wrong").status, 401, f"a wrong password of {username}")


def is_locked(stack, username):
    expect(CLIENTS["account"](stack.url, username).send_password(PASSWORD).status, 429, f"the locked name {username}")


STEPS = [release_before_takes_over]
