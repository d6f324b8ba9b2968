#!/usr/bin/env python3
"""Sends the requests of DatePoll's web client when somebody has forgotten the password, and those of its list of sessions.

    .ci/clients/datepoll.py URL POSTERN

URL is that of `cargo run`, and POSTERN the command line, which creates the users. The client sends the code as a JSON
number, because its field has `type="number"`, and its JWT in the query string.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from contracts import CLIENTS
from lib.http_client import Unexpected, body_of, call, expect, report
from lib.mailbox import LocalMailbox, digits_of

OLD, NEW = "a password that was forgotten", "a password for the time after"
SESSIONS = "/api/v1/user/myself/session"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    DatePoll(*sys.argv[1:]).run()


class DatePoll:
    def __init__(self, url, postern):
        self.url, self.postern = url, postern
        self.username = f"datepoll-{os.getpid()}"
        self.mailbox = LocalMailbox(url, f"{self.username}@example.com")
        self.client = CLIENTS["session"](url, self.username)

    def run(self):
        self.create(self.username, "--email", self.mailbox.address)
        self.sessions_are_listed_and_deleted()
        self.unknown_users()
        self.password_is_reset()

    def create(self, *arguments):
        command = [self.postern, "user", "add", *arguments, "--password-stdin", "--json"]
        subprocess.run(command, input=OLD, check=True, capture_output=True, text=True)

    def forgot(self, step, **members):
        return call(self.url, "POST", f"/api/auth/forgotPassword/{step}", {"username": self.username} | members)

    def refused(self, reply, status, error_code, msg):
        expected = {"msg": msg} | ({"error_code": error_code} if error_code else {})
        expect((reply.status, reply.body), (status, expected), "the refusal")

    def sessions_are_listed_and_deleted(self):
        phone, tablet = (self.sign_in_on(device) for device in ("Firefox - 140; OS: Android; Phone: true", "a tablet"))
        jwt, token = phone
        listed = body_of(call(self.url, "GET", f"{SESSIONS}?token={jwt}"))
        expect(listed["msg"], "List of all sessions", "the list")
        by_device = {session["information"]: session for session in listed["sessions"]}
        expect(sorted(by_device), ["Firefox - 140; OS: Android; Phone: true", "a tablet"], "the devices")
        of_tablet = by_device["a tablet"]
        action = {"href": f"{SESSIONS[1:]}/{of_tablet['id']}", "method": "DELETE"}
        expect((type(of_tablet["id"]), of_tablet["delete_session"]), (int, action), "a session")
        path = f"/{action['href']}?token={jwt}"
        deleted = body_of(call(self.url, "DELETE", path))
        expect(deleted, {"msg": "Successfully deleted session"}, "the deletion")
        again = call(self.url, "DELETE", path)
        self.refused(again, 404, "session_token_not_found", "Session token does not exist!")
        expect(self.client.refresh(tablet[1]).status, 400, "IamLoggedIn of the deleted session")
        expect(self.client.refresh(token).status, 202, "IamLoggedIn of the other session")
        (left,) = body_of(call(self.url, "GET", f"{SESSIONS}?token={jwt}"))["sessions"]
        expect(left["id"], by_device["Firefox - 140; OS: Android; Phone: true"]["id"], "the session that is left")
        report("two sessions are listed with their devices; one is deleted, and only this one is logged out")

    def sign_in_on(self, device):
        body = {"username": self.username, "password": OLD, "stay_logged_in": True, "session_information": device}
        body = body_of(call(self.url, "POST", self.client.path, body))
        return body["token"], body["session_token"]

    def unknown_users(self):
        self.refused(self.forgot("sendEmail", username="nobody-here"), 404, "unknown_username", "Unknown username")
        silent = f"{self.username}-silent"
        self.create(silent)
        no_address = "There are no email addresses for this account"
        self.refused(self.forgot("sendEmail", username=silent), 400, "no_email_addresses", no_address)
        no_code = "There was no code for a password reset requested"
        self.refused(self.forgot("checkCode", code=123456), 400, None, no_code)
        report("an unknown user, one without an e-mail address, and a code that nobody asked for are told apart")

    def password_is_reset(self):
        _, session_token = self.sign_in_on("the device of before")
        expect(body_of(self.forgot("sendEmail")), {"msg": "Sent"}, "sendEmail")
        code = int(digits_of(self.mailbox.next()))
        wrong = 100_000 + (code - 100_000 + 1) % 900_000
        self.refused(self.forgot("checkCode", code=wrong), 400, "code_incorrect", "The code is incorrect")
        right = {"msg": "Code correct", "success_code": "code_correct", "code": "code_correct"}
        expect(body_of(self.forgot("checkCode", code=code)), right, "checkCode")
        weak = self.forgot("resetPassword", code=code, new_password="short")
        problem = {"new_password": ["The new password must be at least 8 characters."]}
        expect((weak.status, weak.body), (422, problem), "a weak password")
        reset = body_of(self.forgot("resetPassword", code=code, new_password=NEW))
        expect(reset, {"msg": "Changed password successful"}, "resetPassword")
        again = self.forgot("resetPassword", code=code, new_password=NEW)
        expect(again.status, 400, "the same code once more")
        report("sendEmail, the code from the mail as a number, checkCode, and resetPassword; the code is valid once")
        expect(self.client.refresh(session_token).status, 400, "IamLoggedIn of a session of before")
        expect(self.client.send_password(OLD).status, 400, "a sign-in with the old password")
        self.client.sign_in(NEW)
        told = self.mailbox.next()
        expect(str(code) in told.text + told.html, False, "the code in the second mail")
        report(f"the sessions of before have ended, the new password signs in, and a mail says so: {told.subject!r}")


if __name__ == "__main__":
    try:
        main()
    except Unexpected as unexpected:
        sys.exit(str(unexpected))
