"""The signing keys are rotated while clients sign in."""

import base64
import json
import threading

from clients.contracts import CLIENTS
from lib.http_client import Unexpected, expect
from rehearsal.steps.users import PASSWORD

REFUSED = 4  # `postern`'s exit code


def keys_are_rotated(stack):
    """Keys become ES256 and HS256 again, and no sign-in fails meanwhile; tokens stay valid until their key is removed."""
    old = tokens(stack)
    expect(algorithms(old), {"HS256"}, "the algorithm of a generated secret")
    with SignIns(stack) as sign_ins:
        new_key = stack.postern("keys", "rotate", "--add", "--alg", "ES256")["keys"][1]["kid"]
        early = stack.postern("keys", "rotate", "--promote", new_key, codes=(0, REFUSED))
        expect("--force" in early, True, f"a promotion before ten minutes is refused: {early}")
        sign_ins.after_five_minutes()
        stack.postern("keys", "rotate", "--promote", new_key, "--force")
        sign_ins.after_five_minutes()
        es256 = tokens(stack)
        expect(algorithms(es256), {"ES256"}, "the algorithm of new tokens")
        published = stack.call("GET", "/.well-known/jwks.json").body["keys"]
        expect([key["kid"] for key in published], [new_key], "the published keys")
        expect(refused(stack, old), [], "contracts that refuse tokens of before")
        stack.postern("keys", "rotate", "--promote", "none", "--force")
        sign_ins.after_five_minutes()
        expect(algorithms(tokens(stack)), {"HS256"}, "the algorithm of new tokens")
        expect(refused(stack, es256), [], "contracts that refuse ES256 while its key is there")
        stack.postern("keys", "rotate", "--retire", new_key)
        sign_ins.after_five_minutes()
    expect(refused(stack, es256), sorted(CLIENTS), "contracts that refuse tokens of a removed key")
    expect(refused(stack, old), [], "contracts that refuse tokens of before")


def tokens(stack):
    """Signs in at each contract. Returns the access tokens."""
    return {name: client(stack.url, "ann").sign_in(PASSWORD)[0] for name, client in CLIENTS.items()}


def algorithms(of):
    headers = [token.split(".")[0] for token in of.values()]
    return {json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["alg"] for header in headers}


def refused(stack, of):
    """The contracts whose route for access tokens refuses these."""
    used = {name: client(stack.url, "ann").use(of[name]).status for name, client in CLIENTS.items()}
    return sorted(name for name, status in used.items() if status != CLIENTS[name].called)


class SignIns:
    """A client that signs in at one contract after the other, and uses each token, until the `with` block ends."""

    def __init__(self, stack):
        self.stack, self.problem, self.rounds = stack, None, 0
        self.sending, self.ended = threading.Lock(), threading.Event()
        self.thread = threading.Thread(target=self.sign_in, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def sign_in(self):
        while not self.ended.is_set() and not self.problem:
            try:
                for client in CLIENTS.values():
                    with self.sending:
                        token = client(self.stack.url, "ann").sign_in(PASSWORD)[0]
                        expect(
                            client(self.stack.url, "ann").use(token).status, client.called, f"{client.name}: the call"
                        )
                self.rounds += 1
            except Exception as problem:
                self.problem = problem

    def after_five_minutes(self):
        """Makes every function read the keys, as it does after five minutes, by replacing its environment.

        Half of the functions come first, with sign-ins between: in a deployment too, they read at different times.
        """
        functions = self.stack.functions()
        for half in (functions[::2], functions[1::2]):
            # The emulator kills a replaced environment in the middle of a request. AWS lets the request finish.
            with self.sending:
                for function in half:
                    self.stack.replace_environments(function)
            self.next_round()

    def next_round(self):
        """Waits for a whole round: the present one has begun before."""
        before = self.rounds
        while self.rounds < before + 2 and not self.problem:
            self.ended.wait(0.02)
        if self.problem:
            raise Unexpected(f"a sign-in failed: {self.problem}")

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


STEPS = [keys_are_rotated]
