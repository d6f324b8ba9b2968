#!/usr/bin/env python3
"""Follows sessions over HTTP from the sign-in to the end: calls, refreshes, MFA, a forced password change, the sign-out.
What is no longer valid must be refused.

    .ci/clients/session_lifecycle.py URL POSTERN [--refreshes N] [--pause SECONDS] [--tabs N] [CASE ...]

URL is where the contracts are, and POSTERN the command line, which creates the users and counts their sessions. The
environment names the table, as it does for POSTERN. A case is a contract, `my_sessions` or `password_change`. A refresh token that is
younger than 30 seconds stays as it is, so that refreshes rotate only with a longer pause. With one, a stolen token is
tried too.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from contracts import CLIENTS
from lib.http_client import Unexpected, body_of, expect, report, totp

PASSWORD, GRACE_SECONDS = "a password for a session", 30


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["url", "postern"]:
        parser.add_argument(name)
    parser.add_argument("--refreshes", type=int, default=10)
    parser.add_argument("--pause", type=float, default=0)
    parser.add_argument("--tabs", type=int, default=50)
    parser.add_argument("cases", nargs="*", default=[*CLIENTS, "my_sessions", "password_change"])
    options = parser.parse_intermixed_args()
    # With pauses, the cases run at the same time.
    with ThreadPoolExecutor(len(options.cases) if options.pause else 1) as pool:
        for case in [pool.submit(Lifecycle(case, options).run) for case in options.cases]:
            case.result()


class Lifecycle:
    """A user of its own, and what this user does."""

    def __init__(self, case, options):
        self.case, self.options = case, options
        self.username = f"{case.replace('_', '-')}-{os.getpid()}"
        self.clients = {name: client(options.url, self.username) for name, client in CLIENTS.items()}
        self.client = self.clients.get(case)

    def run(self):
        cases = {
            "mfa": self.mfa_on_and_off,
            "my_sessions": self.my_sessions,
            "password_change": self.forced_password_change,
        }
        cases.get(self.case, self.refreshes)()

    def report(self, what):
        report(f"{self.case}: {what}")

    def postern(self, *arguments, stdin=""):
        command = [self.options.postern, *arguments, "--json"]
        return json.loads(subprocess.check_output(command, input=stdin, text=True))

    def create_user(self, *options):
        email = ["--email", f"{self.username}@example.com"]
        self.postern("user", "add", self.username, *email, *options, "--password-stdin", stdin=PASSWORD)

    def sessions(self):
        return len(self.postern("user", "sessions", self.username)["sessions"])

    def refreshes(self):
        client, refreshes, pause = self.client, self.options.refreshes, self.options.pause
        self.create_user()
        access, first = client.sign_in(PASSWORD)
        expect(client.use(access).status, client.called, "the call")
        refresh = self.refresh_in_all_tabs(first)
        expect(client.identity(refresh) != client.identity(first), client.rotates, "rotated by the first refresh")
        for _ in range(refreshes):
            access, refresh = self.refresh_after(pause, refresh)
        refresh = self.refresh_in_all_tabs(refresh)
        expect(self.sessions(), 1, "sessions")
        self.report(
            f"{refreshes} refreshes {pause:g} s apart, two by {self.options.tabs} tabs at once with one successor, 1 session"
        )
        client.sign_out(access, refresh)
        for token in {first, refresh}:
            self.is_refused(client.refresh(token))
        expect(client.use(access).status, client.called_after_sign_out, "the call after the sign-out")
        expect(self.sessions(), 0, "sessions after the sign-out")
        status = client.called_after_sign_out
        self.report(f"after the sign-out, no refresh; a call with the last access token gets {status}")
        if client.rotates and pause > GRACE_SECONDS:
            self.stolen_refresh_token()

    def refresh_after(self, pause, token):
        time.sleep(pause)
        access, refresh = self.client.tokens(body_of(self.client.refresh(token), self.client.refreshed))
        rotated = self.client.identity(refresh) != self.client.identity(token)
        expect(rotated, self.client.rotates and pause > GRACE_SECONDS, f"rotated after {pause} s")
        expect(self.client.use(access).status, self.client.called, "the call with the new access token")
        return access, refresh

    def refresh_in_all_tabs(self, token):
        """All tabs refresh the same token at once. Each must get the same successor, and a valid access token."""
        tabs = self.options.tabs
        with ThreadPoolExecutor(tabs) as pool:
            replies = list(pool.map(self.client.refresh, [token] * tabs))
        pairs = [self.client.tokens(body_of(reply, self.client.refreshed)) for reply in replies]
        expect(len({self.client.identity(refresh) for _, refresh in pairs}), 1, "successors")
        expect({self.client.use(access).status for access, _ in pairs}, {self.client.called}, "the call of each tab")
        return pairs[0][1]

    def stolen_refresh_token(self):
        """An old token gets its successor once, as after a lost reply. The second time it ends the session."""
        client, pause = self.client, self.options.pause
        _, first = client.sign_in(PASSWORD)
        _, stolen = client.tokens(body_of(client.refresh(first)))
        access, refresh = self.refresh_after(pause, stolen)
        time.sleep(pause)
        _, late = client.tokens(body_of(client.refresh(stolen), client.refreshed))
        expect(client.identity(late), client.identity(refresh), "the successor after a lost reply")
        _, refresh = client.tokens(body_of(client.refresh(refresh), client.refreshed))
        self.is_refused(client.refresh(stolen))
        self.is_refused(client.refresh(refresh))
        expect(client.use(access).status, client.called_after_sign_out, "the call after the theft")
        expect(self.sessions(), 0, "sessions after the theft")
        self.report(f"a token used {pause:g} s after its rotation gets its successor once, and then ends its session")

    def is_refused(self, reply):
        expect((reply.status, reply.body), self.client.invalid_token, "the reply to an invalid token")

    def mfa_on_and_off(self):
        client = self.client
        self.create_user()
        jwt, _ = client.sign_in(PASSWORD)
        secret = body_of(client.set_mfa(jwt, mfa=True))["mfa"]["secret"]
        body_of(client.set_mfa(jwt, mfa=True, secret=secret, token=totp(secret)))
        expect(client.send_password(PASSWORD).body["error"], "mfaTokenRequired", "a sign-in without a code")
        expect(body_of(client.use(jwt))["account"]["mfaEnabled"], True, "MFA")
        body_of(client.set_mfa(jwt, mfa=False, password=PASSWORD, token=totp(secret, steps_later=1)))
        expect(body_of(client.use(jwt))["account"]["mfaEnabled"], False, "MFA")
        self.report("MFA on and off, whoami with the same JWT before and after")
        self.postern("user", "sessions", self.username, "--end")
        self.is_refused(client.use(jwt))
        jwt, _ = client.sign_in(PASSWORD)
        self.postern("user", "disable", self.username)
        disabled = client.use(jwt).status
        expect(disabled in (401, 403), True, f"whoami of a disabled user: {disabled}")
        self.report(f"401 after the operator ended all sessions, {disabled} after the operator disabled the user")

    def my_sessions(self):
        client = self.clients["session"]
        self.create_user()
        jwt, kept = client.sign_in(PASSWORD)
        _, lost = client.sign_in(PASSWORD)
        body_of(client.refresh(kept), client.refreshed)
        listed = body_of(client.list_sessions(jwt))
        expect(listed["msg"], "List of all sessions", "the list")
        numbers = [session["id"] for session in listed["sessions"]]
        expect(len(numbers), 2, "listed sessions")
        for session in listed["sessions"]:
            # The page makes `new Session(session.id, session.information, …)` of it.
            expect(type(session["id"]) is int and session["id"] == int(float(session["id"])), True, "a safe integer")
            expect(session["information"], "a check", "the label")
            expect(datetime.strptime(session["last_used"], "%Y-%m-%dT%H:%M:%S.%fZ").year > 2000, True, "the last use")
            action = {"href": f"{client.sessions_path[1:]}/{session['id']}", "method": "DELETE"}
            expect(session["delete_session"], action, "the action")
        # The list ends with the session that was used last, so the lost one is first.
        deleted = body_of(client.delete_session(jwt, numbers[0]))
        expect(deleted, {"msg": "Successfully deleted session"}, "the end of a session")
        reply = client.refresh(lost)
        expect((reply.status, reply.body), client.invalid_token, "IamLoggedIn of the deleted session")
        body_of(client.refresh(kept), client.refreshed)
        again = client.delete_session(jwt, numbers[0])
        expect((again.status, again.body["error_code"]), (404, "session_token_not_found"), "a second end")
        left = [session["id"] for session in body_of(client.list_sessions(jwt))["sessions"]]
        expect(left, numbers[1:], "the list after the end")
        expect(self.sessions(), 1, "sessions")
        self.report("two sessions listed in the order of their use; one deleted, whose IamLoggedIn is refused")

    def forced_password_change(self):
        new, change = "another password for a session", self.clients["session"].change_password
        self.create_user("--must-change-password")
        for client in self.clients.values():
            reply = client.send_password(PASSWORD)
            status, word = client.must_change_password
            expect((reply.status, word in json.dumps(reply.body)), (status, True), reply.body)
        self.report("each contract asks for a new password")
        for weak, problem in [("short", "must be at least 8 characters."), ("password1", "is too common.")]:
            expect(change(PASSWORD, weak), (422, {"new_password": [f"The new password {problem}"]}), weak)
        expect(change(PASSWORD, PASSWORD)[0], 422, "the old password as the new one")
        status, body = change("wrong", new)
        expect((status, body["error_code"]), (400, "username_or_password_incorrect"), "a wrong old password")
        status, body = change(PASSWORD, new)
        expect((status, sorted(body)), (200, ["session_token", "token"]), "the change")
        body_of(self.clients["session"].refresh(body["session_token"]), 202)
        status, body = change(new, "a third password")
        expect((status, body["error_code"]), (400, "no_password_change_needed_for_user"), "a second change")
        self.report("a weak, the same and a wrong password are refused; a good one signs in")
        for client in self.clients.values():
            body_of(client.send_password(new))
            expect(client.send_password(PASSWORD).status, client.wrong_password, f"{client.name} with the old password")
        self.report("the new password signs in at each contract, the old one at none")


if __name__ == "__main__":
    try:
        main()
    except Unexpected as unexpected:
        sys.exit(str(unexpected))
