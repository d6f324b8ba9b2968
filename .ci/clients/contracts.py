"""The doors as a client of each sees them: its requests, and the words that it waits for."""

import base64
import json

from http_client import call, expect, good


class Door:
    # What a renewal and a call answer, and a call after leaving; what a wrong password does.
    renewed, used, after_leaving, wrong = 200, 200, 401, 401
    rotates = True

    def __init__(self, url, user):
        self.url, self.user = url, user

    def post(self, path, body=None, token=None):
        return call(self.url, "POST", path, body, token)

    def enter(self, password):
        return self.post(self.path, {"username": self.user, "password": password})

    def sign_in(self, password):
        return self.pair(good(self.enter(password)))

    def which(self, held):
        """What tells one token to hold on to from another."""
        return held


class Account(Door):
    name, path = "account", "/api/v2/account/signin/"
    refused, must_change = (400, {"error": "invalid_grant"}), (403, "password_change_required")

    def pair(self, body):
        """The token to call with, and the one to hold on to, of a sign-in or a renewal."""
        body = body.get("token", body)
        return body["access_token"], body["refresh_token"]

    def renew(self, held):
        form = [("grant_type", "refresh_token"), ("refresh_token", held), ("client_id", "postern")]
        return self.post("/oauth/token/", form)

    def use(self, access):
        return self.post("/api/v2/sso/signin/", token=access)

    def leave(self, access, held):
        expect(good(self.post("/oauth/revoke_token/", [("token", held), ("client_id", "postern")])), {}, "revoked")
        expect(good(self.post("/oauth/revoke_token/", [("token", held)])), {}, "revoked again")


class Session(Door):
    name, path, wrong, rotates = "session", "/api/auth/signin", 400, False
    # Its JWT opens nothing but the way out, which says 404 to a session that it does not know, and lives its hour out.
    renewed, used, after_leaving = 202, 404, 404
    refused = (400, {"msg": "You have been logged out of this session or this session token is incorrect",
                     "error_code": "session_token_incorrect"})
    must_change = (400, "change_password")
    way_out = "/api/v1/user/myself/session/logoutCurrentSession"

    def enter(self, password):
        stay = {"session_information": "a life", "stay_logged_in": True}
        return self.post(self.path, {"username": self.user, "password": password} | stay)

    def pair(self, body):
        self.held = body.get("session_token") or self.held
        return body["token"], self.held

    def renew(self, held):
        return self.post("/api/auth/IamLoggedIn", {"session_token": held, "session_information": "a life"})

    def use(self, access):
        return self.post(self.way_out, {"session_token": "another"}, access)

    def leave(self, access, held):
        said = good(self.post(f"{self.way_out}?token={access}", {"session_token": held}))
        expect(said, {"msg": "Successfully logged out and deleted session"}, "the way out")
        again = self.post(f"{self.way_out}?token={access}", {"session_token": held})
        expect((again.status, again.body["error_code"]), (404, "session_token_incorrect"), "out again")

    def change(self, old, new):
        body = {"username": self.user, "old_password": old, "new_password": new, "stay_logged_in": True}
        reply = self.post("/api/auth/changePasswordAfterSignin", body)
        return reply.status, reply.body


class Mfa(Door):
    name, path = "mfa", "/signin"
    refused, must_change = (401, {"result": "error", "error": "authenticationFailed"}), (403, "passwordChangeRequired")

    def pair(self, body):
        return body["token"], None

    def use(self, access):
        return call(self.url, "GET", "/whoami/jwt", token=access)

    def set(self, access, **wish):
        return self.post("/account/mfa/jwt", wish, access)


class Email(Door):
    name, path, wrong = "email", "/api/sign-in/", 400
    # An access token lives its few minutes out.
    after_leaving = 200
    refused = (401, {"detail": "Token is invalid or expired", "code": "token_not_valid"})
    must_change = (403, "Password change required.")

    def enter(self, password):
        return self.post(self.path, {"email": f"{self.user}@example.com", "password": password})

    def pair(self, body):
        return body["access"], body["refresh"]

    def renew(self, held):
        return self.post("/api/token/refresh/", {"refresh": held})

    def use(self, access):
        return call(self.url, "GET", "/api/profile/", token=access)

    def leave(self, access, held):
        expect(good(self.post("/api/token/blacklist/", {"refresh": held})), {}, "blacklisted")
        again = self.post("/api/token/blacklist/", {"refresh": held})
        expect((again.status, again.body), self.refused, "blacklisted again")

    def which(self, held):
        claims = held.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"]
