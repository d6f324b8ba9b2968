"""A user's life at one door: with renewals, with MFA, or with a password that has to be changed first."""

import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from contracts import Account, Email, Mfa, Session
from http_client import expect, good, saw, totp

PASSWORD, GRACE, TABS = "a password for a whole life", 30, 50


class Life:
    def __init__(self, door, options):
        self.name, self.options = door, options
        self.user = f"{door}-{os.getpid()}"
        self.doors = {kind.name: kind(options.url, self.user) for kind in [Account, Session, Mfa, Email]}
        self.door = self.doors.get(door)

    def live(self):
        {"mfa": self.with_mfa, "changer": self.with_a_new_password}.get(self.name, self.with_renewals)()

    def saw(self, what):
        saw(f"{self.name}: {what}")

    def postern(self, *arguments, typed=None):
        command = [self.options.postern, *arguments, "--json", "--endpoint-url", self.options.endpoint]
        return json.loads(subprocess.check_output([*command, "--table", "postern"], input=typed or "", text=True))

    def begin(self, *more):
        email = ["--email", f"{self.user}@example.com"]
        self.postern("user", "add", self.user, *email, *more, "--password-stdin", typed=PASSWORD)

    def sessions(self):
        return len(self.postern("user", "sessions", self.user)["sessions"])

    def with_renewals(self):
        door, renewals, pause = self.door, self.options.renewals, self.options.pause
        self.begin()
        access, first = door.sign_in(PASSWORD)
        expect(door.use(access).status, door.used, "the call")
        held = self.at_once(first)
        expect(door.which(held) != door.which(first), door.rotates, "renewed for the first time")
        for _ in range(renewals):
            access, held = self.renew_after(pause, held)
        held = self.at_once(held)
        expect(self.sessions(), 1, "sessions")
        self.saw(f"in, {renewals} renewals {pause:g} s apart, twice {TABS} at once with one successor, 1 session")
        door.leave(access, held)
        for token in {first, held}:
            self.is_refused(door.renew(token))
        expect(door.use(access).status, door.after_leaving, "the call after leaving")
        expect(self.sessions(), 0, "sessions after leaving")
        self.saw(f"out, and refused after that; to a call with the last access token {door.after_leaving}")
        if door.rotates and pause > GRACE:
            self.with_a_thief()

    def renew_after(self, pause, held):
        time.sleep(pause)
        access, renewed = self.door.pair(good(self.door.renew(held), self.door.renewed))
        rotated = self.door.which(renewed) != self.door.which(held)
        expect(rotated, self.door.rotates and pause > GRACE, f"rotated after {pause} s")
        expect(self.door.use(access).status, self.door.used, "the call with what was renewed")
        return access, renewed

    def at_once(self, held):
        """As many tabs renew the same token; all get one that is good, and the same."""
        with ThreadPoolExecutor(TABS) as tabs:
            replies = list(tabs.map(self.door.renew, [held] * TABS))
        pairs = [self.door.pair(good(reply, self.door.renewed)) for reply in replies]
        expect(len({self.door.which(renewed) for _, renewed in pairs}), 1, "successors")
        expect({self.door.use(access).status for access, _ in pairs}, {self.door.used}, "the call of each tab")
        return pairs[0][1]

    def with_a_thief(self):
        door, pause = self.door, self.options.pause
        _, first = door.sign_in(PASSWORD)
        _, stolen = door.pair(good(door.renew(first)))
        access, held = self.renew_after(pause, stolen)
        time.sleep(pause)
        _, late = door.pair(good(door.renew(stolen), door.renewed))
        expect(door.which(late), door.which(held), "the token for one whose reply may have been lost")
        _, held = door.pair(good(door.renew(held), door.renewed))
        self.is_refused(door.renew(stolen))
        self.is_refused(door.renew(held))
        expect(door.use(access).status, door.after_leaving, "the call after a theft")
        expect(self.sessions(), 0, "sessions after a theft")
        self.saw(f"a token used {pause:g} s after it was rotated gets its successor once, and then ends its session")

    def is_refused(self, reply):
        expect((reply.status, reply.body), self.door.refused, "what should be refused")

    def with_mfa(self):
        door = self.door
        self.begin()
        access, _ = door.sign_in(PASSWORD)
        secret = good(door.set(access, mfa=True))["mfa"]["secret"]
        good(door.set(access, mfa=True, secret=secret, token=totp(secret)))
        expect(door.enter(PASSWORD).body["error"], "mfaTokenRequired", "in without a code")
        expect(good(door.use(access))["account"]["mfaEnabled"], True, "MFA")
        good(door.set(access, mfa=False, password=PASSWORD, token=totp(secret, later=1)))
        expect(good(door.use(access))["account"]["mfaEnabled"], False, "MFA")
        self.saw("in, MFA on and off, whoami by the same token throughout")
        self.postern("user", "sessions", self.user, "--end")
        self.is_refused(door.use(access))
        access, _ = door.sign_in(PASSWORD)
        self.postern("user", "disable", self.user)
        disabled = door.use(access).status
        expect(disabled in (401, 403), True, f"whoami of a disabled user: {disabled}")
        self.saw(f"refused when the operator had ended all sessions, 401, and disabled the user, {disabled}")

    def with_a_new_password(self):
        new, change = "another password for life", self.doors["session"].change
        self.begin("--must-change-password")
        for door in self.doors.values():
            reply = door.enter(PASSWORD)
            status, word = door.must_change
            expect((reply.status, word in json.dumps(reply.body)), (status, True), reply.body)
        self.saw("told to change the password at each door")
        for weak, of in [("short", "must be at least 8 characters."), ("password1", "is too common.")]:
            expect(change(PASSWORD, weak), (422, {"new_password": [f"The new password {of}"]}), weak)
        expect(change(PASSWORD, PASSWORD)[0], 422, "the old one again")
        status, body = change("wrong", new)
        expect((status, body["error_code"]), (400, "username_or_password_incorrect"), "a wrong old one")
        status, body = change(PASSWORD, new)
        expect((status, sorted(body)), (200, ["session_token", "token"]), "the change")
        good(self.doors["session"].renew(body["session_token"]), 202)
        status, body = change(new, "yet another password")
        expect((status, body["error_code"]), (400, "no_password_change_needed_for_user"), "once more")
        self.saw("a weak, the same and a wrong password are refused, a good one signs in")
        for door in self.doors.values():
            good(door.enter(new))
            expect(door.enter(PASSWORD).status, door.wrong, f"{door.name} with the old password")
        self.saw("in at each door with the new password, and not with the old")
